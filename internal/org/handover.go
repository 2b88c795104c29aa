package org

import (
	"context"
	"time"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/problem"
)

// HandoverID names a handover.
type HandoverID int64

// A HandoverState says how far a handover has come.
type HandoverState string

// The states: it will come; what is open has been packed, and the next lead up the ladder holds the area; the successor
// has signed and holds it.
const (
	HandoverAnnounced HandoverState = "announced"
	HandoverPacked    HandoverState = "packed"
	HandoverSigned    HandoverState = "signed"
)

// A Handover (交接) is what passes from the holder of an area to the next one, when an assignment ends (X3).
type Handover struct {
	ID          HandoverID    `db:"id"`
	Assignment  AssignmentID  `db:"assignment_id"` // the role that ends
	UnitID      UnitID        `db:"unit_id"`
	AreaID      UnitID        `db:"area_id"`
	AreaName    string        `db:"area_name"`
	State       HandoverState `db:"state"`
	From        PersonID      `db:"from_id"`
	SuccessorID *AssignmentID `db:"successor_id"` // the role of whoever takes over
	Successor   *PersonID     `db:"successor_person_id"`
	PackText    string        `db:"pack"`
	AnnouncedAt time.Time     `db:"announced_at"`
	PackedAt    *time.Time    `db:"packed_at"`
	SignedAt    *time.Time    `db:"signed_at"`
	Version     int64         `db:"version"`
	Packed      []Packed      `db:"-"`
}

// A Packed is one kind of things that are handed over.
type Packed struct {
	What string  `json:"what"`
	IDs  []int64 `json:"ids"`
}

// A Pack lists what one kind of things an area has open when its holder goes.
type Pack struct {
	What string
	List func(ctx context.Context, q db.Queryer, area UnitID) ([]int64, error)
}

// A HandoverEvent says what has become of a handover.
type HandoverEvent string

// What happens to handovers: it is packed or a successor is named, who has to sign; and the successor has signed.
const (
	HandoverReady HandoverEvent = "ready"
	HandoverDone  HandoverEvent = "signed"
)

// HandoverChanged tells who must hear of a handover, in the transaction of its change; interim holds the area until the
// successor signs.
type HandoverChanged func(ctx context.Context, tx *db.Tx, by Actor, event HandoverEvent, h Handover, interim []Incumbent) error

func nobodyHears(context.Context, *db.Tx, Actor, HandoverEvent, Handover, []Incumbent) error {
	return nil
}

// unsignedFor is how long a successor may take to sign before the area is a gap.
const unsignedFor = 7 * 24 * time.Hour

// maySign says why by does not sign h, or nil: the successor does, in the role they take over.
func (h Handover) maySign(by Actor) error {
	if guard.On(guard.Rule) && (h.SuccessorID == nil || *h.SuccessorID != by.Assignment || by.StandInFor != 0) {
		return problem.ErrForbidden
	}
	if h.State != HandoverPacked {
		return ErrIllegalTransition.With("state", string(h.State))
	}
	return nil
}
