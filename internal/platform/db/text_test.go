package db_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// traps are forms that some engine refuses or reads in another way: the left column of storage.md §3.
var traps = []struct {
	form *regexp.Regexp
	why  string
}{
	{regexp.MustCompile(`\bSELECT (DISTINCT )?(\w+\.)?\*|, \w+\.\*`), "list the columns: old code must run on a newer schema"},
	{regexp.MustCompile(`\bFOR UPDATE \w`), "FOR UPDATE stands last, alone"},
	{regexp.MustCompile(`\bFOR SHARE\b|LOCK IN SHARE MODE|\bNOWAIT\b`), "refused by TiDB, unknown elsewhere: use a UNIQUE key"},
	{regexp.MustCompile(`\bSKIP LOCKED\b|\bGET_LOCK\b|\bRELEASE_LOCK\b`), "claim by a conditional UPDATE"},
	{regexp.MustCompile(`\bON DUPLICATE KEY\b|\bON CONFLICT\b|^REPLACE\b|\bREPLACE INTO\b`), "three dialects: db.Save"},
	{regexp.MustCompile(`\bINSERT (IGNORE|OR)\b|\bUPDATE (IGNORE|OR)\b`), "hides other errors: INSERT, then db.IsDuplicate"},
	{regexp.MustCompile(`\bRETURNING\b|\bLAST_INSERT_ID\b|\bLAST_INSERT_ROWID\b`), "use tx.Insert"},
	{regexp.MustCompile(`^UPDATE [^?]*?\bJOIN\b|^UPDATE .*\bSET .*? FROM \w+ WHERE [^()]*$`), "one table in an UPDATE: WHERE x IN (SELECT …)"},
	{regexp.MustCompile(`^UPDATE \w+ (AS )?\w+ SET\b|^UPDATE \w+ AS\b`), "no alias in an UPDATE"},
	{regexp.MustCompile(`^DELETE FROM \w+ (AS )?\w+ WHERE\b|^DELETE \w+ FROM\b|^DELETE FROM \w+ AS\b`), "no alias and one table in a DELETE"},
	{regexp.MustCompile(`^(DELETE|UPDATE)\b[^()]*\bLIMIT\b|^(DELETE|UPDATE)\b.*\)[^()]*\bLIMIT\b`), "not in SQLite: select the ids first"},
	{regexp.MustCompile(`\bIN ?\( ?SELECT\b[^()]*\bLIMIT\b`), "refused by MySQL: JOIN (SELECT … LIMIT) x"},
	{regexp.MustCompile(`^WITH\b.*\) ?(UPDATE|DELETE|INSERT)\b`), "a CTE only in SELECT"},
	{regexp.MustCompile(`\( ?\w+(\.\w+)?(, ?\w+(\.\w+)?)+ ?\) ?(<|>|<=|>=|=|IN) ?\(`), "no tuples: at <= ? AND (at < ? OR id < ?)"},
	{regexp.MustCompile(`\bOFFSET\b|\bLIMIT \?, ?\?`), "page by moment and id"},
	{regexp.MustCompile(`\bENUM ?\(|\bJSON_\w+|->|\bMEMBER OF\b`), "text, read and written in Go"},
	{regexp.MustCompile(`\bNOW ?\(|\bCURRENT_(TIMESTAMP|DATE|TIME)\b|\bCUR(DATE|TIME)\b|\bUTC_\w+|\bSYSDATE\b|\bINTERVAL\b|\bUNIX_TIMESTAMP\b|(?i)\b(datetime|strftime|julianday|date|time)\(`), "time is a parameter: tx.Now"},
	{regexp.MustCompile(`\b(MAX|MIN|COALESCE|IFNULL|NULLIF|GREATEST|LEAST) ?\( ?(\w+\.)?(\w+_)?at\b|\b(THEN|ELSE) (\w+\.)?(\w+_)?at\b`), "SQLite has no type for an expression over moments: ORDER BY … LIMIT 1, choose in Go"},
	{regexp.MustCompile(`\bGREATEST ?\(|\bLEAST ?\(|\bDECIMAL\b|\bIF ?\(|\bGROUP_CONCAT\b|\bSTRING_AGG\b|\bREGEXP\b|\bRLIKE\b|\bGLOB\b`), "not on every engine: choose in Go"},
	{regexp.MustCompile(`\|\|`), "OR on MySQL: CONCAT"},
	{regexp.MustCompile("\"|`"), "double quotes are text to one engine and a name to another, and nothing is ever quoted"},
	{regexp.MustCompile(`\\`), "a backslash is an escape on one engine only: use a parameter"},
	{regexp.MustCompile(`\bMATCH ?\(|\bAGAINST\b|\bFULLTEXT\b`), "each engine finds something else"},
	{regexp.MustCompile(`\bTRUNCATE\b|\bSTRAIGHT_JOIN\b|\bFULL (OUTER )?JOIN\b|\bRIGHT JOIN\b|\bUSE INDEX\b|\bFORCE INDEX\b`), "not on every engine"},
	{regexp.MustCompile(`^INSERT INTO \w+ (VALUES|SELECT)\b`), "list the columns"},
	{regexp.MustCompile(`\bIS DISTINCT FROM\b|<=>|\bILIKE\b|\bCAST ?\(`), "not on every engine, or not the same"},
}

var (
	sqlBegins  = regexp.MustCompile(`^(SELECT|INSERT INTO|INSERT IGNORE|INSERT OR|UPDATE|DELETE|REPLACE INTO|WITH)\s+[\w(*]`)
	changes    = regexp.MustCompile(`^(?:UPDATE|DELETE FROM) (\w+) (.*)$`)
	setClause  = regexp.MustCompile(`^UPDATE \w+ SET (.*?)(?: WHERE |$)`)
	likes      = regexp.MustCompile(`\bLIKE (\S+)( ESCAPE '!')?`)
	literal    = regexp.MustCompile(`'[^']*'`)
	inside     = regexp.MustCompile(`\([^()]*\)`)
	assignment = regexp.MustCompile(`^(\w+) ?= ?(.*)$`)
)

// trap says what is wrong with a statement, or nothing.
func trap(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	for _, t := range traps {
		if t.form.MatchString(text) {
			return t.why
		}
	}
	for _, m := range likes.FindAllStringSubmatch(text, -1) {
		if m[2] == "" {
			return `LIKE without ESCAPE '!': \ is no escape on SQLite, see db.Like`
		}
	}
	plain := literal.ReplaceAllString(text, "''")
	if strings.Contains(plain, "FOR UPDATE") && strings.Contains(plain, " JOIN ") {
		return "a join locks the other rows as well: hold one row, then read with joins"
	}
	if m := changes.FindStringSubmatch(plain); m != nil && regexp.MustCompile(`\b(FROM|JOIN) `+m[1]+`\b`).MatchString(m[2]) {
		return "MySQL refuses the own table in a subquery: two statements"
	}
	return setOrder(plain)
}

// setOrder refuses assignments that read what an earlier one has set: MySQL sees the new value, SQLite the old.
func setOrder(text string) string {
	m := setClause.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	set := m[1]
	for inside.MatchString(set) { // commas inside brackets part nothing; words inside them still count
		set = inside.ReplaceAllStringFunc(set, func(s string) string {
			return strings.NewReplacer("(", " ", ")", " ", ",", " ").Replace(s)
		})
	}
	var earlier []string
	for one := range strings.SplitSeq(set, ",") {
		a := assignment.FindStringSubmatch(strings.TrimSpace(one))
		if a == nil {
			continue
		}
		for _, name := range earlier {
			if regexp.MustCompile(`\b` + name + `\b`).MatchString(a[2]) {
				return a[1] + " is made from " + name + ", which is set before it: MySQL reads the new value, SQLite the old"
			}
		}
		earlier = append(earlier, a[1])
	}
	return ""
}

// A statement is a text that stands in the code, joined where the code joins it.
type statement struct {
	at   token.Position
	text string
}

// statements are the SQL texts of a file: in a store every text, elsewhere those that begin as SQL does.
func statements(t *testing.T, path string) (list []statement) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	store := strings.Contains(filepath.Base(path), "store")
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.Field: // the tags of a struct's fields are no SQL
			return n.Tag == nil
		case ast.Expr:
			text, ok := joined(n)
			if !ok {
				return true
			}
			text = strings.TrimSpace(text)
			if sqlBegins.MatchString(text) || store && strings.Contains(text, "?") {
				list = append(list, statement{files.Position(n.Pos()), text})
			}
			return false
		}
		return true
	})
	return list
}

// joined is the text of an expression made of literals and of things whose text is not known here.
func joined(e ast.Expr) (text string, ok bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		s, err := strconv.Unquote(e.Value)
		return s, err == nil
	case *ast.BinaryExpr:
		if e.Op != token.ADD {
			return "", false
		}
		left, one := joined(e.X)
		right, two := joined(e.Y)
		return left + right, one || two
	case *ast.ParenExpr:
		return joined(e.X)
	case *ast.SelectorExpr:
		if e.Sel.Name == "ForUpdate" {
			return " FOR UPDATE", true
		}
	}
	return " ", false
}

func TestEveryStatementIsInTheTextThatAllEnginesShare(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	read := 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path == filepath.Join(root, "platform", "db"): // the one place that asks which engine it is
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		for _, s := range statements(t, path) {
			read++
			if why := trap(s.text); why != "" {
				t.Errorf("%s: %s\n\t%s", s.at, why, s.text)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if read < 20 {
		t.Errorf("%d statements were read, want many: are they found at all?", read)
	}
}

func TestTheLeftColumnOfTheTrapsIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`SELECT * FROM visit WHERE id = ?`,
		`SELECT v.* FROM visit v`,
		`SELECT r.id FROM request r JOIN unit u ON u.id = r.unit_id WHERE r.id = ? FOR UPDATE`,
		`SELECT id FROM round WHERE id = ? FOR UPDATE OF round`,
		`SELECT id FROM round WHERE id = ? LOCK IN SHARE MODE`,
		`SELECT id FROM outbox WHERE state = 0 FOR UPDATE SKIP LOCKED`,
		`INSERT INTO t (a) VALUES (?) ON DUPLICATE KEY UPDATE a = ?`,
		`INSERT INTO t (a) VALUES (?) ON CONFLICT DO NOTHING`,
		`REPLACE INTO t (a) VALUES (?)`,
		`INSERT IGNORE INTO t (a) VALUES (?)`,
		`INSERT OR IGNORE INTO t (a) VALUES (?)`,
		`INSERT INTO t (a) VALUES (?) RETURNING id`,
		`INSERT INTO t VALUES (?)`,
		`UPDATE t SET seq = LAST_INSERT_ID(seq + 1)`,
		`UPDATE t SET a = a + 1, b = a WHERE id = ?`,
		`UPDATE t SET a = a + 1, c = ?, b = COALESCE(a, ?) WHERE id = ?`,
		`UPDATE t JOIN u ON u.id = t.id SET a = ?`,
		`UPDATE t SET a = u.a FROM u WHERE u.id = t.id`,
		`UPDATE t AS x SET x.a = ?`,
		`UPDATE t x SET a = ?`,
		`DELETE FROM t AS x WHERE x.id = ?`,
		`DELETE FROM t WHERE id IN (SELECT id FROM t WHERE a = ?)`,
		`DELETE FROM t WHERE at < ? LIMIT 500`,
		`UPDATE t SET a = ? ORDER BY id LIMIT 5`,
		`SELECT id FROM t WHERE id IN (SELECT id FROM u LIMIT 5)`,
		`WITH x AS (SELECT id FROM u) UPDATE t SET a = ?`,
		`SELECT id FROM t WHERE (at, id) < (?, ?)`,
		`SELECT id FROM t ORDER BY id LIMIT ? OFFSET ?`,
		`SELECT body->>'$.a' FROM t`,
		`SELECT id FROM t WHERE at < NOW()`,
		`SELECT id FROM t WHERE at < CURRENT_TIMESTAMP`,
		`SELECT id FROM t WHERE at < ? - INTERVAL 1 DAY`,
		`SELECT MAX(recorded_at) FROM t`,
		`SELECT COALESCE(t.done_at, t.due_at) FROM t`,
		`SELECT CASE WHEN a = 1 THEN due_at ELSE done_at END FROM t`,
		`SELECT id FROM t WHERE name LIKE ?`,
		`SELECT id FROM t WHERE name LIKE '%x%'`,
		`SELECT GREATEST(a, b) FROM t`,
		`SELECT a || b FROM t`,
		`SELECT "a" FROM t`,
		"SELECT `rank` FROM t",
		`SELECT id FROM t WHERE MATCH(name) AGAINST (?)`,
	} {
		if trap(text) == "" {
			t.Errorf("%s\nis taken, want it refused", text)
		}
	}
}

func TestTheRightColumnOfTheTrapsIsTaken(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`UPDATE request SET state = ?, version = version + 1 WHERE id = ? AND version = ?`,
		`SELECT id FROM round WHERE id = ? FOR UPDATE`,
		`UPDATE inbox_head SET seq = seq + 1, updated_at = ? WHERE person_id = ?`,
		`UPDATE t SET a = ?, b = CONCAT(?, SUBSTR(b, ?)) WHERE b >= ? AND b < ?`,
		`UPDATE t SET a = ? WHERE x IN (SELECT x FROM other WHERE y = ?)`,
		`DELETE FROM t WHERE id IN (?)`,
		`SELECT t.id FROM t JOIN (SELECT id FROM u WHERE a = ? LIMIT 5) x ON x.id = t.id`,
		`SELECT id FROM t WHERE at <= ? AND (at < ? OR id < ?) ORDER BY at DESC, id DESC LIMIT ?`,
		`SELECT COUNT(*) FROM (SELECT 1 AS one FROM t WHERE a = ? LIMIT 1000) t`,
		`SELECT p.id FROM presence p WHERE (SELECT COUNT(*) FROM unit u WHERE u.id = p.unit_id AND u.path >= ? AND u.path < ?) > 0`,
		`SELECT id FROM t WHERE name LIKE ? ESCAPE '!'`,
		`INSERT INTO t (a, b) VALUES (?, ?)`,
		`SELECT created_at FROM t WHERE created_at < ? ORDER BY created_at LIMIT 500`,
		`SELECT MAX(term), COALESCE(MAX(n), 0) FROM t`,
	} {
		if why := trap(text); why != "" {
			t.Errorf("%s\nis refused, want it taken: %s", text, why)
		}
	}
}

func TestStatementsAreFoundWhereTheyStand(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "once", "store.go")
	got := statements(t, path)
	begins := make([]string, len(got))
	for i, s := range got {
		begins[i], _, _ = strings.Cut(s.text, " ")
	}
	slices.Sort(begins)
	if want := []string{"DELETE", "INSERT", "SELECT\n", "SELECT\n", "UPDATE"}; len(begins) != len(want) {
		t.Errorf("%d statements are found in %s, want %d: %q", len(begins), path, len(want), begins)
	}
}
