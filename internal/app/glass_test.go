package app

import (
	"fmt"
	"testing"

	"wanjia/internal/audit"
	"wanjia/internal/board"
	"wanjia/internal/household"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
	"wanjia/internal/request"
)

// X44: the holder of the area is told of a break-glass at once, and without haste whoever of the household can be told:
// who asks for something at the door, and the member whose plaque hangs there; nobody who only follows.
func TestX44_TheHouseholdHearsOfABreakGlass(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		key := make([]byte, 32)
		keys, err := sealed.Open(t.Context(), d, key)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := audit.Open(t.Context(), d, key); err != nil {
			t.Fatal(err)
		}
		needs := request.NewService(d, keys, page.NewKeys(key), &calendar.Calendar{}, nil)
		area := w.Ruihe.Areas[0].Area
		var door household.ID
		in := func(do func(tx *db.Tx) error) {
			t.Helper()
			if err := d.InTx(t.Context(), do); err != nil {
				t.Fatal(err)
			}
		}
		in(func(tx *db.Tx) error {
			e, err := household.AddEntrance(t.Context(), tx, w.Ruihe.Unit.ID, household.Building{}, "1")
			if err != nil {
				return err
			}
			if err := household.AddPremises(t.Context(), tx, []household.Premises{{EntranceID: e, Door: "101", Kind: household.Home}}); err != nil {
				return err
			}
			door, err = household.FindDoor(t.Context(), tx, e, "101")
			return err
		})
		open := func(who org.Actor) (id request.ID) {
			t.Helper()
			in(func(tx *db.Tx) (err error) {
				id, err = needs.Open(t.Context(), tx, w.ZhouChunhe, request.Opening{
					Need: request.Need{What: "楼道灯坏了", Person: who.PersonID}, Channel: request.ToldMember, Unit: area, Premises: int64(door), HappenedAt: tx.Now,
				})
				return err
			})
			return id
		}
		asked := open(w.LinXiaoman)
		in(func(tx *db.Tx) error {
			if _, err := tx.Insert(t.Context(), `
				INSERT INTO request_asker (request_id, call_back, recorded_at, person_id, receipt_hash)
				VALUES (?, ?, ?, ?, ?)`, asked, "none", tx.Now, w.HeQingqing.PersonID, []byte("a follower's")); err != nil {
				return err
			}
			plaque, err := board.AddPlaque(t.Context(), tx, w.ChenGuyu, w.SunLixia.PersonID, w.Ruihe.Group.ID, int64(door))
			if err != nil {
				return err
			}
			_, err = tx.Change(t.Context(), `UPDATE plaque SET state = ? WHERE id = ?`, board.PlaqueHung, plaque)
			return err
		})
		in(func(tx *db.Tx) error {
			return tellOpened(t.Context(), tx, w.ChenGuyu, privacy.Glass{AreaID: area.ID, ObjectID: int64(door)})
		})
		var told []struct {
			Person org.PersonID `db:"person_id"`
			Prio   int          `db:"prio"`
			Ref    string       `db:"ref_type"`
		}
		if err := d.Select(t.Context(), &told, `SELECT person_id, prio, ref_type FROM inbox WHERE kind = 'break_glass.opened'`); err != nil {
			t.Fatal(err)
		}
		got := map[org.PersonID]string{}
		for _, m := range told {
			got[m.Person] = fmt.Sprint(m.Prio, m.Ref)
		}
		want := map[org.PersonID]string{
			w.ZhouChunhe.PersonID: fmt.Sprint(notify.Safety, "household"), w.LinXiaoman.PersonID: fmt.Sprint(notify.Quiet, "request"),
			w.SunLixia.PersonID: fmt.Sprint(notify.Quiet, "person"),
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || len(told) != len(want) {
			t.Errorf("told are %v, want %v", got, want)
		}
	})
}
