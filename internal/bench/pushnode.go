package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"wanjia/internal/app"
	"wanjia/internal/config"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

// What the bench and its servers say to each other over the pipes between them, a line of JSON each. Nobody else can
// reach these pipes, and `wanjia serve` has none: the API offers no way to tell people something at will.

// A setup is the first line a server reads: what it is to be.
type setup struct {
	Config config.Config `json:"config"`
	Prefix string        `json:"prefix"` // of its keys in a Redis that others use, too
	People []int64       `json:"people"` // whom an order may name by how many of them there are
	Peer   *publisher    `json:"peer"`   // it pushes nothing itself: what is committed goes to another server; nil: it does
}

// An order is every further line.
type order struct {
	Do   string  `json:"do"`
	ID   int64   `json:"id,omitempty"` // of the message
	To   []int64 `json:"to,omitempty"` // persons
	N    int     `json:"n,omitempty"`  // instead of them: the first so many of the setup's people
	From int64   `json:"from,omitempty"`
	Unit int64   `json:"unit,omitempty"`
}

// The orders.
const (
	doTell     = "tell"     // commit message ID
	doAnnounce = "announce" // commit message ID to everybody in Unit
	doTidy     = "tidy"     // leave nothing in the outbox
	doOpen     = "open"     // say how many announcements are under way
	doMemory   = "memory"   // sweep the heap, and say what is left
	doInbox    = "inbox"    // show the items whose message is From or a later one
)

// A word is a line that the server answers.
type word struct {
	Do     string     `json:"do"`
	ID     int64      `json:"id,omitempty"`
	At     int64      `json:"at,omitempty"` // when COMMIT had returned, Unix ns
	Tx     int64      `json:"tx,omitempty"` // how long the transaction took, ns
	Why    string     `json:"why,omitempty"`
	Public string     `json:"public,omitempty"`
	Admin  string     `json:"admin,omitempty"`
	Rows   [][3]int64 `json:"rows,omitempty"` // person, seq, message
	End    bool       `json:"end,omitempty"`
	Live   uint64     `json:"live,omitempty"` // bytes of the heap that somebody holds
	Heap   uint64     `json:"heap,omitempty"` // of pages that something of it lies in
	Stacks uint64     `json:"stacks,omitempty"`
}

// saysReady is the first word of a server.
const saysReady = "ready"

// ServeNode is a server of `wanjia bench push`: all of `wanjia serve`, and a pipe by which the bench commits messages as
// a feature does, with notify.Tell in a transaction. It ends with its pipe, so it does not outlive who started it. Ready
// is called once it serves; nil: nobody wants to know.
func ServeNode(ctx context.Context, in io.Reader, out io.Writer, ready func()) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	lines := json.NewDecoder(bufio.NewReaderSize(in, 1<<16))
	var s setup
	if err := lines.Decode(&s); err != nil {
		return fmt.Errorf("read what to be: %w", err)
	}
	n := &pushServer{words: make(chan word, 4096), people: s.People}
	if s.Peer != nil {
		stop, err := n.publish(ctx, s)
		if err != nil {
			return err
		}
		defer stop()
	} else if err := n.serve(ctx, s, ready, end); err != nil {
		return err
	}
	go n.say(ctx, out)
	for {
		var o order
		if err := lines.Decode(&o); err != nil {
			if errors.Is(err, io.EOF) {
				return nil // whoever gives orders has gone; all of this is thrown away
			}
			return fmt.Errorf("read an order: %w", err)
		}
		switch o.Do {
		case doTell:
			go n.tell(ctx, o)
		case doAnnounce:
			go n.announce(ctx, o)
		case doTidy:
			if err := n.tidy(ctx); err != nil {
				return err
			}
		case doOpen:
			go n.open(ctx)
		case doMemory:
			n.words <- memory()
		case doInbox:
			go n.inbox(ctx, o)
		}
	}
}

// serve makes n all of the program.
func (n *pushServer) serve(ctx context.Context, s setup, ready, end func()) error {
	a, err := app.New(ctx, s.Config, app.Options{RedisPrefix: s.Prefix})
	if err != nil {
		return err
	}
	n.db = a.Stores.DB
	go func() {
		err := a.Serve(ctx, func(public, admin string) {
			if ready != nil {
				ready()
			}
			n.words <- word{Do: saysReady, Public: public, Admin: admin}
		})
		n.words <- word{Do: "ended", Why: fmt.Sprint(err)}
		end()
	}()
	return nil
}

// A pushServer is what carries out orders.
type pushServer struct {
	db     *db.DB
	words  chan word
	people []int64
	after  func(ctx context.Context, o order) error // what follows a commit where another server pushes
}

// say writes words, several at once when there are.
func (n *pushServer) say(ctx context.Context, out io.Writer) {
	w := bufio.NewWriterSize(out, 1<<16)
	to := json.NewEncoder(w)
	for {
		select {
		case <-ctx.Done():
			return
		case x := <-n.words:
			if to.Encode(x) != nil || len(n.words) == 0 && w.Flush() != nil {
				return // nobody listens any more, and the pipe of orders ends, too
			}
		}
	}
}

// payload makes an item of about 200 bytes.
var payload = map[string]any{
	"kindLabel": "走访二片区独居老人", "unitLabel": "海棠街道瑞和社区", "count": 3, "dueAt": time.Date(2026, 5, 11, 9, 0, 0, 0, time.UTC),
}

// tell commits one message: a transaction that tells and does nothing else.
func (n *pushServer) tell(ctx context.Context, o order) {
	to := o.persons(n.people)
	var committed time.Time
	begun := time.Now()
	err := n.db.InTx(ctx, func(tx *db.Tx) error {
		tx.After(func() { committed = time.Now() }) // before the node's own courier hears of it
		return notify.Tell(ctx, tx, notify.Persons(to...), notify.Item{
			Kind: "task.due", Ref: notify.Ref{Type: messageRef, ID: o.ID}, Args: payload,
		})
	})
	n.words <- committedAt(o.ID, begun, committed, err)
	if err == nil && n.after != nil {
		if err := n.after(ctx, o); err != nil {
			fmt.Fprintln(os.Stderr, err) // the log of this server; what is missing at the devices is counted there
		}
	}
}

// committedAt is the word for the end of a message's transaction.
func committedAt(id int64, begun, committed time.Time, err error) word {
	if err != nil {
		return word{Do: doTell, ID: id, Why: err.Error()}
	}
	return word{Do: doTell, ID: id, At: committed.UnixNano(), Tx: committed.Sub(begun).Nanoseconds()}
}

// messageRef is the type of what a message is about; its id is the message's number.
const messageRef = "task"

func (o order) persons(people []int64) (to []org.PersonID) {
	from := o.To
	if o.N > 0 {
		from = people[:o.N]
	}
	for _, id := range from {
		to = append(to, org.PersonID(id))
	}
	return to
}

// memory is what lives in this process, once what is dead has been swept.
func memory() word {
	for range 2 { // what has a finalizer goes at the second
		debug.FreeOSMemory()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return word{Do: doMemory, Live: m.HeapAlloc, Heap: m.HeapInuse, Stacks: m.StackInuse}
}

// rowsAWord is how many rows one word shows.
const rowsAWord = 2000

// inbox shows the truth: what stands in SQL.
func (n *pushServer) inbox(ctx context.Context, o order) {
	rows, err := messagesFrom(ctx, n.db, o.From)
	for len(rows) > 0 && err == nil {
		some := rows[:min(len(rows), rowsAWord)]
		rows = rows[len(some):]
		n.words <- word{Do: doInbox, Rows: some}
	}
	x := word{Do: doInbox, End: true}
	if err != nil {
		x.Why = err.Error()
	}
	n.words <- x
}

// messagesFrom are the items of messages from a number on: person, seq and message.
func messagesFrom(ctx context.Context, d *db.DB, from int64) ([][3]int64, error) {
	var found []struct {
		Person int64 `db:"person_id"`
		Seq    int64 `db:"seq"`
		ID     int64 `db:"ref_id"`
	}
	err := d.Batch().Select(ctx, &found, `
		SELECT person_id, seq, ref_id
		FROM inbox
		WHERE ref_type = ? AND ref_id >= ?
		ORDER BY person_id, seq`, messageRef, from)
	rows := make([][3]int64, len(found))
	for i, f := range found {
		rows[i] = [3]int64{f.Person, f.Seq, f.ID}
	}
	return rows, db.Wrap(err, nil, "read what was committed")
}
