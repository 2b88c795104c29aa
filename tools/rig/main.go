// Rig runs a command with a MariaDB and a Redis of its own, and takes them away afterwards:
//
//	rig go test ./...
//
// Both listen on free ports of 127.0.0.1, keep their data in memory where they can, and are stopped by their
// process ids, however the command or the rig itself ends. No service of the system is started, stopped or asked.
// The command finds them in WANJIA_TEST_MYSQL (an address without a database) and WANJIA_TEST_REDIS (host:port), and
// its exit code is the rig's. With --disk before the command their data lie on a real disk, for measuring: there a
// commit costs what it costs in life.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
)

func init() {
	// A child that shall die with its parent dies with the thread that started it: this one, which lives as long.
	runtime.LockOSThread()
}

func main() {
	command, onDisk := os.Args[1:], false
	if len(command) > 0 && command[0] == "--disk" {
		command, onDisk = command[1:], true
	}
	if len(command) > 0 && command[0] == "--" {
		command = command[1:]
	}
	if len(command) == 0 {
		fmt.Fprintln(os.Stderr, "usage: rig [--disk] command [argument ...]")
		os.Exit(2)
	}
	code, err := run(command, onDisk)
	if err != nil {
		fmt.Fprintln(os.Stderr, "rig:", err)
		code = 1
	}
	os.Exit(code)
}

// run starts the servers, runs command, stops the servers, and returns the command's exit code.
func run(command []string, onDisk bool) (code int, err error) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)

	if err := provide(); err != nil {
		return 0, err
	}
	folder, err := dataFolder(onDisk)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()

	maria, err := startMariaDB(folder, onDisk)
	if err != nil {
		return 0, err
	}
	defer maria.stop()
	redis, err := startRedis(folder)
	if err != nil {
		return 0, err
	}
	defer redis.stop()

	child := exec.Command(command[0], command[1:]...)
	child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
	child.Env = append(os.Environ(), "WANJIA_TEST_MYSQL="+maria.address, "WANJIA_TEST_REDIS="+redis.address)
	select {
	case s := <-signals: // asked to stop before there was anything to pass it on to
		return 128 + int(s.(syscall.Signal)), nil
	default:
	}
	if err := child.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	for {
		select {
		case s := <-signals:
			_ = child.Process.Signal(s) // it ends by itself, and then so do we
		case err := <-ended:
			return exitCode(err)
		}
	}
}

// exitCode is the command's own, or as a shell has it when a signal ended it.
func exitCode(err error) (int, error) {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return 0, err
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return exit.ExitCode(), nil
}
