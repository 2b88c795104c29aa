package transfer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/limit"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
)

// Allow takes one call of a subject from a limiter (limit.Limits.Allow).
type Allow func(ctx context.Context, l limit.Limiter, subject string) limit.Verdict

// A Service brings files in.
type Service struct {
	db      *db.DB
	keys    *sealed.Keys
	pages   *page.Keys
	allow   Allow
	changed org.RoleChanged
	turn    chan struct{} // one import at once a node: each holds thousands of rows in memory
}

// NewService makes a Service that tells changed of the roles that imports give and take back.
func NewService(d *db.DB, keys *sealed.Keys, pages *page.Keys, allow Allow, changed org.RoleChanged) *Service {
	return &Service{db: d, keys: keys, pages: pages, allow: allow, changed: changed, turn: make(chan struct{}, 1)}
}

// step is how long one step of an import may take (security.md §8).
const step = time.Minute

// begin takes the turn of an import and gives it its time: it goes on when its caller has gone away, and the caller's
// key tells what came of it.
func (s *Service) begin(ctx context.Context) (_ context.Context, end func(), err error) {
	select {
	case s.turn <- struct{}{}:
	default:
		return nil, nil, ErrBusy.RetryAfter(5 * time.Second)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), step)
	return ctx, func() { cancel(); <-s.turn }, nil
}

// uploaded is the result of an upload, and what tells the same files from others: the body of a stream is in no
// fingerprint.
type uploaded struct {
	Import Import
	Hash   []byte
}

// Upload reads files, one a kind, and says what they would change. Nothing is changed; the rows are kept, sealed, until
// they are applied or 48 hours have passed. files is called once by may do this at all.
func (s *Service) Upload(ctx context.Context, by org.Actor, files func() (map[Kind][]byte, error)) (Import, error) {
	if v := s.allow(ctx, limit.Import, strconv.FormatInt(int64(by.PersonID), 10)); !v.OK {
		return Import{}, problem.ErrTooMany.RetryAfter(v.Retry)
	}
	read, err := files()
	if err != nil {
		return Import{}, err
	}
	ctx, end, err := s.begin(ctx)
	if err != nil {
		return Import{}, err
	}
	defer end()
	kinds, rows, err := understand(by, read)
	if err != nil {
		return Import{}, err
	}
	u := uploaded{}
	err = once.InTx(ctx, s.db.Batch(), int64(by.PersonID), &u, func(tx *db.Tx) error {
		u = uploaded{Hash: hash(read), Import: Import{
			UnitID: by.Unit.ID, KindList: kinds, Rows: len(rows), UploadedBy: by.PersonID, UploadedAt: tx.Now,
		}}
		return s.dryRun(ctx, tx, by, &u.Import, rows)
	})
	if err == nil && once.Replayed(ctx) && !bytes.Equal(u.Hash, hash(read)) {
		err = problem.ErrKeyReused
	}
	return u.Import, err
}

func (s *Service) dryRun(ctx context.Context, tx *db.Tx, by org.Actor, i *Import, rows []*Row) error {
	fresh := make([]*Row, len(rows)) // f may run again, and rows collect faults
	for n, r := range rows {
		c := *r
		c.Faults = slices.Clone(r.Faults)
		fresh[n] = &c
	}
	p, err := makePlan(ctx, tx, s.keys, by, by.PersonID, fresh)
	if err != nil {
		return err
	}
	i.Summary, i.Failed = p.summary(fresh)
	if i.State = Checked; i.Failed > 0 {
		i.State = Uploaded
	}
	if i.ID, err = insertImport(ctx, tx, *i); err != nil {
		return err
	}
	audit.Note(tx, by.Did("import.uploaded", "import", int64(i.ID)))
	return insertRows(ctx, tx, s.keys, i.ID, fresh)
}

// understand makes rows of files, or refuses them all.
func understand(by org.Actor, files map[Kind][]byte) (list string, rows []*Row, err error) {
	var kinds []Kind
	for _, k := range Kinds {
		if files[k] != nil {
			kinds = append(kinds, k)
		}
	}
	if err := together(kinds); err != nil {
		return "", nil, err
	}
	if err := mayBring(by, kinds); err != nil {
		return "", nil, err
	}
	names := make([]string, len(kinds))
	for i, k := range kinds {
		some, err := read(k, files[k])
		if err != nil {
			return "", nil, err
		}
		rows, names[i] = append(rows, some...), string(k)
	}
	return strings.Join(names, ","), rows, nil
}

func hash(files map[Kind][]byte) []byte {
	h := sha256.New()
	for _, k := range Kinds {
		one := sha256.Sum256(files[k])
		h.Write(one[:])
	}
	return h.Sum(nil)
}

// Find is an import as it stands.
func (s *Service) Find(ctx context.Context, by org.Actor, id ID) (Import, error) {
	return findImport(ctx, s.db, by, id)
}

// Rows is a page of the rows of an import; failed: of those that something is wrong with. That somebody has read them
// is noted: they speak of people.
func (s *Service) Rows(ctx context.Context, by org.Actor, id ID, failed bool, cursor string, size int) (rows []*Row, next string, err error) {
	p, err := s.pages.Parse(cursor, size, page.Bound("listImportRows", id, failed, by.PersonID, by.Assignment))
	if err != nil {
		return nil, "", err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if _, err := findImport(ctx, tx, by, id); err != nil {
			return err
		}
		records, err := listRows(ctx, tx, id, failed, p)
		if err != nil {
			return err
		}
		records, next = page.Cut(records, p, rowKey)
		rows = make([]*Row, len(records))
		for i, r := range records {
			if rows[i], err = r.open(s.keys); err != nil {
				return err
			}
		}
		audit.Note(tx, by.Did("import.read", "import", int64(id)))
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	return rows, next, nil
}

// Apply brings all rows of an import in, or none: they are held against what is there by now.
func (s *Service) Apply(ctx context.Context, by org.Actor, id ID) (Import, error) {
	return s.act(ctx, by, id, Applied, Import.canApply, func(ctx context.Context, tx *db.Tx, i *Import) error {
		rows, err := allRows(ctx, tx, s.keys, id)
		if err != nil {
			return err
		}
		p, err := makePlan(ctx, tx, s.keys, by, i.UploadedBy, rows)
		if err != nil {
			return err
		}
		summary, failed := p.summary(rows)
		if failed > 0 {
			return remaining(rows, failed)
		}
		i.Summary = summary
		made, err := s.carryOut(ctx, tx, p)
		if err != nil {
			return err
		}
		if err := insertMade(ctx, tx, s.keys, id, made); err != nil {
			return err
		}
		audit.Note(tx, by.Did("import.applied", "import", int64(id)))
		return saveSummary(ctx, tx, *i)
	})
}

// act brings an import into state to, once: if by may, and while by holds both trees, f does what it takes.
func (s *Service) act(
	ctx context.Context, by org.Actor, id ID, to State, may func(Import, org.Actor, time.Time) error,
	f func(context.Context, *db.Tx, *Import) error,
) (i Import, err error) {
	ctx, end, err := s.begin(ctx)
	if err != nil {
		return Import{}, err
	}
	defer end()
	err = once.InTx(ctx, s.db.Batch(), int64(by.PersonID), &i, func(tx *db.Tx) error {
		if i, err = findImport(ctx, tx, by, id); err != nil {
			return err
		}
		if err := may(i, by, tx.Now); err != nil {
			return err
		}
		if err := move(ctx, tx, &i, by, to); err != nil {
			return err
		}
		if err := hold(ctx, tx, roots(by)...); err != nil {
			return err
		}
		return f(ctx, tx, &i)
	})
	return i, err
}

// roots are the tops of both trees as by sees them: whoever brings something in holds them.
func roots(by org.Actor) (ids []org.UnitID) {
	for _, u := range []org.Unit{by.Grid, by.Party} {
		if above := u.Above(); len(above) > 0 {
			ids = append(ids, above[0])
		} else if u.ID != 0 {
			ids = append(ids, u.ID)
		}
	}
	return ids
}

// named is how many rows a refusal names.
const named = 20

// remaining refuses rows that had no errors when they were uploaded and have some now.
func remaining(rows []*Row, failed int) error {
	type line struct {
		Kind   Kind    `json:"kind"`
		Line   int     `json:"line"`
		Errors []Fault `json:"errors"`
	}
	var first []line
	for _, r := range rows {
		if len(r.Faults) > 0 && len(first) < named {
			first = append(first, line{r.Kind, r.Line, r.Faults})
		}
	}
	return ErrErrorsRemain.With("state", Checked).With("failedRows", failed).With("rows", first)
}

// Undo takes an import back, all of it, if nothing hangs on what it made.
func (s *Service) Undo(ctx context.Context, by org.Actor, id ID) (Import, error) {
	i, err := s.act(ctx, by, id, Undone, Import.canUndo, func(ctx context.Context, tx *db.Tx, _ *Import) error {
		made, err := madeBy(ctx, tx, s.keys, id)
		if err != nil {
			return err
		}
		uses, err := usesOf(ctx, tx, made)
		if err != nil {
			return err
		}
		if len(uses) > 0 {
			return ErrInUse.With("uses", uses)
		}
		if err := s.takeBack(ctx, tx, by, made); err != nil {
			return err
		}
		audit.Note(tx, by.Did("import.undone", "import", int64(id)))
		return forgetMade(ctx, tx, id)
	})
	if db.IsReferenced(err) { // since a moment ago
		err = ErrInUse
	}
	return i, err
}

// Tidy settles one import that can no longer be undone, or purges a piece of the rows that have been kept long enough,
// and says whether there was any. A job calls it until there is none.
func (s *Service) Tidy(ctx context.Context) (some bool, err error) {
	err = s.db.Batch().InTx(ctx, func(tx *db.Tx) error {
		if some, err = settle(ctx, tx); err != nil || some {
			return err
		}
		some, err = purge(ctx, tx)
		return err
	})
	return some, err
}
