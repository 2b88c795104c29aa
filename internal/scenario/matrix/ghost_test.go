package matrix

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"wanjia/internal/auth"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

// A ghost is somebody whose rights have ended, or were never there: with a request that succeeds for others, they are
// refused, and nothing is written.
type ghost struct {
	name     string
	token    func() string // nil: none
	actingAs org.AssignmentID
	want     *refusal
}

// ghosts asks for what c asks for, as those who must not.
func (w *world) ghosts(c *cell, p *plan) (cells int) {
	w.Helper()
	c.fresh = !c.op.read
	for _, g := range w.ghostly(c) {
		cells++
		if p.prep != nil {
			p.prep(c)
		}
		r := p.request(c)
		if g.actingAs != 0 {
			r.header.Set("X-Acting-As", strconv.FormatInt(int64(g.actingAs), 10))
		}
		if g.token != nil {
			g.token() // before the mark: signing in writes
		}
		mark := w.mark()
		got := w.send(r, g.token)
		d := w.changes(mark)
		if got.status != g.want.status || got.code != g.want.code {
			w.Errorf("%v, but %s: %v, want %d %s", c, g.name, got, g.want.status, g.want.code)
		}
		if len(d) > 0 {
			w.Errorf("%v, but %s: refused with %v, and wrote %v", c, g.name, got, d)
		}
		c.op.discloses(w, g.name, got)
	}
	return cells
}

// ghostly are the ghosts of c: the same for all, but for whoever once had the role of the asker.
func (w *world) ghostly(c *cell) []ghost {
	w.Helper()
	all, there := w.shared["ghosts"].([]ghost)
	if made, _ := w.shared["ghosts since"].(time.Time); !there || w.now().Sub(made) > 8*time.Minute { // their tokens must not be too old, too
		all = w.neverLiving()
		w.shared["ghosts"], w.shared["ghosts since"] = all, w.now()
	}
	if c.op.stepUp {
		all = append(slices.Clip(all), w.stale(c))
	}
	if c.by.assignment == 0 {
		return all
	}
	stray := w.as(org.RoleMember, w.unit(org.PartyGroup, "枕溪社区第1楼栋片"))
	invalid := &refusal{http.StatusForbidden, org.ErrActingAsInvalid.Code}
	return append(slices.Clip(all),
		ghost{"acting as somebody else", stray.bearer, c.by.assignment, invalid},
		ghost{"acting in a role that is over", stray.bearer, w.formerly(stray, c.by), invalid},
	)
}

// formerly is a's assignment of the role that by has now, from the time before.
func (w *world) formerly(a, by *actor) (id org.AssignmentID) {
	w.Helper()
	key := "formerly " + by.String()
	if known, there := w.shared[key].(org.AssignmentID); there {
		return known
	}
	// The administrators exclude all others, and a has roles: so it is given to somebody who has none, and then to a.
	once := w.person(org.RoleResident, nil).person
	w.in("make a former "+string(by.role), func(tx *db.Tx) (err error) {
		id, err = org.Assign(w.Context(), tx, org.NewAssignment{
			Person: once, Role: by.role, Post: by.duty, Unit: by.home.Unit,
			Span: org.Span{From: since, To: inOffice},
		})
		return err
	})
	w.set(`UPDATE role_assignment SET person_id = ? WHERE id = ?`, a.person, id)
	w.shared[key] = id
	return id
}

func (w *world) neverLiving() []ghost {
	w.Helper()
	ended := &refusal{http.StatusUnauthorized, auth.ErrSessionEnded.Code}
	member := w.unit(org.Branch, "张家屯")
	expired := w.expired()
	out, gone := w.person(org.RoleMember, member), w.person(org.RoleMember, member)
	out.post("/v1/auth/sign-out", nil)
	gone.bearer()
	w.as(org.RoleSecurityAdmin, w.unit(org.Subdistrict, "海棠")).post(fmt.Sprintf("/v1/people/%d/disable", gone.person), map[string]any{"reason": "手机遗失"})
	return []ghost{
		{"nobody", nil, 0, nobody},
		{"with an invented token", func() string { return "eyJhbGciOiJub25lIn0.e30." }, 0, &refusal{http.StatusUnauthorized, auth.ErrToken.Code}},
		{"with an expired token", expired, 0, &refusal{http.StatusUnauthorized, auth.ErrToken.Code}},
		{"signed out", func() string { return out.token }, 0, ended},
		{"disabled", func() string { return gone.token }, 0, ended},
	}
}

// expired is a token of somebody in good standing that nobody has renewed.
func (w *world) expired() func() string {
	if token, there := w.shared["expired"].(string); there {
		return func() string { return token }
	}
	a := w.person(org.RoleMember, w.unit(org.Branch, "张家屯"))
	token := a.bearer()
	w.shared["expired"] = token
	w.move(11 * time.Minute)
	return func() string { return token }
}

// stale is the asker of c in a session whose second factor was shown too long ago.
func (w *world) stale(c *cell) ghost {
	w.Helper()
	c.by.token = ""
	token := c.by.bearer()
	w.set(`UPDATE session SET stepped_at = NULL WHERE id = ?`, c.by.session)
	c.by.token = ""
	return ghost{"without a fresh second factor", func() string { return token }, 0, &refusal{http.StatusForbidden, auth.ErrStepUp.Code}}
}
