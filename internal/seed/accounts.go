package seed

import (
	"context"
	"slices"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/sealed"
)

// An Account is somebody a visitor of the demo can sign in as, in one of their roles.
type Account struct {
	Handle   string
	Role     org.Role
	Name     string
	Unit     string
	ActingAs org.AssignmentID // to be said in X-Acting-As; 0: it is their primary role
}

// roles are in the order in which they are explained (domain.md §3.4).
var roles = []org.Role{
	org.RoleResident, org.RoleMember, org.RoleAreaHolder, org.RoleGroupLeader, org.RoleGridSecretary, org.RoleGeneralSecretary,
	org.RoleGridAssistant, org.RoleBranchSecretary, org.RoleBranchOfficer, org.RoleInstructor, org.RoleAreaCadre,
	org.RoleSectionHead, org.RoleCounterClerk, org.RolePartyOffice, org.RoleCommitteeSecretary, org.RoleCorrespondent,
	org.RoleEditor, org.RoleSystemAdmin, org.RoleSecurityAdmin, org.RoleAuditAdmin,
}

// leading are the handles that are shown rather than others of the same role: those the scenarios speak of.
var leading = []string{
	"m.001", "rh.m03", "rh.bg01", "rh.gb1", "rh.cg", "rh.ga", "xl.s", "xl.m2", "in.01", "ac.1", "sec.05", "rh.cc", "po.1",
}

// A player is somebody with a handle in one of their roles; without any, they are a resident.
type player struct {
	Handle     string            `db:"handle"`
	Person     org.PersonID      `db:"person_id"`
	Name       []byte            `db:"name_sealed"`
	Assignment *org.AssignmentID `db:"assignment_id"`
	Role       *org.Role         `db:"role"`
	Primary    *bool             `db:"is_primary"`
	Unit       *string           `db:"unit_name"`
}

// plays says whether p has the role.
func (p player) plays(r org.Role) bool {
	if p.Role == nil {
		return r == org.RoleResident
	}
	return *p.Role == r
}

// rank is how well p shows a role: in the first place, as who is spoken of.
func (p player) rank() (n int) {
	if p.Primary == nil || *p.Primary {
		n += 2
	}
	if slices.Contains(leading, p.Handle) {
		n++
	}
	return n
}

// Accounts are one for each role that somebody with a handle has today.
func Accounts(ctx context.Context, d *db.DB, keys *sealed.Keys) ([]Account, error) {
	var players []player
	day := calendar.DayOf(d.Now())
	err := d.Select(ctx, &players, `
		SELECT h.handle, h.person_id, p.name_sealed, a.id AS assignment_id, a.role, a.is_primary, u.name AS unit_name
		FROM demo_handle h
		JOIN person p ON p.id = h.person_id
		LEFT JOIN role_assignment a ON a.person_id = h.person_id AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)
		LEFT JOIN unit u ON u.id = a.unit_id
		ORDER BY h.person_id, a.id`, day, day)
	if err != nil {
		return nil, db.Wrap(err, nil, "read the demo accounts")
	}
	var all []Account
	for _, r := range roles {
		var best *player
		for i, p := range players {
			if p.plays(r) && (best == nil || p.rank() > best.rank()) {
				best = &players[i]
			}
		}
		if best == nil {
			continue
		}
		a, err := best.account(keys, r)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

// account is p as a visitor sees it. The names are invented, so they are shown.
func (p player) account(keys *sealed.Keys, r org.Role) (a Account, err error) {
	a = Account{Handle: p.Handle, Role: r}
	if p.Assignment != nil {
		a.Unit = *p.Unit
		if !*p.Primary {
			a.ActingAs = *p.Assignment
		}
	}
	a.Name, err = keys.Open(sealed.Personal, "person", "name_sealed", int64(p.Person), p.Name)
	return a, err
}
