// Package seed makes the invented people and places of the demo, through the features and by their rules: the same
// seed and day make the same rows, but for what is drawn to be secret.
package seed

import (
	"context"
	"errors"
	"fmt"
	"time"

	"wanjia/configs"
	"wanjia/internal/auth"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/sealed"
)

// A Profile says how much is made.
type Profile string

// The profiles.
const (
	Bare  Profile = "bare"  // the trees down to the places, with those who lead and administer: what an import fills
	Demo  Profile = "demo"  // 海棠街道 with its members, homes and last year
	Bench Profile = "bench" // the demo several times over
)

// Options are what to make.
type Options struct {
	Profile Profile
	Seed    uint64       // draws the names; another one changes no count
	AsOf    calendar.Day // before it everything happened; empty: today
	Handles bool         // people get handles to sign in by, in demo mode
	Scale   int          // of Bench: how many subdistricts; 0: one
}

// The programme of instructors began on programme (domain.md O8); from earliest on there is enough of it to tell of.
const (
	programme calendar.Day = "2025-04-01"
	earliest  calendar.Day = "2025-07-01"
)

// history is for how many days before AsOf the units and most roles of the demo have been there.
const history = 730

// What Make refuses.
var (
	ErrProfile  = errors.New("seed: the profiles are bare, demo and bench")
	ErrAsOf     = errors.New("seed: the day must lie between " + string(earliest) + " and today")
	ErrScale    = errors.New("seed: only bench is made several times over")
	ErrNotEmpty = errors.New("seed: the database is not empty")
)

// check says why o cannot be made on a day, or nil.
func (o Options) check(today calendar.Day) error {
	switch {
	case o.Profile != Bare && o.Profile != Demo && o.Profile != Bench:
		return ErrProfile
	case o.AsOf < earliest || o.AsOf > today:
		return ErrAsOf
	case o.Scale < 0 || o.Scale > 1 && o.Profile != Bench:
		return ErrScale
	}
	return nil
}

// Make fills an empty database, each subdistrict in one transaction.
func Make(ctx context.Context, d *db.DB, keys *sealed.Keys, accounts *auth.Service, o Options) error {
	today := calendar.DayOf(d.Now())
	if o.AsOf == "" {
		o.AsOf = today
	}
	if err := o.check(today); err != nil {
		return err
	}
	switch filled, err := Seeded(ctx, d); {
	case err != nil:
		return err
	case filled:
		return ErrNotEmpty
	}
	holidays, err := calendar.Parse(configs.Holidays)
	if err != nil {
		return fmt.Errorf("configs/holidays.yaml: %w", err)
	}
	m := &maker{d: d, keys: keys, accounts: accounts, holidays: holidays, Options: o}
	for n := range max(o.Scale, 1) {
		var top county
		err := d.InTx(ctx, func(tx *db.Tx) (err error) {
			top, err = m.subdistrict(ctx, tx, n)
			return err
		})
		if err != nil {
			return fmt.Errorf("make subdistrict %d: %w", n+1, err)
		}
		m.top = top
	}
	return nil
}

// A maker makes subdistricts of one county.
type maker struct {
	d        *db.DB
	keys     *sealed.Keys
	accounts *auth.Service
	holidays *calendar.Calendar
	top      county
	Options
}

// subdistrict makes the n-th, and the county with the first one.
func (m *maker) subdistrict(ctx context.Context, tx *db.Tx, n int) (county, error) {
	opened := min(m.AsOf.Add(-history), programme)
	clock(tx, opened, 9, 0)
	t, err := units(ctx, tx, opened, m.Profile == Bare, m.top, n)
	if err != nil {
		return county{}, err
	}
	c := &caster{
		ctx: ctx, tx: tx, keys: m.keys, opened: opened, asOf: m.AsOf, crowd: newCrowd(m.Seed, n), bare: m.Profile == Bare,
	}
	if c.leaders(t); !c.bare {
		c.people(t)
	}
	if c.err != nil {
		return county{}, c.err
	}
	if m.Handles {
		for _, h := range c.handles {
			if err := m.accounts.AddHandle(ctx, tx, t.prefix()+h.handle, h.person); err != nil {
				return county{}, err
			}
		}
	}
	if c.bare {
		return t.county, nil
	}
	clock(tx, opened, 9, 0)
	if err := homes(ctx, tx, t, opened); err != nil {
		return county{}, err
	}
	if err := sites(ctx, tx, t); err != nil {
		return county{}, err
	}
	return t.county, newTeller(ctx, tx, m.d, m.keys, m.holidays, c.crowd, m.AsOf).tell(t)
}

// clock makes a moment of day the one of what tx does next: what is told of the past has its dates.
func clock(tx *db.Tx, day calendar.Day, hour, minute int) {
	tx.Now = day.Time().Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
}

// Seeded says whether there is anything at all in the database: only empty ones are filled.
func Seeded(ctx context.Context, q db.Queryer) (bool, error) {
	var n int
	err := q.Get(ctx, &n, `SELECT COUNT(*) FROM (SELECT 1 AS one FROM unit LIMIT 1) t`)
	return n > 0, db.Wrap(err, nil, "look for units")
}
