package bench

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/sealed"
)

// How the copies are spread.
const (
	aMonth       = 100_000             // requests, and visits, that come in a month
	month        = 31 * 24 * time.Hour // the window of lists of what is over
	step         = month / aMonth      // from one to the next
	openOfLate   = growPage + 1        // of each area
	oneInOld     = 8                   // of the others is open
	boundOne     = 10                  // in so many has an asker with an account
	eachAsker    = growPage + 5        // of theirs have the same asker
	rowsAtATime  = 50_000              // requests, in a load
	originalsMax = 400                 // of each kind
	moment       = "2006-01-02 15:04:05.000"
)

// A column of a table that is filled.
type column struct{ name, kind string }

// A growArea is a responsibility area: its doors, its holder, and the ladder above it.
type growArea struct {
	unit, place int64
	path        string
	ladder      map[int]int64
	person      int64
	assignment  int64
	doors       []int64
}

// readTables finds the tables in which something of requests and visits stands.
func (g *growth) readTables(ctx context.Context) error {
	_, rows, err := g.bulk.Rows(ctx, `
		SELECT c.table_name, c.column_name, c.data_type
		FROM information_schema.columns c
		WHERE c.table_schema = DATABASE()
		  AND (c.table_name IN ('request', 'visit', 'household_contact') OR c.table_name IN (
		    SELECT k.table_name FROM information_schema.columns k
		    WHERE k.table_schema = DATABASE() AND k.column_name IN ('request_id', 'visit_id')))
		ORDER BY c.table_name, c.ordinal_position`)
	g.tables = map[string][]column{}
	for _, r := range rows {
		g.tables[string(r[0])] = append(g.tables[string(r[0])], column{string(r[1]), string(r[2])})
	}
	return err
}

// readAreas finds the areas of all places, those who hold them, and their doors.
func (g *growth) readAreas(ctx context.Context) error {
	day := calendar.DayOf(g.db.Now())
	var areas []struct {
		Unit       int64  `db:"id"`
		Path       string `db:"path"`
		Person     int64  `db:"person_id"`
		Assignment int64  `db:"assignment_id"`
	}
	err := g.db.Select(ctx, &areas, `
		SELECT u.id, u.path, r.person_id, r.id AS assignment_id
		FROM unit u
		JOIN unit_link l ON l.grid_id = u.id
		JOIN role_assignment r ON r.unit_id = l.party_id AND r.role = ? AND r.valid_to IS NULL
		WHERE u.kind = ?
		ORDER BY u.id`, org.RoleAreaHolder, org.Area)
	if err != nil {
		return db.Wrap(err, nil, "find areas")
	}
	var units []org.Unit
	if err := g.db.Select(ctx, &units, `SELECT id, tree, kind, name, path, level FROM unit`); err != nil {
		return db.Wrap(err, nil, "find units")
	}
	at := map[int64]org.Unit{}
	for _, u := range units {
		at[int64(u.ID)] = u
	}
	var doors []struct {
		Area int64 `db:"area_id"`
		Door int64 `db:"id"`
	}
	err = g.db.Batch().Select(ctx, &doors, `
		SELECT a.area_id, p.id
		FROM area_entrance a
		JOIN premises p ON p.entrance_id = a.entrance_id
		WHERE a.valid_from <= ? AND a.valid_to IS NULL
		ORDER BY p.id`, day)
	if err != nil {
		return db.Wrap(err, nil, "find doors")
	}
	in := map[int64][]int64{}
	for _, d := range doors {
		in[d.Area] = append(in[d.Area], d.Door)
	}
	for _, a := range areas {
		x := growArea{unit: a.Unit, path: a.Path, ladder: map[int]int64{}, person: a.Person, assignment: a.Assignment, doors: in[a.Unit]}
		for id := range strings.SplitSeq(strings.Trim(a.Path, "/"), "/") {
			n, _ := strconv.ParseInt(id, 10, 64) // a path is made of ids
			if u := at[n]; u.Level > 0 {
				x.ladder[u.Level] = n
			}
		}
		x.place = x.ladder[4]
		if len(x.doors) > 0 {
			g.areas = append(g.areas, x)
		}
	}
	if len(g.areas) == 0 {
		return errors.New("there is no area with homes and a holder")
	}
	err = g.db.Batch().Select(ctx, &g.residents, `SELECT id FROM person ORDER BY id`)
	return db.Wrap(err, nil, "find persons")
}

// An original is a request or a visit that the product has made, with the rows that hang on it.
type original struct {
	at     time.Time
	tables []originalTable
}

// An originalTable is the rows of an original in one table.
type originalTable struct {
	name string
	rows [][]cell
}

// A cell writes one value of a copy.
type cell func(w *bytes.Buffer, c *replica) error

// A replica is the copy that is being written.
type replica struct {
	keys  *sealed.Keys
	id    int64 // of the request or visit
	row   int64 // of the row under way
	area  *growArea
	door  int64
	asker int64 // 0: without an account
	still bool  // nobody has done anything for a long time
	at    time.Time
	shift time.Duration
	code  string
}

// readOriginals reads what the demo has made.
func (g *growth) readOriginals(ctx context.Context) (err error) {
	var children []string
	for name, columns := range g.tables {
		if slices.ContainsFunc(columns, func(c column) bool { return c.name == "request_id" }) {
			children = append(children, name)
		}
	}
	slices.Sort(children)
	for _, kind := range []struct {
		into  *[]original
		root  string
		where string
		below []string
	}{
		{&g.open, "request", "is_open = 1", children},
		{&g.closed, "request", "is_open = 0", children},
		{&g.visits, "visit", "result <> 'needs'", nil},
		{&g.contacts, "household_contact", "version > 0", nil},
	} {
		_, ids, err := g.bulk.Rows(ctx, fmt.Sprintf("SELECT %s FROM %s WHERE %s ORDER BY 1 LIMIT %d", key(kind.root), kind.root, kind.where, originalsMax))
		if err != nil {
			return err
		}
		for _, id := range ids {
			o, err := g.original(ctx, kind.root, string(id[0]), kind.below)
			if err != nil {
				return err
			}
			*kind.into = append(*kind.into, o)
		}
	}
	if len(g.open) == 0 || len(g.closed) == 0 || len(g.visits) == 0 {
		return errors.New("the demo has nothing to copy")
	}
	return nil
}

// key is by what a row of a table is named, and sealed.
func key(table string) string {
	if table == "household_contact" {
		return "premises_id"
	}
	return "id"
}

func (g *growth) original(ctx context.Context, root, id string, below []string) (o original, err error) {
	for _, table := range append([]string{root}, below...) {
		by := "request_id"
		if table == root {
			by = key(root)
		}
		names, rows, err := g.bulk.Rows(ctx, "SELECT "+strings.Join(g.columns(table), ", ")+" FROM "+table+" WHERE "+by+" = "+id)
		if err != nil {
			return o, err
		}
		if len(rows) == 0 {
			continue
		}
		if table == root {
			if o.at, err = time.Parse(moment, string(rows[0][slices.Index(names, "recorded_at")])); err != nil {
				return o, err
			}
		}
		t := originalTable{name: table}
		for _, values := range rows {
			r := make([]cell, len(names))
			for i, c := range g.tables[table] {
				if r[i], err = g.cell(table, root, c, names, values, values[i]); err != nil {
					return o, fmt.Errorf("%s.%s: %w", table, c.name, err)
				}
			}
			t.rows = append(t.rows, r)
		}
		o.tables = append(o.tables, t)
	}
	return o, nil
}

// cell says what a copy has where the original has value.
func (g *growth) cell(table, root string, c column, names []string, values [][]byte, value []byte) (cell, error) {
	of := func(name string) string {
		if i := slices.Index(names, name); i >= 0 {
			return string(values[i])
		}
		return ""
	}
	number := func(f func(r *replica) int64) (cell, error) {
		return func(w *bytes.Buffer, r *replica) error {
			w.Write(strconv.AppendInt(w.AvailableBuffer(), f(r), 10))
			return nil
		}, nil
	}
	switch {
	case c.name == "id":
		return number(func(r *replica) int64 { return r.row })
	case c.name == "request_id":
		return number(func(r *replica) int64 { return r.id })
	case table == "request_asker" && c.name == "person_id":
		return func(w *bytes.Buffer, r *replica) error {
			if r.asker == 0 {
				w.WriteString(`\N`)
			} else {
				w.Write(strconv.AppendInt(w.AvailableBuffer(), r.asker, 10))
			}
			return nil
		}, nil
	case c.name == "stale_unit_id", c.name == "stepped_at" && value == nil:
		return g.stale(c.name, of("level"), of("is_open")), nil
	case value == nil:
		return func(w *bytes.Buffer, _ *replica) error { w.WriteString(`\N`); return nil }, nil
	case c.name == "source_visit_id":
		return number(func(r *replica) int64 { return r.id })
	case c.name == "unit_id":
		return number(func(r *replica) int64 { return r.area.unit })
	case c.name == "place_id":
		return number(func(r *replica) int64 { return r.area.place })
	case c.name == "holder_unit_id":
		level, _ := strconv.Atoi(of("level"))
		return number(func(r *replica) int64 { return r.area.holder(level) })
	case c.name == "premises_id":
		return number(func(r *replica) int64 { return r.door })
	case c.name == "person_id", c.name == "recorded_by":
		return number(func(r *replica) int64 { return r.area.person })
	case c.name == "assignment_id":
		return number(func(r *replica) int64 { return r.area.assignment })
	case c.name == "client_ref":
		return func(w *bytes.Buffer, _ *replica) error { w.WriteString(uuid.NewString()); return nil }, nil
	case c.name == "fingerprint":
		return func(w *bytes.Buffer, r *replica) error {
			inHex(w, r.keys.MAC("visit", strconv.AppendInt(nil, r.id, 10)))
			return nil
		}, nil
	case c.name == "receipt_hash":
		return func(w *bytes.Buffer, r *replica) error { inHex(w, r.keys.MAC("receipt", []byte(r.code))); return nil }, nil
	case c.name == "receipt_sealed":
		return func(w *bytes.Buffer, r *replica) error {
			return r.seal(w, sealed.Personal, table, c.name, r.code)
		}, nil
	case strings.HasSuffix(c.name, "_sealed"):
		id, _ := strconv.ParseInt(of(key(table)), 10, 64)
		for _, class := range []sealed.Class{sealed.Personal, sealed.Sensitive} {
			if plain, err := g.keys.Open(class, table, c.name, id, value); err == nil {
				return func(w *bytes.Buffer, r *replica) error { return r.seal(w, class, table, c.name, plain) }, nil
			}
		}
		return nil, errors.New("it does not open")
	case c.kind == "datetime":
		at, err := time.Parse(moment, string(value))
		return func(w *bytes.Buffer, r *replica) error {
			w.Write(at.Add(r.shift).AppendFormat(w.AvailableBuffer(), moment))
			return nil
		}, err
	case c.kind == "char" && len(value) == len("2026-03-02"):
		day, err := time.Parse(time.DateOnly, string(value))
		return func(w *bytes.Buffer, r *replica) error {
			w.Write(day.Add(r.shift).AppendFormat(w.AvailableBuffer(), time.DateOnly))
			return nil
		}, err
	case c.kind == "varbinary":
		return func(w *bytes.Buffer, _ *replica) error { inHex(w, value); return nil }, nil
	}
	if bytes.ContainsAny(value, "\t\n\\") {
		return nil, fmt.Errorf("%q of %s is more than a word", value, root)
	}
	return func(w *bytes.Buffer, _ *replica) error { w.Write(value); return nil }, nil
}

// stale is how a request that nobody has done anything for stands on the list of whoever leads its holder.
func (g *growth) stale(column, level, open string) cell {
	from, _ := strconv.Atoi(level)
	return func(w *bytes.Buffer, r *replica) error {
		switch {
		case !r.still || open != "1":
			w.WriteString(`\N`)
		case column == "stepped_at":
			w.Write(r.at.AppendFormat(w.AvailableBuffer(), moment))
		default:
			w.Write(strconv.AppendInt(w.AvailableBuffer(), r.area.holder(from+1), 10))
		}
		return nil
	}
}

// holder is the unit of the area's ladder at a level, or the next one above; beside the levels, the place.
func (a *growArea) holder(level int) int64 {
	for l := level; l > 0 && l <= 5; l++ {
		if id := a.ladder[l]; id != 0 {
			return id
		}
	}
	return a.place
}

func inHex(w *bytes.Buffer, b []byte) { w.Write(hex.AppendEncode(w.AvailableBuffer(), b)) }

func (r *replica) seal(w *bytes.Buffer, class sealed.Class, table, name, plain string) error {
	b, err := r.keys.Seal(class, table, name, r.row, plain)
	inHex(w, b)
	return err
}

// letters are those of receipt codes.
const letters = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"

func newCode() string {
	var b [10]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	for i := range b {
		b[i] = letters[b[i]%byte(len(letters))]
	}
	return string(b[:])
}

// fill empties the tables of requests and visits, and fills them with n copies of each.
func (g *growth) fill(ctx context.Context, n int) (err error) {
	fmt.Fprintf(g.Say, "bench: filling %d requests and visits into %d areas\n", n, len(g.areas))
	var filled []string
	for name := range g.tables {
		if err := g.bulk.Exec(ctx, "TRUNCATE TABLE "+name); err != nil { // contacts, too: each home gets one
			return err
		}
		filled = append(filled, name)
	}
	slices.Sort(filled)
	for _, name := range filled {
		if err := g.bulk.Shelve(ctx, name); err != nil {
			return err
		}
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	batches := make(chan batch, 1)
	go g.write(ctx, n, batches)
	begun, told := time.Now(), 0
	for b := range batches {
		if b.err != nil {
			return b.err
		}
		for _, name := range filled {
			if rows := b.rows[name]; rows != nil {
				if err := g.load(ctx, name, rows); err != nil {
					return err
				}
			}
		}
		if share := b.upTo * 10 / n; share > told {
			told = share
			fmt.Fprintf(g.Say, "bench: %d0 %% after %v\n", share, time.Since(begun).Round(time.Second))
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, name := range filled {
		if err := g.bulk.Unshelve(ctx, name); err != nil {
			return err
		}
	}
	return g.bulk.Analyze(ctx)
}

func (g *growth) load(ctx context.Context, table string, rows *bytes.Buffer) error {
	inHex := map[string]bool{}
	for _, c := range g.tables[table] {
		inHex[c.name] = c.kind == "varbinary"
	}
	return g.bulk.Load(ctx, table, g.columns(table), inHex, rows)
}

// columns are the names of a table's columns, as they stand in it.
func (g *growth) columns(table string) (names []string) {
	for _, c := range g.tables[table] {
		names = append(names, c.name)
	}
	return names
}

// A batch is rows of each table, as they are loaded.
type batch struct {
	rows map[string]*bytes.Buffer
	upTo int
	err  error
}

// write writes copies while the ones before are being loaded.
func (g *growth) write(ctx context.Context, n int, to chan<- batch) {
	defer close(to)
	rows := map[string]int64{}
	now := g.db.Now().Add(-time.Minute)
	for from := 0; from < n; from += rowsAtATime {
		b := batch{rows: map[string]*bytes.Buffer{}, upTo: min(from+rowsAtATime, n)}
		for i := from; i < b.upTo && b.err == nil; i++ {
			b.err = g.both(b, rows, i, n, now)
		}
		select {
		case to <- b:
		case <-ctx.Done():
			return
		}
		if b.err != nil {
			return
		}
	}
}

// both writes the i-th visit and the i-th request of n: of the same door, and at the same time.
func (g *growth) both(b batch, rows map[string]int64, i, n int, now time.Time) error {
	a := &g.areas[i%len(g.areas)]
	r := replica{keys: g.keys, id: int64(i + 1), area: a, door: a.doors[i/len(g.areas)%len(a.doors)], code: newCode()}
	if i%boundOne == 0 {
		askers := max(1, min(len(g.residents), n/boundOne/eachAsker))
		r.asker = g.residents[i/boundOne%askers]
	}
	r.at = now.Add(-time.Duration(n-i) * step)
	request := g.closed
	if late := n-i <= openOfLate*len(g.areas); late || i/len(g.areas)%oneInOld == 0 {
		request, r.still = g.open, !late
	}
	for _, o := range []original{g.visits[i%len(g.visits)], request[i%len(request)]} {
		if err := b.add(o, r, r.at, func(table string) int64 { rows[table]++; return rows[table] }); err != nil {
			return err
		}
	}
	if i/len(g.areas) < len(a.doors) { // the first that comes of this door
		o := g.contacts[i%len(g.contacts)]
		return b.add(o, r, o.at, func(string) int64 { return r.door })
	}
	return nil
}

// add writes r, a copy of o at a moment, whose rows next numbers.
func (b batch) add(o original, r replica, at time.Time, next func(table string) int64) error {
	r.shift = at.Sub(o.at)
	for _, t := range o.tables {
		w := b.rows[t.name]
		if w == nil {
			w = &bytes.Buffer{}
			b.rows[t.name] = w
		}
		for _, row := range t.rows {
			r.row = next(t.name)
			for k, cell := range row {
				if k > 0 {
					w.WriteByte('\t')
				}
				if err := cell(w, &r); err != nil {
					return err
				}
			}
			w.WriteByte('\n')
		}
	}
	return nil
}
