package notify

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/outbox"
	"wanjia/internal/platform/push"
)

// Tell puts item into the inboxes of to, in this transaction: nobody hears of what did not happen, and nobody
// is forgotten. The rows are written just before COMMIT (push.md §4), where the inbox heads are locked shortly
// and by all in one order; the devices hear of it after COMMIT.
func Tell(ctx context.Context, tx *db.Tx, to Audience, item Item) error {
	prio, args, err := item.check()
	if err != nil {
		return err
	}
	recipients, err := to.resolve(ctx, tx)
	if err != nil {
		return err
	}
	b := tx.Keep(batchKey{}, func() any { return &batch{} }).(*batch)
	if len(b.entries) == 0 { // the first of the transaction, or of what comes after it was written
		tx.Last(db.RankInbox, func(ctx context.Context) error { return b.write(ctx, tx) })
	}
	for _, r := range recipients {
		if r.Person == item.By.PersonID || r.Person == 0 {
			continue
		}
		b.entries = append(b.entries, entry{
			Told: Told{
				Person: r.Person, Kind: item.Kind, Prio: prio, Assignment: r.Assignment,
				RefType: item.Ref.Type, RefID: item.Ref.ID, Args: args, At: tx.Now, Notice: item.notice,
			},
			dedupe: item.Dedupe, together: item.together(r.Assignment), mustReach: item.MustReach,
		})
	}
	return nil
}

// resolve is everybody in a, each once; in a role rather than as themselves, since the item opens with it.
func (a Audience) resolve(ctx context.Context, tx *db.Tx) ([]recipient, error) {
	all := slices.Clone(a.persons)
	for _, p := range a.places {
		some, err := holders(ctx, tx, p.unit, p.role, tx.Now)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	slices.SortStableFunc(all, func(x, y recipient) int {
		return cmp.Or(cmp.Compare(x.Person, y.Person), cmp.Compare(y.Assignment, x.Assignment))
	})
	return slices.CompactFunc(all, func(x, y recipient) bool { return x.Person == y.Person }), nil
}

type batchKey struct{}

// A batch is what one transaction tells, collected until its end.
type batch struct{ entries []entry }

type entry struct {
	Told
	dedupe       string
	together     string // what it stands for others by; empty: for none
	supersededBy int64  // one of the same transaction
	mustReach    bool
	wait         time.Duration // that WeChat leaves between many
}

// pieceSize is how many persons are written at once.
const pieceSize = outbox.PieceSize

// write gives every entry its number and stores it, a piece of persons at a time, in ascending order.
func (b *batch) write(ctx context.Context, tx *db.Tx) error {
	slices.SortStableFunc(b.entries, func(x, y entry) int { return cmp.Compare(x.Person, y.Person) })
	var fresh news
	for len(b.entries) > 0 {
		end, persons := 0, 0
		for end < len(b.entries) {
			if end == 0 || b.entries[end].Person != b.entries[end-1].Person {
				if persons++; persons > pieceSize {
					break
				}
			}
			end++
		}
		if err := writePiece(ctx, tx, b.entries[:end], &fresh); err != nil {
			return err
		}
		b.entries = b.entries[end:]
	}
	if committed, ok := tx.Attached(afterCommit{}).(func(news)); ok && len(fresh.rows) > 0 {
		tx.After(func() { committed(fresh) })
	}
	return nil
}

// afterCommit is the key of what a database is given to hear of news: the node's Courier. Without one, the
// sweeper of another node pushes them.
type afterCommit struct{}

// news is what a transaction wrote: the rows of the outbox, and the items they speak of.
type news struct {
	rows  []outbox.Row
	items []push.Delivery
}

func writePiece(ctx context.Context, tx *db.Tx, piece []entry, fresh *news) error {
	piece, err := dropTold(ctx, tx, piece)
	if err != nil || len(piece) == 0 {
		return err
	}
	heads, err := takeNumbers(ctx, tx, piece)
	if err != nil {
		return err
	}
	for i := range slices.Backward(piece) { // the last of a person has the newest number
		e := &piece[i]
		e.Seq = heads[e.Person]
		heads[e.Person]--
	}
	var ranges []outbox.Range
	for _, e := range piece {
		if n := len(ranges); n == 0 || ranges[n-1].Person != int64(e.Person) {
			ranges = append(ranges, outbox.Range{Person: int64(e.Person), From: e.Seq})
		}
		ranges[len(ranges)-1].To = e.Seq
	}
	if err := supersede(ctx, tx, piece); err != nil {
		return err
	}
	for i, e := range piece {
		if i == 0 || piece[i-1].Person != e.Person {
			fresh.items = append(fresh.items, push.Delivery{Person: int64(e.Person)})
		}
		tail, err := e.tail()
		if err != nil {
			return err
		}
		d := &fresh.items[len(fresh.items)-1]
		d.Entries = append(d.Entries, push.Entry{Seq: e.Seq, Tail: tail})
	}
	for some := range slices.Chunk(piece, pieceSize) {
		if err := insertItems(ctx, tx, some); err != nil {
			return err
		}
		if err := insertSends(ctx, tx, some); err != nil {
			return err
		}
	}
	row, err := outbox.Add(ctx, tx, ranges)
	if err != nil {
		return err
	}
	fresh.rows = append(fresh.rows, row)
	return nil
}

// dropTold leaves out who was told before under the same key. Taking the turn makes a transaction that tells
// the same persons wait, so the look that follows sees what it wrote.
func dropTold(ctx context.Context, tx *db.Tx, piece []entry) ([]entry, error) {
	var keys []string
	for _, e := range piece {
		if e.dedupe != "" && !slices.Contains(keys, e.dedupe) {
			keys = append(keys, e.dedupe)
		}
	}
	if len(keys) == 0 {
		return piece, nil
	}
	if err := countUp(ctx, tx, personsOf(piece), takeTurn, nil); err != nil {
		return nil, err
	}
	told, err := toldKeys(ctx, tx, personsOf(piece), keys)
	if err != nil {
		return nil, err
	}
	kept := piece[:0:0]
	for _, e := range piece {
		if e.dedupe != "" {
			k := personKey{e.Person, e.dedupe}
			if told[k] {
				continue
			}
			told[k] = true // twice in one transaction is once
		}
		kept = append(kept, e)
	}
	return kept, nil
}

// takeNumbers counts up the heads of all persons of piece and returns the new ones.
func takeNumbers(ctx context.Context, tx *db.Tx, piece []entry) (map[org.PersonID]int64, error) {
	persons, counts := personsOf(piece), []int64(nil)
	for i, e := range piece {
		if i == 0 || piece[i-1].Person != e.Person {
			counts = append(counts, 0)
		}
		counts[len(counts)-1]++
	}
	if err := countUp(ctx, tx, persons, takeSeq, counts); err != nil {
		return nil, err
	}
	heads, err := headsOf(ctx, tx, persons)
	if err != nil {
		return nil, err
	}
	if len(heads) != len(persons) {
		return nil, fmt.Errorf("number items: %d inboxes of %d persons", len(heads), len(persons))
	}
	return heads, nil
}

func personsOf(piece []entry) []org.PersonID {
	ids := make([]org.PersonID, len(piece))
	for i, e := range piece {
		ids[i] = e.Person
	}
	return slices.Compact(ids) // they are sorted
}
