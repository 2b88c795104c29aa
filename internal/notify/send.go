package notify

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/lease"
	"wanjia/internal/platform/limit"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/platform/wechat"
)

// The rules of a message (push.md §12).
const (
	atOnce      = 16 // messages under way in one process
	sendTime    = 5 * time.Second
	mostTries   = 6 // refusals that may pass by themselves
	firstPause  = 2 * time.Second
	askAgain    = 30 * time.Second // after which a message without an answer is sent once more
	mostUnknown = 2                // times that a message may be sent without an answer
	badTemplate = 20               // ill-formed messages in a row that pause a template
	templateOff = 24 * time.Hour
	slowFor     = 10 * time.Minute
	channelOff  = time.Hour      // after which an app that may not send tries again
	tooOld      = 36 * time.Hour // a message that could not be sent for so long is dead: people are called instead
	recordTime  = 30 * time.Second
	manyAway    = 10 // messages in a row without a word from WeChat: it is away, and the others need not learn it
	awayFirst   = 5 * time.Second
	awayMost    = time.Minute
)

// SendOptions are what Sends need.
type SendOptions struct {
	DB      *db.DB
	Keys    *sealed.Keys
	Client  *wechat.Client  // nil: there is no mini-program, and nobody can be reached by it
	Mailbox *wechat.Mailbox // what WeChat pushes by itself; nil: nothing
	Leases  *lease.Leases
	Limits  *limit.Limits
	Pages   *page.Keys
	Rate    int // messages a second, of all nodes
	Log     *slog.Logger

	// Called has somebody called who must be reached and cannot be, in the transaction that knows.
	Called func(ctx context.Context, tx *db.Tx, u Unreached) error
	// Granted hears of leave that a person has given, after COMMIT; nil: nobody. The shipped fake WeChat does, which sees no
	// phone.
	Granted func(openID, templateID string)
}

// Sends carry messages to WeChat. Any number of nodes may do so: each works for the shards that it holds, and the fence
// in every claim sees to it that a node which has lost a shard, and does not know yet, sends nothing for it.
type Sends struct {
	SendOptions
	db  *db.DB
	app string

	danger, others round
	away           away
	bad            sync.Map // code of a template → nothing: WeChat found a message of it ill-formed here, and took none since
	known          sync.Map // message id → settled: what WeChat said, and the database could not be told

	ended  map[Outcome]*atomic.Int64
	alarms atomic.Int64
}

// NewSends makes the Sends of a node.
func NewSends(o SendOptions) *Sends {
	s := &Sends{SendOptions: o, db: o.DB, ended: map[Outcome]*atomic.Int64{}}
	if o.Client != nil {
		s.app = o.Client.AppID()
	}
	for _, outcome := range Outcomes {
		s.ended[outcome] = &atomic.Int64{}
	}
	return s
}

// Ended is how many messages have ended so on this node since the start.
func (s *Sends) Ended(o Outcome) int64 { return s.ended[o].Load() }

// Alarms is how often, since the start, WeChat said something that only a person can mend, or a message was given up because
// of a fault of ours.
func (s *Sends) Alarms() int64 { return s.alarms.Load() }

// A round is one of the two in which messages go out: what warns of danger does not wait for a load of others.
type round struct {
	mu     sync.Mutex
	looked time.Time // for what is too old, while the app may not send
}

// Turn sends the messages that are due in this node's shards and warn of no danger, a load at a time, and says whether any
// moved on.
func (s *Sends) Turn(ctx context.Context) (bool, error) {
	return s.turn(ctx, &s.others, Prompt, Ordinary)
}

// TurnDanger sends the messages that are due in this node's shards and warn of danger, while the load of Turn is under way.
func (s *Sends) TurnDanger(ctx context.Context) (bool, error) {
	return s.turn(ctx, &s.danger, Safety, Safety)
}

// turn is a turn of r with messages of its priorities: the other round carries those of the others meanwhile.
func (s *Sends) turn(ctx context.Context, r *round, from, to int) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	shards := s.Leases.Held()
	if len(shards) == 0 {
		return false, nil
	}
	settled, wrong := s.settle(ctx, shards, from, to)
	moved, err := s.send(ctx, r, shards, from, to)
	return settled || moved, errors.Join(wrong, err)
}

// send sends a load of the messages of priorities that are due in shards, and says whether any moved on.
func (s *Sends) send(ctx context.Context, r *round, shards []int, from, to int) (bool, error) {
	now := s.db.Now()
	line, err := findLine(ctx, s.db, s.app)
	if err != nil {
		return false, err
	}
	since, look := r.toldBy(line, now)
	if !look {
		return false, nil
	}
	due, err := dueSends(ctx, s.db, shards, now, since, from, to)
	if due = due[:min(len(due), s.away.room(now))]; err != nil || len(due) == 0 {
		return false, err
	}
	templates, err := allTemplates(ctx, s.db)
	if err != nil {
		return false, err
	}
	var moved atomic.Bool
	group := errgroup.Group{}
	group.SetLimit(atOnce)
	for _, m := range due {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			on, err := s.one(ctx, m, templates[m.Template], line)
			if on {
				moved.Store(true)
			}
			return err
		})
	}
	err = group.Wait()
	if moved.Load() { // there may be more
		r.looked = time.Time{}
	}
	return moved.Load(), err
}

// toldBy is by when a message must have been told to be taken up now, and whether to look for any: while the app may not
// send, what is too old ends all the same, but nobody need look for it every second.
func (r *round) toldBy(line line, now time.Time) (since time.Time, look bool) {
	if !line.paused(now) {
		return now, true
	}
	if now.Before(r.looked.Add(time.Minute)) {
		return now, false
	}
	r.looked = now
	return now.Add(-tooOld), true
}

// one brings a message on by one step, and says whether it moved.
func (s *Sends) one(ctx context.Context, m send, t Template, line line) (bool, error) {
	term, held := s.Leases.Holds(m.Shard)
	if !held || s.away.room(s.db.Now()) == 0 {
		return false, nil
	}
	var l *letter
	moved := false
	err := db.Safely(func() (err error) {
		l, moved, err = s.claim(ctx, m, t, term)
		return err
	})
	if err != nil {
		return false, s.failed(ctx, m, term, err)
	}
	if l == nil {
		return moved, nil
	}
	// From here on a stop of the node waits: the message is between us and WeChat.
	ctx = context.WithoutCancel(ctx)
	err = db.Safely(func() error { return s.record(ctx, *l, s.deliver(ctx, *l, line)) })
	if err != nil {
		err = s.failed(ctx, l.send, term, err)
	}
	return true, err
}

// A letter is a message that has been claimed.
type letter struct {
	send
	template Template
	message  wechat.Message
}

// claim decides about m in one transaction: a letter to send now, or nil and whether m moved on.
func (s *Sends) claim(ctx context.Context, m send, t Template, term int64) (l *letter, moved bool, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		l, moved = nil, false
		to, v, err := s.judge(ctx, tx, m, t)
		if err != nil {
			return err
		}
		f := fence{m.Shard, s.Leases.Node(), term}
		switch {
		case v.outcome != "":
			moved, err = s.endWaiting(ctx, tx, m, f, v)
			return err
		case !v.later.IsZero():
			moved, err = postpone(ctx, tx, m, f, v.later)
			return err
		}
		if moved, err = take(ctx, tx, m, f, to.Account); err != nil || !moved {
			return err
		}
		m.Attempt++
		if !t.Long && !m.Paid {
			paid, err := spend(ctx, tx, m, to.Account)
			if err != nil {
				return err
			}
			if !paid {
				_, err := s.end(ctx, tx, m, verdict{outcome: NoCredit})
				return err
			}
			m.Paid = true
		}
		m.Account = to.Account
		values, err := t.values(m.Args, m.At)
		if err != nil {
			return err
		}
		l = &letter{send: m, template: t, message: wechat.Message{OpenID: to.OpenID, Template: t.ID, Page: m.page(), Fields: values}}
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	return l, moved, nil
}

// openAt is the page of the mini-program that a message opens.
const openAt = "pages/inbox/index"

// page is where m leads: to its item in the inbox, by a number that means nothing to anybody else. What the item is about is
// looked up there, under the rights that its reader has by then.
func (m send) page() string {
	if m.Kind == digestKind {
		return openAt
	}
	return openAt + "?seq=" + strconv.FormatInt(m.Seq, 10)
}

// A verdict is what becomes of a message instead of being sent.
type verdict struct {
	outcome Outcome
	code    int
	msgID   string
	later   time.Time
}

// judge says to whom m goes, or why not now.
func (s *Sends) judge(ctx context.Context, tx *db.Tx, m send, t Template) (to addressee, v verdict, err error) {
	if m.Kind != digestKind { // which looks at each item that it counts
		if theirs, err := stillTheirs(ctx, tx, m.Person, m.Seq); err != nil || !theirs {
			return to, verdict{outcome: Suppressed}, err
		}
	}
	wants := true
	if m.Prio != Safety {
		has, err := deviceHas(ctx, tx, m.Person, m.Seq)
		if err != nil || has {
			return to, verdict{outcome: Suppressed}, err
		}
		wants, err = wantsWeChat(ctx, tx, m.Person, m.Kind)
		if err != nil || !wants && !m.MustReach {
			return to, verdict{outcome: Suppressed}, err
		}
	}
	if m.Notice != 0 {
		if still, err := announcedStill(ctx, tx, m.Notice); err != nil || !still {
			return to, verdict{outcome: Suppressed}, err
		}
	}
	if !tx.Now.Before(m.At.Add(tooOld)) {
		return to, verdict{outcome: Dead}, nil
	}
	if m.Prio != Safety {
		h, err := hoursOf(ctx, tx, m.Person)
		if err != nil {
			return to, v, err
		}
		if end, quiet := h.quietEnd(tx.Now); quiet {
			return to, verdict{later: end}, nil
		}
	}
	if !wants { // who must be reached is, by phone (N3)
		return to, verdict{outcome: NoCredit}, nil
	}
	to, found, err := findAddressee(ctx, tx, m.Person, s.app)
	switch {
	case err != nil:
		return to, v, err
	case !found, t.ID == "": // nobody can have allowed what is not registered
		return to, verdict{outcome: NoCredit}, nil
	case t.paused(tx.Now):
		return to, verdict{outcome: Dead}, nil
	}
	if to.OpenID, err = s.Keys.Open(sealed.Personal, "wechat_account", "openid_sealed", to.Account, to.Sealed); err != nil {
		return to, v, err
	}
	return to, v, nil
}

// deliver sends l, outside of any transaction, and says what came of it.
func (s *Sends) deliver(ctx context.Context, l letter, line line) settled {
	if !s.mayGo(ctx, line, l.Prio) {
		return settled{letter: l, class: wechat.None, code: notSent}
	}
	ctx, cancel := context.WithTimeout(ctx, 2*sendTime) // a stale token makes three calls of one
	defer cancel()
	msgID, err := s.Client.Send(ctx, l.message)
	s.away.heard(wechat.ClassOf(err), s.db.Now())
	x := settled{letter: l, class: wechat.ClassOf(err), msgID: msgID}
	e, said := errors.AsType[*wechat.Error](err)
	if said {
		x.code = e.Code
	}
	// Without a token the message itself was not sent, and what went wrong says nothing of it but that the app may not.
	if err != nil && (!said || e.Call != wechat.SendCall) && x.class != wechat.Account && x.class != wechat.TokenStale {
		x.class = wechat.Transient
	}
	return x
}

// notSent is the code of a letter that found no room in the bucket.
const notSent = -2

// mayGo waits for room in the bucket that all nodes share. A node that cannot ask has its share of it. What warns of danger
// finds room when others do not.
func (s *Sends) mayGo(ctx context.Context, line line, prio int) bool {
	bucket, allow := s.bucket(line), s.Limits.Allow
	if prio == Safety {
		allow = s.Limits.AllowAhead
	}
	for range 5 {
		v := allow(ctx, bucket, s.app)
		if v.OK {
			return true
		}
		if !pause(ctx, min(v.Retry, sendTime)) {
			return false
		}
	}
	return false
}

// bucket is how many messages all nodes together send a second: half of it while a quota of the minute was used up lately.
func (s *Sends) bucket(l line) limit.Limiter {
	rate := s.Rate
	if l.slow(s.db.Now()) {
		rate = max(1, rate/2)
	}
	return limit.Limiter{Name: "wechat-send", Size: rate, Window: time.Second, Away: limit.Closed}
}

// settle takes up the messages of priorities that are under way and that nobody is carrying: of a node that died, or of this one when
// the database did not take what WeChat had said. Of the former nobody knows whether they were sent. One with which
// something is wrong stops none of the others.
func (s *Sends) settle(ctx context.Context, shards []int, from, to int) (some bool, err error) {
	left, err := underWay(ctx, s.db, shards, s.db.Now(), from, to)
	if err != nil {
		return false, err
	}
	var wrong []error
	for _, m := range left {
		term, held := s.Leases.Holds(m.Shard)
		if !held {
			continue
		}
		took := false
		err := db.Safely(func() (err error) {
			took, err = s.settleOne(ctx, m, term)
			return err
		})
		if err != nil {
			took, err = false, s.failed(ctx, m, term, err)
		}
		if err != nil {
			wrong = append(wrong, err)
		}
		some = some || took
	}
	return some, errors.Join(wrong...)
}

// settleOne takes up one message that is under way, and says whether it was for us to do so.
func (s *Sends) settleOne(ctx context.Context, m send, term int64) (took bool, err error) {
	if x, ok := s.knownOf(m); ok {
		return true, s.record(ctx, x.letter, x)
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		took = false
		ours, err := adopt(ctx, tx, m, fence{m.Shard, s.Leases.Node(), term})
		if err != nil || !ours {
			return err
		}
		took = true
		return s.unanswered(ctx, tx, m)
	})
	return took, err
}

// knownOf is what WeChat said to the attempt of m, if the database could not be told.
func (s *Sends) knownOf(m send) (x settled, ok bool) {
	v, ok := s.known.Load(m.ID)
	if !ok {
		return x, false
	}
	x = v.(settled) //nolint:forcetypeassert // because nothing else is kept there
	return x, x.letter.Attempt == m.Attempt
}

// A send is a message as it stands.
type send struct {
	ID        int64        `db:"id"`
	Shard     int          `db:"shard"`
	Person    org.PersonID `db:"person_id"`
	Seq       int64        `db:"seq"`
	Template  string       `db:"template"`
	Kind      string       `db:"kind"`
	RefType   string       `db:"ref_type"`
	RefID     int64        `db:"ref_id"`
	Args      string       `db:"args"`
	Prio      int          `db:"prio"`
	MustReach bool         `db:"must_reach"`
	Attempt   int          `db:"attempt"`
	Tries     int          `db:"tries"`
	Unknowns  int          `db:"unknowns"`
	Paid      bool         `db:"paid"`
	Called    bool         `db:"called"`
	Account   int64        `db:"account_id"`
	At        time.Time    `db:"created_at"`
	Notice    NoticeID     `db:"notice_id"` // the announcement that it repeats; 0: none
}
