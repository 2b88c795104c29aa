package request_test

import (
	"errors"
	"sync"
	"testing"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/request"
)

// atOnce does all of these at one time.
func atOnce(all ...func()) {
	var group sync.WaitGroup
	for _, do := range all {
		group.Go(do)
	}
	group.Wait()
}

func TestTheLastTwoAskersTakeItBackAtOneTimeAndItEnds(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		for range 8 {
			a, b := x.create(t, x.ZhouChunhe, needOfLin), x.create(t, x.ZhouChunhe, needOfLin)
			if _, err := x.service.Merge(t.Context(), x.ZhouChunhe, b.ID, []request.ID{a.ID}); err != nil {
				t.Fatal(err)
			}
			one, two := x.shown(t, a.Receipt, "0001"), x.shown(t, b.Receipt, "0001")
			back := func(as request.As) func() {
				return func() {
					if _, err := x.service.TakeBack(t.Context(), as); err != nil {
						t.Errorf("take back: %v", err)
					}
				}
			}
			atOnce(back(one), back(two))
			if got := x.read(t, x.ZhouChunhe, b.ID); got.State != request.Withdrawn {
				t.Fatalf("nobody asks for it any more, and it is %s", got.State)
			}
		}
	})
}

func TestAnAskerWhoSaysDoneAndNotDoneAtOneTimeHasSaidOneOfThem(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		for range 8 {
			r := x.create(t, x.ZhouChunhe, needOfLin)
			moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, r.ID, request.Closing{Kind: request.Resolved, Text: "好了"}))
			as := x.shown(t, r.Receipt, "0001")
			var said [2]error
			says := func(i int) func() {
				return func() { _, said[i] = x.service.Answer(t.Context(), as, i == 0, "") }
			}
			atOnce(says(0), says(1))
			got := x.read(t, x.ZhouChunhe, r.ID)
			if (said[0] == nil) == (said[1] == nil) || got.State.Open() == got.Askers[0].Settled {
				t.Fatalf("done: %v, not done: %v; it is %s and the asker settled: %v", said[0], said[1], got.State, got.Askers[0].Settled)
			}
		}
	})
}

func TestNoMessageOfAnAskerComesAfterTheEnd(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		for range 8 {
			r := x.create(t, x.ZhouChunhe, needOfLin)
			as := x.shown(t, r.Receipt, "0001")
			atOnce(func() {
				if _, err := x.service.Say(t.Context(), as, "还有一件事"); err != nil && !errors.Is(err, request.ErrIllegalTransition) {
					t.Errorf("say: %v", err)
				}
			}, func() {
				if _, err := x.service.Close(t.Context(), x.ZhouChunhe, r.ID, request.Closing{Kind: request.Resolved, Text: "好了"}); err != nil {
					t.Errorf("close: %v", err)
				}
			})
			ended := false
			for _, l := range x.read(t, x.ZhouChunhe, r.ID).History {
				if ended && l.Move == "asker_message" {
					t.Fatalf("a message follows the end, and says that it is %s", l.To)
				}
				ended = ended || l.Move == "resolved"
			}
		}
	})
}

func TestX24_FiveNeighboursJoinAtOneTime(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		site := x.entrance(t, d)
		r := x.tells(t, site, request.Need{What: "停水", Category: "water_supply"})
		var all [5]func()
		for i := range all {
			all[i] = func() {
				if _, err := x.joins(t, site, org.Actor{}, request.Need{Category: "water_supply"}); err != nil {
					t.Errorf("join: %v", err)
				}
			}
		}
		atOnce(all[:]...)
		if got := x.read(t, x.ZhouChunhe, r.ID); len(got.Askers) != 6 {
			t.Errorf("%d ask for it, want six", len(got.Askers))
		}
		mine := func(errs []error, i int) func() {
			return func() {
				_, errs[i] = x.joins(t, site, x.LinXiaoman, request.Need{Category: "water_supply", Person: x.LinXiaoman.PersonID})
			}
		}
		errs := make([]error, 2)
		atOnce(mine(errs, 0), mine(errs, 1))
		if (errs[0] == nil) == (errs[1] == nil) || !errors.Is(errors.Join(errs...), request.ErrJoined) {
			t.Errorf("one person joins twice at one time: %v", errs)
		}
	})
}

// F15: helpers are asked for a need before it ends, and it ends with them, or not at all.
func TestNoHelperIsWaitedForOnceTheNeedHasEnded(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		x.helper(t, d, x.Xingwu.Party, "帮手甲", "mason")
		for range 16 {
			r := x.create(t, x.YaoMangzhong, request.Need{What: "搬家具"})
			atOnce(func() {
				_, err := x.service.StartMuster(t.Context(), x.YaoMangzhong, r.ID, calling("mason"))
				if err != nil && !errors.Is(err, request.ErrIllegalTransition) {
					t.Errorf("ask for helpers: %v", err)
				}
			}, func() {
				_, err := x.service.Close(t.Context(), x.YaoMangzhong, r.ID, request.Closing{Kind: request.Resolved, Text: "已搬好"})
				if err != nil && !errors.Is(err, request.ErrIllegalTransition) {
					t.Errorf("close: %v", err)
				}
			})
			all, err := x.service.Musters(t.Context(), x.YaoMangzhong, r.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range all {
				if m.EndedAt == nil && !x.read(t, x.YaoMangzhong, r.ID).State.Open() {
					t.Error("the need has ended, and helpers are still waited for")
				}
			}
		}
	})
}

// X25, F15: a need ends also while a promise about it gets another day, or a helper answers: whoever writes first is waited for.
func TestANeedEndsWhileWhatHangsOnItMoves(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		x.helper(t, d, x.Xingwu.Party, "帮手甲", "mason")
		for _, what := range []string{"promise", "muster"} {
			r := x.create(t, x.YaoMangzhong, request.Need{What: "搬家具"})
			p, err := x.service.MakePromise(t.Context(), x.YaoMangzhong, r.ID, request.NewPromise{DueOn: "2026-03-05", Text: "带人来搬"})
			if err != nil {
				t.Fatal(err)
			}
			m, err := x.service.StartMuster(t.Context(), x.YaoMangzhong, r.ID, calling("mason"))
			if err != nil {
				t.Fatal(err)
			}
			id := map[string]int64{"promise": int64(p.ID), "muster": int64(m.ID)}[what]
			closed := make(chan error, 1)
			var once sync.Once
			if err := d.InTx(t.Context(), func(tx *db.Tx) error {
				if _, err := tx.Change(t.Context(), `UPDATE `+what+` SET version = version + 1 WHERE id = ?`, id); err != nil {
					return err
				}
				once.Do(func() {
					go func() {
						_, err := x.service.Close(t.Context(), x.YaoMangzhong, r.ID, request.Closing{Kind: request.Resolved, Text: "已搬好"})
						closed <- err
					}()
				})
				for range 1000 { // long enough for who closes to come to what is being moved
					var version int64
					if err := tx.Get(t.Context(), &version, `SELECT version FROM `+what+` WHERE id = ?`, id); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if err := <-closed; err != nil {
				t.Errorf("closed while a %s moves: %v", what, err)
			}
			if all, err := x.service.Musters(t.Context(), x.YaoMangzhong, r.ID); err != nil || len(all) != 1 || all[0].EndedAt == nil {
				t.Errorf("the need has ended while a %s moved, and its muster is %+v (%v)", what, all, err)
			}
			if all, err := request.PromisesOf(t.Context(), d, x.keys, r.ID); err != nil || len(all) != 1 || all[0].State != request.PromiseDropped {
				t.Errorf("the need has ended while a %s moved, and its promise is %+v (%v)", what, all, err)
			}
		}
	})
}

// X24: what a need was merged into does not end while that is undone, and end with it what hangs on both: whoever writes first
// is waited for.
func TestX24_AMergingIsUndoneAfterWhatHappensToItsTarget(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		a, b, c := x.create(t, x.ZhouChunhe, needOfLin).ID, x.create(t, x.ZhouChunhe, needOfLin).ID, x.create(t, x.ZhouChunhe, needOfLin).ID
		for _, ids := range [][2]request.ID{{b, a}, {c, b}} {
			if _, err := x.service.Merge(t.Context(), x.ZhouChunhe, ids[0], []request.ID{ids[1]}); err != nil {
				t.Fatal(err)
			}
		}
		undone := make(chan error, 1)
		var once sync.Once
		if err := d.InTx(t.Context(), func(tx *db.Tx) error {
			if _, err := tx.Change(t.Context(), `UPDATE request SET version = version + 1 WHERE id = ?`, c); err != nil {
				return err
			}
			once.Do(func() {
				go func() {
					_, err := x.service.Unmerge(t.Context(), x.ZhouChunhe, a)
					undone <- err
				}()
			})
			for range 1000 { // long enough for who undoes it to be done, if nothing were waited for
				var state request.State
				if err := tx.Get(t.Context(), &state, `SELECT state FROM request WHERE id = ?`, a); err != nil {
					return err
				}
				if state != request.Merged {
					t.Errorf("it is %s while something happens to what it went on as", state)
					return nil
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if err := <-undone; err != nil {
			t.Errorf("undone afterwards: %v", err)
		}
	})
}
