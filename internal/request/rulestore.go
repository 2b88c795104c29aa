package request

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

// rules are the rules as this process knows them. What another node has changed is known as soon as somebody acts, since
// each act looks whether there is something new.
type rules struct {
	first edition
	book  atomic.Pointer[rulebook]
	live  *calendar.Calendar // becomes the newest one
}

func newRules(cal *calendar.Calendar) *rules {
	r := &rules{live: cal}
	own, err := cal.With() // the one that others see changes
	if err != nil {
		own = cal
	}
	r.first = shippedEdition(own)
	r.book.Store(&rulebook{editions: []edition{r.first}})
	return r
}

// learn reads what has been changed since it was read last.
func (r *rules) learn(ctx context.Context, q db.Queryer) (*rulebook, error) {
	b := r.book.Load()
	var last int64
	if err := q.Get(ctx, &last, `SELECT COALESCE(MAX(id), 0) FROM rule_change`); err != nil {
		return nil, db.Wrap(err, nil, "look for changes of rules")
	}
	if last == b.last {
		return b, nil
	}
	changes, err := ruleChanges(ctx, q)
	if err != nil {
		return nil, err
	}
	if b, err = bookOf(r.first, changes); err != nil {
		return nil, err
	}
	r.book.Store(b)
	r.live.Become(b.editions[len(b.editions)-1].cal)
	return b, nil
}

// ruleChanges are all changes, in the order in which they take effect.
func ruleChanges(ctx context.Context, q db.Queryer) (changes []ruleChange, err error) {
	err = q.Select(ctx, &changes, `
		SELECT id, kind, subject, body, takes_effect_at, reason, set_by, assignment_id, recorded_at
		FROM rule_change
		ORDER BY takes_effect_at`)
	return changes, db.Wrap(err, nil, "read the rules")
}

// newest is the number of the newest change of a subject, as a change names what it was made from; 0: there is none.
func (b *rulebook) newest(kind ruleKind, subject string) (n int64) {
	for _, ch := range b.changes {
		if ch.Kind == kind && ch.Subject == subject {
			n = max(n, ch.ID)
		}
	}
	return n
}

// insertRule stores a change. Its moment is its own, and not before any that somebody may have acted on already: who
// changes rules at the same moment waits for the other's number and then starts again.
func insertRule(ctx context.Context, tx *db.Tx, by org.Actor, ch *ruleChange, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("write down a rule: %w", err)
	}
	if err := tx.Get(ctx, &ch.ID, `SELECT COALESCE(MAX(id), 0) + 1 FROM rule_change`); err != nil {
		return db.Wrap(err, nil, "number a rule")
	}
	var taken []time.Time
	if err := tx.Select(ctx, &taken, `
		SELECT takes_effect_at
		FROM rule_change
		WHERE takes_effect_at >= ? AND takes_effect_at < ?
		ORDER BY takes_effect_at DESC
		LIMIT 1`, ch.At, ch.At.Add(time.Minute)); err != nil {
		return db.Wrap(err, nil, "find the moment of a rule")
	}
	if len(taken) > 0 {
		ch.At = taken[0].Add(time.Millisecond)
	}
	ch.Body, ch.RecordedAt = string(text), tx.Now
	_, err = tx.Change(ctx, `
		INSERT INTO rule_change (id, kind, subject, body, takes_effect_at, reason, set_by, assignment_id, recorded_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		ch.ID, ch.Kind, ch.Subject, ch.Body, ch.At, ch.Reason, orNull(int64(by.PersonID)), orNull(int64(by.Assignment)), tx.Now)
	if db.IsDuplicate(err) { // with what somebody else has just set, it is known whether this comes too late
		return db.ErrAgain
	}
	return db.Wrap(err, nil, "change the rules of %s %s", ch.Kind, ch.Subject)
}

// behind are open requests that follow older rules than those of a moment.
func behind(ctx context.Context, q db.Queryer, at time.Time) (ids []ID, err error) {
	err = q.Select(ctx, &ids, `
		SELECT id
		FROM request
		WHERE is_open = ? AND rules_at < ?
		ORDER BY rules_at, id
		LIMIT 100`, true, at)
	return ids, db.Wrap(err, nil, "find requests that follow older rules")
}

// saveRules stores which rules r follows and what its clocks are by them, unless somebody was faster. Only where one has
// moved is r another one than before.
func saveRules(ctx context.Context, tx *db.Tx, r *Request, moved bool) error {
	next := r.Version
	if moved {
		next++
	}
	found, err := tx.Change(ctx, `
		UPDATE request
		SET accept_due_at = ?, update_due_at = ?, solve_due_at = ?, rules_at = ?, emergency_id = ?, solve_ms = ?, version = ?
		WHERE id = ? AND version = ?`,
		r.AcceptDueAt, r.UpdateDueAt, r.SolveDueAt, r.RulesAt, r.EmergencyID, r.SolveMS, next, r.ID, r.Version)
	if err == nil && found == 0 {
		return r.State.refuses()
	}
	r.Version = next
	return db.Wrap(err, nil, "let request %d follow the rules", r.ID)
}
