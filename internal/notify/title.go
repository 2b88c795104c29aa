package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
)

// A Titler says how a thing of its type is called, in the words of the office, if by may see it now; else it is not found.
type Titler func(ctx context.Context, q db.Queryer, by org.Actor, id int64) (string, error)

// titled is how many items are titled at once: each thing is looked up under its reader's rights.
const titled = 50

// Own are the types of things that somebody is told of because they are about themselves, or about the seat they were told
// in and still hold: their public labels are their title.
var Own = []string{
	"absence", "area", "area_split", "assignment", "binding", "break_glass", "consent", "depicted", "handover", "notice", "own_data", "person", "plaque",
	"policy", "session", "takedown",
}

// Naming gives s what says how things are called, by the types of references.
func (s *Service) Naming(titlers map[string]Titler) *Service {
	s.titlers = titlers
	return s
}

// A seen is a thing as somebody is told of it: in a role of theirs.
type seen struct {
	as  org.AssignmentID
	ref Ref
}

// Titles are how the things of items are called that person may see now, each in the role it was told in, by the items'
// numbers. What is out of their reach has none.
func (s *Service) Titles(ctx context.Context, person org.PersonID, items []Told) (map[int64]string, error) {
	titles := make(map[int64]string, len(items))
	actors, known := map[org.AssignmentID]*org.Actor{}, map[seen]string{}
	for _, t := range items {
		if t.Kind == Gone {
			continue
		}
		titler, ok := s.titlers[t.RefType]
		if !ok {
			label, err := t.labels()
			if err != nil {
				return nil, err
			}
			titles[t.Seq] = label
			continue
		}
		k := seen{t.Assignment, Ref{t.RefType, t.RefID}}
		title, ok := known[k]
		if !ok {
			by, err := s.reader(ctx, person, t.Assignment, actors)
			if err != nil {
				return nil, err
			}
			if by != nil {
				if title, err = titler(ctx, s.db, *by, t.RefID); outOfReach(err) {
					title, err = "", nil
				}
				if err != nil {
					return nil, fmt.Errorf("find the title of item %d of person %d: %w", t.Seq, person, err)
				}
			}
			known[k] = title
		}
		if title != "" {
			titles[t.Seq] = title
		}
	}
	return titles, nil
}

// reader is person in one of their roles; nil if they do not hold it any more.
func (s *Service) reader(ctx context.Context, person org.PersonID, as org.AssignmentID, actors map[org.AssignmentID]*org.Actor) (*org.Actor, error) {
	if by, ok := actors[as]; ok {
		return by, nil
	}
	by, err := org.ActorOf(ctx, s.db, person, as, s.db.Now())
	switch {
	case outOfReach(err):
		actors[as] = nil
	case err != nil:
		return nil, err
	default:
		actors[as] = &by
	}
	return actors[as], nil
}

// outOfReach says whether err means that somebody may not, rather than that something broke.
func outOfReach(err error) bool {
	var p *problem.Problem
	return errors.As(err, &p) && (p.Kind == problem.NotFound || p.Kind == problem.Forbidden || p.Kind == problem.Gone)
}

// labels are the public labels of t, in one line.
func (t Told) labels() (string, error) {
	if t.Args == "" {
		return "", nil
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(t.Args), &fields); err != nil {
		return "", fmt.Errorf("read the fields of item %d of person %d: %w", t.Seq, t.Person, err)
	}
	var all []string
	for _, name := range []string{kindLabel, unitLabel, placeLabel} {
		if s, ok := fields[name].(string); ok && s != "" {
			all = append(all, s)
		}
	}
	return strings.Join(all, " · "), nil
}
