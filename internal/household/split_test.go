package household

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestDoorsAreNumberedAsPeopleDo(t *testing.T) {
	t.Parallel()
	doors := []string{"2-10", "10-1", "2-9", "2-1", "甲3", "2-09"}
	slices.SortFunc(doors, natural)
	if got, want := fmt.Sprint(doors), "[2-1 2-09 2-9 2-10 10-1 甲3]"; got != want {
		t.Errorf("in the order %s, want %s", got, want)
	}
}

func TestF5_AnAreaIsSplitAlongItsEntrances(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		homes []int // behind each entrance
		shops []int
		parts int
		want  []int
	}{
		{slices.Repeat([]int{1}, 72), nil, 2, []int{36, 36}},
		{[]int{12, 12}, nil, 2, []int{12, 12}},
		{[]int{12, 12, 12}, nil, 2, []int{12, 24}},
		{[]int{30, 1, 1, 1}, nil, 2, []int{30, 3}},
		{[]int{5, 5, 5, 5, 5, 5}, nil, 3, []int{10, 10, 10}},
		{[]int{7}, nil, 2, []int{7}},
		{[]int{6, 6, 6, 6}, []int{40, 0, 0, 0}, 2, []int{12, 12}}, // a street of shops is no household
		{[]int{6, 0, 0, 6}, []int{0, 9, 1, 0}, 2, []int{6, 6}},
		{nil, nil, 2, nil},
	} {
		var stairs []Stair
		for i, n := range c.homes {
			s := Stair{ID: EntranceID(i + 1), Number: fmt.Sprint(i + 1), Homes: n, Doors: n}
			if c.shops != nil {
				s.Doors += c.shops[i]
			}
			stairs = append(stairs, s)
		}
		var got []int
		for _, p := range split(stairs, c.parts) {
			got = append(got, p.Homes)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v with %v shops in %d parts is %v, want %v", c.homes, c.shops, c.parts, got, c.want)
		}
	}
}

// Between parts of as many households their doors decide.
func TestPartsOfAsManyHouseholdsHaveAboutAsManyDoors(t *testing.T) {
	t.Parallel()
	var stairs []Stair
	for i, shops := range []int{2, 2, 4} {
		stairs = append(stairs, Stair{ID: EntranceID(i + 1), Number: fmt.Sprint(i + 1), Doors: shops})
	}
	if parts := split(stairs, 2); parts[0].Doors != 4 || parts[1].Doors != 4 {
		t.Errorf("three entrances of shops alone are %+v, want 4 and 4", parts)
	}
}

// Whatever is split, each entrance is in exactly one part, in the order in which one walks.
func TestEachEntranceIsInExactlyOnePart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		doors := rapid.SliceOfN(rapid.IntRange(0, 24), 0, 40).Draw(t, "doors")
		var stairs []Stair
		for i, n := range doors {
			homes := rapid.IntRange(0, n).Draw(t, "homes")
			stairs = append(stairs, Stair{ID: EntranceID(i + 1), Number: fmt.Sprint(i + 1), Homes: homes, Doors: n})
		}
		parts := split(stairs, rapid.IntRange(1, 6).Draw(t, "parts"))
		var ids []EntranceID
		for _, p := range parts {
			homes, doors := 0, 0
			for _, s := range p.Stairs {
				ids, homes, doors = append(ids, s.ID), homes+s.Homes, doors+s.Doors
			}
			if homes != p.Homes || doors != p.Doors || len(p.Stairs) == 0 {
				t.Fatalf("a part of %d entrances says %d homes and %d doors, has %d and %d", len(p.Stairs), p.Homes, p.Doors, homes, doors)
			}
		}
		if len(ids) != len(stairs) || !slices.IsSorted(ids) {
			t.Fatalf("the parts hold %v, want each of %d once", ids, len(stairs))
		}
	})
}
