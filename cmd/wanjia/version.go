package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"wanjia/internal/platform/build"
)

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "says which version this is",
		Args:  cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			from := build.Commit()
			if from != "" {
				from += ", "
			}
			fmt.Fprintf(cmd.OutOrStdout(), "wanjia %s (%s%s)\n", version, from, runtime.Version())
		},
	}
}
