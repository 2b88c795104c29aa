package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"wanjia/internal/member"
	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/limit"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
)

// A world is orgtest's with a service on it, and a clock.
type world struct {
	*orgtest.World
	*Service
	t    *testing.T
	d    *db.DB
	now  time.Time
	left int // calls that the limiter lets through
	told []string
}

var start = time.Date(2026, 4, 1, 1, 0, 0, 0, time.UTC) // 09:00 in Shanghai

func newWorld(t *testing.T, d *db.DB) *world {
	t.Helper()
	w := &world{t: t, d: d, now: start, left: 100}
	dbtest.WithClock(t, d, func() time.Time { return w.now })
	w.World = orgtest.Tree(t, d)
	keys, err := sealed.Open(t.Context(), d, bytes.Repeat([]byte{3}, sealed.MasterSize))
	if err != nil {
		t.Fatal(err)
	}
	allow := func(context.Context, limit.Limiter, string) limit.Verdict {
		w.left--
		return limit.Verdict{OK: w.left >= 0, Retry: time.Minute}
	}
	w.Service = NewService(d, keys, page.NewKeys([]byte("secret")), allow, func(_ context.Context, _ *db.Tx, _ org.Actor, e org.RoleEvent, a org.Assignment) error {
		w.told = append(w.told, fmt.Sprintf("%s %s", e, a.Role))
		return nil
	})
	return w
}

// each runs f with a world on every engine.
func each(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, d *db.DB) { f(t, newWorld(t, d)) })
}

// csv is a file of these lines.
func csv(lines ...string) []byte { return []byte(strings.Join(lines, "\n") + "\n") }

// upload reads files as by.
func (w *world) upload(by org.Actor, files map[Kind][]byte) Import {
	w.t.Helper()
	i, err := w.Upload(w.t.Context(), by, func() (map[Kind][]byte, error) { return files, nil })
	if err != nil {
		w.t.Fatalf("upload: %v", err)
	}
	return i
}

// refused is the problem of files that are refused.
func (w *world) refused(by org.Actor, files map[Kind][]byte) error {
	w.t.Helper()
	_, err := w.Upload(w.t.Context(), by, func() (map[Kind][]byte, error) { return files, nil })
	return err
}

// apply brings an import in.
func (w *world) apply(by org.Actor, i Import) Import {
	w.t.Helper()
	i, err := w.Apply(w.t.Context(), by, i.ID)
	if err != nil {
		w.t.Fatalf("apply: %v", err)
	}
	return i
}

// faults are the errors of the rows of an import: "3 电话 common.phone_invalid".
func (w *world) faults(by org.Actor, i Import) (all []string) {
	w.t.Helper()
	cursor := ""
	for {
		rows, next, err := w.Rows(w.t.Context(), by, i.ID, true, cursor, 100)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, r := range rows {
			for _, f := range r.Faults {
				all = append(all, strings.Join(strings.Fields(fmt.Sprint(r.Line, " ", f.Column, " ", f.Code)), " "))
			}
		}
		if cursor = next; cursor == "" {
			return all
		}
	}
}

// count is how many rows a table has.
func (w *world) count(table string) (n int) {
	w.t.Helper()
	if err := w.d.Get(w.t.Context(), &n, `SELECT COUNT(*) FROM `+table); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// tables are those that an import may fill.
var tables = []string{
	"unit", "unit_edge", "unit_link", "unit_label", "role_assignment", "building", "entrance", "area_entrance", "premises", "person", "member",
	"office_post",
}

// counts are how many rows each of the tables has.
func (w *world) counts() map[string]int {
	all := map[string]int{}
	for _, t := range tables {
		all[t] = w.count(t)
	}
	return all
}

func code(err error) string {
	if p, ok := errors.AsType[*problem.Problem](err); ok {
		return p.Code
	}
	return fmt.Sprint(err)
}

// tidy runs the job of the minute until there is nothing to do.
func (w *world) tidy() {
	w.t.Helper()
	for some := true; some; {
		var err error
		if some, err = w.Tidy(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	}
}

// latest is the newest import.
func latest(w *world) (id ID, err error) {
	return id, w.d.Get(w.t.Context(), &id, `SELECT MAX(id) FROM transfer_import`)
}

// personOf is the only person in the roster called name.
func personOf(w *world, name string) (org.PersonID, error) {
	known, err := member.KnownTo(w.t.Context(), w.d, w.keys, w.LuoQingming)
	for _, k := range known {
		if k.Name.Reveal() == name {
			return k.PersonID, err
		}
	}
	return 0, errors.Join(err, problem.ErrNotFound)
}
