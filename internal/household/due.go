package household

import (
	"cmp"
	"context"
	"slices"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/request"
)

// A DueReason says why a visit to a door would be good (F16). No timetable asks for one.
type DueReason string

// The reasons that can be known so far, the most pressing first.
const (
	AskedFor       DueReason = "asked_for"        // somebody there has asked for something, and it is open
	NewHousehold   DueReason = "new_household"    // nobody has called there since it is known
	LongNotVisited DueReason = "long_not_visited" // for 90 days
)

var dueOrder = []DueReason{AskedFor, NewHousehold, LongNotVisited}

// visitedLately is how long a visit lasts.
const visitedLately = 90 * 24 * time.Hour

// doorsOfArea is how many doors of an area a phone keeps (X22).
const doorsOfArea = 200

// A Due is a door where a visit would be good, and why.
type Due struct {
	Row
	Reason DueReason
}

// dueReason is why a visit to r would be good at now; "" if none is needed, or wanted. r is known since a moment.
func (r Row) dueReason(asked bool, since, now time.Time) DueReason {
	switch {
	case !r.Occupied || r.MutedUntil != nil:
		return ""
	case asked:
		return AskedFor
	case r.LastVisited == nil && now.Sub(since) < visitedLately:
		return NewHousehold
	case r.LastVisited == nil || now.Sub(*r.LastVisited) >= visitedLately:
		return LongNotVisited
	}
	return ""
}

// Due are the doors of by's own area where a visit would be good: by reason, then those longest without one.
func (s *Service) Due(ctx context.Context, by org.Actor) (all []Due, err error) {
	if !holdsArea(by) {
		return nil, problem.ErrForbidden
	}
	now := s.db.Now()
	known, err := knownDoors(ctx, s.db, by, calendar.DayOf(now))
	if err != nil {
		return nil, err
	}
	rows, ids := make([]Row, len(known)), make([]int64, len(known))
	for i, k := range known {
		rows[i], ids[i] = Row{Household: k.Household}, int64(k.ID)
	}
	if err := know(ctx, s.db, rows, calendar.DayOf(now)); err != nil {
		return nil, err
	}
	asked, err := request.AskedAt(ctx, s.db, ids...)
	if err != nil {
		return nil, err
	}
	for i, r := range rows {
		if reason := r.dueReason(asked[int64(r.ID)], known[i].Since, now); reason != "" {
			all = append(all, Due{Row: r, Reason: reason})
		}
	}
	slices.SortFunc(all, func(a, b Due) int {
		return cmp.Or(cmp.Compare(slices.Index(dueOrder, a.Reason), slices.Index(dueOrder, b.Reason)),
			a.visited().Compare(b.visited()), cmp.Compare(a.ID, b.ID))
	})
	return all, nil
}

// visited is the last visit to d, long ago if there was none.
func (d Due) visited() (at time.Time) {
	if d.LastVisited != nil {
		at = *d.LastVisited
	}
	return at
}

// A knownDoor is a door since when it is known.
type knownDoor struct {
	Household
	Since time.Time `db:"created_at"`
}

func knownDoors(ctx context.Context, q db.Queryer, by org.Actor, day calendar.Day) (all []knownDoor, err error) {
	from, to := by.Scope()
	err = q.Select(ctx, &all, `
		SELECT `+doorColumns+`, p.created_at
		FROM unit u
		JOIN area_entrance a ON a.area_id = u.id
		JOIN entrance e ON e.id = a.entrance_id
		JOIN premises p ON p.entrance_id = e.id
		WHERE u.path >= ? AND u.path < ?
		  AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)
		ORDER BY p.id
		LIMIT ?`, from, to, day, day, doorsOfArea)
	return all, db.Wrap(err, nil, "list the doors of an area")
}
