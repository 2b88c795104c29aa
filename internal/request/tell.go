package request

import (
	"context"
	"slices"
	"strconv"

	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

// tellHolder tells whoever must act now that r waits for them. A vacant unit is led by the next lead up the
// ladder (T8), so somebody always hears of it.
func tellHolder(ctx context.Context, tx *db.Tx, by org.Actor, r Request, c Category, ladder []org.Unit) error {
	to, err := holders(ctx, tx, r, ladder)
	if err != nil {
		return err
	}
	holder, err := org.UnitByID(ctx, tx, r.HolderUnitID)
	if err != nil {
		return err
	}
	return notify.Tell(ctx, tx, to, notify.Item{
		Kind: "request.assigned", Ref: r.ref(), Urgent: c.Urgent, By: by,
		Args: map[string]any{"unitLabel": holder.Name, "dueAt": r.AcceptDueAt}, Dedupe: r.once("assigned"),
	})
}

// ref is r as notifications name it.
func (r Request) ref() notify.Ref { return notify.Ref{Type: "request", ID: int64(r.ID)} }

// once is the key by which what happened to r as it now is reaches a person once.
func (r Request) once(event string) string {
	return "request." + event + ":" + strconv.FormatInt(int64(r.ID), 10) + ":" + strconv.FormatInt(r.Version, 10)
}

// ladderOf is the ladder of the unit where r was opened.
func ladderOf(ctx context.Context, q db.Queryer, r Request) ([]org.Unit, error) {
	opened, err := org.UnitByID(ctx, q, r.UnitID)
	if err != nil {
		return nil, err
	}
	return org.Ladder(ctx, q, opened)
}

// holdersOf are the holders of r, whose ladder is not known yet.
func holdersOf(ctx context.Context, tx *db.Tx, r Request) (to notify.Audience, err error) {
	ladder, err := ladderOf(ctx, tx, r)
	if err != nil {
		return to, err
	}
	return holders(ctx, tx, r, ladder)
}

// holders are all persons who hold r, and who stands in for them today; of a vacant unit, those who stand in for its lead.
func holders(ctx context.Context, tx *db.Tx, r Request, ladder []org.Unit) (to notify.Audience, err error) {
	in, err := toHolder(ctx, tx, r, ladder)
	return audience(in), err
}

// hearing are those who hear of r for a seat that has to do with it: who holds it there or, while nobody does who may know of
// r, who stands in.
func hearing(ctx context.Context, tx *db.Tx, r Request, ladder []org.Unit, s seat) (to notify.Audience, err error) {
	r.HolderUnitID, r.HolderRole, r.Level = s.Unit, s.Role, s.Level
	in, err := holding(ctx, tx, r, ladder)
	return audience(in), err
}

// inSeat are who sits in a seat today.
func inSeat(ctx context.Context, q db.Queryer, s seat) ([]org.Incumbent, error) {
	u, err := org.UnitByID(ctx, q, s.Unit)
	if err != nil {
		return nil, err
	}
	if s.Role == "" {
		return leads(ctx, q, u)
	}
	day := calendar.DayOf(db.NowOf(q))
	party, err := org.LinkedParty(ctx, q, u.ID, day)
	if err != nil {
		return nil, err
	}
	return org.PersonsIn(ctx, q, party.ID, s.Role, day)
}

// leads are those who act for u: at the subdistrict its office does.
func leads(ctx context.Context, q db.Queryer, u org.Unit) ([]org.Incumbent, error) {
	day := calendar.DayOf(db.NowOf(q))
	if u.Kind != org.Subdistrict {
		return org.LeadOf(ctx, q, u, day)
	}
	party, err := org.LinkedParty(ctx, q, u.ID, day)
	if err != nil || party.ID == 0 {
		return nil, err
	}
	return org.PersonsIn(ctx, q, party.ID, org.RolePartyOffice, day)
}

func audience(in []org.Incumbent) (to notify.Audience) {
	for _, l := range in {
		to = to.And(notify.InRole(l.Person, l.Assignment))
	}
	return to
}

// tellReopened tells the last holder and the place's lead that r is open again, and whoever is to keep promises about it again;
// quietly who held it before.
func tellReopened(ctx context.Context, tx *db.Tx, by org.Actor, r Request, ladder []org.Unit) error {
	to, err := holders(ctx, tx, r, ladder)
	if err != nil {
		return err
	}
	where := ladder[0] // a concern may have been opened above the place, whose lead does not see it then
	if at := slices.IndexFunc(ladder, func(u org.Unit) bool { return u.ID == r.PlaceID }); at >= 0 {
		where = ladder[at]
		lead, err := hearing(ctx, tx, r, ladder, seat{Unit: r.PlaceID, Level: placeLevel})
		if err != nil {
			return err
		}
		to = to.And(lead)
	}
	item := notify.Item{
		Kind: "request.reopened", Ref: r.ref(), By: by, Dedupe: r.once("reopened"),
		Args: map[string]any{"unitLabel": where.Name, "at": tx.Now},
	}
	if err := notify.Tell(ctx, tx, to, item); err != nil {
		return err
	}
	if err := tellPromisers(ctx, tx, r, item); err != nil {
		return err
	}
	seats, err := earlierSeats(ctx, tx, r)
	if err != nil {
		return err
	}
	var earlier notify.Audience
	for _, s := range seats {
		some, err := hearing(ctx, tx, r, ladder, s)
		if err != nil {
			return err
		}
		earlier = earlier.And(some)
	}
	item.Prio = notify.Quiet // who was told above is not told again: the key is the same
	return notify.Tell(ctx, tx, earlier, item)
}

// tellExplained gives the place's lead a copy of an explanation.
func tellExplained(ctx context.Context, tx *db.Tx, by org.Actor, r Seen) error {
	ladder, err := ladderOf(ctx, tx, r.Request)
	if err != nil || r.abovePlace(ladder) {
		return err
	}
	lead, err := hearing(ctx, tx, r.Request, ladder, seat{Unit: r.PlaceID, Level: placeLevel})
	if err != nil {
		return err
	}
	return notify.Tell(ctx, tx, lead, notify.Item{
		Kind: "request.explained", Ref: r.ref(), By: by, Dedupe: r.once("explained"),
		Args: map[string]any{"unitLabel": r.UnitName, "count": 1, "at": tx.Now},
	})
}
