package board_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"wanjia/internal/board"
	"wanjia/internal/household"
	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/privacy"
	"wanjia/internal/upload"
)

// chooses is what the holder of the area chooses to show.
func (x *site) chooses(p board.Profile) {
	x.t.Helper()
	was, _, err := x.s.OwnProfile(x.t.Context(), x.YaoMangzhong)
	if err != nil {
		x.t.Fatal(err)
	}
	p.Version = was.Version
	if _, _, err := x.s.Choose(x.t.Context(), x.YaoMangzhong, p); err != nil {
		x.t.Fatal(err)
	}
}

func TestE4APortraitIsShownOnlyByChoiceAndConsentAndTakenBackAtAnyTime(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		by := x.YaoMangzhong
		set := func() upload.ID {
			t.Helper()
			u, err := x.s.SetPortrait(t.Context(), by, x.sent(by))
			if err != nil {
				t.Fatal(err)
			}
			return u.ID
		}
		face := set()
		shown := func() bool {
			t.Helper()
			address := fmt.Sprintf("/b/%d/portrait/%d", x.id, face)
			w, err := x.opens(address)
			if err == nil && w.Header().Get("Cache-Control") != "public, max-age=30" {
				t.Errorf("caches keep it for %q", w.Header().Get("Cache-Control"))
			}
			for _, page := range []string{"", "/a4"} {
				if strings.Contains(x.reads(page), address) != (err == nil) {
					t.Errorf("%q says otherwise than the picture: %v", page, err)
				}
			}
			return err == nil
		}
		all := board.Profile{ShowsName: true, ShowsPortrait: true}
		if shown() {
			t.Error("a portrait is shown that nobody chose to show")
		}
		if some, err := x.s.Renew(t.Context()); err != nil || some {
			t.Errorf("a portrait that is not shown makes a new version: %v, %v", some, err)
		}
		x.chooses(all)
		if shown() {
			t.Error("it is shown without consent")
		}
		x.says(by, privacy.ForPortrait, privacy.Given)
		if !shown() {
			t.Error("chosen and agreed to, it is not shown")
		}
		if _, err := x.opens(fmt.Sprintf("/b/%d/portrait/%d", x.id, x.sent(x.FengShuangjiang))); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("another picture by the same address: %v", err)
		}
		if some, err := x.s.Renew(t.Context()); err != nil || !some || x.latest() < 2 {
			t.Errorf("what is printed changed and makes no version: %v, %v", some, err)
		}
		x.chooses(board.Profile{ShowsName: true})
		if shown() {
			t.Error("it is shown after the choice was taken back")
		}
		x.chooses(all)
		face = set() // another
		if all, err := upload.Of(t.Context(), d, upload.Owner{Type: "portrait", ID: int64(by.PersonID)}); err != nil || len(all) != 1 || !shown() {
			t.Errorf("after another was set there are %v, %v; want that one, shown", all, err)
		}
		x.says(by, privacy.ForBoard, privacy.Withdrawn)
		if shown() {
			t.Error("it is shown on a board that nothing may be shown on")
		}
		x.says(by, privacy.ForBoard, privacy.Given)
		x.says(by, privacy.ForPortrait, privacy.Withdrawn)
		if shown() {
			t.Error("it is shown after the consent was withdrawn")
		}
		x.now = x.now.Add(30*24*time.Hour - time.Second)
		if u, err := x.s.OwnPortrait(t.Context(), by); err != nil || u.ID != face {
			t.Errorf("before 30 days are over it is gone: %v, %v", u, err)
		}
		x.says(by, privacy.ForPortrait, privacy.Given)
		if !shown() {
			t.Error("after a new yes it is not shown")
		}
		if err := x.s.RemovePortrait(t.Context(), by); err != nil || shown() {
			t.Errorf("taken back: %v, and it is shown", err)
		}
	})
}

func TestE4APortraitWithoutConsentGoesAfterThirtyDays(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		by := x.YaoMangzhong
		month := 30 * 24 * time.Hour
		set := func() {
			t.Helper()
			if _, err := x.s.SetPortrait(t.Context(), by, x.sent(by)); err != nil {
				t.Fatal(err)
			}
		}
		there := func(what string, want bool) {
			t.Helper()
			for some := true; some; {
				var err error
				if some, err = x.uploads.Sweep(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if u, err := x.s.OwnPortrait(t.Context(), by); err != nil || (u.ID != 0) != want {
				t.Errorf("%s: the portrait is %v, %v; want it there: %v", what, u.ID, err, want)
			}
		}
		set()
		x.now = x.now.Add(month - time.Second)
		there("nobody agreed for almost 30 days", true)
		x.now = x.now.Add(time.Second)
		there("nobody agreed for 30 days", false)
		set()
		x.says(by, privacy.ForPortrait, privacy.Given)
		x.now = x.now.Add(2 * month)
		there("agreed to", true)
		x.says(by, privacy.ForPortrait, privacy.Withdrawn)
		set()
		x.now = x.now.Add(month)
		there("another after they withdrew", false)

		// Whoever is forgotten leaves no portrait, whatever they agreed to.
		x.says(by, privacy.ForPortrait, privacy.Given)
		set()
		night := func() {
			t.Helper()
			if _, err := privacy.NewRetention(d, page.NewKeys([]byte("pages")), "", board.Retained...).Night(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		x.now = calendar.DayOf(x.now).Add(1).Time().Add(3 * time.Hour)
		night()
		there("of somebody who is known", true)
		x.in(func(tx *db.Tx) error {
			_, err := tx.Change(t.Context(), `UPDATE person SET name_sealed = NULL, phone_sealed = NULL, created_at = ? WHERE id = ?`, x.now.AddDate(-1, 0, 0), by.PersonID)
			return err
		})
		x.now = x.now.Add(24 * time.Hour)
		night()
		there("of somebody who is forgotten", false)
	})
}

// hangs puts a plaque at the door of a new home of by's.
func (x *site) hangs(by org.Actor) board.PlaqueID {
	x.t.Helper()
	x.in(func(tx *db.Tx) error {
		entrance, err := household.AddEntrance(x.t.Context(), tx, x.Xingwu.Unit.ID, household.Building{}, "2-30")
		if err != nil {
			return err
		}
		if err := household.AddPremises(x.t.Context(), tx, []household.Premises{{EntranceID: entrance, Kind: household.Home}}); err != nil {
			return err
		}
		var home int64
		if err := tx.Get(x.t.Context(), &home, `SELECT id FROM premises WHERE entrance_id = ?`, entrance); err != nil {
			return err
		}
		return board.HangPast(x.t.Context(), tx, x.FengShuangjiang, by, x.Xingwu.Party.ID, home, false)
	})
	mine, err := x.s.OwnPlaques(x.t.Context(), by)
	if err != nil || len(mine) != 1 {
		x.t.Fatalf("my plaques: %v, %v", mine, err)
	}
	return mine[0].ID
}

func TestE4APortraitBesideAPlaqueGoesWithThePlaque(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		by := x.YaoMangzhong
		plaque := x.hangs(by)
		if _, err := x.s.SetPortrait(t.Context(), by, x.sent(by)); err != nil {
			t.Fatal(err)
		}
		x.chooses(board.Profile{ShowsPortrait: true})
		x.says(by, privacy.ForPortrait, privacy.Given)
		shown := func() bool {
			t.Helper()
			address := fmt.Sprintf("/p/portrait/%d", plaque)
			_, err := x.opens(address)
			w, list := x.opens(fmt.Sprintf("/p/plaques/%d", x.Xingwu.Unit.ID))
			if list != nil || strings.Contains(w.Body.String(), address) != (err == nil) {
				t.Errorf("the list says otherwise than the picture: %v, %v, %s", list, err, w.Body)
			}
			return err == nil
		}
		if !shown() {
			t.Error("chosen and agreed to, it is not shown")
		}
		x.says(by, privacy.ForPlaque, privacy.Withdrawn)
		if shown() {
			t.Error("it is shown beside no plaque")
		}
		x.says(by, privacy.ForPlaque, privacy.Given)
		if _, _, err := x.s.TakeDown(t.Context(), org.Actor{}, board.PageRef{Kind: board.PlaquePage, ID: int64(plaque)}, "不妥"); err != nil {
			t.Fatal(err)
		}
		if shown() {
			t.Error("it is shown though somebody asked to take the plaque down")
		}
		if _, err := x.s.SetPortrait(t.Context(), orgtest.Grant(t, d, orgtest.Person(t, d), org.RoleMember, "", x.Xingwu.Party), x.sent(by)); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("somebody else's picture as a portrait: %v", err)
		}
	})
}
