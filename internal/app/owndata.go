package app

import (
	"context"

	"wanjia/internal/board"
	"wanjia/internal/member"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/privacy"
	"wanjia/internal/request"
)

// ownData is what people can ask of the data that features hold of them.
func (a *App) ownData() *privacy.OwnDatas {
	return privacy.NewOwnDatas(a.Stores.DB, a.Stores.Keys, a.Stores.Pages, a.holidays, a.Retention, privacy.OwnDataHooks{
		Prove: func(ctx context.Context, code, secret string) (int64, error) {
			asker, err := a.needs.Proved(ctx, request.Proof{Code: code, Secret: secret})
			return int64(asker), err
		},
		Pack:   a.pack,
		Forget: a.needs.Forgettable,
		Ready: func(ctx context.Context, tx *db.Tx, by org.Actor, o privacy.OwnData) error {
			if o.Person == nil { // on paper: the counter hands it over
				return nil
			}
			return notify.Tell(ctx, tx, notify.Persons(*o.Person), notify.Item{
				By: by, Kind: "own_data.ready", Ref: notify.Ref{Type: "own_data", ID: int64(o.ID)},
				Args: map[string]any{"kindLabel": "本人信息", "at": tx.Now},
			})
		},
	})
}

// pack is all that is held of a subject: what they are known by, what they agreed to, what is shown of them, their home,
// and their needs, with who opened them.
func (a *App) pack(ctx context.Context, s privacy.Subject) (sections []privacy.Section, err error) {
	if s.Person != 0 {
		own, err := member.OwnData(ctx, a.Stores.DB, s.Person)
		if err != nil {
			return nil, err
		}
		agreed, err := privacy.OwnConsents(ctx, a.Stores.DB, s.Person)
		if err != nil {
			return nil, err
		}
		shown, err := board.OwnData(ctx, a.Stores.DB, s.Person)
		if err != nil {
			return nil, err
		}
		sections = append(sections, own, agreed, shown)
	}
	homes, err := a.homes.OwnData(ctx, s)
	if err != nil {
		return nil, err
	}
	needs, err := a.needs.OwnData(ctx, org.ActorFrom(ctx), s)
	return append(append(sections, homes...), needs...), err
}
