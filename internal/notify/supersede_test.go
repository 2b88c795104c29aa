package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
)

// a8 is Wed 2026-04-08 10:00 in Shanghai.
var a8 = time.Date(2026, 4, 8, 2, 0, 0, 0, time.UTC)

// clocked gives d a clock that after moves to so long after a8.
func clocked(t *testing.T, d *db.DB) (after func(time.Duration)) {
	t.Helper()
	var now atomic.Int64
	dbtest.WithClock(t, d, func() time.Time { return a8.Add(time.Duration(now.Load())) })
	return func(by time.Duration) { now.Store(int64(by)) }
}

// shown is an inbox as a device has it that shows an item alone in place of the one it stands for: number, thing and
// count of each.
func shown(t *testing.T, d *db.DB, person org.PersonID) string {
	t.Helper()
	items, err := listItems(t.Context(), d, person, 0, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for i, item := range items {
		if item.Seq != int64(i+1) {
			t.Errorf("item %d of person %d has number %d: there is a gap", i+1, person, item.Seq)
		}
		if slices.ContainsFunc(items, func(o Told) bool { return o.Supersedes == item.Seq }) {
			continue
		}
		n, err := countIn(item.Args)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%d:%d×%d", item.Seq, item.RefID, n))
	}
	return strings.Join(out, " ")
}

func missed(id int64, unit org.UnitID) Item {
	return Item{
		Kind: "request.target_missed", Ref: Ref{"request", id}, Unit: unit, Args: map[string]any{"count": 1, "unitLabel": "03责任区"},
		Dedupe: fmt.Sprintf("missed:%d", id),
	}
}

// N6, K23: within ten minutes a new item of a key stands for the unread one before it, with its count; at exactly ten
// minutes, after a reading, and for another key it does not.
func TestN6_ANewItemStandsForTheUnreadOneBeforeIt(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		after := clocked(t, d)
		ids := people(t, d, 2)
		hear := func(to Audience, item Item) {
			t.Helper()
			if err := tell(t.Context(), d, to, item); err != nil {
				t.Fatal(err)
			}
		}
		wants := func(what, want string) {
			t.Helper()
			if got := shown(t, d, ids[0]); got != want {
				t.Errorf("%s: %s, want %s", what, got, want)
			}
		}
		hear(Persons(ids...), missed(1, 7))
		after(9 * time.Minute)
		hear(Persons(ids[0]), missed(2, 7))
		wants("the second of a unit", "2:2×2")
		hear(Persons(ids[0]), missed(2, 7)) // the same event
		wants("told again", "2:2×2")
		hear(Persons(ids[0]), missed(3, 8))
		wants("of another unit", "2:2×2 3:3×1")
		after(19*time.Minute - time.Millisecond)
		hear(Persons(ids[0]), missed(4, 7))
		wants("a millisecond before ten minutes", "3:3×1 4:4×3")
		after(29*time.Minute - time.Millisecond)
		hear(Persons(ids[0]), missed(5, 7))
		wants("at exactly ten minutes", "3:3×1 4:4×3 5:5×1")
		if err := d.InTx(t.Context(), func(tx *db.Tx) error { return markRead(t.Context(), tx, ids[0], 5) }); err != nil {
			t.Fatal(err)
		}
		hear(Persons(ids[0]), missed(6, 7))
		wants("after a reading", "3:3×1 4:4×3 5:5×1 6:6×1")
		near := missed(7, 7)
		near.Kind = "request.target_near"
		hear(Persons(ids[0]), near)
		hear(Persons(ids[0]), taskDue(8))
		hear(Persons(ids[0]), taskDue(9))
		wants("other kinds", "3:3×1 4:4×3 5:5×1 6:6×1 7:7×1 8:8×1 9:9×1")
		hear(InRole(ids[0], 12), missed(10, 7))
		wants("in another role", "3:3×1 4:4×3 5:5×1 6:6×1 7:7×1 8:8×1 9:9×1 10:10×1")
		if got := shown(t, d, ids[1]); got != "1:1×1" {
			t.Errorf("the other person has %s, want the first item", got)
		}
		if n, err := unreadOfKind(t.Context(), d, ids[0], "request.target_missed", 0); err != nil || n != 5 {
			t.Errorf("%d unread of the kind (%v), want those that stand for themselves, 5", n, err)
		}
	})
}

// waiting is somebody who has to go to a counter with a label.
func waiting(request int64, label string) Item {
	return Item{Kind: "counter.waiting", Ref: Ref{"request", request}, Args: map[string]any{"count": 1, "placeLabel": label}}
}

// What comes by each kind's key of the catalogue stands together, and nothing else of the kind.
func TestN6_EachKindIsToldTogetherByItsOwnKey(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		clocked(t, d)
		assigner, other := org.Actor{PersonID: 1 << 40}, org.Actor{PersonID: 1 << 41}
		for _, c := range []struct {
			what          string
			first, second Item
			want          string
		}{
			{"states of one request", Item{Kind: "request.status", Ref: Ref{"request", 1}}, Item{Kind: "request.status", Ref: Ref{"request", 1}}, "2:1×1"},
			{"states of two requests", Item{Kind: "request.status", Ref: Ref{"request", 1}}, Item{Kind: "request.status", Ref: Ref{"request", 2}}, "1:1×1 2:2×1"},
			{"calls", Item{Kind: "call.assigned", Ref: Ref{"call", 1}}, Item{Kind: "call.assigned", Ref: Ref{"call", 2}, Args: map[string]any{"count": 1}}, "2:2×2"},
			{"calls of a need and of an announcement", Item{Kind: "call.assigned", Ref: Ref{"call", 1}}, Item{Kind: "call.assigned", Ref: Ref{"notice", 2}}, "1:1×1 2:2×1"},
			{"calls of two announcements", Item{Kind: "call.assigned", Ref: Ref{"notice", 1}}, Item{Kind: "call.assigned", Ref: Ref{"notice", 2}}, "1:1×1 2:2×1"},
			{"tasks of one assigner", Item{Kind: "task.assigned", Ref: Ref{"task", 1}, By: assigner}, Item{Kind: "task.assigned", Ref: Ref{"task", 2}, By: assigner}, "2:2×2"},
			{"tasks of two assigners", Item{Kind: "task.assigned", Ref: Ref{"task", 1}, By: assigner}, Item{Kind: "task.assigned", Ref: Ref{"task", 2}, By: other}, "1:1×1 2:2×1"},
			{"tasks returned by one assigner", Item{Kind: "task.returned", Ref: Ref{"task", 1}, By: assigner}, Item{Kind: "task.returned", Ref: Ref{"task", 2}, By: assigner}, "2:2×2"},
			{"a task and one returned", Item{Kind: "task.assigned", Ref: Ref{"task", 1}, By: assigner}, Item{Kind: "task.returned", Ref: Ref{"task", 2}, By: assigner}, "1:1×1 2:2×1"},
			{"who waits at one counter", waiting(1, "1号窗口"), waiting(2, "1号窗口"), "2:2×2"},
			{"who waits at two counters", waiting(1, "1号窗口"), waiting(2, "2号窗口"), "1:1×1 2:2×1"},
			{"who waits nobody says where", waiting(1, ""), waiting(2, ""), "1:1×1 2:2×1"},
			{"tasks of a clock", Item{Kind: "task.assigned", Ref: Ref{"task", 1}, By: org.System}, Item{Kind: "task.assigned", Ref: Ref{"task", 2}, By: org.System}, "1:1×1 2:2×1"},
			{"what waits, of no unit", missed(1, 0), missed(2, 0), "1:1×1 2:2×1"},
			{"messages", Item{Kind: "request.message", Ref: Ref{"request", 1}}, Item{Kind: "request.message", Ref: Ref{"request", 1}}, "1:1×1 2:1×1"},
		} {
			for _, at := range []string{"in two transactions", "in one"} {
				id := people(t, d, 1)[0]
				err := d.InTx(t.Context(), func(tx *db.Tx) error {
					err := Tell(t.Context(), tx, Persons(id), c.first)
					if err == nil && at == "in one" {
						err = Tell(t.Context(), tx, Persons(id), c.second)
					}
					return err
				})
				if err == nil && at != "in one" {
					err = tell(t.Context(), d, Persons(id), c.second)
				}
				if err != nil {
					t.Fatal(err)
				}
				if got := shown(t, d, id); got != c.want {
					t.Errorf("%s, %s: %s, want %s", c.what, at, got, c.want)
				}
			}
		}
	})
}

// However many tell at one time, one item is left, and it speaks of all of them.
func TestN6_OfManyAtOnceOneIsLeftWithTheCountOfAll(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		clocked(t, d)
		const nodes, each = 6, 10
		id := people(t, d, 1)[0]
		var wg sync.WaitGroup
		for n := range nodes {
			wg.Go(func() {
				for i := range each {
					if err := tell(t.Context(), d, Persons(id), missed(int64(n*100+i), 7)); err != nil {
						t.Errorf("tell: %v", err)
					}
				}
			})
		}
		wg.Wait()
		got := shown(t, d, id)
		if fields := strings.Fields(got); len(fields) != 1 || !strings.HasPrefix(got, "60:") || !strings.HasSuffix(got, "×60") {
			t.Errorf("the inbox shows %s, want the last of 60 items with the count of all", got)
		}
	})
}

// A message of WeChat that has not been sent goes with the item that it repeats; one that is on its way stays.
func TestN6_AWaitingMessageGoesWithItsItem(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		clocked(t, d)
		ids := people(t, d, 2)
		repeats := func(person org.PersonID, seq int64, state string) {
			t.Helper()
			err := d.InTx(t.Context(), func(tx *db.Tx) error {
				_, err := tx.Insert(t.Context(), `
					INSERT INTO wechat_send (person_id, event, seq, template, kind, ref_type, ref_id, must_reach, not_before, state, created_at)
					VALUES (?, ?, ?, 'task', 'task.assigned', 'task', 1, ?, ?, ?, ?)`,
					person, fmt.Sprintf("n:%d", seq), seq, false, tx.Now, state, tx.Now)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		by := org.Actor{PersonID: 1 << 40}
		for i := range 2 {
			if err := tell(t.Context(), d, Persons(ids...), Item{Kind: "task.assigned", Ref: Ref{"task", int64(i)}, By: by}); err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				repeats(ids[0], 1, "waiting")
				repeats(ids[1], 1, "ready")
			}
		}
		var rows []struct {
			Person  org.PersonID `db:"person_id"`
			State   string       `db:"state"`
			Outcome *Outcome     `db:"outcome"`
			Reason  *string      `db:"reason"`
			EndedAt *time.Time   `db:"ended_at"`
		}
		if err := d.Select(t.Context(), &rows, `SELECT person_id, state, outcome, reason, ended_at FROM wechat_send ORDER BY person_id`); err != nil || len(rows) != 2 {
			t.Fatalf("%d messages (%v), want two", len(rows), err)
		}
		if r := rows[0]; r.State != "ended" || r.Outcome == nil || *r.Outcome != Suppressed || r.Reason == nil || *r.Reason != "superseded" || r.EndedAt == nil {
			t.Errorf("the waiting message is %+v, want it suppressed since another stands for it", r)
		}
		if r := rows[1]; r.State != "ready" || r.Outcome != nil {
			t.Errorf("the message on its way is %+v, want it left alone", r)
		}
	})
}

// A device hears in the frame which item the new one stands for.
func TestN6_AFrameSaysWhichItemItStandsFor(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		clocked(t, d)
		id := people(t, d, 1)[0]
		for i := range 2 {
			if err := tell(t.Context(), d, Persons(id), missed(int64(i), 7)); err != nil {
				t.Fatal(err)
			}
		}
		entries, err := Inboxes{d}.Items(context.WithoutCancel(t.Context()), int64(id), 0, 10)
		if err != nil || len(entries) != 2 {
			t.Fatalf("%d entries, %v", len(entries), err)
		}
		var f struct {
			Sup int64
			D   struct{ Count int }
		}
		if err := json.Unmarshal([]byte("{"+entries[1].Tail), &f); err != nil || f.Sup != 1 || f.D.Count != 2 {
			t.Errorf("the second frame is %s (%v), want it to stand for item 1 and count 2", entries[1].Tail, err)
		}
		if strings.Contains(entries[0].Tail, "sup") {
			t.Errorf("the first frame is %s, want it to stand for itself", entries[0].Tail)
		}
	})
}

// Of what stands together from the beginning WeChat repeats the last alone.
func TestN6_WeChatDoesNotRepeatWhatIsSupersededAtOnce(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		p := o.followers(1, 0)[0]
		if err := o.db.InTx(t.Context(), func(tx *db.Tx) error {
			for i := range int64(2) {
				if err := Tell(t.Context(), tx, Persons(p), Item{Kind: "call.assigned", Ref: Ref{"call", i + 1}, Args: map[string]any{"count": 1}}); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if rows := o.rows(); len(rows) != 1 || rows[0].Event != "n:2" || rows[0].State != "waiting" {
			t.Errorf("the messages are %+v, want one that repeats the second item", rows)
		}
	})
}

// What is unread is read from the newest items alone, however many older ones of the kind there are: by their numbers.
func TestUnreadItemsAreFoundByTheirNumbers(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ids := people(t, d, 40)
		const items = 60
		err := d.InTx(t.Context(), func(tx *db.Tx) error {
			for _, p := range ids {
				var entries []entry
				for seq := range int64(items) {
					entries = append(entries, entry{Told: Told{
						Person: p, Seq: seq + 1, Kind: "request.target_missed", Prio: 1, RefType: "request", RefID: seq, Args: `{"count":1}`, At: tx.Now,
					}, together: "u:7"})
				}
				if err := insertItems(t.Context(), tx, entries); err != nil {
					return err
				}
			}
			_, err := tx.Change(t.Context(), `UPDATE inbox_head SET seq = ?, read_seq = ?`, items, items-3)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		var sent []db.Sent
		d.Watch(func(_ context.Context, s db.Sent) {
			if strings.Contains(s.Query, "FROM inbox") && !strings.Contains(s.Query, "FROM inbox_head") {
				sent = append(sent, s)
			}
		})
		found, err := unreadTogether(t.Context(), d, "request.target_missed", ids[3:5], []string{"u:7"}, d.Now().Add(-time.Hour))
		if err != nil || len(found) != 2 || found[personKey{ids[3], "u:7"}].Seq != items {
			t.Errorf("unread are %+v (%v), want the newest of both", found, err)
		}
		n, err := unreadOfKind(t.Context(), d, ids[3], "request.target_missed", items-3)
		d.Watch(nil)
		if err != nil || n != 3 || len(sent) != 2 {
			t.Errorf("%d are unread (%v) by %d statements, want three by one, and one for those together", n, err, len(sent))
		}
		for _, s := range sent {
			plan := dbtest.Plan(t, d, s)
			if !strings.Contains(plan, "person_id=? AND seq>?") && (!strings.Contains(plan, `"access_type": "range"`) || !strings.Contains(plan, `"key": "PRIMARY"`)) {
				t.Errorf("they are found so:\n%s\nby %s", plan, s.Query)
			}
		}
	})
}
