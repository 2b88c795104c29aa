package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"wanjia/internal/app"
	"wanjia/internal/config"
	"wanjia/internal/org"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/say"
	"wanjia/internal/transfer"
)

func importCommand(settings func() (config.Config, error)) *cobra.Command {
	var o importing
	cmd := &cobra.Command{
		Use:   "import FILE…",
		Short: "reads rosters, units or entrances from files, says what they change, and brings them in with --apply",
		Long: "Reads files as xlsx (Excel, WPS) or CSV (UTF-8, GB18030) beside the database, by the same rules as over the wire:\n" +
			"every row's errors are printed, all rows come in or none, and more than 200 take a second person.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, files []string) error {
			return withApp(cmd.Context(), settings, func(a *app.App, _ config.Config) error {
				return inWords(o.run(cmd.Context(), cmd.OutOrStdout(), a, files))
			})
		},
	}
	cmd.Flags().StringSliceVar(&o.kinds, "kind", nil, "what the files hold, in their order: units, entrances or members")
	cmd.Flags().StringVar(&o.as, "as", "", "who brings them in: a role assignment's number or, in demo mode, a handle")
	cmd.Flags().StringVar(&o.confirmAs, "confirm-as", "", "who confirms more than 200 rows: another person")
	cmd.Flags().BoolVar(&o.apply, "apply", false, "bring the rows in; without it nothing is changed")
	for _, needed := range []string{"kind", "as"} {
		if err := cmd.MarkFlagRequired(needed); err != nil {
			panic(err) // the flag is not there: a slip in the lines above
		}
	}
	return cmd
}

// importing is what the command line says of an import.
type importing struct {
	kinds         []string
	as, confirmAs string
	apply         bool
}

var errRowsWrong = errors.New("import: rows are wrong, so nothing comes in")

func (o importing) run(ctx context.Context, w io.Writer, a *app.App, names []string) error {
	by, err := actorOf(ctx, a, o.as)
	if err != nil {
		return err
	}
	i, err := a.Imports.Upload(ctx, by, func() (map[transfer.Kind][]byte, error) { return readFiles(names, o.kinds) })
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "import %d: %d rows, %d wrong; %d changes%s\n", i.ID, i.Rows, i.Failed, i.Summary.Changes.Total(), listChanges(i.Summary.Changes))
	if i.Failed > 0 {
		if err := listFaults(ctx, w, a, by, i.ID); err != nil {
			return err
		}
		return errRowsWrong
	}
	if !o.apply {
		fmt.Fprintln(w, "nothing has been changed; --apply brings it in")
		return nil
	}
	if o.confirmAs != "" {
		if by, err = actorOf(ctx, a, o.confirmAs); err != nil {
			return err
		}
	}
	if i, err = a.Imports.Apply(ctx, by, i.ID); err != nil {
		return err
	}
	fmt.Fprintf(w, "applied; it can be undone before %s\n", i.UndoBefore().Local().Format("2006-01-02 15:04"))
	return nil
}

// readFiles reads the files, one a kind.
func readFiles(names, kinds []string) (map[transfer.Kind][]byte, error) {
	if len(names) != len(kinds) {
		return nil, fmt.Errorf("import: %d files and %d times --kind; each file has one", len(names), len(kinds))
	}
	files := map[transfer.Kind][]byte{}
	for i, name := range names {
		k := transfer.Kind(kinds[i])
		if !k.Known() || files[k] != nil {
			return nil, fmt.Errorf("import: --kind %s is no kind, or said twice; there are %v", k, transfer.Kinds)
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		files[k] = b
	}
	return files, nil
}

// actorOf is whoever who names: a role assignment, or the primary role of a demo account.
func actorOf(ctx context.Context, a *app.App, who string) (org.Actor, error) {
	d := a.Stores.DB
	if n, err := strconv.ParseInt(who, 10, 64); err == nil {
		x, err := org.AssignmentByID(ctx, d, org.AssignmentID(n))
		if err != nil {
			return org.Actor{}, fmt.Errorf("find role assignment %d: %w", n, err)
		}
		return org.ActorOf(ctx, d, x.PersonID, x.ID, d.Now())
	}
	person, err := a.Auth.PersonByHandle(ctx, who)
	switch p := new(problem.Problem); {
	case errors.As(err, &p): // its words are for who signs in
		return org.Actor{}, fmt.Errorf("import: %q is neither the number of a role assignment nor a demo account", who)
	case err != nil:
		return org.Actor{}, fmt.Errorf("find the demo account %s: %w", who, err)
	}
	return org.ActorOf(ctx, d, person, 0, d.Now())
}

// listChanges are the counts that are not 0.
func listChanges(c transfer.Changes) (text string) {
	for f, v := range reflect.ValueOf(c).Fields() {
		if v.Int() > 0 {
			text += fmt.Sprintf(", %s %d", f.Name, v.Int())
		}
	}
	return text
}

// listFaults prints every error with its row.
func listFaults(ctx context.Context, w io.Writer, a *app.App, by org.Actor, id transfer.ID) error {
	for cursor := ""; ; {
		rows, next, err := a.Imports.Rows(ctx, by, id, true, cursor, 100)
		if err != nil {
			return err
		}
		for _, r := range rows {
			for _, f := range r.Faults {
				fmt.Fprintf(w, "  %s 第%d行 %s：%s (%s)\n", r.Kind, r.Line, f.Column, say.Text(say.Chinese, f.Code), f.Code)
			}
		}
		if cursor = next; cursor == "" {
			return nil
		}
	}
}

// inWords says a problem in the words that a person would read over the wire.
func inWords(err error) error {
	var p *problem.Problem
	if !errors.As(err, &p) {
		return err
	}
	words := []string{say.Text(say.Chinese, p.Code)}
	for _, key := range slices.Sorted(maps.Keys(p.Members)) {
		words = append(words, fmt.Sprintf("%s=%v", key, p.Members[key]))
	}
	return fmt.Errorf("%w: %s", err, strings.Join(words, " "))
}
