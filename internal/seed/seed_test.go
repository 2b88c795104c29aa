package seed

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wanjia/internal/audit"
	"wanjia/internal/auth"
	"wanjia/internal/household"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/kv/kvtest"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/request"
)

// asOf is the day of the scenarios (domain.md §11).
const asOf calendar.Day = "2026-03-01"

// made fills d, whose clock stands at noon of asOf, and returns its keys.
func made(t *testing.T, d *db.DB, o Options) *sealed.Keys {
	t.Helper()
	dbtest.WithClock(t, d, func() time.Time { return asOf.Time().Add(12 * time.Hour) })
	keys, err := sealed.Open(t.Context(), d, bytes.Repeat([]byte{3}, sealed.MasterSize))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := audit.Open(t.Context(), d, keys.Derive(sealed.Audit, []byte("chain"))); err != nil {
		t.Fatal(err)
	}
	o.Handles = true
	accounts := auth.NewService(auth.Options{DB: d, KV: kvtest.New(t), Keys: keys, Issuer: "wanjia.test", Era: 1, Demo: true})
	if err := Make(t.Context(), d, keys, accounts, o); err != nil {
		t.Fatal(err)
	}
	return keys
}

// A count is a figure of domain.md §12 and the question that gives it.
type count struct {
	what  string
	want  int
	query string
	args  []any
}

// check holds the counts of so many subdistricts.
func check(t *testing.T, d *db.DB, counts []count, times int) {
	t.Helper()
	for _, c := range counts {
		var got int
		if err := d.Get(t.Context(), &got, c.query, c.args...); err != nil {
			t.Errorf("%s: %v", c.what, err)
		} else if got != c.want*times {
			t.Errorf("%s: got %d, want %d", c.what, got, c.want*times)
		}
	}
}

const (
	ofKind = `SELECT COUNT(*) FROM unit WHERE kind = ?`
	inRole = `SELECT COUNT(*) FROM role_assignment WHERE role = ?`

	// Units of a kind below one of that name, members in the rosters of one, homes in the areas of a place.
	below = `
		SELECT COUNT(*)
		FROM unit p
		JOIN unit u ON u.path LIKE CONCAT(p.path, '%')
		WHERE u.kind = ? AND p.name = ?`
	members = `
		SELECT COUNT(*)
		FROM member m
		WHERE m.unit_id IN (SELECT u.id FROM unit p JOIN unit u ON u.path LIKE CONCAT(p.path, '%') WHERE p.name LIKE ?)`
	homesOf = `
		SELECT COUNT(*)
		FROM unit v
		JOIN entrance e ON e.place_id = v.id
		JOIN premises p ON p.entrance_id = e.id
		JOIN area_entrance x ON x.entrance_id = e.id
		JOIN unit a ON a.id = x.area_id
		WHERE p.kind = 'home' AND v.name = ?`
	placesOf = `SELECT COUNT(*) FROM place WHERE kind = ?`
	visited  = `SELECT COUNT(*) FROM visit WHERE result = ?`
	agreedAt = `
		SELECT COUNT(*)
		FROM household_consent c
		JOIN premises p ON p.id = c.premises_id
		JOIN entrance e ON e.id = p.entrance_id
		JOIN unit u ON u.id = e.place_id
		JOIN area_entrance x ON x.entrance_id = e.id
		JOIN unit a ON a.id = x.area_id
		WHERE c.purpose = 'risk_visit' AND u.name = '杏坞村' AND a.name = ?`
	overIn = `SELECT COUNT(*) FROM request WHERE state = ? AND recorded_at >= ?`
)

// structure holds in every profile.
var structure = []count{
	{"districts", 1, ofKind, []any{org.District}},
	{"subdistricts", 1, ofKind, []any{org.Subdistrict}},
	{"villages", 32, ofKind, []any{org.Village}},
	{"enterprises", 26, ofKind, []any{org.Enterprise}},
	{"enterprises that are non-public", 18, `SELECT COUNT(*) FROM unit WHERE ownership = 'non_public'`, nil},
	{"enterprises in the park", 14, `SELECT COUNT(*) FROM unit e JOIN unit p ON p.id = e.park_id WHERE p.name = '北岸产业园'`, nil},
	{"communities", 4, ofKind, []any{org.Community}},
	{"parks", 1, ofKind, []any{org.IndustrialPark}},
	{"business districts", 1, ofKind, []any{org.BusinessDistrict}},
	{"offices", 2, ofKind, []any{org.Office}},
	{"level-4 places", 66, `SELECT COUNT(*) FROM unit WHERE tree = 'grid' AND level = 4`, nil},
	{"sectors", 5, `SELECT COUNT(DISTINCT sector) FROM unit WHERE sector <> ''`, nil},
	{"places without a sector", 0, `SELECT COUNT(*) FROM unit WHERE tree = 'grid' AND level = 4 AND sector = ''`, nil},
	{"primary organisations", 66, `SELECT COUNT(*) FROM unit u JOIN unit p ON p.id = u.parent_id WHERE p.kind = 'subdistrict_committee'`, nil},
	{"of them general branches", 5, ofKind, []any{org.GeneralBranch}},
	{"sections", 12, ofKind, []any{org.Section}},
	{"branches of the office", 3, `SELECT COUNT(*) FROM unit WHERE kind = 'branch' AND name LIKE '街道机关第%'`, nil},
	{"grid units without an organisation", 0, `
		SELECT COUNT(*) FROM unit u
		WHERE u.tree = 'grid' AND u.level > 0 AND NOT EXISTS (SELECT 1 FROM unit_link l WHERE l.grid_id = u.id)`, nil},
	{"labels of 瑞和社区", 2, `SELECT COUNT(*) FROM unit_label l JOIN unit u ON u.id = l.unit_id WHERE u.name = '瑞和社区'`, nil},
	{"general secretaries", 4, inRole, []any{org.RoleGeneralSecretary}},
	{"branch secretaries", 62, inRole, []any{org.RoleBranchSecretary}},
	{"section heads", 12, inRole, []any{org.RoleSectionHead}},
	{"persons of the party-building offices", 3, inRole, []any{org.RolePartyOffice}},
	{"committee secretaries", 1, inRole, []any{org.RoleCommitteeSecretary}},
	{"system administrators", 1, inRole, []any{org.RoleSystemAdmin}},
	{"security administrators", 2, inRole, []any{org.RoleSecurityAdmin}},
	{"audit administrators", 1, inRole, []any{org.RoleAuditAdmin}},
	{"persons with two primary roles", 0, `
		SELECT COUNT(*) FROM (SELECT person_id FROM role_assignment WHERE is_primary = ? GROUP BY person_id HAVING COUNT(*) > 1) t`, []any{true}},
}

// demo holds in the demo (domain.md §12).
var demo = []count{
	{"branches of 瑞和社区", 4, below, []any{org.Branch, "中共瑞和社区总支"}},
	{"groups of 瑞和社区", 12, below, []any{org.PartyGroup, "中共瑞和社区总支"}},
	{"centre households of 瑞和社区", 51, below, []any{org.CenterHousehold, "中共瑞和社区总支"}},
	{"areas of 瑞和社区", 51, below, []any{org.Area, "瑞和社区"}},
	{"branches of 枕溪社区", 3, below, []any{org.Branch, "中共枕溪社区总支"}},
	{"groups of 枕溪社区", 9, below, []any{org.PartyGroup, "中共枕溪社区总支"}},
	{"areas of 枕溪社区", 36, below, []any{org.Area, "枕溪社区"}},
	{"groups of 松月社区", 8, below, []any{org.PartyGroup, "中共松月社区总支"}},
	{"areas of 松月社区", 32, below, []any{org.Area, "松月社区"}},
	{"groups of 听澜社区", 6, below, []any{org.PartyGroup, "中共听澜社区总支"}},
	{"areas of 听澜社区", 24, below, []any{org.Area, "听澜社区"}},
	{"areas", 51 + 36 + 32 + 24 + 32*3 + 2, ofKind, []any{org.Area}},

	{"members", 3000, `SELECT COUNT(*) FROM member`, nil},
	{"of them probationary", 64, `SELECT COUNT(*) FROM member WHERE status = 'probationary_member'`, nil},
	{"full members without their day", 0, `SELECT COUNT(*) FROM member WHERE status = 'full_member' AND since_sealed IS NULL`, nil},
	{"members of 瑞和社区", 192, members, []any{"中共瑞和社区总支"}},
	{"members of 枕溪社区", 135, members, []any{"中共枕溪社区总支"}},
	{"members of 松月社区", 120, members, []any{"中共松月社区总支"}},
	{"members of 听澜社区", 90, members, []any{"中共听澜社区总支"}},
	{"members of 杏坞村", 48, members, []any{"中共杏坞村支部"}},
	{"of them probationary", 2, members + ` AND m.status = 'probationary_member'`, []any{"中共杏坞村支部"}},
	{"members of a group of 张家屯", 16, members, []any{"张家屯第3党小组"}},
	{"members of the office", 109, members, []any{"中共%街道机关总支"}},
	{"members of the health centre", 24, members, []any{"中共%街道卫生院支部"}},
	{"members of the park", 20, members, []any{"中共北岸产业园联合支部"}},
	{"members of the business district", 16, members, []any{"中共海棠里联合支部"}},
	{"members of E24", 31, members, []any{"中共海棠环保二公司支部"}},
	{"members of E25", 9, members, []any{"中共海棠印务二公司支部"}},
	{"members of E26", 5, members, []any{"中共海棠家具二公司支部"}},
	{"villages whose roster is 46 and 2", 32, `
		SELECT COUNT(*) FROM (
			SELECT b.id
			FROM member m
			JOIN unit g ON g.id = m.unit_id
			JOIN unit b ON b.id = g.parent_id
			JOIN unit_link l ON l.party_id = b.id
			JOIN unit v ON v.id = l.grid_id
			WHERE v.kind = 'village'
			GROUP BY b.id
			HAVING SUM(CASE m.status WHEN 'full_member' THEN 1 ELSE 0 END) = 46
			   AND SUM(CASE m.status WHEN 'probationary_member' THEN 1 ELSE 0 END) = 2) t`, nil},
	{"member roles", 3000, inRole, []any{org.RoleMember}},

	{"cadres in sections", 109, `SELECT COUNT(*) FROM office_post WHERE valid_to IS NULL`, nil},
	{"sections with cadres", 12, `SELECT COUNT(DISTINCT section_id) FROM office_post`, nil},
	{"instructors who are no cadres", 0, `
		SELECT COUNT(*) FROM role_assignment a
		WHERE a.role = ? AND NOT EXISTS (SELECT 1 FROM office_post o WHERE o.person_id = a.person_id)`, []any{org.RoleInstructor}},
	{"instructors", 32, `SELECT COUNT(DISTINCT person_id) FROM role_assignment WHERE role = ?`, []any{org.RoleInstructor}},
	{"their targets", 58, inRole, []any{org.RoleInstructor}},
	{"of them since the programme began", 58, inRole + ` AND valid_from = '2025-04-01'`, []any{org.RoleInstructor}},
	{"area cadres", 8, `SELECT COUNT(DISTINCT person_id) FROM role_assignment WHERE role = ?`, []any{org.RoleAreaCadre}},
	{"villages they follow", 32, inRole, []any{org.RoleAreaCadre}},
	{"area holders", 51 + 36 + 32 + 24 + 32*3 + 2, inRole, []any{org.RoleAreaHolder}},
	{"organisation officers of villages", 32, inRole, []any{org.RoleBranchOfficer}},

	{"buildings of 瑞和社区", 38, `SELECT COUNT(*) FROM building b JOIN unit u ON u.id = b.place_id WHERE u.name = '瑞和社区'`, nil},
	{"entrances of 瑞和社区", 102, `SELECT COUNT(*) FROM entrance e JOIN unit u ON u.id = e.place_id WHERE u.name = '瑞和社区'`, nil},
	{"households", 8000, `SELECT COUNT(*) FROM premises WHERE kind = 'home'`, nil},
	{"shops", 60, `SELECT COUNT(*) FROM premises WHERE kind = 'shop'`, nil},
	{"households of 瑞和社区", 1224, homesOf, []any{"瑞和社区"}},
	{"households of 枕溪社区", 864, homesOf, []any{"枕溪社区"}},
	{"households of 松月社区", 768, homesOf, []any{"松月社区"}},
	{"households of 听澜社区", 576, homesOf, []any{"听澜社区"}},
	{"households of 杏坞村", 204, homesOf, []any{"杏坞村"}},
	{"households of 张家屯", 164, homesOf, []any{"张家屯"}},
	{"households of 望山村", 140, homesOf, []any{"望山村"}},
	{"households of 二片区 of 杏坞村", 72, homesOf + ` AND a.name = '二片区'`, []any{"杏坞村"}},
	{"contacts of households", 51*4 + 6*12, `SELECT COUNT(*) FROM household_contact`, nil},
	{"rooms to meet in", 66, placesOf, []any{"meeting_room"}},
	{"boards", 31 + 3 + 4, placesOf, []any{"board_site"}},
	{"boards of 杏坞村", 3, placesOf + ` AND unit_id IN (SELECT id FROM unit WHERE name = '杏坞村')`, []any{"board_site"}},
	{"counters", 4 * 2, placesOf, []any{"counter"}},

	{"visits", 2400, `SELECT COUNT(*) FROM visit`, nil},
	{"of them within the year before", 2400, `SELECT COUNT(*) FROM visit WHERE happened_at >= ? AND happened_at < ?`, []any{asOf.Add(-365).Time(), asOf.Time()}},
	{"of them told on another day than made", 0, `SELECT COUNT(*) FROM visit WHERE happened_at <> recorded_at`, nil},
	{"visits: all well", 1600, visited, []any{household.AllWell}},
	{"visits: not home", 400, visited, []any{household.NotHome}},
	{"visits: declined", 200, visited, []any{household.Declined}},
	{"visits: unable", 188, visited, []any{household.Unable}},
	{"visits: needs", 12, visited, []any{household.Needs}},
	{"homes that wanted to be left alone", 200, `SELECT COUNT(*) FROM household_mute`, nil},
	{"visits of the last month where scenarios act", 0, `
		SELECT COUNT(*)
		FROM visit v
		JOIN unit u ON u.id = v.unit_id
		JOIN unit p ON p.id = u.parent_id
		WHERE v.happened_at >= ? AND p.name IN ('杏坞村', '张家屯')`, []any{asOf.Add(-31).Time()}},
	{"presence days", 320, `SELECT COUNT(*) FROM presence`, nil},
	{"of them confirmed", 320, `SELECT COUNT(*) FROM presence WHERE state = 'confirmed'`, nil},
	{"proofs by a place's code", 32*3 + 8*3, `SELECT COUNT(*) FROM presence_evidence WHERE kind = 'place_code'`, nil},
	{"proofs by a visit", 2400 - 188, `SELECT COUNT(*) FROM presence_evidence WHERE kind = 'act'`, nil},
	{"open requests", 60, `SELECT COUNT(*) FROM request WHERE is_open = ?`, []any{true}},
	{"of them at level 1", 60, `SELECT COUNT(*) FROM request WHERE is_open = ? AND level = 1`, []any{true}},
	{"of them out of a visit", 12, `SELECT COUNT(*) FROM request WHERE source_visit_id IS NOT NULL`, nil},
	{"of them for a travel certificate", 2, `SELECT COUNT(*) FROM request WHERE is_open = ? AND category = 'cert_travel'`, []any{true}},
	{"requests of the year before", 600, `SELECT COUNT(*) FROM request WHERE recorded_at >= ?`, []any{asOf.Add(-365).Time()}},
	{"resolved ones of the year before", 500, overIn, []any{request.Resolved, asOf.Add(-365).Time()}},
	{"of them where they were told", 350, overIn + ` AND resolved_level = 'center_household'`, []any{request.Resolved, asOf.Add(-365).Time()}},
	{"explained ones", 25, overIn, []any{request.Explained, asOf.Add(-365).Time()}},
	{"handed over ones", 10, overIn, []any{request.HandedOver, asOf.Add(-365).Time()}},
	{"withdrawn ones", 5, overIn, []any{request.Withdrawn, asOf.Add(-365).Time()}},
	{"older ones", 25, `SELECT COUNT(*) FROM request WHERE recorded_at < ?`, []any{asOf.Add(-365).Time()}},
	{"askers whose contact is due for erasure", 25, `
		SELECT COUNT(*) FROM request r JOIN request_asker a ON a.request_id = r.id WHERE r.closed_at < ? AND a.phone_sealed IS NOT NULL`, []any{asOf.Add(-366).Time()}},
	{"ends in the future", 0, `SELECT COUNT(*) FROM request WHERE closed_at >= ?`, []any{asOf.Time()}},
	{"open promises in area 10 of 瑞和社区", 2, `
		SELECT COUNT(*)
		FROM promise m
		JOIN request r ON r.id = m.request_id
		JOIN unit a ON a.id = m.unit_id
		JOIN unit p ON p.id = r.place_id
		WHERE m.state = 'open' AND a.name = '10责任区' AND p.name = '瑞和社区'`, nil},
	{"open ones in area 10 of 瑞和社区", 3, `
		SELECT COUNT(*)
		FROM request r
		JOIN unit a ON a.id = r.unit_id
		JOIN unit p ON p.id = r.place_id
		WHERE a.name = '10责任区' AND p.name = '瑞和社区'`, nil},
	{"of them in area 03, where scenarios ask", 0, `
		SELECT COUNT(*) FROM request r JOIN unit a ON a.id = r.unit_id WHERE a.name IN ('03责任区', '12责任区') AND r.place_id IN (SELECT id FROM unit WHERE name = '瑞和社区')`, nil},
	{"items that somebody is told of what they know", 0, `SELECT COUNT(*) FROM inbox`, nil},
	{"homes that agreed to be called at in dangerous weather", 400, `SELECT COUNT(*) FROM household_consent WHERE purpose = 'risk_visit'`, nil},
	{"of them in the first area of 杏坞村", 6, agreedAt, []any{"一片区"}},
	{"in the second", 9, agreedAt, []any{"二片区"}},
	{"in the third", 8, agreedAt, []any{"三片区"}},
	{"care flags", 180, `SELECT COUNT(*) FROM care_flag WHERE expires_on >= ?`, []any{asOf}},
	{"of them ending within 14 days", 6, `SELECT COUNT(*) FROM care_flag WHERE expires_on >= ? AND expires_on <= ?`, []any{asOf, asOf.Add(14)}},
	{"flags of 2-31 in 杏坞村, which agreed to be called at", 1, `
		SELECT COUNT(*)
		FROM care_flag f
		JOIN premises p ON p.id = f.premises_id
		JOIN entrance e ON e.id = p.entrance_id
		JOIN unit u ON u.id = e.place_id
		JOIN household_consent c ON c.premises_id = p.id AND c.purpose = 'risk_visit'
		WHERE u.name = '杏坞村' AND p.door = '2-31'`, nil},
	{"flags in area 10 of 瑞和社区", 4, `
		SELECT COUNT(*)
		FROM care_flag f
		JOIN premises p ON p.id = f.premises_id
		JOIN entrance e ON e.id = p.entrance_id
		JOIN unit u ON u.id = e.place_id
		JOIN area_entrance x ON x.entrance_id = e.id
		JOIN unit a ON a.id = x.area_id
		WHERE u.name = '瑞和社区' AND a.name = '10责任区'`, nil},
	{"policy cards that are offered", 10, `SELECT COUNT(*) FROM card WHERE kind = 'policy' AND state = 'active' AND valid_to > ?`, []any{asOf}},
	{"campaigns that are over", 2, `SELECT COUNT(*) FROM campaign WHERE state = 'closed'`, nil},
	{"copies of their tasks", 2 * 66, `SELECT COUNT(*) FROM task_copy`, nil},
	{"of them done", 2 * 66, `SELECT COUNT(*) FROM task_copy WHERE state = 'done'`, nil},
	{"doors in no area, or in two", 0, `
		SELECT COUNT(*) FROM premises p WHERE (SELECT COUNT(*) FROM area_entrance a WHERE a.entrance_id = p.entrance_id) <> 1`, nil},
}

func TestTheDemoHasTheCountsOfTheSpecificationAndIsTheSameEachTime(t *testing.T) { // C4
	t.Parallel()
	engines(t, func(t *testing.T, blank func() *db.DB) {
		d := blank()
		keys := made(t, d, Options{Profile: Demo, Seed: 1, AsOf: asOf})
		check(t, d, structure, 1)
		check(t, d, demo, 1)
		accountsAreShown(t, d, keys)
		if d.Embedded() && os.Getenv(dbtest.Server) != "" {
			return // once more on the server alone: with -race SQLite takes a minute
		}
		again := blank()
		first, second := digest(t, d, keys), digest(t, again, made(t, again, Options{Profile: Demo, Seed: 1, AsOf: asOf}))
		if first.sum != second.sum {
			t.Errorf("a second run differs:\n%s", cmp.Diff(first.tables, second.tables))
		}
	})
}

// engines runs f on every engine, with a source of databases in which nobody has ever been: their ids begin anew.
func engines(t *testing.T, f func(t *testing.T, blank func() *db.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		f(t, func() *db.DB { return dbtest.SQLite(t) })
	})
	t.Run("mysql", func(t *testing.T) {
		t.Parallel()
		f(t, func() *db.DB {
			d, err := db.Open(t.Context(), dbtest.BlankMySQL(t))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := d.Close(); err != nil {
					t.Error(err)
				}
			})
			if _, err := d.Migrate(t.Context(), slog.New(slog.DiscardHandler)); err != nil {
				t.Fatal(err)
			}
			return d
		})
	})
}

func accountsAreShown(t *testing.T, d *db.DB, keys *sealed.Keys) {
	t.Helper()
	accounts, err := Accounts(t.Context(), d, keys)
	if err != nil {
		t.Fatal(err)
	}
	var shown []org.Role
	for _, a := range accounts {
		shown = append(shown, a.Role)
		if name := cast[a.Handle]; a.Name == "" || name != "" && name != a.Name {
			t.Errorf("%s is called %q, want %q", a.Handle, a.Name, name)
		}
		if a.Unit == "" && a.Role != org.RoleResident {
			t.Errorf("%s is %s of no unit", a.Handle, a.Role)
		}
	}
	if !slices.Equal(shown, roles) {
		t.Errorf("accounts for %v, want one for each of %v", shown, roles)
	}
	for _, h := range actors {
		var n int
		if err := d.Get(t.Context(), &n, `SELECT COUNT(*) FROM demo_handle WHERE handle = ?`, h); err != nil || n != 1 {
			t.Errorf("%s is there %d times, %v, want once", h, n, err)
		}
	}
}

// actors are the handles of domain.md §11.
var actors = []string{
	"r.lin", "m.001", "rh.m03", "rh.m10", "rh.bg01", "rh.bg03", "rh.gb1", "rh.cg", "rh.ga", "rh.cc", "xl.s", "zj.s", "xl.m2", "in.01", "in.32",
	"ac.1", "po.1", "po.2", "po.d", "cs", "sec.05", "cor", "ed", "sa", "se.1", "se.2", "au",
}

func TestTheBareProfileIsWhatAnImportFills(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		made(t, d, Options{Profile: Bare, Seed: 1, AsOf: asOf})
		check(t, d, structure, 1)
		check(t, d, []count{
			{"members", 0, `SELECT COUNT(*) FROM member`, nil},
			{"member roles", 0, inRole, []any{org.RoleMember}},
			{"grids, blocks and areas", 0, `SELECT COUNT(*) FROM unit WHERE kind IN ('grid', 'block', 'area')`, nil},
			{"groups and centre households", 0, `SELECT COUNT(*) FROM unit WHERE kind IN ('party_group', 'center_household')`, nil},
			{"entrances", 0, `SELECT COUNT(*) FROM entrance`, nil},
			{"persons", 3 + 7 + 12 + 66, `SELECT COUNT(*) FROM person`, nil},
		}, 1)
	})
}

func TestTheBenchIsTheDemoSeveralTimesOverAndAnotherSeedChangesNoCount(t *testing.T) {
	t.Parallel()
	d := dbtest.MySQL(t) // where the bench is for; with -race SQLite takes a minute
	keys := made(t, d, Options{Profile: Bench, Seed: 2, AsOf: asOf, Scale: 2})
	check(t, d, demo, 2)
	check(t, d, []count{
		{"districts", 1, ofKind, []any{org.District}},
		{"subdistricts", 2, ofKind, []any{org.Subdistrict}},
		{"names of subdistricts", 2, `SELECT COUNT(DISTINCT name) FROM unit WHERE kind = 'subdistrict'`, nil},
		{"handles of a secretary", 2, `SELECT COUNT(*) FROM demo_handle WHERE handle IN ('xl.s', 's2.xl.s')`, nil},
	}, 1)
	other := dbtest.SQLite(t)
	if names, others := namesOf(t, d, keys), namesOf(t, other, made(t, other, Options{Profile: Bare, Seed: 1, AsOf: asOf})); names[0] == others[0] {
		t.Errorf("with another seed the first person is called %s as well", names[0])
	}
}

func TestWhatCannotBeSeededIsRefused(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	dbtest.WithClock(t, d, func() time.Time { return asOf.Time().Add(12 * time.Hour) })
	for _, c := range []struct {
		o    Options
		want error
	}{
		{Options{Profile: "huge", AsOf: asOf}, ErrProfile},
		{Options{Profile: Demo, AsOf: asOf.Add(1)}, ErrAsOf},
		{Options{Profile: Demo, AsOf: earliest.Add(-1)}, ErrAsOf},
		{Options{Profile: Demo, AsOf: "tomorrow"}, ErrAsOf},
		{Options{Profile: Demo, AsOf: asOf, Scale: 2}, ErrScale},
	} {
		if err := Make(t.Context(), d, nil, nil, c.o); !errors.Is(err, c.want) {
			t.Errorf("%+v gives %v, want %v", c.o, err, c.want)
		}
	}
	keys := made(t, d, Options{Profile: Bare, AsOf: asOf})
	if err := Make(t.Context(), d, keys, nil, Options{Profile: Bare, AsOf: asOf}); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("filled a second time: %v, want %v", err, ErrNotEmpty)
	}
}
