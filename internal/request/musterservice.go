package request

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
)

// StartMuster asks helpers of the place for a request that by holds. A need that may be dangerous wants that said
// first: nobody is sent up a ladder by surprise.
func (s *Service) StartMuster(ctx context.Context, by org.Actor, id ID, c Calling) (called Called, err error) {
	if err := privacy.CheckText("/note", c.Note); err != nil {
		return called, err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), &called.ID, func() error {
			if _, err := hold(ctx, tx, id); err != nil { // it does not end meanwhile, and leave the helpers waited for
				return err
			}
			r, err := s.findSeen(ctx, tx, by, id)
			if err != nil {
				return err
			}
			if err := r.mayAct(by); err != nil {
				return err
			}
			if err := r.anyOpen(); err != nil {
				return err
			}
			if r.concerns() {
				return ErrConcernAlone
			}
			if s.category(r.Request).Urgent && !c.Acknowledged {
				return ErrDangerUnsaid
			}
			persons, err := s.nearby(ctx, tx, by, r, c)
			if err != nil {
				return err
			}
			m := Muster{
				RequestID: id, UnitID: r.HolderUnitID, State: MusterAsking, SkillList: strings.Join(sorted(c.Skills), ","), Note: c.Note,
				MeetAt: c.MeetAt, CalledBy: by.PersonID, Assignment: by.Assignment, CalledAt: tx.Now, Version: 1,
			}
			if err := insertMuster(ctx, tx, s.keys, &m); err != nil {
				return err
			}
			if err := invite(ctx, tx, m.ID, persons); err != nil {
				return err
			}
			called.ID = m.ID
			audit.Note(tx, by.Did("muster.asked", "muster", int64(m.ID)))
			return tellHelpers(ctx, tx, by, m, "muster.asked", persons)
		})
	})
	if err != nil {
		return Called{}, err
	}
	return s.Muster(ctx, by, called.ID)
}

func sorted(skills []string) []string {
	all := slices.Clone(skills)
	slices.Sort(all)
	return slices.Compact(all)
}

// nearby are the helpers of the place where r was opened.
func (s *Service) nearby(ctx context.Context, q db.Queryer, by org.Actor, r Seen, c Calling) ([]org.PersonID, error) {
	unit, err := org.UnitByID(ctx, q, r.UnitID)
	if err != nil {
		return nil, err
	}
	place, err := org.PlaceOf(ctx, q, unit)
	if err != nil {
		return nil, err
	}
	if place.ID == 0 {
		return nil, ErrNoHelpers
	}
	party, err := org.LinkedParty(ctx, q, place.ID, calendar.DayOf(db.NowOf(q)))
	if err != nil {
		return nil, err
	}
	if party.ID == 0 {
		return nil, ErrNoHelpers
	}
	persons, err := helpers(ctx, q, party, sorted(c.Skills), by.PersonID, c.People)
	if err == nil && len(persons) == 0 {
		err = ErrNoHelpers
	}
	return persons, err
}

// tellHelpers tells persons what became of a muster they were asked to.
func tellHelpers(ctx context.Context, tx *db.Tx, by org.Actor, m Muster, kind string, persons []org.PersonID) error {
	if len(persons) == 0 {
		return nil
	}
	unit, err := org.UnitByID(ctx, tx, m.UnitID)
	if err != nil {
		return err
	}
	at := tx.Now
	if m.MeetAt != nil {
		at = *m.MeetAt
	}
	return notify.Tell(ctx, tx, notify.Persons(persons...), notify.Item{
		By: by, Kind: kind, Ref: notify.Ref{Type: "muster", ID: int64(m.ID)},
		Args:   map[string]any{"kindLabel": "召集帮手", "unitLabel": unit.Name, "at": at},
		Dedupe: kind + ":" + strconv.FormatInt(int64(m.ID), 10),
	})
}

// Muster is one with its answers, for who sees the request.
func (s *Service) Muster(ctx context.Context, by org.Actor, id MusterID) (Called, error) {
	m, err := findMuster(ctx, s.db, id)
	if err != nil {
		return Called{}, err
	}
	if _, err := s.findSeen(ctx, s.db, by, m.RequestID); err != nil {
		return Called{}, err
	}
	return called(ctx, s.db, s.keys, m)
}

// Musters are those of a request, for who sees it, the newest first.
func (s *Service) Musters(ctx context.Context, by org.Actor, id ID) ([]Called, error) {
	if _, err := s.findSeen(ctx, s.db, by, id); err != nil {
		return nil, err
	}
	all, err := mustersOf(ctx, s.db, id)
	if err != nil {
		return nil, err
	}
	list := make([]Called, len(all))
	for i, m := range all {
		if list[i], err = called(ctx, s.db, s.keys, m); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func called(ctx context.Context, q db.Queryer, keys *sealed.Keys, m Muster) (c Called, err error) {
	if err := m.unseal(keys); err != nil {
		return c, err
	}
	c.Muster = m
	all, err := invitedTo(ctx, q, m.ID)
	for _, i := range all {
		switch {
		case i.Answer == HelpAccepted:
			c.Coming = append(c.Coming, i.Person)
		case i.Exempt: // nobody counts what they say, or do not (E6)
		case i.Answer == HelpDeclined:
			c.Declined++
		case i.Answer == HelpSilent:
			c.Silent++
		default:
			c.Waiting++
		}
	}
	return c, err
}

// moveMuster carries out what by, who holds its request, does with a muster.
func (s *Service) moveMuster(ctx context.Context, by org.Actor, id MusterID, act string, do func(tx *db.Tx, c *Called) error) (Called, error) {
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		var done bool
		return once.Do(ctx, tx, int64(by.PersonID), &done, func() error {
			m, err := findMuster(ctx, tx, id)
			if err != nil {
				return err
			}
			r, err := s.findSeen(ctx, tx, by, m.RequestID)
			if err != nil {
				return err
			}
			if err := r.mayAct(by); err != nil {
				return err
			}
			c, err := called(ctx, tx, s.keys, m)
			if err != nil {
				return err
			}
			if err := do(tx, &c); err != nil {
				return err
			}
			done = true
			audit.Note(tx, by.Did("muster."+act, "muster", int64(id)))
			return saveMuster(ctx, tx, &c.Muster)
		})
	})
	if err != nil {
		return Called{}, err
	}
	return s.Muster(ctx, by, id)
}

// BeginMuster starts with whoever has accepted, one or more. The others are no longer waited for.
func (s *Service) BeginMuster(ctx context.Context, by org.Actor, id MusterID) (Called, error) {
	return s.moveMuster(ctx, by, id, "started", func(tx *db.Tx, c *Called) error {
		if err := c.among(MusterAsking); err != nil {
			return err
		}
		if len(c.Coming) == 0 {
			return ErrMusterNobody
		}
		c.State, c.BegunAt = MusterStarted, &tx.Now
		if err := nobodyElse(ctx, tx, id); err != nil {
			return err
		}
		return tellHelpers(ctx, tx, by, c.Muster, "muster.started", c.Coming)
	})
}

// FinishMuster ends it with thanks to those who came.
func (s *Service) FinishMuster(ctx context.Context, by org.Actor, id MusterID) (Called, error) {
	return s.moveMuster(ctx, by, id, "done", func(tx *db.Tx, c *Called) error {
		if err := c.among(MusterStarted); err != nil {
			return err
		}
		c.State, c.EndedAt = MusterDone, &tx.Now
		return tellHelpers(ctx, tx, by, c.Muster, "muster.done", c.Coming)
	})
}

// CancelMuster calls it off; whoever was going to come hears of it.
func (s *Service) CancelMuster(ctx context.Context, by org.Actor, id MusterID) (Called, error) {
	return s.moveMuster(ctx, by, id, "cancelled", func(tx *db.Tx, c *Called) error {
		if err := c.among(MusterAsking, MusterStarted); err != nil {
			return err
		}
		c.State, c.EndedAt = MusterCancelled, &tx.Now
		if err := nobodyElse(ctx, tx, id); err != nil {
			return err
		}
		return tellHelpers(ctx, tx, by, c.Muster, "muster.cancelled", c.Coming)
	})
}

// AnswerMuster is what by, who was asked, says. It may be said otherwise until it starts.
func (s *Service) AnswerMuster(ctx context.Context, by org.Actor, id MusterID, a Answer) (i Invitation, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if i, err = invitation(ctx, tx, by.PersonID, id); err != nil {
			return err
		}
		if err := i.unseal(s.keys); err != nil {
			return err
		}
		if i.Answer == a {
			return nil // said again
		}
		if err := i.among(MusterAsking); err != nil {
			return err
		}
		// The row of the muster is written, so that it cannot start in between.
		if err := saveMuster(ctx, tx, &i.Muster); err != nil {
			return err
		}
		found, err := answer(ctx, tx, id, by.PersonID, a)
		if err != nil {
			return err
		}
		if found == 0 {
			return ErrMusterOutside.With("state", string(i.State))
		}
		i.Answer = a
		audit.Note(tx, by.Did("muster.answered", "muster", int64(id)))
		return nil
	})
	return i, err
}

// Invitations are the musters by was asked to, the newest first.
func (s *Service) Invitations(ctx context.Context, by org.Actor, cursor string, size int) (all []Invitation, next string, err error) {
	bound := page.Bound("invitations", by.PersonID)
	p, err := s.pages.Parse(cursor, size, bound)
	if err != nil {
		return nil, "", err
	}
	rows, err := invitations(ctx, s.db, by.PersonID, p)
	if err != nil {
		return nil, "", err
	}
	all, next = page.Cut(rows, p, func(i Invitation) (time.Time, int64) { return i.AskedAt, i.InviteID })
	for i := range all {
		if err := all[i].unseal(s.keys); err != nil {
			return nil, "", err
		}
	}
	return all, next, nil
}

// Skills are what by has said they can help with.
func (s *Service) Skills(ctx context.Context, by org.Actor) ([]string, error) {
	return skillsOf(ctx, s.db, by.PersonID)
}

// SetSkills is by saying what they can help with from now on; nothing, if they no longer want to be asked.
func (s *Service) SetSkills(ctx context.Context, by org.Actor, skills []string) (now []string, err error) {
	now = sorted(skills)
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		audit.Note(tx, by.Did("helper.skills_set", "person", int64(by.PersonID)))
		return setSkills(ctx, tx, by.PersonID, now)
	})
	return now, err
}
