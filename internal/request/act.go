package request

import (
	"context"
	"slices"
	"strings"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/privacy"
)

// Moved is a request as a move has left it. It holds nothing personal: it is kept for a repeat of the move.
type Moved struct {
	Request
	HolderName string
}

// An act changes a request that by sees, and says what the history is to hold of it.
type act func(tx *db.Tx, r *Seen) (line, error)

// move carries an act out, once: it is decided, stored, written down and noted.
func (s *Service) move(ctx context.Context, by org.Actor, id ID, do act, tell func(tx *db.Tx, r Seen) error) (m Moved, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), &m, func() error {
			if _, err := s.rules.learn(ctx, tx); err != nil {
				return err
			}
			r, err := s.findSeen(ctx, tx, by, id)
			if err != nil {
				return err
			}
			from := r.State
			l, err := do(tx, &r)
			if err != nil {
				return err
			}
			if l.from == nil {
				l.from = &from
			}
			r.stepped(tx.Now)
			if err := s.saveMove(ctx, tx, &r.Request); err != nil {
				return err
			}
			if err := addStep(ctx, tx, s.keys, by, r.Request, l); err != nil {
				return err
			}
			if err := s.hangOn(ctx, tx, by, from, r.Request); err != nil {
				return err
			}
			holder, err := org.UnitByID(ctx, tx, r.HolderUnitID)
			if err != nil {
				return err
			}
			r.HolderName = holder.Name
			m = Moved{r.Request, holder.Name}
			m.PremisesID, m.SourceVisitID = nil, nil
			audit.Note(tx, by.Did("request."+l.move, "request", int64(id)))
			return tell(tx, r)
		})
	})
	return m, err
}

// askersHear tells the askers of a request w once it has moved.
func askersHear(ctx context.Context, by org.Actor, w word) func(tx *db.Tx, r Seen) error {
	return func(tx *db.Tx, r Seen) error { return tellAskers(ctx, tx, by, r.Request, w) }
}

// Accept says that by, its holder, takes the request on; perhaps by which day.
func (s *Service) Accept(ctx context.Context, by org.Actor, id ID, expected calendar.Day) (Moved, error) {
	return s.move(ctx, by, id, func(tx *db.Tx, r *Seen) (line, error) {
		if err := r.mayAct(by); err != nil {
			return line{}, err
		}
		if err := r.among(New, Reopened); err != nil {
			return line{}, err
		}
		if err := soon("/expectedOn", expected, calendar.DayOf(tx.Now)); err != nil {
			return line{}, err
		}
		s.accept(&r.Request, tx.Now)
		if expected != "" {
			day := string(expected)
			r.ExpectedOn = &day
		}
		return line{move: "accepted"}, nil
	}, askersHear(ctx, by, status("accepted")))
}

// AddStep writes down what the holder has done; the first step starts the work. It is no answer to the asker (K6),
// who hears of the start alone.
func (s *Service) AddStep(ctx context.Context, by org.Actor, id ID, note string, happened *time.Time) (Moved, error) {
	if err := privacy.CheckText("/note", note); err != nil {
		return Moved{}, err
	}
	started := false
	return s.move(ctx, by, id, func(tx *db.Tx, r *Seen) (line, error) {
		if err := r.mayAct(by); err != nil {
			return line{}, err
		}
		if err := r.among(Accepted, InProgress); err != nil {
			return line{}, err
		}
		at, _ := Happened(happened, tx.Now)
		if started = r.State == Accepted; !started {
			return line{move: "step", note: note, at: at}, nil
		}
		r.State = InProgress
		s.category(r.Request).news(&r.Request, tx.Now)
		return line{move: "started", note: note, at: at}, nil
	}, func(tx *db.Tx, r Seen) error {
		if !started {
			return nil
		}
		return tellAskers(ctx, tx, by, r.Request, status("started"))
	})
}

// Wait waits for the asker, who reads why: the clocks stand still until then (K4). A nil until is a week.
func (s *Service) Wait(ctx context.Context, by org.Actor, id ID, reason string, until *time.Time, told Told) (Moved, error) {
	if err := privacy.CheckText("/reason", reason); err != nil {
		return Moved{}, err
	}
	return s.move(ctx, by, id, func(tx *db.Tx, r *Seen) (line, error) {
		if err := r.mayAct(by); err != nil {
			return line{}, err
		}
		if err := r.among(Accepted, InProgress); err != nil {
			return line{}, err
		}
		end := tx.Now.Add(usualWait)
		if until != nil {
			end = until.UTC()
		}
		if !end.After(tx.Now) || end.After(tx.Now.Add(longestWait)) {
			return line{}, ErrWait.Field("/waitUntil", ErrWait.Code)
		}
		now := tx.Now
		s.category(r.Request).news(&r.Request, now)
		r.State, r.WaitUntil, r.WaitingSince = WaitingResident, &end, &now
		return line{move: "waiting", note: reason, told: told}, nil
	}, askersHear(ctx, by, word{kind: "request.waiting", label: "waiting", told: told}))
}

// Resume goes on after the asker was waited for.
func (s *Service) Resume(ctx context.Context, by org.Actor, id ID) (Moved, error) {
	return s.move(ctx, by, id, func(tx *db.Tx, r *Seen) (line, error) {
		if err := r.mayAct(by); err != nil {
			return line{}, err
		}
		if err := r.among(WaitingResident); err != nil {
			return line{}, err
		}
		s.resume(&r.Request, tx.Now)
		return line{move: "resumed"}, nil
	}, askersHear(ctx, by, status("resumed")))
}

// Message writes to the asker.
func (s *Service) Message(ctx context.Context, by org.Actor, id ID, text string, told Told) (Moved, error) {
	if err := privacy.CheckText("/text", text); err != nil {
		return Moved{}, err
	}
	return s.move(ctx, by, id, func(tx *db.Tx, r *Seen) (line, error) {
		if err := r.mayAct(by); err != nil {
			return line{}, err
		}
		if err := r.anyOpen(); err != nil {
			return line{}, err
		}
		s.category(r.Request).news(&r.Request, tx.Now)
		return line{move: "message", note: text, told: told}, nil
	}, func(tx *db.Tx, r Seen) error {
		w := word{kind: "request.message", label: "message", told: told}
		var err error
		if w.place, err = counterOf(ctx, tx, r.ID); err != nil {
			return err
		}
		return tellAskers(ctx, tx, by, r.Request, w)
	})
}

// A Climb is where a request goes to: a level of its ladder (0: the next one), the grid assistant of its place, or a
// section of its subdistrict.
type Climb struct {
	To      string // level, grid_assistant, section
	Level   int
	Section org.UnitID
	Note    string
}

// Escalate hands a request on, with a note; the asker repeats nothing (C8).
func (s *Service) Escalate(ctx context.Context, by org.Actor, id ID, c Climb) (Moved, error) {
	if err := privacy.CheckText("/note", c.Note); err != nil {
		return Moved{}, err
	}
	return s.pass(ctx, by, id, line{move: "escalated", note: c.Note}, func(tx *db.Tx, r *Seen, ladder []org.Unit) (seat, error) {
		if err := r.mayAct(by); err != nil {
			return seat{}, err
		}
		if err := r.anyOpen(); err != nil {
			return seat{}, err
		}
		switch c.To {
		case "grid_assistant":
			return assistantOf(ctx, tx, r, ladder)
		case "section":
			return sectionOf(ctx, tx, r, ladder, c.Section)
		}
		from, err := climbed(ctx, tx, r.Request)
		if err != nil {
			return seat{}, err
		}
		for _, u := range ladder {
			if u.Level > from && (c.Level == 0 || u.Level == c.Level) {
				return seat{Unit: u.ID, Level: u.Level}, nil
			}
		}
		return seat{}, ErrTarget.Field("/level", ErrTarget.Code)
	})
}

// assistantOf is the seat of the grid assistant beside the levels of r's place (C11).
func assistantOf(ctx context.Context, tx *db.Tx, r *Seen, ladder []org.Unit) (seat, error) {
	to := seat{Unit: r.PlaceID, Role: org.RoleGridAssistant}
	if r.HolderUnitID == to.Unit && r.HolderRole == to.Role || r.abovePlace(ladder) {
		return seat{}, ErrTarget.Field("/to", ErrTarget.Code)
	}
	day := calendar.DayOf(tx.Now)
	party, err := org.LinkedParty(ctx, tx, r.PlaceID, day)
	if err != nil {
		return seat{}, err
	}
	in, err := org.PersonsIn(ctx, tx, party.ID, org.RoleGridAssistant, day)
	if err != nil {
		return seat{}, err
	}
	in, err = unconcerned(ctx, tx, r.Request, in)
	if err == nil && len(in) == 0 {
		err = ErrNoHolder
	}
	return to, err
}

// sectionOf is the seat of a section of r's subdistrict.
func sectionOf(ctx context.Context, tx *db.Tx, r *Seen, ladder []org.Unit, id org.UnitID) (seat, error) {
	wrong := ErrTarget.Field("/unitId", ErrTarget.Code)
	if id == 0 || id == r.HolderUnitID {
		return seat{}, wrong
	}
	found, err := org.UnitsByID(ctx, tx, id)
	if err != nil {
		return seat{}, err
	}
	u, top := found[id], ladder[len(ladder)-1]
	if u.Kind != org.Section || !strings.HasPrefix(u.Path, top.Path) {
		return seat{}, wrong
	}
	in, err := leads(ctx, tx, u)
	if err != nil {
		return seat{}, err
	}
	in, err = unconcerned(ctx, tx, r.Request, in)
	if err == nil && len(in) == 0 {
		err = ErrNoHolder
	}
	return seat{Unit: id}, err
}

// HandBack gives a request back to a lower level of its ladder, with the reason.
func (s *Service) HandBack(ctx context.Context, by org.Actor, id ID, level int, reason string) (Moved, error) {
	if err := privacy.CheckText("/reason", reason); err != nil {
		return Moved{}, err
	}
	return s.pass(ctx, by, id, line{move: "handed_back", note: reason}, func(tx *db.Tx, r *Seen, ladder []org.Unit) (seat, error) {
		if err := r.mayAct(by); err != nil {
			return seat{}, err
		}
		if err := r.anyOpen(); err != nil {
			return seat{}, err
		}
		below, err := climbed(ctx, tx, r.Request)
		if err != nil {
			return seat{}, err
		}
		if r.Level == 0 {
			below++ // from beside the levels it may go back to where it came from
		}
		i := slices.IndexFunc(ladder, func(u org.Unit) bool { return u.Level == level })
		if i < 0 || level >= below {
			return seat{}, ErrTarget.Field("/level", ErrTarget.Code)
		}
		return seat{Unit: ladder[i].ID, Level: level}, nil
	})
}

// Pull takes a request over from below, with the reason: by's unit holds it then.
func (s *Service) Pull(ctx context.Context, by org.Actor, id ID, reason string) (Moved, error) {
	if err := privacy.CheckText("/reason", reason); err != nil {
		return Moved{}, err
	}
	return s.pass(ctx, by, id, line{move: "pulled", note: reason}, func(_ *db.Tx, r *Seen, _ []org.Unit) (seat, error) {
		if err := r.mayPull(by); err != nil {
			return seat{}, err
		}
		return seat{Unit: by.Grid.ID, Level: by.Grid.Level}, r.anyOpen()
	})
}

// pass gives a request to whom choose chooses, who is told.
func (s *Service) pass(ctx context.Context, by org.Actor, id ID, l line, choose func(tx *db.Tx, r *Seen, ladder []org.Unit) (seat, error)) (Moved, error) {
	var ladder []org.Unit
	return s.move(ctx, by, id, func(tx *db.Tx, r *Seen) (line, error) {
		var err error
		if ladder, err = ladderOf(ctx, tx, r.Request); err != nil {
			return line{}, err
		}
		to, err := choose(tx, r, ladder)
		if err != nil {
			return line{}, err
		}
		s.goTo(&r.Request, to, tx.Now)
		return l, nil
	}, func(tx *db.Tx, r Seen) error {
		if err := tellAskers(ctx, tx, by, r.Request, status(l.move)); err != nil {
			return err
		}
		return tellHolder(ctx, tx, by, r.Request, s.category(r.Request), ladder)
	})
}

// HandedTo is the body outside that took a request over, and whom to ask there.
type HandedTo struct {
	Body    string `json:"body"`
	Contact string `json:"contact"`
}

// A Closing says how a request ends.
type Closing struct {
	Kind State // resolved, explained, handed_over
	Text string
	HandedTo
	CallBackOn calendar.Day
	Told       Told
}

// check says why a request cannot end so, whoever holds it, or nil; it can be opened again within window.
func (c Closing) check(today calendar.Day, window time.Duration) error {
	switch c.Kind {
	case Resolved, Explained:
		if c.Text == "" {
			return ErrClosureText.Field("/text", ErrClosureText.Code)
		}
		return nil
	case HandedOver:
		for pointer, missing := range map[string]bool{
			"/body": c.Body == "", "/contact": c.Contact == "", "/callBackOn": c.CallBackOn == "",
		} {
			if missing {
				return ErrHandover.Field(pointer, ErrHandover.Code)
			}
		}
		return within("/callBackOn", c.CallBackOn, today, furthestCall(window))
	default:
		return ErrClosureKind.Field("/closureKind", ErrClosureKind.Code)
	}
}

// Close ends a request. What nobody has accepted yet is accepted first, in the same transaction.
func (s *Service) Close(ctx context.Context, by org.Actor, id ID, c Closing) (Moved, error) {
	for pointer, text := range map[string]string{"/text": c.Text, "/body": c.Body, "/contact": c.Contact} {
		if err := privacy.CheckText(pointer, text); err != nil {
			return Moved{}, err
		}
	}
	return s.move(ctx, by, id, func(tx *db.Tx, r *Seen) (line, error) {
		if err := r.mayAct(by); err != nil {
			return line{}, err
		}
		if err := r.anyOpen(); err != nil {
			return line{}, err
		}
		if err := c.check(calendar.DayOf(tx.Now), s.reopens); err != nil {
			return line{}, err
		}
		if err := s.acceptFirst(ctx, tx, by, &r.Request); err != nil {
			return line{}, err
		}
		from := r.State
		s.close(&r.Request, c.Kind, tx.Now)
		if c.Kind != HandedOver {
			return line{move: string(c.Kind), from: &from, note: c.Text, told: c.Told}, nil
		}
		day := string(c.CallBackOn)
		r.CallBackOn = &day
		return line{move: string(c.Kind), from: &from, note: c.Text, told: c.Told}, saveHandedTo(ctx, tx, s.keys, id, c.HandedTo)
	}, func(tx *db.Tx, r Seen) error {
		if err := tellAskers(ctx, tx, by, r.Request, closed(c.Kind, c.Told)); err != nil {
			return err
		}
		if c.Kind == Explained {
			return tellExplained(ctx, tx, by, r)
		}
		return nil
	})
}

// acceptFirst accepts r, which is about to end, if nobody has.
func (s *Service) acceptFirst(ctx context.Context, tx *db.Tx, by org.Actor, r *Request) error {
	from := r.State
	if from != New && from != Reopened {
		return nil
	}
	s.accept(r, tx.Now)
	audit.Note(tx, by.Did("request.accepted", "request", int64(r.ID)))
	return addStep(ctx, tx, s.keys, by, *r, line{move: "accepted", from: &from})
}

// Withdraw notes that one of the askers of a request takes it back, as they said to its holder; 0 is the only one there is.
// Where others ask for the same they keep it, else it ends. Whoever it is hears of it, and may say that it is not so
// (docs/adr/0014).
func (s *Service) Withdraw(ctx context.Context, by org.Actor, id ID, channel Channel, asker AskerID) (Moved, error) {
	var who listener
	var others bool
	return s.move(ctx, by, id, func(tx *db.Tx, r *Seen) (line, error) {
		if err := r.mayAct(by); err != nil {
			return line{}, err
		}
		if err := r.anyOpen(); err != nil {
			return line{}, err
		}
		if _, err := hold(ctx, tx, id); err != nil { // nobody joins meanwhile
			return line{}, err
		}
		all, err := listeners(ctx, tx, s.keys, id)
		if err != nil {
			return line{}, err
		}
		if who, others, err = leaving(all, asker); err != nil {
			return line{}, err
		}
		if !others {
			s.close(&r.Request, Withdrawn, tx.Now)
			return line{move: "withdrawn", note: string(channel), asker: who.ID}, nil
		}
		a, err := findAsker(ctx, tx, who.ID)
		if err != nil {
			return line{}, err
		}
		return line{move: "asker_left", note: string(channel), asker: who.ID}, settle(ctx, tx, s.keys, &a, "")
	}, func(tx *db.Tx, r Seen) error {
		if !others {
			return tellAskers(ctx, tx, by, r.Request, closed(Withdrawn, ToTell))
		}
		return tellAsker(ctx, tx, by, r.Request, who, closed(Withdrawn, ToTell))
	})
}

// leaving is whom of those who ask for a request somebody names, and whether others ask for it as well. Of several the one
// has to be named; the zero listener is nobody of none.
func leaving(all []listener, named AskerID) (who listener, others bool, err error) {
	if len(all) > 0 && named == 0 && !slices.ContainsFunc(all[1:], func(l listener) bool { return l.Person == 0 || l.Person != all[0].Person }) {
		named = all[0].ID // who has told it twice is one
	}
	if i := slices.IndexFunc(all, func(l listener) bool { return l.ID == named }); i >= 0 {
		who = all[i]
	}
	if who.ID == 0 && (named != 0 || len(all) > 0) {
		return who, false, ErrAskerUnnamed.Field("/askerId", ErrAskerUnnamed.Code)
	}
	others = slices.ContainsFunc(all, func(l listener) bool {
		return l.ID != who.ID && (l.Person == 0 || l.Person != who.Person)
	})
	return who, others, nil
}

// Reopen opens a request again for its last holder, with the reason.
func (s *Service) Reopen(ctx context.Context, by org.Actor, id ID, reason string) (Moved, error) {
	if err := privacy.CheckText("/reason", reason); err != nil {
		return Moved{}, err
	}
	return s.move(ctx, by, id, func(tx *db.Tx, r *Seen) (line, error) {
		theirs, err := endedForThem(ctx, tx, r.Request)
		if err != nil {
			return line{}, err
		}
		if err := r.mayReopen(by, tx.Now, s.reopens, theirs); err != nil {
			return line{}, err
		}
		s.reopen(r, tx.Now)
		return line{move: "reopened", note: reason}, nil
	}, func(tx *db.Tx, r Seen) error {
		ladder, err := ladderOf(ctx, tx, r.Request)
		if err != nil {
			return err
		}
		if err := tellAskers(ctx, tx, by, r.Request, status("reopened")); err != nil {
			return err
		}
		return tellReopened(ctx, tx, by, r.Request, ladder)
	})
}
