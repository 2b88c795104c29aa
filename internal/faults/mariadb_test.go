package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/freeport"
)

// A mariaDB is a database server of the test's own, which may be killed.
type mariaDB struct {
	t       *testing.T
	folder  string
	port    string
	command *exec.Cmd
}

// newMariaDB makes a server with one account and starts it. Where there is no server for tests, it skips like they do.
func newMariaDB(t *testing.T) *mariaDB {
	t.Helper()
	if os.Getenv("WANJIA_TEST_MYSQL") == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("WANJIA_TEST_MYSQL names no server, and CI runs without skipping: start it with make test")
		}
		t.Skip("WANJIA_TEST_MYSQL names no server: this test runs with make test")
	}
	folder, err := os.MkdirTemp("", "wanjia-faults-") //nolint:usetesting // because the name of a socket may not be long
	if err != nil {
		t.Fatal(err)
	}
	m := &mariaDB{t: t, folder: folder}
	t.Cleanup(func() {
		m.kill()
		if err := os.RemoveAll(folder); err != nil {
			t.Error(err)
		}
	})
	install := exec.Command("mariadb-install-db", m.user("--no-defaults", "--datadir="+folder, "--skip-test-db", "--auth-root-authentication-method=socket")...)
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("make a database: %v\n%s", err, out)
	}
	account := "CREATE USER IF NOT EXISTS wanjia@127.0.0.1 IDENTIFIED BY 'faults';\nGRANT ALL ON *.* TO wanjia@127.0.0.1;\n"
	if err := os.WriteFile(filepath.Join(folder, "account.sql"), []byte(account), 0o600); err != nil {
		t.Fatal(err)
	}
	if m.port, err = freeport.Find(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.start(true)
	return m
}

// user adds what MariaDB wants to hear before it runs as root.
func (m *mariaDB) user(args ...string) []string {
	if os.Geteuid() == 0 {
		args = append(args, "--user=root")
	}
	return args
}

// start starts the server on what it has, with the settings of production or without the one by which a commit is
// written down before it is answered, and waits until it answers.
func (m *mariaDB) start(durable bool) {
	m.t.Helper()
	flush := 1
	if !durable {
		flush = 0
	}
	log, err := os.OpenFile(filepath.Join(m.folder, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		m.t.Fatal(err)
	}
	defer log.Close()
	m.command = exec.Command("mariadbd", m.user("--no-defaults", "--datadir="+m.folder, "--socket="+filepath.Join(m.folder, "s"),
		"--pid-file="+filepath.Join(m.folder, "pid"), "--bind-address=127.0.0.1", "--port="+m.port, "--init-file="+filepath.Join(m.folder, "account.sql"),
		"--skip-name-resolve", "--skip-log-bin", "--innodb-flush-log-at-trx-commit="+strconv.Itoa(flush), "--innodb-buffer-pool-size=64M",
		"--max-allowed-packet=16M", "--max-connections=200")...)
	m.command.Stdout, m.command.Stderr = log, log
	m.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := m.command.Start(); err != nil {
		m.t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); !m.answers(); {
		if time.Now().After(end) {
			said, _ := os.ReadFile(log.Name())
			m.t.Fatalf("the private MariaDB does not answer:\n%s", said)
		}
		<-time.After(20 * time.Millisecond)
	}
}

func (m *mariaDB) answers() bool {
	c, err := net.DialTimeout("tcp", "127.0.0.1:"+m.port, time.Second)
	if err != nil {
		return false
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return false
	}
	hello := make([]byte, 64)
	n, err := io.ReadAtLeast(c, hello, 16)
	return err == nil && strings.Contains(string(hello[:n]), "MariaDB")
}

// kill ends the server with SIGKILL, unless it has ended.
func (m *mariaDB) kill() {
	if m.command == nil {
		return
	}
	_ = m.command.Process.Kill() // it may have ended by itself
	_ = m.command.Wait()         // it was killed, and says so
	m.command = nil
}

// town makes a database with the town, and returns its address.
func (m *mariaDB) town() (dsn string) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), 5*time.Minute)
	defer cancel()
	dsn, _, err := db.Scratch(ctx, fmt.Sprintf("wanjia:faults@tcp(127.0.0.1:%s)/", m.port))
	if err != nil {
		m.t.Fatal(err)
	}
	d, err := db.Open(ctx, db.Options{MySQL: dsn, Pool: 1})
	if err == nil {
		_, err = d.Migrate(ctx, slog.New(slog.DiscardHandler))
		err = errors.Join(err, d.Close())
	}
	if err == nil {
		err = fill(ctx, m.t.TempDir(), dsn)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	return dsn
}
