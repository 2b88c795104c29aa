// Package faults kills what the product runs on while it is in use: nodes, Redis, the database. The nodes are processes
// of their own, and so are MariaDB and Redis; whatever is killed is killed with SIGKILL, by its process id. Afterwards
// one verifier compares what was asked for, what was committed and what each device has applied. Tests only.
//
// Each test shows besides that it can fail: the same verifier must find what a variant loses or doubles that was broken on
// purpose. One of these controls runs each time, all of them in `make nightly`, where the runs are longer, too. How long
// something takes to heal is printed, and bounded by nothing but patience: times are for the bench. Bounded is what is
// promised of a node that is cut off or stops (R4, R13), with slack for a machine that does much else.
package faults

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"wanjia/internal/app"
	"wanjia/internal/config"
	"wanjia/internal/platform/push"
)

// In a process that has it, the test binary is a node and nothing else.
const partFile = "WANJIA_TEST_FAULTS_NODE"

func TestMain(m *testing.M) {
	if settings := os.Getenv(partFile); settings != "" {
		if err := beNode(settings); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = f.Value.Set("4") // most of the time these tests wait
	}
	folder, err := os.MkdirTemp("", "wanjia-faults-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	asShipped.folder = folder
	code := m.Run()
	_ = os.RemoveAll(folder) // in the folder for temporary files, which others clean too
	os.Exit(code)
}

// asShipped is the test binary without the race detector, built when it is first wanted.
var asShipped struct {
	folder string
	once   sync.Once
	err    error
}

// binary is what a node runs: this program, and in the night one that is as fast as what ships.
func binary() (string, error) {
	if !withRace || !nightly {
		return os.Executable()
	}
	to := filepath.Join(asShipped.folder, "node")
	asShipped.once.Do(func() {
		if out, err := exec.Command("go", "test", "-c", "-o", to, ".").CombinedOutput(); err != nil {
			asShipped.err = fmt.Errorf("build a node: %w\n%s", err, out)
		}
	})
	return to, asShipped.err
}

// A part is what a node is told about itself.
type part struct {
	Config config.Config
	Broken string // what is broken on purpose; empty: nothing
	Blind  string // while there is a file of this name, it does not see by itself how far an inbox is; empty: it always does
}

// What may be broken on purpose in a node: it never fills from SQL what a device lacks; never looks again how far an inbox
// is; takes it for an answer when SQL gives none; lets something go on for ever with each look at an inbox; or never says
// that Redis is away.
const (
	withoutRefill = "without refill"
	withoutCheck  = "without position check"
	withoutDoubt  = "without doubt"
	withoutEnd    = "without end"
	withoutWord   = "without a word"
)

// breakages are the ways in which an inbox is broken.
var breakages = map[string]func(push.Inbox) push.Inbox{
	withoutRefill: func(i push.Inbox) push.Inbox { return noRefill{i} },
	withoutCheck:  func(i push.Inbox) push.Inbox { return &noCheck{Inbox: i, first: map[int64]push.Head{}} },
	withoutDoubt:  func(i push.Inbox) push.Inbox { return noDoubt{i} },
	withoutEnd:    func(i push.Inbox) push.Inbox { return noEnd{i} },
}

type noRefill struct{ push.Inbox }

func (noRefill) Items(context.Context, int64, int64, int) ([]push.Entry, error) { return nil, nil }

type noDoubt struct{ push.Inbox }

func (d noDoubt) Heads(ctx context.Context, persons []int64) ([]push.Head, error) {
	heads, err := d.Inbox.Heads(ctx, persons)
	if err != nil {
		return nil, nil //nolint:nilerr // because this is what is broken
	}
	return heads, nil
}

type noEnd struct{ push.Inbox }

func (e noEnd) Heads(ctx context.Context, persons []int64) ([]push.Head, error) {
	go func() {
		<-make(chan struct{}) // never
	}()
	return e.Inbox.Heads(ctx, persons)
}

type noCheck struct {
	push.Inbox

	mu    sync.Mutex
	first map[int64]push.Head
}

func (c *noCheck) Heads(ctx context.Context, persons []int64) ([]push.Head, error) {
	heads, err := c.Inbox.Heads(ctx, persons)
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, h := range heads {
		if first, known := c.first[h.Person]; known {
			heads[i] = first
		} else {
			c.first[h.Person] = h
		}
	}
	return heads, err
}

// A blind inbox is as it was when a file came to be, until that is gone: what comes meanwhile, somebody must tell.
type blind struct {
	push.Inbox
	while string

	mu   sync.Mutex
	last map[int64]push.Head
}

func (b *blind) Heads(ctx context.Context, persons []int64) ([]push.Head, error) {
	heads, err := b.Inbox.Heads(ctx, persons)
	_, seen := os.Stat(b.while)
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, h := range heads {
		if last, known := b.last[h.Person]; known && seen == nil {
			heads[i] = last
		} else {
			b.last[h.Person] = h
		}
	}
	return heads, err
}

// beNode serves until it is told to end, or until whoever started it is no more.
func beNode(settings string) error {
	var p part
	if err := json.Unmarshal([]byte(settings), &p); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends with the test
		os.Exit(3)
	}()
	o := app.Options{Version: "faults", Inbox: breakages[p.Broken]}
	if p.Blind != "" {
		o.Inbox = func(i push.Inbox) push.Inbox {
			if breaks := breakages[p.Broken]; breaks != nil {
				i = breaks(i)
			}
			return &blind{Inbox: i, while: p.Blind, last: map[int64]push.Head{}}
		}
	}
	if p.Broken == withoutWord {
		o.Away = func() time.Duration { return 0 }
	}
	a, err := app.New(ctx, p.Config, o)
	if err != nil {
		return err
	}
	err = a.Serve(ctx, func(public, admin string) { fmt.Fprintln(os.Stdout, public, admin) })
	return errors.Join(err, a.Close())
}

// A node is such a process.
type node struct {
	url, admin string
	command    *exec.Cmd
	alive      io.Closer
	log        string
}

// untilReady is how long a node may take to start on a machine that does much else.
const untilReady = time.Minute

func startNode(t *testing.T, p part) *node {
	t.Helper()
	settings, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	program, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	n := &node{command: exec.Command(program), log: filepath.Join(t.TempDir(), "log")}
	log, err := os.Create(n.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	n.command.Env = append(os.Environ(), partFile+"="+string(settings))
	n.command.Stderr = log
	in, err := n.command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := n.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := n.command.Start(); err != nil {
		t.Fatal(err)
	}
	n.alive = in
	t.Cleanup(n.kill)
	late := time.AfterFunc(untilReady, func() { _ = n.command.Process.Kill() })
	defer late.Stop()
	said, err := bufio.NewReader(out).ReadString('\n')
	public, admin, found := strings.Cut(strings.TrimSpace(said), " ")
	if err != nil || !found {
		t.Fatalf("a node does not start: %v\n%s", err, n.complaints())
	}
	n.url, n.admin = "http://"+public, "http://"+admin
	return n
}

// complaints are the last lines of a node's log.
func (n *node) complaints() string {
	b, _ := os.ReadFile(n.log)
	return string(b[max(0, len(b)-2000):])
}

// stop asks the process to end, and says within which time and how it did; after patience it is killed.
func (n *node) stop(patience time.Duration) (took time.Duration, err error) {
	begun := time.Now()
	late := time.AfterFunc(patience, func() { _ = n.command.Process.Kill() })
	defer late.Stop()
	if err := n.command.Process.Signal(syscall.SIGTERM); err != nil {
		return 0, err
	}
	err = n.command.Wait()
	_ = n.alive.Close()
	n.command = nil
	return time.Since(begun), err
}

// kill ends the process with SIGKILL, unless it has ended.
func (n *node) kill() {
	if n.command == nil {
		return
	}
	_ = n.command.Process.Kill() // it may have ended by itself
	_ = n.command.Wait()         // it was killed, and says so
	_ = n.alive.Close()
	n.command = nil
}
