package request

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/say"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
)

// What calls refuse.
var (
	ErrCallOver   = problem.New(problem.Conflict, "call.illegal_transition")
	ErrTriedToday = problem.New(problem.Conflict, "call.tried_today")
)

// mostCalls is on how many days an asker is tried to be reached before the caller's lead decides.
const mostCalls = 3

// CallID names a call task.
type CallID int64

// A CallState says how far a call task has come (domain.md §5.2).
type CallState string

// The states: after three tries on three days the caller's lead decides about what was not reached.
const (
	CallOpen       CallState = "open"
	CallNotReached CallState = "not_reached"
	CallReached    CallState = "reached"
	CallDropped    CallState = "dropped"
)

// assignCall asks somebody to call an asker of r and say what has happened: the holder of the area where r was opened,
// of a concern about somebody r's own holder. What comes while the asker is still to be called joins it (N9). There is to
// be said what has happened since a moment.
func assignCall(ctx context.Context, tx *db.Tx, by org.Actor, r Request, asker AskerID, since time.Time) error {
	joined, err := joinCall(ctx, tx, asker, since)
	if err != nil || joined {
		return err
	}
	caller, to, err := callerOf(ctx, tx, r)
	if err != nil {
		return err
	}
	id, err := insertCall(ctx, tx, r.ID, asker, caller, since)
	if db.IsDuplicate(err) { // somebody else's word was faster
		_, err = joinCall(ctx, tx, asker, since)
		return err
	}
	if err != nil {
		return err
	}
	return tellCaller(ctx, tx, by, id, to)
}

// Unreached has somebody called whom what became of their request reaches in no other way (N3).
func (s *Service) Unreached(ctx context.Context, tx *db.Tx, u notify.Unreached) error {
	if u.Ref.Type != "request" {
		return nil
	}
	a, r, err := Themselves(org.Actor{PersonID: u.Person}, ID(u.Ref.ID)).hold(ctx, tx) // they may say that it is done just now
	if errors.Is(err, problem.ErrNotFound) {
		return nil
	}
	if err != nil || a.CallBack == CallNone {
		return err
	}
	if a.SettledAt != nil { // of what the holder wrote down for them they have still to hear
		if left, err := leftForThem(ctx, tx, a); err != nil || !left {
			return err
		}
	}
	return assignCall(ctx, tx, org.System, r.Request, a.ID, u.At)
}

// tellCaller tells to that they have somebody to call.
func tellCaller(ctx context.Context, tx *db.Tx, by org.Actor, id CallID, to notify.Audience) error {
	return notify.Tell(ctx, tx, to, notify.Item{
		Kind: "call.assigned", Ref: notify.Ref{Type: "call", ID: int64(id)}, By: by,
		Args: map[string]any{"count": 1}, Dedupe: "call.assigned:" + strconv.FormatInt(int64(id), 10),
	})
}

// callerOf is who calls the askers of r. While nobody leads that unit the next lead up the ladder does (T8), and the call
// stays the unit's: whoever answers for it next finds it.
func callerOf(ctx context.Context, tx *db.Tx, r Request) (caller seat, to notify.Audience, err error) {
	ladder, err := ladderOf(ctx, tx, r)
	if err != nil {
		return caller, to, err
	}
	if r.About != nil { // its holders are none of those it is about (V6)
		return concernCaller(ctx, tx, r, ladder)
	}
	if r.Category == HolderConcern {
		caller = seat{Unit: r.HolderUnitID, Role: r.HolderRole, Level: r.Level}
		to, err = holders(ctx, tx, r, ladder)
		return caller, to, err
	}
	caller = seat{Unit: r.UnitID, Level: ladder[0].Level}
	_, in, err := leadFrom(ctx, tx, r, ladder, caller.Level)
	return caller, audience(in), err
}

// concernCaller is who calls the askers of r, which concerns somebody: its holder, or who leads it meanwhile.
func concernCaller(ctx context.Context, tx *db.Tx, r Request, ladder []org.Unit) (caller seat, to notify.Audience, err error) {
	if r.Level == 0 || r.HolderRole != "" {
		to, err = holders(ctx, tx, r, ladder)
		return seat{Unit: r.HolderUnitID, Role: r.HolderRole, Level: r.Level}, to, err
	}
	caller, in, err := leadFrom(ctx, tx, r, ladder, r.Level)
	return caller, audience(in), err
}

// A Call (电话告知任务) is somebody to tell by phone what has become of their need.
type Call struct {
	ID       CallID     `db:"id"`
	Request  ID         `db:"request_id"`
	Asker    AskerID    `db:"asker_id"`
	Unit     org.UnitID `db:"unit_id"`
	Role     org.Role   `db:"role"`
	State    CallState  `db:"state"`
	Messages int        `db:"messages"`
	Tries    int        `db:"tries"`
	TriedOn  *string    `db:"tried_on"`
	DueOn    string     `db:"due_on"`
	OpenedAt time.Time  `db:"opened_at"`
	EndedAt  *time.Time `db:"ended_at"`
	Version  int64      `db:"version"`
}

// shows says why whoever made c looks at nothing of it any more, or nil: a day after its end, as whoever held a need last.
func (c Call) shows(now time.Time) error {
	if c.EndedAt != nil && !c.EndedAt.After(now.Add(-heldFor)) {
		return ErrCallOver.With("state", string(c.State))
	}
	return nil
}

// A CallDetail is a call with what there is to say.
type CallDetail struct {
	Call
	Receipt Receipt
	Say     []PageStep
	Who     sealed.Name
	Phone   sealed.Phone
}

// Calls is a page of the calls that by has to make, or to decide about, the oldest first, and the cursor behind it.
func (s *Service) Calls(ctx context.Context, by org.Actor, cursor string, size int) (rows []Call, next string, err error) {
	p, err := s.pages.Parse(cursor, size, page.Bound("listCalls", by.PersonID, by.Assignment))
	if err != nil {
		return nil, "", err
	}
	if rows, err = listCalls(ctx, s.db, by, p.Rising()); err != nil {
		return nil, "", err
	}
	rows, next = page.Cut(rows, p, func(c Call) (time.Time, int64) { return c.OpenedAt, int64(c.ID) })
	return rows, next, nil
}

// ReadCall shows a call to whoever has to make it, with what there is to say. The reading is noted, and the asker sees it.
func (s *Service) ReadCall(ctx context.Context, by org.Actor, id CallID, lang say.Lang) (d CallDetail, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if d.Call, err = findCall(ctx, tx, by, id); err != nil {
			return err
		}
		if err := d.shows(tx.Now); err != nil {
			return err
		}
		a, err := findAsker(ctx, tx, d.Asker)
		if err != nil {
			return err
		}
		code, err := s.keys.Open(sealed.Personal, "request_asker", "receipt_sealed", int64(a.ID), a.Receipt)
		if err != nil {
			return err
		}
		who, phone, err := s.contactOf(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		d.Receipt, d.Who, d.Phone = Receipt(code), who, phone
		shares, err := sharesOf(ctx, tx, s.keys, a)
		if err != nil {
			return err
		}
		rows, err := rowsOf(ctx, tx, a)
		if err != nil {
			return err
		}
		var told ReceiptPage
		told.tell(shares, a, rows, lang, privacy.BeginPhones)
		d.Say = nil
		for _, step := range told.Steps {
			left := step.Move == string(Withdrawn) || step.Move == "asker_left" && !step.Own // written down for them
			again := step.Move == string(Reopened) && !step.Own || step.Move == "unmerged"   // what was to be said of its end is so no more
			if !step.At.Before(d.OpenedAt) && (forAskers[step.Move] || left || again) {
				d.Say = append(d.Say, step)
			}
		}
		late, err := lateSince(ctx, tx, shares, d.OpenedAt)
		if err != nil {
			return err
		}
		for _, at := range late {
			d.Say = append(d.Say, PageStep{Move: "late", Words: say.Text(lang, "request.word_late"), At: at})
		}
		slices.SortStableFunc(d.Say, func(a, b PageStep) int { return a.At.Compare(b.At) })
		audit.Note(tx, by.Did("request.call_read", "asker", int64(a.ID)).Showing("steps"))
		return nil
	})
	if err != nil {
		return CallDetail{}, err
	}
	return d, nil
}

// FinishCall says how a call went. Who was not reached is tried again on another open day; after three, the caller's lead
// decides.
func (s *Service) FinishCall(ctx context.Context, by org.Actor, id CallID, as CallState) (c Call, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), &c, func() error {
			if c, err = findCall(ctx, tx, by, id); err != nil {
				return err
			}
			if err := c.finish(as, calendar.DayOf(tx.Now), s.cal); err != nil {
				return err
			}
			var to notify.Audience
			if c.State == CallNotReached && as == CallNotReached {
				if to, err = c.passUp(ctx, tx, by); err != nil {
					return err
				}
			}
			if err := saveCall(ctx, tx, by, &c); err != nil {
				return err
			}
			audit.Note(tx, by.Did("call.finished", "call", int64(id)))
			return tellCaller(ctx, tx, by, id, to)
		})
	})
	return c, err
}

// finish makes c end as its caller says, or says why it cannot.
func (c *Call) finish(as CallState, today calendar.Day, cal *calendar.Calendar) error {
	switch {
	case as == CallReached && (c.State == CallOpen || c.State == CallNotReached):
	case as == CallDropped && (c.State == CallOpen || c.State == CallNotReached):
	case as != CallNotReached || c.State != CallOpen:
		return ErrCallOver.With("state", string(c.State))
	case c.TriedOn != nil && *c.TriedOn == string(today):
		return ErrTriedToday
	default:
		day := string(today)
		c.Tries, c.TriedOn, c.DueOn = c.Tries+1, &day, string(nextOpen(cal, today))
		if c.Tries < mostCalls {
			return nil
		}
	}
	c.State = as
	return nil
}

// nextOpen is the open day after today.
func nextOpen(cal *calendar.Calendar, today calendar.Day) calendar.Day {
	day := today.Add(1)
	for range 31 { // no calendar is closed for a month
		if cal.Open(day) {
			break
		}
		day = day.Add(1)
	}
	return day
}

// passUp gives c, which by could not finish, to whoever leads next up the ladder, who decides about it.
func (c *Call) passUp(ctx context.Context, tx *db.Tx, by org.Actor) (notify.Audience, error) {
	rows, err := byIDs(ctx, tx, []ID{c.Request})
	if err != nil {
		return notify.Audience{}, err
	}
	r := rows[0].Request
	ladder, err := ladderOf(ctx, tx, r)
	if err != nil {
		return notify.Audience{}, err
	}
	u, err := org.UnitByID(ctx, tx, c.Unit)
	if err != nil {
		return notify.Audience{}, err
	}
	r = r.heldIn(u, c.Role, max(u.Level, by.Grid.Level)) // who calls for a vacant unit leads above it
	above, in, err := leadOf(ctx, tx, r, ladder)
	if len(in) > 0 {
		c.Unit, c.Role = above.Unit, above.Role
	}
	return audience(in), err
}

// keptCalls are the open calls about concerns whose caller has gone, or must not know of them, and that by, who leads above,
// makes instead (V6).
func keptCalls(ctx context.Context, q db.Queryer, by org.Actor) (ids []CallID, err error) {
	from, to := by.Scope()
	if from == "" || !leadsAbove(by) {
		return nil, nil
	}
	all, err := callsAboutConcerns(ctx, q, from, to)
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		rows, err := byIDs(ctx, q, []ID{c.Request})
		if err != nil {
			return nil, err
		}
		r := rows[0].Request
		ladder, err := ladderOf(ctx, q, r)
		if err != nil {
			return nil, err
		}
		u, err := org.UnitByID(ctx, q, c.Unit)
		if err != nil {
			return nil, err
		}
		in, err := holding(ctx, q, r.heldIn(u, c.Role, u.Level), ladder)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(in, func(i org.Incumbent) bool { return i.Assignment == by.Assignment }) {
			ids = append(ids, c.ID)
		}
	}
	return ids, nil
}

// The fields of a contact that can be shown in full.
const (
	FormOfAddress = "form_of_address"
	PhoneNumber   = "phone"
	OwnWords      = "what"    // what was asked, and written later, with the numbers in it
	Written       = "written" // what holders have written with a number in it
)

// UnmaskCall shows one field of the contact of whom by has to call (V4).
func (s *Service) UnmaskCall(ctx context.Context, by org.Actor, id CallID, field string, why privacy.Why) (shown string, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		c, err := findCall(ctx, tx, by, id)
		if err != nil {
			return err
		}
		if err := c.shows(tx.Now); err != nil {
			return err
		}
		a, err := findAsker(ctx, tx, c.Asker) // what they ask for may have been merged
		if err != nil {
			return err
		}
		said, err := c.toSay(ctx, tx, a)
		if err != nil {
			return err
		}
		if said, err = andHanded(ctx, tx, a.Request, said); err != nil {
			return err
		}
		shown, err = s.reveal(ctx, tx, by, a.Request, a.ID, field, why, said)
		return err
	})
	if err != nil {
		return "", err
	}
	return shown, nil
}

// UnmaskAsker shows one field of the contact of somebody whom a request is for to its holder (V4); 0 is the first one.
func (s *Service) UnmaskAsker(ctx context.Context, by org.Actor, id ID, asker AskerID, field string, why privacy.Why) (shown string, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		r, err := s.findSeen(ctx, tx, by, id)
		if err != nil {
			return err
		}
		if err := r.mayAct(by); err != nil {
			return err
		}
		if !r.heldOn(tx.Now) { // nobody holds it any more
			return ErrNotHolder
		}
		written, err := writtenIn(ctx, tx, id)
		if err != nil {
			return err
		}
		if written, err = andHanded(ctx, tx, id, written); err != nil {
			return err
		}
		shown, err = s.reveal(ctx, tx, by, id, asker, field, why, written)
		return err
	})
	if err != nil {
		return "", err
	}
	return shown, nil
}

// reveal opens one field for by. Of what was written it shows that alone in which a number is hidden.
func (s *Service) reveal(ctx context.Context, tx *db.Tx, by org.Actor, r ID, asker AskerID, field string, why privacy.Why, written []privacy.Value) (string, error) {
	id, who, phone, err := findContact(ctx, tx, r, asker)
	if err != nil {
		return "", err
	}
	values := []privacy.Value{{Field: field, Class: sealed.Personal, Table: "request_asker", Column: "phone_sealed", ID: int64(id), Cipher: phone}}
	switch field {
	case FormOfAddress:
		values[0].Column, values[0].Cipher = "address_sealed", who
	case OwnWords:
		if values, err = wordsOf(ctx, tx, id); err != nil {
			return "", err
		}
	case Written:
		values = written
	}
	plain, err := privacy.Open(ctx, tx, by, why, "asker", int64(id), values...)
	if err != nil {
		return "", err
	}
	for i, v := range values {
		if plain[i], err = saidIn(v, plain[i]); err != nil {
			return "", err
		}
	}
	if field == Written {
		plain = slices.DeleteFunc(plain, func(text string) bool { return privacy.MaskPhones(text) == text })
	}
	return strings.Join(plain, "\n"), nil
}

// contactOf is the contact of an asker, to show its masks.
func (s *Service) contactOf(ctx context.Context, q db.Queryer, id AskerID) (sealed.Name, sealed.Phone, error) {
	a, err := findAsker(ctx, q, id)
	if err != nil {
		return sealed.Name{}, sealed.Phone{}, err
	}
	_, address, number, err := findContact(ctx, q, a.Request, id)
	if err != nil {
		return sealed.Name{}, sealed.Phone{}, err
	}
	who, err := s.keys.Open(sealed.Personal, "request_asker", "address_sealed", int64(id), address)
	if err != nil {
		return sealed.Name{}, sealed.Phone{}, err
	}
	phone, err := s.keys.Open(sealed.Personal, "request_asker", "phone_sealed", int64(id), number)
	return sealed.NameOf(who), sealed.PhoneOf(phone), err
}
