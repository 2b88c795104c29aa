package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"wanjia/configs"
	"wanjia/internal/household"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/say"
	"wanjia/internal/request"
)

// How lists are asked for.
const (
	growPage   = 15  // rows of a page: every page is full, at each size
	doorsPage  = 100 // doors of an area: they are put in order before they are cut into pages
	growAskers = 40  // who ask for each list
	growRounds = 8   // how often each of them does, after a first time that fills the server's memory
)

// A list is one that people look at every day.
type list struct {
	name   string
	sorts  int // rows at most
	askers []org.Actor
	ask    func(ctx context.Context, by org.Actor, cursor string) (rows int, next string, err error)
}

// lists are measured through the services that serve them, so that what is sent is the product's own.
func (g *growth) lists(ctx context.Context) ([]list, error) {
	cal, err := calendar.Parse(configs.Holidays)
	if err != nil {
		return nil, err
	}
	pages := page.NewKeys(make([]byte, 32)) // nobody else sees these cursors
	needs := request.NewService(g.db, g.keys, pages, cal, nil)
	g.needs = needs
	homes := household.NewService(g.db, g.keys, pages, needs, nil)
	of := func(f request.Filter) func(context.Context, org.Actor, string) (int, string, error) {
		return func(ctx context.Context, by org.Actor, cursor string) (int, string, error) {
			rows, next, err := needs.List(ctx, by, f, cursor, growPage)
			return len(rows), next, err
		}
	}
	who, err := g.askers(ctx)
	if err != nil {
		return nil, err
	}
	residents, err := g.askingMost(ctx)
	if err != nil {
		return nil, err
	}
	return []list{
		{"open needs of an area", growPage + 1, who[org.RoleAreaHolder], of(request.Filter{})},
		{"needs held by an area", growPage + 1, who[org.RoleAreaHolder], of(request.Filter{Held: true})},
		{"open needs of a block", growPage + 1, who[org.RoleGroupLeader], of(request.Filter{})},
		{"open needs of a grid", growPage + 1, who[org.RoleGridSecretary], of(request.Filter{})},
		{"open needs of a community", growPage + 1, who[org.RoleGeneralSecretary], of(request.Filter{})},
		{"open needs of a village", growPage + 1, who[org.RoleBranchSecretary], of(request.Filter{})},
		{"closed needs of an area", growPage + 1, who[org.RoleAreaHolder], of(request.Filter{Closed: true})},
		{"closed needs of a community", growPage + 1, who[org.RoleGeneralSecretary], of(request.Filter{Closed: true})},
		{"closed needs held by an area", growPage + 1, who[org.RoleAreaHolder], of(request.Filter{Held: true, Closed: true})},
		{"visit list of an area", doorsPage, who[org.RoleAreaHolder], func(ctx context.Context, by org.Actor, cursor string) (int, string, error) {
			rows, next, err := homes.Due(ctx, by, cursor, growPage)
			return len(rows), next, err
		}},
		{"visits of an area", growPage + 1, who[org.RoleAreaHolder], func(ctx context.Context, by org.Actor, cursor string) (int, string, error) {
			rows, next, err := homes.Visits(ctx, by, cursor, growPage)
			return len(rows), next, err
		}},
		{"stale needs of a group", growPage + 1, who[org.RoleGroupLeader], of(request.Filter{Stale: true})},
		{"my requests", growPage + 1, residents, func(ctx context.Context, by org.Actor, cursor string) (int, string, error) {
			rows, next, err := needs.Mine(ctx, by, say.Chinese, cursor, growPage)
			return len(rows), next, err
		}},
	}, nil
}

// askingMost are some residents who have asked for much.
func (g *growth) askingMost(ctx context.Context) (some []org.Actor, err error) {
	var ids []org.PersonID
	err = g.db.Batch().Select(ctx, &ids, `
		SELECT person_id
		FROM request_asker
		WHERE person_id IS NOT NULL
		GROUP BY person_id
		HAVING COUNT(*) > ?
		ORDER BY person_id
		LIMIT 1000`, growPage)
	if err == nil && len(ids) == 0 {
		err = errors.New("nobody has asked for enough to fill a page")
	}
	for i := range min(growAskers, len(ids)) {
		some = append(some, org.Actor{PersonID: ids[i*len(ids)/min(growAskers, len(ids))]})
	}
	return some, db.Wrap(err, nil, "find who has asked for most")
}

// askers are some in each role that looks at lists, spread over all subdistricts.
func (g *growth) askers(ctx context.Context) (map[org.Role][]org.Actor, error) {
	all := map[org.Role][]org.Actor{}
	for role, kind := range map[org.Role]org.UnitKind{
		org.RoleAreaHolder: org.Area, org.RoleGroupLeader: org.Block, org.RoleGridSecretary: org.Grid,
		org.RoleGeneralSecretary: org.Community, org.RoleBranchSecretary: org.Village,
	} {
		var found []struct {
			Person     org.PersonID     `db:"person_id"`
			Assignment org.AssignmentID `db:"id"`
		}
		err := g.db.Select(ctx, &found, `
			SELECT r.person_id, r.id
			FROM unit u
			JOIN unit_link l ON l.grid_id = u.id
			JOIN role_assignment r ON r.unit_id = l.party_id AND r.role = ? AND r.valid_to IS NULL
			WHERE u.kind = ?
			ORDER BY u.id`, role, kind)
		if err != nil {
			return nil, db.Wrap(err, nil, "find who is %s", role)
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("nobody is %s", role)
		}
		for i := range min(growAskers, len(found)) {
			f := found[i*len(found)/min(growAskers, len(found))]
			by, err := org.ActorOf(ctx, g.db, f.Person, f.Assignment, g.db.Now())
			if err != nil {
				return nil, err
			}
			all[role] = append(all[role], by)
		}
	}
	return all, nil
}

// measure asks for every list, and returns a figure for each.
func (g *growth) measure(ctx context.Context, n int) (figures []Figure, err error) {
	lists, err := g.lists(ctx)
	if err != nil {
		return nil, err
	}
	if err := g.bulk.Settle(ctx); err != nil {
		return nil, err
	}
	for _, l := range lists {
		if !strings.Contains(l.name, g.Only) {
			continue
		}
		begun := time.Now()
		first, err := l.round(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.name, err)
		}
		var all []time.Duration
		for range growRounds {
			took, err := l.round(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", l.name, err)
			}
			all = append(all, took...)
		}
		most, err := g.cost(ctx, l)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.name, err)
		}
		slices.Sort(all)
		slices.Sort(first)
		m, s, cold := g.about, slice{took: all}, slice{took: first}
		f := Figure{
			Name: "grow", Case: l.name + "/" + strconv.Itoa(n), Tier: m.tier, Engine: m.engine, Commit: m.commit, Noisy: m.noisy,
			At: time.Now().UTC().Truncate(time.Second), Seconds: round(time.Since(begun).Seconds()), Load: loadavg(),
			Bar: map[string]float64{"fullScans": 0, "rowsSorted": float64(l.sorts)},
			Got: map[string]float64{
				"p50Ms": s.percentile(.5), "p95Ms": s.percentile(.95), "p99Ms": s.percentile(.99), "firstP95Ms": cold.percentile(.95),
				"rowsRead": float64(most.read), "rowsSorted": float64(most.sorted),
				"pages": float64(most.pages), "fullScans": float64(most.scans),
			},
		}
		f.OK = most.scans == 0 && most.sorted <= l.sorts
		figures = append(figures, f)
	}
	if len(figures) == 0 {
		return nil, fmt.Errorf("no list has %q in its name", g.Only)
	}
	return figures, nil
}

// errShort says that a page was not full, so that its time would say nothing.
var errShort = errors.New("a page is not full")

// round lets everybody ask once, for the first page, and every other one for the second. Only full pages count: there is
// more on the second where there is more history.
func (l list) round(ctx context.Context) (took []time.Duration, err error) {
	for i, by := range l.askers {
		rows, next, err := l.timed(ctx, by, "", &took)
		if err != nil {
			return nil, err
		}
		if rows == 0 || l.sorts <= growPage+1 && rows < growPage { // of doors there are as many as there are
			return nil, fmt.Errorf("%w: %d rows for %s of %s", errShort, rows, by.Role, by.Unit.Name)
		}
		if i%2 == 0 || next == "" {
			continue
		}
		if _, _, err := l.timed(ctx, by, next, &took); err != nil {
			return nil, err
		}
	}
	if len(took) < len(l.askers)/2 {
		return nil, fmt.Errorf("%w: %d of those of %d who ask are", errShort, len(took), len(l.askers))
	}
	return took, nil
}

// timed asks for a page, and adds how long it took if the page is full.
func (l list) timed(ctx context.Context, by org.Actor, cursor string, took *[]time.Duration) (rows int, next string, err error) {
	begun := time.Now()
	rows, next, err = l.ask(ctx, by, cursor)
	if rows == growPage {
		*took = append(*took, time.Since(begun))
	}
	return rows, next, err
}

// sends are the queries that are sent for a list.
func (g *growth) sends(ctx context.Context, l list, by org.Actor) (queries []db.Sent, err error) {
	g.db.Watch(func(_ context.Context, s db.Sent) {
		if s.Verb == db.Get || s.Verb == db.Select {
			queries = append(queries, s)
		}
	})
	defer g.db.Watch(nil)
	_, _, err = l.ask(ctx, by, "")
	return queries, err
}

// A cost is the most that any of those who ask for a list makes the server do.
type cost struct{ read, sorted, pages, scans int }

func (g *growth) cost(ctx context.Context, l list) (most cost, err error) {
	for _, by := range l.askers {
		queries, err := g.sends(ctx, l, by)
		if err != nil {
			return most, err
		}
		var all cost
		for _, q := range queries {
			c, err := g.bulk.Count(ctx, q)
			if err != nil {
				return most, err
			}
			plan, err := g.bulk.Explain(ctx, q)
			if err != nil {
				return most, err
			}
			for _, p := range plan {
				if p.FromEndToEnd() {
					all.scans++
				}
			}
			all.read += c.Read
			all.pages += c.Pages
			all.sorted = max(all.sorted, c.Sorted)
		}
		most = cost{
			read: max(most.read, all.read), sorted: max(most.sorted, all.sorted), pages: max(most.pages, all.pages), scans: max(most.scans, all.scans),
		}
	}
	return most, nil
}
