package notify

import (
	"context"
	"errors"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/kv"
)

// fewest is the smallest group of which anything is told but its size: of fewer, a count is somebody's habit.
const fewest = 5

// A Reach is whom an announcement reaches in which way, as far as one can know before. Who has
// muted the kind is not in WithCredit, and in CallNeeded if they must be reached.
type Reach struct {
	Recipients int `json:"recipients"`
	WithCredit int `json:"withCredit"` // WeChat may tell them, at once or in the summary of the day
	CallNeeded int `json:"callNeeded"` // must be reached, and by phone
	Muted      int `json:"muted"`
	InQuiet    int `json:"inQuietHours"` // of those that WeChat may tell; it does when these are over
	Online     int `json:"-"`            // -1: nobody can say now
}

// forecastLoad is how many recipients are looked at together.
const forecastLoad = 2_000

// Forecast counts whom a would reach now, and how many of them are online; nil: nobody is asked. What the same announcement
// then does, sent at once, is the same: the rules are those by which messages are judged.
func (s *Notices) Forecast(ctx context.Context, a Announcement, online onlineAmong) (r Reach, err error) {
	prio, _, err := a.judge()
	if err != nil {
		return r, err
	}
	in, err := a.To.find(ctx, s.DB)
	if err != nil {
		return r, err
	}
	total, err := in.count(ctx, s.DB, a.By.PersonID)
	if err != nil {
		return r, err
	}
	if err := a.fits(total); err != nil {
		return r, err
	}
	code, _ := repeatOf(a.Kind, min(prio, Prompt))
	if prio == Ordinary {
		code.code = onDigest
	}
	templates, err := allTemplates(ctx, s.DB)
	if err != nil {
		return r, err
	}
	w := weigher{
		now: s.DB.Now(), kind: a.Kind, prio: prio, mustReach: a.MustReach || code.mustReach, app: s.Sends.app,
		template: templates[code.code], online: online,
	}
	for after, more := org.PersonID(0), true; more; {
		var some []recipient
		if some, after, more, err = in.next(ctx, s.DB, a.By.PersonID, after, forecastLoad); err != nil {
			return r, err
		}
		if len(some) == 0 {
			break
		}
		if err := w.add(ctx, s.DB, &r, some); err != nil {
			return r, err
		}
	}
	return r, nil
}

// A weigher says in which way recipients are reached.
type weigher struct {
	now       time.Time
	kind      string
	prio      int
	mustReach bool
	app       string
	template  Template
	online    onlineAmong
}

// add counts some recipients.
func (w weigher) add(ctx context.Context, q db.Queryer, r *Reach, some []recipient) error {
	persons := make([]org.PersonID, len(some))
	for i, x := range some {
		persons[i] = x.Person
	}
	muted, err := w.muted(ctx, q, persons)
	if err != nil {
		return err
	}
	hours, err := hoursOfAll(ctx, q, persons)
	if err != nil {
		return err
	}
	reached := map[org.PersonID]bool{}
	if w.template.ID != "" && !w.template.paused(w.now) {
		if reached, err = canHave(ctx, q, persons, w.app, w.template); err != nil {
			return err
		}
	}
	for _, p := range persons {
		r.Recipients++
		switch {
		case muted[p]:
			r.Muted++
			if w.mustReach {
				r.CallNeeded++
			}
		case reached[p]:
			r.WithCredit++
		case w.mustReach:
			r.CallNeeded++
		}
		h, own := hours[p]
		if !own {
			h = usual
		}
		if _, quiet := h.quietEnd(w.due(h)); quiet && w.prio != Safety && reached[p] && !muted[p] {
			r.InQuiet++
		}
	}
	return w.addOnline(ctx, r, persons)
}

// addOnline counts who of persons is online, unless nobody can say.
func (w weigher) addOnline(ctx context.Context, r *Reach, persons []org.PersonID) error {
	if w.online == nil || r.Online < 0 {
		return nil
	}
	n, err := w.online(ctx, persons)
	switch {
	case errors.Is(err, kv.ErrAway):
		r.Online = -1
	case err != nil:
		return err
	default:
		r.Online += n
	}
	return nil
}

// due is when WeChat would repeat what is told now to somebody with these hours; what can wait does until their summary.
func (w weigher) due(h hours) time.Time {
	switch w.prio {
	case Prompt:
		return w.now.Add(patience)
	case Ordinary:
		today := calendar.DayOf(w.now)
		if at := h.digestAt.on(today); !w.now.After(at) {
			return at
		}
		return h.digestAt.on(today.Add(1))
	}
	return w.now
}

// muted are those of persons who want no message of it; of danger everybody gets one (N7).
func (w weigher) muted(ctx context.Context, q db.Queryer, persons []org.PersonID) (map[org.PersonID]bool, error) {
	switch w.prio {
	case Safety:
		return nil, nil
	case Ordinary:
		return unwilling(ctx, q, persons, w.kind, `digest`)
	}
	return unwilling(ctx, q, persons, w.kind, `wechat`)
}

// connectedFor is how long somebody counts as connected after a node has said so (push.md §7).
const connectedFor = 180 * time.Second

// An onlineAmong counts who of some persons is connected to some node.
type onlineAmong func(ctx context.Context, persons []org.PersonID) (int, error)

// online is an onlineAmong that asks Redis about these persons and about nobody else: of a county many thousands are
// connected.
func (s *Notices) online(ctx context.Context, persons []org.PersonID) (n int, err error) {
	var shards [kv.Shards][]int64
	for _, p := range persons {
		shard := kv.ShardOf(int64(p))
		shards[shard] = append(shards[shard], int64(p))
	}
	since, b := float64(s.DB.Now().Add(-connectedFor).Unix()), s.KV.Batch()
	var seen []*kv.Reply
	for shard, some := range shards {
		if len(some) > 0 {
			seen = append(seen, b.Scores(kv.Online(shard), some...)) //nolint:contextcheck // because Send has the context of all parts
		}
	}
	if err := b.Send(ctx); err != nil {
		return 0, err
	}
	for _, r := range seen {
		v, err := r.Value()
		if err != nil {
			return 0, err
		}
		at, _ := v.([]float64)
		for _, last := range at {
			if last >= since {
				n++
			}
		}
	}
	return n, nil
}
