package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"wanjia/internal/bench"
)

func benchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "measures the program beside what its database could do at best",
	}
	cmd.AddCommand(benchAPICommand(), benchGrowCommand(), benchPushCommand())
	return cmd
}

func benchGrowCommand() *cobra.Command {
	var o bench.GrowOptions
	var asJSON, strict bool
	cmd := &cobra.Command{
		Use:   "grow",
		Short: "lists of needs, visits and homes where there are 100,000, a million and ten million of them",
		Long: `Fills a database with copies of the demo's requests and visits, spread over some 3,000 units, and measures the lists
that people look at every day, through the code that serves them: how long each takes, how many rows the server reads
and sorts for it, and whether it reads a table from end to end. How long a list takes may hang on what it shows, and not
on all that ever was: at the largest size at most 1.5 times what it took at the smallest.

It wants a server of the MySQL family on this machine, on which it may make databases; make bench-grow starts one with
its data on the disk. First it says how much disk and time it will take, and it stops where there is too little disk.
With --database it keeps what it has filled, measures the sizes in turn, and measures them again the next time.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.MySQL == "" {
				return errors.New("bench: name a server (--mysql), or let make bench-grow start one")
			}
			o.Say = cmd.ErrOrStderr()
			figures, err := bench.Grow(cmd.Context(), o)
			ok := true
			to := json.NewEncoder(cmd.OutOrStdout())
			for _, f := range figures {
				ok = ok && f.OK
				if asJSON {
					err = errors.Join(err, to.Encode(f))
				}
			}
			if !asJSON {
				bench.GrowTable(cmd.OutOrStdout(), figures)
			}
			if err == nil && strict && !ok {
				err = errors.New("bench: a bar was missed")
			}
			return err
		},
	}
	f := cmd.Flags()
	f.BoolVar(&asJSON, "json", false, "print a figure a line as JSON")
	f.BoolVar(&strict, "strict", false, "fail when a bar is missed")
	f.IntSliceVar(&o.Sizes, "sizes", []int{100_000, 1_000_000, 10_000_000}, "how many requests, and as many visits")
	f.IntVar(&o.Subdistricts, "subdistricts", 10, "of 331 units each")
	f.StringVar(&o.Database, "database", "", "a database to keep what is filled in; empty: one that is dropped")
	f.StringVar(&o.Only, "only", "", "what is in the name of the lists to be measured: visit list, closed")
	f.StringVar(&o.MySQL, "mysql", os.Getenv("WANJIA_TEST_MYSQL"), "address of a server: user:password@tcp(host:port)/")
	return cmd
}

// mostSeconds keeps a run shorter than an access token lives.
const mostSeconds = 3

func benchAPICommand() *cobra.Command {
	var asJSON, strict bool
	var engine, folder, server, redis, only string
	var seconds int
	var clients []int
	cmd := &cobra.Command{
		Use:   "api",
		Short: "check-in, list of tasks and refresh at 1, 8 and 64 clients, and the same statements without the program",
		Long: `Serves on loopback with a database of its own, which it makes, fills and drops, and lets 1, 8 and 64 clients
check in, list their tasks and refresh their sign-in. In the same run it sends the very statements of these
operations through sqlx alone, and a bare form of them: a transaction of the two inserts, the select of the list.

With --engine mysql it needs a server on which it may make databases, and a Redis of its own; what make bench
starts is found by itself. SQLite wants a folder on a real disk. It takes about three minutes.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if seconds < 1 || seconds > mostSeconds {
				return fmt.Errorf("bench: seconds must lie between 1 and %d", mostSeconds)
			}
			o := bench.Usual(seconds)
			o.Folder, o.Say, o.Only = folder, cmd.ErrOrStderr(), only
			if len(clients) > 0 {
				o.Levels = clients
			}
			switch engine {
			case "sqlite":
			case "mysql":
				if o.MySQL, o.Redis = server, redis; server == "" || redis == "" {
					return errors.New("bench: name a server and a Redis (--mysql, --redis), or let make bench start them")
				}
			default:
				return errors.New("bench: the engines are sqlite and mysql")
			}
			var err error
			if o.Binary, err = os.Executable(); err != nil {
				return err
			}
			figures, err := bench.Run(cmd.Context(), o)
			if err != nil {
				return err
			}
			ok := true
			to := json.NewEncoder(cmd.OutOrStdout())
			for _, f := range figures {
				ok = ok && f.OK
				if asJSON {
					err = errors.Join(err, to.Encode(f))
				}
			}
			if !asJSON {
				err = bench.Table(cmd.OutOrStdout(), figures)
			}
			if err == nil && strict && !ok {
				err = errors.New("bench: a bar was missed")
			}
			return err
		},
	}
	f := cmd.Flags()
	f.BoolVar(&asJSON, "json", false, "print a figure a line as JSON")
	f.BoolVar(&strict, "strict", false, "fail when a bar is missed")
	f.StringVar(&engine, "engine", "sqlite", "sqlite or mysql")
	f.IntVar(&seconds, "seconds", 2, "length of each measurement")
	f.IntSliceVar(&clients, "clients", nil, "how many at once, instead of 1, 8 and 64")
	f.StringVar(&only, "only", "", "one operation: check-in, list or refresh")
	f.StringVar(&folder, "folder", os.TempDir(), "where files go meanwhile: on a real disk")
	f.StringVar(&server, "mysql", os.Getenv("WANJIA_TEST_MYSQL"), "address of a server: user:password@tcp(host:port)/")
	f.StringVar(&redis, "redis", os.Getenv("WANJIA_TEST_REDIS"), "host:port of a Redis that holds nothing else")
	return cmd
}
