package board_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"wanjia/api"
	"wanjia/internal/board"
	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/request"
)

// shown says why the page of the board is not shown, or nil.
func (x *site) shown() error {
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(x.t.Context(), http.MethodGet, "/b/1", http.NoBody)
	r.URL.Path = "/b/" + formatted(int64(x.id))
	return board.NewPages(x.s, "").Serve(w, r)
}

func formatted(n int64) string { return strconv.FormatInt(n, 10) }

// asks makes a stranger ask to take the board down.
func (x *site) asks(why string) (board.Code, board.Takedown) {
	x.t.Helper()
	code, t, err := x.s.TakeDown(x.t.Context(), org.Actor{}, board.PageRef{Kind: board.BoardPage, ID: int64(x.id)}, why)
	if err != nil {
		x.t.Fatal(err)
	}
	return code, t
}

func TestH3OneDecisionBringsBackAPageHoweverManyAskedToHideIt(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		codes := map[board.Code]bool{}
		var last board.Takedown
		for range 10 {
			var code board.Code
			code, last = x.asks("名字不对")
			codes[code] = true
		}
		if len(codes) != 10 || !errors.Is(x.shown(), board.ErrUnderReview) {
			t.Fatalf("%d codes, and the page says %v", len(codes), x.shown())
		}
		if _, err := x.s.Decide(t.Context(), x.FengShuangjiang, last.ID, board.Declined, "姓名无误"); err != nil {
			t.Fatal(err)
		}
		if err := x.shown(); err != nil {
			t.Errorf("declined, and still hidden: %v", err)
		}
		for code := range codes {
			if got, err := x.s.Status(t.Context(), string(code)); err != nil || got.State != board.Declined {
				t.Errorf("whoever else asked reads %v (%v), want declined", got.State, err)
			}
		}
		// The same again at once waits for the editor, and hides nothing; after some days it hides.
		if _, again := x.asks("名字不对"); again.State != board.Received || x.shown() != nil {
			t.Errorf("again: %v, and the page says %v", again.State, x.shown())
		}
		waiting, _, err := x.s.Takedowns(t.Context(), x.FengShuangjiang, "", "", 0)
		if err != nil || len(waiting) != 1 || waiting[0].State != board.Received {
			t.Errorf("the editor sees %v (%v), want what waits", waiting, err)
		}
		x.now = x.now.Add(8 * 24 * time.Hour)
		if _, again := x.asks("名字还是不对"); again.State != board.HiddenPending || !errors.Is(x.shown(), board.ErrUnderReview) {
			t.Errorf("a week later: %v, and the page says %v", again.State, x.shown())
		}
	})
}

func TestH3ANewVersionIsHiddenThoughTheOldOneWasFoundRight(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		_, first := x.asks("名字不对")
		if _, err := x.s.Decide(t.Context(), x.FengShuangjiang, first.ID, board.Declined, "姓名无误"); err != nil {
			t.Fatal(err)
		}
		x.withdraws()
		if _, err := x.s.Renew(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, again := x.asks("这一版不对"); again.State != board.HiddenPending {
			t.Errorf("of another version: %v, want hidden", again.State)
		}
	})
}

func TestH3WhatWasTakenDownComesBackOnlyByAnotherEditorAndNeverByTheClock(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		_, wish := x.asks("内容不妥")
		if _, err := x.s.Decide(t.Context(), x.FengShuangjiang, wish.ID, board.Upheld, "确有不妥"); err != nil {
			t.Fatal(err)
		}
		if err := x.shown(); !errors.Is(err, board.ErrTakenDown) {
			t.Errorf("the page says %v, want %v", err, board.ErrTakenDown)
		}
		if _, _, err := x.s.TakeDown(t.Context(), org.Actor{}, board.PageRef{Kind: board.BoardPage, ID: int64(x.id)}, "再撤一次"); !errors.Is(err, board.ErrTakenDown) {
			t.Errorf("taking down what is down: %v", err)
		}
		x.withdraws()
		if some, err := x.s.Renew(t.Context()); err != nil || !some {
			t.Fatalf("renewed: %v, %v", some, err)
		}
		if err := x.shown(); !errors.Is(err, board.ErrTakenDown) {
			t.Errorf("with another content the page says %v, want %v", err, board.ErrTakenDown)
		}
		x.now = x.now.AddDate(1, 1, 0)
		x.forgets("takedown", "takedown_upheld")
		if err := x.shown(); !errors.Is(err, board.ErrTakenDown) {
			t.Errorf("thirteen months later the page says %v, want %v", err, board.ErrTakenDown)
		}
		var left int
		if err := d.Get(t.Context(), &left, `SELECT COUNT(*) FROM takedown WHERE text_sealed IS NOT NULL OR code_sealed IS NOT NULL OR person_id IS NOT NULL`); err != nil || left != 0 {
			t.Errorf("of %d it is known who asked and why (%v)", left, err)
		}
		if _, err := x.s.Lift(t.Context(), x.FengShuangjiang, wish.ID, "已更正"); !errors.Is(err, board.ErrOwnDecision) {
			t.Errorf("lifting the own decision: %v, want %v", err, board.ErrOwnDecision)
		}
		got, err := x.s.Lift(t.Context(), x.GaoXiaohan, wish.ID, "已更正")
		if err != nil || got.State != board.Lifted || x.shown() != nil {
			t.Errorf("lifted: %v (%v), and the page says %v", got.State, err, x.shown())
		}
		if _, err := x.s.Lift(t.Context(), x.GaoXiaohan, wish.ID, "已更正"); !errors.Is(err, board.ErrIllegalTransition) {
			t.Errorf("lifting twice: %v", err)
		}
		x.now = x.now.AddDate(1, 1, 0)
		x.forgets("takedown", "takedown_upheld")
		if err := d.Get(t.Context(), &left, `SELECT COUNT(*) FROM takedown`); err != nil || left != 0 {
			t.Errorf("%d takedowns are kept that hide nothing (%v)", left, err)
		}
	})
}

func TestH2NobodySaysOfTheirOwnWorkThatItMayBeShown(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		p, m := x.story(nil, []board.Named{{Paper: "同意书-1"}})
		if err := x.publishes(p.ID); err != nil {
			t.Fatal(err)
		}
		author := orgtest.Grant(t, d, x.FengShuangjiang.PersonID, org.RoleEditor, "", x.Committee)
		for _, ref := range []board.PageRef{{Kind: board.PublicationPage, ID: int64(p.ID)}, {Kind: board.MediaPage, ID: int64(m.ID)}} {
			_, wish, err := x.s.TakeDown(t.Context(), org.Actor{}, ref, "不妥")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := x.s.Decide(t.Context(), author, wish.ID, board.Declined, "没有问题"); !errors.Is(err, board.ErrOwnWork) {
				t.Errorf("%s: its author declines: %v, want %v", ref.Kind, err, board.ErrOwnWork)
			}
			if _, err := x.s.Decide(t.Context(), x.editor(), wish.ID, board.Upheld, "确有不妥"); err != nil {
				t.Fatal(err)
			}
			if _, err := x.s.Lift(t.Context(), author, wish.ID, "已更正"); !errors.Is(err, board.ErrOwnWork) {
				t.Errorf("%s: its author lifts: %v, want %v", ref.Kind, err, board.ErrOwnWork)
			}
			if _, err := x.s.Lift(t.Context(), x.editor(), wish.ID, "已更正"); err != nil {
				t.Errorf("%s: another editor lifts: %v", ref.Kind, err)
			}
			x.now = x.now.Add(8 * 24 * time.Hour)
			if _, wish, err = x.s.TakeDown(t.Context(), org.Actor{}, ref, "不妥"); err != nil {
				t.Fatal(err)
			}
			if got, err := x.s.Decide(t.Context(), author, wish.ID, board.Upheld, "确有不妥"); err != nil || got.State != board.Upheld {
				t.Errorf("%s: its author takes it down: %v, %v", ref.Kind, got.State, err)
			}
		}
	})
}

func TestH3AWishThatMeetsADecisionIsToldToEditors(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		editor := x.editor()
		page := board.PageRef{Kind: board.BoardPage, ID: int64(x.id)}
		for range 10 {
			_, first := x.asks("名字不对")
			var both sync.WaitGroup
			both.Go(func() {
				if _, err := x.s.Decide(t.Context(), editor, first.ID, board.Declined, "姓名无误"); err != nil {
					t.Errorf("decide: %v", err)
				}
			})
			both.Go(func() {
				if _, _, err := x.s.TakeDown(t.Context(), org.Actor{}, page, "名字还是不对"); err != nil {
					t.Errorf("ask: %v", err)
				}
			})
			both.Wait()
			waiting, _, err := x.s.Takedowns(t.Context(), editor, "", "", 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range waiting { // it came after the decision
				var told int
				if err := d.Get(t.Context(), &told, `SELECT COUNT(*) FROM inbox WHERE kind = 'takedown.received' AND ref_id = ?`, w.ID); err != nil || told == 0 {
					t.Errorf("%s: %d editors were told (%v), want somebody", w.State, told, err)
				}
				if _, err := x.s.Decide(t.Context(), editor, w.ID, board.Declined, "姓名无误"); err != nil {
					t.Fatal(err)
				}
			}
			x.now = x.now.Add(8 * 24 * time.Hour)
		}
	})
}

// forgets runs the retention of some classes once.
func (x *site) forgets(classes ...string) {
	x.t.Helper()
	for _, c := range board.Retained {
		for _, name := range classes {
			if c.Name != name {
				continue
			}
			before := []any{x.now.AddDate(0, -c.Kept.Months, -c.Kept.Days)}
			if c.Args != nil {
				before = c.Args(before[0].(time.Time))
			}
			x.in(func(tx *db.Tx) error {
				var ids []int64
				if err := tx.Select(x.t.Context(), &ids, c.Due, append(before, 0, 500)...); err != nil || len(ids) == 0 {
					return err
				}
				for _, erase := range c.Erase {
					query, args, err := db.In(erase, ids)
					if err != nil {
						return err
					}
					if _, err := tx.Change(x.t.Context(), query, args...); err != nil {
						return err
					}
				}
				return nil
			})
		}
	}
}

func TestX30OnlyWhatWasPrintedAsksForAReprintAndOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		tasks := func() (n int) {
			if err := d.Get(t.Context(), &n, `SELECT COUNT(*) FROM task`); err != nil {
				t.Fatal(err)
			}
			return n
		}
		printed := func(number int) {
			if _, err := x.s.MarkPrinted(t.Context(), x.FengShuangjiang, x.id, number); err != nil {
				t.Fatal(err)
			}
		}
		// Versions come and go by what the holder shows of themselves: 1 and 3 are printed, 2 never hung.
		kept := int64(1)
		next := func(item string) {
			x.in(func(tx *db.Tx) error {
				p := board.Profile{
					PersonID: x.YaoMangzhong.PersonID, ShowsName: true, ShowsItems: true, Items: []board.Item{{Text: item}}, Version: kept,
				}
				return board.SaveProfile(t.Context(), tx, p)
			})
			kept++
			if _, err := x.s.Renew(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		look := func(number int) {
			x.now = x.now.Add(time.Minute)
			if _, err := x.s.Look(t.Context(), x.id, number); err != nil {
				t.Fatal(err)
			}
		}
		printed(1)
		next("代取快递")
		next("读信")
		printed(3)
		next("修灯")
		look(2)
		if n := tasks(); n != 0 {
			t.Errorf("a version that never hung asks for %d reprints", n)
		}
		look(1)
		look(3)
		look(1)
		if n := tasks(); n != 1 {
			t.Errorf("%d reprint tasks for one board, want 1", n)
		}
	})
}

func TestX23ADangerSaidByABoardStopsTheMessage(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		_, err := x.s.Relay(t.Context(), x.id, board.Message{Text: "家里着火了", Danger: request.Fire})
		if !errors.Is(err, request.ErrDanger) {
			t.Errorf("a fire: %v, want %v", err, request.ErrDanger)
		}
		page := x.reads("")
		for _, want := range []string{`name="danger"`, `value="fire"`, "只有承办这件事的人"} {
			if !strings.Contains(page, want) {
				t.Errorf("the form lacks %s", want)
			}
		}
		if strings.Contains(page, "不显示给对方") {
			t.Error("the form promises what is not so")
		}
		var n int
		if err := d.Get(t.Context(), &n, `SELECT COUNT(*) FROM request`); err != nil || n != 0 {
			t.Errorf("%d requests were kept (%v)", n, err)
		}
		post := func(danger string) error {
			form := url.Values{"key": {"0123456789abcdef" + danger}, "text": {"路灯不亮"}, "danger": {danger}}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/b/"+formatted(int64(x.id))+"/relay", strings.NewReader(form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			return board.NewPages(x.s, "").Serve(httptest.NewRecorder(), r)
		}
		if err := post(""); err == nil {
			t.Error("nobody answered the question, and the form was taken")
		}
		if err := post("fire"); !errors.Is(err, request.ErrDanger) {
			t.Errorf("the form with a fire: %v", err)
		}
		if err := post("none"); err != nil {
			t.Errorf("the form without danger: %v", err)
		}
	})
}

func TestC25WhoLeavesNoNumberByABoardOpensTheReceiptWithWhatThePageShows(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		post := func(key, phone string) string {
			form := url.Values{"key": {key}, "text": {"路灯不亮"}, "danger": {"none"}, "phone": {phone}}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/b/"+formatted(int64(x.id))+"/relay", strings.NewReader(form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := httptest.NewRecorder()
			if err := board.NewPages(x.s, "").Serve(w, r); err != nil {
				t.Fatal(err)
			}
			return w.Body.String()
		}
		shown := regexp.MustCompile(`<p class="code">([^<]*)</p>`)
		page := post("0123456789abcdef", "")
		found := shown.FindAllStringSubmatch(page, -1)
		if len(found) != 2 {
			t.Fatalf("shown large are %v, want a code and digits: %s", found, page)
		}
		if _, err := x.needs.Shown(t.Context(), request.Proof{Code: found[0][1], Secret: found[1][1]}); err != nil {
			t.Errorf("code and digits open nothing: %v", err)
		}
		if again := post("0123456789abcdef", ""); again != page {
			t.Errorf("sent twice it says %s", again)
		}
		if found := shown.FindAllStringSubmatch(post("fedcba9876543210", "19900000001"), -1); len(found) != 1 {
			t.Errorf("whoever left a number is shown %v, want the code alone", found)
		}
		const byNumber = "您所留号码的后四位"
		if page := post("fedcba9876543210", "19900000001"); !strings.Contains(page, byNumber) {
			t.Errorf("whoever left a number reads %s", page)
		}
		if _, err := x.needs.FollowShown(t.Context(), x.LinXiaoman, request.Proof{Code: found[0][1], Secret: found[1][1]}); err != nil {
			t.Fatal(err)
		}
		page = post("0123456789abcdef", "") // its digits are given to nobody any more
		if again := shown.FindAllStringSubmatch(page, -1); len(again) != 1 || again[0][1] != found[0][1] {
			t.Errorf("sent again once it is followed it shows %v, want the code alone", again)
		}
		if strings.Contains(page, byNumber) || !strings.Contains(page, "以新回执单上的为准") {
			t.Errorf("whoever left no number is to open it by %s", page)
		}
	})
}

func TestC24TheBoardSaysWhenThePlaceCanBeReachedWhileAnEmergencyLasts(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		const hours = "每天 7:00–22:00"
		says := func(want bool) {
			t.Helper()
			for path, shows := range map[string]bool{"": true, "/aloud": true, "/a4": false} {
				if got := strings.Contains(x.reads(path), hours); got != (want && shows) {
					t.Errorf("%q says the hours: %v, want %v", path, got, want && shows)
				}
			}
			found, err := x.s.Look(t.Context(), x.id, 0)
			if err != nil || (found.Hours == hours) != want {
				t.Errorf("found %q (%v), want the hours: %v", found.Hours, err, want)
			}
		}
		says(false)
		e, err := x.needs.StartEmergency(t.Context(), x.LuoQingming, request.Emergency{
			Title: "防汛应急", Reason: "指挥部通知", SunsetOn: "2026-08-10", Plan: request.Plan{Hours: []request.OpenHours{{Unit: x.Xingwu.Unit.ID, Text: hours}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if e, err = x.needs.ConfirmEmergency(t.Context(), x.OfficeTwo, e.ID); err != nil {
			t.Fatal(err)
		}
		says(true)
		if some, err := x.s.Renew(t.Context()); err != nil || some {
			t.Errorf("hours of some days make a new version: %v, %v", some, err)
		}
		if _, err := x.needs.EndEmergency(t.Context(), x.LuoQingming, e.ID, e.Version, "汛情解除"); err != nil {
			t.Fatal(err)
		}
		says(false)
	})
}

func TestH3ThePrintedPageCanBeComplainedOfOnTheScreen(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		for _, path := range []string{"/a3", "/a4"} {
			if want := `<a href="/p/report/board/` + formatted(int64(x.id)); !strings.Contains(x.reads(path), want) {
				t.Errorf("%s has no way to complain of it", path)
			}
		}
	})
}

func TestX45AProfileGoesThreeYearsAfterItsConsent(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		left := func() (n int) {
			if err := d.Get(t.Context(), &n, `SELECT COUNT(*) FROM public_profile`); err != nil {
				t.Fatal(err)
			}
			return n
		}
		x.now = x.now.AddDate(4, 0, 0)
		x.forgets("public_profile")
		if left() != 1 {
			t.Error("a profile with consent was forgotten")
		}
		x.withdraws()
		x.forgets("public_profile")
		if left() != 1 {
			t.Error("a profile was forgotten on the day of the withdrawal")
		}
		x.now = x.now.AddDate(3, 0, 1)
		if x.forgets("public_profile"); left() != 0 {
			t.Error("three years after the withdrawal the profile is there")
		}
	})
}

// A number that stands in what strangers write is shown as a mask.
func TestV4_ANumberInWhatStrangersWriteIsMasked(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		x.asks("这是我家的电话19900001111")
		if err := x.s.Say(t.Context(), org.Actor{}, board.PageRef{Kind: board.BoardPage, ID: int64(x.id)}, "请打19900002222告诉我"); err != nil {
			t.Fatal(err)
		}
		ctx, handler := org.WithActor(t.Context(), x.FengShuangjiang), board.NewHandler(x.s)
		takedowns, err := handler.ListTakedowns(ctx, api.ListTakedownsRequestObject{})
		if err != nil {
			t.Fatal(err)
		}
		feedback, err := handler.ListFeedback(ctx, api.ListFeedbackRequestObject{})
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal([]any{takedowns, feedback})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"电话199****1111", "请打199****2222"} {
			if !strings.Contains(string(text), want) {
				t.Errorf("the editor reads %s, want %s", text, want)
			}
		}
	})
}

func TestAFormThatIsSentAgainGivesThePageItGave(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		home := "/b/" + formatted(int64(x.id)) + "/relay"
		complaint := "/p/report/board/" + formatted(int64(x.id))
		send := func(path string, form url.Values) (page string, again bool) {
			t.Helper()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w, pages := httptest.NewRecorder(), board.NewPages(x.s, "")
			known, err := pages.Known(r)
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			if err := pages.Serve(w, r); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			if again = w.Header().Get("Idempotent-Replayed") == "true"; known != again {
				t.Errorf("%s is known: %v, and answered as before: %v", path, known, again)
			}
			return w.Body.String(), again
		}
		forms := []struct {
			path string
			form url.Values
		}{
			{home, url.Values{"key": {"0123456789abcdef"}, "text": {"路灯不亮"}, "danger": {"none"}}},
			{home, url.Values{"key": {"0123456789abcdeg"}, "text": {"路灯不亮"}, "danger": {"none"}, "phone": {"19900000001"}}},
			{complaint + "/feedback", url.Values{"key": {"0123456789abcdeh"}, "text": {"谢谢"}}},
			{complaint + "/takedown", url.Values{"key": {"0123456789abcdei"}, "reason": {"名字不对"}}},
		}
		first := make([]string, len(forms))
		for i, f := range forms {
			page, again := send(f.path, f.form)
			if first[i] = page; again {
				t.Errorf("%s: the first is said to be a repeat", f.path)
			}
		}
		same := func(when string) {
			t.Helper()
			for i, f := range forms {
				if page, again := send(f.path, f.form); page != first[i] || !again {
					t.Errorf("%s: sent again %s (said to be a repeat: %v) it gives\n%s\nwant\n%s", f.path, when, again, page, first[i])
				}
			}
		}
		same("at once")
		other, again := send(home, url.Values{"key": {"0123456789abcdef"}, "text": {"路灯还是不亮"}, "danger": {"none"}})
		if other == first[0] || again {
			t.Errorf("whoever went back and wrote something else reads (said to be a repeat: %v) %s", again, other)
		}
		waiting, _, err := x.s.Takedowns(t.Context(), x.FengShuangjiang, "", "", 0)
		if err != nil || len(waiting) != 1 {
			t.Fatalf("%d wait (%v), want the one", len(waiting), err)
		}
		if _, err := x.s.Decide(t.Context(), x.FengShuangjiang, waiting[0].ID, board.Upheld, "名字确实不对"); err != nil {
			t.Fatal(err)
		}
		same("after the decision")
		x.in(func(tx *db.Tx) error { // the page is no page any more
			_, err := tx.Change(t.Context(), `UPDATE board SET latest = 0 WHERE id = ?`, x.id)
			return err
		})
		same("when the board is gone")
	})
}
