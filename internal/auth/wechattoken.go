package auth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"time"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/platform/wechat"
)

// fetchFor is how long a node has for fetching the token before another one may try.
const fetchFor = 6 * time.Second

// SharedToken is where the nodes of a deployment share the access token of app: sealed in Redis, and in a row for when
// Redis is away or has lost it. Whose turn it is to fetch it the row says alone.
func SharedToken(d *db.DB, k *kv.KV, keys *sealed.Keys, app string) wechat.Shared {
	x := wechatTokens{d, k, keys, app}
	return wechat.Shared{Turn: x.turn, Load: x.load, Save: x.save, Drop: x.drop}
}

type wechatTokens struct {
	db   *db.DB
	kv   *kv.KV
	keys *sealed.Keys
	app  string
}

// A copied is the row as Redis has it.
type copied struct {
	ID     int64     `json:"id"` // what the value is sealed for
	Sealed string    `json:"sealed"`
	Ends   time.Time `json:"ends"`
}

func (x wechatTokens) open(id int64, cipher []byte) (string, error) {
	return x.keys.Open(sealed.Secrets, "wechat_token", "token_sealed", id, cipher)
}

func (x wechatTokens) load(ctx context.Context) (wechat.Token, error) {
	if t, ok := x.fromRedis(ctx); ok {
		return t, nil
	}
	r, found, err := findWeChatToken(ctx, x.db, x.app)
	if err != nil || !found {
		return wechat.Token{}, err
	}
	value, err := x.open(r.ID, r.Sealed)
	return wechat.Token{Value: value, ExpiresAt: r.ExpiresAt}, err
}

// fromRedis is the token as Redis has it. Anything but a good answer is none: the row is asked then.
func (x wechatTokens) fromRedis(ctx context.Context) (t wechat.Token, ok bool) {
	text, found, err := x.kv.Get(ctx, kv.WeChatToken(x.app))
	var c copied
	if err != nil || !found || json.Unmarshal([]byte(text), &c) != nil {
		return t, false
	}
	cipher, err := base64.StdEncoding.DecodeString(c.Sealed)
	if err != nil {
		return t, false
	}
	value, err := x.open(c.ID, cipher)
	return wechat.Token{Value: value, ExpiresAt: c.Ends}, err == nil && value != ""
}

// turn takes the turn to fetch, unless another node has it, and returns how to give it back.
func (x wechatTokens) turn(ctx context.Context) (leave func(context.Context) error, err error) {
	err = x.db.InTx(ctx, func(tx *db.Tx) error {
		leave = nil
		r, err := ensureWeChatToken(ctx, tx, x.app)
		if err != nil {
			return err
		}
		until := tx.Now.Add(fetchFor)
		ours, err := takeWeChatFetch(ctx, tx, r, until)
		if ours {
			leave = func(ctx context.Context) error {
				return x.db.InTx(ctx, func(tx *db.Tx) error { return leaveWeChatFetch(ctx, tx, r, until) })
			}
		}
		return err
	})
	return leave, err
}

func (x wechatTokens) save(ctx context.Context, t wechat.Token) error {
	var saved tokenRow
	err := x.db.InTx(ctx, func(tx *db.Tx) error {
		r, err := ensureWeChatToken(ctx, tx, x.app)
		if err != nil {
			return err
		}
		if r.Sealed, err = x.keys.Seal(sealed.Secrets, "wechat_token", "token_sealed", r.ID, t.Value); err != nil {
			return err
		}
		r.ExpiresAt, saved = t.ExpiresAt, r
		return saveWeChatToken(ctx, tx, r) // when another node was faster its token stays: the platform gives everybody the same
	})
	if err != nil {
		return err
	}
	text, err := json.Marshal(copied{saved.ID, base64.StdEncoding.EncodeToString(saved.Sealed), t.ExpiresAt})
	if err != nil {
		return err
	}
	return x.kv.Set(ctx, kv.WeChatToken(x.app), string(text), max(time.Second, t.ExpiresAt.Sub(x.db.Now())))
}

// drop takes value away in both places, and leaves a newer one.
func (x wechatTokens) drop(ctx context.Context, value string) error {
	if t, ok := x.fromRedis(ctx); ok && t.Value == value {
		if err := x.kv.Delete(ctx, kv.WeChatToken(x.app)); err != nil {
			return err
		}
	}
	return x.db.InTx(ctx, func(tx *db.Tx) error {
		r, err := ensureWeChatToken(ctx, tx, x.app)
		if err != nil {
			return err
		}
		kept, err := x.open(r.ID, r.Sealed)
		if err != nil || kept != value {
			return err
		}
		r.Sealed = nil
		return saveWeChatToken(ctx, tx, r)
	})
}
