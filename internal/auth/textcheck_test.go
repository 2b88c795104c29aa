package auth

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/wechat"
	"wanjia/internal/platform/wechat/fake"
)

// author is a person whose WeChat account is bound, and who uses the app now.
func (p *place) author(t *testing.T, handle string) (org.PersonID, string) {
	t.Helper()
	person, openID := orgtest.Person(t, p.db), fake.OpenID(fake.AppID, handle)
	if err := p.db.InTx(t.Context(), func(tx *db.Tx) error { return p.AddAccount(t.Context(), tx, openID, person) }); err != nil {
		t.Fatal(err)
	}
	p.uses(t, handle)
	return person, openID
}

// uses lets somebody open the app.
func (p *place) uses(t *testing.T, handle string) {
	t.Helper()
	if _, err := p.wechat.Code2Session(t.Context(), p.fake.Code(handle)); err != nil {
		t.Fatal(err)
	}
}

// looked is what is known of texts of person.
func (p *place) looked(t *testing.T, person org.PersonID, texts ...string) []wechat.Suggestion {
	t.Helper()
	all, err := p.LookAt(t.Context(), person, wechat.SceneForum, texts)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestWeChatLooksAtEachTextOfWhoeverHasAnAccountThere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		person, openID := p.author(t, "zl")
		got := p.looked(t, person, "楼道的灯修好了", "违规", "存疑")
		if want := []wechat.Suggestion{wechat.Pass, wechat.Risky, wechat.Review}; !slices.Equal(got, want) {
			t.Errorf("WeChat says %q, want %q", got, want)
		}
		for _, c := range p.fake.Checked() { // the fake refuses every field that it does not know
			if c.OpenID != openID || c.Scene != int(wechat.SceneForum) || !slices.Contains([]string{"楼道的灯修好了", "违规", "存疑"}, c.Text) {
				t.Errorf("%+v goes out, want the openid of the author, the scene and a text", c)
			}
		}
	})
}

func TestOfATextThatWeChatDoesNotAnswerForNothingIsKnown(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		person, _ := p.author(t, "zl")
		none := []wechat.Suggestion{"", ""}
		for name, f := range map[string]fake.Fault{
			"is down":          {Call: fake.Check, Kind: fake.Status, Code: http.StatusBadGateway},
			"is busy":          {Call: fake.Check, Kind: fake.ErrCode, Code: -1},
			"has enough today": {Call: fake.Check, Kind: fake.ErrCode, Code: 45009},
			"says nonsense":    {Call: fake.Check, Kind: fake.HTML},
			"breaks the line":  {Call: fake.Check, Kind: fake.AnswerLost},
		} {
			p.fake.Inject(f)
			if got := p.looked(t, person, "楼道的灯修好了", "违规"); !slices.Equal(got, none) {
				t.Errorf("when WeChat %s, it says %q, want nothing", name, got)
			}
			p.fake.Heal()
		}
		if got := p.looked(t, orgtest.Person(t, p.db), "楼道的灯修好了", "违规"); !slices.Equal(got, none) {
			t.Errorf("of somebody without an account WeChat says %q, want nothing", got)
		}
		off := NewService(Options{DB: p.db, KV: p.kv, Keys: p.keys, Issuer: "wanjia.test", Era: 1, Limit: unlimited})
		if got, err := off.LookAt(t.Context(), person, wechat.SceneForum, []string{"楼道的灯修好了", "违规"}); err != nil || !slices.Equal(got, none) {
			t.Errorf("without WeChat %q is known, %v; want nothing", got, err)
		}
	})
}

func TestAnAccountThatIsNotBoundIsNotNamedToWeChat(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		in, err := p.SignInWeChat(t.Context(), p.fake.Code("zl"), "")
		if err != nil || in.State != Unverified {
			t.Fatalf("signed in as %q, %v", in.State, err)
		}
		got := p.looked(t, in.Session.Person, "违规")
		if got[0] != "" || p.fake.Calls(fake.Check) != 0 {
			t.Errorf("WeChat is asked %d times and says %q, want it not to be asked", p.fake.Calls(fake.Check), got)
		}
	})
}

func TestWhoHasNotUsedTheAppForTwoHoursIsNotAnsweredFor(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		person, _ := p.author(t, "zl")
		p.move(2 * time.Hour)
		if got := p.looked(t, person, "违规"); got[0] != wechat.Risky {
			t.Errorf("after two hours WeChat says %q, want %q", got, wechat.Risky)
		}
		p.move(time.Millisecond)
		if got := p.looked(t, person, "违规"); got[0] != "" {
			t.Errorf("later WeChat says %q, want nothing", got)
		}
		p.uses(t, "zl")
		if got := p.looked(t, person, "违规"); got[0] != wechat.Risky {
			t.Errorf("after the app was used again WeChat says %q, want %q", got, wechat.Risky)
		}
	})
}

func TestASilentWeChatIsNotWaitedForLongerThanPatience(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		person, _ := p.author(t, "zl")
		p.patience = 20 * time.Millisecond // a call by itself would wait for five seconds, and the fake says nothing for thirty
		p.fake.Inject(fake.Fault{Call: fake.Check, Kind: fake.Silence})
		before := time.Now()
		if got := p.looked(t, person, "违规", "存疑"); got[0] != "" || got[1] != "" {
			t.Errorf("a silent WeChat says %q, want nothing", got)
		}
		if waited := time.Since(before); waited > 4*time.Second {
			t.Errorf("an author waits for %s, want %s", waited, p.patience)
		}
	})
	if o := NewService(Options{}); o.patience != 2*time.Second {
		t.Errorf("an author waits for %s, want two seconds", o.patience)
	}
}

func TestATokenThatHasChangedMeanwhileIsFetchedAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		person, _ := p.author(t, "zl")
		p.looked(t, person, "楼道的灯修好了")
		p.fake.ExpireToken()
		if got := p.looked(t, person, "违规"); got[0] != wechat.Risky || p.fake.Calls(fake.Token) != 2 {
			t.Errorf("with a stale token WeChat says %q after %d fetches, want %q after 2", got, p.fake.Calls(fake.Token), wechat.Risky)
		}
	})
}
