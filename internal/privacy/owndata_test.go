package privacy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"wanjia/configs"
	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
)

// owners opens what people can ask of their own data, on Monday 2026-03-02. A receipt's secret is the number of its asker.
func owners(t *testing.T, d *db.DB) (*privacy.OwnDatas, *orgtest.World) {
	t.Helper()
	w := orgtest.Tree(t, d)
	dbtest.WithClock(t, d, func() time.Time { return time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC) })
	if _, err := audit.Open(t.Context(), d, bytes.Repeat([]byte{7}, 32)); err != nil {
		t.Fatal(err)
	}
	keys, err := sealed.Open(t.Context(), d, bytes.Repeat([]byte{8}, 32))
	if err != nil {
		t.Fatal(err)
	}
	cal, err := calendar.Parse(configs.Holidays)
	if err != nil {
		t.Fatal(err)
	}
	return privacy.NewOwnDatas(d, keys, page.NewKeys([]byte("secret")), cal, nil, privacy.OwnDataHooks{
		Prove: func(_ context.Context, _, secret string) (asker int64, err error) {
			_, err = fmt.Sscan(secret, &asker)
			return asker, err
		},
		Pack: func(_ context.Context, s privacy.Subject) ([]privacy.Section, error) {
			return []privacy.Section{{Title: fmt.Sprint("pack of ", s.Asker)}}, nil
		},
		Ready: func(context.Context, *db.Tx, org.Actor, privacy.OwnData) error { return nil },
	}), w
}

// X46: whoever asked in the app reads what was answered, or why it was refused; nobody else does.
func TestX46_WhoAskedReadsTheAnswer(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, w := owners(t, d)
		ask := func(kind string) privacy.OwnDataID {
			t.Helper()
			o, err := s.Ask(t.Context(), w.LinXiaoman, privacy.Wish{Kind: kind, Text: "称呼应为林老师"})
			if err != nil {
				t.Fatal(err)
			}
			return o.ID
		}
		if err := s.Answer(t.Context(), w.LuoQingming, ask(privacy.WantsDeletion), false, "诉求未办结，仍需回电"); err != nil {
			t.Fatal(err)
		}
		if err := s.Answer(t.Context(), w.LuoQingming, ask(privacy.WantsCorrection), true, "已按要求更正"); err != nil {
			t.Fatal(err)
		}
		ask(privacy.WantsCorrection)
		var got []string
		for cursor := ""; ; {
			all, next, err := s.Mine(t.Context(), w.LinXiaoman, cursor, 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range all {
				got = append(got, o.Kind+" "+o.State+" "+o.Answer)
			}
			if cursor = next; next == "" {
				break
			}
		}
		want := "[correction verified  correction answered 已按要求更正 deletion refused 诉求未办结，仍需回电]"
		if fmt.Sprint(got) != want {
			t.Errorf("she reads %v, want %s", got, want)
		}
		if all, _, err := s.Mine(t.Context(), w.ZhouChunhe, "", 10); err != nil || len(all) != 0 {
			t.Errorf("somebody else reads %d of them (%v), want none", len(all), err)
		}
		office, _, err := s.List(t.Context(), w.LuoQingming, "", 10)
		if err != nil || len(office) != 3 || office[2].Answer != "诉求未办结，仍需回电" {
			t.Errorf("the office reads %+v (%v), want what it answered", office, err)
		}
	})
}

// X46: whoever asked on paper gets the answer on paper, with the pack only if that was asked for.
func TestX46_TheAnswerIsPrintedForWhoShowsTheReceipt(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, w := owners(t, d)
		printed := func(secret string) string {
			t.Helper()
			sections, err := s.Print(t.Context(), w.ChenGuyu, "code", secret)
			if err != nil {
				t.Fatal(err)
			}
			return fmt.Sprint(sections)
		}
		o, err := s.Record(t.Context(), w.LuoQingming, privacy.Wish{Kind: privacy.WantsCorrection, Text: "称呼应为林老师"}, "code", "31")
		if err != nil {
			t.Fatal(err)
		}
		if got, want := printed("31"), "[{您的申请 [{2026-03-02 更正 办理中，答复期限 2026-03-23：称呼应为林老师}]}]"; got != want {
			t.Errorf("before the answer the paper says %s, want %s", got, want)
		}
		if err := s.Answer(t.Context(), w.LuoQingming, o.ID, false, "与登记的证件不符"); err != nil {
			t.Fatal(err)
		}
		if got := printed("31"); !strings.Contains(got, "未予办理：称呼应为林老师：与登记的证件不符") || strings.Contains(got, "pack") {
			t.Errorf("after the refusal it says %s, want the reason and no pack", got)
		}
		if _, err := s.Record(t.Context(), w.LuoQingming, privacy.Wish{Kind: privacy.WantsAccess}, "code", "31"); err != nil {
			t.Fatal(err)
		}
		if got := printed("31"); !strings.Contains(got, "查询本人信息 已办理") || !strings.Contains(got, "pack of 31") || !strings.Contains(got, "与登记的证件不符") {
			t.Errorf("it says %s, want the pack as well", got)
		}
		if _, err := s.Print(t.Context(), w.ChenGuyu, "code", "32"); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("printed for who asked nothing: %v, want not found", err)
		}
		var rows int
		if err := d.Get(t.Context(), &rows, `SELECT COUNT(*) FROM audit WHERE action = 'own_data.printed'`); err != nil || rows != 3 {
			t.Errorf("%d printings are noted (%v), want 3", rows, err)
		}
	})
}
