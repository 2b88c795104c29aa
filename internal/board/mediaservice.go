package board

import (
	"context"
	"fmt"
	"slices"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
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

// pictures runs f once and returns what has become of the picture.
func (s *Service) pictures(ctx context.Context, by org.Actor, f func(tx *db.Tx) (MediaID, error)) (m Media, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		var id MediaID
		err := once.Do(ctx, tx, int64(by.PersonID), &id, func() (err error) {
			id, err = f(tx)
			return err
		})
		if err != nil {
			return err
		}
		m, err = s.media(ctx, tx, by, id)
		return err
	})
	return m, err
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
func (s *Service) ownShown(ctx context.Context, by org.Actor, f func(tx *db.Tx) (DepictedID, error)) (o OwnMedia, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		var id DepictedID
		err := once.Do(ctx, tx, int64(by.PersonID), &id, func() (err error) {
			id, err = f(tx)
			return err
		})
		if err != nil {
			return err
		}
		d, err := shownAs(ctx, tx, by.PersonID, id)
		if err != nil {
			return err
		}
		o, err = ownMedia(ctx, tx, d)
		return err
	})
	return o, err
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
		fit[m.ID] = agreed(m.Shown) && m.Picture.ID != 0 && !hidden[int64(m.ID)]
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
