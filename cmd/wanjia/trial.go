package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"wanjia/internal/config"
)

// A trial is one start of this very program, on free ports and on data that may be thrown away.
type trial struct {
	config   string // the file of settings, if there is one
	settings config.Config
	folder   string // a copy of the data, and where the child may write
}

// What a trial may take: to be ready, to come to rest, and to end.
const (
	untilReady = 30 * time.Second
	untilIdle  = 3 * time.Second
	untilEnded = 20 * time.Second
)

// copyData copies what the embedded tier keeps; the child of a server's tier has the database itself.
func (r *trial) copyData() (err error) {
	if r.folder, err = os.MkdirTemp("", "wanjia-doctor-"); err != nil || !r.settings.Embedded() {
		return err
	}
	for _, name := range []string{"wanjia.db", "wanjia.db-wal", "master.key"} {
		err := copyFile(filepath.Join(r.folder, name), filepath.Join(r.settings.Data, name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("copy the data for a trial start: %w", err)
		}
	}
	return nil
}

func copyFile(to, from string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // it was only read
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}

// clean removes the copy.
func (r *trial) clean() {
	if r.folder != "" {
		_ = os.RemoveAll(r.folder) // in the folder for temporary files, which others clean too
	}
}

// What a trial has seen.
type seen struct {
	ready    time.Duration // from the start of the process to the first good answer of /readyz
	resident int64         // bytes, when it has come to rest; 0: the system does not tell
}

// run starts the child, waits until it is ready and idle, and ends it.
func (r *trial) run(ctx context.Context) (s seen, err error) {
	binary, err := os.Executable()
	if err != nil {
		return s, err
	}
	args := []string{"serve"}
	if r.config != "" {
		args = append(args, "--config", r.config)
	}
	child := exec.CommandContext(ctx, binary, args...) //nolint:gosec // because it is this program
	child.Env = append(os.Environ(), "WANJIA_LISTEN_PUBLIC=127.0.0.1:0", "WANJIA_LISTEN_ADMIN=127.0.0.1:0",
		"WANJIA_AUDIT_HEADS_FILE="+filepath.Join(r.folder, "heads.jsonl"))
	if r.settings.Embedded() {
		child.Env = append(child.Env, "WANJIA_DATA="+r.folder)
	}
	child.Cancel = func() error { return child.Process.Signal(syscall.SIGTERM) }
	child.WaitDelay = untilEnded
	var complaints bytes.Buffer
	child.Stderr = &complaints
	out, err := child.StdoutPipe()
	if err != nil {
		return s, err
	}
	begun := time.Now()
	if err := child.Start(); err != nil {
		return s, fmt.Errorf("start a trial: %w", err)
	}
	said := make(chan string, 1) // where /readyz is; closed when the child says no more
	go func() {
		defer close(said)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if at := strings.Index(lines.Text(), "http://"); at >= 0 && strings.HasSuffix(lines.Text(), "/readyz") {
				said <- lines.Text()[at:]
			}
		}
	}()
	s, err = r.watch(ctx, child.Process.Pid, begun, said)
	// Not cancelled by ctx, which may be over: the child is told, and waited for, in any case.
	ended := errors.Join(child.Cancel(), drained(said, child))
	if err != nil {
		return s, fmt.Errorf("%w; the trial said: %s", errors.Join(err, ended), lastLines(complaints.String()))
	}
	return s, nil
}

// drained waits until the child has said everything and ended; it is killed when it takes too long.
func drained(said <-chan string, child *exec.Cmd) error {
	kill := time.AfterFunc(untilEnded, func() { _ = child.Process.Kill() })
	defer kill.Stop()
	for range said { // Wait closes the pipe, and may not before it is read
	}
	return child.Wait()
}

// watch asks the child until it is ready, and weighs it until it has come to rest.
func (r *trial) watch(ctx context.Context, pid int, begun time.Time, said <-chan string) (s seen, err error) {
	ctx, cancel := context.WithTimeout(ctx, untilReady+untilIdle)
	defer cancel()
	var url string
	select {
	case url = <-said:
	case <-ctx.Done():
		return s, fmt.Errorf("it was not ready within %v", untilReady)
	}
	if url == "" {
		return s, errors.New("it ended before it was ready")
	}
	for !answers(ctx, url) {
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return s, fmt.Errorf("it was not ready within %v", untilReady)
		}
	}
	s.ready = time.Since(begun)
	for end := time.Now().Add(untilIdle); time.Now().Before(end); {
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return s, err
		}
		s.resident = resident(pid)
	}
	return s, nil
}

func answers(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	client := http.Client{Timeout: 2 * time.Second}
	res, err := client.Do(req)
	if err != nil {
		return false
	}
	return res.Body.Close() == nil && res.StatusCode == http.StatusOK
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// resident is how many bytes of memory a process holds; 0 where the system does not tell.
func resident(pid int) int64 {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err != nil {
				return 0
			}
			return kilobytes * 1024
		}
	}
	return 0
}

// lastLines is the end of what a child complained of.
func lastLines(s string) string {
	const most = 800
	if len(s) > most {
		s = "…" + s[len(s)-most:]
	}
	return strings.TrimSpace(s)
}
