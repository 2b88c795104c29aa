package household

import (
	"errors"
	"testing"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/request"
)

func TestAVisitEndsInOneOfFiveWaysAndSaysWhatGoesWithIt(t *testing.T) { // F10
	t.Parallel()
	need := []request.Need{{What: "路灯不亮"}}
	six := make([]request.Need, 6)
	for name, c := range map[string]struct {
		a    Account
		want error
	}{
		"all well":                 {Account{Result: AllWell}, nil},
		"one need":                 {Account{Result: Needs, Needs: need}, nil},
		"no need":                  {Account{Result: Needs}, ErrNeedsMissing},
		"six needs":                {Account{Result: Needs, Needs: six}, ErrNeedsMissing},
		"well, with a need":        {Account{Result: AllWell, Needs: need}, ErrNeedsUnexpected},
		"nobody home":              {Account{Result: NotHome}, nil},
		"unable, with its reason":  {Account{Result: Unable, Reason: "unsafe"}, nil},
		"unable, nobody knows why": {Account{Result: Unable}, ErrReasonMissing},
		"well, with a reason":      {Account{Result: AllWell, Reason: "away"}, ErrReasonUnexpected},
		"declined":                 {Account{Result: Declined}, nil},
		"declined for a week":      {Account{Result: Declined, MuteDays: 7}, nil},
		"well, but muted":          {Account{Result: AllWell, MuteDays: 7}, ErrMuteUnexpected},
	} {
		if err := c.a.check(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestADeclinedVisitMutesNinetyDaysUnlessTheHouseholdSaysOtherwise(t *testing.T) {
	t.Parallel()
	for want, a := range map[int]Account{
		90: {Result: Declined}, 7: {Result: Declined, MuteDays: 7}, 0: {Result: NotHome},
	} {
		if got := a.muteDays(); got != want {
			t.Errorf("%s mutes %d days, want %d", a.Result, got, want)
		}
	}
}

func TestAVisitShowsThatItsVisitorWasThereUnlessItCouldNotBeMade(t *testing.T) {
	t.Parallel()
	for _, r := range results {
		if got, want := (Visit{Result: r}).onSite(), r != Unable; got != want {
			t.Errorf("%s: on site %v, want %v", r, got, want)
		}
	}
	if (Visit{Result: AllWell, ClockUntrusted: true}).onSite() {
		t.Error("a clock that is not believed tells the day")
	}
}

func TestX34_CellsOfOneToFourAreHiddenAndSoIsATotalThatTellsTheOnlyOne(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0", 1: "<5", 4: "<5", 5: "5", 120: "120"} {
		if got := small(n); got != want {
			t.Errorf("%d is shown as %s, want %s", n, got, want)
		}
	}
	for _, c := range []struct {
		cells []int
		want  string
		shown bool
	}{
		{[]int{1, 1, 1, 0, 0}, "<5", true},
		{[]int{7, 4, 0, 0, 0}, "", false},
		{[]int{7, 4, 3, 0, 0}, "14", true},
		{[]int{7, 9, 0, 0, 0}, "16", true},
		{[]int{0, 0, 0, 0, 0}, "0", true},
		{[]int{0, 0, 3, 0, 0}, "", false},
	} {
		if got, shown := total(c.cells); got != c.want || shown != c.shown {
			t.Errorf("total of %v: %q, %v; want %q, %v", c.cells, got, shown, c.want, c.shown)
		}
	}
}

func TestT7_AnEntranceLiesInOneAreaOnAnyDay(t *testing.T) {
	t.Parallel()
	e := Entrance{PlaceID: 4, Label: "3栋1单元"}
	for name, c := range map[string]struct {
		place org.UnitID
		from  calendar.Day
		taken []org.Span
		want  error
	}{
		"free":                      {4, "2026-03-01", nil, nil},
		"free since the day itself": {4, "2026-03-01", []org.Span{{From: "2025-01-01", To: "2026-03-01"}}, nil},
		"taken until the day after": {4, "2026-03-01", []org.Span{{From: "2025-01-01", To: "2026-03-02"}}, ErrEntranceAssigned},
		"taken":                     {4, "2026-03-01", []org.Span{{From: "2025-01-01"}}, ErrEntranceAssigned},
		"promised to another later": {4, "2026-03-01", []org.Span{{From: "2027-01-01"}}, ErrEntranceAssigned},
		"of another place":          {5, "2026-03-01", nil, ErrEntrancePlace},
	} {
		if err := e.canBeDealt(c.place, c.from, c.taken); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestK1_AVisitKeepsBothTimes(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 8, 17, 8, 40, 0, 0, time.UTC)
	told := now.Add(-90 * time.Minute)
	v := Account{Result: AllWell, HappenedAt: &told}.visit(org.Actor{PersonID: 1}, Household{ID: 2, AreaID: 3}, now)
	if !v.HappenedAt.Equal(told) || !v.RecordedAt.Equal(now) || v.ClockUntrusted {
		t.Errorf("happened %v, recorded %v, untrusted %v; want %v, %v, trusted", v.HappenedAt, v.RecordedAt, v.ClockUntrusted, told, now)
	}
}
