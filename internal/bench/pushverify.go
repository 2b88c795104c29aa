package bench

import (
	"fmt"
	"slices"
	"time"
)

// A verdict is what became of what was committed. Figures count only when it is clean.
type verdict struct {
	Committed  int // items in SQL, of persons who have a device
	Received   int
	Lost       int // committed and never shown
	Dup        int // shown twice
	OutOfOrder int // shown after a later one
	Gaps       int // shown while an earlier one was missing
	Foreign    int // shown and never committed, or with another's number
	Vanished   int // said to be committed, and not in SQL
	Unruly     int // came over one connection twice, after a later one or before an earlier one; the device drops it
	First      string
}

func (v verdict) clean() bool {
	return v.Lost+v.Dup+v.OutOfOrder+v.Gaps+v.Foreign+v.Vanished+v.Unruly == 0
}

func (v *verdict) say(format string, args ...any) {
	if v.First == "" {
		v.First = fmt.Sprintf(format, args...)
	}
}

// verify compares what SQL has with what devices were shown.
func verify(truth [][3]int64, devices []*pushDevice, sent *ledger) (v verdict) {
	items := map[int64]map[int64]int64{} // person, seq: message
	stored := map[int64]bool{}
	for _, r := range truth {
		if items[r[0]] == nil {
			items[r[0]] = map[int64]int64{}
		}
		items[r[0]][r[1]] = r[2]
		stored[r[2]] = true
	}
	for _, id := range sent.committed() {
		if !stored[id] {
			v.Vanished++
			v.say("message %d was said to be committed, and is not there", id)
		}
	}
	for _, d := range devices {
		v.device(d, items[d.person])
	}
	return v
}

// device looks at one device; of are the items of its person, by number.
func (v *verdict) device(d *pushDevice, of map[int64]int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	shown, top := map[int64]bool{}, d.after
	for _, r := range d.got {
		id, there := of[r.seq]
		switch {
		case !there || id != r.id:
			v.Foreign++
			v.say("person %d is shown message %d as item %d, which it is not", d.person, r.id, r.seq)
			continue
		case shown[r.seq]:
			v.Dup++
			v.say("person %d is shown item %d twice", d.person, r.seq)
			continue
		case r.seq < top:
			v.OutOfOrder++
			v.say("person %d is shown item %d after %d", d.person, r.seq, top)
		case r.seq > top+1:
			v.Gaps++
			v.say("person %d is shown item %d after %d", d.person, r.seq, top)
		}
		shown[r.seq] = true
		top = max(top, r.seq)
	}
	if d.wire != nil {
		if w := d.wire(); w.Disorder+w.Holes > 0 {
			v.Unruly += int(w.Disorder + w.Holes)
			v.say("over one connection person %d is sent %d items twice or late, and %d too early", d.person, w.Disorder, w.Holes)
		}
	}
	v.Committed += len(of)
	v.Received += len(shown)
	if lost := len(of) - len(shown); lost > 0 {
		v.Lost += lost
		v.say("person %d was never shown %d of %d items", d.person, lost, len(of))
	}
}

// A ledger is what was to be sent, and what became of it. Messages are numbered from first on.
type ledger struct {
	first int64
	all   []entry
	late  int // sent long after they were due
}

type entry struct {
	due  time.Time
	at   time.Time // of COMMIT; zero: not, or nobody knows
	tx   time.Duration
	to   int // how many persons
	node *pushNode
	over bool
	why  string // it was not committed, and this is why
}

// committed are the messages of which a server has said that they are.
func (l *ledger) committed() (ids []int64) {
	for i, e := range l.all {
		if !e.at.IsZero() {
			ids = append(ids, l.first+int64(i))
		}
	}
	return ids
}

// of is the entry of a message; nil if it is none of these.
func (l *ledger) of(id int64) *entry {
	if i := id - l.first; i >= 0 && i < int64(len(l.all)) {
		return &l.all[i]
	}
	return nil
}

// lateAfter is how long after its time a message starts late.
const lateAfter = 10 * time.Millisecond

// times are how long messages were on their way, in ms: from COMMIT, from the moment they were due, and the time of the
// transactions.
func (l *ledger) times(devices []*pushDevice) (commit, due, tx []float64) {
	ms := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }
	for _, d := range devices {
		d.mu.Lock()
		for _, r := range d.got {
			if e := l.of(r.id); e != nil && !e.at.IsZero() {
				commit, due = append(commit, ms(r.at.Sub(e.at))), append(due, ms(r.at.Sub(e.due)))
			}
		}
		d.mu.Unlock()
	}
	for _, e := range l.all {
		if !e.at.IsZero() {
			tx = append(tx, ms(e.tx))
		}
	}
	for _, some := range [][]float64{commit, due, tx} {
		slices.Sort(some)
	}
	return commit, due, tx
}
