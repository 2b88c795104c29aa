package checkin_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/checkin"
	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/kv/kvtest"
	"wanjia/internal/platform/limit"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
)

// wednesday is Wed 2026-05-13 09:20:00 in Shanghai, the beginning of a step.
var wednesday = time.Date(2026, 5, 13, 1, 20, 0, 0, time.UTC)

type fixture struct {
	*orgtest.World
	service *checkin.Service
	place   checkin.PlaceID
	mu      sync.Mutex
	now     time.Time
}

func (x *fixture) move(d time.Duration) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.now = x.now.Add(d)
}

func each(t *testing.T, f func(t *testing.T, d *db.DB, x *fixture)) {
	t.Helper()
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := &fixture{now: wednesday}
		dbtest.WithClock(t, d, func() time.Time {
			x.mu.Lock()
			defer x.mu.Unlock()
			return x.now
		})
		keys, err := sealed.Open(t.Context(), d, make([]byte, 32))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := audit.Open(t.Context(), d, make([]byte, 32)); err != nil {
			t.Fatal(err)
		}
		x.World = orgtest.Tree(t, d)
		x.service = checkin.NewService(d, checkin.SealedKeys(keys), limit.New(kvtest.New(t), d.Now, func() int { return 1 }))
		p, err := x.service.AddPlace(t.Context(), x.FengShuangjiang, checkin.Place{UnitID: x.Xingwu.Unit.ID, Kind: "meeting_room", Name: "村委会议室"})
		if err != nil {
			t.Fatal(err)
		}
		x.place = p.ID
		f(t, d, x)
	})
}

func (x *fixture) code(t *testing.T) checkin.Code {
	t.Helper()
	codes, err := x.service.Codes(t.Context(), x.FengShuangjiang, x.place, 0)
	if err != nil {
		t.Fatal(err)
	}
	return codes[0]
}

func (x *fixture) scan(t *testing.T, by org.Actor, code, ref string, offline bool, phone time.Time) (checkin.Presence, error) {
	t.Helper()
	return x.service.Record(t.Context(), by, checkin.Attempt{
		Kind: checkin.PlaceCode, Code: code, ClientRef: ref, Offline: offline, HappenedAt: phone,
	})
}

func count(t *testing.T, d *db.DB, table string) (n int) {
	t.Helper()
	if err := d.Get(t.Context(), &n, `SELECT COUNT(*) FROM `+table); err != nil {
		t.Fatal(err)
	}
	return n
}

func wants(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

func TestQ1_ALiveCodeLivesFor45SecondsAndHasOneEffect(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		qr := x.code(t).QR
		first, err := x.scan(t, x.YaoMangzhong, qr, "a", false, x.now)
		if err != nil || first.State != checkin.Confirmed {
			t.Fatalf("a live code: %v, %v", first.State, err)
		}
		x.move(45*time.Second - time.Millisecond)
		again, err := x.scan(t, x.YaoMangzhong, qr, "b", false, x.now)
		if err != nil || again.ID != first.ID || count(t, d, "code_redemption") != 1 || count(t, d, "presence") != 1 {
			t.Errorf("twice by one person: %v, %v", again, err)
		}
		x.move(time.Millisecond)
		_, err = x.scan(t, x.YiPian, qr, "c", false, x.now)
		wants(t, "45 seconds later", err, checkin.ErrCodeExpired)
		replay, err := x.scan(t, x.YaoMangzhong, qr, "a", false, wednesday)
		if err != nil || replay.ID != first.ID || !replay.Replayed {
			t.Errorf("the first clientRef again: %+v, %v", replay, err)
		}
		replay, err = x.scan(t, x.YaoMangzhong, qr, "b", false, wednesday)
		if err != nil || replay.ID != first.ID || !replay.Replayed {
			t.Errorf("the joined clientRef again: %+v, %v", replay, err)
		}
	})
}

func TestQ2_AForgedCodeLeavesNothing(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		qr := x.code(t).QR
		other, err := x.service.AddPlace(t.Context(), x.FengShuangjiang, checkin.Place{UnitID: x.Xingwu.Unit.ID, Kind: "counter", Name: "便民服务窗口"})
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(qr, ".")
		elsewhere := slices.Clone(parts)
		elsewhere[1] = fmt.Sprint(other.ID)
		for what, code := range map[string]string{
			"a bit": flipped(qr, len(qr)-2), "cut": qr[:len(qr)-1], "another place": strings.Join(elsewhere, "."),
			"reordered": strings.Join([]string{parts[0], parts[1], parts[3], parts[2], parts[4]}, "."),
		} {
			_, err := x.scan(t, x.YaoMangzhong, code, "a", false, x.now)
			wants(t, what, err, checkin.ErrCodeInvalid)
		}
		if n := count(t, d, "presence") + count(t, d, "code_redemption"); n != 0 {
			t.Errorf("forged codes left %d rows", n)
		}
	})
}

// flipped is s with one bit of a character changed.
func flipped(s string, at int) string { return s[:at] + string(s[at]^1) + s[at+1:] }

func TestQ3_AClockThatStepsBackReopensNothingAndADisplayMayBeALittleOff(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		x.move(7 * time.Second)
		codes, err := x.service.Codes(t.Context(), x.FengShuangjiang, x.place, 2*time.Minute)
		if err != nil || len(codes) != 9 {
			t.Fatalf("%d codes ahead, %v", len(codes), err)
		}
		if _, err := x.scan(t, x.YaoMangzhong, codes[1].QR, "a", false, x.now); err != nil {
			t.Errorf("a display 20 s ahead: %v", err)
		}
		_, err = x.scan(t, x.YiPian, codes[4].QR, "b", false, x.now)
		wants(t, "a display 60 s ahead", err, checkin.ErrCodeEarly)
		x.move(-10 * time.Second)
		if _, err := x.scan(t, x.YaoMangzhong, codes[0].QR, "c", false, x.now); err != nil {
			t.Error(err)
		}
		x.move(10 * time.Second)
		if _, err := x.scan(t, x.YaoMangzhong, codes[0].QR, "d", false, x.now); err != nil {
			t.Error(err)
		}
		if got := count(t, d, "code_redemption"); got != 2 {
			t.Errorf("%d redemptions of two codes", got)
		}
	})
}

func TestS6_AnOfflineScanServesOnePerson(t *testing.T) { // Q8, CI4
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		qr := x.code(t).QR
		x.move(time.Minute)
		_, err := x.scan(t, x.AreaCadre, qr, "live", false, x.now)
		wants(t, "live a minute later", err, checkin.ErrCodeExpired)
		x.move(6 * time.Hour)
		p, err := x.scan(t, x.YaoMangzhong, qr, "a", true, wednesday.Add(7*time.Second))
		if err != nil || p.State != checkin.Confirmed || !p.HappenedAt.Equal(wednesday.Add(7*time.Second)) || !p.RecordedAt.Equal(x.now) {
			t.Fatalf("an offline scan: %+v, %v", p, err)
		}
		again, err := x.scan(t, x.YaoMangzhong, qr, "a", true, wednesday.Add(7*time.Second))
		if err != nil || again.ID != p.ID || !again.Replayed {
			t.Errorf("the same clientRef: %+v, %v", again, err)
		}
		_, err = x.scan(t, x.AreaCadre, qr, "b", true, wednesday.Add(8*time.Second))
		wants(t, "another person offline", err, checkin.ErrCodeUsed)
		_, err = x.scan(t, x.YiPian, qr, "c", true, wednesday.Add(301*time.Second))
		wants(t, "a phone more than 5 minutes off", err, checkin.ErrClockDiffers)
		x.move(73 * time.Hour)
		_, err = x.scan(t, x.YiPian, qr, "d", true, wednesday)
		wants(t, "after 72 hours", err, checkin.ErrCodeExpired)
		if got := count(t, d, "presence"); got != 1 {
			t.Errorf("%d records, want 1", got)
		}
	})
}

// At once: five persons with ten phones each, of which every two send the same clientRef.
func TestPhonesAtOnceMakeOneRecordAPersonAndAnswerAllAlike(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		qr := x.code(t).QR
		persons := []org.Actor{x.YaoMangzhong, x.YiPian, x.AreaCadre, x.XingwuMember, x.FengShuangjiang}
		const phones = 10
		got := make([]checkin.Presence, len(persons)*phones)
		start := make(chan struct{})
		var wg sync.WaitGroup
		for i := range got {
			wg.Go(func() {
				<-start
				var err error
				ref := fmt.Sprint("phone", i/len(persons)/2)
				if got[i], err = x.scan(t, persons[i%len(persons)], qr, ref, false, x.now); err != nil {
					t.Errorf("phone %d: %v", i, err)
				}
			})
		}
		close(start)
		wg.Wait()
		replays := 0
		for i, p := range got {
			if first := got[i%len(persons)]; p.ID != first.ID || p.State != checkin.Confirmed || !p.HappenedAt.Equal(first.HappenedAt) {
				t.Errorf("phone %d was answered %+v, its person's first one %+v", i, p, first)
			}
			if p.Replayed {
				replays++
			}
		}
		if want := len(got) / 2; replays != want {
			t.Errorf("%d answers are replays, want %d", replays, want)
		}
		if p, e, r := count(t, d, "presence"), count(t, d, "presence_evidence"), count(t, d, "code_redemption"); p != 5 || e != 25 || r != 5 {
			t.Errorf("%d records with %d evidences and %d redemptions, want 5, 25 and 5", p, e, r)
		}
	})
}

// At once: fifty persons with one late code. It serves the first (CI4); all others are told why.
func TestQ8_ALateCodeServesOneOfManyWhoSendItAtOnce(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		qr := x.code(t).QR
		x.move(time.Hour)
		persons := make([]org.Actor, 50)
		for i := range persons {
			persons[i] = orgtest.Grant(t, d, orgtest.Person(t, d), org.RoleMember, "", x.Xingwu.Party)
		}
		errs := make([]error, len(persons))
		var wg sync.WaitGroup
		for i, by := range persons {
			wg.Go(func() { _, errs[i] = x.scan(t, by, qr, "late", true, wednesday) })
		}
		wg.Wait()
		served := 0
		for i, err := range errs {
			switch {
			case err == nil:
				served++
			case !errors.Is(err, checkin.ErrCodeUsed):
				t.Errorf("person %d: %v, want %v", i, err, checkin.ErrCodeUsed)
			}
		}
		if p := count(t, d, "presence"); served != 1 || p != 1 {
			t.Errorf("the code served %d persons and made %d records, want 1", served, p)
		}
	})
}

func TestAPlaceOutsideIsNotFound(t *testing.T) {
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		for _, by := range []org.Actor{x.ZhangHolder, x.ElsewhereSecr, x.LinXiaoman, {}} {
			_, err := x.scan(t, by, x.code(t).QR, "a", false, x.now)
			wants(t, "a code of another place", err, problem.ErrNotFound)
		}
		_, err := x.service.Codes(t.Context(), x.YaoMangzhong, x.place, 0)
		wants(t, "codes for whoever may check in", err, problem.ErrForbidden)
	})
}

func TestAShortCodeIsTypedLiveOrALittleLate(t *testing.T) { // CI3
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		short := x.code(t).Short
		typed := func(by org.Actor, code, ref string) error {
			_, err := x.service.Record(t.Context(), by, checkin.Attempt{
				Kind: checkin.PlaceCode, PlaceID: x.place, Short: code, ClientRef: ref, HappenedAt: x.now,
			})
			return err
		}
		if err := typed(x.YaoMangzhong, short, "a"); err != nil || len(short) != 8 {
			t.Errorf("%s: %v", short, err)
		}
		x.move(time.Minute)
		if err := typed(x.YiPian, short, "b"); err != nil {
			t.Errorf("typed a minute late: %v", err)
		}
		wants(t, "the next who types it late", typed(x.AreaCadre, short, "c"), checkin.ErrCodeUsed)
		for i := range 4 {
			wants(t, "a guess", typed(x.AreaCadre, "22222222", fmt.Sprint("d", i)), checkin.ErrCodeInvalid)
		}
		wants(t, "the sixth try in a minute", typed(x.AreaCadre, "22222222", "e"), problem.ErrTooMany)
	})
}

func TestAClaimIsAnsweredByTheHostAndNeverByOneself(t *testing.T) { // CI6
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		claim := func(by org.Actor, ref string, at time.Time, reason string) (checkin.Presence, error) {
			return x.service.Record(t.Context(), by, checkin.Attempt{
				Kind: checkin.Counterpart, UnitID: x.Xingwu.Unit.ID, ClientRef: ref, HappenedAt: at, Reason: reason,
			})
		}
		p, err := claim(x.YaoMangzhong, "a", x.now, "")
		if err != nil || p.State != checkin.Claimed {
			t.Fatal(p, err)
		}
		_, err = x.service.Confirm(t.Context(), x.YaoOfficer, p.ID)
		wants(t, "one's own claim", err, checkin.ErrOwnClaim)
		_, err = x.service.Confirm(t.Context(), x.ZhengXiaoxue, p.ID)
		wants(t, "another village's secretary", err, problem.ErrNotFound)
		_, err = x.service.Confirm(t.Context(), x.XingwuMember, p.ID)
		wants(t, "a member", err, problem.ErrForbidden)
		if p, err = x.service.Confirm(t.Context(), x.FengShuangjiang, p.ID); err != nil || p.State != checkin.Confirmed {
			t.Fatal(p, err)
		}
		_, err = x.service.Refuse(t.Context(), x.FengShuangjiang, p.ID, "没有来")
		wants(t, "refused after it was confirmed", err, checkin.ErrIllegalTransition)
		if p, err = x.service.Withdraw(t.Context(), x.YaoMangzhong, p.ID, "记错了日期"); err != nil || p.State != checkin.Withdrawn {
			t.Error(p, err)
		}

		_, err = claim(x.YiPian, "late", x.now.AddDate(0, 0, -4), "")
		wants(t, "late without a reason", err, checkin.ErrReasonMissing)
		_, err = claim(x.YiPian, "late", x.now.AddDate(0, 0, -8), "忘记登记")
		wants(t, "eight days late", err, checkin.ErrTooLate)
		if _, err = claim(x.YiPian, "late", x.now.AddDate(0, 0, -4), "忘记登记"); err != nil {
			t.Error(err)
		}
		var told []string
		if err := d.Select(t.Context(), &told, `SELECT kind FROM inbox WHERE person_id = ? ORDER BY seq`, x.FengShuangjiang.PersonID); err != nil || fmt.Sprint(told) != "[checkin.claimed checkin.claimed]" {
			t.Errorf("the host was told %v, %v", told, err)
		}

		x.move(7 * 24 * time.Hour) // exactly: K23
		if some, err := x.service.Lapse(t.Context()); !some || err != nil {
			t.Error(some, err)
		}
		if got := count(t, d, "presence"); got != 1 {
			t.Errorf("%d records after a claim lapsed, want the withdrawn one only", got)
		}
		if some, err := x.service.Lapse(t.Context()); some || err != nil {
			t.Error(some, err)
		}
	})
}

func TestVisitsJoinThePresenceOfTheirPlaceAndDay(t *testing.T) { // S0 step 4
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		if _, err := x.scan(t, x.YaoMangzhong, x.code(t).QR, "a", false, x.now); err != nil {
			t.Fatal(err)
		}
		for _, ref := range []string{"visit:1", "visit:2", "visit:3", "visit:3"} {
			err := d.InTx(t.Context(), func(tx *db.Tx) error {
				return checkin.ByAct(t.Context(), tx, x.YaoMangzhong, x.Xingwu.Areas[1].Area, tx.Now, ref)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if p, e := count(t, d, "presence"), count(t, d, "presence_evidence"); p != 1 || e != 4 {
			t.Errorf("%d records with %d evidences, want 1 with 4", p, e)
		}
	})
}
