package board

import (
	"context"
	"fmt"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
	"wanjia/internal/upload"
)

// list makes who is shown in a subject those that by names, and tells members that they are.
func (s *Service) list(ctx context.Context, tx *db.Tx, by org.Actor, in subject, named []Named) error {
	was, err := depictedIn(ctx, tx, in.kind, []int64{in.id})
	if err != nil {
		return err
	}
	old := map[DepictedID]Depicted{}
	for _, d := range was[in.id] {
		old[d.ID] = d
	}
	persons := map[org.PersonID]bool{}
	for i, n := range named {
		pointer := fmt.Sprintf("/shown/%d", i)
		if err := n.check(pointer); err != nil {
			return err
		}
		if n.ID != 0 {
			d, there := old[n.ID]
			if !there {
				return problem.ErrNotFound
			}
			if delete(old, n.ID); d.PersonID != nil {
				persons[*d.PersonID] = true
			}
			continue
		}
		if persons[n.Person] && n.Person != 0 {
			return ErrDepicted.Field(pointer, ErrDepicted.Code)
		}
		persons[n.Person] = true
		if err := s.add(ctx, tx, by, in, n); err != nil {
			return err
		}
	}
	for _, d := range old {
		if guard.On(guard.Rule) && !d.canLeave() {
			return ErrDepicted.Field("/shown", ErrDepicted.Code)
		}
		if err := removeDepicted(ctx, tx, d.ID); err != nil {
			return err
		}
	}
	return nil
}

// add puts somebody on the list of a subject.
func (s *Service) add(ctx context.Context, tx *db.Tx, by org.Actor, in subject, n Named) error {
	d := Depicted{OwnerType: in.kind, OwnerID: in.id, Kind: OfAccount, Paper: n.Paper}
	switch {
	case n.Paper != "":
		d.Kind = OnPaper
	case n.Person != 0:
		if n.Person != by.PersonID {
			below, err := org.StandsBelow(ctx, tx, by, n.Person, calendar.DayOf(tx.Now))
			if err != nil {
				return err
			}
			if !below {
				return problem.ErrNotFound
			}
		}
		d.Kind, d.PersonID = OfMember, &n.Person
	}
	id, err := insertDepicted(ctx, tx, s.keys, by, d)
	if err != nil || d.PersonID == nil || n.Person == by.PersonID {
		return err
	}
	label := map[string]string{inMedia: "照片", inPublication: "故事"}[in.kind]
	return notify.Tell(ctx, tx, notify.Persons(n.Person), notify.Item{
		Kind: "media.shown", Ref: notify.Ref{Type: "depicted", ID: int64(id)}, By: by, Args: map[string]any{"kindLabel": label, "at": tx.Now},
	})
}

// WithdrawShown writes down that somebody on a picture says no.
func (s *Service) WithdrawShown(ctx context.Context, by org.Actor, id MediaID, who DepictedID) (Media, error) {
	return s.pictures(ctx, by, func(tx *db.Tx) (MediaID, error) {
		m, err := findMedia(ctx, tx, by, id)
		if err != nil {
			return 0, err
		}
		return id, s.saysNo(ctx, tx, by, m.AuthorID, id.subject(), who)
	})
}

// WithdrawNamed writes down that somebody named in a story says no.
func (s *Service) WithdrawNamed(ctx context.Context, by org.Actor, id PublicationID, who DepictedID) (Publication, error) {
	return s.publish(ctx, by, func(tx *db.Tx) (PublicationID, error) {
		p, err := findPublication(ctx, tx, by, id)
		if err != nil {
			return 0, err
		}
		return id, s.saysNo(ctx, tx, by, p.AuthorID, id.subject(), who)
	})
}

// saysNo writes down the no of somebody else.
func (s *Service) saysNo(ctx context.Context, tx *db.Tx, by org.Actor, author org.PersonID, in subject, who DepictedID) error {
	if err := mayTakeAway(by, author); err != nil {
		return err
	}
	d, err := shownIn(ctx, tx, in, who)
	if err != nil {
		return err
	}
	return refuse(ctx, tx, by, d)
}

// refuse ends d, and with it what shows them.
func refuse(ctx context.Context, tx *db.Tx, by org.Actor, d Depicted) error {
	if err := noteNo(ctx, tx, d); err != nil {
		return err
	}
	audit.Note(tx, by.Did("media.refused", d.OwnerType, d.OwnerID))
	return saveEnd(ctx, tx, subject{d.OwnerType, d.OwnerID})
}

// readCodes adds to those who have still to say yes the codes that their author hands them.
func (s *Service) readCodes(by org.Actor, author org.PersonID, all []Depicted) error {
	for i, d := range all {
		if author != by.PersonID || d.CodeSealed == nil || d.PersonID != nil || d.EndedAt != nil {
			continue
		}
		code, err := s.keys.Open(sealed.Personal, "depicted", "code_sealed", int64(d.ID), d.CodeSealed)
		if err != nil {
			return err
		}
		all[i].Code = Code(code)
	}
	return nil
}

// An OwnMedia is a picture or a story as somebody who is shown in it sees it.
type OwnMedia struct {
	Depicted
	Title   string
	Text    string
	Public  bool
	Picture upload.Upload
}

// OwnMedia is a page of what shows by, and the cursor behind it.
func (s *Service) OwnMedia(ctx context.Context, by org.Actor, cursor string, size int) (all []OwnMedia, next string, err error) {
	p, err := s.pages.Parse(cursor, size, page.Bound("listMyMedia", by.PersonID))
	if err != nil {
		return nil, "", err
	}
	rows, err := depictedAs(ctx, s.db, by.PersonID, p)
	if err != nil {
		return nil, "", err
	}
	rows, next = page.Cut(rows, p, func(d Depicted) (time.Time, int64) { return time.UnixMilli(0), int64(d.ID) })
	for _, d := range rows {
		o, err := ownMedia(ctx, s.db, d)
		if err != nil {
			return nil, "", err
		}
		all = append(all, o)
	}
	return all, next, nil
}

// ownMedia is what shows d.
func ownMedia(ctx context.Context, q db.Queryer, d Depicted) (OwnMedia, error) {
	if d.OwnerType == inPublication {
		p, err := publicationByID(ctx, q, PublicationID(d.OwnerID))
		return OwnMedia{Depicted: d, Title: p.Title, Text: p.Text, Public: p.State == PublicationPublished && p.EndedAt == nil}, err
	}
	m, err := mediaByID(ctx, q, MediaID(d.OwnerID))
	if err != nil {
		return OwnMedia{}, err
	}
	one := []Media{m}
	err = complete(ctx, q, one)
	public := m.PublicationState != nil && *m.PublicationState == PublicationPublished && m.EndedAt == nil
	return OwnMedia{Depicted: d, Title: m.Caption, Public: public, Picture: one[0].Picture}, err
}

// Agree is by's yes to a picture or story, with the code that they were handed.
func (s *Service) Agree(ctx context.Context, by org.Actor, typed string) (OwnMedia, error) {
	return s.ownShown(ctx, by, func(tx *db.Tx) (DepictedID, error) {
		d, err := shownByCode(ctx, tx, s.keys, parseCode(typed))
		if err != nil {
			return 0, err
		}
		beside, err := depictedIn(ctx, tx, d.OwnerType, []int64{d.OwnerID})
		if err != nil {
			return 0, err
		}
		if err := d.canTake(by, beside[d.OwnerID]); err != nil {
			return 0, err
		}
		if err := takeCode(ctx, tx, by, d); err != nil {
			return 0, err
		}
		audit.Note(tx, by.Did("media.agreed", d.OwnerType, d.OwnerID))
		if err := agreeToOne(ctx, tx, by, d.ID); err != nil {
			return 0, err
		}
		return d.ID, revive(ctx, tx, by.PersonID)
	})
}

// agreeToOne is by's yes to one entry. Whoever did not consent until now says yes to nothing else that shows them: that
// stays out of sight, and for each of these they have said no.
func agreeToOne(ctx context.Context, tx *db.Tx, by org.Actor, id DepictedID) error {
	gave, err := privacy.Gave(ctx, tx, by.PersonID, privacy.ForMedia)
	if err != nil || gave {
		return err
	}
	others, err := othersOf(ctx, tx, by.PersonID, id)
	if err != nil {
		return err
	}
	for _, d := range others {
		if err := refuse(ctx, tx, by, d); err != nil {
			return err
		}
	}
	return privacy.Agree(ctx, tx, by, privacy.ForMedia)
}

// Refuse is by's no to one picture or story that shows them.
func (s *Service) Refuse(ctx context.Context, by org.Actor, id DepictedID) (OwnMedia, error) {
	return s.ownShown(ctx, by, func(tx *db.Tx) (DepictedID, error) {
		d, err := shownAs(ctx, tx, by.PersonID, id)
		if err != nil {
			return 0, err
		}
		return id, refuse(ctx, tx, by, d)
	})
}

// ownShown runs f once and returns what has become of what shows by.
func (s *Service) ownShown(ctx context.Context, by org.Actor, f func(tx *db.Tx) (DepictedID, error)) (OwnMedia, error) {
	return acted(ctx, s, by, f, func(ctx context.Context, q db.Queryer, by org.Actor, id DepictedID) (OwnMedia, error) {
		d, err := shownAs(ctx, q, by.PersonID, id)
		if err != nil {
			return OwnMedia{}, err
		}
		return ownMedia(ctx, q, d)
	})
}

// ConsentSaid hears of a consent that was given or withdrawn, in its transaction: from a withdrawal on runs the time for
// which what rested on it is still kept. That it is shown no longer needs nobody: public pages ask each time.
func ConsentSaid(ctx context.Context, tx *db.Tx, c privacy.Consent) error {
	switch c.Purpose {
	case privacy.ForPortrait:
		return keepPortrait(ctx, tx, c.PersonID, c.State == privacy.Given)
	case privacy.ForMedia:
	default:
		return nil
	}
	if c.State == privacy.Given {
		return revive(ctx, tx, c.PersonID)
	}
	all, err := subjectsOf(ctx, tx, c.PersonID)
	if err != nil {
		return err
	}
	for _, s := range all {
		if err := saveEnd(ctx, tx, s); err != nil {
			return err
		}
	}
	return nil
}

// revive keeps what shows a person who consents again, if everybody else there agrees.
func revive(ctx context.Context, tx *db.Tx, person org.PersonID) error {
	all, err := subjectsOf(ctx, tx, person)
	if err != nil {
		return err
	}
	for _, s := range all {
		shown, err := depictedIn(ctx, tx, s.kind, []int64{s.id})
		if err != nil {
			return err
		}
		if !agreed(shown[s.id]) {
			continue
		}
		if err := saveRevival(ctx, tx, s); err != nil {
			return err
		}
	}
	return nil
}
