package notify

import (
	"slices"
	"testing"
)

// Nobody can be told from a count: neither from that of a small group, nor from what it leaves of the whole.
func TestNobodyCanBeToldFromCounts(t *testing.T) {
	t.Parallel()
	const unsaid = -1
	for _, c := range []struct {
		what   string
		whole  int
		groups []int
		want   []int
	}{
		{"none and many", 50, []int{0, 50}, []int{0, 50}},
		{"the smallest that is said", 50, []int{5, 45}, []int{5, 45}},
		{"one of them small", 50, []int{20, 26, 4}, []int{unsaid, 26, unsaid}},
		{"all but a few", 50, []int{47, 0}, []int{unsaid, 0}},
		{"a few without a group", 50, []int{20, 26}, []int{unsaid, 26}},
		{"small ones that hide each other", 50, []int{4, 4, 42}, []int{unsaid, unsaid, 42}},
		{"a small one in a large rest", 50, []int{1, 20}, []int{unsaid, 20}},
		{"all of a whole that is small itself", 3, []int{3, 0}, []int{unsaid, 0}},
	} {
		got := make([]int, len(c.groups))
		for i, n := range unnamed(c.whole, c.groups...) {
			got[i] = unsaid
			if n != nil {
				got[i] = int(*n)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: of %d in groups %v is said %v, want %v", c.what, c.whole, c.groups, got, c.want)
		}
	}
}

// What is forecast, and what has come of it, says no more.
func TestAForecastSaysNothingOfAFew(t *testing.T) {
	t.Parallel()
	shown := showReach(Reach{Recipients: 40, WithCredit: 20, CallNeeded: 17, Muted: 3, InQuiet: 2})
	if shown.Muted != nil || shown.CallNeeded != nil || shown.WithCredit == nil || shown.InQuietHours != nil {
		t.Errorf("it says %+v", shown)
	}
	shown = showReach(Reach{Recipients: 40, WithCredit: 20, CallNeeded: 20, InQuiet: 17})
	if shown.InQuietHours != nil {
		t.Errorf("it says that %d of 20 are in quiet hours, and so who of a few is not", *shown.InQuietHours)
	}
	shown = showReach(Reach{Recipients: 40, WithCredit: 20, CallNeeded: 20})
	if shown.WithCredit == nil || *shown.CallNeeded != 20 || *shown.Muted != 0 || *shown.InQuietHours != 0 {
		t.Errorf("of no small group it says %+v, want all", shown)
	}
}
