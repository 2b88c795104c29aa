package member

import (
	"bytes"
	"testing"

	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/sealed"
)

// E4: a public duty is done under one's name; everybody else is masked.
func TestOnlyThoseWithAPublicDutyAreNamedInFull(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		keys, err := sealed.Open(t.Context(), d, bytes.Repeat([]byte{3}, sealed.MasterSize))
		if err != nil {
			t.Fatal(err)
		}
		var private, public org.PersonID
		err = d.InTx(t.Context(), func(tx *db.Tx) error {
			if private, err = Add(t.Context(), tx, keys, New{Name: "林小满", Phone: "199 0000 1234"}); err != nil {
				return err
			}
			public, err = Add(t.Context(), tx, keys, New{Name: "卫芒种"})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		orgtest.Grant(t, d, public, org.RoleGridAssistant, "", w.Zhenxi.Party)
		orgtest.Grant(t, d, private, org.RoleMember, "", w.Xingwu.Party)
		names, err := Names(t.Context(), d, private, public, 1<<40)
		if err != nil {
			t.Fatal(err)
		}
		if names[public] != "卫芒种" || names[private] != "林**" || len(names) != 2 {
			t.Errorf("names are %v, want the assistant in full, the member masked, nobody else", names)
		}
	})
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
