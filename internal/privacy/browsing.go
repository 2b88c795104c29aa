package privacy

import (
	"context"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

// Whoever reads more different households than this in so much time is asked who they are, and others are told (X50).
const (
	manyHouseholds = 40
	browsingFor    = 10 * time.Minute
	browsed        = "household.browsed" // the action of the audit
)

// BrowsingHooks are what the watch over reading asks of packages above.
type BrowsingHooks struct {
	StepUp func(ctx context.Context) error                                          // why the second factor is not fresh, or nil
	Alarm  func(ctx context.Context, tx *db.Tx, by org.Actor, households int) error // tells the audit administrators
}

// A Browsing watches how many different households somebody reads in a short time.
type Browsing struct {
	db    *db.DB
	hooks BrowsingHooks
}

// NewBrowsing makes a Browsing.
func NewBrowsing(d *db.DB, hooks BrowsingHooks) *Browsing { return &Browsing{db: d, hooks: hooks} }

// Look says why by cannot go on to read a household, or nil. From the 41st different one in ten minutes on they show
// their second factor, and the audit administrators hear of it once.
func (b *Browsing) Look(ctx context.Context, by org.Actor, household int64) error {
	others, err := householdsRead(ctx, b.db, by.PersonID, household, b.db.Now().Add(-browsingFor))
	if err != nil || others < manyHouseholds {
		return err
	}
	err = b.db.InTx(ctx, func(tx *db.Tx) error {
		told, err := browsedSince(ctx, tx, by.PersonID, tx.Now.Add(-browsingFor))
		if err != nil || told {
			return err
		}
		audit.Note(tx, by.Did(browsed, "person", int64(by.PersonID)))
		return b.hooks.Alarm(ctx, tx, by, others+1)
	})
	if err != nil {
		return err
	}
	return b.hooks.StepUp(ctx)
}

// householdsRead is how many households other than one a person has read since a moment, or has tried to, by the audit,
// without which nothing is read.
func householdsRead(ctx context.Context, q db.Queryer, person org.PersonID, other int64, since time.Time) (n int, err error) {
	err = q.Get(ctx, &n, `
		SELECT COUNT(DISTINCT object_id)
		FROM audit
		WHERE person_id = ? AND at > ? AND object = ? AND object_id <> ?`, person, since, "household", other)
	return n, db.Wrap(err, nil, "count the households that person %d has read", person)
}

func browsedSince(ctx context.Context, q db.Queryer, person org.PersonID, since time.Time) (told bool, err error) {
	err = q.Get(ctx, &told, `
		SELECT COUNT(*) > 0
		FROM audit
		WHERE person_id = ? AND at > ? AND action = ?`, person, since, browsed)
	return told, db.Wrap(err, nil, "ask whether the reading of person %d was told", person)
}
