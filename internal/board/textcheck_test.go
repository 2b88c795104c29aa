package board_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"wanjia/internal/board"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/wechat"
)

// A looker says of each text what a test wants, and counts how often it is asked.
type looker struct {
	says  map[string]wechat.Suggestion // of a text; another passes
	away  bool                         // nothing is known of any
	asked int
	of    org.PersonID
	first func() // done before it answers
}

func (l *looker) look(_ context.Context, person org.PersonID, _ wechat.Scene, texts []string) ([]wechat.Suggestion, error) {
	l.asked, l.of = l.asked+1, person
	if l.first != nil {
		l.first()
	}
	all := make([]wechat.Suggestion, len(texts))
	for i, text := range texts {
		if all[i] = wechat.Pass; l.away {
			all[i] = ""
		} else if said := l.says[text]; said != "" {
			all[i] = said
		}
	}
	return all, nil
}

func pointers(err error) (all []string) {
	if p, ok := errors.AsType[*problem.Problem](err); ok {
		for _, f := range p.Fields {
			all = append(all, f.Pointer)
		}
	}
	return all
}

func TestWhatWeChatWouldNotShowIsRefusedByItsFieldAndNothingIsLost(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		p, _ := x.story(nil, nil)
		l := &looker{says: map[string]wechat.Suggestion{"邻里一起收。": wechat.Risky, "一起收麦子": wechat.Risky, "帮收麦子": wechat.Review}}
		x.s.Looking(l.look)
		_, err := x.s.Submit(t.Context(), x.FengShuangjiang, p.ID)
		if got, want := pointers(err), []string{"/text", "/media/0/caption"}; !errors.Is(err, board.ErrTextRisky) || !slices.Equal(got, want) {
			t.Errorf("it is submitted: %v of %v, want %v of %v", err, got, board.ErrTextRisky, want)
		}
		if l.of != x.FengShuangjiang.PersonID {
			t.Errorf("WeChat is asked about a text of person %d, want the author", l.of)
		}
		kept, err := x.s.Publication(t.Context(), x.FengShuangjiang, p.ID)
		if err != nil || kept.State != board.PublicationDraft || kept.Text != p.Text || kept.Version != p.Version {
			t.Fatalf("what was refused: %+v, %v; want the draft as it was", kept, err)
		}
		l.says = nil
		kept, err = x.s.Submit(t.Context(), x.FengShuangjiang, p.ID)
		if err != nil || kept.State != board.PublicationSubmitted || kept.CheckedAt == nil || !kept.CheckedAt.Equal(x.now) {
			t.Errorf("what WeChat finds nothing in: %+v, %v; want it submitted, and checked now", kept, err)
		}
	})
}

func TestWhatNobodyHasReadIsPublicOnlyByTheReadingOfASecondPerson(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		for name, l := range map[string]*looker{
			"WeChat is away": {away: true}, "WeChat is not sure": {says: map[string]wechat.Suggestion{"一起收麦子": wechat.Review}}, "WeChat is off": nil,
		} {
			x.s.Looking(nil)
			if l != nil {
				x.s.Looking(l.look)
			}
			p, _ := x.story(nil, nil)
			p, err := x.s.Submit(t.Context(), x.FengShuangjiang, p.ID)
			if err != nil || p.State != board.PublicationSubmitted || p.CheckedAt != nil {
				t.Errorf("%s: %+v, %v; want it submitted and not checked", name, p, err)
			}
			if _, err := x.opens(fmt.Sprintf("/p/item/%d", p.ID)); !errors.Is(err, problem.ErrNotFound) {
				t.Errorf("%s: what nobody has read is seen: %v", name, err)
			}
			author := x.FengShuangjiang
			author.Role = org.RoleEditor
			if _, err := x.s.Judge(t.Context(), author, p.ID, board.PublicationPublished, ""); !errors.Is(err, board.ErrOwnWork) {
				t.Errorf("%s: the author publishes it: %v, want %v", name, err, board.ErrOwnWork)
			}
			second := x.editor()
			if seen, err := x.s.Publication(t.Context(), second, p.ID); err != nil || seen.CheckedAt != nil {
				t.Errorf("%s: the editor sees %v, %v; want that it was not checked", name, seen.CheckedAt, err)
			}
			if _, err := x.s.Judge(t.Context(), second, p.ID, board.PublicationPublished, ""); err != nil {
				t.Errorf("%s: the editor publishes it: %v", name, err)
			}
			if _, err := x.opens(fmt.Sprintf("/p/item/%d", p.ID)); err != nil {
				t.Errorf("%s: what an editor has read: %v", name, err)
			}
		}
	})
}

func TestWeChatIsAskedWhileNoTransactionIsOpen(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		p, _ := x.story(nil, nil)
		x.s.Looking((&looker{first: func() { // the same rows can be written: nobody holds them
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			if err := d.InTx(ctx, func(tx *db.Tx) error {
				_, err := tx.Change(ctx, `UPDATE publication SET reason = '' WHERE id = ?`, p.ID)
				return err
			}); err != nil {
				t.Errorf("while WeChat is asked: %v", err)
			}
		}}).look)
		if _, err := x.s.Submit(t.Context(), x.FengShuangjiang, p.ID); err != nil {
			t.Error(err)
		}
	})
}

func TestWhatWasWrittenWhileWeChatReadIsNotChecked(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		p, _ := x.story(nil, nil)
		x.s.Looking((&looker{first: func() {
			changed := p
			changed.Text = "另一段话。"
			if _, err := x.s.Rewrite(t.Context(), x.FengShuangjiang, changed, nil); err != nil {
				t.Error(err)
			}
		}}).look)
		p, err := x.s.Submit(t.Context(), x.FengShuangjiang, p.ID)
		if err != nil || p.Text != "另一段话。" || p.CheckedAt != nil {
			t.Errorf("%q is checked at %v, %v; want it submitted and not checked", p.Text, p.CheckedAt, err)
		}
	})
}

func TestARepeatedSubmissionIsNotReadAgain(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		p, _ := x.story(nil, nil)
		l := &looker{}
		x.s.Looking(l.look)
		sum := sha256.Sum256(nil)
		submit := func() (board.Publication, context.Context, error) {
			ctx := once.With(t.Context(), once.Call{Operation: "submitPublication", Key: "0123456789abcdef", Fingerprint: sum[:]})
			p, err := x.s.Submit(ctx, x.FengShuangjiang, p.ID)
			return p, ctx, err
		}
		first, _, err := submit()
		if err != nil || first.CheckedAt == nil {
			t.Fatalf("the first: checked at %v, %v", first.CheckedAt, err)
		}
		l.says = map[string]wechat.Suggestion{p.Text: wechat.Risky} // WeChat has learnt something since
		x.now = x.now.Add(time.Minute)
		again, ctx, err := submit()
		if err != nil || !once.Replayed(ctx) || again.CheckedAt == nil || !again.CheckedAt.Equal(*first.CheckedAt) || l.asked != 1 {
			t.Errorf("the repeat: checked at %v, %v, after %d questions; want the first answer and one question", again.CheckedAt, err, l.asked)
		}
	})
}

func TestWhatIsReturnedIsReadAnew(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		p, _ := x.story(nil, nil)
		l := &looker{}
		x.s.Looking(l.look)
		if _, err := x.s.Submit(t.Context(), x.FengShuangjiang, p.ID); err != nil {
			t.Fatal(err)
		}
		p, err := x.s.Judge(t.Context(), x.editor(), p.ID, board.PublicationReturned, "请写得短一些")
		if err != nil || p.CheckedAt != nil {
			t.Errorf("what was returned is checked at %v, %v; want it not to be: it will be another text", p.CheckedAt, err)
		}
		l.away = true
		if p, err = x.s.Submit(t.Context(), x.FengShuangjiang, p.ID); err != nil || p.CheckedAt != nil || l.asked != 2 {
			t.Errorf("submitted anew: checked at %v, %v, after %d questions; want two questions and no check", p.CheckedAt, err, l.asked)
		}
	})
}

// offers is what of service items is shown of the holder, and which of them wait.
func (x *site) offers() (shown, unread []string) {
	x.t.Helper()
	p, now, err := x.s.OwnProfile(x.t.Context(), x.YaoMangzhong)
	if err != nil {
		x.t.Fatal(err)
	}
	for _, it := range p.Items {
		if it.Unread {
			unread = append(unread, it.Text)
		}
	}
	return now.Items, unread
}

// picks lets the holder choose service items.
func (x *site) picks(texts ...string) error {
	x.t.Helper()
	was, _, err := x.s.OwnProfile(x.t.Context(), x.YaoMangzhong)
	if err != nil {
		x.t.Fatal(err)
	}
	p := board.Profile{ShowsItems: true, Version: was.Version}
	for _, text := range texts {
		p.Items = append(p.Items, board.Item{Text: text})
	}
	_, _, err = x.s.Choose(x.t.Context(), x.YaoMangzhong, p)
	return err
}

func TestAServiceItemIsShownOnceWeChatOrAnEditorHasReadIt(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		l := &looker{says: map[string]wechat.Suggestion{"卖假药": wechat.Risky, "代买药": wechat.Review}}
		x.s.Looking(l.look)
		holds := func(when string, wantShown, wantUnread []string) {
			t.Helper()
			if shown, unread := x.offers(); !slices.Equal(shown, wantShown) || !slices.Equal(unread, wantUnread) {
				t.Errorf("%s: %q is shown and %q waits, want %q and %q", when, shown, unread, wantShown, wantUnread)
			}
		}
		if err := x.picks("代办证明", "卖假药"); !errors.Is(err, board.ErrTextRisky) || !slices.Equal(pointers(err), []string{"/items/1/text"}) {
			t.Errorf("what WeChat would not show: %v of %q", err, pointers(err))
		}
		holds("what was refused changes nothing", []string{"代办证明"}, nil)
		if err := x.picks("代办证明", "修水管", "代买药"); err != nil {
			t.Fatal(err)
		}
		holds("WeChat is sure of one", []string{"代办证明", "修水管"}, []string{"代买药"})
		l.away = true
		if err := x.picks("修水管", "代买药", "教用手机"); err != nil {
			t.Fatal(err)
		}
		holds("WeChat is away, and what was read stays read", []string{"修水管"}, []string{"代买药", "教用手机"})

		editor, version := x.editor(), int64(0)
		own := x.YaoMangzhong
		own.Role, own.Grid, own.Party = editor.Role, editor.Grid, editor.Party
		for who, by := range map[string]org.Actor{"its person": own, "the editor": editor} {
			all, _, waiting, err := x.s.UnreadItems(t.Context(), by, "", 10)
			if err != nil || len(all) != 1 || waiting != 1 || all[0].PersonID != own.PersonID {
				t.Fatalf("for %s waits %+v, %v; want the one choice", who, all, err)
			}
			version = all[0].Version
		}
		if all, _, n, err := x.s.UnreadItems(t.Context(), org.Actor{PersonID: editor.PersonID}, "", 10); err != nil || len(all) != 0 || n != 0 {
			t.Errorf("outside of the subdistrict waits %+v, %v; want nothing", all, err)
		}
		for who, c := range map[string]struct {
			by      org.Actor
			version int64
			want    error
		}{
			"its person": {own, version, board.ErrOwnWork}, "who read another version": {editor, version - 1, problem.ErrConflict},
			"who sees nothing": {org.Actor{PersonID: editor.PersonID}, version, problem.ErrNotFound},
		} {
			if err := x.s.ApproveItems(t.Context(), c.by, own.PersonID, c.version); !errors.Is(err, c.want) {
				t.Errorf("%s approves: %v, want %v", who, err, c.want)
			}
		}
		holds("nobody has approved it", []string{"修水管"}, []string{"代买药", "教用手机"})
		if err := x.s.ApproveItems(t.Context(), editor, own.PersonID, version); err != nil {
			t.Fatal(err)
		}
		holds("an editor has read it", []string{"修水管", "代买药", "教用手机"}, nil)
		if all, _, n, err := x.s.UnreadItems(t.Context(), editor, "", 10); err != nil || len(all) != 0 || n != 0 {
			t.Errorf("still there waits %+v, %v; want nothing", all, err)
		}
	})
}

func TestWhoeverOffersWhatAnEditorFoundUnfitReadsWhy(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		l := &looker{says: map[string]wechat.Suggestion{"代买药": wechat.Review, "教用手机": wechat.Review}}
		x.s.Looking(l.look)
		editor := x.editor()
		waits := func() (texts []string, version int64) {
			t.Helper()
			all, _, n, err := x.s.UnreadItems(t.Context(), editor, "", 10)
			if err != nil || n != len(all) || n > 1 {
				t.Fatalf("%+v wait, %d of them (%v)", all, n, err)
			}
			for _, u := range all {
				version = u.Version
				for _, it := range u.Items {
					if it.Unread && it.Returned == "" {
						texts = append(texts, it.Text)
					}
				}
			}
			return texts, version
		}
		holds := func(when string, wantShown, wantWaits []string, wantWhy map[string]string) {
			t.Helper()
			shown, _ := x.offers()
			waiting, _ := waits()
			p, _, err := x.s.OwnProfile(t.Context(), x.YaoMangzhong)
			why := map[string]string{}
			for _, it := range p.Items {
				if it.Returned != "" {
					why[it.Text] = it.Returned
				}
			}
			if err != nil || !slices.Equal(shown, wantShown) || !slices.Equal(waiting, wantWaits) || !maps.Equal(why, wantWhy) {
				t.Errorf("%s: %q is shown, %q waits, and %q is said (%v); want %q, %q and %q", when, shown, waiting, why, err, wantShown, wantWaits, wantWhy)
			}
		}
		if err := x.picks("代办证明", "代买药", "教用手机"); err != nil {
			t.Fatal(err)
		}
		_, version := waits()
		own := x.YaoMangzhong
		own.Role, own.Grid, own.Party = editor.Role, editor.Grid, editor.Party
		const reason = "请写明哪几天"
		for who, c := range map[string]struct {
			by      org.Actor
			version int64
			text    string
			want    error
		}{
			"its person": {own, version, "代买药", board.ErrOwnWork}, "who read another version": {editor, version - 1, "代买药", problem.ErrConflict},
			"who sees nothing": {org.Actor{PersonID: editor.PersonID}, version, "代买药", problem.ErrNotFound},
			"what is shown":    {editor, version, "代办证明", problem.ErrInvalid}, "what nobody wrote": {editor, version, "修水管", problem.ErrInvalid},
		} {
			if err := x.s.ReturnItems(t.Context(), c.by, own.PersonID, c.version, []string{c.text}, reason); !errors.Is(err, c.want) {
				t.Errorf("%s returns: %v, want %v", who, err, c.want)
			}
		}
		holds("nothing was returned", []string{"代办证明"}, []string{"代买药", "教用手机"}, nil)
		if err := x.s.ReturnItems(t.Context(), editor, own.PersonID, version, []string{"代买药"}, reason); err != nil {
			t.Fatal(err)
		}
		holds("one was returned", []string{"代办证明"}, []string{"教用手机"}, map[string]string{"代买药": reason})
		var told int
		if err := d.Get(t.Context(), &told, `SELECT COUNT(*) FROM inbox WHERE kind = 'items.returned' AND person_id = ?`, own.PersonID); err != nil || told != 1 {
			t.Errorf("whoever offers it is told %d times (%v), want once", told, err)
		}
		_, version = waits()
		if err := x.s.ApproveItems(t.Context(), editor, own.PersonID, version); err != nil {
			t.Fatal(err)
		}
		holds("the other was found fit", []string{"代办证明", "教用手机"}, nil, map[string]string{"代买药": reason})
		asked := l.asked
		if err := x.picks("代买药", "教用手机"); err != nil || l.asked != asked {
			t.Errorf("chosen as it was: %v, after %d questions more, want none", err, l.asked-asked)
		}
		holds("chosen again as it was", []string{"教用手机"}, nil, map[string]string{"代买药": reason})
		if err := x.picks("周一代买药", "教用手机"); err != nil {
			t.Fatal(err)
		}
		holds("it says which days", []string{"周一代买药", "教用手机"}, nil, nil)
	})
}

func TestWeChatIsAskedAboutNewServiceItemsOnlyAndWhileNoTransactionIsOpen(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		var asked []string
		x.s.Looking(func(ctx context.Context, _ org.PersonID, scene wechat.Scene, texts []string) ([]wechat.Suggestion, error) {
			if scene != wechat.SceneProfile {
				t.Errorf("WeChat is asked about scene %d, want a profile", scene)
			}
			asked = append(asked, texts...)
			ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
			defer cancel()
			if err := d.InTx(ctx, func(tx *db.Tx) error {
				_, err := tx.Change(ctx, `UPDATE public_profile SET shows_phone = ? WHERE person_id = ?`, false, x.YaoMangzhong.PersonID)
				return err
			}); err != nil {
				t.Errorf("while WeChat is asked: %v", err)
			}
			all := make([]wechat.Suggestion, len(texts))
			for i := range all {
				all[i] = wechat.Pass
			}
			return all, nil
		})
		for _, texts := range [][]string{{"代办证明"}, {"代办证明", "修水管"}, {"修水管"}, {"修水管", "代办证明"}} {
			if err := x.picks(texts...); err != nil {
				t.Fatal(err)
			}
		}
		if want := []string{"修水管", "代办证明"}; !slices.Equal(asked, want) {
			t.Errorf("WeChat is asked about %q, want %q: what was taken away is new again", asked, want)
		}
	})
}
