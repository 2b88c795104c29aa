package matrix

import (
	"fmt"
	"maps"
	"net/http"
	"strconv"

	"wanjia/internal/board"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

// What is public has plans of its own.
func init() { //nolint:gochecknoinits // because the plans are one table, and this is a part of it
	maps.Copy(plans, map[string]*plan{
		"listBoards": {fits: inhabited, make: aBoard, list: "id"},
		"createBoard": {fits: inhabited, make: aSite, rule: keepsBoards, fill: fill(func(c *cell, b map[string]any) {
			b["siteId"], b["areaId"] = c.thing, c.area(c.at).ID
		})},
		"getBoard":              {fits: inhabited, make: aBoard},
		"publishBoard":          {fits: inhabited, make: aBoard, rule: keepsBoards},
		"markPrinted":           {fits: inhabited, make: aPublishedBoard, rule: keepsBoards},
		"scanBoard":             {make: aPublishedBoard, writes: []string{"board_scan"}},
		"sendRelayMessage":      {make: aPublishedBoard},
		"getMyPublicProfile":    {},
		"updateMyPublicProfile": {prep: func(c *cell) { c.set(`DELETE FROM public_profile`) }},

		"listUnreadItems": {fits: committees, make: anUnread, list: "id"},
		"approveItems":    {fits: committees, make: anUnread},
		"returnItems":     {fits: committees, make: anUnread},

		"setMyPortrait":    {fill: fill(func(c *cell, b map[string]any) { b["uploadId"], _ = c.by.sends(c.world) })},
		"removeMyPortrait": {},

		"listPlaques": {fits: plaqued, make: aPlaque, list: "id"},
		"proposePlaque": {fits: plaqued, make: aMember, fill: fill(func(c *cell, b map[string]any) {
			delete(b, "text")
			b["memberId"], b["householdId"] = c.thing, c.doorOf(c.at)
		})},
		"issuePlaque":       {fits: plaqued, make: inState(board.PlaqueConsented)},
		"hangPlaque":        {fits: plaqued, make: inState(board.PlaqueIssued)},
		"suspendPlaque":     {fits: plaqued, make: inState(board.PlaqueHung)},
		"returnPlaque":      {fits: plaqued, make: inState(board.PlaqueHung)},
		"listMyPlaques":     {self: true, has: hasHome, fits: plaqued, make: aPlaque, list: "id", sees: ofSelf},
		"consentPlaque":     {self: true, has: hasHome, fits: plaqued, make: aPlaque, sees: ofSelf},
		"showPlaqueDoor":    {self: true, has: hasHome, fits: plaqued, make: aPlaque, sees: ofSelf},
		"listPublicPlaques": {fill: func(c *cell, r *call) { r.query.Set("placeId", c.quietPlace()) }},

		"listPublicPages": {fill: func(c *cell, r *call) { r.query.Set("placeId", c.quietPlace()) }},
		"requestTakedown": {fill: aimed},
		"sendFeedback":    {fill: aimed},
		"listTakedowns":   {fits: pageOwners, make: aTakedown, list: "id"},
		"decideTakedown":  {fits: pageOwners, make: aTakedown},
		"liftTakedown":    {fits: pageOwners, make: anUpheldTakedown},
		"listFeedback":    {fits: pageOwners, make: aFeedback, list: "id"},
		"unmaskTakedown":  {fits: pageOwners, make: aTakedown},
		"unmaskFeedback":  {fits: pageOwners, make: aFeedback},

		"createPublication": {mine: true},
		"listPublications":  {self: true, has: writes, fits: committees, make: aDraft, list: "id", sees: readsDrafts},
		"getPublication":    {self: true, has: writes, fits: committees, make: aDraft, sees: readsDrafts},
		"changePublication": {self: true, has: writes, fits: committees, make: aDraft, sees: readsDrafts, rule: ownDraft, fill: fill(func(_ *cell, b map[string]any) {
			b["version"] = 1
			delete(b, "endOn") // it is a story
		})},
		"submitPublication":  {self: true, has: writes, fits: committees, make: aDraft, sees: readsDrafts, rule: ownDraft},
		"publishPublication": {fits: committees, make: published("submit"), sees: readsDrafts},
		"returnPublication":  {fits: committees, make: published("submit"), sees: readsDrafts},
		"hidePublication":    {fits: committees, make: published("submit", "publish"), sees: readsDrafts},
		"removePublication":  {fits: committees, make: published("submit", "publish", "hide"), sees: readsDrafts},
	})
}

// inhabited are the places that have areas, and so boards; plaqued are the branches of such places.
var (
	inhabited = kinds(org.Village, org.Community)
	plaqued   = func(u *unit) bool {
		return u.Tree == org.PartyTree && u.answers != nil && inhabited(u.answers) && u.Kind == org.Branch
	}
	pageOwners = inhabited
	committees = kinds(org.SubdistrictCommittee)
)

// somewhere is c at a village if it does not matter where.
func (c *cell) somewhere() *cell {
	if c.at != nil {
		return c
	}
	return &cell{world: c.world, op: c.op, by: c.by, at: c.unit(org.Village, "张家屯")}
}

// quietPlace is a place where nobody has agreed to be shown.
func (c *cell) quietPlace() string {
	return strconv.FormatInt(int64(c.unit(org.Community, "枕溪社区").ID), 10)
}

// aSite is a place of c.at where a board can hang.
func aSite(c *cell) int64 {
	return c.lead(c.at).post("/v1/places", map[string]any{
		"unitId": c.at.ID, "kind": "board_site", "name": fmt.Sprintf("公示栏%d", c.next()),
	}).id("id")
}

// aBoard is a draft at c.at.
func aBoard(c *cell) int64 {
	c = c.somewhere()
	return c.lead(c.at).post("/v1/boards", map[string]any{"siteId": aSite(c), "areaId": c.area(c.at).ID}).id("id")
}

func aPublishedBoard(c *cell) int64 {
	c = c.somewhere()
	id := aBoard(c)
	c.lead(c.at).post(fmt.Sprintf("/v1/boards/%d/publish", id), nil)
	return id
}

// keepsBoards says that of the officers only who has publicity keeps what is public; that of the fixture has another post.
func keepsBoards(c *cell) *refusal {
	if c.by.role == org.RoleBranchOfficer {
		return forbidden
	}
	return nil
}

// doorOf is a door in the place that a party unit answers for.
func (c *cell) doorOf(u *unit) int64 { return int64(c.area(u.answers).doors[0]) }

func hasHome(a *actor) bool { return a.home != nil }

// aPlaque is one proposed for somebody of c.at, or for c.by.
func aPlaque(c *cell) (id int64) {
	person, at := c.by.person, c.unit(org.Branch, "张家屯")
	if c.position != self {
		at = c.at
		person = c.person(org.RoleMember, at).person
	}
	by := org.Actor{PersonID: c.lead(at).person}
	c.in("propose a plaque", func(tx *db.Tx) error {
		made, err := board.AddPlaque(c.Context(), tx, by, person, at.ID, c.doorOf(at))
		id = int64(made)
		return err
	})
	return id
}

// inState is a plaque that its member agrees to, in a state.
func inState(s board.State) func(c *cell) int64 {
	return func(c *cell) int64 {
		id := aPlaque(c)
		c.in("agree to it", func(tx *db.Tx) error {
			var person org.PersonID
			if err := tx.Get(c.Context(), &person, `SELECT person_id FROM plaque WHERE id = ?`, id); err != nil {
				return err
			}
			_, err := tx.Insert(c.Context(), `
				INSERT INTO disclosure_consent (person_id, purpose, version, state, newest, said_at, recorded_by)
				VALUES (?, 'plaque', 1, 'given', ?, ?, ?)`, person, true, tx.Now, person)
			return err
		})
		c.set(`UPDATE plaque SET state = ? WHERE id = ?`, string(s), id)
		return id
	}
}

// aimed makes a word about a public page one about the notices of a village.
func aimed(c *cell, r *call) {
	r.body.(map[string]any)["page"] = map[string]any{"kind": "notices", "id": c.unit(org.Village, "张家屯").ID}
}

// said is somebody's word about the notices of c.at. It does not come in over the edge, which lets an address say only so
// much an hour.
func (c *cell) said(f func(s *board.Service, page board.PageRef) error) {
	s := board.NewService(c.db(), c.app.Stores.Keys, c.app.Stores.Pages, nil, &calendar.Calendar{})
	if err := f(s, board.PageRef{Kind: board.NoticesPage, ID: int64(c.at.ID)}); err != nil {
		c.Fatal(err)
	}
}

func aTakedown(c *cell) (id int64) {
	c.said(func(s *board.Service, page board.PageRef) error {
		_, _, err := s.TakeDown(c.Context(), org.Actor{}, page, "写错了")
		return err
	})
	c.newest(&id, `SELECT MAX(id) FROM takedown`)
	return id
}

// anUpheldTakedown is one that the lead of the place upheld, as an editor might, of a page that no other thing is about: it
// stays down.
func anUpheldTakedown(c *cell) int64 {
	id := aTakedown(c)
	lead := c.lead(c.at)
	c.said(func(s *board.Service, _ board.PageRef) error {
		by, err := org.ActorOf(c.Context(), c.db(), lead.person, lead.assignment, c.db().Now())
		if err != nil {
			return err
		}
		_, err = s.Decide(c.Context(), by, board.TakedownID(id), board.Upheld, "确有不妥")
		return err
	})
	c.in("leave the place its page", func(tx *db.Tx) error {
		_, err := tx.Change(c.Context(), `UPDATE takedown SET kind = 'publication', ref_id = ? WHERE state = 'upheld' AND kind = 'notices'`, 1<<40+id)
		return err
	})
	return id
}

// anUnread is a service item of a correspondent of c.at that WeChat is not sure of.
func anUnread(c *cell) int64 {
	by := c.as(org.RoleCorrespondent, c.at)
	c.set(`DELETE FROM public_profile WHERE person_id = ?`, by.person)
	by.must(http.MethodPut, "/v1/me/public-profile", map[string]any{
		"showName": false, "showItems": true, "showPhone": false, "items": []any{map[string]any{"text": "存疑的事"}}, "version": 0,
	})
	return int64(by.person)
}

func aFeedback(c *cell) (id int64) {
	c.said(func(s *board.Service, page board.PageRef) error {
		return s.Say(c.Context(), org.Actor{}, page, "很好")
	})
	c.newest(&id, `SELECT MAX(id) FROM feedback`)
	return id
}

func (c *cell) newest(id *int64, query string) {
	if err := c.db().Get(c.Context(), id, query); err != nil {
		c.Fatal(err)
	}
}

// writes says whether a can write drafts.
func writes(a *actor) bool {
	return a.home != nil && !oneOf(a.role, org.RoleCounterClerk, org.RolePartyOffice, org.RoleCommitteeSecretary, org.RoleSystemAdmin,
		org.RoleSecurityAdmin, org.RoleAuditAdmin)
}

// aDraft is one that c.by wrote, or a correspondent of c.at.
func aDraft(c *cell) int64 {
	by := c.by
	if c.position != self {
		by = c.as(org.RoleCorrespondent, c.at)
	}
	return by.post("/v1/publications", map[string]any{
		"kind": "story", "title": "帮收麦子", "text": "邻里一起收。", "startOn": string(c.today()),
	}).id("id")
}

// published is a publication of c.at that has gone so far.
func published(steps ...string) func(c *cell) int64 {
	return func(c *cell) int64 {
		id, by := aDraft(c), c.as(org.RoleCorrespondent, c.at)
		for _, step := range steps {
			var body any
			if step == "hide" {
				body = map[string]any{"reason": "待核实"}
			}
			by.post(fmt.Sprintf("/v1/publications/%d/%s", id, step), body)
			by = c.as(org.RoleEditor, c.at)
		}
		return id
	}
}

// readsDrafts is the oracle of publications: one's own, and for editors and the office all of their subdistrict.
func readsDrafts(c *cell) bool {
	return ofSelf(c) || c.by == c.actors[fmt.Sprintf("%s@%d", org.RoleCorrespondent, c.at.ID)] ||
		oneOf(c.by.role, org.RoleEditor, org.RolePartyOffice, org.RoleCommitteeSecretary) && c.by.sees(c.at)
}

// ownDraft says that only its author changes a draft.
func ownDraft(c *cell) *refusal {
	if ofSelf(c) || c.by.role == org.RoleCorrespondent {
		return nil
	}
	return forbidden
}
