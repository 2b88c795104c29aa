package auth

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/limit"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/platform/wechat"
)

// Options of a Service.
type Options struct {
	DB     *db.DB
	KV     *kv.KV
	Keys   *sealed.Keys
	WeChat *wechat.Client // nil: nobody signs in by WeChat
	Issuer string         // of the tokens: who runs this deployment
	Era    int64          // of the deployment's history; tokens and sessions of another one are refused
	Demo   bool           // sign-in by handle; see CheckDemo
	Limit  Limit          // nil: limiters of a node that is alone
	Ended  func([]Ended)  // told of every end of rights as soon as this node knows of it; must not block

	Patience time.Duration // with WeChat, of whoever submits a text; 0: two seconds

	// Disabled is what else ends with somebody's account, in the same transaction; nil: nothing.
	Disabled func(ctx context.Context, tx *db.Tx, by org.Actor, person org.PersonID) error
}

// A Limit takes one call of a subject from a limiter (limit.Limits.Allow).
type Limit func(ctx context.Context, l limit.Limiter, subject string) limit.Verdict

// A Service signs people in, says who they are, and signs them out.
type Service struct {
	db     *db.DB
	kv     *kv.KV
	keys   *sealed.Keys
	wechat *wechat.Client
	era    int64
	demo   bool
	limit  Limit
	tokens tokens
	hasher *hasher
	denied *denied
	cache  *recent[SessionID, liveSession]
	seats  *recent[seat, org.Actor]

	patience time.Duration
	disabled func(ctx context.Context, tx *db.Tx, by org.Actor, person org.PersonID) error
}

// NewService puts a service together; Start makes it ready.
func NewService(o Options) *Service {
	if o.Ended == nil {
		o.Ended = func([]Ended) {}
	}
	if o.Limit == nil {
		o.Limit = limit.New(o.KV, o.DB.Now, func() int { return 1 }).Allow
	}
	s := &Service{
		patience: cmp.Or(o.Patience, patience),

		db: o.DB, kv: o.KV, keys: o.Keys, wechat: o.WeChat, era: o.Era, demo: o.Demo, limit: o.Limit, disabled: o.Disabled,
		tokens: newTokens(o.Issuer, o.Era),
		hasher: newHasher(), cache: newRecent[SessionID, liveSession](cacheLife), seats: newRecent[seat, org.Actor](cacheLife),
	}
	s.denied = newDenied(func(all []Ended) {
		persons := map[org.PersonID]bool{}
		for _, e := range all {
			if e.Person != 0 {
				persons[e.Person] = true
			}
		}
		if len(persons) > 0 { // their roles are looked up anew at once
			s.seats.drop(func(k seat) bool { return persons[k.person] })
		}
		o.Ended(all)
	})
	return s
}

// Start reads what must be known before the first request: keys and revocations.
func (s *Service) Start(ctx context.Context) error {
	if err := s.LoadKeys(ctx); err != nil {
		return fmt.Errorf("load the signing keys: %w", err)
	}
	if err := s.LoadRevocations(ctx); err != nil {
		return fmt.Errorf("load the revocations: %w", err)
	}
	return nil
}

// tell puts a message about their own safety into the inbox of person.
func (s *Service) tell(ctx context.Context, tx *db.Tx, person org.PersonID, kind string, session int64) error {
	return notify.Tell(ctx, tx, notify.Persons(person), notify.Item{
		Kind: kind, Ref: notify.Ref{Type: "session", ID: session}, Args: map[string]any{"at": tx.Now},
	})
}
