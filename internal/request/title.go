package request

import (
	"context"
	"errors"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
)

// How things are called in the inbox of who may see them now (push.md §10); for others they are not found. It is never what
// somebody wrote about a person.

// Title is the category of a need and where it opened, for its asker and for who sees it.
func (s *Service) Title(ctx context.Context, q db.Queryer, by org.Actor, id int64) (string, error) {
	_, err := findFollowed(ctx, q, by.PersonID, ID(id))
	if errors.Is(err, problem.ErrNotFound) {
		_, err = s.findSeen(ctx, q, by, ID(id))
	}
	if err != nil {
		return "", err
	}
	return s.titleOf(ctx, q, ID(id))
}

// titleOf is how a need is called, whoever asks.
func (s *Service) titleOf(ctx context.Context, q db.Queryer, id ID) (string, error) {
	var r struct {
		Category Code   `db:"category"`
		Unit     string `db:"unit_name"`
	}
	err := q.Get(ctx, &r, `
		SELECT r.category, u.name AS unit_name
		FROM request r
		JOIN unit u ON u.id = r.unit_id
		WHERE r.id = ?`, id)
	if err != nil {
		return "", db.Wrap(err, problem.ErrNotFound, "find what request %d is called", id)
	}
	book, err := s.rules.learn(ctx, q)
	if err != nil {
		return "", err
	}
	return book.asOf(db.NowOf(q)).categories[r.Category].Label.ZH + " · " + r.Unit, nil
}

// CallTitle is the need of a call, for who has to make it.
func (s *Service) CallTitle(ctx context.Context, q db.Queryer, by org.Actor, id int64) (string, error) {
	c, err := findCall(ctx, q, by, CallID(id))
	if err != nil {
		return "", err
	}
	return s.titleOf(ctx, q, c.Request)
}

// PromiseTitle is the need of a promise, for who sees that; of one that is about none, or about one that has gone on to others,
// the unit, for whose word it is.
func (s *Service) PromiseTitle(ctx context.Context, q db.Queryer, by org.Actor, id int64) (string, error) {
	p, err := findPromise(ctx, q, PromiseID(id))
	if err != nil {
		return "", err
	}
	if p.RequestID != nil {
		title, err := s.Title(ctx, q, by, int64(*p.RequestID))
		if !errors.Is(err, problem.ErrNotFound) {
			return title, err
		}
		if p, err = findPromiseFor(ctx, q, by, p.ID); err != nil {
			return "", err
		}
	}
	if err := p.mayAct(ctx, q, by); err != nil {
		return "", err
	}
	u, err := org.UnitByID(ctx, q, p.UnitID)
	return "承诺 · " + u.Name, err
}

// MusterTitle is where helpers are asked for, for who asked and who was asked.
func MusterTitle(ctx context.Context, q db.Queryer, by org.Actor, id int64) (string, error) {
	i, err := invitation(ctx, q, by.PersonID, MusterID(id))
	m := i.Muster
	if errors.Is(err, problem.ErrNotFound) {
		if m, err = findMuster(ctx, q, MusterID(id)); err == nil && m.CalledBy != by.PersonID {
			err = problem.ErrNotFound
		}
	}
	return "召集帮手 · " + m.UnitName, err
}

// CardTitle is the title of a card that by may see.
func CardTitle(ctx context.Context, q db.Queryer, by org.Actor, id int64) (string, error) {
	s, err := cardSightOf(ctx, q, by, calendar.DayOf(db.NowOf(q)))
	if err != nil {
		return "", err
	}
	c, err := findCard(ctx, q, s, CardID(id))
	return c.Title, err
}

// EmergencyTitle is the title of an emergency of by's subdistrict.
func EmergencyTitle(ctx context.Context, q db.Queryer, by org.Actor, id int64) (string, error) {
	e, err := findEmergency(ctx, q, by, EmergencyID(id))
	return e.Title, err
}
