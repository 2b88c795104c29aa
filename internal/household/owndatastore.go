package household

import (
	"context"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
)

// leftAt is when those who lived in a home before have moved out; nil if nobody has.
func leftAt(ctx context.Context, q db.Queryer, id ID) (at *time.Time, err error) {
	err = q.Get(ctx, &at, `SELECT left_at FROM premises WHERE id = ?`, id)
	return at, db.Wrap(err, problem.ErrNotFound, "find since when household %d lives there", id)
}

func visitsAt(ctx context.Context, q db.Queryer, id ID) (all []Visit, err error) {
	err = q.Select(ctx, &all, `
		SELECT v.id, v.result, v.happened_at
		FROM visit v
		WHERE v.premises_id = ?
		ORDER BY v.recorded_at DESC, v.id DESC
		LIMIT ?`, id, mostHeld)
	return all, db.Wrap(err, nil, "list the visits at household %d", id)
}

// A view is one opening of a home by whoever looks after it.
type view struct {
	At      time.Time `db:"at"`
	Role    org.Role  `db:"role"`
	Purpose string    `db:"purpose"`
	Reason  string    `db:"reason"`
}

// viewsAt are who opened what is kept of a home, the last first, by the audit itself: nothing is shown without standing
// there.
func viewsAt(ctx context.Context, q db.Queryer, id ID) (all []view, err error) {
	err = q.Select(ctx, &all, `
		SELECT a.at, ra.role, a.purpose, a.reason
		FROM audit a
		JOIN role_assignment ra ON ra.id = a.assignment_id
		WHERE a.object = ? AND a.object_id = ? AND a.action IN (?, ?, ?, ?) AND a.result = ?
		ORDER BY a.at DESC, a.id DESC
		LIMIT ?`, "household", id, householdRead, "household.unmasked", householdVisitRead, flagRead, "ok", mostHeld)
	return all, db.Wrap(err, nil, "find who opened household %d", id)
}

// doorName is what the entrance and the door of a home are called.
func doorName(ctx context.Context, q db.Queryer, id ID) (entrance, door string, err error) {
	var at struct {
		Entrance string `db:"label"`
		Door     string `db:"door"`
	}
	err = q.Get(ctx, &at, `
		SELECT e.label, p.door
		FROM premises p
		JOIN entrance e ON e.id = p.entrance_id
		WHERE p.id = ?`, id)
	return at.Entrance, at.Door, db.Wrap(err, problem.ErrNotFound, "find door %d", id)
}
