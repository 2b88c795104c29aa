package board_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/board"
	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/problem"
	"wanjia/internal/privacy"
)

// X40, X41: a number in what a stranger wrote is masked, and whoever acts on it may look at it, with a reason, once it is noted.
func TestX40_WhoActsOnAComplaintMayLookAtTheNumberInIt(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		if _, err := audit.Open(t.Context(), d, bytes.Repeat([]byte{4}, 32)); err != nil {
			t.Fatal(err)
		}
		const wrote = "照片里是我家，请打我儿子电话19900001234"
		why := privacy.Why{Purpose: privacy.CallBack, Reason: "按来信所留号码核实"}
		story, _ := x.story(nil, nil) // the secretary's
		if err := x.publishes(story.ID); err != nil {
			t.Fatal(err)
		}
		noted := func(action string, id int64) (n int) {
			t.Helper()
			if err := d.Get(t.Context(), &n, `SELECT COUNT(*) FROM audit WHERE action = ? AND object_id = ? AND reason = ?`, action, id, why.Reason); err != nil {
				t.Fatal(err)
			}
			return n
		}
		for _, c := range []struct {
			page board.PageRef
			own  bool // of the secretary
		}{
			{board.PageRef{Kind: board.BoardPage, ID: int64(x.id)}, false},
			{board.PageRef{Kind: board.PublicationPage, ID: int64(story.ID)}, true},
		} {
			if err := x.s.Say(t.Context(), org.Actor{}, c.page, wrote); err != nil {
				t.Fatal(err)
			}
			_, down, err := x.s.TakeDown(t.Context(), org.Actor{}, c.page, wrote)
			if err != nil {
				t.Fatal(err)
			}
			heard, _, err := x.s.Feedbacks(t.Context(), x.FengShuangjiang, "", 0)
			if err != nil {
				t.Fatal(err)
			}
			for action, look := range map[string]struct {
				id  int64
				see func(by org.Actor, why privacy.Why) (string, error)
			}{
				"takedown.unmasked": {int64(down.ID), func(by org.Actor, why privacy.Why) (string, error) {
					return x.s.UnmaskTakedown(t.Context(), by, down.ID, why)
				}},
				"feedback.unmasked": {heard[0].ID, func(by org.Actor, why privacy.Why) (string, error) {
					return x.s.UnmaskFeedback(t.Context(), by, heard[0].ID, why)
				}},
			} {
				if got, err := look.see(x.editor(), why); err != nil || got != wrote || noted(action, look.id) != 1 {
					t.Errorf("%s of a %s: %q (%v), noted %d times; want the whole, noted once", action, c.page.Kind, got, err, noted(action, look.id))
				}
				if got, err := look.see(x.editor(), privacy.Why{Purpose: privacy.CallBack}); !errors.Is(err, privacy.ErrReason) || got != "" {
					t.Errorf("%s without a reason: %q (%v)", action, got, err)
				}
				if got, err := look.see(x.HeQingqing, why); !errors.Is(err, problem.ErrNotFound) || got != "" {
					t.Errorf("%s elsewhere: %q (%v)", action, got, err)
				}
				got, err := look.see(x.FengShuangjiang, why)
				if c.own && (!errors.Is(err, board.ErrOfOwnWork) || got != "") || !c.own && got != wrote {
					t.Errorf("%s, by the secretary, whose work it is (%v): %q (%v)", action, c.own, got, err)
				}
			}
			if c.own {
				x.in(func(tx *db.Tx) error { // nothing can be noted any more
					_, err := tx.Change(t.Context(), `DELETE FROM audit_lane`)
					return err
				})
				if got, err := x.s.UnmaskTakedown(t.Context(), x.editor(), down.ID, why); !errors.Is(err, audit.ErrUnavailable) || got != "" {
					t.Errorf("without its note: %q (%v), want nothing", got, err)
				}
			}
		}
	})
}

func TestX40WhomAPageShowsDoesNotLearnWhoComplainsOfThem(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		const wrote = "从来找不到人，请打我电话19900001234"
		why := privacy.Why{Purpose: privacy.CallBack, Reason: "按来信所留号码核实"}
		in := func(by org.Actor, role org.Role, u org.Unit) org.Actor {
			return orgtest.Grant(t, d, by.PersonID, role, "", u)
		}
		holder, standIn, member := x.YaoMangzhong, x.XingwuMember, x.ZhangHolder
		says := func(p board.PageRef) (feedback int64, takedown board.TakedownID) {
			t.Helper()
			if err := x.s.Say(t.Context(), org.Actor{}, p, wrote); err != nil {
				t.Fatal(err)
			}
			_, down, err := x.s.TakeDown(t.Context(), org.Actor{}, p, wrote)
			if err != nil {
				t.Fatal(err)
			}
			heard, _, err := x.s.Feedbacks(t.Context(), x.FengShuangjiang, "", 1)
			if err != nil {
				t.Fatal(err)
			}
			return heard[0].ID, down.ID
		}
		looks := func(who string, by org.Actor, feedback int64, takedown board.TakedownID, refused bool) {
			t.Helper()
			heard, err := x.s.UnmaskFeedback(t.Context(), by, feedback, why)
			asked, failed := x.s.UnmaskTakedown(t.Context(), by, takedown, why)
			for what, got := range map[string]struct {
				text string
				err  error
			}{"feedback": {heard, err}, "takedown": {asked, failed}} {
				if refused && (!errors.Is(got.err, board.ErrOfOwnWork) || got.text != "") || !refused && got.text != wrote {
					t.Errorf("%s, of the %s: %q (%v), want it refused: %v", who, what, got.text, got.err, refused)
				}
			}
		}
		absences := org.NewAbsences(d,
			func(context.Context, *db.Tx, org.Actor, org.RoleEvent, org.Assignment) error { return nil },
			func(context.Context, *db.Tx, org.Actor, org.AbsenceEvent, org.Absence, []org.Incumbent) error {
				return nil
			})
		if _, err := absences.Announce(t.Context(), holder, org.NewAbsence{StandInAs: standIn.Assignment, From: "2026-08-03", To: "2026-08-06"}); err != nil {
			t.Fatal(err)
		}

		feedback, takedown := says(board.PageRef{Kind: board.BoardPage, ID: int64(x.id)})
		editor := in(holder, org.RoleEditor, x.Committee)
		looks("the holder as an editor", editor, feedback, takedown, true)
		looks("the holder in the office", in(holder, org.RolePartyOffice, x.Committee), feedback, takedown, true)
		second := in(standIn, org.RoleEditor, x.Committee)
		looks("who stands in, as an editor", second, feedback, takedown, true)
		looks("the secretary, to whom it was said", x.FengShuangjiang, feedback, takedown, false)
		x.now = x.now.Add(24 * time.Hour)
		x.in(func(tx *db.Tx) error { // nobody holds the area by now
			_, err := tx.Change(t.Context(), `UPDATE role_assignment SET valid_to = ? WHERE id = ?`, "2026-08-04", holder.Assignment)
			return err
		})
		if _, err := x.s.Renew(t.Context()); err != nil || x.latest() != 2 {
			t.Fatalf("renewed: version %d, %v", x.latest(), err)
		}
		x.now = x.now.Add(7 * 24 * time.Hour)
		looks("who held it when it was said", editor, feedback, takedown, true)
		looks("who stood in when it was said", second, feedback, takedown, true)
		feedback, later := says(board.PageRef{Kind: board.BoardPage, ID: int64(x.id)})
		looks("who held it before it was said", editor, feedback, later, false)

		feedback, takedown = says(board.PageRef{Kind: board.PlaquePage, ID: int64(x.hangs(member))})
		own := in(member, org.RoleEditor, x.Committee)
		looks("whose plaque it is, as an editor", own, feedback, takedown, true)
		if _, err := x.s.Decide(t.Context(), own, takedown, board.Declined, "没有问题"); !errors.Is(err, board.ErrOwnWork) {
			t.Errorf("whose plaque it is declines: %v, want %v", err, board.ErrOwnWork)
		}
		if _, err := x.s.Decide(t.Context(), x.editor(), takedown, board.Upheld, "牌子已换"); err != nil {
			t.Fatal(err)
		}
		if _, err := x.s.Lift(t.Context(), own, takedown, "已更正"); !errors.Is(err, board.ErrOwnWork) {
			t.Errorf("whose plaque it is lifts: %v, want %v", err, board.ErrOwnWork)
		}
		looks("another editor", x.editor(), feedback, takedown, false)

		story, picture := x.story([]board.Named{{Person: x.YaoMangzhong.PersonID}}, []board.Named{{Person: standIn.PersonID}})
		x.says(x.YaoMangzhong, privacy.ForMedia, privacy.Given)
		x.says(standIn, privacy.ForMedia, privacy.Given)
		if err := x.publishes(story.ID); err != nil {
			t.Fatal(err)
		}
		for _, page := range []board.PageRef{{Kind: board.PublicationPage, ID: int64(story.ID)}, {Kind: board.MediaPage, ID: int64(picture.ID)}} {
			feedback, takedown = says(page)
			for who, by := range map[string]org.Actor{"who is named in the story": editor, "who is shown on the picture": second} {
				looks(who+", as an editor, of "+string(page.Kind), by, feedback, takedown, true)
				if _, err := x.s.Decide(t.Context(), by, takedown, board.Declined, "没有问题"); !errors.Is(err, board.ErrOwnWork) {
					t.Errorf("%s declines, of %s: %v, want %v", who, page.Kind, err, board.ErrOwnWork)
				}
			}
			if _, err := x.s.Decide(t.Context(), x.editor(), takedown, board.Upheld, "先撤下"); err != nil {
				t.Fatal(err)
			}
			for who, by := range map[string]org.Actor{"who is named in the story": editor, "who is shown on the picture": second} {
				if _, err := x.s.Lift(t.Context(), by, takedown, "已更正"); !errors.Is(err, board.ErrOwnWork) {
					t.Errorf("%s lifts, of %s: %v, want %v", who, page.Kind, err, board.ErrOwnWork)
				}
			}
			looks("an editor who is on neither, of "+string(page.Kind), x.editor(), feedback, takedown, false)
			if page.Kind == board.PublicationPage { // shown again, so that its picture is a page
				if _, err := x.s.Lift(t.Context(), x.editor(), takedown, "已更正"); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
