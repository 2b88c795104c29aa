package board

import (
	"slices"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/problem"
	"wanjia/internal/privacy"
	"wanjia/internal/upload"
)

// MediaID names a picture that is published, or may be.
type MediaID int64

// What pictures are refused for.
var (
	ErrConsentMissing = problem.New(problem.Invalid, "board.consent_missing")
	ErrDepicted       = problem.New(problem.Invalid, "board.shown_invalid")
	ErrOwnCode        = problem.New(problem.Forbidden, "board.own_code")
	ErrShownTwice     = problem.New(problem.Conflict, "board.shown_twice")
)

// A Media (影像) is a picture with its words, and who is shown on it. It stands with one notice or story, or with none yet.
type Media struct {
	ID               MediaID        `db:"id"`
	PublicationID    *PublicationID `db:"publication_id"`
	PublicationState *State         `db:"publication_state"`
	UnitID           org.UnitID     `db:"unit_id"` // whom it is for
	UnitName         string         `db:"unit_name"`
	Caption          string         `db:"caption"`
	Credit           string         `db:"credit"` // who took it
	AuthorID         org.PersonID   `db:"author_id"`
	CreatedAt        time.Time      `db:"created_at"`
	EndedAt          *time.Time     `db:"ended_at"` // since when somebody on it has said no
	Version          int64          `db:"version"`

	Shown   []Depicted    `db:"-"`
	Picture upload.Upload `db:"-"`
	Hidden  State         `db:"-"` // of the takedown that hides its page; "": none
}

// What somebody is shown in.
const (
	inMedia       = "media"
	inPublication = "publication"
)

// A subject is a picture or a story, as what somebody is shown in.
type subject struct {
	kind string
	id   int64
}

func (id MediaID) subject() subject       { return subject{inMedia, int64(id)} }
func (id PublicationID) subject() subject { return subject{inPublication, int64(id)} }

// picture is what the file of a picture hangs on.
func (id MediaID) picture() upload.Owner { return upload.Owner{Type: inMedia, ID: int64(id)} }

// check says why the words of m cannot be kept, or nil.
func (m Media) check() error {
	if err := privacy.CheckText("/caption", m.Caption); err != nil {
		return err
	}
	return privacy.CheckText("/credit", m.Credit)
}

// canChange says why by cannot change m, or nil: after its story is handed in it stays as it is.
func (m Media) canChange(by org.Actor) error {
	switch {
	case guard.On(guard.Rule) && m.AuthorID != by.PersonID:
		return problem.ErrForbidden
	case m.PublicationState != nil && *m.PublicationState != PublicationDraft && *m.PublicationState != PublicationReturned:
		return ErrIllegalTransition.With("state", string(*m.PublicationState))
	}
	return nil
}

// mayTakeAway says why by cannot blacken or remove a picture or a story of author's, or nil. What should not be seen must
// go at any time.
func mayTakeAway(by org.Actor, author org.PersonID) error {
	if guard.On(guard.Rule) && author != by.PersonID && by.Role != org.RoleEditor {
		return problem.ErrForbidden
	}
	return nil
}

// DepictedID names somebody in what shows them.
type DepictedID int64

// A DepictedKind says how somebody's consent is kept.
type DepictedKind string

// The kinds. A member is named by whoever makes the picture; an account says yes with a code; a paper has a number. Of the
// last two nobody who works with the picture learns the name.
const (
	OfMember  DepictedKind = "member"
	OfAccount DepictedKind = "account"
	OnPaper   DepictedKind = "paper"
)

// A Depicted is somebody shown on a picture, or named in a story.
type Depicted struct {
	ID         DepictedID    `db:"id"`
	OwnerType  string        `db:"owner_type"`
	OwnerID    int64         `db:"owner_id"`
	Kind       DepictedKind  `db:"kind"`
	PersonID   *org.PersonID `db:"person_id"`
	Paper      string        `db:"paper"`
	CodeSealed []byte        `db:"code_sealed"`
	AddedBy    org.PersonID  `db:"added_by"`
	AddedAt    time.Time     `db:"added_at"`
	EndedAt    *time.Time    `db:"ended_at"` // they said no to this one

	Code   Code `db:"-"` // that an account still has to say yes with
	Agreed bool `db:"-"` // their consent stands
}

// stands says whether d's consent stands. gave are the persons who consent to being shown at all.
func (d Depicted) stands(gave map[org.PersonID]bool) bool {
	switch {
	case d.EndedAt != nil:
		return false
	case d.Kind == OnPaper:
		return true
	}
	return d.PersonID != nil && gave[*d.PersonID]
}

// canLeave says whether d may be left out of the list: whoever has said no may not, nor who has not yet said yes, for then
// what shows them would be shown without their word.
func (d Depicted) canLeave() bool { return d.Agreed }

// canTake says why the code of d is not by's to say yes with, beside the others on its list, or nil: whoever hands out a
// code says yes for nobody, and nobody is there twice.
func (d Depicted) canTake(by org.Actor, beside []Depicted) error {
	switch {
	case !guard.On(guard.Rule):
		return nil
	case d.AddedBy == by.PersonID:
		return ErrOwnCode
	case slices.ContainsFunc(beside, func(o Depicted) bool { return o.ID != d.ID && o.PersonID != nil && *o.PersonID == by.PersonID }):
		return ErrShownTwice
	}
	return nil
}

// agreed says whether everybody agrees.
func agreed(all []Depicted) bool {
	return !slices.ContainsFunc(all, func(d Depicted) bool { return !d.Agreed })
}

// A Named is how somebody is put on the list of those shown: one of the four.
type Named struct {
	ID      DepictedID // of an entry that stays
	Person  org.PersonID
	Paper   string
	Account bool
}

// check says why n cannot be put on a list, or nil.
func (n Named) check(pointer string) error {
	ways := 0
	for _, given := range []bool{n.ID != 0, n.Person != 0, n.Paper != "", n.Account} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		return ErrDepicted.Field(pointer, ErrDepicted.Code)
	}
	if err := privacy.CheckText(pointer+"/paper", n.Paper); err != nil {
		return err
	}
	if privacy.MaskPhones(n.Paper) != n.Paper {
		return ErrDepicted.Field(pointer+"/paper", ErrDepicted.Code)
	}
	return nil
}
