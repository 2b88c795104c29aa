package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"wanjia/internal/app"
	"wanjia/internal/config"
	"wanjia/internal/member"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/kv/kvtest"
	"wanjia/internal/platform/wechat/fake"
)

// nightly says that the machine is ours, and time enough for long runs and for the controls.
var nightly = os.Getenv("WANJIA_NIGHTLY") != ""

// The town of every test: villages with a secretary, who asks, and members, who are told. The first member of each has
// two devices. Nobody may write more than 60 times a minute: so many secretaries can give 200 orders a second for as long
// as a test goes on, in the night for ever.
var villages = func() int {
	switch {
	case nightly:
		return 240
	case withRace: // and so few orders
		return 12
	}
	return 48
}()

const members = 3

func secretary(village int) string     { return fmt.Sprintf("secretary.%d", village) }
func villager(village, nth int) string { return fmt.Sprintf("member.%d.%d", village, nth) }

// town is a database with the town, made once a process on each engine and copied for each test.
var town = dbtest.NewModel(fill)

// settings are those of a node on the database at dsn, or on SQLite in folder.
func settings(folder, dsn string) config.Config {
	c := config.Default()
	c.Demo, c.Data, c.Files, c.MySQL.DSN = true, folder, filepath.Join(folder, "files"), dsn // demo: people sign in by handle
	c.Keys.Master = "ZmF1bHRzIGZhdWx0cyBmYXVsdHMgZmF1bHRzIGZhdWw="
	c.Listen.Public, c.Listen.Admin, c.Listen.Proxies = "127.0.0.1:0", "127.0.0.1:0", []string{"127.0.0.1/32"}
	return c
}

// fill builds the town in an empty database.
func fill(ctx context.Context, folder, dsn string) (err error) {
	c := settings(folder, dsn)
	c.WeChat.Fake = true
	a, err := app.New(ctx, c, app.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	var all []org.PersonID
	err = a.Stores.DB.InTx(ctx, func(tx *db.Tx) (err error) {
		all = nil
		from := calendar.DayOf(tx.Now).Add(-100)
		unit := func(kind org.UnitKind, name string, parent org.Unit) (u org.Unit) {
			if err == nil {
				u, err = org.AddUnit(ctx, tx, org.NewUnit{Kind: kind, Name: name, Parent: parent, From: from})
			}
			return u
		}
		answers := func(party, grid org.Unit) {
			if err == nil {
				err = org.Link(ctx, tx, party, grid, from)
			}
		}
		somebody := func(handle string, role org.Role, at org.Unit) {
			var p org.PersonID
			if err == nil {
				p, err = member.Add(ctx, tx, a.Stores.Keys, member.New{Name: handle})
			}
			if err == nil {
				_, err = org.Assign(ctx, tx, org.NewAssignment{Person: p, Role: role, Unit: at, Primary: true, Span: org.Span{From: from}})
			}
			if err == nil {
				err = a.Auth.AddHandle(ctx, tx, handle, p)
			}
			if err == nil {
				err = a.Auth.AddAccount(ctx, tx, fake.OpenID(fake.AppID, handle), p)
			}
			all = append(all, p)
		}
		whole := unit(org.Subdistrict, "海棠街道", unit(org.District, "云湾区", org.Unit{}))
		committee := unit(org.SubdistrictCommittee, "海棠街道党工委", unit(org.DistrictCommittee, "云湾区委", org.Unit{}))
		answers(committee, whole)
		for v := range villages {
			branch := unit(org.Branch, fmt.Sprintf("%d村党支部", v), committee)
			answers(branch, unit(org.Village, fmt.Sprintf("%d村", v), whole))
			somebody(secretary(v), org.RoleBranchSecretary, branch)
			for n := range members {
				somebody(villager(v, n), org.RoleMember, branch)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	// Whenever the test runs, nobody's night begins soon.
	night := time.Now().In(time.FixedZone("Asia/Shanghai", 8*3600)).Add(10 * time.Hour)
	s := notify.NewService(a.Stores.DB, nil, 1)
	for _, p := range all {
		_, err := s.SetPreferences(ctx, org.Actor{PersonID: p}, notify.Preferences{
			QuietFrom: night.Format("15:04"), QuietTo: night.Add(time.Hour).Format("15:04"), DigestAt: "18:00",
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// A world is the town and the nodes that serve it.
type world struct {
	t      *testing.T
	config config.Config
	ways   []way // of each node; none: they reach their servers straight
	broken string
	blind  string // a file: see part
	db     *db.DB // to look into
	redis  *kvtest.Server
	http   *http.Client
	branch []int64
	person map[string]int64

	mu     sync.Mutex
	nodes  []*node
	tokens map[string]string
}

// A way is how a node reaches its servers.
type way struct{ sql, redis *proxy }

// inDSN is where the server of an address stands.
var inDSN = regexp.MustCompile(`tcp\(([^)]+)\)`)

// settingsOf are those of the nth node.
func (w *world) settingsOf(nth int) config.Config {
	c := w.config
	if w.ways != nil {
		c.MySQL.DSN = inDSN.ReplaceAllLiteralString(c.MySQL.DSN, "tcp("+w.ways[nth].sql.address()+")")
		c.Redis.Addresses = []string{w.ways[nth].redis.address()}
	}
	return c
}

// newWorld is a town on the database of c, with that many nodes.
func newWorld(t *testing.T, c config.Config, nodes int, broken string, ways ...way) *world {
	t.Helper()
	w := &world{
		t: t, config: c, ways: ways, broken: broken, blind: filepath.Join(t.TempDir(), "blind"), person: map[string]int64{}, tokens: map[string]string{},
		http: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: hands}},
	}
	t.Cleanup(w.http.CloseIdleConnections)
	look := db.Options{MySQL: c.MySQL.DSN, Pool: 4}
	if c.Embedded() { // through a link: the folder is the node's alone
		look.SQLitePath = filepath.Join(t.TempDir(), "wanjia.db")
		if err := os.Symlink(filepath.Join(c.Data, "wanjia.db"), look.SQLitePath); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if w.db, err = db.Open(t.Context(), look); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.db.Close() })
	for nth := range nodes {
		w.nodes = append(w.nodes, startNode(t, w.part(nth)))
	}
	w.learn(w.db)
	return w
}

// part is what the nth node is told about itself. The first looks how far inboxes are, always.
func (w *world) part(nth int) part {
	p := part{Config: w.settingsOf(nth), Broken: w.broken}
	if nth > 0 {
		p.Blind = w.blind
	}
	return p
}

// embedded is a world of one node on SQLite, with Redis inside.
func embedded(t *testing.T) *world {
	t.Helper()
	return newWorld(t, settings(town.SQLite(t), ""), 1, "")
}

// onServers is a world on MariaDB and a Redis of its own; wechat is whom it takes for WeChat, nil: nobody.
func onServers(t *testing.T, broken string, wechat *fake.Server) *world {
	t.Helper()
	dsn, redis := town.MySQL(t), kvtest.Process(t)
	c := settings(t.TempDir(), dsn)
	c.Redis.Addresses = []string{redis.Address()}
	if wechat != nil {
		c.WeChat.BaseURL, c.WeChat.AppID, c.WeChat.Secret = wechat.URL(), fake.AppID, fake.Secret
	}
	w := newWorld(t, c, 2, broken)
	w.redis = redis
	return w
}

// apart is like onServers, but each node has a way of its own to either server.
func apart(t *testing.T, broken string) *world {
	t.Helper()
	dsn, redis := town.MySQL(t), kvtest.Process(t)
	c := settings(t.TempDir(), dsn)
	c.Redis.Addresses = []string{redis.Address()}
	maria := inDSN.FindStringSubmatch(dsn)
	if maria == nil {
		t.Fatal("the database of the tests is not reached by TCP")
	}
	var ways []way
	for range 2 {
		ways = append(ways, way{newProxy(t, maria[1]), newProxy(t, redis.Address())})
	}
	w := newWorld(t, c, 2, broken, ways...)
	w.redis = redis
	return w
}

// learn finds out who and where everybody is.
func (w *world) learn(d *db.DB) {
	w.t.Helper()
	var people []struct {
		Handle string `db:"handle"`
		Person int64  `db:"person_id"`
	}
	if err := d.Select(w.t.Context(), &people, `SELECT handle, person_id FROM demo_handle`); err != nil {
		w.t.Fatal(err)
	}
	for _, p := range people {
		w.person[p.Handle] = p.Person
	}
	if err := d.Select(w.t.Context(), &w.branch, `SELECT id FROM unit WHERE kind = 'branch' ORDER BY id`); err != nil || len(w.branch) != villages {
		w.t.Fatalf("%d branches (%v), want %d", len(w.branch), err, villages)
	}
}

// node is the nth one while it lives, else any that does.
func (w *world) node(nth int) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := w.nodes[nth%len(w.nodes)]; n != nil {
		return n.url
	}
	for _, i := range rand.Perm(len(w.nodes)) {
		if w.nodes[i] != nil {
			return w.nodes[i].url
		}
	}
	return "http://127.0.0.1:1" // nobody answers there
}

// killNode kills the nth node, and nobody is sent there any more.
func (w *world) killNode(nth int) {
	w.mu.Lock()
	n := w.nodes[nth]
	w.mu.Unlock()
	n.kill()
	w.leaveNode(nth)
}

// leaveNode sends nobody to the nth node any more, and returns it.
func (w *world) leaveNode(nth int) *node {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.nodes[nth]
	w.nodes[nth] = nil
	return n
}

// startNode puts a new node into the place of the nth.
func (w *world) startNode(nth int) {
	w.t.Helper()
	n := startNode(w.t, w.part(nth))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nodes[nth] = n
}

// living are the nodes that have not been killed.
func (w *world) living() []*node {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.nodes), func(n *node) bool { return n == nil })
}

// ask asks the operator's side of a node, and returns what it answers; 0: nothing.
func (w *world) ask(n *node, path string) (status int, text []byte) {
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, n.admin+path, http.NoBody)
	if err != nil {
		w.t.Fatal(err)
	}
	res, err := w.http.Do(r)
	if err != nil {
		return 0, nil
	}
	defer res.Body.Close()
	if text, err = io.ReadAll(res.Body); err != nil {
		return 0, nil
	}
	return res.StatusCode, text
}

// metric is what a node counts under a name.
func (w *world) metric(n *node, name string) float64 {
	w.t.Helper()
	_, text := w.ask(n, "/metrics")
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte(name+" ")); ok {
			x, err := strconv.ParseFloat(string(bytes.TrimSpace(rest)), 64)
			if err != nil {
				w.t.Fatal(err)
			}
			return x
		}
	}
	w.t.Fatalf("%s counts no %s", n.admin, name)
	return 0
}

// faults are the lines in which living nodes say that they answered with a fault of their own.
func (w *world) faults() (lines []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range w.nodes {
		if n == nil {
			continue
		}
		b, err := os.ReadFile(n.log)
		if err != nil {
			w.t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			if strings.Contains(line, `"status":500`) && len(lines) < 8 {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// An answer is what a call came to; status 0: nobody knows.
type answer struct {
	status int
	retry  time.Duration // Retry-After
	body   map[string]any
}

// call makes one call as somebody, at a node. Whoever has not signed in does so first.
func (w *world) call(ctx context.Context, url, handle, method, path, key string, body any) (a answer) {
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return a
		}
		content = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, url+path, content)
	if err != nil {
		return a
	}
	w.mu.Lock()
	token := w.tokens[handle]
	address := w.person[handle]
	w.mu.Unlock()
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Forwarded-For", fmt.Sprintf("10.0.%d.%d", address/250, address%250+1))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	res, err := w.http.Do(r)
	if err != nil {
		return a
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return a
	}
	if len(b) > 0 && json.Unmarshal(b, &a.body) != nil {
		return a
	}
	seconds, _ := strconv.Atoi(res.Header.Get("Retry-After"))
	a.status, a.retry = res.StatusCode, time.Duration(seconds)*time.Second
	return a
}

// signIn signs people in, each on a device of their own.
func (w *world) signIn(handles ...string) {
	w.t.Helper()
	var all sync.WaitGroup
	atOnce := make(chan struct{}, 8)
	for _, h := range handles {
		all.Go(func() {
			atOnce <- struct{}{}
			defer func() { <-atOnce }()
			var a answer
			for range 5 { // on a machine that does much else
				a = w.call(w.t.Context(), w.node(0), h, http.MethodPost, "/v1/auth/demo", "", map[string]any{
					"handle": h, "client": "mini", "device": uuid.NewString(),
				})
				if a.status != 0 && a.status != http.StatusServiceUnavailable {
					break
				}
			}
			token, _ := a.body["accessToken"].(string)
			if a.status != http.StatusOK || token == "" {
				w.t.Errorf("%s signs in: %d %v", h, a.status, a.body)
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			w.tokens[h] = token
		})
	}
	all.Wait()
	if w.t.Failed() {
		w.t.FailNow()
	}
}

// wait waits until ok holds, and says within which time it did.
func (w *world) wait(limit time.Duration, what string, ok func() bool) time.Duration {
	w.t.Helper()
	begun := time.Now()
	for !ok() {
		if time.Since(begun) > limit {
			w.t.Fatalf("not within %v: %s", limit, what)
		}
		<-time.After(10 * time.Millisecond)
	}
	return time.Since(begun)
}
