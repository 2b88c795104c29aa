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
		doors []int // behind each entrance
		parts int
		want  []int
	}{
		{slices.Repeat([]int{1}, 72), 2, []int{36, 36}},
		{[]int{12, 12}, 2, []int{12, 12}},
		{[]int{12, 12, 12}, 2, []int{12, 24}},
		{[]int{30, 1, 1, 1}, 2, []int{30, 3}},
		{[]int{5, 5, 5, 5, 5, 5}, 3, []int{10, 10, 10}},
		{[]int{7}, 2, []int{7}},
		{nil, 2, nil},
	} {
		var stairs []Stair
		for i, n := range c.doors {
			stairs = append(stairs, Stair{ID: EntranceID(i + 1), Number: fmt.Sprint(i + 1), Doors: n})
		}
		var got []int
		for _, p := range split(stairs, c.parts) {
			got = append(got, p.Doors)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v in %d parts is %v, want %v", c.doors, c.parts, got, c.want)
		}
	}
}

// Whatever is split, each entrance is in exactly one part, in the order in which one walks.
func TestEachEntranceIsInExactlyOnePart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		doors := rapid.SliceOfN(rapid.IntRange(0, 24), 0, 40).Draw(t, "doors")
		var stairs []Stair
		for i, n := range doors {
			stairs = append(stairs, Stair{ID: EntranceID(i + 1), Number: fmt.Sprint(i + 1), Doors: n})
		}
		parts := split(stairs, rapid.IntRange(1, 6).Draw(t, "parts"))
		var ids []EntranceID
		for _, p := range parts {
			sum := 0
			for _, s := range p.Stairs {
				ids, sum = append(ids, s.ID), sum+s.Doors
			}
			if sum != p.Doors || len(p.Stairs) == 0 {
				t.Fatalf("a part of %d entrances says %d doors, has %d", len(p.Stairs), p.Doors, sum)
			}
		}
		if len(ids) != len(stairs) || !slices.IsSorted(ids) {
			t.Fatalf("the parts hold %v, want each of %d once", ids, len(stairs))
		}
	})
}
