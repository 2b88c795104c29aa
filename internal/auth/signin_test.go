package auth

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"wanjia/api"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/kv/kvtest"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/wechat/fake"
)

func TestW1_TheSessionKeyIsNowhere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		in, err := p.SignInWeChat(t.Context(), p.fake.Code("zl"), device)
		fine(t, "sign in", err)
		w := httptest.NewRecorder()
		fine(t, "answer", NewHandler(p.Service).answer(in).VisitSignInWeChatResponse(w))
		if all := w.Body.String() + fmt.Sprintf("%+v", in); strings.Contains(all, fake.Canary) {
			t.Error("the session_key is in the answer")
		}
		for where, texts := range everything(t, p) {
			for _, text := range texts {
				if strings.Contains(text, fake.Canary) || strings.HasPrefix(where, "wechat_account.") && strings.Contains(text, "zl") {
					t.Errorf("%s tells the openid or the session_key", where)
				}
			}
		}
	})
}

// everything is what the database holds in columns of text and bytes, by table and column.
func everything(t *testing.T, p *place) map[string][]string {
	t.Helper()
	schema, err := os.ReadFile("../platform/db/schema.sql")
	fine(t, "read the schema", err)
	all, table := map[string][]string{}, ""
	column := regexp.MustCompile("^  `([a-z_]+)` (var|char|text|longtext|mediumtext)")
	for line := range strings.Lines(string(schema)) {
		if name, found := strings.CutPrefix(line, "CREATE TABLE `"); found {
			table, _, _ = strings.Cut(name, "`")
		}
		m := column.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		var texts []string
		fine(t, "read "+table+"."+m[1], p.db.Select(t.Context(), &texts, "SELECT `"+m[1]+"` FROM `"+table+"` WHERE `"+m[1]+"` IS NOT NULL"))
		all[table+"."+m[1]] = texts
	}
	if len(all["wechat_account.openid_sealed"]) == 0 || len(all["audit.action"]) == 0 {
		t.Fatalf("looked at %d columns and found no account or no audit: the search is broken", len(all))
	}
	return all
}

func TestW1_TheSessionKeyIsNotInRedis(t *testing.T) {
	t.Parallel()
	k, redis := kvtest.Own(t)
	p := newPlace(t, dbtest.SQLite(t), k)
	in, err := p.SignInWeChat(t.Context(), p.fake.Code("zl"), device)
	fine(t, "sign in", err)
	p.as(t, in) // the session is in Redis now
	held := redis.Dump()
	if len(held) == 0 {
		t.Fatal("Redis holds nothing: the search is broken")
	}
	for _, text := range held {
		if strings.Contains(text, fake.Canary) {
			t.Errorf("Redis holds %q", text)
		}
	}
}

func TestW2_ACodeMakesOneSession(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		for _, code := range []string{p.fake.Code("zl"), "demo:zl:1"} { // the platform lets the second one through again and again
			before := p.count(t, `SELECT COUNT(*) FROM session`)
			results := make([]error, 20)
			together(20, func(i int) { _, results[i] = p.SignInWeChat(context.Background(), code, device) })
			won := 0
			for _, err := range results {
				if err == nil {
					won++
				} else {
					wants(t, "one of twenty", err, ErrCode)
				}
			}
			if got := p.count(t, `SELECT COUNT(*) FROM session`) - before; won != 1 || got != 1 {
				t.Errorf("%s: %d answers, %d sessions, want one", code, won, got)
			}
		}
		_, err := p.SignInWeChat(t.Context(), p.fake.CodeFor("wxother", "zl"), device)
		wants(t, "a code of another app", err, ErrCode)
		p.fake.Inject(fake.Fault{Call: fake.Code2Session, Kind: fake.HTML, Times: 1})
		before := p.count(t, `SELECT COUNT(*) FROM person`)
		_, err = p.SignInWeChat(t.Context(), p.fake.Code("new"), device)
		wants(t, "an answer in HTML", err, ErrWeChat)
		if p.count(t, `SELECT COUNT(*) FROM person`) != before {
			t.Error("a failed sign-in left a person behind (A10.1)")
		}
	})
}

func TestW3_NoRequestTakesAnIdentityFromItsBody(t *testing.T) {
	t.Parallel()
	for _, v := range []any{api.SignInWeChat{}, api.NewBinding{}, api.UseInvitation{}, api.SignInDemo{}, api.RefreshSession{}} {
		shape := strings.ToLower(fmt.Sprintf("%#v", v))
		for _, word := range []string{"openid", "unionid", "phone:", "personid", "sessionkey", "encrypted", "iv:"} {
			if strings.Contains(shape, word) {
				t.Errorf("%T has a member %s", v, word)
			}
		}
	}
}

func TestW4_AnInvitationBindsOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		yao := p.w.YaoMangzhong.PersonID
		in, err := p.SignInWeChat(t.Context(), p.fake.Code("xl.m2"), device)
		fine(t, "sign in", err)
		if in.State != Unverified {
			t.Fatalf("the account is %s, want unverified", in.State)
		}
		ctx, by := p.as(t, in)
		if by.Role != org.RoleResident || by.Unit.ID != 0 {
			t.Errorf("an unverified account acts as %s of %q", by.Role, by.Unit.Name)
		}
		call := once.With(t.Context(), once.Call{Operation: "createInvitation", Key: "key-0123456789abcdef", Fingerprint: make([]byte, 32)})
		i, err := p.Invite(call, p.w.FengShuangjiang, yao)
		fine(t, "invite", err)
		call = once.With(t.Context(), once.Call{Operation: "createInvitation", Key: "key-0123456789abcdef", Fingerprint: make([]byte, 32)})
		again, err := p.Invite(call, p.w.FengShuangjiang, yao)
		if err != nil || again != i || len(i.Code) != 8 {
			t.Errorf("repeated: %+v, %v; want the same invitation", again, err)
		}
		if n := p.count(t, `SELECT COUNT(*) FROM invitation WHERE hash = ?`, []byte(i.Code)); n != 0 {
			t.Error("the code itself is stored")
		}
		_, err = p.Invite(t.Context(), p.w.ZhengXiaoxue, yao)
		wants(t, "a secretary of another village invites", err, problem.ErrNotFound)
		_, err = p.Invite(t.Context(), p.w.FengShuangjiang, p.w.LuoQingming.PersonID)
		wants(t, "a secretary invites somebody of the office", err, problem.ErrNotFound)
		p.in(t, func(tx *db.Tx) error { // the office's man is also a member here
			_, err := org.Assign(t.Context(), tx, org.NewAssignment{
				Person: p.w.LuoQingming.PersonID, Role: org.RoleMember, Unit: p.w.Xingwu.Party, Span: org.Span{From: "2025-01-01"},
			})
			return err
		})
		_, err = p.Invite(t.Context(), p.w.FengShuangjiang, p.w.LuoQingming.PersonID)
		wants(t, "a secretary invites a member who is more elsewhere", err, ErrBeyond)

		wants(t, "an invented code", p.BindByInvitation(ctx, by, "ZZZZZZZZ"), ErrInvitation)
		fine(t, "bind", p.BindByInvitation(ctx, by, strings.ToLower(i.Code)))
		_, _, err = p.Identify(t.Context(), in.Access, 0)
		wants(t, "the session from before", err, ErrSessionEnded)
		in, err = p.SignInWeChat(t.Context(), p.fake.Code("xl.m2"), device)
		if err != nil || in.State != Bound || in.Session.Person != yao {
			t.Fatalf("afterwards: %s as %d, %v", in.State, in.Session.Person, err)
		}

		// Another phone of the same person: the old one is out and is told, and the new one is held back.
		other, err := p.SignInWeChat(t.Context(), p.fake.Code("xl.m2-new"), "device-0000000002")
		fine(t, "sign in on another WeChat account", err)
		ctx, by = p.as(t, other)
		wants(t, "the used code", p.BindByInvitation(ctx, by, i.Code), ErrInvitation)
		i, err = p.Invite(t.Context(), p.w.FengShuangjiang, yao)
		fine(t, "invite again", err)
		p.move(day)
		fine(t, "poll", p.LoadRevocations(t.Context()))
		wants(t, "after a day", p.BindByInvitation(ctx, by, i.Code), ErrInvitation)
		i, err = p.Invite(t.Context(), p.w.FengShuangjiang, yao)
		fine(t, "invite once more", err)
		fine(t, "rebind", p.BindByInvitation(ctx, by, i.Code))
		_, err = p.Refresh(t.Context(), in.Refresh, device)
		wants(t, "the old phone", err, ErrSessionEnded)
		if got := p.told(t, yao, "security.rebind"); got != 1 {
			t.Errorf("told %d times of the rebinding, want once", got)
		}
		in, err = p.SignInWeChat(t.Context(), p.fake.Code("xl.m2-new"), "device-0000000002")
		fine(t, "sign in on the new account", err)
		ctx, _ = p.as(t, in)
		wants(t, "a sensitive act within a day", p.CheckStepUp(ctx), ErrHeld)
		p.move(day)
		if err := p.CheckStepUp(ctx); err == nil {
			t.Error("a sensitive act without a second factor is open")
		}
		wants(t, "binding a bound account", p.BindByInvitation(ctx, p.w.YaoMangzhong, i.Code), ErrIllegalTransition)
	})
}

func TestW4_FiveTriesAreFive(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		in, err := p.SignInWeChat(t.Context(), p.fake.Code("zl"), device)
		fine(t, "sign in", err)
		ctx, by := p.as(t, in)
		for range 5 {
			wants(t, "a wrong code", p.BindByInvitation(ctx, by, "ZZZZZZZZ"), ErrInvitation)
		}
		i, err := p.Invite(t.Context(), p.w.FengShuangjiang, p.w.YaoMangzhong.PersonID)
		fine(t, "invite", err)
		wants(t, "the right code, sixth", p.BindByInvitation(ctx, by, i.Code), ErrTries)
		p.move(15 * time.Minute)
		fine(t, "a quarter of an hour later", p.BindByInvitation(ctx, by, i.Code))
	})
}

func TestW4_APhoneAloneProvesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		yao := p.w.YaoMangzhong.PersonID
		p.setPhone(t, yao, phone)
		ask := func(handle, number string) SignedIn {
			t.Helper()
			in, err := p.SignInWeChat(t.Context(), p.fake.Code(handle), device)
			fine(t, "sign in", err)
			ctx, by := p.as(t, in)
			fine(t, "ask", p.AskBinding(ctx, by, p.fake.PhoneCode(number)))
			return in
		}
		ask("nobody", "19900009999") // X10: answered alike
		in := ask("xl.m2", phone)
		if _, by, err := p.Identify(t.Context(), in.Access, 0); err != nil || by.Role != org.RoleResident {
			t.Errorf("after asking: %s, %v; want no role", by.Role, err)
		}
		if got := p.told(t, p.w.FengShuangjiang.PersonID, "security.bind_requested"); got != 1 {
			t.Errorf("the secretary was told %d times, want once", got)
		}
		if all, err := p.ListBindings(t.Context(), p.w.ZhengXiaoxue); err != nil || len(all) != 0 {
			t.Errorf("the neighbour's secretary sees %d requests, %v", len(all), err)
		}
		all, err := p.ListBindings(t.Context(), p.w.FengShuangjiang)
		if err != nil || len(all) != 1 || all[0].Person != yao {
			t.Fatalf("the secretary sees %+v, %v; want the one", all, err)
		}
		wants(t, "the neighbour's secretary confirms", p.ConfirmBinding(t.Context(), p.w.ZhengXiaoxue, all[0].ID), problem.ErrNotFound)
		fine(t, "confirm", p.ConfirmBinding(t.Context(), p.w.FengShuangjiang, all[0].ID))
		wants(t, "refuse afterwards", p.RefuseBinding(t.Context(), p.w.FengShuangjiang, all[0].ID, "不是本人"), ErrIllegalTransition)
		in, err = p.SignInWeChat(t.Context(), p.fake.Code("xl.m2"), device)
		if err != nil || in.Session.Person != yao || in.State != Bound {
			t.Errorf("afterwards: %s as %d, %v", in.State, in.Session.Person, err)
		}
		thief := ask("thief", phone)
		all, err = p.ListBindings(t.Context(), p.w.FengShuangjiang)
		if err != nil || len(all) != 1 {
			t.Fatalf("sees %+v, %v", all, err)
		}
		fine(t, "refuse", p.RefuseBinding(t.Context(), p.w.FengShuangjiang, all[0].ID, "不是本人"))
		if _, by, err := p.Identify(t.Context(), thief.Access, 0); err != nil || by.Role != org.RoleResident {
			t.Errorf("a refused account acts as %s, %v", by.Role, err)
		}
	})
}

func TestW5_OneUnionIDIsOnePersonAndAConflictWaitsForSomebody(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		sign := func(handle string) SignedIn {
			t.Helper()
			in, err := p.SignInWeChat(t.Context(), p.fake.Code(handle), device)
			fine(t, "sign in", err)
			return in
		}
		one, two := sign("one"), sign("two") // before the app belonged to an open-platform account
		for _, h := range []string{"one", "two", "three"} {
			p.fake.SetUnionID(fake.OpenID(fake.AppID, h), "u-same")
		}
		again, other := sign("one"), sign("two")
		if again.Session.Person != one.Session.Person || other.Session.Person != two.Session.Person {
			t.Error("two persons were merged in silence")
		}
		if n := p.count(t, `SELECT COUNT(*) FROM account_conflict WHERE settled_at IS NULL`); n != 1 {
			t.Errorf("%d conflicts wait, want 1", n)
		}
		if third := sign("three"); third.Session.Person != one.Session.Person {
			t.Error("a new account with the unionid is another person")
		}
	})
}

func TestW5_SomebodySaysWhoseTheAccountsAre(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		yao := p.w.YaoMangzhong.PersonID
		conflict := func(one, two, union string) (in SignedIn, c Conflict) {
			t.Helper()
			_, err := p.SignInWeChat(t.Context(), p.fake.Code(two), device)
			fine(t, "sign in", err)
			for _, h := range []string{one, two} {
				p.fake.SetUnionID(fake.OpenID(fake.AppID, h), union)
			}
			_, err = p.SignInWeChat(t.Context(), p.fake.Code(one), device)
			fine(t, "sign in", err)
			for range 2 { // at each sign-in, and one conflict all the same
				in, err = p.SignInWeChat(t.Context(), p.fake.Code(two), device)
				fine(t, "sign in", err)
			}
			all, err := p.ListConflicts(t.Context(), p.w.SecurityAdmin)
			if err != nil || len(all) != 1 {
				t.Fatalf("%d conflicts wait, %v; want one", len(all), err)
			}
			return in, all[0]
		}
		p.onPhone(t, "xl.m2", yao, device)
		guest, c := conflict("xl.m2", "h5-of-yao", "u-1")
		sides := c.Sides
		if sides[0].Person != yao {
			sides[0], sides[1] = sides[1], sides[0]
		}
		if sides[0].Person != yao || sides[0].State != Bound || sides[0].UnitName == "" || sides[0].BoundAt == nil ||
			sides[1].Person != guest.Session.Person || sides[1].State != Unverified || sides[1].UnitName != "" {
			t.Errorf("the two are %+v", sides)
		}
		settle := func(by org.Actor, same bool, keep org.PersonID) error {
			return p.SettleConflict(t.Context(), by, c.ID, same, keep, "本人当面确认")
		}
		wants(t, "keep a third person", settle(p.w.SecurityAdmin, true, p.w.FengShuangjiang.PersonID), ErrConflictKeep)
		wants(t, "keep nobody", settle(p.w.SecurityAdmin, true, 0), ErrConflictKeep)
		wants(t, "keep the stranger", settle(p.w.SecurityAdmin, true, guest.Session.Person), ErrConflictKeep)
		wants(t, "decide about oneself", settle(org.Actor{PersonID: yao, Role: org.RoleSecurityAdmin}, true, yao), ErrSecondPerson)
		wants(t, "no such conflict", p.SettleConflict(t.Context(), p.w.SecurityAdmin, c.ID+100, true, yao, "x"), problem.ErrNotFound)
		fine(t, "keep the person of the roster", settle(p.w.SecurityAdmin, true, yao))
		wants(t, "once more", settle(p.w.SecurityTwo, false, 0), ErrIllegalTransition)
		_, _, err := p.Identify(t.Context(), guest.Access, 0)
		wants(t, "the stranger's sign-in", err, ErrSessionEnded)
		in, err := p.SignInWeChat(t.Context(), p.fake.Code("h5-of-yao"), device)
		if err != nil || in.Session.Person != yao || in.State != Bound {
			t.Errorf("afterwards: %s as %d, %v; want the person kept", in.State, in.Session.Person, err)
		}
		ctx, _ := p.as(t, in)
		wants(t, "a sensitive act within a day", p.CheckStepUp(ctx), ErrHeld)
		if got := p.told(t, yao, "security.rebind"); got != 1 {
			t.Errorf("told %d times, want once", got)
		}
		if again, err := p.SignInWeChat(t.Context(), p.fake.Code("xl.m2"), device); err != nil || again.Session.Person != yao {
			t.Errorf("the account from before: %d, %v", again.Session.Person, err)
		}

		// Two humans: nothing changes, and nobody is asked again.
		p.in(t, func(tx *db.Tx) error {
			_, err := tx.Change(t.Context(), `UPDATE wechat_account SET unionid_hash = NULL`)
			return err
		})
		p.onPhone(t, "xl.m3", p.w.XingwuMember.PersonID, "device-0000000003")
		guest, c = conflict("xl.m3", "a-relative", "u-2")
		fine(t, "two humans", settle(p.w.SecurityTwo, false, 0))
		for _, h := range []string{"xl.m3", "a-relative"} {
			_, err := p.SignInWeChat(t.Context(), p.fake.Code(h), device)
			fine(t, "sign in", err)
		}
		if all, err := p.ListConflicts(t.Context(), p.w.SecurityAdmin); err != nil || len(all) != 0 {
			t.Errorf("%d conflicts wait afterwards, %v; want none", len(all), err)
		}
		if in, err := p.SignInWeChat(t.Context(), p.fake.Code("a-relative"), device); err != nil || in.Session.Person != guest.Session.Person {
			t.Errorf("the relative is %d, %v; want who they were", in.Session.Person, err)
		}
	})
}

func TestW6_APhoneOfAnotherAppBindsNobody(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		p.setPhone(t, p.w.YaoMangzhong.PersonID, phone)
		in, err := p.SignInWeChat(t.Context(), p.fake.Code("zl"), device)
		fine(t, "sign in", err)
		ctx, by := p.as(t, in)
		for _, kind := range []fake.Kind{fake.ForeignMark, fake.OldMark} {
			p.fake.Inject(fake.Fault{Call: fake.Phone, Kind: kind, Times: 1})
			wants(t, string(kind), p.AskBinding(ctx, by, p.fake.PhoneCode(phone)), ErrWeChat)
		}
		if n := p.count(t, `SELECT COUNT(*) FROM binding_request`); n != 0 {
			t.Errorf("%d requests, want none", n)
		}
	})
}

const password = "海棠花开了 a b c d e f"

// enrolled gives person an account through an enrolment, and returns its second factor and recovery codes.
func (p *place) enrolled(t *testing.T, person org.PersonID, account string) (secret string, recovery []string) {
	t.Helper()
	e, err := p.Enrolment(t.Context(), p.w.SecurityAdmin, person, account)
	fine(t, "create an enrolment", err)
	f, err := p.Enrol(t.Context(), account, e.Code, password, device)
	fine(t, "enrol", err)
	code, err := TotpCode(f.Secret, p.now())
	fine(t, "make a code", err)
	recovery, err = p.ConfirmEnrolment(t.Context(), f.Challenge, code, device)
	fine(t, "confirm", err)
	return f.Secret, recovery
}

func TestStaffSignInWithPasswordAndSecondFactor(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		luo := p.w.LuoQingming.PersonID
		secret, recovery := p.enrolled(t, luo, "po.1")
		now := func() string { c, _ := TotpCode(secret, p.now()); return c }
		challenge := func() string {
			t.Helper()
			c, err := p.SignInPassword(t.Context(), "PO.1", password, Console, device)
			fine(t, "password", err)
			return c
		}
		_, err := p.VerifyTotp(t.Context(), challenge(), now(), device)
		wants(t, "the code that confirmed the enrolment, again", err, ErrSecondFactor)
		p.move(30 * time.Second)
		_, err = p.VerifyTotp(t.Context(), challenge(), now(), "device-0000000002")
		wants(t, "on another device", err, ErrChallenge)
		c := challenge()
		in, err := p.VerifyTotp(t.Context(), c, now(), device)
		fine(t, "sign in", err)
		_, err = p.VerifyTotp(t.Context(), c, now(), device)
		wants(t, "the challenge again", err, ErrChallenge)
		_, err = p.VerifyTotp(t.Context(), challenge(), now(), device)
		wants(t, "the step again", err, ErrSecondFactor)

		ctx, by := p.as(t, in)
		fine(t, "a sensitive act at once", p.CheckStepUp(ctx))
		p.move(5 * time.Minute)
		wants(t, "after five minutes", p.CheckStepUp(ctx), ErrStepUp)
		_, err = p.StepUp(ctx, "000000")
		wants(t, "a wrong code", err, ErrStepUp)
		until, err := p.StepUp(ctx, now())
		if err != nil || !until.Equal(p.now().Add(5*time.Minute)) {
			t.Errorf("step up: until %v, %v", until, err)
		}
		fine(t, "afterwards", p.CheckStepUp(ctx))
		if m, err := p.Me(ctx, by); err != nil || m.SteppedUpUntil(p.now()).IsZero() || len(m.Assignments) != 1 || m.ActingAs != by.Assignment {
			t.Errorf("me: %+v, %v", m, err)
		}

		_, err = p.VerifyTotp(t.Context(), challenge(), recovery[0], device)
		fine(t, "a recovery code", err)
		_, err = p.VerifyTotp(t.Context(), challenge(), recovery[0], device)
		wants(t, "the recovery code again", err, ErrSecondFactor)
		p.move(15 * time.Minute)
		for range 5 {
			_, err = p.VerifyTotp(t.Context(), challenge(), "000000", device)
			wants(t, "a wrong code", err, ErrSecondFactor)
		}
		_, err = p.VerifyTotp(t.Context(), challenge(), now(), device)
		wants(t, "the right code, sixth", err, ErrTries)
	})
}

func TestTwentyAtOnceWithOneStepSignInOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		secret, _ := p.enrolled(t, p.w.LuoQingming.PersonID, "po.1")
		p.move(time.Minute)
		code, _ := TotpCode(secret, p.now())
		var challenges []string
		for range 4 {
			c, err := p.SignInPassword(t.Context(), "po.1", password, Console, device)
			fine(t, "password", err)
			challenges = append(challenges, c)
		}
		results := make([]error, 4)
		together(4, func(i int) {
			_, results[i] = p.VerifyTotp(context.Background(), challenges[i], code, device)
		})
		won := 0
		for _, err := range results {
			if err == nil {
				won++
			}
		}
		if won != 1 {
			t.Errorf("%d sign-ins with one step, want 1: %v", won, results)
		}
	})
}

func TestALostFactorTakesTwoAdministrators(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		luo := p.w.LuoQingming.PersonID
		p.enrolled(t, luo, "po.1")
		in := p.signIn(t, luo, Console, device)
		e, err := p.Enrolment(t.Context(), p.w.SecurityAdmin, luo, "po.1")
		if err != nil || e.Code != "" {
			t.Fatalf("one administrator gets %q, %v; want no code", e.Code, err)
		}
		_, err = p.Enrolment(t.Context(), p.w.SecurityAdmin, luo, "po.1")
		wants(t, "the same administrator twice", err, ErrSecondPerson)
		e, err = p.Enrolment(t.Context(), p.w.SecurityTwo, luo, "po.1")
		fine(t, "the second administrator", err)
		_, err = p.Enrolment(t.Context(), p.w.SecurityAdmin, p.w.OfficeTwo.PersonID, "po.1")
		wants(t, "the account of another", err, ErrAccountTaken)
		_, err = p.Enrolment(t.Context(), p.w.SecurityAdmin, p.w.SecurityAdmin.PersonID, "se.1")
		wants(t, "an administrator for herself", err, ErrSecondPerson)
		_, err = p.Enrol(t.Context(), "po.1", e.Code, "password1234", device)
		wants(t, "a guessable password", err, ErrPassword)
		f, err := p.Enrol(t.Context(), "po.1", e.Code, password, device)
		fine(t, "enrol", err)
		_, err = p.Enrol(t.Context(), "po.1", e.Code, password, device)
		wants(t, "the code again", err, ErrEnrolment)
		code, _ := TotpCode(f.Secret, p.now())
		_, err = p.ConfirmEnrolment(t.Context(), f.Challenge, code, device)
		fine(t, "confirm", err)
		_, _, err = p.Identify(t.Context(), in.Access, 0)
		wants(t, "what was signed in with the old factor", err, ErrSessionEnded)
		if got := p.told(t, luo, "security.factor_changed"); got != 2 {
			t.Errorf("told %d times, want at each of the two enrolments", got)
		}
	})
}

func TestA2_1_UnknownAccountsAreAnsweredLikeWrongPasswords(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		p.enrolled(t, p.w.LuoQingming.PersonID, "po.1")
		p.enrolled(t, p.w.OfficeTwo.PersonID, "po.2")
		fine(t, "disable", p.Disable(t.Context(), p.w.SecurityAdmin, p.w.OfficeTwo.PersonID, "离职"))
		rounds := 10
		nightly := os.Getenv("WANJIA_NIGHTLY") != "" // the machine is ours then, and times mean something
		if nightly {
			rounds = 200
		}
		took := map[string][]time.Duration{}
		for i := range rounds {
			p.move(16 * time.Minute)
			for who, try := range map[string][2]string{
				"wrong password": {"po.1", "wrong password 1"}, "unknown": {"nobody." + number(i), "wrong password 1"}, "disabled": {"po.2", password},
			} {
				begin, hashes := time.Now(), p.Hashes()
				_, err := p.SignInPassword(t.Context(), try[0], try[1], Console, device)
				took[who] = append(took[who], time.Since(begin))
				if got := p.Hashes() - hashes; got != 1 {
					t.Errorf("%s: %d hashes, want the same work for everybody", who, got)
				}
				wants(t, who, err, ErrSignIn)
			}
		}
		median := func(who string) time.Duration { slices.Sort(took[who]); return took[who][rounds/2] }
		t.Logf("medians: wrong password %v, unknown %v, disabled %v", median("wrong password"), median("unknown"), median("disabled"))
		for _, who := range []string{"unknown", "disabled"} {
			if apart := (median(who) - median("wrong password")).Abs(); nightly && apart > 5*time.Millisecond {
				t.Errorf("%s is answered in %v, a wrong password in %v: %v apart, want at most 5 ms", who, median(who), median("wrong password"), apart)
			}
		}

		for _, account := range []string{"po.1", "nobody"} {
			p.move(16 * time.Minute)
			for range 5 {
				_, err := p.SignInPassword(t.Context(), account, "wrong password 1", Console, device)
				wants(t, account, err, ErrSignIn)
			}
			_, err := p.SignInPassword(t.Context(), account, password, Console, device)
			wants(t, account+", sixth", err, ErrTries)
		}
	})
}

func TestX11_DemoModeStaysOnThisMachine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		listen, dsn string
		ok          bool
	}{
		{"127.0.0.1:8080", "", true},
		{"[::1]:8080", "", true},
		{"0.0.0.0:8080", "", false},
		{":8080", "", false},
		{"192.168.1.5:8080", "", false},
		{"localhost:8080", "", false},
		{"127.0.0.1:8080", "u:p@tcp(db)/w", false},
		{"nonsense", "", false},
	} {
		if err := CheckDemo(c.listen, c.dsn); (err == nil) != c.ok {
			t.Errorf("%q with DSN %q: %v, want accepted = %v", c.listen, c.dsn, err, c.ok)
		}
	}
	each(t, func(t *testing.T, p *place) {
		p.in(t, func(tx *db.Tx) error { return p.AddHandle(t.Context(), tx, "xl.s", p.w.FengShuangjiang.PersonID) })
		in, err := p.SignInDemo(t.Context(), "xl.s", Console, device)
		if err != nil || in.Session.Person != p.w.FengShuangjiang.PersonID {
			t.Errorf("by handle: %d, %v", in.Session.Person, err)
		}
		_, err = p.SignInDemo(t.Context(), "nobody", Console, device)
		wants(t, "an unknown handle", err, ErrSignIn)
		_, err = p.node(t).SignInDemo(t.Context(), "xl.s", Console, device)
		wants(t, "outside demo mode", err, problem.ErrNotFound)
	})
}

func TestTheWebKeepsItsRefreshTokenInACookieThatNoScriptReads(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		h := NewHandler(p.Service)
		in := p.signIn(t, p.w.FengShuangjiang.PersonID, Console, device)
		w := httptest.NewRecorder()
		fine(t, "answer", h.answer(in).VisitVerifyTotpResponse(w))
		c := w.Result().Cookies()
		if len(c) != 1 || c[0].Value != in.Refresh || !c[0].HttpOnly || !c[0].Secure || c[0].Path != "/v1/auth" || c[0].SameSite != 3 {
			t.Errorf("cookies %+v", c)
		}
		if strings.Contains(w.Body.String(), in.Refresh) {
			t.Error("the token is in the body as well")
		}
		ask := func(header bool) error {
			req := api.RefreshSessionRequestObject{Body: &api.RefreshSessionJSONRequestBody{Device: device}}
			req.Params.WanjiaRefresh = &in.Refresh
			if header {
				console := "console"
				req.Params.XWanjiaClient = &console
			}
			_, err := h.RefreshSession(t.Context(), req)
			return err
		}
		wants(t, "the cookie without the header", ask(false), ErrRefresh)
		fine(t, "the cookie with the header", ask(true))
	})
}
