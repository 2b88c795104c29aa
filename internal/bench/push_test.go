package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"wanjia/internal/pushclient"
)

// serverOfTests makes the test program a server of the bench: it is one when this is set.
const serverOfTests = "BENCH_PUSH_NODE"

func TestMain(m *testing.M) {
	if fault := os.Getenv(peerOfTests); fault != "" {
		fmt.Fprintln(os.Stderr, standIn(os.Args[1], fault))
		os.Exit(1)
	}
	if os.Getenv(serverOfTests) != "" {
		if err := ServeNode(context.Background(), os.Stdin, os.Stdout, nil); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// eachPush runs f on both engines with options of a small run.
func eachPush(t *testing.T, f func(t *testing.T, o PushOptions)) {
	t.Helper()
	each(t, func(t *testing.T, small Options) {
		o := PushOptions{
			Folder: small.Folder, MySQL: small.MySQL, Redis: small.Redis, Prefix: "bench-" + strings.ReplaceAll(t.Name(), "/", "-") + ":",
			Slice: time.Second, Repeat: 1, Sockets: map[string]int{}, Rate: 100, Audience: 120, Seed: 1,
			Node: []string{os.Args[0]}, Env: []string{serverOfTests + "=1"}, Say: t.Output(),
		}
		for _, r := range PushRounds {
			o.Sockets[r.Name] = 50
		}
		f(t, o)
	})
}

func TestSmallRoundsShowWhatWasCommittedOnceAndInOrder(t *testing.T) {
	t.Parallel()
	eachPush(t, func(t *testing.T, o PushOptions) {
		o.Slice, o.Rounds = 500*time.Millisecond, []string{"idle", "single"}
		var shown []string
		figures, err := Push(t.Context(), o, func(f PushFigure) error {
			shown = append(shown, f.Round)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if want := []string{"idle", "single", "summary"}; !slices.Equal(shown, want) {
			t.Errorf("rounds %v are shown, want %v", shown, want)
		}
		idle, single := figures[0], figures[1]
		if idle.RSS <= 0 || idle.N != 50 || idle.Got["cpuAlone"] < 0 || idle.Why != "" && !strings.HasPrefix(idle.Why, "the bar of") {
			t.Errorf("idle sockets: %+v, want them measured", idle)
		}
		if single.Committed != 50 || single.Received != 50 || single.Lost+single.Dup+single.OutOfOrder+single.Gaps != 0 {
			t.Errorf("single messages: %+v, want 50 committed and received, and nothing wrong", single)
		}
		if single.Got["connections"] < 50 || single.Got["again"] != 0 || single.Got["unruly"] != 0 {
			t.Errorf("over the wire: %v, want 50 connections at least, and nothing that devices drop", single.Got)
		}
		if l := single.FromCommit; l.P50 <= 0 || l.P99 < l.P50 || l.Max < l.P99 || single.FromDue.P50 < l.P50 || single.Tx.P50 <= 0 || single.CPU <= 0 {
			t.Errorf("single messages: %+v, want them timed", single)
		}
		if got := figures[2].Medians["single/p50Ms"]; got.Rounds != 1 || got.Median != single.Got["p50Ms"] {
			t.Errorf("the median is %+v, want that of the one round", got)
		}
	})
}

func TestNothingIsLostWhenSomethingDies(t *testing.T) {
	t.Parallel()
	eachPush(t, func(t *testing.T, o PushOptions) {
		o.Rounds = []string{"broadcast", "slow", "redis-kill", "node-kill", "herd", "fanout"}
		o.Sockets["slow"], o.Sockets["broadcast"] = 20, 20
		figures, err := Push(t.Context(), o, func(PushFigure) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range figures[:len(figures)-1] {
			if f.Skipped != "" {
				if o.MySQL != "" || f.Round != "redis-kill" {
					t.Errorf("%s is left out: %s", f.Round, f.Skipped)
				}
				continue
			}
			if f.Committed == 0 || f.Lost+f.Dup+f.OutOfOrder+f.Gaps != 0 || f.Why != "" && !strings.HasPrefix(f.Why, "the bar of") {
				t.Errorf("%s: %+v, want everything shown once and in order", f.Round, f)
			}
			for name := range f.Bar {
				if f.Got[name] <= 0 {
					t.Errorf("%s does not measure %s: %v", f.Round, name, f.Got)
				}
			}
		}
	})
}

func TestALineHasTheFieldsOfTheDesign(t *testing.T) {
	t.Parallel()
	f := PushFigure{Name: "push", Bar: map[string]float64{}, Got: map[string]float64{}}
	line, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(line, &got); err != nil || bytes.ContainsRune(line, '\n') {
		t.Fatalf("%s (%v) is no line of JSON", line, err)
	}
	for name := range strings.FieldsSeq(`name commit tier engine round peer seed n rate committed received lost dup outOfOrder gaps
		latencyCommitMs latencyDueMs txMs rssBytes rssPerConn cpuSeconds loadavg lateStarts ok`) {
		if _, there := got[name]; !there {
			t.Errorf("a line has no %s: %s", name, line)
		}
	}
	for _, name := range []string{"latencyCommitMs", "latencyDueMs", "txMs"} {
		if s, _ := got[name].(map[string]any); len(s) != 4 {
			t.Errorf("%s is %v, want p50, p90, p99 and max", name, got[name])
		}
	}
}

// good is a stream without a fault: two persons with three messages each.
func good() (truth [][3]int64, devices []*pushDevice, sent *ledger) {
	now := time.Now()
	sent = &ledger{first: 10}
	for i := range int64(6) {
		sent.all = append(sent.all, entry{due: now, at: now.Add(time.Millisecond), tx: time.Millisecond, to: 1, over: true})
		person := 1 + i%2
		truth = append(truth, [3]int64{person, 5 + i/2, 10 + i})
	}
	for person := range int64(2) {
		d := &pushDevice{person: person + 1, after: 4}
		for n := range int64(3) {
			d.got = append(d.got, receipt{seq: 5 + n, id: 10 + 2*n + person, at: now.Add(3 * time.Millisecond)})
		}
		devices = append(devices, d)
	}
	return truth, devices, sent
}

// The controls: a stream with one fault of each kind, which the verifier must see.
func TestTheVerifierSeesEachKindOfFault(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(truth *[][3]int64, d *pushDevice)
		want  verdict
	}{
		"nothing":          {func(*[][3]int64, *pushDevice) {}, verdict{Committed: 6, Received: 6}},
		"the last is lost": {func(_ *[][3]int64, d *pushDevice) { d.got = d.got[:2] }, verdict{Committed: 6, Received: 5, Lost: 1}},
		"one in between is lost": {func(_ *[][3]int64, d *pushDevice) {
			d.got = slices.Delete(d.got, 1, 2)
		}, verdict{Committed: 6, Received: 5, Lost: 1, Gaps: 1}},
		"one is shown twice": {func(_ *[][3]int64, d *pushDevice) { d.got = append(d.got, d.got[2]) }, verdict{Committed: 6, Received: 6, Dup: 1}},
		"two change places": {func(_ *[][3]int64, d *pushDevice) {
			d.got[1], d.got[2] = d.got[2], d.got[1]
		}, verdict{Committed: 6, Received: 6, OutOfOrder: 1, Gaps: 1}},
		"one that was rolled back": {func(truth *[][3]int64, _ *pushDevice) {
			*truth = (*truth)[:5]
		}, verdict{Committed: 5, Received: 5, Foreign: 1, Vanished: 1}},
		"what the device drops": {func(_ *[][3]int64, d *pushDevice) {
			d.wire = func() pushclient.Counts { return pushclient.Counts{Connections: 2, Again: 5, Disorder: 2, Holes: 1} }
		}, verdict{Committed: 6, Received: 6, Unruly: 3}},
		"what comes again over another connection": {func(_ *[][3]int64, d *pushDevice) {
			d.wire = func() pushclient.Counts { return pushclient.Counts{Connections: 2, Again: 5} }
		}, verdict{Committed: 6, Received: 6}},
		"another's number": {func(_ *[][3]int64, d *pushDevice) { d.got[0].id = 99 }, verdict{Committed: 6, Received: 5, Lost: 1, Foreign: 1, Gaps: 1}},
	} {
		truth, devices, sent := good()
		spoiled := devices[0]
		if name == "one that was rolled back" {
			spoiled = devices[1]
		}
		c.spoil(&truth, spoiled)
		got := verify(truth, devices, sent)
		right := name == "nothing" || name == "what comes again over another connection"
		if got.clean() != right || got.First == "" != got.clean() {
			t.Errorf("%s: clean is %v (%q)", name, got.clean(), got.First)
		}
		if got.First = ""; got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestFiguresOfARoundAreCounted(t *testing.T) {
	t.Parallel()
	_, devices, sent := good()
	commit, due, tx := sent.times(devices)
	if len(commit) != 6 || spread(commit).P50 != 2 || spread(due).Max != 3 || spread(tx).P99 != 1 {
		t.Errorf("times %v, %v, %v, want 2 ms from COMMIT, 3 ms from when it was due, 1 ms of transaction", commit, due, tx)
	}
	var hundred []float64
	for i := range 100 {
		hundred = append(hundred, float64(i+1))
	}
	if got, want := spread(hundred), (Spread{51, 91, 100, 100}); got != want {
		t.Errorf("spread %+v, want %+v", got, want)
	}
	if got := spread(nil); got != (Spread{}) {
		t.Errorf("the spread of nothing is %+v", got)
	}
}

// A return counts when all that comes later comes in time: one that does is not enough.
func TestOneQuickDeviceIsNoReturn(t *testing.T) {
	t.Parallel()
	for late, ok := range map[time.Duration]bool{100 * time.Millisecond: true, 2500 * time.Millisecond: false} {
		_, devices, sent := good()
		killed := sent.all[0].at.Add(-3 * time.Second)
		back := killed.Add(2 * time.Second) // the messages are committed a second later
		sent.all[0].at = killed.Add(time.Second)
		devices[0].got[0].at = back.Add(700 * time.Millisecond) // of the message in between
		devices[1].got[2].at = sent.all[5].at.Add(late)
		f := PushFigure{Round: "redis-kill", Got: map[string]float64{}}
		sent.around(&f, devices, killed, back)
		if f.judge(verdict{}); f.OK != ok || f.Got["caughtUpMs"] != 700 || f.Got["laterMaxMs"] != float64(late.Milliseconds()) {
			t.Errorf("with one device %v late: ok is %v, %v", late, f.OK, f.Got)
		}
	}
	late := PushFigure{Round: "redis-kill", Got: map[string]float64{"laterP99Ms": 10, "caughtUpMs": 2001}}
	if late.judge(verdict{}); late.OK {
		t.Error("what was committed while Redis was away comes after more than 2 s, and the bar holds")
	}
	f := PushFigure{Round: "redis-kill", Got: map[string]float64{}}
	(&ledger{}).around(&f, nil, time.Now(), time.Now())
	if f.judge(verdict{}); f.OK {
		t.Error("a return after which nothing was committed holds its bar")
	}
}

func TestAMissedBarIsNotOK(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		round string
		got   map[string]float64
		v     verdict
		ok    bool
	}{
		{"single", map[string]float64{"p50Ms": 1, "p99Ms": 20}, verdict{}, true},
		{"single", map[string]float64{"p50Ms": 1, "p99Ms": 20.1}, verdict{}, false},
		{"single", map[string]float64{"p50Ms": 1}, verdict{}, false},
		{"single", map[string]float64{"p50Ms": 0.5, "p99Ms": 2}, verdict{Lost: 1}, false},
		{"single-max", map[string]float64{"perSecond": 1500}, verdict{}, false},
		{"single-max", map[string]float64{"perSecond": 2500}, verdict{}, true},
		{"idle", map[string]float64{"bytesPerSocket": 9000, "cpuMicrosPerSocket": 3}, verdict{}, true},
		{"idle", map[string]float64{"bytesPerSocket": 11000, "cpuMicrosPerSocket": 3}, verdict{}, false},
	} {
		f := PushFigure{Round: c.round, Got: c.got}
		if f.judge(c.v); f.OK != c.ok {
			t.Errorf("%s with %v and %+v: ok is %v (%s), want %v", c.round, c.got, c.v, f.OK, f.Why, c.ok)
		}
	}
	s := summary([]PushFigure{
		{Round: "single", OK: true, Got: map[string]float64{"p50Ms": 3}},
		{Round: "single", OK: true, Got: map[string]float64{"p50Ms": 1}},
		{Round: "single", OK: true, Got: map[string]float64{"p50Ms": 2}},
		{Round: "fanout", Skipped: "too small"},
	}, false)
	if got, want := s.Medians["single/p50Ms"], (Middle{2, 1, 3, 3}); got != want || !s.OK {
		t.Errorf("the last line has %+v (ok %v), want %+v", got, s.OK, want)
	}
	if s = summary([]PushFigure{{Round: "single", OK: true}, {Round: "herd"}}, false); s.OK {
		t.Error("the last line is ok, and one round was not")
	}
}

func TestAReportOfANoisyMachineOrAWrongServerIsRefused(t *testing.T) {
	t.Parallel()
	quiet, noisy := PushFigure{Round: "single", OK: true, Others: 0.4}, PushFigure{Round: "herd", OK: true, Noisy: true, Others: 0.83}
	lost := PushFigure{Round: "fanout", Lost: 1, Why: "person 3 was never shown 7"}
	unruly := PushFigure{Round: "single", Got: map[string]float64{"unruly": 2}, Why: "twice over one connection"}
	missed := PushFigure{Round: "single", Why: "the bar of p99Ms was missed"}
	for _, c := range []struct {
		of      []PushFigure
		noisyOK bool
		refused bool
		why     string
	}{
		{[]PushFigure{quiet, quiet}, false, false, ""},
		{[]PushFigure{quiet, noisy}, false, true, "herd: others used 0.83 cores"},
		{[]PushFigure{quiet, noisy}, true, false, ""},
		{[]PushFigure{quiet, lost}, true, true, "fanout: items were not shown once and in order: person 3 was never shown 7"},
		{[]PushFigure{unruly, quiet}, true, true, "single: items were not shown once"},
		{[]PushFigure{missed}, false, false, ""}, // which its own line says
	} {
		s := summary(c.of, c.noisyOK)
		if s.Refused != c.refused || !strings.HasPrefix(s.Why, c.why) || s.Refused && s.OK {
			t.Errorf("of %+v (noise is fine: %v) the last line is refused: %v, ok: %v, why: %q; want %v, %q", c.of, c.noisyOK, s.Refused, s.OK, s.Why, c.refused, c.why)
		}
	}
}

func TestNoRefusedReportIsKept(t *testing.T) {
	t.Parallel()
	kept, err := os.ReadFile("../../docs/figures/push.json")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(kept)) {
		var f PushFigure
		if err := json.Unmarshal([]byte(line), &f); err != nil || f.Refused {
			t.Errorf("docs/figures/push.json holds a line that is refused: %q (%v)", f.Why, err)
		}
	}
}

func TestMoreSocketsThanTheSystemAllowsAreRefused(t *testing.T) {
	t.Parallel()
	o := PushOptions{Folder: t.TempDir(), Prefix: "x:", Rounds: []string{"idle"}, Sockets: map[string]int{"idle": mostSockets() + 1}}
	if _, err := Push(t.Context(), o, nil); err == nil {
		t.Error("more sockets than files are begun with")
	}
	o.Rounds = []string{"nothing"}
	if _, err := Push(t.Context(), o, nil); err == nil {
		t.Error("a round that does not exist is begun with")
	}
}
