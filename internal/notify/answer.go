package notify

import (
	"context"
	"math/rand/v2"
	"time"

	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/wechat"
)

// A settled is what WeChat said to a letter.
type settled struct {
	letter letter
	class  wechat.Class
	code   int
	msgID  string
}

// record writes what became of a letter, in a transaction of its own. What the database does not take is kept, for the
// next turn: what WeChat said is never forgotten while this process lives.
func (s *Sends) record(ctx context.Context, l letter, x settled) error {
	ctx, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	x.letter = l
	err := db.Safely(func() error {
		return s.db.InTx(ctx, func(tx *db.Tx) error { return s.write(ctx, tx, x) })
	})
	if err != nil {
		s.known.Store(l.ID, x)
		return err
	}
	s.known.Delete(l.ID)
	return nil
}

// write is the table of answers (push.md §12).
func (s *Sends) write(ctx context.Context, tx *db.Tx, x settled) error {
	l := x.letter
	switch x.class {
	case wechat.None:
		if x.code == notSent {
			return s.again(ctx, tx, l.send, tx.Now.Add(time.Second), 0)
		}
		if _, lately := s.bad.LoadAndDelete(l.Template); lately || l.template.BadInRow > 0 {
			if err := clearBad(ctx, tx, l.Template); err != nil {
				return err
			}
		}
		_, err := s.end(ctx, tx, l.send, verdict{outcome: Sent, msgID: x.msgID})
		return err
	case wechat.Transient:
		if l.Tries+1 >= mostTries {
			ended, err := s.end(ctx, tx, l.send, verdict{outcome: Dead, code: x.code})
			if err != nil || !ended {
				return err
			}
			return refund(ctx, tx, l.send)
		}
		wait := firstPause << l.Tries
		wait = wait/2 + rand.N(wait) //nolint:gosec,forbidigo // because a pause is no secret
		return s.again(ctx, tx, l.send, tx.Now.Add(wait), 1)
	case wechat.TokenStale: // this says nothing of the message, and the token may be fetched anew after a while
		if s.away.stale(tx.Now) >= staleMost {
			return s.notAllowed(ctx, tx, x)
		}
		return s.again(ctx, tx, l.send, tx.Now.Add(wechat.FreshToken), 0)
	case wechat.Unknown, wechat.Garbled:
		return s.unanswered(ctx, tx, l.send)
	case wechat.Refused:
		ended, err := s.end(ctx, tx, l.send, verdict{outcome: NoCredit, code: x.code})
		if err != nil || !ended {
			return err
		}
		return burn(ctx, tx, l.send)
	case wechat.Address:
		ended, err := s.end(ctx, tx, l.send, verdict{outcome: Dead, code: x.code})
		if err != nil || !ended {
			return err
		}
		if err := refund(ctx, tx, l.send); err != nil {
			return err
		}
		return invalidate(ctx, tx, l.Account)
	case wechat.MinuteQuota:
		if err := slowDown(ctx, tx, s.app, tx.Now.Add(slowFor)); err != nil {
			return err
		}
		return s.again(ctx, tx, l.send, tx.Now.Truncate(time.Minute).Add(time.Minute), 0)
	case wechat.DayQuota:
		until := calendar.DayOf(tx.Now).Add(1).Time()
		if err := pauseLine(ctx, tx, s.app, until, x.code); err != nil {
			return err
		}
		return s.again(ctx, tx, l.send, tx.Now, 0) // when the pause is over, however soon
	case wechat.Account:
		return s.notAllowed(ctx, tx, x)
	default: // our bug, or a code that nobody has told us of
		s.alarm(tx, "WeChat finds a message ill-formed", x)
		ended, err := s.end(ctx, tx, l.send, verdict{outcome: Dead, code: x.code})
		if err != nil || !ended {
			return err
		}
		if err := refund(ctx, tx, l.send); err != nil {
			return err
		}
		tx.After(func() { s.bad.Store(l.Template, nil) })
		return countBad(ctx, tx, l.Template)
	}
}

// notAllowed pauses all messages: the app may not send until a person has mended something.
func (s *Sends) notAllowed(ctx context.Context, tx *db.Tx, x settled) error {
	s.alarm(tx, "WeChat does not let this app send", x)
	if err := pauseLine(ctx, tx, s.app, tx.Now.Add(channelOff), x.code); err != nil {
		return err
	}
	return s.again(ctx, tx, x.letter.send, tx.Now, 0)
}

// alarm says, once it is certain, what only a person can mend.
func (s *Sends) alarm(tx *db.Tx, what string, x settled) {
	tx.After(func() {
		s.alarms.Add(1)
		s.Log.Error(what, "errcode", x.code, "template", x.letter.Template, "class", x.class.String())
	})
}

// unanswered is what becomes of a message that was sent, and no answer came: once more after a while, and then it is not
// known whether it arrived. It keeps its credit: WeChat may have taken it.
func (s *Sends) unanswered(ctx context.Context, tx *db.Tx, m send) error {
	if m.Unknowns+1 < mostUnknown {
		return waitForAnswer(ctx, tx, m, tx.Now.Add(askAgain))
	}
	_, err := s.end(ctx, tx, m, verdict{outcome: Unknown})
	return err
}

// again gives the credit back and lets m wait until at.
func (s *Sends) again(ctx context.Context, tx *db.Tx, m send, at time.Time, tries int) error {
	back, err := waitUntil(ctx, tx, m, at, tries)
	if err != nil || !back {
		return err
	}
	return refund(ctx, tx, m)
}

// endWaiting ends a message that was never claimed.
func (s *Sends) endWaiting(ctx context.Context, tx *db.Tx, m send, f fence, v verdict) (bool, error) {
	v = v.of(m)
	ended, err := endFenced(ctx, tx, m, f, v)
	if err != nil || !ended {
		return ended, err
	}
	return true, s.over(ctx, tx, m, v.outcome)
}

// end ends a message that was claimed, unless it has moved on without us.
func (s *Sends) end(ctx context.Context, tx *db.Tx, m send, v verdict) (bool, error) {
	v = v.of(m)
	ended, err := endClaimed(ctx, tx, m, v)
	if err != nil || !ended {
		return false, err
	}
	return true, s.over(ctx, tx, m, v.outcome)
}

// of is v as it can be said of m: while an attempt has no answer nobody knows that it was not sent.
func (v verdict) of(m send) verdict {
	if v.outcome == Dead && m.Unknowns > 0 {
		v.outcome = Unknown
	}
	return v
}

// over is what else happens when m has ended: who must be reached and was not is called, once.
func (s *Sends) over(ctx context.Context, tx *db.Tx, m send, o Outcome) error {
	tx.After(func() { s.ended[o].Add(1) })
	if o.reached() || !m.MustReach || m.Called {
		return nil
	}
	if err := noteCalled(ctx, tx, m.ID); err != nil {
		return err
	}
	if m.Notice != 0 {
		return callFor(ctx, tx, m)
	}
	return s.Called(ctx, tx, Unreached{Person: m.Person, Kind: m.Kind, Ref: Ref{m.RefType, m.RefID}, At: m.At})
}
