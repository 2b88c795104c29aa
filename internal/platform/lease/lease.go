// Package lease divides the shards of the background work among the nodes, one holder a shard.
//
// No clock of another machine is compared: a holder counts, and the others measure with their own timer how
// long the count has stood still. A lease is a convenience; what keeps the work right is the condition in
// each of its statements, Fence among them (push.md §6).
package lease

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"wanjia/internal/platform/db"
)

// Shards is how many leases there are.
const Shards = 64

// The times of push.md §6, by the node's own timer.
const (
	look    = 2 * time.Second  // between two looks at all rows
	renew   = 3 * time.Second  // between two signs of life
	trust   = 6 * time.Second  // after the last confirmed sign, a holder stops
	still   = 10 * time.Second // unmoved for so long, a lease may be taken, and a node is not alive
	forget  = time.Hour        // unmoved for so long, a node's row is removed
	lastOne = 64               // most leases a node holds when it is alone

	sayCut = 2 * time.Second // a node that cannot reach what its work needs says so, so that the others take more
	yield  = 5 * time.Second // and leaves its leases to them, unless they say the same
)

// Fence is the condition that only the present holder's statements meet; its arguments are shard, owner, term.
const Fence = `EXISTS (SELECT 1 FROM shard_lease l WHERE l.shard = ? AND l.owner = ? AND l.term = ?)`

// Leases are the leases as one node sees them. Step moves them on; the rest may be asked from any goroutine.
type Leases struct {
	d     *db.DB
	node  string
	alone bool
	timer func() time.Duration
	cut   func() time.Duration

	turn sync.Mutex // one Step or Leave at a time
	left bool
	said bool // that this node is cut off

	mu     sync.RWMutex
	held   map[int]hold
	joined bool
	seen   map[int]sight    // what was last seen of each lease
	nodes  map[string]sight // and of each node
	live   int
	looked time.Duration
	beaten time.Duration
}

// A hold is a lease of this node.
type hold struct {
	term      int64
	confirmed time.Duration
}

// A sight is a row's counters, and since when they have not moved.
type sight struct {
	term, beat int64
	since      time.Duration
}

// A crew are the nodes that a look has found.
type crew struct {
	live int      // moved lately, this one included
	cut  int      // of them say that they are cut off
	dead []string // still for long
}

// fit is how many of them may work. Those who are cut off do when nobody else is there.
func (c crew) fit() int {
	if c.cut < c.live {
		return c.live - c.cut
	}
	return c.live
}

type leaseRow struct {
	Shard int    `db:"shard"`
	Owner string `db:"owner"`
	Term  int64  `db:"term"`
	Beat  int64  `db:"beat"`
}

type beatRow struct {
	Node string `db:"node"`
	Beat int64  `db:"beat"`
}

// New makes the Leases of a node. Its name must be its own in every start of the process; a node that is
// known to be alone, by the lock of its data folder, takes all shards at once and keeps them.
func New(d *db.DB, node string, alone bool) *Leases {
	start := time.Now()
	return &Leases{
		d: d, node: node, alone: alone, timer: func() time.Duration { return time.Since(start) },
		cut:  func() time.Duration { return 0 },
		held: map[int]hold{}, seen: map[int]sight{}, nodes: map[string]sight{}, live: 1,
	}
}

// SetTimer gives l another timer, for tests.
func (l *Leases) SetTimer(timer func() time.Duration) { l.timer = timer }

// YieldWhile lets the node leave its leases to others while it is cut off from what its work needs besides the database,
// and take none, as long as one of them is not. Cut says for how long it has been; 0: it is not. Call it before the first
// Step.
func (l *Leases) YieldWhile(cut func() time.Duration) { l.cut = cut }

// Node is the name of this node.
func (l *Leases) Node() string { return l.node }

// Holds says whether this node holds shard, and by which term. It stops being true by itself when the
// database has not confirmed it for a while.
func (l *Leases) Holds(shard int) (term int64, held bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	h, ok := l.held[shard]
	if !ok || !l.alone && l.timer()-h.confirmed >= trust {
		return 0, false
	}
	return h.term, true
}

// Held are the shards of this node, in order.
func (l *Leases) Held() []int {
	var shards []int
	for shard := range Shards {
		if _, held := l.Holds(shard); held {
			shards = append(shards, shard)
		}
	}
	return shards
}

// Live is how many nodes are alive, as far as this one can tell; at least 1.
func (l *Leases) Live() int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return max(1, l.live)
}

// Step does what is due: signs of life, a look at the others, taking and giving back. Call it about once a
// second; it says whether it changed anything.
func (l *Leases) Step(ctx context.Context) (bool, error) {
	l.turn.Lock()
	defer l.turn.Unlock()
	if l.left {
		return false, nil
	}
	if !l.joined {
		if err := l.join(ctx); err != nil {
			return false, err
		}
		l.joined = true
	}
	if l.alone {
		return l.takeAll(ctx)
	}
	now := l.timer()
	changed, said := false, l.cut() >= sayCut
	if l.beaten == 0 || now-l.beaten >= renew || said != l.said {
		l.said = said
		if err := l.renew(ctx); err != nil {
			return false, err
		}
		l.beaten, changed = max(now, 1), true
	}
	if l.looked == 0 || now-l.looked >= look {
		if err := l.balance(ctx); err != nil {
			return changed, err
		}
		l.looked = max(now, 1)
	}
	return changed, nil
}

// join makes what must be there: the rows of all shards, and this node's own.
func (l *Leases) join(ctx context.Context) error {
	err := l.d.InTx(ctx, func(tx *db.Tx) error {
		rows, err := allLeases(ctx, tx)
		if err != nil {
			return err
		}
		for shard := range Shards {
			if !slices.ContainsFunc(rows, func(r leaseRow) bool { return r.Shard == shard }) {
				if err := addLease(ctx, tx, shard); err != nil {
					return err
				}
			}
		}
		return addNode(ctx, tx, l.node)
	})
	if err != nil {
		return fmt.Errorf("join the nodes: %w", err)
	}
	return nil
}

// takeAll takes every shard, whoever had it: there is nobody else.
func (l *Leases) takeAll(ctx context.Context) (bool, error) {
	if len(l.Held()) == Shards {
		return false, nil
	}
	var taken map[int]hold
	err := l.d.InTx(ctx, func(tx *db.Tx) error {
		taken = map[int]hold{}
		rows, err := allLeases(ctx, tx)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if _, err := take(ctx, tx, r, l.node); err != nil {
				return err
			}
			taken[r.Shard] = hold{term: r.Term + 1}
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("take all shards: %w", err)
	}
	l.mu.Lock()
	l.held = taken
	l.mu.Unlock()
	return true, nil
}

// renew counts on for this node and each of its leases. One that somebody else has taken is lost.
func (l *Leases) renew(ctx context.Context) error {
	began := l.timer()
	l.mu.RLock()
	mine := make(map[int]hold, len(l.held))
	maps.Copy(mine, l.held)
	l.mu.RUnlock()
	var lost []int
	err := l.d.InTx(ctx, func(tx *db.Tx) error {
		lost = nil
		if err := beat(ctx, tx, l.node, l.said); err != nil {
			return err
		}
		for _, shard := range sorted(mine) {
			found, err := renewLease(ctx, tx, shard, l.node, mine[shard].term)
			if err != nil {
				return err
			}
			if found == 0 {
				lost = append(lost, shard)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("renew leases: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for shard, h := range mine {
		h.confirmed = began
		l.held[shard] = h
	}
	for _, shard := range lost {
		delete(l.held, shard)
	}
	return nil
}

// balance looks at all rows, takes what nobody keeps, and gives back what is more than a fair share.
func (l *Leases) balance(ctx context.Context) error {
	now := l.timer()
	rows, err := allLeases(ctx, l.d)
	if err != nil {
		return err
	}
	beats, err := allNodes(ctx, l.d)
	if err != nil {
		return err
	}
	all := l.watchNodes(beats, now)
	share := (Shards + all.fit() - 1) / all.fit()
	idle := l.said && all.cut < all.live // others are there who can do its work

	var free []leaseRow
	l.mu.Lock()
	l.live = all.live
	mine := len(l.held)
	for _, r := range rows {
		last, known := l.seen[r.Shard]
		if !known || last.term != r.Term || last.beat != r.Beat {
			last = sight{r.Term, r.Beat, now}
			l.seen[r.Shard] = last
		}
		if _, held := l.held[r.Shard]; !held && (r.Owner == "" || now-last.since >= still) {
			free = append(free, r)
		}
	}
	l.mu.Unlock()

	switch room := min(share, lastOne) - mine; {
	case idle && mine > 0 && l.cut() >= yield:
		err = l.giveBack(ctx, mine)
	case idle:
	case room > 0 && len(free) > 0:
		err = l.takeSome(ctx, free[:min(room, len(free))])
	case mine > share:
		err = l.giveBack(ctx, 1)
	}
	if err != nil {
		return err
	}
	return l.removeNodes(ctx, all.dead)
}

// watchNodes looks which nodes have moved. One that was never seen before counts as alive: the first look cannot tell.
func (l *Leases) watchNodes(rows []beatRow, now time.Duration) (all crew) {
	there := map[string]bool{}
	for _, r := range rows {
		node, cut := r.who()
		there[node] = true
		last, known := l.nodes[node]
		if !known || last.beat != r.Beat {
			last = sight{0, r.Beat, now}
			l.nodes[node] = last
		}
		switch {
		case node == l.node || now-last.since < still:
			all.live++
			if cut {
				all.cut++
			}
		case now-last.since >= forget:
			all.dead = append(all.dead, node)
		}
	}
	for node := range l.nodes {
		if !there[node] {
			delete(l.nodes, node)
		}
	}
	all.live = max(1, all.live)
	return all
}

func (l *Leases) takeSome(ctx context.Context, free []leaseRow) error {
	began := l.timer()
	var taken map[int]hold
	err := l.d.InTx(ctx, func(tx *db.Tx) error {
		taken = map[int]hold{}
		for _, r := range free {
			found, err := take(ctx, tx, r, l.node)
			if err != nil {
				return err
			}
			if found == 1 { // else somebody was faster
				taken[r.Shard] = hold{term: r.Term + 1, confirmed: began}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("take leases: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.Copy(l.held, taken)
	return nil
}

// giveBack frees n of this node's leases. It stops holding them first.
func (l *Leases) giveBack(ctx context.Context, n int) error {
	l.mu.Lock()
	back := map[int]hold{}
	for _, shard := range sorted(l.held) {
		if len(back) < n {
			back[shard] = l.held[shard]
			delete(l.held, shard)
		}
	}
	l.mu.Unlock()
	err := l.d.InTx(ctx, func(tx *db.Tx) error {
		for _, shard := range sorted(back) {
			if err := free(ctx, tx, shard, l.node, back[shard].term); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("give leases back: %w", err) // the others take them when they have stood still
	}
	return nil
}

func (l *Leases) removeNodes(ctx context.Context, dead []string) error {
	for _, node := range dead {
		if err := l.d.InTx(ctx, func(tx *db.Tx) error { return removeNode(ctx, tx, node) }); err != nil {
			return fmt.Errorf("remove a dead node: %w", err)
		}
	}
	return nil
}

// Leave gives everything back: a clean stop costs the others no waiting. What is given back is not taken again, also
// not by a Step that comes later.
func (l *Leases) Leave(ctx context.Context) error {
	l.turn.Lock()
	defer l.turn.Unlock()
	l.left = true
	if err := l.giveBack(ctx, Shards); err != nil {
		return err
	}
	if err := l.d.InTx(ctx, func(tx *db.Tx) error { return removeNode(ctx, tx, l.node) }); err != nil {
		return fmt.Errorf("leave the nodes: %w", err)
	}
	return nil
}

func sorted(held map[int]hold) []int {
	shards := make([]int, 0, len(held))
	for shard := range held {
		shards = append(shards, shard)
	}
	slices.Sort(shards)
	return shards
}
