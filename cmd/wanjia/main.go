// Command wanjia is the whole product in one binary: the server, and what an operator needs around it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"wanjia/internal/config"
	"wanjia/internal/privacy"
)

// version is set at the build: -ldflags "-X main.version=…".
var version = "dev"

func main() {
	if servesLong(os.Args) {
		leanly()
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "wanjia:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return root().ExecuteContext(ctx)
}

func root() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:           "wanjia",
		Short:         "万家：服务人民群众的基层党建平台 · the backend of a subdistrict",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	cmd.PersistentFlags().StringVarP(&file, "config", "c", "", "file of settings (YAML); the environment (WANJIA_*) wins over it")
	settings := func() (config.Config, error) {
		return config.Load(file, os.Environ(), privacy.RefusedKey)
	}
	cmd.AddCommand(serveCommand(settings), setupCommand(settings), seedCommand(settings), migrateCommand(settings), doctorCommand(settings),
		importCommand(settings), auditCommand(settings), retentionCommand(settings), benchCommand(), demoCommand(), versionCommand())
	return cmd
}
