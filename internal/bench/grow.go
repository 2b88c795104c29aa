package bench

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/request"
	"wanjia/internal/seed"
)

// GrowOptions say how far lists are to grow, and on what.
type GrowOptions struct {
	MySQL        string    // address of a server of the MySQL family on this machine, on which databases may be made
	Database     string    // on it, to be kept, and measured again when it is as large already; empty: one that is dropped
	Sizes        []int     // how many requests, and as many visits
	Subdistricts int       // of 331 units each
	Only         string    // what is in the name of the lists to be measured; empty: all of them
	Say          io.Writer // what is going on, for who waits; nil: nobody
}

// What Grow refuses.
var (
	ErrDisk  = errors.New("there is too little disk")
	ErrSizes = errors.New("the sizes must rise, from 10,000 on")
	ErrFar   = errors.New("the server's folder is not on this machine, so nobody can say how much disk it has left")
)

// What a request and a visit take, with all that hangs on them, as measured with ten million of each: on the disk, on
// the disk while indexes are built, and in time on two cores.
const (
	bytesEach = 2_600
	building  = 0.35 // of them, more
	nanosEach = 150_000
	spare     = 2 << 30 // that is left to others
)

// growPasses is how often everything is measured: the figures are the medians. Kept databases take turns, so that what
// else the machine does in between strikes each size.
const growPasses = 3

// growPool is how much the server may keep in memory, at each size.
const growPool = 1 << 30

// Grow fills a database with copies of the demo's requests and visits, size by size, and measures the lists that people
// look at every day: how long they take may hang on what is shown, and not on all that ever was.
//
// What grows is the history: at each size as many requests and visits come a day, and each area has as many open needs
// of late, so that a page is full everywhere; beside these one in eight of the old ones is open, too.
func Grow(ctx context.Context, o GrowOptions) (figures []Figure, err error) {
	if o.Say == nil {
		o.Say = io.Discard
	}
	if len(o.Sizes) == 0 || o.Sizes[0] < 10_000 || !slices.IsSorted(o.Sizes) {
		return nil, ErrSizes
	}
	if err := o.announce(ctx); err != nil {
		return nil, err
	}
	passes := map[int][][]Figure{}
	if o.Database == "" {
		err = o.measureOne(ctx, passes)
	} else {
		err = o.measureKept(ctx, passes)
	}
	first := map[string]float64{}
	for _, n := range o.Sizes {
		if len(passes[n]) == 0 {
			break // it ended in an error before
		}
		some := medians(passes[n])
		for i, f := range some {
			name, _, _ := strings.Cut(f.Case, "/")
			if first[name] == 0 {
				first[name] = f.Got["p95Ms"]
			}
			if n == o.Sizes[len(o.Sizes)-1] && len(o.Sizes) > 1 {
				some[i] = f.against(first[name])
			}
		}
		figures = append(figures, some...)
	}
	return figures, err
}

// measureOne fills one database to each size in turn, and measures each before it goes on.
func (o GrowOptions) measureOne(ctx context.Context, passes map[int][][]Figure) (err error) {
	g, err := o.open(ctx, o.Sizes[0])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.close(ctx)) }()
	for _, n := range o.Sizes {
		if err := g.size(ctx, n); err != nil {
			return fmt.Errorf("at %d requests and visits: %w", n, err)
		}
		for range growPasses {
			some, err := g.measure(ctx, n)
			if err != nil {
				return fmt.Errorf("at %d requests and visits: %w", n, err)
			}
			passes[n] = append(passes[n], some)
		}
	}
	return nil
}

// measureKept fills a database for each size, and then measures them in turn.
func (o GrowOptions) measureKept(ctx context.Context, passes map[int][][]Figure) error {
	for pass := range 1 + growPasses {
		for _, n := range o.Sizes {
			some, err := o.visit(ctx, n, pass > 0)
			if err != nil {
				return fmt.Errorf("at %d requests and visits: %w", n, err)
			}
			if pass > 0 {
				passes[n] = append(passes[n], some)
			}
		}
	}
	return nil
}

// visit opens the database that is kept for n, fills it if it is not, and measures it if it is asked to.
func (o GrowOptions) visit(ctx context.Context, n int, measure bool) (some []Figure, err error) {
	g, err := o.open(ctx, n)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, g.close(ctx)) }()
	if !measure {
		return nil, g.size(ctx, n)
	}
	return g.measure(ctx, n)
}

// medians are the figures of some passes over the same lists. What reads from the disk does so in the first.
func medians(passes [][]Figure) (all []Figure) {
	for i, f := range passes[0] {
		for name := range f.Got {
			var each []float64
			for _, p := range passes {
				each = append(each, p[i].Got[name])
			}
			if name != "firstP95Ms" {
				f.Got[name] = median(each)
			}
		}
		for _, p := range passes[1:] {
			f.Seconds += p[i].Seconds
			f.OK = f.OK && p[i].OK
			f.Noisy = f.Noisy || p[i].Noisy
			f.Load = max(f.Load, p[i].Load)
		}
		all = append(all, f)
	}
	return all
}

// database is the one that n of each are filled into, and what takes it away again, unless it is kept.
func (o GrowOptions) database(ctx context.Context, n int) (address string, drop func(context.Context) error, err error) {
	if o.Database == "" {
		return db.Scratch(ctx, o.MySQL)
	}
	b, err := db.OpenBulk(ctx, o.MySQL)
	if err != nil {
		return "", nil, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	name := o.Database + "_" + strconv.Itoa(n)
	if err := b.Exec(ctx, "CREATE DATABASE IF NOT EXISTS `"+name+"`"); err != nil {
		return "", nil, err
	}
	end := strings.LastIndex(o.MySQL, "/") + 1
	_, settings, found := strings.Cut(o.MySQL[end:], "?")
	if found {
		settings = "?" + settings
	}
	return o.MySQL[:end] + name + settings, func(context.Context) error { return nil }, nil
}

// A growth is a database that is being filled and measured.
type growth struct {
	GrowOptions
	drop  func(context.Context) error
	db    *db.DB
	bulk  *db.Bulk
	keys  *sealed.Keys
	about machine
	needs *request.Service

	residents []int64
	areas     []growArea
	tables    map[string][]column // that are filled
	open      []original          // what is copied
	closed    []original
	visits    []original
	contacts  []original
}

// open opens the database for n of each, and makes its subdistricts.
func (o GrowOptions) open(ctx context.Context, n int) (g *growth, err error) {
	address, drop, err := o.database(ctx, n)
	if err != nil {
		return nil, err
	}
	g = &growth{GrowOptions: o, drop: drop}
	defer func() {
		if err != nil {
			err = errors.Join(err, g.close(ctx))
			g = nil
		}
	}()
	if g.db, err = db.Open(ctx, db.Options{MySQL: address}); err != nil {
		return g, err
	}
	if _, err := g.db.Migrate(ctx, quiet()); err != nil {
		return g, err
	}
	master := sha256.Sum256([]byte(o.Database)) // of invented people; a kept database is opened again
	if g.keys, err = sealed.Open(ctx, g.db, master[:]); err != nil {
		return g, err
	}
	if _, err := audit.Open(ctx, g.db, master[:]); err != nil {
		return g, err
	}
	g.about = newMachine(ctx, Options{Slice: time.Second}, g.db)
	if g.bulk, err = db.OpenBulk(ctx, address); err != nil {
		return g, err
	}
	return g, g.begin(ctx)
}

// close lets go of the database, and takes it away unless it is kept.
func (g *growth) close(ctx context.Context) error {
	var errs []error
	if g.bulk != nil {
		errs = append(errs, g.bulk.Close())
	}
	if g.db != nil {
		errs = append(errs, g.db.Close())
	}
	return errors.Join(append(errs, g.drop(context.WithoutCancel(ctx)))...)
}

// announce says what it will take, and refuses where there is too little disk.
func (o GrowOptions) announce(ctx context.Context) (err error) {
	b, err := db.OpenBulk(ctx, o.MySQL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	_, rows, err := b.Rows(ctx, `SELECT @@datadir`)
	if err != nil {
		return err
	}
	folder, most, all := string(rows[0][0]), o.Sizes[len(o.Sizes)-1], 0
	for _, n := range o.Sizes {
		all += n
	}
	var fs syscall.Statfs_t
	if err := syscall.Statfs(folder, &fs); err != nil {
		return fmt.Errorf("%w: %s", ErrFar, folder)
	}
	held, err := bytesLike(ctx, b, o.Database)
	if err != nil {
		return err
	}
	free, kept := int64(fs.Bavail)*fs.Bsize, most
	if o.Database != "" {
		kept = all
	}
	need := int64(float64(max(int64(kept)*bytesEach-held, 0)) * (1 + building)) // of what is there nothing is built
	took := time.Minute + time.Duration(all)*nanosEach
	fmt.Fprintf(o.Say, "bench: up to %d requests and as many visits take about %.1f GB in %s, where %.1f GB are free, and about %v\n",
		most, gigabytes(need), folder, gigabytes(free), took.Round(time.Minute))
	if inMemory(folder) {
		fmt.Fprintln(o.Say, "bench: that folder is in memory and not on a disk: what is read from it costs nothing there")
	}
	if free < need+spare {
		return fmt.Errorf("%w: %d requests and visits need %.1f GB in %s and %.1f GB beside them, and %.1f GB are free; give it more, or name smaller --sizes",
			ErrDisk, most, gigabytes(need), folder, gigabytes(spare), gigabytes(free))
	}
	return nil
}

func gigabytes(n int64) float64 { return float64(n) / (1 << 30) }

// bytesLike is how much the databases take on the disk that are kept under a name; none is kept under the empty one.
func bytesLike(ctx context.Context, b *db.Bulk, name string) (n int64, err error) {
	if name == "" {
		return 0, nil
	}
	_, rows, err := b.Rows(ctx, `
		SELECT COALESCE(SUM(data_length + index_length), 0)
		FROM information_schema.tables
		WHERE table_schema LIKE ? ESCAPE '!'`, db.Like(name)+"!_%")
	if err == nil {
		_, err = fmt.Sscan(string(rows[0][0]), &n)
	}
	return n, err
}

// bytes is how much the database takes on the disk.
func (g *growth) bytes(ctx context.Context) (n int64, err error) {
	_, rows, err := g.bulk.Rows(ctx, `
		SELECT COALESCE(SUM(data_length + index_length), 0)
		FROM information_schema.tables
		WHERE table_schema = DATABASE()`)
	if err == nil {
		_, err = fmt.Sscan(string(rows[0][0]), &n)
	}
	return n, err
}

// begin makes the subdistricts, and reads what will be copied.
func (g *growth) begin(ctx context.Context) error {
	if err := g.bulk.Exec(ctx, fmt.Sprintf("SET GLOBAL innodb_buffer_pool_size = %d", growPool)); err != nil {
		return fmt.Errorf("give the server its memory: %w", err)
	}
	filled, err := seed.Seeded(ctx, g.db)
	if err != nil {
		return err
	}
	if !filled {
		fmt.Fprintf(g.Say, "bench: making %d subdistricts\n", g.Subdistricts)
		if err := seed.Make(ctx, g.db.Batch(), g.keys, nil, seed.Options{Profile: seed.Bench, Seed: 1, Scale: g.Subdistricts}); err != nil {
			return err
		}
	}
	if err := g.readTables(ctx); err != nil {
		return err
	}
	if err := g.readAreas(ctx); err != nil {
		return err
	}
	return g.readOriginals(ctx)
}

// size fills up to n, unless the database is as large already.
func (g *growth) size(ctx context.Context, n int) error {
	var last struct {
		Request int `db:"request"`
		Visit   int `db:"visit"`
	}
	if err := g.db.Get(ctx, &last, `SELECT COALESCE((SELECT MAX(id) FROM request), 0) AS request, COALESCE((SELECT MAX(id) FROM visit), 0) AS visit`); err != nil {
		return err
	}
	begun := time.Now()
	if last.Request != n || last.Visit != n {
		if err := g.fill(ctx, n); err != nil {
			return err
		}
	}
	held, err := g.bytes(ctx)
	if err != nil {
		return err
	}
	took := time.Since(begun)
	fmt.Fprintf(g.Say, "bench: %d requests and visits: %.2f GB, filled in %v\n", n, gigabytes(held), took.Round(time.Second))
	return nil
}

// against is f beside what it was when there was little.
func (f Figure) against(p95 float64) Figure {
	f.Got["ratio"] = round(f.Got["p95Ms"] / p95)
	f.Bar["ratio"] = 1.5
	if f.Got["ratio"] > f.Bar["ratio"] {
		f.OK = false
	}
	return f
}

// GrowTable shows the figures of Grow to people.
func GrowTable(w io.Writer, figures []Figure) {
	for _, f := range figures {
		ratio := ""
		if r, ok := f.Got["ratio"]; ok {
			ratio = fmt.Sprintf("  ratio %.2f", r)
		}
		fmt.Fprintf(w, "%-32s p50 %7.2f ms  p95 %7.2f ms  rows read %4.0f, sorted %3.0f  pages %4.0f  full scans %.0f%s\n",
			f.Case, f.Got["p50Ms"], f.Got["p95Ms"], f.Got["rowsRead"], f.Got["rowsSorted"], f.Got["pages"], f.Got["fullScans"], ratio)
	}
}
