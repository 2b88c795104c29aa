package request

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"wanjia/internal/org"
)

// A grown is a random pair of trees: units with paths, each party unit linked to a grid unit or to none.
type grown struct {
	grid, party []string
	link        map[string]string // path of a party unit to that of its grid unit, and back
}

func grow(r *rand.Rand) grown {
	g := grown{grid: []string{"/1/2/"}, party: []string{"/9001/9002/"}, link: map[string]string{}}
	for i := range 12 {
		above := g.grid[r.IntN(len(g.grid))]
		g.grid = append(g.grid, above+strconv.Itoa(10+i)+"/")
		above = g.party[r.IntN(len(g.party))]
		g.party = append(g.party, above+strconv.Itoa(9100+i)+"/")
	}
	for i, p := range r.Perm(len(g.grid)) {
		if i < 10 {
			g.link[g.party[i]], g.link[g.grid[p]] = g.grid[p], g.party[i]
		}
	}
	return g
}

func (g grown) post(r *rand.Rand, person int) post {
	roles := []org.Role{
		org.RoleAreaHolder, org.RoleGroupLeader, org.RoleGridSecretary, org.RoleGeneralSecretary, org.RoleGridAssistant, org.RoleMember,
	}
	all := append(append([]string{}, g.grid...), g.party...)
	at := all[r.IntN(len(all))]
	return post{Person: org.PersonID(person), Role: roles[r.IntN(len(roles))], Path: at, Other: g.link[at]}
}

// below is what V6 says, by walking the trees step by step: other stands on a unit that p leads or holds, or below it.
func (g grown) below(p, other post) bool {
	if p.Role == org.RoleMember || other.Role == org.RoleMember {
		return false
	}
	for _, from := range []string{other.Path, other.Other} {
		for at := from; len(at) > 1; at = at[:strings.LastIndex(at[:len(at)-1], "/")+1] {
			if at == p.Path || at == p.Other {
				return true
			}
		}
	}
	return false
}

// V6: over 10⁵ random pairs nobody named or below is let through, the unit where a concern opens lies above all that
// the person leads and holds, and whoever stands beside or above is let through.
func TestV6_NobodyNamedOrBelowIsLetThroughInAnyTree(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(6, 6))
	kept, passed := 0, 0
	for n := range 100_000 {
		g := grow(r)
		about := []post{g.post(r, 1)}
		if r.IntN(3) == 0 {
			about = append(about, g.post(r, 1))
		}
		other := []post{g.post(r, 2)}
		if r.IntN(3) == 0 {
			other = append(other, g.post(r, 2))
		}
		want := false
		for _, p := range about {
			for _, o := range other {
				want = want || g.below(p, o)
			}
		}
		if got := spares(about, other); got != want {
			t.Fatalf("pair %d: %+v about %+v: kept from it %v, want %v", n, other, about, got, want)
		}
		if want {
			kept++
		} else {
			passed++
		}
		var q Request
		ladder := []org.Unit{{ID: 3, Level: 1, Path: g.grid[len(g.grid)-1]}, {ID: 2, Level: 4, Path: g.grid[1]}, {ID: 1, Level: 5, Path: "/1/2/"}}
		if err := q.openConcern(ladder, about); err != nil {
			t.Fatalf("pair %d: %v", n, err)
		}
		for _, u := range ladder {
			if u.ID != q.UnitID || q.HolderRole != "" {
				continue
			}
			for _, p := range about {
				if p.Role != org.RoleMember && g.below(post{Role: p.Role, Path: p.Path, Other: p.Other}, post{Role: org.RoleAreaHolder, Path: u.Path}) {
					t.Fatalf("pair %d: opened in %s, on or below %+v", n, u.Path, p)
				}
			}
		}
	}
	if kept < 10_000 || passed < 10_000 {
		t.Errorf("%d pairs kept apart and %d not: the trees do not try both", kept, passed)
	}
}
