package request_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"wanjia/internal/member"
	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/privacy"
	"wanjia/internal/request"
)

// helper is a member of home who says they can do something.
func (x *fixture) helper(t *testing.T, d *db.DB, home org.Unit, name string, skills ...string) org.Actor {
	t.Helper()
	var by org.Actor
	err := d.InTx(t.Context(), func(tx *db.Tx) error {
		a, err := member.Join(t.Context(), tx, x.keys, home, member.Entry{New: member.New{Name: name}, UnitID: home.ID, Status: member.Full, Since: "2020-07-01"})
		by = org.Actor{PersonID: a.PersonID}
		return err
	})
	if err == nil {
		_, err = x.service.SetSkills(t.Context(), by, skills)
	}
	if err != nil {
		t.Fatal(err)
	}
	return by
}

func calling(skills ...string) request.Calling {
	return request.Calling{Skills: skills, People: 5, Acknowledged: true}
}

func TestF15_HelpersAreAskedBySkillAndNothingFollowsFromAnyAnswer(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		village := x.Xingwu.Party
		var five []org.Actor
		for i, skill := range []string{"mason", "ladder", "mason", "ladder", "mason"} {
			five = append(five, x.helper(t, d, village, "帮手"+string(rune('甲'+i)), skill))
		}
		cook := x.helper(t, d, village, "帮手己", "cook")
		x.helper(t, d, x.Zhangjiatun.Party, "邻村帮手", "mason")

		r := x.create(t, x.YaoMangzhong, request.Need{What: "屋顶漏水", Category: "dwelling_safety"})
		c := calling("mason", "ladder")
		c.Note, c.Acknowledged = "村口集合", false
		if _, err := x.service.StartMuster(t.Context(), x.YaoMangzhong, r.ID, c); !errors.Is(err, request.ErrDangerUnsaid) {
			t.Errorf("without a word about the danger: %v, want %v", err, request.ErrDangerUnsaid)
		}
		c.Acknowledged = true
		for name, by := range map[string]org.Actor{"the lead above": x.FengShuangjiang, "another village": x.ZhangHolder} {
			if _, err := x.service.StartMuster(t.Context(), by, r.ID, c); !errors.Is(err, request.ErrNotHolder) && !errors.Is(err, problem.ErrNotFound) {
				t.Errorf("%s calls helpers: %v", name, err)
			}
		}
		if _, err := x.service.StartMuster(t.Context(), x.YaoMangzhong, r.ID, calling("plumber")); !errors.Is(err, request.ErrNoHelpers) {
			t.Errorf("nobody can: %v, want %v", err, request.ErrNoHelpers)
		}
		m, err := x.service.StartMuster(t.Context(), x.YaoMangzhong, r.ID, c)
		if err != nil || m.State != request.MusterAsking || m.Waiting != 5 || m.Note != "村口集合" {
			t.Fatalf("called %+v, error %v; want five asked", m, err)
		}
		if got := inboxes(t, d, "muster.asked"); len(got) != 5 || slices.Contains(got, cook.PersonID) {
			t.Errorf("asked are %v, want the five who can", got)
		}
		if _, err := x.service.StartMuster(t.Context(), x.YaoMangzhong, r.ID, c); !errors.Is(err, request.ErrMusterOpen) {
			t.Errorf("a second call at the same time: %v", err)
		}
		if _, err := x.service.BeginMuster(t.Context(), x.YaoMangzhong, m.ID); !errors.Is(err, request.ErrMusterNobody) {
			t.Errorf("beginning with nobody: %v", err)
		}
		for i, a := range []request.Answer{request.HelpDeclined, request.HelpAccepted, request.HelpDeclined} {
			if got, err := x.service.AnswerMuster(t.Context(), five[i], m.ID, a); err != nil || got.Answer != a {
				t.Errorf("answer %s: %s, %v", a, got.Answer, err)
			}
		}
		if _, err := x.service.AnswerMuster(t.Context(), five[0], m.ID, request.HelpAccepted); err != nil { // thought better of it
			t.Error(err)
		}
		if _, err := x.service.AnswerMuster(t.Context(), cook, m.ID, request.HelpAccepted); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("who was not asked answers: %v", err)
		}
		m, err = x.service.BeginMuster(t.Context(), x.YaoMangzhong, m.ID)
		if err != nil || m.State != request.MusterStarted || m.Declined != 1 || m.Silent != 2 || m.Waiting != 0 ||
			!slices.Equal(m.Coming, []org.PersonID{five[0].PersonID, five[1].PersonID}) {
			t.Fatalf("started %+v, error %v; want two who come, one who declined, two silent", m, err)
		}
		for i, want := range map[int]error{1: nil, 3: request.ErrMusterOutside} { // said again; too late
			if _, err := x.service.AnswerMuster(t.Context(), five[i], m.ID, request.HelpAccepted); !errors.Is(err, want) {
				t.Errorf("helper %d after the start: %v, want %v", i, err, want)
			}
		}
		if m, err = x.service.FinishMuster(t.Context(), x.YaoMangzhong, m.ID); err != nil || m.State != request.MusterDone {
			t.Errorf("finished %s, error %v", m.State, err)
		}
		for kind, want := range map[string]int{"muster.started": 2, "muster.done": 2, "muster.cancelled": 0} {
			if got := inboxes(t, d, kind); len(got) != want {
				t.Errorf("%s is told to %d, want %d", kind, len(got), want)
			}
		}
		// Who was asked goes to the end of the line: the next call asks the one who was not.
		sixth := x.helper(t, d, village, "帮手庚", "mason")
		next := calling("mason")
		next.People = 1
		if _, err := x.service.StartMuster(t.Context(), x.YaoMangzhong, r.ID, next); err != nil {
			t.Fatal(err)
		}
		all, _, err := x.service.Invitations(t.Context(), sixth, "", 10)
		if err != nil || len(all) != 1 {
			t.Errorf("who was never asked has %d invitations, %v; want 1", len(all), err)
		}
	})
}

func TestAMusterIsCalledOff(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		one := x.helper(t, d, x.Xingwu.Party, "帮手甲", "mason")
		r := x.create(t, x.YaoMangzhong, request.Need{What: "搬家具"})
		m, err := x.service.StartMuster(t.Context(), x.YaoMangzhong, r.ID, request.Calling{Skills: []string{"mason"}, People: 1})
		if err != nil {
			t.Fatalf("a need without danger wants no word about one: %v", err)
		}
		if _, err := x.service.AnswerMuster(t.Context(), one, m.ID, request.HelpAccepted); err != nil {
			t.Fatal(err)
		}
		if m, err = x.service.CancelMuster(t.Context(), x.YaoMangzhong, m.ID); err != nil || m.State != request.MusterCancelled {
			t.Fatalf("called off: %s, %v", m.State, err)
		}
		if got := inboxes(t, d, "muster.cancelled"); !slices.Equal(got, []org.PersonID{one.PersonID}) {
			t.Errorf("told %v, want who was coming", got)
		}
		if _, err := x.service.FinishMuster(t.Context(), x.YaoMangzhong, m.ID); !errors.Is(err, request.ErrMusterOutside) {
			t.Errorf("finishing what was called off: %v", err)
		}
		if _, err := x.service.StartMuster(t.Context(), x.YaoMangzhong, r.ID, calling("mason")); err != nil {
			t.Errorf("another call afterwards: %v", err)
		}
		if now, err := x.service.SetSkills(t.Context(), one, nil); err != nil || len(now) != 0 {
			t.Errorf("who no longer wants to be asked has %v, %v", now, err)
		}
	})
}

// Who is expected no duty may be asked, and may come; what they say, or do not, is counted by nobody.
func TestE6_WhoeverIsExemptIsNotCountedAmongTheSilent(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		var three []org.Actor
		for _, name := range []string{"帮手甲", "帮手乙", "帮手丙"} {
			three = append(three, x.helper(t, d, x.Xingwu.Party, name, "mason"))
		}
		members := member.NewService(d, nil, nil, nil, nil)
		for _, by := range three[:2] {
			if err := members.SetExempt(t.Context(), by, true); err != nil {
				t.Fatal(err)
			}
		}
		r := x.create(t, x.YaoMangzhong, request.Need{What: "搬家具"})
		m, err := x.service.StartMuster(t.Context(), x.YaoMangzhong, r.ID, calling("mason"))
		if err != nil || m.Waiting != 1 {
			t.Fatalf("%d are waited for (%v), want the one of three who is not exempt", m.Waiting, err)
		}
		for i, a := range []request.Answer{request.HelpAccepted, request.HelpDeclined} {
			if _, err := x.service.AnswerMuster(t.Context(), three[i], m.ID, a); err != nil {
				t.Fatal(err)
			}
		}
		m, err = x.service.BeginMuster(t.Context(), x.YaoMangzhong, m.ID)
		if err != nil || len(m.Coming) != 1 || m.Declined != 0 || m.Silent != 1 {
			t.Errorf("begun %+v (%v), want one who comes, and one of the other two counted as silent", m, err)
		}
	})
}

// F15, X25: with a need ends what hangs on it and on what was merged into it: nobody answers its muster any more, those who
// have said that they come hear of it, and its promises are open on no list.
func TestX25_WithANeedItsPromisesAndItsMusterEnd(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx := t.Context()
		one, two := x.helper(t, d, x.Xingwu.Party, "帮手甲", "mason"), x.helper(t, d, x.Xingwu.Party, "帮手乙", "mason")
		neighbour := org.Actor{PersonID: orgtest.Person(t, d)}
		for name, end := range map[string]func(id request.ID) error{
			"closed": func(id request.ID) error {
				_, err := x.service.Close(ctx, x.YaoMangzhong, id, request.Closing{Kind: request.Resolved, Text: "已修好"})
				return err
			},
			"taken back for the asker": func(id request.ID) error {
				detail, err := x.service.Read(ctx, x.YaoMangzhong, id)
				for _, a := range detail.Askers {
					if err == nil {
						_, err = x.service.Withdraw(ctx, x.YaoMangzhong, id, request.Phone, a.ID)
					}
				}
				return err
			},
			"taken back by the asker": func(id request.ID) error {
				_, err := x.service.TakeBack(ctx, request.Themselves(x.LinXiaoman, id))
				if err == nil {
					_, err = x.service.TakeBack(ctx, request.Themselves(neighbour, id))
				}
				return err
			},
		} {
			into := x.create(t, x.YaoMangzhong, request.Need{What: "搬家具", Person: neighbour.PersonID})
			r := x.create(t, x.YaoMangzhong, request.Need{What: "搬家具", Person: x.LinXiaoman.PersonID})
			m, err := x.service.StartMuster(ctx, x.YaoMangzhong, r.ID, calling("mason"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := x.service.AnswerMuster(ctx, one, m.ID, request.HelpAccepted); err != nil {
				t.Fatal(err)
			}
			p, err := x.service.MakePromise(ctx, x.YaoMangzhong, r.ID, request.NewPromise{DueOn: "2026-03-05", Text: "带人来搬"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := x.service.Merge(ctx, x.YaoMangzhong, into.ID, []request.ID{r.ID}); err != nil {
				t.Fatal(err)
			}
			if all, _, err := x.service.Promises(ctx, x.YaoMangzhong, request.OwnPromises, "", 0); err != nil || len(all) != 1 {
				t.Errorf("%s: while it goes on as another need %d promises are open (%v), want one", name, len(all), err)
			}
			before := len(inboxes(t, d, "muster.cancelled"))
			if err := end(into.ID); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if _, err := x.service.AnswerMuster(ctx, two, m.ID, request.HelpAccepted); !errors.Is(err, request.ErrMusterOutside) {
				t.Errorf("%s: somebody comes still: %v, want %v", name, err, request.ErrMusterOutside)
			}
			if got := len(inboxes(t, d, "muster.cancelled")); got != before+1 {
				t.Errorf("%s: %d hear that it is called off, want who was to come", name, got-before)
			}
			if _, err := x.service.DropPromise(ctx, x.YaoMangzhong, p.ID, "不来了"); !errors.Is(err, request.ErrPromiseOver) {
				t.Errorf("%s: the promise is given up: %v, want %v", name, err, request.ErrPromiseOver)
			}
			page := x.page(t, request.Themselves(x.LinXiaoman, into.ID))
			if len(page.Promises) != 1 || page.Promises[0].State != request.PromiseDropped || page.Promises[0].Why == "" {
				t.Errorf("%s: the asker reads %+v, want that it ended with the need", name, page.Promises)
			}
		}
	})
}

// hangs is a need of a village about which somebody is promised something for a day, and one helper of two will come.
func (x *fixture) hangs(t *testing.T, helper org.Actor) (request.Seen, request.MusterID) {
	t.Helper()
	r := x.create(t, x.YaoMangzhong, request.Need{What: "搬家具", Person: x.LinXiaoman.PersonID})
	m, err := x.service.StartMuster(t.Context(), x.YaoMangzhong, r.ID, calling("mason"))
	if err == nil {
		_, err = x.service.AnswerMuster(t.Context(), helper, m.ID, request.HelpAccepted)
	}
	if err == nil {
		_, err = x.service.MakePromise(t.Context(), x.YaoMangzhong, r.ID, request.NewPromise{DueOn: "2026-06-05", Text: "带人来搬"})
	}
	if err != nil {
		t.Fatal(err)
	}
	return r, m.ID
}

// closedAsBefore closes needs as they were closed before needs ended what hangs on them.
func closedAsBefore(t *testing.T, d *db.DB, ids ...request.ID) {
	t.Helper()
	if err := d.InTx(t.Context(), func(tx *db.Tx) error {
		for _, id := range ids {
			if _, err := tx.Change(t.Context(), `UPDATE request SET state = ?, is_open = ?, closed_at = ? WHERE id = ?`,
				request.Resolved, false, tx.Now, id); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// X25, F15: what hangs open on a need that closed before needs ended what hangs on them ends in the next night as it would
// have with its need; what is still needed, also of what goes on as an open one, does not.
func TestX25_WhatHangsOpenOnAClosedNeedEndsInTheNight(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx := t.Context()
		comes := x.helper(t, d, x.Xingwu.Party, "帮手甲", "mason")
		x.helper(t, d, x.Xingwu.Party, "帮手乙", "mason") // says nothing
		one := func() (request.ID, request.MusterID) {
			r, m := x.hangs(t, comes)
			return r.ID, m
		}
		closed, called := one()
		begun, started := one()
		if _, err := x.service.BeginMuster(ctx, x.YaoMangzhong, started); err != nil {
			t.Fatal(err)
		}
		open, asked := one()
		joins, also := one()
		ended, _ := one()
		joined, off := one()
		for into, id := range map[request.ID]request.ID{open: joins, ended: joined} {
			if _, err := x.service.Merge(ctx, x.YaoMangzhong, into, []request.ID{id}); err != nil {
				t.Fatal(err)
			}
		}
		closedAsBefore(t, d, closed, begun, ended)
		clean(t, d, calendar.Day("2026-03-04").Time(), request.Retained)
		over := "诉求已了结，约定随之结束"
		for _, c := range []struct {
			what    string
			need    request.ID
			muster  request.MusterID
			state   request.MusterState
			promise request.PromiseState
			why     string
			waiting int
		}{
			{"a closed one", closed, called, request.MusterCancelled, request.PromiseDropped, over, 0},
			{"a closed one to which helpers have come", begun, started, request.MusterDone, request.PromiseDropped, over, 0},
			{"an open one", open, asked, request.MusterAsking, request.PromiseOpen, "", 1},
			{"one that goes on as an open one", joins, also, request.MusterAsking, request.PromiseOpen, "", 1},
			{"one that went on as a closed one", joined, off, request.MusterCancelled, request.PromiseDropped, over, 0},
		} {
			if m, err := x.service.Muster(ctx, x.YaoMangzhong, c.muster); err != nil || m.State != c.state || m.Waiting != c.waiting {
				t.Errorf("the muster of %s is %s and waits for %d (%v), want %s and %d", c.what, m.State, m.Waiting, err, c.state, c.waiting)
			}
			all, err := request.PromisesOf(ctx, d, x.keys, c.need)
			if err != nil || len(all) != 1 || all[0].State != c.promise || all[0].Why != c.why {
				t.Errorf("about %s is promised %+v (%v), want it %s because %q", c.what, all, err, c.promise, c.why)
			}
		}
		for kind, want := range map[string]int{"muster.cancelled": 3, "muster.done": 1} { // of ended as well
			if got := inboxes(t, d, kind); len(got) != want || slices.ContainsFunc(got, func(p org.PersonID) bool { return p != comes.PersonID }) {
				t.Errorf("%s is told to %v, want who was to come %d times", kind, got, want)
			}
		}
		if lines := x.read(t, x.YaoMangzhong, closed).History; lines[len(lines)-1].Move != "promise_over" {
			t.Errorf("the history of the closed one ends with %s, want that its promise is over", lines[len(lines)-1].Move)
		}
		moved(t)(x.service.Reopen(ctx, x.FengShuangjiang, closed, "还没搬"))
		if all, err := request.PromisesOf(ctx, d, x.keys, closed); err != nil || all[0].State != request.PromiseOpen {
			t.Errorf("it goes on and its promise, whose day has not come, is %+v (%v)", all, err)
		}
	})
}

// X25: of meetings long past nobody hears in the night that ends them; of one to come they do, however long ago its need ended.
func TestX25_NobodyIsCalledOffWhatIsLongPast(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		night := calendar.Day("2026-04-01").Time().Add(2*time.Hour + 30*time.Minute)
		comes := x.helper(t, d, x.Xingwu.Party, "帮手甲", "mason")
		week := func(and time.Duration) time.Time { return night.Add(-7*24*time.Hour + and) }
		var hear, all []request.MusterID
		for _, c := range []struct {
			what  string
			ended time.Time
			meets time.Time // zero: none was said
			hear  bool
		}{
			{"a need that ended a week ago", week(0), time.Time{}, false},
			{"a need that ended within a week", week(time.Millisecond), time.Time{}, true},
			{"a meeting before its need ended", week(0), monday.Add(time.Hour), false},
			{"a meeting of a week ago", monday.AddDate(0, 0, 1), week(0), false},
			{"a meeting within a week", monday.AddDate(0, 0, 1), week(time.Millisecond), true},
			{"a meeting to come", monday.AddDate(0, 0, 1), night.AddDate(0, 0, 1), true},
		} {
			at(d, 0)
			r := x.create(t, x.YaoMangzhong, request.Need{What: "搬家具", Person: x.LinXiaoman.PersonID})
			call := calling("mason")
			if !c.meets.IsZero() {
				call.MeetAt = &c.meets
			}
			m, err := x.service.StartMuster(t.Context(), x.YaoMangzhong, r.ID, call)
			if err == nil {
				_, err = x.service.AnswerMuster(t.Context(), comes, m.ID, request.HelpAccepted)
			}
			if err != nil {
				t.Fatal(err)
			}
			if all = append(all, m.ID); c.hear {
				hear = append(hear, m.ID)
			}
			d.SetNow(func() time.Time { return c.ended })
			closedAsBefore(t, d, r.ID)
		}
		clean(t, d, calendar.Day("2026-04-01").Time(), request.Retained)
		var told []request.MusterID
		if err := d.Select(t.Context(), &told, `SELECT ref_id FROM inbox WHERE kind = 'muster.cancelled' ORDER BY ref_id`); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(told, hear) {
			t.Errorf("called off are %v, want %v of %v", told, hear, all)
		}
		for _, id := range all {
			if m, err := x.service.Muster(t.Context(), x.YaoMangzhong, id); err != nil || m.State != request.MusterCancelled {
				t.Errorf("muster %d is %s (%v), want it to have ended", id, m.State, err)
			}
		}
	})
}

// X25: the night holds few needs at a time, so that nobody who moves one waits long.
func TestX25_TheNightHoldsFewNeedsAtATime(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		var ids []request.ID
		for range 12 {
			r := x.create(t, x.YaoMangzhong, request.Need{What: "搬家具", Person: x.LinXiaoman.PersonID})
			if _, err := x.service.MakePromise(t.Context(), x.YaoMangzhong, r.ID, request.NewPromise{DueOn: "2026-06-05", Text: "带人来搬"}); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, r.ID)
		}
		closedAsBefore(t, d, ids...)
		class := request.Retained[slices.IndexFunc(request.Retained, func(c privacy.Class) bool { return c.Name == "promise_hanging" })]
		most, ends := 0, class.Also
		class.Also = func(ctx context.Context, tx *db.Tx, ids []int64, before time.Time) error {
			most = max(most, len(ids))
			return ends(ctx, tx, ids, before)
		}
		clean(t, d, calendar.Day("2026-03-04").Time(), []privacy.Class{class})
		if most < 1 || most > 5 {
			t.Errorf("up to %d needs are held at one time, want at most five", most)
		}
		if all, _, err := x.service.Promises(t.Context(), x.YaoMangzhong, request.OwnPromises, "", 0); err != nil || len(all) != 0 {
			t.Errorf("%d promises are still to be kept (%v), want none", len(all), err)
		}
	})
}

// X25: what somebody opens again while the night comes to it goes on with all that hangs on it.
func TestX25_WhatIsOpenedAgainMeanwhileKeepsItsPromises(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		comes := x.helper(t, d, x.Xingwu.Party, "帮手甲", "mason")
		r, id := x.hangs(t, comes)
		joins, also := x.hangs(t, comes)
		if _, err := x.service.Merge(t.Context(), x.YaoMangzhong, r.ID, []request.ID{joins.ID}); err != nil {
			t.Fatal(err)
		}
		for _, need := range []request.ID{r.ID, joins.ID} { // as the night had found them while r was closed
			if err := request.EndHanging(t.Context(), d, need); err != nil {
				t.Fatal(err)
			}
		}
		for _, m := range []request.MusterID{id, also} {
			if got, err := x.service.Muster(t.Context(), x.YaoMangzhong, m); err != nil || got.State != request.MusterAsking {
				t.Errorf("a muster is %s (%v), want it to go on", got.State, err)
			}
		}
		if all, _, err := x.service.Promises(t.Context(), x.YaoMangzhong, request.OwnPromises, "", 0); err != nil || len(all) != 2 {
			t.Errorf("%d promises are to be kept (%v), want both", len(all), err)
		}
	})
}
