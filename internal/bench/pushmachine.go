package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/freeport"
)

// tick is what the system counts processor time in, on every Linux.
const tick = time.Second / 100

// spentBy is how much processor time a process has used; 0 when it is gone.
func spentBy(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * tick
}

// statusOf is a line of a process's status in bytes; 0 when it is gone.
func statusOf(pid int, name string) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	return kilobytes(text, name)
}

func kilobytes(text []byte, name string) int64 {
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte(name+":")); ok {
			n, _ := strconv.ParseInt(string(bytes.Fields(rest)[0]), 10, 64)
			return n << 10
		}
	}
	return 0
}

func residentOf(pid int) int64 { return statusOf(pid, "VmRSS") }

// kernelSlab is what the kernel holds for itself, of sockets among other things.
func kernelSlab() int64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	return kilobytes(text, "Slab")
}

// programsWorked is how much processor time all programs of the machine have used. What the kernel does for the
// network is nobody's, and counts for nobody.
func programsWorked() (all time.Duration) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(text), "\n")
	for i, field := range strings.Fields(line) {
		n, err := strconv.ParseInt(field, 10, 64)
		if err == nil && (i >= 1 && i <= 3 || i == 8) { // user, nice, system, and what other machines have taken
			all += time.Duration(n) * tick
		}
	}
	return all
}

// A watchman measures how much others use the machine while a round goes on.
type watchman struct {
	pids     []int          // of processes that belong to the bench
	services map[int]string // those among them that are the database and Redis
	begun    time.Time
	all      time.Duration
	ours     time.Duration
	server   time.Duration
	nodes    []int
	before   map[int]time.Duration // what the bench, the database and Redis had used
}

func (p *pushRun) watch() *watchman {
	w := &watchman{
		pids: []int{os.Getpid()}, services: p.services, begun: time.Now(), all: programsWorked(), before: map[int]time.Duration{},
	}
	for pid := range p.services {
		w.pids = append(w.pids, pid)
	}
	for _, pid := range w.pids {
		w.before[pid] = spentBy(pid)
		w.ours -= w.before[pid]
	}
	return w
}

// join adds a process that has been started.
func (w *watchman) join(pid int, server bool) {
	w.pids = append(w.pids, pid)
	if server {
		w.nodes = append(w.nodes, pid)
	}
}

// leave counts what a process has used that is about to be killed.
func (w *watchman) leave(pid int) {
	spent := spentBy(pid)
	w.ours += spent
	for _, n := range w.nodes {
		if n == pid {
			w.server += spent
		}
	}
}

// beside is how much processor time has been used beside the servers: by the load, by the database and by Redis.
func (w *watchman) beside() map[string]time.Duration {
	all := map[string]time.Duration{}
	for pid, before := range w.before {
		part := w.services[pid]
		if pid == os.Getpid() {
			part = "load"
		}
		all[part] += spentBy(pid) - before
	}
	return all
}

// spent is how much processor time each part has used since the watch began.
func (w *watchman) spent() map[string]time.Duration {
	all := w.beside()
	_, all["server"], _ = w.seen()
	return all
}

// seen is how many cores others have used, how much time the servers have, and how long it took.
func (w *watchman) seen() (others float64, server, took time.Duration) {
	took = time.Since(w.begun)
	ours, server := w.ours, w.server
	for _, pid := range w.pids {
		ours += spentBy(pid)
	}
	for _, pid := range w.nodes {
		server += spentBy(pid)
	}
	return max(0, (programsWorked()-w.all-ours).Seconds()/took.Seconds()), server, took
}

// servicesOf are the processes of the database and of Redis by their ids, so that what they use is not taken for others'.
func servicesOf(ctx context.Context, o PushOptions, dsn string) map[int]string {
	pids := map[int]string{}
	if dsn == "" {
		return pids
	}
	if b, err := db.OpenBulk(ctx, dsn); err == nil {
		if _, rows, err := b.Rows(ctx, `SHOW VARIABLES LIKE 'pid_file'`); err == nil && len(rows) == 1 {
			if text, err := os.ReadFile(string(rows[0][1])); err == nil {
				if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
					pids[pid] = "database"
				}
			}
		}
		_ = b.Close() // it has only been asked
	}
	if text, err := askRedis(o.Redis, "INFO server"); err == nil {
		for line := range strings.Lines(text) {
			if rest, ok := strings.CutPrefix(line, "process_id:"); ok {
				if pid, err := strconv.Atoi(strings.TrimSpace(rest)); err == nil {
					pids[pid] = "redis"
				}
			}
		}
	}
	return pids
}

// askRedis sends one command and returns what is answered, up to some kilobytes.
func askRedis(address, command string) (string, error) {
	c, err := net.DialTimeout("tcp", address, time.Second) //nolint:noctx // because the time is limited
	if err != nil {
		return "", err
	}
	defer c.Close() //nolint:errcheck // because it is only asked
	if err := c.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return "", err
	}
	if _, err := c.Write([]byte(command + "\r\n")); err != nil {
		return "", err
	}
	in := bufio.NewReader(c)
	first, err := in.ReadString('\n')
	if err != nil || !strings.HasPrefix(first, "$") {
		return first, err
	}
	size, err := strconv.Atoi(strings.TrimSpace(first[1:]))
	if err != nil || size < 0 || size > 1<<20 {
		return "", fmt.Errorf("redis answers %q", first)
	}
	text := make([]byte, size)
	for n := 0; n < size; {
		m, err := in.Read(text[n:])
		if err != nil {
			return "", err
		}
		n += m
	}
	return string(text), nil
}

// A redisServer is one of a round's own, which may be killed. It writes nothing down: whoever starts it again meets it
// empty.
type redisServer struct {
	*child

	program, address string
}

var errNoRedis = errors.New("there is no redis-server to kill")

func startRedis(ctx context.Context) (s *redisServer, err error) {
	s = &redisServer{}
	for _, name := range []string{"redis-server", "valkey-server"} {
		if s.program, err = exec.LookPath(name); err == nil {
			break
		}
	}
	if err != nil {
		return nil, errNoRedis
	}
	port, err := freeport.Find(ctx)
	if err != nil {
		return nil, err
	}
	s.address = net.JoinHostPort("127.0.0.1", port)
	return s, s.again(ctx)
}

// again starts the server, and waits until it answers.
func (s *redisServer) again(ctx context.Context) (err error) {
	_, port, err := net.SplitHostPort(s.address)
	if err != nil {
		return err
	}
	cmd := exec.Command(s.program, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", os.TempDir(), //nolint:gosec,noctx // because it is found by name and ended by its id
		"--stream-node-max-bytes", "1024")
	if s.child, err = spawn(cmd); err != nil {
		return err
	}
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	late := time.NewTimer(10 * time.Second)
	defer late.Stop()
	for {
		if said, err := askRedis(s.address, "PING"); err == nil && strings.HasPrefix(said, "+PONG") {
			return nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			s.kill()
			return ctx.Err()
		case <-s.ended:
			return errors.New("redis-server has ended before it answered")
		case <-late.C:
			s.kill()
			return errors.New("redis-server does not answer within ten seconds")
		}
	}
}

// mostSockets is how many sockets this process may have, with some files beside them.
func mostSockets() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 500
	}
	const beside = 400
	return int(min(limit.Max, 1<<20)) - beside
}
