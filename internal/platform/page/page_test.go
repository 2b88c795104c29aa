package page

import (
	"encoding/base64"
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"wanjia/internal/platform/problem"
)

var keys = NewKeys([]byte("a key of thirty-two bytes, 海棠街道"))

type row struct {
	at time.Time
	id int64
}

func rowKey(r row) (time.Time, int64) { return r.at, r.id }

// newestFirst is what the database does: the condition of Page, the order, the limit.
func newestFirst(all []row, p Page) (rows []row) {
	for _, r := range all {
		if !r.at.After(p.At) && (r.at.Before(p.At) || r.id < p.ID) {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b row) int {
		if c := b.at.Compare(a.at); c != 0 {
			return c
		}
		return int(b.id - a.id)
	})
	return rows[:min(len(rows), p.Limit())]
}

func TestThePagesOfAListAreTheList(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var all []row
		for id := range rapid.IntRange(0, 60).Draw(t, "rows") { // few moments, so that many rows share one
			at := time.UnixMilli(rapid.Int64Range(0, 5).Draw(t, "at")).UTC()
			all = append(all, row{at, int64(id)})
		}
		size := rapid.IntRange(1, 10).Draw(t, "size")
		var got []row
		for cursor := ""; ; {
			p, err := keys.Parse(cursor, size, "list")
			if err != nil {
				t.Fatal(err)
			}
			items, next := Cut(newestFirst(all, p), p, rowKey)
			if items == nil || len(items) > size {
				t.Fatalf("a page has %d items (nil: %v), want 0 to %d", len(items), items == nil, size)
			}
			got = append(got, items...)
			if cursor = next; cursor == "" {
				break
			}
		}
		whole, err := keys.Parse("", greatest, "list")
		if err != nil {
			t.Fatal(err)
		}
		if want := newestFirst(all, whole); !slices.Equal(got, want) {
			t.Errorf("the pages are %v, want %v", got, want)
		}
	})
}

func TestACursorServesNothingElse(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 11, 1, 2, 3, 4_000_000, time.UTC)
	bound := Bound("listVisits", 7, "open")
	good := keys.Next(at, 31, bound)
	p, err := keys.Parse(good, 0, bound)
	if err != nil || p.First || p.ID != 31 || !p.At.Equal(at) || p.Size != usualSize {
		t.Fatalf("the cursor reads %+v, %v; want row 31 of %v", p, err, at)
	}
	raw, err := base64.RawURLEncoding.DecodeString(good)
	if err != nil {
		t.Fatal(err)
	}
	bad := map[string]string{
		"no base64": "%%%", "short": good[:len(good)-4], "long": good + "AAAA", "padded": good + "=",
		"of another list":   keys.Next(at, 31, Bound("listTasks", 7, "open")),
		"of another person": keys.Next(at, 31, Bound("listVisits", 8, "open")),
		"of another server": NewKeys([]byte("another key")).Next(at, 31, bound),
	}
	for i := range raw {
		changed := slices.Clone(raw)
		changed[i] ^= 1
		bad["changed"] = base64.RawURLEncoding.EncodeToString(changed)
		for name, cursor := range bad {
			if _, err := keys.Parse(cursor, 10, bound); !errors.Is(err, problem.ErrCursor) {
				t.Fatalf("a cursor that is %s (byte %d) gives %v, want %v", name, i, err, problem.ErrCursor)
			}
		}
	}
}

func TestAListThatRisesBeginsWithTheOldest(t *testing.T) {
	t.Parallel()
	p, err := keys.Parse("", 500, "list")
	if err != nil || !p.First || p.Size != greatest {
		t.Fatalf("the first page is %+v, %v; want at most %d rows", p, err, greatest)
	}
	if r := p.Rising(); !r.At.Before(time.Unix(0, 0)) || r.ID >= 0 {
		t.Errorf("the first rising page begins at %v, %d; want before everything", r.At, r.ID)
	}
}

func TestABoundTellsValuesApart(t *testing.T) {
	t.Parallel()
	one, two, same := "open", "done", "open"
	if Bound(&one) == Bound(&two) || Bound(&one) != Bound(&same) || Bound("a", "b") == Bound("a b") {
		t.Error("bounds follow addresses or run together, want values kept apart")
	}
}
