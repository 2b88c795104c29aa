package request

import (
	"context"
	"slices"
	"strconv"

	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

// ref is p as notifications name it.
func (p Promise) ref() notify.Ref { return notify.Ref{Type: "promise", ID: int64(p.ID)} }

// once is the key by which what happened to p as it now is reaches a person once.
func (p Promise) once(event string) string {
	return "promise." + event + ":" + strconv.FormatInt(int64(p.ID), 10) + ":" + strconv.Itoa(p.Moved)
}

// promiser is whoever keeps p: of an empty seat its unit's lead, of a vacant unit the interim holder, and while somebody is away who stands in. Of what p is
// about a concern nobody hears whom that is kept from: whoever deals with it does (V6).
func (p Promise) promiser(ctx context.Context, tx *db.Tx) (in []org.Incumbent, u org.Unit, err error) {
	if u, err = org.UnitByID(ctx, tx, p.UnitID); err != nil {
		return nil, u, err
	}
	r, err := p.about(ctx, tx)
	if err != nil {
		return nil, u, err
	}
	if !leading[p.Role] {
		if in, err = inSeat(ctx, tx, seat{Unit: p.UnitID, Role: p.Role}); err != nil || len(in) > 0 {
			if err == nil {
				in, err = unconcerned(ctx, tx, r.Request, in)
			}
			return in, u, err
		}
	}
	if in, err = leads(ctx, tx, u); err == nil && len(in) == 0 {
		in, err = aboveIn(ctx, tx, u)
	}
	if err == nil && len(in) > 0 {
		in, err = org.Present(ctx, tx, in, calendar.DayOf(tx.Now))
	}
	if err == nil {
		in, err = unconcerned(ctx, tx, r.Request, in)
	}
	if err != nil || len(in) > 0 || r.About == nil {
		return in, u, err
	}
	in, err = p.keepers(ctx, tx, r.Request)
	return in, u, err
}

// aboveIn are those who act meanwhile for u, which nobody leads (T8).
func aboveIn(ctx context.Context, tx *db.Tx, u org.Unit) ([]org.Incumbent, error) {
	ladder, err := org.Ladder(ctx, tx, u)
	if err != nil {
		return nil, err
	}
	from := u.Level + 1
	if u.Level == 0 { // a section, which is below the office
		from = topLevel
	}
	_, in, err := leadFrom(ctx, tx, Request{}, ladder, from)
	return in, err
}

// tellPromisers tells whoever is to keep promises about r, or about what goes on as r, an item about r: they find it as the
// need that they gave their word on.
func tellPromisers(ctx context.Context, tx *db.Tx, r Request, item notify.Item) error {
	ids, err := goingOnAs(ctx, tx, r.ID)
	if err != nil {
		return err
	}
	for _, id := range ids {
		all, err := promisesOf(ctx, tx, id)
		if err != nil {
			return err
		}
		item.Ref.ID = int64(id)
		for _, p := range all {
			if p.State != PromiseOpen {
				continue
			}
			in, _, err := p.promiser(ctx, tx)
			if err != nil {
				return err
			}
			if err := notify.Tell(ctx, tx, audience(in), item); err != nil {
				return err
			}
		}
	}
	return nil
}

// receiptOf is the receipt that the asker knows the request of p by, and what that goes on as; none if it is about none.
func (s *Service) receiptOf(ctx context.Context, q db.Queryer, p Promise) (args map[string]any, r Request, err error) {
	args = map[string]any{"dueAt": p.DueOn.Time()}
	if p.RequestID == nil {
		return args, Request{}, nil
	}
	rows, err := s.Opened(ctx, q, *p.RequestID)
	if err != nil || len(rows) == 0 {
		return args, Request{}, err
	}
	args["receiptCode"] = string(rows[0].Receipt)
	on, err := goesOnAs(ctx, q, *p.RequestID)
	if err != nil {
		return args, Request{}, err
	}
	if rows, err = byIDs(ctx, q, []ID{on}); err != nil || len(rows) == 0 {
		return args, Request{}, err
	}
	return args, rows[0].Request, nil
}

// tellDue reminds the promiser of p. When what it was about is over there is nothing to remind of (K19).
func (s *Service) tellDue(ctx context.Context, tx *db.Tx, p Promise) error {
	args, r, err := s.receiptOf(ctx, tx, p)
	if err != nil || r.ID != 0 && !r.State.Open() {
		return err
	}
	to, _, err := p.promiser(ctx, tx)
	if err != nil {
		return err
	}
	return notify.Tell(ctx, tx, audience(to), notify.Item{Kind: "promise.due", Ref: p.ref(), Args: args, Dedupe: p.once("due")})
}

// tellMoved tells the askers that p has another day and, when it has moved twice, whoever leads the promiser (X25).
func (s *Service) tellMoved(ctx context.Context, tx *db.Tx, by org.Actor, p Promise) error {
	if err := s.tellAskersMoved(ctx, tx, by, p); err != nil || p.Moved != helpNeeded {
		return err
	}
	_, u, err := p.promiser(ctx, tx)
	if err != nil {
		return err
	}
	_, above, err := leadOfSeat(ctx, tx, u, p.Role)
	if err != nil {
		return err
	}
	r, err := p.about(ctx, tx)
	if err != nil {
		return err
	}
	if above, err = unconcerned(ctx, tx, r.Request, above); err != nil {
		return err
	}
	return notify.Tell(ctx, tx, audience(above), notify.Item{
		Kind: "promise.help_needed", Ref: p.ref(), By: by, Args: map[string]any{"count": 1}, Dedupe: p.once("help"),
	})
}

// leadOfSeat is whoever leads those in a role of u, and the unit they lead: of a role beside the lead that unit itself, else
// the next one up the ladder that anybody leads (glossary: Lead).
func leadOfSeat(ctx context.Context, tx *db.Tx, u org.Unit, role org.Role) (org.Unit, []org.Incumbent, error) {
	if role != "" && !leading[role] {
		if in, err := leads(ctx, tx, u); err != nil || len(in) > 0 {
			return u, in, err
		}
	}
	return org.InterimHolder(ctx, tx, u, calendar.DayOf(tx.Now))
}

// tellAskersMoved tells the askers who were given p, each by their own receipt, wherever their request goes on. Nobody is
// called for it: whoever has no inbox reads it on the receipt.
func (s *Service) tellAskersMoved(ctx context.Context, tx *db.Tx, by org.Actor, p Promise) error {
	if p.RequestID == nil {
		return nil
	}
	on, err := goesOnAs(ctx, tx, *p.RequestID)
	if err != nil {
		return err
	}
	to, err := listeners(ctx, tx, s.keys, on)
	if err != nil {
		return err
	}
	for _, a := range to {
		if a.Person == 0 {
			continue
		}
		given, err := s.given(ctx, tx, a.ID, p)
		if err != nil {
			return err
		}
		if !given {
			continue
		}
		if err := notify.Tell(ctx, tx, notify.Persons(a.Person), notify.Item{
			Kind: "promise.moved", Ref: notify.Ref{Type: "request", ID: int64(on)}, By: by,
			Args: map[string]any{"receiptCode": string(a.Receipt), "dueAt": p.DueOn.Time()}, Dedupe: p.once("moved"),
		}); err != nil {
			return err
		}
	}
	return nil
}

// given says whether an asker was told of p when it was made: it stands on their receipt.
func (s *Service) given(ctx context.Context, q db.Queryer, asker AskerID, p Promise) (bool, error) {
	a, err := findAsker(ctx, q, asker)
	if err != nil {
		return false, err
	}
	shares, err := sharesOf(ctx, q, s.keys, a)
	return slices.ContainsFunc(shares, func(h share) bool { return h.Request == *p.RequestID && h.knows(p.ID) }), err
}
