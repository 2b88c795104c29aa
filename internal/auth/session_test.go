package auth

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/kv/kvtest"
	"wanjia/internal/platform/problem"
)

func TestJ3_ASessionEndsAtTheMinuteItShould(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		for _, c := range []struct {
			who            org.Actor
			client         Client
			idle, absolute time.Duration
		}{
			{p.w.FengShuangjiang, Mini, 7 * day, 30 * day},
			{p.w.XingwuMember, H5, 7 * day, 30 * day},
			{p.w.FengShuangjiang, H5, 30 * time.Minute, 12 * time.Hour},
			{p.w.FengShuangjiang, Console, 30 * time.Minute, 12 * time.Hour},
		} {
			in := p.signIn(t, c.who.PersonID, c.client, device)
			if got := len(in.Refresh); got != 43 {
				t.Errorf("the refresh token has %d characters, want 43", got)
			}
			if n := p.count(t, `SELECT COUNT(*) FROM refresh_token WHERE hash = ?`, []byte(in.Refresh)); n != 0 {
				t.Error("the token itself is stored")
			}
			p.move(c.idle - time.Minute)
			next, err := p.Refresh(t.Context(), in.Refresh, device)
			if err != nil {
				t.Fatalf("%s a minute before it is idle too long: %v", c.client, err)
			}
			p.move(c.idle)
			_, err = p.Refresh(t.Context(), next.Refresh, device)
			wants(t, string(c.client)+" idle too long", err, ErrSessionEnded)

			in = p.signIn(t, c.who.PersonID, c.client, device)
			end := p.now().Add(c.absolute)
			token := in.Refresh
			for p.now().Add(c.idle - time.Minute).Before(end) {
				p.move(c.idle - time.Minute)
				next, err := p.Refresh(t.Context(), token, device)
				if err != nil {
					t.Fatalf("%s while it lives: %v", c.client, err)
				}
				token = next.Refresh
			}
			p.move(end.Sub(p.now()))
			_, err = p.Refresh(t.Context(), token, device)
			wants(t, string(c.client)+" at its absolute end", err, ErrSessionEnded)
		}
	})
}

func TestJ4_AUsedTokenShownAgainEndsItsFamily(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		person := p.w.YaoMangzhong.PersonID
		r1 := p.signIn(t, person, Mini, device)
		r2, err := p.Refresh(t.Context(), r1.Refresh, device)
		fine(t, "R1", err)
		r3, err := p.Refresh(t.Context(), r2.Refresh, device)
		fine(t, "R2", err)
		p.move(11 * time.Second)
		_, err = p.Refresh(t.Context(), r1.Refresh, device)
		wants(t, "R1 again", err, ErrSessionEnded)
		_, err = p.Refresh(t.Context(), r3.Refresh, device)
		wants(t, "R3 after that", err, ErrSessionEnded)
		_, _, err = p.Identify(t.Context(), r3.Access, 0)
		wants(t, "its access token", err, ErrSessionEnded)
		if got := p.told(t, person, "security.refresh_reuse"); got != 1 {
			t.Errorf("the person was told %d times, want once", got)
		}
		_, err = p.Refresh(t.Context(), "0123456789012345678901234567890123456789012", device)
		wants(t, "an unknown token", err, ErrRefresh)

		other := p.signIn(t, person, Mini, device)
		_, err = p.Refresh(t.Context(), other.Refresh, "device-0000000002")
		wants(t, "the token on another device", err, ErrSessionEnded)
		_, err = p.Refresh(t.Context(), other.Refresh, device)
		wants(t, "the token on its own device, then", err, ErrSessionEnded)
	})
}

func TestJ5_TheGraceIsForTheImmediateParentOnly(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		r1 := p.signIn(t, p.w.YaoMangzhong.PersonID, Mini, device)
		r2, err := p.Refresh(t.Context(), r1.Refresh, device)
		fine(t, "R1", err)
		p.move(10 * time.Second)
		again, err := p.Refresh(t.Context(), r1.Refresh, device)
		if err != nil || again.Refresh != r2.Refresh {
			t.Fatalf("R1 within the grace: %v, same child = %v", err, again.Refresh == r2.Refresh)
		}
		_, err = p.Refresh(t.Context(), r2.Refresh, device)
		fine(t, "R2", err)
		_, err = p.Refresh(t.Context(), r1.Refresh, device)
		wants(t, "R1 after R3 within the grace", err, ErrSessionEnded)
	})
}

func TestJ7_ALostAnswerIsGivenAgainForTenSeconds(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		r1 := p.signIn(t, p.w.YaoMangzhong.PersonID, Mini, device)
		lost, err := p.Refresh(t.Context(), r1.Refresh, device)
		fine(t, "the refresh whose answer is lost", err)
		again, err := p.Refresh(t.Context(), r1.Refresh, device)
		if err != nil || again.Refresh != lost.Refresh {
			t.Errorf("repeated at once: %v, same child = %v", err, again.Refresh == lost.Refresh)
		}
		p.move(10*time.Second + time.Millisecond)
		_, err = p.Refresh(t.Context(), r1.Refresh, device)
		wants(t, "repeated later", err, ErrSessionEnded)
		_, err = p.Refresh(t.Context(), again.Refresh, device)
		wants(t, "the child, then: the family has ended", err, ErrSessionEnded)
	})
}

// together runs f n times at once.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		wg.Go(func() { <-begin; f(i) })
	}
	close(begin)
	wg.Wait()
}

func TestJ6_AnyNumberOfRefreshesAtOnceBearOneChild(t *testing.T) {
	t.Parallel()
	rounds := 200
	if testing.Short() {
		rounds = 20
	}
	each(t, func(t *testing.T, p *place) {
		for _, at := range []int{4, 50} {
			for range rounds {
				in := p.signIn(t, p.w.YaoMangzhong.PersonID, Mini, device)
				got := make([]string, at)
				together(at, func(i int) {
					next, err := p.Refresh(context.Background(), in.Refresh, device)
					if err != nil {
						t.Errorf("one of %d: %v", at, err)
					}
					got[i] = next.Refresh
				})
				for _, g := range got {
					if g != got[0] {
						t.Fatalf("%d at once got different children", at)
					}
				}
				if n := p.count(t, `SELECT COUNT(*) FROM refresh_token WHERE session_id = ? AND parent_id IS NOT NULL`, in.Session.ID); n != 1 {
					t.Fatalf("%d at once made %d children, want 1", at, n)
				}
			}
		}
	})
}

// The same with "look, then write": the test above would see it.
func TestJ6_LookingFirstAndWritingThenDoubles(t *testing.T) {
	t.Parallel()
	p := newPlace(t, dbtest.MySQL(t), kvtest.New(t))
	doubled := 0
	for range 60 {
		in := p.signIn(t, p.w.YaoMangzhong.PersonID, Mini, device)
		_, hash, _ := readToken(in.Refresh)
		var mu sync.Mutex
		won := 0
		together(8, func(int) {
			ctx := context.Background()
			mine := false
			err := p.db.InTx(ctx, func(tx *db.Tx) error {
				mine = false
				row, _, err := findRefresh(ctx, tx, hash)
				if err != nil || row.UsedAt != nil {
					return err
				}
				mine = true
				_, err = tx.Change(ctx, `UPDATE refresh_token SET used_at = ? WHERE id = ?`, tx.Now, row.ID)
				return err
			})
			mu.Lock()
			defer mu.Unlock()
			if err == nil && mine {
				won++
			}
		})
		if won > 1 {
			doubled++
		}
	}
	if doubled == 0 {
		t.Error("read-then-write never doubled: TestJ6 proves nothing on this machine")
	}
	t.Logf("doubled in %d of 60 rounds", doubled)
}

func TestJ8_LosingRedisRevivesNothingAndSignsNobodyOut(t *testing.T) {
	t.Parallel()
	size := 1000
	if testing.Short() {
		size = 100
	}
	kvtest.EachGated(t, func(t *testing.T, k *kv.KV, gate *kvtest.Gate) {
		p := newPlace(t, dbtest.SQLite(t), k)
		other := p.node(t)
		var live, revoked []SignedIn
		for i := range size {
			live = append(live, p.signIn(t, p.w.YaoMangzhong.PersonID, Mini, "device-live-"+number(i)+"-0000000"))
			revoked = append(revoked, p.signIn(t, p.w.FengShuangjiang.PersonID, Mini, "device-over-"+number(i)+"-0000000"))
		}
		for _, in := range append(live, revoked...) { // warm caches and Redis
			if _, _, err := p.Identify(t.Context(), in.Access, 0); err != nil {
				t.Fatal(err)
			}
		}
		p.in(t, func(tx *db.Tx) error { return p.endAll(t.Context(), tx, p.w.FengShuangjiang.PersonID, bySignOut) })
		fine(t, "the other node's poll", other.LoadRevocations(t.Context()))
		check := func(when string) {
			t.Helper()
			for _, s := range []*Service{p.Service, other, p.node(t)} {
				for i := range size {
					if _, _, err := s.Identify(t.Context(), live[i].Access, 0); err != nil {
						t.Fatalf("%s: a live session is refused: %v", when, err)
					}
					if _, _, err := s.Identify(t.Context(), revoked[i].Access, 0); err == nil {
						t.Fatalf("%s: an ended session is let in", when)
					}
				}
			}
		}
		for _, in := range append(live, revoked...) {
			fine(t, "wipe", k.Delete(t.Context(), sessionKey(in.Session.ID)))
		}
		check("Redis wiped")
		gate.Shut()
		check("Redis away")
		gate.Open()
		check("Redis back and empty")
	})
}

func TestJ8_AKilledAndEmptyRedisRevivesNothingAndSignsNobodyOut(t *testing.T) {
	t.Parallel()
	size := 1000
	if testing.Short() {
		size = 100
	}
	k, redis := kvtest.Own(t)
	p := newPlace(t, dbtest.MySQL(t), k)
	other := p.node(t)
	var live, revoked []SignedIn
	for i := range size {
		live = append(live, p.signIn(t, p.w.YaoMangzhong.PersonID, Mini, "device-live-"+number(i)+"-0000000"))
		revoked = append(revoked, p.signIn(t, p.w.FengShuangjiang.PersonID, Mini, "device-over-"+number(i)+"-0000000"))
	}
	check := func(when string) {
		t.Helper()
		accepted, refused := 0, 0
		for _, s := range []*Service{p.Service, other, p.node(t)} {
			for i := range size {
				if _, _, err := s.Identify(t.Context(), revoked[i].Access, 0); err == nil {
					accepted++
				}
				if _, _, err := s.Identify(t.Context(), live[i].Access, 0); err != nil {
					refused++
				}
			}
		}
		if accepted+refused > 0 {
			t.Errorf("%s: %d ended sessions let in, %d live ones refused, want none", when, accepted, refused)
		}
	}
	for i := range size { // warm caches and Redis
		for _, in := range []SignedIn{live[i], revoked[i]} {
			if _, _, err := other.Identify(t.Context(), in.Access, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	p.in(t, func(tx *db.Tx) error { return p.endAll(t.Context(), tx, p.w.FengShuangjiang.PersonID, bySignOut) })
	fine(t, "the other node's poll", other.LoadRevocations(t.Context()))
	redis.Wipe()
	check("FLUSHALL")
	redis.Kill()
	check("kill -9")
	redis.Start()
	check("started again, empty")
	// And the cache of the process is as old as it may be: sessions are looked for again.
	p.move(cacheLife + time.Second)
	check("six seconds later")
	if next, err := p.Refresh(t.Context(), live[0].Refresh, "device-live-0-0000000"); err != nil || next.Refresh == "" {
		t.Errorf("a live session cannot be refreshed: %v", err)
	}
}

func TestJ9_EveryEndOfRightsIsSeenByEveryNode(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		other := p.node(t)
		yao := p.w.YaoMangzhong.PersonID
		see := func(what string, in SignedIn, want error) {
			t.Helper()
			fine(t, "the other node's poll", other.LoadRevocations(t.Context()))
			for name, s := range map[string]*Service{"this node": p.Service, "the other": other} {
				if _, _, err := s.Identify(t.Context(), in.Access, 0); !errors.Is(err, want) {
					t.Errorf("%s, %s: got %v, want %v", what, name, err, want)
				}
			}
		}
		one, two := p.signIn(t, yao, Mini, device), p.signIn(t, yao, Mini, "device-0000000002")
		if got := p.told(t, yao, "security.new_device"); got != 1 {
			t.Errorf("told %d times of the new device, want once", got)
		}
		see("at first", one, nil)

		// A role ends: stale on both devices, a refresh is fine, the ended role is refused.
		p.in(t, func(tx *db.Tx) error {
			if _, err := tx.Change(t.Context(), `UPDATE role_assignment SET valid_to = ?, ended_at = ? WHERE id = ?`, today(tx.Now), tx.Now, p.w.YaoOfficer.Assignment); err != nil {
				return err
			}
			return p.RoleChanged(t.Context(), tx, org.System, org.RoleEnded, org.Assignment{PersonID: yao})
		})
		see("role ended", one, ErrTokenStale)
		see("role ended, second device", two, ErrTokenStale)
		if !p.heard(Ended{Kind: PersonChanged, Person: yao}) {
			t.Error("nobody was told to close the sockets")
		}
		one, err := p.Refresh(t.Context(), one.Refresh, device)
		fine(t, "refresh", err)
		see("after the refresh", one, nil)
		_, _, err = p.Identify(t.Context(), one.Access, p.w.YaoOfficer.Assignment)
		wants(t, "acting in the ended role", err, org.ErrActingAsInvalid)
		_, _, err = p.Identify(t.Context(), one.Access, p.w.FengShuangjiang.Assignment)
		wants(t, "acting in somebody else's role", err, org.ErrActingAsInvalid)
		if _, by, err := p.Identify(t.Context(), one.Access, p.w.YaoMangzhong.Assignment); err != nil || by.Unit.ID != p.w.YaoMangzhong.Unit.ID {
			t.Errorf("acting in the own role: %v as %v", err, by.Unit)
		}

		// A role is given: tokens stay.
		p.in(t, func(tx *db.Tx) error { return p.RightsGrew(t.Context(), tx, yao) })
		see("role given", one, nil)

		// Signing out ends that session alone.
		two, err = p.Refresh(t.Context(), two.Refresh, "device-0000000002")
		fine(t, "refresh", err)
		ctx, by := p.as(t, two)
		fine(t, "sign out", p.SignOut(ctx, by))
		see("signed out", two, ErrSessionEnded)
		_, _, err = p.Live(t.Context(), two.Session.ID)
		wants(t, "a socket of the ended session", err, ErrSessionEnded)
		if who, until, err := p.Live(t.Context(), one.Session.ID); err != nil || who != yao || !until.Equal(one.Session.EndsAt) {
			t.Errorf("a socket of the live session: %d until %v, %v", who, until, err)
		}
		see("the session beside it", one, nil)
		if !p.heard(Ended{Kind: SessionEnded, Session: two.Session.ID}) {
			t.Error("nobody was told to close the socket of the session")
		}

		// A person ends a session of their own, never of another.
		three := p.signIn(t, yao, Mini, device)
		ctx, by = p.as(t, one)
		foreign := p.signIn(t, p.w.FengShuangjiang.PersonID, Mini, device)
		if err := p.EndSession(ctx, by, foreign.Session.ID); err == nil {
			t.Error("somebody else's session was ended")
		}
		fine(t, "end a session", p.EndSession(ctx, by, three.Session.ID))
		see("ended by the person", three, ErrSessionEnded)
		if all, err := p.Sessions(ctx, by); err != nil || len(all) != 1 {
			t.Errorf("lists %d sessions (%v), want the one that lives", len(all), err)
		}

		// Whoever leads the unit signs a person out everywhere, who is told and signs in again.
		wants(t, "by the neighbour's secretary", p.EndSessionsOf(t.Context(), p.w.ZhengXiaoxue, yao, "手机遗失"), problem.ErrNotFound)
		fine(t, "sign out everywhere", p.EndSessionsOf(t.Context(), p.w.FengShuangjiang, yao, "手机遗失"))
		see("signed out by the secretary", one, ErrSessionEnded)
		_, err = p.Refresh(t.Context(), one.Refresh, device)
		wants(t, "a refresh, then", err, ErrSessionEnded)
		if got := p.told(t, yao, "security.session_ended"); got != 1 {
			t.Errorf("told %d times, want once", got)
		}
		first := one
		one = p.signIn(t, yao, Mini, device)
		if one.Session.ID == first.Session.ID || one.Refresh == first.Refresh || one.Access == first.Access {
			t.Error("signing in again gave what there was before")
		}
		see("signed in again", one, nil)
		fine(t, "by a security administrator", p.EndSessionsOf(t.Context(), p.w.SecurityAdmin, yao, "疑似盗用"))
		see("signed out by the administrator", one, ErrSessionEnded)
		one = p.signIn(t, yao, Mini, device)

		// Disabled: everything ends.
		fine(t, "disable", p.Disable(t.Context(), p.w.FengShuangjiang, yao, "手机遗失"))
		see("disabled", one, ErrSessionEnded)
		_, err = p.Refresh(t.Context(), one.Refresh, device)
		wants(t, "refresh of a disabled person", err, ErrSessionEnded)
		wants(t, "disabled twice", p.Disable(t.Context(), p.w.SecurityAdmin, yao, "再次"), ErrIllegalTransition)
		wants(t, "disable oneself", p.Disable(t.Context(), p.w.SecurityAdmin, p.w.SecurityAdmin.PersonID, "自己"), ErrSelf)
	})
}

func TestJ9_ADeploymentRestoredFromABackupKnowsNobodyWhoWasSignedIn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		in := p.signIn(t, p.w.YaoMangzhong.PersonID, Mini, device)
		restored := NewService(Options{DB: p.db, KV: p.kv, Keys: p.keys, WeChat: p.wechat, Issuer: "wanjia.test", Era: 2, Limit: unlimited})
		fine(t, "start", restored.Start(t.Context()))
		_, _, err := restored.Identify(t.Context(), in.Access, 0)
		wants(t, "a token of the era before", err, ErrToken)
		_, err = restored.Refresh(t.Context(), in.Refresh, device)
		wants(t, "a refresh", err, ErrSessionEnded)
		_, _, err = restored.Live(t.Context(), in.Session.ID)
		wants(t, "a socket", err, ErrSessionEnded)
	})
}

func TestJ9_AChangedPasswordEndsTheOtherSessions(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		luo := p.w.LuoQingming.PersonID
		secret, _ := p.enrolled(t, luo, "po.1")
		p.move(30 * time.Second)
		other := p.node(t)
		mine, elsewhere := p.signIn(t, luo, Console, device), p.signIn(t, luo, H5, "device-0000000002")
		ctx, by := p.as(t, mine)
		const next = "海棠花又开了 f e d c b a"
		wants(t, "with a wrong present one", p.ChangePassword(ctx, by, "not the password", next), ErrPasswordNow)
		wants(t, "to a guessable one", p.ChangePassword(ctx, by, password, "password1234"), ErrPassword)
		fine(t, "change", p.ChangePassword(ctx, by, password, next))
		fine(t, "poll", other.LoadRevocations(t.Context()))
		for _, s := range []*Service{p.Service, other} {
			_, _, err := s.Identify(t.Context(), elsewhere.Access, 0)
			wants(t, "the other session", err, ErrSessionEnded)
			_, _, err = s.Identify(t.Context(), mine.Access, 0)
			wants(t, "the token of this one", err, ErrTokenStale)
		}
		_, err := p.Refresh(t.Context(), elsewhere.Refresh, "device-0000000002")
		wants(t, "a refresh of the other", err, ErrSessionEnded)
		_, err = p.Refresh(t.Context(), mine.Refresh, device)
		fine(t, "a refresh of this one", err)
		if got := p.told(t, luo, "security.factor_changed"); got != 2 { // the enrolment, and this
			t.Errorf("told %d times, want twice", got)
		}
		_, err = p.SignInPassword(t.Context(), "po.1", password, Console, device)
		wants(t, "the old password", err, ErrSignIn)
		c, err := p.SignInPassword(t.Context(), "po.1", next, Console, device)
		fine(t, "the new password", err)
		code, _ := TotpCode(secret, p.now())
		_, err = p.VerifyTotp(t.Context(), c, code, device)
		fine(t, "with the factor as before", err)
	})
}

func TestANodeThatHasNotReadRevocationsLatelyAsksSQL(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		other := p.node(t)
		in := p.signIn(t, p.w.YaoMangzhong.PersonID, Mini, device)
		if _, _, err := other.Identify(t.Context(), in.Access, 0); err != nil {
			t.Fatal(err)
		}
		p.in(t, func(tx *db.Tx) error { return p.RightsShrank(t.Context(), tx, p.w.YaoMangzhong.PersonID) })
		p.move(11 * time.Second)
		_, _, err := other.Identify(t.Context(), in.Access, 0)
		wants(t, "eleven seconds without a poll", err, ErrTokenStale)
	})
}

func TestWhatIsOverIsForgotten(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		in := p.signIn(t, p.w.YaoMangzhong.PersonID, Mini, device)
		_, err := p.Refresh(t.Context(), in.Refresh, device)
		fine(t, "refresh", err)
		p.move(8 * day)
		for step := 0; ; step++ {
			some, err := p.Forget(t.Context())
			fine(t, "forget", err)
			if !some {
				break
			}
			if step > 10 {
				t.Fatal("never done")
			}
		}
		if n := p.count(t, `SELECT COUNT(*) FROM session WHERE ended_at IS NULL`); n != 0 {
			t.Errorf("%d sessions that were idle too long are open", n)
		}
		p.move(31 * day)
		for range 5 {
			_, err := p.Forget(t.Context())
			fine(t, "forget", err)
		}
		if n := p.count(t, `SELECT COUNT(*) FROM session`) + p.count(t, `SELECT COUNT(*) FROM refresh_token`); n != 0 {
			t.Errorf("%d rows are left after thirty days", n)
		}
	})
}
