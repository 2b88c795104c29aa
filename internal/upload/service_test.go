package upload

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"strings"
	"testing"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/blob"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/limit"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
)

// shelf is a service whose limiters let everything through, with the folder of its files.
func shelf(t *testing.T, d *db.DB) (*Service, *blob.Folder) {
	t.Helper()
	keys, err := sealed.Open(t.Context(), d, bytes.Repeat([]byte{3}, sealed.MasterSize))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := audit.Open(t.Context(), d, keys.Derive(sealed.Audit, []byte("chain"))); err != nil {
		t.Fatal(err)
	}
	files, err := blob.OpenFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = files.Close() })
	allow := func(context.Context, limit.Limiter, string, int) limit.Verdict { return limit.Verdict{OK: true} }
	return NewService(d, keys, files, allow), files
}

func sends(t *testing.T, s *Service, by org.Actor) Upload {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, image.NewRGBA(image.Rect(0, 0, 40, 20))); err != nil {
		t.Fatal(err)
	}
	u, err := s.Take(t.Context(), by, func() ([]byte, error) { return out.Bytes(), nil })
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func in(t *testing.T, s *Service, f func(tx *db.Tx) error) error {
	t.Helper()
	return s.db.InTx(t.Context(), f)
}

func TestAPictureGoesWhenItsTimeIsOverAndItsFileWithIt(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		s, files := shelf(t, d)
		now := d.Now()
		d.SetNow(func() time.Time { return now })
		loose, hung := sends(t, s, w.FengShuangjiang), sends(t, s, w.FengShuangjiang)
		o := Owner{"request", 7}
		if err := in(t, s, func(tx *db.Tx) error { return Attach(t.Context(), tx, w.FengShuangjiang, o, []ID{hung.ID}) }); err != nil {
			t.Fatal(err)
		}
		raw, err := files.Get(t.Context(), hung.File)
		if err != nil || bytes.Contains(raw, []byte("JFIF")) || bytes.HasPrefix(raw, []byte{0xff, 0xd8}) {
			t.Errorf("the file of %d bytes is a picture for whoever has the folder, error %v", len(raw), err)
		}
		now = now.Add(unused - time.Millisecond)
		if some, err := s.Sweep(t.Context()); some || err != nil {
			t.Errorf("before a day is over it deletes some: %v, %v", some, err)
		}
		now = now.Add(time.Millisecond)
		if some, err := s.Sweep(t.Context()); !some || err != nil {
			t.Errorf("after a day it deletes some: %v, %v", some, err)
		}
		if _, err := files.Get(t.Context(), loose.File); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("the file of what hung on nothing: %v, want it gone", err)
		}
		if all, err := Of(t.Context(), d, o); err != nil || len(all) != 1 {
			t.Errorf("on the request hang %d pictures, %v; want 1", len(all), err)
		}
		drop := now.Add(time.Hour)
		for _, at := range []*time.Time{&drop, nil} { // closed, and opened again
			if err := in(t, s, func(tx *db.Tx) error { return DropAt(t.Context(), tx, o, at) }); err != nil {
				t.Fatal(err)
			}
		}
		now = now.Add(2 * time.Hour)
		if some, err := s.Sweep(t.Context()); some || err != nil {
			t.Errorf("of a request that is open again it deletes some: %v, %v", some, err)
		}
		if err := in(t, s, func(tx *db.Tx) error { return DropAt(t.Context(), tx, o, &drop) }); err != nil {
			t.Fatal(err)
		}
		if some, err := s.Sweep(t.Context()); !some || err != nil {
			t.Errorf("when its time is over it deletes some: %v, %v", some, err)
		}
		if _, err := s.get(t.Context(), hung); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("the picture: %v, want it gone", err)
		}
	})
}

func TestOneThingHasNinePicturesOfWhoSentThem(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		s, _ := shelf(t, d)
		o := Owner{"request", 7}
		attach := func(by org.Actor, ids ...ID) error {
			return in(t, s, func(tx *db.Tx) error { return Attach(t.Context(), tx, by, o, ids) })
		}
		var ids []ID
		for range MaxOf + 1 {
			ids = append(ids, sends(t, s, w.FengShuangjiang).ID)
		}
		if err := attach(w.ZhengXiaoxue, ids[0]); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("a picture of somebody else: %v", err)
		}
		if err := attach(w.FengShuangjiang, ids...); !errors.Is(err, ErrTooMany) {
			t.Errorf("ten pictures: %v", err)
		}
		if err := attach(w.FengShuangjiang, ids[:MaxOf]...); err != nil {
			t.Errorf("nine pictures: %v", err)
		}
		if err := attach(w.FengShuangjiang, ids[0]); !errors.Is(err, ErrUsed) {
			t.Errorf("a picture that hangs already: %v", err)
		}
		if _, err := s.RedactOwn(t.Context(), w.FengShuangjiang, ids[0], []Box{{0, 0, 5, 5}}); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("blackening as one's own what hangs on something: %v", err)
		}
	})
}

func TestOfTwoWhoBlackenAtOnceOneIsToldSoAndNoFileIsLeftOver(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		s, files := shelf(t, d)
		u := sends(t, s, w.FengShuangjiang)
		stale := func(q db.Queryer) (Upload, error) {
			now, err := findOwn(t.Context(), q, w.FengShuangjiang.PersonID, u.ID)
			now.Version = u.Version // as it was when both began
			return now, err
		}
		first, err := s.Redact(t.Context(), w.FengShuangjiang, []Box{{0, 0, 5, 5}}, stale)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Redact(t.Context(), w.FengShuangjiang, []Box{{5, 0, 5, 5}}, stale); !errors.Is(err, problem.ErrConflict) {
			t.Errorf("the second one: %v, want a conflict", err)
		}
		left := 0
		for shelf := range blob.Shelves {
			names, err := files.Older(t.Context(), shelf, time.Now().Add(time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			left += len(names)
		}
		if left != 1 || first.File == u.File {
			t.Errorf("%d files are left, want the blackened one alone", left)
		}
	})
}

func TestAFileThatNoRowSpeaksOfIsDeletedOnceItIsOld(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		s, files := shelf(t, d)
		known := sends(t, s, w.FengShuangjiang)
		lost := known.File[:2] + blob.NewName()[2:]
		if err := files.Put(t.Context(), lost, []byte("x")); err != nil {
			t.Fatal(err)
		}
		number := 0
		for i := range blob.Shelves {
			if names, _ := files.Older(t.Context(), i, time.Now().Add(time.Hour)); len(names) > 0 {
				number = i
			}
		}
		for _, c := range []struct {
			age  time.Duration
			want error
		}{{orphaned - time.Minute, nil}, {orphaned + time.Minute, blob.ErrNotFound}} {
			next, err := s.Tidy(t.Context(), number, time.Now().Add(c.age))
			if err != nil || next != (number+1)%blob.Shelves {
				t.Errorf("next is shelf %d, error %v", next, err)
			}
			if _, err := files.Get(t.Context(), lost); !errors.Is(err, c.want) {
				t.Errorf("after %v: %v, want %v", c.age, err, c.want)
			}
		}
		if _, err := s.get(t.Context(), known); err != nil {
			t.Errorf("what a row speaks of: %v", err)
		}
	})
}

func TestD15_ABoxThatBlackensNothingIsRefused(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		s, _ := shelf(t, d)
		u := sends(t, s, w.FengShuangjiang)
		for _, boxes := range [][]Box{{{1000, 1000, 5, 5}}, {{0, 0, 5, 5}, {u.Width, 0, 5, 5}}, {{0, 0, 0, 5}}} {
			if _, err := s.RedactOwn(t.Context(), w.FengShuangjiang, u.ID, boxes); !errors.Is(err, ErrBox) {
				t.Errorf("%v in %d by %d: %v, want %v", boxes, u.Width, u.Height, err, ErrBox)
			}
		}
		if _, err := s.RedactOwn(t.Context(), w.FengShuangjiang, u.ID, []Box{{u.Width - 1, u.Height - 1, 1000, 1000}}); err != nil {
			t.Errorf("a box over the corner: %v", err)
		}
	})
}

func TestU3_ALinkIsForOnePerson(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		s, _ := shelf(t, d)
		link := strings.TrimPrefix(s.Link(w.FengShuangjiang.PersonID, sends(t, s, w.FengShuangjiang)), "/v1/files/")
		for what, c := range map[string]struct {
			by   org.Actor
			want error
		}{"a picture of a mini-program": {}, "whose it is": {by: w.FengShuangjiang}, "somebody else": {w.ZhengXiaoxue, problem.ErrNotFound}} {
			if _, err := s.Show(t.Context(), c.by, link); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", what, err, c.want)
			}
		}
	})
}
