package transfer

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"wanjia/internal/household"
	"wanjia/internal/member"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

// A hang is something that may refer to what an import has made: then that cannot go. A test holds the list against the
// foreign keys of the schema.
type hang struct {
	what string
	on   string // kind of what was made
	own  string // kind of what may refer to it since the same import made it
	ids  string // finds what refers to some of it
}

// table is where ids looks.
func (h hang) table() string { return strings.Fields(h.ids)[3] }

// hangs are all of them. Some tables have no ids of their own; the one they refer to does as well.
var hangs = []hang{
	{"units", madeUnit, madeUnit, `SELECT id FROM unit WHERE parent_id IN (?)`},
	{"units", madeUnit, "", `SELECT id FROM unit WHERE park_id IN (?)`},
	{"assignments", madeUnit, madeAssignment, `SELECT id FROM role_assignment WHERE unit_id IN (?)`},
	{"proposals", madeUnit, "", `SELECT id FROM role_proposal WHERE unit_id IN (?)`},
	{"members", madeUnit, "", `SELECT id FROM member WHERE unit_id IN (?)`},
	{"members", madeUnit, "", `SELECT id FROM office_post WHERE section_id IN (?)`},
	{"buildings", madeUnit, madeBuilding, `SELECT id FROM building WHERE place_id IN (?)`},
	{"entrances", madeUnit, madeEntrance, `SELECT id FROM entrance WHERE place_id IN (?)`},
	{"entrances", madeUnit, madeDeal, `SELECT id FROM area_entrance WHERE area_id IN (?)`},
	{"requests", madeUnit, "", `SELECT id FROM request WHERE unit_id IN (?)`},
	{"requests", madeUnit, "", `SELECT id FROM request WHERE holder_unit_id IN (?)`},
	{"visits", madeUnit, "", `SELECT id FROM visit WHERE unit_id IN (?)`},
	{"presences", madeUnit, "", `SELECT id FROM presence WHERE unit_id IN (?)`},
	{"places", madeUnit, "", `SELECT id FROM place WHERE unit_id IN (?)`},
	{"tasks", madeUnit, "", `SELECT id FROM task WHERE unit_id IN (?)`},
	{"tasks", madeUnit, "", `SELECT id FROM task_copy WHERE unit_id IN (?)`},
	{"tasks", madeUnit, "", `SELECT id FROM campaign WHERE unit_id IN (?)`},
	{"invitations", madeUnit, "", `SELECT id FROM invitation WHERE unit_id IN (?)`},
	{"settings", madeUnit, "", `SELECT id FROM policy_setting WHERE unit_id IN (?)`},
	{"settings", madeUnit, "", `SELECT id FROM sector WHERE unit_id IN (?)`},
	{"imports", madeUnit, "", `SELECT id FROM transfer_import WHERE unit_id IN (?)`},
	{"messages", madeUnit, "", `SELECT id FROM notice WHERE unit_id IN (?)`},

	{"tasks", madeAssignment, "", `SELECT id FROM task WHERE assignment_id IN (?)`},
	{"tasks", madeAssignment, "", `SELECT id FROM campaign WHERE assignment_id IN (?)`},
	{"tasks", madeAssignment, "", `SELECT id FROM task_step WHERE assignment_id IN (?)`},
	{"messages", madeAssignment, "", `SELECT id FROM notice WHERE assignment_id IN (?)`},
	{"proposals", madeAssignment, "", `SELECT id FROM role_proposal WHERE assignment_id IN (?)`},

	{"entrances", madeBuilding, madeEntrance, `SELECT id FROM entrance WHERE building_id IN (?)`},
	{"areas", madeEntrance, madeDeal, `SELECT id FROM area_entrance WHERE entrance_id IN (?)`},
	{"homes", madeEntrance, madeHome, `SELECT id FROM premises WHERE entrance_id IN (?)`},
	{"contacts", madeHome, "", `SELECT premises_id FROM household_contact WHERE premises_id IN (?)`},
	{"visits", madeHome, "", `SELECT id FROM visit WHERE premises_id IN (?)`},
	{"visits", madeHome, "", `SELECT id FROM household_mute WHERE premises_id IN (?)`},
	{"requests", madeHome, "", `SELECT id FROM request WHERE premises_id IN (?)`},

	{"assignments", madePerson, madeSeat, `SELECT id FROM role_assignment WHERE person_id IN (?)`},
	{"assignments", madePerson, "", `SELECT id FROM role_assignment WHERE granted_by IN (?)`},
	{"assignments", madePerson, "", `SELECT id FROM role_assignment WHERE second_by IN (?)`},
	{"assignments", madePerson, "", `SELECT id FROM role_assignment WHERE ended_by IN (?)`},
	{"proposals", madePerson, "", `SELECT id FROM role_proposal WHERE person_id IN (?)`},
	{"proposals", madePerson, "", `SELECT id FROM role_proposal WHERE proposed_by IN (?)`},
	{"proposals", madePerson, "", `SELECT id FROM role_proposal WHERE decided_by IN (?)`},
	{"members", madePerson, madeMember, `SELECT id FROM member WHERE person_id IN (?)`},
	{"accounts", madePerson, "", `SELECT person_id FROM credential WHERE person_id IN (?)`},
	{"accounts", madePerson, "", `SELECT id FROM wechat_account WHERE person_id IN (?)`},
	{"accounts", madePerson, "", `SELECT id FROM session WHERE person_id IN (?)`},
	{"accounts", madePerson, "", `SELECT id FROM binding_request WHERE person_id IN (?)`},
	{"accounts", madePerson, "", `SELECT id FROM binding_request WHERE decided_by IN (?)`},
	{"accounts", madePerson, "", `SELECT id FROM enrolment WHERE person_id IN (?)`},
	{"accounts", madePerson, "", `SELECT id FROM enrolment WHERE created_by IN (?)`},
	{"accounts", madePerson, "", `SELECT id FROM enrolment WHERE second_by IN (?)`},
	{"accounts", madePerson, "", `SELECT person_id FROM sign_in_challenge WHERE person_id IN (?)`},
	{"accounts", madePerson, "", `SELECT id FROM recovery_code WHERE person_id IN (?)`},
	{"accounts", madePerson, "", `SELECT person_id FROM pin WHERE person_id IN (?)`},
	{"accounts", madePerson, "", `SELECT person_id FROM demo_handle WHERE person_id IN (?)`},
	{"invitations", madePerson, "", `SELECT id FROM invitation WHERE person_id IN (?)`},
	{"invitations", madePerson, "", `SELECT id FROM invitation WHERE created_by IN (?)`},
	{"messages", madePerson, "", `SELECT person_id FROM inbox_head WHERE person_id IN (?)`},
	{"messages", madePerson, "", `SELECT id FROM notice WHERE person_id IN (?)`},
	{"messages", madePerson, "", `SELECT id FROM notice_call WHERE person_id IN (?)`},
	{"visits", madePerson, "", `SELECT id FROM visit WHERE person_id IN (?)`},
	{"presences", madePerson, "", `SELECT id FROM presence WHERE person_id IN (?)`},
	{"presences", madePerson, "", `SELECT id FROM presence WHERE decided_by IN (?)`},
	{"presences", madePerson, "", `SELECT id FROM presence_evidence WHERE person_id IN (?)`},
	{"presences", madePerson, "", `SELECT id FROM code_redemption WHERE person_id IN (?)`},
	{"tasks", madePerson, "", `SELECT id FROM task WHERE created_by IN (?)`},
	{"tasks", madePerson, "", `SELECT id FROM task_copy WHERE person_id IN (?)`},
	{"tasks", madePerson, "", `SELECT id FROM task_step WHERE person_id IN (?)`},
	{"tasks", madePerson, "", `SELECT id FROM campaign WHERE created_by IN (?)`},
	{"settings", madePerson, "", `SELECT id FROM policy_setting WHERE changed_by IN (?)`},
	{"settings", madePerson, "", `SELECT id FROM legal_basis WHERE entered_by IN (?)`},
	{"settings", madePerson, "", `SELECT id FROM legal_basis WHERE approved_by IN (?)`},
	{"imports", madePerson, "", `SELECT id FROM transfer_import WHERE uploaded_by IN (?)`},
	{"imports", madePerson, "", `SELECT id FROM transfer_import WHERE applied_by IN (?)`},
	{"imports", madePerson, "", `SELECT id FROM transfer_import WHERE undone_by IN (?)`},

	{"absences", madeAssignment, "", `SELECT id FROM absence WHERE assignment_id IN (?)`},
	{"absences", madePerson, "", `SELECT id FROM absence WHERE ended_by IN (?)`},
	{"absences", madePerson, "", `SELECT id FROM absence WHERE person_id IN (?)`},
	{"absences", madeAssignment, "", `SELECT id FROM absence WHERE stand_in_as IN (?)`},
	{"absences", madePerson, "", `SELECT id FROM absence WHERE stand_in_id IN (?)`},
	{"absences", madeUnit, "", `SELECT id FROM absence WHERE unit_id IN (?)`},
	{"visits", madeBuilding, "", `SELECT id FROM area_round WHERE building_id IN (?)`},
	{"visits", madeEntrance, "", `SELECT id FROM area_round WHERE entrance_id IN (?)`},
	{"visits", madePerson, "", `SELECT id FROM area_round WHERE person_id IN (?)`},
	{"visits", madeUnit, "", `SELECT id FROM area_round WHERE unit_id IN (?)`},
	{"splits", madeAssignment, "", `SELECT id FROM area_split WHERE drafted_as IN (?)`},
	{"splits", madePerson, "", `SELECT id FROM area_split WHERE drafted_by IN (?)`},
	{"splits", madeUnit, "", `SELECT id FROM area_split WHERE place_id IN (?)`},
	{"splits", madePerson, "", `SELECT split_id FROM area_split_answer WHERE answered_by IN (?)`},
	{"splits", madeUnit, "", `SELECT split_id FROM area_split_answer WHERE area_id IN (?)`},
	{"splits", madeEntrance, "", `SELECT split_id FROM area_split_move WHERE entrance_id IN (?)`},
	{"splits", madeUnit, "", `SELECT split_id FROM area_split_move WHERE from_id IN (?)`},
	{"splits", madeUnit, "", `SELECT split_id FROM area_split_move WHERE to_id IN (?)`},
	{"publications", madeAssignment, "", `SELECT id FROM media WHERE author_as IN (?)`},
	{"publications", madePerson, "", `SELECT id FROM media WHERE author_id IN (?)`},
	{"publications", madeUnit, "", `SELECT id FROM media WHERE unit_id IN (?)`},
	{"publications", madeAssignment, "", `SELECT id FROM press_pack WHERE built_as IN (?)`},
	{"publications", madePerson, "", `SELECT id FROM press_pack WHERE built_by IN (?)`},
	{"publications", madePerson, "", `SELECT id FROM depicted WHERE person_id IN (?)`},
	{"boards", madeUnit, "", `SELECT id FROM board WHERE area_id IN (?)`},
	{"boards", madePerson, "", `SELECT id FROM board WHERE created_by IN (?)`},
	{"boards", madeUnit, "", `SELECT id FROM board WHERE place_id IN (?)`},
	{"boards", madePerson, "", `SELECT id FROM board_version WHERE made_by IN (?)`},
	{"boards", madePerson, "", `SELECT id FROM board_version WHERE printed_by IN (?)`},
	{"openings", madeUnit, "", `SELECT id FROM break_glass WHERE area_id IN (?)`},
	{"openings", madePerson, "", `SELECT id FROM break_glass WHERE person_id IN (?)`},
	{"openings", madeUnit, "", `SELECT id FROM break_glass WHERE unit_id IN (?)`},
	{"calls", madeUnit, "", `SELECT id FROM call_task WHERE unit_id IN (?)`},
	{"cards", madePerson, "", `SELECT id FROM card WHERE proposed_by IN (?)`},
	{"cards", madeUnit, "", `SELECT id FROM card WHERE unit_id IN (?)`},
	{"contacts", madePerson, "", `SELECT id FROM care_flag WHERE person_id IN (?)`},
	{"contacts", madeHome, "", `SELECT id FROM care_flag WHERE premises_id IN (?)`}, // nobody hears that there is a flag
	{"requests", madeUnit, "", `SELECT id FROM counter_step WHERE unit_id IN (?)`},
	{"settings", madeUnit, "", `SELECT id FROM emergency WHERE unit_id IN (?)`},
	{"settings", madePerson, "", `SELECT id FROM emergency WHERE drafted_by IN (?)`},
	{"settings", madePerson, "", `SELECT id FROM emergency WHERE second_by IN (?)`},
	{"settings", madePerson, "", `SELECT id FROM emergency WHERE ended_by IN (?)`},
	{"settings", madePerson, "", `SELECT id FROM rule_change WHERE set_by IN (?)`},
	{"settings", madePerson, "", `SELECT set_by FROM danger_question WHERE set_by IN (?)`},
	{"consents", madePerson, "", `SELECT id FROM disclosure_consent WHERE person_id IN (?)`},
	{"consents", madePerson, "", `SELECT id FROM disclosure_consent WHERE recorded_by IN (?)`},
	{"consents", madePerson, "", `SELECT id FROM disclosure_consent WHERE witness_id IN (?)`},
	{"exemptions", madePerson, "", `SELECT person_id FROM duty_exemption WHERE person_id IN (?)`},
	{"feedback", madeUnit, "", `SELECT id FROM feedback WHERE unit_id IN (?)`},
	{"handovers", madeUnit, "", `SELECT id FROM handover WHERE area_id IN (?)`},
	{"handovers", madeAssignment, "", `SELECT id FROM handover WHERE assignment_id IN (?)`},
	{"handovers", madeAssignment, "", `SELECT id FROM handover WHERE successor_id IN (?)`},
	{"handovers", madeUnit, "", `SELECT id FROM handover WHERE unit_id IN (?)`},
	{"skills", madePerson, "", `SELECT id FROM helper_skill WHERE person_id IN (?)`},
	{"consents", madePerson, "", `SELECT id FROM household_consent WHERE person_id IN (?)`},
	{"consents", madeHome, "", `SELECT id FROM household_consent WHERE premises_id IN (?)`},
	{"own data", madePerson, "", `SELECT id FROM own_data WHERE person_id IN (?)`},
	{"own data", madeUnit, "", `SELECT id FROM own_data WHERE unit_id IN (?)`},
	{"plaques", madePerson, "", `SELECT id FROM plaque WHERE person_id IN (?)`},
	{"plaques", madeHome, "", `SELECT id FROM plaque WHERE premises_id IN (?)`},
	{"plaques", madePerson, "", `SELECT id FROM plaque WHERE proposed_by IN (?)`},
	{"plaques", madeUnit, "", `SELECT id FROM plaque WHERE unit_id IN (?)`},
	{"promises", madePerson, "", `SELECT id FROM promise WHERE person_id IN (?)`},
	{"promises", madeUnit, "", `SELECT id FROM promise WHERE unit_id IN (?)`},
	{"consents", madePerson, "", `SELECT person_id FROM public_profile WHERE person_id IN (?)`},
	{"publications", madeAssignment, "", `SELECT id FROM publication WHERE author_as IN (?)`},
	{"publications", madePerson, "", `SELECT id FROM publication WHERE author_id IN (?)`},
	{"publications", madePerson, "", `SELECT id FROM publication WHERE decided_by IN (?)`},
	{"publications", madeUnit, "", `SELECT id FROM publication WHERE unit_id IN (?)`},
	{"requests", madeUnit, "", `SELECT id FROM request_miss WHERE holder_unit_id IN (?)`},
	{"requests", madeUnit, "", `SELECT id FROM request_slip WHERE unit_id IN (?)`},
	{"weather", madePerson, "", `SELECT id FROM risk_event WHERE person_id IN (?)`},
	{"weather", madeUnit, "", `SELECT id FROM risk_event WHERE unit_id IN (?)`},
	{"weather", madeUnit, "", `SELECT id FROM risk_offer WHERE area_id IN (?)`},
	{"weather", madeHome, "", `SELECT id FROM risk_offer WHERE premises_id IN (?)`},
	{"takedowns", madePerson, "", `SELECT id FROM takedown WHERE decided_by IN (?)`},
	{"takedowns", madePerson, "", `SELECT id FROM takedown WHERE person_id IN (?)`},
	{"takedowns", madeUnit, "", `SELECT id FROM takedown WHERE unit_id IN (?)`},
	{"visits", madeUnit, "", `SELECT id FROM visit_tally WHERE unit_id IN (?)`},
}

// A Use is a kind of thing that hangs on what an import made, and how many of it do.
type Use struct {
	What  string `json:"what"`
	Count int    `json:"count"`
}

// usesOf says what hangs on what was made, or has changed since.
func usesOf(ctx context.Context, q db.Queryer, made map[string][]thing) (uses []Use, err error) {
	refs := map[string][]int64{}
	for kind, things := range made {
		for _, t := range things {
			refs[kind] = append(refs[kind], t.Ref)
		}
	}
	found := map[string]map[string]bool{} // by table and id: one request may hang on two units
	note := func(what, table string, id int64) {
		if found[what] == nil {
			found[what] = map[string]bool{}
		}
		found[what][fmt.Sprint(table, id)] = true
	}
	for _, h := range hangs {
		own := map[int64]bool{}
		for _, id := range refs[h.own] {
			own[id] = true
		}
		for some := range slices.Chunk(refs[h.on], 500) {
			var ids []int64
			if err := selectIn(ctx, q, &ids, h.ids, some); err != nil {
				return nil, db.Wrap(err, nil, "look for %s that hang on an import", h.what)
			}
			for _, id := range ids {
				if !own[id] {
					note(h.what, h.table(), id)
				}
			}
		}
	}
	corrected, err := correctedSince(ctx, q, made)
	if err != nil {
		return nil, err
	}
	for _, id := range corrected {
		note("corrections", "member", id)
	}
	for what, ids := range found {
		uses = append(uses, Use{what, len(ids)})
	}
	slices.SortFunc(uses, func(a, b Use) int { return strings.Compare(a.What, b.What) })
	return uses, nil
}

// correctedSince are the entries of rosters that somebody has changed after the import did.
func correctedSince(ctx context.Context, q db.Queryer, made map[string][]thing) (ids []int64, err error) {
	left := map[int64]int64{} // the version that the import left
	for _, t := range made[madeMember] {
		left[t.Ref] = 1
	}
	for _, t := range made[madeCorrection] {
		var b before
		if err := json.Unmarshal([]byte(t.Before), &b); err != nil {
			return nil, err
		}
		left[t.Ref] = b.Version
	}
	all := make([]int64, 0, len(left))
	for id := range left {
		all = append(all, id)
	}
	for some := range slices.Chunk(all, 500) {
		var rows []struct {
			ID      int64 `db:"id"`
			Version int64 `db:"version"`
		}
		if err := selectIn(ctx, q, &rows, `SELECT id, version FROM member WHERE id IN (?)`, some); err != nil {
			return nil, db.Wrap(err, nil, "read what has become of %d entries", len(some))
		}
		for _, r := range rows {
			if r.Version != left[r.ID] {
				ids = append(ids, r.ID)
			}
		}
	}
	return ids, nil
}

func refsOf[T ~int64](things []thing) []T {
	ids := make([]T, len(things))
	for i, t := range things {
		ids[i] = T(t.Ref)
	}
	return ids
}

// takeBack removes what was made, what hangs on others first, and puts back what was changed.
func (s *Service) takeBack(ctx context.Context, tx *db.Tx, by org.Actor, made map[string][]thing) error {
	for _, t := range made[madeAssignment] {
		a, err := org.AssignmentByID(ctx, tx, org.AssignmentID(t.Ref))
		if err != nil {
			return err
		}
		if err := s.changed(ctx, tx, by, org.RoleEnded, a); err != nil {
			return err
		}
		if err := org.Unassign(ctx, tx, a); err != nil {
			return err
		}
	}
	if err := org.UnassignNew(ctx, tx, refsOf[org.AssignmentID](made[madeSeat])); err != nil {
		return err
	}
	if err := s.putBack(ctx, tx, made); err != nil {
		return err
	}
	if err := household.RemoveDeals(ctx, tx, refsOf[int64](made[madeDeal])...); err != nil {
		return err
	}
	if err := household.RemovePremises(ctx, tx, refsOf[household.ID](made[madeHome])...); err != nil {
		return err
	}
	if err := household.RemoveEntrances(ctx, tx, refsOf[household.EntranceID](made[madeEntrance])...); err != nil {
		return err
	}
	if err := household.RemoveBuildings(ctx, tx, refsOf[household.BuildingID](made[madeBuilding])...); err != nil {
		return err
	}
	if err := member.Remove(ctx, tx, refsOf[member.ID](made[madeMember]), refsOf[org.PersonID](made[madePerson])); err != nil {
		return err
	}
	return org.RemoveUnits(ctx, tx, refsOf[org.UnitID](made[madeUnit]))
}

// putBack makes labels, entries and posts what they were before.
func (s *Service) putBack(ctx context.Context, tx *db.Tx, made map[string][]thing) error {
	for _, t := range made[madeLabel] {
		var l label
		if err := json.Unmarshal([]byte(t.Before), &l); err != nil {
			return err
		}
		if err := org.UnsetLabel(ctx, tx, l.Place, l.Level, l.Word, l.Day, l.Before); err != nil {
			return err
		}
	}
	for _, t := range made[madeCorrection] {
		var b before
		if err := json.Unmarshal([]byte(t.Before), &b); err != nil {
			return err
		}
		if err := member.Restate(ctx, tx, s.keys, member.ID(t.Ref), b.Version, b.Status, b.Since); err != nil {
			return err
		}
	}
	for _, t := range made[madePost] {
		var b postBefore
		if err := json.Unmarshal([]byte(t.Before), &b); err != nil {
			return err
		}
		set := member.Post{PersonID: org.PersonID(t.Ref), Section: b.To}
		if err := member.UnsetPost(ctx, tx, set, b.Day, b.Section); err != nil {
			return err
		}
	}
	return nil
}
