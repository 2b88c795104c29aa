package notify

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
)

func TestTitlesAreFoundUnderTheReadersRights(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		p := people(t, o.db, 1)[0]
		var asked []int64
		broken := errors.New("no database")
		s := NewService(o.db, nil, 1).Naming(map[string]Titler{"request": func(_ context.Context, _ db.Queryer, by org.Actor, id int64) (string, error) {
			asked = append(asked, id)
			switch {
			case by.PersonID != p:
				t.Errorf("a title is looked up for person %d", by.PersonID)
			case id == 2:
				return "not yours", db.Wrap(problem.ErrNotFound, nil, "find request 2")
			case id == 3:
				return "not yours", problem.ErrForbidden
			case id == 4:
				return "", broken
			}
			return "停水 · 瑞和社区", nil
		}})
		told := func(seq int64, kind, ref string, id int64, as org.AssignmentID) Told {
			return Told{Person: p, Seq: seq, Kind: kind, RefType: ref, RefID: id, Assignment: as, Args: `{"kindLabel":"角色","unitLabel":"瑞和社区","at":"2026-04-08T02:00:00Z"}`}
		}
		got, err := s.Titles(t.Context(), p, []Told{
			told(1, "request.assigned", "request", 1, 0), told(2, "request.late", "request", 2, 0), told(3, "request.late", "request", 3, 0),
			told(4, "request.status", "request", 1, 0), told(5, Gone, "request", 1, 0), told(6, "role.granted", "assignment", 9, 0),
			told(7, "request.assigned", "request", 1, 4711), // a role they do not hold
			{Person: p, Seq: 8, Kind: "guard.attempt", RefType: "policy"},
		})
		want := map[int64]string{1: "停水 · 瑞和社区", 4: "停水 · 瑞和社区", 6: "角色 · 瑞和社区", 8: ""}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("titles, %v (-want +got):\n%s", err, diff)
		}
		if diff := cmp.Diff([]int64{1, 2, 3}, asked); diff != "" {
			t.Errorf("looked up (-want +got):\n%s", diff)
		}
		if _, err := s.Titles(t.Context(), p, []Told{told(1, "request.late", "request", 4, 0)}); !errors.Is(err, broken) {
			t.Errorf("a database that is away: %v, want it said", err)
		}
	})
}
