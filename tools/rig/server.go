package main

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// patience is how long a server may take to answer for the first time.
const patience = time.Minute

// A server is one that this rig has started.
type server struct {
	address string // as the tests want it
	process *os.Process
	ended   chan struct{}
}

// stop ends the server at once: what it holds is thrown away.
func (s *server) stop() {
	_ = s.process.Kill()
	<-s.ended
}

// dataFolder makes a folder that only we can enter: in memory when there is enough of it, or on a disk.
func dataFolder(onDisk bool) (string, error) {
	const enough, inMemory = 1 << 30, 0x01021994
	parent := ""
	var fs syscall.Statfs_t
	switch {
	case onDisk:
		if err := syscall.Statfs(os.TempDir(), &fs); err == nil && fs.Type == inMemory {
			parent = "/var/tmp" // which outlives a start of the machine, and so is on a disk
		}
	default:
		if err := syscall.Statfs("/dev/shm", &fs); err == nil && fs.Bavail*uint64(fs.Bsize) > enough {
			parent = "/dev/shm"
		}
	}
	folder, err := os.MkdirTemp(parent, folderName)
	if err != nil && parent != "" {
		parent = ""
		folder, err = os.MkdirTemp(parent, folderName)
	}
	if err != nil {
		return "", fmt.Errorf("make a folder for the servers: %w", err)
	}
	if _, err := hold(folder); err != nil {
		return "", err
	}
	sweep(cmp.Or(parent, os.TempDir()))
	return folder, nil
}

const folderName = "wanjia-rig-"

// hold takes the lock of a rig's folder, for as long as this process lives.
func hold(folder string) (held bool, err error) {
	lock, err := os.OpenFile(filepath.Join(folder, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return false, fmt.Errorf("open the lock of %s: %w", folder, err)
	}
	if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return false, lock.Close()
	}
	locks = append(locks, lock)
	return true, nil
}

var locks []*os.File // kept open: closing one gives it up

// sweep removes the folders of rigs that were killed. One younger than a minute may not have taken its lock yet.
func sweep(parent string) {
	folders, _ := filepath.Glob(filepath.Join(parent, folderName+"*"))
	for _, folder := range folders {
		info, err := os.Stat(folder)
		if err != nil || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		if held, err := hold(folder); err == nil && held {
			_ = os.RemoveAll(folder) // somebody else's stays, and is theirs to remove
		}
	}
}

// startMariaDB makes a new database server with one account, which comes from 127.0.0.1, or by the socket, as programs on one
// machine should: each way there and back costs half.
func startMariaDB(folder string, bySocket bool) (*server, error) {
	data, password := filepath.Join(folder, "mariadb"), rand.Text()
	install := exec.Command("mariadb-install-db", asUser("--no-defaults", "--datadir="+data, "--skip-test-db",
		"--auth-root-authentication-method=socket")...)
	if out, err := install.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("make a database: %w\n%s", err, out)
	}
	account := filepath.Join(folder, "account.sql")
	text := ""
	for _, host := range []string{"127.0.0.1", "localhost"} {
		text += fmt.Sprintf("CREATE USER wanjia@%s IDENTIFIED BY '%s';\nGRANT ALL ON *.* TO wanjia@%s WITH GRANT OPTION;\n", host, password, host)
	}
	socket := filepath.Join(folder, "s")
	if err := os.WriteFile(account, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("write the account of the database: %w", err)
	}
	where := func(port string) string {
		if bySocket {
			return "unix(" + socket + ")"
		}
		return "tcp(127.0.0.1:" + port + ")"
	}
	return start("mariadbd", filepath.Join(folder, "mariadb.log"), func(port string) ([]string, string) {
		// The collation stays the server's own, so that tests see whether ours is set everywhere. Durable settings are
		// those of production: figures measured on another server would mean nothing. What fills a database may give it more
		// memory, which servers since 10.11.12 allow up to a size named at their start only, and older ones do not know.
		return asUser("--no-defaults", "--datadir="+data, "--socket="+socket, "--pid-file="+filepath.Join(folder, "pid"),
			"--bind-address=127.0.0.1", "--port="+port, "--init-file="+account, "--skip-name-resolve", "--skip-log-bin",
			"--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=256M", "--loose-innodb-buffer-pool-size-max=2G", "--max-connections=500",
			"--max-allowed-packet=16M", "--innodb-sort-buffer-size=16M"), "wanjia:" + password + "@" + where(port) + "/"
	}, "", "MariaDB")
}

// startRedis makes a new Redis that writes nothing down.
func startRedis(folder string) (*server, error) {
	program, _ := redisProgram()
	return start(program, filepath.Join(folder, "redis.log"), func(port string) ([]string, string) {
		return []string{"--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir", folder, "--daemonize", "no"},
			"127.0.0.1:" + port
	}, "PING\r\n", "+PONG")
}

// start starts program on a free port, and waits until it answers hello (which may be nothing) with a text that has
// welcome in it. Somebody else may take the port in between, so it tries three.
func start(program, log string, arguments func(port string) (args []string, address string), hello, welcome string) (*server, error) {
	var last error
	for range 3 {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		args, address := arguments(port)
		s, err := startOnce(program, log, args)
		if err != nil {
			return nil, err
		}
		s.address = address
		if last = s.wait(port, hello, welcome); last == nil {
			return s, nil
		}
		s.stop()
	}
	said, _ := os.ReadFile(log)
	return nil, fmt.Errorf("%s: %w\n%s", program, last, said)
}

func startOnce(program, log string, args []string) (*server, error) {
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	command := exec.Command(program, args...)
	command.Stdout, command.Stderr = out, out
	// In a group of its own, so that an interrupt from the terminal reaches the tests first; and never without us.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	s := &server{process: command.Process, ended: make(chan struct{})}
	go func() {
		_ = command.Wait()
		close(s.ended)
	}()
	return s, nil
}

// wait returns when the server answers as it should, or with the reason why it will not.
func (s *server) wait(port, hello, welcome string) error {
	limit := time.After(patience)
	for {
		if answers(port, hello, welcome) {
			return nil
		}
		select {
		case <-s.ended:
			return errors.New("has ended before it answered")
		case <-limit:
			return fmt.Errorf("does not answer within %v", patience)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func answers(port, hello, welcome string) bool {
	conn, err := net.DialTimeout("tcp", "127.0.0.1:"+port, time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return false
	}
	if _, err := io.WriteString(conn, hello); err != nil {
		return false
	}
	said := make([]byte, 200)
	n, _ := conn.Read(said)
	return bytes.Contains(said[:n], []byte(welcome))
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	return port, l.Close()
}

// asUser adds what MariaDB wants to hear before it runs as root.
func asUser(args ...string) []string {
	if os.Geteuid() == 0 {
		args = append(args, "--user=root")
	}
	return args
}

// redisProgram is the Redis or Valkey there is.
func redisProgram() (string, bool) {
	for _, name := range []string{"redis-server", "valkey-server"} {
		if _, err := exec.LookPath(name); err == nil {
			return name, true
		}
	}
	return "redis-server", false
}

// widen adds the folders of administrators' programs to PATH, which other people's often lack.
func widen() error {
	return os.Setenv("PATH", strings.Join([]string{cmp.Or(os.Getenv("PATH"), "/usr/bin:/bin"), "/usr/local/sbin", "/usr/sbin", "/sbin"}, ":"))
}
