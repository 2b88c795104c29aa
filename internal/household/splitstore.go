package household

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/request"
)

// stairColumns of a Stair, from entrance e and building b; the day stands four times in their arguments.
const stairColumns = `
	e.id, e.place_id, e.label, COALESCE(b.number, '') AS building, e.number,
	(SELECT COUNT(*)
	 FROM premises p
	 WHERE p.entrance_id = e.id AND p.kind = 'home' AND (p.ended_on IS NULL OR p.ended_on > ?)) AS homes,
	(SELECT COUNT(*)
	 FROM premises p
	 WHERE p.entrance_id = e.id AND (p.ended_on IS NULL OR p.ended_on > ?)) AS doors,
	(SELECT COUNT(*)
	 FROM area_entrance x
	 WHERE x.entrance_id = e.id AND x.valid_from <= ? AND (x.valid_to IS NULL OR x.valid_to > ?)) AS areas`

// stairsBelow are the entrances of all places below by.
func stairsBelow(ctx context.Context, q db.Queryer, by org.Actor, day calendar.Day) (all []Stair, err error) {
	from, to := by.Scope()
	err = q.Select(ctx, &all, `
		SELECT `+stairColumns+`
		FROM entrance e
		JOIN unit u ON u.id = e.place_id
		LEFT JOIN building b ON b.id = e.building_id
		WHERE u.path >= ? AND u.path < ? AND (e.ended_on IS NULL OR e.ended_on > ?)
		ORDER BY e.id`, day, day, day, day, from, to, day)
	return all, db.Wrap(err, nil, "list the entrances below unit %d", by.Grid.ID)
}

// stairsAt are the entrances of a place, and the area that each lies in.
func stairsAt(ctx context.Context, q db.Queryer, place org.UnitID, day calendar.Day) (all []Stair, err error) {
	err = q.Select(ctx, &all, `
		SELECT `+stairColumns+`, a.area_id AS from_id
		FROM entrance e
		JOIN area_entrance a ON a.entrance_id = e.id
		LEFT JOIN building b ON b.id = e.building_id
		WHERE e.place_id = ? AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)
		ORDER BY e.id`, day, day, day, day, place, day, day)
	return all, db.Wrap(err, nil, "list the entrances of place %d", place)
}

// stairsOf are the entrances of an area.
func stairsOf(ctx context.Context, q db.Queryer, area org.UnitID, day calendar.Day) (all []Stair, err error) {
	err = q.Select(ctx, &all, `
		SELECT `+stairColumns+`
		FROM area_entrance a
		JOIN entrance e ON e.id = a.entrance_id
		LEFT JOIN building b ON b.id = e.building_id
		WHERE a.area_id = ? AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)
		ORDER BY e.id`, day, day, day, day, area, day, day)
	return all, db.Wrap(err, nil, "list the entrances of area %d", area)
}

// areasOf are the areas of a place on a day.
func areasOf(ctx context.Context, q db.Queryer, place org.Unit, day calendar.Day) (all []org.Unit, err error) {
	from, to := (org.Actor{Grid: place}).Scope()
	err = q.Select(ctx, &all, `
		SELECT id, tree, kind, name, path, level
		FROM unit
		WHERE path >= ? AND path < ? AND kind = ? AND valid_from <= ? AND (valid_to IS NULL OR valid_to > ?)
		ORDER BY id`, from, to, org.Area, day, day)
	return all, db.Wrap(err, nil, "find the areas of place %d", place.ID)
}

func insertSplit(ctx context.Context, tx *db.Tx, by org.Actor, place org.UnitID, moves []Move, stairs []Stair, reason string) (SplitID, error) {
	id, err := tx.Insert(ctx, `
		INSERT INTO area_split (place_id, state, reason, drafted_by, drafted_as, drafted_at)
		VALUES (?, ?, ?, ?, ?, ?)`, place, SplitDraft, reason, by.PersonID, by.Assignment, tx.Now)
	if err != nil {
		return 0, db.Wrap(err, nil, "draft a split of place %d", place)
	}
	for _, m := range moves {
		i := slices.IndexFunc(stairs, func(s Stair) bool { return s.ID == m.Entrance })
		if _, err := tx.Change(ctx, `
			INSERT INTO area_split_move (split_id, entrance_id, from_id, to_id)
			VALUES (?, ?, ?, ?)`, id, m.Entrance, stairs[i].From, m.To); err != nil {
			return 0, db.Wrap(err, nil, "add entrance %d to split %d", m.Entrance, id)
		}
	}
	return SplitID(id), nil
}

const splitColumns = `
	SELECT s.id, s.place_id, s.state, s.reason, s.drafted_by, s.drafted_as, s.drafted_at, s.proposed_at, s.settled_at, s.version
	FROM area_split s`

// seesSplit is the condition on split s that by may see it, and its arguments.
func seesSplit(by org.Actor) (condition string, args []any) {
	from, to := by.Scope()
	if slices.Contains(drafting, by.Role) {
		return `(SELECT COUNT(*) FROM unit u WHERE u.id = s.place_id AND u.path >= ? AND u.path < ?) > 0`, []any{from, to}
	}
	return `s.state <> ? AND EXISTS (
		SELECT 1
		FROM area_split_move m
		JOIN unit u ON u.id = m.to_id
		WHERE m.split_id = s.id AND u.path >= ? AND u.path < ?)`, []any{SplitDraft, from, to}
}

func findSplit(ctx context.Context, q db.Queryer, by org.Actor, id SplitID) (x Split, err error) {
	sees, args := seesSplit(by)
	err = q.Get(ctx, &x, splitColumns+` WHERE s.id = ? AND `+sees, append([]any{id}, args...)...)
	return x, db.Wrap(err, problem.ErrNotFound, "find split %d", id)
}

func splitByID(ctx context.Context, q db.Queryer, id SplitID) (x Split, err error) {
	err = q.Get(ctx, &x, splitColumns+` WHERE s.id = ?`, id)
	return x, db.Wrap(err, problem.ErrNotFound, "find split %d", id)
}

func listSplits(ctx context.Context, q db.Queryer, by org.Actor, p page.Page) (all []Split, err error) {
	sees, args := seesSplit(by)
	err = q.Select(ctx, &all, splitColumns+`
		WHERE s.id < ? AND `+sees+`
		ORDER BY s.id DESC
		LIMIT ?`, append(append([]any{p.ID}, args...), p.Limit())...)
	return all, db.Wrap(err, nil, "list splits")
}

// holdSplit makes whoever answers take turns, so that the last yes is the last one.
func holdSplit(ctx context.Context, tx *db.Tx, x *Split) error {
	err := tx.Get(ctx, &x.Version, `SELECT version FROM area_split WHERE id = ?`+db.ForUpdate, x.ID)
	if err != nil {
		return db.Wrap(err, problem.ErrNotFound, "hold split %d", x.ID)
	}
	*x, err = splitByID(ctx, tx, x.ID)
	return err
}

func saveSplit(ctx context.Context, tx *db.Tx, x *Split) error {
	found, err := tx.Change(ctx, `
		UPDATE area_split
		SET state = ?, proposed_at = ?, settled_at = ?, version = version + 1
		WHERE id = ? AND version = ?`, x.State, x.ProposedAt, x.SettledAt, x.ID, x.Version)
	if err == nil && found == 0 {
		return ErrTransition.With("state", "changed")
	}
	x.Version++
	return db.Wrap(err, nil, "save split %d", x.ID)
}

// viewSplit adds the preview to a split: who gets what.
func viewSplit(ctx context.Context, q db.Queryer, x Split) (v SplitView, err error) {
	v.Split = x
	day := calendar.DayOf(db.NowOf(q))
	if err := q.Select(ctx, &v.Moves, `
		SELECT `+stairColumns+`, m.from_id, m.to_id
		FROM area_split_move m
		JOIN entrance e ON e.id = m.entrance_id
		LEFT JOIN building b ON b.id = e.building_id
		WHERE m.split_id = ?
		ORDER BY e.id`, day, day, day, day, x.ID); err != nil {
		return SplitView{}, db.Wrap(err, nil, "read the moves of split %d", x.ID)
	}
	if err := q.Select(ctx, &v.Areas, `
		SELECT u.id, u.name,
		       (SELECT COUNT(*)
		        FROM area_entrance a
		        JOIN premises p ON p.entrance_id = a.entrance_id AND p.kind = 'home' AND p.ended_on IS NULL
		        WHERE a.area_id = u.id AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)) AS homes,
		       (SELECT COUNT(*)
		        FROM area_entrance a
		        JOIN premises p ON p.entrance_id = a.entrance_id AND p.ended_on IS NULL
		        WHERE a.area_id = u.id AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)) AS doors
		FROM unit u
		WHERE u.id IN (SELECT from_id FROM area_split_move WHERE split_id = ?)
		   OR u.id IN (SELECT to_id FROM area_split_move WHERE split_id = ?)
		ORDER BY u.id`, day, day, day, day, x.ID, x.ID); err != nil {
		return SplitView{}, db.Wrap(err, nil, "read the areas of split %d", x.ID)
	}
	var answers []splitAnswer
	if err := q.Select(ctx, &answers, `SELECT area_id, answer, reason FROM area_split_answer WHERE split_id = ?`, x.ID); err != nil {
		return SplitView{}, db.Wrap(err, nil, "read the answers to split %d", x.ID)
	}
	for i := range v.Areas {
		a := &v.Areas[i]
		a.see(v.Moves, x.State == SplitApplied)
		for _, one := range answers {
			if one.Area == a.ID {
				a.Answer, a.Why = one.Answer, one.Reason
			}
		}
	}
	return v, nil
}

type splitAnswer struct {
	Area   org.UnitID `db:"area_id"`
	Answer string     `db:"answer"`
	Reason string     `db:"reason"`
}

// askedAreas are the areas that get doors.
func askedAreas(ctx context.Context, tx *db.Tx, id SplitID) (areas []org.Unit, err error) {
	err = tx.Select(ctx, &areas, `
		SELECT id, tree, kind, name, path, level
		FROM unit
		WHERE id IN (SELECT to_id FROM area_split_move WHERE split_id = ?)
		ORDER BY id`, id)
	return areas, db.Wrap(err, nil, "find who gets doors by split %d", id)
}

// askAreas notes that the areas that get doors are asked, and returns them.
func askAreas(ctx context.Context, tx *db.Tx, id SplitID) (areas []org.Unit, err error) {
	if areas, err = askedAreas(ctx, tx, id); err != nil {
		return nil, err
	}
	for _, u := range areas {
		if _, err := tx.Change(ctx, `
			INSERT INTO area_split_answer (split_id, area_id, answer)
			VALUES (?, ?, ?)`, id, u.ID, "asked"); err != nil {
			return nil, db.Wrap(err, nil, "ask area %d about split %d", u.ID, id)
		}
	}
	return areas, nil
}

// openAnswers are the areas for which by answers and has not yet, and how many others are still open.
func openAnswers(ctx context.Context, tx *db.Tx, by org.Actor, id SplitID) (mine []org.UnitID, others int, err error) {
	var answers []splitAnswer
	if err := tx.Select(ctx, &answers, `SELECT area_id, answer, reason FROM area_split_answer WHERE split_id = ?`, id); err != nil {
		return nil, 0, db.Wrap(err, nil, "read the answers to split %d", id)
	}
	for _, a := range answers {
		his, err := answersFor(ctx, tx, by, a.Area)
		if err != nil {
			return nil, 0, err
		}
		switch {
		case his:
			mine = append(mine, a.Area)
		case a.Answer == "asked":
			others++
		}
	}
	return mine, others, nil
}

func saveAnswers(ctx context.Context, tx *db.Tx, by org.Actor, id SplitID, areas []org.UnitID, answer, reason string) error {
	for _, area := range areas {
		if _, err := tx.Change(ctx, `
			UPDATE area_split_answer
			SET answer = ?, reason = ?, answered_by = ?, answered_at = ?
			WHERE split_id = ? AND area_id = ?`, answer, reason, by.PersonID, tx.Now, id, area); err != nil {
			return db.Wrap(err, nil, "answer split %d for area %d", id, area)
		}
	}
	return nil
}

// A splitMove is an entrance that a split leads from one area to another.
type splitMove struct {
	Entrance EntranceID `db:"entrance_id"`
	From     org.UnitID `db:"from_id"`
	To       org.UnitID `db:"to_id"`
}

// movesNow are the moves of a split, if all of them can be made today: each entrance is there and lies where it did when they
// were drafted, and the area that gets it has not ended, since nobody would look after its doors. Nobody leads one of the
// entrances elsewhere before tx is over.
func movesNow(ctx context.Context, tx *db.Tx, id SplitID) (moves []splitMove, err error) {
	if err := tx.Select(ctx, &moves, `
		SELECT entrance_id, from_id, to_id
		FROM area_split_move
		WHERE split_id = ?
		ORDER BY entrance_id`, id); err != nil {
		return nil, db.Wrap(err, nil, "read the moves of split %d", id)
	}
	today := calendar.DayOf(tx.Now)
	for _, m := range moves {
		switch _, err := lockEntrance(ctx, tx, m.Entrance); {
		case errors.Is(err, problem.ErrNotFound): // it has ended meanwhile
			return nil, ErrSplitChanged
		case err != nil:
			return nil, err
		}
		var lies int
		if err := tx.Get(ctx, &lies, `
			SELECT COUNT(*)
			FROM area_entrance
			WHERE entrance_id = ? AND area_id = ? AND valid_from <= ? AND valid_to IS NULL`, m.Entrance, m.From, today); err != nil {
			return nil, db.Wrap(err, nil, "look whether entrance %d lies in area %d", m.Entrance, m.From)
		}
		if lies == 0 {
			return nil, ErrSplitChanged
		}
		switch _, err := org.FindStanding(ctx, tx, org.System, m.To); {
		case errors.Is(err, org.ErrIllegalTransition):
			return nil, ErrSplitChanged
		case err != nil:
			return nil, err
		}
	}
	return moves, nil
}

// applySplit puts each entrance where it is to lie from today on, all of them or none.
func applySplit(ctx context.Context, tx *db.Tx, by org.Actor, id SplitID) error {
	moves, err := movesNow(ctx, tx, id)
	if err != nil {
		return err
	}
	for _, m := range moves {
		if err := moveEntrance(ctx, tx, by, m.Entrance, m.From, m.To); err != nil {
			return err
		}
	}
	return nil
}

// moveEntrance leads an entrance from one area to another, with the visits and promises of its doors: who looks after
// them from now on knows of them, and who did does not any more. The names stay (F6).
func moveEntrance(ctx context.Context, tx *db.Tx, by org.Actor, e EntranceID, from, to org.UnitID) error {
	if err := leadEntrance(ctx, tx, by, e, from, to); err != nil {
		return err
	}
	var doors []int64
	if err := tx.Select(ctx, &doors, `SELECT id FROM premises WHERE entrance_id = ? ORDER BY id`, e); err != nil {
		return db.Wrap(err, nil, "find the doors of entrance %d", e)
	}
	for some := range slices.Chunk(doors, rowsAtOnce) {
		query, args, err := db.In(`
			UPDATE visit
			SET unit_id = ?
			WHERE unit_id = ? AND premises_id IN (?)`, to, from, some)
		if err != nil {
			return err
		}
		if _, err := tx.Change(ctx, query, args...); err != nil {
			return db.Wrap(err, nil, "move the visits of entrance %d", e)
		}
		if err := request.MovePromises(ctx, tx, from, to, some); err != nil {
			return err
		}
	}
	return nil
}

// leadEntrance ends the days of an entrance in an area with yesterday, and begins those in another with today. A lying
// there that began today never held a day, and is led elsewhere instead.
func leadEntrance(ctx context.Context, tx *db.Tx, by org.Actor, e EntranceID, from, to org.UnitID) error {
	today := calendar.DayOf(tx.Now)
	found, err := tx.Change(ctx, `
		UPDATE area_entrance
		SET area_id = ?
		WHERE entrance_id = ? AND area_id = ? AND valid_from = ? AND valid_to IS NULL`, to, e, from, today)
	if err != nil || found == 1 {
		return db.Wrap(err, nil, "lead entrance %d elsewhere", e)
	}
	found, err = tx.Change(ctx, `
		UPDATE area_entrance
		SET valid_to = ?
		WHERE entrance_id = ? AND area_id = ? AND valid_from < ? AND valid_to IS NULL`, today, e, from, today)
	switch {
	case err != nil:
		return db.Wrap(err, nil, "end the days of entrance %d in area %d", e, from)
	case found != 1:
		return fmt.Errorf("entrance %d does not lie in area %d", e, from)
	}
	return insertDeal(ctx, tx, by, to, e, today)
}
