package campaign

import (
	"context"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

// Ask asks by's own role for a task that something else gave rise to, in the transaction of whoever calls: it is by's own,
// so that it survives a change of person and weighs on nobody's budget, and whoever calls tells of it.
func Ask(ctx context.Context, tx *db.Tx, by org.Actor, n NewTask) (TaskID, error) {
	id, err := insertTask(ctx, tx, by, n)
	if err != nil {
		return 0, err
	}
	if _, err := insertCopy(ctx, tx, id, seat{unit: by.Unit.ID, name: by.Unit.Name, role: by.Role}, n.DueAt); err != nil {
		return 0, err
	}
	audit.Note(tx, org.System.Did("task.created", "task", int64(id)))
	return id, nil
}
