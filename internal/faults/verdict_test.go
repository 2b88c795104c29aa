package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"wanjia/internal/platform/db"
)

var errNoTicket = errors.New("no ticket")

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// head is how many items somebody's inbox has; 0 when nobody answers.
func (w *world) head(ctx context.Context, handle string) (seq int64) {
	_ = w.db.Get(ctx, &seq, `SELECT seq FROM inbox_head WHERE person_id = ?`, w.person[handle])
	return seq
}

// heads are all of them.
func (w *world) heads() map[string]int64 {
	w.t.Helper()
	var rows []struct {
		Person int64 `db:"person_id"`
		Seq    int64 `db:"seq"`
	}
	if err := w.db.Select(w.t.Context(), &rows, `SELECT person_id, seq FROM inbox_head`); err != nil {
		w.t.Fatal(err)
	}
	by := map[int64]int64{}
	for _, r := range rows {
		by[r.Person] = r.Seq
	}
	all := map[string]int64{}
	for handle, p := range w.person {
		all[handle] = by[p]
	}
	return all
}

// reached says whether every device has what heads count.
func reached(devices []*device, heads map[string]int64) bool {
	for _, d := range devices {
		if d.at() < heads[d.owner] {
			return false
		}
	}
	return true
}

// A verdict compares what was asked for, what is in the database, and what the devices have applied.
type verdict struct {
	Name    string  `json:"name"`
	Case    string  `json:"case"`
	Seconds float64 `json:"seconds"`
	Kills   int     `json:"kills"`

	Orders    int `json:"orders"`    // asked for
	Repeated  int `json:"repeated"`  // times that one was said again
	PerSecond int `json:"perSecond"` // orders
	Committed int `json:"committed"` // items, by (person, seq), of those with devices
	Devices   int `json:"devices"`
	Received  int `json:"received"` // items, by (device, seq)

	Lost       int `json:"lost"`       // orders acknowledged and not done, items not told, items not received
	Doubled    int `json:"doubled"`    // orders done twice, items told or applied twice
	OutOfOrder int `json:"outOfOrder"` // items applied after a later one, or that the database does not have so

	Unpushed    int `json:"unpushed"`    // rows of the outbox that nobody has pushed in the end
	Connections int `json:"connections"` // of the devices, since they were made
	Again       int `json:"again"`       // items that a device dropped, for it had them from an earlier connection
	Unruly      int `json:"unruly"`      // items that came over one connection twice, late or too early; the device drops them

	Failed    int   `json:"failed"`    // calls that nobody has answered
	SlowestMs int64 `json:"slowestMs"` // answer

	BackMs int64          `json:"backMs"` // from the kill until orders are acknowledged again
	LiveMs int64          `json:"liveMs"` // from the start of what was killed until the devices have all that was committed by then
	Codes  map[string]int `json:"codes"`
	Why    []string       `json:"why,omitempty"`

	begun  time.Time
	base   map[string]int64 // what everybody's inbox had before
	faults []string         // what nodes have logged as their own
}

func (v *verdict) clean() bool {
	return v.Lost == 0 && v.Doubled == 0 && v.OutOfOrder == 0 && v.Unruly == 0 && v.Unpushed == 0
}

func (v *verdict) say(count *int, format string, args ...any) {
	if *count++; len(v.Why) < 8 {
		v.Why = append(v.Why, fmt.Sprintf(format, args...))
	}
}

// judge compares everything.
func (w *world) judge(v *verdict, l *load, devices []*device) {
	w.t.Helper()
	v.Orders, v.Devices, v.Codes = len(l.orders), len(devices), map[string]int{}
	for status, n := range l.statuses {
		v.Codes[strconv.Itoa(status)] = n
	}
	if d := l.ended.Sub(l.begun).Seconds(); d > 0 {
		v.PerSecond = int(float64(v.Orders) / d)
	}
	v.Failed, v.SlowestMs = l.failed(), l.slowest.Milliseconds()
	v.faults = w.faults()
	tasks := w.tasks()
	wanted := map[int64]int{} // tasks by the village whose members they are for
	for _, o := range l.orders {
		v.Repeated += o.again
		ids := tasks[o.title]
		for _, id := range ids {
			wanted[id] = o.village
		}
		switch {
		case len(ids) == 0 && o.id == 0:
			v.say(&v.Lost, "order %s was said %d times and never acknowledged", o.title, o.again)
		case len(ids) == 0:
			v.say(&v.Lost, "order %s was acknowledged as task %d and is not there", o.title, o.id)
		case len(ids) > 1:
			v.say(&v.Doubled, "order %s is there %d times", o.title, len(ids))
		case o.id != ids[0]:
			v.say(&v.OutOfOrder, "order %s was acknowledged as task %d and is task %d", o.title, o.id, ids[0])
		}
	}
	told := w.told(v, wanted)
	for _, d := range devices {
		items, base, wire := told[d.owner], v.base[d.owner], d.wire()
		v.Connections, v.Again = v.Connections+int(wire.Connections), v.Again+int(wire.Again)
		v.Unruly += int(wire.Disorder + wire.Holes)
		if d.nth == 0 {
			v.Committed += len(items) - int(base)
		}
		v.Received -= int(base)
		seen, last := map[int64]bool{}, int64(0)
		for _, i := range d.received() {
			v.Received++
			switch {
			case seen[i.Seq]:
				v.say(&v.Doubled, "%s has applied item %d twice", d.owner, i.Seq)
			case i.Seq < last:
				v.say(&v.OutOfOrder, "%s has applied item %d after %d", d.owner, i.Seq, last)
			case items[i.Seq] != i.Ref.ID:
				v.say(&v.OutOfOrder, "%s has item %d about task %d, and the database about %d", d.owner, i.Seq, i.Ref.ID, items[i.Seq])
			}
			seen[i.Seq], last = true, max(last, i.Seq)
		}
		for seq := range items {
			if !seen[seq] {
				v.say(&v.Lost, "device %d of %s lacks item %d of %d", d.nth, d.owner, seq, len(items))
			}
		}
	}
}

// tasks are the tasks by their titles.
func (w *world) tasks() map[string][]int64 {
	w.t.Helper()
	var rows []struct {
		ID    int64  `db:"id"`
		Title string `db:"title"`
	}
	if err := w.db.Select(w.t.Context(), &rows, `SELECT id, title FROM task ORDER BY id`); err != nil {
		w.t.Fatal(err)
	}
	all := map[string][]int64{}
	for _, r := range rows {
		all[r.Title] = append(all[r.Title], r.ID)
	}
	return all
}

// told are everybody's items, each the number of the task it is about by its own. It finds what is missing or doubled
// in the database itself: each task is told once to each member of its village, and numbers have no gap.
func (w *world) told(v *verdict, wanted map[int64]int) map[string]map[int64]int64 {
	w.t.Helper()
	var rows []struct {
		Person int64 `db:"person_id"`
		Seq    int64 `db:"seq"`
		Ref    int64 `db:"ref_id"`
	}
	if err := w.db.Select(w.t.Context(), &rows, `SELECT person_id, seq, ref_id FROM inbox WHERE ref_type = 'task' ORDER BY person_id, seq`); err != nil {
		w.t.Fatal(err)
	}
	by := map[int64]map[int64]int64{}
	for _, r := range rows {
		if by[r.Person] == nil {
			by[r.Person] = map[int64]int64{}
		}
		by[r.Person][r.Seq] = r.Ref
	}
	heads, all := w.heads(), map[string]map[int64]int64{}
	for village := range villages {
		for n := range members {
			handle := villager(village, n)
			items, times := by[w.person[handle]], map[int64]int{}
			for seq := int64(1); seq <= heads[handle]; seq++ {
				id, there := items[seq]
				if !there {
					v.say(&v.Lost, "%s has no item %d of %d", handle, seq, heads[handle])
				}
				times[id]++
			}
			for id, at := range wanted {
				switch {
				case at != village:
				case times[id] == 0:
					v.say(&v.Lost, "%s is not told of task %d", handle, id)
				case times[id] > 1:
					v.say(&v.Doubled, "%s is told %d times of task %d", handle, times[id], id)
				}
			}
			all[handle] = items
		}
	}
	return all
}

// figure prints v: as a line of the test, and in the nightly run as a line of JSON.
func (v *verdict) figure(t *testing.T) {
	t.Helper()
	v.Name, v.Seconds = t.Name(), time.Since(v.begun).Seconds()
	defer asJSON(t, v)
	t.Logf("%s: %d orders, %d a second, %d said again, %d items, %d devices received %d; %d lost, %d doubled, %d out of order, %d not pushed; over %d connections %d again, %d unruly; acknowledged again after %d ms, live again after %d ms; answers %v",
		v.Case, v.Orders, v.PerSecond, v.Repeated, v.Committed, v.Devices, v.Received, v.Lost, v.Doubled, v.OutOfOrder, v.Unpushed, v.Connections, v.Again, v.Unruly, v.BackMs, v.LiveMs, v.Codes)
}

func asJSON(t *testing.T, figure any) {
	t.Helper()
	if !nightly {
		return
	}
	b, err := json.Marshal(figure)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(os.Stdout, string(b))
}

// A sendFigure is what became of messages to WeChat.
type sendFigure struct {
	Name     string  `json:"name"`
	Case     string  `json:"case"`
	Seconds  float64 `json:"seconds"`
	Kills    int     `json:"kills"`
	Events   int     `json:"events"`
	Accepted int     `json:"accepted"` // by WeChat
	Twice    int     `json:"twice"`    // events accepted more than once
	Unknown  int     `json:"unknown"`  // events of which nobody knows in the end
	Wrong    int     `json:"wrong"`
}

func (f *sendFigure) print(t *testing.T, begun time.Time) {
	t.Helper()
	f.Name, f.Seconds = t.Name(), time.Since(begun).Seconds()
	t.Logf("%s: %d events, %d accepted, %d of them more than once, %d not known, %d wrong", f.Case, f.Events, f.Accepted, f.Twice, f.Unknown, f.Wrong)
	asJSON(t, f)
}

// wantClean fails the test unless nothing was lost, doubled or reordered, and nobody was told of a fault of ours.
func (v *verdict) wantClean(t *testing.T) {
	t.Helper()
	if !v.clean() || v.Orders == 0 || v.Received == 0 {
		t.Errorf("%s: %d lost, %d doubled, %d out of order, %d unruly, %d not pushed, of %d orders and %d items: %q",
			v.Case, v.Lost, v.Doubled, v.OutOfOrder, v.Unruly, v.Unpushed, v.Orders, v.Received, v.Why)
	}
	if n := v.Codes["500"]; n > 0 {
		t.Errorf("%s: %d calls were answered 500: %q", v.Case, n, v.faults)
	}
}

// count is one number of the database.
func (w *world) count(query string, args ...any) (n int) {
	w.t.Helper()
	if err := w.db.Get(w.t.Context(), &n, query, args...); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// change changes the database behind the product's back.
func (w *world) change(query string, args ...any) {
	w.t.Helper()
	err := w.db.InTx(w.t.Context(), func(tx *db.Tx) error {
		_, err := tx.Change(w.t.Context(), query, args...)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}
