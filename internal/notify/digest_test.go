package notify

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

// readers are persons with WeChat who have allowed n summaries.
func (o *office) readers(count, n int) []org.PersonID {
	o.t.Helper()
	ids := o.followers(count, 0)
	giver := NewSends(SendOptions{
		DB: o.db, Keys: o.keys, Client: o.client,
		Granted: func(openID, template string) { o.fake.Grant(openID, template, 1) },
	})
	for _, p := range ids {
		for range n {
			if err := giver.Grant(o.t.Context(), org.Actor{PersonID: p}, uuid.NewString(), []string{onDigest}, nil); err != nil {
				o.t.Fatal(err)
			}
		}
	}
	return ids
}

// digests makes the summaries that are due, and sends them.
func (n *sender) digests() {
	n.o.t.Helper()
	if _, err := n.Digests(n.o.t.Context()); err != nil {
		n.o.t.Fatal(err)
	}
	n.work()
}

// K18, S19.3: what cannot wait is not in it; 18:00:00.000 is of today, and a millisecond later of tomorrow.
func TestK18_ASummaryHoldsTheDayUpToSixOClock(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		p := o.readers(1, 3)[0]
		n := o.node("a")
		o.set("2026-04-07 18:00:05")
		n.digests()
		ordinary := func(at string, after time.Duration, id int64) {
			o.set(at)
			o.move(after)
			due := o.now().Add(time.Duration(100-id) * time.Hour)
			o.tell(Item{Kind: "task.due", Ref: Ref{"task", id}, Args: map[string]any{"dueAt": due}}, p)
		}
		ordinary("2026-04-07 18:00:00", 0, 1) // of the day before
		ordinary("2026-04-07 18:00:00", time.Millisecond, 2)
		ordinary("2026-04-08 17:59:59", 0, 3)
		ordinary("2026-04-08 18:00:00", 0, 4)
		o.tell(Item{Kind: "task.accepted", Ref: Ref{"task", 5}}, p) // for the inbox alone
		n.digests()
		if got := len(o.rows()); got != 0 {
			t.Fatalf("at six there are %d messages already, want to wait for acts of the last moment", got)
		}
		ordinary("2026-04-08 18:00:00", time.Millisecond, 6)
		o.set("2026-04-08 18:00:05")
		n.digests()
		n.digests()
		if sent := o.fake.Sent(); len(sent) != 1 || sent[0].Fields["number1"] != "3" || sent[0].Fields["thing2"] != "2026年04月11日 20:00" {
			t.Fatalf("the summary is %+v, want three items, the first of them due on the 11th at 20:00", sent)
		}
		if got := o.rows()[0]; got.Event != "d:20260408" || got.Outcome != "sent" {
			t.Errorf("it is kept as %+v", got)
		}
		o.set("2026-04-09 18:00:05")
		n.digests()
		if sent := o.fake.Sent(); len(sent) != 2 || sent[1].Fields["number1"] != "1" {
			t.Errorf("the next summary is %+v, want the one of a millisecond past six", sent[1:])
		}
		o.set("2026-04-10 18:00:05")
		n.digests()
		if got := len(o.fake.Sent()); got != 2 {
			t.Errorf("%d summaries, want none of a day without anything", got)
		}
	})
}

// A summary before dawn is of the day in Shanghai, where it is tomorrow before it is so in Greenwich; in the night it waits for
// the morning, and it is one a day however often it is set anew.
func TestASummaryBeforeDawnIsOfTheDayInShanghai(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		p := o.readers(1, 3)[0]
		n := o.node("a")
		service := NewService(o.db, nil, testEra)
		summaryAt := func(at string) {
			t.Helper()
			if _, err := service.SetPreferences(t.Context(), org.Actor{PersonID: p}, Preferences{"21:30", "07:30", at, nil}); err != nil {
				t.Fatal(err)
			}
		}
		summaryAt("00:00")
		o.set("2026-04-08 23:59:59")
		o.move(999 * time.Millisecond)
		o.tell(taskDue(1), p)
		o.set("2026-04-09 00:00:05")
		n.digests()
		if rows := o.rows(); len(rows) != 1 || rows[0].Event != "d:20260409" || rows[0].State != "waiting" {
			t.Fatalf("at midnight the summaries are %+v, want that of the 9th to wait", rows)
		}
		summaryAt("06:30")
		o.tell(taskDue(2), p)
		o.set("2026-04-09 06:30:05")
		n.digests()
		o.set("2026-04-09 07:30:00")
		n.digests()
		if sent := o.fake.Sent(); len(sent) != 1 || len(o.rows()) != 1 || sent[0].Fields["number1"] != "1" {
			t.Errorf("in the morning there are %+v of %d, want the one of midnight", sent, len(o.rows()))
		}
		o.set("2026-04-10 06:30:05")
		o.at.Add(-30 * time.Minute.Milliseconds())
		o.tell(taskDue(3), p)
		o.set("2026-04-10 06:30:05")
		n.digests()
		if rows := o.rows(); len(rows) != 2 || rows[1].Event != "d:20260410" {
			t.Errorf("the next day the summaries are %+v, want one more, of the 10th", rows)
		}
	})
}

func TestASummaryLeavesOutWhatIsReadAndWhatIsNotWanted(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		ids := o.readers(4, 1)
		n := o.node("a")
		for i, p := range ids {
			for k := range 3 {
				o.tell(Item{Kind: "task.due", Ref: Ref{"task", int64(10*i + k)}}, p)
			}
			o.tell(Item{Kind: "counter.waiting", Ref: Ref{"counter", int64(i)}}, p)
		}
		service := NewService(o.db, nil, testEra)
		set := func(p org.PersonID, digestAt string, kinds ...Preference) {
			t.Helper()
			if _, err := service.SetPreferences(t.Context(), org.Actor{PersonID: p}, Preferences{"21:30", "07:30", digestAt, kinds}); err != nil {
				t.Fatal(err)
			}
		}
		err := o.db.InTx(t.Context(), func(tx *db.Tx) error { return markRead(t.Context(), tx, ids[0], 2) })
		if err != nil {
			t.Fatal(err)
		}
		set(ids[1], "18:00", Preference{Kind: "task.due", WeChat: true})
		set(ids[2], "18:00", Preference{Kind: "task.due", WeChat: true, Digest: true, Muted: true}, Preference{Kind: "counter.waiting"})
		set(ids[3], "12:30")
		counts := func(want string) {
			t.Helper()
			got := ""
			for i, p := range ids {
				for _, m := range o.fake.Sent() {
					if m.OpenID == openID(p) {
						got += fmt.Sprintf("%d:%s ", i, m.Fields["number1"])
					}
				}
			}
			if got != want {
				t.Errorf("summaries %q, want %q", got, want)
			}
		}
		o.set("2026-04-08 12:30:05")
		n.digests()
		counts("3:4 ")
		o.set("2026-04-08 18:00:05")
		n.digests()
		counts("0:2 1:1 3:4 ")
	})
}

// R11: an item and a summary of which nobody can make sense keep no one from theirs.
func TestAnItemThatCannotBeReadStopsNoSummary(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		ids := o.readers(3, 2)
		n := o.node("a")
		o.tell(taskDue(1), ids...)
		o.alter(`UPDATE inbox SET args = '{"dueAt":' WHERE person_id = ?`, ids[0])
		o.set("2026-04-08 18:00:05")
		n.digests()
		if rows := o.rows(); len(rows) != 3 || len(o.fake.Sent()) != 3 || o.fake.Sent()[0].Fields["number1"] != "1" {
			t.Errorf("there are %d summaries: %+v; want one for each of 3", len(rows), o.fake.Sent())
		}
		o.alter(`UPDATE wechat_send SET args = '{"at":' WHERE person_id = ?`, ids[0])
		o.tell(taskDue(2), ids...)
		o.set("2026-04-09 18:00:05")
		n.digests()
		if sent := o.fake.Sent(); len(sent) != 6 || sent[5].Fields["number1"] != "1" {
			t.Errorf("the next day there are %+v, want one more for each", sent)
		}
	})
}

// R10: two nodes that both believe the shards to be theirs make one summary a person.
func TestTwoNodesMakeOneSummaryAPerson(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		ids := o.readers(30, 2)
		a, b := o.stale()
		o.tell(taskDue(1), ids...)
		o.set("2026-04-08 18:00:05")
		var wg sync.WaitGroup
		for _, n := range []*sender{a, b} {
			wg.Go(func() {
				if _, err := n.Digests(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		a.work()
		b.work()
		if got := o.outcomes(); len(o.rows()) != 30 || got["sent"] != 30 || o.once() != 30 {
			t.Errorf("the messages are %v, want one summary for each of 30", got)
		}
	})
}

// After a standstill summaries are made late, but not in the night.
func TestASummaryThatWasMissedIsMadeForSomeHours(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		ids := o.readers(1, 2)
		n := o.node("a")
		o.tell(taskDue(1), ids...)
		o.set("2026-04-08 20:59:00")
		n.digests()
		if got := len(o.fake.Sent()); got != 1 {
			t.Errorf("at 20:59 there are %d summaries, want one", got)
		}
		o.tell(taskDue(2), ids...)
		o.set("2026-04-09 21:00:05")
		n.digests()
		if got := len(o.fake.Sent()); got != 1 {
			t.Errorf("at 21:00 there are %d summaries, want none of this day any more", got)
		}
		o.set("2026-04-10 18:00:05") // what was told before the day that has none is not forgotten
		n.digests()
		if sent := o.fake.Sent(); len(sent) != 2 || sent[1].Fields["number1"] != "1" {
			t.Errorf("the day after that there are %d summaries, the last %+v; want one of the item that no summary had", len(sent), sent[len(sent)-1])
		}
	})
}

// Whoever has never had a summary loses none of what was told on a day whose summaries nobody made.
func TestAFirstSummaryBeginsWhereTheLastOnesWereMade(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		ids := o.readers(2, 2)
		n := o.node("a")
		summary := func(at string, summaries int, items string) {
			t.Helper()
			o.set(at)
			n.digests()
			if sent := o.fake.Sent(); len(sent) != summaries || summaries > 0 && sent[len(sent)-1].Fields["number1"] != items {
				t.Errorf("at %s there are %d summaries: %+v; want %d, the last of %s", at, len(sent), sent, summaries, items)
			}
		}
		wants := func(kinds ...Preference) {
			t.Helper()
			by := org.Actor{PersonID: ids[0]}
			if _, err := NewService(o.db, nil, testEra).SetPreferences(t.Context(), by, Preferences{"21:30", "07:30", "18:00", kinds}); err != nil {
				t.Fatal(err)
			}
		}
		o.set("2026-04-07 12:00:00")
		wants(Preference{Kind: "task.due", WeChat: true})
		o.tell(taskDue(9), ids[0])
		summary("2026-04-07 18:00:05", 0, "") // which do not want it, and will not have it later
		wants()
		o.set("2026-04-07 19:00:00")
		o.tell(taskDue(1), ids[0])
		o.set("2026-04-09 17:00:00") // all nodes were away from the 7th on
		o.tell(taskDue(2), ids[0])
		summary("2026-04-09 18:00:05", 1, "2")
		o.tell(taskDue(3), ids[1])
		summary("2026-04-17 18:00:05", 1, "2") // what is older than a week is in none
		o.set("2026-04-18 18:00:00")
		o.tell(taskDue(4), ids[1])
		summary("2026-04-20 18:00:05", 2, "1")
	})
}

// Whoever has never had a summary and moves it loses nothing that the old time would have brought, whatever way they move, and
// is not brought what a summary of theirs has left out.
func TestAFirstSummaryAfterAMoveBeginsWhereTheOldOneWouldHave(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		ids := o.readers(6, 3)
		early, late, back, twice, passed, alone := ids[0], ids[1], ids[2], ids[3], ids[4], ids[5]
		n := o.node("a")
		clock := "2026-04-07 18:00:05"
		o.set(clock)
		until := func(at string) { // every summary on the way is made
			t.Helper()
			for {
				n.digests()
				if clock == at {
					return
				}
				o.move(digestEvery)
				clock = o.now().In(time.FixedZone("", 8*3600)).Format(time.DateTime)
			}
		}
		told := func(at string, id int64, persons ...org.PersonID) {
			o.set(at)
			o.tell(taskDue(id), persons...)
			o.set(clock)
		}
		summaryAt := func(at, digestAt string, p org.PersonID, kinds ...Preference) {
			t.Helper()
			o.set(at)
			if _, err := NewService(o.db, nil, testEra).SetPreferences(t.Context(), org.Actor{PersonID: p}, Preferences{"21:30", "07:30", digestAt, kinds}); err != nil {
				t.Fatal(err)
			}
			o.set(clock)
		}
		counts := func(want string) {
			t.Helper()
			got := ""
			for i, p := range ids {
				for _, m := range o.fake.Sent() {
					if m.OpenID == openID(p) {
						got += fmt.Sprintf("%d:%s ", i, m.Fields["number1"])
					}
				}
			}
			if got != want {
				t.Errorf("by %s there are the summaries %q, want %q", clock, got, want)
			}
		}
		leftOut := Preference{Kind: "task.due", WeChat: true}
		summaryAt("2026-04-07 18:00:05", "18:00", twice, leftOut)
		summaryAt("2026-04-07 18:00:05", "18:00", passed, leftOut)
		until("2026-04-08 18:00:05")
		told("2026-04-08 18:30:00", 1, late)
		until("2026-04-09 09:30:05")
		told("2026-04-09 10:00:00", 2, early, back, passed, twice)
		summaryAt("2026-04-09 10:00:02", "12:00", passed, leftOut)
		until("2026-04-09 17:00:05")
		summaryAt("2026-04-09 17:00:10", "12:00", early) // which is over today
		summaryAt("2026-04-09 17:00:10", "20:00", late)
		summaryAt("2026-04-09 17:00:10", "12:00", back)
		summaryAt("2026-04-09 17:20:00", "18:00", back)
		summaryAt("2026-04-09 17:20:00", "12:00", passed)
		until("2026-04-09 18:00:05")
		counts("2:1 ")
		told("2026-04-09 18:10:00", 3, twice)
		summaryAt("2026-04-09 18:10:00", "19:00", twice)
		summaryAt("2026-04-09 18:20:00", "12:00", twice)
		told("2026-04-09 18:20:00", 4, passed, alone)
		until("2026-04-09 20:00:05")
		counts("1:1 2:1 ")
		until("2026-04-10 12:00:05")
		counts("0:1 1:1 2:1 3:1 4:1 ")
		until("2026-04-10 18:00:05")
		counts("0:1 1:1 2:1 3:1 4:1 5:1 ")
	})
}

// Whoever moves their summary to an earlier time, after that time, or to a later one, misses nothing of between, and has nothing
// twice. What a whole week has not brought is not brought.
func TestASummaryBeginsWhereTheLastOneEnded(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		p := o.readers(1, 9)[0]
		n := o.node("a")
		service := NewService(o.db, nil, testEra)
		summaryAt := func(at string) {
			t.Helper()
			if _, err := service.SetPreferences(t.Context(), org.Actor{PersonID: p}, Preferences{"21:30", "07:30", at, nil}); err != nil {
				t.Fatal(err)
			}
		}
		id := int64(0)
		told := func(at string) {
			o.set(at)
			id++
			o.tell(taskDue(id), p)
		}
		summary := func(at string, summaries int, items string) {
			t.Helper()
			o.set(at)
			n.digests()
			sent := o.fake.Sent()
			if len(sent) != summaries || sent[len(sent)-1].Fields["number1"] != items {
				t.Errorf("at %s there are %d summaries, the last of %s; want %d, the last of %s", at, len(sent), sent[len(sent)-1].Fields["number1"], summaries, items)
			}
		}
		summaryAt("19:00")
		told("2026-04-08 18:30:00")
		summary("2026-04-08 19:00:05", 1, "1")
		told("2026-04-08 20:00:00")
		o.set("2026-04-09 18:30:00")
		n.digests()
		summaryAt("18:00") // which is over today, for this node
		o.set("2026-04-09 21:30:05")
		told("2026-04-10 17:00:00")
		summary("2026-04-10 18:00:05", 2, "2")
		summaryAt("19:00")
		told("2026-04-10 18:30:00")
		summary("2026-04-10 19:00:05", 2, "2") // one a day
		summary("2026-04-11 19:00:05", 3, "1")
		told("2026-04-11 19:30:00")
		told("2026-04-18 19:30:00")
		summary("2026-04-19 19:00:05", 4, "1")
	})
}
