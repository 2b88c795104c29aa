package request

import (
	"context"
	"slices"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
)

// A mask is a text as its reader is shown it.
type mask func(text string) string

// maskFor hides from an asker of r what they need not see of what its holders have written to them. A number that they are to
// ring, such as an electrician's, they see, for as long as r can go on; by which number any asker is called back, or was, they
// do not, since what is written to one is read by all (docs/adr/0020).
func (s *Service) maskFor(ctx context.Context, q db.Queryer, as As, r Request, all []share) (mask, error) {
	if !r.State.Open() && r.late(db.NowOf(q), s.reopens) != nil {
		return as.own, nil //nolint:nilerr // because it is only asked whether it goes on
	}
	ids := []ID{r.ID}
	for _, h := range all {
		ids = append(ids, h.Request)
	}
	ids, err := everMerged(ctx, q, ids)
	if err != nil {
		return nil, err
	}
	theirs, err := numbersOf(ctx, q, s.keys, ids)
	if err != nil {
		return nil, err
	}
	return func(text string) string {
		return privacy.PhonesAs(text, func(p sealed.Phone) string {
			if !theirs.have(s.keys, p) {
				return ""
			}
			return as.masked(p)
		})
	}, nil
}

// own is a text that as has written, as they are shown it.
func (as As) own(text string) string { return privacy.PhonesAs(text, as.masked) }

// masked is a number that is hidden from as. Who has shown the digits of a slip sees nothing of its end, by which they would
// act in the asker's name for good, also once somebody follows the need (docs/adr/0019).
func (as As) masked(p sealed.Phone) string {
	if as.slip {
		return p.Begun()
	}
	return p.Masked()
}

// numbers are those that askers have left: those that they leave now, and the indices of those that they did before.
type numbers struct {
	now    map[string]bool
	before map[int64]bool
}

// have says whether p is one of n. Of those that were left before one in four thousand looks like it.
func (n numbers) have(keys *sealed.Keys, p sealed.Phone) bool {
	return n.now[p.Reveal()] || slices.ContainsFunc(keys.PhoneIndexes(p.Reveal()), func(i int64) bool { return n.before[i] })
}

// numbersOf are those that everybody has left who asks for one of requests, or has come from one.
func numbersOf(ctx context.Context, q db.Queryer, keys *sealed.Keys, ids []ID) (n numbers, err error) {
	n = numbers{map[string]bool{}, map[int64]bool{}}
	query, args, err := db.In(`
		SELECT id, phone_sealed
		FROM request_asker
		WHERE request_id IN (?) OR origin_id IN (?)`, ids, ids)
	if err != nil {
		return n, err
	}
	var rows []struct {
		ID    int64  `db:"id"`
		Phone []byte `db:"phone_sealed"`
	}
	if err := q.Select(ctx, &rows, query, args...); err != nil || len(rows) == 0 {
		return n, db.Wrap(err, nil, "find the numbers of the askers of requests")
	}
	askers := make([]int64, len(rows))
	for i, r := range rows {
		askers[i] = r.ID
		if r.Phone == nil {
			continue
		}
		number, err := keys.Open(sealed.Personal, "request_asker", "phone_sealed", r.ID, r.Phone)
		if err != nil {
			return n, err
		}
		n.now[number] = true
	}
	if query, args, err = db.In(`SELECT phone_index FROM asker_number WHERE asker_id IN (?)`, askers); err != nil {
		return n, err
	}
	var before []int64
	err = q.Select(ctx, &before, query, args...)
	for _, i := range before {
		n.before[i] = true
	}
	return n, db.Wrap(err, nil, "find the numbers that askers had left before")
}

// writtenIn is what the holders of a request have written, to its askers and to each other, sealed.
func writtenIn(ctx context.Context, q db.Queryer, id ID) (values []privacy.Value, err error) {
	steps, err := history(ctx, q, sealed.Of(q), id)
	for _, l := range steps {
		if l.Assignment != 0 && l.NoteSealed != nil {
			values = append(values, l.written())
		}
	}
	return values, err
}

// toSay is what there is of holders' words to say to an asker in a call, sealed.
func (c Call) toSay(ctx context.Context, q db.Queryer, a asker) (values []privacy.Value, err error) {
	shares, err := sharesOf(ctx, q, sealed.Of(q), a)
	for _, l := range shared(shares) {
		if forAskers[l.Move] && (l.Asker == 0 || l.Asker == a.ID) && !l.HappenedAt.Before(c.OpenedAt) && l.NoteSealed != nil {
			values = append(values, l.written())
		}
	}
	return values, err
}

// written is the note of l, to be opened.
func (l Step) written() privacy.Value {
	return privacy.Value{
		Field: Written, Class: sealed.Personal, Table: "request_history", Column: "note_sealed", ID: l.ID, Cipher: l.NoteSealed,
	}
}
