package org_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/problem"
)

func TestTheLadderSkipsLevelsThatAPlaceDoesNotHave(t *testing.T) { // T5
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		for _, c := range []struct {
			from org.Unit
			want []org.UnitKind
		}{
			{w.Ruihe.Areas[0].Area, []org.UnitKind{org.Area, org.Block, org.Grid, org.Community, org.Subdistrict}},
			{w.Xingwu.Areas[1].Area, []org.UnitKind{org.Area, org.Village, org.Subdistrict}},
			{w.Section, []org.UnitKind{org.Subdistrict}},
		} {
			ladder, err := org.Ladder(t.Context(), d, c.from)
			if err != nil {
				t.Fatal(err)
			}
			got := []org.UnitKind{}
			for _, u := range ladder {
				got = append(got, u.Kind)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("ladder of %s (-want +got):\n%s", c.from.Name, diff)
			}
		}
		place, err := org.PlaceOf(t.Context(), d, w.Ruihe.Areas[1].Area)
		if err != nil || place.ID != w.Ruihe.Unit.ID {
			t.Errorf("the place of an area of 瑞和社区 is %v (%v)", place.Name, err)
		}
	})
}

func TestScopeInTheGridIsWhatTheAssignmentsUnitAnswersFor(t *testing.T) { // T9
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		for _, c := range []struct {
			name string
			by   org.Actor
			u    org.Unit
			want bool
		}{
			{"the holder sees her area", w.ZhouChunhe, w.Ruihe.Areas[0].Area, true},
			{"and not the next one", w.ZhouChunhe, w.Ruihe.Areas[1].Area, false},
			{"her group leader sees it", w.SunLixia, w.Ruihe.Areas[0].Area, true},
			{"so does the general secretary", w.XuBailu, w.Ruihe.Areas[0].Area, true},
			{"not the neighbouring village", w.ZhengXiaoxue, w.Xingwu.Unit, false},
			{"the secretary of the village does", w.FengShuangjiang, w.Xingwu.Areas[1].Area, true},
			{"the branch lies in the secretary's scope", w.FengShuangjiang, w.Xingwu.Party, true},
			{"an administrator stands in the grid", w.SystemAdmin, w.Ruihe.Grid, true},
			{"and sees the party tree through the link", w.SystemAdmin, w.Ruihe.Group, true},
			{"the other subdistrict does not (A1)", w.ElsewhereOffice, w.Ruihe.Unit, false},
			{"a resident sees no unit's things", w.LinXiaoman, w.Ruihe.Unit, false},
			{"a section lies in the office's scope", w.LuoQingming, w.Section, true},
		} {
			if got := c.by.Sees(c.u); got != c.want {
				t.Errorf("%s: sees = %v, want %v", c.name, got, c.want)
			}
			_, err := org.FindUnit(t.Context(), d, c.by, c.u.ID)
			if got := !errors.Is(err, problem.ErrNotFound); got != c.want {
				t.Errorf("%s: found = %v (%v), want %v", c.name, got, err, c.want)
			}
		}
	})
}

func TestOnlyAnOwnRoleOfTodayCanBeActedIn(t *testing.T) { // AA1, AA2
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		yao := w.YaoMangzhong.PersonID
		future := assign(t, d, org.NewAssignment{
			Person: yao, Role: org.RoleBranchOfficer, Post: org.PostDeputy, Unit: w.Xingwu.Party,
			Span: org.Span{From: calendar.DayOf(d.Now()).Add(1)},
		})
		ended := assign(t, d, org.NewAssignment{
			Person: yao, Role: org.RoleBranchOfficer, Post: org.PostPublicity, Unit: w.Xingwu.Party,
			Span: org.Span{From: orgtest.From, To: calendar.DayOf(d.Now())},
		})
		for _, c := range []struct {
			name string
			id   org.AssignmentID
			want org.Actor
			err  error
		}{
			{"none named: the primary one", 0, w.YaoMangzhong, nil},
			{"the second role", w.YaoOfficer.Assignment, w.YaoOfficer, nil},
			{"somebody else's", w.FengShuangjiang.Assignment, org.Actor{}, org.ErrActingAsInvalid},
			{"from tomorrow on", future, org.Actor{}, org.ErrActingAsInvalid},
			{"ended today", ended, org.Actor{}, org.ErrActingAsInvalid},
		} {
			got, err := org.ActorOf(t.Context(), d, yao, c.id, d.Now())
			if !errors.Is(err, c.err) || got != c.want {
				t.Errorf("%s: %+v, %v; want %+v, %v", c.name, got, err, c.want, c.err)
			}
		}
		got, err := org.ActorOf(t.Context(), d, w.LinXiaoman.PersonID, 0, d.Now())
		if err != nil || got != w.LinXiaoman {
			t.Errorf("a person without a role is %+v, %v; want a resident", got, err)
		}
	})
}

func TestTheLeadOfAGridUnitIsThatOfItsPartyUnit(t *testing.T) { // C5, T8
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		day := calendar.DayOf(d.Now())
		for _, c := range []struct {
			u    org.Unit
			want org.Actor
		}{
			{w.Ruihe.Areas[0].Area, w.ZhouChunhe},
			{w.Ruihe.Block, w.SunLixia},
			{w.Ruihe.Grid, w.ChenGuyu},
			{w.Ruihe.Unit, w.XuBailu},
			{w.Xingwu.Unit, w.FengShuangjiang},
			{w.Subdistrict, w.GaoXiaohan},
			{w.Section, w.SectionHead},
			{w.Ruihe.Group, w.SunLixia},
		} {
			in, err := org.LeadOf(t.Context(), d, c.u, day)
			if err != nil || len(in) != 1 || in[0].Assignment != c.want.Assignment {
				t.Errorf("%s is led by %+v (%v), want assignment %d", c.u.Name, in, err, c.want.Assignment)
			}
		}
		if in, err := org.LeadOf(t.Context(), d, w.Zhenxi.Grid, day); err != nil || len(in) != 0 {
			t.Errorf("the vacant grid of 枕溪社区 is led by %+v (%v)", in, err)
		}
		above, in, err := org.InterimHolder(t.Context(), d, w.Zhenxi.Block, day)
		if err != nil || above.ID != w.Zhenxi.Unit.ID || len(in) != 1 || in[0].Person != w.ZhenxiSecretary.PersonID {
			t.Errorf("the vacant block is in the hands of %+v of %s (%v), want the general secretary", in, above.Name, err)
		}
	})
}

func TestRolesAreRefusedWhereTheyCannotBe(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		since := org.Span{From: orgtest.From}
		for _, c := range []struct {
			name string
			n    org.NewAssignment
			want error
		}{
			{"a second secretary (C13)", org.NewAssignment{Role: org.RoleBranchSecretary, Unit: w.Xingwu.Party}, org.ErrPostTaken},
			{
				"a second organisation officer (C13)",
				org.NewAssignment{Role: org.RoleBranchOfficer, Post: org.PostOrganisation, Unit: w.Xingwu.Party},
				org.ErrPostTaken,
			},
			{"an officer without a post", org.NewAssignment{Role: org.RoleBranchOfficer, Unit: w.Xingwu.Party}, org.ErrPost},
			{"a secretary with a post", org.NewAssignment{Role: org.RoleBranchSecretary, Post: org.PostDeputy, Unit: w.Xingwu.Party}, org.ErrPost},
			{"an area holder of a branch", org.NewAssignment{Role: org.RoleAreaHolder, Unit: w.Xingwu.Party}, org.ErrRolePlace},
			{
				"an officer who administers",
				org.NewAssignment{Person: w.YaoMangzhong.PersonID, Role: org.RoleSystemAdmin, Unit: w.Subdistrict},
				org.ErrRolesExclusive,
			},
			{
				"two administrations",
				org.NewAssignment{Person: w.SystemAdmin.PersonID, Role: org.RoleAuditAdmin, Unit: w.Subdistrict},
				org.ErrRolesExclusive,
			},
			{"an administrator who is a member", org.NewAssignment{Person: w.SystemAdmin.PersonID, Role: org.RoleMember, Unit: w.Factory.Party}, nil},
			{"an end before the beginning", org.NewAssignment{Role: org.RoleMember, Unit: w.Factory.Party, Span: org.Span{From: "2026-02-02", To: "2026-02-02"}}, org.ErrPeriod},
			{
				"a secretary before the present one", org.NewAssignment{
					Role: org.RoleBranchSecretary, Unit: w.Xingwu.Party, Span: org.Span{From: "2024-01-01", To: orgtest.From},
				}, nil,
			},
		} {
			if c.n.Span.From == "" {
				c.n.Span = since
			}
			if c.n.Person == 0 {
				c.n.Person = orgtest.Person(t, d)
			}
			err := d.InTx(t.Context(), func(tx *db.Tx) error {
				_, err := org.Assign(t.Context(), tx, c.n)
				return err
			})
			if !errors.Is(err, c.want) || (c.want == nil && err != nil) {
				t.Errorf("%s: %v, want %v", c.name, err, c.want)
			}
		}
	})
}

func TestAGridUnitHasOneResponsiblePartyUnitOnAnyDay(t *testing.T) { // T2
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		spare := orgtest.Unit(t, d, org.CenterHousehold, "备用中心户", w.Ruihe.Group)
		for _, c := range []struct {
			name string
			p, g org.Unit
			want error
		}{
			{"an area that is answered for", spare, w.Ruihe.Areas[0].Area, org.ErrDatesOverlap},
			{"a centre household that answers already", w.Ruihe.Areas[0].Household, orgtest.Unit(t, d, org.Area, "05责任区", w.Ruihe.Block), org.ErrDatesOverlap},
			{"a group for an area", w.Ruihe.Group, w.Ruihe.Areas[0].Area, org.ErrLink},
			{"the wrong way round", w.Ruihe.Areas[0].Area, spare, org.ErrLink},
		} {
			err := d.InTx(t.Context(), func(tx *db.Tx) error { return org.Link(t.Context(), tx, c.p, c.g, orgtest.From) })
			if !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", c.name, err, c.want)
			}
		}
	})
}

func assign(t *testing.T, d *db.DB, n org.NewAssignment) (id org.AssignmentID) {
	t.Helper()
	err := d.InTx(t.Context(), func(tx *db.Tx) (err error) {
		id, err = org.Assign(t.Context(), tx, n)
		return err
	})
	if err != nil {
		t.Fatalf("assign: %v", err)
	}
	return id
}
