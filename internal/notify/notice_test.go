package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/push"
	"wanjia/internal/platform/wechat"
	"wanjia/internal/platform/wechat/fake"
)

// A bureau is an office whose secretary announces to followers of theirs, with the node that spreads it.
type bureau struct {
	*office
	*crowd
	world   *orgtest.World
	notices *Notices
	spread  *spreader
	send    *sender
}

func bureaus(t *testing.T, f func(t *testing.T, b *bureau)) {
	t.Helper()
	offices(t, func(t *testing.T, o *office) {
		w := orgtest.Tree(t, o.db)
		var err error // a machine that is busy is no WeChat that is away
		o.client, err = wechat.New(wechat.Options{BaseURL: o.fake.URL(), AppID: fake.AppID, Secret: fake.Secret, Now: o.now, Limit: 20 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(o.client.Close)
		c := &crowd{t: t, d: o.db, k: o.kv, by: w.FengShuangjiang}
		c.unit = orgtest.Unit(t, o.db, org.PartyGroup, "人多的小组", c.by.Unit)
		b := &bureau{office: o, crowd: c, world: w, send: o.node("sender")}
		b.notices = NewNotices(NoticeOptions{DB: o.db, KV: o.kv, Sends: b.send.Sends, Pages: page.NewKeys([]byte("secret"))})
		hub := push.NewHub(push.Options{Era: testEra, Inbox: NewInboxes(o.db), KV: o.kv, Hot: push.NewHot(o.kv)})
		log := slog.New(slog.DiscardHandler)
		b.spread = &spreader{Fanouts: NewFanouts(FanoutOptions{
			DB: o.db, Leases: b.send.Leases, Rate: 10, Log: log,
			Courier: NewCourier(o.db, o.kv, hub, push.NewHot(o.kv), b.send.Leases.Held, log),
		})}
		f(t, b)
	})
}

// allow gives persons one message of a template each.
func (b *bureau) allow(template string, persons ...org.PersonID) {
	b.office.t.Helper()
	giver := NewSends(SendOptions{
		DB: b.db, Keys: b.keys, Client: b.client, Granted: func(openID, id string) { b.fake.Grant(openID, id, 1) },
	})
	for _, p := range persons {
		if err := giver.Grant(b.office.t.Context(), org.Actor{PersonID: p}, uuid.NewString(), []string{template}, nil); err != nil {
			b.office.t.Fatal(err)
		}
	}
}

// populate makes n followers of whom the first have a credit of a template, the last three want none of the kind, and the
// first of all, the first without a credit and the last are left alone at this hour.
func (b *bureau) populate(n, credits int, template string) {
	b.office.t.Helper()
	ids := b.followers(n, 0)
	b.enrol(ids)
	b.allow(template, ids[:credits]...)
	b.allow(template, ids[n-3:]...)
	service := NewService(b.db, nil, testEra)
	for i, p := range ids {
		quiet, unwilling := i == 0 || i == credits || i == n-1, i >= n-3
		if !quiet && !unwilling {
			continue
		}
		set := Preferences{QuietFrom: "21:30", QuietTo: "07:30", DigestAt: "18:00"}
		if quiet {
			set.QuietFrom, set.QuietTo = "09:00", "11:00"
		}
		if unwilling {
			set.Kinds = []Preference{{Kind: "announcement", WeChat: false, Digest: false, Muted: i == n-1}}
		}
		if _, err := service.SetPreferences(b.office.t.Context(), org.Actor{PersonID: p}, set); err != nil {
			b.office.t.Fatal(err)
		}
	}
}

// N8: what was forecast comes true when nothing changes: for those who are told at once, and by fan-out; when people must be
// reached, and in danger, when nobody's wishes or hours count.
func TestN8_WhatIsForecastComesTrue(t *testing.T) {
	for _, size := range []int{32, 70} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			bureaus(t, func(t *testing.T, b *bureau) {
				b.populate(size, size-9, onNotice)
				for _, c := range []struct {
					name string
					n    NewNotice
					want Reach
				}{
					{"must reach", NewNotice{MustReach: true}, Reach{Recipients: size, WithCredit: size - 9, CallNeeded: 9, Muted: 3, InQuiet: 1}},
					{"danger, with nobody's credit but that of three", NewNotice{MustReach: true, Urgent: true}, Reach{Recipients: size, WithCredit: 3, CallNeeded: size - 3}},
				} {
					c.n.To, c.n.Title = Scope{Unit: b.unit.ID}, "防汛值守会"
					r, err := b.notices.Preview(t.Context(), b.by, c.n)
					if err != nil || r != c.want {
						t.Fatalf("%s: forecast %+v (%v), want %+v", c.name, r, err, c.want)
					}
					before := len(b.fake.Sent())
					made, err := b.notices.Create(t.Context(), b.by, c.n)
					if err != nil {
						t.Fatal(err)
					}
					b.spread.work(t)
					if wrong := len(b.toldOf(made.ID)); wrong != size {
						t.Errorf("%s: %d are told, want %d", c.name, wrong, size)
					}
					for range 3 { // staggered, and past the quiet hours of two
						b.move(40 * time.Second)
						b.send.work()
					}
					b.move(time.Hour)
					b.send.work()
					got, err := b.notices.Result(t.Context(), b.by, made.ID)
					if err != nil {
						t.Fatal(err)
					}
					if sent := len(b.fake.Sent()) - before; sent != r.WithCredit || got.Outcomes[Sent] != r.WithCredit || got.ToCall != r.CallNeeded ||
						got.Outcomes[Suppressed] != 0 || *got.Forecast != r || got.Waiting != 0 {
						t.Errorf("%s: WeChat took %d; %+v with forecast %+v; want what was forecast, %+v", c.name, sent, got, got.Forecast, r)
					}
					b.set("2026-04-09 10:00:00")
				}
			})
		})
	}
}

// What can wait stands in the summary of the day, of those who have leave for that and do not refuse the kind. In quiet hours
// is whose summary is made in theirs: who is left alone when it is announced has it in time.
func TestN8_WhatCanWaitIsForecastAsOfTheSummary(t *testing.T) {
	bureaus(t, func(t *testing.T, b *bureau) {
		b.populate(20, 10, onDigest)
		late := Preferences{QuietFrom: "17:30", QuietTo: "18:30", DigestAt: "18:00"}
		if _, err := NewService(b.db, nil, testEra).SetPreferences(t.Context(), org.Actor{PersonID: b.members[1]}, late); err != nil {
			t.Fatal(err)
		}
		n := NewNotice{To: Scope{Unit: b.unit.ID}, Title: "义诊"}
		r, err := b.notices.Preview(t.Context(), b.by, n)
		if want := (Reach{Recipients: 20, WithCredit: 10, Muted: 3, InQuiet: 1}); err != nil || r != want {
			t.Fatalf("forecast %+v (%v), want %+v", r, err, want)
		}
		if _, err := b.notices.Create(t.Context(), b.by, n); err != nil {
			t.Fatal(err)
		}
		b.set("2026-04-08 18:00:30")
		for some := true; some; {
			if some, err = b.send.Digests(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		b.send.work()
		if got := b.outcomes(); got["sent"] != 9 || got["waiting"] != 1 || got["no_credit"] != 7 {
			t.Errorf("at six the summaries are %v, want 9 sent, one that waits and 7 without credit", got)
		}
		b.set("2026-04-08 18:30:00")
		b.send.work()
		if got := b.outcomes(); got["sent"] != 10 || got["no_credit"] != 7 {
			t.Errorf("the summaries are %v, want 10 sent and 7 without credit", got)
		}
	})
}

// A withdrawn announcement is told to nobody more, neither by a chunk that another node has begun to look at nor by WeChat;
// who has it keeps it. A chunk is taken by one node only, also then.
func TestAWithdrawnAnnouncementIsToldToNobodyMore(t *testing.T) {
	bureaus(t, func(t *testing.T, b *bureau) {
		b.enrol(b.followers(40, 0))
		b.join(1_100)
		made, err := b.notices.Create(t.Context(), b.by, NewNotice{To: Scope{Unit: b.unit.ID}, Title: "停水检修", MustReach: true})
		if err != nil {
			t.Fatal(err)
		}
		b.spread.begin(t)
		seen := b.fan(made.ID)
		if _, err := b.notices.Withdraw(t.Context(), b.by, made.ID); err != nil {
			t.Fatal(err)
		}
		b.move(time.Hour) // messages are due, and nobody has ended them yet
		for range 5 {
			if _, err := b.send.Turn(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(b.fake.Sent()); n != 0 || b.outcomes()["no_credit"] != 0 {
			t.Errorf("WeChat has sent %d, outcomes %v; want none after it was withdrawn", n, b.outcomes())
		}
		if y, _, err := b.spread.oneOf(t.Context(), seen); err != nil || y.Next != seen.Next {
			t.Errorf("a chunk goes on: %+v (%v)", y, err)
		}
		b.spread.work(t)
		if told := b.toldOf(made.ID); len(told) != chunkSize {
			t.Errorf("%d are told, want the %d who had it", len(told), chunkSize)
		}
		if got := b.outcomes(); len(got) != 1 || got["suppressed"] != chunkSize {
			t.Errorf("the messages are %v, want none to wait", got)
		}
		if x := b.fan(made.ID); x.State != NoticeWithdrawn {
			t.Errorf("it is %s", x.State)
		}
		if left, err := openFans(t.Context(), b.db, b.send.Leases.Held(), fan{}); err != nil || len(left) != 0 {
			t.Errorf("%d fan-outs are open (%v)", len(left), err)
		}
		if _, err := b.notices.Withdraw(t.Context(), b.by, made.ID); !errors.Is(err, ErrNoticeEnd) {
			t.Errorf("withdrawn again: %v", err)
		}
		got, err := b.notices.Result(t.Context(), b.by, made.ID)
		if err != nil || got.ToCall != 0 || got.Written != chunkSize || got.Total != 1_140 {
			t.Errorf("the result is %+v (%v)", got, err)
		}
	})
}

// An announcement that stands in one place for a minute is an alarm, also while others move; when it moves it is none.
func TestAnAnnouncementThatStandsStillIsAnAlarm(t *testing.T) {
	bureaus(t, func(t *testing.T, b *bureau) {
		b.enrol(b.followers(1, 0))
		b.join(60)
		broken := b.announce(Announcement{Item: b.item()})
		b.change(`UPDATE fanout SET audience = '?' WHERE notice_id = ?`, broken.ID)
		looks := func(what string, want bool) {
			t.Helper()
			b.spread.work(t)
			if got := b.spread.Stalled(); got != want {
				t.Errorf("%s: stalled is %v, want %v", what, got, want)
			}
		}
		looks("at first", false)
		b.move(stillFor - time.Second)
		other := b.announce(Announcement{Item: b.item()})
		looks("before a minute has passed", false)
		b.move(time.Second)
		looks("after a minute", true)
		b.change(`UPDATE fanout SET audience = ? WHERE notice_id = ?`, other.Scope, broken.ID)
		looks("when it has moved", false)
	})
}

// What was announced when no end was noted beside the fan-out is over at its time all the same: its call is dropped. What has
// no end goes on.
func TestAnAnnouncementOfBeforeEndsWithItsTime(t *testing.T) {
	bureaus(t, func(t *testing.T, b *bureau) {
		b.enrol(b.followers(5, 0))
		until := b.now().Add(time.Hour)
		var made [3]Notice
		for i, n := range []NewNotice{{Until: until}, {}, {Until: until}} {
			n.To, n.Title, n.MustReach = Scope{Unit: b.unit.ID}, "防汛值守会", true
			var err error
			if made[i], err = b.notices.Create(t.Context(), b.by, n); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.notices.Withdraw(t.Context(), b.by, made[2].ID); err != nil {
			t.Fatal(err)
		}
		b.change(`UPDATE fanout SET ends_at = NULL`)
		b.move(time.Minute)
		b.send.work()
		b.spread.work(t)
		b.move(time.Hour - time.Minute)
		b.spread.work(t)
		for i, want := range []NoticeState{NoticeExpired, NoticeDone, NoticeWithdrawn} {
			open := map[NoticeState]int{NoticeDone: 5}[want]
			r, err := b.notices.Result(t.Context(), b.by, made[i].ID)
			if err != nil || r.State != want || r.ToCall != open {
				t.Errorf("announcement %d is %s with %d to call (%v), want %s with %d", i, r.State, r.ToCall, err, want, open)
			}
		}
	})
}

// At exactly its end an announcement is over: nobody more is told, and messages that wait are not sent.
func TestAnAnnouncementEndsWithItsTime(t *testing.T) {
	bureaus(t, func(t *testing.T, b *bureau) {
		p := b.followers(5, 0)
		b.enrol(p)
		b.allow(onNotice, p...)
		until := b.now().Add(time.Minute)
		few, err := b.notices.Create(t.Context(), b.by, NewNotice{To: Scope{Unit: b.unit.ID}, Title: "停水检修", MustReach: true, Until: until})
		if err != nil {
			t.Fatal(err)
		}
		b.join(1_100)
		many, err := b.notices.Create(t.Context(), b.by, NewNotice{To: Scope{Unit: b.unit.ID}, Title: "停水检修", Until: until})
		if err != nil {
			t.Fatal(err)
		}
		b.spread.begin(t)
		b.move(time.Minute)
		b.spread.work(t)
		b.send.work()
		if n := len(b.fake.Sent()); n != 0 || b.outcomes()["suppressed"] != 5 {
			t.Errorf("WeChat has sent %d; %v", n, b.outcomes())
		}
		if x := b.fan(many.ID); x.State != NoticeExpired || x.Written != chunkSize || len(b.toldOf(few.ID)) != 5 {
			t.Errorf("it is %+v", x)
		}
		if _, err := b.notices.Create(t.Context(), b.by, NewNotice{To: Scope{Unit: b.unit.ID}, Title: "停水检修", Until: b.now()}); !errors.Is(err, ErrExpired) {
			t.Errorf("an end that is past: %v", err)
		}
	})
}

// A message that was on its way to WeChat when the announcement ended has nobody called, and whose call is open then is not
// called any more, be it withdrawn or its time over.
func TestNobodyIsCalledAboutWhatIsOver(t *testing.T) {
	bureaus(t, func(t *testing.T, b *bureau) {
		p := b.followers(2, 0)
		b.enrol(p)
		for _, c := range []struct {
			what  string
			until time.Time
			end   func(id NoticeID) error
			want  NoticeState
		}{
			{"withdrawn", time.Time{}, func(id NoticeID) error { _, err := b.notices.Withdraw(t.Context(), b.by, id); return err }, NoticeWithdrawn},
			{"its time is over", b.now().Add(3 * time.Minute), func(NoticeID) error { b.move(3 * time.Minute); return nil }, NoticeExpired},
		} {
			b.allow(onNotice, p[1])
			made, err := b.notices.Create(t.Context(), b.by, NewNotice{To: Scope{Unit: b.unit.ID}, Title: "防汛值守会", MustReach: true, Until: c.until})
			if err != nil {
				t.Fatal(err)
			}
			b.move(patience + time.Second)
			shards := b.send.Leases.Held()
			due, err := dueSends(t.Context(), b.db, shards, b.now(), b.now(), Safety, Ordinary)
			if err != nil || len(due) != 2 {
				t.Fatalf("%s: %d messages are due (%v), want two", c.what, len(due), err)
			}
			templates, err := allTemplates(t.Context(), b.db)
			if err != nil {
				t.Fatal(err)
			}
			var under *letter
			for _, m := range due {
				term, _ := b.send.Leases.Holds(m.Shard)
				l, _, err := b.send.claim(t.Context(), m, templates[m.Template], term)
				if err != nil {
					t.Fatal(err)
				}
				if l != nil {
					under = l
				}
			}
			calls, _, err := b.notices.callsOf(t, b.by, made.ID)
			if err != nil || len(calls) != 1 || calls[0].Person != p[0] || under == nil {
				t.Fatalf("%s: before that the calls are %+v (%v), want one of who has no credit", c.what, calls, err)
			}
			if err := c.end(made.ID); err != nil {
				t.Fatal(err)
			}
			if err := b.send.record(t.Context(), *under, settled{class: wechat.Refused, code: 43101}); err != nil {
				t.Fatal(err)
			}
			if all, _, err := b.notices.callsOf(t, b.by, made.ID); err != nil || len(all) != 1 {
				t.Errorf("%s: after that the calls are %+v (%v), want no other", c.what, all, err)
			}
			b.spread.work(t)
			all, _, err := b.notices.callsOf(t, b.by, made.ID)
			if err != nil || len(all) != 1 || all[0].State != callDropped || b.fan(made.ID).State != c.want {
				t.Errorf("%s: in the end it is %s with calls %+v (%v), want them dropped", c.what, b.fan(made.ID).State, all, err)
			}
			if _, err := b.notices.FinishCall(t.Context(), b.by, made.ID, calls[0].ID, callReached); !errors.Is(err, ErrNoticeEnd) {
				t.Errorf("%s: a call is finished: %v", c.what, err)
			}
		}
	})
}

// N9: who is reached in no other way is called by whoever announced it, once, who hears of all of them by one item.
func TestN9_WhoAnnouncesCallsWhomNothingReaches(t *testing.T) {
	bureaus(t, func(t *testing.T, b *bureau) {
		p := b.followers(6, 0)
		b.enrol(p)
		made, err := b.notices.Create(t.Context(), b.by, NewNotice{To: Scope{Unit: b.unit.ID}, Title: "防汛值守会", MustReach: true})
		if err != nil {
			t.Fatal(err)
		}
		b.move(time.Minute)
		b.send.work()
		calls, _, err := b.notices.callsOf(t, b.by, made.ID)
		if err != nil || len(calls) != 6 || calls[0].State != "open" || calls[0].Unit != b.unit.Name || calls[0].Role != org.RoleMember {
			t.Fatalf("the calls are %+v (%v)", calls, err)
		}
		items, err := listItems(t.Context(), b.db, b.by.PersonID, 0, 0, 50)
		if err != nil || len(items) != 1 || items[0].Kind != "call.assigned" || items[0].RefType != "notice" || items[0].RefID != int64(made.ID) {
			t.Errorf("who announced it was told %+v (%v), want one that stands for all", items, err)
		}
		b.move(callsTogether)
		err = b.db.InTx(t.Context(), func(tx *db.Tx) error {
			return tellCallers(t.Context(), tx, made.ID, []recipient{{b.by.PersonID, b.by.Assignment}})
		})
		if items, _ := listItems(t.Context(), b.db, b.by.PersonID, 0, 0, 50); err != nil || len(items) != 2 || items[1].Supersedes != 0 {
			t.Errorf("ten minutes later they were told %+v (%v), want another", items, err)
		}
		if b.calls() != 0 {
			t.Error("somebody is called as the asker of a need")
		}
		if _, _, err := b.notices.callsOf(t, org.Actor{PersonID: p[0], Assignment: 1}, made.ID); err == nil {
			t.Error("somebody else reads the calls")
		}
	})
}

// What was announced already, by the same key, is not weighed again; and too many are refused before each is looked at.
func TestWhomItReachesIsCountedOnceAndOfNoneTooMany(t *testing.T) {
	bureaus(t, func(t *testing.T, b *bureau) {
		b.enrol(b.followers(6, 0))
		var weighed atomic.Int64
		b.db.Watch(func(_ context.Context, s db.Sent) {
			if strings.Contains(s.Query, "FROM wechat_account") && strings.Contains(s.Query, "ORDER BY w.person_id, w.state") {
				weighed.Add(1)
			}
		})
		defer b.db.Watch(nil)
		var ids []NoticeID
		for range 2 {
			ctx := once.With(t.Context(), once.Call{Operation: "createNotice", Key: "k1", Fingerprint: []byte("f")})
			made, err := b.notices.Create(ctx, b.by, NewNotice{To: Scope{Unit: b.unit.ID}, Title: "防汛值守会", MustReach: true})
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, made.ID)
		}
		if ids[0] != ids[1] || weighed.Load() != 1 {
			t.Errorf("announced as %v, weighed %d times; want one, once", ids, weighed.Load())
		}
		item := b.item()
		item.MustReach = true
		_, err := b.notices.Forecast(t.Context(), Announcement{Item: item, To: Scope{Unit: b.unit.ID}, most: 5}, nil)
		if !errors.Is(err, ErrTooMany) || weighed.Load() != 1 {
			t.Errorf("of six, of whom five may be told: %v, weighed %d times; want it refused before", err, weighed.Load())
		}
		if _, err := b.notices.Forecast(t.Context(), Announcement{Item: item, To: Scope{Unit: b.unit.ID}, most: 6}, nil); err != nil || weighed.Load() != 2 {
			t.Errorf("of six, who may all be told: %v, weighed %d times", err, weighed.Load())
		}
	})
}

// Whoever has the announcer's role after them answers for what they announced: they hear of the calls, finish them, see what
// came of it and may withdraw it; whoever had it, and who has another role there, does not.
func TestAnAnnouncementGoesOnWithTheRole(t *testing.T) {
	bureaus(t, func(t *testing.T, b *bureau) {
		p := b.followers(2, 0)
		b.enrol(p)
		made, err := b.notices.Create(t.Context(), b.by, NewNotice{To: Scope{Unit: b.unit.ID}, Title: "防汛值守会", MustReach: true})
		if err != nil {
			t.Fatal(err)
		}
		next := b.by
		next.PersonID = people(t, b.db, 1)[0]
		b.change(`UPDATE role_assignment SET valid_to = '2026-04-08' WHERE id = ?`, b.by.Assignment)
		err = b.db.InTx(t.Context(), func(tx *db.Tx) error {
			id, err := tx.Insert(t.Context(), `
				INSERT INTO role_assignment (person_id, role, unit_id, valid_from)
				VALUES (?, ?, ?, '2026-04-08')`, next.PersonID, next.Role, next.Unit.ID)
			next.Assignment = org.AssignmentID(id)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		b.move(time.Minute)
		b.send.work()
		for who, want := range map[org.PersonID]int{b.by.PersonID: 0, next.PersonID: 1} {
			if items, err := listItems(t.Context(), b.db, who, 0, 0, 50); err != nil || len(items) != want {
				t.Errorf("person %d was told %+v (%v), want %d", who, items, err, want)
			}
		}
		member := next
		member.Role = org.RoleMember
		former := member
		former.PersonID, former.Assignment = b.by.PersonID, 0
		for _, other := range []org.Actor{member, former} {
			if _, _, err := b.notices.callsOf(t, other, made.ID); !errors.Is(err, problem.ErrNotFound) {
				t.Errorf("a %s reads the calls: %v", other.Role, err)
			}
		}
		all, _, err := b.notices.List(t.Context(), next, "", 50)
		if err != nil || len(all) != 1 || all[0].ID != made.ID {
			t.Errorf("the list is %+v (%v)", all, err)
		}
		if _, err := b.notices.Read(t.Context(), next, made.ID); err != nil {
			t.Errorf("it is read: %v", err)
		}
		calls, _, err := b.notices.callsOf(t, next, made.ID)
		if err != nil || len(calls) != 2 {
			t.Fatalf("the calls are %+v (%v), want both", calls, err)
		}
		if _, err := b.notices.FinishCall(t.Context(), next, made.ID, calls[0].ID, callReached); err != nil {
			t.Errorf("a call is finished: %v", err)
		}
		if r, err := b.notices.Result(t.Context(), next, made.ID); err != nil || r.ToCall != 1 || r.Called != 1 {
			t.Errorf("the result is %+v (%v)", r, err)
		}
		if _, err := b.notices.Withdraw(t.Context(), next, made.ID); err != nil {
			t.Errorf("it is withdrawn: %v", err)
		}
		if r, err := b.notices.Result(t.Context(), next, made.ID); err != nil || r.ToCall != 0 || r.Called != 1 || r.Dropped != 1 {
			t.Errorf("withdrawn, the result is %+v (%v), want one told by phone and one dropped", r, err)
		}
	})
}

func (s *Notices) callsOf(t *testing.T, by org.Actor, id NoticeID) ([]NoticeCall, string, error) {
	t.Helper()
	s.Names = nameless
	return s.Calls(t.Context(), by, id, "", 50)
}

// WeChat is not asked for more at once than it takes: messages are spread over time by its rate.
func TestMessagesOfManyAreSpreadOverTime(t *testing.T) {
	bureaus(t, func(t *testing.T, b *bureau) {
		p := b.followers(60, 0)
		b.enrol(p)
		if _, err := b.notices.Create(t.Context(), b.by, NewNotice{To: Scope{Unit: b.unit.ID}, Title: "防汛值守会", MustReach: true}); err != nil {
			t.Fatal(err)
		}
		b.spread.work(t)
		rows := b.rows()
		for i, r := range rows {
			if want := b.now().Add(patience + time.Duration(i)*100*time.Millisecond); !r.Before.Equal(want) {
				t.Fatalf("message %d is due at %v, want %v", i, r.Before, want)
			}
		}
		if len(rows) != 60 {
			t.Errorf("%d messages", len(rows))
		}
	})
}

// nameless shows no names.
func nameless(context.Context, db.Queryer, ...org.PersonID) (map[org.PersonID]string, error) {
	return nil, nil
}
