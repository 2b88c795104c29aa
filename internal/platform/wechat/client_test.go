package wechat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wanjia/internal/platform/wechat"
	"wanjia/internal/platform/wechat/fake"
)

// A clock that tests move.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2026, 5, 11, 9, 0, 0, 0, time.UTC).UnixMilli())
	return c
}
func (c *clock) now() time.Time       { return time.UnixMilli(c.at.Load()).UTC() }
func (c *clock) move(d time.Duration) { c.at.Add(d.Milliseconds()) }

func platform(t *testing.T) (*fake.Server, *wechat.Client, *clock) {
	t.Helper()
	clk := newClock()
	s := fake.New(fake.Options{Now: clk.now})
	if err := s.Start(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, client(t, s, clk, wechat.Shared{}), clk
}

func client(t *testing.T, s *fake.Server, clk *clock, shared wechat.Shared) *wechat.Client {
	t.Helper()
	c, err := wechat.New(wechat.Options{BaseURL: s.URL(), AppID: fake.AppID, Secret: fake.Secret, Now: clk.now, Limit: time.Second, Shared: shared})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

const openID = "o-" + fake.AppID + "-zl"

var calls = map[string]func(ctx context.Context, s *fake.Server, c *wechat.Client) error{
	fake.Code2Session: func(ctx context.Context, s *fake.Server, c *wechat.Client) error {
		_, err := c.Code2Session(ctx, s.Code("zl"))
		return err
	},
	fake.Phone: func(ctx context.Context, s *fake.Server, c *wechat.Client) error {
		_, err := c.Phone(ctx, s.PhoneCode("19900001234"))
		return err
	},
	fake.Send: func(ctx context.Context, s *fake.Server, c *wechat.Client) error {
		s.AddTemplate("t1", fake.Template{Fields: map[string]string{"thing1": "thing"}})
		s.Grant(openID, "t1", 1)
		_, err := c.Send(ctx, wechat.Message{OpenID: openID, Template: "t1", Fields: map[string]string{"thing1": "入户走访"}})
		return err
	},
	fake.Check: func(ctx context.Context, s *fake.Server, c *wechat.Client) error {
		if _, err := c.Code2Session(ctx, s.Code("zl")); err != nil {
			return err
		}
		_, err := c.CheckText(ctx, openID, wechat.SceneComment, "楼道的灯坏了")
		return err
	},
}

func TestEveryCallWorksOnAHealthyPlatform(t *testing.T) {
	t.Parallel()
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c, _ := platform(t)
			if err := call(t.Context(), s, c); err != nil {
				t.Errorf("got %v, want no error", err)
			}
		})
	}
}

func TestA10_1_WhateverThePlatformAnswersIsCheckedBeforeItIsBelieved(t *testing.T) {
	t.Parallel()
	want := map[fake.Kind]wechat.Class{
		fake.HTML: wechat.Garbled, fake.Huge: wechat.Garbled, fake.NaN: wechat.Garbled, fake.WrongType: wechat.Garbled,
		fake.Redirect: wechat.Garbled, fake.Control: wechat.Garbled, fake.Twice: wechat.Garbled, fake.Trailing: wechat.Garbled,
		fake.Silence: wechat.Unknown, fake.AnswerLost: wechat.Unknown,
	}
	for name, call := range calls {
		for kind, class := range want {
			t.Run(name+"/"+string(kind), func(t *testing.T) {
				t.Parallel()
				s, c, _ := platform(t)
				s.Inject(fake.Fault{Call: name, Kind: kind})
				err := call(t.Context(), s, c)
				if got := wechat.ClassOf(err); got != class {
					t.Errorf("got class %v of %v, want %v", got, err, class)
				}
				if err != nil && (strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "127.0.0.1") || strings.Contains(err.Error(), "at-")) {
					t.Errorf("the error tells more than it should: %v", err)
				}
			})
		}
	}
	for _, kind := range []fake.Kind{fake.HTML, fake.Huge, fake.NaN, fake.WrongType, fake.Control, fake.Twice, fake.Trailing, fake.Redirect} {
		t.Run("token/"+string(kind), func(t *testing.T) {
			t.Parallel()
			s, c, _ := platform(t)
			s.Inject(fake.Fault{Call: fake.Token, Kind: kind})
			if err := calls[fake.Phone](t.Context(), s, c); wechat.ClassOf(err) != wechat.Garbled {
				t.Errorf("got %v, want a garbled answer", err)
			}
		})
	}
}

func TestErrorCodesBecomeClasses(t *testing.T) {
	t.Parallel()
	for code, class := range map[int]wechat.Class{
		-1: wechat.Transient, 43101: wechat.Refused, 40003: wechat.Address, 47003: wechat.OurBug, 40037: wechat.OurBug,
		41030: wechat.OurBug, 45011: wechat.MinuteQuota, 45009: wechat.DayQuota, 48001: wechat.Account, 50002: wechat.Account,
		61004: wechat.Account, 40029: wechat.CodeRefused, 40163: wechat.CodeRefused, 99999: wechat.Other,
	} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			s, c, _ := platform(t)
			s.Inject(fake.Fault{Call: fake.Send, OpenID: openID, Kind: fake.ErrCode, Code: code})
			if got := wechat.ClassOf(calls[fake.Send](t.Context(), s, c)); got != class {
				t.Errorf("got %v, want %v", got, class)
			}
		})
	}
	s, c, _ := platform(t)
	s.Inject(fake.Fault{Call: fake.Send, Kind: fake.Status, Code: http.StatusBadGateway})
	if got := wechat.ClassOf(calls[fake.Send](t.Context(), s, c)); got != wechat.Transient {
		t.Errorf("a 502 is %v, want transient", got)
	}
	_ = s.Close()
	if err := calls[fake.Code2Session](t.Context(), s, c); wechat.ClassOf(err) != wechat.Transient {
		t.Errorf("a refused connection is %v, want transient", err)
	}
}

func TestW1_TheSessionKeyStaysInThePlatformsAnswer(t *testing.T) {
	t.Parallel()
	s, c, _ := platform(t)
	got, err := c.Code2Session(t.Context(), s.Code("zl"))
	if err != nil {
		t.Fatal(err)
	}
	if all := fmt.Sprintf("%+v %#v", got, got); strings.Contains(all, fake.Canary) {
		t.Errorf("the session holds the session_key: %s", all)
	}
}

func TestW2_ACodeWorksOnceForItsOwnApp(t *testing.T) {
	t.Parallel()
	clk := newClock()
	s := fake.New(fake.Options{Now: clk.now, Apps: map[string]string{fake.AppID: fake.Secret, "wxother": "other"}})
	if err := s.Start(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	c := client(t, s, clk, wechat.Shared{})

	code := s.Code("zl")
	if _, err := c.Code2Session(t.Context(), code); err != nil {
		t.Fatal(err)
	}
	for what, code := range map[string]string{"used": code, "of another app": s.CodeFor("wxother", "zl"), "invented": "nonsense", "a phone code": s.PhoneCode("19900001234")} {
		if _, err := c.Code2Session(t.Context(), code); wechat.ClassOf(err) != wechat.CodeRefused {
			t.Errorf("a code that is %s: got %v, want it refused", what, err)
		}
	}
	old := s.Code("zl")
	clk.move(6 * time.Minute)
	if _, err := c.Code2Session(t.Context(), old); wechat.ClassOf(err) != wechat.CodeRefused {
		t.Errorf("a code six minutes old: got %v, want it refused", err)
	}
	// Codes of the demo come again and again, unless they are marked.
	for range 2 {
		if got, err := c.Code2Session(t.Context(), "demo:zl:1"); err != nil || got.OpenID != openID {
			t.Errorf("a demo code gives %q, %v; want %q", got.OpenID, err, openID)
		}
	}
	s.Single("demo:zl", "zl")
	_, first := c.Code2Session(t.Context(), "demo:zl")
	_, second := c.Code2Session(t.Context(), "demo:zl")
	if first != nil || wechat.ClassOf(second) != wechat.CodeRefused {
		t.Errorf("a marked demo code: first %v, second %v; want it to work once", first, second)
	}
}

func TestW6_APhoneNumberCountsOnlyWithItsOwnFreshMark(t *testing.T) {
	t.Parallel()
	s, c, _ := platform(t)
	code := s.PhoneCode("19900001234")
	if got, err := c.Phone(t.Context(), code); err != nil || got != "19900001234" {
		t.Fatalf("got %q, %v; want the number", got, err)
	}
	if _, err := c.Phone(t.Context(), code); wechat.ClassOf(err) != wechat.CodeRefused {
		t.Errorf("the same code again: got %v, want it refused", err)
	}
	for _, kind := range []fake.Kind{fake.ForeignMark, fake.OldMark} {
		s.Inject(fake.Fault{Call: fake.Phone, Kind: kind, Times: 1})
		if _, err := c.Phone(t.Context(), s.PhoneCode("19900001234")); wechat.ClassOf(err) != wechat.Garbled {
			t.Errorf("%s: got %v, want the answer refused", kind, err)
		}
	}
}

func TestATokenIsFetchedOnceHoweverManyCallIt(t *testing.T) {
	t.Parallel()
	s, c, clk := platform(t)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := c.Phone(context.Background(), s.PhoneCode("19900001234")); err != nil {
				t.Errorf("got %v, want the number", err)
			}
		})
	}
	wg.Wait()
	if got := s.Calls(fake.Token); got != 1 {
		t.Errorf("%d fetches, want 1", got)
	}
	clk.move(109 * time.Minute)
	if err := calls[fake.Phone](t.Context(), s, c); err != nil || s.Calls(fake.Token) != 1 {
		t.Errorf("eleven minutes before its end: %v, %d fetches; want the token kept", err, s.Calls(fake.Token))
	}
	clk.move(2 * time.Minute)
	for range 3 {
		if err := calls[fake.Phone](t.Context(), s, c); err != nil {
			t.Error(err)
		}
	}
	if got := s.Calls(fake.Token); got != 2 {
		t.Errorf("nine minutes before its end: %d fetches, want 2 in all", got)
	}
	clk.move(8 * time.Minute) // now the platform gives a new one
	if err := calls[fake.Phone](t.Context(), s, c); err != nil {
		t.Error(err)
	}
}

func TestAStaleTokenIsReplacedAndTheCallRepeatedOnce(t *testing.T) {
	t.Parallel()
	s, c, _ := platform(t)
	if err := calls[fake.Phone](t.Context(), s, c); err != nil {
		t.Fatal(err)
	}
	s.ExpireToken()
	if err := calls[fake.Phone](t.Context(), s, c); err != nil {
		t.Errorf("got %v, want a second try with a new token", err)
	}
	if got := s.Calls(fake.Token); got != 2 {
		t.Errorf("%d fetches, want 2", got)
	}
	s.Inject(fake.Fault{Call: fake.Phone, Kind: fake.ErrCode, Code: 42001})
	if err := calls[fake.Phone](t.Context(), s, c); wechat.ClassOf(err) != wechat.TokenStale {
		t.Errorf("got %v, want the second refusal passed on", err)
	}
}

// A platform that gives out one token again and again and never takes it is asked for it once in a while, and not with every
// call.
func TestATokenThatIsNeverTakenIsNotFetchedWithEveryCall(t *testing.T) {
	t.Parallel()
	s, c, clk := platform(t)
	if err := calls[fake.Phone](t.Context(), s, c); err != nil {
		t.Fatal(err)
	}
	s.Inject(fake.Fault{Call: fake.Phone, Kind: fake.ErrCode, Code: 40001, Times: 11}) // of ten calls and one repeat
	for range 10 {
		if err := calls[fake.Phone](t.Context(), s, c); wechat.ClassOf(err) != wechat.TokenStale {
			t.Errorf("got %v, want the refusal of the token", err)
		}
	}
	if err := calls[fake.Phone](t.Context(), s, c); err != nil || s.Calls(fake.Token) != 2 {
		t.Errorf("the eleventh call: %v, %d fetches; want it taken after 2 in all", err, s.Calls(fake.Token))
	}
	s.Inject(fake.Fault{Call: fake.Phone, Kind: fake.ErrCode, Code: 40001})
	clk.move(wechat.FreshToken - time.Millisecond)
	_ = calls[fake.Phone](t.Context(), s, c)
	if got := s.Calls(fake.Token); got != 2 {
		t.Errorf("before %v are over it is fetched %d times, want 2", wechat.FreshToken, got)
	}
	clk.move(time.Millisecond)
	s.Heal()
	s.ExpireToken()
	if err := calls[fake.Phone](t.Context(), s, c); err != nil || s.Calls(fake.Token) != 3 {
		t.Errorf("then: %v after %d fetches, want the call answered after 3", err, s.Calls(fake.Token))
	}
}

func TestNodesThatShareFetchOneToken(t *testing.T) {
	t.Parallel()
	s, _, clk := platform(t)
	var mu sync.Mutex
	var kept wechat.Token
	shared := wechat.Shared{
		Load: func(context.Context) (wechat.Token, error) { mu.Lock(); defer mu.Unlock(); return kept, nil },
		Save: func(_ context.Context, t wechat.Token) error { mu.Lock(); defer mu.Unlock(); kept = t; return nil },
		Drop: func(_ context.Context, value string) error {
			mu.Lock()
			defer mu.Unlock()
			if kept.Value == value {
				kept = wechat.Token{}
			}
			return nil
		},
	}
	one, two := client(t, s, clk, shared), client(t, s, clk, shared)
	for range 3 {
		for _, c := range []*wechat.Client{one, two} {
			if err := calls[fake.Phone](t.Context(), s, c); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := s.Calls(fake.Token); got != 1 {
		t.Errorf("%d fetches, want 1", got)
	}
	s.ExpireToken()
	for _, c := range []*wechat.Client{one, two} {
		if err := calls[fake.Phone](t.Context(), s, c); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.Calls(fake.Token); got != 2 {
		t.Errorf("after the token went stale: %d fetches in all, want 2", got)
	}
}

func TestOnlyThePlatformOrLoopbackIsSpokenTo(t *testing.T) {
	t.Parallel()
	for base, ok := range map[string]bool{
		"https://api.weixin.qq.com": true, "https://api.weixin.qq.com/": true, "http://127.0.0.1:9": true, "http://[::1]:9": true,
		"http://api.weixin.qq.com": false, "https://api.weixin.qq.com.evil.example": false, "https://10.0.0.1": false,
		"http://localhost:9": false, "https://api.weixin.qq.com@evil.example": false, "": false, "http://127.0.0.1:9/?a=b": false,
		"ftp://127.0.0.1": false, "http://169.254.1.1": false,
	} {
		if _, err := wechat.CheckBase(base); (err == nil) != ok {
			t.Errorf("%q: got %v, want accepted = %v", base, err, ok)
		}
	}
}

func TestTheFakeHoldsMessagesToTheirTemplate(t *testing.T) {
	t.Parallel()
	s, c, _ := platform(t)
	s.AddTemplate("t1", fake.Template{Fields: map[string]string{"thing1": "thing", "time2": "time"}})
	send := func(thing, at string) error {
		_, err := c.Send(t.Context(), wechat.Message{OpenID: openID, Template: "t1", Fields: map[string]string{"thing1": thing, "time2": at}})
		return err
	}
	if got := wechat.ClassOf(send("走访", "09:30")); got != wechat.Refused {
		t.Errorf("without credit: got %v, want refused", got)
	}
	s.Grant(openID, "t1", 1)
	if got := wechat.ClassOf(send(strings.Repeat("长", 21), "09:30")); got != wechat.OurBug {
		t.Errorf("21 characters: got %v, want our bug", got)
	}
	s.Inject(fake.Fault{Call: fake.Send, Kind: fake.AnswerLost, Times: 1})
	if got := wechat.ClassOf(send("走访", "09:30")); got != wechat.Unknown {
		t.Errorf("answer lost: got %v, want unknown", got)
	}
	if got := s.Sent(); len(got) != 1 || got[0].OpenID != openID || got[0].Fields["thing1"] != "走访" {
		t.Errorf("accepted: %+v, want the one message although its answer was lost", got)
	}
	s.Grant(openID, "t1", 1)
	s.SetQuota(fake.Send, fake.Quota{Minute: 1})
	if got := wechat.ClassOf(send("走访", "09:30")); got != wechat.MinuteQuota {
		t.Errorf("over the minute's quota: got %v", got)
	}
}

func TestTheFakeCountsByTheMinuteAndTheDayOfShanghai(t *testing.T) {
	t.Parallel()
	s, c, clk := platform(t)
	s.SetQuota(fake.Phone, fake.Quota{Minute: 2, Day: 3})
	for i, want := range []wechat.Class{wechat.None, wechat.None, wechat.MinuteQuota, wechat.DayQuota} {
		if got := wechat.ClassOf(calls[fake.Phone](t.Context(), s, c)); got != want {
			t.Errorf("call %d is answered %v, want %v", i+1, got, want)
		}
	}
	clk.move(time.Minute)
	if got := wechat.ClassOf(calls[fake.Phone](t.Context(), s, c)); got != wechat.DayQuota {
		t.Errorf("the next minute: %v, want the quota of the day", got)
	}
	clk.move(6*time.Hour + 59*time.Minute) // 17:00 was it in Shanghai
	if got := wechat.ClassOf(calls[fake.Phone](t.Context(), s, c)); got != wechat.None {
		t.Errorf("after midnight of Shanghai: %v, want it taken", got)
	}
}

// A way to fail that no test knows would be one that nobody has looked at.
func TestEveryFaultOfTheFakeMeetsTheClient(t *testing.T) {
	t.Parallel()
	for _, kind := range fake.Kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s, c, _ := platform(t)
			s.Inject(fake.Fault{Call: fake.Phone, Kind: kind, Code: http.StatusBadGateway, Times: 1})
			if err := calls[fake.Phone](t.Context(), s, c); err == nil {
				t.Error("the call is answered as if nothing had happened")
			}
			if err := calls[fake.Phone](t.Context(), s, c); err != nil {
				t.Errorf("the next call: %v, want it answered", err)
			}
		})
	}
}

func TestALongTextIsCheckedInPiecesThatThePlatformTakes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text  string
		want  wechat.Suggestion
		calls int
	}{
		"as long as it may be": {strings.Repeat("好", 2500), wechat.Pass, 1},
		"one more":             {strings.Repeat("好", 2501), wechat.Pass, 2},
		"risky at the end":     {strings.Repeat("好", 3998) + "违规", wechat.Risky, 2},
		"torn at the seam":     {strings.Repeat("好", 2499) + "违规" + strings.Repeat("好", 1000), wechat.Risky, 2},
		"unsure at the start":  {"存疑" + strings.Repeat("好", 3998), wechat.Review, 2},
		"risky at the start":   {"违规" + strings.Repeat("好", 3998), wechat.Risky, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client, _ := platform(t)
			if _, err := client.Code2Session(t.Context(), s.Code("zl")); err != nil {
				t.Fatal(err)
			}
			got, err := client.CheckText(t.Context(), openID, wechat.SceneForum, c.text)
			if err != nil || got != c.want || s.Calls(fake.Check) != c.calls {
				t.Errorf("%q, %v after %d calls; want %q after %d", got, err, s.Calls(fake.Check), c.want, c.calls)
			}
		})
	}
}

func TestThePlatformTakesNoMoreThan2500Characters(t *testing.T) {
	t.Parallel()
	s, c, _ := platform(t)
	if _, err := c.Code2Session(t.Context(), s.Code("zl")); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{2500, 2501} {
		body := fmt.Sprintf(`{"version":2,"openid":%q,"scene":3,"content":%q}`, openID, strings.Repeat("好", n))
		if got, want := said(t, s, "/wxa/msg_sec_check", body), map[int]int{2500: 0, 2501: 47003}[n]; got != want {
			t.Errorf("%d characters give %d, want %d", n, got, want)
		}
	}
	if got := said(t, s, "/wxa/msg_sec_check", `{"version":2,"openid":"`+openID+`","scene":3,"content":"好","nickname":"姚芒种"}`); got != 47001 {
		t.Errorf("what nobody asked for gives %d, want 47001", got)
	}
}

// said is the error code of a call as it goes over the line, with a token of its own.
func said(t *testing.T, s *fake.Server, path, body string) int {
	t.Helper()
	post := func(to, body string, into any) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+to, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := (&http.Client{}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
			t.Fatal(err)
		}
	}
	var token struct {
		Value string `json:"access_token"`
	}
	post("/cgi-bin/stable_token", fmt.Sprintf(`{"grant_type":"client_credential","appid":%q,"secret":%q}`, fake.AppID, fake.Secret), &token)
	var a struct {
		Code int `json:"errcode"`
	}
	post(path+"?access_token="+token.Value, body, &a)
	return a.Code
}

func TestACallerWithoutTimeDoesNotWaitForATokenThatOthersNeed(t *testing.T) {
	t.Parallel()
	s, _, clk := platform(t)
	c, err := wechat.New(wechat.Options{BaseURL: s.URL(), AppID: fake.AppID, Secret: fake.Secret, Now: clk.now, Limit: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	s.Inject(fake.Fault{Call: fake.Token, Kind: fake.Silence}) // for thirty seconds, after which the line breaks
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.CheckText(ctx, openID, wechat.SceneForum, "好"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want %v as soon as the time is over", err, context.DeadlineExceeded)
	}
}

// A call that was never written can be repeated without harm, and one that may have been read cannot.
func TestOnlyWhatThePlatformMayHaveReadIsUnknown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what, scheme string
		read         bool
		want         wechat.Class
	}{
		{"a line that breaks before it is sealed", "https", false, wechat.Transient},
		{"a line that breaks after the call", "http", true, wechat.Unknown},
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				if c.read {
					_, _ = conn.Read(make([]byte, 4096))
				}
				_ = conn.Close()
			}
		}()
		client, err := wechat.New(wechat.Options{BaseURL: c.scheme + "://" + l.Addr().String(), AppID: "wx", Secret: "s"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Code2Session(t.Context(), "code")
		client.Close()
		if wechat.ClassOf(err) != c.want {
			t.Errorf("%s is %s (%v), want %s", c.what, wechat.ClassOf(err), err, c.want)
		}
	}
}
