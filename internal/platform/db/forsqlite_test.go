package db

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestThreeThingsAreReplacedForSQLiteAndNothingElse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mysql string
		want  []string
	}{
		"keys behind constraints": {
			"CREATE TABLE presence (\n" +
				"  id          BIGINT AUTO_INCREMENT PRIMARY KEY,\n" +
				"  happened_at DATETIME(3) NOT NULL,           -- the phone's clock, not ours\n" +
				"  CONSTRAINT presence_once UNIQUE (id),   -- one, and no more\n" +
				"  KEY presence_at (happened_at, id),\n" +
				"  KEY presence_id (id)                    -- why\n" +
				")",
			[]string{
				"CREATE TABLE presence (\n" +
					"  id          INTEGER PRIMARY KEY AUTOINCREMENT,\n" +
					"  happened_at DATETIME NOT NULL,           -- the phone's clock, not ours\n" +
					"  CONSTRAINT presence_once UNIQUE (id) -- one, and no more\n" +
					")",
				"CREATE INDEX presence_at ON presence (happened_at, id)",
				"CREATE INDEX presence_id ON presence (id)",
			},
		},
		"a key in the middle": {
			"CREATE TABLE a (\n  id BIGINT NOT NULL,\n  KEY a_id (id),\n  CONSTRAINT a_once UNIQUE (id)\n)",
			[]string{"CREATE TABLE a (\n  id BIGINT NOT NULL,\n  CONSTRAINT a_once UNIQUE (id)\n)", "CREATE INDEX a_id ON a (id)"},
		},
		"no key": {
			"ALTER TABLE a ADD COLUMN seen_at DATETIME(3) NULL",
			[]string{"ALTER TABLE a ADD COLUMN seen_at DATETIME NULL"},
		},
		"for MySQL alone": {
			"DROP INDEX a_id /*! ON a */",
			[]string{"DROP INDEX a_id /*! ON a */"},
		},
	} {
		if got := forSQLite(c.mysql); !slices.Equal(got, c.want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, strings.Join(got, ";\n"), strings.Join(c.want, ";\n"))
		}
	}
}

// Old migrations stay as they are; each kind of statement they may hold is tried here, on the tables of a test.
func TestEveryKindOfMigrationRunsOnSQLite(t *testing.T) {
	t.Parallel()
	d := openLite(t)
	for _, text := range []string{
		"CREATE TABLE home (\n  id BIGINT AUTO_INCREMENT PRIMARY KEY,\n  at DATETIME(3) NOT NULL,\n  KEY home_at (at)\n)",
		"ALTER TABLE home ADD COLUMN seen_at DATETIME(3) NULL",
		"CREATE INDEX home_seen ON home (seen_at, id)",
		"CREATE UNIQUE INDEX home_once ON home (at, id)",
		"DROP INDEX home_at /*! ON home */",
		"/*! ALTER TABLE home MODIFY seen_at DATETIME(6) NULL */",
		"DROP TABLE home",
	} {
		if bad := badMigration("0001_test.sql", text+";\n"); bad != "" {
			t.Errorf("%s\nis refused: %s", text, bad)
		}
		tx, err := d.write.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(runOnSQLite(t.Context(), tx, step{text: text}), tx.Commit()); err != nil {
			t.Errorf("%s\ndoes not run: %v", text, err)
		}
	}
}
