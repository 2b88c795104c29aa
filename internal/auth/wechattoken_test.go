package auth

import (
	"context"
	"sync"
	"testing"
	"time"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/kv/kvtest"
	"wanjia/internal/platform/wechat"
	"wanjia/internal/platform/wechat/fake"
)

// nodes are clients of WeChat of n processes.
func (p *place) nodes(t *testing.T, k *kv.KV, n int) []*wechat.Client {
	t.Helper()
	all := make([]*wechat.Client, n)
	for i := range all {
		c, err := wechat.New(wechat.Options{
			BaseURL: p.fake.URL(), AppID: fake.AppID, Secret: fake.Secret, Now: p.now, Shared: SharedToken(p.db, k, p.keys, fake.AppID),
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		all[i] = c
	}
	return all
}

// call lets every node make a call that needs the token, all at once.
func (p *place) call(t *testing.T, nodes []*wechat.Client) {
	t.Helper()
	var wg sync.WaitGroup
	for _, c := range nodes {
		wg.Go(func() {
			if _, err := c.Phone(t.Context(), p.fake.PhoneCode(phone)); err != nil {
				t.Errorf("a call that needs the token: %v", err)
			}
		})
	}
	wg.Wait()
}

// W7: one fetch for any number of nodes that begin at once, for the next token, and when WeChat has thrown one away.
func TestW7_AnyNumberOfNodesFetchOneToken(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := kvtest.New(t)
		p := newPlace(t, d, k)
		nodes := p.nodes(t, k, 8)
		fetched := func(want int, when string) {
			t.Helper()
			if got := p.fake.Calls(fake.Token); got != want {
				t.Errorf("%s: %d fetches in all, want %d", when, got, want)
			}
		}
		p.call(t, nodes)
		fetched(1, "at the beginning")
		p.fake.ExpireToken()
		p.call(t, nodes)
		fetched(2, "after WeChat threw it away")
		p.move(108*time.Minute + 30*time.Second) // a while before its end
		p.call(t, nodes)
		fetched(2, "before anybody needs another one")
		if err := nodes[0].RefreshToken(t.Context()); err != nil {
			t.Fatal(err)
		}
		fetched(2, "a minute and a half before anybody needs another one")
		p.move(time.Minute)
		if err := nodes[0].RefreshToken(t.Context()); err != nil {
			t.Fatal(err)
		}
		fetched(3, "half a minute before anybody needs another one")
		p.call(t, nodes)
		fetched(3, "when the first node has seen to it")
	})
}

// Without Redis the row is read, and a node that dies while it has the turn keeps it for some seconds only.
func TestW7_NodesShareTheTokenWithoutRedis(t *testing.T) {
	t.Parallel()
	k, server := kvtest.Own(t)
	p := newPlace(t, dbtest.SQLite(t), k)
	server.Kill()
	nodes := p.nodes(t, k, 4)
	p.call(t, nodes)
	if got := p.fake.Calls(fake.Token); got != 1 {
		t.Errorf("%d fetches without Redis, want 1", got)
	}
	p.fake.ExpireToken()
	shared := SharedToken(p.db, k, p.keys, fake.AppID)
	if leave, err := shared.Turn(t.Context()); leave == nil || err != nil {
		t.Fatalf("the turn is taken (%v)", err)
	}
	if leave, err := shared.Turn(t.Context()); leave != nil || err != nil {
		t.Errorf("two have the turn at once (%v)", err)
	}
	p.move(fetchFor)
	p.call(t, nodes[:1])
	if got := p.fake.Calls(fake.Token); got != 2 {
		t.Errorf("%d fetches after a node died with its turn, want 2", got)
	}
}

// A node that had its turn a moment after another one had saved the token gives the turn back, so that nobody waits for
// it when WeChat throws that token away.
func TestW7_ATurnThatIsNotNeededIsGivenBack(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		k := kvtest.New(t)
		p := newPlace(t, d, k)
		shared := SharedToken(p.db, k, p.keys, fake.AppID)
		token := wechat.Token{Value: "saved by another node", ExpiresAt: p.now().Add(2 * time.Hour)}
		looks, late := 0, shared
		late.Load = func(ctx context.Context) (wechat.Token, error) {
			if looks++; looks == 1 { // and between this look and the turn it is saved
				return wechat.Token{}, shared.Save(ctx, token)
			}
			return shared.Load(ctx)
		}
		c, err := wechat.New(wechat.Options{BaseURL: p.fake.URL(), AppID: fake.AppID, Secret: fake.Secret, Now: p.now, Shared: late})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		if err := c.RefreshToken(t.Context()); err != nil || p.fake.Calls(fake.Token) != 0 {
			t.Fatalf("%d fetches of a token that is there (%v)", p.fake.Calls(fake.Token), err)
		}
		leave, err := shared.Turn(t.Context())
		if leave == nil || err != nil {
			t.Fatalf("the turn is still taken (%v)", err)
		}
		p.move(fetchFor)
		if next, err := shared.Turn(t.Context()); next == nil || err != nil {
			t.Fatalf("the turn did not end by itself (%v)", err)
		}
		if err := leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		if leave, err := shared.Turn(t.Context()); leave != nil || err != nil {
			t.Errorf("somebody else's turn was given back (%v)", err)
		}
	})
}
