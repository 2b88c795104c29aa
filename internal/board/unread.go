package board

import (
	"context"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/page"
)

// An Unread is a choice with service items that wait for somebody to read them. Whose it is does not matter for that.
type Unread struct {
	Profile
	Since time.Time `db:"unread_since"`
}

// texts are those that wait.
func (u Unread) texts() (all []string) {
	for _, it := range u.Items {
		if it.Unread {
			all = append(all, it.Text)
		}
	}
	return all
}

// canApprove says why by cannot find the items of u fit to be shown, as they stand in version, or nil: nobody does so for
// their own (H2).
func (u Unread) canApprove(by org.Actor, version int64) error {
	if guard.On(guard.Rule) && u.PersonID == by.PersonID {
		return ErrOwnWork
	}
	return asRead(u.Version, version)
}

// UnreadItems is a page of the service items that wait for an editor in by's subdistrict, and the cursor behind it.
func (s *Service) UnreadItems(ctx context.Context, by org.Actor, cursor string, size int) (all []Unread, next string, err error) {
	p, err := s.pages.Parse(cursor, size, page.Bound("listUnreadItems", by.PersonID, by.Assignment))
	if err != nil {
		return nil, "", err
	}
	if all, err = listUnread(ctx, s.db, by, p); err != nil {
		return nil, "", err
	}
	all, next = page.Cut(all, p, func(u Unread) (time.Time, int64) { return u.Since, int64(u.PersonID) })
	return all, next, nil
}

// ApproveItems says that by has read the service items of person in version, and that they may be shown.
func (s *Service) ApproveItems(ctx context.Context, by org.Actor, person org.PersonID, version int64) error {
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), nil, func() error {
			u, err := findUnread(ctx, tx, by, person)
			if err != nil {
				return err
			}
			if err := u.canApprove(by, version); err != nil {
				return err
			}
			for i := range u.Items {
				u.Items[i].Unread = false
			}
			audit.Note(tx, by.Did("profile.items_approved", "public_profile", int64(person)))
			return saveRead(ctx, tx, u.Profile)
		})
	})
}
