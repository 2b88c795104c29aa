package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"wanjia/internal/app"
	"wanjia/internal/config"
	"wanjia/internal/seed"
)

func setupCommand(settings func() (config.Config, error)) *cobra.Command {
	var b seed.Beginning
	var admins []string
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "begins an installation for real people: the tops of both trees and the first two administrators",
		Long: `Makes, in an empty database, the district and the subdistrict with their committees, and the first two security
administrators. It prints a code for each, good once and for 24 hours; hand each over in person. With it the
administrator sets a password and an authenticator on the web. From then on the two of them give the first roles, a
system administrator's and the party-building office's, to those named with --person, whose numbers are printed; the
office adds everybody else, and an import the units.

Until one of the two has done so it can be repeated with the same accounts, for codes that were lost.`,
		Example: `  wanjia setup --district 云湾区 --subdistrict 海棠街道 --admin 程立冬=security-1 --admin 苏小满=security-2 \
    --person 罗清明 --person 何谷雨`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(admins) != len(b.Admins) {
				return errors.New("setup: name two administrators: --admin name=account --admin name=account")
			}
			for i, a := range admins {
				name, account, ok := strings.Cut(a, "=")
				name, account = strings.TrimSpace(name), strings.TrimSpace(account)
				if !ok || name == "" || account == "" {
					return fmt.Errorf("setup: %q is not name=account", a)
				}
				b.Admins[i] = seed.FirstAdmin{Name: name, Account: account}
			}
			return withApp(cmd.Context(), settings, func(a *app.App, c config.Config) error {
				if c.Demo {
					return errors.New("setup: this is the demo (demo: true), whose people are invented")
				}
				begun, err := seed.Begin(cmd.Context(), a.Stores.DB, a.Stores.Keys, a.Auth, b)
				if err != nil {
					return err
				}
				for _, code := range begun.Codes {
					fmt.Fprintf(cmd.OutOrStdout(), "code %s  %s\n", code.Code, code.Account)
				}
				for i, person := range begun.Others {
					fmt.Fprintf(cmd.OutOrStdout(), "person %d  %s\n", person, b.Others[i])
				}
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&b.District, "district", "", "name of the district or county")
	f.StringVar(&b.Subdistrict, "subdistrict", "", "name of the subdistrict")
	f.StringArrayVar(&admins, "admin", nil, "name=account of a first security administrator; twice")
	f.StringArrayVar(&b.Others, "person", nil, "name of somebody who will be given one of the first roles; repeat")
	for _, name := range []string{"district", "subdistrict", "admin"} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err)
		}
	}
	return cmd
}
