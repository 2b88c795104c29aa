package notify

import (
	"context"
	"errors"
	"testing"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
)

// gone ends the roles of actors with yesterday.
func (b *bureau) gone(actors ...org.Actor) {
	b.office.t.Helper()
	for _, a := range actors {
		b.change(`UPDATE role_assignment SET valid_to = '2026-04-08' WHERE id = ?`, a.Assignment)
	}
}

// calledBy fails the test unless those, and none of the others, were told of the calls of an announcement, see them and may
// finish one.
func (b *bureau) calledBy(what string, id NoticeID, those, others []org.Actor) {
	b.office.t.Helper()
	t := b.office.t
	for i, by := range append(append([]org.Actor{}, those...), others...) {
		want := 0
		if i < len(those) {
			want = 1
		}
		var n int
		if err := b.db.Get(t.Context(), &n, `SELECT COUNT(*) FROM inbox WHERE person_id = ? AND kind = 'call.assigned' AND ref_id = ?`, by.PersonID, id); err != nil || n != want {
			t.Errorf("%s: %s was told %d times (%v), want %d", what, by.Role, n, err, want)
		}
		calls, _, err := b.notices.callsOf(t, by, id)
		if want == 0 {
			if !errors.Is(err, problem.ErrNotFound) {
				t.Errorf("%s: %s sees %d calls (%v), want none", what, by.Role, len(calls), err)
			}
			continue
		}
		if err != nil || len(calls) == 0 {
			t.Fatalf("%s: %s sees %d calls (%v)", what, by.Role, len(calls), err)
		}
		if _, err := b.notices.FinishCall(t.Context(), by, id, calls[0].ID, callNotReached); err != nil {
			t.Errorf("%s: %s finishes a call: %v", what, by.Role, err)
		}
		if _, err := b.notices.Read(t.Context(), by, id); err != nil {
			t.Errorf("%s: %s reads what was announced: %v", what, by.Role, err)
		}
		if r, err := b.notices.Result(t.Context(), by, id); err != nil || r.ToCall == 0 {
			t.Errorf("%s: %s sees %d to call (%v)", what, by.Role, r.ToCall, err)
		}
	}
}

// unreached is an announcement of by's that reaches nobody, when it is told to be called about.
func (b *bureau) unreached(by org.Actor, unit org.Unit, meanwhile func()) NoticeID {
	b.office.t.Helper()
	made, err := b.notices.Create(b.office.t.Context(), by, NewNotice{To: Scope{Unit: unit.ID, Roles: []org.Role{org.RoleMember}}, Title: "防汛值守会", MustReach: true})
	if err != nil {
		b.office.t.Fatal(err)
	}
	meanwhile()
	b.move(time.Minute)
	b.send.work()
	return made.ID
}

// T8, N9: calls that were open already when the role ended are brought to whoever makes them then, and to who has the role next.
func TestT8_CallsThatAreOpenGoWithTheRole(t *testing.T) {
	bureaus(t, func(t *testing.T, b *bureau) {
		w := b.world
		b.enrol(b.followers(2, 0))
		id := b.unreached(b.by, b.unit, func() {})
		told := func(p org.PersonID) (n int) {
			t.Helper()
			if err := b.db.Get(t.Context(), &n, `SELECT COUNT(*) FROM inbox WHERE person_id = ? AND kind = 'call.assigned' AND ref_id = ?`, p, id); err != nil {
				t.Fatal(err)
			}
			return n
		}
		if n := told(b.by.PersonID); n != 1 {
			t.Fatalf("whoever announced was told %d times, want once", n)
		}
		b.move(time.Hour)
		b.gone(b.by)
		changed := func() {
			t.Helper()
			err := b.db.InTx(t.Context(), func(tx *db.Tx) error { return SeatChanged(t.Context(), tx, b.by.Unit.ID, b.by.Role) })
			if err != nil {
				t.Fatal(err)
			}
		}
		changed()
		acting, isActing, err := callersOf(t.Context(), b.db, id)
		if err != nil || !isActing || len(acting) == 0 {
			t.Fatalf("%d act for the role (%v)", len(acting), err)
		}
		for _, a := range acting {
			if n := told(a.Person); n != 1 {
				t.Errorf("person %d, who acts for the role, was told %d times, want once", a.Person, n)
			}
		}
		next := people(t, b.db, 1)[0]
		b.move(time.Hour)
		b.change(`INSERT INTO role_assignment (person_id, role, unit_id, valid_from) VALUES (?, ?, ?, '2026-04-08')`, next, b.by.Role, b.by.Unit.ID)
		changed()
		if n := told(next); n != 1 {
			t.Errorf("who has the role next was told %d times, want once", n)
		}
		if n := told(w.ElsewhereOffice.PersonID); n != 0 {
			t.Errorf("another place was told %d times", n)
		}
	})
}

// T8, N9: while nobody has the role that announced, whoever acts for it up the ladder calls: the next lead, at its end the
// office, and the committee's secretary when that is empty too. Nobody else does.
func TestT8_CallsOfAVacantRoleGoUpTheLadder(t *testing.T) {
	bureaus(t, func(t *testing.T, b *bureau) {
		w := b.world
		b.enrol(b.followers(2, 0))
		office := []org.Actor{w.LuoQingming, w.OfficeTwo}

		id := b.unreached(w.FengShuangjiang, b.unit, func() { b.gone(w.FengShuangjiang) })
		b.calledBy("a village without its secretary", id, office, []org.Actor{w.GaoXiaohan, w.ZhengXiaoxue, w.XuBailu, w.ElsewhereOffice})
		if _, err := b.notices.Withdraw(t.Context(), w.XuBailu, id); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("a secretary of another place withdraws it: %v", err)
		}
		if _, err := b.notices.Withdraw(t.Context(), w.LuoQingming, id); err != nil {
			t.Errorf("the office withdraws it: %v", err)
		}

		b.unit = w.Ruihe.Branch
		b.enrol(b.followers(2, 0))
		id = b.unreached(w.ChenGuyu, w.Ruihe.Branch, func() { b.gone(w.ChenGuyu) })
		b.calledBy("a grid without its secretary", id, []org.Actor{w.XuBailu}, append(office, w.GaoXiaohan, w.ZhenxiSecretary))

		id = b.unreached(w.LuoQingming, w.Ruihe.Branch, func() { b.gone(office...) })
		b.calledBy("an empty office", id, []org.Actor{w.GaoXiaohan}, []org.Actor{w.XuBailu, w.ElsewhereOffice})
	})
}

// AA6: who stands in for the one who announced, and is away, hears of the calls too and makes them.
func TestAA6_WhoStandsInMakesTheCallsOfAnAnnouncement(t *testing.T) {
	bureaus(t, func(t *testing.T, b *bureau) {
		w := b.world
		b.enrol(b.followers(2, 0))
		absences := org.NewAbsences(b.db, func(context.Context, *db.Tx, org.Actor, org.RoleEvent, org.Assignment) error { return nil },
			func(context.Context, *db.Tx, org.Actor, org.AbsenceEvent, org.Absence, []org.Incumbent) error {
				return nil
			})
		id := b.unreached(w.FengShuangjiang, b.unit, func() {
			n := org.NewAbsence{StandInAs: w.YaoOfficer.Assignment, From: "2026-04-08", To: "2026-04-10"}
			if _, err := absences.Announce(t.Context(), w.FengShuangjiang, n); err != nil {
				t.Fatal(err)
			}
		})
		standIn := w.FengShuangjiang
		standIn.PersonID = w.YaoOfficer.PersonID
		b.calledBy("while the secretary is away", id, []org.Actor{standIn, w.FengShuangjiang}, []org.Actor{w.ZhengXiaoxue, w.LuoQingming})
	})
}
