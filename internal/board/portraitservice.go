package board

import (
	"context"
	"fmt"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/privacy"
	"wanjia/internal/upload"
)

// onProfile is what a portrait hangs on: its person.
const onProfile = "portrait"

func portraitOf(person org.PersonID) upload.Owner {
	return upload.Owner{Type: onProfile, ID: int64(person)}
}

// portraitsOf are the portraits of those of persons who have chosen to show theirs, and consent to it (E4).
func portraitsOf(ctx context.Context, q db.Queryer, persons []org.PersonID) (map[org.PersonID]upload.Upload, error) {
	shown := map[org.PersonID]upload.Upload{}
	if len(persons) == 0 {
		return shown, nil
	}
	profiles, err := profilesOf(ctx, q, persons)
	if err != nil {
		return nil, err
	}
	agree, err := privacy.GaveOf(ctx, q, persons, privacy.ForPortrait)
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, p := range persons {
		if profiles[p].ShowsPortrait && agree[p] {
			ids = append(ids, int64(p))
		}
	}
	files, err := upload.OfAll(ctx, q, onProfile, ids)
	for p, u := range files {
		shown[org.PersonID(p)] = u
	}
	return shown, err
}

// OwnPortrait is the portrait that by has sent, shown or not; without an id if there is none.
func (s *Service) OwnPortrait(ctx context.Context, by org.Actor) (upload.Upload, error) {
	files, err := upload.OfAll(ctx, s.db, onProfile, []int64{int64(by.PersonID)})
	return files[int64(by.PersonID)], err
}

// SetPortrait makes a picture that by has sent their portrait.
func (s *Service) SetPortrait(ctx context.Context, by org.Actor, id upload.ID) (u upload.Upload, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		old, err := upload.Of(ctx, tx, portraitOf(by.PersonID))
		if err != nil {
			return err
		}
		for _, was := range old {
			if was.ID == id { // it is already
				u = was
				return nil
			}
			if err := s.uploads.Remove(ctx, tx, by, was); err != nil {
				return err
			}
		}
		if err := upload.Attach(ctx, tx, by, portraitOf(by.PersonID), []upload.ID{id}); err != nil {
			return err
		}
		gave, err := privacy.Gave(ctx, tx, by.PersonID, privacy.ForPortrait)
		if err != nil {
			return err
		}
		if err := keepPortrait(ctx, tx, by.PersonID, gave); err != nil {
			return err
		}
		audit.Note(tx, by.Did("profile.portrait_set", "public_profile", int64(by.PersonID)))
		u, err = upload.FindOf(ctx, tx, portraitOf(by.PersonID), id)
		return err
	})
	return u, err
}

// RemovePortrait takes by's portrait back for good.
func (s *Service) RemovePortrait(ctx context.Context, by org.Actor) error {
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		old, err := upload.Of(ctx, tx, portraitOf(by.PersonID))
		if err != nil || len(old) == 0 {
			return err
		}
		audit.Note(tx, by.Did("profile.portrait_removed", "public_profile", int64(by.PersonID)))
		for _, was := range old {
			if err := s.uploads.Remove(ctx, tx, by, was); err != nil {
				return err
			}
		}
		return nil
	})
}

// keepPortrait says how long a person's portrait stays: as long as they consent, and for a while without.
func keepPortrait(ctx context.Context, tx *db.Tx, person org.PersonID, gave bool) error {
	if gave {
		return upload.DropAt(ctx, tx, portraitOf(person), nil)
	}
	until := tx.Now.Add(endedKept)
	return upload.DropAt(ctx, tx, portraitOf(person), &until)
}

// forgetPortraits lets the portraits go of persons whose choice is forgotten.
func forgetPortraits(ctx context.Context, tx *db.Tx, persons []int64) error {
	for _, p := range persons {
		if err := upload.DropAt(ctx, tx, portraitOf(org.PersonID(p)), &tx.Now); err != nil {
			return err
		}
	}
	return nil
}

// BoardPortrait is a portrait that a board shows now, as a file.
func (s *Service) BoardPortrait(ctx context.Context, id ID, portrait upload.ID) ([]byte, error) {
	if err := s.open(ctx, PageRef{Kind: BoardPage, ID: int64(id)}); err != nil {
		return nil, err
	}
	b, err := boardByID(ctx, s.db, id)
	if err != nil {
		return nil, err
	}
	all, err := contents(ctx, s.db, []Board{b}, calendar.DayOf(s.db.Now()))
	if err != nil {
		return nil, err
	}
	for _, h := range all[id].Holders {
		if h.Portrait != 0 && h.Portrait == portrait {
			u, err := upload.FindOf(ctx, s.db, portraitOf(h.Person), portrait)
			if err != nil {
				return nil, err
			}
			return s.uploads.Picture(ctx, u)
		}
	}
	return nil, problem.ErrNotFound
}

// PlaquePortrait is the portrait beside a plaque on the public list, as a file.
func (s *Service) PlaquePortrait(ctx context.Context, id PlaqueID) ([]byte, error) {
	at, err := placeOfPage(ctx, s.db, PageRef{Kind: PlaquePage, ID: int64(id)})
	if err != nil {
		return nil, err
	}
	for _, p := range []PageRef{{PlaquePage, int64(id)}, {PlaquesPage, int64(at.unit)}} {
		if err := s.open(ctx, p); err != nil {
			return nil, err
		}
	}
	person, err := bearerOf(ctx, s.db, id)
	if err != nil {
		return nil, err
	}
	agrees, err := privacy.Gave(ctx, s.db, person, privacy.ForPlaque)
	if err != nil {
		return nil, err
	}
	faces, err := portraitsOf(ctx, s.db, []org.PersonID{person})
	if err != nil {
		return nil, err
	}
	u, there := faces[person]
	if !there || !agrees {
		return nil, problem.ErrNotFound
	}
	return s.uploads.Picture(ctx, u)
}

// boardPortrait is where everybody sees a portrait on a board; plaquePortrait is where beside a plaque. Another picture
// has another address, so that no cache shows the old one.
func boardPortrait(id ID, portrait upload.ID) string {
	return fmt.Sprintf("/b/%d/portrait/%d", id, portrait)
}

func plaquePortrait(id PlaqueID) string { return fmt.Sprintf("/p/portrait/%d", id) }
