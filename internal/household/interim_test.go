package household_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"wanjia/internal/household"
	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/request"
)

// T8: while nobody holds an area the next lead up the ladder has its visit list with the marks of its flags, calls at its
// doors and opens its needs there; before and for others its homes are not there.
func TestT8_TheInterimHolderLooksAfterTheHomesOfAVacantArea(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		x.flag(t, x.doors[1], "2026-12-31")
		doors := func(by org.Actor) (ids, flagged []household.ID) {
			t.Helper()
			for cursor := ""; ; {
				all, next, err := x.service.Due(t.Context(), by, cursor, 2)
				if err != nil {
					t.Fatal(err)
				}
				for _, due := range all {
					if ids = append(ids, due.ID); due.Flagged {
						flagged = append(flagged, due.ID)
					}
				}
				if cursor = next; next == "" {
					return ids, flagged
				}
			}
		}
		visit := func(by org.Actor, ref string) (household.Recorded, error) {
			return x.service.RecordVisit(t.Context(), by, household.Account{
				Household: x.doors[1], Result: "needs", ClientRef: ref, Needs: []request.Need{{What: "路灯不亮"}},
			})
		}
		refused := func(by org.Actor) {
			t.Helper()
			if ids, _ := doors(by); len(ids) > 0 {
				t.Errorf("%s of %s has a list of %v, want none", by.Role, by.Unit.Name, ids)
			}
			if _, err := x.service.Read(t.Context(), by, x.doors[1]); !errors.Is(err, problem.ErrNotFound) {
				t.Errorf("%s of %s reads a home: %v, want not found", by.Role, by.Unit.Name, err)
			}
			if _, err := visit(by, ref); !errors.Is(err, problem.ErrNotFound) {
				t.Errorf("%s of %s visits: %v, want not found", by.Role, by.Unit.Name, err)
			}
		}
		refused(x.FengShuangjiang)
		if err := d.InTx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Change(t.Context(), `UPDATE role_assignment SET valid_to = ? WHERE id = ?`, calendar.DayOf(tx.Now), x.YaoMangzhong.Assignment)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		refused(x.ZhengXiaoxue)
		ids, flagged := doors(x.FengShuangjiang)
		if slices.Sort(ids); !slices.Equal(ids, x.doors) || !slices.Equal(flagged, x.doors[1:2]) {
			t.Errorf("the interim holder's list is %v with flags at %v, want the doors of the vacant area alone", ids, flagged)
		}
		standIn := x.FengShuangjiang
		standIn.StandInFor, standIn.PersonID = standIn.PersonID, x.ZhengXiaoxue.PersonID
		if ids, flagged := doors(standIn); len(ids) != 3 || len(flagged) > 0 {
			t.Errorf("who stands in for the interim holder sees flags at %v of %d doors, want none of 3 (AA6)", flagged, len(ids))
		}
		if _, err := x.service.Read(t.Context(), x.FengShuangjiang, x.doors[1]); err != nil {
			t.Errorf("the interim holder reads a home: %v", err)
		}
		if _, err := x.service.Read(t.Context(), x.FengShuangjiang, x.foreign); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("the interim holder reads a home of an area that is held: %v, want not found", err)
		}
		v, err := visit(x.FengShuangjiang, ref)
		if err != nil {
			t.Fatal(err)
		}
		if v.AreaID != x.Xingwu.Areas[1].Area.ID || v.PersonID != x.FengShuangjiang.PersonID || v.Assignment != x.FengShuangjiang.Assignment {
			t.Errorf("the visit is %+v, want it in the area and by the secretary", v.Visit)
		}
		if r := v.Requests[0]; r.UnitID != x.Xingwu.Areas[1].Area.ID || r.Level != 1 {
			t.Errorf("the need is opened in %d at level %d, want the area", r.UnitID, r.Level)
		}
		if _, err := x.service.ReadVisit(t.Context(), x.FengShuangjiang, v.ID); err != nil {
			t.Errorf("the interim holder reads the visit: %v", err)
		}
		if again, err := visit(x.FengShuangjiang, ref); err != nil || again.ID != v.ID {
			t.Errorf("told again it is visit %d, %v; want %d", again.ID, err, v.ID)
		}
	})
}

// F6: what the earlier holder of an area did before the handover stays under their name, for whoever holds it now: the
// visit, and each step of the request that came of it.
func TestF6_WhatWasBeforeAHandoverStaysWithTheEarlierHoldersName(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		requests := request.NewService(d, x.keys, page.NewKeys(make([]byte, 32)), &calendar.Calendar{}, nil)
		change := func(query string, args ...any) {
			t.Helper()
			if err := d.InTx(t.Context(), func(tx *db.Tx) error { _, err := tx.Change(t.Context(), query, args...); return err }); err != nil {
				t.Fatal(err)
			}
		}
		named := func(p org.PersonID, name string) {
			t.Helper()
			cipher, err := x.keys.Seal(sealed.Personal, "person", "name_sealed", int64(p), name)
			if err != nil {
				t.Fatal(err)
			}
			change(`UPDATE person SET name_sealed = ? WHERE id = ?`, cipher, p)
		}
		visit := func(by org.Actor, door household.ID, ref string) household.Recorded {
			t.Helper()
			v, err := x.service.RecordVisit(t.Context(), by, household.Account{
				Household: door, Result: "needs", ClientRef: ref, Needs: []request.Need{{What: "路灯不亮"}},
			})
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		named(x.YaoMangzhong.PersonID, "姚芒种")
		before := visit(x.YaoMangzhong, x.doors[0], ref)
		today := calendar.DayOf(d.Now())
		change(`UPDATE role_assignment SET valid_to = ? WHERE id = ?`, today, x.YaoMangzhong.Assignment)
		next := orgtest.Person(t, d)
		var role org.AssignmentID
		if err := d.InTx(t.Context(), func(tx *db.Tx) (err error) {
			role, err = org.Assign(t.Context(), tx, org.NewAssignment{
				Person: next, Role: org.RoleAreaHolder, Unit: x.Xingwu.Areas[1].Household, Span: org.Span{From: today},
			})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		change(`UPDATE role_assignment SET unsigned_yet = ? WHERE id = ?`, false, role) // they have signed for the area
		named(next, "白秋分")
		by, err := org.ActorOf(t.Context(), d, next, role, d.Now())
		if err != nil {
			t.Fatal(err)
		}
		after := visit(by, x.doors[0], "0f9d2a52-6a3e-4c5b-9d8e-2f1a7c3b4d5f")
		if m, err := requests.Accept(t.Context(), by, before.Requests[0].ID, ""); err != nil || m.State != request.Accepted {
			t.Fatalf("the successor accepts: %v", err)
		}
		for _, c := range []struct {
			what string
			id   household.VisitID
			who  org.PersonID
			name string
		}{{"before", before.ID, x.YaoMangzhong.PersonID, "姚"}, {"after", after.ID, next, "白"}} {
			v, err := x.service.ReadVisit(t.Context(), by, c.id)
			if err != nil || v.PersonID != c.who || !strings.HasPrefix(v.Visitor, c.name) {
				t.Errorf("the visit %s is of person %d, %q (%v); want %d, %s", c.what, v.PersonID, v.Visitor, err, c.who, c.name)
			}
		}
		all, _, err := x.service.Visits(t.Context(), by, "", 10)
		if err != nil || len(all) != 2 || all[0].PersonID != next || all[1].PersonID != x.YaoMangzhong.PersonID {
			t.Errorf("the list of visits is %+v (%v), want each under who paid it", all, err)
		}
		detail, err := requests.Read(t.Context(), by, before.Requests[0].ID)
		if err != nil || len(detail.History) != 2 || detail.History[0].Person != x.YaoMangzhong.PersonID || detail.History[0].Owner != x.YaoMangzhong.PersonID || detail.History[1].Person != next {
			t.Errorf("the history is %+v (%v), want the opening under the earlier holder and the acceptance under the successor", detail.History, err)
		}
	})
}
