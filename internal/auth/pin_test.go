package auth

import (
	"context"
	"errors"
	"testing"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/problem"
)

// onPhone is somebody bound to a WeChat account and signed in on a phone.
func (p *place) onPhone(t *testing.T, handle string, person org.PersonID, phone string) (context.Context, org.Actor) {
	t.Helper()
	in, err := p.SignInWeChat(t.Context(), p.fake.Code(handle), phone)
	fine(t, "sign in", err)
	if in.State == Unverified {
		i, err := p.Invite(t.Context(), p.w.FengShuangjiang, person)
		fine(t, "invite", err)
		ctx, by := p.as(t, in)
		fine(t, "bind", p.BindByInvitation(ctx, by, i.Code))
		in, err = p.SignInWeChat(t.Context(), p.fake.Code(handle), phone)
		fine(t, "sign in again", err)
	}
	return p.as(t, in)
}

const pin, otherPhone = "482913", "device-0000000002"

func TestAPinOpensSensitiveActsOnThePhoneItWasSetOn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		yao := p.w.YaoMangzhong.PersonID
		ctx, by := p.onPhone(t, "xl.m2", yao, device)
		wants(t, "before there is one", errOf(p.StepUpByPin(ctx, pin)), ErrPinNeeded)
		wants(t, "set without proof", p.SetPin(ctx, by, pin, ""), ErrStepUp)
		wants(t, "set with somebody else's WeChat", p.SetPin(ctx, by, pin, p.fake.Code("thief")), ErrCode)
		fine(t, "set", p.SetPin(ctx, by, pin, p.fake.Code("xl.m2")))
		if n := p.count(t, `SELECT COUNT(*) FROM pin WHERE hash LIKE ?`, "%"+pin+"%"); n != 0 {
			t.Error("the PIN itself is stored")
		}
		if n := p.count(t, `SELECT COUNT(*) FROM pin WHERE hash LIKE '$argon2id$%'`); n != 1 {
			t.Errorf("%d PINs hashed by argon2id, want 1", n)
		}
		if got := p.told(t, yao, "security.factor_changed"); got != 1 {
			t.Errorf("told %d times, want once", got)
		}
		wants(t, "a sensitive act before", p.CheckStepUp(ctx), ErrStepUp)
		until, err := p.StepUpByPin(ctx, pin)
		if err != nil || !until.Equal(p.now().Add(5*time.Minute)) {
			t.Errorf("step up: until %v, %v", until, err)
		}
		fine(t, "a sensitive act", p.CheckStepUp(ctx))
		p.move(5 * time.Minute)
		wants(t, "after five minutes", p.CheckStepUp(ctx), ErrStepUp)

		there, _ := p.onPhone(t, "xl.m2", yao, otherPhone)
		wants(t, "on another phone of the same person", errOf(p.StepUpByPin(there, pin)), ErrPinNeeded)
		feng, _ := p.as(t, p.signIn(t, p.w.FengShuangjiang.PersonID, Mini, device))
		wants(t, "by somebody else on the same phone", errOf(p.StepUpByPin(feng, pin)), ErrPinNeeded)
		web, who := p.as(t, p.signIn(t, yao, Console, device))
		wants(t, "set in a browser", p.SetPin(web, who, pin, p.fake.Code("xl.m2")), ErrPinNotHere)
	})
}

func errOf(_ time.Time, err error) error { return err }

func TestFiveWrongPinsEndThePin(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		ctx, by := p.onPhone(t, "xl.m2", p.w.YaoMangzhong.PersonID, device)
		fine(t, "set", p.SetPin(ctx, by, pin, p.fake.Code("xl.m2")))
		for i := range 4 {
			err := errOf(p.StepUpByPin(ctx, "482914"))
			wants(t, "a wrong one", err, ErrPin)
			var told *problem.Problem
			if errors.As(err, &told) && told.Members["triesLeft"] != 4-i {
				t.Errorf("%v tries left, want %d", told.Members["triesLeft"], 4-i)
			}
		}
		fine(t, "the right one, fifth", errOf(p.StepUpByPin(ctx, pin)))
		for range 5 {
			wants(t, "a wrong one", errOf(p.StepUpByPin(ctx, "482914")), ErrPin)
		}
		wants(t, "the right one, sixth", errOf(p.StepUpByPin(ctx, pin)), ErrPinNeeded)
		p.move(day)
		fine(t, "poll", p.LoadRevocations(t.Context()))
		wants(t, "a day later: time heals nothing", errOf(p.StepUpByPin(ctx, pin)), ErrPinNeeded)
		wants(t, "a new one without proof", p.SetPin(ctx, by, "395172", ""), ErrStepUp)
		fine(t, "a new one with a fresh code", p.SetPin(ctx, by, "395172", p.fake.Code("xl.m2")))
		wants(t, "the old one", errOf(p.StepUpByPin(ctx, pin)), ErrPin)
		fine(t, "the new one", errOf(p.StepUpByPin(ctx, "395172")))
		fine(t, "another one while stepped up", p.SetPin(ctx, by, pin, ""))
	})
}

func TestTwentyGuessesAtOnceAreFive(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		ctx, by := p.onPhone(t, "xl.m2", p.w.YaoMangzhong.PersonID, device)
		fine(t, "set", p.SetPin(ctx, by, pin, p.fake.Code("xl.m2")))
		results := make([]error, 20)
		together(20, func(i int) { results[i] = errOf(p.StepUpByPin(ctx, "7"+number(10000+i))) })
		wrong, over := 0, 0
		for _, err := range results {
			switch {
			case errors.Is(err, ErrPin), errors.Is(err, problem.ErrUnavailable): // looked at, or there was no room to
				wrong++
			case errors.Is(err, ErrPinNeeded):
				over++
			default:
				t.Errorf("one of twenty: %v", err)
			}
		}
		if wrong != 5 || over != 15 {
			t.Errorf("%d of twenty were tries, %d were not; want 5 and 15", wrong, over)
		}
	})
}

func TestAPinEndsWithTheAccountItStoodFor(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		yao := p.w.YaoMangzhong.PersonID
		ctx, by := p.onPhone(t, "xl.m2", yao, device)
		fine(t, "set", p.SetPin(ctx, by, pin, p.fake.Code("xl.m2")))
		// Bound anew on another phone: the old one's PIN is nobody's.
		other, err := p.SignInWeChat(t.Context(), p.fake.Code("xl.m2-new"), otherPhone)
		fine(t, "sign in", err)
		i, err := p.Invite(t.Context(), p.w.FengShuangjiang, yao)
		fine(t, "invite", err)
		ctx, by = p.as(t, other)
		fine(t, "rebind", p.BindByInvitation(ctx, by, i.Code))
		if n := p.count(t, `SELECT COUNT(*) FROM pin`); n != 0 {
			t.Errorf("%d PINs after the rebinding, want none", n)
		}
		ctx, by = p.onPhone(t, "xl.m2-new", yao, otherPhone)
		wants(t, "a PIN within a day of it", p.SetPin(ctx, by, pin, p.fake.Code("xl.m2-new")), ErrHeld)
		p.move(day)
		fine(t, "poll", p.LoadRevocations(t.Context()))
		ctx, by = p.onPhone(t, "xl.m2-new", yao, otherPhone)
		fine(t, "a day later", p.SetPin(ctx, by, pin, p.fake.Code("xl.m2-new")))
		fine(t, "disable", p.Disable(t.Context(), p.w.SecurityAdmin, yao, "离职"))
		if n := p.count(t, `SELECT COUNT(*) FROM pin`); n != 0 {
			t.Errorf("%d PINs of a disabled person, want none", n)
		}
	})
}

func TestAPinThatPeopleTryFirstIsRefused(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"000000", "123456", "654321", "345678", "111222", "121212", "123123", "998899"} {
		wants(t, bad, checkPin(bad), ErrPinWeak)
	}
	for _, good := range []string{"482913", "170935", "902174"} {
		fine(t, good, checkPin(good))
	}
}
