package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"wanjia/internal/bench"
)

func benchPushCommand() *cobra.Command {
	var o bench.PushOptions
	var asJSON, strict bool
	var engine, peer, peerConfig string
	var seconds, sockets int
	var names []string
	for _, r := range bench.PushRounds {
		names = append(names, r.Name)
	}
	cmd := &cobra.Command{
		Use:   "push",
		Short: "notifications from COMMIT to the device: idle sockets, latency, rates, and what dies in between",
		Long: `Starts servers of its own on loopback, lets devices listen to them, commits messages in open loop – message i is due
at t0 + i/R, whatever became of those before – and compares what devices were shown with what stands in SQL: nothing
may be lost, doubled, or out of order. Only then figures count.

With --engine mysql it needs a server on which it may make databases, and a Redis of its own; what make bench-push
starts is found by itself. With --peer-bin another server is measured in turn, see docs/figures.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case engine != "sqlite" && engine != "mysql":
				return errors.New("bench: the engines are sqlite and mysql")
			case engine == "sqlite":
				o.MySQL, o.Redis = "", ""
			case o.MySQL == "" || o.Redis == "":
				return errors.New("bench: name a server and a Redis (--mysql, --redis), or let make bench-push start them")
			}
			if seconds < 1 || seconds > 60 {
				return errors.New("bench: seconds must lie between 1 and 60")
			}
			o.Slice, o.Say, o.Sockets = time.Duration(seconds)*time.Second, cmd.ErrOrStderr(), map[string]int{}
			for _, name := range o.Rounds {
				o.Sockets[name] = sockets // 0: as the round has it
			}
			program, err := os.Executable()
			if err != nil {
				return err
			}
			o.Node = []string{program, "bench", "push", "node"}
			if o.Seed == 0 {
				o.Seed = uint64(time.Now().UnixNano()) // any other than before
			}
			if (peer == "") != (peerConfig == "") {
				return errors.New("bench: --peer-bin and --peer-config go together")
			}
			if peer != "" {
				if o.Peer, err = bench.ReadPeer(peer, peerConfig); err != nil {
					return err
				}
			}
			to := json.NewEncoder(cmd.OutOrStdout())
			figures, err := bench.Push(cmd.Context(), o, func(f bench.PushFigure) error {
				if asJSON {
					return to.Encode(f)
				}
				return bench.ShowPush(cmd.OutOrStdout(), f)
			})
			if err == nil && strict && slices.ContainsFunc(figures, func(f bench.PushFigure) bool { return f.Skipped == "" && (!f.OK || f.Noisy && !o.NoisyOK) }) {
				err = errors.New("bench: a bar was missed, or others used the machine")
			}
			return err
		},
	}
	f := cmd.Flags()
	f.BoolVar(&asJSON, "json", false, "print a figure a line as JSON")
	f.BoolVar(&strict, "strict", false, "fail when a bar is missed, or when others used more than half a core")
	f.BoolVar(&o.NoisyOK, "noisy-ok", false, "keep the report although others used more than half a core")
	f.StringSliceVar(&o.Rounds, "rounds", names, "what to measure")
	f.StringVar(&engine, "engine", "sqlite", "sqlite or mysql")
	f.IntVar(&seconds, "seconds", 5, "length of a measurement")
	f.IntVar(&sockets, "sockets", 0, "how many sockets in each round, instead of its own number")
	f.IntVar(&o.Repeat, "repeat", 3, "how often single messages are measured")
	f.Float64Var(&o.Rate, "rate", 1000, "single messages a second")
	f.IntVar(&o.Audience, "audience", 100_000, "how many an announcement goes to")
	f.Uint64Var(&o.Seed, "seed", 0, "whom messages go to; 0: another one each time")
	f.StringVar(&peer, "peer-bin", "", "program of another server, measured in turn; see docs/figures")
	f.StringVar(&peerConfig, "peer-config", "", "file that says how the other server is started, told and listened to")
	f.IntVar(&o.Pairs, "pairs", 5, "how many turns we and the other server take")
	f.StringVar(&o.Profiles, "profiles", "", "folder for profiles of the server with idle sockets, and at its highest rates (single-max, broadcast, fanout)")
	f.StringVar(&o.Folder, "folder", os.TempDir(), "where files go meanwhile: on a real disk")
	f.StringVar(&o.MySQL, "mysql", os.Getenv("WANJIA_TEST_MYSQL"), "address of a server: user:password@tcp(host:port)/")
	f.StringVar(&o.Redis, "redis", os.Getenv("WANJIA_TEST_REDIS"), "host:port of a Redis that holds nothing else")
	cmd.AddCommand(benchPushNodeCommand())
	return cmd
}

// benchPushNodeCommand is a server of the bench, for the bench alone: it takes orders by its standard input.
func benchPushNodeCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "node",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := bench.ServeNode(cmd.Context(), os.Stdin, os.Stdout, func() { time.AfterFunc(settle, settled) }); err != nil {
				return fmt.Errorf("bench: %w", err)
			}
			return nil
		},
	}
}
