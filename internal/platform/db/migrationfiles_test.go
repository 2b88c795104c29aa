package db

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	fileName  = regexp.MustCompile(`^\d{4}_[a-z0-9_]+\.sql$`)
	verbs     = regexp.MustCompile(`^(CREATE TABLE \w+ \(\n|CREATE (UNIQUE )?INDEX \w+ ON \w+ \(|ALTER TABLE \w+ (ADD|DROP) COLUMN \w+|DROP (TABLE \w+$|INDEX \w+ /\*! ON \w+ \*/$)|/\*! [^;]* \*/$)`)
	types     = `(BIGINT AUTO_INCREMENT PRIMARY KEY|(BIGINT|INT|SMALLINT|BOOLEAN|TEXT|DATETIME\(3\)|(CHAR|VARCHAR|VARBINARY)\(\d+\)) ((NOT NULL |)PRIMARY KEY|(NOT NULL|NULL)( DEFAULT (-?\d+|'[^']*'))?))`
	columnOf  = regexp.MustCompile(`^  ([a-z][a-z0-9_]*) +` + types + `,?$`)
	addColumn = regexp.MustCompile(`^ALTER TABLE \w+ ADD COLUMN ([a-z][a-z0-9_]*) ` + types + `$`)
	other     = regexp.MustCompile(`^  (PRIMARY KEY \([a-z0-9_, ]+\)|CONSTRAINT [a-z0-9_]+ (UNIQUE \([a-z0-9_, ]+\)|FOREIGN KEY \([a-z0-9_]+\) REFERENCES [a-z0-9_]+ \(id\))|KEY [a-z0-9_]+ \([a-z0-9_, ]+\)),?$`)
	names     = regexp.MustCompile(`(?:CREATE TABLE|CREATE INDEX|CREATE UNIQUE INDEX|CONSTRAINT|KEY|ADD COLUMN) (\w+)`)
	objects   = regexp.MustCompile(`(?:CREATE TABLE|CREATE INDEX|CREATE UNIQUE INDEX|CONSTRAINT|\n  KEY) (\w+)`)
	reserved  = strings.Fields(`rank groups system usage condition call offset release lead lag key keys read range leave lock check order
		group index table column row rows select where from to by in is not null and or set values default primary references
		window over partition recursive except intersect lateral function signal trigger option limit interval match describe
		desc asc year_month current_date database schema grant load long virtual stored`)
)

// badMigration says what is wrong with a file of migrations, or nothing.
func badMigration(name, text string) string {
	code := withoutNotes(text)
	switch {
	case !fileName.MatchString(name):
		return "the name is not like 0042_presence.sql"
	case strings.Count(code, ";") != 1 || !strings.HasSuffix(code, ";"):
		return "it is not one statement that ends in the only semicolon"
	}
	code = strings.TrimSuffix(code, ";")
	if !verbs.MatchString(code) {
		return "it does not begin with CREATE TABLE, CREATE INDEX, ALTER TABLE … ADD or DROP COLUMN, DROP TABLE, DROP INDEX … /*! ON … */ or /*! … */"
	}
	if m := addColumn.FindStringSubmatch(code); m == nil && strings.Contains(code, "ADD COLUMN") {
		return "the new column has a type that is not in storage.md §6"
	} else if m != nil && slices.Contains(reserved, m[1]) {
		return m[1] + " is a reserved word somewhere"
	}
	for _, m := range names.FindAllStringSubmatch(code, -1) {
		if len(m[1]) > 60 {
			return m[1] + " is longer than 60 characters"
		}
	}
	if !strings.HasPrefix(code, "CREATE TABLE") {
		return ""
	}
	lines := strings.Split(code, "\n")
	if lines[len(lines)-1] != ")" {
		return "the last line is not ) alone"
	}
	var columns, indexed []string
	for _, line := range lines[1 : len(lines)-1] {
		m := columnOf.FindStringSubmatch(line)
		if m == nil {
			if !other.MatchString(line) {
				return fmt.Sprintf("the line %q is neither a column of an allowed type, nor a key", line)
			}
			indexed = append(indexed, line)
			continue
		}
		if slices.Contains(reserved, m[1]) {
			return m[1] + " is a reserved word somewhere"
		}
		columns = append(columns, m[1])
		if strings.Contains(line, "PRIMARY KEY") {
			indexed = append(indexed, "  PRIMARY KEY ("+m[1]+")")
		}
	}
	return badKeys(columns, indexed)
}

// badKeys looks at a table's keys: of columns it has, and one for each foreign key.
func badKeys(columns, keys []string) string {
	list := regexp.MustCompile(`\(([a-z0-9_, ]+)\)`)
	var begins, foreign []string
	for _, line := range keys {
		of := strings.Split(list.FindStringSubmatch(line)[1], ", ")
		for _, column := range of {
			if !slices.Contains(columns, column) {
				return fmt.Sprintf("the key %q is of a column that is not there", strings.TrimSpace(line))
			}
		}
		if strings.Contains(line, "FOREIGN KEY") {
			foreign = append(foreign, of[0])
		} else {
			begins = append(begins, of[0])
		}
	}
	for _, column := range foreign {
		if !slices.Contains(begins, column) {
			return "the foreign key of " + column + " has no index that begins with it"
		}
	}
	return ""
}

// withoutNotes is text without its -- comments.
func withoutNotes(text string) string {
	var code []string
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "--")
		if line = strings.TrimRight(line, " \r\n"); line != "" {
			code = append(code, line)
		}
	}
	return strings.Join(code, "\n")
}

func TestEveryMigrationIsOneStatementOfTheCommonText(t *testing.T) {
	t.Parallel()
	list, err := steps()
	if err != nil {
		t.Fatal(err)
	}
	taken := map[string]string{}
	for _, s := range list {
		if bad := badMigration(s.name, s.text+";"); bad != "" {
			t.Errorf("%s: %s", s.name, bad)
		}
		for _, m := range objects.FindAllStringSubmatch(withoutNotes(s.text), -1) {
			if other, ok := taken[m[1]]; ok {
				t.Errorf("%s: the name %s is taken by %s; SQLite has one room for all", s.name, m[1], other)
			}
			taken[m[1]] = s.name
		}
	}
}

func TestMigrationsAgainstTheRulesAreRefused(t *testing.T) {
	t.Parallel()
	table := func(line string) string {
		return "CREATE TABLE thing (\n  id BIGINT AUTO_INCREMENT PRIMARY KEY,\n  unit_id BIGINT NOT NULL,\n" + line + "\n);\n"
	}
	if bad := badMigration("0001_thing.sql", table("  name VARCHAR(40) NOT NULL                  -- a; note, with marks")); bad != "" {
		t.Errorf("a good table is refused: %s", bad)
	}
	for name, text := range map[string]string{
		"two statements":        "DROP TABLE a;\nDROP TABLE b;\n",
		"no end":                "DROP TABLE a",
		"another verb":          "INSERT INTO unit (id) VALUES (1);\n",
		"renaming":              "ALTER TABLE unit RENAME COLUMN a TO b;\n",
		"an engine":             "CREATE TABLE a (\n  id BIGINT NOT NULL\n) ENGINE=InnoDB;\n",
		"JSON":                  table("  parts JSON NOT NULL"),
		"ENUM":                  table("  state ENUM('open','done') NOT NULL"),
		"DATE":                  table("  day DATE NOT NULL"),
		"TIMESTAMP":             table("  at TIMESTAMP NOT NULL"),
		"moments without parts": table("  at DATETIME NOT NULL"),
		"the clock of a server": table("  at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)"),
		"lower case":            table("  at datetime(3) not null"),
		"two columns a line":    table("  a BIGINT NOT NULL, b BIGINT NOT NULL"),
		"NULL unsaid":           table("  a BIGINT"),
		"a reserved name":       table("  rank INT NOT NULL"),
		"a quoted name":         table("  `name` INT NOT NULL"),
		"CHECK":                 table("  a INT NOT NULL CHECK (a > 0)"),
		"CASCADE":               table("  KEY thing_unit (unit_id),\n  CONSTRAINT thing_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id) ON DELETE CASCADE"),
		"a key without index":   table("  CONSTRAINT thing_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id)"),
		"a key of nothing":      table("  KEY thing_x (x_id)"),
		"a long name":           table("  KEY " + strings.Repeat("a", 61) + " (unit_id)"),
		"a falling key":         table("  KEY thing_unit (unit_id DESC)"),
		"an index of its own":   "DROP INDEX thing_unit ON thing;\n",
	} {
		if badMigration("0001_thing.sql", text) == "" {
			t.Errorf("%s: %s\nis taken, want it refused", name, text)
		}
	}
	if badMigration("thing.sql", table("  a INT NOT NULL")) == "" {
		t.Error("a file without a number is taken, want it refused")
	}
}
