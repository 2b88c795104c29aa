package request_test

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wanjia/api"
	"wanjia/configs"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/request"
)

// promise makes one of 周春禾 about a new request, due on a day.
func (x *fixture) promise(t *testing.T, due calendar.Day) (request.ID, request.Promise) {
	t.Helper()
	r := x.create(t, x.ZhouChunhe, request.Need{What: "屋顶漏水", Category: request.DwellingSafety})
	p, err := x.service.MakePromise(t.Context(), x.ZhouChunhe, r.ID, request.NewPromise{DueOn: due, Text: "来修屋顶"})
	if err != nil {
		t.Fatalf("promise something: %v", err)
	}
	return r.ID, p
}

func TestK19_APromiseDueOnASaturdayIsRemindedOfOnFriday(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		cal, err := calendar.Parse(configs.Holidays)
		if err != nil {
			t.Fatal(err)
		}
		x.service = request.NewService(d, x.keys, page.NewKeys(make([]byte, 32)), cal, nil)
		x.promise(t, "2026-03-07")
		friday := time.Date(2026, 3, 6, 0, 30, 0, 0, time.UTC) // 08:30 in Shanghai
		remind := func(at time.Time) {
			t.Helper()
			d.SetNow(func() time.Time { return at })
			var nodes sync.WaitGroup
			for range 3 { // as many nodes at one time
				nodes.Go(func() {
					if _, err := x.service.RemindPromises(t.Context()); err != nil {
						t.Errorf("remind: %v", err)
					}
				})
			}
			nodes.Wait()
		}
		remind(friday.Add(-time.Millisecond))
		if got := inboxes(t, d, "promise.due"); len(got) != 0 {
			t.Errorf("a millisecond too early: reminded %v", got)
		}
		remind(friday)
		remind(friday.Add(24 * time.Hour))
		if got := inboxes(t, d, "promise.due"); !slices.Equal(got, []org.PersonID{x.ZhouChunhe.PersonID}) {
			t.Errorf("reminded %v, want the area holder once", got)
		}
	})
}

func TestWhoHasKeptAPromiseOrClosedItsRequestIsNotRemindedOfIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		_, kept := x.promise(t, "2026-03-05")
		if _, err := x.service.KeepPromise(t.Context(), x.ZhouChunhe, kept.ID); err != nil {
			t.Fatal(err)
		}
		closed, _ := x.promise(t, "2026-03-05")
		moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, closed, request.Closing{Kind: request.Resolved, Text: "已修好"}))
		at(d, 7*24*60)
		if _, err := x.service.RemindPromises(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := inboxes(t, d, "promise.due"); len(got) != 0 {
			t.Errorf("reminded %v, want nobody", got)
		}
	})
}

func TestX25_APromiseMovedTwiceTellsTheLeadThatHelpIsNeeded(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		id, p := x.promise(t, "2026-03-05")
		for i, day := range []calendar.Day{"2026-03-09", "2026-03-10", "2026-03-11"} {
			if _, err := x.service.MovePromise(t.Context(), x.ZhouChunhe, p.ID, day, "材料未到"); err != nil {
				t.Fatal(err)
			}
			want := []org.PersonID{x.SunLixia.PersonID}[:min(1, i)]
			if got := inboxes(t, d, "promise.help_needed"); !slices.Equal(got, want) {
				t.Errorf("moved %d times: told %v, want %v", i+1, got, want)
			}
		}
		help, _, err := x.service.Promises(t.Context(), x.SunLixia, request.NeedingHelp, "", 0)
		if err != nil || len(help) != 1 || help[0].ID != p.ID || help[0].Text != "" {
			t.Errorf("the lead sees %+v (%v), want that one, and not what was promised", help, err)
		}
		r, err := x.service.Read(t.Context(), x.ZhouChunhe, id)
		if err != nil || len(r.Promises) != 1 || r.Promises[0].DueOn != "2026-03-11" || r.Promises[0].Why != "材料未到" {
			t.Errorf("the request says %+v (%v), want the last day with its reason", r.Promises, err)
		}
		if got := r.History[len(r.History)-1]; got.Move != "promise_moved" || got.Note != "材料未到" {
			t.Errorf("the history ends with %s %q", got.Move, got.Note)
		}
	})
}

func TestTheAskerHearsThatAPromiseHasAnotherDay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "屋顶漏水", Who: "林女士", Person: x.LinXiaoman.PersonID})
		p, err := x.service.MakePromise(t.Context(), x.ZhouChunhe, r.ID, request.NewPromise{DueOn: "2026-03-05", Text: "来修屋顶"})
		if err != nil {
			t.Fatal(err)
		}
		for _, day := range []calendar.Day{"2026-03-09", "2026-03-10"} {
			if _, err := x.service.MovePromise(t.Context(), x.ZhouChunhe, p.ID, day, "材料未到"); err != nil {
				t.Fatal(err)
			}
		}
		var told []string
		err = d.Select(t.Context(), &told, `SELECT args FROM inbox WHERE person_id = ? AND kind = 'promise.moved' ORDER BY seq`, x.LinXiaoman.PersonID)
		want := []string{
			`{"dueAt":"2026-03-08T16:00:00Z","receiptCode":"` + string(r.Receipt)[:5] + `"}`,
			`{"dueAt":"2026-03-09T16:00:00Z","receiptCode":"` + string(r.Receipt)[:5] + `"}`,
		}
		if err != nil || !slices.Equal(told, want) {
			t.Errorf("the asker hears %q (%v), want %q", told, err, want)
		}
	})
}

func TestAPromiseIsTheWordOfARoleAndEndsOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		_, p := x.promise(t, "2026-03-05")
		for name, by := range map[string]org.Actor{"a neighbour": x.WangQiufen, "the lead": x.SunLixia, "the asker": x.LinXiaoman} {
			if _, err := x.service.KeepPromise(t.Context(), by, p.ID); !errors.Is(err, problem.ErrNotFound) {
				t.Errorf("%s keeps it: %v, want not found", name, err)
			}
		}
		ends := make([]error, 20)
		var all sync.WaitGroup
		for i := range ends {
			all.Go(func() {
				if i%2 == 0 {
					_, ends[i] = x.service.KeepPromise(t.Context(), x.ZhouChunhe, p.ID)
					return
				}
				_, ends[i] = x.service.DropPromise(t.Context(), x.ZhouChunhe, p.ID, "住户已自行修好")
			})
		}
		all.Wait()
		n := 0
		for _, err := range ends {
			if err == nil {
				n++
			} else if !errors.Is(err, request.ErrPromiseOver) {
				t.Errorf("ended: %v", err)
			}
		}
		if n != 1 {
			t.Errorf("it ended %d times, want once", n)
		}
		steps := 0
		if err := d.Get(t.Context(), &steps, `SELECT COUNT(*) FROM request_history WHERE move IN ('promise_kept', 'promise_dropped')`); err != nil || steps != 1 {
			t.Errorf("the history has %d ends (%v), want one", steps, err)
		}
	})
}

func TestOnlyTheHolderPromisesTheAskerSomething(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"})
		n := request.NewPromise{DueOn: "2026-03-05"}
		if _, err := x.service.MakePromise(t.Context(), x.SunLixia, r.ID, n); !errors.Is(err, request.ErrNotHolder) {
			t.Errorf("the lead promises: %v, want %v", err, request.ErrNotHolder)
		}
		for _, day := range []calendar.Day{"2026-03-01", "2028-03-01"} {
			n.DueOn = day
			if _, err := x.service.MakePromise(t.Context(), x.ZhouChunhe, r.ID, n); !errors.Is(err, request.ErrPromiseDay) {
				t.Errorf("for %s: %v, want %v", day, err, request.ErrPromiseDay)
			}
		}
	})
}

// X25: nobody's promises are counted. No statement of the program counts them by whose they are, and no property of the
// contract tells a count of them.
func TestX25_NothingCountsAnybodysPromises(t *testing.T) {
	t.Parallel()
	statement, seen := regexp.MustCompile("(?s)`[^`]*`"), 0
	err := fs.WalkDir(os.DirFS("../.."), "internal", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return err
		}
		text, err := os.ReadFile("../../" + name)
		if err != nil {
			return err
		}
		for _, sql := range statement.FindAllString(string(text), -1) {
			if !regexp.MustCompile(`\b(FROM|JOIN|UPDATE|INTO) promise\b`).MatchString(sql) {
				continue
			}
			if seen++; regexp.MustCompile(`COUNT|SUM|AVG`).MatchString(sql) && regexp.MustCompile(`person_id|assignment_id`).MatchString(sql) {
				t.Errorf("%s counts promises by person: %s", name, sql)
			}
		}
		return nil
	})
	if err != nil || seen == 0 {
		t.Errorf("%d statements about promises were looked at (%v), want all", seen, err)
	}
	counts := regexp.MustCompile(`(?i)promises?(kept|moved|dropped|made|count|total|rate)|(kept|moved|dropped|broken)promises?|times_?moved`)
	for line := range strings.SplitSeq(string(api.Document), "\n") {
		if name, _, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && counts.MatchString(name) {
			t.Errorf("the contract tells %s", name)
		}
	}
}

// X25: whoever is to keep a promise again since its need, or what that goes on as, is open again hears so, though others hold
// that; of who held it before they hear it aloud.
func TestX25_WhoIsToKeepAPromiseAgainHearsSo(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx := t.Context()
		over := request.Closing{Kind: request.Resolved, Text: "已修好"}
		aloud := func(need request.ID) (n int) {
			t.Helper()
			if err := d.Get(ctx, &n, `
				SELECT COUNT(*)
				FROM inbox
				WHERE person_id = ? AND kind = 'request.reopened' AND ref_type = 'request' AND ref_id = ? AND prio = ?`,
				x.ZhouChunhe.PersonID, need, notify.Prompt); err != nil {
				t.Fatal(err)
			}
			return n
		}
		given := func(day calendar.Day) request.Seen {
			t.Helper()
			r := x.create(t, x.ZhouChunhe, needOfLin)
			if _, err := x.service.MakePromise(ctx, x.ZhouChunhe, r.ID, request.NewPromise{DueOn: day, Text: "上门查看"}); err != nil {
				t.Fatal(err)
			}
			return r
		}
		climbed := given("2026-03-06")
		moved(t)(x.service.Escalate(ctx, x.ZhouChunhe, climbed.ID, request.Climb{Level: 2, Note: "需协调"}))
		moved(t)(x.service.Close(ctx, x.SunLixia, climbed.ID, over))
		moved(t)(x.service.Reopen(ctx, x.XuBailu, climbed.ID, "再看"))
		if n := aloud(climbed.ID); n != 1 {
			t.Errorf("of what has climbed they hear %d times, want once", n)
		}

		merged, into := given("2026-03-06"), x.burst(t, x.WangQiufen, "李女士")
		if _, err := x.service.Merge(ctx, x.XuBailu, into.ID, []request.ID{merged.ID}); err != nil {
			t.Fatal(err)
		}
		moved(t)(x.service.Close(ctx, x.WangQiufen, into.ID, over))
		if _, err := x.service.Answer(ctx, x.shown(t, merged.Receipt, "0001"), false, "还没办"); err != nil {
			t.Fatal(err)
		}
		if n := aloud(merged.ID); n != 1 {
			t.Errorf("of what goes on as another one they hear %d times, want once", n)
		}

		past := given("2026-03-03")
		moved(t)(x.service.Escalate(ctx, x.ZhouChunhe, past.ID, request.Climb{Level: 2, Note: "需协调"}))
		moved(t)(x.service.Close(ctx, x.SunLixia, past.ID, over))
		at(d, 5*24*60)
		moved(t)(x.service.Reopen(ctx, x.XuBailu, past.ID, "再看"))
		if n := aloud(past.ID); n != 0 {
			t.Errorf("of what is kept no more, since its day has passed, they hear %d times, want none", n)
		}
	})
}

// X25: a promise that has ended with its need goes on with it, as long as its day has not passed.
func TestX25_APromiseGoesOnWithItsNeed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx := t.Context()
		over := request.Closing{Kind: request.Resolved, Text: "已修好"}
		given := func() (request.Seen, request.Promise) {
			t.Helper()
			r := x.create(t, x.ZhouChunhe, needOfLin)
			p, err := x.service.MakePromise(ctx, x.ZhouChunhe, r.ID, request.NewPromise{DueOn: "2026-03-06", Text: "上门查看"})
			if err != nil {
				t.Fatal(err)
			}
			return r, p
		}
		is := func(when string, r request.Seen, want request.PromiseState) {
			t.Helper()
			page := x.page(t, x.shown(t, r.Receipt, "0001"))
			if len(page.Promises) != 1 || page.Promises[0].State != want || want == request.PromiseOpen && (page.Promises[0].RemindAt == nil || page.Promises[0].Why != "") {
				t.Errorf("%s the promise is %+v, want %s", when, page.Promises, want)
			}
		}
		r, _ := given()
		moved(t)(x.service.Close(ctx, x.ZhouChunhe, r.ID, over))
		moved(t)(x.service.Reopen(ctx, x.XuBailu, r.ID, "再看"))
		is("opened by the lead,", r, request.PromiseOpen)
		moved(t)(x.service.Close(ctx, x.ZhouChunhe, r.ID, over))
		if _, err := x.service.Answer(ctx, x.shown(t, r.Receipt, "0001"), false, ""); err != nil {
			t.Fatal(err)
		}
		is("opened by the asker,", r, request.PromiseOpen)

		alone, dropped := given()
		if _, err := x.service.DropPromise(ctx, x.ZhouChunhe, dropped.ID, "不来了"); err != nil {
			t.Fatal(err)
		}
		moved(t)(x.service.Close(ctx, x.ZhouChunhe, alone.ID, over))
		moved(t)(x.service.Reopen(ctx, x.XuBailu, alone.ID, "再看"))
		is("given up before,", alone, request.PromiseDropped)

		merged, _ := given()
		into := x.create(t, x.ZhouChunhe, needOfLin)
		if _, err := x.service.Merge(ctx, x.ZhouChunhe, into.ID, []request.ID{merged.ID}); err != nil {
			t.Fatal(err)
		}
		moved(t)(x.service.Close(ctx, x.ZhouChunhe, into.ID, over))
		moved(t)(x.service.Unmerge(ctx, x.ZhouChunhe, merged.ID))
		is("unmerged from what has ended,", merged, request.PromiseOpen)
		if all, _, err := x.service.Promises(ctx, x.ZhouChunhe, request.OwnPromises, "", 10); err != nil || len(all) != 2 {
			t.Errorf("%d promises are to be kept (%v), want two", len(all), err)
		}

		moved(t)(x.service.Close(ctx, x.ZhouChunhe, r.ID, over))
		at(d, 5*24*60)
		moved(t)(x.service.Reopen(ctx, x.XuBailu, r.ID, "再看"))
		is("opened when its day has passed,", r, request.PromiseDropped)
	})
}

// K6, K12: what became of a promise is a step, and news to the asker, who finds it on the receipt.
func TestK6_WhatBecomesOfAPromiseIsNewsAndAStep(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		for what, act := range map[string]func(id request.PromiseID) error{
			"moved": func(id request.PromiseID) error {
				_, err := x.service.MovePromise(t.Context(), x.ZhouChunhe, id, "2026-03-20", "材料未到")
				return err
			},
			"kept": func(id request.PromiseID) error {
				_, err := x.service.KeepPromise(t.Context(), x.ZhouChunhe, id)
				return err
			},
			"dropped": func(id request.PromiseID) error {
				_, err := x.service.DropPromise(t.Context(), x.ZhouChunhe, id, "业主自己修好了")
				return err
			},
		} {
			at(d, 0)
			id, p := x.promise(t, "2026-03-10")
			moved(t)(x.service.Accept(t.Context(), x.ZhouChunhe, id, ""))
			before, err := x.service.Read(t.Context(), x.ZhouChunhe, id)
			if err != nil {
				t.Fatal(err)
			}
			at(d, 10)
			if err := act(p.ID); err != nil {
				t.Fatal(err)
			}
			r, err := x.service.Read(t.Context(), x.ZhouChunhe, id)
			if err != nil {
				t.Fatal(err)
			}
			if got := r.UpdateDueAt.Sub(*before.UpdateDueAt); got != 10*time.Minute {
				t.Errorf("%s: the next news is due %v later, want ten minutes", what, got)
			}
			if got := r.SteppedAt.Sub(*before.SteppedAt); got != 10*time.Minute {
				t.Errorf("%s: the last step is %v later, want ten minutes", what, got)
			}
			if r.State != request.Accepted || !r.SolveDueAt.Equal(*before.SolveDueAt) {
				t.Errorf("%s: the request is %s, to be solved by %v; want it as it was, by %v", what, r.State, r.SolveDueAt, before.SolveDueAt)
			}
		}
	})
}
