package request_test

import (
	"strings"
	"testing"
	"time"

	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/page"
	"wanjia/internal/request"
)

// spoil makes the code of whoever asks for needs unreadable, as the loss of a key does, so that nobody can be told that they are
// late; mend takes that back.
func spoil(t *testing.T, d *db.DB, needs ...request.ID) (mend func()) {
	t.Helper()
	was := map[request.ID][]byte{}
	set := func(id request.ID, code []byte) {
		t.Helper()
		if err := d.InTx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Change(t.Context(), `UPDATE request_asker SET receipt_sealed = ? WHERE request_id = ?`, code, id)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range needs {
		var code []byte
		if err := d.Get(t.Context(), &code, `SELECT receipt_sealed FROM request_asker WHERE request_id = ?`, id); err != nil {
			t.Fatal(err)
		}
		was[id] = code
		set(id, []byte("lost"))
	}
	return func() {
		t.Helper()
		for id, code := range was {
			set(id, code)
		}
	}
}

// many are needs of an area that are opened at one time.
func (x *fixture) many(t *testing.T, d *db.DB, n int, need request.Need) (ids []request.ID) {
	t.Helper()
	if err := d.InTx(t.Context(), func(tx *db.Tx) error {
		ids = nil
		for range n {
			id, err := x.service.Open(t.Context(), tx, x.ZhouChunhe, request.Opening{
				Need: need, Channel: request.ToldMember, Unit: x.Ruihe.Areas[0].Area, HappenedAt: tx.Now,
			})
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return ids
}

// after moves the clock of d to a while behind monday.
func after(d *db.DB, passed time.Duration) {
	now := monday.Add(passed)
	d.SetNow(func() time.Time { return now })
}

// R11, K14: more clocks that fail than a look finds at one time hold up none that is due later, on no node.
func TestK14_ClocksThatFailHoldUpNoOther(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		travel := request.Need{What: "返岗需要跨市通行证明", Category: "cert_travel"}
		bad := x.many(t, d, 101, travel)
		mend := spoil(t, d, bad...)
		at(d, 10)
		good := x.create(t, x.ZhouChunhe, travel).ID
		other := request.NewService(d, x.keys, page.NewKeys(make([]byte, 32)), &calendar.Calendar{}, nil) // of another node
		at(d, 500)
		some, err := x.service.RunClocks(t.Context())
		for range 3 { // as long as there is anything new to say
			if some {
				some, _ = x.service.RunClocks(t.Context())
			}
		}
		if err == nil || !strings.Contains(err.Error(), "try 1: clock news of request") {
			t.Errorf("what fails is said to be %.200v, want its clock and the try", err)
		}
		if got := x.misses(t, x.ZhouChunhe, good); len(got) != 3 {
			t.Errorf("of the need that came later %v were missed, want all three targets", got)
		}
		if got := x.service.FailingClocks(); got != 2*len(bad) { // their news and their solving
			t.Errorf("%d clocks fail, want %d", got, 2*len(bad))
		}
		if some, err := x.service.RunClocks(t.Context()); some || err != nil {
			t.Errorf("they are tried again at once: %v, %v", some, err)
		}
		if some, err := other.RunClocks(t.Context()); !some || err == nil || other.FailingClocks() != 2*len(bad) {
			t.Errorf("another node tries them: %v, error %v, %d fail; want each", some, err != nil, other.FailingClocks())
		}
		mend()
		after(d, 500*time.Minute+20*time.Second)
		for _, n := range []*request.Service{other, x.service} {
			for some := true; some; {
				if some, err = n.RunClocks(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if got := n.FailingClocks(); got != 0 {
				t.Errorf("once they are mended %d fail", got)
			}
		}
		all := len(bad) + 1
		if got := said(t, d); got["request.clock_accepting"] != 3*all || got["request.clock_news"] != all || got["request.clock_solving"] != 2*all {
			t.Errorf("said %v, want each notice of %d needs once", got, all)
		}
		for _, line := range heard(t, d, "request.target_missed") {
			if !strings.Contains(line, "T03:00:00Z") && !strings.Contains(line, "T03:10:00Z") {
				t.Errorf("told %s, want the moment at which it was due", line)
				break
			}
		}
	})
}

// A clock that fails again and again rests twice as long each time, up to ten minutes; once its need has moved it is tried at
// once. One that panics is as one that fails.
func TestK14_AClockThatFailsRestsLongerEachTime(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"}) // its other clocks have long nothing to say

		// There is no such notice.
		if err := d.InTx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Change(t.Context(), `UPDATE request_timer SET step = 0 WHERE request_id = ? AND clock = 'accepting'`, r.ID)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		tried := func(passed time.Duration) bool {
			t.Helper()
			after(d, 240*time.Minute+passed)
			some, err := x.service.RunClocks(t.Context())
			if some != (err != nil) || err != nil && !strings.Contains(err.Error(), "panic: ") {
				t.Fatalf("after %v: tried %v, %v", passed, some, err)
			}
			return some
		}
		at := time.Duration(0)
		if !tried(at) {
			t.Fatal("it is not tried")
		}
		for i, pause := range []time.Duration{20, 40, 80, 160, 320, 600, 600, 600} {
			pause *= time.Second
			if tried(at + pause - time.Millisecond) {
				t.Errorf("after try %d it is tried before %v are over", i+1, pause)
			}
			if at += pause; !tried(at) {
				t.Errorf("after try %d it is not tried when %v are over", i+1, pause)
			}
		}
		moved(t)(x.service.Escalate(t.Context(), x.ZhouChunhe, r.ID, up(2)))
		if err := d.InTx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Change(t.Context(), `UPDATE request_timer SET step = 0, due_at = ? WHERE request_id = ? AND clock = 'accepting'`, tx.Now, r.ID)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if !tried(at) {
			t.Error("once its need has moved it is not tried at once")
		}
	})
}

// Neither do needs that cannot go on hold up others, nor promises that nobody can be reminded of.
func TestK14_WaitingThatCannotEndHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		bad := x.many(t, d, 101, request.Need{What: "路灯不亮"})
		good := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"}).ID
		for _, id := range append(bad, good) {
			until := monday.Add(time.Hour)
			if id == good {
				until = until.Add(time.Minute)
			}
			if err := d.InTx(t.Context(), func(tx *db.Tx) error {
				_, err := tx.Change(t.Context(), `
					UPDATE request
					SET state = ?, wait_until = ?, waiting_since = ?
					WHERE id = ?`, request.WaitingResident, until, monday, id)
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		mend := spoil(t, d, bad...)
		at(d, 120)
		if some, err := x.service.GoOn(t.Context()); !some || err == nil || !strings.Contains(err.Error(), "try 1: let request ") {
			t.Errorf("went on: %v, %.200v; want what fails said", some, err)
		}
		if got := x.read(t, x.ZhouChunhe, good).State; got != request.InProgress || x.service.FailingClocks() != len(bad) {
			t.Errorf("the one that waited less is %s, and %d fail; want it in progress, and %d", got, x.service.FailingClocks(), len(bad))
		}
		mend()
		at(d, 121)
		if _, err := x.service.GoOn(t.Context()); err != nil || x.service.FailingClocks() != 0 {
			t.Errorf("once they are mended: %v, %d fail", err, x.service.FailingClocks())
		}
		if got := x.read(t, x.ZhouChunhe, bad[100]).State; got != request.InProgress {
			t.Errorf("the last of them is %s", got)
		}
	})
}

func TestK19_PromisesThatCannotBeRemindedOfHoldUpNoOther(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		bad, good := x.create(t, x.ZhouChunhe, needOfLin).ID, x.create(t, x.ZhouChunhe, needOfLin).ID
		if err := d.InTx(t.Context(), func(tx *db.Tx) error {
			for i := range 102 {
				n := request.NewPromise{Request: bad, DueOn: "2026-03-03", Text: "来修路灯"}
				if i == 101 {
					n.Request, n.DueOn = good, "2026-03-04"
				}
				if _, err := x.service.Promise(t.Context(), tx, x.ZhouChunhe, n); err != nil {
					return err
				}
			}
			_, err := tx.Change(t.Context(), `UPDATE request SET receipt_sealed = ? WHERE id = ?`, []byte("lost"), bad)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		at(d, 60*48)
		if some, err := x.service.RemindPromises(t.Context()); !some || err == nil || !strings.Contains(err.Error(), "try 1: remind of promise ") {
			t.Errorf("reminded: %v, %.200v; want what fails said", some, err)
		}
		if got := inboxes(t, d, "promise.due"); len(got) != 1 || x.service.FailingClocks() != 101 {
			t.Errorf("reminded %d times, and %d fail; want one, and 101", len(got), x.service.FailingClocks())
		}
		if some, err := x.service.RemindPromises(t.Context()); some || err != nil {
			t.Errorf("they are tried again at once: %v, %v", some, err)
		}
	})
}

// Only SQLite lets a column hold what is no number, so that a card cannot be read.
func TestC23_CardsThatCannotBeReadHoldUpNoOther(t *testing.T) {
	t.Parallel()
	on(t, dbtest.SQLite(t), cardsThatCannotBeRead)
}

func cardsThatCannotBeRead(t *testing.T, d *db.DB, x *fixture) {
	t.Helper()
	n := travel()
	n.ValidFrom, n.ValidTo, n.ReviewOn = "2026-03-09", "2026-06-30", "2026-04-01"
	var last request.Card
	for range 102 {
		last = x.approve(t, x.LuoQingming, x.propose(t, x.LuoQingming, n))
	}
	set := func(query string, args ...any) {
		t.Helper()
		if err := d.InTx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Change(t.Context(), query, args...)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	set(`UPDATE card SET how_to = CAST(edition AS TEXT), edition = 'lost' WHERE id < ?`, last.ID)
	onDay(t, d, "2026-03-09")
	if some, err := x.service.CardsDue(t.Context()); !some || err == nil || !strings.Contains(err.Error(), "try 1: let the day of card ") {
		t.Errorf("due: %v, %.200v; want what fails said", some, err)
	}
	if c, err := x.service.Card(t.Context(), x.LuoQingming, last.ID); err != nil || c.State != request.CardActive || x.service.FailingClocks() != 101 {
		t.Errorf("the last card is %s, error %v, and %d fail; want it active, and 101", c.State, err, x.service.FailingClocks())
	}
	set(`UPDATE card SET edition = how_to WHERE id < ?`, last.ID)
	onDay(t, d, "2026-03-10")
	if _, err := x.service.CardsDue(t.Context()); err != nil || x.service.FailingClocks() != 0 {
		t.Errorf("once they are mended: %v, %d fail", err, x.service.FailingClocks())
	}
}
