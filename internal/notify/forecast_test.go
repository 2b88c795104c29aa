package notify

import (
	"testing"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/kv/kvtest"
	"wanjia/internal/platform/page"
)

// Who is online is asked about the audience alone, however many others are, and of all its pieces; who was seen long ago is
// not, and while Redis is away nobody can say.
func TestTheAudienceIsAskedWhoIsOnline(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, k *kv.KV, gate *kvtest.Gate) {
		c := newCrowd(t, d, k, forecastLoad+50)
		notices := NewNotices(NoticeOptions{DB: d, KV: k, Sends: NewSends(SendOptions{DB: d}), Pages: page.NewKeys([]byte("secret"))})
		now := d.Now()
		mark := func(ago int64, persons ...org.PersonID) {
			t.Helper()
			for _, p := range persons {
				if err := k.Mark(t.Context(), kv.Online(kv.ShardOf(int64(p))), now.Unix()-ago, int64(p)); err != nil {
					t.Fatal(err)
				}
			}
		}
		mark(10, c.members[:70]...)
		mark(0, c.members[forecastLoad:forecastLoad+20]...)
		mark(200, c.members[500:600]...)
		mark(0, people(t, d, 100)...)
		n := NewNotice{To: Scope{Unit: c.unit.ID}, Title: "义诊"}
		r, err := notices.Preview(t.Context(), c.by, n)
		if err != nil || r.Online != 90 || r.Recipients != forecastLoad+50 {
			t.Errorf("of %d, %d are online (%v), want 90 of %d", r.Recipients, r.Online, err, forecastLoad+50)
		}
		gate.Shut()
		if r, err := notices.Preview(t.Context(), c.by, n); err != nil || r.Online != -1 || r.Recipients != forecastLoad+50 {
			t.Errorf("without Redis: of %d, %d are online (%v), want -1 of %d", r.Recipients, r.Online, err, forecastLoad+50)
		}
	})
}

// The summary that holds what is told now is that of today up to its very moment, and then that of tomorrow, in Shanghai.
func TestWhatCanWaitIsDueWithTheNextSummary(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		prio    int
		digest  clockTime
		at, due string
	}{
		{Ordinary, 18 * 60, "2026-04-08 18:00:00.000", "2026-04-08 18:00:00.000"},
		{Ordinary, 18 * 60, "2026-04-08 18:00:00.001", "2026-04-09 18:00:00.000"},
		{Ordinary, 6*60 + 30, "2026-04-08 23:30:00.000", "2026-04-09 06:30:00.000"},
		{Ordinary, 6*60 + 30, "2026-04-09 00:10:00.000", "2026-04-09 06:30:00.000"},
		{Prompt, 18 * 60, "2026-04-08 18:00:00.000", "2026-04-08 18:00:30.000"},
		{Safety, 18 * 60, "2026-04-08 18:00:00.000", "2026-04-08 18:00:00.000"},
	} {
		w := weigher{now: moment(t, c.at), prio: c.prio}
		if got := w.due(hours{digestAt: c.digest}); !got.Equal(moment(t, c.due)) {
			t.Errorf("of priority %d, told at %s, with a summary at %v: due at %v, want %s", c.prio, c.at, c.digest, got.In(time.FixedZone("", 8*3600)), c.due)
		}
	}
}
