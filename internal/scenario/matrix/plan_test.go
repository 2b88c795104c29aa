package matrix

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"wanjia/internal/auth"
	"wanjia/internal/household"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/wechat/fake"
	"wanjia/internal/request"
)

// Who stands where in the rules of domain.md, as the plans below need it.
var (
	assigners = []org.Role{
		org.RoleGridSecretary, org.RoleGeneralSecretary, org.RoleBranchSecretary, org.RoleBranchOfficer, org.RoleSectionHead,
		org.RolePartyOffice,
	}
	overseers    = append([]org.Role{org.RoleCommitteeSecretary, org.RoleAreaCadre}, assigners...)
	doorReaders  = []org.Role{org.RoleAreaHolder, org.RoleGroupLeader, org.RoleGeneralSecretary, org.RoleBranchSecretary}
	originSeers  = []org.Role{org.RoleAreaHolder, org.RoleGroupLeader, org.RoleGridSecretary, org.RoleGeneralSecretary, org.RoleBranchSecretary}
	counterparts = []org.Role{org.RoleGeneralSecretary, org.RoleBranchSecretary, org.RoleBranchOfficer}
)

// The kinds of units that things of the fixture lie in.
var (
	branches = kinds(org.Branch, org.PartyGroup)
	areas    = kinds(org.Area)
	askers   = func(u *unit) bool {
		return u.Kind == org.GeneralBranch || u.Kind == org.Branch || u.Kind == org.SubdistrictCommittee || u.Kind == org.Section
	}
	campaigns = func(u *unit) bool {
		return u.Kind == org.GeneralBranch || u.Kind == org.Branch && u.Level == 4 || u.Kind == org.SubdistrictCommittee
	}
	anyUnit = func(*unit) bool { return true }
)

// assigner is whoever asks others to do something in a unit: by themselves, if they are of that unit.
func (c *cell) assigner() *actor {
	switch {
	case c.by.home == c.at && oneOf(c.by.role, assigners...):
		return c.by
	case c.at.Kind == org.SubdistrictCommittee:
		return c.as(org.RolePartyOffice, c.at)
	}
	return c.lead(c.at)
}

// office is the party-building office that a unit belongs to.
func (w *world) office(u *unit) *actor { return w.as(org.RolePartyOffice, u.subdistrict().party()) }

// asked is a task that was asked at c.at of somebody there, or of c.by by the office; and the copy of its receiver.
func (c *cell) asked() (by, to *actor, task, copied int64) {
	if c.position == self {
		by, to = c.office(c.by.home), c.by
	} else {
		by = c.assigner()
		to = c.as(org.LeadRole(c.at.Unit), c.at)
	}
	a := by.post("/v1/tasks", map[string]any{
		"title": "看望三户人家", "minutes": 1, "checklist": []string{"一", "二", "三"}, "target": map[string]any{"assignmentId": to.assignment},
	})
	var n int64
	if err := c.db().Get(c.Context(), &n, `SELECT id FROM task_copy WHERE task_id = ?`, a.id("id")); err != nil {
		c.Fatal(err)
	}
	return by, to, a.id("id"), n
}

func aTask(c *cell) int64 { _, _, task, _ := c.asked(); return task }
func aCopy(c *cell) int64 { _, _, _, copied := c.asked(); return copied }

func anAcceptedCopy(c *cell) int64 {
	_, to, _, n := c.asked()
	to.post(fmt.Sprintf("/v1/task-copies/%d/accept", n), nil)
	return n
}

func aReportedCopy(c *cell) int64 {
	_, to, _, n := c.asked()
	to.post(fmt.Sprintf("/v1/task-copies/%d/accept", n), nil)
	to.post(fmt.Sprintf("/v1/task-copies/%d/report", n), map[string]any{"text": "三户都好"})
	return n
}

// oversees is the oracle of tasks and campaigns: the receiver, and whoever oversees the unit that asked.
func oversees(c *cell) bool {
	return c.position == self || oneOf(c.by.role, overseers...) && c.by.sees(c.at)
}

// asksHere says that only the role that asked takes it further.
func asksHere(c *cell) *refusal {
	if c.by.role == org.RolePartyOffice && c.position == self || c.by.home == c.at && c.position != self && oneOf(c.by.role, assigners...) {
		return nil
	}
	return forbidden
}

// led says that somebody leads u, who can be asked to do something.
func led(u *unit) bool { return org.LeadRole(u.Unit) != "" }

// asksOf is the oracle of whom tasks can be given to: officers and sections ask their own unit only.
func asksOf(c *cell) bool {
	if oneOf(c.by.role, org.RoleBranchOfficer, org.RoleSectionHead) {
		return c.by.home == c.at
	}
	return c.by.sees(c.at)
}

// askLead asks for little of whoever leads c.at: the month's budget is small.
func askLead(c *cell, b map[string]any) {
	b["target"], b["minutes"] = map[string]any{"assignmentId": c.as(org.LeadRole(c.at.Unit), c.at).assignment}, 1
}

// answersOwn says that only its receiver answers a copy.
func answersOwn(c *cell) *refusal {
	if c.position == self || c.by.home == c.at && c.by.role == org.LeadRole(c.at.Unit) {
		return nil
	}
	return forbidden
}

// runner is whoever runs campaigns of a unit.
func (c *cell) runner() *actor {
	if c.by.home == c.at && oneOf(c.by.role, org.RoleGeneralSecretary, org.RoleBranchSecretary, org.RolePartyOffice) {
		return c.by
	}
	if c.at.Kind == org.SubdistrictCommittee {
		return c.as(org.RolePartyOffice, c.at)
	}
	return c.lead(c.at)
}

func aCampaign(c *cell) int64 {
	return c.runner().post("/v1/campaigns", map[string]any{"title": "三有一创"}).id("id")
}

func aRunningCampaign(c *cell) int64 {
	id := aCampaign(c)
	c.runner().post(fmt.Sprintf("/v1/campaigns/%d/start", id), nil)
	return id
}

func runsHere(c *cell) *refusal {
	if c.by != c.runner() {
		return forbidden
	}
	return nil
}

// aPerson is a member of c.at whom nobody knows yet.
func aPerson(c *cell) int64 { return int64(c.person(org.RoleMember, c.at).person) }

// aMember is an entry of the roster of c.at.
func aMember(c *cell) int64 {
	return c.office(c.at).post("/v1/members", map[string]any{
		"name": c.name(org.RoleMember), "phone": c.phone(), "unitId": c.at.ID, "status": "full_member",
	}).id("id")
}

// aDeadMessage is one that WeChat did not take.
func aDeadMessage(c *cell) (id int64) {
	err := c.db().InTx(c.Context(), func(tx *db.Tx) (err error) {
		id, err = tx.Insert(c.Context(), `
			INSERT INTO wechat_send (
				person_id, event, seq, template, kind, ref_type, ref_id, must_reach, not_before, state, outcome, created_at, ended_at)
			VALUES (?, ?, 1, 'work', 'task.assigned', 'task', 1, 0, ?, 'ended', 'dead', ?, ?)`,
			c.by.person, fmt.Sprintf("n:%d", c.next()), tx.Now, tx.Now, tx.Now)
		return err
	})
	if err != nil {
		c.Fatal(err)
	}
	return id
}

// stranger is a WeChat account that is nobody's yet.
func (w *world) stranger() *actor {
	w.Helper()
	a := &actor{w: w, role: org.RoleResident, handle: fmt.Sprintf("guest-%d", w.next())}
	in, err := w.app.Auth.SignInWeChat(w.Context(), w.wechat.Code(a.handle), uuid.NewString())
	if err != nil {
		w.Fatal(err)
	}
	a.token, a.session, a.until, a.person = in.Access, in.Session.ID, w.now().Add(10*time.Minute), in.Session.Person
	return a
}

// aBinding is a stranger's request to be recognised as a member of c.at.
func aBinding(c *cell) int64 {
	m := c.person(org.RoleMember, c.at)
	c.stranger().post("/v1/bindings", map[string]any{"phoneCode": c.wechat.PhoneCode(m.phone)})
	var id int64
	if err := c.db().Get(c.Context(), &id, `SELECT id FROM binding_request WHERE person_id = ?`, m.person); err != nil {
		c.Fatal(err)
	}
	return id
}

const passPhrase = "a long pass phrase 2026"

// secret is the second factor of everybody who has one.
const secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"

// enrolled gives a person a password and a second factor, and returns their account.
func (w *world) enrolled(a *actor) string {
	w.Helper()
	account := fmt.Sprintf("account-%d", w.next())
	a.enrolled = true
	w.in("enrol", func(tx *db.Tx) error {
		return w.app.Auth.SetCredential(w.Context(), tx, a.person, account, w.hash, secret)
	})
	return account
}

func (w *world) totp(secret string) string {
	w.Helper()
	code, err := auth.TotpCode(secret, w.now())
	if err != nil {
		w.Fatal(err)
	}
	return code
}

// nobodyElse is how things that are called without signing in are called.
func (w *world) anonymous(method, path string, body any) answer {
	w.Helper()
	a := w.send(call{method: method, path: path, body: body}, nil)
	if !a.ok() {
		w.Fatalf("%s %s: %v %s", method, path, a, a.text)
	}
	return a
}

// invited is an account that was told a code, and the code.
func (c *cell) invited() (account, code string) {
	account = fmt.Sprintf("account-%d", c.next())
	a := c.as(org.RoleSecurityAdmin, c.unit(org.Subdistrict, "海棠")).post("/v1/enrolments", map[string]any{
		"personId": c.person(org.RoleMember, c.unit(org.Branch, "张家屯")).person, "account": account,
	})
	code, _ = a.body["code"].(string)
	return account, code
}

func fill(values func(c *cell, body map[string]any)) func(*cell, *call) {
	return func(c *cell, r *call) { values(c, r.body.(map[string]any)) }
}

// aPresence is a claim of somebody from elsewhere to have been at c.at, or the asker's own day on duty.
func aPresence(c *cell) int64 {
	who, at := c.by, c.at
	if c.position != self {
		who = c.person(org.RoleAreaCadre, c.at)
	} else if at = dutyPlace(c.by); at == nil || !c.op.may(c.by.role) {
		at = c.unit(org.Village, "张家屯")
		who = c.lead(at)
	}
	a := who.post("/v1/check-ins", map[string]any{
		"kind": "counterpart", "unitId": at.ID, "happenedAt": c.now().Format(time.RFC3339), "clientRef": uuid.NewString(),
	})
	id := a.id("id")
	if c.position == self { // another day each time, and confirmed: that is what can be withdrawn
		c.set(`UPDATE presence SET state = 'confirmed', day = ? WHERE id = ?`, string(c.today().Add(-c.next())), id)
	}
	return id
}

// dutyPlace is a place that a can claim to have been at.
func dutyPlace(a *actor) *unit {
	for _, u := range a.w.units {
		if place(u) && (a.sees(u) || a.home.grid() != nil && a.home.grid().below(u)) {
			return u
		}
	}
	return nil
}

// onDuty says that there is somewhere for a to be on duty: a section and who administers have no place of their own.
func onDuty(a *actor) bool { return dutyPlace(a) != nil }

// around is the oracle of places: in the asker's unit and below, and in the units that it lies in.
func around(c *cell) bool {
	return c.by.sees(c.at) || c.by.home != nil && c.by.home.grid() != nil && c.by.home.grid().below(c.at)
}

func aPlace(c *cell) int64 {
	return c.lead(c.at).post("/v1/places", map[string]any{"unitId": c.at.ID, "kind": "meeting_room", "name": fmt.Sprintf("会议室%d", c.next())}).id("id")
}

// homesOfOwnArea is the oracle of what is known of homes: the holder of the area, and nobody else.
func homesOfOwnArea(c *cell) bool { return c.by.role == org.RoleAreaHolder && c.by.home.grid() == c.at }

// aHome is a home of the area of c.at, which somebody holds: else the next lead up the ladder would (T8).
func aHome(c *cell) int64 {
	c.lead(c.at)
	return int64(c.at.doors[0])
}

// aGlass is an opening that is over, and that c.by is to judge if c.position is self.
func aGlass(c *cell) int64 {
	at := c.at
	if c.position == self {
		at = c.unit(org.Area, "01责任区")
	}
	c.set(`UPDATE break_glass SET state = 'ended'`)
	id := c.lead(at.parent).post("/v1/break-glass", map[string]any{
		"object": "household_flags", "objectId": at.doors[0], "reason": "独居老人敲门两小时无人应答",
	}).id("id")
	if c.position == self {
		c.set(`UPDATE break_glass SET state = 'ended', review_state = 'asked', reviewer_id = ? WHERE id = ?`, c.by.assignment, id)
	}
	return id
}

func aVisit(c *cell) int64 {
	return c.lead(c.at).post("/v1/visits", map[string]any{
		"householdId": c.at.doors[0], "result": "all_well", "clientRef": uuid.NewString(),
	}).id("id")
}

// anAgreedHome is one that agrees to be looked after, and has no flag.
func anAgreedHome(c *cell) int64 {
	id := aHome(c)
	c.set(`DELETE FROM care_flag WHERE premises_id = ?`, id)
	c.set(`UPDATE household_consent SET recorded_at = recorded_at, withdrawn_at = NULL, valid_to = valid_from WHERE premises_id = ?`, id)
	c.lead(c.at).post(fmt.Sprintf("/v1/households/%d/consents", id), map[string]any{"purpose": "care_visit", "wording": "2026-01", "channel": "in_person"})
	return id
}

// aFlag is one of a home of c.at.
func aFlag(c *cell) int64 {
	id, holder := anAgreedHome(c), c.lead(c.at)
	holder.token = "" // a new session has just shown its second factor
	return holder.post(fmt.Sprintf("/v1/households/%d/flags", id), map[string]any{
		"kind": "veteran", "source": "household", "purpose": "节日走访", "expiresOn": c.today().Add(30),
	}).id("id")
}

// aRisk is dangerous weather at c.at.
func aRisk(c *cell) int64 {
	c.closeRisks()
	return c.as(org.RolePartyOffice, c.at.subdistrict().party()).post("/v1/risk-events", map[string]any{
		"kind": "heavy_rain", "hours": 48, "unitId": c.at.ID,
	}).id("id")
}

// aRoundOfHolders is dangerous weather while every area has a holder: else leads would have its list meanwhile (T8).
func aRoundOfHolders(c *cell) int64 {
	for _, u := range c.units {
		if u.Kind == org.Area {
			c.lead(u)
		}
	}
	return aRisk(c)
}

// closeRisks ends all dangerous weather: there is one of a kind at a place.
func (c *cell) closeRisks() { c.set(`UPDATE risk_event SET state = 'purged' WHERE state <> 'purged'`) }

// risksAround is the oracle of dangerous weather: at what one sees, and where one's own unit lies.
func risksAround(c *cell) bool { return around(c) }

// anAreasEntrance is the one of the area c.at.
func anAreasEntrance(c *cell) (id int64) {
	if err := c.db().Get(c.Context(), &id, `SELECT entrance_id FROM premises WHERE id = ?`, c.at.doors[0]); err != nil {
		c.Fatal(err)
	}
	return id
}

// aPromise is one that the holder of the area c.at has made about a request there.
func aPromise(c *cell) int64 {
	return c.lead(c.at).post(fmt.Sprintf("/v1/requests/%d/promises", aRequest(c)), map[string]any{"dueOn": c.today()}).id("id")
}

// givesWord is the oracle of promises: the role in the unit that made it.
func givesWord(c *cell) bool { return homesOfOwnArea(c) }

// anEntrance is one of the place that lies in no area.
func (c *cell) anEntrance(at *unit) (id household.EntranceID) {
	for !place(at) {
		at = at.parent
	}
	c.in("add an entrance", func(tx *db.Tx) (err error) {
		id, err = household.AddEntrance(c.Context(), tx, at.ID, household.Building{}, fmt.Sprintf("新%d", c.next()))
		return err
	})
	return id
}

func aRequest(c *cell) int64 { return c.recorded(c.at) }

// recorded is a request that the holder of an area has recorded there. It does not come in over the edge, which lets a
// person record only so many an hour.
func (c *cell) recorded(area *unit) int64 {
	return c.opened(area, request.Need{Who: "林女士", What: "楼道灯坏了", CallBack: request.CallPhone, Phone: "19900000001"}, int64(area.doors[0]))
}

// opened is a request that the lead of an area has opened, perhaps about a door.
func (c *cell) opened(area *unit, n request.Need, door int64) int64 {
	var id request.ID
	holder := c.lead(area)
	needs := request.NewService(c.db(), c.app.Stores.Keys, c.app.Stores.Pages, &calendar.Calendar{}, nil)
	c.in("record a request", func(tx *db.Tx) error {
		by, err := org.ActorOf(c.Context(), tx, holder.person, holder.assignment, tx.Now)
		if err != nil {
			return err
		}
		id, err = needs.Open(c.Context(), tx, by, request.Opening{
			Need: n, Channel: request.ToldMember, Unit: area.Unit, Premises: door, HappenedAt: tx.Now,
		})
		return err
	})
	return int64(id)
}

// receipt is a request with a number, and what opens its receipt.
func (c *cell) receipt(person org.PersonID) (id request.ID, code, secret string) {
	i := slices.IndexFunc(c.units, func(u *unit) bool { return u.Kind == org.Area })
	area := c.units[i]
	c.lead(area)
	needs := request.NewService(c.db(), c.app.Stores.Keys, c.app.Stores.Pages, &calendar.Calendar{}, nil)
	phone := c.phone() // of this asker alone: what was left under one number is one pack
	c.in("record a request", func(tx *db.Tx) (err error) {
		id, err = needs.Open(c.Context(), tx, org.Actor{PersonID: person}, request.Opening{ // whoever records for others follows nothing
			Need: request.Need{
				Who: "林女士", What: "楼道灯坏了", Person: person, CallBack: request.CallPhone, Phone: phone,
			},
			Channel: request.ToldSelf, Unit: area.Unit, HappenedAt: tx.Now,
		})
		if err != nil {
			return err
		}
		rows, err := needs.Opened(c.Context(), tx, id)
		if err == nil {
			code = rows[0].Receipt.String()
		}
		return err
	})
	return id, code, phone[len(phone)-4:]
}

// aCall is somebody whom the holder of c.at is to call.
func aCall(c *cell) int64 {
	r := c.recorded(c.at)
	c.lead(c.at).post(fmt.Sprintf("/v1/requests/%d/messages", r), map[string]any{"text": "明天上午来修"})
	var id int64
	if err := c.db().Get(c.Context(), &id, `SELECT id FROM call_task WHERE request_id = ?`, r); err != nil {
		c.Fatal(err)
	}
	return id
}

// showing fills in what opens a receipt.
func showing(then func(c *cell, id request.ID)) func(*cell, *call) {
	return fill(func(c *cell, b map[string]any) {
		id, code, secret := c.receipt(0)
		if b["receiptCode"], b["secret"] = code, secret; then != nil {
			then(c, id)
		}
	})
}

// ended closes a request by its holder.
func ended(c *cell, id request.ID) {
	i := slices.IndexFunc(c.units, func(u *unit) bool { return u.Kind == org.Area })
	c.lead(c.units[i]).post(fmt.Sprintf("/v1/requests/%d/close", id), map[string]any{"closureKind": "resolved", "text": "已修好"})
}

// aFollowed is a request that c.by follows, if c.position is self; else somebody else does.
func aFollowed(c *cell) int64 {
	who := c.by.person
	if !ofSelf(c) {
		who = c.person(org.RoleResident, nil).person
	}
	id, _, _ := c.receipt(who)
	return int64(id)
}

// following is the plan of what an asker does who has signed in.
func following(thing func(c *cell) int64) *plan {
	return &plan{self: true, fits: areas, make: thing, sees: ofSelf}
}

// standing says that whoever asks stands at an entrance of some area.
func standing(c *cell, b map[string]any) {
	i := slices.IndexFunc(c.units, func(u *unit) bool { return u.Kind == org.Area })
	area := c.units[i]
	at := area
	for !place(at) {
		at = at.parent
	}
	c.lead(area)
	b["site"] = map[string]any{"placeId": at.ID, "entrance": fmt.Sprintf("%d号", area.ID)}
}

// seesRequest is V1 of domain.md §3.6: who sees the unit where it was opened, and who holds it.
func seesRequest(c *cell) bool { return oneOf(c.by.role, originSeers...) && c.by.sees(c.at) }

// holdsRequests says that a can come to hold a request by what operations exist.
func holdsRequests(a *actor) bool {
	return oneOf(a.role, org.RoleGridAssistant, org.RoleSectionHead) || oneOf(a.role, originSeers...) ||
		oneOf(a.role, org.RolePartyOffice, org.RoleCommitteeSecretary) && a.home.subdistrict() != nil
}

// withOthers says that a can come to hold a request that is not dealt with alone, as a concern about somebody is.
func withOthers(a *actor) bool { return holdsRequests(a) && a.role != org.RoleCommitteeSecretary }

// of is p for those alone who can have such things.
func (p *plan) of(has func(a *actor) bool) *plan {
	p.has = has
	return p
}

// aConcern is a concern about somebody of the office of c.by, who is its committee's secretary and holds it (V6).
func aConcern(c *cell) int64 {
	top := c.by.home.in(org.GridTree)
	i := slices.IndexFunc(c.units, func(u *unit) bool { return u.Kind == org.Area && u.below(top) })
	return c.opened(c.units[i], request.Need{
		What: "态度不好", Category: request.HolderConcern, About: c.as(org.RolePartyOffice, c.by.home).assignment,
		Who: "林女士", CallBack: request.CallPhone, Phone: "19900000001",
	}, 0)
}

// aHeldRequest is a request that c.by holds if c.position is self; else one that the area of c.at does.
func aHeldRequest(c *cell) int64 {
	if c.position != self {
		return aRequest(c)
	}
	if c.by.role == org.RoleCommitteeSecretary {
		return aConcern(c)
	}
	top := c.by.home.in(org.GridTree)
	if c.by.role == org.RoleSectionHead {
		top = c.by.home.parent
	}
	i := slices.IndexFunc(c.units, func(u *unit) bool { return u.Kind == org.Area && u.below(top) })
	at := c.units[i]
	id := c.recorded(at)
	climb := map[string]any{"to": "level", "level": top.Level, "note": "请协助"}
	switch {
	case c.by.role == org.RoleSectionHead:
		climb = map[string]any{"to": "section", "unitId": c.by.home.ID, "note": "请协助"}
	case c.by.role == org.RoleGridAssistant:
		climb = map[string]any{"to": "grid_assistant", "note": "请协助"}
	case top == at:
		return id
	}
	c.lead(at).post(fmt.Sprintf("/v1/requests/%d/escalate", id), climb)
	return id
}

// leadsSections says that a is an office, which leads the sections beside it.
func leadsSections(a *actor) bool {
	return a.role == org.RolePartyOffice && a.home.subdistrict() != nil
}

// aPullable is a request of an area; if c.position is self one that a section holds, and of which its clock has told the
// office that it is nearly late.
func aPullable(c *cell) int64 {
	if c.position != self {
		return aRequest(c)
	}
	i := slices.IndexFunc(c.units, func(u *unit) bool { return u.Kind == org.Area && u.below(c.by.home.grid()) })
	id := c.recorded(c.units[i])
	c.lead(c.units[i]).post(fmt.Sprintf("/v1/requests/%d/escalate", id), map[string]any{
		"to": "section", "unitId": c.someSection(c.by).ID, "note": "请协助",
	})
	c.set(`UPDATE request_timer SET step = 2, said_in = (SELECT holding FROM request WHERE id = request_id) WHERE request_id = ? AND clock = 'solving'`, id)
	return id
}

// aSilentRequest is a request that c.by may print the slip of if c.position is self; else one that the area of c.at holds.
// Its asker has left no number.
func aSilentRequest(c *cell) int64 {
	if c.position == self && c.by.role == org.RoleCounterClerk {
		return c.by.post("/v1/requests", map[string]any{"what": "楼道灯坏了"}).id("id")
	}
	id := aHeldRequest(c)
	c.set(`UPDATE request_asker SET call_back = ?, phone_sealed = NULL, phone_index = NULL WHERE request_id = ?`, request.CallNone, id)
	return id
}

// thenHeld is a request that whoever holds it has done something with.
func thenHeld(verb string, body map[string]any) func(c *cell) int64 {
	return func(c *cell) int64 {
		id, by := aHeldRequest(c), c.by
		if c.position != self {
			by = c.lead(c.at)
		}
		by.post(fmt.Sprintf("/v1/requests/%d/accept", id), map[string]any{})
		if verb != "" {
			by.post(fmt.Sprintf("/v1/requests/%d/%s", id, verb), body)
		}
		return id
	}
}

// someSection is a section of a's subdistrict that a does not lead, and that somebody does.
func (c *cell) someSection(a *actor) *unit {
	home := a.home.grid()
	i := slices.IndexFunc(c.units, func(u *unit) bool {
		return u.Kind == org.Section && u != a.home && u.parent == home.subdistrict()
	})
	c.as(org.RoleSectionHead, c.units[i])
	return c.units[i]
}

// findsRequest is V1 with the holder.
func findsRequest(c *cell) bool { return ofSelf(c) || seesRequest(c) }

// holdsIt says that only its holder acts on a request (V2).
func holdsIt(c *cell) *refusal {
	if ofSelf(c) || c.by.role == org.RoleAreaHolder && c.by.home.grid() == c.at {
		return nil
	}
	return refused(http.StatusForbidden, request.ErrNotHolder.Code)
}

// acting is the plan of an act of the holder on what thing makes. What is held is the holder's own.
func acting(thing func(c *cell) int64) *plan {
	return &plan{self: true, mine: true, has: holdsRequests, fits: areas, make: thing, sees: findsRequest, rule: holdsIt}
}

// leaf is a new unit below c.at: nobody stands on it and nothing hangs on it.
func (c *cell) leaf(kind org.UnitKind) *unit {
	u := &unit{parent: c.at}
	c.in("add a unit", func(tx *db.Tx) (err error) {
		n := org.NewUnit{Kind: kind, Name: fmt.Sprintf("新单元%d", c.next()), Parent: c.at.Unit, From: since}
		if org.IsPlace(kind) {
			n.Sector = "village"
		}
		u.Unit, err = org.AddUnit(c.Context(), tx, n)
		return err
	})
	return u
}

// children are the kinds of units that shapers put below theirs.
var children = map[org.UnitKind]org.UnitKind{
	org.Subdistrict: org.Village, org.Community: org.Grid, org.Village: org.Area, org.Grid: org.Block, org.Block: org.Area,
	org.SubdistrictCommittee: org.Branch, org.GeneralBranch: org.Branch, org.Branch: org.PartyGroup, org.PartyGroup: org.CenterHousehold,
}

func parents(u *unit) bool { return children[u.Kind] != "" }

// shapesOwn says what a shaper may not shape: a grid secretary has their own unit and nothing below it (§3.5, UN).
func shapesOwn(c *cell) *refusal {
	if c.by.role == org.RoleGridSecretary && c.position != own {
		return forbidden
	}
	return nil
}

// aNewUnit is a fresh unit below c.at.
func aNewUnit(c *cell) int64 { return int64(c.leaf(children[c.at.Kind]).ID) }

// readsUnits is the oracle of units: the whole subdistrict for everybody with a role, the grid for residents.
func readsUnits(c *cell) bool {
	if c.by.home == nil {
		return c.at.Tree == org.GridTree
	}
	return c.at.subdistrict().grid() == c.by.home.subdistrict().grid()
}

// granted is a role that each granter gives, and what it stands on (§3.4).
var granted = map[org.Role]struct {
	role org.Role
	on   func(*unit) bool
}{
	org.RoleGridSecretary:      {org.RoleMember, func(u *unit) bool { return u.Kind == org.Branch && u.Level == 3 || u.Kind == org.PartyGroup }},
	org.RoleGeneralSecretary:   {org.RoleGridAssistant, kinds(org.GeneralBranch)},
	org.RoleBranchSecretary:    {org.RoleMember, func(u *unit) bool { return u.Kind == org.Branch && u.Level == 4 }},
	org.RolePartyOffice:        {org.RoleAreaCadre, place},
	org.RoleCommitteeSecretary: {org.RolePartyOffice, kinds(org.SubdistrictCommittee)},
	org.RoleSecurityAdmin:      {org.RoleSystemAdmin, kinds(org.Subdistrict)},
}

func grants(c *cell) org.Role {
	if g, there := granted[c.by.role]; there {
		return g.role
	}
	return org.RoleMember
}

func grantable(by *actor) func(*unit) bool {
	if g, there := granted[by.role]; there {
		return g.on
	}
	return branches
}

// anAssignment is a role on c.at of the kind that the asker may end.
func anAssignment(c *cell) int64 { return int64(c.person(grants(c), c.at).assignment) }

// goesAway says that a's role is one whose holder names a stand-in.
func goesAway(a *actor) bool { return oneOf(a.role, org.Absent...) }

// branch is where a's colleagues are.
func (c *cell) branch(a *actor) *unit {
	if a.home.party() == nil {
		return c.unit(org.Branch, "张家屯")
	}
	if a.home.Kind != org.GeneralBranch {
		for u := a.home.party(); u != nil; u = u.parent {
			if u.Kind == org.Branch {
				return u
			}
		}
	}
	i := slices.IndexFunc(c.units, func(u *unit) bool { return u.Kind == org.Branch && u.below(a.home.party()) })
	return c.units[max(i, 0)]
}

// freeDay is a day on which nobody has been away yet.
func (c *cell) freeDay() calendar.Day { return c.today().Add(c.next()) }

// anAbsence is one of c.by, or of who leads c.at.
func anAbsence(c *cell) int64 {
	who := c.by
	if !ofSelf(c) {
		who = c.lead(c.at)
	}
	day := c.freeDay()
	return who.post("/v1/absences", map[string]any{
		"standInAssignmentId": c.person(org.RoleMember, c.branch(who)).assignment, "firstDay": day, "lastDay": day,
	}).id("id")
}

// seesAbsence is the oracle of absences: whoever is away, and the leads of the unit and above.
func seesAbsence(c *cell) bool {
	return ofSelf(c) || oneOf(c.by.role, leaders...) && c.by.sees(c.at) || c.by == c.lead(c.at)
}

// aProposal is a role that somebody proposed and another must agree to: an administrator of c.at, or the secretary of a
// general branch below it.
func aProposal(c *cell) int64 {
	var by *actor
	role, at := org.RoleSystemAdmin, c.at
	if c.at.Tree == org.PartyTree {
		by, role, at = c.person(org.RolePartyOffice, c.at), org.RoleGeneralSecretary, c.leaf(org.GeneralBranch)
	} else {
		by = c.person(org.RoleSecurityAdmin, c.at)
	}
	return by.post("/v1/role-assignments", map[string]any{
		"personId": c.person(org.RoleResident, nil).person, "role": role, "unitId": at.ID,
	}).id("proposalId")
}

func aBasis(c *cell) int64 {
	return c.as(org.RolePartyOffice, c.unit(org.SubdistrictCommittee, "海棠")).post("/v1/legal-bases", map[string]any{
		"purpose": "geofence", "instrument": "海棠街道值守管理办法", "clause": "第三条", "issuer": "海棠街道办事处", "issuedOn": "2026-01-10",
		"validUntil": "2026-12-31",
	}).id("id")
}

// consentTo names the purpose of a consent.
func consentTo(purpose string) func(*cell, *call) {
	return func(_ *cell, r *call) { r.path = strings.Replace(r.path, "{purpose}", purpose, 1) }
}

// aSession is one of the asker's, or of somebody else at the same unit.
func aSession(c *cell) int64 {
	who := c.by
	if c.position != self {
		who = c.person(org.RoleMember, c.at)
	}
	token, id, until := who.token, who.session, who.until
	made := who.signIn().Session.ID
	if c.position == self && token != "" {
		who.token, who.session, who.until = token, id, until
	}
	return int64(made)
}

func ofSelf(c *cell) bool { return c.position == self }

// plans are one for each operation of the contract. An operation without a plan fails the build.
var plans = map[string]*plan{
	"getVersion":     {},
	"getPolicyGuard": {},
	"searchAudit":    {},
	"verifyAudit":    {},

	// Signing in: open to everybody, and to nobody in particular.
	"signInWeChat": {fill: fill(func(c *cell, b map[string]any) { b["code"] = c.wechat.Code(fmt.Sprintf("guest-%d", c.next())) })},
	"signInDemo":   {fill: fill(func(c *cell, b map[string]any) { b["handle"] = c.by.handle })},
	"signInPassword": {fill: fill(func(c *cell, b map[string]any) {
		b["account"], b["password"] = c.enrolled(c.person(org.RoleResident, nil)), passPhrase
	})},
	"verifyTotp": {fill: fill(func(c *cell, b map[string]any) {
		a := c.anonymous(http.MethodPost, "/v1/auth/password", map[string]any{
			"account": c.enrolled(c.person(org.RoleResident, nil)), "password": passPhrase, "client": "console", "device": b["device"],
		})
		b["challenge"], b["code"] = a.body["challenge"], c.totp(secret)
	})},
	"refreshSession": {fill: fill(func(c *cell, b map[string]any) {
		in, err := c.app.Auth.SignInDemo(c.Context(), c.by.handle, auth.Mini, b["device"].(string))
		if err != nil {
			c.Fatal(err)
		}
		b["refreshToken"] = in.Refresh
	})},
	"enrol": {fill: fill(func(c *cell, b map[string]any) {
		b["account"], b["code"] = c.invited()
		b["password"] = passPhrase
	})},
	"confirmEnrolment": {fill: fill(func(c *cell, b map[string]any) {
		account, code := c.invited()
		a := c.anonymous(http.MethodPost, "/v1/auth/enrol", map[string]any{
			"account": account, "code": code, "password": passPhrase, "device": b["device"],
		})
		made, _ := a.body["secret"].(string)
		b["challenge"], b["code"] = a.body["challenge"], c.totp(made)
	})},

	// One's own account.
	"signOut":      {prep: func(c *cell) { c.by.token = "" }},
	"listSessions": {self: true, fits: branches, make: aSession, sees: ofSelf, list: "id"},
	"endSession":   {self: true, fits: branches, make: aSession, sees: ofSelf},
	"stepUp": {
		fill: fill(func(c *cell, b map[string]any) { b["code"] = c.totp(secret) }),
		rule: func(c *cell) *refusal {
			if c.by.enrolled {
				return nil
			}
			return refused(http.StatusConflict, auth.ErrNoSecondFactor.Code)
		},
		also: withFactors,
	},
	"setPin": {prep: func(c *cell) { c.by.token = "" }, fill: fill(func(_ *cell, b map[string]any) { delete(b, "wechatCode") })},
	"changePassword": {
		fill: fill(func(_ *cell, b map[string]any) {
			b["password"], b["newPassword"] = passPhrase, "quite another phrase 2026"
		}),
		rule: func(c *cell) *refusal {
			if c.by.enrolled {
				return nil
			}
			return refused(http.StatusConflict, auth.ErrNoSecondFactor.Code)
		},
		also: withFactors,
	},
	"bindByInvitation": {
		fill: fill(func(c *cell, b map[string]any) {
			at := c.unit(org.Branch, "张家屯")
			b["code"] = c.lead(at).post("/v1/invitations", map[string]any{"personId": c.person(org.RoleMember, at).person}).body["code"]
		}),
		rule: alreadyKnown, also: func(w *world) []*actor { return []*actor{w.stranger()} },
	},
	"requestBinding": {
		fill: fill(func(c *cell, b map[string]any) { b["phoneCode"] = c.wechat.PhoneCode(c.phone()) }),
		rule: alreadyKnown, also: func(w *world) []*actor { return []*actor{w.stranger()} },
	},
	"getMe":             {},
	"listOwnAccesses":   {},
	"getOwnExemption":   {},
	"setOwnExemption":   {},
	"listOwnConsents":   {},
	"previewRetention":  {},
	"listRetentionRuns": {},
	"runRetention":      {},
	"breakGlass": {fits: areas, make: func(c *cell) int64 {
		c.set(`UPDATE break_glass SET state = 'ended'`) // whoever asks again has it open
		return aHome(c)
	}, fill: fill(func(c *cell, b map[string]any) { b["objectId"] = c.thing })},
	"listBreakGlassReviews": {self: true, fits: areas, make: aGlass, sees: ofSelf, list: "id"},
	"reviewBreakGlass":      {self: true, fits: areas, make: aGlass, sees: ofSelf},
	"giveConsent":           {fill: consentTo("board")},
	"refuseConsent":         {fill: consentTo("plaque")},
	"withdrawConsent": {fill: consentTo("media"), prep: func(c *cell) { // 409 if it is given already
		c.by.send(call{method: http.MethodPost, path: "/v1/me/consents/media/give", body: map[string]any{"version": 1}})
	}},
	"recordConsent": {fits: branches, make: aPerson, fill: func(c *cell, r *call) {
		b := r.body.(map[string]any)
		b["personId"], b["answer"] = c.thing, "refused"
		delete(b, "witnessId")
	}},
	"listInbox":          {},
	"readInbox":          {fill: set("seq", 0)},
	"getUnread":          {},
	"createPushTicket":   {},
	"recordWeChatGrants": {},

	// Messages of WeChat.
	"listWeChatCredits":       {},
	"getNoticePreferences":    {},
	"updateNoticePreferences": {},
	"listWeChatTemplates":     {},
	"setWeChatTemplate": {fill: func(_ *cell, r *call) {
		r.path = strings.Replace(r.path, "{code}", "work", 1)
	}},
	"resumeWeChat":     {},
	"listWeChatSends":  {},
	"repeatWeChatSend": {make: aDeadMessage},

	// Whose account is whose.
	"createInvitation": {fits: branches, make: aPerson},
	"listBindings":     {fits: branches, make: aBinding, list: "id"},
	"confirmBinding":   {fits: branches, make: aBinding},
	"refuseBinding":    {fits: branches, make: aBinding},
	"createEnrolment": {fits: branches, make: aPerson, sees: everything, fill: fill(func(c *cell, b map[string]any) {
		b["account"] = fmt.Sprintf("account-%d", c.next())
	})},
	"listAccountConflicts": {make: aConflict, list: "id"},
	"settleAccountConflict": {make: aConflict, fill: fill(func(_ *cell, b map[string]any) {
		b["decision"] = "different"
		delete(b, "keepPersonId")
	})},
	"endSessionsOf": {fits: branches, make: aPerson, sees: func(c *cell) bool {
		return c.by.role == org.RoleSecurityAdmin || c.by.sees(c.at)
	}},
	"disableAccount": {fits: branches, make: aPerson, sees: func(c *cell) bool {
		return c.by.role == org.RoleSecurityAdmin || c.by.sees(c.at)
	}},

	// Tasks and campaigns.
	"createTask":   {fits: led, sees: asksOf, fill: fill(askLead)},
	"forecastTask": {fits: led, sees: asksOf, fill: fill(askLead)},
	"listTasks": {self: true, has: receives, fits: askers, make: aTask, list: "id", sees: func(c *cell) bool {
		return c.position == self || c.by.home == c.at && c.by.role == org.LeadRole(c.at.Unit)
	}},
	"getTask": {self: true, has: receives, fits: askers, make: aTask, sees: oversees},
	"listTaskCopies": {self: true, has: receives, fits: askers, make: aTask, sees: oversees, rule: func(c *cell) *refusal {
		if c.position == self && (c.by.role != org.RolePartyOffice && c.by.role != org.RoleCommitteeSecretary) {
			return forbidden
		}
		return nil
	}},
	"cancelTask":  {self: true, has: receives, fits: askers, make: aTask, sees: oversees, rule: asksHere},
	"acceptTask":  {self: true, has: receives, fits: askers, make: aCopy, sees: oversees, rule: answersOwn},
	"declineTask": {self: true, has: receives, fits: askers, make: aCopy, sees: oversees, rule: answersOwn},
	"reportTask":  {self: true, has: receives, fits: askers, make: anAcceptedCopy, sees: oversees, rule: answersOwn},
	"reportTasks": {self: true, has: receives, fits: askers, make: anAcceptedCopy, sees: oversees, rule: answersOwn, fill: fill(func(c *cell, b map[string]any) {
		b["reports"] = []map[string]any{{"copyId": c.thing, "text": "三户都好"}}
	})},
	"getTaskCopy":      {self: true, has: receives, fits: askers, make: aCopy, sees: oversees},
	"returnTask":       {self: true, has: receives, fits: askers, make: aReportedCopy, sees: oversees, rule: asksHere},
	"acceptTaskResult": {self: true, has: receives, fits: askers, make: aReportedCopy, sees: oversees, rule: asksHere},
	"createCampaign":   {},
	"listCampaigns":    {fits: campaigns, make: aCampaign, list: "id", sees: oversees},
	"getCampaign":      {fits: campaigns, make: aCampaign, sees: oversees},
	"startCampaign":    {fits: campaigns, make: aCampaign, sees: oversees, rule: runsHere},
	"closeCampaign":    {fits: campaigns, make: aRunningCampaign, sees: oversees, rule: runsHere},

	// Being on duty.
	"recordCheckIn":   {mine: true, fits: place, fill: fill(func(c *cell, b map[string]any) { b["unitId"] = c.at.ID }), sees: around},
	"listPresence":    {self: true, has: onDuty, fits: place, make: aPresence, list: "id", sees: ofSelf},
	"confirmPresence": {fits: place, make: aPresence, sees: claimed, rule: answersForPlace},
	"refusePresence":  {fits: place, make: aPresence, sees: claimed, rule: answersForPlace},
	"withdrawCheckIn": {self: true, has: onDuty, fits: place, make: aPresence, sees: func(c *cell) bool { return ofSelf(c) || claimed(c) }, rule: func(c *cell) *refusal {
		if !ofSelf(c) {
			return forbidden
		}
		return nil
	}},
	"savePlace": {fits: place, fill: fill(func(c *cell, b map[string]any) {
		b["unitId"], b["name"] = c.at.ID, fmt.Sprintf("阅览室%d", c.next())
	})},
	"getPresence": {self: true, has: onDuty, fits: place, make: aPresence, sees: func(c *cell) bool {
		return ofSelf(c) || claimed(c) && oneOf(c.by.role, counterparts...)
	}},
	"listDaysSince":  {},
	"listQuietUnits": {fits: kinds(org.Subdistrict), list: "unitId", make: func(c *cell) int64 { return int64(c.leaf(org.Village).ID) }},
	"changePlace": {fits: place, make: aPlace, fill: fill(func(c *cell, b map[string]any) {
		b["name"] = fmt.Sprintf("阅览室%d", c.next())
		delete(b, "endsOn")
	})},
	"endPlace":   {fits: place, make: aPlace},
	"listPlaces": {fits: place, make: aPlace, list: "id", sees: around},
	"getPlaceCode": {fits: place, make: aPlace, sees: around, rule: func(c *cell) *refusal {
		if c.by.home.grid() != c.at || !oneOf(c.by.role, append(counterparts, org.RoleCounterClerk)...) {
			return forbidden
		}
		return nil
	}},

	// Homes, visits and needs.
	"listAreas": {fits: areas, list: "id", make: func(c *cell) int64 { return int64(c.at.ID) }},
	"assignEntrances": {fits: areas, make: func(c *cell) int64 { return int64(c.at.ID) }, fill: fill(func(c *cell, b map[string]any) {
		b["entranceIds"], b["validFrom"] = []household.EntranceID{c.anEntrance(c.at)}, c.today()
	})},
	"whatIfSplit": {fits: areas, make: func(c *cell) int64 { return int64(c.at.ID) }},
	"draftSplit": {fits: areas, sees: drafts, fill: fill(func(c *cell, b map[string]any) {
		b["placeId"], b["moves"] = c.place(c.at).ID, []any{map[string]any{"entranceId": c.aDoorNextDoor(), "toAreaId": c.at.ID}}
	})},
	"listSplits":    {fits: areas, make: aProposedSplit, list: "id", sees: seesSplit},
	"getSplit":      {fits: areas, make: aProposedSplit, sees: seesSplit},
	"proposeSplit":  {fits: areas, make: aDraftedSplit, sees: drafts},
	"withdrawSplit": {fits: areas, make: aProposedSplit, sees: drafts},
	"answerSplit":   {fits: areas, make: aProposedSplit, sees: seesSplit, rule: answersSplit},
	"addEntrance": {fits: place, fill: fill(func(c *cell, b map[string]any) {
		b["placeId"], b["number"] = c.at.ID, fmt.Sprint(c.next())
	})},
	"getAreaChecks": {},
	"listUnassignedEntrances": {fits: areas, list: "id", make: func(c *cell) int64 { return int64(c.anEntrance(c.at)) }, sees: func(c *cell) bool {
		at := c.at
		for !place(at) {
			at = at.parent
		}
		return c.by.sees(at)
	}},
	"lookUpContact": {fits: areas, sees: everything, fill: func(c *cell, r *call) {
		at := c.at
		for !place(at) {
			at = at.parent
		}
		c.lead(c.at)
		r.query.Set("placeId", strconv.FormatInt(int64(at.ID), 10))
		r.query.Set("entrance", fmt.Sprintf("%d号", c.at.ID))
	}},
	"listHouseholds": {fits: areas, make: aHome, list: "id", sees: func(c *cell) bool {
		return c.by.role != org.RoleGridSecretary && c.by.sees(c.at) // who has them only while nobody else looks after them
	}},
	"listDueHouseholds": {fits: areas, list: "id", sees: homesOfOwnArea, make: func(c *cell) int64 {
		c.lead(c.at)
		return int64(c.at.doors[len(c.at.doors)-1]) // nobody has been there yet
	}},
	"getHousehold": {fits: areas, make: aHome, sees: homesOfOwnArea},
	"setHouseholdContact": {fits: areas, make: aHome, sees: homesOfOwnArea, fill: fill(func(c *cell, b map[string]any) {
		var version []int64
		if err := c.db().Select(c.Context(), &version, `SELECT version FROM household_contact WHERE premises_id = ?`, c.thing); err != nil {
			c.Fatal(err)
		}
		if b["version"] = 0; len(version) > 0 {
			b["version"] = version[0]
		}
	})},
	"unmaskHousehold": {fits: areas, writes: []string{"household_contact"}, sees: homesOfOwnArea, make: func(c *cell) int64 {
		id, holder := aHome(c), c.lead(c.at)
		path := fmt.Sprintf("/v1/households/%d", id)
		version := 0
		if contact, _ := holder.must(http.MethodGet, path, nil).body["contact"].(map[string]any); contact != nil {
			version, _ = strconv.Atoi(fmt.Sprint(contact["version"]))
		}
		holder.must(http.MethodPut, path+"/contact", map[string]any{"formOfAddress": "林女士", "phone": c.phone(), "version": version})
		return id
	}},
	"giveHouseholdConsent":     {fits: areas, make: aHome, sees: homesOfOwnArea},
	"withdrawHouseholdConsent": {fits: areas, make: aHome, sees: homesOfOwnArea},
	"muteHousehold": {fits: areas, make: aHome, sees: homesOfOwnArea, fill: fill(func(c *cell, b map[string]any) {
		b["until"] = c.today() // another plan looks for its door
	})},
	"listFlags": {fits: areas, make: aHome, sees: homesOfOwnArea},
	"setFlag": {fits: areas, make: anAgreedHome, sees: homesOfOwnArea, fill: fill(func(c *cell, b map[string]any) {
		b["expiresOn"] = c.today().Add(30)
	})},
	"renewFlag": {fits: areas, make: aFlag, sees: homesOfOwnArea, fill: fill(func(c *cell, b map[string]any) {
		b["expiresOn"] = c.today().Add(60)
	})},
	"endFlag":    {fits: areas, make: aFlag, sees: homesOfOwnArea},
	"unmaskFlag": {fits: areas, make: aFlag, sees: homesOfOwnArea},
	"refuseFlag": {fits: areas, make: aFlag, sees: homesOfOwnArea},
	"openRiskEvent": {fits: place, sees: func(c *cell) bool { return c.by.sees(c.at) }, fill: fill(func(c *cell, b map[string]any) {
		c.closeRisks()
		b["unitId"] = c.at.ID
	})},
	"listRiskEvents": {fits: place, make: aRisk, sees: risksAround, list: "id"},
	"getRiskEvent":   {fits: place, make: aRisk, sees: risksAround},
	"closeRiskEvent": {fits: place, make: aRisk, sees: risksAround},
	"listVisitRound": {fits: place, make: aRoundOfHolders, sees: func(c *cell) bool {
		return c.by.role == org.RoleAreaHolder && risksAround(c)
	}},
	"recordRound": {fits: areas, sees: homesOfOwnArea, make: anAreasEntrance, fill: fill(func(c *cell, b map[string]any) {
		b["entranceId"] = c.thing
	})},
	"listRounds": {fits: areas, sees: homesOfOwnArea, list: "id", make: func(c *cell) int64 {
		return c.lead(c.at).post("/v1/rounds", map[string]any{
			"entranceId": anAreasEntrance(c), "kind": "notice", "doors": 12, "answered": 7, "clientRef": uuid.NewString(),
		}).id("id")
	}},
	"recordVisit": {fits: areas, make: aHome, sees: homesOfOwnArea},
	"recordVisits": {fits: areas, make: aHome, sees: homesOfOwnArea, fill: fill(func(c *cell, b map[string]any) {
		b["visits"] = []map[string]any{{"householdId": c.thing, "clientRef": uuid.NewString()}}
	})},
	"listVisits":     {fits: areas, make: aVisit, sees: homesOfOwnArea, list: "id"},
	"getVisit":       {fits: areas, make: aVisit, sees: homesOfOwnArea},
	"unmaskVisit":    {fits: areas, make: aVisit, sees: homesOfOwnArea},
	"getVisitCounts": {},
	"createRequest": {mine: true, fits: areas, fill: fill(func(c *cell, b map[string]any) { b["householdId"] = c.at.doors[0] }), sees: func(c *cell) bool {
		return c.by.sees(c.at) && oneOf(c.by.role, doorReaders...)
	}},
	"listRequests": {fits: areas, make: aRequest, sees: seesRequest, list: "id"},
	"getRequest":   {self: true, has: holdsRequests, fits: areas, make: aHeldRequest, sees: findsRequest},

	"createPublicRequest":    {fill: fill(standing)},
	"openReceipt":            {writes: []string{"receipt_try"}, fill: showing(nil)},
	"addReceiptMessage":      {fill: showing(nil)},
	"withdrawByReceipt":      {fill: showing(nil)},
	"correctByReceipt":       {fill: showing(nil)},
	"answerOutcomeByReceipt": {fill: showing(ended)},

	"listMyRequests":    {self: true, fits: areas, make: aFollowed, sees: ofSelf, list: "requestId"},
	"createMyRequest":   {fill: fill(standing)},
	"followRequest":     {fill: showing(nil)},
	"getMyRequest":      following(aFollowed),
	"addRequestMessage": following(aFollowed),
	"withdrawMyRequest": following(aFollowed),
	"correctRequest":    following(aFollowed),
	"answerRequest": following(func(c *cell) int64 {
		id := aFollowed(c)
		ended(c, request.ID(id))
		return id
	}),
	"issueSlips":  {},
	"listCalls":   {fits: areas, make: aCall, list: "id", sees: homesOfOwnArea},
	"getCall":     {fits: areas, make: aCall, sees: homesOfOwnArea},
	"finishCall":  {fits: areas, make: aCall, sees: homesOfOwnArea},
	"unmaskCall":  {fits: areas, make: aCall, sees: homesOfOwnArea},
	"unmaskAsker": acting(aHeldRequest),
	"printSlip": {
		self: true, mine: true, fits: areas, make: aSilentRequest, sees: findsRequest, rule: holdsIt,
		has: func(a *actor) bool { return holdsRequests(a) || a.role == org.RoleCounterClerk },
	},

	"getPassedRequest": {
		self: true, fits: areas, sees: ofSelf,
		has: func(a *actor) bool {
			return oneOf(a.role, org.RoleGridAssistant, org.RoleSectionHead, org.RolePartyOffice) && holdsRequests(a)
		},
		make: func(c *cell) int64 {
			id := aHeldRequest(c)
			if ofSelf(c) {
				c.by.post(fmt.Sprintf("/v1/requests/%d/hand-back", id), map[string]any{"level": 1, "reason": "可在责任区解决"})
			}
			return id
		},
	},

	"acceptRequest":   acting(aHeldRequest),
	"addRequestStep":  acting(thenHeld("", nil)),
	"waitForResident": acting(thenHeld("", nil)),
	"resumeRequest":   acting(thenHeld("wait", map[string]any{"reason": "请补充材料"})),
	"messageAsker":    acting(aHeldRequest),
	"closeRequest":    acting(aHeldRequest),
	"withdrawRequest": acting(aHeldRequest),
	"escalateRequest": {
		self: true, mine: true, has: withOthers, fits: areas, make: aHeldRequest, sees: findsRequest, rule: holdsIt,
		fill: fill(func(c *cell, b map[string]any) {
			if b["to"] = "grid_assistant"; c.by.role == org.RoleGridAssistant {
				b["to"] = "level"
				return
			}
			at := c.at
			if ofSelf(c) {
				b["to"], b["unitId"] = "section", c.someSection(c.by).ID
				return
			}
			for !place(at) {
				at = at.parent
			}
			if at.Kind != org.Community {
				b["to"] = "level"
				return
			}
			c.as(org.RoleGridAssistant, at.answers)
		}),
	},
	"handBackRequest": {
		self: true, mine: true, has: func(a *actor) bool { return withOthers(a) && a.role != org.RoleAreaHolder }, fits: areas,
		make: aHeldRequest, sees: findsRequest, rule: func(c *cell) *refusal {
			if refusal := holdsIt(c); refusal != nil || ofSelf(c) {
				return refusal
			}
			return refused(http.StatusUnprocessableEntity, request.ErrTarget.Code) // there is nothing below an area
		},
	},
	"pullRequest": {self: true, mine: true, has: leadsSections, fits: areas, make: aPullable, sees: findsRequest},
	"reopenRequest": {
		fits: areas, make: func(c *cell) int64 {
			id := aRequest(c)
			c.lead(c.at).post(fmt.Sprintf("/v1/requests/%d/close", id), map[string]any{"closureKind": "resolved", "text": "已修好"})
			return id
		}, sees: seesRequest,
	},

	"makePromise": {
		self: true, mine: true, has: holdsRequests, fits: areas, make: aHeldRequest, sees: findsRequest, rule: holdsIt,
		fill: fill(func(c *cell, b map[string]any) { b["dueOn"] = c.today() }),
	},
	"listPromises": {fits: areas, make: aPromise, sees: givesWord, list: "id"},
	"keepPromise":  {fits: areas, make: aPromise, sees: givesWord},
	"dropPromise":  {fits: areas, make: aPromise, sees: givesWord},
	"movePromise": {fits: areas, make: aPromise, sees: givesWord, fill: fill(func(c *cell, b map[string]any) {
		b["dueOn"] = c.today().Add(3)
	})},
	// The rosters.
	"listMembers":   {fits: branches, make: aMember, list: "id"},
	"addMember":     {fits: branches, fill: fill(func(c *cell, b map[string]any) { b["unitId"], b["phone"] = c.at.ID, c.phone() })},
	"countMembers":  {},
	"searchMembers": {},
	"getMember":     {fits: branches, make: aMember},
	"correctMember": {fits: branches, make: aMember, fill: fill(func(c *cell, b map[string]any) { b["fullMemberSince"] = "2019-07-01" })},
	"unmaskMember":  {fits: branches, make: aMember},

	// The trees and the roles in them.
	"listUnits": {
		fits: anyUnit, list: "id", sees: readsUnits, make: func(c *cell) int64 { return int64(c.at.ID) },
		fill: func(c *cell, r *call) { r.query.Set("tree", string(c.at.Tree)) },
	},
	"getUnit": {fits: anyUnit, sees: readsUnits, make: func(c *cell) int64 { return int64(c.at.ID) }},
	"addUnit": {fits: parents, rule: shapesOwn, fill: fill(func(c *cell, b map[string]any) {
		kind := children[c.at.Kind]
		b["kind"], b["parentId"], b["name"] = kind, c.at.ID, fmt.Sprintf("新单元%d", c.next())
		if org.IsPlace(kind) {
			b["sector"] = "village"
		}
	})},
	"moveUnit": {fits: parents, make: aNewUnit, fill: fill(func(c *cell, b map[string]any) { b["parentId"] = c.at.ID }), rule: func(c *cell) *refusal {
		if c.by.role == org.RoleGridSecretary {
			return forbidden
		}
		return nil
	}},
	"endUnit": {fits: parents, make: aNewUnit, rule: func(c *cell) *refusal {
		if c.by.role == org.RoleGridSecretary {
			return forbidden
		}
		return nil
	}},
	"linkUnits": {
		fits: branches, sees: seesBoth, make: func(c *cell) int64 { return int64(c.leaf(children[c.at.Kind]).ID) },
		fill: fill(func(c *cell, b map[string]any) {
			g := &cell{world: c.world, at: c.at.answers}
			kind := org.Block
			if c.at.Kind == org.PartyGroup {
				kind = org.Area
			}
			b["gridUnitId"] = g.leaf(kind).ID
		}), rule: func(c *cell) *refusal {
			if c.by.role == org.RoleGridSecretary {
				return forbidden
			}
			return nil
		},
	},
	"unlinkUnits": {fits: branches, sees: seesBoth, make: func(c *cell) int64 {
		p := c.leaf(children[c.at.Kind])
		kind := org.Block
		if c.at.Kind == org.PartyGroup {
			kind = org.Area
		}
		g := (&cell{world: c.world, at: c.at.answers}).leaf(kind)
		c.in("link", func(tx *db.Tx) error { return org.Link(c.Context(), tx, p.Unit, g.Unit, since) })
		return int64(p.ID)
	}, rule: func(c *cell) *refusal {
		if c.by.role == org.RoleGridSecretary {
			return forbidden
		}
		return nil
	}},
	"setLabels": {fits: place, make: func(c *cell) int64 { return int64(c.at.ID) }, fill: fill(func(c *cell, b map[string]any) {
		var version int64
		if err := c.db().Get(c.Context(), &version, `SELECT version FROM unit WHERE id = ?`, c.at.ID); err != nil {
			c.Fatal(err)
		}
		b["version"] = version
	})},
	"listAssignments": {self: true, fits: branches, list: "id", make: func(c *cell) int64 {
		if c.position == self {
			return int64(c.by.assignment)
		}
		return int64(c.person(org.RoleMember, c.at).assignment)
	}, sees: func(c *cell) bool {
		if oneOf(c.by.role, org.RoleGridSecretary, org.RoleGeneralSecretary, org.RoleBranchSecretary, org.RolePartyOffice, org.RoleAuditAdmin) {
			return c.by.sees(c.at)
		}
		return c.position == self
	}},
	"grantAssignment": {fitsFor: grantable, fill: fill(func(c *cell, b map[string]any) {
		b["personId"], b["role"], b["unitId"] = c.person(org.RoleResident, nil).person, grants(c), c.at.ID
	})},
	"announceAbsence": {fill: fill(func(c *cell, b map[string]any) {
		b["standInAssignmentId"], b["firstDay"], b["lastDay"] = c.person(org.RoleMember, c.branch(c.by)).assignment, c.freeDay(), ""
		b["lastDay"] = b["firstDay"]
	})},
	"listAbsences":  {self: true, has: goesAway, fits: branches, make: anAbsence, list: "id", sees: seesAbsence},
	"endAbsence":    {self: true, has: goesAway, fits: branches, make: anAbsence, sees: seesAbsence},
	"listStandIns":  {},
	"listHandovers": {self: true, has: succeeds, fits: branches, make: aHandover, list: "id", sees: seesHandover, also: successor},
	"getHandover":   {self: true, has: succeeds, fits: branches, make: aHandover, sees: seesHandover, also: successor},
	"signHandover":  {self: true, has: succeeds, fits: branches, make: aHandover, sees: seesHandover, also: successor},
	"getLeadCheck":  {fits: place, sees: readsUnits, fill: func(c *cell, r *call) { r.query.Set("placeId", strconv.FormatInt(int64(c.at.ID), 10)) }},
	"endAssignment": {fitsFor: grantable, make: anAssignment},
	"listProposals": {fits: kinds(org.Subdistrict, org.SubdistrictCommittee), make: aProposal, list: "id"},
	"refuseProposal": {fits: kinds(org.Subdistrict, org.SubdistrictCommittee), make: aProposal, rule: func(c *cell) *refusal {
		second := org.RoleSecurityAdmin
		if c.at.Tree == org.PartyTree {
			second = org.RolePartyOffice
		}
		if c.by.role != second {
			return forbidden
		}
		return nil
	}},
	"getGridCoverage": {fits: place, sees: readsUnits, fill: func(c *cell, r *call) { r.query.Set("placeId", strconv.FormatInt(int64(c.at.ID), 10)) }},

	"listSectors": {},
	"setSectors": {fill: fill(func(c *cell, b map[string]any) {
		var version int64
		if err := c.db().Get(c.Context(), &version, `SELECT version FROM unit WHERE id = ?`, c.unit(org.Subdistrict, "海棠").ID); err != nil {
			c.Fatal(err)
		}
		b["version"] = version
	})},

	// What is brought in from files.
	"uploadImport": {fill: func(c *cell, r *call) {
		if r.kind, r.file = "members", rosterOf(c.world, c.unit(org.Branch, "张家屯")); c.by.role == org.RoleSystemAdmin {
			r.kind, r.file = "units", treeHead
		}
	}},
	"getImport":      {fits: importers, make: anImport, sees: seesImport},
	"listImportRows": {fits: importers, make: anImport, sees: seesImport},
	"applyImport":    {fits: rosterKeepers, make: anImport, sees: seesImport},
	"undoImport":     {fits: rosterKeepers, make: anAppliedImport, sees: seesImport},

	// What the place may set, and what that rests on.
	"setPolicy": {fits: place, fill: func(c *cell, r *call) {
		r.path = strings.Replace(r.path, "{key}", "checkin.geofence", 1)
		r.body.(map[string]any)["unitId"] = c.at.ID
	}},
	"listLegalBases":    {},
	"recordLegalBasis":  {},
	"approveLegalBasis": {make: aBasis},
}

// receives says whether tasks can be given to a: who administers gets none.
func receives(a *actor) bool {
	return a.home != nil && !oneOf(a.role, org.RoleSystemAdmin, org.RoleSecurityAdmin, org.RoleAuditAdmin)
}

// withFactors is somebody with a password and a second factor.
func withFactors(w *world) []*actor {
	a := w.person(org.RoleMember, w.unit(org.Branch, "张家屯"))
	w.enrolled(a)
	return []*actor{a}
}

// aConflict is between two accounts of one WeChat user that had become two persons before anybody knew.
func aConflict(c *cell) (id int64) {
	one, two := c.stranger(), c.stranger()
	for _, a := range []*actor{one, two} {
		c.wechat.SetUnionID(fake.OpenID(fake.AppID, a.handle), "union-"+one.handle)
		if _, err := c.app.Auth.SignInWeChat(c.Context(), c.wechat.Code(a.handle), uuid.NewString()); err != nil {
			c.Fatal(err)
		}
	}
	if err := c.db().Get(c.Context(), &id, `SELECT MAX(id) FROM account_conflict`); err != nil {
		c.Fatal(err)
	}
	return id
}

const (
	rosterHead = "姓名,电话,所属党组织,状态,转正日期,任职科室\n"
	treeHead   = "党组织,网格单元,上级党组织,级别,层级名称,负责人,负责人电话\n新党支部,新网格,瑞和社区党组织,3,,,\n"
)

// rosterOf is a file with one member of u.
func rosterOf(w *world, u *unit) string {
	return rosterHead + fmt.Sprintf("%s,%s,%s,正式党员,2019-07-01,\n", w.name(org.RoleMember), w.phone(), u.Name)
}

// rosterKeepers are the units whose lead brings in members, importers those and where trees are brought in.
var rosterKeepers = kinds(org.Branch, org.GeneralBranch, org.SubdistrictCommittee)

func importers(u *unit) bool { return rosterKeepers(u) || u.Kind == org.Subdistrict }

// importer is whoever brings files in for c.at.
func (c *cell) importer() *actor {
	if c.at.Kind == org.Subdistrict {
		return c.as(org.RoleSystemAdmin, c.at)
	}
	if c.at.Kind == org.SubdistrictCommittee {
		return c.as(org.RolePartyOffice, c.at)
	}
	return c.lead(c.at)
}

// anImport is a file that was brought in for c.at.
func anImport(c *cell) int64 {
	by := c.importer()
	r := call{method: http.MethodPost, path: "/v1/imports", kind: "units", file: treeHead}
	if c.at.Kind != org.Subdistrict {
		home := c.at
		for _, u := range c.units {
			if home.Kind != org.Branch && u.Kind == org.Branch && u.below(home) {
				home = u
			}
		}
		r.kind, r.file = "members", rosterOf(c.world, home)
	}
	by.unlimited()
	got := by.send(r)
	if !got.ok() {
		c.Fatalf("%v brings in a file: %v %s", by, got, got.text)
	}
	return got.id("id")
}

func anAppliedImport(c *cell) int64 {
	id := anImport(c)
	c.importer().post(fmt.Sprintf("/v1/imports/%d/apply", id), nil)
	return id
}

// seesImport is the oracle of imports: whoever could have brought that kind of file in there.
func seesImport(c *cell) bool {
	return c.by.sees(c.at) && (c.by.role != org.RoleSystemAdmin || c.at.Kind == org.Subdistrict) &&
		(c.by.role != org.RoleGridSecretary || c.at.Kind != org.Subdistrict)
}

func everything(*cell) bool { return true }

// seesBoth is the oracle of links: both units are the asker's to shape.
func seesBoth(c *cell) bool { return c.by.sees(c.at) && c.by.sees(c.at.answers) }

func claimed(c *cell) bool { return c.by.home != nil && c.by.home.grid() == c.at }

func answersForPlace(c *cell) *refusal {
	if !oneOf(c.by.role, counterparts...) {
		return forbidden
	}
	return nil
}

func alreadyKnown(c *cell) *refusal {
	if strings.HasPrefix(c.by.handle, "guest-") {
		return nil
	}
	return refused(http.StatusConflict, "auth.illegal_transition")
}
