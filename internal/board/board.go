// Package board keeps what a place shows in public: its service boards (服务公示牌) in versions, the plaques at members'
// doors (共产党员户标牌), notices and stories – each of a person's things only as long as that person agrees to it.
//
// A board is never written by hand. What it says follows from who holds its area, what they have chosen to show and
// agreed to, and its printed versions are outdated the moment that changes.
package board

import (
	"slices"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/problem"
	"wanjia/internal/upload"
)

// ID names a board. It stands in the QR code of everything printed.
type ID int64

// What boards refuse.
var (
	ErrIllegalTransition = problem.New(problem.Conflict, "board.illegal_transition")
	ErrSite              = problem.New(problem.Invalid, "board.site_invalid")
	ErrSiteTaken         = problem.New(problem.Conflict, "board.site_taken")
	ErrArea              = problem.New(problem.Invalid, "board.area_invalid")
	ErrUnderReview       = problem.New(problem.NotFound, "board.under_review")
	ErrTakenDown         = problem.New(problem.NotFound, "board.taken_down")
)

// A State says how far a version of a board has come (domain.md §5.2).
type State string

// The states. A draft is what the next version would say; it is not stored.
const (
	Draft      State = "draft"
	Published  State = "published"
	Printed    State = "printed"
	Superseded State = "superseded"
)

// A Board hangs at a site and shows an area.
type Board struct {
	ID        ID         `db:"id"`
	SiteID    int64      `db:"site_id"`
	SiteName  string     `db:"site_name"`
	PlaceID   org.UnitID `db:"place_id"`
	PlaceName string     `db:"place_name"`
	AreaID    org.UnitID `db:"area_id"`
	AreaName  string     `db:"area_name"`
	Latest    int        `db:"latest"` // number of the version that is current; 0: none yet
	CreatedAt time.Time  `db:"created_at"`
	Version   int64      `db:"version"`
}

// A Version is one state of a board, as it was printed or could be.
type Version struct {
	ID           int64      `db:"id"`
	Number       int        `db:"number"`
	State        State      `db:"state"`
	Households   int        `db:"households"`
	Fingerprint  []byte     `db:"fingerprint"` // of everything printed, keyed
	MadeAt       time.Time  `db:"made_at"`
	PrintedAt    *time.Time `db:"printed_at"`
	SupersededAt *time.Time `db:"superseded_at"`
	ToldAt       *time.Time `db:"told_at"`
}

// canPrint says why the newest version of b cannot be marked printed as number, or nil.
func (v Version) canPrint(number int) error {
	if v.Number != number || v.State != Published {
		return ErrIllegalTransition.With("state", string(v.State)).With("latest", v.Number)
	}
	return nil
}

// keepers are the roles that make boards and say that they hang; of the officers, who has publicity.
var keepers = []org.Role{org.RoleGeneralSecretary, org.RoleBranchSecretary, org.RoleBranchOfficer}

// keeps says why by cannot keep the boards and plaques below their unit, or nil.
func keeps(by org.Actor) error {
	if guard.On(guard.Rule) && (!slices.Contains(keepers, by.Role) || by.Role == org.RoleBranchOfficer && by.Post != org.PostPublicity) {
		return problem.ErrForbidden
	}
	return nil
}

// A Content is what a board says on a day.
type Content struct {
	Place      string
	Area       string
	Households int
	Holders    []Shown // who looks after the area; none: the place does
	Lead       *Shown  // of the place
}

// A Shown is what is shown of somebody.
type Shown struct {
	Person   org.PersonID
	Duty     string
	Name     string // "": not agreed to
	Phone    string
	Items    []string
	StandsIn bool // is there in place of the holder today

	Portrait upload.ID `json:",omitempty"` // 0: none; left out where there is none, for versions that are older than portraits

	asSecretary string // the name of who leads a branch or more, which is public with that post whatever they choose (E4)
}

// withPost is s where it speaks of somebody as a secretary.
func (s Shown) withPost() Shown {
	if s.Name == "" {
		s.Name = s.asSecretary
	}
	return s
}

// printed is what of c stands on paper, and makes a new version when it changes: neither how many homes there are today
// nor who stands in for some days.
func (c Content) printed() any {
	holders := slices.DeleteFunc(slices.Clone(c.Holders), func(s Shown) bool { return s.StandsIn })
	return []any{c.Place, c.Area, holders, c.Lead}
}

// A Scan is what somebody finds who scans a board.
type Scan struct {
	Board
	Content Content
	Hours   string     // when the place can be reached, while an emergency lasts (C24); on no paper
	Number  int        // of what was scanned; 0: nobody said
	Since   *time.Time // from when on it is outdated; nil: it is current
	Hidden  State      // of the takedown that hides it; "": none does
}

// OutdatedSince is the day from which what was scanned is outdated; "" if it is current.
func (s Scan) OutdatedSince() calendar.Day {
	if s.Since == nil {
		return ""
	}
	return calendar.DayOf(*s.Since)
}
