package request_test

import (
	"strings"
	"testing"
	"time"

	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
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
		var bad []request.ID
		for range 101 {
			bad = append(bad, x.create(t, x.ZhouChunhe, travel).ID)
		}
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
		if err == nil || !strings.Contains(err.Error(), "clock news of request") || !strings.Contains(err.Error(), ", try 1: ") {
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
