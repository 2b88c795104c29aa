package matrix

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"wanjia/internal/org"
)

// written are the tables that a refusal may write to: that somebody tried is noted, and counted.
var written = []string{"audit", "audit_head", "audit_lane", "auth_try"}

// askers are one person a role, where it stands in the first subdistrict.
func (w *world) askers() (all []*actor) {
	w.Helper()
	stand := map[org.Role]*unit{
		org.RoleMember:             w.unit(org.Branch, "瑞和社区第1网格"),
		org.RoleAreaHolder:         w.unit(org.CenterHousehold, "01责任区"),
		org.RoleGroupLeader:        w.unit(org.PartyGroup, "瑞和社区第1楼栋片"),
		org.RoleGridSecretary:      w.unit(org.Branch, "瑞和社区第1网格"),
		org.RoleGeneralSecretary:   w.unit(org.GeneralBranch, "瑞和社区"),
		org.RoleGridAssistant:      w.unit(org.GeneralBranch, "瑞和社区"),
		org.RoleBranchSecretary:    w.unit(org.Branch, "张家屯"),
		org.RoleBranchOfficer:      w.unit(org.Branch, "张家屯"),
		org.RoleInstructor:         w.unit(org.Branch, "张家屯"),
		org.RoleAreaCadre:          w.unit(org.Village, "张家屯"),
		org.RoleSectionHead:        w.unit(org.Section, "民政科"),
		org.RoleCounterClerk:       w.unit(org.Community, "瑞和社区"),
		org.RolePartyOffice:        w.unit(org.SubdistrictCommittee, "海棠街道"),
		org.RoleCommitteeSecretary: w.unit(org.SubdistrictCommittee, "海棠街道"),
		org.RoleCorrespondent:      w.unit(org.SubdistrictCommittee, "海棠街道"),
		org.RoleEditor:             w.unit(org.SubdistrictCommittee, "海棠街道"),
		org.RoleSystemAdmin:        w.unit(org.Subdistrict, "海棠街道"),
		org.RoleSecurityAdmin:      w.unit(org.Subdistrict, "海棠街道"),
		org.RoleAuditAdmin:         w.unit(org.Subdistrict, "海棠街道"),
	}
	for _, r := range theContract(w.T).roles {
		if stand[r] == nil && r != org.RoleResident {
			w.Fatalf("the fixture has nobody who is %s", r)
		}
		all = append(all, w.as(r, stand[r]))
	}
	return all
}

func TestR19EveryRoleFromEveryPositionDoesWhatTheContractSaysAndNoMore(t *testing.T) {
	t.Parallel()
	on(t, func(w *world) {
		cells := 0
		for _, op := range theContract(w.T).operations {
			p := plans[op.id]
			if p == nil {
				w.Errorf("%s has no plan: say in plan_test.go how a valid request of it is made", op.id)
				continue
			}
			if len(only) > 0 && !slices.Contains(only, op.id) {
				continue
			}
			w.within(op.id, func() { cells += w.try(op, p) })
		}
		w.Logf("%d cells", cells)
		if len(only) == 0 {
			w.withinTheTable()
		}
	})
}

// within runs f as a test of its own, and so in a goroutine of its own: on one that lasts, the race detector's stack grows
// with each call of an embedded method through an interface, and is read whole for each goroutine that is begun.
func (w *world) within(name string, f func()) {
	w.Helper()
	all := w.T
	all.Run(name, func(t *testing.T) {
		w.T = t
		defer func() { w.T = all }()
		f()
	})
}

// try asks for one operation as everybody, and from everywhere.
func (w *world) try(op *operation, p *plan) (cells int) {
	w.Helper()
	var sample *cell // one that succeeds
	succeeded := 0
	w.move(time.Minute)
	who := w.askers()
	if op.public {
		who = who[:1] // nobody signs in to it
	}
	if p.also != nil {
		who = append(who, p.also(w)...)
	}
	for _, by := range who {
		for _, c := range p.cells(w, op, by) {
			cells++
			if w.check(c, p) {
				succeeded++
				sample = c
			}
		}
	}
	if sample != nil && !op.public {
		cells += w.ghosts(sample, p)
	}
	if succeeded == 0 {
		w.Errorf("%s: nobody succeeds from anywhere: a contract that refuses everything is no contract", op.id)
	}
	return cells
}

// check makes the request of c and says whether it succeeded.
func (w *world) check(c *cell, p *plan) bool {
	w.Helper()
	want := p.want(c)
	c.fresh = want == nil && !c.op.read
	if p.prep != nil {
		p.prep(c)
	}
	if c.op.stepUp {
		c.by.token = "" // a new session has just shown its second factor
	}
	r := p.request(c)
	token := c.by.bearer
	if c.op.public {
		token = nil
	}
	if token != nil {
		token() // before the mark: signing in writes
	}
	mark := w.mark()
	got := w.send(r, token)
	for again := 0; want == nil && got.status == http.StatusServiceUnavailable && again < 5; again++ {
		// Ten sums of argon2 can take a busy machine longer than the contract's time: that is no refusal.
		got = w.send(p.request(c), token)
	}
	d := w.changes(mark)
	c.op.discloses(w, c.String(), got)
	if c.op.object == "session" { // it may have ended, and the next call begins another
		c.by.token = ""
	}
	if want != nil {
		if got.status != want.status || got.code != want.code {
			w.Errorf("%v: %v, want %d %s; wrote %v", c, got, want.status, want.code, d)
		}
		if rest := d.without(written...); len(rest) > 0 {
			w.Errorf("%v: refused with %v, and wrote %v", c, got, rest)
		}
		return false
	}
	if !got.ok() {
		w.Errorf("%v: %v %s, want success", c, got, got.text)
		return false
	}
	if c.op.read {
		if rest := d.without(append(p.writes, written...)...); len(rest) > 0 {
			w.Errorf("%v: a read wrote %v", c, rest)
		}
	}
	found := true
	if p.list != "" && p.make != nil {
		want := p.seen(c)
		if found = w.listed(c, p, r, got); found != want {
			w.Errorf("%v: the thing is on the list: %v, want %v", c, found, want)
		}
	}
	if found {
		w.reach(c, p)
	}
	return true
}

// reach notes how far the asker of c reaches.
func (w *world) reach(c *cell, p *plan) {
	r, how := right{string(c.by.role), column[c.op.object]}, "act "
	if c.op.read {
		how = "read "
	}
	if w.reached[r] == nil {
		w.reached[r] = map[string]string{}
	}
	where := c.position
	if p.mine {
		where = self
	}
	w.reached[r][how+string(where)] = c.String()
}

// listed says whether the thing of c is on any page of the list.
func (w *world) listed(c *cell, p *plan, r call, got answer) bool {
	w.Helper()
	for range 50 {
		for _, item := range got.items() {
			if fmt.Sprint(item[p.list]) == strconv.FormatInt(c.thing, 10) {
				return true
			}
		}
		next, _ := got.body["nextCursor"].(string)
		if next == "" {
			return false
		}
		r.query.Set("cursor", next)
		if got = w.send(r, c.by.bearer); got.status != http.StatusOK {
			w.Fatalf("%v: the next page: %v", c, got)
		}
	}
	return false
}

func TestEveryPlanIsOfAnOperation(t *testing.T) {
	t.Parallel()
	for id := range plans {
		if !slices.ContainsFunc(theContract(t).operations, func(o *operation) bool { return o.id == id }) {
			t.Errorf("there is a plan of %s, which the contract does not have", id)
		}
	}
}
