package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/kv"
)

const (
	digestEvery = 30 * time.Minute   // summaries are made at full and half hours
	digestAfter = 5 * time.Second    // for acts of the last moment, which commit a little later than they happen
	digestLate  = 3 * time.Hour      // after a standstill nobody is told of the day so late
	digestMost  = 7 * 24 * time.Hour // what is older is in no summary
)

// Digests makes the summaries of the day that are due in this node's shards: of what people have not read and what can
// wait, from their last summary up to their time and that moment included (K18): what was told on a day whose summary nobody
// made, or before somebody set another time, is in the next. It says whether it made any.
func (s *Sends) Digests(ctx context.Context) (bool, error) {
	shards := s.Leases.Held()
	if s.app == "" || len(shards) == 0 {
		return false, nil
	}
	now := s.db.Now().Add(-digestAfter)
	done, err := digestsDone(ctx, s.db, now.Add(-digestLate))
	if err != nil {
		return false, err
	}
	worked := false
	for slot := now.Truncate(digestEvery); now.Sub(slot) < digestLate; slot = slot.Add(-digestEvery) {
		left := slices.DeleteFunc(slices.Clone(shards), func(shard int) bool { return done[digestKey{shard, slot.UnixMilli()}] })
		if len(left) == 0 {
			continue
		}
		if err := s.digest(ctx, slot, left); err != nil {
			return worked, err
		}
		worked = true
	}
	return worked, nil
}

// digest makes the summaries of slot for the persons of shards. When two nodes do, each summary is still one.
func (s *Sends) digest(ctx context.Context, slot time.Time, shards []int) error {
	day := calendar.DayOf(slot)
	at := clockTime(slot.Sub(day.Time()) / time.Minute)
	before, err := digestsBefore(ctx, s.db, slot, shards)
	if err != nil {
		return err
	}
	for after := org.PersonID(0); ; {
		persons, err := digestPersons(ctx, s.db, s.app, at, after)
		if err != nil {
			return err
		}
		if len(persons) == 0 {
			break
		}
		after = persons[len(persons)-1]
		ours := slices.DeleteFunc(persons, func(p org.PersonID) bool { return !slices.Contains(shards, kv.ShardOf(int64(p))) })
		if at == usual.digestAt && len(ours) > 0 {
			own, err := hoursOfAll(ctx, s.db, ours)
			if err != nil {
				return err
			}
			ours = slices.DeleteFunc(ours, func(p org.PersonID) bool {
				h, ok := own[p]
				return ok && h.digestAt != at
			})
		}
		for some := range slices.Chunk(ours, digestLoad) {
			if err := s.db.InTx(ctx, func(tx *db.Tx) error { return s.digestSome(ctx, tx, some, slot, before) }); err != nil {
				return err
			}
		}
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error { return noteDigests(ctx, tx, shards, slot) })
}

// digestLoad is for how many persons summaries are made at once.
const digestLoad = 100

func (s *Sends) digestSome(ctx context.Context, tx *db.Tx, persons []org.PersonID, slot time.Time, before map[int]time.Time) error {
	since, oldest, err := s.digestSince(ctx, tx, persons, slot, before)
	if err != nil {
		return err
	}
	items, err := digestItems(ctx, tx, persons, oldest, slot)
	if err != nil {
		return err
	}
	items = slices.DeleteFunc(items, func(t Told) bool { return !t.At.After(since[t.Person]) })
	if len(items) == 0 {
		return nil
	}
	unwanted, err := digestUnwanted(ctx, tx, persons)
	if err != nil {
		return err
	}
	for len(items) > 0 {
		end := 1
		for end < len(items) && items[end].Person == items[0].Person {
			end++
		}
		d, err := s.summarise(ctx, tx, items[:end], unwanted)
		if err != nil {
			return err
		}
		if d.count > 0 {
			if err := insertDigest(ctx, tx, d, slot); err != nil {
				return err
			}
		}
		items = items[end:]
	}
	return nil
}

// A summary is how much of a day one person has not read.
type summary struct {
	person org.PersonID
	count  int
	due    time.Time // the earliest; zero: nothing has an end
	last   int64     // the newest of the items
}

// summarise counts what somebody may still read and wants in the summary. An item whose fields make no sense counts, and keeps nobody
// from theirs (R11).
func (s *Sends) summarise(ctx context.Context, tx *db.Tx, items []Told, unwanted map[personKey]bool) (d summary, err error) {
	d.person = items[0].Person
	if slices.ContainsFunc(items, func(t Told) bool { return t.Assignment != 0 }) {
		live, err := liveAssignments(ctx, tx, d.person, tx.Now)
		if err != nil {
			return d, err
		}
		items = withoutEnded(items, live)
	}
	for _, t := range items {
		if t.Kind == Gone || unwanted[personKey{t.Person, t.Kind}] {
			continue
		}
		d.count++
		d.last = t.Seq
		if t.Args == "" {
			continue
		}
		var fields struct {
			DueAt time.Time `json:"dueAt"`
		}
		if err := json.Unmarshal([]byte(t.Args), &fields); err != nil {
			s.Log.Error("the fields of an item cannot be read", "person", t.Person, "item", t.Seq, "error", err)
		}
		if !fields.DueAt.IsZero() && (d.due.IsZero() || fields.DueAt.Before(d.due)) {
			d.due = fields.DueAt
		}
	}
	return d, nil
}

// A digestMove is the last time that somebody set another time for their summary, and where a first one would have begun then.
type digestMove struct {
	At   time.Time `db:"digest_moved_at"`
	From time.Time `db:"digest_from"`
}

// first is where the summary at slot begins of who has had none: when the last ones of their shard at this time of the day were
// made (before; zero: none). Those that were made before they moved to it were not of them, and brought nothing.
func (m digestMove) first(before, slot time.Time) time.Time {
	from := before
	if from.Before(m.At) {
		from = m.From
	}
	if oldest := slot.Add(-digestMost); from.Before(oldest) {
		return oldest
	}
	return from
}

// digestSince is from when the summaries of persons at slot begin, and from when the longest does: where a person's last one
// ended, or where their first begins. Before is when the last ones of each shard at this time of the day were made.
func (s *Sends) digestSince(ctx context.Context, tx *db.Tx, persons []org.PersonID, slot time.Time, before map[int]time.Time) (since map[org.PersonID]time.Time, oldest time.Time, err error) {
	made, err := lastDigests(ctx, tx, persons, slot.Add(-digestMost), slot)
	if err != nil {
		return nil, oldest, err
	}
	last := make(map[org.PersonID]time.Time, len(made))
	for _, m := range made {
		at, err := m.at()
		if err != nil { // as if there had been none
			s.Log.Error("a summary cannot be read", "person", m.Person, "error", err)
		}
		if at.Before(slot) && at.After(last[m.Person]) {
			last[m.Person] = at
		}
	}
	moves, err := digestMoves(ctx, tx, persons, slot.Add(-digestMost))
	if err != nil {
		return nil, oldest, err
	}
	since, oldest = make(map[org.PersonID]time.Time, len(persons)), slot
	for _, p := range persons {
		from, ok := last[p]
		if !ok {
			from = moves[p].first(before[kv.ShardOf(int64(p))], slot)
		}
		since[p] = from
		if from.Before(oldest) {
			oldest = from
		}
	}
	return since, oldest, nil
}

// args are the fields of d, made at slot, as its message keeps them.
func (d summary) args(slot time.Time) (string, error) {
	fields := map[string]any{count: d.count, at: slot}
	if !d.due.IsZero() {
		fields[dueAt] = d.due
	}
	b, err := json.Marshal(fields)
	if err != nil {
		return "", fmt.Errorf("write the summary of person %d: %w", d.person, err)
	}
	return string(b), nil
}
