package request_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"testing"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/blob"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/limit"
	"wanjia/internal/platform/problem"
	"wanjia/internal/request"
	"wanjia/internal/upload"
)

// album is where pictures are kept, and hung on requests.
func (x *fixture) album(t *testing.T, d *db.DB) (*upload.Service, *request.Photos) {
	t.Helper()
	files, err := blob.OpenFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = files.Close() })
	uploads := upload.NewService(d, x.keys, files, func(context.Context, limit.Limiter, string, int) limit.Verdict { return limit.Verdict{OK: true} })
	return uploads, request.NewPhotos(d, uploads)
}

// hangs makes by hang a picture on a request, and see that one alone.
func hangs(t *testing.T, uploads *upload.Service, photos *request.Photos, by org.Actor, id request.ID) upload.ID {
	t.Helper()
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewRGBA(image.Rect(0, 0, 40, 20))); err != nil {
		t.Fatal(err)
	}
	u, err := uploads.Take(t.Context(), by, func() ([]byte, error) { return picture.Bytes(), nil })
	if err != nil {
		t.Fatal(err)
	}
	if all, err := photos.Add(t.Context(), by, id, []upload.ID{u.ID}); err != nil || len(all) != 1 {
		t.Fatalf("%d pictures (%v), want the own one alone", len(all), err)
	}
	return u.ID
}

func TestAnAskerSeesAndBlackensTheirOwnPicturesOnly(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx := t.Context()
		uploads, photos := x.album(t, d)
		site := x.entrance(t, d)
		r := x.tells(t, site, request.Need{What: "水管爆裂", Category: "pipe_burst", Person: x.LinXiaoman.PersonID})
		neighbour := org.Actor{PersonID: orgtest.Person(t, d)}
		if _, err := x.joins(t, site, neighbour, request.Need{Category: "pipe_burst", Person: neighbour.PersonID}); err != nil {
			t.Fatal(err)
		}
		theirs, own := hangs(t, uploads, photos, org.Actor{PersonID: x.LinXiaoman.PersonID}, r.ID), hangs(t, uploads, photos, neighbour, r.ID)
		if all, err := photos.List(ctx, neighbour, r.ID); err != nil || len(all) != 1 || all[0].ID != own {
			t.Errorf("who joined sees %+v (%v), want their own", all, err)
		}
		if all, err := photos.List(ctx, x.ZhouChunhe, r.ID); err != nil || len(all) != 2 {
			t.Errorf("the holder sees %d (%v), want both", len(all), err)
		}
		boxes := []upload.Box{{Width: 10, Height: 10}}
		if _, err := photos.Redact(ctx, neighbour, r.ID, theirs, boxes); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("who joined blackens another's picture: %v", err)
		}
		if err := photos.Remove(ctx, neighbour, r.ID, theirs); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("who joined takes another's picture back: %v", err)
		}
		for by, id := range map[upload.ID]org.Actor{own: neighbour, theirs: x.ZhouChunhe} {
			if _, err := photos.Redact(ctx, id, r.ID, by, boxes); err != nil {
				t.Errorf("person %d blackens picture %d: %v", id.PersonID, by, err)
			}
		}
	})
}

// X45, K13: the pictures of what was merged stay as long as what it goes on as is open, and as long after its end as others;
// when it goes on by itself again they stay for as long as it is open.
func TestX45_PicturesStayAsLongAsTheirNeedGoesOn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		uploads, photos := x.album(t, d)
		into, r, first := x.create(t, x.ZhouChunhe, needOfLin).ID, x.create(t, x.ZhouChunhe, needOfLin).ID, x.create(t, x.ZhouChunhe, needOfLin).ID
		u, of := hangs(t, uploads, photos, x.ZhouChunhe, r), hangs(t, uploads, photos, x.ZhouChunhe, first)
		stay := func(when string, want bool) {
			t.Helper()
			for _, id := range []upload.ID{u, of} {
				var at *time.Time
				if err := d.Get(t.Context(), &at, `SELECT drop_at FROM upload WHERE id = ?`, id); err != nil {
					t.Fatal(err)
				}
				if end := monday.Add(180 * 24 * time.Hour); want && at != nil || !want && (at == nil || !at.Equal(end)) {
					t.Errorf("%s the pictures go at %v; should they stay: %v", when, at, want)
				}
			}
		}
		for _, ids := range [][2]request.ID{{r, first}, {into, r}} {
			if _, err := x.service.Merge(t.Context(), x.ZhouChunhe, ids[0], []request.ID{ids[1]}); err != nil {
				t.Fatal(err)
			}
		}
		stay("merged", true)
		closes := func() {
			t.Helper()
			moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, into, request.Closing{Kind: request.Resolved, Text: "已修好"}))
		}
		closes()
		stay("closed with what it went on as", false)
		moved(t)(x.service.Reopen(t.Context(), x.XuBailu, into, "没有修好"))
		stay("opened again", true)
		closes()
		moved(t)(x.service.Unmerge(t.Context(), x.ZhouChunhe, r))
		stay("by itself again", true)
	})
}

// X45: pictures of which it was said, before they were kept as long as their need goes on, when they go stay all the same; of
// a need that has ended they go.
func TestX45_PicturesThatWereToGoEarlyStay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		uploads, photos := x.album(t, d)
		into, r, first, ended := x.create(t, x.ZhouChunhe, needOfLin).ID, x.create(t, x.ZhouChunhe, needOfLin).ID,
			x.create(t, x.ZhouChunhe, needOfLin).ID, x.create(t, x.ZhouChunhe, needOfLin).ID
		joined := x.create(t, x.ZhouChunhe, needOfLin).ID
		stay := []upload.ID{hangs(t, uploads, photos, x.ZhouChunhe, r), hangs(t, uploads, photos, x.ZhouChunhe, first)}
		goes := []upload.ID{hangs(t, uploads, photos, x.ZhouChunhe, ended), hangs(t, uploads, photos, x.ZhouChunhe, joined)}
		for _, ids := range [][2]request.ID{{r, first}, {into, r}, {ended, joined}} {
			if _, err := x.service.Merge(t.Context(), x.ZhouChunhe, ids[0], []request.ID{ids[1]}); err != nil {
				t.Fatal(err)
			}
		}
		moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, ended, request.Closing{Kind: request.Resolved, Text: "已修好"}))
		end := monday.Add(180 * 24 * time.Hour)
		if err := d.InTx(t.Context(), func(tx *db.Tx) error { // as merging did before
			for _, id := range []request.ID{first, r} {
				if err := upload.DropAt(t.Context(), tx, upload.Owner{Type: "request", ID: int64(id)}, &end); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		looks := func(day int, want bool) {
			t.Helper()
			at(d, day*24*60)
			if some, err := x.service.KeepPhotos(t.Context()); err != nil || some != want {
				t.Errorf("on day %d there were some: %v (%v), want %v", day, some, err, want)
			}
		}
		looks(149, false)
		looks(150, true)
		looks(180, false)
		for some := true; some; {
			var err error
			if some, err = uploads.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for id, want := range map[upload.ID]int{stay[0]: 1, stay[1]: 1, goes[0]: 0, goes[1]: 0} {
			var n int
			if err := d.Get(t.Context(), &n, `SELECT COUNT(*) FROM upload WHERE id = ?`, id); err != nil || n != want {
				t.Errorf("picture %d is there %d times (%v), want %d", id, n, err, want)
			}
		}
	})
}
