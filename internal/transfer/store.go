package transfer

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"wanjia/internal/household"
	"wanjia/internal/member"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
)

// Rows of imports have ids that are known before they are stored, since a seal is bound to its row.
const (
	rowsAnImport = 100_000
	madeAnImport = 1_000_000
	atOnce       = 200
)

// values is the text of n rows of values.
func values(one string, n int) string { return strings.Repeat(one+", ", n-1) + one }

func insertImport(ctx context.Context, tx *db.Tx, i Import) (ID, error) {
	summary, err := json.Marshal(i.Summary)
	if err != nil {
		return 0, err
	}
	id, err := tx.Insert(ctx, `
		INSERT INTO transfer_import (unit_id, kinds, state, row_count, failed_rows, summary, uploaded_by, uploaded_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		i.UnitID, i.KindList, i.State, i.Rows, i.Failed, string(summary), i.UploadedBy, i.UploadedAt)
	return ID(id), db.Wrap(err, nil, "store an import")
}

// insertRows stores rows, sealed.
func insertRows(ctx context.Context, tx *db.Tx, keys *sealed.Keys, id ID, rows []*Row) error {
	n := int64(0)
	for some := range slices.Chunk(rows, atOnce) {
		args := make([]any, 0, 8*len(some))
		for _, r := range some {
			n++
			rowID := int64(id)*rowsAnImport + n
			cells, err := text(r.Cells)
			if err != nil {
				return err
			}
			b, err := keys.Seal(sealed.Sensitive, "transfer_row", "cells_sealed", rowID, cells)
			if err != nil {
				return err
			}
			faults, err := text(r.Faults)
			if err != nil {
				return err
			}
			args = append(args, rowID, id, r.Kind, r.Line, r.Outcome, len(r.Faults) > 0, faults, b)
		}
		_, err := tx.Change(ctx, `
			INSERT INTO transfer_row (id, import_id, kind, line, outcome, failed, faults, cells_sealed)
			VALUES `+values("(?, ?, ?, ?, ?, ?, ?, ?)", len(some)), args...)
		if err != nil {
			return db.Wrap(err, nil, "store %d rows of import %d", len(some), id)
		}
	}
	return nil
}

const importColumns = `
	SELECT i.id, i.unit_id, i.kinds, i.state, i.row_count, i.failed_rows, i.summary, i.uploaded_by, i.uploaded_at,
	       i.applied_by, i.applied_at
	FROM transfer_import i
	JOIN unit u ON u.id = i.unit_id`

// findImport is the import, if it was made at by's unit or below, of kinds that by may bring in as well.
func findImport(ctx context.Context, q db.Queryer, by org.Actor, id ID) (i Import, err error) {
	gridFrom, gridTo := by.Scope()
	partyFrom, partyTo := by.PartyScope()
	err = q.Get(ctx, &i, importColumns+`
		WHERE i.id = ? AND ((u.path >= ? AND u.path < ?) OR (u.path >= ? AND u.path < ?))`,
		id, gridFrom, gridTo, partyFrom, partyTo)
	if err != nil {
		return Import{}, db.Wrap(err, problem.ErrNotFound, "find import %d", id)
	}
	if mayBring(by, i.Kinds()) != nil {
		return Import{}, problem.ErrNotFound
	}
	err = json.Unmarshal([]byte(i.SummaryRaw), &i.Summary)
	return i, db.Wrap(err, nil, "read the summary of import %d", id)
}

// move takes an import from one state to another, unless somebody was faster.
func move(ctx context.Context, tx *db.Tx, i *Import, by org.Actor, to State) error {
	from, query := i.State, `
		UPDATE transfer_import SET state = ?, applied_by = ?, applied_at = ? WHERE id = ? AND state = ?`
	if to == Undone {
		query = `
		UPDATE transfer_import SET state = ?, undone_by = ?, undone_at = ? WHERE id = ? AND state = ?`
	}
	found, err := tx.Change(ctx, query, to, by.PersonID, tx.Now, i.ID, from)
	switch {
	case err != nil:
		return db.Wrap(err, nil, "move import %d to %s", i.ID, to)
	case found == 0:
		return ErrState
	}
	if i.State = to; to == Applied {
		now := tx.Now
		i.AppliedBy, i.AppliedAt = &by.PersonID, &now
	}
	return nil
}

func saveSummary(ctx context.Context, tx *db.Tx, i Import) error {
	summary, err := json.Marshal(i.Summary)
	if err != nil {
		return err
	}
	_, err = tx.Change(ctx, `UPDATE transfer_import SET summary = ? WHERE id = ?`, string(summary), i.ID)
	return db.Wrap(err, nil, "note what import %d changed", i.ID)
}

// A rowRecord is a row as it is stored.
type rowRecord struct {
	ID      int64   `db:"id"`
	Kind    Kind    `db:"kind"`
	Line    int     `db:"line"`
	Outcome Outcome `db:"outcome"`
	Faults  string  `db:"faults"`
	Cells   []byte  `db:"cells_sealed"`
}

func (r rowRecord) open(keys *sealed.Keys) (*Row, error) {
	cells, err := keys.Open(sealed.Sensitive, "transfer_row", "cells_sealed", r.ID, r.Cells)
	if err != nil {
		return nil, err
	}
	row := &Row{Kind: r.Kind, Line: r.Line, Outcome: r.Outcome}
	if err := json.Unmarshal([]byte(cells), &row.Cells); err != nil {
		return nil, db.Wrap(err, nil, "read row %d", r.ID)
	}
	return row, db.Wrap(json.Unmarshal([]byte(r.Faults), &row.Faults), nil, "read the faults of row %d", r.ID)
}

// allRows are the rows of an import, in the order of its files.
func allRows(ctx context.Context, q db.Queryer, keys *sealed.Keys, id ID) ([]*Row, error) {
	var records []rowRecord
	err := q.Select(ctx, &records, `
		SELECT id, kind, line, outcome, faults, cells_sealed
		FROM transfer_row
		WHERE import_id = ?
		ORDER BY id`, id)
	if err != nil {
		return nil, db.Wrap(err, nil, "read the rows of import %d", id)
	}
	rows := make([]*Row, len(records))
	for i, r := range records {
		if rows[i], err = r.open(keys); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// listRows are rows of an import, in the order of its files; failed: only those that something is wrong with.
func listRows(ctx context.Context, q db.Queryer, id ID, failed bool, p page.Page) (records []rowRecord, err error) {
	p = p.Rising()
	query := `
		SELECT id, kind, line, outcome, faults, cells_sealed
		FROM transfer_row
		WHERE import_id = ? AND id > ?`
	args := []any{id, p.ID}
	if failed {
		query, args = query+` AND failed = ?`, append(args, true)
	}
	err = q.Select(ctx, &records, query+` ORDER BY id LIMIT ?`, append(args, p.Limit())...)
	return records, db.Wrap(err, nil, "list the rows of import %d", id)
}

func rowKey(r rowRecord) (time.Time, int64) { return time.UnixMilli(0), r.ID }

// hold keeps others from bringing anything in, or moving the units, meanwhile: the same unit made twice would have no
// key to refuse it. They are held in ascending order.
func hold(ctx context.Context, tx *db.Tx, ids ...org.UnitID) error {
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		var held org.UnitID
		if err := tx.Get(ctx, &held, `SELECT id FROM unit WHERE id = ?`+db.ForUpdate, id); err != nil {
			return db.Wrap(err, problem.ErrConflict, "hold unit %d", id)
		}
	}
	return nil
}

// readUnits reads the units that by sees, both trees, with their links.
func (t *present) readUnits(ctx context.Context, q db.Queryer, by org.Actor, day calendar.Day) error {
	var parties []struct {
		org.Unit
		Parent *org.UnitID `db:"parent_id"`
		Grid   *org.UnitID `db:"grid_id"`
	}
	from, to := by.PartyScope()
	err := q.Select(ctx, &parties, `
		SELECT u.id, u.tree, u.kind, u.name, u.path, u.level, u.parent_id, l.grid_id
		FROM unit u
		LEFT JOIN unit_link l ON l.party_id = u.id AND l.valid_from <= ? AND (l.valid_to IS NULL OR l.valid_to > ?)
		WHERE u.path >= ? AND u.path < ? AND u.tree = ? AND u.valid_from <= ? AND (u.valid_to IS NULL OR u.valid_to > ?)
		ORDER BY u.id`, day, day, from, to, org.PartyTree, day, day)
	if err != nil {
		return db.Wrap(err, nil, "read the party units of an import")
	}
	from, to = by.Scope()
	err = q.Select(ctx, &t.grids, `
		SELECT id, tree, kind, name, path, level
		FROM unit
		WHERE path >= ? AND path < ? AND tree = ? AND valid_from <= ? AND (valid_to IS NULL OR valid_to > ?)
		ORDER BY id`, from, to, org.GridTree, day, day)
	if err != nil {
		return db.Wrap(err, nil, "read the grid units of an import")
	}
	grids := make(map[org.UnitID]org.Unit, len(t.grids))
	t.sections = map[string][]org.Unit{}
	for _, g := range t.grids {
		grids[g.ID] = g
		if g.Kind == org.Section {
			t.sections[g.Name] = append(t.sections[g.Name], g)
		}
	}
	t.nodes, t.parties, t.labels = make(map[org.UnitID]*node, len(parties)), map[string][]*node{}, map[org.UnitID]map[int]string{}
	for _, u := range parties {
		n := &node{party: u.Unit}
		if u.Grid != nil {
			n.grid = grids[*u.Grid]
		}
		t.nodes[u.ID] = n
		t.parties[u.Name] = append(t.parties[u.Name], n)
	}
	for _, u := range parties { // after all are there: a moved unit has a lower id than its parent
		if u.Parent != nil {
			t.nodes[u.ID].parent = t.nodes[*u.Parent]
		}
	}
	return nil
}

// ownLabel is what a place itself calls a level on a day; "" when it leaves it at the usual word.
func ownLabel(ctx context.Context, q db.Queryer, unit org.UnitID, level int, day calendar.Day) (string, error) {
	var own []string
	err := q.Select(ctx, &own, `
		SELECT label
		FROM unit_label
		WHERE unit_id = ? AND level = ? AND valid_from <= ? AND (valid_to IS NULL OR valid_to > ?)`, unit, level, day, day)
	return strings.Join(own, ""), db.Wrap(err, nil, "read what unit %d calls level %d", unit, level)
}

// readPeople reads who is in the rosters that by sees, who leads the units there, and who administers.
func (t *present) readPeople(ctx context.Context, q db.Queryer, keys *sealed.Keys, by org.Actor, day calendar.Day) (err error) {
	if t.known, err = member.KnownTo(ctx, q, keys, by); err != nil {
		return err
	}
	if t.posts, err = member.PostsBelow(ctx, q, by); err != nil {
		return err
	}
	from, to := by.PartyScope()
	query, args, err := db.In(`
		SELECT a.unit_id, a.person_id
		FROM role_assignment a
		JOIN unit u ON u.id = a.unit_id
		WHERE u.path >= ? AND u.path < ? AND a.role IN (?) AND (a.valid_to IS NULL OR a.valid_to > ?)`, from, to, org.LeadRoles, day)
	if err != nil {
		return err
	}
	var leads []struct {
		Unit   org.UnitID   `db:"unit_id"`
		Person org.PersonID `db:"person_id"`
	}
	if err := q.Select(ctx, &leads, query, args...); err != nil {
		return db.Wrap(err, nil, "read who leads the units of an import")
	}
	t.leads = make(map[org.UnitID]org.PersonID, len(leads))
	for _, l := range leads {
		t.leads[l.Unit] = l.Person
	}
	var seats []struct {
		Unit   org.UnitID   `db:"unit_id"`
		Person org.PersonID `db:"person_id"`
	}
	err = q.Select(ctx, &seats, `
		SELECT a.unit_id, a.person_id
		FROM role_assignment a
		JOIN unit u ON u.id = a.unit_id
		WHERE u.path >= ? AND u.path < ? AND a.role = ? AND (a.valid_to IS NULL OR a.valid_to > ?)`, from, to, org.RoleMember, day)
	if err != nil {
		return db.Wrap(err, nil, "read who is a member where")
	}
	t.seated = make(map[org.Seat]bool, len(seats))
	for _, s := range seats {
		t.seated[org.Seat{Person: s.Person, Unit: s.Unit}] = true
	}
	var admins []org.PersonID
	err = q.Select(ctx, &admins, `
		SELECT person_id
		FROM role_assignment
		WHERE role IN (?, ?, ?) AND (valid_to IS NULL OR valid_to > ?)`,
		org.RoleSystemAdmin, org.RoleSecurityAdmin, org.RoleAuditAdmin, day)
	t.admins = map[org.PersonID]bool{}
	for _, a := range admins {
		t.admins[a] = true
	}
	return db.Wrap(err, nil, "read who administers")
}

// readEntrances reads the buildings, entrances and doors of places.
func (t *present) readEntrances(ctx context.Context, q db.Queryer, places []org.UnitID, day calendar.Day) error {
	t.buildings, t.entrances = map[place]household.BuildingID{}, map[place]*standing{}
	if len(places) == 0 {
		return nil
	}
	var buildings []household.Building
	if err := selectIn(ctx, q, &buildings, `SELECT id, place_id, number FROM building WHERE place_id IN (?) AND ended_on IS NULL`, places); err != nil {
		return db.Wrap(err, nil, "read the buildings of an import")
	}
	for _, b := range buildings {
		t.buildings[place{b.PlaceID, b.Number}] = b.ID
	}
	var entrances []*standing
	err := selectIn(ctx, q, &entrances, `
		SELECT e.id, e.place_id, e.label, a.area_id
		FROM entrance e
		LEFT JOIN area_entrance a ON a.entrance_id = e.id AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)
		WHERE e.place_id IN (?) AND e.ended_on IS NULL`, day, day, places)
	if err != nil {
		return db.Wrap(err, nil, "read the entrances of an import")
	}
	byID := make(map[household.EntranceID]*standing, len(entrances))
	for _, e := range entrances {
		e.doors = map[string]bool{}
		byID[e.ID], t.entrances[place{e.Place, e.Label}] = e, e
	}
	var doors []struct {
		Entrance household.EntranceID `db:"entrance_id"`
		Door     string               `db:"door"`
	}
	err = selectIn(ctx, q, &doors, `
		SELECT p.entrance_id, p.door
		FROM premises p
		JOIN entrance e ON e.id = p.entrance_id
		WHERE e.place_id IN (?) AND p.ended_on IS NULL`, places)
	for _, d := range doors {
		if e := byID[d.Entrance]; e != nil { // nil: it has been made since
			e.doors[d.Door] = true
		}
	}
	return db.Wrap(err, nil, "read the doors of an import")
}

func selectIn(ctx context.Context, q db.Queryer, dest any, query string, args ...any) error {
	query, args, err := db.In(query, args...)
	if err != nil {
		return err
	}
	return q.Select(ctx, dest, query, args...)
}

// newDeals are the deals of entrances that began on a day, and newHomes the premises behind them that were made at a
// moment: what an import has just made by the hundreds.
func newDeals(ctx context.Context, q db.Queryer, entrances []household.EntranceID, day calendar.Day) (ids []int64, err error) {
	for some := range slices.Chunk(entrances, 500) {
		var found []int64
		err := selectIn(ctx, q, &found, `SELECT id FROM area_entrance WHERE entrance_id IN (?) AND valid_from = ? ORDER BY id`, some, day)
		if err != nil {
			return nil, db.Wrap(err, nil, "find %d new deals", len(some))
		}
		ids = append(ids, found...)
	}
	return ids, nil
}

func newHomes(ctx context.Context, q db.Queryer, entrances []household.EntranceID, made time.Time) (ids []int64, err error) {
	for some := range slices.Chunk(entrances, 500) {
		var found []int64
		err := selectIn(ctx, q, &found, `SELECT id FROM premises WHERE entrance_id IN (?) AND created_at = ? ORDER BY id`, some, made)
		if err != nil {
			return nil, db.Wrap(err, nil, "find the new homes of %d entrances", len(some))
		}
		ids = append(ids, found...)
	}
	return ids, nil
}

// A thing is something an import has made or changed.
type thing struct {
	N      int64  `db:"id"`
	Kind   string `db:"kind"`
	Ref    int64  `db:"ref_id"`
	Sealed []byte `db:"before_sealed"`
	Before string `db:"-"` // of what was changed
}

// The kinds of things.
const (
	madeUnit       = "unit"
	madeLabel      = "label"
	madeAssignment = "assignment" // of somebody who was there before
	madeSeat       = "seat"       // the role of somebody made by the import
	madeBuilding   = "building"
	madeEntrance   = "entrance"
	madeDeal       = "deal"
	madeHome       = "home"
	madePerson     = "person"
	madeMember     = "member"
	madeCorrection = "correction"
	madePost       = "post"
)

func insertMade(ctx context.Context, tx *db.Tx, keys *sealed.Keys, id ID, made []thing) error {
	n := int64(0)
	for some := range slices.Chunk(made, atOnce) {
		args := make([]any, 0, 5*len(some))
		for _, m := range some {
			n++
			rowID := int64(id)*madeAnImport + n
			var b []byte
			if m.Before != "" {
				var err error
				if b, err = keys.Seal(sealed.Sensitive, "transfer_made", "before_sealed", rowID, m.Before); err != nil {
					return err
				}
			}
			args = append(args, rowID, id, m.Kind, m.Ref, b)
		}
		_, err := tx.Change(ctx, `
			INSERT INTO transfer_made (id, import_id, kind, ref_id, before_sealed)
			VALUES `+values("(?, ?, ?, ?, ?)", len(some)), args...)
		if err != nil {
			return db.Wrap(err, nil, "note what import %d made", id)
		}
	}
	return nil
}

// madeBy is what an import has made and changed, by kind, in the order it was made.
func madeBy(ctx context.Context, q db.Queryer, keys *sealed.Keys, id ID) (map[string][]thing, error) {
	var all []thing
	err := q.Select(ctx, &all, `
		SELECT id, kind, ref_id, before_sealed
		FROM transfer_made
		WHERE import_id = ?
		ORDER BY id`, id)
	if err != nil {
		return nil, db.Wrap(err, nil, "read what import %d made", id)
	}
	made := map[string][]thing{}
	for _, m := range all {
		if m.Before, err = keys.Open(sealed.Sensitive, "transfer_made", "before_sealed", m.N, m.Sealed); err != nil {
			return nil, err
		}
		made[m.Kind] = append(made[m.Kind], m)
	}
	return made, nil
}

func forgetMade(ctx context.Context, tx *db.Tx, id ID) error {
	_, err := tx.Change(ctx, `DELETE FROM transfer_made WHERE import_id = ?`, id)
	return db.Wrap(err, nil, "forget what import %d made", id)
}

// settle makes one import that can no longer be undone settled, and forgets what it made; it says whether there was any.
func settle(ctx context.Context, tx *db.Tx) (some bool, err error) {
	var ids []ID
	err = tx.Select(ctx, &ids, `
		SELECT id
		FROM transfer_import
		WHERE state = ? AND applied_at <= ?
		ORDER BY applied_at
		LIMIT 1`, Applied, tx.Now.Add(-undoable))
	if err != nil || len(ids) == 0 {
		return false, db.Wrap(err, nil, "find imports to settle")
	}
	if err := forgetMade(ctx, tx, ids[0]); err != nil {
		return false, err
	}
	_, err = tx.Change(ctx, `UPDATE transfer_import SET state = ? WHERE id = ? AND state = ?`, Settled, ids[0], Applied)
	return true, db.Wrap(err, nil, "settle import %d", ids[0])
}

// purge deletes a piece of the rows that have been kept long enough, and the imports that were never applied; it says
// whether there was any.
func purge(ctx context.Context, tx *db.Tx) (some bool, err error) {
	var rows []int64
	err = tx.Select(ctx, &rows, `
		SELECT r.id
		FROM transfer_row r
		JOIN transfer_import i ON i.id = r.import_id
		WHERE i.uploaded_at <= ?
		ORDER BY r.id
		LIMIT 500`, tx.Now.Add(-rowsKept))
	if err != nil {
		return false, db.Wrap(err, nil, "find rows to purge")
	}
	if len(rows) > 0 {
		query, args, err := db.In(`DELETE FROM transfer_row WHERE id IN (?)`, rows)
		if err == nil {
			_, err = tx.Change(ctx, query, args...)
		}
		return true, db.Wrap(err, nil, "purge %d rows", len(rows))
	}
	found, err := tx.Change(ctx, `
		DELETE FROM transfer_import
		WHERE state IN (?, ?) AND uploaded_at <= ?`, Uploaded, Checked, tx.Now.Add(-rowsKept))
	return found > 0, db.Wrap(err, nil, "forget imports that were never applied")
}
