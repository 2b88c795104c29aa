// Package transfer brings rosters, units and entrances in from files of Excel and WPS (导入): a dry run that shows every
// row's errors and changes nothing, a confirmation that brings all rows in or none, and for a day the way back.
//
// Whose row a member's is, is said by name and phone together within the organisation named in the row: phones alone
// name nobody, since families share them (C3), nor do names. So the same file again changes nothing; a person of that
// name and phone in another organisation is no new one but an error, for moving takes both secretaries (X5); and a
// namesake with another phone is an error as long as nobody has said whether it is one person or two.
package transfer

import (
	"slices"
	"strings"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/problem"
)

// An ID names an import.
type ID int64

// A Kind says what the rows of a file are.
type Kind string

// The kinds.
const (
	Units     Kind = "units"
	Entrances Kind = "entrances"
	Members   Kind = "members"
)

// Kinds are all of them, in the order in which they are brought in.
var Kinds = []Kind{Units, Entrances, Members}

// Known says whether there is such a kind.
func (k Kind) Known() bool { return slices.Contains(Kinds, k) }

// A State is how far an import has come.
type State string

// The states. One that still has errors stays uploaded: its files are corrected and uploaded anew.
const (
	Uploaded State = "uploaded"
	Checked  State = "checked"
	Applied  State = "applied"
	Undone   State = "undone"
	Settled  State = "settled" // applied, and too long ago to be undone
)

// open says whether the import is still to be applied.
func (s State) open() bool { return s == Uploaded || s == Checked }

// How long things last (domain.md §9.1, X36).
const (
	undoable = 24 * time.Hour // after the import was applied; the last moment is too late
	rowsKept = 48 * time.Hour // after the upload
)

// alone is how many rows one person may bring in without a second one.
const alone = 200

// What imports refuse.
var (
	ErrNoFile       = problem.New(problem.Invalid, "transfer.no_file")
	ErrKindsMixed   = problem.New(problem.Invalid, "transfer.kinds_mixed")
	ErrColumn       = problem.New(problem.Invalid, "transfer.column_refused")
	ErrNoColumn     = problem.New(problem.Invalid, "transfer.column_missing")
	ErrBusy         = problem.New(problem.Unavailable, "transfer.busy")
	ErrErrorsRemain = problem.New(problem.Conflict, "transfer.errors_remain")
	ErrState        = problem.New(problem.Conflict, "transfer.illegal_transition")
	ErrTooLate      = problem.New(problem.Conflict, "transfer.too_late")
	ErrInUse        = problem.New(problem.Conflict, "transfer.in_use")
)

// brings are the kinds of files that a role may bring in (domain.md §3.5, column TR). A grid's secretary shapes no units
// below the own one, and a system administrator sees no people.
var brings = map[org.Role][]Kind{
	org.RoleGridSecretary:    {Members},
	org.RoleGeneralSecretary: {Units, Entrances, Members},
	org.RoleBranchSecretary:  {Units, Entrances, Members},
	org.RolePartyOffice:      {Units, Entrances, Members},
	org.RoleSystemAdmin:      {Units},
}

// mayBring says why by cannot bring in files of kinds, or nil.
func mayBring(by org.Actor, kinds []Kind) error {
	if !guard.On(guard.Rule) {
		return nil
	}
	for _, k := range kinds {
		if !slices.Contains(brings[by.Role], k) {
			return problem.ErrForbidden
		}
	}
	return nil
}

// together says why kinds cannot be one import, or nil: who leads a unit is found in the roster, so that comes first.
func together(kinds []Kind) error {
	switch {
	case len(kinds) == 0:
		return ErrNoFile
	case len(kinds) > 1 && slices.Contains(kinds, Members):
		return ErrKindsMixed
	}
	return nil
}

// An Import is what somebody has uploaded, and what has become of it.
type Import struct {
	ID         ID            `db:"id"`
	UnitID     org.UnitID    `db:"unit_id"`
	KindList   string        `db:"kinds"`
	State      State         `db:"state"`
	Rows       int           `db:"row_count"`
	Failed     int           `db:"failed_rows"`
	SummaryRaw string        `db:"summary" json:"-"`
	UploadedBy org.PersonID  `db:"uploaded_by"`
	UploadedAt time.Time     `db:"uploaded_at"`
	AppliedBy  *org.PersonID `db:"applied_by"`
	AppliedAt  *time.Time    `db:"applied_at"`

	Summary Summary `db:"-"`
}

// A Summary is what an import changes, and what is wrong with it.
type Summary struct {
	Changes Changes        `json:"changes"`
	Errors  map[string]int `json:"errors"` // by code
}

// Changes are how much of each there is to make or change.
type Changes struct {
	PartyUnits, GridUnits, Links, Labels, Holders int
	Buildings, Entrances, Deals, Homes            int
	People, Members, Corrections, Posts           int
}

// Total is all of them together; 0: the files say what is there already.
func (c Changes) Total() int {
	return c.PartyUnits + c.GridUnits + c.Links + c.Labels + c.Holders + c.Buildings + c.Entrances + c.Deals + c.Homes +
		c.People + c.Members + c.Corrections + c.Posts
}

// Kinds are what the rows of i are.
func (i Import) Kinds() (kinds []Kind) {
	for k := range strings.SplitSeq(i.KindList, ",") {
		kinds = append(kinds, Kind(k))
	}
	return kinds
}

// NeedsSecond says whether another person than the uploader must apply i.
func (i Import) NeedsSecond() bool { return i.Rows > alone }

// UndoBefore is the moment from which i can no longer be undone; the zero moment before it is applied.
func (i Import) UndoBefore() time.Time {
	if i.AppliedAt == nil {
		return time.Time{}
	}
	return i.AppliedAt.Add(undoable)
}

// canApply says why by cannot bring i in at a moment, or nil.
func (i Import) canApply(by org.Actor, now time.Time) error {
	switch {
	case i.State.open() && !now.Before(i.UploadedAt.Add(rowsKept)): // its rows go, or are gone
		return ErrTooLate.With("state", i.State)
	case i.State == Uploaded:
		return ErrErrorsRemain.With("state", i.State).With("failedRows", i.Failed)
	case i.State != Checked:
		return ErrState.With("state", i.State)
	case i.NeedsSecond() && by.PersonID == i.UploadedBy:
		return org.ErrSecondPerson
	}
	return mayBring(by, i.Kinds())
}

// canUndo says why by cannot take i back at a moment, or nil.
func (i Import) canUndo(by org.Actor, now time.Time) error {
	switch {
	case i.State == Settled, i.State == Applied && !now.Before(i.UndoBefore()):
		return ErrTooLate.With("state", i.State)
	case i.State != Applied:
		return ErrState.With("state", i.State)
	}
	return mayBring(by, i.Kinds())
}

// An Outcome says what a row does.
type Outcome string

// The outcomes.
const (
	New     Outcome = "new"
	Changed Outcome = "changed"
	Same    Outcome = "same"
	Refused Outcome = "refused"
)

// A Fault is something that is wrong with a row. It names the place and never the value.
type Fault struct {
	Column string `json:"column,omitempty"` // "": the row as a whole
	Code   string `json:"code"`
}

// A Row is one line of a file, read and not yet believed.
type Row struct {
	Kind    Kind
	Line    int // as the program that made the file counts
	Cells   []string
	Faults  []Fault
	Outcome Outcome
}

// fault notes that something is wrong with a column of r, or with r itself.
func (r *Row) fault(column string, why *problem.Problem) {
	f := Fault{Column: column, Code: why.Code}
	if !slices.Contains(r.Faults, f) {
		r.Faults = append(r.Faults, f)
	}
}

// settle says what r does, after everything has been held against it.
func (r *Row) settle(o Outcome) {
	if r.Outcome = o; len(r.Faults) > 0 {
		r.Outcome = Refused
	}
}

// What is wrong with single rows; these are never answers of their own.
var (
	errFormula      = problem.New(problem.Invalid, "transfer.formula")
	errMissing      = problem.New(problem.Invalid, "transfer.missing")
	errTooLong      = problem.New(problem.Invalid, "transfer.too_long")
	errValue        = problem.New(problem.Invalid, "transfer.value_unknown")
	errTwice        = problem.New(problem.Invalid, "transfer.row_twice")
	errUnit         = problem.New(problem.Invalid, "transfer.unit_unknown")
	errAmbiguous    = problem.New(problem.Invalid, "transfer.unit_ambiguous")
	errUnitDiffers  = problem.New(problem.Invalid, "transfer.unit_differs")
	errNoGrid       = problem.New(problem.Invalid, "transfer.parent_unlinked")
	errLabelDiffers = problem.New(problem.Invalid, "transfer.label_differs")
	errNobody       = problem.New(problem.Invalid, "transfer.holder_unknown")
	errNamesakes    = problem.New(problem.Invalid, "transfer.holder_ambiguous")
	errNoHolders    = problem.New(problem.Invalid, "transfer.holder_refused")
	errElsewhere    = problem.New(problem.Invalid, "transfer.member_elsewhere")
	errNamesake     = problem.New(problem.Invalid, "transfer.name_known")
	errUnassigned   = problem.New(problem.Invalid, "org.entrance_unassigned")
	errHomes        = problem.New(problem.Invalid, "transfer.homes_differ")
	errTooMany      = problem.New(problem.Invalid, "transfer.homes_too_many")
	errTwins        = problem.New(problem.Invalid, "transfer.member_ambiguous")
	errDay          = problem.New(problem.Invalid, "transfer.day_invalid")
)
