package notify

import (
	"context"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/problem"
)

// A template is what WeChat sends a person who has allowed it: some fields of an item, and nothing else (N5).
type template struct {
	code      string
	fields    []string
	mustReach bool // ☎: who has no credit for it is called
}

// onRequest tells askers what becomes of their need.
var onRequest = template{code: "request", fields: []string{receiptCode, statusLabel, placeLabel, at}, mustReach: true}

// templates are the kinds that WeChat repeats, and by which template.
var templates = map[string]template{
	"request.message": onRequest, "request.waiting": onRequest, "request.late": onRequest, "request.closed": onRequest,
}

// ErrTemplate says that there is no such template.
var ErrTemplate = problem.New(problem.Invalid, "wechat.template_unknown")

const (
	patience   = 30 * time.Second // so long a device may take to acknowledge before WeChat repeats an item (N2)
	quietFrom  = 21*time.Hour + 30*time.Minute
	quietUntil = 7*time.Hour + 30*time.Minute
)

// notBefore is when WeChat may repeat what was told at now (K17): safety at once, anything else after some patience and
// not in the quiet hours.
func notBefore(prio int, now time.Time) time.Time {
	if prio == Safety {
		return now
	}
	due := now.Add(patience)
	day := calendar.DayOf(due)
	switch at := due.Sub(day.Time()); {
	case at < quietUntil:
		return day.Time().Add(quietUntil).UTC()
	case at >= quietFrom:
		return day.Add(1).Time().Add(quietUntil).UTC()
	}
	return due
}

// An Outcome says what came of a message.
type Outcome string

// The outcomes that this side of WeChat decides. What has a credit is ready, and has none yet.
const (
	NoCredit   Outcome = "no_credit"
	Suppressed Outcome = "suppressed" // a device had it in time
)

// Unreached is an item that reaches a person neither by a device nor by WeChat.
type Unreached struct {
	Person org.PersonID `db:"person_id"`
	Kind   string       `db:"kind"`
	Ref    Ref
}

// Sends are the messages of WeChat, as far as their sending.
type Sends struct {
	db     *db.DB
	called func(ctx context.Context, tx *db.Tx, u Unreached) error
}

// NewSends makes Sends of d. Who must be reached and cannot be is given to called.
func NewSends(d *db.DB, called func(ctx context.Context, tx *db.Tx, u Unreached) error) *Sends {
	return &Sends{db: d, called: called}
}

// Claim decides about the messages that are due, and says whether there were any: a device has the item, or a credit is
// spent for it, or there is none and the person is called. Any number of nodes may do so at one time: each message moves
// on from waiting once (K14).
func (s *Sends) Claim(ctx context.Context) (some bool, err error) {
	due, err := dueSends(ctx, s.db, s.db.Now())
	if err != nil {
		return false, err
	}
	for _, m := range due {
		if err := s.db.InTx(ctx, func(tx *db.Tx) error { return s.claim(ctx, tx, m) }); err != nil {
			return true, err
		}
	}
	return len(due) > 0, nil
}

func (s *Sends) claim(ctx context.Context, tx *db.Tx, m send) error {
	has, err := deviceHas(ctx, tx, m.Person, m.Seq)
	if err != nil {
		return err
	}
	if has {
		_, err := endSend(ctx, tx, m.ID, Suppressed)
		return err
	}
	paid, err := spend(ctx, tx, m)
	if err != nil || paid {
		return err
	}
	ended, err := endSend(ctx, tx, m.ID, NoCredit)
	if err != nil || !ended || !m.MustReach {
		return err
	}
	return s.called(ctx, tx, Unreached{Person: m.Person, Kind: m.Kind, Ref: Ref{m.RefType, m.RefID}})
}

// Grant notes the messages that a person has allowed with one tap of theirs, once for a clientRef: one for each template.
func (s *Sends) Grant(ctx context.Context, by org.Actor, clientRef string, codes []string) error {
	for _, c := range codes {
		if c != onRequest.code {
			return ErrTemplate.Field("/templates", ErrTemplate.Code)
		}
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), nil, func() error {
			for _, c := range codes {
				if err := grant(ctx, tx, by.PersonID, c, clientRef); err != nil {
					return err
				}
			}
			return nil
		})
	})
}
