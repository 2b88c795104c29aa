package privacy_test

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"wanjia/configs"
	"wanjia/internal/platform/db/dbtest"
)

// A registered table is what configs/purposes/*.yaml says of one.
type registered struct {
	Entity    string            `yaml:"entity"`
	Purpose   string            `yaml:"purpose"`
	Retention string            `yaml:"retention"`
	Columns   map[string]string `yaml:"columns"`
}

func register(t *testing.T) map[string]registered {
	t.Helper()
	all := map[string]registered{}
	names, err := fs.Glob(configs.Purposes, "purposes/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, err := configs.Purposes.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		some := map[string]registered{}
		if err := yaml.Unmarshal(b, &some); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for table, r := range some {
			if _, twice := all[table]; twice {
				t.Errorf("%s: %s is registered twice", name, table)
			}
			all[table] = r
		}
	}
	return all
}

// schema are the columns of every table that there is after all migrations.
func schema(t *testing.T) map[string][]string {
	t.Helper()
	d := dbtest.SQLite(t)
	var rows []struct {
		Table  string `db:"table_name"`
		Column string `db:"column_name"`
	}
	err := d.Select(t.Context(), &rows, `
		SELECT m.name AS table_name, c.name AS column_name
		FROM sqlite_master m
		JOIN pragma_table_info(m.name) c
		WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite!_%' ESCAPE '!'
		ORDER BY m.name, c.cid`)
	if err != nil {
		t.Fatal(err)
	}
	tables := map[string][]string{}
	for _, r := range rows {
		tables[r.Table] = append(tables[r.Table], r.Column)
	}
	return tables
}

func TestEveryColumnHasAPurposeAndAPeriod(t *testing.T) { // X39
	t.Parallel()
	entries, tables := register(t), schema(t)
	for table, columns := range tables {
		r, ok := entries[table]
		if !ok {
			t.Errorf("table %s stands in no file of configs/purposes: %v", table, columns)
			continue
		}
		if r.Entity == "" || r.Purpose == "" || r.Retention == "" {
			t.Errorf("table %s lacks its entity, purpose or retention", table)
		}
		for _, c := range columns {
			kept := strings.Fields(r.Columns[c])
			switch {
			case len(kept) == 0:
				t.Errorf("column %s.%s is not registered", table, c)
			case !slices.Contains([]string{"public", "internal", "personal", "sensitive", "secret"}, kept[0]):
				t.Errorf("column %s.%s has the class %q, which there is not", table, c, kept[0])
			case strings.HasSuffix(c, "_sealed") && !slices.Contains(kept, "sealed"):
				t.Errorf("column %s.%s is sealed, and the register does not say so", table, c)
			}
		}
	}
	for table, r := range entries {
		columns, ok := tables[table]
		if !ok {
			t.Errorf("the register has a table %s that does not exist", table)
		}
		for c := range r.Columns {
			if ok && !slices.Contains(columns, c) {
				t.Errorf("the register has a column %s.%s that does not exist", table, c)
			}
		}
	}
}

// refusedWords are columns that must never be (domain.md §9.2).
var refusedWords = regexp.MustCompile(`(^|_)(id_?card|id_?number|national_id|birth|birthday|age|religion|faith|health|disease|illness|disability|` +
	`income|salary|vehicle|car|plate|ethnic|ethnicity|nationality|marriage|marital|kinship|spouse|employer|biometric|face|fingerprint_image|` +
	`latitude|longitude|lat|lng|lon|coordinates|position|score|points|streak|rank|ranking|likes|forwards|risk_level|tag|tags)(_|$)`)

func TestNoColumnHoldsWhatTheProductRefuses(t *testing.T) {
	t.Parallel()
	for table, columns := range schema(t) {
		for _, name := range append(columns, table) {
			if refusedWords.MatchString(name) {
				t.Errorf("%s.%s is refused on purpose", table, name)
			}
		}
	}
	for _, name := range []string{"birth_date", "id_card", "home_latitude", "ethnicity", "age"} {
		if !refusedWords.MatchString(name) {
			t.Errorf("%s would not be refused", name)
		}
	}
}
