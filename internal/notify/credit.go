package notify

import (
	"context"
	"slices"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/sealed"
)

// Grant notes what a person has answered to one tap of theirs, once for a clientRef: a message of each template that they
// allowed, and which they refused. The phone may say what it likes: WeChat's next answer corrects it.
func (s *Sends) Grant(ctx context.Context, by org.Actor, clientRef string, allowed, refused []string) error {
	for _, list := range [][]string{allowed, refused} {
		for _, c := range list {
			if !slices.Contains(codes, c) {
				return ErrTemplate.Field("/templates", ErrTemplate.Code)
			}
		}
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), nil, func() error {
			to, found, err := findAddressee(ctx, tx, by.PersonID, s.app)
			if err != nil {
				return err
			}
			for _, c := range allowed {
				fresh, err := grant(ctx, tx, by.PersonID, to.Account, c, clientRef)
				if err != nil {
					return err
				}
				if fresh && found && s.Granted != nil {
					if err := s.hear(ctx, tx, to, c); err != nil {
						return err
					}
				}
			}
			for _, c := range refused {
				if err := noteRefused(ctx, tx, by.PersonID, to.Account, c); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// hear tells the fake WeChat, which sees no phone, what was allowed on one.
func (s *Sends) hear(ctx context.Context, tx *db.Tx, to addressee, code string) error {
	openID, err := s.Keys.Open(sealed.Personal, "wechat_account", "openid_sealed", to.Account, to.Sealed)
	if err != nil {
		return err
	}
	all, err := allTemplates(ctx, tx)
	if err != nil {
		return err
	}
	tx.After(func() { s.Granted(openID, all[code].ID) })
	return nil
}
