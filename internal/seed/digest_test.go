package seed

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/sealed"
)

// A digested database: one SHA-256 over all its tables, and one for each, to say where two differ.
type digested struct {
	sum    string
	tables map[string]string
}

var (
	tableText  = regexp.MustCompile("(?s)CREATE TABLE `(\\w+)` \\(\n(.*?)\n\\) ")
	columnText = regexp.MustCompile("(?m)^  `(\\w+)` (\\w+)")
	keyText    = regexp.MustCompile("PRIMARY KEY \\(([`\\w,]+)\\)")
)

// drawn says whether a column holds what is unguessable, or made with such a key – whatever is sealed, hashed or signed
// is bytes, and a phone's blind index is a number – or the lane of the audit that was free.
func drawn(column, kind string) bool {
	return kind == "varbinary" || column == "phone_index" || column == "lane"
}

// set by whoever opens a database, seeded or not.
var atOpening = map[string]bool{"keyset": true, "audit_lane": true}

// digest is that of every table but those; what is sealed counts by what it says.
func digest(t *testing.T, d *db.DB, keys *sealed.Keys) digested {
	t.Helper()
	schema, err := os.ReadFile("../platform/db/schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	all := digested{tables: map[string]string{"names": sum(namesOf(t, d, keys))}}
	whole := []string{all.tables["names"]}
	tables := tableText.FindAllStringSubmatch(string(schema), -1)
	if len(tables) < 40 {
		t.Fatalf("the schema has %d tables, want all of them", len(tables))
	}
	for _, table := range tables {
		name, key := table[1], strings.ReplaceAll(keyText.FindStringSubmatch(table[2])[1], "`", "")
		if atOpening[name] {
			continue
		}
		var values []string
		for _, c := range columnText.FindAllStringSubmatch(table[2], -1) {
			if drawn(c[1], c[2]) {
				continue
			}
			var column []sql.NullString
			if err := d.Select(t.Context(), &column, fmt.Sprintf(`SELECT %s FROM %s ORDER BY %s`, c[1], name, key)); err != nil {
				t.Fatal(err)
			}
			for _, v := range column {
				values = append(values, fmt.Sprintf("%s=%v:%s", c[1], v.Valid, v.String))
			}
		}
		all.tables[name] = sum(values)
		whole = append(whole, name, all.tables[name])
	}
	all.sum = sum(whole)
	return all
}

func sum(values []string) string {
	h := sha256.New()
	for _, v := range values {
		fmt.Fprintf(h, "%d:%s\n", len(v), v)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// namesOf are the names and phones of all persons, in the order they were made.
func namesOf(t *testing.T, d *db.DB, keys *sealed.Keys) (names []string) {
	t.Helper()
	var rows []struct {
		ID    org.PersonID `db:"id"`
		Name  []byte       `db:"name_sealed"`
		Phone []byte       `db:"phone_sealed"`
	}
	if err := d.Select(t.Context(), &rows, `SELECT id, name_sealed, phone_sealed FROM person ORDER BY id`); err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		name, err := keys.Open(sealed.Personal, "person", "name_sealed", int64(r.ID), r.Name)
		if err != nil {
			t.Fatal(err)
		}
		phone, err := keys.Open(sealed.Personal, "person", "phone_sealed", int64(r.ID), r.Phone)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name+" "+phone)
	}
	return names
}
