package notify

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/kv/kvtest"
	"wanjia/internal/platform/push"
)

// S5: rights are checked when sending.
func TestAnItemOfAnEndedRoleIsGone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, k *kv.KV, _ *kvtest.Gate) {
		w := orgtest.Tree(t, d)
		by := w.HeQingqing
		p := by.PersonID
		n := startNode(t, d, k, NewInboxes(d))
		v := listen(t, p, 1, "1.0", func() *node { return n })
		v.until(t, 5*time.Second, "connected", func() bool { return v.ups == 1 })
		task := taskDue(1)
		task.Args = map[string]any{"kindLabel": "走访"}
		if err := tell(t.Context(), d, RoleIn(by.Unit.ID, by.Role), task); err != nil {
			t.Fatal(err)
		}
		v.until(t, 5*time.Second, "the item of the role", func() bool {
			return len(v.items) == 1 && v.items[0].Kind == "task.due" && v.items[0].Assignment == int64(by.Assignment)
		})
		endRole(t, d, by.Assignment)
		n.hub.RightsChanged(int64(p)) // as the poller of revocations does
		if err := tell(t.Context(), d, InRole(p, by.Assignment), task); err != nil {
			t.Fatal(err)
		}
		v.until(t, 5*time.Second, "the number without content", func() bool {
			return len(v.items) == 2 && v.items[1].Kind == Gone && v.items[1].Args == nil && v.items[1].Ref.ID == 0
		})
		l, err := n.service.List(t.Context(), p, "1.0", 50, 0)
		if err != nil || len(l.Items) != 2 || l.Items[0].Kind != Gone || l.Items[0].Args != "" {
			t.Errorf("listed %+v (%v), want both gone", l.Items, err)
		}
		again := orgtest.Grant(t, d, p, org.RoleGridAssistant, "", by.Unit) // a new role needs nobody to tell
		if err := tell(t.Context(), d, InRole(p, again.Assignment), task); err != nil {
			t.Fatal(err)
		}
		v.until(t, 5*time.Second, "the item of the new role", func() bool { return len(v.items) == 3 && v.items[2].Kind == "task.due" })
	})
}

// S5: a socket ends when the rights behind it change, or the person is disabled.
func TestASocketIsClosedWithItsRights(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, k *kv.KV, _ *kvtest.Gate) {
		p := people(t, d, 1)[0]
		n := startNode(t, d, k, NewInboxes(d))
		for _, code := range []push.Code{push.RightsEnded, push.SignedOut} {
			ws := opened(t, n, int64(p)*100)
			n.hub.ClosePerson(int64(p), code)
			if f := next(ws); !strings.Contains(f, `"t":"bye"`) {
				t.Errorf("the last frame is %s, want bye", f)
			}
			if got := closedWith(ws); got != int(code) {
				t.Errorf("closed with %d, want %d", got, code)
			}
		}
	})
}

// S5: what is asked of many at once is what is known of each: roles of their own that hold, and those in which they stand in.
func TestTheRightsOfManyAreThoseOfEach(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		clocked(t, d)
		w := orgtest.Tree(t, d)
		day := calendar.DayOf(d.Now())
		absences := org.NewAbsences(d, func(context.Context, *db.Tx, org.Actor, org.RoleEvent, org.Assignment) error { return nil },
			func(context.Context, *db.Tx, org.Actor, org.AbsenceEvent, org.Absence, []org.Incumbent) error {
				return nil
			})
		_, err := absences.Announce(t.Context(), w.FengShuangjiang, org.NewAbsence{StandInAs: w.YaoOfficer.Assignment, From: day, To: calendar.DayOf(d.Now().Add(72 * time.Hour))})
		if err != nil {
			t.Fatal(err)
		}
		endRole(t, d, w.HeQingqing.Assignment)
		var persons []int64
		if err := d.Select(t.Context(), &persons, `SELECT id FROM person ORDER BY id`); err != nil || len(persons) < 5 {
			t.Fatalf("%d persons, %v", len(persons), err)
		}
		all, err := NewInboxes(d).Rights(t.Context(), persons)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range persons {
			want, err := liveAssignments(t.Context(), d, org.PersonID(p), d.Now())
			if err != nil {
				t.Fatal(err)
			}
			got := all[p]
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("of person %d the roles %v hold, want %v", p, got, want)
			}
		}
		if !slices.Contains(all[int64(w.YaoOfficer.PersonID)], int64(w.FengShuangjiang.Assignment)) || slices.Contains(all[int64(w.HeQingqing.PersonID)], int64(w.HeQingqing.Assignment)) {
			t.Errorf("the roles are %v: the test does not test", all)
		}
	})
}

func endRole(t *testing.T, d *db.DB, id org.AssignmentID) {
	t.Helper()
	err := d.InTx(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Change(t.Context(), `
			UPDATE role_assignment
			SET valid_to = valid_from, ended_at = ?
			WHERE id = ?`, tx.Now, id)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
