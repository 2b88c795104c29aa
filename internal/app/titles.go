package app

import (
	"context"

	"wanjia/internal/board"
	"wanjia/internal/campaign"
	"wanjia/internal/checkin"
	"wanjia/internal/household"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/request"
)

// titles are how the things of items are called, for who may see them now (push.md §10). What is told to somebody about
// themselves or their own seat is called by its public labels.
func (a *App) titles() map[string]notify.Titler {
	return map[string]notify.Titler{
		"request": a.needs.Title, "call": a.needs.CallTitle, "promise": a.needs.PromiseTitle,
		"muster": request.MusterTitle, "card": request.CardTitle, "emergency": request.EmergencyTitle,
		"task": func(ctx context.Context, q db.Queryer, by org.Actor, id int64) (string, error) {
			t, _, err := campaign.FindTask(ctx, q, by, campaign.TaskID(id))
			return t.Title, err
		},
		"household": household.Title, "risk_event": household.RiskTitle,
		"board": board.Title, "press_pack": board.PressTitle, "publication": board.PublicationTitle, "presence": checkin.Title,
	}
}
