package main

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"wanjia/internal/app"
	"wanjia/internal/audit"
	"wanjia/internal/config"
)

func auditCommand(settings func() (config.Config, error)) *cobra.Command {
	cmd := &cobra.Command{Use: "audit", Short: "proves that nobody rewrote what was done and seen"}
	cmd.AddCommand(verifyCommand(settings))
	return cmd
}

func verifyCommand(settings func() (config.Config, error)) *cobra.Command {
	var file string
	var newest int64
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "walks the audit chain, and names its first bad row",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			c, err := settings()
			if err != nil {
				return err
			}
			if file == "" {
				file = c.Audit.HeadsFile
			}
			var heads []audit.Head
			if file != "" {
				if heads, err = audit.ReadHeads(file); err != nil {
					return err
				}
			}
			s, err := app.OpenStores(cmd.Context(), c, app.Options{Log: slog.Default()})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, s.Close()) }()
			begun := time.Now()
			v, err := s.Audit.Verify(cmd.Context(), newest, heads...)
			if err != nil {
				return err
			}
			took := time.Since(begun)
			part := "all there are"
			if !v.Complete {
				part = "the newest only"
			}
			fmt.Fprintf(cmd.OutOrStdout(), "audit: %d entries verified (%s) in %.3f s, %.0f a second; %d heads of the second place\n",
				v.Rows, part, took.Seconds(), float64(v.Rows)/took.Seconds(), len(heads))
			if v.Bad != nil {
				return fmt.Errorf("audit: the first bad row is %s", v.Bad)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&file, "heads", "", "file of signed heads, the second place; the setting audit.heads_file when not given")
	cmd.Flags().Int64Var(&newest, "newest", 0, "look at about so many of the newest entries; 0: at all")
	return cmd
}
