package checkin

import (
	"context"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

// Scan notes that by scans the code that a place shows at the moment of tx: for the seed, which tells of days that
// are over. The code is proved as that of any phone.
func (s *Service) Scan(ctx context.Context, tx *db.Tx, by org.Actor, place PlaceID, ref string) (Presence, error) {
	a := Attempt{Kind: PlaceCode, Code: s.keys.code(place, stepAt(tx.Now)).QR, HappenedAt: tx.Now, ClientRef: ref}
	unit, e, err := s.evidence(ctx, tx, by, a)
	if err != nil {
		return Presence{}, err
	}
	p, _, err := joinDay(ctx, tx, by, unit, e)
	if err == nil {
		audit.Note(tx, by.Did("checkin.recorded", "presence", int64(p.ID)))
	}
	return p, err
}
