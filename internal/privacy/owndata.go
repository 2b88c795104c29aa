package privacy

import (
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/problem"
)

// What asking for one's own data refuses.
var (
	ErrOwnDataText   = problem.New(problem.Invalid, "own_data.text_missing")
	ErrOwnDataState  = problem.New(problem.Conflict, "own_data.illegal_transition")
	ErrOwnDataBySelf = problem.New(problem.Conflict, "own_data.by_itself")
)

// What people ask of their own data (X46).
const (
	WantsAccess     = "access"
	WantsCorrection = "correction"
	WantsDeletion   = "deletion"
)

const (
	ownDataVerified = "verified"
	ownDataAnswered = "answered"
	ownDataRefused  = "refused"

	ownDataDays = 15 // working days until the answer
)

// What a printed answer calls the wishes and how far they have come.
var (
	wishWords  = map[string]string{WantsAccess: "查询本人信息", WantsCorrection: "更正", WantsDeletion: "删除"}
	stateWords = map[string]string{ownDataVerified: "办理中，答复期限", ownDataAnswered: "已办理", ownDataRefused: "未予办理"}
)

// An OwnDataID names what somebody asked of their own data.
type OwnDataID int64

// A Subject is whose data it is: a person, or whoever left a need with a receipt.
type Subject struct {
	Person org.PersonID
	Asker  int64
}

// An OwnData is what somebody asked of their own data.
type OwnData struct {
	ID           OwnDataID     `db:"id"`
	Kind         string        `db:"kind"`
	Channel      string        `db:"channel"` // app, paper
	Person       *org.PersonID `db:"person_id"`
	Asker        *int64        `db:"asker_id"`
	UnitID       *org.UnitID   `db:"unit_id"`
	State        string        `db:"state"`
	TextSealed   []byte        `db:"text_sealed"`
	AnswerSealed []byte        `db:"answer_sealed"`
	ReceivedAt   time.Time     `db:"received_at"`
	DueOn        calendar.Day  `db:"due_on"`
	AnsweredAt   *time.Time    `db:"answered_at"`
	RecordedBy   org.PersonID  `db:"recorded_by"`
	Text         string        `db:"-"`
	Answer       string        `db:"-"`
}

func (o OwnData) subject() (s Subject) {
	if o.Person != nil {
		s.Person = *o.Person
	}
	if o.Asker != nil {
		s.Asker = *o.Asker
	}
	return s
}

// A Wish is what somebody says they want of their own data.
type Wish struct {
	Kind string
	Text string // what is to be corrected or deleted
}

func (w Wish) check() error {
	if w.Kind != WantsAccess && w.Text == "" {
		return ErrOwnDataText.Field("/text", ErrOwnDataText.Code)
	}
	return CheckText("/text", w.Text)
}

// asked is what w becomes at now: asked on paper, or by its person. Who asks is known by then.
func (w Wish) asked(cal *calendar.Calendar, now time.Time) OwnData {
	due := calendar.DayOf(now)
	for range ownDataDays {
		due = nextOpen(cal, due)
	}
	return OwnData{Kind: w.Kind, State: ownDataVerified, ReceivedAt: now, DueOn: due, Text: w.Text}
}

// mayAnswer says why nobody can answer o, or nil: access is answered by its pack.
func (o OwnData) mayAnswer() error {
	switch {
	case o.State != ownDataVerified:
		return ErrOwnDataState.With("state", o.State)
	case o.Kind == WantsAccess:
		return ErrOwnDataBySelf
	}
	return nil
}

// A Section is one part of a pack: what is held in one place.
type Section struct {
	Title string
	Items []Held
}

// A Held is one thing that is held of somebody, or one opening of it.
type Held struct {
	Label string
	Text  string
}
