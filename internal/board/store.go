package board

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
)

const boardColumns = `
	SELECT b.id, b.site_id, s.name AS site_name, b.place_id, p.name AS place_name, b.area_id, a.name AS area_name, b.latest,
	       b.created_at, b.version
	FROM board b
	JOIN place s ON s.id = b.site_id
	JOIN unit p ON p.id = b.place_id
	JOIN unit a ON a.id = b.area_id`

// boardByID is a board, whoever asks: what it says is public.
func boardByID(ctx context.Context, q db.Queryer, id ID) (b Board, err error) {
	err = q.Get(ctx, &b, boardColumns+` WHERE b.id = ?`, id)
	return b, db.Wrap(err, problem.ErrNotFound, "find board %d", id)
}

// findBoard is a board of by's place or below; another is not found.
func findBoard(ctx context.Context, q db.Queryer, by org.Actor, id ID) (b Board, err error) {
	from, to := by.Scope()
	err = q.Get(ctx, &b, boardColumns+` WHERE b.id = ? AND p.path >= ? AND p.path < ?`, id, from, to)
	return b, db.Wrap(err, problem.ErrNotFound, "find board %d", id)
}

// listBoards are the boards of by's place and below, newest first.
func listBoards(ctx context.Context, q db.Queryer, by org.Actor, p page.Page) (all []Board, err error) {
	from, to := by.Scope()
	err = q.Select(ctx, &all, boardColumns+`
		WHERE p.path >= ? AND p.path < ? AND b.id < ?
		ORDER BY b.id DESC
		LIMIT ?`, from, to, p.ID, p.Limit())
	return all, db.Wrap(err, nil, "list boards")
}

// boardsAfter is a piece of all boards that have a version, by their id.
func boardsAfter(ctx context.Context, q db.Queryer, id ID, n int) (all []Board, err error) {
	err = q.Select(ctx, &all, boardColumns+`
		WHERE b.id > ? AND b.latest > 0
		ORDER BY b.id
		LIMIT ?`, id, n)
	return all, db.Wrap(err, nil, "read boards after %d", id)
}

// A site is a place where a board can hang.
type site struct {
	Kind   string        `db:"kind"`
	UnitID org.UnitID    `db:"unit_id"`
	Name   string        `db:"name"`
	EndsOn *calendar.Day `db:"ends_on"`
}

func findSite(ctx context.Context, q db.Queryer, by org.Actor, id int64) (s site, err error) {
	from, to := by.Scope()
	err = q.Get(ctx, &s, `
		SELECT s.kind, s.unit_id, s.name, s.ends_on
		FROM place s
		JOIN unit u ON u.id = s.unit_id
		WHERE s.id = ? AND u.path >= ? AND u.path < ?`, id, from, to)
	return s, db.Wrap(err, problem.ErrNotFound, "find site %d", id)
}

func insertBoard(ctx context.Context, tx *db.Tx, by org.Actor, siteID int64, place, area org.UnitID) (ID, error) {
	id, err := tx.Insert(ctx, `
		INSERT INTO board (site_id, place_id, area_id, latest, created_by, created_at)
		VALUES (?, ?, ?, 0, ?, ?)`, siteID, place, area, by.PersonID, tx.Now)
	if db.IsDuplicate(err) {
		return 0, ErrSiteTaken
	}
	return ID(id), db.Wrap(err, nil, "make a board at site %d", siteID)
}

// nextNumber makes number the newest version of b, unless somebody was faster.
func nextNumber(ctx context.Context, tx *db.Tx, b Board) error {
	found, err := tx.Change(ctx, `
		UPDATE board
		SET latest = ?, version = version + 1
		WHERE id = ? AND latest = ?`, b.Latest+1, b.ID, b.Latest)
	if err == nil && found == 0 {
		return ErrIllegalTransition.With("state", string(Superseded))
	}
	return db.Wrap(err, nil, "count up the versions of board %d", b.ID)
}

// A part is what a version shows of somebody, as it is stored.
type part struct {
	Person org.PersonID `json:"person"`
	Name   bool         `json:"name"`
	Phone  bool         `json:"phone"`
	Items  []string     `json:"items"`
}

// insertVersion stores what c says as a version of a board; by is the zero Actor if nobody asked for it.
func insertVersion(ctx context.Context, tx *db.Tx, by org.Actor, id ID, number int, c Content, fingerprint []byte) (v Version, err error) {
	parts := make([]part, 0, len(c.Holders))
	for _, h := range c.Holders {
		if !h.StandsIn {
			parts = append(parts, part{h.Person, h.Name != "", h.Phone != "", h.Items})
		}
	}
	shown, err := json.Marshal(parts)
	if err != nil {
		return v, fmt.Errorf("write what version %d of board %d shows: %w", number, id, err)
	}
	var madeBy *org.PersonID
	if by.PersonID != 0 {
		madeBy = &by.PersonID
	}
	v = Version{Number: number, State: Published, Households: c.Households, Fingerprint: fingerprint, MadeAt: tx.Now}
	v.ID, err = tx.Insert(ctx, `
		INSERT INTO board_version (board_id, number, state, households, shown, fingerprint, made_by, made_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, id, number, Published, c.Households, string(shown), fingerprint, madeBy, tx.Now)
	return v, db.Wrap(err, nil, "store version %d of board %d", number, id)
}

const versionColumns = `
	SELECT id, number, state, households, fingerprint, made_at, printed_at, superseded_at, told_at
	FROM board_version`

func findVersion(ctx context.Context, q db.Queryer, id ID, number int) (v Version, err error) {
	err = q.Get(ctx, &v, versionColumns+` WHERE board_id = ? AND number = ?`, id, number)
	return v, db.Wrap(err, problem.ErrNotFound, "find version %d of board %d", number, id)
}

// versions are the newest versions of a board, the newest first.
func versions(ctx context.Context, q db.Queryer, id ID) (all []Version, err error) {
	err = q.Select(ctx, &all, versionColumns+`
		WHERE board_id = ?
		ORDER BY number DESC
		LIMIT 50`, id)
	return all, db.Wrap(err, nil, "read the versions of board %d", id)
}

// newestVersions are the newest version of each of boards, by board.
func newestVersions(ctx context.Context, q db.Queryer, boards []Board) (map[ID]Version, error) {
	all := make(map[ID]Version, len(boards))
	if len(boards) == 0 {
		return all, nil
	}
	query, args, err := db.In(`
		SELECT v.id, v.board_id, v.number, v.state, v.households, v.fingerprint, v.made_at, v.printed_at, v.superseded_at, v.told_at
		FROM board b
		JOIN board_version v ON v.board_id = b.id AND v.number = b.latest
		WHERE b.id IN (?)`, idsOf(boards))
	if err != nil {
		return nil, err
	}
	var rows []struct {
		Board ID `db:"board_id"`
		Version
	}
	if err := q.Select(ctx, &rows, query, args...); err != nil {
		return nil, db.Wrap(err, nil, "read the newest versions of %d boards", len(boards))
	}
	for _, r := range rows {
		all[r.Board] = r.Version
	}
	return all, nil
}

func idsOf(boards []Board) []ID {
	ids := make([]ID, len(boards))
	for i, b := range boards {
		ids[i] = b.ID
	}
	return ids
}

// supersede ends the newest version of a board.
func supersede(ctx context.Context, tx *db.Tx, v Version) error {
	_, err := tx.Change(ctx, `
		UPDATE board_version
		SET state = ?, superseded_at = ?
		WHERE id = ? AND superseded_at IS NULL`, Superseded, tx.Now, v.ID)
	return db.Wrap(err, nil, "supersede board version %d", v.ID)
}

// notePrinted says that v hangs, unless somebody was faster.
func notePrinted(ctx context.Context, tx *db.Tx, by org.Actor, v *Version) error {
	found, err := tx.Change(ctx, `
		UPDATE board_version
		SET state = ?, printed_by = ?, printed_at = ?
		WHERE id = ? AND state = ?`, Printed, by.PersonID, tx.Now, v.ID, Published)
	if err == nil && found == 0 {
		return ErrIllegalTransition.With("state", string(Printed))
	}
	v.State, v.PrintedAt = Printed, &tx.Now
	return db.Wrap(err, nil, "note that board version %d was printed", v.ID)
}

// firstTold says whether this is the first time that somebody is told that v hangs outdated.
func firstTold(ctx context.Context, tx *db.Tx, v Version) (bool, error) {
	found, err := tx.Change(ctx, `
		UPDATE board_version
		SET told_at = ?
		WHERE id = ? AND told_at IS NULL`, tx.Now, v.ID)
	return found == 1, db.Wrap(err, nil, "note that board version %d was found outdated", v.ID)
}

// reprintAsked says whether it was asked that a board be printed anew, and nothing of it was printed since. The board is
// held, so that two who scan different versions at once take turns.
func reprintAsked(ctx context.Context, tx *db.Tx, id ID) (asked bool, err error) {
	var held ID
	if err := tx.Get(ctx, &held, `SELECT id FROM board WHERE id = ?`+db.ForUpdate, id); err != nil {
		return false, db.Wrap(err, problem.ErrNotFound, "hold board %d", id)
	}
	err = tx.Get(ctx, &asked, `
		SELECT COUNT(*) > 0
		FROM board_version t
		WHERE t.board_id = ? AND t.told_at IS NOT NULL
		  AND NOT EXISTS (
		    SELECT 1
		    FROM board_version p
		    WHERE p.board_id = t.board_id AND p.printed_at > t.told_at)`, id)
	return asked, db.Wrap(err, nil, "ask whether board %d is being printed anew", id)
}

// countScan counts one look at a board. Nothing is kept of who looked.
func countScan(ctx context.Context, tx *db.Tx, id ID, day calendar.Day) error {
	return db.Save(func() (int64, error) {
		found, err := tx.Change(ctx, `UPDATE board_scan SET scans = scans + 1 WHERE board_id = ? AND day = ?`, id, day)
		return found, db.Wrap(err, nil, "count a scan of board %d", id)
	}, func() error {
		_, err := tx.Change(ctx, `INSERT INTO board_scan (board_id, day, scans) VALUES (?, ?, 1)`, id, day)
		return db.Wrap(err, nil, "count the first scan of board %d", id)
	})
}

// A Count is how often a board was scanned on a day.
type Count struct {
	Day   calendar.Day `db:"day"`
	Scans int          `db:"scans"`
}

func scansSince(ctx context.Context, q db.Queryer, id ID, day calendar.Day) (all []Count, err error) {
	err = q.Select(ctx, &all, `
		SELECT day, scans
		FROM board_scan
		WHERE board_id = ? AND day >= ?
		ORDER BY day`, id, day)
	return all, db.Wrap(err, nil, "read the scans of board %d", id)
}

// holdersOf are those who hold the areas of boards on day, by area.
func holdersOf(ctx context.Context, q db.Queryer, boards []Board, day calendar.Day) (map[org.UnitID][]held, error) {
	query, args, err := db.In(`
		SELECT l.grid_id, a.id, a.person_id
		FROM unit_link l
		JOIN role_assignment a ON a.unit_id = l.party_id
		WHERE l.grid_id IN (?) AND l.valid_from <= ? AND (l.valid_to IS NULL OR l.valid_to > ?)
		  AND a.role = ? AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)
		ORDER BY a.id`, areasOf(boards), day, day, org.RoleAreaHolder, day, day)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		Area       org.UnitID       `db:"grid_id"`
		Assignment org.AssignmentID `db:"id"`
		Person     org.PersonID     `db:"person_id"`
	}
	if err := q.Select(ctx, &rows, query, args...); err != nil {
		return nil, db.Wrap(err, nil, "find who holds the areas of %d boards", len(boards))
	}
	seats := make([]org.AssignmentID, len(rows))
	for i, r := range rows {
		seats[i] = r.Assignment
	}
	away, err := org.AbsencesOn(ctx, q, day, seats...)
	if err != nil {
		return nil, err
	}
	all := map[org.UnitID][]held{}
	for _, r := range rows {
		all[r.Area] = append(all[r.Area], held{person: r.Person})
		if a, absent := away[r.Assignment]; absent {
			all[r.Area] = append(all[r.Area], held{person: a.StandIn, standsIn: true})
		}
	}
	return all, nil
}

// shownOn are those whom a board has shown since a moment as looking after its area: in its versions, and on its page on the
// day of that moment and today.
func shownOn(ctx context.Context, q db.Queryer, id ID, since time.Time) (all []org.PersonID, err error) {
	var versions []string
	if err := q.Select(ctx, &versions, `
		SELECT shown
		FROM board_version
		WHERE board_id = ? AND (superseded_at IS NULL OR superseded_at >= ?)`, id, since); err != nil {
		return nil, db.Wrap(err, nil, "read whom board %d has shown", id)
	}
	for _, text := range versions {
		var parts []part
		if err := json.Unmarshal([]byte(text), &parts); err != nil {
			return nil, fmt.Errorf("read whom a version of board %d shows: %w", id, err)
		}
		for _, p := range parts {
			all = append(all, p.Person)
		}
	}
	b, err := boardByID(ctx, q, id)
	if err != nil {
		return nil, err
	}
	for _, day := range []calendar.Day{calendar.DayOf(since), calendar.DayOf(db.NowOf(q))} {
		holders, err := holdersOf(ctx, q, []Board{b}, day)
		if err != nil {
			return nil, err
		}
		for _, h := range holders[b.AreaID] {
			all = append(all, h.person)
		}
	}
	return all, nil
}

// homesOf are how many homes lie in the areas of boards on day.
func homesOf(ctx context.Context, q db.Queryer, boards []Board, day calendar.Day) (map[org.UnitID]int, error) {
	query, args, err := db.In(`
		SELECT x.area_id, COUNT(*) AS n
		FROM area_entrance x
		JOIN premises p ON p.entrance_id = x.entrance_id
		WHERE x.area_id IN (?) AND x.valid_from <= ? AND (x.valid_to IS NULL OR x.valid_to > ?)
		  AND p.kind = 'home' AND p.ended_on IS NULL
		GROUP BY x.area_id`, areasOf(boards), day, day)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		Area org.UnitID `db:"area_id"`
		N    int        `db:"n"`
	}
	if err := q.Select(ctx, &rows, query, args...); err != nil {
		return nil, db.Wrap(err, nil, "count the homes of the areas of %d boards", len(boards))
	}
	all := make(map[org.UnitID]int, len(rows))
	for _, r := range rows {
		all[r.Area] = r.N
	}
	return all, nil
}

func areasOf(boards []Board) []org.UnitID {
	ids := make([]org.UnitID, len(boards))
	for i, b := range boards {
		ids[i] = b.AreaID
	}
	return ids
}

// scansKept is for how many days a board shows how often it was scanned.
const scansKept = 31

// since is the first of the days that scansKept counts.
func since(now time.Time) calendar.Day { return calendar.DayOf(now).Add(1 - scansKept) }

// OfArea are the boards that show an area, by their ids: what a handover counts.
func OfArea(ctx context.Context, q db.Queryer, area org.UnitID) (ids []ID, err error) {
	err = q.Select(ctx, &ids, `
		SELECT id
		FROM board
		WHERE area_id = ?
		ORDER BY id`, area)
	return ids, db.Wrap(err, nil, "find the boards of area %d", area)
}
