package request

import (
	"context"
	"errors"
	"slices"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/upload"
)

// Photos are the pictures that hang on requests: at most nine, never asked for, gone 180 days after closing.
type Photos struct {
	db      *db.DB
	uploads *upload.Service
	reopens time.Duration
}

// NewPhotos makes Photos.
func NewPhotos(d *db.DB, uploads *upload.Service) *Photos { return &Photos{d, uploads, reopensFor} }

// ReopeningFor is p where requests can be opened again for another time after their end than 30 days (O13).
func (p *Photos) ReopeningFor(window time.Duration) *Photos {
	p.reopens = window
	return p
}

// photosKept is how long pictures stay when a request has been closed (domain.md §9.1).
const photosKept = 180 * 24 * time.Hour

// picturesOf is what the pictures of a request hang on.
func picturesOf(id ID) upload.Owner { return upload.Owner{Type: "request", ID: int64(id)} }

// keepPhotos says how long the pictures of r stay: as long as it is open, or goes on as another request, and a while longer.
func keepPhotos(ctx context.Context, tx *db.Tx, r Request) error {
	switch {
	case r.State == Merged: // those of what is merged into it stay already
		return upload.DropAt(ctx, tx, picturesOf(r.ID), nil)
	case r.ClosedAt != nil:
		at := r.ClosedAt.Add(photosKept)
		return photosGo(ctx, tx, r.ID, &at)
	case r.State == Reopened:
		return photosGo(ctx, tx, r.ID, nil)
	}
	return nil // it has not been closed
}

// photosGo makes the pictures of a request, and of what goes on as it, go from a moment on; nil: they stay.
func photosGo(ctx context.Context, tx *db.Tx, id ID, at *time.Time) error {
	ids, err := goingOnAs(ctx, tx, id)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := upload.DropAt(ctx, tx, picturesOf(id), at); err != nil {
			return err
		}
	}
	return nil
}

// looksAhead is how long before pictures go it is looked whether they may: longer than any standstill.
const looksAhead = 30 * 24 * time.Hour

// KeepPhotos keeps the pictures of needs that go on as open ones, of which it was said, before they were kept for as long, when
// they go; and says whether there were any. Any number of nodes may do so at one time.
func (s *Service) KeepPhotos(ctx context.Context) (some bool, err error) {
	ids, err := losingPhotos(ctx, s.db, s.db.Now().Add(looksAhead))
	if err != nil {
		return false, err
	}
	return len(ids) > 0, db.Each(ctx, ids, func(id ID) error {
		return s.db.InTx(ctx, func(tx *db.Tx) error {
			on, err := holdGoingOn(ctx, tx, id)
			if err != nil || !on.State.Open() { // it has ended meanwhile, and has said when they go
				return err
			}
			return upload.DropAt(ctx, tx, picturesOf(id), nil)
		})
	})
}

// dropPhotos lets the pictures of requests go at once.
func dropPhotos(ctx context.Context, tx *db.Tx, requests []int64, _ time.Time) error {
	for _, id := range requests {
		if err := upload.DropAt(ctx, tx, picturesOf(ID(id)), &tx.Now); err != nil {
			return err
		}
	}
	return nil
}

// mayShow says why by sees no pictures of the request, or nil: who sees it does (V1), and its askers see their own.
func (p *Photos) mayShow(ctx context.Context, q db.Queryer, by org.Actor, id ID) (own bool, err error) {
	if _, err = findSeen(ctx, q, by, id, p.reopens); !errors.Is(err, problem.ErrNotFound) {
		return false, err
	}
	_, err = findFollowed(ctx, q, by.PersonID, id)
	return err == nil, err
}

// mayTouch says why by changes none of a request's pictures, and whether only their own: its holder changes them, and its
// askers those that they have sent; after it was closed as well, for what should not be seen must go at any time.
func (p *Photos) mayTouch(ctx context.Context, q db.Queryer, by org.Actor, id ID) (own bool, err error) {
	r, err := findSeen(ctx, q, by, id, p.reopens)
	if err == nil {
		if err = r.mayAct(by); err == nil {
			return false, nil
		}
	} else if !errors.Is(err, problem.ErrNotFound) {
		return false, err
	}
	switch _, asks := findFollowed(ctx, q, by.PersonID, id); {
	case errors.Is(asks, problem.ErrNotFound):
		return false, err
	case asks != nil:
		return false, asks
	}
	return true, nil
}

// of are the pictures of a request; their own alone if by is one of those who ask for it: the others' are their own.
func (p *Photos) of(ctx context.Context, q db.Queryer, by org.Actor, id ID, own bool) ([]upload.Upload, error) {
	all, err := upload.Of(ctx, q, picturesOf(id))
	if own {
		all = slices.DeleteFunc(all, func(u upload.Upload) bool { return u.PersonID != by.PersonID })
	}
	return all, err
}

// Add hangs pictures that by has sent on a request.
func (p *Photos) Add(ctx context.Context, by org.Actor, id ID, ids []upload.ID) (all []upload.Upload, err error) {
	err = p.db.InTx(ctx, func(tx *db.Tx) error {
		own, err := p.mayTouch(ctx, tx, by, id)
		if err != nil {
			return err
		}
		r, err := hold(ctx, tx, id)
		if err != nil { // it does not end meanwhile, and say for its pictures alone when they go
			return err
		}
		if err := r.anyOpen(); err != nil {
			return err
		}
		fresh, err := p.fresh(ctx, tx, id, ids)
		if err != nil {
			return err
		}
		if len(fresh) > 0 { // else it is a repeat, which changes nothing
			if err := upload.Attach(ctx, tx, by, picturesOf(id), fresh); err != nil {
				return err
			}
			audit.Note(tx, by.Did("request.photos_added", "request", int64(id)))
		}
		all, err = p.of(ctx, tx, by, id, own)
		return err
	})
	return all, err
}

// fresh are those of ids that do not hang on the request yet.
func (p *Photos) fresh(ctx context.Context, q db.Queryer, id ID, ids []upload.ID) (rest []upload.ID, err error) {
	all, err := upload.Of(ctx, q, picturesOf(id))
	if err != nil {
		return nil, err
	}
	there := map[upload.ID]bool{}
	for _, u := range all {
		there[u.ID] = true
	}
	for _, x := range ids {
		if !there[x] {
			there[x] = true
			rest = append(rest, x)
		}
	}
	return rest, nil
}

// List shows the pictures of a request to who may see it. It is noted first (X41).
func (p *Photos) List(ctx context.Context, by org.Actor, id ID) (all []upload.Upload, err error) {
	err = p.db.InTx(ctx, func(tx *db.Tx) error {
		own, err := p.mayShow(ctx, tx, by, id)
		if err != nil {
			return err
		}
		audit.Note(tx, by.Did("request.photos_read", "request", int64(id)).Showing("photos"))
		all, err = p.of(ctx, tx, by, id, own)
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// Redact blackens boxes of a picture of a request, for good.
func (p *Photos) Redact(ctx context.Context, by org.Actor, id ID, photo upload.ID, boxes []upload.Box) (upload.Upload, error) {
	return p.uploads.Redact(ctx, by, boxes, func(q db.Queryer) (upload.Upload, error) {
		own, err := p.mayTouch(ctx, q, by, id)
		if err != nil {
			return upload.Upload{}, err
		}
		u, err := upload.FindOf(ctx, q, picturesOf(id), photo)
		if err == nil && own && u.PersonID != by.PersonID { // they know of none but their own
			return upload.Upload{}, problem.ErrNotFound
		}
		return u, err
	})
}

// Remove deletes a picture of a request.
func (p *Photos) Remove(ctx context.Context, by org.Actor, id ID, photo upload.ID) error {
	return p.db.InTx(ctx, func(tx *db.Tx) error {
		own, err := p.mayTouch(ctx, tx, by, id)
		if err != nil {
			return err
		}
		u, err := upload.FindOf(ctx, tx, picturesOf(id), photo)
		if err != nil {
			return err
		}
		switch {
		case u.PersonID == by.PersonID:
		case own: // they know of none but their own
			return problem.ErrNotFound
		default: // who sent it takes it back; the holder blackens
			return problem.ErrForbidden
		}
		return p.uploads.Remove(ctx, tx, by, u)
	})
}
