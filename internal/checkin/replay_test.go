package checkin_test

import (
	"fmt"
	"testing"
	"time"

	"wanjia/api"
	"wanjia/internal/checkin"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
)

// A phone in a village without a network saves what it did, and sends all of it again and again once there is one: as
// often as it likes, in any order, until long after the codes are over.
func TestOfflineCheckInsReplayOneByOneForEver(t *testing.T) { // CI4, K1, Q8
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		code := x.code(t)
		x.move(6 * time.Hour)
		at := func(after time.Duration) time.Time { return wednesday.Add(after) }
		saved := []checkin.Attempt{
			{Kind: checkin.PlaceCode, Code: code.QR, Offline: true, HappenedAt: at(7 * time.Second), ClientRef: "scan"},
			{Kind: checkin.PlaceCode, Code: code.QR, Offline: true, HappenedAt: at(9 * time.Second), ClientRef: "scan again"},
			{Kind: checkin.PlaceCode, PlaceID: x.place, Short: code.Short, Offline: true, HappenedAt: at(60 * time.Second), ClientRef: "typed"},
			{Kind: checkin.Counterpart, UnitID: x.Xingwu.Unit.ID, Offline: true, HappenedAt: at(2 * time.Hour), ClientRef: "claim"},
		}
		first := map[string]checkin.Presence{}
		for _, a := range saved {
			p, err := x.service.Record(t.Context(), x.YaoMangzhong, a)
			if err != nil || p.Replayed || p.State != checkin.Confirmed {
				t.Fatalf("%s: %+v, %v", a.ClientRef, p, err)
			}
			first[a.ClientRef] = p
		}
		wrote := fmt.Sprint(count(t, d, "presence"), count(t, d, "presence_evidence"), count(t, d, "code_redemption"), count(t, d, "audit"), count(t, d, "inbox"))
		for _, later := range []time.Duration{0, time.Minute, 80 * time.Hour, 40 * 24 * time.Hour} {
			x.move(later)
			if later > time.Hour && later < 100*time.Hour {
				if err := x.service.EndPlace(t.Context(), x.FengShuangjiang, x.place); err != nil {
					t.Fatal(err)
				}
				wrote = fmt.Sprint(count(t, d, "presence"), count(t, d, "presence_evidence"), count(t, d, "code_redemption"), count(t, d, "audit"), count(t, d, "inbox"))
			}
			for i := range saved {
				a := saved[len(saved)-1-i]
				p, err := x.service.Record(t.Context(), x.YaoMangzhong, a)
				if want := first[a.ClientRef]; err != nil || !p.Replayed || p.ID != want.ID || p.Day != want.Day || !p.HappenedAt.Equal(want.HappenedAt) || !p.RecordedAt.Equal(want.RecordedAt) {
					t.Errorf("%s, %v later: %+v, %v; want %+v", a.ClientRef, later, p, err, want)
				}
			}
		}
		if got := fmt.Sprint(count(t, d, "presence"), count(t, d, "presence_evidence"), count(t, d, "code_redemption"), count(t, d, "audit"), count(t, d, "inbox")); got != wrote {
			t.Errorf("the repetitions wrote: %s rows before, %s after", wrote, got)
		}
		_, evidence, err := x.service.Find(t.Context(), x.YaoMangzhong, first["scan"].ID)
		if err != nil || len(evidence) != len(saved) {
			t.Fatalf("%d proofs, %v; want %d", len(evidence), err, len(saved))
		}
		for i, e := range evidence {
			if !e.HappenedAt.Equal(saved[i].HappenedAt) || !e.RecordedAt.Equal(at(6*time.Hour)) || !e.Offline || e.ClockUntrusted {
				t.Errorf("%s: happened %v, recorded %v, offline %v; want the phone's time %v and ours", e.ClientRef, e.HappenedAt, e.RecordedAt, e.Offline, saved[i].HappenedAt)
			}
		}
	})
}

func TestAClientRefIsOneProofOfOnePerson(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		qr := x.code(t).QR
		p, err := x.scan(t, x.YaoMangzhong, qr, "a", false, x.now)
		if err != nil {
			t.Fatal(err)
		}
		_, err = x.service.Record(t.Context(), x.YaoMangzhong, checkin.Attempt{Kind: checkin.Counterpart, UnitID: x.Xingwu.Unit.ID, HappenedAt: x.now, ClientRef: "a"})
		wants(t, "the same clientRef for a claim", err, problem.ErrKeyReused)
		q, err := x.scan(t, x.YiPian, qr, "a", false, x.now)
		if err != nil || q.ID == p.ID || q.Replayed {
			t.Errorf("another person's: %+v, %v", q, err)
		}
		if again, err := x.scan(t, x.YaoOfficer, qr, "a", false, x.now); err != nil || again.ID != p.ID || !again.Replayed {
			t.Errorf("the same person in another role: %+v, %v", again, err)
		}
		if n := count(t, d, "presence_evidence"); n != 2 {
			t.Errorf("%d proofs, want 2", n)
		}
	})
}

func TestAClaimsTimeIsThePhonesWhileItCanBeBelieved(t *testing.T) { // K1, X12
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		x.move(5 * 24 * time.Hour)
		for i, c := range []struct {
			what            string
			phone           time.Duration
			offline         bool
			reason          string
			want            error
			untrusted, late bool
		}{
			{what: "now"},
			{what: "2 minutes ahead", phone: 2 * time.Minute},
			{what: "more than 2 minutes ahead", phone: 2*time.Minute + time.Millisecond, untrusted: true},
			{what: "a day ahead", phone: 24 * time.Hour, untrusted: true},
			{what: "70 hours ago, offline", phone: -70 * time.Hour, offline: true},
			{what: "72 hours ago, offline", phone: -72 * time.Hour, offline: true},
			{what: "longer ago, offline and without a reason", phone: -72*time.Hour - time.Millisecond, offline: true, want: checkin.ErrReasonMissing},
			{what: "longer ago, with a reason", phone: -4 * 24 * time.Hour, offline: true, reason: "村里没有信号", late: true},
			{what: "yesterday, online, with a reason", phone: -24 * time.Hour, reason: "忘记登记", late: true},
			{what: "8 days ago", phone: -8 * 24 * time.Hour, offline: true, reason: "忘记登记", want: checkin.ErrTooLate},
		} {
			p, err := x.service.Record(t.Context(), x.YaoMangzhong, checkin.Attempt{
				Kind: checkin.Counterpart, UnitID: x.Xingwu.Unit.ID, HappenedAt: x.now.Add(c.phone), Offline: c.offline, Reason: c.reason, ClientRef: fmt.Sprint(i),
			})
			wants(t, c.what, err, c.want)
			if err != nil {
				continue
			}
			_, evidence, err := x.service.Find(t.Context(), x.YaoMangzhong, p.ID)
			if err != nil {
				t.Fatal(err)
			}
			happened := x.now.Add(c.phone)
			if c.untrusted {
				happened = x.now
			}
			if e := evidence[len(evidence)-1]; e.ClockUntrusted != c.untrusted || e.Late != c.late || !e.HappenedAt.Equal(happened) || !e.RecordedAt.Equal(x.now) {
				t.Errorf("%s: %+v; want %v, untrusted %v, late %v", c.what, e, happened, c.untrusted, c.late)
			}
		}
	})
}

func TestADeploymentMayTakeLateEntriesForAShorterTime(t *testing.T) { // checkin.late_entry
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		x.move(5 * 24 * time.Hour)
		late := func(s *checkin.Service, days int) error {
			_, err := s.Record(t.Context(), x.YaoMangzhong, checkin.Attempt{
				Kind: checkin.Counterpart, UnitID: x.Xingwu.Unit.ID, HappenedAt: x.now.AddDate(0, 0, -days), Reason: "忘记登记", ClientRef: fmt.Sprint("late", days),
			})
			return err
		}
		s := x.service.TakingLate(72 * time.Hour)
		if err := late(s, 3); err != nil {
			t.Errorf("3 days late, of 3: %v", err)
		}
		wants(t, "4 days late, of 3", late(s, 4), checkin.ErrTooLate)
		wants(t, "a day late, of none", late(x.service.TakingLate(0), 1), checkin.ErrTooLate)
	})
}

func TestQ3_AClockThatGoesBackGivesNoUsedCodeBack(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		qr := x.code(t).QR
		x.move(2 * time.Hour)
		if _, err := x.scan(t, x.YaoMangzhong, qr, "late", true, wednesday); err != nil {
			t.Fatal(err)
		}
		x.move(-time.Hour) // the server's clock, not that of the world
		_, err := x.scan(t, x.YiPian, qr, "late", true, wednesday)
		wants(t, "a late code that another used", err, checkin.ErrCodeUsed)
		x.move(-time.Hour) // its step has come again
		p, err := x.scan(t, x.YaoMangzhong, qr, "live", false, x.now)
		if err != nil || count(t, d, "code_redemption") != 1 || count(t, d, "presence") != 1 {
			t.Errorf("used again by the same person: %+v, %v, %d redemptions of %d records", p, err, count(t, d, "code_redemption"), count(t, d, "presence"))
		}
		x.move(-24 * time.Hour)
		_, err = x.scan(t, x.YaoMangzhong, qr, "yesterday", false, x.now)
		wants(t, "on the day before", err, checkin.ErrCodeEarly)
		if n := count(t, d, "presence"); n != 1 {
			t.Errorf("%d records of one code, want 1", n)
		}
	})
}

func TestOneCodeIsOneDayAlsoAtMidnight(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		x.move(14*time.Hour + 39*time.Minute + 45*time.Second) // 23:59:45
		qr := x.code(t).QR
		x.move(10 * time.Second)
		first, err := x.scan(t, x.YaoMangzhong, qr, "a", false, x.now)
		if err != nil {
			t.Fatal(err)
		}
		x.move(10 * time.Second) // 0:00:05
		second, err := x.scan(t, x.YaoMangzhong, qr, "b", false, x.now)
		if err != nil || second.ID != first.ID || second.Day != "2026-05-13" || count(t, d, "presence") != 1 {
			t.Errorf("before midnight %+v, after %+v, %v; want the one day of the code", first, second, err)
		}
	})
}

func TestTheHostsListOfWhatToLookAtHoldsTheFlaggedAndNobodyElse(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		h := x.handler(t)
		flagged, err := x.scan(t, x.YaoMangzhong, x.code(t).QR, "a", false, x.now)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.scan(t, x.YiPian, x.code(t).QR, "a", false, x.now); err != nil {
			t.Fatal(err)
		}
		err = d.InTx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Change(t.Context(), `UPDATE presence_evidence SET apart = ? WHERE presence_id = ?`, true, flagged.ID)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		list := func(by org.Actor) ([]api.Presence, error) {
			got, err := h.ListPresence(as(t, by), api.ListPresenceRequestObject{Params: api.ListPresenceParams{Which: new(api.ListPresenceParamsWhichApart)}})
			if err != nil {
				return nil, err
			}
			return got.(api.ListPresence200JSONResponse).Items, nil
		}
		if got, err := list(x.FengShuangjiang); err != nil || len(got) != 1 || got[0].ID != int64(flagged.ID) || got[0].PersonName == nil {
			t.Errorf("the host is to look at %+v, %v", got, err)
		}
		if got, err := list(x.ZhengXiaoxue); err != nil || len(got) != 0 {
			t.Errorf("the next village's host is to look at %+v, %v", got, err)
		}
		_, err = list(x.XingwuMember)
		wants(t, "a member asks", err, problem.ErrForbidden)
		x.move(7*24*time.Hour + time.Millisecond)
		if got, err := list(x.FengShuangjiang); err != nil || len(got) != 0 {
			t.Errorf("after a week there are still %+v, %v", got, err)
		}
	})
}
