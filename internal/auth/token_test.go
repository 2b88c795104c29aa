package auth

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"hash"
	"maps"
	"strings"
	"testing"
	"time"

	"wanjia/internal/platform/push"
)

var noon = time.Date(2026, 5, 11, 4, 0, 0, 0, time.UTC)

func testTokens(t testing.TB) (tokens, ed25519.PrivateKey) {
	t.Helper()
	seed := strings.Repeat("s", ed25519.SeedSize)
	k := &signingKeys{}
	rows := []keyRow{{ID: 1, Kid: "k1", Seed: []byte(seed), SignsFrom: noon.Add(-day)}}
	if err := k.use(rows, func(r keyRow) (string, error) { return string(r.Seed), nil }); err != nil {
		t.Fatal(err)
	}
	tk := newTokens("wanjia.test", 3)
	tk.keys = k
	return tk, ed25519.NewKeyFromSeed([]byte(seed))
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func object(members map[string]any) string {
	b, err := json.Marshal(members)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// with is a copy of m with the member set, or without it when value is nil.
func with(m map[string]any, key string, value any) map[string]any {
	c := map[string]any{}
	maps.Copy(c, m)
	if c[key] = value; value == nil {
		delete(c, key)
	}
	return c
}

func TestJ1_NoForgedTokenIsTaken(t *testing.T) {
	t.Parallel()
	tk, private := testTokens(t)
	public := private.Public().(ed25519.PublicKey)
	head := map[string]any{"alg": "EdDSA", "typ": "at+jwt", "kid": "k1"}
	at := noon.Unix()
	body := map[string]any{
		"iss": "wanjia.test", "aud": "wanjia", "sub": "7", "sid": 5, "ver": 1, "era": 3, "iat": at, "nbf": at, "exp": at + 600, "jti": "a",
	}
	sign := func(head, body string) string {
		text := b64(head) + "." + b64(body)
		return text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(private, []byte(text)))
	}
	mac := func(alg string, h func() hash.Hash, key []byte) string {
		text := b64(object(with(head, "alg", alg))) + "." + b64(object(body))
		m := hmac.New(h, key)
		m.Write([]byte(text))
		return text + "." + base64.RawURLEncoding.EncodeToString(m.Sum(nil))
	}
	good := sign(object(head), object(body))
	if c, err := tk.verify(good, noon); err != nil || c != (claims{Session: 5, Person: 7, Ver: 1}) {
		t.Fatalf("the good token gives %+v, %v", c, err)
	}
	ours, err := tk.issue(claims{Session: 5, Person: 7, Ver: 1}, noon)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tk.verify(ours, noon.Add(9*time.Minute)); err != nil {
		t.Fatalf("our own token is refused: %v", err)
	}

	forged := map[string]string{
		"HS256 with the public key": mac("HS256", sha256.New, public), "HS384": mac("HS384", sha512.New384, public),
		"HS512": mac("HS512", sha512.New, public), "HS256 with a short key": mac("HS256", sha256.New, []byte("k")),
		"empty": "", "one dot": ".", "two dots": "..", "three dots": "...", "8 KB of dots": strings.Repeat(".", 8<<10),
		"8 KB of letters": strings.Repeat("a", 8<<10), "four parts": good + ".x", "two parts": good[:strings.LastIndex(good, ".")],
		"no signature": good[:strings.LastIndex(good, ".")+1], "signature cut": good[:len(good)-2],
		"padded": good + "=", "space behind": good + " ", "line feed": good + "\n",
		"JSON serialisation":  `{"payload":"` + b64(object(body)) + `","signatures":[]}`,
		"a refresh token":     "0123456789012345678901234567890123456789012",
		"a ticket":            strings.Repeat("t", 43),
		"a place code":        "v1.12.345.k1.abcdefghijklmnop",
		"duplicate claim":     sign(object(head), strings.TrimSuffix(object(body), "}")+`,"sub":"8"}`),
		"duplicate in header": sign(`{"alg":"EdDSA","typ":"at+jwt","kid":"k1","kid":"k1"}`, object(body)),
		"case variant":        sign(object(head), object(with(with(body, "sub", nil), "Sub", "7"))),
		"trailing data":       sign(object(head), object(body)+"{}"),
		"not UTF-8":           sign(object(head), strings.Replace(object(body), `"a"`, "\"\xff\"", 1)),
		"another key": func() string {
			text := b64(object(head)) + "." + b64(object(body))
			other := ed25519.NewKeyFromSeed([]byte(strings.Repeat("o", 32)))
			return text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(other, []byte(text)))
		}(),
		"payload swapped": b64(object(head)) + "." + b64(object(with(body, "sub", "8"))) + good[strings.LastIndex(good, "."):],
	}
	for _, none := range []string{"none", "None", "NONE", "nOnE", "", "null"} {
		forged["alg "+none] = b64(object(with(head, "alg", none))) + "." + b64(object(body)) + "."
		forged["signed, alg "+none] = sign(object(with(head, "alg", none)), object(body))
	}
	for what, value := range map[string]any{
		"wrong kid": "k2", "kid of SQL": "k1' OR '1'='1", "kid of a path": "../../k1", "empty kid": "", "kid a number": 1,
	} {
		forged[what] = sign(object(with(head, "kid", value)), object(body))
	}
	for _, key := range []string{"jku", "x5u", "jwk", "x5c", "crit", "b64", "zip", "cty"} {
		forged["header "+key] = sign(object(with(head, key, "https://evil.example")), object(body))
	}
	forged["crit list"] = sign(object(with(head, "crit", []string{"exp"})), object(body))
	for _, typ := range []any{"rt+jwt", "JWT", "at+JWT", nil, 7} {
		forged["typ "+object(map[string]any{"t": typ})] = sign(object(with(head, "typ", typ)), object(body))
	}
	for what, b := range map[string]map[string]any{
		"no exp": with(body, "exp", nil), "exp as text": with(body, "exp", "2099"), "exp in ten years": with(body, "exp", at+315360000),
		"exp passed": with(with(body, "exp", at-10), "iat", at-600), "nbf to come": with(body, "nbf", at+60),
		"iat to come": with(with(body, "iat", at+60), "exp", at+600), "no iat": with(body, "iat", nil), "no nbf": with(body, "nbf", nil),
		"exp null": with(body, "exp", json.RawMessage("null")), "exp 0": with(body, "exp", 0), "exp huge": with(body, "exp", 1e300),
		"no aud": with(body, "aud", nil), "aud a list": with(body, "aud", []string{"wanjia"}), "other aud": with(body, "aud", "x"),
		"other iss": with(body, "iss", "evil"), "no iss": with(body, "iss", nil), "old era": with(body, "era", 2), "no era": with(body, "era", nil),
		"sub 0": with(body, "sub", "0"), "sub negative": with(body, "sub", "-7"), "sub with a zero": with(body, "sub", "07"),
		"sub a number": with(body, "sub", 7), "sid 0": with(body, "sid", 0), "no sid": with(body, "sid", nil), "more claims": with(body, "role", "x"),
		"no jti": with(body, "jti", nil), "ver an object": with(body, "ver", map[string]any{}),
	} {
		forged[what] = sign(object(head), object(b))
	}
	if len(forged) < 40 {
		t.Fatalf("only %d forgeries", len(forged))
	}
	begin := time.Now()
	for what, text := range forged {
		if _, err := tk.verify(text, noon); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
	// 1 ms each on a quiet machine without -race; here it only sees one that makes us work.
	if each := time.Since(begin) / time.Duration(len(forged)); each > 50*time.Millisecond {
		t.Errorf("%v a forgery", each)
	} else {
		t.Logf("%d forgeries, %v each", len(forged), each)
	}
}

func TestJ1_NoKindOfTokenStandsForAnother(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		p.enrolled(t, p.w.LuoQingming.PersonID, "po.1")
		challenge, err := p.SignInPassword(t.Context(), "po.1", password, Console, device)
		fine(t, "password", err)
		in := p.signIn(t, p.w.YaoMangzhong.PersonID, Mini, device)
		tickets := push.NewTickets(p.db, p.kv, func(context.Context, int64) (push.Session, error) { return push.Session{}, nil })
		ticket, err := tickets.Issue(t.Context(), int64(in.Session.ID))
		fine(t, "ticket", err)
		i, err := p.Invite(t.Context(), p.w.FengShuangjiang, p.w.YaoMangzhong.PersonID)
		fine(t, "invite", err)
		guest, err := p.SignInWeChat(t.Context(), p.fake.Code("guest"), "device-0000000009")
		fine(t, "sign in", err)
		ctx, by := p.as(t, guest)
		all := map[string]string{
			"access token": in.Access, "refresh token": in.Refresh, "challenge": challenge, "ticket": ticket, "invitation": i.Code,
			"place code": "v1.12.345.k1.abcdefghijklmnop",
		}
		doors := map[string]func(text string) error{
			"access token":  func(text string) error { _, _, err := p.Identify(t.Context(), text, 0); return err },
			"refresh token": func(text string) error { _, err := p.Refresh(t.Context(), text, device); return err },
			"challenge":     func(text string) error { _, err := p.VerifyTotp(t.Context(), text, "123456", device); return err },
			"ticket":        func(text string) error { _, err := tickets.Redeem(t.Context(), text); return err },
			"invitation":    func(text string) error { return p.BindByInvitation(ctx, by, text) },
		}
		for door, enter := range doors {
			for kind, text := range all {
				if kind == door {
					continue
				}
				if err := enter(text); err == nil {
					t.Errorf("a %s is taken as %s", kind, door)
				}
				p.move(day) // there are limits to tries
				fine(t, "poll", p.LoadRevocations(t.Context()))
				in = p.signIn(t, p.w.YaoMangzhong.PersonID, Mini, device)
				all["access token"], all["refresh token"] = in.Access, in.Refresh
			}
		}
	})
}

func TestJ1_AHugeTokenCostsNothing(t *testing.T) { //nolint:paralleltest // because it counts allocations
	tk, _ := testTokens(t)
	dots := strings.Repeat(".", 8<<10)
	if n := testing.AllocsPerRun(10, func() { _, _ = tk.verify(dots, noon) }); n > 2 {
		t.Errorf("8 KB of dots cost %v allocations", n)
	}
}

func TestJ2_KeysTurnOverWithoutRefusingAnybody(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		other := p.node(t)
		before := p.signIn(t, p.w.YaoMangzhong.PersonID, Mini, device)
		if err := p.RotateKeys(t.Context()); err != nil {
			t.Fatal(err)
		}
		// The new key does not sign before the other node has had the time to learn it.
		meanwhile := p.signIn(t, p.w.YaoMangzhong.PersonID, Mini, device)
		_, _, err := other.Identify(t.Context(), meanwhile.Access, 0)
		fine(t, "a token of the two minutes between, on a node that has not read the keys", err)
		p.move(keyNotice)
		fine(t, "load", other.LoadKeys(t.Context()))
		fine(t, "poll", other.LoadRevocations(t.Context()))
		fine(t, "poll", p.LoadRevocations(t.Context()))
		after := p.signIn(t, p.w.YaoMangzhong.PersonID, Mini, device)
		for what, in := range map[string]SignedIn{"the old key": before, "the new key": after} {
			for _, s := range []*Service{p.Service, other} {
				_, _, err := s.Identify(t.Context(), in.Access, 0)
				fine(t, what, err)
			}
		}
		old, err := other.tokens.keys.signer(p.now().Add(-keyNotice))
		fine(t, "find the old key", err)
		if _, ok := p.tokens.keys.verifier(old.kid, p.now().Add(15*time.Minute-time.Millisecond)); !ok {
			t.Error("the old key is refused within fifteen minutes")
		}
		if _, ok := p.tokens.keys.verifier(old.kid, p.now().Add(15*time.Minute)); ok {
			t.Error("the old key still verifies after fifteen minutes")
		}
		p.move(keyLife + time.Hour)
		fine(t, "load after ninety days", p.LoadKeys(t.Context()))
		if n := p.count(t, `SELECT COUNT(*) FROM signing_key`); n != 3 {
			t.Errorf("%d keys after ninety days, want 3", n)
		}
	})
}

func TestJ2_AShortKeyStopsTheStart(t *testing.T) {
	t.Parallel()
	k := &signingKeys{}
	err := k.use([]keyRow{{ID: 1, Kid: "k1", Seed: []byte("short")}}, func(r keyRow) (string, error) { return string(r.Seed), nil })
	if err == nil {
		t.Error("a key of five bytes is taken")
	}
}
