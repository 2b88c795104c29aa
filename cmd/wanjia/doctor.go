package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"wanjia/internal/app"
	"wanjia/internal/config"
	"wanjia/internal/notify"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/kv"
)

// examination is how long the doctor may take in all.
const examination = 90 * time.Second

// A finding is what the doctor says, as JSON.
type finding struct {
	Engine  string   `json:"engine"`
	Unsafe  []string `json:"unsafe"`
	Unwise  []string `json:"unwise"`
	Figures []figure `json:"figures"`
	Missing string   `json:"missing,omitempty"` // why figures are
}

// A figure is something measured, beside its bar.
type figure struct {
	Name   string  `json:"name"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"`
	Bar    float64 `json:"bar"` // at most
	Within bool    `json:"within"`
}

func measured(name string, value float64, unit string, bar float64) figure {
	return figure{Name: name, Value: value, Unit: unit, Bar: bar, Within: value <= bar}
}

func doctorCommand(settings func() (config.Config, error)) *cobra.Command {
	var asJSON, quick bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "says what is unsafe or unwise, and measures a start of the program",
		Long: "Says what is unsafe or unwise about the settings, the database and Redis. Then starts this program on free\n" +
			"ports of this machine and measures how soon it is ready and how much memory it holds: with SQLite on a\n" +
			"temporary copy of the data, else as one more node. Nothing of yours is changed.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := settings()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), examination)
			defer cancel()
			f := finding{Unsafe: []string{}, Unwise: []string{}, Figures: []figure{}}
			start := trial{config: cmd.Flag("config").Value.String(), settings: c}
			defer start.clean()
			err = withDB(ctx, settings, func(d *db.DB) error {
				if err := f.ask(ctx, d); err != nil || quick || len(f.Unsafe) > 0 {
					return err
				}
				return start.copyData() // while the folder is ours
			})
			if err == nil {
				err = f.askRedis(ctx, c)
			}
			if err != nil {
				return err
			}
			if !quick && len(f.Unsafe) == 0 {
				f.measure(ctx, start)
			}
			return f.write(cmd.OutOrStdout(), asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&quick, "quick", false, "only ask; start and measure nothing")
	return cmd
}

// ask hears what the database says of itself.
func (f *finding) ask(ctx context.Context, d *db.DB) error {
	f.Engine = d.Engine()
	if err := d.Check(ctx); err != nil {
		f.Unsafe = append(f.Unsafe, each(err)...)
	}
	lines, err := d.Unwise(ctx)
	f.Unwise = append(f.Unwise, lines...)
	if err != nil || len(f.Unsafe) > 0 { // of another schema nothing else can be asked
		return err
	}
	wrong, err := notify.CheckCredits(ctx, d)
	for _, line := range wrong {
		f.Unsafe = append(f.Unsafe, "the credit for messages of WeChat is not the sum of its lines: "+line)
	}
	return err
}

// each is the lines of an error that joins several.
func each(err error) (lines []string) {
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return []string{err.Error()}
	}
	for _, e := range joined.Unwrap() {
		lines = append(lines, each(e)...)
	}
	return lines
}

// askRedis hears what Redis says of itself. One that is away is unwise and not unsafe: everything works without it.
func (f *finding) askRedis(ctx context.Context, c config.Config) error {
	k, err := kv.Open(ctx, app.RedisOptions(c))
	if err != nil {
		f.Unsafe = append(f.Unsafe, err.Error())
		return nil
	}
	lines, err := k.Unwise(ctx)
	if err != nil {
		lines = []string{err.Error()}
	}
	f.Unwise = append(f.Unwise, lines...)
	return k.Close()
}

// measure starts the program and looks at it from outside.
func (f *finding) measure(ctx context.Context, start trial) {
	if binary, err := os.Executable(); err == nil {
		if i, err := os.Stat(binary); err == nil {
			f.Figures = append(f.Figures, measured("binary", mega(i.Size()), "MB", 60))
		}
	}
	seen, err := start.run(ctx)
	if err != nil {
		f.Missing = err.Error()
		return
	}
	f.Figures = append(f.Figures, measured("cold start to /readyz", seen.ready.Seconds(), "s", 1))
	if seen.resident > 0 {
		f.Figures = append(f.Figures, measured("resident memory when idle", mega(seen.resident), "MB", 80))
	} else {
		f.Missing = "this system does not tell the memory of a process (/proc)"
	}
}

func mega(bytes int64) float64 { return float64(bytes) / 1e6 }

// write prints f, and is an error when there is anything unsafe in it.
func (f *finding) write(w io.Writer, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		if err := e.Encode(f); err != nil {
			return err
		}
	} else {
		for _, line := range f.Unwise {
			fmt.Fprintf(w, "unwise: %s\n", line)
		}
		for _, m := range f.Figures {
			verdict := "within"
			if !m.Within {
				verdict = "OVER"
			}
			fmt.Fprintf(w, "%-26s %8.2f %-2s  %s the bar of %g %s\n", m.Name, m.Value, m.Unit, verdict, m.Bar, m.Unit)
		}
		if f.Missing != "" {
			fmt.Fprintf(w, "not measured: %s\n", f.Missing)
		}
	}
	if len(f.Unsafe) > 0 {
		errs := make([]error, len(f.Unsafe))
		for i, line := range f.Unsafe {
			errs[i] = errors.New(line)
		}
		return fmt.Errorf("%s is not safe to use:\n%w", f.Engine, errors.Join(errs...))
	}
	if !asJSON {
		fmt.Fprintf(w, "%s: safe, and of this program's schema\n", f.Engine)
	}
	return nil
}
