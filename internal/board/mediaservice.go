package board

import (
	"context"
	"fmt"
	"slices"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/upload"
)

// Picturing gives s the pictures that people send.
func (s *Service) Picturing(uploads *upload.Service) *Service {
	s.uploads = uploads
	return s
}

// Picture makes a picture that by has sent one to publish.
func (s *Service) Picture(ctx context.Context, by org.Actor, file upload.ID, m Media, shown []Named) (Media, error) {
	if err := m.check(); err != nil {
		return Media{}, err
	}
	return s.pictures(ctx, by, func(tx *db.Tx) (id MediaID, err error) {
		if m.UnitID, err = s.whereto(ctx, tx, by, m); err != nil {
			return 0, err
		}
		if id, err = insertMedia(ctx, tx, by, m); err != nil {
			return 0, err
		}
		if err := upload.Attach(ctx, tx, by, id.picture(), []upload.ID{file}); err != nil {
			return 0, err
		}
		audit.Note(tx, by.Did("media.created", "media", int64(id)))
		return id, s.list(ctx, tx, by, id.subject(), shown)
	})
}

// whereto is whom a new picture of by is for: the same as its story, which takes nine.
func (s *Service) whereto(ctx context.Context, tx *db.Tx, by org.Actor, m Media) (org.UnitID, error) {
	if m.PublicationID == nil {
		return scopeOf(ctx, tx, by)
	}
	p, err := findPublication(ctx, tx, by, *m.PublicationID)
	if err != nil {
		return 0, err
	}
	if err := p.canChange(by); err != nil {
		return 0, err
	}
	all, err := mediaOf(ctx, tx, []PublicationID{p.ID})
	if err == nil && len(all) >= upload.MaxOf {
		err = upload.ErrTooMany
	}
	return p.UnitID, err
}

// ChangeMedia changes the words of an own picture and who is shown on it, if nobody has changed it since by read it.
func (s *Service) ChangeMedia(ctx context.Context, by org.Actor, m Media, shown []Named) (Media, error) {
	if err := m.check(); err != nil {
		return Media{}, err
	}
	return s.pictures(ctx, by, func(tx *db.Tx) (MediaID, error) {
		old, err := findMedia(ctx, tx, by, m.ID)
		if err != nil {
			return 0, err
		}
		if err := old.canChange(by); err != nil {
			return 0, err
		}
		if err := asRead(old.Version, m.Version); err != nil {
			return 0, err
		}
		if err := updateMedia(ctx, tx, m); err != nil {
			return 0, err
		}
		audit.Note(tx, by.Did("media.changed", "media", int64(m.ID)))
		return m.ID, s.list(ctx, tx, by, m.ID.subject(), shown)
	})
}

// Blacken blackens boxes of a picture, for good.
func (s *Service) Blacken(ctx context.Context, by org.Actor, id MediaID, boxes []upload.Box) (m Media, err error) {
	if _, err := s.uploads.Redact(ctx, by, boxes, func(q db.Queryer) (upload.Upload, error) {
		m, err := findMedia(ctx, q, by, id)
		if err != nil {
			return upload.Upload{}, err
		}
		if err := mayTakeAway(by, m.AuthorID); err != nil {
			return upload.Upload{}, err
		}
		files, err := upload.OfAll(ctx, q, inMedia, []int64{int64(id)})
		if u, there := files[int64(id)]; err != nil || there {
			return u, err
		}
		return upload.Upload{}, problem.ErrNotFound
	}); err != nil {
		return Media{}, err
	}
	return s.Media(ctx, by, id)
}

// RemoveMedia takes a picture away for good.
func (s *Service) RemoveMedia(ctx context.Context, by org.Actor, id MediaID) error {
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		m, err := findMedia(ctx, tx, by, id)
		if err != nil {
			return err
		}
		if err := mayTakeAway(by, m.AuthorID); err != nil {
			return err
		}
		audit.Note(tx, by.Did("media.removed", "media", int64(id)))
		return deleteMedia(ctx, tx, []int64{int64(id)})
	})
}

// pictures runs f once and returns what has become of the picture.
func (s *Service) pictures(ctx context.Context, by org.Actor, f func(tx *db.Tx) (MediaID, error)) (Media, error) {
	return acted(ctx, s, by, f, s.media)
}

func (s *Service) media(ctx context.Context, q db.Queryer, by org.Actor, id MediaID) (Media, error) {
	m, err := findMedia(ctx, q, by, id)
	if err != nil {
		return Media{}, err
	}
	one := []Media{m}
	if err := complete(ctx, q, one); err != nil {
		return Media{}, err
	}
	return one[0], s.readCodes(by, one[0].AuthorID, one[0].Shown)
}

// Media is a picture that by may see.
func (s *Service) Media(ctx context.Context, by org.Actor, id MediaID) (Media, error) {
	return s.media(ctx, s.db, by, id)
}

// AllMedia is a page of the pictures that by may see, and the cursor behind it.
func (s *Service) AllMedia(ctx context.Context, by org.Actor, cursor string, size int) (all []Media, next string, err error) {
	p, err := s.pages.Parse(cursor, size, page.Bound("listMedia", by.PersonID, by.Assignment))
	if err != nil {
		return nil, "", err
	}
	if all, err = listMedia(ctx, s.db, by, p); err != nil {
		return nil, "", err
	}
	all, next = page.Cut(all, p, func(m Media) (time.Time, int64) { return time.UnixMilli(0), int64(m.ID) })
	if err := complete(ctx, s.db, all); err != nil {
		return nil, "", err
	}
	for _, m := range all {
		if err := s.readCodes(by, m.AuthorID, m.Shown); err != nil {
			return nil, "", err
		}
	}
	return all, next, nil
}

// missing says whose consent is missing for p to be published, or nil: of who is named in it, and who is shown on its
// pictures (D15, E7).
func missing(p Publication) error {
	for i, d := range p.Shown {
		if !d.Agreed {
			return ErrConsentMissing.Field(fmt.Sprintf("/shown/%d", i), ErrConsentMissing.Code)
		}
	}
	for i, m := range p.Media {
		if !agreed(m.Shown) {
			return ErrConsentMissing.Field(fmt.Sprintf("/media/%d", i), ErrConsentMissing.Code)
		}
	}
	return nil
}

// filled are publications with their pictures, and who is shown.
func filled(ctx context.Context, q db.Queryer, all []Publication) error {
	ids, named := make([]PublicationID, len(all)), make([]int64, len(all))
	for i, p := range all {
		ids[i], named[i] = p.ID, int64(p.ID)
	}
	shown, err := depictedIn(ctx, q, inPublication, named)
	if err != nil {
		return err
	}
	pictures, err := mediaOf(ctx, q, ids)
	if err != nil {
		return err
	}
	if err := complete(ctx, q, pictures); err != nil {
		return err
	}
	of := map[PublicationID][]Media{}
	for _, m := range pictures {
		of[*m.PublicationID] = append(of[*m.PublicationID], m)
	}
	for i, p := range all {
		all[i].Shown, all[i].Media = shown[int64(p.ID)], of[p.ID]
	}
	return nil
}

// showable are those of publications that everybody may see, each with those of its pictures: where all agree, and nobody
// has asked to take it down.
func showable(ctx context.Context, q db.Queryer, all []Publication) (some []Publication, err error) {
	if err := filled(ctx, q, all); err != nil {
		return nil, err
	}
	var pictures []Media
	for _, p := range all {
		pictures = append(pictures, p.Media...)
	}
	fit, err := fitting(ctx, q, pictures)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		if !agreed(p.Shown) {
			continue
		}
		p.Media = slices.DeleteFunc(p.Media, func(m Media) bool { return !fit[m.ID] })
		some = append(some, p)
	}
	return some, nil
}

// fitting are those of pictures that may be shown: everybody on them agrees, and nobody has asked to take them down.
func fitting(ctx context.Context, q db.Queryer, all []Media) (map[MediaID]bool, error) {
	ids := make([]int64, len(all))
	for i, m := range all {
		ids[i] = int64(m.ID)
	}
	hidden, err := hiddenOf(ctx, q, MediaPage, ids)
	fit := make(map[MediaID]bool, len(all))
	for _, m := range all {
		fit[m.ID] = agreed(m.Shown) && m.Picture.ID != 0 && hidden[int64(m.ID)] == ""
	}
	return fit, err
}

// ShownPicture is a picture that everybody may see now, as a file.
func (s *Service) ShownPicture(ctx context.Context, id MediaID) ([]byte, error) {
	m, err := mediaByID(ctx, s.db, id)
	if err != nil {
		return nil, err
	}
	if m.PublicationID == nil {
		return nil, problem.ErrNotFound
	}
	p, err := s.Shown(ctx, *m.PublicationID)
	if err != nil {
		return nil, err
	}
	for _, m := range p.Media {
		if m.ID == id {
			return s.uploads.Picture(ctx, m.Picture)
		}
	}
	return nil, problem.ErrNotFound
}
