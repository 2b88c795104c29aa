package app

import (
	"context"
	"time"

	"wanjia/internal/board"
	"wanjia/internal/household"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/privacy"
	"wanjia/internal/request"
)

// breaking are what break-glass needs to know of homes and people.
var breaking = privacy.GlassHooks{
	Area: func(ctx context.Context, q db.Queryer, by org.Actor, _ string, id int64) (org.Unit, error) {
		return household.LiesIn(ctx, q, by, household.ID(id))
	},
	Opened: tellOpened,
	Asked: func(ctx context.Context, tx *db.Tx, to org.Incumbent, g privacy.Glass) error {
		return notify.Tell(ctx, tx, notify.InRole(to.Person, to.Assignment), notify.Item{
			By: org.System, Kind: "break_glass.review", Ref: notify.Ref{Type: "break_glass", ID: int64(g.ID)},
			Args: map[string]any{"count": 1, "dueAt": tx.Now.AddDate(0, 0, 7)},
		})
	},
}

// tellOpened tells whoever looks after an area, or stands in for them, that somebody broke the glass there (X44).
func tellOpened(ctx context.Context, tx *db.Tx, by org.Actor, g privacy.Glass) error {
	area, err := org.UnitByID(ctx, tx, g.AreaID)
	if err != nil {
		return err
	}
	day := calendar.DayOf(tx.Now)
	holders, err := org.LeadOf(ctx, tx, area, day)
	if err == nil && len(holders) == 0 {
		_, holders, err = org.InterimHolder(ctx, tx, area, day)
	}
	if err != nil {
		return err
	}
	var to notify.Audience
	for _, h := range holders {
		to = to.And(notify.InRole(h.Person, h.Assignment))
	}
	if err := notify.Tell(ctx, tx, to, openedGlass(by, notify.Ref{Type: "household", ID: g.ObjectID}, 0, tx.Now)); err != nil {
		return err
	}
	return tellThoseThere(ctx, tx, by, g)
}

func openedGlass(by org.Actor, ref notify.Ref, prio int, now time.Time) notify.Item {
	return notify.Item{By: by, Kind: "break_glass.opened", Ref: ref, Prio: prio, Args: map[string]any{"kindLabel": "应急查看", "at": now}}
}

// tellThoseThere tells those of the household who can be told that somebody broke the glass there, in their inbox and
// without haste: whoever asks for something at that door, and the member whose plaque hangs there (X44).
func tellThoseThere(ctx context.Context, tx *db.Tx, by org.Actor, g privacy.Glass) error {
	asking, err := request.FollowedAt(ctx, tx, g.ObjectID)
	if err != nil {
		return err
	}
	told := map[org.PersonID]bool{by.PersonID: true} // who opened it knows
	for _, f := range asking {
		if told[f.Person] {
			continue
		}
		told[f.Person] = true
		item := openedGlass(by, notify.Ref{Type: "request", ID: int64(f.Request)}, notify.Quiet, tx.Now)
		if err := notify.Tell(ctx, tx, notify.Persons(f.Person), item); err != nil {
			return err
		}
	}
	members, err := board.HungAt(ctx, tx, g.ObjectID)
	if err != nil {
		return err
	}
	for _, p := range members {
		if told[p] {
			continue
		}
		told[p] = true
		item := openedGlass(by, notify.Ref{Type: "person", ID: int64(p)}, notify.Quiet, tx.Now)
		if err := notify.Tell(ctx, tx, notify.Persons(p), item); err != nil {
			return err
		}
	}
	return nil
}

// browsing watches how many households somebody reads in a short time, and tells the audit administrators (X50).
func (a *App) browsing() *privacy.Browsing {
	return privacy.NewBrowsing(a.Stores.DB, privacy.BrowsingHooks{
		StepUp: a.Auth.CheckStepUp,
		Alarm: func(ctx context.Context, tx *db.Tx, by org.Actor, households int) error {
			admins, err := org.PersonsWith(ctx, tx, org.RoleAuditAdmin, calendar.DayOf(tx.Now))
			if err != nil || len(admins) == 0 {
				return err
			}
			return notify.Tell(ctx, tx, notify.Persons(admins...), notify.Item{
				By: by, Kind: "privacy.browsing", Ref: notify.Ref{Type: "person", ID: int64(by.PersonID)},
				Args: map[string]any{"kindLabel": "短时间内查看了许多住户", "count": households, "at": tx.Now},
			})
		},
	})
}
