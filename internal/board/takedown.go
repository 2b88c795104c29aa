package board

import (
	"context"
	"crypto/rand"
	"slices"
	"strconv"
	"strings"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
)

// TakedownID names what somebody asked to take down.
type TakedownID int64

// A PageKind says what sort of public page it is.
type PageKind string

// The kinds. Lists are named by the unit whose they are.
const (
	BoardPage       PageKind = "board"
	PlaquePage      PageKind = "plaque"
	PlaquesPage     PageKind = "plaques"
	PublicationPage PageKind = "publication"
	MediaPage       PageKind = "media"
	NoticesPage     PageKind = "notices"
)

// A PageRef names a public page.
type PageRef struct {
	Kind PageKind `db:"kind"`
	ID   int64    `db:"ref_id"`
}

// The states of a takedown. It is hidden in the transaction that received it, unless an editor has only just said that the
// same page, and no picture, may be shown: then it waits while the page is there. Lifted is what was upheld and is right by now.
const (
	Received      State = "received"
	HiddenPending State = "hidden_pending"
	Upheld        State = "upheld"
	Declined      State = "declined"
	Lifted        State = "lifted"
)

// ErrOwnDecision says that nobody lifts what they upheld themselves.
var ErrOwnDecision = problem.New(problem.Forbidden, "board.own_decision")

// quietFor is for how long an editor's word that a page may be shown keeps it from being hidden again by whoever asks; a
// picture is hidden each time.
const quietFor = 7 * 24 * time.Hour

// A Takedown is somebody's wish that something public be taken down.
type Takedown struct {
	ID TakedownID `db:"id"`
	PageRef
	Number     int           `db:"ref_number"` // of a board's version; else 0
	UnitID     org.UnitID    `db:"unit_id"`
	State      State         `db:"state"`
	PersonID   *org.PersonID `db:"person_id"`
	ReceivedAt time.Time     `db:"received_at"`
	DueAt      time.Time     `db:"due_at"`
	DecidedBy  *org.PersonID `db:"decided_by"`
	DecidedAt  *time.Time    `db:"decided_at"`
	Reason     string        `db:"reason"`
	TextSealed []byte        `db:"text_sealed"`
	CodeSealed []byte        `db:"code_sealed"`
	Text       string        `db:"-"`
}

// Waits says whether t waits for an editor.
func (t Takedown) Waits() bool { return t.State == HiddenPending || t.State == Received }

// Hides says whether the page is not shown because of t.
func (t Takedown) Hides() bool { return t.State == HiddenPending || t.State == Upheld }

// Overdue says whether t should have been decided by now.
func (t Takedown) Overdue(now time.Time) bool { return t.Waits() && !now.Before(t.DueAt) }

// canDecide says why by cannot decide t, which means some persons, or nil: nobody says of what they made, or what shows them,
// that it may be shown (H2).
func (t Takedown) canDecide(by org.Actor, meant []org.PersonID, decision State) error {
	switch {
	case !guard.On(guard.Rule):
		return nil
	case !t.Waits():
		return ErrIllegalTransition.With("state", string(t.State))
	case decision == Declined && slices.Contains(meant, by.PersonID):
		return ErrOwnWork
	}
	return nil
}

// canLift says why by cannot show again what was taken down, which means some persons, or nil.
func (t Takedown) canLift(by org.Actor, meant []org.PersonID) error {
	switch {
	case !guard.On(guard.Rule):
		return nil
	case t.State != Upheld:
		return ErrIllegalTransition.With("state", string(t.State))
	case t.DecidedBy != nil && *t.DecidedBy == by.PersonID:
		return ErrOwnDecision
	case slices.Contains(meant, by.PersonID):
		return ErrOwnWork
	}
	return nil
}

// decideIn is in how many working days a takedown is decided (H3).
const decideIn = 3

// dueBy is the end of the third working day after a moment.
func dueBy(cal *calendar.Calendar, from time.Time) time.Time {
	day := calendar.DayOf(from)
	for left := decideIn; left > 0; {
		if day = day.Add(1); cal.Open(day) {
			left--
		}
	}
	return day.Add(1).Time()
}

// takedowns is the purpose that codes of takedowns are hashed for.
const takedowns sealed.Purpose = "takedown"

// A Code is what somebody follows a takedown with who has not signed in.
type Code string

const (
	codeAlphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ" // as that of receipts: no 0 and 1, no I and O
	codeLength   = 10                                 // 50 bits
)

// newCode makes a code nobody can guess.
func newCode() Code {
	var b [codeLength]byte
	rand.Read(b[:])
	for i := range b {
		b[i] = codeAlphabet[b[i]&31] // 32 characters: every one is as likely
	}
	return Code(b[:])
}

// String shows c as it is written down: five and five.
func (c Code) String() string {
	if len(c) != codeLength {
		return ""
	}
	return string(c[:5]) + "-" + string(c[5:])
}

// parseCode reads a code as people type it.
func parseCode(typed string) Code {
	return Code(strings.NewReplacer("-", "", " ", "").Replace(strings.ToUpper(typed)))
}

// open says why a page is not shown, or nil.
func (s *Service) open(ctx context.Context, p PageRef) error {
	if _, err := placeOfPage(ctx, s.db, p); err != nil {
		return err
	}
	hidden, err := hiddenAs(ctx, s.db, p)
	if err != nil {
		return err
	}
	return notShown(hidden)
}

// notShown says why a page is not shown that is hidden by a takedown in this state, or nil; "": by none.
func notShown(hidden State) error {
	switch hidden {
	case "":
		return nil
	case Upheld:
		return ErrTakenDown
	default:
		return ErrUnderReview
	}
}

// TakeDown hides a page at once, whoever asks, and lets an editor decide (H3). Whoever asks the same while that waits joins
// it, with a code of their own.
func (s *Service) TakeDown(ctx context.Context, by org.Actor, p PageRef, why string) (code Code, t Takedown, err error) {
	if err := privacy.CheckText("/reason", why); err != nil {
		return "", t, err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		var id TakedownID
		err := once.Do(ctx, tx, int64(by.PersonID), &id, func() error {
			id, err = s.takeDown(ctx, tx, by, p, why)
			return err
		})
		if err != nil {
			return err
		}
		if t, err = takedownByID(ctx, tx, id); err != nil {
			return err
		}
		text, err := s.keys.Open(sealed.Personal, "takedown", "code_sealed", int64(id), t.CodeSealed)
		code = Code(text)
		return err
	})
	return code, t, err
}

func (s *Service) takeDown(ctx context.Context, tx *db.Tx, by org.Actor, p PageRef, why string) (TakedownID, error) {
	at, err := placeOfPage(ctx, tx, p)
	if err != nil {
		return 0, err
	}
	if err := holdTakedowns(ctx, tx, p); err != nil {
		return 0, err
	}
	hidden, err := hiddenAs(ctx, tx, p)
	if err != nil {
		return 0, err
	}
	if hidden == Upheld {
		return 0, ErrTakenDown
	}
	waiting, err := waitingTakedowns(ctx, tx, p)
	if err != nil {
		return 0, err
	}
	code := newCode()
	t := Takedown{PageRef: p, Number: at.number, UnitID: at.unit, State: HiddenPending, ReceivedAt: tx.Now, DueAt: dueBy(s.cal, tx.Now)}
	if shown, err := saidToBeShown(ctx, tx, p, at.number, tx.Now.Add(-quietFor)); err != nil {
		return 0, err
	} else if shown && hidden == "" && p.Kind != MediaPage { // whoever is on a picture need not wait (S22)
		t.State = Received
	}
	if len(waiting) > 0 { // it is decided with the first
		t.DueAt = waiting[0].DueAt
	}
	if by.PersonID != 0 {
		t.PersonID = &by.PersonID
	}
	id, err := insertTakedown(ctx, tx, s.keys, t, code, why)
	if err != nil {
		return 0, err
	}
	audit.Note(tx, by.Did("takedown.received", string(p.Kind), p.ID))
	if hidden == "" && t.Hides() {
		if err := tellAuthor(ctx, tx, id, p, "已先行隐藏，待核实", "hidden"); err != nil {
			return 0, err
		}
	}
	if len(waiting) > 0 {
		return id, nil
	}
	return id, s.tellEditors(ctx, tx, by, id, t, code, "待核实")
}

// tellEditors tells the editors of the subdistrict that t waits for them.
func (s *Service) tellEditors(ctx context.Context, tx *db.Tx, by org.Actor, id TakedownID, t Takedown, code Code, status string) error {
	committee, err := committeeOf(ctx, tx, t.UnitID)
	if err != nil {
		return err
	}
	return notify.Tell(ctx, tx, notify.RoleIn(committee, org.RoleEditor), notify.Item{
		Kind: "takedown.received", Ref: notify.Ref{Type: "takedown", ID: int64(id)}, By: by,
		Args: map[string]any{"receiptCode": string(code), "statusLabel": status, "dueAt": t.DueAt},
	})
}

// committeeOf is the party unit that answers for the subdistrict in which a unit lies.
func committeeOf(ctx context.Context, q db.Queryer, unit org.UnitID) (org.UnitID, error) {
	u, err := org.UnitByID(ctx, q, unit)
	if err != nil {
		return 0, err
	}
	line, err := org.Line(ctx, q, u)
	if err != nil {
		return 0, err
	}
	for _, above := range line {
		if above.Kind == org.Subdistrict {
			party, err := org.LinkedParty(ctx, q, above.ID, calendar.DayOf(db.NowOf(q)))
			return party.ID, err
		}
	}
	return 0, problem.ErrNotFound
}

// Decide leaves a page hidden, or shows it again: everything that waits for this page is decided together. Who asked is
// told, if they had signed in.
func (s *Service) Decide(ctx context.Context, by org.Actor, id TakedownID, decision State, reason string) (t Takedown, err error) {
	return s.judge(ctx, by, id, reason, func(tx *db.Tx) error {
		t, err := findTakedown(ctx, tx, by, id)
		if err != nil {
			return err
		}
		if err := holdTakedowns(ctx, tx, t.PageRef); err != nil {
			return err
		}
		if t, err = findTakedown(ctx, tx, by, id); err != nil { // as it is now that nobody else decides
			return err
		}
		meant, err := meantBy(ctx, tx, t.PageRef, t.ReceivedAt)
		if err != nil {
			return err
		}
		if err := t.canDecide(by, meant, decision); err != nil {
			return err
		}
		all, err := waitingTakedowns(ctx, tx, t.PageRef)
		if err != nil {
			return err
		}
		return s.settle(ctx, tx, by, all, decision, reason)
	})
}

// Lift shows a page again that was taken down, since it is right by now or the decision was not. Somebody else than who
// decided does that.
func (s *Service) Lift(ctx context.Context, by org.Actor, id TakedownID, reason string) (Takedown, error) {
	return s.judge(ctx, by, id, reason, func(tx *db.Tx) error {
		t, err := findTakedown(ctx, tx, by, id)
		if err != nil {
			return err
		}
		meant, err := meantBy(ctx, tx, t.PageRef, t.ReceivedAt)
		if err != nil {
			return err
		}
		if err := t.canLift(by, meant); err != nil {
			return err
		}
		all, err := upheldTakedowns(ctx, tx, t.PageRef)
		if err != nil {
			return err
		}
		return s.settle(ctx, tx, by, all, Lifted, reason)
	})
}

// judge runs f once and returns what has become of a takedown.
func (s *Service) judge(ctx context.Context, by org.Actor, id TakedownID, reason string, f func(tx *db.Tx) error) (t Takedown, err error) {
	if err := privacy.CheckText("/reason", reason); err != nil {
		return Takedown{}, err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		err := once.Do(ctx, tx, int64(by.PersonID), nil, func() error { return f(tx) })
		if err != nil {
			return err
		}
		t, err = findTakedown(ctx, tx, by, id)
		if err != nil {
			return err
		}
		return s.readTakedowns([]*Takedown{&t})
	})
	return t, err
}

// decisions are how it is said what was decided.
var decisions = map[State]string{Upheld: "已撤下", Declined: "已恢复显示", Lifted: "已恢复显示"}

// tellAuthor tells whoever made what a page shows that it is hidden, or shown again, and nothing of who asked.
func tellAuthor(ctx context.Context, tx *db.Tx, id TakedownID, p PageRef, status, step string) error {
	w, err := workOn(ctx, tx, p)
	if err != nil || w.Author == 0 {
		return err
	}
	return notify.Tell(ctx, tx, notify.Persons(w.Author), notify.Item{
		Kind: "publication.takedown", Ref: notify.Ref{Type: "publication", ID: w.Publication}, By: org.System,
		Args:   map[string]any{"kindLabel": works[w.Kind], "statusLabel": status, "at": tx.Now},
		Dedupe: "publication.takedown:" + strconv.FormatInt(int64(id), 10) + ":" + step,
	})
}

// works are how it is said what somebody made.
var works = map[string]string{string(Notice): "公示", string(Story): "故事", inMedia: "照片"}

// settle takes takedowns of one page to their next state, and tells those who asked, and whoever made the page.
func (s *Service) settle(ctx context.Context, tx *db.Tx, by org.Actor, all []Takedown, decision State, reason string) error {
	if i := slices.IndexFunc(all, Takedown.Hides); i >= 0 || decision == Upheld {
		t := all[max(i, 0)]
		if err := tellAuthor(ctx, tx, t.ID, t.PageRef, decisions[decision], string(decision)); err != nil {
			return err
		}
	}
	for _, t := range all {
		if err := saveDecision(ctx, tx, by, t, decision, reason); err != nil {
			return err
		}
		audit.Note(tx, by.Did("takedown."+string(decision), string(t.Kind), t.PageRef.ID).For("", reason))
		if t.PersonID == nil {
			continue
		}
		code, err := s.keys.Open(sealed.Personal, "takedown", "code_sealed", int64(t.ID), t.CodeSealed)
		if err != nil {
			return err
		}
		err = notify.Tell(ctx, tx, notify.Persons(*t.PersonID), notify.Item{
			Kind: "takedown.decided", Ref: notify.Ref{Type: "takedown", ID: int64(t.ID)}, By: by,
			Args:   map[string]any{"receiptCode": code, "statusLabel": decisions[decision]},
			Dedupe: "takedown." + string(decision) + ":" + strconv.FormatInt(int64(t.ID), 10),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Takedowns is a page of what people in by's subdistrict asked to take down, and the cursor behind it. Reading it is noted.
func (s *Service) Takedowns(ctx context.Context, by org.Actor, state State, cursor string, size int) (all []Takedown, next string, err error) {
	states := []State{state}
	if state == "" {
		states = []State{Received, HiddenPending}
	}
	p, err := s.pages.Parse(cursor, size, page.Bound("listTakedowns", state, by.PersonID, by.Assignment))
	if err != nil {
		return nil, "", err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if all, err = listTakedowns(ctx, tx, by, states, p); err != nil {
			return err
		}
		all, next = page.Cut(all, p, func(t Takedown) (time.Time, int64) { return time.UnixMilli(0), int64(t.ID) })
		audit.Note(tx, by.Did("takedown.read", "takedown", 0))
		some := make([]*Takedown, len(all))
		for i := range all {
			some[i] = &all[i]
		}
		return s.readTakedowns(some)
	})
	return all, next, err
}

func (s *Service) readTakedowns(all []*Takedown) (err error) {
	for _, t := range all {
		if t.TextSealed == nil { // forgotten: only that the page is not shown is known
			continue
		}
		if t.Text, err = s.keys.Open(sealed.Personal, "takedown", "text_sealed", int64(t.ID), t.TextSealed); err != nil {
			return err
		}
	}
	return nil
}

// Status is what has become of a takedown, by its code. Another code is not found.
func (s *Service) Status(ctx context.Context, typed string) (Takedown, error) {
	return takedownByCode(ctx, s.db, s.keys, parseCode(typed))
}

// Remind tells editors, once, of takedowns that should have been decided, and says whether there were any.
func (s *Service) Remind(ctx context.Context) (some bool, err error) {
	all, err := lateTakedowns(ctx, s.db, s.db.Now())
	if err != nil {
		return false, err
	}
	return len(all) > 0, db.Each(ctx, all, func(t Takedown) error {
		return s.db.InTx(ctx, func(tx *db.Tx) error {
			first, err := noteLate(ctx, tx, t.ID)
			if err != nil || !first {
				return err
			}
			code, err := s.keys.Open(sealed.Personal, "takedown", "code_sealed", int64(t.ID), t.CodeSealed)
			if err != nil {
				return err
			}
			return s.tellEditors(ctx, tx, org.System, t.ID, t, Code(code), "已超期")
		})
	})
}
