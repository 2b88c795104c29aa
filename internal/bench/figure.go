package bench

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"wanjia/internal/platform/build"
	"wanjia/internal/platform/db"
)

// A Figure is one line of out/figures.
type Figure struct {
	Name    string             `json:"name"`
	Case    string             `json:"case"`
	Tier    string             `json:"tier"` // E: embedded, P: production
	Engine  string             `json:"engine"`
	Commit  string             `json:"commit"`
	At      time.Time          `json:"at"`
	Seconds float64            `json:"seconds"`
	Load    float64            `json:"loadavg"`
	Noisy   bool               `json:"noisy"` // others used more than half a core before it began: timings mean little
	OK      bool               `json:"ok"`
	Bar     map[string]float64 `json:"bar"`
	Aim     map[string]float64 `json:"aim,omitempty"`
	Got     map[string]float64 `json:"got"`
	Why     string             `json:"why,omitempty"` // the first of what failed
	Skipped string             `json:"skipped"`
}

// The bars of the product, on a durable server; names as in Got. At most for times, at least for the rest.
var bars = map[string]map[string]float64{
	"check-in/8":  {"p99Ms": 25},
	"check-in/64": {"toOwn": 0.6},
	"list/64":     {"toBare": 0.4},
}

// The aims, which are no bars.
var aims = map[string]map[string]map[string]float64{
	"P": {"check-in/64": {"toBare": 0.25}},
	"E": {"check-in/64": {"perSecond": 3400}}, // what embedded stores with weaker durability are said to do
}

// A machine is where and when it was measured.
type machine struct {
	tier, engine, commit string
	noisy                bool
}

func newMachine(ctx context.Context, o Options, d *db.DB) machine {
	m := machine{tier: "P", engine: strings.ReplaceAll(strings.ToLower(d.Engine()), " ", "-"), commit: build.Commit()}
	if d.Embedded() {
		m.tier = "E"
	}
	const half = 0.5
	m.noisy = busy(ctx, min(time.Second, o.Slice)) > half
	return m
}

// figure makes a Figure of the rounds.
func (m machine) figure(op operation, clients int, r rounds, took time.Duration) Figure {
	f := Figure{
		Name: "api", Case: op.name + "/" + strconv.Itoa(clients), Tier: m.tier, Engine: m.engine, Commit: m.commit,
		At: time.Now().UTC().Truncate(time.Second), Seconds: round(took.Seconds()), Load: loadavg(), Noisy: m.noisy,
		Bar: map[string]float64{}, Got: map[string]float64{},
	}
	each := func(of []slice, value func(i int, s slice) float64) float64 {
		all := make([]float64, len(of))
		for i, s := range of {
			all[i] = value(i, s)
		}
		return round(median(all))
	}
	rate := func(_ int, s slice) float64 { return s.rate() }
	f.Got["perSecond"] = each(r.product, rate)
	f.Got["ownPerSecond"] = each(r.own, rate)
	f.Got["toOwn"] = each(r.product, func(i int, s slice) float64 { return s.rate() / r.own[i].rate() })
	if op.bare != nil {
		f.Got["barePerSecond"] = each(r.bare, rate)
		f.Got["toBare"] = each(r.product, func(i int, s slice) float64 { return s.rate() / r.bare[i].rate() })
	}
	for name, share := range map[string]float64{"p50Ms": .5, "p95Ms": .95, "p99Ms": .99} {
		f.Got[name] = each(r.product, func(_ int, s slice) float64 { return s.percentile(share) })
	}
	f.Got["statements"] = each(r.product, func(_ int, s slice) float64 { return s.statements })
	f.Got["scripted"] = float64(op.steps.counted())
	failed, refused := 0, 0
	for _, s := range slices.Concat(r.product, r.own, r.bare) {
		failed += s.failed
		refused += s.done
		if s.first != nil && f.Why == "" {
			f.Why = s.first.Error()
		}
	}
	f.Got["failed"] = float64(failed)
	f.OK = failed == 0
	if m.tier == "P" {
		if b, ok := bars[f.Case]; ok {
			f.Bar = b
		}
	}
	f.Aim = aims[m.tier][f.Case]
	for name, bar := range f.Bar {
		if strings.HasSuffix(name, "Ms") && f.Got[name] > bar || !strings.HasSuffix(name, "Ms") && f.Got[name] < bar {
			f.OK = false
		}
	}
	return f
}

// counted is how many statements a script has, counted as the product counts: BEGIN goes with the first.
func (s script) counted() (n int) {
	for _, step := range s.steps {
		if step.Verb != db.Begin {
			n++
		}
	}
	return n
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

func round(x float64) float64 { return math.Round(x*1000) / 1000 }

// Table shows figures to people.
func Table(w io.Writer, figures []Figure) error {
	t := tabwriter.NewWriter(w, 2, 2, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "case\tper s\tp50 ms\tp95 ms\tp99 ms\tstatements\tof its statements\tof the bare form\tok\t")
	for _, f := range figures {
		bare := "–"
		if v, ok := f.Got["toBare"]; ok {
			bare = strconv.FormatFloat(v, 'f', 2, 64)
		}
		fmt.Fprintf(t, "%s\t%.0f\t%.1f\t%.1f\t%.1f\t%.1f\t%.2f\t%s\t%v\t\n", f.Case, f.Got["perSecond"], f.Got["p50Ms"], f.Got["p95Ms"],
			f.Got["p99Ms"], f.Got["statements"], f.Got["toOwn"], bare, f.OK)
	}
	return t.Flush()
}

// loadavg is the machine's load of the last minute; 0 where the system does not tell.
func loadavg() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), " ")
	load, _ := strconv.ParseFloat(first, 64) // 0 if it is no number
	return load
}

// busy is how many cores are at work while we are not.
func busy(ctx context.Context, during time.Duration) float64 {
	before := worked()
	wait := time.NewTimer(during)
	defer wait.Stop()
	select {
	case <-ctx.Done():
	case <-wait.C:
	}
	const ticks = 100 // a second, on every Linux
	return float64(worked()-before) / ticks / during.Seconds()
}

// worked is how many ticks all cores have worked since the start of the machine.
func worked() (ticks int64) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(text), "\n")
	for i, field := range strings.Fields(line) {
		n, err := strconv.ParseInt(field, 10, 64)
		if idle := i == 4 || i == 5; err == nil && !idle { // the rest of them: user, nice, system, irq, softirq, steal
			ticks += n
		}
	}
	return ticks
}

// inMemory says whether what is written into folder reaches no disk.
func inMemory(folder string) bool {
	const tmpfs, ramfs = 0x01021994, 0x858458f6
	var fs syscall.Statfs_t
	if err := syscall.Statfs(folder, &fs); err != nil {
		return false
	}
	return fs.Type == tmpfs || fs.Type == ramfs
}
