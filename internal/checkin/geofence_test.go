package checkin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestWGS84BecomesGCJ02ByTheKnownFormula(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ from, want Point }{
		{Point{31.1774276, 121.5272106, WGS84}, Point{31.17530398364597, 121.531541859215, GCJ02}},
		{Point{22.543847, 113.912316, WGS84}, Point{22.540796131694766, 113.9171764808363, GCJ02}},
		{Point{39.911954, 116.377817, WGS84}, Point{39.91334545536069, 116.38404722455657, GCJ02}},
		{Point{31.1774276, 121.5272106, GCJ02}, Point{31.1774276, 121.5272106, GCJ02}},
		{Point{48.8566, 2.3522, WGS84}, Point{48.8566, 2.3522, GCJ02}}, // outside the country the two are one
	} {
		got := c.from.gcj02()
		if math.Abs(got.North-c.want.North) > 1e-9 || math.Abs(got.East-c.want.East) > 1e-9 || got.Datum != c.want.Datum {
			t.Errorf("%v is %v, want %v", c.from, got, c.want)
		}
	}
	same := Point{31.1774276, 121.5272106, WGS84}
	other := Point{same.North, same.East, GCJ02}
	if m := same.metresTo(other); m < 300 || m > 800 {
		t.Errorf("the same degrees of the two datums lie %.0f m apart, want some 500 m", m)
	}
}

// flat is how far q is from p on a plane: another formula than that of the code.
func flat(p, q Point) float64 {
	const degree = 6371008.8 * math.Pi / 180
	north, east := (q.North-p.North)*degree, (q.East-p.East)*degree*math.Cos((p.North+q.North)/2*math.Pi/180)
	return math.Hypot(north, east)
}

func TestTwoFormulasAgreeOnADistance(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := Point{rapid.Float64Range(18, 53).Draw(t, "north"), rapid.Float64Range(74, 134).Draw(t, "east"), GCJ02}
		q := Point{p.North + rapid.Float64Range(-0.05, 0.05).Draw(t, "up"), p.East + rapid.Float64Range(-0.05, 0.05).Draw(t, "right"), GCJ02}
		got, want := p.metresTo(q), flat(p, q)
		if math.Abs(got-want) > 0.01+want/1000 || math.Abs(got-q.metresTo(p)) > 1e-6 {
			t.Errorf("%v to %v: %.3f m one way, %.3f m back, %.3f m on a plane", p, q, got, q.metresTo(p), want)
		}
	})
}

// centre is where the fence of the tests stands, 100 m wide to each side.
var centre = Fence{Centre: Point{31.284712, 121.493821, GCJ02}, Radius: 100}

// north is a position so many metres north of it.
func north(metres, accuracy float64) *Position {
	return NewPosition(Point{centre.Centre.North + metres/111195.08, centre.Centre.East, GCJ02}, accuracy)
}

func TestQ4_TheServerJudgesAPositionByItself(t *testing.T) {
	t.Parallel()
	raw := Point{31.2869, 121.4892, WGS84} // somewhere by satellite
	for _, c := range []struct {
		what string
		p    *Position
		want Distance
	}{
		{"in the middle", north(0, 10), Inside},
		{"99 m away", north(99, 10), Inside},
		{"105 m away, give or take 10 m", north(105, 10), Near},
		{"150 m away, give or take 10 m", north(150, 10), Far},
		{"150 m away, give or take 80 m", north(150, 80), Near},
		{"250 m away, give or take 500 m", north(250, 500), Far},
		{"in the middle, measured nothing", north(0, 0), Unusable},
		{"in the middle, give or take 500 m", north(0, 500), Inside},
		{"in the middle, give or take more", north(0, 500.1), Unusable},
		{"accuracy is no number", north(0, math.NaN()), Unusable},
		{"degrees are no numbers", NewPosition(Point{math.NaN(), 121, GCJ02}, 10), Unusable},
		{"none", nil, Unusable},
		{"0, 0", NewPosition(Point{0, 0, WGS84}, 10), Far},
	} {
		if got := centre.judge(c.p); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
	if got := (Fence{Centre: raw.gcj02(), Radius: 20}).judge(NewPosition(raw, 5)); got != Inside {
		t.Errorf("the same spot in the other datum: %s", got)
	}
	if got := (Fence{Centre: raw.gcj02(), Radius: 100}).judge(NewPosition(Point{raw.North, raw.East, GCJ02}, 5)); got != Far {
		t.Errorf("degrees of one datum taken for those of the other: %s, want far", got)
	}
}

func TestAPositionCountsOnTheSpotOnly(t *testing.T) {
	t.Parallel()
	now := begun
	if _, err := (Attempt{HappenedAt: now, Offline: true}).located(Inside, 7, now); !errors.Is(err, ErrPositionLate) {
		t.Errorf("sent later: %v, want %v", err, ErrPositionLate)
	}
	for _, d := range []Distance{Far, Unusable} {
		if _, err := (Attempt{HappenedAt: now}).located(d, 7, now); !errors.Is(err, ErrPositionNoProof) {
			t.Errorf("%s: %v, want %v", d, err, ErrPositionNoProof)
		}
	}
	e, err := (Attempt{HappenedAt: now.Add(-time.Hour)}).located(Near, 7, now)
	if err != nil || !e.ClockUntrusted || !e.HappenedAt.Equal(now) {
		t.Errorf("a phone that is an hour behind: %+v, %v; want our time, and that the phone's is not believed", e, err)
	}
}

func TestQ4_TwoPlacesAreTooFarApartOnlyForTheTimeBetween(t *testing.T) {
	t.Parallel()
	there := Fence{Centre: Point{centre.Centre.North + 0.045, centre.Centre.East, GCJ02}, Radius: 100} // 5 km north
	for between, want := range map[time.Duration]bool{0: true, 2 * time.Minute: true, -2 * time.Minute: true, 3 * time.Minute: false, time.Hour: false} {
		if got := centre.tooFar(there, between); got != want {
			t.Errorf("5 km in %v is too far: %v, want %v", between, got, want)
		}
	}
	near := Fence{Centre: Point{centre.Centre.North + 0.008, centre.Centre.East, GCJ02}, Radius: 100}
	if centre.tooFar(near, 0) {
		t.Error("two places of one village are too far apart")
	}
}

func TestQ7_NothingPrintsAPosition(t *testing.T) {
	t.Parallel()
	p := NewPosition(Point{31.284712, 121.493821, GCJ02}, 12.5)
	a := Attempt{Kind: Geofence, Position: p}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("tried", "position", p, "attempt", a)
	text, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	said := fmt.Sprintf("%v %+v %#v %s %d %x", p, p, p, p, p, p) + fmt.Sprintf("%v %+v %#v", a, a, a) + log.String() + string(text)
	for _, canary := range []string{"31.28", "121.49", "3.128", "12.5"} {
		if strings.Contains(said, canary) {
			t.Errorf("%s stands in %s", canary, said)
		}
	}
}
