package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/privacy"
)

// NoticeOptions are what Notices need.
type NoticeOptions struct {
	DB    *db.DB
	KV    *kv.KV
	Sends *Sends
	Pages *page.Keys

	// Names are what persons are called on a screen.
	Names func(ctx context.Context, q db.Queryer, ids ...org.PersonID) (map[org.PersonID]string, error)
}

// Notices are announcements as those who make them, and those who get them, see them.
type Notices struct{ NoticeOptions }

// NewNotices makes Notices.
func NewNotices(o NoticeOptions) *Notices { return &Notices{o} }

// A NewNotice is what somebody wants to announce.
type NewNotice struct {
	To        Scope
	Title     string // what WeChat shows
	Body      string
	MustReach bool
	Urgent    bool
	Until     time.Time
}

// announcers are who tells others something: secretaries, to whom belongs below them, and the office.
var announcers = []org.Role{org.RoleGridSecretary, org.RoleGeneralSecretary, org.RoleBranchSecretary, org.RolePartyOffice}

// Create announces n, with what is known of whom it reaches.
func (s *Notices) Create(ctx context.Context, by org.Actor, n NewNotice) (Notice, error) {
	if first, id, err := s.created(ctx, by); err != nil {
		return Notice{}, err
	} else if !first {
		return findOwn(ctx, s.DB, by, id)
	}
	a, err := s.prepare(ctx, by, n)
	if err != nil {
		return Notice{}, err
	}
	reach, err := s.Forecast(ctx, a, nil)
	if err != nil {
		return Notice{}, err
	}
	var id NoticeID
	err = s.DB.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), &id, func() error {
			if _, err := org.FindStanding(ctx, tx, by, n.To.Unit); err != nil {
				return err
			}
			if !n.Until.IsZero() && !n.Until.After(tx.Now) {
				return ErrExpired.Field("/expiresAt", ErrExpired.Code)
			}
			a.Args[at] = tx.Now
			told, err := Announce(ctx, tx, a)
			if err != nil {
				return err
			}
			if told.Total == 0 {
				return ErrNobody.Field("/audience", ErrNobody.Code)
			}
			id = told.ID
			audit.Note(tx, by.Did("notice.created", "notice", int64(id)))
			return saveForecast(ctx, tx, id, reach)
		})
	})
	if err != nil {
		return Notice{}, err
	}
	return findOwn(ctx, s.DB, by, id)
}

var errFirst = errors.New("nobody has asked for it before")

// created says whether this call has not been made before, or else what it made: before it is counted whom it reaches.
func (s *Notices) created(ctx context.Context, by org.Actor) (first bool, id NoticeID, err error) {
	err = s.DB.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), &id, func() error { return errFirst })
	})
	if errors.Is(err, errFirst) {
		return true, 0, nil
	}
	return false, id, err
}

// Preview counts whom n would reach, for whoever may announce it.
func (s *Notices) Preview(ctx context.Context, by org.Actor, n NewNotice) (Reach, error) {
	a, err := s.prepare(ctx, by, n)
	if err != nil {
		return Reach{}, err
	}
	return s.Forecast(ctx, a, s.online)
}

// prepare is n as an announcement of by's, or why it cannot be one.
func (s *Notices) prepare(ctx context.Context, by org.Actor, n NewNotice) (Announcement, error) {
	if guard.On(guard.Rule) && (!slices.Contains(announcers, by.Role) || by.Unit.Kind == org.DistrictCommittee) {
		return Announcement{}, problem.ErrForbidden
	}
	n.Title = strings.Join(strings.Fields(n.Title), " ")
	if utf8.RuneCountInString(n.Title) > longestTitle {
		return Announcement{}, problem.ErrInvalid.Field("/title", "too_long")
	}
	for pointer, text := range map[string]string{"/title": n.Title, "/text": n.Body} {
		if err := privacy.CheckText(pointer, text); err != nil {
			return Announcement{}, err
		}
	}
	if namesPhone(n.Title) {
		return Announcement{}, ErrTitlePhone.Field("/title", ErrTitlePhone.Code)
	}
	if _, err := org.FindStanding(ctx, s.DB, by, n.To.Unit); err != nil {
		return Announcement{}, err
	}
	slices.Sort(n.To.Roles)
	n.To.Roles = slices.Compact(n.To.Roles)
	return Announcement{
		Item: Item{
			Kind: "announcement", By: by, MustReach: n.MustReach, Urgent: n.Urgent,
			Args: map[string]any{kindLabel: n.Title, unitLabel: by.Unit.Name},
		},
		To: n.To, Body: n.Body, Until: n.Until,
	}, nil
}

// List is a page of what was announced in by's role, the newest first.
func (s *Notices) List(ctx context.Context, by org.Actor, cursor string, size int) (all []Notice, next string, err error) {
	p, err := s.Pages.Parse(cursor, size, page.Bound("listNotices", by.PersonID, by.Assignment))
	if err != nil {
		return nil, "", err
	}
	if all, err = listOwn(ctx, s.DB, by, p); err != nil {
		return nil, "", err
	}
	all, next = page.Cut(all, p, func(n Notice) (time.Time, int64) { return n.CreatedAt, int64(n.ID) })
	return all, next, nil
}

// Read is an announcement for whoever answers for it or has made it, or been told in a role that still holds.
func (s *Notices) Read(ctx context.Context, by org.Actor, id NoticeID) (Notice, error) {
	n, err := findAnswered(ctx, s.DB, by, id)
	if !errors.Is(err, problem.ErrNotFound) {
		return n, err
	}
	n, err = findToRead(ctx, s.DB, by, id)
	if err != nil || n.By == by.PersonID {
		return n, err
	}
	as, err := assignmentTold(ctx, s.DB, by.PersonID, id)
	if err != nil || as == 0 {
		return n, err
	}
	live, err := liveAssignments(ctx, s.DB, by.PersonID, s.DB.Now())
	if err == nil && !slices.Contains(live, int64(as)) {
		err = problem.ErrNotFound
	}
	return n, err
}

// A Result is how far an announcement has come, in counts, and what was expected.
type Result struct {
	Notice
	Forecast *Reach // nil: none was made
	Waiting  int    // messages of WeChat that have not ended
	Outcomes map[Outcome]int
	ToCall   int // people to tell by phone
	Called   int // told
	Dropped  int // given up, or withdrawn before they were told
}

// Result is what has come of an announcement of by's role.
func (s *Notices) Result(ctx context.Context, by org.Actor, id NoticeID) (r Result, err error) {
	if r.Notice, err = findAnswered(ctx, s.DB, by, id); err != nil {
		return r, err
	}
	return r, resultOf(ctx, s.DB, &r)
}

// Withdraw ends an announcement: nobody more is told of it, neither in their inbox nor by WeChat. What has reached somebody
// stays.
func (s *Notices) Withdraw(ctx context.Context, by org.Actor, id NoticeID) (Notice, error) {
	err := s.DB.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), nil, func() error {
			n, err := findAnswered(ctx, tx, by, id)
			if err != nil {
				return err
			}
			if err := n.over(); err != nil {
				return err
			}
			if err := withdraw(ctx, tx, n.ID); err != nil {
				return err
			}
			audit.Note(tx, by.Did("notice.withdrawn", "notice", int64(id)))
			return nil
		})
	})
	if err != nil {
		return Notice{}, err
	}
	return findAnswered(ctx, s.DB, by, id)
}

// saveForecast keeps what was expected, to stand beside what has come of it (N8).
func saveForecast(ctx context.Context, tx *db.Tx, id NoticeID, r Reach) error {
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("write the forecast of announcement %d: %w", id, err)
	}
	return noteForecast(ctx, tx, id, string(b))
}
