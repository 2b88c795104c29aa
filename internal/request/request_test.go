package request

import (
	"regexp"
	"slices"
	"testing"
	"time"

	"wanjia/configs"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
)

func TestAPhonesTimeIsBelievedWithinItsWindow(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 3, 30, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		said      time.Time
		untrusted bool
	}{
		"told offline":            {now.Add(-90 * time.Minute), false},
		"exactly 72 hours old":    {now.Add(-72 * time.Hour), false},
		"older than 72 hours":     {now.Add(-72*time.Hour - time.Millisecond), true},
		"exactly 2 minutes ahead": {now.Add(2 * time.Minute), false},
		"further ahead":           {now.Add(2*time.Minute + time.Millisecond), true},
	} {
		at, untrusted := Happened(&c.said, now)
		want := c.said
		if c.untrusted {
			want = now
		}
		if !at.Equal(want) || untrusted != c.untrusted {
			t.Errorf("%s: happened at %v, untrusted %v; want %v, %v", name, at, untrusted, want, c.untrusted)
		}
	}
	if at, untrusted := Happened(nil, now); !at.Equal(now) || untrusted {
		t.Errorf("without a phone's time: %v, untrusted %v; want now, trusted", at, untrusted)
	}
}

// clockwise is a calendar that is always open.
var clockwise = &calendar.Calendar{}

// opening is a category that ships, whose minutes run in cal.
func opening(code Code, cal *calendar.Calendar) (Category, error) {
	e := shippedEdition(cal)
	if _, err := e.opening(code); err != nil {
		return Category{}, err
	}
	return e.category(Request{Category: code}), nil
}

func TestSolvingCountsFromTheTellingAndAcceptingFromTheArrival(t *testing.T) {
	t.Parallel()
	told := time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)
	r := Request{HappenedAt: told, RecordedAt: told.Add(90 * time.Minute), Level: 1}
	c, err := opening("general", clockwise)
	if err != nil {
		t.Fatal(err)
	}
	c.due(&r)
	if want := r.RecordedAt.Add(240 * time.Minute); !r.AcceptDueAt.Equal(want) {
		t.Errorf("accept due at %v, want %v", r.AcceptDueAt, want)
	}
	if want := told.Add(2250 * time.Minute); !r.SolveDueAt.Equal(want) {
		t.Errorf("solve due at %v, want %v", r.SolveDueAt, want)
	}
}

// Idea 1, V6: what was resolved above level 1 may become a card, and a concern never does.
func TestACardIsOfferedOfWhatOthersMayLearnFrom(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		r    Request
		want bool
	}{
		"resolved above":     {Request{Category: general, State: Resolved, ResolvedLevel: levelNames[2]}, true},
		"resolved at once":   {Request{Category: general, State: Resolved, ResolvedLevel: levelNames[1]}, false},
		"explained above":    {Request{Category: general, State: Explained}, false},
		"a concern resolved": {Request{Category: HolderConcern, State: Resolved, ResolvedLevel: levelNames[4]}, false},
	} {
		if got := c.r.offersCard(); got != c.want {
			t.Errorf("%s: offered %v, want %v", what, got, c.want)
		}
	}
}

func TestC22_TheCategoriesAreOfFourTypesAndNoOther(t *testing.T) {
	t.Parallel()
	var types []string
	for _, c := range shipped {
		if !slices.Contains(types, string(c.Type)) {
			types = append(types, string(c.Type))
		}
	}
	slices.Sort(types)
	if want := []string{"advice", "certificate", "help", "report"}; !slices.Equal(types, want) {
		t.Errorf("needs are of the types %q, want %q", types, want)
	}
}

func TestAUrgentCategoryRunsRoundTheClock(t *testing.T) { // F14, K3
	t.Parallel()
	r := Request{HappenedAt: time.Date(2026, 8, 15, 7, 10, 0, 0, time.UTC), Level: 1} // Sat 15:10 in Shanghai
	r.RecordedAt = r.HappenedAt
	working, err := calendar.Parse(configs.Holidays)
	if err != nil {
		t.Fatal(err)
	}
	c, err := opening("dwelling_safety", working)
	if err != nil {
		t.Fatal(err)
	}
	c.due(&r)
	if want := r.HappenedAt.Add(24 * time.Hour); !r.SolveDueAt.Equal(want) {
		t.Errorf("solve due at %v, want %v", r.SolveDueAt, want)
	}
}

func TestATargetThatACategoryLacksIsNotSet(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)
	advice, water := Request{HappenedAt: now, RecordedAt: now, Level: 1}, Request{HappenedAt: now, RecordedAt: now, Level: 5}
	for r, code := range map[*Request]Code{&advice: "advice", &water: "water_supply"} {
		c, err := opening(code, clockwise)
		if err != nil {
			t.Fatal(err)
		}
		c.due(r)
		if r.UpdateDueAt != nil {
			t.Errorf("%s at level %d: update due at %v, want none", code, r.Level, r.UpdateDueAt)
		}
	}
}

func TestAConcernAboutAHolderIsNeverOpenedAtADoor(t *testing.T) {
	t.Parallel()
	for _, code := range []Code{HolderConcern, "petition"} {
		if _, err := opening(code, clockwise); err == nil {
			t.Errorf("category %s can be opened", code)
		}
	}
}

func TestAReceiptCodeIsReadAsItIsTyped(t *testing.T) {
	t.Parallel()
	shown := regexp.MustCompile(`^[2-9A-HJ-NP-Z]{5}-[2-9A-HJ-NP-Z]{5}$`)
	seen := map[Receipt]bool{}
	for range 1000 {
		code := newReceipt()
		if !shown.MatchString(code.String()) {
			t.Fatalf("shown as %q", code)
		}
		if back, ok := ParseReceipt(" " + code.String() + " "); !ok || back != code {
			t.Fatalf("%s is read as %s, %v", code, back, ok)
		}
		seen[code] = true
	}
	if len(seen) != 1000 {
		t.Errorf("1000 codes, %d different ones", len(seen))
	}
	for _, typed := range []string{"", "ABCDE", "ABCDE-FGHJ0", "ABCDE-FGHJI", "ABCDE-FGHJK2", "ＡBCDE-FGHJK"} {
		if r, ok := ParseReceipt(typed); ok {
			t.Errorf("%q is read as %s", typed, r)
		}
	}
	if r, ok := ParseReceipt("abcde fghjk"); !ok || r != "ABCDEFGHJK" {
		t.Errorf("lower case is read as %s, %v", r, ok)
	}
}

func TestSeeingFollowsTheOriginForTheLadderOnly(t *testing.T) {
	t.Parallel()
	unit := org.Unit{ID: 4, Tree: org.GridTree, Path: "/1/4/"}
	for role, origin := range map[org.Role]bool{
		org.RoleAreaHolder: true, org.RoleGroupLeader: true, org.RoleGridSecretary: true, org.RoleGeneralSecretary: true,
		org.RoleBranchSecretary: true, org.RoleGridAssistant: false, org.RoleSectionHead: false, org.RoleAreaCadre: false,
		org.RolePartyOffice: false, org.RoleCommitteeSecretary: false, org.RoleInstructor: false, org.RoleMember: false,
	} {
		s := sightOf(org.Actor{Role: role, Unit: unit, Grid: unit})
		if got := s.from != ""; got != origin {
			t.Errorf("%s sees what was opened below: %v, want %v", role, got, origin)
		}
	}
	if s := sightOf(org.Actor{}); s != (sight{}) {
		t.Errorf("the zero Actor sees %+v", s)
	}
}
