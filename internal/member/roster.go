package member

import (
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
)

// What the roster refuses.
var (
	ErrHome  = problem.New(problem.Invalid, "member.home_invalid")
	ErrSince = problem.New(problem.Invalid, "member.since_invalid")
)

// An ID names an entry of the roster.
type ID int64

// A Status is what kind of member somebody is.
type Status string

// The kinds.
const (
	Full         Status = "full_member"
	Probationary Status = "probationary_member"
)

// A Member is an entry of the roster: a person, and the organisation that is their home.
type Member struct {
	ID       ID           `db:"id"`
	PersonID org.PersonID `db:"person_id"`
	UnitID   org.UnitID   `db:"unit_id"`
	UnitName string       `db:"unit_name"`
	Status   Status       `db:"status"`
	From     calendar.Day `db:"valid_from"`
	AddedAt  time.Time    `db:"added_at"`
	Version  int64        `db:"version"`

	NameSealed  []byte `db:"name_sealed"`
	PhoneSealed []byte `db:"phone_sealed"`
	SinceSealed []byte `db:"since_sealed"`

	Shown string       // the name as it may be shown
	Phone sealed.Phone // masks itself
}

// Standing says whether somebody with that status, full member since a day, has been one for years on a day
// (B5): the same day counts, and who became one on 29 February has it on the 28th of a shorter one.
func Standing(s Status, since calendar.Day, years int, on calendar.Day) bool {
	if s != Full || since == "" {
		return false
	}
	t := since.Time().In(calendar.Shanghai)
	last := time.Date(t.Year()+years, t.Month()+1, 0, 0, 0, 0, 0, calendar.Shanghai).Day()
	due := time.Date(t.Year()+years, t.Month(), min(t.Day(), last), 0, 0, 0, 0, calendar.Shanghai)
	return on >= calendar.DayOf(due)
}

// canRead says why by cannot read rosters, or nil. Of the committee the deputy and the organisation officer can.
func canRead(by org.Actor) error {
	if !guard.On(guard.Rule) || by.Role != org.RoleBranchOfficer || by.Post == org.PostDeputy || by.Post == org.PostOrganisation {
		return nil
	}
	return problem.ErrForbidden
}

// IsHome says whether u can be the organisation that somebody belongs to. A general branch is, for those whose branch
// is yet to come: a roster is brought in before the tree below is (S5, S16).
func IsHome(u org.Unit) bool {
	return u.Kind == org.Branch || u.Kind == org.PartyGroup || u.Kind == org.GeneralBranch
}

// checkHome says why u cannot be anybody's home, or nil.
func checkHome(u org.Unit) error {
	if !IsHome(u) {
		return ErrHome.Field("/unitId", ErrHome.Code)
	}
	return nil
}

// checkSince says why somebody with that status cannot be a full member since a day, or nil.
func checkSince(s Status, since, today calendar.Day) error {
	if since != "" && (s != Full || since > today) {
		return ErrSince.Field("/fullMemberSince", ErrSince.Code)
	}
	return nil
}
