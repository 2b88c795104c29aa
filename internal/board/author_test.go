package board_test

import (
	"errors"
	"regexp"
	"slices"
	"testing"

	"wanjia/internal/board"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/problem"
)

// hears are the kinds of what somebody is told, the first first.
func (x *site) hears(by org.Actor) (all []string) {
	x.t.Helper()
	if err := x.d.Select(x.t.Context(), &all, `SELECT kind FROM inbox WHERE person_id = ? ORDER BY seq`, by.PersonID); err != nil {
		x.t.Fatal(err)
	}
	return all
}

func TestH3WhoeverMadeAPageHearsThatItIsHiddenAndReadsIt(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		p, m := x.story(nil, nil)
		if err := x.publishes(p.ID); err != nil {
			t.Fatal(err)
		}
		author, editor := x.FengShuangjiang, x.editor()
		heard := func() int {
			return len(slices.DeleteFunc(x.hears(author), func(kind string) bool { return kind != "publication.takedown" }))
		}
		reads := func(what string, want board.State, told int) {
			t.Helper()
			got, err := x.s.Publication(t.Context(), author, p.ID)
			if err != nil || got.Hidden != want {
				t.Errorf("%s: hidden as %q (%v), want %q", what, got.Hidden, err, want)
			}
			for who, by := range map[string]org.Actor{"the author": author, "an editor": editor} {
				if all, _, err := x.s.Publications(t.Context(), by, "", 0); err != nil || len(all) != 1 || all[0].Hidden != want {
					t.Errorf("%s: the list of %s: %+v (%v), want it hidden as %q", what, who, all, err, want)
				}
			}
			if n := heard(); n != told {
				t.Errorf("%s: the author has heard %d times, want %d", what, n, told)
			}
		}
		ask := func(kind board.PageKind, id int64) board.TakedownID {
			t.Helper()
			_, w, err := x.s.TakeDown(t.Context(), org.Actor{}, board.PageRef{Kind: kind, ID: id}, "名字不对")
			if err != nil {
				t.Fatal(err)
			}
			return w.ID
		}
		decide := func(id board.TakedownID, as board.State) {
			t.Helper()
			if _, err := x.s.Decide(t.Context(), editor, id, as, "核实过了"); err != nil {
				t.Fatal(err)
			}
		}
		reads("published", "", 0)
		first := ask(board.PublicationPage, int64(p.ID))
		reads("asked", board.HiddenPending, 1)
		ask(board.PublicationPage, int64(p.ID))
		reads("asked by another", board.HiddenPending, 1)
		decide(first, board.Declined)
		reads("declined", "", 2)
		second := ask(board.PublicationPage, int64(p.ID)) // it is shown meanwhile
		reads("asked again", "", 2)
		decide(second, board.Upheld)
		reads("upheld", board.Upheld, 3)
		picture := ask(board.MediaPage, int64(m.ID))
		reads("a picture of it", board.Upheld, 4)
		decide(picture, board.Upheld)
		reads("a picture of it is taken down", board.Upheld, 5)
		one, err := x.s.Media(t.Context(), author, m.ID)
		if all, _, listed := x.s.AllMedia(t.Context(), author, "", 0); err != nil || listed != nil || one.Hidden != board.Upheld || len(all) != 1 || all[0].Hidden != board.Upheld {
			t.Errorf("the picture: hidden as %q (%v), in the list %+v (%v), want %q", one.Hidden, err, all, listed, board.Upheld)
		}
	})
}

func TestCodesHaveNoLettersThatAreTakenForDigits(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		for range 30 {
			code, _ := x.asks("名字不对")
			if !regexp.MustCompile(`^[2-9A-HJ-NP-Z]{10}$`).MatchString(string(code)) {
				t.Errorf("the code %s has what is hard to tell apart", code)
			}
		}
	})
}

func TestWhoChangesWhatSomebodyElseHasChangedReadsBothVersions(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		p, m := x.story(nil, nil)
		old := p
		if _, err := x.s.Rewrite(t.Context(), x.FengShuangjiang, p, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := x.s.ChangeMedia(t.Context(), x.FengShuangjiang, m, nil); err != nil {
			t.Fatal(err)
		}
		_, story := x.s.Rewrite(t.Context(), x.FengShuangjiang, old, nil)
		_, picture := x.s.ChangeMedia(t.Context(), x.FengShuangjiang, m, nil)
		_, _, profile := x.s.Choose(t.Context(), x.YaoMangzhong, board.Profile{ShowsItems: true, Items: []board.Item{{Text: "代办证明"}}})
		for what, err := range map[string]error{"the story": story, "the picture": picture, "the profile": profile} {
			var c *problem.Problem
			if !errors.As(err, &c) || c.Code != problem.ErrConflict.Code {
				t.Errorf("%s: %v, want a conflict", what, err)
				continue
			}
			now, isNow := c.Members["current"].(map[string]any)
			read, isRead := c.Members["yours"].(int64)
			if !isNow || !isRead || now["version"] != read+1 {
				t.Errorf("%s: the versions are %v, want both", what, c.Members)
			}
		}
	})
}

func TestAServiceItemIsChosenOnceAndNotWhenItIsOver(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		today := calendar.DayOf(x.now)
		chooses := func(items ...board.Item) error {
			t.Helper()
			was, _, err := x.s.OwnProfile(t.Context(), x.YaoMangzhong)
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = x.s.Choose(t.Context(), x.YaoMangzhong, board.Profile{ShowsItems: true, Version: was.Version, Items: items})
			return err
		}
		if err := chooses(board.Item{Text: "代办证明"}, board.Item{Text: "代办证明 ", ValidTo: today}); !errors.Is(err, board.ErrItemTwice) {
			t.Errorf("the same twice: %v", err)
		}
		if err := chooses(board.Item{Text: "暑期托管", ValidTo: today.Add(-1)}); !errors.Is(err, board.ErrItemOver) {
			t.Errorf("what is over: %v", err)
		}
		if err := chooses(board.Item{Text: "暑期托管", ValidTo: today}); err != nil {
			t.Fatal(err)
		}
		x.now = x.now.AddDate(0, 0, 3)
		if err := chooses(board.Item{Text: "代办证明"}, board.Item{Text: "暑期托管", ValidTo: today}); err != nil {
			t.Errorf("what has ended since stands in the way of another: %v", err)
		}
	})
}
