package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"wanjia/internal/app"
	"wanjia/internal/config"
	"wanjia/internal/privacy"
)

func retentionCommand(settings func() (config.Config, error)) *cobra.Command {
	cmd := &cobra.Command{Use: "retention", Short: "erases what is kept no longer, and says how much that is"}
	// on runs f with the retention of the deployment.
	on := func(f func(ctx context.Context, cmd *cobra.Command, r *privacy.Retention, args []string) error) func(*cobra.Command, []string) error {
		return func(cmd *cobra.Command, args []string) (err error) {
			c, err := settings()
			if err != nil {
				return err
			}
			s, err := app.OpenStores(cmd.Context(), c, app.Options{Log: slog.Default()})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, s.Close()) }()
			return f(cmd.Context(), cmd, app.NewRetention(s, c), args)
		}
	}
	cmd.AddCommand(&cobra.Command{
		Use: "preview", Short: "counts what is over, and erases nothing", Args: cobra.NoArgs, RunE: on(previewRetention),
	}, &cobra.Command{
		Use: "run", Short: "erases what is over now, before the night does", Args: cobra.NoArgs, RunE: on(runRetention),
	}, &cobra.Command{
		Use: "replay FILE", Short: "erases once more what a journal names: after a restore", Args: cobra.ExactArgs(1), RunE: on(replayJournal),
	})
	return cmd
}

func previewRetention(ctx context.Context, cmd *cobra.Command, r *privacy.Retention, _ []string) error {
	counts, err := r.Preview(ctx, 0)
	if err != nil {
		return err
	}
	for _, c := range counts {
		fmt.Fprintf(cmd.OutOrStdout(), "%-20s %10d over\n", c.Class, c.Due)
	}
	return nil
}

func runRetention(ctx context.Context, cmd *cobra.Command, r *privacy.Retention, _ []string) error {
	runs, err := r.Erase(ctx)
	for _, run := range runs { // also where something could not go
		fmt.Fprintf(cmd.OutOrStdout(), "%-20s %10d over, %10d erased\n", run.Class, run.Due, run.Erased)
	}
	return err
}

func replayJournal(ctx context.Context, cmd *cobra.Command, r *privacy.Retention, args []string) (err error) {
	f, err := os.Open(args[0])
	if err != nil {
		return fmt.Errorf("open the erasure journal: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	journal, err := privacy.ReadJournal(f)
	if err != nil {
		return err
	}
	n, err := r.Replay(ctx, journal)
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%d rows of the journal are forgotten again\n", n)
	return nil
}
