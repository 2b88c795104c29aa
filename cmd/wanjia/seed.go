package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"wanjia/internal/app"
	"wanjia/internal/config"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/seed"
)

// demoSeed draws the people of the demo; another number makes other names and the same counts.
const demoSeed = 1

func seedCommand(settings func() (config.Config, error)) *cobra.Command {
	o := seed.Options{}
	var profile, day string
	cmd := &cobra.Command{
		Use:   "seed",
		Short: "fills an empty database with invented people and places",
		Long: `Fills an empty database with an invented subdistrict. The profiles:

  bare    its trees down to the villages and communities, with those who lead and administer it
  demo    that, and its members, homes, visits and needs of the last year
  bench   the demo --scale times over, a subdistrict each

The same seed and day make the same rows. Another seed changes names, and no count. Outside of demo mode only
bench is made, for measuring: its people have no handles to sign in by there.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Profile, o.AsOf = seed.Profile(profile), calendar.Day(day)
			return withApp(cmd.Context(), settings, func(a *app.App, c config.Config) error {
				if !c.Demo && o.Profile != seed.Bench {
					return errors.New("seed: only in demo mode (demo: true): it makes invented people")
				}
				o.Handles = c.Demo
				began := time.Now()
				if err := seed.Make(cmd.Context(), a.Stores.DB, a.Stores.Keys, a.Auth, o); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: made in %.1f s\n", o.Profile, time.Since(began).Seconds())
				accounts, err := seed.Accounts(cmd.Context(), a.Stores.DB, a.Stores.Keys)
				table(cmd.OutOrStdout(), accounts)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&profile, "profile", string(seed.Demo), "bare, demo or bench")
	cmd.Flags().Uint64Var(&o.Seed, "seed", demoSeed, "draws the names")
	cmd.Flags().StringVar(&day, "as-of", "", "day before which all of it happened, such as 2026-03-01 (default: today)")
	cmd.Flags().IntVar(&o.Scale, "scale", 0, "of bench: how many subdistricts")
	return cmd
}

// fill makes the demo in an empty database of demo mode.
func fill(ctx context.Context, w io.Writer, a *app.App, c config.Config) error {
	if !c.Demo {
		return nil
	}
	filled, err := seed.Seeded(ctx, a.Stores.DB)
	if err != nil || filled {
		return err
	}
	fmt.Fprintln(w, "首次启动，正在生成演示数据 · first start: making the demo subdistrict, a few seconds")
	return seed.Make(ctx, a.Stores.DB, a.Stores.Keys, a.Auth, seed.Options{Profile: seed.Demo, Seed: demoSeed, Handles: true})
}

// titles are the roles as the office calls them (domain.md §3.4).
var titles = map[org.Role]string{
	org.RoleResident: "居民", org.RoleMember: "党员", org.RoleAreaHolder: "党员中心户", org.RoleGroupLeader: "党小组长",
	org.RoleGridSecretary: "网格党支部书记", org.RoleGeneralSecretary: "社区党总支书记", org.RoleGridAssistant: "网格助理员",
	org.RoleBranchSecretary: "党支部书记", org.RoleBranchOfficer: "支部委员", org.RoleInstructor: "党建指导员",
	org.RoleAreaCadre: "包片干部", org.RoleSectionHead: "科室负责人", org.RoleCounterClerk: "窗口人员",
	org.RolePartyOffice: "党建办", org.RoleCommitteeSecretary: "街道党委书记", org.RoleCorrespondent: "通讯员",
	org.RoleEditor: "责任编辑", org.RoleSystemAdmin: "系统管理员", org.RoleSecurityAdmin: "安全管理员",
	org.RoleAuditAdmin: "审计管理员",
}

// table shows accounts, one a line; who acts in a second role says so in a header.
func table(w io.Writer, accounts []seed.Account) {
	for _, a := range accounts {
		line := column(a.Handle, 9) + column(titles[a.Role], 16) + column(string(a.Role), 21) + column(a.Name, 8) + a.Unit
		if a.ActingAs != 0 {
			line += fmt.Sprintf("  (X-Acting-As: %d)", a.ActingAs)
		}
		fmt.Fprintln(w, "  "+line)
	}
}

// column is s filled up to a width in which a Chinese character takes two.
func column(s string, width int) string {
	for _, r := range s {
		if width--; r > 0x2e7f {
			width--
		}
	}
	return s + strings.Repeat(" ", max(width, 1))
}
