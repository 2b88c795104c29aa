package org

import (
	"context"

	"wanjia/internal/audit"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
)

// HandingOver makes s pack what packs list when the holder of an area goes, and tell told of it.
func (s *Service) HandingOver(told HandoverChanged, packs ...Pack) *Service {
	s.handed, s.packs = told, packs
	return s
}

// announce notes that an area will be handed over when a ends.
func (s *Service) announce(ctx context.Context, tx *db.Tx, by Actor, a Assignment) error {
	if a.Role != RoleAreaHolder || a.Unsigned {
		return nil
	}
	area, err := LinkedGrid(ctx, tx, a.UnitID, calendar.DayOf(tx.Now))
	if err != nil || area.ID == 0 {
		return err
	}
	id, err := saveAnnounced(ctx, tx, a, area)
	if err != nil {
		return err
	}
	audit.Note(tx, by.Did("handover.announced", "handover", int64(id)))
	return nil
}

// pack writes down what the area of a has open, now that a has ended. Who had not signed yet hands nothing over: what is
// packed waits for the next.
func (s *Service) pack(ctx context.Context, tx *db.Tx, by Actor, a Assignment) error {
	if a.Unsigned {
		return dropSuccessor(ctx, tx, a.ID)
	}
	if err := s.announce(ctx, tx, by, a); err != nil {
		return err
	}
	h, err := handoverOf(ctx, tx, a.ID)
	if err != nil {
		return err
	}
	if h.ID == 0 {
		return nothingToSign(ctx, tx, a.UnitID)
	}
	for _, p := range s.packs {
		ids, err := p.List(ctx, tx, h.AreaID)
		if err != nil {
			return db.Wrap(err, nil, "pack the %s of area %d", p.What, h.AreaID)
		}
		if ids == nil {
			ids = []int64{}
		}
		h.Packed = append(h.Packed, Packed{What: p.What, IDs: ids})
	}
	if err := savePacked(ctx, tx, &h); err != nil {
		return err
	}
	if err := nameSuccessor(ctx, tx, &h); err != nil {
		return err
	}
	audit.Note(tx, by.Did("handover.packed", "handover", int64(h.ID)))
	return s.ready(ctx, tx, by, h)
}

// succeed names a, who has just been given the role, as the successor in the handover that waits for one.
func (s *Service) succeed(ctx context.Context, tx *db.Tx, by Actor, a Assignment) error {
	h, err := openHandover(ctx, tx, a.UnitID)
	if err != nil || h.ID == 0 {
		return err
	}
	if err := nameSuccessor(ctx, tx, &h); err != nil || h.SuccessorID == nil {
		return err
	}
	return s.ready(ctx, tx, by, h)
}

// ready tells the successor, if there is one, and whoever holds the area meanwhile.
func (s *Service) ready(ctx context.Context, tx *db.Tx, by Actor, h Handover) error {
	interim, err := h.interim(ctx, tx)
	if err != nil {
		return err
	}
	return s.handed(ctx, tx, by, HandoverReady, h, interim)
}

// interim is who holds the area of h until it is signed for (T8).
func (h Handover) interim(ctx context.Context, q db.Queryer) ([]Incumbent, error) {
	area, err := UnitByID(ctx, q, h.AreaID)
	if err != nil {
		return nil, err
	}
	_, in, err := InterimHolder(ctx, q, area, calendar.DayOf(db.NowOf(q)))
	return in, err
}

// Sign says that the successor has taken over what was packed: from now on the area is theirs.
func (s *Service) Sign(ctx context.Context, by Actor, id HandoverID) (h Handover, err error) {
	err = once.InTx(ctx, s.db, int64(by.PersonID), &h, func(tx *db.Tx) error {
		if h, err = findHandover(ctx, tx, by, id); err != nil {
			return err
		}
		if err := h.maySign(by); err != nil {
			return err
		}
		if err := saveSigned(ctx, tx, &h); err != nil {
			return err
		}
		a, err := AssignmentByID(ctx, tx, by.Assignment)
		if err != nil {
			return err
		}
		if err := s.changed(ctx, tx, by, RoleMoved, a); err != nil {
			return err
		}
		audit.Note(tx, by.Did("handover.signed", "handover", int64(h.ID)))
		interim, err := h.interim(ctx, tx)
		if err != nil {
			return err
		}
		return s.handed(ctx, tx, by, HandoverDone, h, interim)
	})
	return h, err
}
