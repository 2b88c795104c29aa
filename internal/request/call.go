package request

import (
	"context"
	"strconv"

	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

// CallID names a call task.
type CallID int64

// A CallState says how far a call task has come (domain.md §5.2).
type CallState string

// The states: after three tries on three days the caller's lead decides about what was not reached.
const (
	CallOpen       CallState = "open"
	CallNotReached CallState = "not_reached"
	CallReached    CallState = "reached"
	CallDropped    CallState = "dropped"
)

// assignCall asks somebody to call an asker of r and say what has happened: the holder of the area where r was opened,
// of a concern about somebody r's own holder. What comes while the asker is still to be called joins it (N9).
func assignCall(ctx context.Context, tx *db.Tx, by org.Actor, r Request, asker AskerID) error {
	joined, err := joinCall(ctx, tx, asker)
	if err != nil || joined {
		return err
	}
	caller := seat{Unit: r.UnitID}
	if r.Category == HolderConcern {
		caller = seat{Unit: r.HolderUnitID, Role: r.HolderRole}
	}
	id, err := insertCall(ctx, tx, r.ID, asker, caller)
	if db.IsDuplicate(err) { // somebody else's word was faster
		_, err = joinCall(ctx, tx, asker)
		return err
	}
	if err != nil {
		return err
	}
	to, err := callers(ctx, tx, caller)
	if err != nil {
		return err
	}
	return notify.Tell(ctx, tx, to, notify.Item{
		Kind: "call.assigned", Ref: notify.Ref{Type: "call", ID: int64(id)}, By: by,
		Args: map[string]any{"count": 1}, Dedupe: "call.assigned:" + strconv.FormatInt(int64(id), 10),
	})
}

// callers are who calls for a seat; for a vacant unit the next lead up the ladder does (T8).
func callers(ctx context.Context, tx *db.Tx, s seat) (notify.Audience, error) {
	if s.Role != "" {
		return seated(ctx, tx, s)
	}
	u, err := org.UnitByID(ctx, tx, s.Unit)
	if err != nil {
		return notify.Audience{}, err
	}
	in, err := leads(ctx, tx, u)
	if err == nil && len(in) == 0 {
		_, in, err = org.InterimHolder(ctx, tx, u, calendar.DayOf(tx.Now))
	}
	return audience(in), err
}

// joinCall adds one more thing to tell to the call that an asker still waits for, and says whether there is one.
func joinCall(ctx context.Context, tx *db.Tx, asker AskerID) (bool, error) {
	found, err := tx.Change(ctx, `
		UPDATE call_task
		SET messages = messages + 1
		WHERE open_asker_id = ?`, asker)
	return found > 0, db.Wrap(err, nil, "join the call to asker %d", asker)
}

// insertCall stores a call to an asker; a duplicate if they still wait for one.
func insertCall(ctx context.Context, tx *db.Tx, r ID, asker AskerID, caller seat) (CallID, error) {
	id, err := tx.Insert(ctx, `
		INSERT INTO call_task (request_id, asker_id, unit_id, role, state, open_asker_id, messages, due_on, opened_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r, asker, caller.Unit, caller.Role, CallOpen, asker, 1, calendar.DayOf(tx.Now), tx.Now)
	if err != nil && !db.IsDuplicate(err) {
		err = db.Wrap(err, nil, "insert a call to asker %d", asker)
	}
	return CallID(id), err
}
