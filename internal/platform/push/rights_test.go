package push

import (
	"testing"
	"time"
)

// Roles begin and end at midnight in Shanghai: what was read before counts no more then.
func TestRightsCountForAWhileAndNotOverMidnight(t *testing.T) {
	t.Parallel()
	midnight := time.Date(2026, 3, 3, 0, 0, 0, 0, time.FixedZone("Shanghai", 8*60*60))
	at := func(d time.Duration) int64 { return midnight.Add(d).UnixMilli() }
	for _, c := range []struct {
		read, now int64
		want      bool
	}{
		{at(-2 * time.Second), at(-time.Millisecond), true},
		{at(-2 * time.Second), at(0), false},
		{at(0), at(rightsFor - time.Millisecond), true},
		{at(0), at(rightsFor), false},
		{0, at(0), false},
	} {
		if got := fresh(c.read, c.now); got != c.want {
			t.Errorf("read at %v they count at %v: %v, want %v", time.UnixMilli(c.read), time.UnixMilli(c.now), got, c.want)
		}
	}
	var r rights
	r.vouch(7, at(-time.Second), at(time.Second))
	if len(r.live) > 0 {
		t.Error("who saw a role hold yesterday vouches for it today")
	}
}
