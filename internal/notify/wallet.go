package notify

import (
	"context"
	"slices"
	"strings"
	"time"

	"wanjia/internal/org"
)

// leftAlone is how long nobody is asked for a template after they refused it.
const leftAlone = 30 * 24 * time.Hour

// The moments at which people may be asked (push.md §12); the contract says of which acts they are, by x-ask.
const (
	requestRaised = "request_raised"
	taskAccepted  = "task_accepted"
	promiseMade   = "promise_made"
	roleGiven     = "role_given"
)

// moments are those after which a template is asked for: never at the start.
var moments = map[string][]string{
	onRequest: {requestRaised},
	onWork:    {taskAccepted, promiseMade, roleGiven},
	onNotice:  {roleGiven},
	onDigest:  {taskAccepted, roleGiven},
}

// onOpening are the moments of items: a role is given by somebody else, and its holder learns of it when they open the item.
var onOpening = map[string]string{"role.granted": roleGiven}

// askedAtOnce is how many templates WeChat lets one tap be asked for.
const askedAtOnce = 3

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
			w.Ask = w.Ask && (!t.Long || w.Balance == 0) // allowed once and for all
		}
		all = append(all, w)
	}
	return all, nil
}

// Ask is what by may be asked for after an act, as clients read it: code=id, with commas between. All are of one kind,
// because WeChat takes no others together: those first that are allowed for good, and so not asked for again.
func (s *Sends) Ask(ctx context.Context, by org.Actor, moment string) (string, error) {
	if s.app == "" {
		return "", nil
	}
	wallets, err := s.Wallets(ctx, by)
	if err != nil {
		return "", err
	}
	for _, long := range []bool{true, false} {
		var some []string
		for _, w := range wallets {
			if w.Ask && w.Template.Long == long && slices.Contains(w.Moments, moment) && len(some) < askedAtOnce {
				some = append(some, w.Template.Code+"="+w.Template.ID)
			}
		}
		if len(some) > 0 {
			return strings.Join(some, ","), nil
		}
	}
	return "", nil
}
