package auth

import (
	"crypto/ed25519"
	"strings"
	"testing"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

func TestWhatWasFoundAMomentAgoIsKnownForItsTimeOnly(t *testing.T) {
	t.Parallel()
	r := newRecent[int, string](5 * time.Second)
	r.put(1, "one", noon)
	for after, want := range map[time.Duration]bool{0: true, 5 * time.Second: true, 5001 * time.Millisecond: false, -time.Second: false} {
		if _, known := r.get(1, noon.Add(after)); known != want {
			t.Errorf("after %v: known %v, want %v", after, known, want)
		}
	}
	r.put(2, "two", noon)
	r.drop(func(k int) bool { return k == 2 })
	if _, known := r.get(2, noon); known {
		t.Error("what was dropped is known still")
	}
	for k := range 2*mostRecent + 5 {
		r.put(k, "many", noon)
	}
	if n := len(r.all); n > mostRecent {
		t.Errorf("%d are kept, want at most %d", n, mostRecent)
	}
}

func TestATokenSeenBeforeEndsWithItsTimeAndWithItsKey(t *testing.T) {
	t.Parallel()
	tk, _ := testTokens(t)
	text, err := tk.issue(claims{Session: 5, Person: 7, Ver: 1}, noon)
	if err != nil {
		t.Fatal(err)
	}
	good := func(at time.Time) bool {
		c, err := tk.verify(text, at)
		return err == nil && c == claims{Session: 5, Person: 7, Ver: 1}
	}
	for range 2 {
		if !good(noon) {
			t.Fatal("a token of ours is refused")
		}
	}
	if good(noon.Add(accessLife + clockLeeway)) {
		t.Error("seen before, it is taken after its end")
	}
	other := text[:len(text)-4] + strings.Map(func(r rune) rune {
		if r == 'A' {
			return 'B'
		}
		return 'A'
	}, text[len(text)-4:])
	if _, err := tk.verify(other, noon); err == nil {
		t.Error("another signature is taken for the one seen before")
	}
	rows := []keyRow{{Kid: "k2", Seed: []byte(strings.Repeat("t", ed25519.SeedSize)), SignsFrom: noon}}
	if err := tk.keys.use(rows, func(r keyRow) (string, error) { return string(r.Seed), nil }); err != nil {
		t.Fatal(err)
	}
	if good(noon.Add(time.Second)) {
		t.Error("seen before, it is taken though its key is gone")
	}
}

func TestARoleIsLookedUpOnceInFiveSecondsAndAtOnceWhenItChanges(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p *place) {
		yao := p.w.YaoMangzhong.PersonID
		in := p.signIn(t, yao, Mini, device)
		asked := func() int64 {
			before := p.db.Statements()
			if _, by, err := p.Identify(t.Context(), in.Access, 0); err != nil || by.Role != p.w.YaoMangzhong.Role {
				t.Fatalf("identified as %s, %v; want %s", by.Role, err, p.w.YaoMangzhong.Role)
			}
			return p.db.Statements() - before
		}
		asked()
		if n := asked(); n != 0 {
			t.Errorf("a moment later it takes %d statements, want none", n)
		}
		p.move(6 * time.Second)
		if n := asked(); n != 1 {
			t.Errorf("six seconds later it takes %d statements, want the one for the role", n)
		}
		err := p.db.InTx(t.Context(), func(tx *db.Tx) error {
			return p.RoleChanged(t.Context(), tx, org.System, org.RoleGranted, org.Assignment{PersonID: yao})
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := asked(); n != 1 {
			t.Errorf("after a change of roles it takes %d statements, want the one for the role", n)
		}
	})
}

func TestWhatWasReadBeforeARightEndedIsNotKept(t *testing.T) {
	t.Parallel()
	s := &Service{seats: newRecent[seat, org.Actor](cacheLife)}
	s.denied = newDenied(func(all []Ended) { s.seats.drop(func(k seat) bool { return k.person == all[0].Person }) })
	s.denied.refreshed(noon)
	yao := seat{person: 7, day: "2026-03-02"}
	kept := func() bool { _, there := s.seats.get(yao, noon); return there }

	news, sure := s.denied.since(noon)
	if !sure {
		t.Fatal("what was just read is not relied on")
	}
	keep(s, s.seats, yao, org.Actor{PersonID: 7}, noon, news)
	if !kept() {
		t.Fatal("a role that was looked up is not kept")
	}
	s.denied.learn([]revocationRow{{ID: 1, Kind: RightsChanged, Ref: 7, At: noon}}, noon)
	if kept() {
		t.Error("a role is kept although it has changed")
	}
	keep(s, s.seats, yao, org.Actor{PersonID: 7}, noon, news) // by a reader who began before the change
	if kept() {
		t.Error("a slow reader put back what was before the change")
	}
	for age, want := range map[time.Duration]bool{deniedSure: true, deniedSure + time.Millisecond: false, -time.Second: false} {
		if _, sure := s.denied.since(noon.Add(age)); sure != want {
			t.Errorf("revocations read %v ago: relied on %v, want %v", age, sure, want)
		}
	}
}
