package request

import (
	"context"
	"slices"
	"strings"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
)

const musterColumns = `
	m.id, m.request_id, m.unit_id, u.name AS unit_name, m.state, m.skills, m.note_sealed, m.meet_at, m.called_by,
	m.assignment_id, m.called_at, m.begun_at, m.ended_at, m.version`

func insertMuster(ctx context.Context, tx *db.Tx, keys *sealed.Keys, m *Muster) error {
	id, err := tx.Insert(ctx, `
		INSERT INTO muster (
			request_id, open_request_id, unit_id, state, skills, meet_at, called_by, assignment_id, called_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		m.RequestID, m.RequestID, m.UnitID, m.State, m.SkillList, m.MeetAt, m.CalledBy, m.Assignment, m.CalledAt)
	switch {
	case db.IsDuplicate(err):
		return ErrMusterOpen
	case err != nil:
		return db.Wrap(err, nil, "call helpers for request %d", m.RequestID)
	}
	if m.ID = MusterID(id); m.Note == "" {
		return nil
	}
	note, err := keys.Seal(sealed.Personal, "muster", "note_sealed", id, m.Note)
	if err != nil {
		return err
	}
	_, err = tx.Change(ctx, `UPDATE muster SET note_sealed = ? WHERE id = ?`, note, id)
	return db.Wrap(err, nil, "seal the note of muster %d", id)
}

// saveMuster stores what became of m, unless somebody was faster.
func saveMuster(ctx context.Context, tx *db.Tx, m *Muster) error {
	var open *ID
	if m.EndedAt == nil {
		open = &m.RequestID
	}
	found, err := tx.Change(ctx, `
		UPDATE muster
		SET state = ?, open_request_id = ?, begun_at = ?, ended_at = ?, version = version + 1
		WHERE id = ? AND version = ?`, m.State, open, m.BegunAt, m.EndedAt, m.ID, m.Version)
	if err == nil && found == 0 {
		return db.Stale(ctx, tx, m.Version, `SELECT version FROM muster WHERE id = ?`, m.ID)
	}
	m.Version++
	return db.Wrap(err, nil, "move muster %d", m.ID)
}

// holdMusters keeps the musters of a request as they are until the transaction is over: who is just answering has answered.
func holdMusters(ctx context.Context, tx *db.Tx, id ID) error {
	var held []MusterID
	return db.Wrap(tx.Select(ctx, &held, `SELECT id FROM muster WHERE request_id = ?`+db.ForUpdate, id), nil, "hold the musters of request %d", id)
}

func (m *Muster) unseal(keys *sealed.Keys) (err error) {
	m.Note, err = keys.Open(sealed.Personal, "muster", "note_sealed", int64(m.ID), m.NoteSealed)
	return err
}

// findMuster is a muster; whether who asks may see it is for whoever calls.
func findMuster(ctx context.Context, q db.Queryer, id MusterID) (m Muster, err error) {
	err = q.Get(ctx, &m, `SELECT `+musterColumns+` FROM muster m JOIN unit u ON u.id = m.unit_id WHERE m.id = ?`, id)
	return m, db.Wrap(err, problem.ErrNotFound, "find muster %d", id)
}

// mustersOf are the musters of a request, the newest first.
func mustersOf(ctx context.Context, q db.Queryer, id ID) (all []Muster, err error) {
	err = q.Select(ctx, &all, `
		SELECT `+musterColumns+`
		FROM muster m
		JOIN unit u ON u.id = m.unit_id
		WHERE m.request_id = ?
		ORDER BY m.id DESC
		LIMIT 20`, id)
	return all, db.Wrap(err, nil, "find the musters of request %d", id)
}

// helpers are up to n members of a place's organisations with one of the skills: those who were asked longest ago
// first, so that not always the same ones are.
func helpers(ctx context.Context, q db.Queryer, party org.Unit, skills []string, but org.PersonID, n int) (ids []org.PersonID, err error) {
	today := calendar.DayOf(db.NowOf(q))
	query, args, err := db.In(`
		SELECT h.person_id
		FROM helper_skill h
		JOIN member m ON m.person_id = h.person_id
		JOIN unit u ON u.id = m.unit_id
		LEFT JOIN muster_invite i ON i.person_id = h.person_id
		WHERE h.skill IN (?) AND u.path >= ? AND u.path < ? AND m.valid_from <= ? AND (m.valid_to IS NULL OR m.valid_to > ?)
		  AND h.person_id <> ?
		GROUP BY h.person_id
		ORDER BY COALESCE(MAX(i.id), 0), h.person_id
		LIMIT ?`, skills, party.Path, strings.TrimSuffix(party.Path, "/")+"0", today, today, but, n)
	if err != nil {
		return nil, err
	}
	return ids, db.Wrap(q.Select(ctx, &ids, query, args...), nil, "find helpers")
}

func invite(ctx context.Context, tx *db.Tx, id MusterID, persons []org.PersonID) error {
	for _, p := range persons {
		_, err := tx.Insert(ctx, `INSERT INTO muster_invite (muster_id, person_id, answer, asked_at) VALUES (?, ?, ?, ?)`, id, p, Asked, tx.Now)
		if err != nil {
			return db.Wrap(err, nil, "ask person %d to help", p)
		}
	}
	return nil
}

// An invited is somebody who was asked.
type invited struct {
	Person org.PersonID `db:"person_id"`
	Answer Answer       `db:"answer"`
	Exempt bool         `db:"exempt"` // has asked to be expected no duty
}

func invitedTo(ctx context.Context, q db.Queryer, id MusterID) (all []invited, err error) {
	err = q.Select(ctx, &all, `
		SELECT i.person_id, i.answer, EXISTS (SELECT 1 FROM duty_exemption e WHERE e.person_id = i.person_id) AS exempt
		FROM muster_invite i
		WHERE i.muster_id = ?
		ORDER BY i.id`, id)
	return all, db.Wrap(err, nil, "find who was asked to muster %d", id)
}

// answer notes what somebody says, as long as it is asked.
func answer(ctx context.Context, tx *db.Tx, id MusterID, person org.PersonID, a Answer) (found int64, err error) {
	found, err = tx.Change(ctx, `
		UPDATE muster_invite SET answer = ?, answered_at = ? WHERE muster_id = ? AND person_id = ? AND answer <> ?`,
		a, tx.Now, id, person, HelpSilent)
	return found, db.Wrap(err, nil, "answer muster %d", id)
}

// nobodyElse notes that whoever has said nothing was silent.
func nobodyElse(ctx context.Context, tx *db.Tx, id MusterID) error {
	_, err := tx.Change(ctx, `UPDATE muster_invite SET answer = ? WHERE muster_id = ? AND answer = ?`, HelpSilent, id, Asked)
	return db.Wrap(err, nil, "close the answers of muster %d", id)
}

// invitation is a muster that person was asked to.
func invitation(ctx context.Context, q db.Queryer, person org.PersonID, id MusterID) (i Invitation, err error) {
	err = q.Get(ctx, &i, `
		SELECT `+musterColumns+`, i.id AS invite_id, i.answer, i.asked_at
		FROM muster_invite i
		JOIN muster m ON m.id = i.muster_id
		JOIN unit u ON u.id = m.unit_id
		WHERE i.muster_id = ? AND i.person_id = ?`, id, person)
	return i, db.Wrap(err, problem.ErrNotFound, "find muster %d of person %d", id, person)
}

// invitations are a page of the musters person was asked to, the newest first.
func invitations(ctx context.Context, q db.Queryer, person org.PersonID, p page.Page) (all []Invitation, err error) {
	err = q.Select(ctx, &all, `
		SELECT `+musterColumns+`, i.id AS invite_id, i.answer, i.asked_at
		FROM muster_invite i
		JOIN muster m ON m.id = i.muster_id
		JOIN unit u ON u.id = m.unit_id
		WHERE i.person_id = ? AND i.asked_at <= ? AND (i.asked_at < ? OR i.id < ?)
		ORDER BY i.asked_at DESC, i.id DESC
		LIMIT ?`, person, p.At, p.At, p.ID, p.Limit())
	return all, db.Wrap(err, nil, "find the musters of person %d", person)
}

func skillsOf(ctx context.Context, q db.Queryer, person org.PersonID) (skills []string, err error) {
	err = q.Select(ctx, &skills, `SELECT skill FROM helper_skill WHERE person_id = ? ORDER BY skill`, person)
	return skills, db.Wrap(err, nil, "find the skills of person %d", person)
}

// setSkills makes skills those of person.
func setSkills(ctx context.Context, tx *db.Tx, person org.PersonID, skills []string) error {
	had, err := skillsOf(ctx, tx, person)
	if err != nil {
		return err
	}
	for _, skill := range had {
		if slices.Contains(skills, skill) {
			continue
		}
		if _, err := tx.Change(ctx, `DELETE FROM helper_skill WHERE person_id = ? AND skill = ?`, person, skill); err != nil {
			return db.Wrap(err, nil, "withdraw a skill of person %d", person)
		}
	}
	for _, skill := range skills {
		if slices.Contains(had, skill) {
			continue
		}
		_, err := tx.Insert(ctx, `INSERT INTO helper_skill (person_id, skill, declared_at) VALUES (?, ?, ?)`, person, skill, tx.Now)
		if err != nil && !db.IsDuplicate(err) {
			return db.Wrap(err, nil, "declare a skill of person %d", person)
		}
	}
	return nil
}
