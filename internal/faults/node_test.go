// Package faults kills what the product runs on while it is in use: nodes, Redis, the database. The nodes are processes
// of their own, and so are MariaDB and Redis; whatever is killed is killed with SIGKILL, by its process id. Afterwards
// one verifier compares what was asked for, what was committed and what each device has applied. Tests only.
//
// Each test shows besides that it can fail: the same verifier must find what a variant loses or doubles that was broken on
// purpose. One of these controls runs each time, all of them in `make nightly`, where the runs are longer, too. How long
// something takes to heal is printed and bounded by nothing but patience: times are for the bench.
package faults

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
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
	os.Exit(m.Run())
}

// A part is what a node is told about itself.
type part struct {
	Config config.Config
	Broken string // what is broken on purpose; empty: nothing
}

// withoutRefill never fills from SQL what a device lacks.
const withoutRefill = "without refill"

type noRefill struct{ push.Inbox }

func (noRefill) Items(context.Context, int64, int64, int) ([]push.Entry, error) { return nil, nil }

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
	o := app.Options{Version: "faults"}
	if p.Broken == withoutRefill {
		o.Inbox = func(i push.Inbox) push.Inbox { return noRefill{i} }
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
	n := &node{command: exec.Command(os.Args[0]), log: filepath.Join(t.TempDir(), "log")}
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
