package board

import (
	"context"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/privacy"
)

// HangPast tells of a plaque that keeper proposed and by agreed to, and that has hung since: for the seed.
func HangPast(ctx context.Context, tx *db.Tx, keeper, by org.Actor, unit org.UnitID, premises int64, door bool) error {
	id, err := AddPlaque(ctx, tx, keeper, by.PersonID, unit, premises)
	if err != nil {
		return err
	}
	if err := privacy.Agree(ctx, tx, by, privacy.ForPlaque); err != nil {
		return err
	}
	for _, next := range []State{PlaqueConsented, PlaqueIssued, PlaqueHung} {
		p, err := findOwnPlaque(ctx, tx, by, id, calendar.DayOf(tx.Now))
		if err != nil {
			return err
		}
		if err := savePlaque(ctx, tx, p, next, ""); err != nil {
			return err
		}
	}
	audit.Note(tx, keeper.Did("plaque.hung", "plaque", int64(id)))
	p, err := findOwnPlaque(ctx, tx, by, id, calendar.DayOf(tx.Now))
	if err != nil || !door {
		return err
	}
	return saveDoorShown(ctx, tx, p, true)
}
