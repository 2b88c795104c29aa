package notify

import (
	"strings"
	"testing"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/db"
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
