package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// provide sees to it that everything is there: the two servers, and the C compiler that the race detector needs. What
// is missing is installed where we may; otherwise one sentence says what to do.
func provide() error {
	if err := widen(); err != nil {
		return err
	}
	missing := packages()
	if len(missing) == 0 {
		return nil
	}
	list := strings.Join(missing, " ")
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("%s must be installed first, and this machine has no apt-get to do it with", list)
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("%s must be installed first: run \"sudo apt-get install %s\", or run this as root", list, list)
	}
	fmt.Fprintln(os.Stderr, "rig: installing", list)
	if err := install(missing); err != nil {
		return fmt.Errorf("%s must be installed first, and apt-get could not: %w", list, err)
	}
	if still := packages(); len(still) > 0 {
		return fmt.Errorf("%s is still missing after apt-get has installed it", strings.Join(still, " "))
	}
	return nil
}

// packages are those of Debian that are missing.
func packages() (missing []string) {
	has := func(programs ...string) bool {
		return !slices.ContainsFunc(programs, func(p string) bool {
			_, err := exec.LookPath(p)
			return err != nil
		})
	}
	if !has("mariadbd", "mariadb-install-db") {
		missing = append(missing, "mariadb-server")
	}
	if _, ok := redisProgram(); !ok {
		missing = append(missing, "redis-server")
	}
	if _, err := os.Stat("/usr/include/stdlib.h"); err != nil || !has("gcc") {
		missing = append(missing, "gcc", "libc6-dev")
	}
	return missing
}

// install installs packages without letting them start their services.
func install(packages []string) (err error) {
	const policy = "/usr/sbin/policy-rc.d" // Debian asks it before any service is started; 101 is no
	f, err := os.OpenFile(policy, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	switch {
	case err == nil:
		_, err = f.WriteString("#!/bin/sh\nexit 101\n")
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.Remove(policy)) }()
	case !errors.Is(err, fs.ErrExist): // somebody else's answer stays as it is
		return err
	}
	if err := apt("update", "-q"); err != nil {
		return err
	}
	return apt(append([]string{"install", "-q", "-y", "--no-install-recommends"}, packages...)...)
}

func apt(args ...string) error {
	command := exec.Command("apt-get", args...)
	command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get %s: %w\n%s", args[0], err, out)
	}
	return nil
}
