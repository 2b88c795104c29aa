package notify

import (
	"context"
	"fmt"
	"slices"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/page"
)

// A NoticeCall is somebody to tell an announcement by phone, because nothing else reaches them (N3). Whoever announced it
// calls (N9), or who has their role today, or acts for it (callersOf).
type NoticeCall struct {
	ID       int64        `db:"id"`
	Person   org.PersonID `db:"person_id"`
	State    string       `db:"state"`
	Tries    int          `db:"tries"`
	OpenedAt time.Time    `db:"opened_at"`
	Version  int64        `db:"version"`
	Unit     string       `db:"unit_name"` // where they have the role in which they were told
	Role     org.Role     `db:"role"`
	Member   int64        `db:"member_id"` // their entry in the roster, which shows the phone; 0: none
	Name     string       `db:"-"`
}

// The states of a call.
const (
	callOpen       = "open"
	callNotReached = "not_reached"
	callReached    = "reached"
	callDropped    = "dropped"
)

// callFor has the callers of m's announcement call the person whom m did not reach, once; not when m was under way while it
// ended. What slips in at that very moment is dropped when the fan-out is closed.
func callFor(ctx context.Context, tx *db.Tx, m send) error {
	if still, err := announcedStill(ctx, tx, m.Notice); err != nil || !still {
		return err
	}
	fresh, err := insertNoticeCall(ctx, tx, m.Notice, m.Person)
	if err != nil || !fresh {
		return err
	}
	callers, _, err := callersOf(ctx, tx, m.Notice)
	if err != nil || len(callers) == 0 {
		return err
	}
	return tellCallers(ctx, tx, m.Notice, callers)
}

// callsTogether is how long one item stands for all calls of an announcement; the list says how many they are.
const callsTogether = 10 * time.Minute

// tellCallers tells callers that there is somebody to call. Thousands may be: who was told already is found without waiting
// for their inbox.
func tellCallers(ctx context.Context, tx *db.Tx, id NoticeID, callers []recipient) error {
	key := fmt.Sprintf("notice.calls:%d:%d", id, tx.Now.Unix()/int64(callsTogether/time.Second))
	persons := make([]org.PersonID, len(callers))
	for i, c := range callers {
		persons[i] = c.Person
	}
	told, err := toldKeys(ctx, tx, persons, []string{key})
	if err != nil {
		return err
	}
	var to Audience
	for _, c := range callers {
		if !told[personKey{c.Person, key}] {
			to = to.And(InRole(c.Person, c.Assignment))
		}
	}
	if len(to.persons) == 0 {
		return nil
	}
	return Tell(ctx, tx, to, Item{Kind: "call.assigned", Ref: Ref{"notice", int64(id)}, Dedupe: key})
}

// SeatChanged tells whoever calls for the announcements of a role from now on that somebody is still to be called: the role
// was given, or has ended, in this transaction.
func SeatChanged(ctx context.Context, tx *db.Tx, unit org.UnitID, role org.Role) error {
	open, err := noticesWithCalls(ctx, tx, unit, role)
	if err != nil {
		return err
	}
	for _, id := range open {
		callers, _, err := callersOf(ctx, tx, id)
		if err == nil && len(callers) > 0 {
			err = tellCallers(ctx, tx, id, callers)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Calls is a page of whom by has to tell an announcement of their role by phone, the first asked for first; those that are
// over stand among them.
func (s *Notices) Calls(ctx context.Context, by org.Actor, id NoticeID, cursor string, size int) (all []NoticeCall, next string, err error) {
	p, err := s.Pages.Parse(cursor, size, page.Bound("listNoticeCalls", id, by.PersonID, by.Assignment))
	if err != nil {
		return nil, "", err
	}
	if _, err := findAnswered(ctx, s.DB, by, id); err != nil {
		return nil, "", err
	}
	if all, err = listNoticeCalls(ctx, s.DB, id, p.Rising()); err != nil {
		return nil, "", err
	}
	all, next = page.Cut(all, p, func(c NoticeCall) (time.Time, int64) { return c.OpenedAt, c.ID })
	return all, next, s.name(ctx, all)
}

// name says what those who are called are called on a screen.
func (s *Notices) name(ctx context.Context, all []NoticeCall) error {
	ids := make([]org.PersonID, len(all))
	for i, c := range all {
		ids[i] = c.Person
	}
	if len(ids) == 0 {
		return nil
	}
	names, err := s.Names(ctx, s.DB, ids...)
	for i, c := range all {
		all[i].Name = names[c.Person]
	}
	return err
}

// FinishCall says how a call went. Who was not reached is still to be called.
func (s *Notices) FinishCall(ctx context.Context, by org.Actor, id NoticeID, call int64, as string) (c NoticeCall, err error) {
	err = s.DB.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), &c, func() error {
			if _, err := findAnswered(ctx, tx, by, id); err != nil {
				return err
			}
			if c, err = findNoticeCall(ctx, tx, id, call); err != nil {
				return err
			}
			if !slices.Contains([]string{callOpen, callNotReached}, c.State) {
				return ErrNoticeEnd.With("state", c.State)
			}
			if err := saveNoticeCall(ctx, tx, by, &c, as); err != nil {
				return err
			}
			audit.Note(tx, by.Did("notice.called", "notice_call", call))
			return nil
		})
	})
	if err != nil {
		return NoticeCall{}, err
	}
	one := []NoticeCall{c}
	err = s.name(ctx, one)
	return one[0], err
}
