package request

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/say"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/upload"
)

// What merging refuses.
var (
	ErrMergePlace   = problem.New(problem.Invalid, "request.merge_place")
	ErrMergeConcern = problem.New(problem.Conflict, "request.merge_concern")
	ErrUnmergeLate  = problem.New(problem.Conflict, "request.unmerge_late")
	ErrUnmergeOver  = problem.New(problem.Conflict, "request.unmerge_settled")
)

// unmergeWindow is how long a merging can be undone: at exactly its end it is too late (K23).
const unmergeWindow = 24 * time.Hour

// mayMerge says why by does not make who asks for r ask for another request, or nil: the lead of the place of both does,
// or whoever holds both.
func (r Request) mayMerge(by org.Actor, into Request) error {
	lead := leading[by.Role] && by.Grid.ID == r.PlaceID && by.Grid.ID == into.PlaceID
	if guard.On(guard.Rule) && !lead && (r.mayAct(by) != nil || into.mayAct(by) != nil) {
		return problem.ErrForbidden
	}
	return nil
}

// canMerge says why r cannot be merged into another request, or nil. What concerns somebody stays by itself, so that
// nobody comes to see it who must not (V6).
func (r Request) canMerge(into Request) error {
	switch {
	case r.ID == into.ID || r.PlaceID != into.PlaceID:
		return ErrMergePlace.Field("/requestIds", ErrMergePlace.Code)
	case r.concerns() || into.concerns():
		return ErrMergeConcern
	}
	return r.anyOpen()
}

// concerns says whether r is about somebody who holds or leads something.
func (r Request) concerns() bool { return r.Category == HolderConcern || r.About != nil }

// A merging is what a request was before it was merged into another.
type merging struct {
	ID           int64      `db:"id"`
	Request      ID         `db:"request_id"`
	Target       ID         `db:"target_id"`
	MergedAt     time.Time  `db:"merged_at"`
	State        State      `db:"state"`
	AcceptDueAt  *time.Time `db:"accept_due_at"`
	UpdateDueAt  *time.Time `db:"update_due_at"`
	SolveDueAt   *time.Time `db:"solve_due_at"`
	WaitUntil    *time.Time `db:"wait_until"`
	WaitingSince *time.Time `db:"waiting_since"`
}

// restore makes r what it was before, with what was left of its clocks (K13). Hours counts the time of its category.
func (m merging) restore(r *Request, hours *calendar.Calendar, now time.Time) {
	r.State, r.ClosedAt = m.State, nil
	stood := m.MergedAt
	if m.WaitingSince != nil { // they had stood still before
		stood = *m.WaitingSince
	}
	left := func(due *time.Time) *time.Time {
		if due == nil || !due.After(stood) {
			return due
		}
		at := hours.After(now, hours.WorkingBetween(stood, *due))
		return &at
	}
	r.AcceptDueAt, r.UpdateDueAt, r.SolveDueAt = left(m.AcceptDueAt), left(m.UpdateDueAt), left(m.SolveDueAt)
	if m.WaitUntil != nil {
		until := now.Add(m.WaitUntil.Sub(m.MergedAt))
		r.WaitUntil, r.WaitingSince = &until, &now
	}
}

// MergedInto is what a merging has made of the request that goes on.
type MergedInto struct {
	Moved
	Merged []ID
	Askers int // who ask for it now
}

// Merge makes everybody who asks for some requests ask for another one, which goes on with its own clocks; theirs end.
func (s *Service) Merge(ctx context.Context, by org.Actor, target ID, ids []ID) (m MergedInto, err error) {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), &m, func() error {
			if _, err := s.rules.learn(ctx, tx); err != nil {
				return err
			}
			into, err := s.findSeen(ctx, tx, by, target)
			if err != nil {
				return err
			}
			m.Merged = nil
			for _, id := range ids {
				if err := s.mergeOne(ctx, tx, by, id, into); err != nil {
					return err
				}
				m.Merged = append(m.Merged, id)
			}
			if err := into.anyOpen(); err != nil {
				return err
			}
			into.stepped(tx.Now)
			if err := s.saveMove(ctx, tx, &into.Request); err != nil { // it is still open when all of them have come
				return err
			}
			if err := addStep(ctx, tx, s.keys, by, into.Request, line{move: "joined", from: &into.State}); err != nil {
				return err
			}
			audit.Note(tx, by.Did("request.joined", "request", int64(target)))
			if err := tellHolderMerged(ctx, tx, s.keys, by, into, "merged", into.once("merged")); err != nil {
				return err
			}
			m.Moved = Moved{into.Request, into.HolderName}
			m.PremisesID, m.SourceVisitID = nil, nil
			m.Askers, err = countAskers(ctx, tx, target)
			return err
		})
	})
	return m, err
}

func (s *Service) mergeOne(ctx context.Context, tx *db.Tx, by org.Actor, id ID, into Seen) error {
	r, err := s.findSeen(ctx, tx, by, id)
	if err != nil {
		return err
	}
	if err := r.mayMerge(by, into.Request); err != nil {
		return err
	}
	if err := r.canMerge(into.Request); err != nil {
		return err
	}
	if err := insertMerging(ctx, tx, by, r.Request, into.ID); err != nil {
		return err
	}
	from := r.State
	s.close(&r.Request, Merged, tx.Now)
	r.stepped(tx.Now)
	if err := s.saveMove(ctx, tx, &r.Request); err != nil {
		return err
	}
	if err := addStep(ctx, tx, s.keys, by, r.Request, line{move: "merged", from: &from}); err != nil {
		return err
	}
	audit.Note(tx, by.Did("request.merged", "request", int64(id)))
	if err := tellAskersMerged(ctx, tx, by, r.Request, into.Request, "merged"); err != nil {
		return err
	}
	if err := tellHolderMerged(ctx, tx, s.keys, by, r, "merged", r.once("merged")); err != nil {
		return err
	}
	return moveAskers(ctx, tx, id, into.ID)
}

// Unmerge lets a request go on by itself again, with what was left of its clocks, and gives it back who asked for it.
func (s *Service) Unmerge(ctx context.Context, by org.Actor, id ID) (m Moved, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), &m, func() error {
			if _, err := s.rules.learn(ctx, tx); err != nil {
				return err
			}
			r, err := s.findSeen(ctx, tx, by, id)
			if err != nil {
				return err
			}
			was, into, err := s.findUndoable(ctx, tx, by, r)
			if err != nil {
				return err
			}
			on, err := holdGoingOn(ctx, tx, id) // it does not end meanwhile, and end what hangs on r with it
			if err != nil {
				return err
			}
			from := r.State
			r.stepped(tx.Now)
			was.restore(&r.Request, s.category(r.Request).cal, tx.Now)
			if err := undoMerging(ctx, tx, was.ID); err != nil {
				return err
			}
			if err := s.saveMove(ctx, tx, &r.Request); err != nil {
				return err
			}
			if err := upload.DropAt(ctx, tx, picturesOf(id), nil); err != nil { // it has not ended after all
				return err
			}
			if err := addStep(ctx, tx, s.keys, by, r.Request, line{move: "unmerged", from: &from}); err != nil {
				return err
			}
			resumed, err := s.goOnWith(ctx, tx, by, r.Request) // what it was merged into may have ended
			if err != nil {
				return err
			}
			audit.Note(tx, by.Did("request.unmerged", "request", int64(id)))
			if err := giveAskersBack(ctx, tx, id); err != nil {
				return err
			}
			if waiting, err := listeners(ctx, tx, s.keys, id); err != nil {
				return err
			} else if len(waiting) == 0 { // it would be open for nobody
				return ErrUnmergeOver
			}
			if err := tellAskersMerged(ctx, tx, by, r.Request, r.Request, "unmerged"); err != nil {
				return err
			}
			if err := tellUnmerged(ctx, tx, s.keys, by, []Seen{r, into, on}, resumed); err != nil {
				return err
			}
			m = Moved{r.Request, r.HolderName}
			m.PremisesID, m.SourceVisitID = nil, nil
			return nil
		})
	})
	return m, err
}

// findUndoable is what r was before it was merged, and into what, if by may still undo it.
func (s *Service) findUndoable(ctx context.Context, tx *db.Tx, by org.Actor, r Seen) (was merging, into Seen, err error) {
	if err := r.among(Merged); err != nil {
		return merging{}, Seen{}, err
	}
	if was, err = findMerging(ctx, tx, r.ID); err != nil {
		return merging{}, Seen{}, err
	}
	if into, err = s.findSeen(ctx, tx, by, was.Target); err != nil {
		return merging{}, Seen{}, err
	}
	if err := r.mayMerge(by, into.Request); err != nil {
		return merging{}, Seen{}, err
	}
	if !tx.Now.Before(was.MergedAt.Add(unmergeWindow)) {
		return merging{}, Seen{}, ErrUnmergeLate
	}
	return was, into, nil
}

// tellAskersMerged tells those who follow r signed in what has happened; from now on they find it as at.
func tellAskersMerged(ctx context.Context, tx *db.Tx, by org.Actor, r, at Request, event string) error {
	to, err := listeners(ctx, tx, sealed.Of(tx), r.ID)
	if err != nil {
		return err
	}
	for _, a := range to {
		if a.Person == 0 {
			continue // they read it on the receipt
		}
		if err := notify.Tell(ctx, tx, notify.Persons(a.Person), notify.Item{
			Kind: "request." + event, Ref: at.ref(), By: by, Dedupe: "request." + event + ":asker:" + strconv.FormatInt(int64(a.ID), 10) + ":" + version(r),
			Args: map[string]any{"receiptCode": string(a.Receipt), "statusLabel": say.Text(say.Chinese, "request.word_"+event), "at": tx.Now},
		}); err != nil {
			return err
		}
	}
	return nil
}

func version(r Request) string { return strconv.FormatInt(r.Version, 10) }

// tellUnmerged tells who holds the first of all, which goes on by itself, and who holds those it was merged into; and whoever
// is to keep promises again that had ended with those.
func tellUnmerged(ctx context.Context, tx *db.Tx, keys *sealed.Keys, by org.Actor, all []Seen, resumed []Promise) error {
	r := all[0]
	var again notify.Audience
	for _, p := range resumed {
		in, _, err := p.promiser(ctx, tx)
		if err != nil {
			return err
		}
		again = again.And(audience(in))
	}
	if err := tellMerged(ctx, tx, keys, by, r, "unmerged", r.once("unmerged"), again); err != nil {
		return err
	}
	for _, told := range all { // by the key of what goes on: others may leave the rest later, which have not moved
		if err := tellHolderMerged(ctx, tx, keys, by, told, "unmerged", r.once("unmerged")); err != nil {
			return err
		}
	}
	return nil
}

// tellHolderMerged tells who holds r that it was merged, or others into it, or goes on by itself.
func tellHolderMerged(ctx context.Context, tx *db.Tx, keys *sealed.Keys, by org.Actor, r Seen, event, key string) error {
	opened, err := org.UnitByID(ctx, tx, r.UnitID)
	if err != nil {
		return err
	}
	ladder, err := org.Ladder(ctx, tx, opened)
	if err != nil {
		return err
	}
	to, err := holders(ctx, tx, r.Request, ladder)
	if err != nil {
		return err
	}
	return tellMerged(ctx, tx, keys, by, r, event, key, to)
}

// tellMerged tells to what tellHolderMerged tells.
func tellMerged(ctx context.Context, tx *db.Tx, keys *sealed.Keys, by org.Actor, r Seen, event, key string, to notify.Audience) error {
	code, err := keys.Open(sealed.Personal, "request", "receipt_sealed", int64(r.ID), r.ReceiptSealed)
	if err != nil {
		return err
	}
	return notify.Tell(ctx, tx, to, notify.Item{
		Kind: "request." + event, Ref: r.ref(), By: by, Dedupe: key,
		Args: map[string]any{"receiptCode": code, "statusLabel": say.Text(say.Chinese, "request.word_"+event), "at": tx.Now},
	})
}

// insertMerging stores what r is before it is merged.
func insertMerging(ctx context.Context, tx *db.Tx, by org.Actor, r Request, into ID) error {
	_, err := tx.Insert(ctx, `
		INSERT INTO request_merge (
			request_id, target_id, merged_by, merged_at, state, accept_due_at, update_due_at, solve_due_at, wait_until, waiting_since)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.ID, into, by.PersonID, tx.Now, r.State, r.AcceptDueAt, r.UpdateDueAt, r.SolveDueAt, r.WaitUntil, r.WaitingSince)
	return db.Wrap(err, nil, "insert the merging of request %d", r.ID)
}

// findMerging is what a request was before it was merged.
func findMerging(ctx context.Context, q db.Queryer, id ID) (m merging, err error) {
	err = q.Get(ctx, &m, `
		SELECT id, request_id, target_id, merged_at, state, accept_due_at, update_due_at, solve_due_at, wait_until, waiting_since
		FROM request_merge
		WHERE request_id = ? AND undone_at IS NULL
		ORDER BY id DESC
		LIMIT 1`, id)
	return m, db.Wrap(err, problem.ErrNotFound, "find the merging of request %d", id)
}

// goesOnAs is the request that one goes on as: the one it was merged into, and that one into, or itself.
func goesOnAs(ctx context.Context, q db.Queryer, id ID) (ID, error) {
	for {
		m, err := findMerging(ctx, q, id)
		switch {
		case errors.Is(err, problem.ErrNotFound):
			return id, nil
		case err != nil:
			return 0, err
		}
		id = m.Target
	}
}

// holdGoingOn holds the request that one goes on as, which until the transaction is over does not end and is not merged.
func holdGoingOn(ctx context.Context, tx *db.Tx, id ID) (r Seen, err error) {
	for {
		on, err := goesOnAs(ctx, tx, id)
		if err != nil || on == r.ID { // it was not merged while it was waited for
			return r, err
		}
		if r, err = hold(ctx, tx, on); err != nil {
			return r, err
		}
	}
}

func undoMerging(ctx context.Context, tx *db.Tx, id int64) error {
	_, err := tx.Change(ctx, `
		UPDATE request_merge
		SET undone_at = ?
		WHERE id = ?`, tx.Now, id)
	return db.Wrap(err, nil, "undo merging %d", id)
}

// moveAskers makes everybody who asks for a request ask for another one. Where each came from stays known.
func moveAskers(ctx context.Context, tx *db.Tx, from, to ID) error {
	_, err := tx.Change(ctx, `
		UPDATE request_asker
		SET origin_id = request_id
		WHERE request_id = ? AND origin_id IS NULL`, from)
	if err == nil {
		_, err = tx.Change(ctx, `
			UPDATE request_asker
			SET request_id = ?
			WHERE request_id = ?`, to, from)
	}
	return db.Wrap(err, nil, "move the askers of request %d", from)
}

// giveAskersBack makes those ask for a request again who came from it, or from what is merged into it.
func giveAskersBack(ctx context.Context, tx *db.Tx, id ID) error {
	origins, err := goingOnAs(ctx, tx, id)
	if err != nil {
		return err
	}
	query, args, err := db.In(`
		UPDATE request_asker
		SET request_id = ?
		WHERE origin_id IN (?)`, id, origins)
	if err != nil {
		return err
	}
	_, err = tx.Change(ctx, query, args...)
	return db.Wrap(err, nil, "give request %d its askers back", id)
}

// goingOnAs are a request and what is merged into it, and into that.
func goingOnAs(ctx context.Context, q db.Queryer, id ID) ([]ID, error) {
	all := []ID{id}
	for next := all; len(next) > 0; {
		query, args, err := db.In(`
			SELECT request_id
			FROM request_merge
			WHERE target_id IN (?) AND undone_at IS NULL`, next)
		if err != nil {
			return nil, err
		}
		next = nil
		if err := q.Select(ctx, &next, query, args...); err != nil {
			return nil, db.Wrap(err, nil, "find what is merged into request %d", id)
		}
		all = append(all, next...)
	}
	return all, nil
}

// countAskers is how many ask for a request.
func countAskers(ctx context.Context, q db.Queryer, id ID) (n int, err error) {
	err = q.Get(ctx, &n, `SELECT COUNT(*) FROM request_asker WHERE request_id = ?`, id)
	return n, db.Wrap(err, nil, "count the askers of request %d", id)
}
