package request_test

import (
	"errors"
	"slices"
	"testing"

	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/request"
)

func (x *fixture) concern(t *testing.T, about org.Actor) request.Seen {
	t.Helper()
	return x.create(t, x.XuBailu, request.Need{What: "态度不好", Category: request.HolderConcern, About: about.Assignment})
}

// everybody of the small world who could see requests.
func (x *fixture) everybody() []org.Actor {
	return []org.Actor{
		x.ZhouChunhe, x.WangQiufen, x.SunLixia, x.ChenGuyu, x.XuBailu, x.HeQingqing, x.ZhenxiSecretary, x.ZhenxiHolder,
		x.FengShuangjiang, x.YaoMangzhong, x.YaoOfficer, x.SectionHead, x.LuoQingming, x.OfficeTwo, x.GaoXiaohan,
	}
}

func TestV6_AConcernOpensAboveWhomItIsAboutAndNobodyBelowSeesIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		door := func(about org.Actor) request.Seen {
			r := request.Need{What: "态度不好", Category: request.HolderConcern, About: about.Assignment}
			return x.create(t, x.ZhouChunhe, r)
		}
		for _, c := range []struct {
			what  string
			about org.Actor
			level int
			unit  org.UnitID
			sees  []org.Actor
			told  []org.Actor // by the clocks, as who leads its holder
		}{
			{"an area holder", x.ZhouChunhe, 2, x.Ruihe.Block.ID, []org.Actor{x.SunLixia, x.ChenGuyu, x.XuBailu}, nil},
			{"a group leader", x.SunLixia, 3, x.Ruihe.Grid.ID, []org.Actor{x.ChenGuyu, x.XuBailu}, nil},
			{"a grid secretary", x.ChenGuyu, 4, x.Ruihe.Unit.ID, []org.Actor{x.XuBailu}, []org.Actor{x.LuoQingming, x.OfficeTwo}},
			{"a general secretary", x.XuBailu, 5, x.Subdistrict.ID, []org.Actor{x.LuoQingming, x.OfficeTwo}, []org.Actor{x.GaoXiaohan}},
			{"the grid assistant", x.HeQingqing, 5, x.Subdistrict.ID, []org.Actor{x.LuoQingming, x.OfficeTwo}, []org.Actor{x.GaoXiaohan}},
			{"somebody of another place", x.ZhenxiHolder, 5, x.Subdistrict.ID, []org.Actor{x.LuoQingming, x.OfficeTwo}, []org.Actor{x.GaoXiaohan}},
			{"a section's head", x.SectionHead, 5, x.Subdistrict.ID, []org.Actor{x.LuoQingming, x.OfficeTwo}, []org.Actor{x.GaoXiaohan}},
			{"somebody of the office", x.LuoQingming, 5, x.Subdistrict.ID, []org.Actor{x.GaoXiaohan}, nil},
		} {
			r := door(c.about)
			if r.HolderUnitID != c.unit || r.Level != c.level || r.UnitID != c.unit {
				t.Errorf("about %s: opened in %d, held by %d at level %d; want %d at level %d", c.what, r.UnitID, r.HolderUnitID, r.Level, c.unit, c.level)
			}
			at(d, 5000)
			x.ticks(t)
			at(d, 0)
			for _, by := range x.everybody() {
				own := func(a org.Actor) bool { return a.Assignment == by.Assignment }
				listed := slices.ContainsFunc(c.sees, own)
				want := listed || slices.ContainsFunc(c.told, own)
				if _, err := x.service.Read(t.Context(), by, r.ID); want != (err == nil) || err != nil && !errors.Is(err, problem.ErrNotFound) {
					t.Errorf("about %s: %s of %s reads %v, want %v", c.what, by.Role, by.Unit.Name, err, want)
				}
				for _, f := range []request.Filter{{}, {Held: true}, {Stale: true}} {
					rows, _, err := x.service.List(t.Context(), by, f, "", 100)
					if err != nil {
						t.Fatal(err)
					}
					if !listed && slices.ContainsFunc(rows, func(s request.Seen) bool { return s.ID == r.ID && !f.Stale }) {
						t.Errorf("about %s: %s of %s lists it with %+v", c.what, by.Role, by.Unit.Name, f)
					}
				}
			}
			var below []org.PersonID
			if err := d.Select(t.Context(), &below, `SELECT person_id FROM inbox WHERE ref_type = 'request' AND ref_id = ?`, r.ID); err != nil {
				t.Fatal(err)
			}
			if len(below) == 0 {
				t.Errorf("about %s: nobody was told", c.what)
			}
			for _, p := range below {
				if !slices.ContainsFunc(append(c.sees, x.GaoXiaohan, x.LuoQingming, x.OfficeTwo, x.XuBailu), func(a org.Actor) bool { return a.PersonID == p }) || p == c.about.PersonID {
					t.Errorf("about %s: person %d was told", c.what, p)
				}
			}
		}
		_, err := x.service.Create(t.Context(), x.XuBailu, request.Telling{Need: request.Need{What: "x", Category: request.HolderConcern, About: x.GaoXiaohan.Assignment}, Channel: request.ToldMember})
		if !errors.Is(err, request.ErrNoHolder) {
			t.Errorf("about the committee's secretary: %v, want %v", err, request.ErrNoHolder)
		}
		for _, about := range []org.AssignmentID{x.ElsewhereSecr.Assignment, x.XingwuMember.Assignment, 1 << 40} {
			_, err := x.service.Create(t.Context(), x.XuBailu, request.Telling{Need: request.Need{What: "x", Category: request.HolderConcern, About: about}, Channel: request.ToldMember})
			if !errors.Is(err, request.ErrAbout) {
				t.Errorf("about assignment %d: %v, want %v", about, err, request.ErrAbout)
			}
		}
		if _, err := x.service.Create(t.Context(), x.XuBailu, request.Telling{Need: request.Need{What: "x", About: x.ZhouChunhe.Assignment}, Channel: request.ToldMember}); !errors.Is(err, request.ErrAbout) {
			t.Errorf("another need about somebody: %v, want %v", err, request.ErrAbout)
		}
	})
}

// V6, C11: a concern that was opened above its place goes to no grid assistant beside the levels of that, whoever holds it.
func TestV6_AConcernAboveItsPlaceGoesToNoAssistantOfThat(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		r := x.concern(t, x.ZhenxiHolder) // of another place than the one it is told in
		to := func(by org.Actor, want error) {
			t.Helper()
			if _, err := x.service.Escalate(t.Context(), by, r.ID, request.Climb{To: "grid_assistant", Note: "请协助"}); !errors.Is(err, want) {
				t.Errorf("%s gives it to the assistant: %v, want %v", by.Role, err, want)
			}
		}
		to(x.LuoQingming, request.ErrTarget)
		moved(t)(x.service.Escalate(t.Context(), x.LuoQingming, r.ID, request.Climb{To: "section", Section: x.Section.ID, Note: "请核实"}))
		to(x.SectionHead, request.ErrTarget)
		within := x.create(t, x.ZhouChunhe, request.Need{What: "态度不好", Category: request.HolderConcern, About: x.ZhouChunhe.Assignment})
		moved(t)(x.service.Escalate(t.Context(), x.SunLixia, within.ID, request.Climb{To: "grid_assistant", Note: "请协助"}))
	})
}

// What the committee's secretary holds stays theirs to hear of once nobody in the office is kept from it any more.
func TestV6_AConcernOfTheCommitteesSecretaryStaysTheirs(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{
			What: "态度不好", Category: request.HolderConcern, About: x.OfficeTwo.Assignment, Who: "林女士", CallBack: request.CallPhone, Phone: "19900000001",
		})
		leave(t, d, x.OfficeTwo)
		if _, err := x.service.Say(t.Context(), x.shown(t, r.Receipt, "0001"), "又是这样"); err != nil {
			t.Fatal(err)
		}
		if got := inboxes(t, d, "request.answered"); !slices.Equal(got, []org.PersonID{x.GaoXiaohan.PersonID}) {
			t.Errorf("told %v of what the asker writes, want the committee's secretary", got)
		}
		moved(t)(x.service.Message(t.Context(), x.GaoXiaohan, r.ID, "正在核实", request.ToTell))
		if c := x.toCall(t, x.GaoXiaohan); c.Request != r.ID {
			t.Errorf("the secretary is to call about need %d, want %d", c.Request, r.ID)
		}
		if rows, _, err := x.service.Calls(t.Context(), x.LuoQingming, "", 10); err != nil || len(rows) != 0 {
			t.Errorf("the office has %d calls (%v), want none", len(rows), err)
		}
		at(d, 450) // it is not accepted
		x.ticks(t)
		if got := inboxes(t, d, "request.accept_overdue"); !slices.Equal(got, []org.PersonID{x.GaoXiaohan.PersonID}) {
			t.Errorf("told %v that it is not accepted, want the committee's secretary", got)
		}
	})
}

func TestV6_WhoeverIsPromotedAboveTheirConcernStillNeverSeesIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.concern(t, x.ZhouChunhe) // recorded without a door it opens in the recorder's place
		if r.HolderUnitID != x.Ruihe.Unit.ID {
			t.Fatalf("held by %d, want the place", r.HolderUnitID)
		}
		assistant := orgtest.Grant(t, d, x.ZhouChunhe.PersonID, org.RoleGridAssistant, "", x.Ruihe.Party)
		for _, by := range []org.Actor{assistant, x.ZhouChunhe, x.XuBailu, x.SunLixia} { // all stand on their new unit or below
			if _, err := x.service.Read(t.Context(), by, r.ID); !errors.Is(err, problem.ErrNotFound) {
				t.Errorf("%s of %s reads it: %v", by.Role, by.Unit.Name, err)
			}
			if _, err := x.service.Accept(t.Context(), by, r.ID, ""); !errors.Is(err, problem.ErrNotFound) {
				t.Errorf("%s of %s accepts it: %v", by.Role, by.Unit.Name, err)
			}
		}
		if _, err := x.service.Read(t.Context(), x.GaoXiaohan, r.ID); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("who stands above the interim holder reads it: %v", err)
		}
		if m := moved(t)(x.service.Accept(t.Context(), x.LuoQingming, r.ID, "")); m.State != request.Accepted {
			t.Errorf("the office, next up the ladder (T8), leaves it %s", m.State)
		}
		at(d, 3000)
		x.ticks(t)
		for _, kind := range []string{"request.target_near", "request.target_missed", "request.accept_overdue"} {
			for _, p := range inboxes(t, d, kind) {
				if p != x.LuoQingming.PersonID && p != x.OfficeTwo.PersonID && p != x.GaoXiaohan.PersonID {
					t.Errorf("person %d hears %s of it", p, kind)
				}
			}
		}
	})
}

// V6: whoever holds a concern about somebody of the office, the committee's secretary, deals with it to its end, and opens
// it again, which the place's lead cannot; the office does nothing with it.
func TestV6_TheCommitteesSecretaryDealsWithAConcernAboutTheOffice(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		r := x.concern(t, x.LuoQingming)
		for i, act := range []struct {
			to request.State
			do func(by org.Actor) (request.Moved, error)
		}{
			{request.Accepted, func(by org.Actor) (request.Moved, error) { return x.service.Accept(t.Context(), by, r.ID, "") }},
			{request.InProgress, func(by org.Actor) (request.Moved, error) {
				return x.service.AddStep(t.Context(), by, r.ID, "已约谈", nil)
			}},
			{request.WaitingResident, func(by org.Actor) (request.Moved, error) {
				return x.service.Wait(t.Context(), by, r.ID, "请补充时间", nil, request.ToTell)
			}},
			{request.InProgress, func(by org.Actor) (request.Moved, error) { return x.service.Resume(t.Context(), by, r.ID) }},
			{request.InProgress, func(by org.Actor) (request.Moved, error) {
				return x.service.Message(t.Context(), by, r.ID, "正在核实", request.ToTell)
			}},
			{request.Resolved, func(by org.Actor) (request.Moved, error) {
				return x.service.Close(t.Context(), by, r.ID, request.Closing{Kind: request.Resolved, Text: "已当面致歉"})
			}},
			{request.Reopened, func(by org.Actor) (request.Moved, error) {
				return x.service.Reopen(t.Context(), by, r.ID, "又有反映")
			}},
		} {
			for _, by := range []org.Actor{x.LuoQingming, x.OfficeTwo, x.XuBailu} {
				if _, err := act.do(by); !errors.Is(err, problem.ErrNotFound) {
					t.Errorf("act %d to %s by %s: %v, want not found", i, act.to, by.Role, err)
				}
			}
			if m := moved(t)(act.do(x.GaoXiaohan)); m.State != act.to || m.HolderRole != org.RoleCommitteeSecretary {
				t.Errorf("act %d leaves it %s with %q, want %s with the committee's secretary", i, m.State, m.HolderRole, act.to)
			}
		}
	})
}

// still are the requests that lie still on by's list.
func (x *fixture) still(t *testing.T, by org.Actor) (ids []request.ID) {
	t.Helper()
	rows, _, err := x.service.List(t.Context(), by, request.Filter{Stale: true}, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		ids = append(ids, r.ID)
	}
	return ids
}

// comes gives a person a role from today on.
func (x *fixture) comes(t *testing.T, d *db.DB, person org.PersonID, role org.Role, unit org.Unit) (by org.Actor) {
	t.Helper()
	err := d.InTx(t.Context(), func(tx *db.Tx) error {
		a, err := org.Assign(t.Context(), tx, org.NewAssignment{
			Person: person, Role: role, Unit: unit, Span: org.Span{From: calendar.DayOf(tx.Now)},
		})
		if err != nil {
			return err
		}
		by, err = org.ActorOf(t.Context(), tx, person, a, tx.Now)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return by
}

// V6, K12: a concern on the list of a lead, who then becomes whom it is about, is on the list of the next one up the ladder
// who may know of it, and held by them since the holder below may not either: by nobody it is about, nor under them.
func TestV6_AStaleConcernComesToWhoeverMayStillKnowOfIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		const week = 7 * 24 * 60
		r := x.create(t, x.ZhouChunhe, request.Need{What: "态度不好", Category: request.HolderConcern, About: x.ZhouChunhe.Assignment})
		plain := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"})
		moved(t)(x.service.Escalate(t.Context(), x.ZhouChunhe, plain.ID, request.Climb{To: "level", Note: "需要帮忙"}))
		if r.HolderUnitID != x.Ruihe.Block.ID {
			t.Fatalf("held by %d, want the group", r.HolderUnitID)
		}
		at(d, week)
		x.ticks(t)
		there := []*org.Actor{&x.ChenGuyu, &x.XuBailu, &x.ZhouChunhe, &x.SunLixia, &x.LuoQingming, &x.GaoXiaohan}
		lies := func(what string, want map[*org.Actor][]request.ID) {
			t.Helper()
			for _, by := range there {
				if got := x.still(t, *by); !slices.Equal(got, want[by]) {
					t.Errorf("%s: %s of %s has %v on the list, want %v", what, by.Role, by.Unit.Name, got, want[by])
				}
			}
		}
		lies("while the secretary leads", map[*org.Actor][]request.ID{&x.ChenGuyu: {r.ID, plain.ID}})
		ends(t, d, x.XuBailu, x.ChenGuyu)
		there = there[1:]
		lies("while nobody leads", map[*org.Actor][]request.ID{&x.XuBailu: {r.ID, plain.ID}}) // T8
		promoted := x.comes(t, d, x.ZhouChunhe.PersonID, org.RoleGridSecretary, x.Ruihe.Branch)
		if got := x.still(t, promoted); !slices.Equal(got, []request.ID{plain.ID}) {
			t.Errorf("whom it is about has %v on the list, want the other need", got)
		}
		lies("while whom it is about leads", map[*org.Actor][]request.ID{&x.XuBailu: {r.ID}})
		for _, by := range []org.Actor{promoted, x.SunLixia, x.ZhouChunhe, x.LuoQingming} {
			if got := x.held(t, by); slices.Contains(got, r.ID) {
				t.Errorf("%s of %s holds the concern", by.Role, by.Unit.Name)
			}
		}
		if got := x.held(t, x.XuBailu); !slices.Equal(got, []request.ID{r.ID}) {
			t.Errorf("the secretary above holds %v, want the concern", got)
		}
		ends(t, d, x.LuoQingming, x.XuBailu)
		there = there[1:]
		lies("with nobody in the place", map[*org.Actor][]request.ID{&x.LuoQingming: {r.ID}})
		if got := x.held(t, x.LuoQingming); !slices.Equal(got, []request.ID{r.ID}) {
			t.Errorf("the office holds %v, want the concern", got)
		}
	})
}

// V6: a promise about a concern is to be kept by who deals with that instead of whoever has come to its holder's seat, whom
// it concerns: it is on their list.
func TestV6_APromiseAboutAConcernIsOnTheListOfWhoDealsWithIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.concern(t, x.ZhouChunhe)
		p, err := x.service.MakePromise(t.Context(), x.XuBailu, r.ID, request.NewPromise{DueOn: "2026-03-05", Text: "当面答复"})
		if err != nil {
			t.Fatal(err)
		}
		lists := func(by org.Actor) bool {
			t.Helper()
			all, _, err := x.service.Promises(t.Context(), by, request.OwnPromises, "", 10)
			if err != nil {
				t.Fatal(err)
			}
			return slices.ContainsFunc(all, func(o request.Promise) bool { return o.ID == p.ID })
		}
		if !lists(x.XuBailu) || lists(x.LuoQingming) {
			t.Errorf("it is on the list of who gave it: %v, and of the office: %v; want it with the former", lists(x.XuBailu), lists(x.LuoQingming))
		}
		if err := d.InTx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Change(t.Context(), `UPDATE role_assignment SET person_id = ? WHERE id = ?`, x.ZhouChunhe.PersonID, x.XuBailu.Assignment)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		promoted, err := org.ActorOf(t.Context(), d, x.ZhouChunhe.PersonID, x.XuBailu.Assignment, d.Now())
		if err != nil {
			t.Fatal(err)
		}
		if lists(promoted) || !lists(x.LuoQingming) {
			t.Errorf("it is on the list of whom it concerns: %v, and of the office: %v; want it with the latter", lists(promoted), lists(x.LuoQingming))
		}
		if _, err := x.service.KeepPromise(t.Context(), x.LuoQingming, p.ID); err != nil {
			t.Errorf("the office keeps it: %v", err)
		}
	})
}

// V6, N9: who is to be told of a concern is called by whoever deals with it instead of who has come to the caller's seat, whom
// it concerns, and of a seat that nobody has any more; it is on nobody else's list.
func TestV6_ACallAboutAConcernIsMadeByWhoDealsWithIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx := t.Context()
		ask := func(by org.Actor) request.Seen {
			return x.create(t, by, request.Need{
				What: "态度不好", Category: request.HolderConcern, About: x.ZhouChunhe.Assignment, Who: "林女士", CallBack: request.CallPhone, Phone: "19900000001",
			})
		}
		calls := func(by org.Actor) (of []request.ID) {
			t.Helper()
			rows, _, err := x.service.Calls(ctx, by, "", 10)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range rows {
				of = append(of, c.Request)
			}
			return of
		}
		lead, beside := ask(x.XuBailu), ask(x.ZhouChunhe)
		moved(t)(x.service.Message(ctx, x.XuBailu, lead.ID, "正在核实", request.ToTell))
		moved(t)(x.service.Escalate(ctx, x.SunLixia, beside.ID, request.Climb{To: "grid_assistant", Note: "请协助"}))
		moved(t)(x.service.Message(ctx, x.HeQingqing, beside.ID, "正在核实", request.ToTell))
		is := func(when string, want map[*org.Actor][]request.ID) {
			t.Helper()
			for _, by := range []*org.Actor{&x.SunLixia, &x.ChenGuyu, &x.XuBailu, &x.HeQingqing, &x.LuoQingming, &x.GaoXiaohan, &x.ZhenxiSecretary} {
				if got := calls(*by); !slices.Equal(got, want[by]) {
					t.Errorf("%s: %s of %s has calls about %v, want %v", when, by.Role, by.Unit.Name, got, want[by])
				}
			}
		}
		is("at first", map[*org.Actor][]request.ID{&x.XuBailu: {lead.ID}, &x.HeQingqing: {beside.ID}})
		leave(t, d, x.HeQingqing)
		x.HeQingqing = x.ChenGuyu // who has gone lists nothing
		is("without an assistant", map[*org.Actor][]request.ID{&x.XuBailu: {lead.ID, beside.ID}})
		if err := d.InTx(ctx, func(tx *db.Tx) error {
			_, err := tx.Change(ctx, `UPDATE role_assignment SET person_id = ? WHERE id = ?`, x.ZhouChunhe.PersonID, x.XuBailu.Assignment)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		promoted, err := org.ActorOf(ctx, d, x.ZhouChunhe.PersonID, x.XuBailu.Assignment, d.Now())
		if err != nil {
			t.Fatal(err)
		}
		x.XuBailu = promoted
		is("while whom it is about leads", map[*org.Actor][]request.ID{&x.LuoQingming: {lead.ID, beside.ID}})
		rows, _, err := x.service.Calls(ctx, x.LuoQingming, "", 10)
		if err != nil || len(rows) != 2 {
			t.Fatalf("the office has %d calls (%v)", len(rows), err)
		}
		if _, err := x.service.FinishCall(ctx, promoted, rows[0].ID, request.CallReached); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("whom it is about makes it: %v, want not found", err)
		}
		if c, err := x.service.FinishCall(ctx, x.LuoQingming, rows[0].ID, request.CallReached); err != nil || c.State != request.CallReached {
			t.Errorf("the office makes it: %s, %v", c.State, err)
		}
		is("once one is made", map[*org.Actor][]request.ID{&x.LuoQingming: {beside.ID}})
	})
}

// V6: a concern that a section holds, whose head is now whom it is about, is on the list of the office that acts for it.
func TestV6_AConcernOfASectionIsHeldByTheOfficeWhileItsHeadMayNotKnow(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx := t.Context()
		r := x.create(t, x.XuBailu, request.Need{What: "态度不好", Category: request.HolderConcern, About: x.ZhenxiHolder.Assignment})
		moved(t)(x.service.Escalate(ctx, x.LuoQingming, r.ID, request.Climb{To: "section", Section: x.Section.ID, Note: "请核实"}))
		held := func(when string, head, office bool) {
			t.Helper()
			for by, want := range map[*org.Actor]bool{&x.SectionHead: head, &x.LuoQingming: office, &x.GaoXiaohan: false, &x.XuBailu: false} {
				if got := slices.Contains(x.held(t, *by), r.ID); got != want {
					t.Errorf("%s: held by %s: %v, want %v", when, by.Role, got, want)
				}
			}
		}
		held("at first", true, false)
		if err := d.InTx(ctx, func(tx *db.Tx) error {
			_, err := tx.Change(ctx, `UPDATE role_assignment SET person_id = ? WHERE id = ?`, x.ZhenxiHolder.PersonID, x.SectionHead.Assignment)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		var err error
		if x.SectionHead, err = org.ActorOf(ctx, d, x.ZhenxiHolder.PersonID, x.SectionHead.Assignment, d.Now()); err != nil {
			t.Fatal(err)
		}
		held("while whom it is about heads the section", false, true)
		if m := moved(t)(x.service.Accept(ctx, x.LuoQingming, r.ID, "")); m.State != request.Accepted {
			t.Errorf("the office leaves it %s", m.State)
		}
	})
}

// V6: a promise about a concern that has gone on to another holder is kept by who leads above the seat it was given from, while
// that is somebody's whom it concerns: they have it on their list and are reminded of it.
func TestV6_APromiseAboutAConcernThatHasGoneOnIsKeptAbove(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx := t.Context()
		r := x.concern(t, x.ZhouChunhe)
		p, err := x.service.MakePromise(ctx, x.XuBailu, r.ID, request.NewPromise{DueOn: "2026-03-05", Text: "当面答复"})
		if err != nil {
			t.Fatal(err)
		}
		moved(t)(x.service.Escalate(ctx, x.XuBailu, r.ID, request.Climb{To: "level", Level: 5, Note: "请核实"}))
		moved(t)(x.service.Escalate(ctx, x.LuoQingming, r.ID, request.Climb{To: "section", Section: x.Section.ID, Note: "请核实"}))
		lists := func(by org.Actor, want bool) {
			t.Helper()
			all, _, err := x.service.Promises(ctx, by, request.OwnPromises, "", 10)
			if got := slices.ContainsFunc(all, func(o request.Promise) bool { return o.ID == p.ID }); err != nil || got != want {
				t.Errorf("it is on the list of %s %d: %v (%v), want %v", by.Role, by.PersonID, got, err, want)
			}
		}
		lists(x.XuBailu, true)
		lists(x.LuoQingming, false)
		if err := d.InTx(ctx, func(tx *db.Tx) error {
			_, err := tx.Change(ctx, `UPDATE role_assignment SET person_id = ? WHERE id = ?`, x.ZhouChunhe.PersonID, x.XuBailu.Assignment)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		promoted, err := org.ActorOf(ctx, d, x.ZhouChunhe.PersonID, x.XuBailu.Assignment, d.Now())
		if err != nil {
			t.Fatal(err)
		}
		lists(promoted, false)
		lists(x.LuoQingming, true)
		for _, by := range []org.Actor{x.SectionHead, x.GaoXiaohan, x.ChenGuyu, x.ZhenxiSecretary} {
			lists(by, false)
		}
		onDay(t, d, "2026-03-05")
		for some := true; some; {
			if some, err = x.service.RemindPromises(ctx); err != nil {
				t.Fatal(err)
			}
		}
		want := []org.PersonID{x.LuoQingming.PersonID, x.OfficeTwo.PersonID}
		if got := inboxes(t, d, "promise.due"); !slices.Equal(got, want) {
			t.Errorf("reminded %v, want the office %v", got, want)
		}
		if kept, err := x.service.KeepPromise(ctx, x.OfficeTwo, p.ID); err != nil || kept.State != request.PromiseKept {
			t.Errorf("the office keeps it: %s, %v", kept.State, err)
		}
	})
}
