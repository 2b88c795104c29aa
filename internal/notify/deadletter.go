package notify

import (
	"context"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
)

// ErrNotDead says that only what WeChat did not take can be tried again.
var ErrNotDead = problem.New(problem.Conflict, "wechat.send_not_dead")

// A Letter is a message that has ended, and what came of it. To whom it went it does not say.
type Letter struct {
	ID        int64     `db:"id"`
	Kind      string    `db:"kind"`
	Template  string    `db:"template"`
	Outcome   Outcome   `db:"outcome"`
	Code      int       `db:"errcode"` // of WeChat; 0: none
	Attempts  int       `db:"attempt"`
	CreatedAt time.Time `db:"created_at"`
	EndedAt   time.Time `db:"ended_at"`
}

// Letters are the messages that ended with an outcome, a page of them, the last first.
func (s *Sends) Letters(ctx context.Context, by org.Actor, o Outcome, cursor string, size int) (all []Letter, next string, err error) {
	p, err := s.Pages.Parse(cursor, size, page.Bound("listWeChatSends", string(o), by.PersonID, by.Assignment))
	if err != nil {
		return nil, "", err
	}
	if all, err = listLetters(ctx, s.db, o, p); err != nil {
		return nil, "", err
	}
	all, next = page.Cut(all, p, func(l Letter) (time.Time, int64) { return l.EndedAt, l.ID })
	return all, next, nil
}

// Repeat lets a dead message wait to be sent again.
func (s *Sends) Repeat(ctx context.Context, by org.Actor, id int64) error {
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), nil, func() error {
			if err := revive(ctx, tx, id); err != nil {
				return err
			}
			audit.Note(tx, by.Did("wechat.repeated", "wechat_send", id))
			return nil
		})
	})
}

// Templates are those that are registered, in the order of our codes, and how the channel is.
func (s *Sends) Templates(ctx context.Context) (all []Template, c Channel, err error) {
	there, err := allTemplates(ctx, s.db)
	if err != nil {
		return nil, c, err
	}
	for _, code := range codes {
		if t, ok := there[code]; ok {
			all = append(all, t)
		}
	}
	l, err := findLine(ctx, s.db, s.app)
	if now := s.db.Now(); err == nil {
		if l.paused(now) {
			c.PausedUntil, c.Code = *l.PausedUntil, l.Code
		}
		if l.slow(now) {
			c.SlowUntil = *l.SlowUntil
		}
	}
	return all, c, err
}

// A Channel is how the channel is: the moments are zero when nothing is the matter.
type Channel struct {
	PausedUntil time.Time
	Code        int // of WeChat: why
	SlowUntil   time.Time
}

// SetTemplate registers t under its code, and ends its pause.
func (s *Sends) SetTemplate(ctx context.Context, by org.Actor, t Template) (set Template, err error) {
	if err := t.check(); err != nil {
		return t, err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), &set, func() error {
			if err := saveTemplate(ctx, tx, t); err != nil {
				return err
			}
			audit.Note(tx, by.Did("wechat.template_set", "wechat_template", 0).Showing(t.Code))
			set = t
			return nil
		})
	})
	return set, err
}

// Resume lets messages go out before their pause is over.
func (s *Sends) Resume(ctx context.Context, by org.Actor) error {
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), nil, func() error {
			if err := resume(ctx, tx, s.app); err != nil {
				return err
			}
			audit.Note(tx, by.Did("wechat.resumed", "wechat_template", 0))
			return nil
		})
	})
}
