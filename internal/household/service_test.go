package household_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/household"
	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
	"wanjia/internal/request"
)

// synced is when a visit of 15:10 reaches the server: Mon 2026-08-17 16:40 in Shanghai.
var synced = time.Date(2026, 8, 17, 8, 40, 0, 0, time.UTC)

const ref = "0f9d2a52-6a3e-4c5b-9d8e-2f1a7c3b4d5e"

// A fixture has the doors 2-30 to 2-32 in 二片区 of 杏坞村, and 1-1 in 一片区.
type fixture struct {
	*orgtest.World
	keys     *sealed.Keys
	service  *household.Service
	requests *request.Service
	doors    []household.ID
	foreign  household.ID
	now      atomic.Pointer[time.Time]
	mu       sync.Mutex
	onSite   []household.VisitID // told of by the service
	refuse   error               // what being told of a visit answers
}

// at moves the clock.
func (x *fixture) at(now time.Time) { x.now.Store(&now) }

func each(t *testing.T, f func(t *testing.T, d *db.DB, x *fixture)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := &fixture{}
		x.at(synced)
		dbtest.WithClock(t, d, func() time.Time { return *x.now.Load() })
		keys, err := sealed.Open(t.Context(), d, make([]byte, 32))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := audit.Open(t.Context(), d, make([]byte, 32)); err != nil {
			t.Fatal(err)
		}
		x.World, x.keys = orgtest.Tree(t, d), keys
		pages := page.NewKeys(make([]byte, 32))
		x.requests = request.NewService(d, keys, pages, &calendar.Calendar{}, nil)
		x.service = household.NewService(d, keys, pages, x.requests,
			func(_ context.Context, _ *db.Tx, _ org.Actor, v household.Visit) error {
				x.mu.Lock()
				defer x.mu.Unlock()
				if x.refuse == nil {
					x.onSite = append(x.onSite, v.ID)
				}
				return x.refuse
			})
		for _, number := range []string{"2-30", "2-31", "2-32"} {
			x.doors = append(x.doors, door(t, d, x.Xingwu.Unit, x.Xingwu.Areas[1].Area, number))
		}
		x.foreign = door(t, d, x.Xingwu.Unit, x.Xingwu.Areas[0].Area, "1-1")
		f(t, d, x)
	})
}

// door makes a village house in an area.
func door(t *testing.T, d *db.DB, place, area org.Unit, number string) (id household.ID) {
	t.Helper()
	err := d.InTx(t.Context(), func(tx *db.Tx) error {
		e, err := household.AddEntrance(t.Context(), tx, place.ID, household.Building{}, number)
		if err != nil {
			return err
		}
		if err := household.Assign(t.Context(), tx, org.System, area, e, orgtest.From); err != nil {
			return err
		}
		if err := household.AddPremises(t.Context(), tx, []household.Premises{{EntranceID: e, Door: number, Kind: household.Home}}); err != nil {
			return err
		}
		id, err = household.FindDoor(t.Context(), tx, e, number)
		return err
	})
	if err != nil {
		t.Fatalf("make door %s: %v", number, err)
	}
	return id
}

func count(t *testing.T, d *db.DB, query string, args ...any) (n int) {
	t.Helper()
	if err := d.Get(t.Context(), &n, query, args...); err != nil {
		t.Fatal(err)
	}
	return n
}

func leak(x *fixture) household.Account {
	told := synced.Add(-90 * time.Minute)
	return household.Account{
		Household: x.doors[1], Result: household.Needs, Note: "老人独居", ClientRef: ref, HappenedAt: &told,
		Needs: []request.Need{{What: "屋顶漏水", Category: "dwelling_safety"}},
	}
}

// X20, K19: the day of a promise counts from the visit at which it was made. Sent when that day is over, it is a promise that is
// due, of which its promiser is told at once.
func TestX20_AVisitIsTakenWithAPromiseWhoseDayIsOverByTheTimeItIsSent(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		told := time.Date(2026, 8, 17, 15, 50, 0, 0, time.UTC) // 23:50 in Shanghai
		x.at(told.Add(20 * time.Minute))
		a := leak(x)
		a.HappenedAt = &told
		a.Promises = []household.Word{{NewPromise: request.NewPromise{DueOn: "2026-08-16", Text: "来看屋顶"}}}
		if _, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, a); !errors.Is(err, request.ErrPromiseDay) {
			t.Errorf("promised for the day before: %v, want %v", err, request.ErrPromiseDay)
		}
		a.Promises[0].DueOn = "2026-08-17"
		r, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, a)
		if err != nil || len(r.Requests) != 1 || len(r.Promises) != 1 {
			t.Fatalf("recorded %+v (%v), want the visit with its need and its promise", r, err)
		}
		if got := x.reason(t, a.Household); got != household.PromiseDue {
			t.Errorf("the door is on the list for %q, want what was promised", got)
		}
		reminded := func(what string, want int) {
			t.Helper()
			for range 2 {
				if _, err := x.requests.RemindPromises(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if n := count(t, d, `SELECT COUNT(*) FROM inbox WHERE kind = 'promise.due' AND person_id = ?`, x.YaoMangzhong.PersonID); n != want {
				t.Errorf("%s: reminded %d times, want %d", what, n, want)
			}
		}
		reminded("of a day that is over", 1)
		b := leak(x)
		b.Household, b.HappenedAt, b.ClientRef = x.doors[2], &told, "99999999-4f6e-4a0e-8f57-90a4f9b0c1d2"
		b.Promises = []household.Word{{NewPromise: request.NewPromise{DueOn: "2026-08-18", Text: "来看屋顶"}}}
		x.at(told.Add(10 * time.Hour)) // 09:50 of that day: when people are reminded has passed
		if _, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, b); err != nil {
			t.Fatal(err)
		}
		reminded("of a day that has begun", 2)
	})
}

func TestS2_AVisitToldThreeTimesIsOneVisitAndOneRequest(t *testing.T) { // F11
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		first, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, leak(x))
		if err != nil {
			t.Fatal(err)
		}
		if len(first.Requests) != 1 || !first.HappenedAt.Equal(synced.Add(-90*time.Minute)) || !first.RecordedAt.Equal(synced) {
			t.Fatalf("recorded %+v", first)
		}
		r := first.Requests[0]
		if r.Level != 1 || r.HolderUnitID != x.Xingwu.Areas[1].Area.ID || *r.SourceVisitID != int64(first.ID) || len(r.Receipt) != 10 {
			t.Errorf("opened %+v", r)
		}
		if want := first.HappenedAt.Add(24 * time.Hour); !r.SolveDueAt.Equal(want) {
			t.Errorf("solve due at %v, want %v", r.SolveDueAt, want)
		}
		for _, key := range []string{"0f9d2a52-6a3e-4c5b-1", "0f9d2a52-6a3e-4c5b-2"} {
			ctx := once.With(t.Context(), once.Call{Operation: "recordVisit", Key: key, Fingerprint: []byte("body")})
			again, err := x.service.RecordVisit(ctx, x.YaoMangzhong, leak(x))
			if err != nil {
				t.Fatal(err)
			}
			if again.ID != first.ID || again.Requests[0].ID != r.ID || again.Requests[0].Receipt != r.Receipt || !once.Replayed(ctx) {
				t.Errorf("again: visit %d, request %d, replayed %v", again.ID, again.Requests[0].ID, once.Replayed(ctx))
			}
		}
		other := leak(x)
		other.Needs[0].What = "水管爆裂"
		if _, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, other); !errors.Is(err, problem.ErrKeyReused) {
			t.Errorf("another content: %v, want %v", err, problem.ErrKeyReused)
		}
		if v, r := count(t, d, `SELECT COUNT(*) FROM visit`), count(t, d, `SELECT COUNT(*) FROM request`); v != 1 || r != 1 {
			t.Errorf("%d visits and %d requests, want one each", v, r)
		}
		if len(x.onSite) != 1 || x.onSite[0] != first.ID {
			t.Errorf("on site by %v, want the visit %d once", x.onSite, first.ID)
		}
	})
}

func TestHomesAndVisitsOfAnAreaAreForItsHolderAlone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		v, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, leak(x))
		if err != nil {
			t.Fatal(err)
		}
		for name, by := range map[string]org.Actor{
			"the neighbouring area": x.YiPian, "the secretary": x.FengShuangjiang, "the same person as officer": x.YaoOfficer,
			"another village": x.ZhengXiaoxue, "a grid assistant": x.HeQingqing, "the office": x.LuoQingming,
			"the committee secretary": x.GaoXiaohan, "a resident": x.LinXiaoman, "nobody": {},
		} {
			if _, err := x.service.ReadVisit(t.Context(), by, v.ID); !errors.Is(err, problem.ErrNotFound) {
				t.Errorf("%s reads the visit: %v", name, err)
			}
			if _, err := x.service.Read(t.Context(), by, x.doors[1]); !errors.Is(err, problem.ErrNotFound) {
				t.Errorf("%s reads the household: %v", name, err)
			}
			why := privacy.Why{Purpose: privacy.CallBack, Reason: "约定今天回电"}
			if _, err := x.service.Unmask(t.Context(), by, x.doors[1], []string{household.PhoneNumber}, why); !errors.Is(err, problem.ErrNotFound) {
				t.Errorf("%s unmasks the household: %v", name, err)
			}
		}
		d, err := x.service.ReadVisit(t.Context(), x.YaoMangzhong, v.ID)
		if err != nil || d.Note != "老人独居" || len(d.Requests) != 1 {
			t.Errorf("the holder reads %+v, %v", d, err)
		}
		if h, err := x.service.Read(t.Context(), x.YaoMangzhong, x.doors[1]); err != nil || h.Last == nil || len(h.OpenRequests) != 1 {
			t.Errorf("the holder reads %+v, %v", h, err)
		}
		if calls, _, err := x.service.Visits(t.Context(), x.YaoMangzhong, "", 10); err != nil || len(calls) != 1 {
			t.Errorf("the holder lists %v, %v", calls, err)
		}
		if _, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, household.Account{Household: x.foreign, Result: household.AllWell, ClientRef: "5b1c9a70-4f6e-4a0e-8f57-90a4f9b0c1d2"}); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("visits a door of another area: %v", err)
		}
	})
}

func TestLeadsSeeDoorsAndCountsAndNothingMore(t *testing.T) { // F17
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		results := []household.Account{
			{Household: x.doors[0], Result: household.AllWell, ClientRef: "11111111-4f6e-4a0e-8f57-90a4f9b0c1d2"},
			leak(x),
			{Household: x.doors[2], Result: household.NotHome, ClientRef: "22222222-4f6e-4a0e-8f57-90a4f9b0c1d2"},
		}
		for _, a := range results {
			if _, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, a); err != nil {
				t.Fatal(err)
			}
		}
		for name, by := range map[string]org.Actor{"the secretary": x.FengShuangjiang, "the office": x.LuoQingming} {
			c, err := x.service.Counts(t.Context(), by, "2026-08")
			if err != nil || c.Total != "<5" || c.Results[0] != "<5" || c.Results[3] != "0" {
				t.Errorf("%s counts %+v, %v", name, c, err)
			}
		}
		if c, err := x.service.Counts(t.Context(), x.ZhengXiaoxue, "2026-08"); err != nil || c.Total != "0" {
			t.Errorf("another village counts %+v, %v", c, err)
		}
		rows, _, err := x.service.Households(t.Context(), x.FengShuangjiang, nil, "", 10)
		if err != nil || len(rows) != 4 || rows[0].LastVisited != nil {
			t.Errorf("the secretary lists %+v, %v", rows, err)
		}
		if rows, _, err = x.service.Households(t.Context(), x.YaoMangzhong, nil, "", 10); err != nil || len(rows) != 3 || rows[0].LastVisited == nil {
			t.Errorf("the holder lists %+v, %v", rows, err)
		}
		if _, _, err = x.service.Households(t.Context(), x.LuoQingming, nil, "", 10); !errors.Is(err, problem.ErrForbidden) {
			t.Errorf("the office lists doors: %v", err)
		}
		areas, _, err := x.service.Areas(t.Context(), x.FengShuangjiang, "", 10)
		if err != nil || len(areas) != 2 || areas[1].Households != "3" || areas[1].OpenRequests != "1" {
			t.Errorf("the secretary's areas %+v, %v", areas, err)
		}
	})
}

func TestC3_AnEntranceHasOneContactAndCannotBeDealtTwice(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		l, err := x.service.LookUp(t.Context(), x.FengShuangjiang, x.Xingwu.Unit.ID, "", "2-30")
		if err != nil || l.Holder.Person != x.YaoMangzhong.PersonID || l.Interim || l.Levels[0].Label != "责任区党员" || !l.Named {
			t.Errorf("looked up %+v, %v", l, err)
		}
		if l, err := x.service.LookUp(t.Context(), x.LinXiaoman, x.Xingwu.Unit.ID, "", "2-30"); err != nil || l.Named {
			t.Errorf("a resident looked up %+v, %v", l, err)
		}
		e, err := household.FindEntrance(t.Context(), d, x.Xingwu.Unit.ID, "", "2-30")
		if err != nil {
			t.Fatal(err)
		}
		today := calendar.DayOf(synced)
		if _, err := x.service.Deal(t.Context(), x.FengShuangjiang, x.Xingwu.Areas[0].Area.ID, today, []household.EntranceID{e.ID}); !errors.Is(err, household.ErrEntranceAssigned) {
			t.Errorf("dealt twice: %v", err)
		}
		if _, err := x.service.Deal(t.Context(), x.ZhengXiaoxue, x.Xingwu.Areas[0].Area.ID, today, []household.EntranceID{e.ID}); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("dealt by another village: %v", err)
		}
		err = d.InTx(t.Context(), func(tx *db.Tx) error {
			_, err := household.AddEntrance(t.Context(), tx, x.Xingwu.Unit.ID, household.Building{}, "9-9")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if rest, _, err := x.service.Unassigned(t.Context(), x.FengShuangjiang, "", "", 10); err != nil || len(rest) != 1 || rest[0].Label != "9-9" {
			t.Errorf("unassigned %+v, %v", rest, err)
		}
		if _, err := x.service.LookUp(t.Context(), x.LinXiaoman, x.Xingwu.Unit.ID, "", "9-9"); !errors.Is(err, household.ErrNoContact) {
			t.Errorf("looked up an entrance without area: %v", err)
		}
	})
}

func TestT7_OfTwoWhoDealOneEntranceAtOnceOneWins(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		today := calendar.DayOf(synced)
		for round := range 8 {
			number := "7-" + strconv.Itoa(round)
			var e household.EntranceID
			if err := d.InTx(t.Context(), func(tx *db.Tx) (err error) {
				e, err = household.AddEntrance(t.Context(), tx, x.Xingwu.Unit.ID, household.Building{}, number)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			begin, answers := make(chan struct{}), make(chan error, 2)
			for i, a := range x.Xingwu.Areas {
				go func() { // from two days, which no key of the table tells apart
					<-begin
					_, err := x.service.Deal(t.Context(), x.FengShuangjiang, a.Area.ID, today.Add(i), []household.EntranceID{e})
					answers <- err
				}()
			}
			close(begin)
			one, other := <-answers, <-answers
			if one != nil {
				one, other = other, one
			}
			if one != nil || !errors.Is(other, household.ErrEntranceAssigned) {
				t.Errorf("%s dealt twice at once: %v and %v, want one nil and one %v", number, one, other, household.ErrEntranceAssigned)
			}
			if n := count(t, d, `SELECT COUNT(*) FROM area_entrance WHERE entrance_id = `+strconv.FormatInt(int64(e), 10)); n != 1 {
				t.Errorf("%s lies in %d areas, want one", number, n)
			}
		}
	})
}

func TestF16_DueDoorsComeByReasonAndWithoutThoseThatWantNoVisit(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		area := x.Xingwu.Areas[1].Area
		for _, number := range []string{"2-33", "2-34"} {
			x.doors = append(x.doors, door(t, d, x.Xingwu.Unit, area, number))
		}
		needs := request.NewService(d, x.keys, page.NewKeys(make([]byte, 32)), &calendar.Calendar{},
			func(ctx context.Context, q db.Queryer, by org.Actor, premises int64) (request.Door, error) {
				return household.Door(ctx, q, by, premises, calendar.DayOf(d.Now()))
			})
		visit := func(i int, r household.Result) {
			t.Helper()
			_, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, household.Account{
				Household: x.doors[i], Result: r, ClientRef: "77777777-4f6e-4a0e-8f57-90a4f9b0c1d" + strconv.Itoa(i),
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		due := func() (doors []string) {
			t.Helper()
			for cursor, first := "", true; first || cursor != ""; first = false { // two to a page
				all, next, err := x.service.Due(t.Context(), x.YaoMangzhong, cursor, 2)
				if err != nil {
					t.Fatal(err)
				}
				for _, a := range all {
					doors = append(doors, a.Door+" "+string(a.Reason))
				}
				cursor = next
			}
			return doors
		}
		wants := func(what string, want ...string) {
			t.Helper()
			if got := due(); !slices.Equal(got, want) {
				t.Errorf("%s: due are %q, want %q", what, got, want)
			}
		}
		wants("at first", "2-30 new_household", "2-31 new_household", "2-32 new_household", "2-33 new_household", "2-34 new_household")
		visit(1, household.AllWell)
		x.at(synced.Add(24 * time.Hour))
		visit(0, household.NotHome)
		visit(2, household.Declined)
		if _, err := needs.Create(t.Context(), x.YaoMangzhong, request.Telling{
			Need: request.Need{What: "路灯不亮", Who: "林女士"}, Channel: request.ToldMember, Premises: int64(x.doors[4]),
		}); err != nil {
			t.Fatal(err)
		}
		wants("a day later", "2-34 asked_for", "2-33 new_household")
		x.at(synced.Add(90*24*time.Hour - time.Millisecond))
		wants("just before 90 days", "2-34 asked_for", "2-33 new_household")
		x.at(synced.Add(90 * 24 * time.Hour))
		wants("after 90 days", "2-34 asked_for", "2-33 long_not_visited", "2-31 long_not_visited")
		x.at(synced.Add(91 * 24 * time.Hour))
		wants("a day later, when the mute is over too", "2-34 asked_for", "2-33 long_not_visited", "2-31 long_not_visited",
			"2-30 long_not_visited", "2-32 long_not_visited")
		if _, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, household.Account{
			Household: x.doors[2], Result: household.AllWell, ClientRef: "88888888-4f6e-4a0e-8f57-90a4f9b0c1d2",
			Promises: []household.Word{{NewPromise: request.NewPromise{DueOn: calendar.DayOf(d.Now()).Add(1), Text: "送雨靴"}}},
		}); err != nil {
			t.Fatal(err)
		}
		wants("a visit, with a promise for tomorrow", "2-34 asked_for", "2-33 long_not_visited", "2-31 long_not_visited", "2-30 long_not_visited")
		x.at(synced.Add(92 * 24 * time.Hour))
		wants("tomorrow", "2-32 promise_due", "2-34 asked_for", "2-33 long_not_visited", "2-31 long_not_visited", "2-30 long_not_visited")
		for name, by := range map[string]org.Actor{"the same person as officer": x.YaoOfficer, "nobody": {}} {
			if _, _, err := x.service.Due(t.Context(), by, "", 0); !errors.Is(err, problem.ErrForbidden) {
				t.Errorf("%s: %v, want %v", name, err, problem.ErrForbidden)
			}
		}
		if all, _, err := x.service.Due(t.Context(), x.YiPian, "", 0); err != nil || len(all) != 1 || all[0].Door != "1-1" {
			t.Errorf("the neighbour's: %+v, %v, want their own door", all, err)
		}
	})
}

func TestAContactIsMaskedUntilAReasonIsGiven(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		c := household.Contact{FormOfAddress: sealed.NameOf("林女士"), Phone: sealed.PhoneOf("19900000001")}
		if v, err := x.service.SetContact(t.Context(), x.YaoMangzhong, x.doors[0], c); err != nil || v != 1 {
			t.Fatalf("set: version %d, %v", v, err)
		}
		if _, err := x.service.SetContact(t.Context(), x.YaoMangzhong, x.doors[0], c); !errors.Is(err, problem.ErrConflict) {
			t.Errorf("set over a version not seen: %v", err)
		}
		h, err := x.service.Read(t.Context(), x.YaoMangzhong, x.doors[0])
		if err != nil || h.Contact.Phone.Masked() != "199****0001" || h.Contact.FormOfAddress.Masked() != "林**" {
			t.Errorf("read %+v, %v", h, err)
		}
		if _, err := x.service.Unmask(t.Context(), x.YaoMangzhong, x.doors[0], []string{household.PhoneNumber}, privacy.Why{Purpose: privacy.CallBack}); !errors.Is(err, privacy.ErrReason) {
			t.Errorf("unmasked without a reason: %v", err)
		}
		shown, err := x.service.Unmask(t.Context(), x.YaoMangzhong, x.doors[0], []string{household.PhoneNumber}, privacy.Why{Purpose: privacy.CallBack, Reason: "约定今天回电"})
		if err != nil || shown[household.PhoneNumber] != "19900000001" {
			t.Errorf("unmasked %v, %v", shown, err)
		}
	})
}

func TestNobodyHomeIsRecordedAtManyDoorsOrAtNone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		at := func(id household.ID, ref string) household.Account {
			return household.Account{Household: id, Result: household.NotHome, ClientRef: ref}
		}
		one, two := "11111111-4f6e-4a0e-8f57-90a4f9b0c1d2", "22222222-4f6e-4a0e-8f57-90a4f9b0c1d2"
		if _, err := x.service.RecordVisits(t.Context(), x.YaoMangzhong, []household.Account{at(x.doors[0], one), at(x.foreign, two)}); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("with a foreign door: %v", err)
		}
		if n := count(t, d, `SELECT COUNT(*) FROM visit`); n != 0 {
			t.Errorf("%d visits, want none", n)
		}
		if ids, err := x.service.RecordVisits(t.Context(), x.YaoMangzhong, []household.Account{at(x.doors[0], one), at(x.doors[1], two)}); err != nil || len(ids) != 2 {
			t.Errorf("recorded %v, %v", ids, err)
		}
	})
}

// X23: whoever finds danger at a door is told whom to call, and nothing of the visit is kept.
func TestX23_DangerAtADoorIsNoVisit(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		kept := func() int {
			t.Helper()
			n := 0
			for _, table := range []string{"visit", "request", "request_asker", "promise", "inbox", "audit", "household_mute"} {
				n += count(t, d, `SELECT COUNT(*) FROM `+table)
			}
			return n
		}
		before := kept()
		a := leak(x)
		a.Promises = []household.Word{{NewPromise: request.NewPromise{DueOn: "2026-08-20", Text: "来修屋顶"}, About: 1}}
		for answer, number := range map[request.Danger]string{request.Gas: "119", request.Fire: "119", request.Illness: "120", "threat": "110"} {
			a.Needs = append(leak(x).Needs, request.Need{What: "厨房里味道很重", Danger: answer}) // the second of two
			_, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, a)
			var p *problem.Problem
			if !errors.As(err, &p) || !errors.Is(err, request.ErrDanger) || !slices.Equal(p.Members["numbers"].([]string), []string{number}) {
				t.Errorf("%s: %v, want the danger stop with %s", answer, err, number)
			}
		}
		if after := kept(); after != before || len(x.onSite) != 0 {
			t.Errorf("%d rows are kept and %d visits told of, want nothing", after-before, len(x.onSite))
		}
		a.Needs = append(leak(x).Needs, request.Need{What: "厨房里味道很重", Danger: "smoke"})
		if _, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, a); !errors.Is(err, request.ErrDangerAnswer) {
			t.Errorf("an answer that nobody offers: %v, want %v", err, request.ErrDangerAnswer)
		}
		a.Needs = append(leak(x).Needs, request.Need{What: "厨房里味道很重", Danger: request.NoDanger})
		if r, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, a); err != nil || len(r.Requests) != 2 { // its clientRef is still good
			t.Errorf("out of danger: %d needs, error %v; want both", len(r.Requests), err)
		}
	})
}
