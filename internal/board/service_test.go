package board_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"wanjia/configs"
	"wanjia/internal/board"
	"wanjia/internal/checkin"
	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/blob"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/limit"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
	"wanjia/internal/request"
	"wanjia/internal/upload"
)

// A site is a board of 二片区 in 杏坞村, published, with whatever is needed to change what is true.
type site struct {
	*orgtest.World
	t    *testing.T
	d    *db.DB
	keys *sealed.Keys
	s    *board.Service
	id   board.ID
	now  time.Time

	needs   *request.Service
	uploads *upload.Service
	files   *blob.Folder
}

func published(t *testing.T, d *db.DB) *site {
	t.Helper()
	x := &site{t: t, d: d, now: time.Date(2026, 8, 3, 1, 0, 0, 0, time.UTC)}
	dbtest.WithClock(t, d, func() time.Time { return x.now })
	keys, err := sealed.Open(t.Context(), d, bytes.Repeat([]byte{3}, sealed.MasterSize))
	if err != nil {
		t.Fatal(err)
	}
	x.keys, x.World = keys, orgtest.Tree(t, d)
	cal, err := calendar.Parse(configs.Holidays)
	if err != nil {
		t.Fatal(err)
	}
	pages := page.NewKeys([]byte("pages"))
	files, err := blob.OpenFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = files.Close() })
	x.files = files
	x.uploads = upload.NewService(d, keys, files, func(context.Context, limit.Limiter, string, int) limit.Verdict { return limit.Verdict{OK: true} })
	x.needs = request.NewService(d, keys, pages, cal, nil)
	x.s = board.NewService(d, keys, pages, x.needs, cal).Picturing(x.uploads)
	x.in(func(tx *db.Tx) error {
		for person, name := range map[org.PersonID]string{x.YaoMangzhong.PersonID: "姚芒种", x.FengShuangjiang.PersonID: "冯霜降"} {
			b, err := keys.Seal(sealed.Personal, "person", "name_sealed", int64(person), name)
			if err != nil {
				return err
			}
			if _, err := tx.Change(t.Context(), `UPDATE person SET name_sealed = ? WHERE id = ?`, b, person); err != nil {
				return err
			}
		}
		if err := privacy.Agree(t.Context(), tx, x.YaoMangzhong, privacy.ForBoard); err != nil {
			return err
		}
		choice := board.Profile{PersonID: x.YaoMangzhong.PersonID, ShowsName: true, ShowsItems: true, Items: []board.Item{{Text: "代办证明"}}}
		if err := board.SaveProfile(t.Context(), tx, choice); err != nil {
			return err
		}
		at, err := checkin.OpenPlace(t.Context(), tx, x.Xingwu.Unit, checkin.Place{Kind: "board_site", Name: "二片区公示栏"})
		if err != nil {
			return err
		}
		x.id, err = board.Make(t.Context(), tx, x.FengShuangjiang, int64(at.ID), x.Xingwu.Unit.ID, x.Xingwu.Areas[1].Area.ID)
		return err
	})
	if _, err := x.s.Publish(t.Context(), x.FengShuangjiang, x.id); err != nil {
		t.Fatal(err)
	}
	return x
}

func (x *site) in(f func(tx *db.Tx) error) {
	x.t.Helper()
	if err := x.d.InTx(x.t.Context(), f); err != nil {
		x.t.Fatal(err)
	}
}

// latest is the number of the newest version.
func (x *site) latest() int {
	x.t.Helper()
	found, err := x.s.Find(x.t.Context(), x.FengShuangjiang, x.id)
	if err != nil {
		x.t.Fatal(err)
	}
	return found.Latest
}

// withdraws takes the holder's consent back.
func (x *site) withdraws() {
	x.t.Helper()
	consents := privacy.NewConsents(x.d, func(context.Context, *db.Tx, org.Actor, privacy.Consent) error { return nil })
	if err := consents.Say(x.t.Context(), x.YaoMangzhong, privacy.ForBoard, 0, privacy.Withdrawn); err != nil {
		x.t.Fatal(err)
	}
}

// reads is a page of the board.
func (x *site) reads(path string) string {
	x.t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(x.t.Context(), http.MethodGet, fmt.Sprintf("/b/%d%s", x.id, path), http.NoBody)
	if err := board.NewPages(x.s, "https://wanjia.example/").Serve(w, r); err != nil {
		x.t.Fatalf("%s: %v", path, err)
	}
	return w.Body.String()
}

func TestF2ManyNodesAtOnceMakeOneNewVersion(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		if some, err := x.s.Renew(t.Context()); err != nil || some || x.latest() != 1 {
			t.Fatalf("what is true is renewed: %v, %v, version %d", some, err, x.latest())
		}
		x.withdraws()
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				if _, err := x.s.Renew(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if n := x.latest(); n != 2 {
			t.Errorf("the newest version is %d, want 2", n)
		}
	})
}

func TestE4AWithdrawnConsentIsOffEveryPageAtOnceAndNeedsNoNewVersionForThat(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		all := []string{"", "/1", "/a3", "/a4", "/aloud"}
		for _, path := range all {
			if !strings.Contains(x.reads(path), "姚芒种") {
				t.Errorf("%q does not name the holder", path)
			}
		}
		x.withdraws()
		for _, path := range all {
			if strings.Contains(x.reads(path), "姚芒种") {
				t.Errorf("%q names the holder, who has withdrawn the consent", path)
			}
		}
		if page := x.reads("/1"); !strings.Contains(page, "牌子已更新") {
			t.Errorf("before the new version is made, the old one counts as current: %s", page)
		}
	})
}

func TestE4ASecretaryIsNamedWithThatPostAndNotAsTheHolderOfAnArea(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		branch := orgtest.Unit(t, d, org.Branch, "退休第二支部", x.Ruihe.Party)
		orgtest.Grant(t, d, x.YaoMangzhong.PersonID, org.RoleBranchSecretary, "", branch)
		x.withdraws()
		if page := x.reads(""); strings.Contains(page, "姚芒种") {
			t.Errorf("the holder, who leads a branch elsewhere and agreed to nothing, is named: %s", page)
		}
		if page := x.reads(""); !strings.Contains(page, "冯霜降") {
			t.Errorf("the secretary of the place is not named: %s", page)
		}
	})
}

func TestAKeyThatChangesMakesNoNewVersion(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		for _, f := range []func(context.Context, string) error{x.keys.Add, x.keys.Promote} {
			if err := f(t.Context(), "other"); err != nil {
				t.Fatal(err)
			}
		}
		if some, err := x.s.Renew(t.Context()); err != nil || some {
			t.Errorf("renewed: %v, %v", some, err)
		}
	})
}

func TestF4WhoStandsInIsNamedOnThePageAndGetsTheMessage(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		absences := org.NewAbsences(d,
			func(context.Context, *db.Tx, org.Actor, org.RoleEvent, org.Assignment) error { return nil },
			func(context.Context, *db.Tx, org.Actor, org.AbsenceEvent, org.Absence, []org.Incumbent) error {
				return nil
			})
		_, err := absences.Announce(t.Context(), x.YaoMangzhong, org.NewAbsence{StandInAs: x.XingwuMember.Assignment, From: "2026-08-03", To: "2026-08-06"})
		if err != nil {
			t.Fatal(err)
		}
		if page := x.reads(""); !strings.Contains(page, "这几天由其代办") {
			t.Errorf("nobody stands in: %s", page)
		}
		if paper := x.reads("/a4"); strings.Contains(paper, "代办人") || strings.Count(paper, `class="name"`) != 2 {
			t.Errorf("whoever stands in for three days is printed: %s", paper)
		}
		if some, err := x.s.Renew(t.Context()); err != nil || some {
			t.Errorf("an absence makes a new version: %v, %v", some, err)
		}
		if _, err := x.s.Relay(t.Context(), x.id, board.Message{Text: "路灯不亮", Phone: "19900000001"}); err != nil {
			t.Fatal(err)
		}
		var told []org.PersonID
		if err := d.Select(t.Context(), &told, `SELECT person_id FROM inbox WHERE kind = 'request.assigned' ORDER BY person_id`); err != nil {
			t.Fatal(err)
		}
		found := false
		for _, p := range told {
			found = found || p == x.XingwuMember.PersonID
		}
		if !found {
			t.Errorf("told of the message are %v, want whoever stands in, %d", told, x.XingwuMember.PersonID)
		}
	})
}
