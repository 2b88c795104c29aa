package board_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
)

// shelf writes down n publications of by at a unit, each with a picture; every other one is published.
func (x *site) shelf(by org.Actor, unit org.UnitID, n int) {
	x.t.Helper()
	x.in(func(tx *db.Tx) error {
		for i := range n {
			state := []string{"draft", "published"}[i%2]
			id, err := tx.Insert(x.t.Context(), `
				INSERT INTO publication (kind, unit_id, title, body, start_on, state, author_id, author_as, created_at, reason)
				VALUES ('story', ?, '帮收麦子', '邻里一起收。', '2026-08-01', ?, ?, ?, ?, '')`, unit, state, by.PersonID, by.Assignment, tx.Now)
			if err != nil {
				return err
			}
			if _, err := tx.Insert(x.t.Context(), `
				INSERT INTO media (publication_id, unit_id, caption, credit, author_id, author_as, created_at)
				VALUES (?, ?, '一起收麦子', '通讯员', ?, ?, ?)`, id, unit, by.PersonID, by.Assignment, tx.Now); err != nil {
				return err
			}
		}
		return nil
	})
}

// The lists of pictures and publications are read along an index, whoever asks and however much others have written: an
// author's own by author, a place's by place, and what is wide by the newest. Each is what it was, and nothing twice.
func TestListsOfPicturesAndPublicationsAreReadAlongAnIndex(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		sub, village, other := x.Subdistrict.ID, x.Xingwu.Unit.ID, x.Ruihe.Unit.ID
		x.shelf(x.FengShuangjiang, village, 40)
		x.shelf(x.XuBailu, other, 200)
		x.shelf(x.LuoQingming, sub, 40)
		person := orgtest.Person(t, d)
		far := orgtest.Grant(t, d, person, org.RoleCorrespondent, "", x.Committee)
		near := orgtest.Grant(t, d, orgtest.Person(t, d), org.RoleCorrespondent, "", x.Xingwu.Unit)
		x.shelf(near, village, 4)
		x.shelf(x.ElsewhereSecr, x.Elsewhere.Unit.ID, 6)
		editor := x.editor()
		x.shelf(editor, x.Elsewhere.Unit.ID, 2) // not where an editor sees everything, and their own

		for _, c := range []struct {
			who             string
			by              org.Actor
			media, writings int
			keys            []string // that one of its lists is read by
		}{
			{"an author", x.FengShuangjiang, 40, 40, []string{"_author"}},
			{"who has written nothing", x.XingwuMember, 0, 0, []string{"_author"}},
			{"a place's correspondent", near, 4 + 20, 4, []string{"_author", "media_unit"}},
			{"the correspondent", far, 142, 0, []string{"_author", "PRIMARY"}},
			{"an editor", editor, 286, 286, []string{"_author", "PRIMARY"}},
			{"the other subdistrict's office", x.ElsewhereOffice, 8, 8, []string{"_author", "PRIMARY"}},
		} {
			var sent []db.Sent
			d.Watch(func(_ context.Context, s db.Sent) {
				if strings.Contains(s.Query, "ORDER BY m.id DESC\n\t\tLIMIT") || strings.Contains(s.Query, "ORDER BY n.id DESC\n\t\tLIMIT") {
					sent = append(sent, s)
				}
			})
			var pictures, writings []int64
			for cursor := ""; ; {
				all, next, err := x.s.AllMedia(t.Context(), c.by, cursor, 30)
				if err != nil {
					t.Fatal(err)
				}
				for _, m := range all {
					pictures = append(pictures, int64(m.ID))
				}
				if cursor = next; next == "" {
					break
				}
			}
			for cursor := ""; ; {
				all, next, err := x.s.Publications(t.Context(), c.by, cursor, 30)
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range all {
					writings = append(writings, int64(p.ID))
				}
				if cursor = next; next == "" {
					break
				}
			}
			d.Watch(nil)
			for what, got := range map[string][]int64{"pictures": pictures, "publications": writings} {
				want := map[string]int{"pictures": c.media, "publications": c.writings}[what]
				if len(got) != want || !slices.IsSortedFunc(got, func(a, b int64) int { return int(b - a) }) || len(slices.Compact(got)) != want {
					t.Errorf("%s has %d %s, want %d: the newest first, each once", c.who, len(got), what, want)
				}
			}
			if len(sent) == 0 {
				t.Errorf("%s: no list was seen", c.who)
			}
			for _, s := range sent {
				plan := dbtest.Plan(t, d, s)
				along := slices.ContainsFunc(c.keys, func(key string) bool { return strings.Contains(plan, key) })
				if d.Embedded() && slices.Contains(c.keys, "PRIMARY") {
					along = along || strings.Contains(plan, "INTEGER PRIMARY KEY (rowid<?)")
				}
				if !along || strings.Contains(plan, "filesort") || strings.Contains(plan, "TEMP B-TREE") {
					t.Errorf("%s: a list is found so:\n%s", c.who, plan)
				}
			}
		}
	})
}
