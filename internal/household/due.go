package household

import (
	"cmp"
	"context"
	"slices"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/say"
	"wanjia/internal/request"
)

// A DueReason says why a visit to a door would be good (F16). No timetable asks for one.
type DueReason string

// The reasons, the most pressing first.
const (
	PromiseDue      DueReason = "promise_due"       // something was promised there, and its day has come
	AgreedRiskVisit DueReason = "agreed_risk_visit" // the weather is dangerous, and they agreed to be called at then
	AskedFor        DueReason = "asked_for"         // somebody there has asked for something, and it is open
	NewHousehold    DueReason = "new_household"     // nobody has called there since it is known
	LongNotVisited  DueReason = "long_not_visited"  // for 90 days
)

var dueOrder = []DueReason{PromiseDue, AgreedRiskVisit, AskedFor, NewHousehold, LongNotVisited}

// order is how pressing r is: 0 is the most pressing one.
func (r DueReason) order() int { return slices.Index(dueOrder, r) }

// Text is r in a few words, for the list.
func (r DueReason) Text(lang say.Lang) string { return say.Text(lang, "household.due_"+string(r)) }

// visitedLately is how long a visit lasts.
const visitedLately = 90 * 24 * time.Hour

// doorsOfArea is how many doors an area can have: five times what is far too much for one person (F5).
const doorsOfArea = 1000

// A Due is a door where a visit would be good, and why.
type Due struct {
	Row
	Reason  DueReason
	Flagged bool // help may be offered there; which, says the list of its flags
}

// What is known of a door beside what its row shows.
type knownOfDoor struct {
	promised bool // something, by today
	atRisk   bool // it stands on the list of a risk event
	asked    bool // something is open there
	since    time.Time
}

// dueReason is why a visit to r would be good at now; "" if none is needed, or wanted.
func (r Row) dueReason(k knownOfDoor, now time.Time) DueReason {
	switch {
	case !r.Occupied || r.MutedUntil != nil:
		return ""
	case k.promised:
		return PromiseDue
	case k.atRisk:
		return AgreedRiskVisit
	case k.asked:
		return AskedFor
	case r.LastVisited == nil && now.Sub(k.since) < visitedLately:
		return NewHousehold
	case r.LastVisited == nil || now.Sub(*r.LastVisited) >= visitedLately:
		return LongNotVisited
	}
	return ""
}

// Due is a page of the doors of the areas that by looks after where a visit would be good: by reason, then those longest without one;
// and the cursor behind it. Which of them have a care flag is marked for who may know, and that is noted.
func (s *Service) Due(ctx context.Context, by org.Actor, cursor string, size int) (all []Due, next string, err error) {
	p, err := s.pages.Parse(cursor, size, page.Bound("listDueHouseholds", by.PersonID, by.Assignment))
	if err != nil {
		return nil, "", err
	}
	if err := mayLookAfter(by); err != nil {
		return nil, "", err
	}
	areas, err := lookingAfter(ctx, s.db, by)
	if err != nil {
		return nil, "", err
	}
	if all, err = s.due(ctx, areas); err != nil {
		return nil, "", err
	}
	if !p.First {
		all = slices.DeleteFunc(all, func(d Due) bool {
			at := d.place()
			return at.Before(p.At) || at.Equal(p.At) && int64(d.ID) <= p.ID
		})
	}
	all, next = page.Cut(all, p, func(d Due) (time.Time, int64) { return d.place(), int64(d.ID) })
	return all, next, s.mark(ctx, areas, all)
}

// due is every door of areas where a visit would be good, in their order. An area is small: it is put in order here,
// however many visits there have ever been.
func (s *Service) due(ctx context.Context, areas []org.Actor) (all []Due, err error) {
	now := s.db.Now()
	today := calendar.DayOf(now)
	var doors []knownDoor
	for _, by := range areas {
		some, err := knownDoors(ctx, s.db, by, today)
		if err != nil {
			return nil, err
		}
		doors = append(doors, some...)
	}
	rows, ids, keys := make([]Row, len(doors)), make([]ID, len(doors)), make([]int64, len(doors))
	for i, k := range doors {
		rows[i], ids[i], keys[i] = Row{Household: k.Household}, k.ID, int64(k.ID)
	}
	if err := know(ctx, s.db, rows, today); err != nil {
		return nil, err
	}
	asked, err := request.AskedAt(ctx, s.db, keys...)
	if err != nil {
		return nil, err
	}
	promised, err := request.PromisedAt(ctx, s.db, today, keys...)
	if err != nil {
		return nil, err
	}
	risky, err := atRisk(ctx, s.db, ids...)
	if err != nil {
		return nil, err
	}
	for i, r := range rows {
		k := knownOfDoor{promised: promised[keys[i]], atRisk: risky[r.ID], asked: asked[keys[i]], since: doors[i].since(now)}
		if reason := r.dueReason(k, now); reason != "" {
			all = append(all, Due{Row: r, Reason: reason})
		}
	}
	slices.SortFunc(all, func(a, b Due) int { return cmp.Or(a.place().Compare(b.place()), cmp.Compare(a.ID, b.ID)) })
	return all, nil
}

// mark says which of the doors have a care flag, to who may know of flags. Without the note nobody hears of one.
func (s *Service) mark(ctx context.Context, areas []org.Actor, all []Due) error {
	if len(areas) == 0 || !areas[0].SeesFlags() {
		return nil
	}
	ids := make([]ID, len(all))
	for i, d := range all {
		ids[i] = d.ID
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		marked, err := flagged(ctx, tx, calendar.DayOf(tx.Now), ids...)
		if err != nil {
			return err
		}
		for i, d := range all {
			all[i].Flagged = marked[d.ID]
		}
		for _, by := range areas {
			audit.Note(tx, by.Did("flag.marked", "area", int64(by.Grid.ID)).Showing("flagged"))
		}
		return nil
	})
}

// reasonApart is how many milliseconds apart reasons lie in the order of the list: further than any two visits.
const reasonApart = 10_000_000_000_000

// place is where d stands in its list, as a moment: its last visit, all of a reason before all of the next one.
func (d Due) place() time.Time {
	at := int64(d.Reason.order()) * reasonApart
	if d.LastVisited != nil {
		at += d.LastVisited.UnixMilli()
	}
	return time.UnixMilli(at).UTC()
}

// A knownDoor is a door, since when it is known, and when those who lived there before have moved out.
type knownDoor struct {
	Household
	Known time.Time  `db:"created_at"`
	Left  *time.Time `db:"left_at"`
}

// since is from when on whoever lives there now may have been called at. When they moved in after others had left nobody
// notes: they are new until somebody has called.
func (k knownDoor) since(now time.Time) time.Time {
	if k.Left != nil {
		return now
	}
	return k.Known
}

func knownDoors(ctx context.Context, q db.Queryer, by org.Actor, day calendar.Day) (all []knownDoor, err error) {
	from, to := by.Scope()
	err = q.Select(ctx, &all, `
		SELECT `+doorColumns+`, p.created_at, p.left_at
		FROM unit u
		JOIN area_entrance a ON a.area_id = u.id
		JOIN entrance e ON e.id = a.entrance_id
		JOIN premises p ON p.entrance_id = e.id
		WHERE u.path >= ? AND u.path < ?
		  AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)
		  AND p.ended_on IS NULL
		ORDER BY p.id
		LIMIT ?`, from, to, day, day, doorsOfArea)
	return all, db.Wrap(err, nil, "list the doors of an area")
}
