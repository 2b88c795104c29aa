package push

import (
	"context"
	"slices"
	"time"

	"wanjia/internal/platform/calendar"
)

// rights are the role assignments of a person: those that hold, and those that were asked for and do not.
type rights struct {
	live, ended []int64
	at          int64 // when they were read, Unix ms; 0: not
	version     int   // counts changes told from outside
	forgot      int64 // when the last of them was told, Unix ms
}

// RightsChanged makes the next item of person wait until their role assignments have been read again.
func (h *Hub) RightsChanged(id int64) {
	if p := h.find(id); p != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.rights.forget(h.now())
	}
}

func (r *rights) forget(now int64) { *r = rights{version: r.version + 1, forgot: now} }

// fresh says whether rights that were read at a moment count now: for a while, and not over midnight, when roles begin and end.
func fresh(at, now int64) bool {
	return at != 0 && now-at < rightsFor.Milliseconds() && calendar.SameDay(time.UnixMilli(at), time.UnixMilli(now))
}

// vouch notes that somebody saw a role hold at a moment, so that a thousand devices that hear of one announcement do not
// ask one by one. What they saw before the last change counts for nothing.
func (r *rights) vouch(as, held, now int64) {
	switch known := fresh(r.at, now); {
	case as == 0 || held <= r.forgot || !fresh(held, now):
	case !known:
		r.live, r.ended, r.at = []int64{as}, nil, held
	case !slices.Contains(r.live, as) && !slices.Contains(r.ended, as):
		r.live = append(slices.Clone(r.live), as)
		r.at = min(r.at, held)
	}
}

// permitted are entries as person may see them now: those of ended roles without their content.
func (h *Hub) permitted(p *person, entries []Entry) ([]Entry, error) {
	out := entries
	var seen int64 // the role of the entry before, as a rule that of all
	var live bool
	for i, e := range entries {
		as := e.assignment()
		if as == 0 {
			continue
		}
		if as != seen {
			var err error
			if live, err = h.holds(p, as); err != nil {
				return nil, err
			}
			seen = as
		}
		if !live {
			if &out[0] == &entries[0] {
				out = slices.Clone(entries)
			}
			out[i].Tail = goneTail
		}
	}
	return out, nil
}

// holds says whether p holds the role assignment now. One that is neither known to hold nor to have ended may be
// new: it is looked up.
func (h *Hub) holds(p *person, as int64) (bool, error) {
	for {
		p.mu.Lock()
		r := p.rights
		p.mu.Unlock()
		if fresh(r.at, h.now()) {
			if slices.Contains(r.live, as) {
				return true, nil
			}
			if slices.Contains(r.ended, as) {
				return false, nil
			}
		}
		at := h.now()
		ctx, cancel := context.WithTimeout(context.Background(), askWithin)
		live, err := h.rightsAsked.of(ctx, p.id, h.o.Inbox.Rights)
		cancel()
		if err != nil {
			return false, err
		}
		h.answered.Store(at)
		p.mu.Lock()
		if p.rights.version == r.version { // else they changed while they were read
			ended := []int64{}
			if !slices.Contains(live, as) {
				ended = append(ended, as)
				if fresh(r.at, at) {
					ended = append(ended, r.ended...)
				}
			}
			p.rights = rights{live: live, ended: ended, at: at, version: r.version, forgot: r.forgot}
		}
		p.mu.Unlock()
	}
}
