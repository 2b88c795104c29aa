package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// A child is a process that this one has started: it is ended by its id, and the kernel ends it when we are killed.
type child struct {
	*exec.Cmd

	ended chan struct{}
}

// spawn starts cmd.
func spawn(cmd *exec.Cmd) (*child, error) {
	c := &child{Cmd: cmd, ended: make(chan struct{})}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	started := make(chan error, 1)
	go func() {
		// The kernel means the thread that has started it, not the process: this one lives as long as the child.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is known to who ended it
		}
		close(c.ended)
	}()
	return c, <-started
}

// kill ends it as kill -9 does, and waits until it is gone.
func (c *child) kill() {
	_ = c.Process.Kill()
	<-c.ended
}

// A pushNode is a server of ours as the bench sees it.
type pushNode struct {
	*child

	public, admin string
	log           string // the file it writes to
	in            io.WriteCloser
	mu            sync.Mutex // of in
	told          func(word)
	words         chan word     // all others
	heard         chan struct{} // closed when all has been heard that it ever said
}

// startNode starts a server in a process of its own; told hears of each commit.
func (p *pushRun) startNode(ctx context.Context, s setup, told func(word)) (n *pushNode, err error) {
	name := fmt.Sprintf("%s/node-%d.log", p.folder, p.started.Add(1))
	log, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	defer log.Close()                                                  //nolint:errcheck // because the child has its own
	cmd := exec.Command(p.o.Node[0], p.o.Node[1:]...)                  //nolint:gosec,noctx // because it is ourselves, and ended by its id
	cmd.Env, cmd.Stderr = append(clean(os.Environ()), p.o.Env...), log //nolint:gocritic // because both are the child's
	n = &pushNode{log: name, told: told, words: make(chan word, 64), heard: make(chan struct{})}
	if n.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, inner, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdout = inner
	n.child, err = spawn(cmd)
	_ = inner.Close()
	if err != nil {
		return nil, errors.Join(err, out.Close())
	}
	go n.listen(out)
	line, err := json.Marshal(s)
	if err == nil {
		err = n.send(line)
	}
	var ready word
	if err == nil {
		ready, err = n.next(ctx, saysReady, untilReady)
	}
	if err != nil {
		n.kill()
		said, _ := os.ReadFile(name)
		return nil, fmt.Errorf("start a server: %w: %s", err, last(said, 2000))
	}
	n.public, n.admin = ready.Public, ready.Admin
	return n, nil
}

func last(b []byte, most int) []byte { return b[max(0, len(b)-most):] }

// listen takes words until the process has ended.
func (n *pushNode) listen(out *os.File) {
	defer close(n.heard)
	defer close(n.words)
	defer out.Close() //nolint:errcheck // because it is only read
	lines := json.NewDecoder(bufio.NewReaderSize(out, 1<<16))
	for {
		var w word
		if lines.Decode(&w) != nil {
			return
		}
		if w.Do == doTell {
			n.told(w)
			continue
		}
		n.words <- w
	}
}

func (n *pushNode) send(line []byte) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, err := n.in.Write(append(line, '\n'))
	return err
}

func (n *pushNode) order(o order) error {
	line, err := json.Marshal(o)
	if err != nil {
		return err
	}
	return n.send(line)
}

var errNodeEnded = errors.New("the server has ended")

// next is the next word, which must be an answer to do.
func (n *pushNode) next(ctx context.Context, do string, patience time.Duration) (w word, err error) {
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case w, ok := <-n.words:
		switch {
		case !ok:
			return w, errNodeEnded
		case w.Why != "":
			return w, errors.New(w.Why)
		case w.Do != do:
			return w, fmt.Errorf("it says %q, want %q", w.Do, do)
		}
		return w, nil
	case <-late.C:
		return w, fmt.Errorf("it does not answer %q within %v", do, patience)
	case <-ctx.Done():
		return w, ctx.Err()
	}
}

// truth is what stands in SQL of the messages from a number on.
func (n *pushNode) truth(ctx context.Context, from int64) (rows [][3]int64, err error) {
	if err := n.order(order{Do: doInbox, From: from}); err != nil {
		return nil, err
	}
	for {
		w, err := n.next(ctx, doInbox, time.Minute)
		if err != nil || w.End {
			return rows, err
		}
		rows = append(rows, w.Rows...)
	}
}

// memory is the node's memory after a forced sweep: what the system says, and of it heap and stacks.
func (n *pushNode) memory(ctx context.Context) (rss int64, w word, err error) {
	if err := n.order(order{Do: doMemory}); err != nil {
		return 0, w, err
	}
	if w, err = n.next(ctx, doMemory, time.Minute); err != nil {
		return 0, w, err
	}
	return residentOf(n.Process.Pid), w, nil
}
