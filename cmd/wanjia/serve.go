package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"wanjia/internal/app"
	"wanjia/internal/config"
	"wanjia/internal/org"
	"wanjia/internal/seed"
)

// gcPercent lets the heap of a server grow to four times what lives before it is swept: little lives, so memory stays
// far below its bar, and a tenth of the time of a busy server was spent sweeping. GOGC in the environment wins.
//
// With thousands of sockets more lives, and a herd that connects would leave pages full of holes: beyond garbageRoom the
// heap is swept sooner, down to leastPercent.
const (
	gcPercent    = 300
	leastPercent = 50
	garbageRoom  = 48 << 20
)

// settle is how long after the start the server has read what it needs and looked for what is due. What that took is
// given back then: the contract alone leaves some twenty megabytes behind that nobody needs again.
const settle = 1500 * time.Millisecond

// settled gives back what the start has left, and lets the heap grow from then on.
func settled() {
	debug.FreeOSMemory()
	if os.Getenv("GOGC") == "" {
		keepLean(0)
	}
}

// keepLean sets how far the heap may grow, and looks again each second whether what lives is still about as much.
func keepLean(was int) {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	percent := percentFor(live[0].Value.Uint64())
	if max(percent, was) > min(percent, was)*11/10 { // setting it stops everything for a moment
		debug.SetGCPercent(percent)
		was = percent
	}
	time.AfterFunc(time.Second, func() { keepLean(was) })
}

// percentFor is how far the heap may grow beyond what lives.
func percentFor(live uint64) int {
	return int(min(gcPercent, max(leastPercent, garbageRoom*100/max(live, 1))))
}

// stackSetting is of the runtime: without it goroutines begin with a stack as large as all of them need on average. The
// reader of a socket stays within 2 KiB; those of requests beside it would make it begin with 4, for as long as it lives.
const stackSetting = "adaptivestackstart=0"

// leanly starts this program again, as the same process, with small stacks to begin with. A runtime that cannot is left
// as it is.
func leanly() {
	debugging := os.Getenv("GODEBUG")
	if strings.Contains(debugging, "adaptivestackstart") {
		return
	}
	if debugging != "" {
		debugging += ","
	}
	if os.Setenv("GODEBUG", debugging+stackSetting) == nil {
		_ = syscall.Exec("/proc/self/exe", os.Args, os.Environ()) //nolint:gosec // because it is this program itself
	}
}

// servesLong says whether these arguments start a server.
func servesLong(args []string) bool {
	return len(args) > 1 && (slices.Contains(args[1:], "serve") || slices.Contains(args[1:], "node"))
}

func serveCommand(settings func() (config.Config, error)) *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "serves the API, the docs page and the push sockets",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withApp(cmd.Context(), settings, func(a *app.App, c config.Config) error {
				if err := fill(cmd.Context(), cmd.OutOrStdout(), a, c); err != nil {
					return err
				}
				accounts, err := seed.Accounts(cmd.Context(), a.Stores.DB, a.Stores.Keys)
				if err != nil {
					return err
				}
				return a.Serve(cmd.Context(), func(public, admin string) {
					welcome(cmd.OutOrStdout(), public, admin, accounts)
					time.AfterFunc(settle, settled)
				})
			})
		},
	}
}

// withApp puts the program together for f and takes it apart afterwards.
func withApp(ctx context.Context, settings func() (config.Config, error), f func(a *app.App, c config.Config) error) (err error) {
	c, err := settings()
	if err != nil {
		return err
	}
	a, err := app.New(ctx, c, app.Options{Version: version})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	return f(a, c)
}

// welcome says where everything is and, in demo mode, as whom one can sign in.
func welcome(w io.Writer, public, admin string, accounts []seed.Account) {
	if len(accounts) > 0 {
		fmt.Fprintln(w, "\n演示账号 · demo accounts, one for each role:")
		table(w, accounts)
		shown := accounts[max(slices.IndexFunc(accounts, func(a seed.Account) bool { return a.Role == org.RoleAreaHolder }), 0)]
		fmt.Fprintf(w, `登录 · sign in as one of them:
  curl -s http://%s/v1/auth/demo -H 'Content-Type: application/json' -d '{"handle":"%s","client":"mini","device":"my-first-device-01"}'
  用返回的 accessToken 作为 Authorization: Bearer … · the accessToken of the answer goes into Authorization: Bearer …
`, public, shown.Handle)
	}
	fmt.Fprintf(w, "\n接口 · API    http://%s\n文档 · docs   http://%s/docs\n管理 · admin  http://%s/readyz\n", public, public, admin)
}
