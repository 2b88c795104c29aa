package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/sync/errgroup"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/freeport"
)

// A Peer is another server that is measured in turn with ours, as its file of settings describes it. In all texts {port}
// is where it is to listen, {person} who is meant, {id} the number of a message and {payload} its JSON of about 200
// bytes, an object with that number as id.
type Peer struct {
	Binary  string            `json:"-"`
	Name    string            `json:"name"`
	Args    []string          `json:"args"`  // of its program
	Env     []string          `json:"env"`   // beside ours
	Ready   string            `json:"ready"` // an address that answers 200 once it serves
	Publish PeerCall          `json:"publish"`
	Connect PeerSocket        `json:"connect"`
	Item    []string          `json:"item"`  // the way through a frame to the payload; frames without it are none
	Lines   bool              `json:"lines"` // a frame may hold several JSON values
	Says    map[string]string `json:"says"`  // what is answered to frames of exactly this text: pings
}

// A PeerCall is the request that publishes a message.
type PeerCall struct {
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

// A PeerSocket is how a device of a person connects.
type PeerSocket struct {
	URL      string            `json:"url"`
	Protocol string            `json:"protocol"`
	Headers  map[string]string `json:"headers"`
	First    []string          `json:"first"` // frames that it sends once it is open
	Up       string            `json:"up"`    // it listens once a frame has this text; empty: once it is open
}

// ReadPeer reads the settings of a peer whose program is at binary.
func ReadPeer(binary, file string) (*Peer, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	p := &Peer{Binary: binary}
	strict := json.NewDecoder(bytes.NewReader(text))
	strict.DisallowUnknownFields()
	if err := strict.Decode(p); err != nil {
		return nil, fmt.Errorf("read the settings of the peer: %w", err)
	}
	if p.Name == "" || p.Ready == "" || p.Publish.URL == "" || p.Connect.URL == "" || len(p.Item) == 0 {
		return nil, errors.New("the settings of the peer need name, ready, publish.url, connect.url and item")
	}
	return p, nil
}

// A publisher says how a server of the bench hands what it commits to a peer.
type publisher struct {
	Call   PeerCall `json:"call"`
	Port   string   `json:"port"`
	Outbox bool     `json:"outbox"` // by a worker that reads what was committed, and not right after COMMIT
}

const (
	publishersAtOnce = 32
	outboxLoad       = 500
)

// publish makes n a server that hands what it commits to a peer.
func (n *pushServer) publish(ctx context.Context, s setup) (stop func(), err error) {
	o := db.Options{MySQL: s.Config.MySQL.DSN}
	if s.Config.Embedded() {
		o.SQLitePath = s.Config.Data + "/wanjia.db"
	}
	if n.db, err = db.Open(ctx, o); err != nil {
		return nil, err
	}
	calls := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		MaxConnsPerHost: publishersAtOnce, MaxIdleConnsPerHost: publishersAtOnce,
	}}
	hand := func(ctx context.Context, person, id int64) error { return s.Peer.send(ctx, calls, person, id) }
	if !s.Peer.Outbox {
		n.after = func(ctx context.Context, o order) error {
			for _, person := range o.persons(n.people) {
				if err := hand(ctx, int64(person), o.ID); err != nil {
					return err
				}
			}
			return nil
		}
	} else {
		wake := make(chan struct{}, 1)
		n.after = func(context.Context, order) error {
			select {
			case wake <- struct{}{}:
			default:
			}
			return nil
		}
		if err := n.tidy(ctx); err != nil {
			return nil, errors.Join(err, n.db.Close())
		}
		go n.work(ctx, wake, hand)
	}
	n.words <- word{Do: saysReady}
	return func() { _ = n.db.Close() }, nil // the process ends with it
}

// tidy leaves nothing for a worker, or for our own servers, to do.
func (n *pushServer) tidy(ctx context.Context) error {
	return n.db.InTx(ctx, func(tx *db.Tx) error {
		_, err := tx.Change(ctx, `UPDATE outbox SET state = 1, done_at = ? WHERE state = 0`, tx.Now)
		return db.Wrap(err, nil, "tidy the outbox")
	})
}

// work hands over what stands in the outbox, and notes that it has.
func (n *pushServer) work(ctx context.Context, wake <-chan struct{}, hand func(ctx context.Context, person, id int64) error) {
	again := time.NewTicker(time.Second)
	defer again.Stop()
	for {
		done, err := n.workSome(ctx, hand)
		if err == nil && done == outboxLoad {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-again.C:
		}
	}
}

func (n *pushServer) workSome(ctx context.Context, hand func(ctx context.Context, person, id int64) error) (int, error) {
	var rows []struct {
		ID    int64  `db:"id"`
		Items string `db:"items"`
	}
	err := n.db.Select(ctx, &rows, `
		SELECT id, items
		FROM outbox
		WHERE state = 0
		ORDER BY id
		LIMIT ?`, outboxLoad)
	if err != nil || len(rows) == 0 {
		return 0, db.Wrap(err, nil, "read the outbox")
	}
	ids, to := make([]int64, len(rows)), map[int64][]int64{} // in the order of the rows, person by person
	for i, r := range rows {
		ids[i] = r.ID
		var ranges [][3]int64
		if err := json.Unmarshal([]byte(r.Items), &ranges); err != nil {
			return 0, err
		}
		for _, x := range ranges {
			var messages []int64
			err := n.db.Select(ctx, &messages, `
				SELECT ref_id
				FROM inbox
				WHERE person_id = ? AND seq >= ? AND seq <= ?
				ORDER BY seq`, x[0], x[1], x[2])
			if err != nil {
				return 0, db.Wrap(err, nil, "read what is to be handed over")
			}
			to[x[0]] = append(to[x[0]], messages...)
		}
	}
	group, handing := errgroup.WithContext(ctx)
	group.SetLimit(publishersAtOnce)
	for person, messages := range to {
		group.Go(func() error {
			for _, id := range messages {
				if err := hand(handing, person, id); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return 0, err // all of them again
	}
	q, args, err := db.In(`UPDATE outbox SET state = 1, done_at = ? WHERE id IN (?)`, n.db.Now(), ids)
	if err != nil {
		return 0, err
	}
	return len(rows), n.db.InTx(ctx, func(tx *db.Tx) error {
		_, err := tx.Change(ctx, q, args...)
		return db.Wrap(err, nil, "note what was handed over")
	})
}

// send publishes one message.
func (p *publisher) send(ctx context.Context, calls *http.Client, person, id int64) error {
	fill := p.filler(person, id)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, fill(p.Call.URL), strings.NewReader(fill(p.Call.Body)))
	if err != nil {
		return err
	}
	for name, value := range p.Call.Headers {
		req.Header.Set(name, fill(value))
	}
	res, err := calls.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // because it is only read
	said, err := io.ReadAll(io.LimitReader(res.Body, 1<<16))
	if err == nil && res.StatusCode >= http.StatusMultipleChoices {
		err = fmt.Errorf("the peer answers %d: %s", res.StatusCode, said)
	}
	return err
}

// filler puts what is meant into a text.
func (p *publisher) filler(person, id int64) func(string) string {
	body := fmt.Sprintf(`{"id":%d,"k":"task.due","p":2,"d":{"count":3,"dueAt":"2026-05-11T09:00:00Z","kindLabel":"走访二片区独居老人","unitLabel":"海棠街道瑞和社区"}}`, id)
	return strings.NewReplacer("{port}", p.Port, "{person}", strconv.FormatInt(person, 10), "{id}", strconv.FormatInt(id, 10), "{payload}", body).Replace
}

// pairs measures us and the peer in turn: after COMMIT, and by an outbox worker, which is as durable as we are.
func (p *pushRun) pairs(ctx context.Context, n int, each func(f *PushFigure, v verdict) error) error {
	for range p.o.Pairs {
		for _, as := range []string{"", p.o.Peer.Name, p.o.Peer.Name + "+outbox"} {
			if err := p.signIn(ctx, n); err != nil {
				return fmt.Errorf("sign people in: %w", err)
			}
			fmt.Fprintf(p.o.Say, "bench: single, %d sockets of %q\n", n, as)
			f := p.line("single", n)
			f.Peer = as
			var v verdict
			var err error
			if as == "" {
				v, err = p.single(ctx, &f, n)
			} else {
				v, err = p.peer(ctx, &f, n, as != p.o.Peer.Name)
			}
			if err != nil {
				return fmt.Errorf("single messages of %q: %w", as, err)
			}
			if err := each(&f, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// peer measures single messages by way of the peer.
func (p *pushRun) peer(ctx context.Context, f *PushFigure, n int, outbox bool) (v verdict, err error) {
	port, err := freeport.Find(ctx)
	if err != nil {
		return v, err
	}
	by := &publisher{Call: p.o.Peer.Publish, Port: port, Outbox: outbox}
	s := &stage{p: p, sent: &ledger{first: p.next}, w: p.watch()}
	defer s.end()
	other, err := p.startPeer(ctx, by)
	if err != nil {
		return v, err
	}
	defer other.kill()
	s.w.join(other.Process.Pid, true)
	what := p.setup()
	what.Peer = by
	if err := s.serve(ctx, what); err != nil {
		return v, err
	}
	before := residentOf(other.Process.Pid)
	if s.fleet, err = p.connectPeer(ctx, by, n); err != nil {
		return v, err
	}
	f.RSS = residentOf(other.Process.Pid)
	f.RSSPerConn = round(float64(f.RSS-before) / float64(n))
	if err := s.warmUp(ctx, p.peerPatience()); err != nil {
		return v, err
	}
	f.Rate = p.o.Rate
	if err := s.play(ctx, s.toOne(f.Rate, p.o.Slice)); err != nil {
		return v, err
	}
	if v, err = s.settle(ctx, p.peerPatience()); err != nil {
		return v, err
	}
	s.fill(f)
	f.Got["p50Ms"], f.Got["p99Ms"] = f.FromCommit.P50, f.FromCommit.P99
	return v, s.nodes[0].order(order{Do: doTidy})
}

// peerPatience is how long a peer may take for its last messages: what it has not brought by then it does not bring.
func (p *pushRun) peerPatience() time.Duration { return 2 * p.o.Slice }

// startPeer starts the peer's program, and waits until it answers.
func (p *pushRun) startPeer(ctx context.Context, by *publisher) (*child, error) {
	fill := by.filler(0, 0)
	var args []string
	for _, a := range p.o.Peer.Args {
		args = append(args, fill(a))
	}
	name := fmt.Sprintf("%s/peer-%d.log", p.folder, p.started.Add(1))
	log, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	defer log.Close()                             //nolint:errcheck // because the child has its own
	cmd := exec.Command(p.o.Peer.Binary, args...) //nolint:gosec,noctx // because whoever measures names it, and it is ended by its id
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = append(clean(os.Environ()), p.o.Peer.Env...), p.folder, log, log
	c, err := spawn(cmd)
	if err != nil {
		return nil, fmt.Errorf("start the peer: %w", err)
	}
	for deadline := time.Now().Add(untilReady); ; {
		if answers(ctx, fill(p.o.Peer.Ready)) {
			return c, nil
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil || time.Now().After(deadline) {
			c.kill()
			said, _ := os.ReadFile(name)
			return nil, fmt.Errorf("the peer is not ready within %v: %s", untilReady, last(said, 2000))
		}
	}
}

func answers(ctx context.Context, address string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return false
	}
	res, err := (&http.Client{Timeout: time.Second}).Do(req)
	if err != nil {
		return false
	}
	return res.Body.Close() == nil && res.StatusCode == http.StatusOK
}

// connectPeer connects n devices to the peer. They come once: what a peer loses with a connection is not measured here.
func (p *pushRun) connectPeer(ctx context.Context, by *publisher, n int) (*fleet, error) {
	life, end := context.WithCancel(ctx)
	f := newFleet(n, end)
	f.unnumbered = true
	for i := range n {
		v := &pushDevice{person: p.crowd[i].id, after: p.heads[p.crowd[i].id]}
		f.devices = append(f.devices, v)
		f.running.Go(func() { f.closed(i, p.o.Peer.listen(life, by, v, f, i)) })
		if !f.until(ctx, time.Minute, func() bool { return int64(i)-f.up.Load() < connecting }) {
			break
		}
	}
	if !f.until(ctx, time.Minute, func() bool { return f.up.Load() == int64(n) }) {
		defer f.stop()
		return nil, errors.Join(ctx.Err(), fmt.Errorf("%d of %d devices listen to the peer after a minute: %s", f.up.Load(), n, f.whyDown()))
	}
	return f, nil
}

// listen is one device of the peer.
func (x *Peer) listen(ctx context.Context, by *publisher, v *pushDevice, f *fleet, i int) error {
	fill := by.filler(v.person, 0)
	dialer := websocket.Dialer{HandshakeTimeout: 10 * time.Second, NetDialContext: dialFrom(i, false)}
	if x.Connect.Protocol != "" {
		dialer.Subprotocols = []string{x.Connect.Protocol}
	}
	header := http.Header{}
	for name, value := range x.Connect.Headers {
		header.Set(name, fill(value))
	}
	ws, answer, err := dialer.DialContext(ctx, fill(x.Connect.URL), header)
	if answer != nil && answer.Body != nil {
		_ = answer.Body.Close()
	}
	if err != nil {
		return err
	}
	defer ws.Close() //nolint:errcheck // because it is only left
	stop := context.AfterFunc(ctx, func() { _ = ws.Close() })
	defer stop()
	for _, text := range x.Connect.First {
		if err := ws.WriteMessage(websocket.TextMessage, []byte(fill(text))); err != nil {
			return err
		}
	}
	up := x.Connect.Up == ""
	if up {
		f.opened(i)
	}
	for {
		_, b, err := ws.ReadMessage()
		if err != nil {
			return err
		}
		if !up && bytes.Contains(b, []byte(x.Connect.Up)) {
			up = true
			f.opened(i)
		}
		if say, ok := x.Says[string(bytes.TrimSpace(b))]; ok {
			if err := ws.WriteMessage(websocket.TextMessage, []byte(say)); err != nil {
				return err
			}
			continue
		}
		for _, id := range x.messages(b) {
			f.take(v, 0, id)
		}
	}
}

// messages are the numbers of the messages in a frame.
func (x *Peer) messages(frame []byte) (ids []int64) {
	parts := [][]byte{frame}
	if x.Lines {
		parts = bytes.Split(frame, []byte("\n"))
	}
	for _, part := range parts {
		raw := json.RawMessage(part)
		for _, name := range x.Item {
			var in map[string]json.RawMessage
			if json.Unmarshal(raw, &in) != nil {
				raw = nil
				break
			}
			raw = in[name]
		}
		var item struct {
			ID int64 `json:"id"`
		}
		if json.Unmarshal(raw, &item) == nil && item.ID > 0 {
			ids = append(ids, item.ID)
		}
	}
	return ids
}

// number gives what devices of a peer were shown the numbers that it has in SQL: a peer knows none of them.
func (f *fleet) number(truth [][3]int64) {
	if !f.unnumbered {
		return
	}
	at := map[[2]int64]int64{}
	for _, r := range truth {
		at[[2]int64{r[0], r[2]}] = r[1]
	}
	for _, d := range f.devices {
		d.mu.Lock()
		for i := range d.got {
			d.got[i].seq = at[[2]int64{d.person, d.got[i].id}]
		}
		d.mu.Unlock()
	}
}
