package auth

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"
)

// A herd of devices that come back costs no SQL: what requests have found out about their sessions is enough. Whose session
// has ended is refused, at once where that is known and everywhere within five seconds, and a socket that was being opened
// meanwhile is closed.
func TestASocketOfAKnownSessionAsksNoSQL(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		yao := p.w.YaoMangzhong.PersonID
		in := p.signIn(t, yao, Mini, device)
		there, elsewhere := p.Service, p.node(t)
		p.as(t, in)
		asks := func(what string, s *Service, want int64) {
			t.Helper()
			before := p.db.Statements()
			who, until, err := s.Live(t.Context(), in.Session.ID)
			if err != nil || who != yao || !until.Equal(in.Session.EndsAt) {
				t.Errorf("%s: person %d until %v (%v), want %d until %v", what, who, until, err, yao, in.Session.EndsAt)
			}
			if n := p.db.Statements() - before; n != want {
				t.Errorf("%s: %d statements, want %d", what, n, want)
			}
		}
		asks("where it was seen", there, 0)
		asks("elsewhere", elsewhere, 0)
		p.move(deniedSure + time.Second)
		asks("by who has not read the revocations for six seconds", there, 2)
		fine(t, "read the revocations", elsewhere.LoadRevocations(t.Context()))
		fine(t, "read the revocations", there.LoadRevocations(t.Context()))
		asks("by who has", elsewhere, 0)

		fine(t, "sign out everywhere", p.EndSessionsOf(t.Context(), p.w.FengShuangjiang, yao, "手机遗失"))
		refused := func(what string, s *Service) {
			t.Helper()
			if _, _, err := s.Live(t.Context(), in.Session.ID); !errors.Is(err, ErrSessionEnded) {
				t.Errorf("%s: %v, want it refused", what, err)
			}
		}
		refused("where it was ended", there)
		p.move(2 * time.Second)
		fine(t, "read the revocations", elsewhere.LoadRevocations(t.Context()))
		refused("elsewhere, two seconds later", elsewhere)
	})
}

// Who remembers a session that has ended elsewhere, and could not read so, asks SQL after five seconds.
func TestASessionIsNotRememberedBeyondTheRevocations(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		yao := p.w.YaoMangzhong.PersonID
		in := p.signIn(t, yao, Mini, device)
		elsewhere := p.node(t)
		if _, _, err := elsewhere.Identify(t.Context(), in.Access, 0); err != nil {
			t.Fatal(err)
		}
		fine(t, "sign out everywhere", p.EndSessionsOf(t.Context(), p.w.FengShuangjiang, yao, "手机遗失"))
		p.move(deniedSure + time.Millisecond)
		if _, _, err := elsewhere.Live(t.Context(), in.Session.ID); !errors.Is(err, ErrSessionEnded) {
			t.Errorf("five seconds later: %v, want it refused", err)
		}
	})
}

// A socket that was being opened while the end of its session was told of is closed by the next look; later nobody is told.
func TestTheEndOfASessionIsSaidAgainForAWhile(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		yao := p.w.YaoMangzhong.PersonID
		in := p.signIn(t, yao, Mini, device)
		fine(t, "sign out everywhere", p.EndSessionsOf(t.Context(), p.w.FengShuangjiang, yao, "手机遗失"))
		want := Ended{Kind: SessionEnded, Session: in.Session.ID}
		for _, c := range []struct {
			later time.Duration
			told  bool
		}{{0, true}, {2 * time.Second, true}, {saidAgain, false}} {
			p.move(c.later)
			p.mu.Lock()
			p.ended = nil
			p.mu.Unlock()
			fine(t, "read the revocations", p.LoadRevocations(t.Context()))
			if got := p.heard(want); got != c.told {
				t.Errorf("%v later it is told again: %v, want %v", c.later, got, c.told)
			}
		}
	})
}

// A node's own clock says for how long: the row has the time of whoever wrote it, which may be another's, and may have
// become known only now.
func TestTheEndOfASessionIsSaidAgainFromWhenItWasLearned(t *testing.T) {
	t.Parallel()
	var told [][]Ended
	d := newDenied(func(all []Ended) { told = append(told, all) })
	for at, apart := range map[int64]time.Duration{1: -12 * time.Second, 2: 0, 3: 12 * time.Second} {
		d.learn([]revocationRow{{ID: at, Kind: SessionEnded, Ref: at, At: noon.Add(apart)}}, noon)
	}
	for _, c := range []struct {
		later time.Duration
		want  int
	}{{2 * time.Second, 3}, {saidAgain - time.Millisecond, 3}, {saidAgain, 0}, {saidAgain + time.Second, 0}} {
		told = nil
		d.remind(noon.Add(c.later))
		n := 0
		for _, all := range told {
			n += len(all)
		}
		if n != c.want {
			t.Errorf("%v later %d of three are told of again, want %d", c.later, n, c.want)
		}
	}
}

// Whoever closes sockets walks over all of them, so one look tells of all sessions at once, however many have ended.
func TestTheEndsOfManySessionsAreToldAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		yao := p.w.YaoMangzhong.PersonID
		var times [][]Ended
		there := NewService(Options{
			DB: p.db, KV: p.kv, Keys: p.keys, WeChat: p.wechat, Issuer: "wanjia.test", Era: 1, Limit: unlimited,
			Ended: func(all []Ended) { times = append(times, all) },
		})
		fine(t, "start", there.Start(t.Context()))
		want := map[SessionID]bool{}
		for range 5 {
			want[p.signIn(t, yao, Mini, device).Session.ID] = true
		}
		fine(t, "sign out everywhere", p.EndSessionsOf(t.Context(), p.w.FengShuangjiang, yao, "手机遗失"))
		for _, look := range []string{"first", "second"} {
			p.move(2 * time.Second)
			times = nil
			fine(t, "read the revocations", there.LoadRevocations(t.Context()))
			got := map[SessionID]bool{}
			for _, e := range slices.Concat(times...) {
				if e.Kind == SessionEnded {
					got[e.Session] = true
				}
			}
			if len(times) != 1 || !maps.Equal(got, want) {
				t.Errorf("the %s look tells %d times, of %d sessions; want once, of all %d", look, len(times), len(got), len(want))
			}
		}
	})
}
