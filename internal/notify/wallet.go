package notify

import (
	"context"
	"time"

	"wanjia/internal/org"
)

// leftAlone is how long nobody is asked for a template after they refused it.
const leftAlone = 30 * 24 * time.Hour

// moments are the acts after which a template is asked for (push.md §12): never at the start, and three at most at once.
var moments = map[string][]string{
	onRequest: {"request_raised"},
	onWork:    {"task_accepted", "promise_made", "role_given"},
	onNotice:  {"role_given"},
	onDigest:  {"task_accepted", "role_given"},
}

// A Wallet is what a person has allowed of one template, and when to ask them for more.
type Wallet struct {
	Template Template
	Balance  int
	Ask      bool      // now
	AskFrom  time.Time // after a refusal
	Moments  []string
}

// Wallets are those of by, of every template in use.
func (s *Sends) Wallets(ctx context.Context, by org.Actor) ([]Wallet, error) {
	templates, _, err := s.Templates(ctx)
	if err != nil {
		return nil, err
	}
	to, found, err := findAddressee(ctx, s.db, by.PersonID, s.app)
	if err != nil {
		return nil, err
	}
	credits, err := creditsOf(ctx, s.db, by.PersonID)
	if err != nil {
		return nil, err
	}
	now := s.db.Now()
	all := make([]Wallet, 0, len(templates))
	for _, t := range templates {
		w := Wallet{Template: t, Ask: found && !t.paused(now), Moments: moments[t.Code]}
		if c, ok := credits[t.Code]; ok && (c.Account == to.Account || c.Account == 0) {
			w.Balance = c.Balance
			if c.Refused != nil {
				w.AskFrom = c.Refused.Add(leftAlone)
				w.Ask = w.Ask && !now.Before(w.AskFrom)
			}
		}
		all = append(all, w)
	}
	return all, nil
}
