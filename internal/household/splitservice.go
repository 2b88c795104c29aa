package household

import (
	"context"
	"errors"
	"slices"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/privacy"
)

// DraftSplit keeps a split that nobody has been asked about yet.
func (s *Service) DraftSplit(ctx context.Context, by org.Actor, place org.UnitID, moves []Move, reason string) (SplitView, error) {
	if err := privacy.CheckText("/reason", reason); err != nil {
		return SplitView{}, err
	}
	var id SplitID
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), &id, func() error {
			u, err := org.FindStanding(ctx, tx, by, place)
			if err != nil {
				return err
			}
			day := calendar.DayOf(tx.Now)
			areas, err := areasOf(ctx, tx, u, day)
			if err != nil {
				return err
			}
			stairs, err := stairsAt(ctx, tx, place, day)
			if err != nil {
				return err
			}
			if err := canMove(moves, stairs, areas); err != nil {
				return err
			}
			if id, err = insertSplit(ctx, tx, by, place, moves, stairs, reason); err != nil {
				return err
			}
			audit.Note(tx, by.Did("split.drafted", "area_split", int64(id)))
			return nil
		})
	})
	if err != nil {
		return SplitView{}, err
	}
	return s.FindSplit(ctx, by, id)
}

// FindSplit is a split with its preview, for the secretaries of its place and, once it is proposed, for whoever answers
// for an area that gets doors.
func (s *Service) FindSplit(ctx context.Context, by org.Actor, id SplitID) (SplitView, error) {
	x, err := findSplit(ctx, s.db, by, id)
	if err != nil {
		return SplitView{}, err
	}
	return viewSplit(ctx, s.db, x)
}

// Splits are the splits by may see, newest first, and the cursor behind them.
func (s *Service) Splits(ctx context.Context, by org.Actor, cursor string, size int) (all []Split, next string, err error) {
	p, err := s.pages.Parse(cursor, size, page.Bound("listSplits", by.PersonID, by.Assignment))
	if err != nil {
		return nil, "", err
	}
	all, err = listSplits(ctx, s.db, by, p)
	all, next = page.Cut(all, p, func(x Split) (time.Time, int64) { return time.UnixMilli(0), int64(x.ID) })
	return all, next, err
}

// ProposeSplit asks the holders of the areas that get doors.
func (s *Service) ProposeSplit(ctx context.Context, by org.Actor, id SplitID) (SplitView, error) {
	return s.movedSplit(ctx, by, id, func(tx *db.Tx, x *Split) error {
		if !slices.Contains(drafting, by.Role) {
			return problem.ErrForbidden
		}
		if err := x.among(SplitDraft); err != nil {
			return err
		}
		if _, err := movesNow(ctx, tx, id); err != nil {
			return err
		}
		now := tx.Now
		x.State, x.ProposedAt = SplitProposed, &now
		if err := saveSplit(ctx, tx, x); err != nil {
			return err
		}
		areas, err := askAreas(ctx, tx, id)
		if err != nil {
			return err
		}
		audit.Note(tx, by.Did("split.proposed", "area_split", int64(id)))
		for _, u := range areas {
			if err := tellSplit(ctx, tx, by, *x, "split.proposed", u); err != nil {
				return err
			}
		}
		return nil
	})
}

// AnswerSplit says whether by's area takes the doors. With the last yes the split is applied, if what it was made for is still
// there; one no ends it.
func (s *Service) AnswerSplit(ctx context.Context, by org.Actor, id SplitID, accepted bool, reason string) (SplitView, error) {
	if err := privacy.CheckText("/reason", reason); err != nil {
		return SplitView{}, err
	}
	return s.movedSplit(ctx, by, id, func(tx *db.Tx, x *Split) error {
		if err := holdSplit(ctx, tx, x); err != nil {
			return err
		}
		if !accepted && reason == "" {
			return ErrSplitReason.Field("/reason", ErrSplitReason.Code)
		}
		mine, open, err := openAnswers(ctx, tx, by, id)
		if err != nil {
			return err
		}
		if len(mine) == 0 {
			return problem.ErrForbidden
		}
		if err := x.among(SplitProposed); err != nil {
			return err
		}
		answer := "accepted"
		if !accepted {
			answer = "declined"
		}
		if err := saveAnswers(ctx, tx, by, id, mine, answer, reason); err != nil {
			return err
		}
		audit.Note(tx, by.Did("split.answered", "area_split", int64(id)))
		now := tx.Now
		switch {
		case !accepted:
			x.State, x.SettledAt = SplitDeclined, &now
		case open > 0:
			return nil
		default:
			switch err := applySplit(ctx, tx, by, id); {
			case errors.Is(err, ErrSplitChanged): // nothing has moved
				x.State, x.SettledAt = SplitChanged, &now
			case err != nil:
				return err
			default:
				x.State, x.SettledAt = SplitApplied, &now
				audit.Note(tx, by.Did("split.applied", "area_split", int64(id)))
			}
		}
		if err := saveSplit(ctx, tx, x); err != nil {
			return err
		}
		return tellSettled(ctx, tx, by, *x, mine)
	})
}

// WithdrawSplit takes back what was proposed and is not settled yet, and tells who was asked that nothing comes of it.
func (s *Service) WithdrawSplit(ctx context.Context, by org.Actor, id SplitID) (SplitView, error) {
	return s.movedSplit(ctx, by, id, func(tx *db.Tx, x *Split) error {
		if !slices.Contains(drafting, by.Role) {
			return problem.ErrForbidden
		}
		if err := holdSplit(ctx, tx, x); err != nil {
			return err
		}
		if err := x.among(SplitProposed); err != nil {
			return err
		}
		now := tx.Now
		x.State, x.SettledAt = SplitWithdrawn, &now
		if err := saveSplit(ctx, tx, x); err != nil {
			return err
		}
		audit.Note(tx, by.Did("split.withdrawn", "area_split", int64(id)))
		return tellSettled(ctx, tx, by, *x, nil)
	})
}

func (s *Service) movedSplit(ctx context.Context, by org.Actor, id SplitID, do func(tx *db.Tx, x *Split) error) (SplitView, error) {
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), nil, func() error {
			x, err := findSplit(ctx, tx, by, id)
			if err != nil {
				return err
			}
			return do(tx, &x)
		})
	})
	if err != nil {
		return SplitView{}, err
	}
	x, err := splitByID(ctx, s.db, id) // whoever answered may not see it any more: the doors lie elsewhere
	if err != nil {
		return SplitView{}, err
	}
	return viewSplit(ctx, s.db, x)
}

// tellSplit tells whoever answers for an area that it is asked to take doors, or what became of it.
func tellSplit(ctx context.Context, tx *db.Tx, by org.Actor, x Split, kind string, area org.Unit) error {
	in, err := holderOf(ctx, tx, area.ID)
	if err != nil {
		return err
	}
	return notify.Tell(ctx, tx, inRoles(in), notify.Item{
		By: by, Kind: kind, Ref: notify.Ref{Type: "area_split", ID: int64(x.ID)},
		Args: map[string]any{"unitLabel": area.Name, "at": tx.Now},
	})
}

// tellSettled tells what became of x: whoever drafted it, and whoever was asked, but for the areas that have just answered.
func tellSettled(ctx context.Context, tx *db.Tx, by org.Actor, x Split, answered []org.UnitID) error {
	areas, err := askedAreas(ctx, tx, x.ID)
	if err != nil {
		return err
	}
	for _, u := range areas {
		if slices.Contains(answered, u.ID) {
			continue
		}
		if err := tellSplit(ctx, tx, by, x, x.told(), u); err != nil {
			return err
		}
	}
	return tellDrafter(ctx, tx, by, x)
}

// tellDrafter tells whoever drafted x what became of it.
func tellDrafter(ctx context.Context, tx *db.Tx, by org.Actor, x Split) error {
	place, err := org.UnitByID(ctx, tx, x.PlaceID)
	if err != nil {
		return err
	}
	return notify.Tell(ctx, tx, notify.InRole(x.DraftedBy, x.DraftedAs), notify.Item{
		By: by, Kind: x.told(), Ref: notify.Ref{Type: "area_split", ID: int64(x.ID)},
		Args: map[string]any{"unitLabel": place.Name, "at": tx.Now},
	})
}
