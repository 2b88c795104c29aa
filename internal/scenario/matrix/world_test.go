package matrix

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"wanjia/internal/app"
	"wanjia/internal/auth"
	"wanjia/internal/config"
	"wanjia/internal/household"
	"wanjia/internal/member"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/wechat/fake"
)

// since is the day from which all units of the fixture stand, and inOffice that from which its people have their
// roles: before it others had them.
const (
	since    calendar.Day = "2025-01-01"
	inOffice calendar.Day = "2025-02-01"
)

// A unit is a unit of the fixture with what the oracle needs: whom it stands below, by hand and not by path.
type unit struct {
	org.Unit
	parent  *unit
	answers *unit // the unit of the other tree that it is linked to
	doors   []household.ID
}

// below says whether u is a or stands under it.
func (u *unit) below(a *unit) bool {
	for ; u != nil; u = u.parent {
		if u == a {
			return true
		}
	}
	return false
}

// subdistrict is the level-5 unit that u lies in, in u's own tree; nil above.
func (u *unit) subdistrict() *unit {
	for ; u != nil; u = u.parent {
		if u.Kind == org.Subdistrict || u.Kind == org.SubdistrictCommittee {
			return u
		}
	}
	return nil
}

// grid is u or the grid unit that u answers for.
func (u *unit) grid() *unit { return u.in(org.GridTree) }

// party is u or the party unit that answers for it.
func (u *unit) party() *unit { return u.in(org.PartyTree) }

func (u *unit) in(tree org.Tree) *unit {
	if u == nil || u.Tree == tree {
		return u
	}
	return u.answers
}

// A world is the program with the fixture of security.md §5: 2 subdistricts, in each 3 communities of 3 grids of 5
// households, and besides 2 villages and 2 sections, so that every role has somewhere to stand.
type world struct {
	*testing.T
	app     *app.App
	handler http.Handler
	wechat  *fake.Server
	at      atomic.Int64
	units   []*unit
	actors  map[string]*actor
	shared  map[string]any // what was made once and is only read
	serial  int            // of whatever needs a number of its own
	phones  int
	sent    int
	reached map[right]map[string]string // what succeeded: of a role and column, how and where, and an example
	hash    string                      // of the pass phrase
}

// on are the engines: SQLite always, and the server of the MySQL family that make test starts.
func on(t *testing.T, f func(w *world)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); f(newWorld(t, "")) })
	t.Run("mysql", func(t *testing.T) {
		t.Parallel()
		o := dbtest.BlankMySQL(t)
		f(newWorld(t, o.MySQL))
	})
}

func newWorld(t *testing.T, dsn string) *world {
	t.Helper()
	w := &world{T: t, actors: map[string]*actor{}, shared: map[string]any{}, reached: map[right]map[string]string{}}
	w.wechat = fake.New(fake.Options{Now: w.now})
	if err := w.wechat.Start(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.wechat.Close() })
	c := config.Default()
	c.Demo, c.Data = true, t.TempDir()
	c.WeChat.AppID, c.WeChat.Secret, c.WeChat.BaseURL = fake.AppID, fake.Secret, w.wechat.URL()
	if c.MySQL.DSN = dsn; dsn != "" {
		w.migrate(dsn)
	}
	ctx := context.Background() // the last acts of a test still need the program
	a, err := app.New(ctx, c, app.Options{Now: w.now, Log: slog.New(slog.DiscardHandler), Version: "matrix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	w.at.Store(time.Date(2026, 5, 11, 1, 0, 0, 0, time.UTC).UnixMilli())
	if err := a.Auth.Start(ctx); err != nil {
		t.Fatal(err)
	}
	w.app, w.handler = a, a.Handler()
	w.build()
	w.watch()
	return w
}

func (w *world) migrate(dsn string) {
	w.Helper()
	d, err := db.Open(w.Context(), db.Options{MySQL: dsn, Pool: 2})
	if err != nil {
		w.Fatal(err)
	}
	_, err = d.Migrate(w.Context(), slog.New(slog.DiscardHandler))
	if err = errors.Join(err, d.Close()); err != nil {
		w.Fatal(err)
	}
}

func (w *world) db() *db.DB { return w.app.Stores.DB }

// now is the clock of the test, once the program has compared its own with the database's.
func (w *world) now() time.Time {
	if at := w.at.Load(); at != 0 {
		return time.UnixMilli(at).UTC()
	}
	return time.Now()
}

// move moves the clock on, as the loops of the program would see it.
func (w *world) move(d time.Duration) {
	w.Helper()
	w.at.Add(d.Milliseconds())
	if err := w.app.Auth.LoadRevocations(context.Background()); err != nil {
		w.Fatal(err)
	}
}

func (w *world) in(what string, f func(tx *db.Tx) error) {
	w.Helper()
	if err := w.db().InTx(w.Context(), f); err != nil {
		w.Fatalf("%s: %v", what, err)
	}
}

// next is a number that has not been used yet.
func (w *world) next() int { w.serial++; return w.serial }

// phone is a number of the range that is nobody's, not used yet.
func (w *world) phone() string { w.phones++; return fmt.Sprintf("1990000%04d", w.phones) }

// A builder adds units and goes on doing nothing after its first error.
type builder struct {
	*world
	tx  *db.Tx
	err error
}

func (w *world) build() {
	w.Helper()
	w.in("build the trees", func(tx *db.Tx) error {
		w.units = nil
		b := &builder{world: w, tx: tx}
		district := b.pair(nil, org.District, "云湾区", org.DistrictCommittee)
		for _, s := range []struct {
			name                            string
			communities, villages, sections []string
		}{
			{"海棠街道", []string{"瑞和社区", "枕溪社区", "松月社区"}, []string{"张家屯", "杏坞村"}, []string{"民政科", "应急科"}},
			{"柳岸街道", []string{"柳岸社区", "柳堤社区", "柳荫社区"}, []string{"芦花村", "渡口村"}, []string{"柳岸民政科", "柳岸应急科"}},
		} {
			sub := b.pair(district, org.Subdistrict, s.name, org.SubdistrictCommittee)
			for _, name := range s.communities {
				b.community(sub, name)
			}
			for _, name := range s.villages {
				village := b.pair(sub, org.Village, name, org.Branch)
				for i := range 2 {
					b.area(village, village.answers, i+1, 2)
				}
			}
			for _, name := range s.sections {
				b.add(sub, org.Section, name)
			}
		}
		return b.err
	})
	if w.hash == "" {
		hash, err := w.app.Auth.HashPassword(w.Context(), passPhrase)
		if err != nil {
			w.Fatal(err)
		}
		w.hash = hash
	}
}

func (b *builder) community(sub *unit, name string) {
	community := b.pair(sub, org.Community, name, org.GeneralBranch)
	for g := range 3 {
		grid := b.pair(community, org.Grid, fmt.Sprintf("%s第%d网格", name, g+1), org.Branch)
		block := b.pair(grid, org.Block, fmt.Sprintf("%s第%d楼栋片", name, g+1), org.PartyGroup)
		for i, homes := range []int{3, 2} {
			b.area(block, block.answers, 2*g+i+1, homes)
		}
	}
}

// add puts a unit below another, linked to nothing.
func (b *builder) add(parent *unit, kind org.UnitKind, name string) *unit {
	u := &unit{parent: parent}
	var above org.Unit
	if parent != nil {
		above = parent.Unit
	}
	if b.err == nil {
		u.Unit, b.err = org.AddUnit(b.Context(), b.tx, org.NewUnit{Kind: kind, Name: name, Parent: above, From: since})
	}
	b.units = append(b.units, u)
	return u
}

// pair adds a grid unit below parent, and the party unit that answers for it below the one that answers for parent.
func (b *builder) pair(parent *unit, kind org.UnitKind, name string, party org.UnitKind) *unit {
	g := b.add(parent, kind, name)
	var above *unit
	if parent != nil {
		above = parent.answers
	}
	p := b.add(above, party, name+"党组织")
	if b.err == nil {
		b.err = org.Link(b.Context(), b.tx, p.Unit, g.Unit, since)
	}
	p.Level = g.Level
	g.answers, p.answers = p, g
	return g
}

// area adds a responsibility area with one entrance of its own and homes behind it.
func (b *builder) area(parent, party *unit, number, homes int) {
	a := b.pair(parent, org.Area, fmt.Sprintf("%02d责任区", number), org.CenterHousehold)
	place := a
	for place != nil && !org.IsPlace(place.Kind) {
		place = place.parent
	}
	if b.err == nil {
		a.doors, b.err = b.homes(place, a, homes)
	}
}

// homes puts an entrance with homes into an area.
func (b *builder) homes(place, area *unit, n int) ([]household.ID, error) {
	id, err := household.AddEntrance(b.Context(), b.tx, place.ID, household.Building{}, fmt.Sprintf("%d号", area.ID))
	if err != nil {
		return nil, err
	}
	var premises []household.Premises
	for i := range n {
		premises = append(premises, household.Premises{EntranceID: id, Door: fmt.Sprintf("%d0%d", i+1, area.ID%10), Kind: household.Home})
	}
	if err := household.AddPremises(b.Context(), b.tx, premises); err != nil {
		return nil, err
	}
	if err := household.DealNew(b.Context(), b.tx, since, []household.Deal{{Area: area.ID, Entrance: id}}); err != nil {
		return nil, err
	}
	found, err := household.DoorsOfArea(b.Context(), b.tx, area.ID, since)
	var ids []household.ID
	for _, h := range found {
		ids = append(ids, h.ID)
	}
	return ids, err
}

// unit is the first unit of a kind whose name begins so.
func (w *world) unit(kind org.UnitKind, name string) *unit {
	w.Helper()
	i := slices.IndexFunc(w.units, func(u *unit) bool { return u.Kind == kind && strings.HasPrefix(u.Name, name) })
	if i < 0 {
		w.Fatalf("no %s called %s…", kind, name)
	}
	return w.units[i]
}

// An actor is a person of the fixture in one role.
type actor struct {
	w          *world
	person     org.PersonID
	role       org.Role
	duty       org.Post
	home       *unit // where the role stands; nil: a resident
	assignment org.AssignmentID
	handle     string
	name       string
	phone      string
	enrolled   bool // has a password and a second factor

	token   string
	session auth.SessionID
	until   time.Time
}

func (a *actor) String() string {
	if a.home == nil {
		return string(a.role)
	}
	return fmt.Sprintf("%s of %s", a.role, a.home.Name)
}

// sees is the oracle of scope: u is where a's role stands, or lies below it, or below what is linked to it.
func (a *actor) sees(u *unit) bool {
	return a.home != nil && u != nil && a.home.in(u.Tree) != nil && u.below(a.home.in(u.Tree))
}

// as is whoever has a role in a unit: made when first asked for, and the same one ever after.
func (w *world) as(role org.Role, home *unit) *actor {
	w.Helper()
	key := string(role)
	if home != nil {
		key = fmt.Sprintf("%s@%d", role, home.ID)
	}
	if w.actors[key] == nil {
		w.actors[key] = w.person(role, home)
	}
	return w.actors[key]
}

// posts are what officers of the fixture look after.
var posts = map[org.Role]org.Post{org.RoleBranchOfficer: org.PostOrganisation}

// Who does not answer for anything in public is called 隐 and something: a name that no answer may hold. The others are
// called 演 and something.
var (
	names    = []rune("甲乙丙丁戊己庚辛壬癸")
	discreet = []org.Role{
		org.RoleResident, org.RoleMember, org.RoleCounterClerk, org.RoleCorrespondent, org.RoleEditor, org.RoleSystemAdmin,
		org.RoleSecurityAdmin, org.RoleAuditAdmin,
	}
)

// name is a name for somebody in a role; it is nobody's.
func (w *world) name(r org.Role) string {
	n, family := w.next(), "演"
	if oneOf(r, discreet...) {
		family = "隐"
	}
	return family + string(names[n%10]) + string(names[n/10%10])
}

// person makes a new person with one role (none: a resident), who can sign in.
func (w *world) person(role org.Role, home *unit) *actor {
	w.Helper()
	a := &actor{
		w: w, role: role, duty: posts[role], home: home, handle: fmt.Sprintf("p%d", w.next()), phone: w.phone(), name: w.name(role),
	}
	w.in("make a person", func(tx *db.Tx) (err error) {
		if a.person, err = member.Add(w.Context(), tx, w.app.Stores.Keys, member.New{Name: a.name, Phone: a.phone}); err != nil {
			return err
		}
		if home != nil {
			a.assignment, err = org.Assign(w.Context(), tx, org.NewAssignment{
				Person: a.person, Role: role, Post: a.duty, Unit: home.Unit, Primary: true, Span: org.Span{From: inOffice},
			})
			if err != nil {
				return fmt.Errorf("%s of %s: %w", role, home.Name, err)
			}
		}
		return w.app.Auth.AddHandle(w.Context(), tx, a.handle, a.person)
	})
	return a
}

// lead is whoever leads a unit.
func (w *world) lead(u *unit) *actor {
	w.Helper()
	if u.Tree == org.GridTree && u.Kind != org.Section {
		u = u.answers
	}
	role := org.LeadRole(u.Unit)
	if role == "" {
		w.Fatalf("nobody leads %s", u.Name)
	}
	return w.as(role, u)
}

// bearer is a token of a that is good for a minute at least.
func (a *actor) bearer() string {
	a.w.Helper()
	if a.token == "" || a.w.now().Add(time.Minute).After(a.until) {
		a.signIn()
	}
	return a.token
}

// signIn begins a session of a.
func (a *actor) signIn() auth.SignedIn {
	a.w.Helper()
	in, err := a.w.app.Auth.SignInDemo(a.w.Context(), a.handle, auth.Mini, uuid.NewString())
	if err != nil {
		a.w.Fatalf("%v signs in: %v", a, err)
	}
	a.token, a.session, a.until = in.Access, in.Session.ID, a.w.now().Add(10*time.Minute)
	return in
}
