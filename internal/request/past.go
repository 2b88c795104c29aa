package request

import (
	"context"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

// A PastStep is one act of a request's past.
type PastStep struct {
	By   org.Actor
	At   time.Time
	Note string

	To      org.Unit // escalated to it
	Role    org.Role // a role in To; empty: whoever leads it
	Closing *Closing // ended so
	Settled bool     // the asker has said that it is done
}

// Recount writes down what became of a request, for the seed: each act at its own time and under the rules of who may.
// The first act accepts it, and the first of a new holder accepts it again. It tells nobody, since nothing is left to do.
func (s *Service) Recount(ctx context.Context, tx *db.Tx, id ID, past []PastStep) error {
	if _, err := s.rules.learn(ctx, tx); err != nil {
		return err
	}
	for _, p := range past {
		tx.Now = p.At
		if p.Settled { // which is the asker's to say, whoever may still see it
			if err := settlePast(ctx, tx, id); err != nil {
				return err
			}
			continue
		}
		r, err := s.findSeen(ctx, tx, p.By, id)
		if err != nil {
			return err
		}
		if err := r.mayAct(p.By); err != nil {
			return err
		}
		if err := r.anyOpen(); err != nil {
			return err
		}
		if r.State == New {
			s.accept(&r.Request, tx.Now)
			if err := s.recount(ctx, tx, p.By, &r, New, line{move: "accepted"}); err != nil {
				return err
			}
		}
		from, l := r.State, line{move: "step", note: p.Note}
		switch {
		case p.To.ID != 0:
			level := p.To.Level
			if p.Role != "" {
				level = 0
			}
			s.goTo(&r.Request, seat{Unit: p.To.ID, Role: p.Role, Level: level}, tx.Now)
			l.move = "escalated"
		case p.Closing != nil:
			if err := p.Closing.checkPast(calendar.DayOf(tx.Now), s.reopens); err != nil {
				return err
			}
			s.close(&r.Request, p.Closing.Kind, tx.Now)
			l = line{move: string(p.Closing.Kind), note: p.Closing.Text}
			if p.Closing.Kind == HandedOver {
				day := string(p.Closing.CallBackOn)
				r.CallBackOn = &day
				if err := saveHandedTo(ctx, tx, s.keys, id, p.Closing.HandedTo); err != nil {
					return err
				}
			}
		case from == Accepted:
			r.State = InProgress
			s.category(r.Request).news(&r.Request, tx.Now)
			l.move = "started"
		}
		if err := s.recount(ctx, tx, p.By, &r, from, l); err != nil {
			return err
		}
	}
	return nil
}

// recount stores one move of the past.
func (s *Service) recount(ctx context.Context, tx *db.Tx, by org.Actor, r *Seen, from State, l line) error {
	l.from = &from
	r.stepped(tx.Now)
	if err := s.saveMove(ctx, tx, &r.Request); err != nil {
		return err
	}
	audit.Note(tx, by.Did("request."+l.move, "request", int64(r.ID)))
	return addStep(ctx, tx, s.keys, by, r.Request, l)
}

// checkPast is check, for what may also have been withdrawn.
func (c Closing) checkPast(day calendar.Day, window time.Duration) error {
	if c.Kind == Withdrawn {
		return nil
	}
	return c.check(day, window)
}

// settlePast is all askers of a request having said that it is done.
func settlePast(ctx context.Context, tx *db.Tx, id ID) error {
	_, err := tx.Change(ctx, `
		UPDATE request_asker
		SET settled_at = ?
		WHERE request_id = ?`, tx.Now, id)
	return db.Wrap(err, nil, "settle the askers of request %d", id)
}

// RecountCard writes down a card that has been proposed and then approved by somebody who decides, for the seed. It tells
// nobody.
func RecountCard(ctx context.Context, tx *db.Tx, proposer, decider org.Actor, n NewCard) (CardID, error) {
	today := calendar.DayOf(tx.Now)
	if err := n.check(today); err != nil {
		return 0, err
	}
	c, err := draft(ctx, tx, proposer, n, reopensFor)
	if err != nil {
		return 0, err
	}
	id, err := insertCard(ctx, tx, c)
	if err != nil {
		return 0, err
	}
	if c, err = cardByID(ctx, tx, id); err != nil {
		return 0, err
	}
	audit.Note(tx, proposer.Did("card.proposed", "card", int64(id)))
	if err := addCardStep(ctx, tx, proposer, c, "proposed", nil, ""); err != nil {
		return 0, err
	}
	sight, err := cardSightOf(ctx, tx, decider, today)
	if err != nil {
		return 0, err
	}
	if err := c.mayDecide(decider, sight.from); err != nil {
		return 0, err
	}
	nobody := func() error { return nil }
	return id, moveCard(ctx, tx, decider, &c, "approved", "", func() error {
		c.State = c.begin(today)
		return nil
	}, nobody)
}

// Settle lets the clocks of all requests rest that have something to say, for the seed: the past is told to nobody. A
// new holder starts them again.
func Settle(ctx context.Context, tx *db.Tx) error {
	_, err := tx.Change(ctx, `
		UPDATE request_timer
		SET fired_at = ?
		WHERE fired_at IS NULL`, tx.Now)
	return db.Wrap(err, nil, "let the clocks of the past rest")
}
