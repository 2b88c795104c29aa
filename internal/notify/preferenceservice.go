package notify

import (
	"context"
	"slices"
	"strconv"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/problem"
)

// What preferences refuse.
var (
	ErrKind      = problem.New(problem.Invalid, "notice.kind_unknown")
	ErrKindFixed = problem.New(problem.Invalid, "notice.kind_fixed")
)

// Preferences are when a person is left alone, and what they want to hear of outside the inbox. The inbox itself has
// everything.
type Preferences struct {
	QuietFrom, QuietTo, DigestAt string // 21:30, in Asia/Shanghai
	Kinds                        []Preference
}

// A Preference is about one kind. Of others WeChat repeats what cannot wait, and the rest stands in the summary.
type Preference struct {
	Kind   string `db:"kind"`
	WeChat bool   `db:"wechat"`
	Digest bool   `db:"digest"`
	Muted  bool   `db:"muted"`
}

// check says why p cannot be had (N7): what warns of danger comes in every way, and answers to one's own needs, and
// of what people are called, are never without a sound.
func (p Preference) check() error {
	k, ok := kinds[p.Kind]
	switch {
	case !ok:
		return ErrKind
	case k.prio == Safety, p.Muted && loud(p.Kind):
		return ErrKindFixed
	}
	return nil
}

// Preferences are those of by.
func (s *Service) Preferences(ctx context.Context, by org.Actor) (Preferences, error) {
	return findPreferences(ctx, s.db, by.PersonID)
}

// SetPreferences sets all of by's anew.
func (s *Service) SetPreferences(ctx context.Context, by org.Actor, p Preferences) (set Preferences, err error) {
	var h hours
	for text, into := range map[string]*clockTime{p.QuietFrom: &h.quietFrom, p.QuietTo: &h.quietTo, p.DigestAt: &h.digestAt} {
		if *into, err = parseClock(text); err != nil {
			return p, problem.ErrInvalid
		}
	}
	for i, k := range p.Kinds {
		if err := k.check(); err != nil {
			if bad, ok := err.(*problem.Problem); ok { //nolint:errorlint // because check returns nothing else
				return p, bad.Field("/kinds/"+strconv.Itoa(i)+"/kind", bad.Code)
			}
			return p, err
		}
		if slices.ContainsFunc(p.Kinds[:i], func(o Preference) bool { return o.Kind == k.Kind }) {
			return p, ErrKind.Field("/kinds/"+strconv.Itoa(i)+"/kind", ErrKind.Code)
		}
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), &set, func() error {
			set = p
			return savePreferences(ctx, tx, by.PersonID, p)
		})
	})
	return set, err
}
