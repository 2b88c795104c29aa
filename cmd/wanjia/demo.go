package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"wanjia/internal/app"
	"wanjia/internal/config"
	"wanjia/internal/demo"
	"wanjia/internal/seed"
)

// demoURL is where `make run` serves.
const demoURL = "http://127.0.0.1:8080"

// errDiffers is what a demo ends with that did not go as it should; what differed has been printed.
var errDiffers = errors.New("demo: what came back differs from what should have")

func demoCommand() *cobra.Command {
	o := demo.Options{}
	var own bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "plays the main job against a running demo server, step by step",
		Long: `Plays the main job over HTTP and WebSocket: a roster comes in, a secretary asks for three visits, the member's phone
is told at once, the member checks in, visits, and a need comes out of it; the secretary sees the result.

It plays against a server in demo mode, such as make run starts, and may be played again and again. With --serve it
starts one of its own in a temporary folder, plays, and takes it away.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Out = cmd.OutOrStdout()
			if !slices.Contains(demo.Stories(), o.Story) {
				return fmt.Errorf("demo: there is no story %q; there are: %s", o.Story, strings.Join(demo.Stories(), ", "))
			}
			if own {
				return withOwnServer(cmd.Context(), func(url string) error {
					o.URL = url
					return play(cmd.Context(), o)
				})
			}
			err := play(cmd.Context(), o)
			if errors.Is(err, demo.ErrNobody) && !cmd.Flags().Changed("url") {
				return startOne(o.URL)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&o.URL, "url", demoURL, "address of a server in demo mode")
	cmd.Flags().StringVar(&o.Story, "story", "main", "what to play: "+strings.Join(demo.Stories(), ", "))
	cmd.Flags().BoolVar(&own, "serve", false, "start a server in a temporary folder, play there, and take it away")
	cmd.MarkFlagsMutuallyExclusive("url", "serve")
	return cmd
}

// startOne says how to come to a server when none answers at url.
func startOne(url string) error {
	return fmt.Errorf("%s 上没有服务在应答：请在另一个终端运行 make run，或用 wanjia demo --serve 临时起一个 · "+
		"no server answers there: start one with make run in another terminal, or play with wanjia demo --serve, which starts its own", url)
}

// play plays once; a story that differs is an error.
func play(ctx context.Context, o demo.Options) error {
	result, err := demo.Play(ctx, o)
	if err == nil && result.Failed > 0 {
		err = errDiffers
	}
	return err
}

// withOwnServer runs a demo server on free ports and a temporary folder for f.
func withOwnServer(ctx context.Context, f func(url string) error) (err error) {
	folder, err := os.MkdirTemp("", "wanjia-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	c := config.Default()
	c.Demo, c.Data, c.WeChat.Fake = true, folder, true
	c.Listen.Public, c.Listen.Admin = "127.0.0.1:0", "127.0.0.1:0"
	a, err := app.New(ctx, c, app.Options{Version: version, Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	if err := seed.Make(ctx, a.Stores.DB, a.Stores.Keys, a.Auth, seed.Options{Profile: seed.Demo, Seed: demoSeed, Handles: true}); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- a.Serve(ctx, func(public, _ string) { ready <- "http://" + public }) }()
	select {
	case url := <-ready:
		played := f(url)
		stop()
		return errors.Join(played, <-ended)
	case err := <-ended:
		return err
	}
}
