package board

import (
	"context"
	"slices"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/wechat"
	"wanjia/internal/privacy"
)

// PublicationID names a notice or a story.
type PublicationID int64

// What publications refuse.
var (
	ErrOwnWork = problem.New(problem.Forbidden, "board.own_work")
	ErrDays    = problem.New(problem.Invalid, "board.days_invalid")
)

// A PublicationKind says what it is.
type PublicationKind string

// The kinds. A notice (公示) ends, a story (故事) does not.
const (
	Notice PublicationKind = "notice"
	Story  PublicationKind = "story"
)

// The states of a publication (domain.md §5.2).
const (
	PublicationDraft     State = "draft"
	PublicationSubmitted State = "submitted"
	PublicationPublished State = "published"
	PublicationReturned  State = "returned"
	PublicationHidden    State = "hidden"
	PublicationRemoved   State = "removed"
)

// afterwards are the states that each may be followed by.
var afterwards = map[State][]State{
	PublicationDraft:     {PublicationSubmitted},
	PublicationReturned:  {PublicationSubmitted},
	PublicationSubmitted: {PublicationPublished, PublicationReturned},
	PublicationPublished: {PublicationHidden},
	PublicationHidden:    {PublicationPublished, PublicationRemoved},
}

// A Publication is a notice or a story for a place.
type Publication struct {
	ID          PublicationID   `db:"id"`
	Kind        PublicationKind `db:"kind"`
	UnitID      org.UnitID      `db:"unit_id"` // whom it is for
	UnitName    string          `db:"unit_name"`
	Title       string          `db:"title"`
	Text        string          `db:"body"`
	StartOn     calendar.Day    `db:"start_on"`
	EndOn       *calendar.Day   `db:"end_on"` // the last day on which it is shown
	State       State           `db:"state"`
	AuthorID    org.PersonID    `db:"author_id"`
	PublishedAt *time.Time      `db:"published_at"`
	Reason      string          `db:"reason"`
	EndedAt     *time.Time      `db:"ended_at"`   // since when somebody in it has said no
	CheckedAt   *time.Time      `db:"checked_at"` // when WeChat found nothing in what was submitted; nil: only a person can have read it
	Version     int64           `db:"version"`

	Shown  []Depicted `db:"-"` // who is named in it
	Media  []Media    `db:"-"`
	Hidden State      `db:"-"` // of the takedown that hides its page; "": none
}

// check says why p cannot be kept, or nil.
func (p Publication) check() error {
	if err := privacy.CheckText("/title", p.Title); err != nil {
		return err
	}
	if err := privacy.CheckText("/text", p.Text); err != nil {
		return err
	}
	if _, err := calendar.ParseDay(string(p.StartOn)); err != nil {
		return ErrDays.Field("/startOn", ErrDays.Code)
	}
	switch {
	case p.Kind == Story && p.EndOn == nil:
		return nil
	case p.Kind == Story, p.EndOn == nil, *p.EndOn < p.StartOn:
		return ErrDays.Field("/endOn", ErrDays.Code)
	}
	if _, err := calendar.ParseDay(string(*p.EndOn)); err != nil {
		return ErrDays.Field("/endOn", ErrDays.Code)
	}
	return nil
}

// canBecome says why p cannot go on to next, or nil.
func (p Publication) canBecome(next State) error {
	if guard.On(guard.Rule) && !slices.Contains(afterwards[p.State], next) {
		return ErrIllegalTransition.With("state", string(p.State))
	}
	return nil
}

// canSubmit says why by cannot hand p to the editors, or nil.
func (p Publication) canSubmit(by org.Actor) error {
	if guard.On(guard.Rule) && p.AuthorID != by.PersonID {
		return problem.ErrForbidden
	}
	return p.canBecome(PublicationSubmitted)
}

// canDecide says why by cannot take p to next as its editor, or nil: nobody publishes what they wrote themselves (H2).
func (p Publication) canDecide(by org.Actor, next State) error {
	if guard.On(guard.Rule) && next == PublicationPublished && p.AuthorID == by.PersonID {
		return ErrOwnWork
	}
	return p.canBecome(next)
}

// asRead says that what is being changed is not what was read any more, with both versions, or nil.
func asRead(now, read int64) error {
	if now != read {
		return problem.Stale(read, now)
	}
	return nil
}

// canChange says why by cannot change p, or nil.
func (p Publication) canChange(by org.Actor) error {
	switch {
	case guard.On(guard.Rule) && p.AuthorID != by.PersonID:
		return problem.ErrForbidden
	case p.State != PublicationDraft && p.State != PublicationReturned:
		return ErrIllegalTransition.With("state", string(p.State))
	}
	return nil
}

// everything are the roles that see all publications of the subdistrict; the others see their own.
var everything = []org.Role{org.RoleEditor, org.RolePartyOffice, org.RoleCommitteeSecretary}

// scopeOf is whom a publication of by is for: their place, or the subdistrict if they work there.
func scopeOf(ctx context.Context, q db.Queryer, by org.Actor) (org.UnitID, error) {
	day := calendar.DayOf(db.NowOf(q))
	grid := by.Grid
	if grid.ID == 0 { // a group of members answers for nothing: the branch above it does
		line, err := org.Line(ctx, q, by.Unit)
		if err != nil {
			return 0, err
		}
		slices.SortFunc(line, func(a, b org.Unit) int { return len(b.Path) - len(a.Path) })
		for _, u := range line {
			if grid, err = org.LinkedGrid(ctx, q, u.ID, day); err != nil {
				return 0, err
			}
			if grid.ID != 0 {
				break
			}
		}
	}
	if grid.ID != 0 {
		if at, err := org.PlaceOf(ctx, q, grid); err != nil || at.ID != 0 {
			return at.ID, err
		}
	}
	sub, _, err := org.SubdistrictOf(ctx, q, by, day)
	return sub.ID, err
}

// Write keeps a draft of by, which names those of the list.
func (s *Service) Write(ctx context.Context, by org.Actor, p Publication, named []Named) (Publication, error) {
	if err := p.check(); err != nil {
		return Publication{}, err
	}
	return s.publish(ctx, by, func(tx *db.Tx) (id PublicationID, err error) {
		if p.UnitID, err = scopeOf(ctx, tx, by); err != nil {
			return 0, err
		}
		if id, err = insertPublication(ctx, tx, by, p); err != nil {
			return 0, err
		}
		audit.Note(tx, by.Did("publication.drafted", "publication", int64(id)))
		return id, s.list(ctx, tx, by, id.subject(), named)
	})
}

// Rewrite changes an own draft, if nobody has changed it since by read it; nil: who is named stays.
func (s *Service) Rewrite(ctx context.Context, by org.Actor, p Publication, named []Named) (Publication, error) {
	return s.publish(ctx, by, func(tx *db.Tx) (PublicationID, error) {
		old, err := findPublication(ctx, tx, by, p.ID)
		if err != nil {
			return 0, err
		}
		if err := old.canChange(by); err != nil {
			return 0, err
		}
		if err := asRead(old.Version, p.Version); err != nil {
			return 0, err
		}
		p.Kind = old.Kind
		if err := p.check(); err != nil {
			return 0, err
		}
		audit.Note(tx, by.Did("publication.changed", "publication", int64(p.ID)))
		if err := updatePublication(ctx, tx, p); err != nil || named == nil {
			return p.ID, err
		}
		return p.ID, s.list(ctx, tx, by, p.ID.subject(), named)
	})
}

// Submit hands an own draft to the editors, once WeChat has been asked about its texts. What it would not have shown stays
// a draft; where it says nothing, the editor knows that nobody has read it yet.
func (s *Service) Submit(ctx context.Context, by org.Actor, id PublicationID) (Publication, error) {
	said, err := s.readDraft(ctx, by, id)
	if err != nil {
		return Publication{}, err
	}
	return s.publish(ctx, by, func(tx *db.Tx) (PublicationID, error) {
		p, err := findFilled(ctx, tx, by, id)
		if err != nil {
			return 0, err
		}
		if err := p.canSubmit(by); err != nil {
			return 0, err
		}
		p.CheckedAt = nil
		if passed, err := said.passed(p.words()); err != nil {
			return 0, err
		} else if passed {
			p.CheckedAt = &tx.Now
		}
		audit.Note(tx, by.Did("publication.submitted", "publication", int64(id)))
		return id, savePublication(ctx, tx, by, p, PublicationSubmitted, "")
	})
}

// readDraft is what WeChat makes of a draft that by is about to submit; of what by cannot submit it is not asked.
func (s *Service) readDraft(ctx context.Context, by org.Actor, id PublicationID) (reading, error) {
	p, err := findFilled(ctx, s.db, by, id)
	if err != nil || p.canSubmit(by) != nil {
		return nil, err
	}
	return s.read(ctx, by, wechat.SceneForum, p.words())
}

// Judge takes a publication on as an editor: published, returned, hidden or removed.
func (s *Service) Judge(ctx context.Context, by org.Actor, id PublicationID, next State, reason string) (Publication, error) {
	if err := privacy.CheckText("/reason", reason); err != nil {
		return Publication{}, err
	}
	return s.publish(ctx, by, func(tx *db.Tx) (PublicationID, error) {
		p, err := findFilled(ctx, tx, by, id)
		if err != nil {
			return 0, err
		}
		if err := p.canDecide(by, next); err != nil {
			return 0, err
		}
		if next == PublicationPublished {
			if err := missing(p); err != nil && guard.On(guard.Rule) {
				return 0, err
			}
		}
		audit.Note(tx, by.Did("publication."+string(next), "publication", int64(id)).For("", reason))
		return id, savePublication(ctx, tx, by, p, next, reason)
	})
}

// publish runs f once and returns what has become of the publication.
func (s *Service) publish(ctx context.Context, by org.Actor, f func(tx *db.Tx) (PublicationID, error)) (Publication, error) {
	return acted(ctx, s, by, f, s.publication)
}

// findFilled is one that by may see, with its pictures.
func findFilled(ctx context.Context, q db.Queryer, by org.Actor, id PublicationID) (Publication, error) {
	p, err := findPublication(ctx, q, by, id)
	if err != nil {
		return Publication{}, err
	}
	one := []Publication{p}
	err = filled(ctx, q, one)
	return one[0], err
}

// publication is one that by may see, with its pictures, and with the codes that by has handed out.
func (s *Service) publication(ctx context.Context, q db.Queryer, by org.Actor, id PublicationID) (Publication, error) {
	p, err := findFilled(ctx, q, by, id)
	if err != nil {
		return Publication{}, err
	}
	if p.Hidden, err = hiddenAs(ctx, q, PageRef{Kind: PublicationPage, ID: int64(id)}); err != nil {
		return Publication{}, err
	}
	for _, m := range p.Media {
		if err := s.readCodes(by, m.AuthorID, m.Shown); err != nil {
			return Publication{}, err
		}
	}
	return p, s.readCodes(by, p.AuthorID, p.Shown)
}

// Publication is one that by may see.
func (s *Service) Publication(ctx context.Context, by org.Actor, id PublicationID) (Publication, error) {
	return s.publication(ctx, s.db, by, id)
}

// Publications is a page of those that by may see, and the cursor behind it.
func (s *Service) Publications(ctx context.Context, by org.Actor, cursor string, size int) (all []Publication, next string, err error) {
	p, err := s.pages.Parse(cursor, size, page.Bound("listPublications", by.PersonID, by.Assignment))
	if err != nil {
		return nil, "", err
	}
	if all, err = listPublications(ctx, s.db, by, p); err != nil {
		return nil, "", err
	}
	all, next = page.Cut(all, p, publicationKey)
	ids := make([]int64, len(all))
	for i, p := range all {
		ids[i] = int64(p.ID)
	}
	hidden, err := hiddenOf(ctx, s.db, PublicationPage, ids)
	for i, p := range all {
		all[i].Hidden = hidden[int64(p.ID)]
	}
	return all, next, err
}

func publicationKey(p Publication) (time.Time, int64) { return time.UnixMilli(0), int64(p.ID) }

// ShownIn are the notices and stories that everybody may see in a place today, and the cursor behind them.
func (s *Service) ShownIn(ctx context.Context, unit org.UnitID, cursor string, size int) (all []Publication, next string, err error) {
	p, err := s.pages.Parse(cursor, size, page.Bound("listPublicPages", unit))
	if err != nil {
		return nil, "", err
	}
	if err := s.open(ctx, PageRef{Kind: NoticesPage, ID: int64(unit)}); err != nil {
		return nil, "", err
	}
	if all, err = listShown(ctx, s.db, unit, calendar.DayOf(s.db.Now()), p); err != nil {
		return nil, "", err
	}
	all, next = page.Cut(all, p, publicationKey)
	all, err = showable(ctx, s.db, all)
	return all, next, err
}

// Shown is a notice or story that everybody may see today.
func (s *Service) Shown(ctx context.Context, id PublicationID) (Publication, error) {
	if err := s.open(ctx, PageRef{Kind: PublicationPage, ID: int64(id)}); err != nil {
		return Publication{}, err
	}
	p, err := findShown(ctx, s.db, id, calendar.DayOf(s.db.Now()))
	if err != nil {
		return Publication{}, err
	}
	some, err := showable(ctx, s.db, []Publication{p})
	if err != nil {
		return Publication{}, err
	}
	if len(some) == 0 {
		return Publication{}, problem.ErrNotFound
	}
	return some[0], nil
}
