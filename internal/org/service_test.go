package org_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
)

// heard collects what the service says of roles.
type heard struct {
	mu     sync.Mutex
	events map[org.AssignmentID]org.RoleEvent
}

func (h *heard) changed(_ context.Context, _ *db.Tx, _ org.Actor, event org.RoleEvent, a org.Assignment) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events[a.ID] = event
	return nil
}

func newService(d *db.DB, inUse ...org.InUse) (*org.Service, *heard) {
	h := &heard{events: map[org.AssignmentID]org.RoleEvent{}}
	return org.NewService(d, h.changed, inUse...), h
}

// everything is a page that holds all.
func everything(t *testing.T) page.Page {
	t.Helper()
	p, err := page.NewKeys(make([]byte, 32)).Parse("", 100, "")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// noon gives d a clock that stands at noon of day.
func noon(t *testing.T, d *db.DB, day calendar.Day) {
	t.Helper()
	at := day.Time().Add(12 * time.Hour)
	d.SetNow(func() time.Time { return at })
}

func TestUnitsStandOnlyWhereTheirKindMay(t *testing.T) { // T4, T5, C1
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		s, _ := newService(d)
		for _, c := range []struct {
			name string
			by   org.Actor
			n    org.NewUnit
			want error
		}{
			{"an area below a block", w.XuBailu, org.NewUnit{Kind: org.Area, Name: "05责任区", Parent: w.Ruihe.Block}, nil},
			{"a block below the place, without a grid", w.XuBailu, org.NewUnit{Kind: org.Block, Name: "独立片", Parent: w.Ruihe.Unit}, nil},
			{"a block below an area", w.XuBailu, org.NewUnit{Kind: org.Block, Name: "片", Parent: w.Ruihe.Areas[0].Area}, org.ErrLevelOrder},
			{"a grid below a block", w.XuBailu, org.NewUnit{Kind: org.Grid, Name: "格", Parent: w.Ruihe.Block}, org.ErrLevelOrder},
			{"an area below the subdistrict", w.SystemAdmin, org.NewUnit{Kind: org.Area, Name: "区", Parent: w.Subdistrict}, org.ErrParent},
			{"a branch below a community", w.XuBailu, org.NewUnit{Kind: org.Branch, Name: "支部", Parent: w.Ruihe.Unit}, org.ErrParent},
			{"a village without a sector (A6)", w.LuoQingming, org.NewUnit{Kind: org.Village, Name: "新村", Parent: w.Subdistrict}, org.ErrDetail},
			{"a village with one", w.LuoQingming, org.NewUnit{Kind: org.Village, Name: "新村", Parent: w.Subdistrict, Sector: "village"}, nil},
			{"in a sector that the subdistrict does not have", w.LuoQingming, org.NewUnit{Kind: org.Village, Name: "新村", Parent: w.Subdistrict, Sector: "school"}, org.ErrDetail},
			{"below another village (B34)", w.ZhengXiaoxue, org.NewUnit{Kind: org.Area, Name: "区", Parent: w.Xingwu.Unit}, problem.ErrNotFound},
			{"by a holder", w.ZhouChunhe, org.NewUnit{Kind: org.Area, Name: "区", Parent: w.Ruihe.Areas[0].Area}, problem.ErrForbidden},
			{"from the other subdistrict (A1)", w.ElsewhereOffice, org.NewUnit{Kind: org.Area, Name: "区", Parent: w.Ruihe.Block}, problem.ErrNotFound},
		} {
			u, err := s.Add(t.Context(), c.by, c.n)
			if !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", c.name, err, c.want)
			}
			if err == nil && !c.n.Parent.Covers(u) {
				t.Errorf("%s: path %s is not below %s", c.name, u.Path, c.n.Parent.Path)
			}
		}
	})
}

func TestAMovedUnitTakesAllBelowItAlong(t *testing.T) { // T4, C2, T3
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		s, h := newService(d)
		noon(t, d, "2026-05-11")
		second := orgtest.Unit(t, d, org.Grid, "第二网格", w.Ruihe.Unit)
		if _, err := s.Move(t.Context(), w.XuBailu, w.Ruihe.Block.ID, second.ID); err != nil {
			t.Fatal(err)
		}
		area, err := org.UnitByID(t.Context(), d, w.Ruihe.Areas[0].Area.ID)
		if err != nil || !second.Covers(area) || w.Ruihe.Grid.Covers(area) {
			t.Errorf("the area's path is %s (%v), want it below %s", area.Path, err, second.Path)
		}
		chen, err := org.ActorOf(t.Context(), d, w.ChenGuyu.PersonID, 0, d.Now())
		if err != nil || chen.Sees(area) {
			t.Errorf("the secretary of the first grid still sees the area (%v)", err)
		}
		if h.events[w.ZhouChunhe.Assignment] != "" {
			t.Error("the holder's role stands in the party tree and has not moved")
		}
		day := calendar.DayOf(d.Now())
		for _, c := range []struct {
			day  calendar.Day
			want org.UnitID
		}{{day.Add(-1), w.Ruihe.Grid.ID}, {day, second.ID}} {
			p, err := org.GetProfile(t.Context(), d, w.XuBailu, w.Ruihe.Block.ID, c.day)
			if err != nil || p.ParentID == nil || *p.ParentID != c.want {
				t.Errorf("as of %s the block's parent is %v (%v), want %d", c.day, p.ParentID, err, c.want)
			}
			units, err := org.List(t.Context(), d, w.XuBailu, org.UnitFilter{Tree: org.GridTree, Parent: c.want, AsOf: c.day}, everything(t))
			if err != nil || len(units) != 1 || units[0].ID != w.Ruihe.Block.ID {
				t.Errorf("as of %s below %d stand %+v (%v), want the block", c.day, c.want, units, err)
			}
		}
		for name, to := range map[string]org.UnitID{"below itself": w.Ruihe.Areas[0].Area.ID, "below a section": w.Section.ID} {
			by := w.LuoQingming
			if _, err := s.Move(t.Context(), by, w.Ruihe.Block.ID, to); !errors.Is(err, org.ErrParent) {
				t.Errorf("%s: %v, want %v", name, err, org.ErrParent)
			}
		}
		if _, err := s.Move(t.Context(), w.LuoQingming, w.Ruihe.Grid.ID, second.ID); !errors.Is(err, org.ErrLevelOrder) {
			t.Errorf("a grid below a grid: %v, want %v", err, org.ErrLevelOrder)
		}
		paths(t, d)
	})
}

// paths holds that every path is the parent's path and the unit's own id, and that no two edges of a unit overlap (T2).
func paths(t *testing.T, d *db.DB) {
	t.Helper()
	var wrong int
	err := d.Get(t.Context(), &wrong, `
		SELECT COUNT(*) FROM unit u JOIN unit p ON p.id = u.parent_id WHERE u.path <> CONCAT(p.path, u.id, '/')`)
	if err != nil || wrong != 0 {
		t.Errorf("%d paths are not those of the parents (%v)", wrong, err)
	}
	err = d.Get(t.Context(), &wrong, `
		SELECT COUNT(*) FROM unit_edge a JOIN unit_edge b ON b.unit_id = a.unit_id AND b.id <> a.id
		WHERE a.valid_from <= b.valid_from AND (a.valid_to IS NULL OR a.valid_to > b.valid_from)`)
	if err != nil || wrong != 0 {
		t.Errorf("%d pairs of edges overlap (%v)", wrong, err)
	}
	err = d.Get(t.Context(), &wrong, `
		SELECT COUNT(*) FROM unit u LEFT JOIN unit_edge e ON e.unit_id = u.id AND e.valid_to IS NULL
		WHERE u.valid_to IS NULL AND u.parent_id IS NOT NULL AND (e.parent_id IS NULL OR e.parent_id <> u.parent_id)`)
	if err != nil || wrong != 0 {
		t.Errorf("%d units are not where their open edge says (%v)", wrong, err)
	}
}

func TestAUnitInUseDoesNotEnd(t *testing.T) { // T6
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		requests := 2
		s, _ := newService(d, org.InUse{What: "requests", Count: func(_ context.Context, _ db.Queryer, u org.UnitID) (int, error) {
			if u == w.Ruihe.Areas[1].Area.ID {
				return requests, nil
			}
			return 0, nil
		}})
		uses := func(id org.UnitID) any {
			_, err := s.End(t.Context(), w.XuBailu, id)
			var p *problem.Problem
			if !errors.As(err, &p) || !errors.Is(err, org.ErrUnitInUse) {
				t.Fatalf("a unit in use: %v, want %v", err, org.ErrUnitInUse)
			}
			return p.Members["uses"]
		}
		if diff := cmp.Diff([]org.Use{{What: "units", Count: 2}}, uses(w.Ruihe.Block.ID)); diff != "" {
			t.Errorf("a block of two areas (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]org.Use{{What: "assignments", Count: 1}}, uses(w.Ruihe.Areas[0].Household.ID)); diff != "" {
			t.Errorf("a household with its holder (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]org.Use{{What: "requests", Count: 2}}, uses(w.Ruihe.Areas[1].Area.ID)); diff != "" {
			t.Errorf("an area with requests (-want +got):\n%s", diff)
		}
		requests = 0
		if _, err := s.End(t.Context(), w.XuBailu, w.Ruihe.Areas[1].Area.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := s.End(t.Context(), w.XuBailu, w.Ruihe.Areas[1].Area.ID); !errors.Is(err, org.ErrIllegalTransition) {
			t.Errorf("ended twice: %v, want %v", err, org.ErrIllegalTransition)
		}
		ended := w.Ruihe.Areas[1]
		for what, try := range map[string]func() error{
			"moved": func() error {
				_, err := s.Move(t.Context(), w.XuBailu, ended.Area.ID, w.Ruihe.Grid.ID)
				return err
			},
			"linked": func() error { return s.Link(t.Context(), w.XuBailu, ended.Household.ID, ended.Area.ID) },
			"labelled": func() error {
				return s.SetLabels(t.Context(), w.XuBailu, ended.Area.ID, 1, map[int]string{1: "责任片"})
			},
		} {
			if err := try(); !errors.Is(err, org.ErrIllegalTransition) {
				t.Errorf("an ended unit is %s: %v, want %v", what, err, org.ErrIllegalTransition)
			}
		}
		_, err := s.Grant(t.Context(), w.ChenGuyu, org.NewAssignment{
			Person: w.SunLixia.PersonID, Role: org.RoleAreaHolder, Unit: ended.Area, Span: org.Span{From: "2026-01-01"},
		})
		if !errors.Is(err, org.ErrIllegalTransition) {
			t.Errorf("a role in an ended unit: %v, want %v", err, org.ErrIllegalTransition)
		}
		for _, u := range []org.Unit{w.Ruihe.Areas[0].Area, w.Ruihe.Block} {
			if _, err := s.End(t.Context(), w.XuBailu, u.ID); err != nil {
				t.Fatal(err)
			}
		}
		_, err = s.Add(t.Context(), w.XuBailu, org.NewUnit{Kind: org.Area, Name: "新责任区", Parent: w.Ruihe.Block})
		if !errors.Is(err, org.ErrIllegalTransition) {
			t.Errorf("a unit below an ended one: %v, want %v", err, org.ErrIllegalTransition)
		}
	})
}

func TestLabelsArePerPlaceAndDated(t *testing.T) { // A5, C1, O4
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		s, _ := newService(d)
		noon(t, d, "2026-05-11")
		if err := s.SetLabels(t.Context(), w.XuBailu, w.Ruihe.Unit.ID, 1, map[int]string{3: "党支部", 2: "网格党小组"}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			place orgtest.Place
			day   calendar.Day
			want  string
		}{
			{w.Ruihe, "2026-05-11", "网格党小组"}, {w.Ruihe, "2026-05-10", "楼栋党小组"}, {w.Zhenxi, "2026-05-11", "楼栋党小组"},
		} {
			for _, u := range []org.Unit{c.place.Block, c.place.Group} {
				p, err := org.GetProfile(t.Context(), d, w.LuoQingming, u.ID, c.day)
				if err != nil || p.Label != c.want {
					t.Errorf("%s is a %q on %s (%v), want %q", u.Name, p.Label, c.day, err, c.want)
				}
			}
		}
		if err := s.SetLabels(t.Context(), w.XuBailu, w.Ruihe.Unit.ID, 1, nil); !errors.Is(err, problem.ErrConflict) {
			t.Errorf("a stale version: %v, want %v", err, problem.ErrConflict)
		}
	})
}

func TestLinksEndAndBeginAgain(t *testing.T) { // T2, C2
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		s, h := newService(d)
		a := w.Ruihe.Areas[0]
		link := func() error { return s.Link(t.Context(), w.XuBailu, a.Household.ID, a.Area.ID) }
		unlink := func() error { return s.Unlink(t.Context(), w.XuBailu, a.Household.ID) }
		for i, step := range []struct {
			do   func() error
			want error
		}{{link, org.ErrDatesOverlap}, {unlink, nil}, {unlink, org.ErrNoLink}, {link, nil}, {unlink, nil}, {link, nil}} {
			if err := step.do(); !errors.Is(err, step.want) {
				t.Fatalf("step %d: %v, want %v", i, err, step.want)
			}
		}
		if h.events[w.ZhouChunhe.Assignment] != org.RoleMoved {
			t.Error("nobody heard that the holder's role reaches elsewhere")
		}
		zhou, err := org.ActorOf(t.Context(), d, w.ZhouChunhe.PersonID, 0, d.Now())
		if err != nil || zhou.Grid.ID != a.Area.ID {
			t.Errorf("the holder's area is %+v (%v)", zhou.Grid, err)
		}
	})
}

func TestRolesAreGivenByWhomTheTableNames(t *testing.T) { // §3.4, C11
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		s, h := newService(d)
		spare := orgtest.Unit(t, d, org.CenterHousehold, "备用中心户", w.Ruihe.Group)
		for _, c := range []struct {
			name string
			by   org.Actor
			n    org.NewAssignment
			want error
		}{
			{"a holder by the grid secretary", w.ChenGuyu, org.NewAssignment{Role: org.RoleAreaHolder, Unit: spare}, nil},
			{"by the general secretary, who is not the branch's", w.XuBailu, org.NewAssignment{Role: org.RoleMember, Unit: w.Ruihe.Branch}, problem.ErrForbidden},
			{"in another community", w.ChenGuyu, org.NewAssignment{Role: org.RoleMember, Unit: w.Zhenxi.Branch}, problem.ErrNotFound},
			{"a grid assistant by the general secretary", w.XuBailu, org.NewAssignment{Role: org.RoleGridAssistant, Unit: w.Ruihe.Party}, nil},
			{"an officer without the election", w.FengShuangjiang, org.NewAssignment{Role: org.RoleBranchOfficer, Post: org.PostPublicity, Unit: w.Xingwu.Party}, org.ErrDocument},
			{
				"an officer elected", w.FengShuangjiang,
				org.NewAssignment{Role: org.RoleBranchOfficer, Post: org.PostPublicity, Unit: w.Xingwu.Party, Document: "海党〔2026〕3号"},
				nil,
			},
			{"to oneself", w.FengShuangjiang, org.NewAssignment{Person: w.FengShuangjiang.PersonID, Role: org.RoleMember, Unit: w.Xingwu.Party}, org.ErrSelfGrant},
			{"an instructor without a posting", w.LuoQingming, org.NewAssignment{Role: org.RoleInstructor, Unit: w.Xingwu.Party}, problem.ErrForbidden},
			{"an editor by the office", w.LuoQingming, org.NewAssignment{Role: org.RoleEditor, Unit: w.Committee}, nil},
			{
				"somebody of the other subdistrict (A1)", w.FengShuangjiang,
				org.NewAssignment{Person: w.ElsewhereSecr.PersonID, Role: org.RoleMember, Unit: w.Xingwu.Party},
				problem.ErrNotFound,
			},
			{"a second section head", w.LuoQingming, org.NewAssignment{Role: org.RoleSectionHead, Unit: w.Section}, org.ErrPostTaken},
		} {
			if c.n.Person == 0 {
				c.n.Person = orgtest.Person(t, d)
			}
			g, err := s.Grant(t.Context(), c.by, c.n)
			if !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", c.name, err, c.want)
			}
			if err == nil && h.events[g.Assignment] != org.RoleGranted {
				t.Errorf("%s: nobody heard of it", c.name)
			}
		}
	})
}

func TestC13_AUnitHasOneSecretaryByWhateverName(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		office := orgtest.Unit(t, d, org.GeneralBranch, "机关党总支", w.Committee)
		for _, c := range []struct {
			name string
			role org.Role
			unit org.Unit
			span org.Span
			want error
		}{
			{"a second secretary of a grid's branch", org.RoleGridSecretary, w.Ruihe.Branch, org.Span{From: "2026-05-11"}, org.ErrPostTaken},
			{"a second secretary of a village", org.RoleBranchSecretary, w.Xingwu.Party, org.Span{From: "2026-05-11"}, org.ErrPostTaken},
			{"a second general secretary", org.RoleGeneralSecretary, w.Ruihe.Party, org.Span{From: "2026-05-11"}, org.ErrPostTaken},
			{"one by another name beside the general secretary", org.RoleBranchSecretary, w.Ruihe.Party, org.Span{From: "2026-05-11"}, org.ErrPostTaken},
			{"a grid's secretary on a village's branch", org.RoleGridSecretary, w.Xingwu.Party, org.Span{From: "2026-05-11"}, org.ErrRolePlace},
			{"a branch's own secretary on a grid's", org.RoleBranchSecretary, w.Ruihe.Branch, org.Span{From: "2026-05-11"}, org.ErrRolePlace},
			{"on days before the first", org.RoleBranchSecretary, w.Xingwu.Party, org.Span{From: "2024-01-01", To: orgtest.From}, nil},
			{"the secretary of the office", org.RoleBranchSecretary, office, org.Span{From: "2026-05-11", To: "2026-06-01"}, nil},
			{"on an overlapping day", org.RoleBranchSecretary, office, org.Span{From: "2026-05-31"}, org.ErrPostTaken},
			{"from the day after on", org.RoleBranchSecretary, office, org.Span{From: "2026-06-01"}, nil},
		} {
			person := orgtest.Person(t, d)
			err := d.InTx(t.Context(), func(tx *db.Tx) error {
				_, err := org.Assign(t.Context(), tx, org.NewAssignment{Person: person, Role: c.role, Unit: c.unit, Span: c.span})
				return err
			})
			if !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", c.name, err, c.want)
			}
		}
	})
}

func TestA6_ASubdistrictHasFiveSectorsAndEachOfItsPlacesCarriesOne(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		s, _ := newService(d)
		noon(t, d, "2026-05-11")
		if _, err := s.Add(t.Context(), w.LuoQingming, org.NewUnit{Kind: org.Village, Name: "新村", Parent: w.Subdistrict, Sector: "village"}); err != nil {
			t.Fatal(err)
		}
		list := func(by org.Actor) org.SectorList {
			t.Helper()
			l, err := org.ListSectors(t.Context(), d, by, "2026-05-11")
			if err != nil {
				t.Fatal(err)
			}
			return l
		}
		usual := list(w.XuBailu)
		if len(usual.Sectors) != 5 || usual.Sectors[0].Name != "村居" || usual.Places["village"] != 1 || len(usual.Lacking) != 5 {
			t.Errorf("by default %+v, want the usual five, one village in them, and five places that carry none", usual)
		}
		with := func(change func(all []org.Sector) []org.Sector) []org.Sector {
			return change(append([]org.Sector{}, usual.Sectors...))
		}
		school := org.Sector{Code: "school", Name: "学校"}
		for _, c := range []struct {
			name    string
			by      org.Actor
			version int64
			all     []org.Sector
			want    error
		}{
			{"four", w.SystemAdmin, 1, usual.Sectors[:4], org.ErrSectorCount},
			{"six", w.SystemAdmin, 1, with(func(all []org.Sector) []org.Sector { return append(all, school) }), org.ErrSectorCount},
			{"one twice", w.SystemAdmin, 1, with(func(all []org.Sector) []org.Sector { return append(all[:4], all[0]) }), org.ErrSectorCount},
			{"none", w.SystemAdmin, 1, nil, org.ErrSectorCount},
			{"without the villages that are there", w.SystemAdmin, 1, with(func(all []org.Sector) []org.Sector { return append(all[1:], school) }), org.ErrSectorInUse},
			{"a stale version", w.SystemAdmin, 7, usual.Sectors, problem.ErrConflict},
			{"by a holder", w.ZhouChunhe, 1, usual.Sectors, problem.ErrNotFound},
			{"by a resident", w.LinXiaoman, 1, usual.Sectors, problem.ErrNotFound},
			{
				"one renamed, one replaced", w.SystemAdmin, 1,
				with(func(all []org.Sector) []org.Sector { all[0].Name = "行政村"; return append(all[:4], school) }), nil,
			},
		} {
			if err := s.SaveSectors(t.Context(), c.by, c.version, c.all); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", c.name, err, c.want)
			}
		}
		now := list(w.LuoQingming)
		if now.Version != 2 || now.Sectors[0] != (org.Sector{Code: "village", Name: "行政村"}) || now.Sectors[4] != school || now.Places["village"] != 1 {
			t.Errorf("saved %+v, want the village renamed and the school last", now)
		}
		if other := list(w.ElsewhereOffice); other.Sectors[0].Name != "村居" {
			t.Errorf("the other subdistrict has %+v, want its own", other.Sectors)
		}
		if _, err := s.Add(t.Context(), w.LuoQingming, org.NewUnit{Kind: org.Office, Name: "小学", Parent: w.Subdistrict, Sector: "park"}); !errors.Is(err, org.ErrDetail) {
			t.Errorf("a place in a sector put aside: %v, want %v", err, org.ErrDetail)
		}
		if err := s.SaveSectors(t.Context(), w.SystemAdmin, 2, usual.Sectors); err != nil {
			t.Errorf("back again: %v", err)
		}
	})
}

func TestA2_TheProfileOfASubdistrictCountsWhatIsThereToday(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		s, _ := newService(d)
		noon(t, d, "2026-05-11")
		count := func(day calendar.Day) (villages, communities, organisations int) {
			p, err := org.GetProfile(t.Context(), d, w.XingwuMember, w.Subdistrict.ID, day)
			if err != nil {
				t.Fatal(err)
			}
			return p.Counts[org.Village], p.Counts[org.Community], p.Primary
		}
		if v, c, o := count("2026-05-11"); v != 2 || c != 2 || o != 5 {
			t.Errorf("%d villages, %d communities, %d organisations; want 2, 2 and 5", v, c, o)
		}
		if _, err := s.Add(t.Context(), w.LuoQingming, org.NewUnit{Kind: org.Village, Name: "新村", Parent: w.Subdistrict, Sector: "village"}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Add(t.Context(), w.LuoQingming, org.NewUnit{Kind: org.Branch, Name: "新村支部", Parent: w.Committee}); err != nil {
			t.Fatal(err)
		}
		if v, _, o := count("2026-05-11"); v != 3 || o != 6 {
			t.Errorf("%d villages, %d organisations a moment later; want 3 and 6", v, o)
		}
		if v, _, o := count("2026-05-10"); v != 2 || o != 5 {
			t.Errorf("%d villages, %d organisations the day before; want 2 and 5", v, o)
		}
	})
}

func TestTwoPersonsAgreeWhereTwoMust(t *testing.T) { // §3.4, "two"
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		s, _ := newService(d)
		person := orgtest.Person(t, d)
		n := org.NewAssignment{Person: person, Role: org.RoleBranchSecretary, Unit: orgtest.Unit(t, d, org.Branch, "新支部", w.Committee)}
		g, err := s.Grant(t.Context(), w.LuoQingming, n)
		if err != nil || g.Proposal == 0 || g.Assignment != 0 {
			t.Fatalf("the first of two: %+v, %v; want a proposal", g, err)
		}
		if _, err := s.Grant(t.Context(), w.LuoQingming, n); !errors.Is(err, org.ErrSecondPerson) {
			t.Errorf("the same person twice: %v, want %v", err, org.ErrSecondPerson)
		}
		if g, err = s.Grant(t.Context(), w.OfficeTwo, n); err != nil || g.Assignment == 0 {
			t.Errorf("the second of two: %+v, %v; want the role", g, err)
		}
		office := org.NewAssignment{Person: person, Role: org.RolePartyOffice, Unit: w.Committee}
		if g, err := s.Grant(t.Context(), w.SecurityAdmin, office); !errors.Is(err, nil) || g.Proposal == 0 {
			t.Errorf("a security administrator proposes: %+v, %v", g, err)
		}
		if _, err := s.Grant(t.Context(), w.SecurityTwo, office); !errors.Is(err, org.ErrSecondPerson) {
			t.Errorf("two security administrators for the office: %v, want %v", err, org.ErrSecondPerson)
		}
		if g, err := s.Grant(t.Context(), w.GaoXiaohan, office); err != nil || g.Assignment == 0 {
			t.Errorf("with the committee secretary: %+v, %v; want the role", g, err)
		}
	})
}

func TestAnEndedRoleIsGoneAtOnceAndTheNextIsPrimary(t *testing.T) { // S20, X8, C12
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		s, h := newService(d)
		yao := w.YaoMangzhong.PersonID
		if err := s.EndAssignment(t.Context(), w.ZhengXiaoxue, w.YaoOfficer.Assignment, "", "换届"); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("by the secretary of another village: %v, want not found", err)
		}
		if err := s.EndAssignment(t.Context(), w.FengShuangjiang, w.YaoMangzhong.Assignment, "", "换届"); err != nil {
			t.Fatal(err)
		}
		if h.events[w.YaoMangzhong.Assignment] != org.RoleEnded {
			t.Error("nobody heard of the end")
		}
		if _, err := org.ActorOf(t.Context(), d, yao, w.YaoMangzhong.Assignment, d.Now()); !errors.Is(err, org.ErrActingAsInvalid) {
			t.Errorf("acting in the ended role: %v, want %v", err, org.ErrActingAsInvalid)
		}
		as, err := org.AssignmentsOf(t.Context(), d, yao, calendar.DayOf(d.Now()))
		if err != nil || len(as) != 1 || !as[0].Primary || as[0].ID != w.YaoOfficer.Assignment {
			t.Errorf("what is left is %+v (%v), want the officer's post as primary", as, err)
		}
		if err := s.EndAssignment(t.Context(), w.FengShuangjiang, w.YaoMangzhong.Assignment, "", "换届"); !errors.Is(err, org.ErrIllegalTransition) {
			t.Errorf("ended twice: %v, want %v", err, org.ErrIllegalTransition)
		}
	})
}

func TestARoleEndsByItsDateToo(t *testing.T) { // security.md, end of rights
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		s, h := newService(d)
		noon(t, d, "2026-05-11")
		if err := s.EndAssignment(t.Context(), w.FengShuangjiang, w.YaoOfficer.Assignment, "2026-06-01", "换届"); err != nil {
			t.Fatal(err)
		}
		if some, err := s.EndDue(t.Context()); some || err != nil {
			t.Errorf("before the day: %v, %v; want nothing due", some, err)
		}
		noon(t, d, "2026-06-01")
		if some, err := s.EndDue(t.Context()); !some || err != nil || h.events[w.YaoOfficer.Assignment] != org.RoleEnded {
			t.Errorf("on the day: %v, %v, %v; want the role taken back", some, err, h.events)
		}
		if some, err := s.EndDue(t.Context()); some || err != nil {
			t.Errorf("afterwards: %v, %v; want nothing due", some, err)
		}
	})
}

func TestALevelEmptiedTodayIsAGapToday(t *testing.T) { // A9, C5, B7
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		s, _ := newService(d)
		noon(t, d, "2026-05-11")
		if err := s.EndAssignment(t.Context(), w.ChenGuyu, w.ZhouChunhe.Assignment, "", "搬家"); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			day  calendar.Day
			held int
			gaps int
		}{{"2026-05-10", 2, 0}, {"2026-05-11", 1, 1}} {
			covered, err := org.GridCoverage(t.Context(), d, w.XuBailu, 0, c.day)
			if err != nil || len(covered) != 1 || covered[0].Place.ID != w.Ruihe.Unit.ID || len(covered[0].Levels) != 4 {
				t.Fatalf("coverage for the general secretary is %+v (%v), want four levels of 瑞和社区", covered, err)
			}
			if l := covered[0].Levels[3]; l.Level != 1 || l.Units != 2 || l.Held != c.held || len(l.Gaps) != c.gaps {
				t.Errorf("level 1 on %s: %+v, want %d held and %d gaps", c.day, l, c.held, c.gaps)
			}
		}
		p, err := org.GetProfile(t.Context(), d, w.XuBailu, w.Ruihe.Areas[0].Area.ID, "2026-05-11")
		if err != nil || !p.Gap || len(p.Interim) != 1 || p.Interim[0].Person != w.SunLixia.PersonID {
			t.Errorf("the vacant area: gap %v, interim %+v (%v); want the group leader (T8)", p.Gap, p.Interim, err)
		}
		all, err := org.GridCoverage(t.Context(), d, w.LuoQingming, 0, "2026-05-11")
		if err != nil || len(all) != 5 {
			t.Errorf("the office sees %d places (%v), want the 5 of 海棠街道", len(all), err)
		}
	})
}

func TestListsStayInsideTheAskersPlace(t *testing.T) { // A1, §3.5
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		day := calendar.DayOf(d.Now())
		for _, c := range []struct {
			name string
			by   org.Actor
			tree org.Tree
			kind org.UnitKind
			want int
		}{
			{"a member reads the subdistrict", w.XingwuMember, org.GridTree, org.Community, 2},
			{"its party tree too", w.XingwuMember, org.PartyTree, org.GeneralBranch, 2},
			{"the other one has its own", w.ElsewhereOffice, org.GridTree, org.Community, 1},
			{"a resident reads the grid", w.LinXiaoman, org.GridTree, org.Community, 3},
			{"and not the party", w.LinXiaoman, org.PartyTree, org.GeneralBranch, 0},
			{"nobody reads nothing", org.Actor{}, org.GridTree, org.Community, 0},
		} {
			units, err := org.List(t.Context(), d, c.by, org.UnitFilter{Tree: c.tree, Kind: c.kind, AsOf: day}, everything(t))
			if err != nil || len(units) != c.want {
				t.Errorf("%s: %d units (%v), want %d", c.name, len(units), err, c.want)
			}
		}
		for _, c := range []struct {
			name string
			by   org.Actor
			want int
		}{
			{"a holder reads their own", w.YaoMangzhong, 2},
			{"the secretary those of the village", w.FengShuangjiang, 6},
			{"a security administrator those of administrators", w.SecurityAdmin, 4},
			{"a resident none", w.LinXiaoman, 0},
		} {
			as, err := org.ListAssignments(t.Context(), d, c.by, org.AssignmentFilter{AsOf: day}, everything(t))
			if err != nil || len(as) != c.want {
				t.Errorf("%s: %d roles (%v), want %d", c.name, len(as), err, c.want)
			}
		}
	})
}

func TestWhatIsLookedAfterInAPlaceStaysThere(t *testing.T) { // T4, T7
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		dealt := map[org.UnitID]int{w.Ruihe.Areas[0].Area.ID: 2}
		s, _ := newService(d, org.InUse{What: "entrances", Count: func(_ context.Context, _ db.Queryer, u org.UnitID) (int, error) {
			return dealt[u], nil
		}})
		_, err := s.Move(t.Context(), w.LuoQingming, w.Ruihe.Block.ID, w.Zhenxi.Grid.ID)
		if !errors.Is(err, org.ErrUnitInUse) {
			t.Errorf("a block with entrances in its areas goes to another community: %v, want %v", err, org.ErrUnitInUse)
		}
		clear(dealt)
		if _, err := s.Move(t.Context(), w.LuoQingming, w.Ruihe.Block.ID, w.Zhenxi.Grid.ID); err != nil {
			t.Errorf("a block on which nothing hangs: %v, want it moved", err)
		}
	})
}
