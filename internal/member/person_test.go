package member

import (
	"bytes"
	"testing"

	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/sealed"
)

func TestE4_OnlySecretariesAreNamedInFullAndOnlyWhileTheyAreSecretaries(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		keys, err := sealed.Open(t.Context(), d, bytes.Repeat([]byte{3}, sealed.MasterSize))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name  string
			roles []org.Actor // whose role and unit the person has
			want  string
		}{
			{"nobody in particular", nil, "卫**"},
			{"a member", []org.Actor{w.XingwuMember}, "卫**"},
			{"an area holder", []org.Actor{w.YaoMangzhong}, "卫**"},
			{"a group leader", []org.Actor{w.SunLixia}, "卫**"},
			{"an officer who is a member", []org.Actor{w.XingwuMember, w.YaoOfficer}, "卫**"},
			{"a grid assistant", []org.Actor{w.HeQingqing}, "卫**"},
			{"an area cadre", []org.Actor{w.AreaCadre}, "卫**"},
			{"somebody of the office", []org.Actor{w.LuoQingming}, "卫**"},
			{"the secretary of a grid", []org.Actor{w.ChenGuyu}, "卫芒种"},
			{"the general secretary", []org.Actor{w.XuBailu}, "卫芒种"},
			{"the secretary of a village, who holds an area too", []org.Actor{w.YaoMangzhong, w.FengShuangjiang}, "卫芒种"},
			{"the committee secretary", []org.Actor{w.GaoXiaohan}, "卫芒种"},
		} {
			var person org.PersonID
			err := d.InTx(t.Context(), func(tx *db.Tx) error {
				if person, err = Add(t.Context(), tx, keys, New{Name: "卫芒种", Phone: "199 0000 1234"}); err != nil {
					return err
				}
				for _, r := range c.roles {
					if _, err := tx.Change(t.Context(), `
						UPDATE role_assignment SET valid_to = ? WHERE unit_id = ? AND role = ? AND post = ?`,
						orgtest.From.Add(1), r.Unit.ID, r.Role, r.Post); err != nil { // a predecessor makes room
						return err
					}
					if _, err := org.Assign(t.Context(), tx, org.NewAssignment{
						Person: person, Role: r.Role, Post: r.Post, Unit: r.Unit, Span: org.Span{From: orgtest.From.Add(1)},
					}); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			names, err := Names(t.Context(), d, person, 1<<40)
			if err != nil || names[person] != c.want || len(names) != 1 {
				t.Errorf("%s is shown as %v (%v), want %s and nobody else", c.name, names, err, c.want)
			}
			write(t, d, `UPDATE role_assignment SET valid_to = ? WHERE person_id = ?`, calendar.DayOf(d.Now()), person)
			if names, err = Names(t.Context(), d, person); err != nil || names[person] != "卫**" {
				t.Errorf("%s is shown as %v (%v) when it is over, want 卫**", c.name, names, err)
			}
		}
	})
}

func write(t *testing.T, d *db.DB, query string, args ...any) {
	t.Helper()
	if err := d.InTx(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Change(t.Context(), query, args...)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func TestAPhoneThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		keys, err := sealed.Open(t.Context(), d, bytes.Repeat([]byte{3}, sealed.MasterSize))
		if err != nil {
			t.Fatal(err)
		}
		err = d.InTx(t.Context(), func(tx *db.Tx) error {
			_, err := Add(t.Context(), tx, keys, New{Name: "林小满", Phone: "12"})
			return err
		})
		if err == nil {
			t.Error("a phone of two digits was taken, want it refused")
		}
	})
}
