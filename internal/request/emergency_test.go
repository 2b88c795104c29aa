package request_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/privacy"
	"wanjia/internal/request"
)

// concerned are who leads or holds something in the subdistrict, but one of them.
func (x *fixture) concerned(but org.Actor) []org.Actor {
	all := []org.Actor{
		x.ZhouChunhe, x.WangQiufen, x.SunLixia, x.ChenGuyu, x.XuBailu, x.HeQingqing, x.ZhenxiSecretary, x.ZhenxiHolder, x.FengShuangjiang,
		x.YiPian, x.YaoMangzhong, x.ZhengXiaoxue, x.ZhangHolder, x.FactorySecr, x.SectionHead, x.LuoQingming, x.OfficeTwo, x.GaoXiaohan,
	}
	return slices.DeleteFunc(all, func(a org.Actor) bool { return a.PersonID == but.PersonID })
}

// begun is an emergency of the subdistrict that two of the office have begun.
func (x *fixture) begun(t *testing.T, plan request.Plan, on calendar.Day) request.Emergency {
	t.Helper()
	e, err := x.service.StartEmergency(t.Context(), x.LuoQingming, request.Emergency{Title: "防汛应急", Reason: "指挥部通知", SunsetOn: on, Plan: plan})
	if err != nil {
		t.Fatal(err)
	}
	if e, err = x.service.ConfirmEmergency(t.Context(), x.OfficeTwo, e.ID); err != nil {
		t.Fatal(err)
	}
	return e
}

// night is the retention of emergencies in the night that begins with a moment.
func night(t *testing.T, d *db.DB, midnight time.Time) {
	t.Helper()
	clean(t, d, midnight, request.RetainedEmergency)
}

// clean is the retention of some classes in the night that begins with a moment.
func clean(t *testing.T, d *db.DB, midnight time.Time, classes []privacy.Class) {
	t.Helper()
	keep := privacy.NewRetention(d, page.NewKeys(make([]byte, 32)), filepath.Join(t.TempDir(), "erased.jsonl"), classes...)
	d.SetNow(func() time.Time { return midnight.Add(2*time.Hour + 30*time.Minute) })
	for some := true; some; {
		var err error
		if some, err = keep.Night(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// turns lets emergencies end and be wound up.
func (x *fixture) turns(t *testing.T) {
	t.Helper()
	for {
		some, err := x.service.TurnEmergencies(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !some {
			return
		}
	}
}

func TestC24_AnEmergencyNeedsTwoOfTheOfficeAndADayWithinNinety(t *testing.T) {
	t.Parallel()
	working(t, func(t *testing.T, _ *db.DB, x *fixture) {
		plan := request.Plan{Always: []request.Code{"cert_travel"}}
		for day, want := range map[calendar.Day]string{"2026-03-02": "emergency.sunset_invalid", "2026-06-01": "emergency.sunset_invalid", "2026-05-31": ""} {
			if _, err := x.service.StartEmergency(t.Context(), x.LuoQingming, request.Emergency{Title: "防汛应急", Reason: "通知", SunsetOn: day, Plan: plan}); code(err) != want {
				t.Errorf("until %s: %v, want %q", day, err, want)
			}
		}
		for name, plan := range map[string]request.Plan{
			"nothing":          {},
			"unknown":          {Always: []request.Code{"petition"}},
			"of another type":  {Open: []request.TemporaryCategory{{Code: "flood", Then: "general", Category: request.Category{Code: "flood", Type: request.Report}}}},
			"a standing one":   {Open: []request.TemporaryCategory{{Code: "advice", Then: "advice", Category: request.Category{Code: "advice", Type: request.Advice}}}},
			"another's place":  {Hours: []request.OpenHours{{Unit: 999999, Text: "8:00–20:00"}}},
			"a card of no use": {Cards: []request.CardText{{Category: "general", Title: "安置点"}}},
		} {
			_, err := x.service.StartEmergency(t.Context(), x.LuoQingming, request.Emergency{Title: "防汛应急", Reason: "通知", SunsetOn: "2026-03-09", Plan: plan})
			if got := code(err); got != "emergency.invalid" && got != "card.incomplete" && got != "common.not_found" {
				t.Errorf("%s: %v", name, err)
			}
		}
		e, err := x.service.StartEmergency(t.Context(), x.LuoQingming, request.Emergency{Title: "防汛应急", Reason: "通知", SunsetOn: "2026-03-09", Plan: plan})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.service.ConfirmEmergency(t.Context(), x.LuoQingming, e.ID); code(err) != "auth.second_person" {
			t.Errorf("the same person twice: %v", err)
		}
		if e, err = x.service.ConfirmEmergency(t.Context(), x.OfficeTwo, e.ID); err != nil || e.State != request.EmergencyActive {
			t.Fatalf("it is %s (%v), want on", e.State, err)
		}
		if _, err := x.service.ConfirmEmergency(t.Context(), x.OfficeTwo, e.ID); code(err) != "emergency.illegal_transition" {
			t.Errorf("once more: %v", err)
		}
		if _, err := x.service.RenewEmergency(t.Context(), x.LuoQingming, e.ID, e.Version, "2026-06-01", "未解除"); code(err) != "emergency.sunset_invalid" {
			t.Errorf("for 91 days: %v", err)
		}
		if e, err = x.service.RenewEmergency(t.Context(), x.LuoQingming, e.ID, e.Version, "2026-05-31", "未解除"); err != nil || e.SunsetOn != "2026-05-31" {
			t.Errorf("renewed until %s (%v)", e.SunsetOn, err)
		}
	})
}

func TestK16_ThirtyOfSixtyUsedLeaveThirtyAtTheBeginningAndAtTheEnd(t *testing.T) {
	t.Parallel()
	working(t, func(t *testing.T, d *db.DB, x *fixture) {
		at(d, 7*60) // 17:00: thirty minutes before the day's end
		r := x.create(t, x.ZhouChunhe, request.Need{What: "返岗需要跨市通行证明", Category: "cert_travel"})
		other := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"})
		before := x.dues(t, other.ID)
		want(t, "in working hours", x.dues(t, r.ID), "03-02 17:30, 03-03 09:00, 03-03 09:00")
		at(d, 10*60) // 20:00
		e := x.begun(t, request.Plan{Always: []request.Code{"cert_travel"}}, "2026-03-04")
		x.follows(t)
		want(t, "half used, at its beginning", x.dues(t, r.ID), "03-02 17:30, 03-02 20:30, 03-02 20:30")
		want(t, "of another category", x.dues(t, other.ID), before)
		fresh := x.create(t, x.ZhouChunhe, request.Need{What: "返岗需要跨市通行证明", Category: "cert_travel"})
		want(t, "opened meanwhile", x.dues(t, fresh.ID), "03-02 20:30, 03-02 21:00, 03-02 21:00")
		at(d, 10*60+30)
		x.ticks(t)
		want(t, "missed in time", len(x.misses(t, x.ZhouChunhe, r.ID)), 3)
		if _, err := x.service.EndEmergency(t.Context(), x.LuoQingming, e.ID, e.Version, "汛情解除"); err != nil {
			t.Fatal(err)
		}
		x.follows(t)
		want(t, "half used, at its end", x.dues(t, fresh.ID), "03-02 20:30, 03-03 09:00, 03-03 09:00")
		want(t, "its lines", strings.Join(x.lines(t, fresh.ID), " "), "emergency_changed")
		want(t, "what was due meanwhile stays", x.dues(t, r.ID), "03-02 17:30, 03-02 20:30, 03-02 20:30")
		at(d, 22*60+30) // 08:30
		m := moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, fresh.ID, request.Closing{Kind: request.Resolved, Text: "已开具"}))
		want(t, "minutes of the emergency alone", *m.FirstMinutes, 30)
	})
}

func TestC24_AnEmergencyEndsOnItsDayAndWhatWasTemporaryIsGoneInTheNight(t *testing.T) {
	t.Parallel()
	working(t, func(t *testing.T, d *db.DB, x *fixture) {
		shelter := request.Category{
			Code: "shelter", Type: request.Help, Label: request.Tongue{ZH: "临时安置", EN: "Shelter"}, Always: true, StartLevel: 1,
			Targets: request.Targets{Accept: 15, Update: 60, Solve: 120},
		}
		e := x.begun(t, request.Plan{
			Open:  []request.TemporaryCategory{{Code: "shelter", Then: "general", Category: shelter}},
			Hours: []request.OpenHours{{Unit: x.Ruihe.Unit.ID, Text: "每天 7:00–22:00"}},
			Cards: []request.CardText{{Category: "shelter", Title: "安置点", ForWhom: "受灾居民", Materials: "身份证明", Counter: "一楼大厅", Source: "指挥部通知"}},
		}, "2026-03-04")
		told(t, d, "emergency.started", x.concerned(x.OfficeTwo)...)
		need := request.Need{What: "家中进水，需要住处", Category: "shelter", Who: "林女士", CallBack: request.CallPhone, Phone: "19900000001"}
		done, open := x.create(t, x.ZhouChunhe, need), x.create(t, x.ZhouChunhe, need)
		uploads, photos := x.album(t, d)
		hangs(t, uploads, photos, x.ZhouChunhe, done.ID)
		if _, err := x.service.MakePromise(t.Context(), x.ZhouChunhe, done.ID, request.NewPromise{DueOn: "2026-03-04", Text: "送被褥到101"}); err != nil {
			t.Fatal(err)
		}
		x.helper(t, d, x.Ruihe.Party, "帮手甲", "carry")
		c := calling("carry")
		c.Note = "到101搬被褥"
		called, err := x.service.StartMuster(t.Context(), x.ZhouChunhe, done.ID, c)
		if err != nil {
			t.Fatal(err)
		}
		moved(t)(x.service.Message(t.Context(), x.ZhouChunhe, done.ID, "安置点已开放", request.ToTell))
		x.toCall(t, x.ZhouChunhe)
		moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, done.ID, request.Closing{Kind: request.Resolved, Text: "已安置", Told: request.InPerson}))
		if text, err := request.OpeningHours(t.Context(), d, x.Ruihe.Unit.ID); err != nil || text != "每天 7:00–22:00" {
			t.Errorf("open %q (%v)", text, err)
		}
		cards := func() (n int) {
			if err := d.Get(t.Context(), &n, `SELECT COUNT(*) FROM card WHERE category = 'shelter' AND state = 'active' AND valid_to >= ?`, calendar.DayOf(d.Now())); err != nil {
				t.Fatal(err)
			}
			return n
		}
		want(t, "cards that are offered", cards(), 1)

		sunset := calendar.Day("2026-03-04").Time()
		d.SetNow(func() time.Time { return sunset.Add(-time.Millisecond) })
		x.turns(t)
		want(t, "before its day", len(inboxes(t, d, "emergency.ended")), 0)
		d.SetNow(func() time.Time { return sunset })
		for range 2 {
			x.turns(t)
		}
		told(t, d, "emergency.ended", x.concerned(org.Actor{})...)
		want(t, "cards that are offered after it", cards(), 0)
		if _, err := x.service.Create(t.Context(), x.ZhouChunhe, request.Telling{Need: need, Channel: request.ToldMember}); code(err) != "request.category_invalid" {
			t.Errorf("after it: %v", err)
		}
		r, err := x.service.Read(t.Context(), x.ZhouChunhe, open.ID)
		if err != nil || r.Category != "general" || r.What != need.What || r.Askers[0].Phone.Reveal() != need.Phone || r.History[len(r.History)-1].Move != "category_changed" {
			t.Errorf("what was open is %+v (%v), want all of it in the general category", r, err)
		}

		if _, err := x.service.SetCategory(t.Context(), x.XuBailu, request.CategoryChange{Category: shelter, Reason: "继续安置"}); code(err) != "rule.invalid" {
			t.Errorf("opened again by itself: %v", err)
		}

		night(t, d, sunset)
		x.turns(t)
		if got := inboxes(t, d, "emergency.purged"); len(got) != 0 {
			t.Errorf("%v are told that nothing is left while a picture is", got)
		}
		for some := true; some; {
			if some, err = uploads.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if all, err := photos.List(t.Context(), x.ZhouChunhe, done.ID); err != nil || len(all) != 0 {
			t.Errorf("%d pictures are left (%v)", len(all), err)
		}
		if rows, _, err := x.service.Calls(t.Context(), x.ZhouChunhe, "", 10); err != nil || len(rows) != 0 {
			t.Errorf("%d are to be called (%v), whose number nobody knows", len(rows), err)
		}
		x.turns(t)
		if r, err = x.service.Read(t.Context(), x.ZhouChunhe, done.ID); err != nil || r.What != "" || r.Askers[0].Phone.Reveal() != "" || r.Askers[0].Who.Masked() != "" {
			t.Errorf("of what was closed there is %+v (%v), want nothing personal", r, err)
		}
		if m, err := x.service.Muster(t.Context(), x.ZhouChunhe, called.ID); err != nil || m.Note != "" {
			t.Errorf("helpers were told %q (%v), want the words gone", m.Note, err)
		}
		if len(r.Promises) != 1 || r.Promises[0].Text != "" {
			t.Errorf("promised is %+v, want the words gone", r.Promises)
		}
		if r, err = x.service.Read(t.Context(), x.ZhouChunhe, open.ID); err != nil || r.What != need.What {
			t.Errorf("what is open is %q (%v), want it whole", r.What, err)
		}
		var proofs int
		if err := d.Get(t.Context(), &proofs, `SELECT COUNT(*) FROM retention_run WHERE class IN ('emergency_contact', 'emergency_text', 'emergency_note', 'emergency_promise', 'emergency_muster') AND erased > 0 AND ended_at IS NOT NULL`); err != nil || proofs != 5 {
			t.Errorf("%d proofs (%v), want of contacts, texts, notes, promises and musters", proofs, err)
		}
		told(t, d, "emergency.purged", x.concerned(org.Actor{})...)
		all, err := x.service.Emergencies(t.Context(), x.LuoQingming)
		if err != nil || len(all) != 1 || all[0].ID != e.ID || all[0].State != request.EmergencyPurged {
			t.Errorf("it is %v (%v), want purged", all, err)
		}
	})
}

// C24, K1: what was told while an emergency lasted and comes here after its end is a need of the standing category, as is what
// was open by then; nobody tells anything for it any more.
func TestC24_WhatWasToldInAnEmergencyAndSentAfterItGoesOnAsWhatWasOpen(t *testing.T) {
	t.Parallel()
	working(t, func(t *testing.T, d *db.DB, x *fixture) {
		x.begun(t, request.Plan{Open: []request.TemporaryCategory{{Code: "shelter", Then: "general", Category: request.Category{
			Code: "shelter", Type: request.Help, Label: request.Tongue{ZH: "临时安置", EN: "Shelter"}, Always: true, StartLevel: 1,
			Targets: request.Targets{Accept: 15, Update: 60, Solve: 120},
		}}}}, "2026-03-04")
		sunset := calendar.Day("2026-03-04").Time()
		d.SetNow(func() time.Time { return sunset })
		x.turns(t)
		d.SetNow(func() time.Time { return sunset.Add(time.Hour) })
		for i, c := range []struct {
			what string
			told time.Duration // after its end
			want string
		}{
			{"told in it", -2 * time.Hour, ""},
			{"told before it", -100 * time.Hour, "request.category_invalid"},
			{"told after it", 30 * time.Minute, "request.category_invalid"},
		} {
			told := sunset.Add(c.told)
			r, err := x.service.Create(t.Context(), x.ZhouChunhe, request.Telling{
				Need:    request.Need{What: "家中进水，需要住处", Category: "shelter", Who: "林女士"},
				Channel: request.ToldMember, HappenedAt: &told, ClientRef: fmt.Sprintf("%d1111111-4f6e-4a0e-8f57-90a4f9b0c1d2", i),
			})
			if code(err) != c.want {
				t.Errorf("%s: %v, want %q", c.what, err, c.want)
			}
			if err == nil && r.Category != "general" {
				t.Errorf("%s: it is of %s, want of general", c.what, r.Category)
			}
		}
	})
}

// C24: a need that cannot be handed on, since its row cannot be read, keeps no other from going on, is said, and keeps the
// emergency from being called over; once it is mended the rest follows.
func TestC24_ANeedThatCannotBeHandedOnKeepsNoOtherFromIt(t *testing.T) {
	t.Parallel()
	working(t, func(t *testing.T, d *db.DB, x *fixture) {
		shelter := request.Category{
			Code: "shelter", Type: request.Help, Label: request.Tongue{ZH: "临时安置", EN: "Shelter"}, Always: true, StartLevel: 1,
			Targets: request.Targets{Accept: 15, Update: 60, Solve: 120},
		}
		x.begun(t, request.Plan{Open: []request.TemporaryCategory{{Code: "shelter", Then: "general", Category: shelter}}}, "2026-03-04")
		var needs []request.Seen
		for range 3 {
			needs = append(needs, x.create(t, x.ZhouChunhe, request.Need{What: "需要住处", Category: "shelter"}))
		}
		damage, mend := `UPDATE request SET clock_untrusted = 7 WHERE id = ?`, `UPDATE request SET clock_untrusted = 0 WHERE id = ?`
		if d.Embedded() { // where seven is yes
			damage, mend = `UPDATE request SET level = 'x' WHERE id = ?`, `UPDATE request SET level = 1 WHERE id = ?`
		}
		set := func(query string) {
			t.Helper()
			if err := d.InTx(t.Context(), func(tx *db.Tx) error { _, err := tx.Change(t.Context(), query, needs[0].ID); return err }); err != nil {
				t.Fatal(err)
			}
		}
		left := func() (codes []string) {
			t.Helper()
			if err := d.Select(t.Context(), &codes, `SELECT category FROM request ORDER BY id`); err != nil {
				t.Fatal(err)
			}
			return codes
		}
		set(damage)
		sunset := calendar.Day("2026-03-04").Time()
		d.SetNow(func() time.Time { return sunset })
		for range 3 {
			if some, err := x.service.TurnEmergencies(t.Context()); !some || err == nil {
				t.Errorf("some %v, error %v; want that something is left, and what fails", some, err)
			}
		}
		if got, want := left(), []string{"shelter", "general", "general"}; !slices.Equal(got, want) {
			t.Errorf("they are in %v, want %v", got, want)
		}
		if got := inboxes(t, d, "emergency.purged"); len(got) != 0 {
			t.Errorf("%v are told that nothing is left", got)
		}
		set(mend)
		x.turns(t)
		if got, want := left(), []string{"general", "general", "general"}; !slices.Equal(got, want) {
			t.Errorf("mended they are in %v, want %v", got, want)
		}
		if got := inboxes(t, d, "emergency.purged"); len(got) == 0 {
			t.Error("nobody is told that it is over")
		}
	})
}

func TestC24_WhatWasMergedIntoAnOpenNeedIsKept(t *testing.T) {
	t.Parallel()
	working(t, func(t *testing.T, d *db.DB, x *fixture) {
		x.begun(t, request.Plan{Open: []request.TemporaryCategory{{Code: "shelter", Then: "general", Category: request.Category{
			Code: "shelter", Type: request.Help, Label: request.Tongue{ZH: "临时安置", EN: "Shelter"}, Always: true, StartLevel: 1,
			Targets: request.Targets{Accept: 15, Update: 60, Solve: 120},
		}}}}, "2026-03-04")
		at(d, 28*60) // 3 March, 14:00
		need := request.Need{What: "家中进水，需要住处", Category: "shelter", Person: x.LinXiaoman.PersonID}
		a := x.create(t, x.ZhouChunhe, need)
		b := x.create(t, x.ZhouChunhe, request.Need{What: "楼下进水", Category: "shelter", Who: "张先生"})
		if _, err := x.service.Merge(t.Context(), x.ZhouChunhe, b.ID, []request.ID{a.ID}); err != nil {
			t.Fatal(err)
		}
		sunset := calendar.Day("2026-03-04").Time()
		d.SetNow(func() time.Time { return sunset })
		x.turns(t)
		night(t, d, sunset)
		x.turns(t)
		if p := x.page(t, request.Themselves(x.LinXiaoman, b.ID)); p.What != need.What || p.Receipt != a.Receipt {
			t.Errorf("they read %q under %q, want their own words", p.What, p.Receipt)
		}
		if _, err := x.service.Unmerge(t.Context(), x.ZhouChunhe, a.ID); err != nil {
			t.Fatal(err)
		}
		if r := x.read(t, x.ZhouChunhe, a.ID); r.What != need.What || r.Category != "general" || len(r.Askers) != 1 {
			t.Errorf("by itself again it is %+v, want all of it in the general category", r)
		}
		told(t, d, "emergency.purged", x.concerned(org.Actor{})...)
	})
}

func TestC24_ACategoryThatIsPlannedIsNotTemporary(t *testing.T) {
	t.Parallel()
	working(t, func(t *testing.T, _ *db.DB, x *fixture) {
		shelter := request.Category{
			Code: "shelter", Type: request.Help, Label: request.Tongue{ZH: "安置", EN: "Shelter"}, StartLevel: 1,
			Targets: request.Targets{Accept: 15, Update: 60, Solve: 120},
		}
		if _, err := x.service.SetCategory(t.Context(), x.XuBailu, request.CategoryChange{Category: shelter, From: "2026-04-01", Reason: "新设类别"}); err != nil {
			t.Fatal(err)
		}
		_, err := x.service.StartEmergency(t.Context(), x.LuoQingming, request.Emergency{
			Title: "防汛应急", Reason: "通知", SunsetOn: "2026-03-09",
			Plan: request.Plan{Open: []request.TemporaryCategory{{Code: "shelter", Then: "general", Category: shelter}}},
		})
		if code(err) != "emergency.invalid" {
			t.Errorf("a category of April, in March: %v", err)
		}
	})
}

func TestC24_ADraftThatNobodyConfirmsIsGivenUpOnItsDay(t *testing.T) {
	t.Parallel()
	working(t, func(t *testing.T, d *db.DB, x *fixture) {
		e, err := x.service.StartEmergency(t.Context(), x.LuoQingming, request.Emergency{
			Title: "防汛应急", Reason: "通知", SunsetOn: "2026-03-04", Plan: request.Plan{Always: []request.Code{"cert_travel"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		d.SetNow(func() time.Time { return calendar.Day("2026-03-04").Time() })
		x.turns(t)
		all, err := x.service.Emergencies(t.Context(), x.LuoQingming)
		if err != nil || len(all) != 1 || all[0].ID != e.ID || all[0].State != request.EmergencyPurged {
			t.Errorf("it is %+v (%v), want it given up", all, err)
		}
		told(t, d, "emergency.ended")
		told(t, d, "emergency.purged")
	})
}

func TestK16_ARuleFromBeforeANeedWasToldUsesNothingOfItsTime(t *testing.T) {
	t.Parallel()
	working(t, func(t *testing.T, d *db.DB, x *fixture) {
		at(d, 10*60+10) // 20:10, by a node that has not heard of the emergency yet
		r := x.create(t, x.ZhouChunhe, request.Need{What: "返岗需要跨市通行证明", Category: "cert_travel"})
		at(d, 10*60)
		x.begun(t, request.Plan{Always: []request.Code{"cert_travel"}}, "2026-03-04")
		at(d, 10*60+15)
		x.follows(t)
		want(t, "from when it was told", x.dues(t, r.ID), "03-02 20:40, 03-02 21:10, 03-02 21:10")
		at(d, 10*60+40)
		m := moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, r.ID, request.Closing{Kind: request.Resolved, Text: "已开具"}))
		want(t, "minutes since it was told", *m.FirstMinutes, 30)
	})
}

func TestO14_NothingClimbsByItselfUnlessItsCategorySaysSo(t *testing.T) {
	t.Parallel()
	working(t, func(t *testing.T, d *db.DB, x *fixture) {
		stays := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"})
		r := x.create(t, x.ZhouChunhe, request.Need{What: "返岗需要跨市通行证明", Category: "cert_travel"})
		all, err := x.service.Rulings(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c := request.CategoryChange{Category: all.Now[1].Category, Reason: "超时自动上报"}
		c.Climbs = true
		if _, err := x.service.SetCategory(t.Context(), x.XuBailu, c); err != nil {
			t.Fatal(err)
		}
		x.follows(t)
		at(d, 60)
		x.ticks(t)
		x.ticks(t)
		got, err := x.service.Read(t.Context(), x.SunLixia, r.ID)
		if err != nil || got.Level != 2 || got.State != request.New {
			t.Fatalf("it is %s at level %d (%v), want new one level up", got.State, got.Level, err)
		}
		last := got.History[len(got.History)-1]
		if last.Move != "escalated" || last.Assignment != 0 || last.Note == "" {
			t.Errorf("its history ends with %+v, want the system's note", last)
		}
		at(d, 20*24*60)
		x.ticks(t)
		if got, err = x.service.Read(t.Context(), x.SunLixia, r.ID); err != nil || got.Level != 2 {
			t.Errorf("at level %d (%v), want one level for one miss", got.Level, err)
		}
		if got, err = x.service.Read(t.Context(), x.SunLixia, stays.ID); err != nil || got.Level != 1 || len(got.Misses) != 3 {
			t.Errorf("of a category that does not climb it stands at %d with %d misses (%v)", got.Level, len(got.Misses), err)
		}
	})
}

func TestO14_AConcernDoesNotClimbToWhomItIsAbout(t *testing.T) {
	t.Parallel()
	working(t, func(t *testing.T, d *db.DB, x *fixture) {
		all, err := x.service.Rulings(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(all.Now, func(c request.Ruled) bool { return c.Code == request.HolderConcern })
		c := request.CategoryChange{Category: all.Now[i].Category, Reason: "超时自动上报"}
		c.Climbs = true
		if _, err := x.service.SetCategory(t.Context(), x.XuBailu, c); err != nil {
			t.Fatal(err)
		}
		said := func(about org.Actor) request.ID {
			return x.create(t, x.ZhouChunhe, request.Need{What: "态度不好", Category: request.HolderConcern, About: about.Assignment}).ID
		}
		level := map[request.ID]int{said(x.WangQiufen): 3, said(x.ZhouChunhe): 2}
		if err := d.InTx(t.Context(), func(tx *db.Tx) error { // one of them comes to lead the grid above
			_, err := tx.Change(t.Context(), `UPDATE role_assignment SET person_id = ? WHERE id = ?`, x.ZhouChunhe.PersonID, x.ChenGuyu.Assignment)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		at(d, 30*24*60)
		x.ticks(t)
		for id, want := range level {
			if got := x.read(t, x.XuBailu, id); got.Level != want || len(got.Misses) == 0 {
				t.Errorf("request %d stands at level %d with %d misses, want level %d", id, got.Level, len(got.Misses), want)
			}
		}
	})
}

func TestK9_AnAskerWhoHeardOfLateNewsHearsOfALateAnswerToo(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "屋顶漏水", Category: "dwelling_safety", Person: x.LinXiaoman.PersonID})
		at(d, 120)
		x.ticks(t)
		told(t, d, "request.late", x.LinXiaoman)
		moved(t)(x.service.Message(t.Context(), x.ZhouChunhe, r.ID, "正在办理", request.ToTell))
		at(d, 300)
		x.ticks(t)
		told(t, d, "request.late", x.LinXiaoman)
		at(d, 1440)
		x.ticks(t)
		x.ticks(t)
		told(t, d, "request.late", x.LinXiaoman, x.LinXiaoman)
	})
}
