package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"

	"wanjia/api"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/kv/kvtest"
	"wanjia/internal/platform/limit"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/problem"
)

// example is a good request of op, by the examples of the contract, from somebody who may. Change sees its body.
func (e *edge) example(t *testing.T, op *operation, change func(body map[string]any)) reply {
	t.Helper()
	path := op.path
	for _, p := range slices.Concat(op.route.PathItem.Parameters, op.route.Operation.Parameters) {
		if p.Value.In == openapi3.ParameterInPath {
			example := fmt.Sprint(p.Value.Example)
			if p.Value.Example == nil {
				example = "1"
			}
			path = strings.ReplaceAll(path, "{"+p.Value.Name+"}", example)
		}
	}
	headers := []string{"X-Wanjia-Client", "console/1"}
	switch {
	case op.anybody:
		headers = append(headers, "Authorization", "Bearer resident")
	case op.signedIn && len(op.roles) > 0:
		headers = append(headers, "Authorization", "Bearer "+string(op.roles[0]))
	}
	if op.keyed {
		headers = append(headers, "Idempotency-Key", key)
	}
	body := ""
	if media := op.takes.Get("application/json"); media != nil {
		said, _ := media.Example.(map[string]any)
		if media.Example == nil {
			for _, one := range media.Examples {
				said, _ = one.Value.Value.(map[string]any)
			}
		}
		b, err := json.Marshal(said)
		if err != nil {
			t.Fatal(err)
		}
		copied := map[string]any{}
		if err := json.Unmarshal(b, &copied); err != nil {
			t.Fatal(err)
		}
		if change != nil {
			change(copied)
		}
		if b, err = json.Marshal(copied); err != nil {
			t.Fatal(err)
		}
		body, headers = string(b), append(headers, "Content-Type", "application/json")
	}
	return e.ask(t, op.method, path, body, headers...)
}

// several makes the list `fields` of body name more than one, as the schema allows.
func several(t *testing.T, op *operation) func(body map[string]any) {
	return func(body map[string]any) {
		list := op.takes.Get("application/json").Schema.Value.Properties["fields"]
		if list == nil || len(list.Value.Items.Value.Enum) < 2 {
			t.Fatalf("%s: no list `fields` with more than one word", op.id)
		}
		body["fields"] = list.Value.Items.Value.Enum[:2]
	}
}

func TestEveryOperationThatWantsAFreshSecondFactorIsRefusedWithoutOne(t *testing.T) {
	t.Parallel()
	closed := problem.New(problem.Forbidden, "auth.step_up_required")
	for _, fresh := range []bool{true, false} {
		e := newEdgeOf(t, api.Document, func(o *Options) {
			o.StepUp = func(context.Context) error {
				if fresh {
					return nil
				}
				return closed
			}
		})
		wanted := 0
		for _, op := range e.contract.operations {
			var a reply
			switch op.stepUp {
			case never:
				continue
			case always:
				a = e.example(t, op, nil)
			case ofMany:
				if one := e.example(t, op, nil); one.Code != http.StatusNoContent {
					t.Errorf("%s of one field: %d %s, want it to pass", op.id, one.Code, one.Body)
				}
				a = e.example(t, op, several(t, op))
			}
			wanted++
			if fresh && (a.Code != http.StatusNoContent || !e.reached) {
				t.Errorf("%s with a fresh second factor: %d %s, want it to pass", op.id, a.Code, a.Body)
			}
			if !fresh && (a.Code != http.StatusForbidden || a.problem.Code != closed.Code || e.reached) {
				t.Errorf("%s without: %d %s, handler reached: %v; want 403 %s", op.id, a.Code, a.problem.Code, e.reached, closed.Code)
			}
		}
		if wanted < 6 {
			t.Errorf("only %d operations want a second factor", wanted)
		}
	}
}

func TestStepUpIsAskedBeforeTheBodyAndAfterTheRole(t *testing.T) {
	t.Parallel()
	asked := 0
	e := newEdgeOf(t, api.Document, func(o *Options) {
		o.StepUp = func(context.Context) error { asked++; return problem.New(problem.Forbidden, "auth.step_up_required") }
	})
	headers := []string{"Content-Type", "application/json", "Idempotency-Key", key}
	if a := e.ask(t, http.MethodPost, "/v1/role-assignments", "{", append(headers, "Authorization", "Bearer party_office")...); a.Code != 403 || asked != 1 {
		t.Errorf("a body nobody can read: %d after %d questions, want 403 after one", a.Code, asked)
	}
	if a := e.ask(t, http.MethodPost, "/v1/role-assignments", "{}", append(headers, "Authorization", "Bearer resident")...); a.problem.Code != problem.ErrForbidden.Code || asked != 1 {
		t.Errorf("a role that never may: %s after %d questions, want %s and none more", a.problem.Code, asked, problem.ErrForbidden.Code)
	}
}

// limited are the limiters that the contract names, with the operations that must name them (security.md §9).
var limited = map[string][]limit.Limiter{
	"signInWeChat":     {limit.WeChatIP},
	"signInPassword":   {limit.PasswordIP},
	"enrol":            {limit.CodeIP},
	"bindByInvitation": {limit.CodeIP},
	"unmaskHousehold":  {limit.UnmaskHour, limit.UnmaskDay},
	"recordCheckIn":    {limit.CheckIn},
	"createRequest":    {limit.Write}, // of others
	"createMyRequest":  {limit.RequestHour, limit.RequestDay, limit.Write},
	"sendRelayMessage": {limit.StrangerHour, limit.StrangerDay, limit.Write}, // a town may share an address
	"requestTakedown":  {limit.RequestHour, limit.RequestDay, limit.Write},
	"sendFeedback":     {limit.RequestHour, limit.RequestDay, limit.Write},
	"createPushTicket": {limit.SocketConnect},
	"getMe":            {limit.Read},
	"endSession":       {limit.Write},
	"refreshSession":   {limit.Write}, // and by session, in package auth
}

func TestL2EveryOperationIsLimitedAsTheTableSays(t *testing.T) {
	t.Parallel()
	for _, redis := range []bool{true, false} {
		kvtest.EachGated(t, func(t *testing.T, k *kv.KV, gate *kvtest.Gate) {
			if !redis {
				gate.Shut()
			}
			at := time.Date(2026, 5, 11, 1, 0, 0, 0, time.UTC)
			nodes := func() int { return 2 }
			one, two := limit.New(k, func() time.Time { return at }, nodes), limit.New(k, func() time.Time { return at }, nodes)
			edges := []*edge{
				newEdgeOf(t, api.Document, func(o *Options) { o.Limit = one.Allow }),
				newEdgeOf(t, api.Document, func(o *Options) { o.Limit = two.Allow }),
			}
			for id, want := range limited {
				if got := edges[0].contract.operations[id].limits; !slices.Equal(got, want) {
					t.Errorf("%s: limited by %v, want %v", id, got, want)
					continue
				}
				l := want[0]
				at = at.Add(48 * time.Hour) // some share a bucket
				// Both nodes together take the size; without Redis each takes its share of it, or all of it.
				size := l.Size
				if !redis && l.Away == limit.Closed {
					size = max(1, l.Size/2) * 2
				} else if !redis {
					size = l.Size * 2
				}
				through := 0
				var last reply
				for i := range 2*l.Size + 4 {
					e := edges[i%2]
					if a := e.example(t, e.contract.operations[id], nil); a.Code == http.StatusNoContent {
						through++
					} else if last = a; a.Code != http.StatusTooManyRequests {
						t.Fatalf("%s: %d %s", id, a.Code, a.Body)
					}
				}
				if through != size {
					t.Errorf("%s, Redis there: %v: %d through on two nodes, want %d", id, redis, through, size)
				}
				h := last.Header()
				if h.Get("Retry-After") == "" || !strings.HasPrefix(h.Get("RateLimit"), `"`+l.Name+`";r=0;t=`) || !strings.HasPrefix(h.Get("RateLimit-Policy"), `"`+l.Name+`";q=`) {
					t.Errorf("%s refuses with Retry-After %q, RateLimit %q, RateLimit-Policy %q", id, h.Get("Retry-After"), h.Get("RateLimit"), h.Get("RateLimit-Policy"))
				}
				if p := last.problem; p.Code != tooMany(l).Code {
					t.Errorf("%s refuses with %s", id, p.Code)
				}
			}
		})
	}
}

// Sockets and streams are outside the contract: what is said of them stands on the page of the protocol.
func TestL2ThePageOfTheProtocolSaysHowManyTicketsMayBeNone(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../docs/push-protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	l := limit.TicketIP
	if !l.ByAddress() || l.Window != time.Minute {
		t.Errorf("the limiter %+v is not by address and minute", l)
	}
	for _, said := range []string{fmt.Sprint("more than ", l.Size, " tickets a minute that are none gets 429"), "no answer, 503, 429"} {
		if !strings.Contains(string(b), said) {
			t.Errorf("the page does not say %q", said)
		}
	}
}

func TestL2ANeedThatIsSentAgainCountsOnce(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	taken := map[string]int{}
	e := newEdgeOf(t, api.Document, func(o *Options) {
		o.Limit = func(ctx context.Context, l limit.Limiter, subject string) limit.Verdict {
			taken[l.Name]++
			return unlimited(ctx, l, subject)
		}
		o.GiveBack = func(_ context.Context, l limit.Limiter, _ string) { taken[l.Name]-- }
	})
	e.then = func(c echo.Context) error {
		ctx := c.Request().Context()
		if err := d.InTx(ctx, func(tx *db.Tx) error { return once.Do(ctx, tx, 0, nil, func() error { return nil }) }); err != nil {
			return err
		}
		return c.NoContent(http.StatusNoContent)
	}
	for range 5 {
		e.example(t, e.contract.operations["requestTakedown"], nil)
	}
	if taken["request-hour"] != 1 || taken["request-day"] != 1 || taken["write"] != 5 {
		t.Errorf("of five times the same are counted %v, want one, and five writes", taken)
	}
}

// I1: on a bad line the answer to what was done is asked for again, maybe when the tries of an hour are used up. What was not
// done gets no further by a key, and looking is a write like any other.
func TestL2WhatWasDoneIsAnsweredAgainWhenTheTriesAreUsedUp(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	lefts, looks := map[string]int{}, 0
	e := newEdgeOf(t, api.Document, func(o *Options) {
		o.Limit = func(_ context.Context, l limit.Limiter, _ string) limit.Verdict {
			if lefts[l.Name] == 0 {
				return limit.Verdict{Limiter: l, Retry: time.Minute}
			}
			lefts[l.Name]--
			return limit.Verdict{Limiter: l, OK: true}
		}
		o.GiveBack = func(_ context.Context, l limit.Limiter, _ string) { lefts[l.Name]++ }
		o.Done = func(ctx context.Context, by org.Actor) (bool, error) {
			looks++
			return once.Done(ctx, d, int64(by.PersonID))
		}
	})
	effects := 0
	e.then = func(c echo.Context) error {
		ctx := c.Request().Context()
		err := d.InTx(ctx, func(tx *db.Tx) error {
			return once.Do(ctx, tx, int64(org.ActorFrom(ctx).PersonID), nil, func() error {
				effects++
				return nil
			})
		})
		if err != nil {
			return err
		}
		return c.NoContent(http.StatusNoContent)
	}
	send := func(reason string) reply {
		return e.example(t, e.contract.operations["requestTakedown"], func(body map[string]any) { body["reason"] = reason })
	}
	lefts["request-hour"], lefts["request-day"], lefts["write"] = 1, 2, 4
	if a := send("照片上是我"); a.Code != http.StatusNoContent || effects != 1 {
		t.Fatalf("the first: %d %s", a.Code, a.Body)
	}
	for range 2 {
		if a := send("照片上是我"); a.Code != http.StatusNoContent || a.Header().Get("Idempotent-Replayed") != "true" || effects != 1 {
			t.Errorf("again: %d %s, %d effects; want the same answer", a.Code, a.Body, effects)
		}
	}
	if lefts["request-hour"] != 0 || lefts["request-day"] != 1 || lefts["write"] != 1 {
		t.Errorf("left are %v, want what the first left, and fewer writes", lefts)
	}
	for i, want := range []int{3, 3} { // the second time without a look: no write is left
		if a := send("照片上有别人"); a.Code != http.StatusTooManyRequests || a.Header().Get("Retry-After") != "60" || effects != 1 || looks != want {
			t.Errorf("another, %d: %d, Retry-After %q, %d effects, %d looks; want 429 and %d looks", i+1, a.Code, a.Header().Get("Retry-After"), effects, looks, want)
		}
	}
	if a := send("照片上是我"); a.Code != http.StatusTooManyRequests {
		t.Errorf("again with no write left: %d, want 429", a.Code)
	}
}

func TestL2NoOperationIsWithoutALimiter(t *testing.T) {
	t.Parallel()
	e := newEdgeOf(t, api.Document, nil)
	policy := regexp.MustCompile(`^"[a-z-]+";q=\d+;w=\d+(, "[a-z-]+";q=\d+;w=\d+)*$`)
	left := regexp.MustCompile(`^"[a-z-]+";r=\d+;t=\d+(, "[a-z-]+";r=\d+;t=\d+)*$`)
	for id, op := range e.contract.operations {
		if len(op.limits) == 0 {
			t.Errorf("%s has no limiter", id)
		}
		h := e.example(t, op, nil).Header()
		if !policy.MatchString(h.Get("RateLimit-Policy")) || !left.MatchString(h.Get("RateLimit")) {
			t.Errorf("%s: RateLimit-Policy %q, RateLimit %q", id, h.Get("RateLimit-Policy"), h.Get("RateLimit"))
		}
	}
}

func TestL2AnAddressIsCountedWhoeverIsSignedIn(t *testing.T) {
	t.Parallel()
	var asked []string
	e := newEdgeOf(t, api.Document, func(o *Options) {
		o.Limit = func(ctx context.Context, l limit.Limiter, subject string) limit.Verdict {
			asked = append(asked, l.Name+" "+subject)
			return unlimited(ctx, l, subject)
		}
	})
	for _, id := range []string{"bindByInvitation", "recordCheckIn"} {
		e.example(t, e.contract.operations[id], nil)
	}
	if got, want := strings.Join(asked, ","), "code-ip a192.0.2.1,check-in p31"; got != want {
		t.Errorf("counted %s, want %s", got, want)
	}
}

func TestALimiterOrStepUpThatNobodyKnowsStopsTheStart(t *testing.T) {
	t.Parallel()
	take := func(text string) error {
		t.Helper()
		doc, err := loadDocument([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		_, err = newContract(doc, Options{})
		return err
	}
	for _, wrong := range []string{"x-limits: [no-such]", "x-limits: [read, check_in]"} {
		text := strings.Replace(document, "operationId: getOpen\n", "operationId: getOpen\n      "+wrong+"\n", 1)
		if take(text) == nil {
			t.Errorf("%s was taken", wrong)
		}
	}
	for from, to := range map[string]string{
		"{roles: [area_holder]}": "{roles: [area_holder], stepUp: sometimes}", "{roles: [public]}": "{roles: [public], stepUp: true}",
	} {
		if take(strings.Replace(document, from, to, 1)) == nil {
			t.Errorf("%s was taken", to)
		}
	}
}

func TestA8_2EveryOperationAnswersWithTheHeadersWhateverItAnswers(t *testing.T) {
	t.Parallel()
	e := newEdgeOf(t, api.Document, nil)
	for id, op := range e.contract.operations {
		path := strings.NewReplacer("{", "", "}", "").Replace(op.path)
		for what, a := range map[string]reply{"a good request": e.example(t, op, nil), "a stranger's": e.ask(t, op.method, path, "")} {
			for name, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
				"Content-Security-Policy": "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; " +
					"connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
			} {
				if id == "getFile" && name == "Content-Security-Policy" {
					want = "default-src 'none'; frame-ancestors 'none'; sandbox"
				}
				if got := a.Header().Get(name); got != want {
					t.Errorf("%s, %s: %s is %q, want %q", id, what, name, got, want)
				}
			}
			if got := a.Header().Get("Cache-Control"); (op.private || strings.HasPrefix(op.path, "/v1/public/")) && got != "no-store" {
				t.Errorf("%s, %s: Cache-Control %q, want no-store", id, what, got)
			}
			if kind := a.Header().Get("Content-Type"); kind != "" && !strings.Contains(kind, "charset=utf-8") {
				t.Errorf("%s, %s: Content-Type %q names no charset", id, what, kind)
			}
		}
	}
}

func TestCSRFNoForeignPageMakesABrowserRefreshOrWrite(t *testing.T) {
	t.Parallel()
	e := newEdgeOf(t, api.Document, func(o *Options) { o.Origins = []string{"https://h5.example"} })
	send := func(headers ...string) reply {
		return e.ask(t, http.MethodPost, "/v1/auth/refresh", `{"device":"3f0c8d1b7a52496e"}`, append(headers, "Content-Type", "application/json",
			"X-Wanjia-Client", "console/1", "Cookie", "wanjia_refresh="+strings.Repeat("a", 43))...)
	}
	for _, foreign := range [][]string{
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site"}, // another host of the same name
		{"Sec-Fetch-Site", "cross-site", "Origin", "http://example.com"},
		{"Origin", "https://evil.example"},
		{"Origin", "https://example.com.evil.example"},
		{"Origin", "http://example.com:8081"},
		{"Origin", "null"},
		{"Origin", "https://h5.example.evil.example", "Sec-Fetch-Site", "cross-site"},
	} {
		if a := send(foreign...); a.Code != http.StatusForbidden || e.reached || a.problem.Code != errForeignPage.Code {
			t.Errorf("%v: %d %s, handler reached: %v; want 403 %s", foreign, a.Code, a.problem.Code, e.reached, errForeignPage.Code)
		}
	}
	for _, own := range [][]string{
		{"Sec-Fetch-Site", "same-origin", "Origin", "http://example.com"},
		{"Sec-Fetch-Site", "none"},
		{"Origin", "http://example.com"}, // an old browser
		{},                               // no browser at all
		{"Origin", "https://h5.example", "Sec-Fetch-Site", "cross-site"}, // a listed page; the cookie itself is Strict
	} {
		if a := send(own...); a.Code != http.StatusNoContent {
			t.Errorf("%v: %d %s, want it to pass", own, a.Code, a.Body)
		}
	}
}

func TestW3NoRequestTakesAnIdentityFromItsBody(t *testing.T) {
	t.Parallel()
	e := newEdgeOf(t, api.Document, nil)
	for _, id := range []string{"signInWeChat", "bindByInvitation", "requestBinding", "refreshSession", "setPin", "stepUp"} {
		for _, name := range []string{"openid", "openId", "unionid", "phone", "phoneNumber", "sessionKey", "encryptedData", "iv", "personId"} {
			a := e.example(t, e.contract.operations[id], func(body map[string]any) { body[name] = "19900001234" })
			if a.Code != http.StatusBadRequest || e.reached {
				t.Errorf("%s with %s: %d, handler reached: %v; want 400", id, name, a.Code, e.reached)
			}
		}
	}
}

func TestMakingAServerLeavesTheSharedContractAsItIs(t *testing.T) {
	t.Parallel()
	doc, err := loadDocument(api.Document)
	if err != nil {
		t.Fatal(err)
	}
	text := func() string {
		t.Helper()
		b, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	before := text()
	if _, err := newContract(doc, Options{}); err != nil {
		t.Fatal(err)
	}
	if text() != before {
		t.Error("the contract that all servers of a process share was changed by one of them")
	}
}

func TestATextThatMustBeThereHoldsSomethingThatCanBeSeen(t *testing.T) {
	t.Parallel()
	e := newEdgeOf(t, api.Document, nil)
	for _, c := range [][2]string{
		{"suspendPlaque", "reason"}, {"decideTakedown", "reason"}, {"endAssignment", "reason"}, {"sendRelayMessage", "text"}, {"createRequest", "what"},
	} {
		op := e.contract.operations[c[0]]
		if op == nil {
			t.Errorf("there is no operation %s", c[0])
			continue
		}
		for text, refuses := range map[string]bool{"    ": true, "\u3000\t ": true, "  换届 ": false} {
			a := e.example(t, op, func(body map[string]any) { body[c[1]] = text })
			if refused := a.Code == http.StatusUnprocessableEntity; refused != refuses {
				t.Errorf("%s with the %s %q: %d %s, refuses %v", c[0], c[1], text, a.Code, a.problem.Code, refuses)
			}
		}
	}
}
