package auth

import (
	"context"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/platform/wechat"
)

// SharedToken is where the nodes of a deployment share the access token of app: a row, sealed.
func SharedToken(d *db.DB, keys *sealed.Keys, app string) wechat.Shared {
	return wechat.Shared{
		Load: func(ctx context.Context) (wechat.Token, error) {
			r, found, err := findWeChatToken(ctx, d, app)
			if err != nil || !found {
				return wechat.Token{}, err
			}
			value, err := keys.Open(sealed.Secrets, "wechat_token", "token_sealed", r.ID, r.Sealed)
			return wechat.Token{Value: value, ExpiresAt: r.ExpiresAt}, err
		},
		Save: func(ctx context.Context, t wechat.Token) error {
			return changeWeChatToken(ctx, d, app, func(r *tokenRow) (err error) {
				r.ExpiresAt = t.ExpiresAt
				r.Sealed, err = keys.Seal(sealed.Secrets, "wechat_token", "token_sealed", r.ID, t.Value)
				return err
			})
		},
		Drop: func(ctx context.Context, value string) error {
			return changeWeChatToken(ctx, d, app, func(r *tokenRow) error {
				kept, err := keys.Open(sealed.Secrets, "wechat_token", "token_sealed", r.ID, r.Sealed)
				if err == nil && kept == value { // a newer one stays
					r.Sealed = nil
				}
				return err
			})
		},
	}
}

// changeWeChatToken writes what f makes of the row of app. If another node was faster its token stays: the
// platform gives everybody the same one.
func changeWeChatToken(ctx context.Context, d *db.DB, app string, f func(*tokenRow) error) error {
	return d.InTx(ctx, func(tx *db.Tx) error {
		r, found, err := findWeChatToken(ctx, tx, app)
		if err == nil && !found {
			r = tokenRow{ExpiresAt: tx.Now, Version: 1}
			r.ID, err = insertWeChatToken(ctx, tx, app)
		}
		if err != nil {
			return err
		}
		if err := f(&r); err != nil {
			return err
		}
		_, err = saveWeChatToken(ctx, tx, r)
		return err
	})
}
