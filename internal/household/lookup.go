package household

import (
	"context"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

// A Lookup is who looks after an entrance, in the words of its place.
type Lookup struct {
	Area     org.Unit
	Entrance string
	Holder   org.Incumbent
	Interim  bool // the area has no holder of its own today
	StandIn  bool // the holder is away, and Holder.Person stands in (X2)
	Named    bool // the asker may know the holder's name
	Levels   []Level
}

// A Level is one step of a ladder, as its place calls it.
type Level struct {
	Unit  org.Unit
	Label string
}

// secretaries are the roles whose name is public with their duty (E4).
var secretaries = map[org.Role]bool{
	org.RoleGridSecretary: true, org.RoleGeneralSecretary: true, org.RoleBranchSecretary: true, org.RoleCommitteeSecretary: true,
}

// readsRosters are the roles that know the members of their unit and below by name (domain.md §3.5, RO).
var readsRosters = map[org.Role]bool{
	org.RoleGridSecretary: true, org.RoleGeneralSecretary: true, org.RoleBranchSecretary: true, org.RolePartyOffice: true,
}

// LookUp finds the one contact of an entrance today (C3, C6): the holder of its area or, while that is vacant, the
// next lead up the ladder; while they are away, who stands in.
func (s *Service) LookUp(ctx context.Context, by org.Actor, place org.UnitID, building, entrance string) (Lookup, error) {
	day := calendar.DayOf(s.db.Now())
	e, err := FindEntrance(ctx, s.db, place, building, entrance)
	if err != nil {
		return Lookup{}, err
	}
	l := Lookup{Entrance: e.Label}
	id, err := AreaOf(ctx, s.db, e.ID, day)
	if err != nil {
		return Lookup{}, err
	}
	if id == 0 {
		return Lookup{}, ErrNoContact
	}
	if l.Area, err = org.UnitByID(ctx, s.db, id); err != nil {
		return Lookup{}, err
	}
	if err := l.findHolder(ctx, s.db, by, day); err != nil {
		return Lookup{}, err
	}
	return l, l.readLevels(ctx, s.db, day)
}

func (l *Lookup) findHolder(ctx context.Context, q db.Queryer, by org.Actor, day calendar.Day) error {
	led := l.Area
	in, err := org.LeadOf(ctx, q, led, day)
	if err == nil && len(in) == 0 {
		l.Interim = true
		led, in, err = org.InterimHolder(ctx, q, l.Area, day)
	}
	if err != nil {
		return err
	}
	if len(in) == 0 {
		return ErrNoContact
	}
	there, err := org.Present(ctx, q, in[:1], day)
	if err != nil {
		return err
	}
	l.Holder, l.StandIn = there[0], there[0] != in[0]
	l.Named = secretaries[l.Holder.Role] && !l.StandIn || readsRosters[by.Role] && by.Sees(led)
	return nil
}

func (l *Lookup) readLevels(ctx context.Context, q db.Queryer, day calendar.Day) error {
	ladder, err := org.Ladder(ctx, q, l.Area)
	if err != nil {
		return err
	}
	place, err := org.PlaceOf(ctx, q, l.Area)
	if err != nil {
		return err
	}
	labels, err := org.Labels(ctx, q, place, day)
	if err != nil {
		return err
	}
	for _, u := range ladder {
		if u.Level <= place.Level {
			l.Levels = append(l.Levels, Level{Unit: u, Label: labels[u.Level]})
		}
	}
	return nil
}
