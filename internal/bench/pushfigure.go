package bench

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// A PushFigure is what one round has measured: a line of out/figures/push.json.
type PushFigure struct {
	Name       string             `json:"name"`
	Commit     string             `json:"commit"`
	Tier       string             `json:"tier"` // E: embedded, P: production
	Engine     string             `json:"engine"`
	Round      string             `json:"round"`
	Peer       string             `json:"peer"` // whom it measures; empty: us
	Seed       uint64             `json:"seed"`
	N          int                `json:"n"`    // devices
	Rate       float64            `json:"rate"` // messages a second that were due
	Committed  int                `json:"committed"`
	Received   int                `json:"received"`
	Lost       int                `json:"lost"`
	Dup        int                `json:"dup"`
	OutOfOrder int                `json:"outOfOrder"`
	Gaps       int                `json:"gaps"`
	FromCommit Spread             `json:"latencyCommitMs"`
	FromDue    Spread             `json:"latencyDueMs"`
	Tx         Spread             `json:"txMs"`
	RSS        int64              `json:"rssBytes"`   // of the server
	RSSPerConn float64            `json:"rssPerConn"` // bytes, after a forced sweep; 0: not measured
	CPU        float64            `json:"cpuSeconds"` // of the server
	Load       float64            `json:"loadavg"`
	LateStarts int                `json:"lateStarts"`
	OK         bool               `json:"ok"`
	Noisy      bool               `json:"noisy"`   // others used more than half a core meanwhile
	Others     float64            `json:"others"`  // how many cores they used
	Refused    bool               `json:"refused"` // of the last line alone: the report says nothing, and why says why
	At         time.Time          `json:"at"`
	Seconds    float64            `json:"seconds"`
	Bar        map[string]float64 `json:"bar"`
	Got        map[string]float64 `json:"got"`
	Why        string             `json:"why,omitempty"`     // what was wrong
	Skipped    string             `json:"skipped,omitempty"` // why it was not measured
	Medians    map[string]Middle  `json:"medians,omitempty"` // of the last line alone
}

// A Spread says how values lie.
type Spread struct {
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// A Middle is the median of some rounds, and the least and the most of them.
type Middle struct {
	Median float64 `json:"median"`
	Least  float64 `json:"least"`
	Most   float64 `json:"most"`
	Rounds int     `json:"rounds"`
}

// spread is how sorted values lie.
func spread(sorted []float64) (s Spread) {
	if len(sorted) == 0 {
		return s
	}
	at := func(share float64) float64 {
		return round(sorted[min(int(share*float64(len(sorted))), len(sorted)-1)])
	}
	return Spread{at(.5), at(.9), at(.99), round(sorted[len(sorted)-1])}
}

// pushBars are the bars of each round; names as in Got. At most for times and bytes, at least for the rest.
var pushBars = map[string]map[string]float64{
	"idle":       {"bytesPerSocket": 10 << 10, "cpuMicrosPerSocket": 4},
	"single":     {"p50Ms": 1, "p99Ms": 20},
	"single-max": {"perSecond": 2000},
	"broadcast":  {"deliveriesPerSecond": 50_000},
	"fanout":     {"totalMs": 5000},
	"redis-kill": {"laterP99Ms": 2000, "caughtUpMs": 2000},
	"node-kill":  {"backMs": 10_000},
	"herd":       {"backMs": 30_000, "peakRSSBytes": 600 << 20},
}

// judge says whether f holds its bars and was correct.
func (f *PushFigure) judge(v verdict) {
	f.Committed, f.Received, f.Lost = v.Committed, v.Received, v.Lost+v.Vanished
	f.Dup, f.OutOfOrder, f.Gaps = v.Dup, v.OutOfOrder, v.Gaps
	if v.Foreign > 0 {
		f.Got["foreign"] = float64(v.Foreign)
	}
	if v.Unruly > 0 {
		f.Got["unruly"] = float64(v.Unruly)
	}
	f.OK = f.Why == "" && v.clean()
	if f.Why == "" {
		f.Why = v.First
	}
	f.Bar = map[string]float64{}
	if b, ok := pushBars[f.Round]; ok && f.Peer == "" {
		f.Bar = b
	}
	for _, name := range slices.Sorted(maps.Keys(f.Bar)) {
		got, measured := f.Got[name]
		missed := got < f.Bar[name]
		if atMost(name) {
			missed = got > f.Bar[name]
		}
		if missed || !measured {
			f.OK = false
			if f.Why == "" {
				f.Why = "the bar of " + name + " was missed"
			}
		}
	}
}

// atMost says whether less of it is better.
func atMost(name string) bool {
	return strings.HasSuffix(name, "Ms") || strings.HasPrefix(name, "bytes") || strings.HasSuffix(name, "Bytes") || strings.HasPrefix(name, "cpu")
}

// summary is the last line: medians of what was measured more than once, and all else as it is. It refuses the report of
// a server that was wrong, and that of a machine which others used, but for one who said before that noise is fine.
func summary(of []PushFigure, noisyOK bool) PushFigure {
	all := map[string][]float64{}
	sum := PushFigure{
		Name: "push", Round: "summary", OK: true, Bar: map[string]float64{}, Got: map[string]float64{}, Medians: map[string]Middle{},
	}
	for _, f := range of {
		sum.Commit, sum.Tier, sum.Engine, sum.Seed, sum.At, sum.Load = f.Commit, f.Tier, f.Engine, f.Seed, f.At, f.Load
		sum.Committed, sum.Received, sum.Lost = sum.Committed+f.Committed, sum.Received+f.Received, sum.Lost+f.Lost
		sum.Dup, sum.OutOfOrder, sum.Gaps = sum.Dup+f.Dup, sum.OutOfOrder+f.OutOfOrder, sum.Gaps+f.Gaps
		sum.LateStarts, sum.Seconds, sum.CPU = sum.LateStarts+f.LateStarts, round(sum.Seconds+f.Seconds), round(sum.CPU+f.CPU)
		sum.Noisy = sum.Noisy || f.Noisy
		sum.OK = sum.OK && (f.OK || f.Skipped != "")
		if why := f.refused(noisyOK); why != "" && !sum.Refused {
			sum.Refused, sum.OK, sum.Why = true, false, f.Round+": "+why
		}
		if f.Skipped != "" {
			continue
		}
		name := f.Round
		if f.Peer != "" {
			name += "/" + f.Peer
		}
		for what, value := range f.Got {
			all[name+"/"+what] = append(all[name+"/"+what], value)
		}
	}
	for what, values := range all {
		slices.Sort(values)
		sum.Medians[what] = Middle{Median: median(values), Least: values[0], Most: values[len(values)-1], Rounds: len(values)}
	}
	return sum
}

// refused says why a report with f in it is none, or "".
func (f PushFigure) refused(noisyOK bool) string {
	switch {
	case f.Lost+f.Dup+f.OutOfOrder+f.Gaps > 0 || f.Got["foreign"] > 0 || f.Got["unruly"] > 0:
		return "items were not shown once and in order: " + f.Why
	case f.Noisy && !noisyOK:
		return fmt.Sprintf("others used %.2f cores, and figures mean little above %.2f; --noisy-ok keeps them all the same", f.Others, mostOthers)
	}
	return ""
}

// ShowPush shows a figure to people.
func ShowPush(w io.Writer, f PushFigure) error {
	mark := "ok"
	switch {
	case f.Skipped != "":
		mark = "left out: " + f.Skipped
	case f.Refused:
		mark = "REFUSED: " + f.Why
	case !f.OK:
		mark = "NOT OK: " + f.Why
	}
	if f.Noisy {
		mark += " (noisy)"
	}
	_, err := fmt.Fprintf(w, "%-11s %6d sockets  committed %d received %d lost %d dup %d out of order %d  commit→device p50 %.2f p99 %.2f max %.1f ms  %v  %s\n",
		f.Round, f.N, f.Committed, f.Received, f.Lost, f.Dup, f.OutOfOrder, f.FromCommit.P50, f.FromCommit.P99, f.FromCommit.Max, f.Got, mark)
	return err
}
