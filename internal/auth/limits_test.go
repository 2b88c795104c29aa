package auth

import (
	"context"
	"errors"
	"testing"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/kv/kvtest"
	"wanjia/internal/platform/limit"
	"wanjia/internal/platform/problem"
)

// The limiters of security.md §9 that package auth asks itself, and the tries that it counts in SQL. Those by
// address are asked at the edge.
func TestL2SigningInIsLimitedAsTheTableSays(t *testing.T) {
	t.Parallel()
	for _, redis := range []bool{true, false} {
		kvtest.EachGated(t, func(t *testing.T, k *kv.KV, gate *kvtest.Gate) {
			p := newPlace(t, dbtest.SQLite(t), k)
			nodes := []*Service{p.Service, p.node(t)}
			secret, _ := p.enrolled(t, p.w.LuoQingming.PersonID, "po.1")
			_ = secret
			guests := make([]context.Context, 12)
			for i := range guests {
				in, err := p.SignInWeChat(t.Context(), p.fake.Code("guest"+number(i)), device)
				fine(t, "sign in", err)
				guests[i], _ = p.as(t, in)
			}
			in := p.signIn(t, p.w.YaoMangzhong.PersonID, Mini, device)
			phone, _ := p.as(t, p.signIn(t, p.w.FengShuangjiang.PersonID, Mini, device))
			for _, s := range nodes {
				s.limit = limit.New(k, p.now, func() int { return len(nodes) }).Allow
			}
			if !redis {
				gate.Shut()
			}
			for what, c := range map[string]struct {
				limiter limit.Limiter // zero: counted in SQL
				size    int
				window  time.Duration
				call    func(s *Service, i int) error
			}{
				"WeChat sign-in, device": {limit.WeChatDevice, 10, time.Minute, func(s *Service, i int) error {
					_, err := s.SignInWeChat(t.Context(), p.fake.Code("zl"), "device-of-somebody")
					return err
				}},
				"refresh, session": {limit.Refresh, 6, 10 * time.Minute, func(s *Service, _ int) error {
					next, err := s.Refresh(t.Context(), in.Refresh, device)
					if err == nil {
						in = next
					}
					return err
				}},
				"code": {limit.Code, 5, quarter, func(s *Service, i int) error {
					ctx := guests[i%len(guests)]
					return s.BindByInvitation(ctx, org.ActorFrom(ctx), "ZZZZZZZZ")
				}},
				"password, account": {size: 5, window: quarter, call: func(s *Service, _ int) error {
					_, err := s.SignInPassword(t.Context(), "po.1", "not the password", Console, device)
					return err
				}},
				"second factor, person": {size: 5, window: quarter, call: func(s *Service, _ int) error {
					ctx := guests[11]
					_, err := s.StepUp(ctx, "000000")
					return err
				}},
				"phone bind, person": {size: 5, window: day, call: func(s *Service, i int) error {
					ctx := guests[10]
					return s.AskBinding(ctx, org.ActorFrom(ctx), p.fake.PhoneCode("1990000"+number(4000+i)))
				}},
				"factor change, person": {size: 5, window: day, call: func(s *Service, _ int) error {
					return s.SetPin(phone, org.ActorFrom(phone), "482913", "")
				}},
			} {
				want := c.size
				if !redis && c.limiter.Name != "" { // closed: each node has its share
					want = max(1, c.size/len(nodes)) * len(nodes)
				}
				refused := func(err error) bool { return errors.Is(err, problem.ErrTooMany) || errors.Is(err, ErrTries) }
				through := 0
				for i := range 2*c.size + 4 {
					err := c.call(nodes[i%2], i)
					var told *problem.Problem
					switch {
					case !refused(err):
						through++
					case !errors.As(err, &told) || told.After <= 0 || told.After > c.window:
						t.Errorf("%s: refused until in %v, want within %v", what, told.After, c.window)
					}
				}
				if through != want {
					t.Errorf("%s, Redis there: %v: %d through on two nodes, want %d", what, redis, through, want)
				}
				if c.limiter.Name != "" && (c.limiter.Size != c.size || c.limiter.Window != c.window || c.limiter.Away != limit.Closed) {
					t.Errorf("%s: the limiter is %+v", what, c.limiter)
				}
				p.move(c.window + time.Millisecond)
				for _, s := range nodes {
					fine(t, "poll", s.LoadRevocations(t.Context()))
				}
				if err := c.call(nodes[0], 0); refused(err) {
					t.Errorf("%s: refused when the time is over: %v", what, err)
				}
				in = p.signIn(t, p.w.YaoMangzhong.PersonID, Mini, device)
				phone, _ = p.as(t, p.signIn(t, p.w.FengShuangjiang.PersonID, Mini, device))
			}
		})
	}
}

func TestARefusedSignInDoesNotUseTheCodeUp(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		p.limit = func(_ context.Context, l limit.Limiter, _ string) limit.Verdict {
			return limit.Verdict{Limiter: l, Retry: time.Second}
		}
		code := p.fake.Code("zl")
		_, err := p.SignInWeChat(t.Context(), code, device)
		wants(t, "too often", err, problem.ErrTooMany)
		p.limit = unlimited
		_, err = p.SignInWeChat(t.Context(), code, device)
		fine(t, "the same code a second later", err)
	})
}
