package org

import (
	"context"
	"strings"

	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
)

// moveEdge closes unit's edge and opens one to parent, both today. An edge that began today never held a day, and
// is led elsewhere instead (T2).
func moveEdge(ctx context.Context, tx *db.Tx, unit, parent UnitID, today calendar.Day) error {
	found, err := tx.Change(ctx, `
		UPDATE unit_edge SET parent_id = ? WHERE unit_id = ? AND valid_to IS NULL AND valid_from = ?`, parent, unit, today)
	if err != nil || found > 0 {
		return db.Wrap(err, nil, "lead the edge of unit %d elsewhere", unit)
	}
	_, err = tx.Change(ctx, `UPDATE unit_edge SET valid_to = ? WHERE unit_id = ? AND valid_to IS NULL`, today, unit)
	if err != nil {
		return db.Wrap(err, nil, "close the edge of unit %d", unit)
	}
	return addEdge(ctx, tx, unit, parent, today)
}

// rewritePaths gives u and everything below it the paths they have below parent, in one statement.
func rewritePaths(ctx context.Context, tx *db.Tx, u, parent Unit) (Unit, error) {
	from, to := below(u)
	ids := u.line()
	u.Path = Unit{Path: parent.Path}.with(ids[len(ids)-1])
	_, err := tx.Change(ctx, `UPDATE unit SET path = CONCAT(?, SUBSTR(path, ?)) WHERE path >= ? AND path < ?`,
		u.Path, len(from)+1, from, to)
	if err != nil {
		return Unit{}, db.Wrap(err, nil, "rewrite the paths below unit %d", u.ID)
	}
	_, err = tx.Change(ctx, `UPDATE unit SET parent_id = ?, version = version + 1 WHERE id = ?`, parent.ID, u.ID)
	return u, db.Wrap(err, nil, "put unit %d below %d", u.ID, parent.ID)
}

// endUnit closes the unit, its edge and its link.
func endUnit(ctx context.Context, tx *db.Tx, u Unit, today calendar.Day) error {
	found, err := tx.Change(ctx, `
		UPDATE unit SET valid_to = ?, version = version + 1 WHERE id = ? AND (valid_to IS NULL OR valid_to > ?)`, today, u.ID, today)
	switch {
	case err != nil:
		return db.Wrap(err, nil, "end unit %d", u.ID)
	case found == 0:
		return ErrIllegalTransition.With("state", "ended")
	}
	_, err = tx.Change(ctx, `UPDATE unit_edge SET valid_to = ? WHERE unit_id = ? AND valid_to IS NULL`, today, u.ID)
	if err != nil {
		return db.Wrap(err, nil, "close the edge of unit %d", u.ID)
	}
	return closeLinks(ctx, tx, u.ID, today)
}

// closeLinks ends the links of a unit of either tree. One that began today never held a day, and goes. The party
// unit has no level without it.
func closeLinks(ctx context.Context, tx *db.Tx, id UnitID, today calendar.Day) error {
	_, err := tx.Change(ctx, `
		UPDATE unit SET level = 0
		WHERE tree = ? AND id IN (SELECT party_id FROM unit_link WHERE (party_id = ? OR grid_id = ?) AND valid_to IS NULL)`,
		PartyTree, id, id)
	if err != nil {
		return db.Wrap(err, nil, "take the level of the party unit")
	}
	_, err = tx.Change(ctx, `DELETE FROM unit_link WHERE (party_id = ? OR grid_id = ?) AND valid_to IS NULL AND valid_from = ?`, id, id, today)
	if err != nil {
		return db.Wrap(err, nil, "drop the link of unit %d", id)
	}
	_, err = tx.Change(ctx, `UPDATE unit_link SET valid_to = ? WHERE (party_id = ? OR grid_id = ?) AND valid_to IS NULL`, today, id, id)
	return db.Wrap(err, nil, "close the link of unit %d", id)
}

// nextVersion moves a unit's version on, unless somebody else has.
func nextVersion(ctx context.Context, tx *db.Tx, id UnitID, version int64) error {
	found, err := tx.Change(ctx, `UPDATE unit SET version = version + 1 WHERE id = ? AND version = ?`, id, version)
	if err != nil || found > 0 {
		return db.Wrap(err, nil, "change unit %d", id)
	}
	var now int64
	if err := tx.Get(ctx, &now, `SELECT version FROM unit WHERE id = ?`, id); err != nil {
		return db.Wrap(err, problem.ErrNotFound, "read the version of unit %d", id)
	}
	return problem.Stale(version, now)
}

// SetLabel is what a place calls a level from today on; "" goes back to the usual word.
func SetLabel(ctx context.Context, tx *db.Tx, place UnitID, level int, label string, today calendar.Day) error {
	_, err := tx.Change(ctx, `
		DELETE FROM unit_label WHERE unit_id = ? AND level = ? AND valid_to IS NULL AND valid_from = ?`, place, level, today)
	if err != nil {
		return db.Wrap(err, nil, "drop today's label of unit %d", place)
	}
	_, err = tx.Change(ctx, `
		UPDATE unit_label SET valid_to = ? WHERE unit_id = ? AND level = ? AND valid_to IS NULL`, today, place, level)
	if err != nil || label == "" {
		return db.Wrap(err, nil, "close the label of unit %d", place)
	}
	_, err = tx.Insert(ctx, `
		INSERT INTO unit_label (unit_id, level, label, valid_from) VALUES (?, ?, ?, ?)`, place, level, label, today)
	return db.Wrap(err, nil, "label level %d of unit %d", level, place)
}

func assignmentsAt(ctx context.Context, q db.Queryer, unit UnitID, day calendar.Day) (as []Assignment, err error) {
	err = q.Select(ctx, &as, assignmentColumns+`
		WHERE a.unit_id = ? AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)`, unit, day, day)
	return as, db.Wrap(err, nil, "find the roles of unit %d", unit)
}

func assignmentsBelow(ctx context.Context, q db.Queryer, u Unit, day calendar.Day) (as []Assignment, err error) {
	from, to := below(u)
	err = q.Select(ctx, &as, assignmentColumns+`
		WHERE u.path >= ? AND u.path < ? AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)`, from, to, day, day)
	return as, db.Wrap(err, nil, "find the roles below unit %d", u.ID)
}

// findToGrant says that person can be given a role by by. A person who has roles in other subdistricts only is not
// found (A1); one without any role is: that is how people begin.
func findToGrant(ctx context.Context, tx *db.Tx, by Actor, person PersonID) error {
	var id PersonID
	err := tx.Get(ctx, &id, `SELECT id FROM person WHERE id = ? AND disabled_at IS NULL`, person)
	if err != nil {
		return db.Wrap(err, problem.ErrNotFound, "find person %d", person)
	}
	var paths []string
	err = tx.Select(ctx, &paths, `
		SELECT u.path
		FROM role_assignment a
		JOIN unit u ON u.id = a.unit_id
		WHERE a.person_id = ? AND (a.valid_to IS NULL OR a.valid_to > ?)`, person, calendar.DayOf(tx.Now))
	if err != nil || len(paths) == 0 {
		return db.Wrap(err, nil, "find where person %d has roles", person)
	}
	grid, party := by.Grid.subdistrict(), by.Party.subdistrict()
	for _, p := range paths {
		if by.system || grid.Path != "" && strings.HasPrefix(p, grid.Path) || party.Path != "" && strings.HasPrefix(p, party.Path) {
			return nil
		}
	}
	return problem.ErrNotFound
}

const proposalColumns = `
	SELECT p.id, p.person_id, p.role, p.post, p.unit_id, u.name AS unit_name, p.is_primary, p.valid_from, p.valid_to,
	       p.document, p.state, p.proposed_by, p.proposed_as, p.proposed_at
	FROM role_proposal p
	JOIN unit u ON u.id = p.unit_id`

// openProposal is the one that n would agree to; the zero Proposal if there is none.
func openProposal(ctx context.Context, tx *db.Tx, n NewAssignment) (p Proposal, err error) {
	err = tx.Get(ctx, &p, proposalColumns+`
		WHERE p.unit_id = ? AND p.state = 'proposed' AND p.person_id = ? AND p.role = ? AND p.post = ?
		ORDER BY p.id
		LIMIT 1`, n.Unit.ID, n.Person, n.Role, n.Post)
	return p, orNone(err, "look for a proposal for person %d", n.Person)
}

func findProposal(ctx context.Context, q db.Queryer, by Actor, id ProposalID) (p Proposal, err error) {
	err = q.Get(ctx, &p, proposalColumns+` WHERE p.id = ?`, id)
	if err != nil {
		return Proposal{}, db.Wrap(err, problem.ErrNotFound, "find proposal %d", id)
	}
	_, err = FindUnit(ctx, q, by, p.UnitID)
	return p, err
}

func (p Proposal) span() Span {
	s := Span{From: p.ValidFrom}
	if p.ValidTo != nil {
		s.To = *p.ValidTo
	}
	return s
}

func insertProposal(ctx context.Context, tx *db.Tx, by Actor, n NewAssignment) (ProposalID, error) {
	var to any
	if n.Span.To != "" {
		to = n.Span.To
	}
	id, err := tx.Insert(ctx, `
		INSERT INTO role_proposal (person_id, role, post, unit_id, is_primary, valid_from, valid_to, document, state,
		                           proposed_by, proposed_as, proposed_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'proposed', ?, ?, ?)`,
		n.Person, n.Role, n.Post, n.Unit.ID, n.Primary, n.Span.From, to, n.Document, by.PersonID, by.Role, tx.Now)
	return ProposalID(id), db.Wrap(err, nil, "propose %s of unit %d", n.Role, n.Unit.ID)
}

// decideProposal closes an open proposal; of two at once one finds it closed.
func decideProposal(ctx context.Context, tx *db.Tx, by Actor, id ProposalID, state, reason string) error {
	found, err := tx.Change(ctx, `
		UPDATE role_proposal SET state = ?, decided_by = ?, decided_at = ?, reason = ? WHERE id = ? AND state = 'proposed'`,
		state, by.PersonID, tx.Now, reason, id)
	if err == nil && found == 0 {
		return ErrIllegalTransition.With("state", "decided")
	}
	return db.Wrap(err, nil, "decide proposal %d", id)
}

func noteProposal(ctx context.Context, tx *db.Tx, id ProposalID, a AssignmentID) error {
	_, err := tx.Change(ctx, `UPDATE role_proposal SET assignment_id = ? WHERE id = ?`, a, id)
	return db.Wrap(err, nil, "note what came of proposal %d", id)
}

// endAssignment sets the day a ends, unless it has ended or somebody was faster.
func endAssignment(ctx context.Context, tx *db.Tx, by Actor, a Assignment, on calendar.Day, reason string) error {
	found, err := tx.Change(ctx, `
		UPDATE role_assignment SET valid_to = ?, ended_by = ?, end_reason = ?, version = version + 1
		WHERE id = ? AND ended_at IS NULL AND (valid_to IS NULL OR valid_to > ?)`,
		on, orNull(by.PersonID), reason, a.ID, on)
	if err == nil && found == 0 {
		return ErrIllegalTransition.With("state", "ended")
	}
	return db.Wrap(err, nil, "end assignment %d", a.ID)
}

func noteEnded(ctx context.Context, tx *db.Tx, id AssignmentID) error {
	found, err := tx.Change(ctx, `UPDATE role_assignment SET ended_at = ? WHERE id = ? AND ended_at IS NULL`, tx.Now, id)
	if err == nil && found == 0 {
		return ErrIllegalTransition.With("state", "ended")
	}
	return db.Wrap(err, nil, "note the end of assignment %d", id)
}

// promoteNext makes another role of a's person the primary one: the oldest that holds.
func promoteNext(ctx context.Context, tx *db.Tx, a Assignment, today calendar.Day) error {
	left, err := AssignmentsOf(ctx, tx, a.PersonID, today)
	if err != nil || len(left) == 0 {
		return err
	}
	_, err = tx.Change(ctx, `UPDATE role_assignment SET is_primary = ? WHERE id = ?`, false, a.ID)
	if err == nil {
		_, err = tx.Change(ctx, `UPDATE role_assignment SET is_primary = ? WHERE id = ?`, true, left[0].ID)
	}
	return db.Wrap(err, nil, "choose the primary role of person %d", a.PersonID)
}

// dueRoles are up to 100 roles whose last day has passed and whose rights nobody has taken back.
func dueRoles(ctx context.Context, q db.Queryer, today calendar.Day) (due []Assignment, err error) {
	err = q.Select(ctx, &due, assignmentColumns+`
		WHERE a.ended_at IS NULL AND a.valid_to <= ?
		ORDER BY a.valid_to, a.id
		LIMIT 100`, today)
	return due, db.Wrap(err, nil, "find roles that are over")
}
