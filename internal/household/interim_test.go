package household_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

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

// leaves ends the role that by acts in.
func (x *fixture) leaves(t *testing.T, d *db.DB, by org.Actor) {
	t.Helper()
	err := d.InTx(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Change(t.Context(), `UPDATE role_assignment SET valid_to = ? WHERE id = ?`, calendar.DayOf(tx.Now), by.Assignment)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

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
		x.leaves(t, d, x.YaoMangzhong)
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

// T8: whoever looks after a vacant area has all that its holder would: the visits and rounds of the last month whoever
// made them, the list of dangerous weather, and what the homes agree to. For the leads above, and while somebody holds
// the area, none of it is there.
func TestT8_TheInterimHolderHasTheListsOfAVacantArea(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		by, area := x.FengShuangjiang, x.Xingwu.Areas[1].Area.ID
		x.agree(t, x.YaoMangzhong, x.doors[0], household.RiskVisit)
		for i, door := range []household.ID{x.doors[0], x.foreign} {
			holder := []org.Actor{x.YaoMangzhong, x.YiPian}[i]
			if _, err := x.service.RecordVisit(t.Context(), holder, household.Account{Household: door, Result: household.AllWell, ClientRef: ref}); err != nil {
				t.Fatal(err)
			}
		}
		rain := x.rain(t)
		var entrance household.EntranceID
		if err := d.Get(t.Context(), &entrance, `SELECT entrance_id FROM premises WHERE id = ?`, x.doors[0]); err != nil {
			t.Fatal(err)
		}
		walk := household.Walk{Entrance: entrance, Kind: "notice", Doors: 3, Answered: 2, ClientRef: ref}
		until := calendar.DayOf(d.Now()).Add(10)
		acts := func(by org.Actor) map[string]error {
			_, round := x.service.RecordRound(t.Context(), by, walk)
			_, agreed := x.service.GiveConsent(t.Context(), by, household.NewConsent{Household: x.doors[1], Purpose: household.RiskVisit, Wording: "2026-01", Channel: "phone"})
			_, refused := x.service.WithdrawConsent(t.Context(), by, x.doors[2], household.RiskVisit, "phone")
			return map[string]error{"a round": round, "a yes": agreed, "a no": refused, "peace": x.service.Mute(t.Context(), by, x.doors[2], until)}
		}
		nothing := func(by org.Actor) {
			t.Helper()
			if all, _, err := x.service.Visits(t.Context(), by, "", 10); err != nil || len(all) > 0 {
				t.Errorf("%s of %s has visits %+v, %v; want none", by.Role, by.Unit.Name, all, err)
			}
			if all, _, err := x.service.Rounds(t.Context(), by, "", 10); err != nil || len(all) > 0 {
				t.Errorf("%s of %s has rounds %+v, %v; want none", by.Role, by.Unit.Name, all, err)
			}
			if offers, err := x.service.Round(t.Context(), by, rain.ID); !errors.Is(err, problem.ErrNotFound) {
				t.Errorf("%s of %s has the list of the rain %+v, %v; want not found", by.Role, by.Unit.Name, offers, err)
			}
			for what, err := range acts(by) {
				if !errors.Is(err, problem.ErrNotFound) {
					t.Errorf("%s of %s writes down %s: %v, want not found", by.Role, by.Unit.Name, what, err)
				}
			}
		}
		nothing(by)
		x.leaves(t, d, x.YaoMangzhong)
		nothing(x.ZhengXiaoxue)
		if visits, next, err := x.service.Visits(t.Context(), by, "", 10); err != nil || len(visits) != 1 || next != "" || visits[0].Premises != x.doors[0] {
			t.Errorf("the interim holder has visits %+v, %v; want the one of the vacant area", visits, err)
		}
		for what, err := range acts(by) {
			if err != nil {
				t.Errorf("the interim holder writes down %s: %v", what, err)
			}
		}
		if rounds, _, err := x.service.Rounds(t.Context(), by, "", 10); err != nil || len(rounds) != 1 || rounds[0].AreaID != area || rounds[0].PersonID != by.PersonID {
			t.Errorf("the interim holder has rounds %+v, %v; want the own one, in the area", rounds, err)
		}
		again, err := x.service.RecordRound(t.Context(), by, walk)
		if err != nil || count(t, d, `SELECT COUNT(*) FROM area_round`) != 1 {
			t.Errorf("told again it is round %+v, %v; want the first", again, err)
		}
		offers, err := x.service.Round(t.Context(), by, rain.ID)
		if err != nil || len(offers) != 2 || offers[0].Premises != x.doors[0] || offers[1].Premises != x.doors[1] {
			t.Errorf("the list of the rain is %+v, %v; want who agreed before and who has just agreed", offers, err)
		}
	})
}

// T8: whoever looks after a vacant area lists its doors with what its holder knows, and records what is asked for at them; a
// grid's secretary, who sees no doors else, lists those alone.
func TestT8_TheInterimHolderListsTheDoorsOfAVacantArea(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx, by := t.Context(), x.ChenGuyu
		home := door(t, d, x.Ruihe.Unit, x.Ruihe.Areas[0].Area, "3-101")
		door(t, d, x.Ruihe.Unit, x.Ruihe.Areas[1].Area, "4-101")
		if _, err := x.service.RecordVisit(ctx, x.ZhouChunhe, household.Account{Household: home, Result: household.AllWell, ClientRef: ref}); err != nil {
			t.Fatal(err)
		}
		lists := func(by org.Actor, area *org.UnitID, doors int, known bool) {
			t.Helper()
			rows, _, err := x.service.Households(ctx, by, area, "", 10)
			if err != nil || len(rows) != doors || doors > 0 && (rows[0].ID != home || (rows[0].LastVisited != nil) != known) {
				t.Errorf("%s of %s lists %+v (%v), want %d doors, known: %v", by.Role, by.Unit.Name, rows, err, doors, known)
			}
		}
		needs := x.needs(d)
		ask := func() error {
			_, err := needs.Create(ctx, by, request.Telling{Need: request.Need{What: "路灯不亮"}, Premises: int64(home), Channel: request.ToldMember})
			return err
		}
		lists(by, nil, 0, false)
		lists(by, &x.Ruihe.Areas[0].Area.ID, 0, false)
		lists(x.XuBailu, nil, 2, false)
		if err := ask(); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("while somebody holds the area its lead above records a need: %v, want not found", err)
		}
		x.leaves(t, d, x.ZhouChunhe)
		lists(x.SunLixia, nil, 2, true)
		lists(by, nil, 0, false)
		x.leaves(t, d, x.SunLixia)
		lists(by, nil, 1, true)
		lists(by, &x.Ruihe.Areas[0].Area.ID, 1, true)
		lists(by, &x.Ruihe.Areas[1].Area.ID, 0, false)
		lists(x.XuBailu, nil, 2, false)
		if err := ask(); err != nil {
			t.Errorf("the interim holder records a need: %v", err)
		}
	})
}

// T8: that nobody lives at a door is said by who looks after it.
func TestT8_TheInterimHolderMarksAnEmptyHome(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		home := door(t, d, x.Ruihe.Unit, x.Ruihe.Areas[0].Area, "3-101")
		if _, err := x.service.MarkDoor(t.Context(), x.SunLixia, home, household.Mark{Version: 1, Empty: true}); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("while somebody holds the area its leader above marks a door: %v, want not found", err)
		}
		x.leaves(t, d, x.ZhouChunhe)
		if _, err := x.service.MarkDoor(t.Context(), x.ChenGuyu, home, household.Mark{Version: 1, Empty: true}); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("who does not stand in marks a door: %v, want not found", err)
		}
		if _, err := x.service.MarkDoor(t.Context(), x.SunLixia, home, household.Mark{Version: 1, Empty: true}); err != nil {
			t.Errorf("the interim holder marks a door: %v", err)
		}
	})
}

// A lead who looks after several vacant areas reads the visits to all of them as one list, page by page.
func TestT8_TheVisitsOfSeveralVacantAreasAreOneList(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		refs := []string{ref, "1f9d2a52-6a3e-4c5b-9d8e-2f1a7c3b4d5e"}
		var want []household.VisitID
		for i, door := range []household.ID{x.doors[0], x.foreign, x.doors[1], x.foreign} {
			holder := x.YaoMangzhong
			if door == x.foreign {
				holder = x.YiPian
			}
			x.at(synced.Add(time.Duration(i/2) * time.Minute)) // two a minute
			v, err := x.service.RecordVisit(t.Context(), holder, household.Account{Household: door, Result: household.AllWell, ClientRef: refs[i/2]})
			if err != nil {
				t.Fatal(err)
			}
			want = append([]household.VisitID{v.ID}, want...)
		}
		x.leaves(t, d, x.YaoMangzhong)
		x.leaves(t, d, x.YiPian)
		var got []household.VisitID
		for cursor, pages := "", 0; pages == 0 || cursor != "" && pages < 4; pages++ {
			visits, next, err := x.service.Visits(t.Context(), x.FengShuangjiang, cursor, 3)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range visits {
				got = append(got, v.ID)
			}
			cursor = next
		}
		if !slices.Equal(got, want) {
			t.Errorf("the list is %v, want %v: the newest of both areas first, each once", got, want)
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
