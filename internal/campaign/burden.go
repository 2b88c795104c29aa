package campaign

import (
	"context"
	"math"
	"slices"
	"time"

	"wanjia/internal/member"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/problem"
)

// budgetMinutes is what a subdistrict may ask of one organisation in a month (减负, domain.md §10.4).
const budgetMinutes = 45

// A Burden is what a task costs its receivers (X29) and, where it comes from the subdistrict, what that makes of the
// month's budget. A secretary's work with their own people has no budget.
type Burden struct {
	Minutes       int // of one receiver
	Receivers     int
	Organisations int // whose month it is; 0: there is no budget
	Asked         int // minutes that the subdistrict has asked for this month already
}

// Total is the minutes of all receivers together.
func (b Burden) Total() int { return b.Minutes * b.Receivers }

// Budget is the minutes of the month.
func (b Burden) Budget() int { return budgetMinutes * b.Organisations }

// Percent is how much of the budget is asked for with this, to one place after the point.
func (b Burden) Percent() float64 {
	if b.Organisations == 0 {
		return 0
	}
	return math.Round(1000*float64(b.Asked+b.Total())/float64(b.Budget())) / 10
}

// over says whether this goes beyond the budget.
func (b Burden) over() bool { return b.Organisations > 0 && b.Asked+b.Total() > b.Budget() }

// canAsk says why a task of b cannot be asked for with a reason or without, or nil.
func (b Burden) canAsk(reason string) error {
	if b.over() && reason == "" {
		return ErrOverBudget.With("percent", b.Percent()).With("budget", b.Budget()).With("asked", b.Asked).
			Field("/overBudgetReason", ErrOverBudget.Code)
	}
	return nil
}

// askFromAbove are the kinds of units that ask organisations for something from above them.
var askFromAbove = []org.UnitKind{org.Subdistrict, org.SubdistrictCommittee, org.Section}

// Forecast is what a task would cost, before it is sent.
func (s *Service) Forecast(ctx context.Context, by org.Actor, t Target, minutes int) (Burden, error) {
	if err := t.valid(); err != nil {
		return Burden{}, err
	}
	if guard.On(guard.Rule) && !slices.Contains(assigners, by.Role) {
		return Burden{}, problem.ErrForbidden
	}
	seats, err := findSeats(ctx, s.db, by, t)
	if err != nil {
		return Burden{}, err
	}
	return weigh(ctx, s.db, by, minutes, seats)
}

// weigh is the burden of minutes for whoever sits in seats, beside what was asked for in this month.
func weigh(ctx context.Context, q db.Queryer, by org.Actor, minutes int, seats []seat) (b Burden, err error) {
	b.Minutes = minutes
	if b.Receivers, err = receivers(ctx, q, seats); err != nil {
		return b, err
	}
	if !slices.Contains(askFromAbove, by.Unit.Kind) {
		return b, nil
	}
	day := calendar.DayOf(db.NowOf(q))
	grid, party, err := org.SubdistrictOf(ctx, q, by, day)
	if err != nil {
		return b, err
	}
	if b.Organisations, err = org.CountPrimary(ctx, q, party.ID, day); err != nil {
		return b, err
	}
	b.Asked, err = askedIn(ctx, q, grid, party, monthOf(day))
	return b, err
}

// receivers are how many seats somebody is expected to do something in: whoever has asked to be expected no duty may be
// asked, and is not counted (E6). What a role is asked, the role is asked, whoever has it.
func receivers(ctx context.Context, q db.Queryer, seats []seat) (n int, err error) {
	var named []org.PersonID
	for _, s := range seats {
		if s.person != 0 {
			named = append(named, s.person)
		}
	}
	exempt, err := member.Exempt(ctx, q, named...)
	for _, s := range seats {
		if !exempt[s.person] {
			n++
		}
	}
	return n, err
}

// monthOf is the first moment of day's month, and of the next one.
func monthOf(day calendar.Day) [2]time.Time {
	first := day[:len("2026-05-")] + "01"
	next := calendar.DayOf(first.Time().AddDate(0, 0, 31))[:len("2026-05-")] + "01"
	return [2]time.Time{first.Time(), next.Time()}
}

// askedIn is the minutes that a subdistrict, its committee and its sections have asked for in a month, without copies
// that were called off, and those of whoever is expected no duty.
func askedIn(ctx context.Context, q db.Queryer, grid, party org.Unit, month [2]time.Time) (minutes int, err error) {
	query, args, err := db.In(`
		SELECT COALESCE(SUM(t.minutes), 0)
		FROM task_copy c
		JOIN task t ON t.id = c.task_id
		JOIN unit u ON u.id = t.unit_id
		WHERE c.created_at >= ? AND c.created_at < ? AND c.state <> ?
		  AND `+expected+`
		  AND (u.id IN (?) OR u.parent_id = ? AND u.kind = ?)`,
		month[0], month[1], Cancelled, []org.UnitID{grid.ID, party.ID}, grid.ID, org.Section)
	if err != nil {
		return 0, err
	}
	return minutes, db.Wrap(q.Get(ctx, &minutes, query, args...), nil, "add up what unit %d has asked for", grid.ID)
}
