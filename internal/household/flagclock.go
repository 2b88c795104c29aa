package household

import (
	"context"
	"fmt"

	"wanjia/internal/audit"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

// WarnFlags tells holders of areas how many of their flags end in 14 days, and says whether there were any. Any number
// of nodes may do so at one time: each flag is taken by one of them (K14).
func (s *Service) WarnFlags(ctx context.Context) (some bool, err error) {
	all, err := toWarn(ctx, s.db, s.db.Now())
	if err != nil {
		return false, err
	}
	var areas [][]expiring
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].AreaID == all[0].AreaID {
			n++
		}
		areas, all = append(areas, all[:n]), all[n:]
	}
	return len(areas) > 0, db.Each(ctx, areas, func(flags []expiring) error {
		return s.db.InTx(ctx, func(tx *db.Tx) error { return warn(ctx, tx, flags) })
	})
}

// warn tells the holder of one area of its flags.
func warn(ctx context.Context, tx *db.Tx, flags []expiring) error {
	n := 0
	for _, f := range flags {
		taken, err := takeWarning(ctx, tx, f.ID)
		if err != nil {
			return err
		}
		if taken {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	in, err := holderOf(ctx, tx, flags[0].AreaID)
	if err != nil {
		return err
	}
	return notify.Tell(ctx, tx, inRoles(in), notify.Item{
		Kind: "flag.expiring", Ref: notify.Ref{Type: "area", ID: int64(flags[0].AreaID)}, Args: map[string]any{"count": n},
		Dedupe: fmt.Sprintf("flag.expiring:%d:%d:%s", flags[0].AreaID, flags[0].ID, calendar.DayOf(tx.Now)), // a renewed one ends again
	})
}

// holderOf is whoever looks after an area today; of a vacant one, who stands in for its lead.
func holderOf(ctx context.Context, tx *db.Tx, id org.UnitID) (in []org.Incumbent, err error) {
	area, err := org.UnitByID(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	day := calendar.DayOf(tx.Now)
	in, err = org.LeadOf(ctx, tx, area, day)
	if err == nil && len(in) == 0 {
		_, in, err = org.InterimHolder(ctx, tx, area, day)
	}
	return in, err
}

// inRoles are all of them, told in their roles.
func inRoles(in []org.Incumbent) (to notify.Audience) {
	for _, l := range in {
		to = to.And(notify.InRole(l.Person, l.Assignment))
	}
	return to
}

// PurgeFlags leaves nothing of flags whose last day was 31 days ago, and says whether there were any.
func (s *Service) PurgeFlags(ctx context.Context) (some bool, err error) {
	ids, err := toPurge(ctx, s.db, calendar.DayOf(s.db.Now()))
	if err != nil || len(ids) == 0 {
		return false, err
	}
	return true, s.db.InTx(ctx, func(tx *db.Tx) error {
		for _, id := range ids {
			audit.Note(tx, org.System.Did("flag.purged", "flag", int64(id)))
		}
		return purgeFlags(ctx, tx, ids...)
	})
}
