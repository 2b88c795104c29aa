package request

import (
	"context"
	"crypto/subtle"
	"errors"
	"strconv"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
)

// What askers are refused.
var (
	ErrReceipt  = problem.New(problem.NotFound, "request.receipt_wrong")
	ErrTries    = problem.New(problem.TooMany, "request.receipt_tries")
	ErrSettled  = problem.New(problem.Conflict, "request.settled")
	ErrFollowed = problem.New(problem.Conflict, "request.followed_elsewhere")
	ErrOnBehalf = problem.New(problem.Conflict, "request.follow_on_behalf")
	ErrReads    = problem.New(problem.Conflict, "request.slip_reads")
)

// An asker is a row of those whom a request is for.
type asker struct {
	ID        AskerID      `db:"id"`
	Request   ID           `db:"request_id"`
	Person    org.PersonID `db:"person_id"` // 0: follows it by the receipt alone
	CallBack  CallBack     `db:"call_back"`
	Phone     []byte       `db:"phone_sealed"`
	Hash      []byte       `db:"receipt_hash"`
	Receipt   []byte       `db:"receipt_sealed"`
	Slip      []byte       `db:"slip_hash"`
	SettledAt *time.Time   `db:"settled_at"`
	Origin    ID           `db:"origin_id"` // what it was recorded for, since that was merged into another
}

// An As is in whose name an asker acts: their own, once they have signed in, or that of the receipt they show.
//
// Until somebody follows a need signed in, whoever shows its code with the digits of its slip, or with the end of the number
// that was left, reads the receipt and acts in its asker's name; who recorded the need or made the slip knows them as well,
// and may not follow it (docs/adr/0019). From then on the digits of the slip open the receipt for reading alone, so that the
// paper stays good and nobody who printed it acts as whoever has signed in. The end of a number reads as well where there was a
// slip to leave it by, until whoever follows leaves one signed in; else it acts as before, and what is done so says that it was
// done by the receipt.
type As struct {
	by      org.Actor
	request ID
	asker   AskerID // of the receipt; 0: by follows the request
	slip    bool    // it was shown with the digits of a slip, or with the end of a number that whoever had the slip may have left
}

// Themselves is by, as one of those whom a request is for. It is done in no role.
func Themselves(by org.Actor, id ID) As { return As{by: org.Actor{PersonID: by.PersonID}, request: id} }

func (as As) find(ctx context.Context, q db.Queryer) (asker, error) {
	if as.asker != 0 {
		return findAsker(ctx, q, as.asker)
	}
	return findFollowed(ctx, q, as.by.PersonID, as.request)
}

// reads says whether as is shown a receipt and does nothing by it: a follows the need signed in, and as has a slip.
func (as As) reads(a asker) bool { return as.slip && a.Person != 0 }

// hold finds the asker and what they ask for, and keeps both as they are until the transaction is over: what an asker
// does hangs on what the others do, and need not change the request, whose version guards no more than its changes.
func (as As) hold(ctx context.Context, tx *db.Tx) (a asker, r Seen, err error) {
	if a, err = as.find(ctx, tx); err != nil {
		return a, r, err
	}
	for {
		if r, err = hold(ctx, tx, a.Request); err != nil {
			return a, r, err
		}
		now, err := findAsker(ctx, tx, a.ID)
		if err != nil || now.Request == a.Request {
			return now, r, err
		}
		a = now // it was merged meanwhile
	}
}

// Followed is a request as an act of its asker has left it. It holds nothing personal: it is kept for a repeat.
type Followed struct {
	State   State
	Settled bool // this asker is told nothing more
}

// ask carries out an act of an asker, once: it is decided, stored, written down and noted.
func (s *Service) ask(ctx context.Context, as As, do func(tx *db.Tx, r *Seen, a *asker) (line, error), tell func(tx *db.Tx, r Seen, a asker) error) (f Followed, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(as.by.PersonID), &f, func() error {
			a, r, err := as.hold(ctx, tx)
			if err != nil {
				return err
			}
			if as.reads(a) {
				return ErrReads
			}
			if _, err := s.rules.learn(ctx, tx); err != nil {
				return err
			}
			from := r.State
			l, err := do(tx, &r, &a)
			if err != nil {
				return err
			}
			l.from, l.asker = &from, a.ID
			if r.State != from {
				r.stepped(tx.Now)
				if err := s.saveMove(ctx, tx, &r.Request); err != nil {
					return err
				}
			}
			if err := addStep(ctx, tx, s.keys, as.by, r.Request, l); err != nil {
				return err
			}
			if err := s.hangOn(ctx, tx, as.by, from, r.Request); err != nil {
				return err
			}
			audit.Note(tx, as.by.Did("request."+l.move, "request", int64(r.ID)))
			f = Followed{State: r.State, Settled: a.SettledAt != nil}
			return tell(tx, r, a)
		})
	})
	return f, err
}

// Answer is what an asker says to "is it done?" (C20): done settles them, not done opens the request again for its
// last holder, within the days of O13. Whoever is settled is asked no more.
func (s *Service) Answer(ctx context.Context, as As, done bool, note string) (Followed, error) {
	if err := privacy.CheckText("/note", note); err != nil {
		return Followed{}, err
	}
	if done {
		return s.ask(ctx, as, func(tx *db.Tx, r *Seen, a *asker) (line, error) {
			left, err := leftForThem(ctx, tx, *a)
			if err != nil {
				return line{}, err
			}
			if err := a.mayAnswer(r.Request, left); err != nil {
				return line{}, err
			}
			if a.SettledAt != nil { // it was written down for them, and is so
				return line{move: "answered", note: note}, confirm(ctx, tx, s.keys, *a, note)
			}
			return line{move: "answered", note: note}, settle(ctx, tx, s.keys, a, note)
		}, s.holderHears(ctx, as.by, "request.answered", "answered"))
	}
	back := false
	return s.ask(ctx, as, func(tx *db.Tx, r *Seen, a *asker) (line, error) {
		left, err := leftForThem(ctx, tx, *a)
		if err != nil {
			return line{}, err
		}
		if err := a.mayAnswer(r.Request, left); err != nil {
			return line{}, err
		}
		if err := a.late(r.Request, tx.Now, s.reopens); err != nil {
			return line{}, err
		}
		if a.SettledAt != nil {
			if err := unsettle(ctx, tx, a); err != nil {
				return line{}, err
			}
		}
		if err := dropCallsTo(ctx, tx, *a); err != nil {
			return line{}, err
		}
		if back = r.State.Open(); back {
			return line{move: "asker_back", note: note}, nil
		}
		s.reopen(r, tx.Now)
		return line{move: "reopened", note: note}, nil
	}, func(tx *db.Tx, r Seen, a asker) error {
		if back {
			return s.holderHears(ctx, as.by, "request.answered", "back")(tx, r, a)
		}
		if err := tellAskers(ctx, tx, as.by, r.Request, word{kind: "request.status", label: "reopened", quiet: true, but: a.ID}); err != nil {
			return err
		}
		ladder, err := ladderOf(ctx, tx, r.Request)
		if err != nil {
			return err
		}
		return tellReopened(ctx, tx, as.by, r.Request, ladder)
	})
}

// mayAnswer says why a is not asked whether r is done, or nil. Whose leaving the holder has written down is asked whether
// that is so, also while others ask for it still (docs/adr/0014).
func (a asker) mayAnswer(r Request, left bool) error {
	switch {
	case a.SettledAt != nil && !left:
		return ErrSettled
	case a.SettledAt != nil && r.State.Open():
		return nil
	}
	return r.over(left)
}

// late says why it is too late for a to say that r is not done, or nil.
func (a asker) late(r Request, now time.Time, window time.Duration) error {
	if r.State.Open() && a.SettledAt != nil && !now.Before(a.SettledAt.Add(window)) {
		return ErrReopenLate
	}
	return r.late(now, window)
}

// Say is what an asker writes to the holder. A request that waited for it goes on.
func (s *Service) Say(ctx context.Context, as As, text string) (Followed, error) {
	if err := privacy.CheckText("/text", text); err != nil {
		return Followed{}, err
	}
	return s.ask(ctx, as, func(tx *db.Tx, r *Seen, a *asker) (line, error) {
		if a.SettledAt != nil {
			return line{}, ErrSettled
		}
		if err := r.anyOpen(); err != nil {
			return line{}, err
		}
		if r.State == WaitingResident {
			s.resume(&r.Request, tx.Now)
		}
		return line{move: "asker_message", note: text}, nil
	}, s.holderHears(ctx, as.by, "request.answered", "said"))
}

// TakeBack ends a request because its asker says so; where others ask for the same, they keep it.
func (s *Service) TakeBack(ctx context.Context, as As) (Followed, error) {
	kind, event := "request.withdrawn", "withdrawn"
	return s.ask(ctx, as, func(tx *db.Tx, r *Seen, a *asker) (line, error) {
		if a.SettledAt != nil {
			return line{}, ErrSettled
		}
		if err := r.anyOpen(); err != nil {
			return line{}, err
		}
		if err := settle(ctx, tx, s.keys, a, ""); err != nil {
			return line{}, err
		}
		others, err := listeners(ctx, tx, s.keys, r.ID)
		if err != nil {
			return line{}, err
		}
		if len(others) > 0 {
			kind, event = "request.asker_left", "left"
			return line{move: "asker_left"}, nil
		}
		kind, event = "request.withdrawn", "withdrawn"
		s.close(&r.Request, Withdrawn, tx.Now)
		return line{move: "withdrawn"}, nil
	}, func(tx *db.Tx, r Seen, a asker) error { return s.holderHears(ctx, as.by, kind, event)(tx, r, a) })
}

// Correct changes how an asker wants to be called back.
func (s *Service) Correct(ctx context.Context, as As, by CallBack, phone string) (Followed, error) {
	n := Need{CallBack: by, Phone: phone}
	if err := n.check(); err != nil {
		return Followed{}, err
	}
	if n.Phone != "" {
		parsed, err := sealed.ParsePhone(n.Phone)
		if err != nil {
			return Followed{}, err
		}
		n.Phone = parsed.Reveal()
	}
	return s.ask(ctx, as, func(tx *db.Tx, _ *Seen, a *asker) (line, error) {
		l := line{move: "contact_corrected"}
		if n.CallBack == CallNone {
			if err := dropCall(ctx, tx, a.ID); err != nil {
				return line{}, err
			}
			if n.Phone == "" && a.Person == 0 && a.Slip == nil { // the number is all that opens their receipt
				return l, saveNoCall(ctx, tx, a.ID)
			}
		}
		return l, saveCallBack(ctx, tx, s.keys, a.ID, n)
	}, func(*db.Tx, Seen, asker) error { return nil })
}

// Follow makes by, who has signed in, the one who follows the request of the receipt they show: from now on they find
// it among their own.
func (s *Service) Follow(ctx context.Context, by org.Actor, as As) (ID, error) {
	as.by = org.Actor{PersonID: by.PersonID}
	var id ID
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), &id, func() error {
			a, _, err := as.hold(ctx, tx) // what is done by its slip just now is done before, or not at all
			if err != nil {
				return err
			}
			id = a.Request
			if a.Person == by.PersonID {
				return nil
			}
			switch helped, err := s.onBehalf(ctx, tx, a, by.PersonID); {
			case err != nil:
				return err
			case helped:
				return ErrOnBehalf
			}
			audit.Note(tx, as.by.Did("request.followed", "request", int64(a.Request)))
			return saveFollower(ctx, tx, a.ID, by.PersonID)
		})
	})
	return id, err
}

// errFollowsNot says that somebody follows nothing yet by a code.
var errFollowsNot = errors.New("they do not follow it yet")

// FollowShown makes by follow the request whose receipt p proves. Whoever follows it already hears so again: that is no try,
// whatever they show beside the code.
func (s *Service) FollowShown(ctx context.Context, by org.Actor, p Proof) (ID, error) {
	id, err := s.followsBy(ctx, by, p.Code)
	if !errors.Is(err, errFollowsNot) {
		return id, err
	}
	as, err := s.shownBy(ctx, "person\x00"+strconv.FormatInt(int64(by.PersonID), 10), p) // a counter's address is many people's
	if err != nil {
		return 0, err
	}
	return s.Follow(ctx, by, as)
}

// followsBy is what by follows signed in by a code; errFollowsNot if nothing yet.
func (s *Service) followsBy(ctx context.Context, by org.Actor, typed string) (id ID, err error) {
	code, readable := ParseReceipt(typed)
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), &id, func() error {
			a, found, err := s.findByCode(ctx, tx, code)
			if err != nil {
				return err
			}
			if !readable || !found || a.Person == 0 || a.Person != by.PersonID {
				return errFollowsNot
			}
			id = a.Request
			return nil
		})
	})
	return id, err
}

// onBehalf says whether person has recorded the need of a for them, or has made the slip that opens it: they know code and
// digits, and are not whom it is for.
func (s *Service) onBehalf(ctx context.Context, q db.Queryer, a asker, person org.PersonID) (bool, error) {
	code, err := s.keys.Open(sealed.Personal, "request_asker", "receipt_sealed", int64(a.ID), a.Receipt)
	if err != nil {
		return false, err
	}
	for _, hash := range s.keys.Derivations("mac:"+receipts, []byte(code)) {
		if issued, err := hasIssued(ctx, q, hash, person); err != nil || issued {
			return issued, err
		}
	}
	return hasHelped(ctx, q, a, person)
}

// holderHears tells whoever holds a request what its asker did.
func (s *Service) holderHears(ctx context.Context, by org.Actor, kind, event string) func(tx *db.Tx, r Seen, a asker) error {
	return func(tx *db.Tx, r Seen, a asker) error {
		to, err := holdersOf(ctx, tx, r.Request)
		if err != nil {
			return err
		}
		code, err := s.keys.Open(sealed.Personal, "request_asker", "receipt_sealed", int64(a.ID), a.Receipt)
		if err != nil {
			return err
		}
		return notify.Tell(ctx, tx, to, notify.Item{
			Kind: kind, Ref: r.ref(), By: by, Args: map[string]any{"receiptCode": code, "at": tx.Now},
			Dedupe: "request." + event + ":" + strconv.FormatInt(int64(a.ID), 10) + ":" + strconv.FormatInt(tx.Now.UnixMilli(), 10),
		})
	}
}

// knows says whether secret is the end of a's number, or what is printed on a's slip under code, and whether it is the latter.
func (a asker) knows(keys *sealed.Keys, code Receipt, secret string) (known, bySlip bool) {
	phone, err := keys.Open(sealed.Personal, "request_asker", "phone_sealed", int64(a.ID), a.Phone)
	tail := ""
	if err == nil && len(phone) >= tailLength {
		tail = phone[len(phone)-tailLength:]
	}
	byPhone := tail != "" && subtle.ConstantTimeCompare([]byte(tail), []byte(secret)) == 1
	bySlip = keys.Authentic(slips, slipText(code, secret), a.Slip) && len(secret) == slipLength
	return byPhone || bySlip, bySlip
}
