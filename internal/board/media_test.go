package board_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wanjia/internal/board"
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

// sent is a picture that by has sent.
func (x *site) sent(by org.Actor) upload.ID {
	x.t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, image.NewRGBA(image.Rect(0, 0, 40, 20))); err != nil {
		x.t.Fatal(err)
	}
	u, err := x.uploads.Take(x.t.Context(), by, func() ([]byte, error) { return out.Bytes(), nil })
	if err != nil {
		x.t.Fatal(err)
	}
	return u.ID
}

// story is a draft of the secretary's with one picture, and who is named in the one and shown on the other.
func (x *site) story(named, shown []board.Named) (board.Publication, board.Media) {
	x.t.Helper()
	p, err := x.s.Write(x.t.Context(), x.FengShuangjiang, board.Publication{
		Kind: board.Story, Title: "帮收麦子", Text: "邻里一起收。", StartOn: "2026-08-01",
	}, named)
	if err != nil {
		x.t.Fatal(err)
	}
	m, err := x.s.Picture(x.t.Context(), x.FengShuangjiang, x.sent(x.FengShuangjiang), board.Media{
		PublicationID: &p.ID, Caption: "一起收麦子", Credit: "通讯员",
	}, shown)
	if err != nil {
		x.t.Fatal(err)
	}
	return p, m
}

// publishes lets an editor publish a draft.
func (x *site) publishes(id board.PublicationID) error {
	x.t.Helper()
	if p, err := x.s.Publication(x.t.Context(), x.FengShuangjiang, id); err != nil || p.State != board.PublicationSubmitted {
		if _, err := x.s.Submit(x.t.Context(), x.FengShuangjiang, id); err != nil {
			x.t.Fatal(err)
		}
	}
	_, err := x.s.Judge(x.t.Context(), x.editor(), id, board.PublicationPublished, "")
	return err
}

func (x *site) editor() org.Actor {
	return orgtest.Grant(x.t, x.d, orgtest.Person(x.t, x.d), org.RoleEditor, "", x.Committee)
}

// opens is a public page, and how it is refused.
func (x *site) opens(path string) (*httptest.ResponseRecorder, error) {
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(x.t.Context(), http.MethodGet, path, http.NoBody)
	return w, board.NewPages(x.s, "https://wanjia.example/").Serve(w, r)
}

// says is somebody's word on being shown at all, as the program wires it.
func (x *site) says(by org.Actor, p privacy.ConsentPurpose, to privacy.ConsentState) {
	x.t.Helper()
	consents := privacy.NewConsents(x.d, func(ctx context.Context, tx *db.Tx, _ org.Actor, c privacy.Consent) error {
		return board.ConsentSaid(ctx, tx, c)
	})
	if err := consents.Say(x.t.Context(), by, p, 1, to); err != nil {
		x.t.Fatal(err)
	}
}

func TestD15APictureIsPublicOnlyWhileEverybodyOnItAgrees(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		p, m := x.story(nil, []board.Named{{Person: x.YaoMangzhong.PersonID}, {Paper: "同意书-7"}})
		item, picture := fmt.Sprintf("/p/item/%d", p.ID), fmt.Sprintf("/p/picture/%d", m.ID)
		var told int
		if err := d.Get(t.Context(), &told, `SELECT COUNT(*) FROM inbox WHERE kind = 'media.shown' AND person_id = ?`, x.YaoMangzhong.PersonID); err != nil || told != 1 {
			t.Errorf("whoever is shown is told %d times, %v; want once, before it is published", told, err)
		}
		var refused *problem.Problem
		if err := x.publishes(p.ID); !errors.Is(err, board.ErrConsentMissing) || !errors.As(err, &refused) || refused.Fields[0].Pointer != "/media/0" {
			t.Errorf("without a consent it is published: %v", err)
		}
		if _, err := x.opens(picture); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("what is not published is seen: %v", err)
		}
		x.says(x.YaoMangzhong, privacy.ForMedia, privacy.Given)
		if err := x.publishes(p.ID); err != nil {
			t.Fatal(err)
		}
		w, err := x.opens(picture)
		if cache := w.Header().Get("Cache-Control"); err != nil || !bytes.HasPrefix(w.Body.Bytes(), []byte("\xff\xd8")) || cache != "public, max-age=30" {
			t.Errorf("the picture: %v, %d bytes, kept by caches for %q", err, w.Body.Len(), cache)
		}
		if w, err := x.opens(item); err != nil || !strings.Contains(w.Body.String(), `src="`+picture+`"`) || !strings.Contains(w.Body.String(), fmt.Sprintf("/p/report/media/%d", m.ID)) {
			t.Errorf("the story: %v, %s; want the picture, and how to have it taken down", err, w.Body)
		}

		// Somebody withdraws: the picture is gone at the next look, the story stays, and the file 30 days.
		x.says(x.YaoMangzhong, privacy.ForMedia, privacy.Withdrawn)
		if _, err := x.opens(picture); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("the picture of somebody who has withdrawn: %v", err)
		}
		if w, err := x.opens(item); err != nil || strings.Contains(w.Body.String(), "<img") {
			t.Errorf("the story: %v, %s; want it without the picture", err, w.Body)
		}
		sweeps := func() bool {
			some, err := x.uploads.Sweep(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return some
		}
		x.now = x.now.Add(30*24*time.Hour - time.Second)
		if sweeps() {
			t.Error("the file goes before 30 days are over")
		}

		// They consent again in time: it is shown again, and nothing goes.
		x.says(x.YaoMangzhong, privacy.ForMedia, privacy.Given)
		x.now = x.now.Add(time.Hour)
		if _, err := x.opens(picture); err != nil || sweeps() {
			t.Errorf("after a new yes: %v; want it shown and kept", err)
		}
		x.says(x.YaoMangzhong, privacy.ForMedia, privacy.Withdrawn)
		x.now = x.now.Add(30 * 24 * time.Hour)
		if !sweeps() {
			t.Error("30 days after the withdrawal the file is still there")
		}
	})
}

func TestD15WhoeverSaidNoIsNotLeftOutOfTheList(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		x.says(x.YaoMangzhong, privacy.ForMedia, privacy.Given)
		p, m := x.story([]board.Named{{Person: x.YaoMangzhong.PersonID}}, []board.Named{{Account: true}, {Person: x.YaoMangzhong.PersonID}})
		own, _, err := x.s.OwnMedia(t.Context(), x.YaoMangzhong, "", 0)
		if err != nil || len(own) != 2 || !own[0].Agreed || own[0].Public {
			t.Fatalf("whoever is shown sees %v, %v; want the picture and the story, agreed to and not published", own, err)
		}
		if _, err := x.s.Refuse(t.Context(), x.LinXiaoman, own[0].ID); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("somebody else says no for them: %v", err)
		}
		if _, err := x.s.Refuse(t.Context(), x.YaoMangzhong, own[0].ID); err != nil {
			t.Fatal(err)
		}
		m.Caption = "收麦子"
		if _, err := x.s.ChangeMedia(t.Context(), x.FengShuangjiang, m, []board.Named{{ID: m.Shown[0].ID}}); !errors.Is(err, board.ErrDepicted) {
			t.Errorf("whoever said no is left out: %v", err)
		}
		if err := x.publishes(p.ID); !errors.Is(err, board.ErrConsentMissing) {
			t.Errorf("it is published: %v", err)
		}
	})
}

func TestD15AResidentAgreesWithACodeAndNobodyLearnsWhoTheyAre(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		p, m := x.story(nil, []board.Named{{Account: true}})
		code := m.Shown[0].Code.String()
		if _, err := x.s.Agree(t.Context(), x.LinXiaoman, "AAAAA-AAAAA"); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("another code: %v", err)
		}
		if o, err := x.s.Agree(t.Context(), x.LinXiaoman, strings.ToLower(code)); err != nil || !o.Agreed || o.Title != "一起收麦子" {
			t.Errorf("the yes: %+v, %v", o, err)
		}
		if _, err := x.s.Agree(t.Context(), x.YaoMangzhong, code); !errors.Is(err, board.ErrIllegalTransition) {
			t.Errorf("a code serves a second time: %v", err)
		}
		if m, err := x.s.Media(t.Context(), x.FengShuangjiang, m.ID); err != nil || !m.Shown[0].Agreed || m.Shown[0].Code != "" {
			t.Errorf("the author sees %+v, %v", m.Shown, err)
		}
		if err := x.publishes(p.ID); err != nil {
			t.Error(err)
		}
	})
}

func TestD15WhoeverHandsOutACodeSaysYesForNobody(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		p, m := x.story(nil, []board.Named{{Account: true}, {Account: true}})
		first, second := string(m.Shown[0].Code), string(m.Shown[1].Code)
		if _, err := x.s.Agree(t.Context(), x.FengShuangjiang, first); !errors.Is(err, board.ErrOwnCode) {
			t.Errorf("the author says yes: %v, want %v", err, board.ErrOwnCode)
		}
		if _, err := x.s.Agree(t.Context(), x.LinXiaoman, first); err != nil {
			t.Fatal(err)
		}
		if _, err := x.s.Agree(t.Context(), x.LinXiaoman, second); !errors.Is(err, board.ErrShownTwice) {
			t.Errorf("one person says yes for two: %v, want %v", err, board.ErrShownTwice)
		}
		if err := x.publishes(p.ID); !errors.Is(err, board.ErrConsentMissing) {
			t.Errorf("it is published: %v", err)
		}
		if _, err := x.s.Agree(t.Context(), x.YaoMangzhong, second); err != nil {
			t.Errorf("somebody else says yes: %v", err)
		}
	})
}

func TestD15AYesToOnePictureBringsNoOtherBack(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		by := x.YaoMangzhong
		x.says(by, privacy.ForMedia, privacy.Given)
		p, old := x.story(nil, []board.Named{{Person: by.PersonID}})
		if err := x.publishes(p.ID); err != nil {
			t.Fatal(err)
		}
		x.says(by, privacy.ForMedia, privacy.Withdrawn)
		agrees := func() {
			t.Helper()
			_, m := x.story(nil, []board.Named{{Account: true}})
			if o, err := x.s.Agree(t.Context(), by, string(m.Shown[0].Code)); err != nil || !o.Agreed {
				t.Fatalf("the yes: %+v, %v", o, err)
			}
		}
		agrees()
		if _, err := x.opens(fmt.Sprintf("/p/picture/%d", old.ID)); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("what they withdrew from: %v, want it out of sight", err)
		}
		agrees()
		own, _, err := x.s.OwnMedia(t.Context(), by, "", 0)
		if err != nil || len(own) != 3 || !own[0].Agreed || !own[1].Agreed || own[2].Agreed || own[2].EndedAt == nil {
			t.Errorf("they see %+v, %v; want a yes to the new two and a no to the old one", own, err)
		}
	})
}

func TestE7AStoryLeavesWhenSomebodyNamedInItSaysNo(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		x.says(x.YaoMangzhong, privacy.ForMedia, privacy.Given)
		p, m := x.story([]board.Named{{Person: x.YaoMangzhong.PersonID}, {Paper: "同意书-8"}}, []board.Named{})
		if err := x.publishes(p.ID); err != nil {
			t.Fatal(err)
		}
		seen := func() bool {
			_, err := x.opens(fmt.Sprintf("/p/item/%d", p.ID))
			_, picture := x.opens(fmt.Sprintf("/p/picture/%d", m.ID))
			w, list := x.opens(fmt.Sprintf("/p/notices/%d", x.Xingwu.Unit.ID))
			if list != nil || (err == nil) != strings.Contains(w.Body.String(), "帮收麦子") || (err == nil) != (picture == nil) {
				t.Errorf("the story: %v, its picture: %v, and the list disagree: %s", err, picture, w.Body)
			}
			return err == nil
		}
		if !seen() {
			t.Error("with everybody's consent it is not seen")
		}
		x.says(x.YaoMangzhong, privacy.ForMedia, privacy.Withdrawn)
		if seen() {
			t.Error("after a withdrawal it is seen")
		}
		x.says(x.YaoMangzhong, privacy.ForMedia, privacy.Given)
		if !seen() {
			t.Error("after a new yes it is not seen")
		}
		full, err := x.s.Publication(t.Context(), x.FengShuangjiang, p.ID)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.s.WithdrawNamed(t.Context(), x.ZhengXiaoxue, p.ID, full.Shown[1].ID); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("somebody of another village: %v", err)
		}
		if _, err := x.s.WithdrawNamed(t.Context(), x.editor(), p.ID, full.Shown[1].ID); err != nil {
			t.Fatal(err)
		}
		if seen() {
			t.Error("whoever signed a paper said no, and it is seen")
		}

		// 30 days later all of it is forgotten, the picture with the story.
		erase := func(at time.Time) {
			x.now = at
			if _, err := privacy.NewRetention(d, page.NewKeys([]byte("pages")), "", board.Retained...).Night(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		left := func() (n int) {
			for _, table := range []string{"publication", "media", "depicted"} {
				var some int
				if err := d.Get(t.Context(), &some, `SELECT COUNT(*) FROM `+table); err != nil {
					t.Fatal(err)
				}
				n += some
			}
			return n
		}
		night := calendar.DayOf(x.now).Add(30).Time().Add(3 * time.Hour)
		if erase(night); left() != 4 {
			t.Errorf("a night before 30 days are over %d rows are left, want all 4", left())
		}
		if erase(night.Add(24 * time.Hour)); left() != 0 {
			t.Errorf("after 30 days %d rows are left, want none", left())
		}
	})
}

func TestX45ADraftThatNobodyPublishesGoesAfterAYearWithItsPictures(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		p, _ := x.story(nil, []board.Named{{Paper: "同意书-1"}})
		if err := x.publishes(p.ID); err != nil {
			t.Fatal(err)
		}
		x.story([]board.Named{{Paper: "同意书-2"}}, []board.Named{{Paper: "同意书-2"}})
		from := x.now
		left := func(day time.Time) (n [3]int) {
			t.Helper()
			x.now = calendar.DayOf(day).Time().Add(3 * time.Hour)
			if _, err := privacy.NewRetention(d, page.NewKeys([]byte("pages")), "", board.Retained...).Night(t.Context()); err != nil {
				t.Fatal(err)
			}
			for i, table := range []string{"publication", "media", "depicted"} {
				if err := d.Get(t.Context(), &n[i], `SELECT COUNT(*) FROM `+table); err != nil {
					t.Fatal(err)
				}
			}
			return n
		}
		if got, want := left(from.AddDate(1, 0, -1)), [3]int{2, 2, 3}; got != want {
			t.Errorf("within a year %v rows are left, want %v", got, want)
		}
		if got, want := left(from.AddDate(1, 0, 2)), [3]int{1, 1, 1}; got != want {
			t.Errorf("after a year %v rows are left, want %v: what was published", got, want)
		}
	})
}

func TestE7NobodyIsNamedInTwoWays(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		for what, c := range map[string]struct {
			named []board.Named
			want  error
		}{
			"nothing":               {[]board.Named{{}}, board.ErrDepicted},
			"two ways":              {[]board.Named{{Paper: "同意书-1", Account: true}}, board.ErrDepicted},
			"twice":                 {[]board.Named{{Person: x.YaoMangzhong.PersonID}, {Person: x.YaoMangzhong.PersonID}}, board.ErrDepicted},
			"a number to call":      {[]board.Named{{Paper: "19900000001"}}, board.ErrDepicted},
			"an entry that is none": {[]board.Named{{ID: 77}}, problem.ErrNotFound},
			"of another village":    {[]board.Named{{Person: x.ZhangHolder.PersonID}}, problem.ErrNotFound},
		} {
			_, err := x.s.Write(t.Context(), x.FengShuangjiang, board.Publication{Kind: board.Story, Title: "帮收麦子", Text: "邻里一起收。", StartOn: "2026-08-01"}, c.named)
			if !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", what, err, c.want)
			}
		}
	})
}

func TestH3ATakedownOfAPictureHidesItAndNothingElse(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		p, m := x.story(nil, []board.Named{})
		if err := x.publishes(p.ID); err != nil {
			t.Fatal(err)
		}
		if _, _, err := x.s.TakeDown(t.Context(), org.Actor{}, board.PageRef{Kind: board.MediaPage, ID: int64(m.ID)}, "拍到了我"); err != nil {
			t.Fatal(err)
		}
		if _, err := x.opens(fmt.Sprintf("/p/picture/%d", m.ID)); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("the picture: %v", err)
		}
		if w, err := x.opens(fmt.Sprintf("/p/item/%d", p.ID)); err != nil || strings.Contains(w.Body.String(), "<img") {
			t.Errorf("the story: %v, %s; want it without the picture", err, w.Body)
		}
		editor := x.editor()
		all, _, err := x.s.Takedowns(t.Context(), editor, "", "", 0)
		if err != nil || len(all) != 1 {
			t.Fatalf("takedowns: %v, %v", all, err)
		}
		if _, err := x.s.Decide(t.Context(), editor, all[0].ID, board.Declined, "不是本人"); err != nil {
			t.Fatal(err)
		}
		if _, err := x.opens(fmt.Sprintf("/p/picture/%d", m.ID)); err != nil {
			t.Errorf("after it was declined: %v", err)
		}
		// Whoever is on a picture need not wait for an editor, whatever one said of it a moment ago.
		_, again, err := x.s.TakeDown(t.Context(), org.Actor{}, board.PageRef{Kind: board.MediaPage, ID: int64(m.ID)}, "也拍到了我")
		if err != nil || again.State != board.HiddenPending {
			t.Errorf("another wish: %v, %v; want %s", again.State, err, board.HiddenPending)
		}
		if _, err := x.opens(fmt.Sprintf("/p/picture/%d", m.ID)); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("the picture, once more: %v", err)
		}
	})
}

func TestPeopleAreToldWhatIsKeptOfThemHere(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		x.story([]board.Named{{Person: x.YaoMangzhong.PersonID}}, []board.Named{{Person: x.YaoMangzhong.PersonID}})
		for person, want := range map[org.PersonID]string{
			x.YaoMangzhong.PersonID: "公开姓名 是；公开服务事项 是；公开照片 否；公开电话 否；服务事项 代办证明；有我的照片 一起收麦子；写到我的故事 帮收麦子；",
			x.LinXiaoman.PersonID:   "公开姓名 否；公开服务事项 否；公开照片 否；公开电话 否；",
		} {
			s, err := board.OwnData(t.Context(), d, person)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, h := range s.Items {
				got += h.Label + " " + h.Text + "；"
			}
			if got != want {
				t.Errorf("kept is %s, want %s", got, want)
			}
		}
	})
}
