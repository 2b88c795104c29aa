package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"wanjia/internal/config"
	"wanjia/internal/platform/db"
)

func doctorCommand(settings func() (config.Config, error)) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "says what is unsafe about the settings and the database",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withDB(cmd.Context(), settings, func(d *db.DB) error {
				if err := d.Check(cmd.Context()); err != nil {
					return fmt.Errorf("%s:\n%w", d.Engine(), err)
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: safe, and of this program's schema\n", d.Engine())
				return nil
			})
		},
	}
}
