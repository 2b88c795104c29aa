package app

import (
	"context"

	"wanjia/internal/board"
	"wanjia/internal/checkin"
	"wanjia/internal/household"
	"wanjia/internal/member"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/privacy"
	"wanjia/internal/request"
)

// tellGuards tells every audit administrator of an attempt to set what the product refuses (PG3).
func tellGuards(ctx context.Context, tx *db.Tx, by org.Actor, key string) error {
	admins, err := org.PersonsWith(ctx, tx, org.RoleAuditAdmin, calendar.DayOf(tx.Now))
	if err != nil || len(admins) == 0 {
		return err
	}
	return notify.Tell(ctx, tx, notify.Persons(admins...), notify.Item{
		By: by, Kind: "guard.attempt", Ref: notify.Ref{Type: "policy"}, Args: map[string]any{"kindLabel": key, "at": tx.Now},
	})
}

// consentChanged lets go what rested on a consent, and tells a person of one that somebody else wrote down for them (X47).
func consentChanged(ctx context.Context, tx *db.Tx, by org.Actor, c privacy.Consent) error {
	if err := board.ConsentSaid(ctx, tx, c); err != nil {
		return err
	}
	if by.PersonID == c.PersonID {
		return nil
	}
	return notify.Tell(ctx, tx, notify.Persons(c.PersonID), notify.Item{
		By: by, Kind: "consent." + string(c.State), Ref: notify.Ref{Type: "consent", ID: int64(c.ID)},
		Args: map[string]any{"kindLabel": c.Purpose.Label(), "at": tx.Now},
	})
}

// inUse are what keeps a unit from ending, besides units and roles (T6).
var inUse = []org.InUse{
	{What: "requests", Count: request.OpenAt}, {What: "entrances", Count: household.EntrancesAt}, {What: "members", Count: member.At},
}

// presentAtDoor makes a visit the proof of having been at its place that day.
func presentAtDoor(ctx context.Context, tx *db.Tx, by org.Actor, v household.Visit) error {
	return checkin.ByAct(ctx, tx, by, by.Grid, v.HappenedAt, "visit:"+v.ClientRef)
}

// tellAbsence tells the lead of who is away, and who stands in, of an absence and of its end.
func tellAbsence(ctx context.Context, tx *db.Tx, by org.Actor, event org.AbsenceEvent, a org.Absence, leads []org.Incumbent) error {
	item := notify.Item{
		By: by, Kind: "absence.announced", Ref: notify.Ref{Type: "absence", ID: int64(a.ID)},
		Args: map[string]any{"unitLabel": a.UnitName, "at": a.ValidFrom.Time(), "dueAt": a.ValidTo.Time()},
	}
	if event == org.AbsenceEnded {
		item.Kind, item.Args = "absence.ended", map[string]any{"unitLabel": a.UnitName, "at": tx.Now}
	}
	to := notify.Persons(a.StandIn)
	for _, l := range leads {
		to = to.And(notify.InRole(l.Person, l.Assignment))
	}
	return notify.Tell(ctx, tx, to, item)
}

// tellHandover tells the successor and the lead that an area waits to be taken over, and the askers there, once it is,
// that their contact has changed.
func tellHandover(ctx context.Context, tx *db.Tx, by org.Actor, event org.HandoverEvent, h org.Handover, interim []org.Incumbent) error {
	if event == org.HandoverDone {
		area, err := org.UnitByID(ctx, tx, h.AreaID)
		if err != nil {
			return err
		}
		return request.TellContactChanged(ctx, tx, by, area, int64(h.ID))
	}
	n := 0
	for _, p := range h.Packed {
		n += len(p.IDs)
	}
	item := notify.Item{
		By: by, Kind: "handover.ready", Ref: notify.Ref{Type: "handover", ID: int64(h.ID)},
		Args: map[string]any{"unitLabel": h.AreaName, "count": n, "at": tx.Now},
	}
	var to notify.Audience
	for _, l := range interim {
		to = to.And(notify.InRole(l.Person, l.Assignment))
	}
	if h.SuccessorID != nil {
		to = to.And(notify.InRole(*h.Successor, *h.SuccessorID))
	}
	return notify.Tell(ctx, tx, to, item)
}

// packs are what an area hands over when its holder goes (X3).
var packs = []org.Pack{
	{What: "requests", List: request.OpenOfArea},
	{What: "promises", List: plain(request.OpenPromisesIn)},
	{What: "flags", List: plain(household.LiveFlags)},
	{What: "boards", List: plain(board.OfArea)},
}

// plain makes a list of ids one that others can read.
func plain[T ~int64](list func(context.Context, db.Queryer, org.UnitID) ([]T, error)) func(context.Context, db.Queryer, org.UnitID) ([]int64, error) {
	return func(ctx context.Context, q db.Queryer, area org.UnitID) ([]int64, error) {
		found, err := list(ctx, q, area)
		ids := make([]int64, len(found))
		for i, id := range found {
			ids[i] = int64(id)
		}
		return ids, err
	}
}
