package request

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
)

func dangerQuestions(ctx context.Context, q db.Queryer) (questions, error) {
	var rows []struct {
		Category Code   `db:"category"`
		Answers  string `db:"answers"`
		Version  int64  `db:"version"`
	}
	if err := q.Select(ctx, &rows, `SELECT category, answers, version FROM danger_question`); err != nil {
		return nil, db.Wrap(err, nil, "find the questions of danger")
	}
	set := questions{}
	for _, r := range rows {
		d := DangerQuestion{Category: r.Category, Version: r.Version}
		if err := json.Unmarshal([]byte(r.Answers), &d.Answers); err != nil {
			return nil, fmt.Errorf("read the question of danger in %s: %w", r.Category, err)
		}
		set[r.Category] = d
	}
	return set, nil
}

// saveDangerQuestion stores d over the version that it was made from, and returns its new one.
func saveDangerQuestion(ctx context.Context, tx *db.Tx, by org.Actor, d DangerQuestion) (version int64, err error) {
	answers, err := json.Marshal(d.Answers)
	if err != nil {
		return 0, fmt.Errorf("write down the question of danger: %w", err)
	}
	if d.Version == 0 {
		_, err = tx.Change(ctx, `
			INSERT INTO danger_question (category, answers, set_by, set_at)
			VALUES (?, ?, ?, ?)`, d.Category, string(answers), by.PersonID, tx.Now)
		if err == nil || !db.IsDuplicate(err) {
			return 1, db.Wrap(err, nil, "insert the question of danger in %s", d.Category)
		}
	} else {
		found, err := tx.Change(ctx, `
			UPDATE danger_question
			SET answers = ?, set_by = ?, set_at = ?, version = version + 1
			WHERE category = ? AND version = ?`, string(answers), by.PersonID, tx.Now, d.Category, d.Version)
		if err != nil || found > 0 {
			return d.Version + 1, db.Wrap(err, nil, "change the question of danger in %s", d.Category)
		}
	}
	var now int64
	err = tx.Get(ctx, &now, `SELECT version FROM danger_question WHERE category = ?`, d.Category)
	if err == nil || errors.Is(err, sql.ErrNoRows) {
		return 0, problem.Stale(d.Version, now)
	}
	return 0, db.Wrap(err, nil, "read the question of danger in %s", d.Category)
}
