package household

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/request"
)

// A RoundID names a round.
type RoundID int64

// What rounds refuse.
var (
	ErrRoundWhere  = problem.New(problem.Invalid, "household.round_where")
	ErrRoundCounts = problem.New(problem.Invalid, "household.round_counts")
)

// A Round is a walk through a building or an entrance that needs no person's data: what it was for, and how many doors
// were knocked at and answered (X21).
type Round struct {
	ID         RoundID          `db:"id"`
	AreaID     org.UnitID       `db:"unit_id"`
	BuildingID *BuildingID      `db:"building_id"`
	EntranceID *EntranceID      `db:"entrance_id"`
	Kind       string           `db:"kind"`
	Doors      int              `db:"doors"`
	Answered   int              `db:"answered"`
	PersonID   org.PersonID     `db:"person_id"`
	Assignment org.AssignmentID `db:"assignment_id"`
	ClientRef  string           `db:"client_ref"`
	HappenedAt time.Time        `db:"happened_at"`
	RecordedAt time.Time        `db:"recorded_at"`
	Label      string           `db:"label"` // of the building or entrance
}

// A Walk is what a member tells of a round.
type Walk struct {
	Building   BuildingID `json:"building"` // one of the two
	Entrance   EntranceID `json:"entrance"`
	Kind       string     `json:"kind"`
	Doors      int        `json:"doors"`
	Answered   int        `json:"answered"`
	ClientRef  string     `json:"-"` // of the act, for ever
	HappenedAt *time.Time `json:"happenedAt"`
}

// check says why w cannot be recorded, or nil.
func (w Walk) check() error {
	switch {
	case (w.Building == 0) == (w.Entrance == 0):
		return ErrRoundWhere.Field("/entranceId", ErrRoundWhere.Code)
	case w.Answered > w.Doors:
		return ErrRoundCounts.Field("/answered", ErrRoundCounts.Code)
	}
	return nil
}

// RecordRound records a round in an area that by looks after. Told again under its clientRef, it is the round that it was.
func (s *Service) RecordRound(ctx context.Context, by org.Actor, w Walk) (r Round, err error) {
	if err := mayLookAfter(by); err != nil {
		return Round{}, err
	}
	if err := w.check(); err != nil {
		return Round{}, err
	}
	content, err := json.Marshal(w)
	if err != nil {
		return Round{}, fmt.Errorf("read a round: %w", err)
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		var id RoundID // all that is kept for a repeat: the rest is read again
		if err := once.Do(ctx, tx, int64(by.PersonID), &id, func() (err error) {
			id, err = s.round(ctx, tx, by, w, content)
			return err
		}); err != nil {
			return err
		}
		r, err = findRound(ctx, tx, id)
		return err
	})
	return r, err
}

func (s *Service) round(ctx context.Context, tx *db.Tx, by org.Actor, w Walk, content []byte) (RoundID, error) {
	if id, err := s.walkedAgain(ctx, tx, by, w, content); err != nil || id != 0 {
		return id, err
	}
	by, err := walker(ctx, tx, by, w)
	if err != nil {
		return 0, err
	}
	r := Round{
		AreaID: by.Grid.ID, Kind: w.Kind, Doors: w.Doors, Answered: w.Answered, PersonID: by.PersonID, Assignment: by.Assignment,
		ClientRef: w.ClientRef, RecordedAt: tx.Now,
	}
	if w.Building != 0 {
		r.BuildingID = &w.Building
	} else {
		r.EntranceID = &w.Entrance
	}
	r.HappenedAt, _ = request.Happened(w.HappenedAt, tx.Now)
	err = insertRound(ctx, tx, &r, s.keys.MAC(acts, content))
	switch {
	case db.IsDuplicate(err): // another phone call of the same act has just committed
		return s.walkedAgain(ctx, tx, by, w, content)
	case err != nil:
		return 0, db.Wrap(err, nil, "insert a round")
	}
	audit.Note(tx, by.Did("round.recorded", "round", int64(r.ID)))
	return r.ID, nil
}

// walkedAgain is the round that w was told as before, 0 if it is new.
func (s *Service) walkedAgain(ctx context.Context, tx *db.Tx, by org.Actor, w Walk, content []byte) (RoundID, error) {
	var t struct {
		ID          RoundID `db:"id"`
		Fingerprint []byte  `db:"fingerprint"`
	}
	err := tx.Get(ctx, &t, `
		SELECT id, fingerprint
		FROM area_round
		WHERE person_id = ? AND client_ref = ?`, by.PersonID, w.ClientRef)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, nil
	case err != nil:
		return 0, db.Wrap(err, nil, "find the round of a clientRef")
	case !s.keys.Authentic(acts, content, t.Fingerprint):
		return 0, problem.ErrKeyReused.Field("/clientRef", problem.ErrKeyReused.Code)
	}
	once.Again(ctx)
	return t.ID, nil
}

// walker is by in the area that w goes through, of those that by looks after.
func walker(ctx context.Context, q db.Queryer, by org.Actor, w Walk) (org.Actor, error) {
	areas, err := lookingAfter(ctx, q, by)
	if err != nil {
		return by, err
	}
	for _, by := range areas {
		if err := walksIn(ctx, q, by, w); !errors.Is(err, problem.ErrNotFound) {
			return by, err
		}
	}
	return by, problem.ErrNotFound
}

// walksIn says why w does not go through by's own area, or nil: a building is, as soon as one of its entrances lies in
// the area.
func walksIn(ctx context.Context, q db.Queryer, by org.Actor, w Walk) error {
	day := calendar.DayOf(db.NowOf(q))
	from, to := by.Scope()
	var n int
	err := q.Get(ctx, &n, `
		SELECT COUNT(*)
		FROM entrance e
		JOIN area_entrance a ON a.entrance_id = e.id
		JOIN unit u ON u.id = a.area_id
		WHERE (e.id = ? OR e.building_id = ?)
		  AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)
		  AND u.path >= ? AND u.path < ?`, w.Entrance, w.Building, day, day, from, to)
	if err == nil && n == 0 {
		return problem.ErrNotFound
	}
	return db.Wrap(err, nil, "find where a round goes")
}

// Rounds is a page of the rounds of the last 31 days in the areas that by looks after, the newest first, and the cursor
// behind it.
func (s *Service) Rounds(ctx context.Context, by org.Actor, cursor string, size int) (all []Round, next string, err error) {
	if err := mayLookAfter(by); err != nil {
		return nil, "", err
	}
	p, err := s.pages.Parse(cursor, size, page.Bound("listRounds", by.PersonID, by.Assignment))
	if err != nil {
		return nil, "", err
	}
	since := s.db.Now().Add(-visitWindow)
	return inEach(ctx, s.db, by, p,
		func(by org.Actor) ([]Round, error) { return listRounds(ctx, s.db, by, since, p) },
		func(r Round) (time.Time, int64) { return r.RecordedAt, int64(r.ID) })
}

const roundColumns = `
	r.id, r.unit_id, r.building_id, r.entrance_id, r.kind, r.doors, r.answered, r.person_id, r.assignment_id, r.client_ref,
	r.happened_at, r.recorded_at, COALESCE(b.number, e.label) AS label`

// insertRound stores r; db.IsDuplicate if its clientRef is taken.
func insertRound(ctx context.Context, tx *db.Tx, r *Round, fingerprint []byte) error {
	id, err := tx.Insert(ctx, `
		INSERT INTO area_round (
			unit_id, building_id, entrance_id, kind, doors, answered, person_id, assignment_id, client_ref, fingerprint,
			happened_at, recorded_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.AreaID, r.BuildingID, r.EntranceID, r.Kind, r.Doors, r.Answered, r.PersonID, r.Assignment, r.ClientRef, fingerprint,
		r.HappenedAt, r.RecordedAt)
	r.ID = RoundID(id)
	return err
}

func findRound(ctx context.Context, q db.Queryer, id RoundID) (r Round, err error) {
	err = q.Get(ctx, &r, `
		SELECT `+roundColumns+`
		FROM area_round r
		LEFT JOIN building b ON b.id = r.building_id
		LEFT JOIN entrance e ON e.id = r.entrance_id
		WHERE r.id = ?`, id)
	return r, db.Wrap(err, problem.ErrNotFound, "find round %d", id)
}

// listRounds are the rounds of the areas that by sees, since a moment, the newest first.
func listRounds(ctx context.Context, q db.Queryer, by org.Actor, since time.Time, p page.Page) (all []Round, err error) {
	from, to := by.Scope()
	err = q.Select(ctx, &all, `
		SELECT `+roundColumns+`
		FROM unit u
		JOIN area_round r ON r.unit_id = u.id
		LEFT JOIN building b ON b.id = r.building_id
		LEFT JOIN entrance e ON e.id = r.entrance_id
		WHERE u.path >= ? AND u.path < ?
		  AND r.recorded_at >= ?
		  AND r.recorded_at <= ? AND (r.recorded_at < ? OR r.id < ?)
		ORDER BY r.recorded_at DESC, r.id DESC
		LIMIT ?`, from, to, since, p.At, p.At, p.ID, p.Limit())
	return all, db.Wrap(err, nil, "list rounds")
}
