package request

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"wanjia/internal/audit"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/problem"
	"wanjia/internal/privacy"
)

// StartEmergency drafts an emergency of by's subdistrict; it begins when another of the office agrees.
func (s *Service) StartEmergency(ctx context.Context, by org.Actor, e Emergency) (Emergency, error) {
	if by.Grid.Kind != org.Subdistrict {
		return Emergency{}, problem.ErrForbidden
	}
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), &e, func() error {
			book, err := s.rules.learn(ctx, tx)
			if err != nil {
				return err
			}
			if err := e.check(book, tx.Now); err != nil {
				return err
			}
			for _, h := range e.Hours {
				found, err := org.UnitsByID(ctx, tx, h.Unit)
				if err != nil {
					return err
				}
				if u, ok := found[h.Unit]; !ok || !by.Grid.Covers(u) {
					return problem.ErrNotFound
				}
			}
			e.UnitID, e.State, e.DraftedBy, e.DraftedAs, e.DraftedAt = by.Grid.ID, EmergencyDraft, by.PersonID, by.Assignment, tx.Now
			if err := insertEmergency(ctx, tx, &e); err != nil {
				return err
			}
			audit.Note(tx, by.Did("emergency.drafted", "emergency", int64(e.ID)).For("", e.Reason))
			return nil
		})
	})
	return e, err
}

// moveEmergency carries out a move of one of by's subdistrict, once.
func (s *Service) moveEmergency(ctx context.Context, by org.Actor, id EmergencyID, version int64, do func(tx *db.Tx, e *Emergency) error) (e Emergency, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), &e, func() error {
			if e, err = findEmergency(ctx, tx, by, id); err != nil {
				return err
			}
			if version != 0 && e.Version != version {
				return problem.Stale(version, e.Version)
			}
			if err := do(tx, &e); err != nil {
				return err
			}
			return saveEmergency(ctx, tx, &e)
		})
	})
	return e, err
}

// ConfirmEmergency begins an emergency that another person of the office has drafted.
func (s *Service) ConfirmEmergency(ctx context.Context, by org.Actor, id EmergencyID) (Emergency, error) {
	return s.moveEmergency(ctx, by, id, 0, func(tx *db.Tx, e *Emergency) error {
		if err := e.mayConfirm(by); err != nil {
			return err
		}
		book, err := s.rules.learn(ctx, tx)
		if err != nil {
			return err
		}
		today := calendar.DayOf(tx.Now)
		if err := e.check(book, tx.Now); err != nil {
			return err
		}
		if err := keepTemporary(ctx, tx, *e); err != nil {
			return err
		}
		now, person, as := tx.Now, by.PersonID, by.Assignment
		e.State, e.StartedAt, e.SecondBy, e.SecondAs = EmergencyActive, &now, &person, &as
		if err := s.turnRules(ctx, tx, by, *e, true, e.Reason); err != nil {
			return err
		}
		if err := offerCards(ctx, tx, by, e, today); err != nil {
			return err
		}
		audit.Note(tx, by.Did("emergency.started", "emergency", int64(e.ID)).For("", e.Reason))
		return tellEmergency(ctx, tx, by, *e, "emergency.started")
	})
}

// turnRules makes the rules those of an emergency, or what they are without it.
func (s *Service) turnRules(ctx context.Context, tx *db.Tx, by org.Actor, e Emergency, on bool, reason string) error {
	return insertRule(ctx, tx, by, &ruleChange{Kind: ofEmergency, Subject: fmt.Sprint(e.ID), At: tx.Now, Reason: reason}, e.mode(on))
}

// offerCards offers the cards of e in its subdistrict until the day before it ends: two persons have agreed to them.
func offerCards(ctx context.Context, tx *db.Tx, by org.Actor, e *Emergency, today calendar.Day) error {
	for _, text := range e.Cards {
		text.Kind, text.ValidFrom, text.ValidTo, text.ReviewOn = PolicyCard, today, e.SunsetOn.Add(-1), e.SunsetOn.Add(-1)
		c := Card{
			Edition: 1, State: CardActive, CardText: text, UnitID: e.UnitID,
			ProposedBy: e.DraftedBy, ProposedAs: e.DraftedAs, ProposedAt: e.DraftedAt,
		}
		id, err := insertCard(ctx, tx, c)
		if err != nil {
			return err
		}
		c.ID = id
		if err := addCardStep(ctx, tx, by, c, "approved", nil, ""); err != nil {
			return err
		}
		e.Made = append(e.Made, id)
	}
	return nil
}

// RenewEmergency lets an emergency go on until another day, with the reason.
func (s *Service) RenewEmergency(ctx context.Context, by org.Actor, id EmergencyID, version int64, on calendar.Day, reason string) (Emergency, error) {
	if err := privacy.CheckText("/reason", reason); err != nil {
		return Emergency{}, err
	}
	return s.moveEmergency(ctx, by, id, version, func(tx *db.Tx, e *Emergency) error {
		if err := e.among(EmergencyActive); err != nil {
			return err
		}
		if err := sunset(on, calendar.DayOf(tx.Now)); err != nil {
			return err
		}
		e.SunsetOn, e.Reason = on, reason
		audit.Note(tx, by.Did("emergency.renewed", "emergency", int64(e.ID)).For("", reason))
		return offerUntil(ctx, tx, e.Made, on.Add(-1))
	})
}

// EndEmergency ends an emergency before its day, with the reason; a draft is given up.
func (s *Service) EndEmergency(ctx context.Context, by org.Actor, id EmergencyID, version int64, reason string) (Emergency, error) {
	if err := privacy.CheckText("/reason", reason); err != nil {
		return Emergency{}, err
	}
	return s.moveEmergency(ctx, by, id, version, func(tx *db.Tx, e *Emergency) error {
		if err := e.among(EmergencyDraft, EmergencyActive); err != nil {
			return err
		}
		person := by.PersonID
		e.EndedBy, e.EndReason = &person, reason
		return s.endEmergency(ctx, tx, by, e, reason)
	})
}

// endEmergency puts the rules back.
func (s *Service) endEmergency(ctx context.Context, tx *db.Tx, by org.Actor, e *Emergency, reason string) error {
	was, now := e.State, tx.Now
	e.State, e.EndedAt = EmergencyEnded, &now
	audit.Note(tx, by.Did("emergency.ended", "emergency", int64(e.ID)).For("", reason))
	if was == EmergencyDraft {
		return nil
	}
	if err := s.turnRules(ctx, tx, by, *e, false, reason); err != nil {
		return err
	}
	if err := offerUntil(ctx, tx, e.Made, calendar.DayOf(tx.Now).Add(-1)); err != nil {
		return err
	}
	return tellEmergency(ctx, tx, by, *e, "emergency.ended")
}

// tellEmergency tells the leads and holders of its subdistrict what has become of e.
func tellEmergency(ctx context.Context, tx *db.Tx, by org.Actor, e Emergency, kind string) error {
	top, err := org.UnitByID(ctx, tx, e.UnitID)
	if err != nil {
		return err
	}
	to, err := concernedBy(ctx, tx, top)
	if err != nil {
		return err
	}
	return notify.Tell(ctx, tx, to, e.event(kind, by, top.Name, tx.Now))
}

// Emergencies are those of by's subdistrict, the newest first.
func (s *Service) Emergencies(ctx context.Context, by org.Actor) ([]Emergency, error) {
	return emergenciesWhere(ctx, s.db, `unit_id = ?`, by.Grid.ID)
}

// TurnEmergencies ends emergencies whose day has come, and drafts that nobody has confirmed by it, hands on what is left
// in their categories, and says when nothing personal of one is left; and whether there was any. Any number of nodes do
// so at one time.
func (s *Service) TurnEmergencies(ctx context.Context) (some bool, err error) {
	today := calendar.DayOf(s.db.Now())
	due, err := emergenciesWhere(ctx, s.db, `state IN (?, ?) AND sunset_on <= ?`, EmergencyDraft, EmergencyActive, today)
	if err != nil {
		return false, err
	}
	var failed []error // one that cannot be turned keeps no other from it
	for _, e := range due {
		err := s.db.InTx(ctx, func(tx *db.Tx) error {
			e := e
			if err := s.endEmergency(ctx, tx, org.System, &e, "到期自动结束"); err != nil {
				return err
			}
			return saveEmergency(ctx, tx, &e)
		})
		if err != nil && !errors.Is(err, ErrEmergencyIsOver) && !errors.Is(err, problem.ErrConflict) { // another node was faster
			failed = append(failed, fmt.Errorf("end emergency %d: %w", e.ID, err))
		}
	}
	over, err := emergenciesWhere(ctx, s.db, `state = ?`, EmergencyEnded)
	if err != nil {
		return false, errors.Join(append(failed, err)...)
	}
	some = len(due) > 0
	for _, e := range over {
		more, err := s.windUp(ctx, e)
		if err != nil {
			failed = append(failed, fmt.Errorf("wind emergency %d up: %w", e.ID, err))
		}
		some = some || more
	}
	return some, errors.Join(failed...)
}

// windUp hands on what is left in the categories of e, and says when nothing personal of it is left.
func (s *Service) windUp(ctx context.Context, e Emergency) (some bool, err error) {
	left, err := leftIn(ctx, s.db, e.ID, calendar.DayOf(s.db.Now()))
	if err != nil {
		return false, err
	}
	var failed []error
	for _, id := range left { // one that cannot be handed on keeps no other from it
		err := s.db.InTx(ctx, func(tx *db.Tx) error { return s.handOn(ctx, tx, e, id) })
		if err != nil && !errors.Is(err, ErrIllegalTransition) {
			failed = append(failed, fmt.Errorf("hand request %d on: %w", id, err))
		}
	}
	if len(left) > 0 {
		return true, errors.Join(failed...)
	}
	n, err := temporaryLeft(ctx, s.db, e.ID)
	if err != nil || n > 0 {
		return false, err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		e, now := e, tx.Now
		e.State, e.PurgedAt = EmergencyPurged, &now
		if err := saveEmergency(ctx, tx, &e); err != nil {
			return err
		}
		audit.Note(tx, org.System.Did("emergency.purged", "emergency", int64(e.ID)))
		if e.StartedAt == nil { // it never began
			return nil
		}
		return tellEmergency(ctx, tx, org.System, e, "emergency.purged")
	})
	if errors.Is(err, ErrEmergencyIsOver) {
		return true, nil
	}
	return err == nil, err
}

// handOn lets a need of a temporary category go on in the standing one of its type: nothing that somebody waits for is
// forgotten with the emergency. What was used of its targets stays used.
func (s *Service) handOn(ctx context.Context, tx *db.Tx, e Emergency, id ID) error {
	r, err := hold(ctx, tx, id)
	if err != nil {
		return err
	}
	if err := s.followed(ctx, tx, &r); err != nil {
		return err
	}
	i := e.opened(r.Category)
	if i < 0 {
		return nil // another node was faster
	}
	was := s.category(r.Request)
	used := was.minutesUsed(r.Request, tx.Now)
	r.Category = e.Open[i].Then
	if err := setCategory(ctx, tx, &r.Request); err != nil {
		return err
	}
	audit.Note(tx, org.System.Did("request.category_changed", "request", int64(id)))
	if r.State.Open() {
		is := s.category(r.Request)
		r.moveBy(was, is, tx.Now)
		is.keep(&r.Request, used, tx.Now)
		if err := saveRules(ctx, tx, &r.Request, true); err != nil {
			return err
		}
		if err := s.rearm(ctx, tx, r.Request); err != nil {
			return err
		}
	}
	return addStep(ctx, tx, s.keys, org.System, r.Request, line{move: "category_changed", from: &r.State})
}

// opened is which of the temporary categories of e a category is; less than 0: none.
func (e Emergency) opened(code Code) int {
	return slices.IndexFunc(e.Open, func(t TemporaryCategory) bool { return t.Code == code })
}

// OpeningHours are the words of when a place can be reached while an emergency is on; empty: there are none.
func OpeningHours(ctx context.Context, q db.Queryer, place org.UnitID) (text string, err error) {
	u, err := org.UnitByID(ctx, q, place)
	if err != nil {
		return "", err
	}
	ladder, err := org.Ladder(ctx, q, u)
	if err != nil || len(ladder) == 0 {
		return "", err
	}
	on, err := emergenciesOn(ctx, q, ladder[len(ladder)-1].ID)
	if err != nil {
		return "", err
	}
	for _, e := range on {
		for _, h := range e.Hours {
			if h.Unit == place {
				return h.Text, nil
			}
		}
	}
	return "", nil
}
