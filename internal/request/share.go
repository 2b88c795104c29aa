package request

import (
	"cmp"
	"context"
	"slices"
	"time"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/sealed"
)

// A share is the part of a request's way that one of its askers has been told of: from the line on with which they came
// to it, until the one with which they left it. Whoever asked first has the whole of it; whoever joined others, or was
// merged with them, has nothing of what those were told before (docs/adr/0011).
type share struct {
	Request     ID
	From, Until int64     // lines of the history; 0: from the first one on, to the last one
	Since, To   time.Time // when those were written; the beginning of time, and zero
	steps       []Step    // all of them
}

// holds says whether l is in h. Lines follow each other by their moments: of their numbers each node has its own.
func (h share) holds(l Step) bool {
	return (h.From == 0 || !l.before(h.Since, h.From)) && (h.Until == 0 || l.before(h.To, h.Until+1))
}

// before says whether l was written before a line with a number, which was written at a moment.
func (l Step) before(at time.Time, id int64) bool {
	return cmp.Or(l.RecordedAt.Compare(at), cmp.Compare(l.ID, id)) < 0
}

// during says whether at is in h.
func (h share) during(at time.Time) bool {
	return !at.Before(h.Since) && (h.To.IsZero() || !at.After(h.To))
}

// whole says whether nothing came before h.
func (h share) whole() bool { return h.From == 0 }

// knows says whether the askers of h were told of the promise when it was made.
func (h share) knows(id PromiseID) bool {
	return h.whole() || slices.ContainsFunc(h.steps, func(l Step) bool {
		return l.Move == "promised" && l.Promise == id && h.holds(l)
	})
}

// sharesOf are those of an asker, the first one first: of the request they have told or joined, and of those it was
// merged into.
func sharesOf(ctx context.Context, q db.Queryer, keys *sealed.Keys, a asker) (all []share, err error) {
	h := share{Request: cmp.Or(a.Origin, a.Request), Since: time.Unix(0, 0).UTC()}
	if h.steps, err = history(ctx, q, keys, h.Request); err != nil {
		return nil, err
	}
	for _, l := range h.steps {
		if l.Move == "joined" && l.Asker == a.ID {
			h.From, h.Since = l.ID, l.RecordedAt
			break
		}
	}
	for {
		all = append(all, h)
		into, err := mergedInto(ctx, q, keys, h)
		if err != nil || len(into) == 0 {
			return all, err
		}
		last := into[len(into)-1]
		if last.Until != 0 { // it goes on by itself
			return append(all, into...), nil
		}
		all, h = append(all, into[:len(into)-1]...), last
	}
}

// mergedInto are the shares that the askers of h have had in what it was merged into meanwhile.
func mergedInto(ctx context.Context, q db.Queryer, keys *sealed.Keys, h share) (all []share, err error) {
	targets, err := targetsOf(ctx, q, h.Request)
	if err != nil {
		return nil, err
	}
	for _, l := range h.steps {
		switch {
		case l.Move == string(Merged) && len(targets) > 0:
			in := share{Request: targets[0], From: l.ID, Since: l.RecordedAt}
			targets = targets[1:]
			if !h.holds(l) {
				continue
			}
			if in.steps, err = history(ctx, q, keys, in.Request); err != nil {
				return nil, err
			}
			all = append(all, in)
		case l.Move == "unmerged" && len(all) > 0 && all[len(all)-1].Until == 0:
			all[len(all)-1].Until, all[len(all)-1].To = l.ID, l.RecordedAt
		}
	}
	return all, nil
}

// becameOf are the moves that say what became of a promise.
var becameOf = map[string]bool{
	"promise_moved": true, "promise_dropped": true, "promise_kept": true, "promise_over": true, "promise_resumed": true,
}

// shared are the lines of all shares, in the order they were written. What became of a promise is for those who were
// given it.
func shared(all []share) (steps []Step) {
	for _, h := range all {
		for _, l := range h.steps {
			if h.holds(l) && (!becameOf[l.Move] || h.knows(l.Promise)) {
				steps = append(steps, l)
			}
		}
	}
	slices.SortStableFunc(steps, func(a, b Step) int { return cmp.Or(a.RecordedAt.Compare(b.RecordedAt), cmp.Compare(a.ID, b.ID)) })
	return steps
}

// readShares reads what an asker with these shares sees of promises, cards, counters and of who has looked.
func (p *ReceiptPage) readShares(ctx context.Context, q db.Queryer, keys *sealed.Keys, a asker, all []share) error {
	for _, h := range all {
		promises, err := PromisesOf(ctx, q, keys, h.Request)
		if err != nil {
			return err
		}
		for _, m := range promises {
			if h.knows(m.ID) && !slices.ContainsFunc(p.Promises, func(o Promise) bool { return o.ID == m.ID }) {
				p.Promises = append(p.Promises, m)
			}
		}
		cards, err := cardsShared(ctx, q, h)
		if err != nil {
			return err
		}
		for _, c := range cards {
			if !slices.ContainsFunc(p.Cards, func(o Card) bool { return o.ID == c.ID }) {
				p.Cards = append(p.Cards, c)
			}
		}
		counters, err := countersOf(ctx, q, h.Request)
		if err != nil {
			return err
		}
		for _, c := range counters {
			if h.during(c.AddedAt) && !slices.ContainsFunc(p.Counters, func(o CounterStep) bool { return o.ID == c.ID }) {
				p.Counters = append(p.Counters, c)
			}
		}
	}
	var err error
	p.Views, err = viewsOf(ctx, q, a, all)
	return err
}
