package notify

import (
	"context"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
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

type creditRow struct {
	credit
	Template string `db:"template"`
}

func creditsOf(ctx context.Context, q db.Queryer, person org.PersonID) (map[string]credit, error) {
	var rows []creditRow
	err := q.Select(ctx, &rows, `
		SELECT template, COALESCE(account_id, 0) AS account_id, balance, refused_at
		FROM wechat_credit
		WHERE person_id = ?`, person)
	if err != nil {
		return nil, db.Wrap(err, nil, "read the credits of person %d", person)
	}
	all := make(map[string]credit, len(rows))
	for _, r := range rows {
		all[r.Template] = r.credit
	}
	return all, nil
}

// CheckCredits says of which persons and templates the balance is not the sum of its lines; the doctor asks.
func CheckCredits(ctx context.Context, q db.Queryer) (wrong []string, err error) {
	err = q.Select(ctx, &wrong, `
		SELECT CONCAT('person ', person_id, ', template ', template) AS line
		FROM (
			SELECT x.person_id AS person_id, x.template AS template
			FROM (
				SELECT person_id, template, balance AS amount FROM wechat_credit
				UNION ALL
				SELECT person_id, template, 0 - delta AS amount FROM wechat_credit_entry
			) x
			GROUP BY x.person_id, x.template
			HAVING SUM(x.amount) <> 0
		) y
		ORDER BY person_id, template
		LIMIT 100`)
	return wrong, db.Wrap(err, nil, "compare credits with their lines")
}
