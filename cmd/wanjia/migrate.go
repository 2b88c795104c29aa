package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/spf13/cobra"

	"wanjia/internal/config"
	"wanjia/internal/platform/db"
)

func migrateCommand(settings func() (config.Config, error)) *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "carries the database's schema forward to this program's",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withDB(cmd.Context(), settings, func(d *db.DB) error {
				taken, err := d.Migrate(cmd.Context(), slog.Default())
				if err == nil {
					fmt.Fprintf(cmd.OutOrStdout(), "%s: %d migrations taken\n", d.Engine(), taken)
				}
				return err
			})
		},
	}
}

// withDB opens the database of the settings for f and closes it afterwards.
func withDB(ctx context.Context, settings func() (config.Config, error), f func(d *db.DB) error) (err error) {
	c, err := settings()
	if err != nil {
		return err
	}
	o := db.Options{MySQL: c.MySQL.DSN}
	if c.Embedded() {
		o.SQLitePath = filepath.Join(c.Data, "wanjia.db")
	}
	d, err := db.Open(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return f(d)
}
