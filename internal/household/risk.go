package household

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/say"
)

// A RiskEventID names a risk event.
type RiskEventID int64

// A RiskState says how far a risk event has come.
type RiskState string

// The states of a risk event.
const (
	RiskOpen   RiskState = "open"
	RiskClosed RiskState = "closed"
	RiskPurged RiskState = "purged" // nothing is left of it but the count
)

// What risk events refuse.
var (
	ErrRiskScope = problem.New(problem.Invalid, "risk.scope_invalid")
	ErrRiskOver  = problem.New(problem.Conflict, "risk.illegal_transition")
	ErrRiskThere = problem.New(problem.Conflict, "risk.there_is_one")
)

const (
	riskHours  = 168                 // at most
	riskPurge  = 14 * 24 * time.Hour // after closing nothing temporary is left
	riskWindow = 31 * 24 * time.Hour // how far back the list of events reaches
)

// A RiskEvent (风险天气) is dangerous weather in a place, from its opening until it ends. It opens a list of homes that
// agreed to be called at; nobody has to walk it.
type RiskEvent struct {
	ID         RiskEventID      `db:"id"`
	UnitID     org.UnitID       `db:"unit_id"`
	UnitName   string           `db:"unit_name"`
	Kind       string           `db:"kind"`
	State      RiskState        `db:"state"`
	OpenedAt   time.Time        `db:"opened_at"`
	EndsAt     time.Time        `db:"ends_at"`
	ClosedAt   *time.Time       `db:"closed_at"`
	PurgeAt    *time.Time       `db:"purge_at"`
	Offered    int              `db:"offered"`
	PersonID   org.PersonID     `db:"person_id"`
	Assignment org.AssignmentID `db:"assignment_id"`
	Version    int64            `db:"version"`
}

// covers says whether a visit that was paid at a moment belongs to e.
func (e RiskEvent) covers(at time.Time) bool {
	end := e.EndsAt
	if e.ClosedAt != nil {
		end = *e.ClosedAt
	}
	return !at.Before(e.OpenedAt) && at.Before(end)
}

// close ends e as of a moment; 14 days later nothing temporary is left.
func (e *RiskEvent) close(at time.Time) {
	purge := at.Add(riskPurge)
	e.State, e.ClosedAt, e.PurgeAt = RiskClosed, &at, &purge
}

// A NewRisk is weather as the office announces it.
type NewRisk struct {
	Kind  string
	Hours int
	Unit  org.UnitID
}

// An Offer is a home on the list of a risk event.
type Offer struct {
	ID       int64      `db:"id"`
	EventID  int64      `db:"event_id"`
	AreaID   org.UnitID `db:"area_id"`
	Premises ID         `db:"premises_id"`
	Reason   DueReason  `db:"reason"`
	VisitID  *VisitID   `db:"visit_id"`
	Entrance string     `db:"entrance"`
	Door     string     `db:"door"`
	Result   *Result    `db:"result"`
}

// OpenRisk opens a risk event in a place or in the whole subdistrict, with its list: homes that somebody lives in, that
// want to be visited, and that agreed to it or were promised something about the house. Those who look after one hear
// of it at once.
func (s *Service) OpenRisk(ctx context.Context, by org.Actor, n NewRisk) (e RiskEvent, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		var id RiskEventID // all that is kept for a repeat: the rest is read again
		if err := once.Do(ctx, tx, int64(by.PersonID), &id, func() (err error) {
			id, err = s.Risk(ctx, tx, by, n)
			return err
		}); err != nil {
			return err
		}
		e, err = findRisk(ctx, tx, by, id)
		return err
	})
	return e, err
}

// Risk is OpenRisk in the transaction of whoever calls.
func (s *Service) Risk(ctx context.Context, tx *db.Tx, by org.Actor, n NewRisk) (RiskEventID, error) {
	if by.Grid.Kind != org.Subdistrict { // a district's office has the sums only
		return 0, problem.ErrForbidden
	}
	u, err := org.FindStanding(ctx, tx, by, n.Unit)
	if err != nil {
		return 0, err
	}
	if u.Tree != org.GridTree || !org.IsPlace(u.Kind) && u.Kind != org.Subdistrict {
		return 0, ErrRiskScope.Field("/unitId", ErrRiskScope.Code)
	}
	if there, err := riskOpenAt(ctx, tx, u.ID, n.Kind); err != nil || there {
		if err == nil {
			err = ErrRiskThere
		}
		return 0, err
	}
	e := RiskEvent{
		UnitID: u.ID, Kind: n.Kind, State: RiskOpen, OpenedAt: tx.Now, EndsAt: tx.Now.Add(time.Duration(min(n.Hours, riskHours)) * time.Hour),
		PersonID: by.PersonID, Assignment: by.Assignment,
	}
	offers, err := whomToOffer(ctx, tx, u)
	if err != nil {
		return 0, err
	}
	e.Offered = len(offers)
	if err := insertRisk(ctx, tx, &e); err != nil {
		return 0, err
	}
	if err := insertOffers(ctx, tx, e.ID, offers); err != nil {
		return 0, err
	}
	audit.Note(tx, by.Did("risk.opened", "risk_event", int64(e.ID)))
	return e.ID, tellRisk(ctx, tx, by, e, u, offers)
}

// whomToOffer are the homes of u that go onto the list of a risk event, by area: a promise goes before a wish.
func whomToOffer(ctx context.Context, tx *db.Tx, u org.Unit) ([]Offer, error) {
	day := calendar.DayOf(tx.Now)
	promised, err := promisedIn(ctx, tx, u, day)
	if err != nil {
		return nil, err
	}
	agreed, err := agreedIn(ctx, tx, u, day)
	if err != nil {
		return nil, err
	}
	there := map[ID]bool{}
	for i, o := range promised {
		promised[i].Reason, there[o.Premises] = PromiseDue, true
	}
	for _, o := range agreed {
		if o.Reason = AgreedRiskVisit; !there[o.Premises] {
			promised = append(promised, o)
		}
	}
	return unmuted(ctx, tx, promised, day)
}

// unmuted are those of the offers whose homes were visited or want to be, by area.
func unmuted(ctx context.Context, tx *db.Tx, offers []Offer, day calendar.Day) ([]Offer, error) {
	var kept []Offer
	for some := range slices.Chunk(offers, 500) {
		ids := make([]ID, len(some))
		for i, o := range some {
			ids[i] = o.Premises
		}
		muted, err := mutes(ctx, tx, ids, day)
		if err != nil {
			return nil, err
		}
		for _, o := range some {
			if _, quiet := muted[o.Premises]; !quiet || o.VisitID != nil {
				kept = append(kept, o)
			}
		}
	}
	slices.SortStableFunc(kept, func(a, b Offer) int { return int(a.AreaID - b.AreaID) })
	return kept, nil
}

// tellRisk tells those who look after a home on the list, at once; while one is away, who stands in.
func tellRisk(ctx context.Context, tx *db.Tx, by org.Actor, e RiskEvent, u org.Unit, offers []Offer) error {
	var to notify.Audience
	for i, o := range offers {
		if i > 0 && offers[i-1].AreaID == o.AreaID {
			continue
		}
		in, err := holderOf(ctx, tx, o.AreaID)
		if err == nil && len(in) > 0 {
			in, err = org.Present(ctx, tx, in, calendar.DayOf(tx.Now))
		}
		if err != nil {
			return err
		}
		to = to.And(inRoles(in))
	}
	return notify.Tell(ctx, tx, to, notify.Item{
		Kind: "risk.opened", Ref: notify.Ref{Type: "risk_event", ID: int64(e.ID)}, Urgent: true, By: by,
		Args:   map[string]any{"kindLabel": say.Text(say.Chinese, "risk.kind_"+e.Kind), "unitLabel": u.Name, "at": e.OpenedAt},
		Dedupe: "risk.opened:" + strconv.FormatInt(int64(e.ID), 10),
	})
}

// CloseRisk ends a risk event before its time.
func (s *Service) CloseRisk(ctx context.Context, by org.Actor, id RiskEventID) (e RiskEvent, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if err := once.Do(ctx, tx, int64(by.PersonID), nil, func() error {
			if e, err = findRisk(ctx, tx, by, id); err != nil {
				return err
			}
			if by.Grid.Kind != org.Subdistrict {
				return problem.ErrForbidden
			}
			if e.State != RiskOpen {
				return ErrRiskOver.With("state", string(e.State))
			}
			e.close(tx.Now)
			saved, err := saveRisk(ctx, tx, e)
			if err != nil {
				return err
			}
			if !saved { // somebody, or its end, was faster
				return ErrRiskOver.With("state", string(RiskClosed))
			}
			audit.Note(tx, by.Did("risk.closed", "risk_event", int64(id)))
			return nil
		}); err != nil {
			return err
		}
		e, err = findRisk(ctx, tx, by, id)
		return err
	})
	return e, err
}

// A RiskCount is a risk event with how many homes it was offered to and at how many somebody called, small counts
// hidden.
type RiskCount struct {
	RiskEvent
	Offered string
	Done    string
}

// ReadRisk shows a risk event and its counts, to whoever may see counts; never a home.
func (s *Service) ReadRisk(ctx context.Context, by org.Actor, id RiskEventID) (c RiskCount, err error) {
	if c.RiskEvent, err = findRisk(ctx, s.db, by, id); err != nil {
		return RiskCount{}, err
	}
	done, err := countDone(ctx, s.db, id)
	c.Offered, c.Done = small(c.RiskEvent.Offered), small(done)
	return c, err
}

// Risks is a page of the risk events of the last 31 days in by's places or, for who sees less than that, around theirs;
// the newest first, and the cursor behind it.
func (s *Service) Risks(ctx context.Context, by org.Actor, cursor string, size int) (all []RiskEvent, next string, err error) {
	p, err := s.pages.Parse(cursor, size, page.Bound("listRiskEvents", by.PersonID, by.Assignment))
	if err != nil {
		return nil, "", err
	}
	since := s.db.Now().Add(-riskWindow)
	list := listRisksAround
	if by.Wide() {
		list = listRisks
	}
	all, err = list(ctx, s.db, by, since, p)
	if err != nil {
		return nil, "", err
	}
	all, next = page.Cut(all, p, func(e RiskEvent) (time.Time, int64) { return e.OpenedAt, int64(e.ID) })
	return all, next, nil
}

// Round is the list of a risk event for who looks after the homes on it, be it while nobody else does: promises first. Nothing of it is left 14 days
// after the event. It is not there for anybody else.
func (s *Service) Round(ctx context.Context, by org.Actor, id RiskEventID) (offers []Offer, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		areas, err := lookingAfter(ctx, tx, by)
		if err != nil {
			return err
		}
		if _, err := findRisk(ctx, tx, by, id); err != nil {
			return err
		}
		offers = nil
		for _, by := range areas {
			some, err := listOffers(ctx, tx, by, id)
			if err != nil {
				return err
			}
			offers = append(offers, some...)
		}
		if len(offers) == 0 && !holdsArea(by) { // a lead has no list of their own
			return problem.ErrNotFound
		}
		if offers, err = unmuted(ctx, tx, offers, calendar.DayOf(tx.Now)); err != nil {
			return err
		}
		audit.Note(tx, by.Did("risk.round_read", "risk_event", int64(id)))
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(offers, func(a, b Offer) int { return a.Reason.order() - b.Reason.order() })
	return offers, nil
}

// CloseDue closes risk events whose time is over, as of that moment, and leaves nothing temporary of those that closed
// 14 days ago. It says whether there were any. Any number of nodes may do so at one time: each event moves on its
// version (K14).
func (s *Service) CloseDue(ctx context.Context) (some bool, err error) {
	now := s.db.Now()
	over, err := risksOver(ctx, s.db, now)
	if err != nil {
		return false, err
	}
	failed := db.Each(ctx, over, func(e RiskEvent) error {
		return s.db.InTx(ctx, func(tx *db.Tx) error {
			e.close(e.EndsAt)
			saved, err := saveRisk(ctx, tx, e)
			if saved {
				audit.Note(tx, org.System.Did("risk.closed", "risk_event", int64(e.ID)))
			}
			return err
		})
	})
	old, err := risksToPurge(ctx, s.db, now)
	if err != nil {
		return false, errors.Join(failed, err)
	}
	purged := db.Each(ctx, old, func(e RiskEvent) error {
		return s.db.InTx(ctx, func(tx *db.Tx) error { return purgeRisk(ctx, tx, e) })
	})
	return len(over)+len(old) > 0, errors.Join(failed, purged)
}

// purgeRisk leaves nothing of the list of e, nor of what was noted on its way.
func purgeRisk(ctx context.Context, tx *db.Tx, e RiskEvent) error {
	e.State = RiskPurged
	saved, err := saveRisk(ctx, tx, e)
	if err != nil || !saved {
		return err
	}
	audit.Note(tx, org.System.Did("risk.purged", "risk_event", int64(e.ID)))
	return purgeOffers(ctx, tx, e)
}
