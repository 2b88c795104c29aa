package board

import (
	"context"
	"strconv"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/household"
	"wanjia/internal/member"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/page"
	"wanjia/internal/privacy"
)

// Propose proposes a plaque at the door of a member. said is what somebody thinks that it says; "": nothing is compared.
func (s *Service) Propose(ctx context.Context, by org.Actor, memberID, premises int64, said string) (p Plaque, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		var id PlaqueID
		err := once.Do(ctx, tx, int64(by.PersonID), &id, func() error {
			e, err := findEntry(ctx, tx, by, memberID)
			if err != nil {
				return err
			}
			if err := findDoor(ctx, tx, by, premises); err != nil {
				return err
			}
			if err := household.HoldDoor(ctx, tx, premises, 0); err != nil {
				return err
			}
			known, err := member.InFull(ctx, tx, e.PersonID)
			if err != nil {
				return err
			}
			if err := sameText(said, known[e.PersonID].Name.Reveal()); err != nil {
				return err
			}
			if id, err = AddPlaque(ctx, tx, by, e.PersonID, e.UnitID, premises); err != nil {
				return err
			}
			audit.Note(tx, by.Did("plaque.proposed", "plaque", int64(id)))
			return nil
		})
		if err != nil {
			return err
		}
		p, err = s.plaque(ctx, tx, by, id)
		return err
	})
	return p, err
}

// plaque is a plaque as whoever keeps it sees it: with the name masked.
func (s *Service) plaque(ctx context.Context, q db.Queryer, by org.Actor, id PlaqueID) (Plaque, error) {
	p, err := findPlaque(ctx, q, by, id, calendar.DayOf(db.NowOf(q)))
	if err != nil {
		return Plaque{}, err
	}
	names, err := member.Names(ctx, q, p.PersonID)
	p.Name = names[p.PersonID]
	return p, err
}

// ownPlaque is a plaque as its member sees it.
func (s *Service) ownPlaque(ctx context.Context, q db.Queryer, by org.Actor, id PlaqueID) (Plaque, error) {
	p, err := findOwnPlaque(ctx, q, by, id, calendar.DayOf(db.NowOf(q)))
	if err != nil {
		return Plaque{}, err
	}
	known, err := member.InFull(ctx, q, by.PersonID)
	p.Name = known[by.PersonID].Name.Reveal()
	return p, err
}

// Plaques is a page of the plaques that by keeps, and the cursor behind it.
func (s *Service) Plaques(ctx context.Context, by org.Actor, cursor string, size int) (all []Plaque, next string, err error) {
	at, err := s.pages.Parse(cursor, size, page.Bound("listPlaques", by.PersonID, by.Assignment))
	if err != nil {
		return nil, "", err
	}
	if all, err = listPlaques(ctx, s.db, by, calendar.DayOf(s.db.Now()), at); err != nil {
		return nil, "", err
	}
	all, next = page.Cut(all, at, plaqueKey)
	ids := make([]org.PersonID, len(all))
	for i, p := range all {
		ids[i] = p.PersonID
	}
	names, err := member.Names(ctx, s.db, ids...)
	for i := range all {
		all[i].Name = names[all[i].PersonID]
	}
	return all, next, err
}

func plaqueKey(p Plaque) (time.Time, int64) { return time.UnixMilli(0), int64(p.ID) }

// OwnPlaques are by's own, with what was decided of them.
func (s *Service) OwnPlaques(ctx context.Context, by org.Actor) ([]Plaque, error) {
	all, err := listOwnPlaques(ctx, s.db, by, calendar.DayOf(s.db.Now()))
	if err != nil || len(all) == 0 {
		return all, err
	}
	known, err := member.InFull(ctx, s.db, by.PersonID)
	for i := range all {
		all[i].Name = known[by.PersonID].Name.Reveal()
	}
	return all, err
}

// HungIn are the plaques that everybody may see in a place, and the cursor behind them: those whose members agree.
func (s *Service) HungIn(ctx context.Context, place org.UnitID, cursor string, size int) (all []Plaque, next string, err error) {
	at, err := s.pages.Parse(cursor, size, page.Bound("listPublicPlaques", place))
	if err != nil {
		return nil, "", err
	}
	if err := s.open(ctx, PageRef{Kind: PlaquesPage, ID: int64(place)}); err != nil {
		return nil, "", err
	}
	hung, err := listHung(ctx, s.db, place, calendar.DayOf(s.db.Now()), at)
	if err != nil {
		return nil, "", err
	}
	hung, next = page.Cut(hung, at, plaqueKey)
	ids := make([]org.PersonID, len(hung))
	for i, p := range hung {
		ids[i] = p.PersonID
	}
	agree, err := privacy.GaveOf(ctx, s.db, ids, privacy.ForPlaque)
	if err != nil {
		return nil, "", err
	}
	faces, err := portraitsOf(ctx, s.db, ids)
	if err != nil {
		return nil, "", err
	}
	known, err := member.InFull(ctx, s.db, ids...)
	all = make([]Plaque, 0, len(hung))
	for _, p := range hung {
		if agree[p.PersonID] {
			p.Name = known[p.PersonID].Name.Reveal()
			_, p.Portrait = faces[p.PersonID]
			all = append(all, p)
		}
	}
	return all, next, err
}

// ConsentPlaque is by's yes to the own plaque, and to its being shown.
func (s *Service) ConsentPlaque(ctx context.Context, by org.Actor, id PlaqueID) (Plaque, error) {
	return s.ownAct(ctx, by, id, func(tx *db.Tx, p Plaque) error {
		if err := p.canBecome(PlaqueConsented); err != nil {
			return err
		}
		if err := privacy.Agree(ctx, tx, by, privacy.ForPlaque); err != nil {
			return err
		}
		audit.Note(tx, by.Did("plaque.consented", "plaque", int64(id)))
		return savePlaque(ctx, tx, p, PlaqueConsented, "")
	})
}

// ShowDoor chooses whether the public list says the door, or only the building.
func (s *Service) ShowDoor(ctx context.Context, by org.Actor, id PlaqueID, shown bool) (Plaque, error) {
	return s.ownAct(ctx, by, id, func(tx *db.Tx, p Plaque) error {
		audit.Note(tx, by.Did("plaque.door_chosen", "plaque", int64(id)))
		return saveDoorShown(ctx, tx, p, shown)
	})
}

func (s *Service) ownAct(ctx context.Context, by org.Actor, id PlaqueID, f func(tx *db.Tx, p Plaque) error) (p Plaque, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		err := once.Do(ctx, tx, int64(by.PersonID), nil, func() error {
			p, err := s.ownPlaque(ctx, tx, by, id)
			if err != nil {
				return err
			}
			return f(tx, p)
		})
		if err != nil {
			return err
		}
		p, err = s.ownPlaque(ctx, tx, by, id)
		return err
	})
	return p, err
}

// MovePlaque takes a plaque on: issued, hung, suspended, or returned. The last two have a reason, which its member reads (E5).
func (s *Service) MovePlaque(ctx context.Context, by org.Actor, id PlaqueID, next State, reason string) (p Plaque, err error) {
	if err := privacy.CheckText("/reason", reason); err != nil {
		return Plaque{}, err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		err := once.Do(ctx, tx, int64(by.PersonID), nil, func() error {
			return s.movePlaque(ctx, tx, by, id, next, reason)
		})
		if err != nil {
			return err
		}
		p, err = s.plaque(ctx, tx, by, id)
		return err
	})
	return p, err
}

func (s *Service) movePlaque(ctx context.Context, tx *db.Tx, by org.Actor, id PlaqueID, next State, reason string) error {
	p, err := findPlaque(ctx, tx, by, id, calendar.DayOf(tx.Now))
	if err != nil {
		return err
	}
	if err := p.canBecome(next); err != nil {
		return err
	}
	if next == PlaqueIssued || next == PlaqueHung {
		if agrees, err := privacy.Gave(ctx, tx, p.PersonID, privacy.ForPlaque); err != nil {
			return err
		} else if !agrees {
			return privacy.ErrConsentRequired
		}
	}
	audit.Note(tx, by.Did("plaque."+string(next), "plaque", int64(id)).For("", reason))
	return savePlaque(ctx, tx, p, next, reason)
}

// Recall orders plaques back whose members have withdrawn their consent, and says whether there were any. They are off
// every public page already.
func (s *Service) Recall(ctx context.Context) (some bool, err error) {
	all, err := unconsented(ctx, s.db, calendar.DayOf(s.db.Now()))
	if err != nil {
		return false, err
	}
	return len(all) > 0, db.Each(ctx, all, func(p Plaque) error {
		return s.db.InTx(ctx, func(tx *db.Tx) error { return s.recall(ctx, tx, p) })
	})
}

func (s *Service) recall(ctx context.Context, tx *db.Tx, p Plaque) error {
	first, err := orderBack(ctx, tx, p)
	if err != nil || !first {
		return err
	}
	audit.Note(tx, org.System.Did("plaque.return_ordered", "plaque", int64(p.ID)))
	if p.State == PlaqueConsented { // nothing hangs, nothing comes back
		return nil
	}
	in, _, err := secretary(ctx, tx, p.PlaceID)
	if err != nil {
		return err
	}
	place, err := org.UnitByID(ctx, tx, p.PlaceID)
	if err != nil {
		return err
	}
	return notify.Tell(ctx, tx, audience(in), notify.Item{
		Kind: "plaque.return", Ref: notify.Ref{Type: "plaque", ID: int64(p.ID)}, By: org.System,
		Args:   map[string]any{"placeLabel": place.Name, "count": 1},
		Dedupe: "plaque.return:" + strconv.FormatInt(int64(p.ID), 10),
	})
}
