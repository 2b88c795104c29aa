package notify

import (
	"testing"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/kv/kvtest"
)

// What fan-outs have left to do is who has nothing in their inbox yet, and who has, and whose devices were not told.
func TestWhatIsWrittenAndNotPushedIsLeftToDo(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, k *kv.KV, gate *kvtest.Gate) {
		c := newCrowd(t, d, k, chunkSize+200)
		a := c.node("a")
		left := func(what string, want int64) {
			t.Helper()
			if got, err := a.Remaining(t.Context()); err != nil || got != want {
				t.Errorf("%s: %d are left (%v), want %d", what, got, err, want)
			}
		}
		left("at first", 0)
		one := c.announce(Announcement{Item: c.item()})
		left("announced", chunkSize+200)
		a.begin(t)
		left("a chunk later", 200)
		gate.Shut()
		c.announce(Announcement{Item: c.item()})
		a.work(t)
		if x := c.fan(one.ID); x.State != NoticeWritten || x.Pushed != chunkSize {
			t.Fatalf("the first is %+v", x)
		}
		left("written while Redis is away", 200+chunkSize+200)
		err := d.InTx(t.Context(), func(tx *db.Tx) error { return withdraw(t.Context(), tx, one.ID) })
		if err != nil {
			t.Fatal(err)
		}
		left("withdrawn, and still not pushed", 200+chunkSize+200)
		c.change(`UPDATE fanout SET total = total - 500`) // some have left since
		left("when fewer are there than were meant", 200+chunkSize+200)
	})
}
