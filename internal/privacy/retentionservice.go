package privacy

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
)

// Retention erases what is kept no longer (X45).
type Retention struct {
	db      *db.DB
	pages   *page.Keys
	classes []Class
	journal string // file that stands outside of the database, empty: none
}

// NewRetention makes a Retention of all classes, whose journal is also written to a file if one is named.
func NewRetention(d *db.DB, pages *page.Keys, journal string, classes ...Class) *Retention {
	return &Retention{db: d, pages: pages, classes: classes, journal: journal}
}

// countTo is where counting for somebody who waits stops.
const countTo = 10_000

// Preview is how much of each class is over now, and erases nothing. Nobody waits for more than atMost rows of a class;
// 0: for all.
func (s *Retention) Preview(ctx context.Context, atMost int64) ([]Count, error) {
	now := s.db.Now()
	all := make([]Count, len(s.classes))
	for i, c := range s.classes {
		due, more, err := s.count(ctx, c, now, atMost)
		if err != nil {
			return nil, err
		}
		all[i] = Count{Class: c.Name, Tables: c.Tables, Kept: c.Kept, Due: due, More: more}
	}
	return all, nil
}

func (s *Retention) count(ctx context.Context, c Class, now time.Time, atMost int64) (n int64, more bool, err error) {
	q := s.db.Batch()
	for after := int64(0); ; {
		ids, err := due(ctx, q, c, now, after, pieceSize)
		if err != nil {
			return 0, false, err
		}
		n += int64(len(ids))
		switch {
		case len(ids) < pieceSize:
			return n, false, nil
		case atMost > 0 && n >= atMost:
			return n, true, nil
		}
		after = ids[len(ids)-1]
	}
}

// Night does one piece of the night's work, and says whether there was any. Any number of nodes share it: they take
// turns at a class, and each piece is counted in the transaction that erases it.
func (s *Retention) Night(ctx context.Context) (worked bool, err error) {
	name := night(s.db.Now())
	if name == "" {
		return false, nil
	}
	var errs []error
	for _, c := range s.classes {
		worked, err := s.piece(ctx, c, name)
		errs = append(errs, err) // the other classes go on
		if worked {
			return true, errors.Join(errs...)
		}
	}
	return false, errors.Join(errs...)
}

// Erase erases what is over now, all of it: by hand, before the night comes.
func (s *Retention) Erase(ctx context.Context) (runs []Run, err error) {
	name := "by hand " + s.db.Now().In(calendar.Shanghai).Format("2006-01-02 15:04:05.000")
	var errs []error
	for _, c := range s.classes {
		for worked := true; worked; {
			worked, err = s.piece(ctx, c, name)
			errs = append(errs, err)
		}
	}
	runs, err = runsOf(ctx, s.db, name)
	return runs, errors.Join(append(errs, err)...)
}

// EraseAs is Erase for by, once.
func (s *Retention) EraseAs(ctx context.Context, by org.Actor) (runs []Run, err error) {
	if err := s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), nil, func() error {
			audit.Note(tx, by.Did("retention.run", "retention", 0))
			return nil
		})
	}); err != nil || once.Replayed(ctx) {
		return []Run{}, err
	}
	return s.Erase(ctx)
}

// piece erases some rows of a class in the run of a night, and says whether there may be more. Of those that cannot go
// together each goes by itself, so that one which cannot go at all is left for another night and keeps no others back.
func (s *Retention) piece(ctx context.Context, c Class, night string) (worked bool, err error) {
	run, err := s.begin(ctx, c, night)
	if err != nil || run.EndedAt != nil {
		return false, err
	}
	size := cmp.Or(c.Piece, pieceSize)
	taken, gone, err := s.take(ctx, c, run.ID, size)
	switch {
	case err == nil:
		return len(taken) == size, s.write(gone)
	case len(taken) == 0 || ctx.Err() != nil:
		return false, err
	}
	return s.oneByOne(ctx, c, run.ID, len(taken))
}

// oneByOne erases up to n rows, which could not go together, one after the other.
func (s *Retention) oneByOne(ctx context.Context, c Class, run int64, n int) (worked bool, err error) {
	var errs []error
	for range n {
		taken, gone, err := s.take(ctx, c, run, 1)
		if err != nil && len(taken) == 1 && ctx.Err() == nil {
			errs = append(errs, err)
			err = s.passOver(ctx, run, taken[0])
		}
		if err = errors.Join(err, s.write(gone)); err != nil || len(taken) == 0 {
			return false, errors.Join(append(errs, err)...)
		}
	}
	return true, errors.Join(errs...)
}

// take erases up to size rows of a class behind those that its run has reached, and returns them, also where it fails. Where
// there are fewer the run is over.
func (s *Retention) take(ctx context.Context, c Class, id int64, size int) (ids []int64, gone Erasure, err error) {
	err = s.db.Batch().InTx(ctx, func(tx *db.Tx) error {
		ids, gone = nil, Erasure{}
		run, err := holdRun(ctx, tx, id)
		if err != nil || run.EndedAt != nil {
			return err // another node has done the rest
		}
		if ids, err = due(ctx, tx, c, run.StartedAt, run.Reached, size); err != nil {
			return err
		}
		if len(ids) < size {
			run.EndedAt = &tx.Now
		}
		if len(ids) > 0 {
			if err := erase(ctx, tx, c, ids, run.StartedAt); err != nil {
				return err
			}
			run.Reached, run.Erased = ids[len(ids)-1], run.Erased+int64(len(ids))
			if c.Journal {
				gone = Erasure{Class: c.Name, IDs: ids, ErasedAt: tx.Now}
				if err := insertErasure(ctx, tx, gone); err != nil {
					return err
				}
			}
		}
		if run.EndedAt != nil && run.Erased > 0 {
			audit.Note(tx, org.System.Did("retention.erased", c.Name, run.ID).For("retention", strconv.FormatInt(run.Erased, 10)))
		}
		return saveRun(ctx, tx, run)
	})
	if err != nil {
		return ids, Erasure{}, fmt.Errorf("erase %s: %w", c.Name, err)
	}
	return ids, gone, nil
}

// passOver lets a run go on behind a row that could not be erased, unless another node has come further.
func (s *Retention) passOver(ctx context.Context, id, row int64) error {
	return s.db.Batch().InTx(ctx, func(tx *db.Tx) error {
		run, err := holdRun(ctx, tx, id)
		if err != nil || run.EndedAt != nil || run.Reached >= row {
			return err
		}
		run.Reached = row
		return saveRun(ctx, tx, run)
	})
}

// begin is the run of a class in a night; the first one to come counts what is over and makes it.
func (s *Retention) begin(ctx context.Context, c Class, night string) (Run, error) {
	run, err := findRun(ctx, s.db, c.Name, night)
	if !errors.Is(err, problem.ErrNotFound) {
		return run, err
	}
	now := s.db.Now()
	n, _, err := s.count(ctx, c, now, 0)
	if err != nil {
		return Run{}, err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		return insertRun(ctx, tx, Run{Class: c.Name, Night: night, Due: n, StartedAt: now})
	})
	if err != nil {
		return Run{}, err
	}
	return findRun(ctx, s.db, c.Name, night)
}

// write appends e to the file of the journal.
func (s *Retention) write(e Erasure) (err error) {
	if s.journal == "" || len(e.IDs) == 0 {
		return nil
	}
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("write the erasure journal: %w", err)
	}
	f, err := os.OpenFile(s.journal, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the erasure journal: %w", err)
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Sync(), f.Close())
}

// ReadJournal reads a file of the journal.
func ReadJournal(r io.Reader) (all []Erasure, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		var e Erasure
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("line %d of the erasure journal: %w", n, err)
		}
		all = append(all, e)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the erasure journal: %w", err)
	}
	return all, nil
}

// Replay erases once more what a journal says was erased: what a restored backup brings back is forgotten before
// anybody sees it. It may run again.
func (s *Retention) Replay(ctx context.Context, journal []Erasure) (replayed int64, err error) {
	for _, e := range journal {
		at := slices.IndexFunc(s.classes, func(c Class) bool { return c.Name == e.Class })
		if at < 0 {
			return replayed, fmt.Errorf("the erasure journal names %q, and there is no such class", e.Class)
		}
		for ids := range slices.Chunk(e.IDs, pieceSize) {
			err := s.db.Batch().InTx(ctx, func(tx *db.Tx) error {
				return erase(ctx, tx, s.classes[at], ids, e.ErasedAt)
			})
			if err != nil {
				return replayed, err
			}
			replayed += int64(len(ids))
		}
	}
	return replayed, nil
}

// forget erases in the caller's transaction what somebody has a right to have forgotten before its time.
func (s *Retention) forget(ctx context.Context, tx *db.Tx, gone []Erasure) error {
	for _, e := range gone {
		at := slices.IndexFunc(s.classes, func(c Class) bool { return c.Name == e.Class })
		if at < 0 {
			return fmt.Errorf("%q is no class", e.Class)
		}
		if err := erase(ctx, tx, s.classes[at], e.IDs, tx.Now); err != nil {
			return err
		}
		if err := insertErasure(ctx, tx, e); err != nil {
			return err
		}
	}
	return nil
}

// Runs is a page of the proofs, the newest first, and the cursor behind it.
func (s *Retention) Runs(ctx context.Context, by org.Actor, cursor string, size int) (runs []Run, next string, err error) {
	p, err := s.pages.Parse(cursor, size, page.Bound("listRetentionRuns", by.PersonID, by.Assignment))
	if err != nil {
		return nil, "", err
	}
	if runs, err = listRuns(ctx, s.db, p); err != nil {
		return nil, "", err
	}
	runs, next = page.Cut(runs, p, func(r Run) (time.Time, int64) { return r.StartedAt, r.ID })
	return runs, next, nil
}
