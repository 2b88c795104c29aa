package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"wanjia/internal/app"
	"wanjia/internal/config"
	"wanjia/internal/seed"
)

// demoSeed draws the people of the demo; another number makes other names and the same counts.
const demoSeed = 1

func serveCommand(settings func() (config.Config, error)) *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "serves the API, the docs page and the push sockets",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withApp(cmd.Context(), settings, func(a *app.App, c config.Config) error {
				accounts, err := fill(cmd.Context(), a, c)
				if err != nil {
					return err
				}
				return a.Serve(cmd.Context(), func(public, admin string) {
					welcome(cmd.OutOrStdout(), public, admin, accounts)
				})
			})
		},
	}
}

func seedCommand(settings func() (config.Config, error)) *cobra.Command {
	return &cobra.Command{
		Use:   "seed",
		Short: "fills an empty database with the demo subdistrict",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withApp(cmd.Context(), settings, func(a *app.App, c config.Config) error {
				if !c.Demo {
					return errors.New("seed: only in demo mode (demo: true): it makes invented people")
				}
				accounts, err := fill(cmd.Context(), a, c)
				if err == nil && accounts == nil {
					err = errors.New("seed: the database is not empty")
				}
				if err == nil {
					table(cmd.OutOrStdout(), accounts)
				}
				return err
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

// fill makes the demo in an empty database of demo mode; nil when there was nothing to do.
func fill(ctx context.Context, a *app.App, c config.Config) ([]seed.Account, error) {
	if !c.Demo {
		return nil, nil
	}
	filled, err := seed.Seeded(ctx, a.Stores.DB)
	if err != nil || filled {
		return nil, err
	}
	return seed.Demo(ctx, a.Stores.DB, a.Stores.Keys, a.Auth, demoSeed, true)
}

func welcome(w io.Writer, public, admin string, accounts []seed.Account) {
	if accounts != nil {
		fmt.Fprintln(w, "演示账号 · demo accounts (POST /v1/auth/demo {\"handle\": …}):")
		table(w, accounts)
	}
	fmt.Fprintf(w, "接口 · API    http://%s\n文档 · docs   http://%s/docs\n管理 · admin  http://%s/readyz\n", public, public, admin)
}

// table shows one account for each role.
func table(w io.Writer, accounts []seed.Account) {
	t := tabwriter.NewWriter(w, 2, 2, 2, ' ', 0)
	var shown []string
	for _, a := range accounts {
		if slices.Contains(shown, string(a.Role)) {
			continue
		}
		shown = append(shown, string(a.Role))
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\n", a.Handle, a.Role, a.Name, a.Unit)
	}
	_ = t.Flush() // a terminal that went away is not our failure
}
