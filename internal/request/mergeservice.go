package request

import (
	"context"
	"slices"
	"strconv"

	"wanjia/internal/audit"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/say"
	"wanjia/internal/platform/sealed"
)

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
			if err := photosGo(ctx, tx, id, nil); err != nil { // what it was merged into may have ended
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
	to, err := holdersOf(ctx, tx, r.Request)
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
