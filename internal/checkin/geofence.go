package checkin

import (
	"fmt"
	"log/slog"
	"math"
	"time"
)

// A Datum says from where degrees are counted.
type Datum string

// The datums: phones say WGS-84 or GCJ-02, maps of this country draw GCJ-02.
const (
	WGS84 Datum = "wgs84"
	GCJ02 Datum = "gcj02"
)

// A Point lies somewhere, in degrees. The same degrees of the two datums are some 500 m apart, so a Point knows which
// it is in.
type Point struct {
	North, East float64
	Datum       Datum
}

// What GCJ-02 is made of: the ellipsoid of Krassowski.
const (
	axis         = 6378245.0
	eccentricity = 0.00669342162296594323
)

// gcj02 is p as maps of this country draw it. The formula is the known one, from WGS-84 to GCJ-02; the way back has
// none and is never needed.
func (p Point) gcj02() Point {
	outside := p.East < 72.004 || p.East > 137.8347 || p.North < 0.8293 || p.North > 55.8271
	if p.Datum == GCJ02 || outside {
		return Point{p.North, p.East, GCJ02}
	}
	x, y := p.East-105, p.North-35
	waves := func(v float64, strong, weak float64, long, longest float64) float64 {
		return (strong*math.Sin(v*math.Pi) + weak*math.Sin(v/3*math.Pi) + long*math.Sin(v/12*math.Pi) + longest*math.Sin(v/30*math.Pi)) * 2 / 3
	}
	both := (20*math.Sin(6*x*math.Pi) + 20*math.Sin(2*x*math.Pi)) * 2 / 3
	north := -100 + 2*x + 3*y + 0.2*y*y + 0.1*x*y + 0.2*math.Sqrt(math.Abs(x)) + both + waves(y, 20, 40, 160, 320)
	east := 300 + x + 2*y + 0.1*x*x + 0.1*x*y + 0.1*math.Sqrt(math.Abs(x)) + both + waves(x, 20, 40, 150, 300)

	radians := p.North * math.Pi / 180
	flat := 1 - eccentricity*math.Sin(radians)*math.Sin(radians)
	return Point{
		North: p.North + north*180/(axis*(1-eccentricity)/(flat*math.Sqrt(flat))*math.Pi),
		East:  p.East + east*180/(axis/math.Sqrt(flat)*math.Cos(radians)*math.Pi),
		Datum: GCJ02,
	}
}

// metresTo is how far p is from q, on a sphere: within a fence the earth is round enough.
func (p Point) metresTo(q Point) float64 {
	const earth = 6371008.8
	p, q = p.gcj02(), q.gcj02()
	north1, north2 := p.North*math.Pi/180, q.North*math.Pi/180
	h := haversine(north2-north1) + math.Cos(north1)*math.Cos(north2)*haversine((q.East-p.East)*math.Pi/180)
	return 2 * earth * math.Asin(math.Sqrt(min(1, h)))
}

func haversine(angle float64) float64 { return math.Sin(angle/2) * math.Sin(angle/2) } // exact for small angles, too

// A Position is where a phone says that it is. It is judged and forgotten: it can be neither printed, nor logged, nor
// stored (CI7).
type Position struct {
	point    Point
	accuracy float64 // metres
}

// NewPosition makes a Position of what a phone says.
func NewPosition(p Point, accuracy float64) *Position { return &Position{p, accuracy} }

// Format prints no position, whatever the verb.
func (*Position) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("a position")) }

// LogValue logs no position.
func (*Position) LogValue() slog.Value { return slog.StringValue("a position") }

// MarshalJSON stores no position.
func (*Position) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// A Distance is all that may be kept of a position: how far it was from a place, as a class.
type Distance string

// The classes. Far and Unusable prove nothing, so nothing is kept of them either.
const (
	Inside   Distance = "inside"
	Near     Distance = "near"
	Far      Distance = "far"
	Unusable Distance = "unusable"
)

// proves says whether d is evidence of having been there.
func (d Distance) proves() bool { return d == Inside || d == Near }

const (
	coarsest = 500.0 // metres of accuracy beyond which a position says nothing
	slack    = 100.0 // metres outside a fence that a phone's inaccuracy may excuse
)

// A Fence is where a place lies and how far it reaches: data of the place and of nobody.
type Fence struct {
	Centre Point
	Radius int // metres
}

// judge says how far p is from f. The accuracy is the phone's own word: 0 is one that measured nothing.
func (f Fence) judge(p *Position) Distance {
	if p == nil || math.IsNaN(p.accuracy) || p.accuracy <= 0 || p.accuracy > coarsest {
		return Unusable
	}
	switch out := f.Centre.metresTo(p.point) - float64(f.Radius); {
	case math.IsNaN(out):
		return Unusable
	case out <= 0:
		return Inside
	case out <= min(p.accuracy, slack):
		return Near
	default:
		return Far
	}
}

// How fast somebody may have travelled, and how far two places lie from each other before anybody asks.
const (
	fastest  = 120 / 3.6 // metres a second
	ordinary = 1000.0    // metres
)

// tooFar says whether nobody gets from one place to the other in the time between.
func (f Fence) tooFar(from Fence, between time.Duration) bool {
	metres := f.Centre.metresTo(from.Centre) - float64(f.Radius+from.Radius)
	return metres > ordinary && metres > fastest*between.Abs().Seconds()
}
