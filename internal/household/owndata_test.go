package household_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"wanjia/internal/household"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/say"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
	"wanjia/internal/request"
)

// called says how a household of the second area wants to be called.
func (x *fixture) called(t *testing.T, id household.ID, who, number string) {
	t.Helper()
	c := household.Contact{FormOfAddress: sealed.NameOf(who)}
	if number != "" {
		phone, err := sealed.ParsePhone(number)
		if err != nil {
			t.Fatal(err)
		}
		c.Phone = phone
	}
	if _, err := x.service.SetContact(t.Context(), x.YaoMangzhong, id, c); err != nil {
		t.Fatal(err)
	}
}

// X46: a pack holds the home of whoever asks with its visits, its flags and who opened them, and nobody else's; what a
// member wrote down for themselves stays out.
func TestX46_APackHoldsTheOwnHomeAndNobodyElses(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		const hers = "19900000031"
		x.called(t, x.doors[1], "林女士", hers)
		x.called(t, x.doors[0], "林先生", hers)          // of her family, and not she
		x.called(t, x.doors[2], "林女士", "19900000032") // of the same name, and not she
		x.flag(t, x.doors[1], "2026-12-31")
		a := leak(x)
		a.Needs[0].CallBack = request.CallPhone
		if _, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, a); err != nil {
			t.Fatal(err)
		}
		if _, err := x.service.Unmask(t.Context(), x.YaoMangzhong, x.doors[1], []string{household.PhoneNumber}, privacy.Why{Purpose: privacy.CallBack, Reason: "约定今天回电"}); err != nil {
			t.Fatal(err)
		}
		if _, err := x.service.Flags(t.Context(), x.YaoMangzhong, x.doors[1]); err != nil {
			t.Fatal(err)
		}
		if _, err := x.service.Read(t.Context(), x.YiPian, x.doors[1]); !errors.Is(err, problem.ErrNotFound) {
			t.Fatalf("the neighbour reads it: %v", err)
		}
		pack := func() (titles []string, text string) {
			t.Helper()
			var asker int64
			if err := d.Get(t.Context(), &asker, `SELECT MAX(id) FROM request_asker`); err != nil {
				t.Fatal(err)
			}
			sections, err := x.service.OwnData(t.Context(), privacy.Subject{Asker: asker})
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range sections {
				titles = append(titles, s.Title)
				text += fmt.Sprintln(s.Items)
			}
			return titles, text
		}
		titles, text := pack()
		if fmt.Sprint(titles) != "[住户 2-31 2-31]" {
			t.Errorf("the pack is of %q, want her home alone", titles)
		}
		for _, want := range []string{
			"林女士", hers, "{关怀走访 同意 2026-08-17}", "veteran household 节日走访 2026-12-31", "{走访 2026-08-17 15:10 有需要}",
			"area_holder call_back 约定今天回电", "{谁看过 2026-08-17 16:40 area_holder  }",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("the pack lacks %s:\n%s", want, text)
			}
		}
		for _, foreign := range []string{"林先生", "19900000032", "老人独居", "参战退役"} {
			if strings.Contains(text, foreign) {
				t.Errorf("the pack holds %s:\n%s", foreign, text)
			}
		}
		if n := strings.Count(text, "谁看过"); n != 2 {
			t.Errorf("%d openings are named, want the two that were shown anything", n)
		}
		a = leak(x) // of somebody else behind her door
		a.ClientRef, a.Needs[0].Who = "55555555-4f6e-4a0e-8f57-90a4f9b0c1d2", "吴先生"
		if _, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, a); err != nil {
			t.Fatal(err)
		}
		if titles, _ := pack(); len(titles) != 0 {
			t.Errorf("somebody else behind the door gets %q, want nothing", titles)
		}
	})
}

// X46: a form of address and a number that anybody can type open neither a home nor what others told under them, however
// whoever typed them follows it.
func TestX46_WhatIsTypedOpensNobodysHome(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx := t.Context()
		x.requests.Siting(func(ctx context.Context, q db.Queryer, s request.Site) (request.Door, error) {
			at, err := household.Site(ctx, q, s.Place, s.Building, s.Entrance, calendar.DayOf(d.Now()))
			at.Alone = false // as where a second home lies behind the door
			return at, err
		})
		const hers = "19900000031"
		x.called(t, x.doors[0], "王女士", "")
		x.called(t, x.doors[1], "林女士", hers)
		homes := func(of privacy.Subject) int {
			t.Helper()
			sections, err := x.service.OwnData(ctx, of)
			if err != nil {
				t.Fatal(err)
			}
			return len(sections)
		}
		for i, by := range []request.CallBack{request.CallNone, request.CallPhone} {
			told := household.Account{
				Household: x.doors[i], Result: household.Needs, ClientRef: fmt.Sprintf("4444444%d-4f6e-4a0e-8f57-90a4f9b0c1d2", i),
				Needs: []request.Need{{What: "屋顶漏水", Category: "dwelling_safety", CallBack: by}},
			}
			if _, err := x.service.RecordVisit(ctx, x.YaoMangzhong, told); err != nil {
				t.Fatal(err)
			}
			var asker int64
			if err := d.Get(ctx, &asker, `SELECT MAX(id) FROM request_asker`); err != nil {
				t.Fatal(err)
			}
			if n := homes(privacy.Subject{Asker: asker}); n != 1 {
				t.Errorf("whoever was heard at door %d is given %d homes, want their own", i, n)
			}
		}
		site := func(number string) request.Site { return request.Site{Place: x.Xingwu.Unit.ID, Entrance: number} }
		begun, err := x.requests.CreatePublic(ctx, request.Telling{
			Need: request.Need{What: "水管坏了", Who: "林女士", CallBack: request.CallPhone, Phone: hers}, Site: site("2-31"),
		}, say.Chinese)
		if err != nil {
			t.Fatal(err)
		}
		similar, err := x.requests.Similar(ctx, site("2-30"), "dwelling_safety")
		if err != nil || len(similar) != 1 {
			t.Fatalf("similar are %v, %v", similar, err)
		}
		joined, err := x.requests.Join(ctx, org.Actor{}, request.Telling{
			Need: request.Need{Category: "dwelling_safety", Who: "王女士"}, Site: site("2-30"),
		}, similar[0].Ref)
		if err != nil {
			t.Fatal(err)
		}
		for what, p := range map[string]request.Proof{
			"told in her name":   {Code: string(begun.Receipt), Secret: "0031"},
			"joined in her name": {Code: string(joined.Receipt), Secret: joined.Secret},
		} {
			as, err := x.requests.Shown(ctx, p)
			if err != nil {
				t.Fatal(err)
			}
			paper := privacy.Subject{Asker: int64(as.Asker())}
			if n := homes(paper); n != 0 {
				t.Errorf("%s: on paper it opens %d homes", what, n)
			}
			if needs, err := x.requests.OwnData(ctx, x.YiPian, paper); err != nil || len(needs) != 1 {
				t.Errorf("%s: on paper it opens %d needs, %v; want that one", what, len(needs), err)
			}
			if _, err := x.requests.Follow(ctx, x.LinXiaoman, as); err != nil {
				t.Fatal(err)
			}
			if n := homes(privacy.Subject{Person: x.LinXiaoman.PersonID}); n != 0 {
				t.Errorf("%s: followed, it opens %d homes", what, n)
			}
		}
	})
}

// X24: what is told at a door that leads to one home is offered to nobody there, who would read what is written to that home
// by joining; behind one that leads to two it is.
func TestX24_WhatOneHomeHasToldIsOfferedToNobody(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		x.requests.Siting(func(ctx context.Context, q db.Queryer, s request.Site) (request.Door, error) {
			return household.Site(ctx, q, s.Place, s.Building, s.Entrance, calendar.DayOf(d.Now()))
		})
		v, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, leak(x))
		if err != nil {
			t.Fatal(err)
		}
		site := request.Site{Place: x.Xingwu.Unit.ID, Entrance: "2-31"}
		join := func(ref string) error {
			_, err := x.requests.Join(t.Context(), org.Actor{}, request.Telling{Need: request.Need{Category: "dwelling_safety", Who: "王女士"}, Site: site}, ref)
			return err
		}
		if all, err := x.requests.Similar(t.Context(), site, "dwelling_safety"); err != nil || len(all) != 0 {
			t.Errorf("a stranger is offered %+v (%v), want nothing", all, err)
		}
		if err := d.InTx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Insert(t.Context(), `
				INSERT INTO premises (entrance_id, door, kind, occupied, created_at)
				SELECT entrance_id, '2', kind, occupied, created_at
				FROM premises
				WHERE id = ?`, x.doors[1])
			return err
		}); err != nil {
			t.Fatal(err)
		}
		all, err := x.requests.Similar(t.Context(), site, "dwelling_safety")
		if err != nil || len(all) != 1 || all[0].ID != v.Requests[0].ID {
			t.Fatalf("behind a door of two homes %+v is offered (%v), want that of the one", all, err)
		}
		if err := join(all[0].Ref); err != nil {
			t.Errorf("the second home joins: %v", err)
		}
		var told []org.PersonID
		if err := d.Select(t.Context(), &told, `SELECT person_id FROM inbox WHERE kind = 'request.asker_joined'`); err != nil || !slices.Contains(told, x.YaoMangzhong.PersonID) {
			t.Errorf("told that somebody has joined: %v (%v), want the holder", told, err)
		}
		if err := d.InTx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Change(t.Context(), `UPDATE premises SET ended_on = '2026-01-01' WHERE door = '2'`)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if err := join(all[0].Ref); !errors.Is(err, request.ErrNotSimilar) {
			t.Errorf("with a reference of before, at the door of one home: %v, want %v", err, request.ErrNotSimilar)
		}
	})
}

// S18: who asks for what is not theirs is told that it is not there, and it is noted that they did.
func TestS18_ARefusedReadIsNoted(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		v, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, leak(x))
		if err != nil {
			t.Fatal(err)
		}
		f := x.flag(t, x.doors[1], "2026-12-31")
		why := privacy.Why{Purpose: privacy.CallBack, Reason: "约定今天回电"}
		for _, c := range []struct {
			action string
			id     int64
			read   func(by org.Actor) error
		}{
			{"household.read", int64(x.doors[1]), func(by org.Actor) error { _, err := x.service.Read(t.Context(), by, x.doors[1]); return err }},
			{"household.read", 1 << 40, func(by org.Actor) error { _, err := x.service.Read(t.Context(), by, 1<<40); return err }},
			{"household.unmasked", int64(x.doors[1]), func(by org.Actor) error {
				_, err := x.service.Unmask(t.Context(), by, x.doors[1], []string{household.PhoneNumber}, why)
				return err
			}},
			{"flag.read", int64(x.doors[1]), func(by org.Actor) error { _, err := x.service.Flags(t.Context(), by, x.doors[1]); return err }},
			{"visit.unmasked", int64(v.ID), func(by org.Actor) error { _, err := x.service.UnmaskVisit(t.Context(), by, v.ID, why); return err }},
			{"flag.unmasked", int64(f.ID), func(by org.Actor) error { _, err := x.service.UnmaskFlag(t.Context(), by, f.ID, why); return err }},
			{"visit.read", int64(v.ID), func(by org.Actor) error { _, err := x.service.ReadVisit(t.Context(), by, v.ID); return err }},
		} {
			if err := c.read(x.YiPian); !errors.Is(err, problem.ErrNotFound) {
				t.Errorf("%s: %v, want not found", c.action, err)
			}
			var row struct {
				Person     org.PersonID     `db:"person_id"`
				Assignment org.AssignmentID `db:"assignment_id"`
				Action     string           `db:"action"`
				ID         int64            `db:"object_id"`
				Result     string           `db:"result"`
			}
			if err := d.Get(t.Context(), &row, `SELECT person_id, assignment_id, action, object_id, result FROM audit ORDER BY id DESC LIMIT 1`); err != nil {
				t.Fatal(err)
			}
			if row.Person != x.YiPian.PersonID || row.Assignment != x.YiPian.Assignment || row.Action != c.action || row.ID != c.id || row.Result != "common.not_found" {
				t.Errorf("%s %d is noted as %+v, want that it was not found for who asked", c.action, c.id, row)
			}
		}
	})
}
