package bench

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
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"wanjia/internal/app"
	"wanjia/internal/config"
	"wanjia/internal/platform/watch"
)

// A node serves.
type node struct {
	public, admin string
	pid           int
	stop          func() error
}

// start starts the program at binary as a server of its own, or serves in this process without one.
func start(ctx context.Context, binary string, p place) (*node, error) {
	if binary != "" {
		return startChild(ctx, binary, p.config)
	}
	a, err := p.app(ctx)
	if err != nil {
		return nil, err
	}
	return serve(ctx, a)
}

// serve serves a in this process until stop.
func serve(ctx context.Context, a *app.App) (*node, error) {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	n, ready, ended := &node{pid: os.Getpid()}, make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- a.Serve(life, func(public, admin string) {
			n.public, n.admin = public, admin
			close(ready)
		})
	}()
	n.stop = func() error {
		end()
		return errors.Join(<-ended, a.Close())
	}
	select {
	case <-ready:
		return n, nil
	case err := <-ended:
		end()
		return nil, errors.Join(err, a.Close())
	}
}

// shown are the addresses that a server says it has.
var shown = regexp.MustCompile(`(API|admin) +http://([0-9.:]+)`)

const (
	untilReady = 20 * time.Second
	untilEnded = 20 * time.Second
)

func startChild(ctx context.Context, binary string, c config.Config) (*node, error) {
	log, err := os.Create(filepath.Join(c.Data, "log")) // each request is a line, as in life
	if err != nil {
		return nil, err
	}
	defer log.Close() //nolint:errcheck // because the child has its own
	child := exec.CommandContext(ctx, binary, "serve")
	child.Env = append(clean(os.Environ()), environment(c)...)
	child.Stderr = log
	child.Cancel, child.WaitDelay = func() error { return child.Process.Signal(syscall.SIGTERM) }, untilEnded
	child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	out, err := child.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := child.Start(); err != nil {
		return nil, err
	}
	n := &node{pid: child.Process.Pid}
	n.stop = func() error {
		signal := child.Process.Signal(syscall.SIGTERM)
		late := time.AfterFunc(untilEnded, func() { _ = child.Process.Kill() })
		defer late.Stop()
		_, _ = io.Copy(io.Discard, out) // before Wait, which closes it
		return errors.Join(signal, child.Wait())
	}
	late := time.AfterFunc(untilReady, func() { _ = child.Process.Kill() })
	defer late.Stop()
	for lines := bufio.NewScanner(out); (n.public == "" || n.admin == "") && lines.Scan(); {
		if m := shown.FindStringSubmatch(lines.Text()); m != nil {
			*map[string]*string{"API": &n.public, "admin": &n.admin}[m[1]] = m[2]
		}
	}
	if n.public == "" || n.admin == "" {
		err := errors.Join(errors.New("it ended before it was ready"), n.stop())
		said, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("%w: %s", err, said)
	}
	return n, nil
}

// clean is an environment without settings of ours: the bench decides them all.
func clean(environ []string) (rest []string) {
	for _, e := range environ {
		if !strings.HasPrefix(e, "WANJIA_") {
			rest = append(rest, e)
		}
	}
	return rest
}

func environment(c config.Config) []string {
	set := []string{
		"WANJIA_DATA=" + c.Data, "WANJIA_KEYS_MASTER=" + c.Keys.Master, "WANJIA_AUDIT_HEADS_FILE=" + c.Audit.HeadsFile,
		"WANJIA_LISTEN_PUBLIC=" + c.Listen.Public, "WANJIA_LISTEN_ADMIN=" + c.Listen.Admin,
		"WANJIA_LISTEN_PROXIES=" + strings.Join(c.Listen.Proxies, ","),
	}
	if !c.Embedded() {
		set = append(set, "WANJIA_MYSQL_DSN="+c.MySQL.DSN, "WANJIA_REDIS_ADDRESSES="+strings.Join(c.Redis.Addresses, ","))
	}
	return set
}

// statements is how many the server has sent to its database.
func (n *node) statements(ctx context.Context) (float64, error) {
	return metricOf(ctx, n.admin, "wanjia_sql_statements_total")
}

// metricOf is what the server whose operator's listener is at admin counts under a name.
func metricOf(ctx context.Context, admin, name string) (float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	res, err := (&http.Client{Timeout: 5 * time.Second}).Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close() //nolint:errcheck // because it is only read
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte(name+" ")); ok {
			return strconv.ParseFloat(string(bytes.TrimSpace(rest)), 64)
		}
	}
	return 0, fmt.Errorf("the server does not count %s", name)
}

// requestOf is the id of the request that ctx belongs to, "" for the work of loops.
func requestOf(ctx context.Context) string { return watch.CallerFrom(ctx).Request }
