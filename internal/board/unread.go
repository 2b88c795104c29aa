package board

import (
	"context"
	"slices"
	"strconv"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/privacy"
)

// An Unread is a choice with service items that wait for somebody to read them. Whose it is does not matter for that.
type Unread struct {
	Profile
	Since time.Time `db:"unread_since"`
}

// texts are those that wait.
func (u Unread) texts() (all []string) {
	for _, it := range u.Items {
		if it.waits() {
			all = append(all, it.Text)
		}
	}
	return all
}

// canJudge says why by cannot say whether the items of u are fit to be shown, as they stand in version, or nil: nobody does
// so for their own (H2).
func (u Unread) canJudge(by org.Actor, version int64) error {
	if guard.On(guard.Rule) && u.PersonID == by.PersonID {
		return ErrOwnWork
	}
	return asRead(u.Version, version)
}

// unfit marks those of the items of u that say texts as not fit to be shown.
func (u Unread) unfit(texts []string, reason string) error {
	for i, text := range texts {
		at := slices.IndexFunc(u.Items, func(it Item) bool { return it.Text == text && it.waits() })
		if at < 0 {
			return problem.ErrInvalid.Field("/texts/"+strconv.Itoa(i), problem.ErrInvalid.Code)
		}
		u.Items[at].Returned = reason
	}
	return nil
}

// UnreadItems is a page of the service items that wait for an editor in by's subdistrict, the cursor behind it, and how many
// people's wait in all.
func (s *Service) UnreadItems(ctx context.Context, by org.Actor, cursor string, size int) (all []Unread, next string, waiting int, err error) {
	p, err := s.pages.Parse(cursor, size, page.Bound("listUnreadItems", by.PersonID, by.Assignment))
	if err != nil {
		return nil, "", 0, err
	}
	if all, err = listUnread(ctx, s.db, by, p); err != nil {
		return nil, "", 0, err
	}
	if waiting, err = countUnread(ctx, s.db, by); err != nil {
		return nil, "", 0, err
	}
	all, next = page.Cut(all, p, func(u Unread) (time.Time, int64) { return u.Since, int64(u.PersonID) })
	return all, next, waiting, nil
}

// ApproveItems says that by has read the service items of person in version, and that they may be shown.
func (s *Service) ApproveItems(ctx context.Context, by org.Actor, person org.PersonID, version int64) error {
	return s.judgeItems(ctx, by, person, version, func(tx *db.Tx, u Unread) error {
		for i, it := range u.Items {
			u.Items[i].Unread = it.Returned != ""
		}
		audit.Note(tx, by.Did("profile.items_approved", "public_profile", int64(person)))
		return nil
	})
}

// ReturnItems says that by has read the service items of person in version, and that those with texts are not fit to be shown.
// Their person is told, and reads why beside them; the others go on waiting.
func (s *Service) ReturnItems(ctx context.Context, by org.Actor, person org.PersonID, version int64, texts []string, reason string) error {
	if err := privacy.CheckText("/reason", reason); err != nil {
		return err
	}
	return s.judgeItems(ctx, by, person, version, func(tx *db.Tx, u Unread) error {
		if err := u.unfit(texts, reason); err != nil {
			return err
		}
		audit.Note(tx, by.Did("profile.items_returned", "public_profile", int64(person)).For("", reason))
		return notify.Tell(ctx, tx, notify.Persons(person), notify.Item{
			Kind: "items.returned", Ref: notify.Ref{Type: "person", ID: int64(person)}, By: by,
			Args: map[string]any{"kindLabel": "服务事项", "count": len(texts), "at": tx.Now},
		})
	})
}

// judgeItems keeps what f makes of the items that wait of person in version, once.
func (s *Service) judgeItems(ctx context.Context, by org.Actor, person org.PersonID, version int64, f func(tx *db.Tx, u Unread) error) error {
	return once.InTx(ctx, s.db, int64(by.PersonID), nil, func(tx *db.Tx) error {
		u, err := findUnread(ctx, tx, by, person)
		if err != nil {
			return err
		}
		if err := u.canJudge(by, version); err != nil {
			return err
		}
		if err := f(tx, u); err != nil {
			return err
		}
		return saveRead(ctx, tx, u)
	})
}
