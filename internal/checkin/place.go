package checkin

import (
	"math"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/problem"
)

// A Place (场所) can show a place code.
type Place struct {
	ID      PlaceID       `db:"id"`
	UnitID  org.UnitID    `db:"unit_id"`
	Kind    string        `db:"kind"`
	Name    string        `db:"name"`
	EndsOn  *calendar.Day `db:"ends_on"` // from this day on it is not used; nil: no end
	Version int64         `db:"version"`

	UnitName string `db:"unit_name" json:"-"`

	// The fence, in millionths of a degree and in metres; all nil if there is none.
	FenceNorth  *int64 `db:"fence_north"`
	FenceEast   *int64 `db:"fence_east"`
	FenceRadius *int64 `db:"fence_radius"`
}

// Fence is that of p, if it has one.
func (p Place) Fence() (f Fence, ok bool) {
	if p.FenceNorth == nil || p.FenceEast == nil || p.FenceRadius == nil {
		return f, false
	}
	return Fence{
		Centre: Point{North: float64(*p.FenceNorth) / 1e6, East: float64(*p.FenceEast) / 1e6, Datum: GCJ02},
		Radius: int(*p.FenceRadius),
	}, true
}

// Fenced is p with a fence, or with none.
func (p Place) Fenced(f *Fence) Place {
	p.FenceNorth, p.FenceEast, p.FenceRadius = nil, nil, nil
	if f != nil {
		c := f.Centre.gcj02()
		north, east, radius := int64(math.Round(c.North*1e6)), int64(math.Round(c.East*1e6)), int64(f.Radius)
		p.FenceNorth, p.FenceEast, p.FenceRadius = &north, &east, &radius
	}
	return p
}

// shows says why by cannot make p show its code, or nil: whoever may fetch codes at home would be on site there.
func (p Place) shows(by org.Actor) error {
	if guard.On(guard.Rule) && (by.Grid.ID != p.UnitID || !counterpart(by) && by.Role != org.RoleCounterClerk) {
		return problem.ErrForbidden
	}
	return nil
}

// canEnd says why p cannot be used until a day, or nil.
func (p Place) canEnd(today calendar.Day) error {
	if p.EndsOn != nil && *p.EndsOn < today {
		return ErrPlaceEnd.Field("/endsOn", ErrPlaceEnd.Code)
	}
	return nil
}

// changedMeanwhile says what p is by now to somebody who has seen an older version.
func (p Place) changedMeanwhile(yours int64) error {
	now := map[string]any{"version": p.Version, "kind": p.Kind, "name": p.Name}
	if p.EndsOn != nil {
		now["endsOn"] = *p.EndsOn
	}
	return problem.ErrConflict.With("yours", yours).With("current", now)
}
