package board_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"wanjia/internal/board"
	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/blob"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/problem"
	"wanjia/internal/privacy"
	"wanjia/internal/upload"
)

// correspondent is one of the subdistrict.
func (x *site) correspondent() org.Actor {
	return orgtest.Grant(x.t, x.d, orgtest.Person(x.t, x.d), org.RoleCorrespondent, "", x.Committee)
}

// shoots is a picture of by's that stands with no story.
func (x *site) shoots(by org.Actor, caption string, shown ...board.Named) board.Media {
	x.t.Helper()
	m, err := x.s.Picture(x.t.Context(), by, x.sent(by), board.Media{Caption: caption, Credit: "通讯员"}, shown)
	if err != nil {
		x.t.Fatal(err)
	}
	return m
}

// left is how many files are kept.
func (x *site) left() (n int) {
	x.t.Helper()
	for shelf := range blob.Shelves {
		names, err := x.files.Older(x.t.Context(), shelf, time.Now().Add(time.Hour))
		if err != nil {
			x.t.Fatal(err)
		}
		n += len(names)
	}
	return n
}

func TestH1OnePictureWithoutConsentAndThereIsNoPack(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		by := x.correspondent()
		x.says(x.YaoMangzhong, privacy.ForMedia, privacy.Given)
		agrees := x.shoots(by, "收麦子", board.Named{Person: x.YaoMangzhong.PersonID})
		waits := x.shoots(by, "修路灯", board.Named{Account: true})
		var refused *problem.Problem
		if _, err := x.s.Build(t.Context(), by, "互助", []board.MediaID{agrees.ID, waits.ID}); !errors.Is(err, board.ErrConsentMissing) ||
			!errors.As(err, &refused) || refused.Fields[0].Pointer != "/mediaIds/1" {
			t.Errorf("with one that nobody agreed to: %v, want it named", err)
		}
		if all, _, err := x.s.Packs(t.Context(), by, "", 0); err != nil || len(all) != 0 || x.left() != 2 {
			t.Errorf("there are %d packs and %d files, %v; want the two pictures alone", len(all), x.left(), err)
		}
		if _, err := x.s.Build(t.Context(), x.correspondent(), "互助", []board.MediaID{agrees.ID}); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("somebody else's picture that is not published: %v", err)
		}
	})
}

func TestH1APackHoldsWhatItsManifestSaysAndIsGoneWithAConsent(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		by := x.correspondent()
		x.says(x.YaoMangzhong, privacy.ForMedia, privacy.Given)
		one, two := x.shoots(by, "收麦子", board.Named{Person: x.YaoMangzhong.PersonID}), x.shoots(by, "修路灯", board.Named{Paper: "同意书-9"})
		build := func() board.Pack {
			t.Helper()
			p, err := x.s.Build(t.Context(), by, "互助", []board.MediaID{one.ID, two.ID})
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		p := build()
		var told int
		if err := d.Get(t.Context(), &told, `SELECT COUNT(*) FROM inbox WHERE kind = 'export.ready' AND person_id = ?`, by.PersonID); err != nil || told != 1 {
			t.Errorf("whoever built it is told %d times, %v", told, err)
		}
		_, file, err := x.s.Fetch(t.Context(), by, p.ID)
		if sum := sha256.Sum256(file); err != nil || !bytes.Equal(sum[:], p.Hash) {
			t.Fatalf("the file: %v, %x; want %x", err, sum, p.Hash)
		}
		z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		read := func(name string) []byte {
			t.Helper()
			f, err := z.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(f)
			if err != nil || f.Close() != nil {
				t.Fatalf("read %s: %v", name, err)
			}
			return data
		}
		manifest := string(read("manifest.json"))
		for i, it := range p.Items {
			sum := sha256.Sum256(read(fmt.Sprintf("%02d.jpg", i+1)))
			if it.Hash != hex.EncodeToString(sum[:]) || !strings.Contains(manifest, it.Hash) || !strings.Contains(manifest, it.Caption) {
				t.Errorf("%+v is not what its file of hash %x says, or not in the manifest %s", it, sum, manifest)
			}
		}
		if words := string(read("图片说明.txt")); len(p.Items) != 2 || !strings.Contains(words, "02.jpg　修路灯　通讯员") {
			t.Errorf("the captions: %s", words)
		}
		if _, _, err := x.s.Fetch(t.Context(), x.correspondent(), p.ID); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("a colleague fetches it: %v", err)
		}

		fetch := func(id board.PackID, want error, state board.State) {
			t.Helper()
			if _, _, err := x.s.Fetch(t.Context(), by, id); !errors.Is(err, want) {
				t.Errorf("fetched: %v, want %v", err, want)
			}
			if p, err := x.s.Pack(t.Context(), by, id); err != nil || p.State != state {
				t.Errorf("the pack is %s, %v; want %s", p.State, err, state)
			}
		}
		if _, err := x.s.Blacken(t.Context(), by, two.ID, []upload.Box{{Width: 5, Height: 5}}); err != nil {
			t.Fatal(err)
		}
		fetch(p.ID, board.ErrPackOutdated, board.PackOutdated)
		p = build()
		x.says(x.YaoMangzhong, privacy.ForMedia, privacy.Withdrawn)
		fetch(p.ID, board.ErrPackOutdated, board.PackOutdated)
		x.says(x.YaoMangzhong, privacy.ForMedia, privacy.Given)
		p = build()
		x.now = x.now.Add(24*time.Hour - time.Millisecond)
		fetch(p.ID, nil, board.PackReady)
		x.now = x.now.Add(time.Millisecond)
		fetch(p.ID, board.ErrPackExpired, board.PackExpired)
		for some := true; some; {
			if some, err = x.uploads.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if n := x.left(); n != 2 {
			t.Errorf("a day later %d files are left, want the two pictures alone", n)
		}
	})
}

func TestH1NewspapersGetNothingThatIsNotShownOrThatNobodyAgreedTo(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		by := x.editor()
		story, picture := x.story([]board.Named{{Paper: "同意书-1"}}, []board.Named{{Paper: "同意书-2"}})
		var p board.Pack
		builds := func(what string, want error, ids ...board.MediaID) {
			t.Helper()
			made, err := x.s.Build(t.Context(), by, "互助", ids)
			if !errors.Is(err, want) {
				t.Fatalf("%s: %v, want %v", what, err, want)
			}
			if err == nil {
				p = made
			}
		}
		fetches := func(what string, want error) {
			t.Helper()
			if _, _, err := x.s.Fetch(t.Context(), by, p.ID); !errors.Is(err, want) {
				t.Errorf("%s: fetched: %v, want %v", what, err, want)
			}
		}
		builds("of a draft", board.ErrConsentMissing, picture.ID)
		if err := x.publishes(story.ID); err != nil {
			t.Fatal(err)
		}
		builds("of what is published", nil, picture.ID)
		fetches("of what is published", nil)

		_, wish, err := x.s.TakeDown(t.Context(), org.Actor{}, board.PageRef{Kind: board.PublicationPage, ID: int64(story.ID)}, "写到了我家")
		if err != nil {
			t.Fatal(err)
		}
		builds("of what somebody wants down", board.ErrConsentMissing, picture.ID)
		fetches("of what somebody wants down", board.ErrPackOutdated)
		if _, err := x.s.Decide(t.Context(), by, wish.ID, board.Declined, "均已同意"); err != nil {
			t.Fatal(err)
		}
		fetches("of what may be shown", nil)
		full, err := x.s.Publication(t.Context(), by, story.ID)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.s.Judge(t.Context(), by, story.ID, board.PublicationHidden, "核实"); err != nil {
			t.Fatal(err)
		}
		builds("of what is hidden", board.ErrConsentMissing, picture.ID)
		fetches("of what is hidden", board.ErrPackOutdated)
		if _, err := x.s.Judge(t.Context(), x.editor(), story.ID, board.PublicationPublished, "无误"); err != nil {
			t.Fatal(err)
		}
		builds("of what is there again", nil, picture.ID)
		if _, err := x.s.WithdrawNamed(t.Context(), by, story.ID, full.Shown[0].ID); err != nil {
			t.Fatal(err)
		}
		builds("of a story that names somebody who said no", board.ErrConsentMissing, picture.ID)

		builds("with no story and nobody", board.ErrConsentMissing, x.shoots(by, "麦田").ID)
		waits := x.shoots(by, "修路灯", board.Named{Account: true})
		if _, err := x.s.ChangeMedia(t.Context(), by, waits, nil); !errors.Is(err, board.ErrDepicted) {
			t.Errorf("whoever has not said yes is left out: %v, want %v", err, board.ErrDepicted)
		}
		builds("with no story and somebody who has not said yes", board.ErrConsentMissing, waits.ID)
	})
}
