package notify

import (
	"context"
	"errors"
	"slices"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
)

// callersOf are who calls those whom an announcement did not reach: whoever made it, while they have the role in which they
// did, else everybody who has it today, or acts for it while nobody does; and whoever stands in for one who is away. It is
// nobody if a clock made it. Acting says that they act for a role that nobody has.
func callersOf(ctx context.Context, q db.Queryer, id NoticeID) (some []recipient, acting bool, err error) {
	by, found, err := announcer(ctx, q, id)
	if err != nil || !found {
		return nil, false, err
	}
	day := calendar.DayOf(db.NowOf(q))
	in, err := org.PersonsIn(ctx, q, by.Unit, by.Role, day)
	if err != nil {
		return nil, false, err
	}
	if i := slices.IndexFunc(in, func(i org.Incumbent) bool { return i.Person == by.Person }); i >= 0 {
		in = in[i : i+1]
	}
	if acting = len(in) == 0; acting {
		if in, err = actingFor(ctx, q, by.Unit, day); err != nil {
			return nil, false, err
		}
	}
	there, err := org.Present(ctx, q, in, day)
	for _, i := range append(in, there...) {
		some = append(some, recipient{Person: i.Person, Assignment: i.Assignment})
	}
	return some, acting, err
}

// actingFor are who acts for a role of a party unit that nobody has, as up the ladder (T8): whoever else leads the unit, or
// the next one above it; at the committee its office does, and above that its secretary.
func actingFor(ctx context.Context, q db.Queryer, unit org.UnitID, day calendar.Day) ([]org.Incumbent, error) {
	u, err := org.UnitByID(ctx, q, unit)
	if err != nil {
		return nil, err
	}
	line, err := org.Line(ctx, q, u)
	if err != nil {
		return nil, err
	}
	for _, above := range line {
		if above.Kind == org.SubdistrictCommittee {
			if in, err := org.PersonsIn(ctx, q, above.ID, org.RolePartyOffice, day); err != nil || len(in) > 0 {
				return in, err
			}
		}
		if in, err := org.LeadOf(ctx, q, above, day); err != nil || len(in) > 0 {
			return in, err
		}
	}
	return nil, nil
}

// findAnswered is an announcement that by answers for, or acts for whoever does while nobody has their role.
func findAnswered(ctx context.Context, q db.Queryer, by org.Actor, id NoticeID) (Notice, error) {
	n, err := findOwn(ctx, q, by, id)
	if !errors.Is(err, problem.ErrNotFound) {
		return n, err
	}
	callers, acting, lost := callersOf(ctx, q, id)
	if lost != nil || !acting || !slices.Contains(callers, recipient{by.PersonID, by.Assignment}) {
		return Notice{}, errors.Join(lost, err)
	}
	return findNotice(ctx, q, id)
}
