package privacy

import (
	"context"
	"errors"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
)

// GlassHooks are what break-glass asks of packages above.
type GlassHooks struct {
	Area   func(ctx context.Context, q db.Queryer, by org.Actor, object string, id int64) (org.Unit, error) // of a record that lies below by
	Opened func(ctx context.Context, tx *db.Tx, by org.Actor, g Glass) error                                // tells the holder of the area at once
	Asked  func(ctx context.Context, tx *db.Tx, to org.Incumbent, g Glass) error                            // tells the reviewer
}

// Glasses is what can be done with break-glass (应急查看).
type Glasses struct {
	db    *db.DB
	keys  *sealed.Keys
	pages *page.Keys
	cal   *calendar.Calendar
	hooks GlassHooks
}

// NewGlasses makes Glasses whose working days are those of cal.
func NewGlasses(d *db.DB, keys *sealed.Keys, pages *page.Keys, cal *calendar.Calendar, hooks GlassHooks) *Glasses {
	return &Glasses{db: d, keys: keys, pages: pages, cal: cal, hooks: hooks}
}

// Break opens one record to by for some hours. Whoever looks after it is told at once, and a reviewer on the next
// working day (X44).
func (s *Glasses) Break(ctx context.Context, by org.Actor, b Breaking) (g Glass, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		var id GlassID
		if err := once.Do(ctx, tx, int64(by.PersonID), &id, func() error {
			area, err := s.hooks.Area(ctx, tx, by, b.Object, b.ObjectID)
			if err != nil {
				return err
			}
			g, err := b.glass(by, area, s.cal, tx.Now)
			if err != nil {
				return err
			}
			switch open, err := openGlass(ctx, tx, by, b.Object, b.ObjectID); {
			case err == nil && !open.over(tx.Now):
				return ErrGlassOpen.With("endsAt", open.EndsAt)
			case err != nil && !errors.Is(err, problem.ErrNotFound):
				return err
			}
			if id, err = insertGlass(ctx, tx, s.keys, g); err != nil {
				return err
			}
			g.ID = id
			audit.Note(tx, by.Did("break_glass.opened", b.Object, b.ObjectID).For(string(Urgent), b.Reason))
			return s.hooks.Opened(ctx, tx, by, g)
		}); err != nil {
			return err
		}
		g, err = findGlass(ctx, tx, id)
		return err
	})
	return g, err
}

// LookThrough says whether by has a record open by break-glass now; else it is not found. Every look is noted, in the
// transaction that shows the record: without the note nothing is shown.
func LookThrough(ctx context.Context, tx *db.Tx, by org.Actor, object string, id int64) error {
	g, err := openGlass(ctx, tx, by, object, id)
	switch {
	case err != nil:
		return err
	case g.over(tx.Now):
		return problem.ErrNotFound
	}
	audit.Note(tx, by.Did("break_glass.read", object, id).For(string(Urgent), ""))
	return seeGlass(ctx, tx, g.ID)
}

// An Opening is how the page of a record tells of a break-glass: as what somebody opened it, when, and why.
type Opening struct {
	Role     org.Role
	UnitName string
	OpenedAt time.Time
	EndsAt   time.Time
	Reason   string
	Verdict  string // empty: not reviewed
}

// OpeningsOf are the break-glasses of a record of the last 12 months, the newest first, for whoever looks after it and
// for its subject.
func OpeningsOf(ctx context.Context, q db.Queryer, object string, id int64) ([]Opening, error) {
	glasses, err := glassesOf(ctx, q, object, id, db.NowOf(q).AddDate(-1, 0, 0))
	if err != nil {
		return nil, err
	}
	all := make([]Opening, len(glasses))
	for i, g := range glasses {
		if all[i], err = g.opening(q); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (g Glass) opening(q db.Queryer) (Opening, error) {
	o := Opening{Role: g.Role, UnitName: g.UnitName, OpenedAt: g.OpenedAt, EndsAt: g.EndsAt}
	if g.Verdict != nil {
		o.Verdict = *g.Verdict
	}
	plain, err := Plain(q, g.reason())
	if err != nil {
		return o, err
	}
	o.Reason = plain[0]
	return o, nil
}

func (g Glass) reason() Value {
	return Value{
		Field: "reason", Class: sealed.Personal, Table: "break_glass", Column: "reason_sealed", ID: int64(g.ID), Cipher: g.ReasonSealed,
	}
}

// ToReview is a page of the openings that by is asked to judge, the newest first, and the cursor behind it.
func (s *Glasses) ToReview(ctx context.Context, by org.Actor, cursor string, size int) (all []Glass, next string, err error) {
	p, err := s.pages.Parse(cursor, size, page.Bound("listBreakGlassReviews", by.PersonID, by.Assignment))
	if err != nil {
		return nil, "", err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		rows, err := glassesToReview(ctx, tx, by, p)
		if err != nil {
			return err
		}
		all, next = page.Cut(rows, p, func(g Glass) (time.Time, int64) { return g.OpenedAt, int64(g.ID) })
		for i, g := range all {
			plain, err := Plain(tx, g.reason())
			if err != nil {
				return err
			}
			all[i].Reason = plain[0]
			audit.Note(tx, by.Did("break_glass.review_read", "break_glass", int64(g.ID)).Showing("reason"))
		}
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	return all, next, nil
}

// Review is the officer's word on an opening: it was needed, or not.
func (s *Glasses) Review(ctx context.Context, by org.Actor, id GlassID, needed bool, note string) error {
	if err := CheckText("/note", note); err != nil {
		return err
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), nil, func() error {
			g, err := findGlass(ctx, tx, id)
			if err != nil {
				return err
			}
			if err := g.mayReview(by); err != nil {
				return err
			}
			verdict := "needed"
			if !needed {
				verdict = "not_needed"
			}
			if err := reviewGlass(ctx, tx, s.keys, g, verdict, note); err != nil {
				return err
			}
			e := by.Did("break_glass.reviewed", "break_glass", int64(id))
			e.Result = verdict
			audit.Note(tx, e)
			return nil
		})
	})
}

// GoOn ends openings whose time is up, and from 08:30 on gives those of earlier days to a reviewer. Any number of nodes
// may do so at one time: each row moves on the state that was read.
func (s *Glasses) GoOn(ctx context.Context) (some bool, err error) {
	now := s.db.Now()
	over, err := openGlasses(ctx, s.db)
	if err != nil {
		return false, err
	}
	failed := db.Each(ctx, over, func(g Glass) error {
		if !g.over(now) {
			return nil
		}
		some = true
		return s.db.InTx(ctx, func(tx *db.Tx) error { return s.end(ctx, tx, g) })
	})
	day := calendar.DayOf(now)
	if now.Before(day.Time().Add(glassReviewAt)) {
		day = day.Add(-1)
	}
	waiting, err := glassesWaiting(ctx, s.db, day)
	if err != nil {
		return some, errors.Join(failed, err)
	}
	given := db.Each(ctx, waiting, func(id GlassID) error {
		var asked bool
		err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
			asked, err = s.ask(ctx, tx, id)
			return err
		})
		some = some || asked
		return err
	})
	return some, errors.Join(failed, given)
}

func (s *Glasses) end(ctx context.Context, tx *db.Tx, g Glass) error {
	found, err := endGlass(ctx, tx, g.ID)
	if err != nil || found == 0 { // somebody was faster
		return err
	}
	audit.Note(tx, org.System.Did("break_glass.ended", g.Object, g.ObjectID))
	return nil
}

// ask gives an opening to the officer who was asked longest ago, or spares it. Without any officer it waits.
func (s *Glasses) ask(ctx context.Context, tx *db.Tx, id GlassID) (asked bool, err error) {
	g, err := findGlass(ctx, tx, id)
	if err != nil || g.ReviewState != reviewWaits {
		return false, err
	}
	officer, err := nextOfficer(ctx, tx, g, calendar.DayOf(tx.Now))
	if errors.Is(err, problem.ErrNotFound) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	nth, err := decidedOf(ctx, tx, g.Week)
	if err != nil {
		return false, err
	}
	review, instead, err := draw(nth + 1)
	if err != nil {
		return false, err
	}
	if instead {
		if err := spareOne(ctx, tx, g.Week); err != nil {
			return false, err
		}
	}
	found, err := decideReview(ctx, tx, g.ID, review, officer.Assignment)
	if err != nil || found == 0 || !review {
		return found > 0, err
	}
	audit.Note(tx, org.System.Did("break_glass.review_asked", "break_glass", int64(g.ID)))
	return true, s.hooks.Asked(ctx, tx, officer, g)
}
