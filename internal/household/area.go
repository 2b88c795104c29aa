package household

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"unicode"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/problem"
)

// ErrEntranceThere refuses a second entrance of one name in a place.
var ErrEntranceThere = problem.New(problem.Conflict, "household.entrance_there")

// A Stair is an entrance with what lies behind it, as areas are made of them.
type Stair struct {
	ID       EntranceID `db:"id"`
	PlaceID  org.UnitID `db:"place_id"`
	Label    string     `db:"label"`
	Building string     `db:"building"`
	Number   string     `db:"number"`
	Homes    int        `db:"homes"` // households, of the kind home
	Doors    int        `db:"doors"` // all premises
	Areas    int        `db:"areas"` // in how many areas it lies
	Moving   org.UnitID `db:"to_id"` // of a split: where it goes
	From     org.UnitID `db:"from_id"`
}

// An AreaCheck says of a kind of things how many there are, how many lie in exactly one area, and names the rest.
type AreaCheck struct {
	Name    string // entrance_in_area, household_in_area
	Total   int
	Met     int
	Gaps    []Stair // in no area
	Doubles []Stair // in more than one
}

// CheckAreas are the two checks of what by sees on a day (C3, F7, T7). Their target is that nothing is left.
func CheckAreas(ctx context.Context, q db.Queryer, by org.Actor, day calendar.Day) ([]AreaCheck, error) {
	all, err := stairsBelow(ctx, q, by, day)
	if err != nil {
		return nil, err
	}
	entrances, homes := AreaCheck{Name: "entrance_in_area"}, AreaCheck{Name: "household_in_area"}
	for _, s := range all {
		entrances.take(s, 1)
		homes.take(s, s.Homes)
	}
	return []AreaCheck{entrances, homes}, nil
}

// take counts n things that lie behind s.
func (c *AreaCheck) take(s Stair, n int) {
	if n == 0 {
		return
	}
	c.Total += n
	switch s.Areas {
	case 1:
		c.Met += n
	case 0:
		c.Gaps = append(c.Gaps, s)
	default:
		c.Doubles = append(c.Doubles, s)
	}
}

// A Part is what one area would have of what is split.
type Part struct {
	Homes  int
	Doors  int
	Stairs []Stair
}

// A spread says how unevenly parts are made: the sum of the squares of their households, and that of their doors. Who
// looks after an area visits households; shops and workshops decide only between parts that have as many of those.
type spread struct{ homes, doors int }

// with is s with one part more.
func (s spread) with(homes, doors int) spread {
	return spread{s.homes + homes*homes, s.doors + doors*doors}
}

func (s spread) less(than spread) bool {
	return cmp.Or(cmp.Compare(s.homes, than.homes), cmp.Compare(s.doors, than.doors)) < 0
}

// split deals stairs, in the order in which one walks along their doors, to n parts as even as can be.
func split(stairs []Stair, n int) []Part {
	stairs = slices.Clone(stairs)
	slices.SortStableFunc(stairs, func(a, b Stair) int {
		return cmp.Or(natural(a.Building, b.Building), natural(a.Number, b.Number), natural(a.Label, b.Label))
	})
	n = min(n, len(stairs))
	if n == 0 {
		return nil
	}
	homes, doors := make([]int, len(stairs)+1), make([]int, len(stairs)+1)
	for i, s := range stairs {
		homes[i+1], doors[i+1] = homes[i]+s.Homes, doors[i]+s.Doors
	}
	// best[k][i] is the least spread with which the first i stairs make k parts, and cut[k][i] where the last begins.
	best, cut := make([][]*spread, n+1), make([][]int, n+1)
	for k := range best {
		best[k], cut[k] = make([]*spread, len(homes)), make([]int, len(homes))
	}
	best[0][0] = &spread{}
	for k := 1; k <= n; k++ {
		for i := k; i < len(homes); i++ {
			for j := k - 1; j < i; j++ {
				if best[k-1][j] == nil {
					continue
				}
				s := best[k-1][j].with(homes[i]-homes[j], doors[i]-doors[j])
				if best[k][i] == nil || s.less(*best[k][i]) {
					best[k][i], cut[k][i] = &s, j
				}
			}
		}
	}
	parts := make([]Part, n)
	for k, end := n, len(stairs); k > 0; k-- {
		begin := cut[k][end]
		parts[k-1] = Part{Homes: homes[end] - homes[begin], Doors: doors[end] - doors[begin], Stairs: stairs[begin:end]}
		end = begin
	}
	return parts
}

// natural orders texts as people number doors: 2-9 before 2-10.
func natural(a, b string) int {
	x, y := runs(a), runs(b)
	for i := range min(len(x), len(y)) {
		m, errM := strconv.Atoi(x[i])
		n, errN := strconv.Atoi(y[i])
		c := cmp.Compare(x[i], y[i])
		if errM == nil && errN == nil {
			c = cmp.Or(cmp.Compare(m, n), c)
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(len(x), len(y))
}

// runs are the digits of a text and what lies between them.
func runs(text string) (all []string) {
	digits := false
	for i, r := range text {
		if i == 0 || unicode.IsDigit(r) != digits {
			all, digits = append(all, ""), unicode.IsDigit(r)
		}
		all[len(all)-1] += string(r)
	}
	return all
}

// WhatIf deals the doors of an area to some parts, along its entrances: a thought, of which nothing is kept (idea 11).
func (s *Service) WhatIf(ctx context.Context, by org.Actor, area org.UnitID, parts int) ([]Part, error) {
	u, err := org.FindUnit(ctx, s.db, by, area)
	if err != nil {
		return nil, err
	}
	if u.Kind != org.Area {
		return nil, ErrNoArea
	}
	stairs, err := stairsOf(ctx, s.db, area, calendar.DayOf(s.db.Now()))
	return split(stairs, parts), err
}

// A NewEntrance is an entrance with the doors behind it.
type NewEntrance struct {
	Place    org.UnitID
	Building string // empty: the door of a house of its own
	Number   string
	Doors    []Premises
	Area     org.UnitID // 0: it lies in none yet
}

// AddStair adds an entrance, its building if that is new, and the doors behind it.
func (s *Service) AddStair(ctx context.Context, by org.Actor, n NewEntrance) (id EntranceID, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), &id, func() error {
			place, err := org.FindStanding(ctx, tx, by, n.Place)
			if err != nil {
				return err
			}
			if !org.IsPlace(place.Kind) {
				return ErrEntrancePlace
			}
			switch _, err := FindEntrance(ctx, tx, n.Place, n.Building, n.Number); {
			case err == nil:
				return ErrEntranceThere
			case !errors.Is(err, problem.ErrNotFound):
				return err
			}
			b := Building{Number: n.Building}
			if n.Building != "" {
				b.ID, err = FindBuilding(ctx, tx, n.Place, n.Building)
				if err == nil && b.ID == 0 {
					b.ID, err = AddBuilding(ctx, tx, n.Place, n.Building)
				}
				if err != nil {
					return err
				}
			}
			if id, err = AddEntrance(ctx, tx, n.Place, b, n.Number); err != nil {
				return err
			}
			for i := range n.Doors {
				n.Doors[i].EntranceID = id
			}
			if err := AddPremises(ctx, tx, n.Doors); err != nil {
				return err
			}
			audit.Note(tx, by.Did("area.entrance_added", "entrance", int64(id)))
			if n.Area == 0 {
				return nil
			}
			area, err := org.FindStanding(ctx, tx, by, n.Area)
			if err != nil {
				return err
			}
			return Assign(ctx, tx, by, area, id, calendar.DayOf(tx.Now))
		})
	})
	return id, err
}
