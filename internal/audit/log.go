package audit

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
)

// ErrUnavailable says that the row could not be written: then nothing is done, and nothing shown (D10).
var ErrUnavailable = problem.New(problem.Unavailable, "audit.unavailable")

// lanes is how many chains there are: a lane is locked until its transaction has committed, and one alone
// would put all writes of the node in a row. There are as many as a node has connections for requests, so that
// none of its transactions waits for another's. SQLite has one writer anyhow.
const lanes = 16

// A Log appends to the chain of one database, and verifies it.
type Log struct {
	db    *db.DB
	key   []byte
	lanes int

	mu   sync.Mutex
	tips map[int]tip
	free []int // lanes that no transaction of this process is in, the one left last at the end
	turn int   // counts those who found none
}

// A tip is the newest row of a lane.
type tip struct {
	Lane int    `db:"lane"`
	N    int64  `db:"n"`
	Hash []byte `db:"hash"`
}

// Open makes Note work on d. The key of the chain is 32 bytes that the database's host does not know.
func Open(ctx context.Context, d *db.DB, key []byte) (*Log, error) {
	if len(key) < 32 {
		return nil, fmt.Errorf("the key of the audit chain has %d bytes, it must have 32", len(key))
	}
	l := &Log{db: d, key: key, lanes: lanes, tips: map[int]tip{}}
	if d.Embedded() {
		l.lanes = 1
	}
	var start [1]byte
	_, _ = rand.Read(start[:]) // never fails (crypto/rand)
	for i := range l.lanes {   // each node begins elsewhere
		l.free = append(l.free, (int(start[0])+i)%l.lanes)
	}
	err := d.InTx(ctx, func(tx *db.Tx) error { return createLanes(ctx, tx, l.lanes) })
	if err != nil {
		return nil, err
	}
	d.Attach(logKey{}, l)
	return l, nil
}

type (
	logKey   struct{}
	notedKey struct{}
)

// A noted entry has the moment at which tx was: the seed moves it, to tell of the past.
type noted struct {
	Entry
	at time.Time
}

// Note adds e to what tx writes into the chain, last of all before COMMIT. When that fails, so does tx.
func Note(tx *db.Tx, e Entry) {
	all := tx.Keep(notedKey{}, func() any { //nolint:forcetypeassert // because the key is ours alone
		entries := new([]noted)
		tx.Last(db.RankAudit, func(ctx context.Context) error {
			if err := appendAll(ctx, tx, *entries); err != nil {
				return fmt.Errorf("%w: %w", ErrUnavailable, err)
			}
			return nil
		})
		return entries
	}).(*[]noted)
	*all = append(*all, noted{e, tx.Now})
}

// appendAll writes the entries of a transaction, in their order and one lane.
func appendAll(ctx context.Context, tx *db.Tx, entries []noted) error {
	l, ok := tx.Attached(logKey{}).(*Log)
	if !ok {
		return errors.New("there is no audit log on this database")
	}
	r := requestOf(ctx)
	lane := l.enter(tx)
	rows := make([]row, len(entries))
	for i, e := range entries {
		rows[i] = rowOf(e.Entry, r, e.at)
	}
	newest, err := l.extend(ctx, tx, lane, rows)
	if err != nil {
		return err
	}
	for i := range rows {
		if err := insertRow(ctx, tx, &rows[i]); err != nil {
			return err
		}
	}
	tx.After(func() { l.remember(newest) })
	return nil
}

// extend gives rows their places at the end of lane and moves its tip, which stays locked until COMMIT.
//
// The tip of our own last commit is tried first: with it one statement is enough. If somebody was faster, the
// statement finds nothing, and the tip is locked, read and moved.
func (l *Log) extend(ctx context.Context, tx *db.Tx, lane int, rows []row) (newest tip, err error) {
	if last, ok := l.remembered(lane); ok {
		newest = l.chain(last, rows)
		found, err := moveTip(ctx, tx, newest, last.N)
		if err != nil || found == 1 {
			return newest, err
		}
	}
	last, err := lockTip(ctx, tx, lane)
	if err != nil {
		return tip{}, err
	}
	newest = l.chain(last, rows)
	found, err := moveTip(ctx, tx, newest, last.N)
	if err == nil && found != 1 {
		err = fmt.Errorf("the tip of lane %d moved while it was locked", lane)
	}
	return newest, err
}

// enter finds a lane for tx: one that nobody of this process is in, best the one that was left last, since nobody else
// may have been there meanwhile. When all are taken, tx waits for one in the database.
func (l *Log) enter(tx *db.Tx) (lane int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := len(l.free) - 1
	if last < 0 {
		l.turn++
		return l.turn % l.lanes
	}
	lane, l.free = l.free[last], l.free[:last]
	tx.Ended(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.free = append(l.free, lane)
	})
	return lane
}

// chain puts rows behind last and is the new tip.
func (l *Log) chain(last tip, rows []row) tip {
	for i := range rows {
		rows[i].follow(l.key, last.Lane, last.N+1, last.Hash)
		last = tip{Lane: last.Lane, N: rows[i].N, Hash: rows[i].Hash}
	}
	return last
}

func (l *Log) remembered(lane int) (tip, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t, ok := l.tips[lane]
	return t, ok
}

func (l *Log) remember(t tip) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.N > l.tips[t.Lane].N {
		l.tips[t.Lane] = t
	}
}
