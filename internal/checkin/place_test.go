package checkin_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	openapi "github.com/oapi-codegen/runtime/types"

	"wanjia/api"
	"wanjia/configs"
	"wanjia/internal/checkin"
	"wanjia/internal/member"
	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/privacy"
)

// village is where the fences of the tests stand.
var village = checkin.Point{North: 31.284712, East: 121.493821, Datum: checkin.GCJ02}

// switchOn makes positions count at a unit until a day, as the office and the administrators do it.
func switchOn(t *testing.T, d *db.DB, x *fixture, unit org.UnitID, until calendar.Day) {
	t.Helper()
	s := privacy.NewService(d, page.NewKeys([]byte("secret")), func(context.Context, *db.Tx, org.Actor, string) error { return nil })
	id, err := s.RecordBasis(t.Context(), x.LuoQingming, privacy.Basis{
		Purpose: "geofence", Instrument: "海棠街道值守管理办法", Clause: "第三条", Issuer: "海棠街道办事处", IssuedOn: "2026-01-10", ValidUntil: until,
	})
	if err == nil {
		err = s.ApproveBasis(t.Context(), x.SecurityAdmin, id)
	}
	if err == nil {
		err = s.Set(t.Context(), x.SystemAdmin, privacy.Setting{Key: privacy.Geofence, UnitID: unit, Enabled: true, BasisID: id, Reason: "防汛值守需要"})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// fence gives the place of x a fence around the village.
func (x *fixture) fence(t *testing.T) {
	t.Helper()
	p := checkin.Place{ID: x.place, Kind: "meeting_room", Name: "村委会议室", Version: 1}
	if _, err := x.service.ChangePlace(t.Context(), x.FengShuangjiang, p.Fenced(&checkin.Fence{Centre: village, Radius: 100})); err != nil {
		t.Fatal(err)
	}
}

func (x *fixture) stand(t *testing.T, by org.Actor, place checkin.PlaceID, north, accuracy float64, ref string) (checkin.Presence, error) {
	t.Helper()
	at := checkin.Point{North: village.North + north/111195, East: village.East, Datum: checkin.GCJ02}
	return x.service.Record(t.Context(), by, checkin.Attempt{
		Kind: checkin.Geofence, PlaceID: place, ClientRef: ref, HappenedAt: x.now, Position: checkin.NewPosition(at, accuracy),
	})
}

func TestAPositionCountsOnlyWhileALegalBasisHolds(t *testing.T) { // CI7, PG1, S6
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		try := func() error { _, err := x.stand(t, x.YaoMangzhong, x.place, 0, 10, "a"); return err }
		x.fence(t)
		wants(t, "without a basis", try(), privacy.ErrBasisMissing)
		switchOn(t, d, x, x.Zhangjiatun.Unit.ID, "2026-12-31")
		wants(t, "with the next village's basis", try(), privacy.ErrBasisMissing)
		switchOn(t, d, x, x.Xingwu.Unit.ID, "2026-05-15")
		x.move(24 * time.Hour) // the 14th
		p, err := x.stand(t, x.YaoMangzhong, x.place, 0, 10, "a")
		if err != nil || p.State != checkin.Confirmed {
			t.Fatalf("with a basis: %+v, %v", p, err)
		}
		x.move(24 * time.Hour) // the 15th, its last day
		if _, err := x.stand(t, x.YiPian, x.place, 0, 10, "a"); !errors.Is(err, privacy.ErrBasisMissing) {
			t.Errorf("on the last day: %v, want %v", err, privacy.ErrBasisMissing)
		}
		again, err := x.stand(t, x.YaoMangzhong, x.place, 0, 10, "a")
		if err != nil || again.ID != p.ID || !again.Replayed {
			t.Errorf("the check-in of the day before, sent again: %+v, %v", again, err)
		}
	})
}

func TestQ6_NoPositionIsNeededAndNoneStandsInTheWay(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		switchOn(t, d, x, x.Xingwu.Unit.ID, "2026-12-31")
		_, err := x.stand(t, x.YaoMangzhong, x.place, 0, 10, "a")
		wants(t, "a place without a fence", err, checkin.ErrFenceMissing)
		x.fence(t)
		for what, c := range map[string]struct {
			north, accuracy float64
			want            checkin.Distance
		}{
			"far": {5000, 10, checkin.Far}, "no accuracy": {0, 0, checkin.Unusable}, "too coarse": {0, 501, checkin.Unusable},
		} {
			_, err := x.stand(t, x.YaoMangzhong, x.place, c.north, c.accuracy, "a")
			var p *problem.Problem
			if !errors.As(err, &p) || p.Code != checkin.ErrPositionNoProof.Code || p.Members["distance"] != c.want {
				t.Errorf("%s: %v, want %v of %s", what, err, checkin.ErrPositionNoProof, c.want)
			}
		}
		if n := count(t, d, "presence") + count(t, d, "presence_evidence"); n != 0 {
			t.Errorf("positions that prove nothing left %d rows", n)
		}
		if _, err := x.scan(t, x.YaoMangzhong, x.code(t).QR, "a", false, x.now); err != nil {
			t.Errorf("the place code after them, with the same clientRef: %v", err)
		}
		claim := checkin.Attempt{Kind: checkin.Counterpart, UnitID: x.Xingwu.Unit.ID, ClientRef: "b", HappenedAt: x.now}
		if _, err := x.service.Record(t.Context(), x.YiPian, claim); err != nil {
			t.Errorf("a claim: %v", err)
		}
		p, err := x.stand(t, x.YaoMangzhong, x.place, 130, 40, "c")
		if err != nil {
			t.Fatal(err)
		}
		_, evidence, err := x.service.Find(t.Context(), x.YaoMangzhong, p.ID)
		if err != nil || len(evidence) != 2 || evidence[0].Kind != checkin.PlaceCode || evidence[1].Distance != checkin.Near {
			t.Errorf("the evidence of the day: %+v, %v; want a code and a position nearby", evidence, err)
		}
		if n := count(t, d, "audit WHERE action = 'checkin.read'"); n != 1 {
			t.Errorf("%d lines of the audit say who read it, want 1", n)
		}
	})
}

func TestQ4_TwoPlacesTooFarApartAreForTheHostToLookAtAndNothingElse(t *testing.T) {
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		x.fence(t)
		farm := checkin.Place{UnitID: x.Xingwu.Unit.ID, Kind: "activity_site", Name: "果园活动点"}
		farm, err := x.service.AddPlace(t.Context(), x.FengShuangjiang, farm.Fenced(&checkin.Fence{
			Centre: checkin.Point{North: village.North + 0.045, East: village.East, Datum: checkin.GCJ02}, Radius: 100,
		}))
		if err != nil {
			t.Fatal(err)
		}
		at := func(place checkin.PlaceID) string {
			codes, err := x.service.Codes(t.Context(), x.FengShuangjiang, place, 0)
			if err != nil {
				t.Fatal(err)
			}
			return codes[0].QR
		}
		flags := func(who org.Actor, p checkin.Presence) (n int) {
			_, evidence, err := x.service.Find(t.Context(), who, p.ID)
			if err != nil {
				return -1
			}
			for _, e := range evidence {
				if e.Apart {
					n++
				}
			}
			return n
		}
		for _, by := range []org.Actor{x.YaoMangzhong, x.YiPian} {
			if _, err := x.scan(t, by, at(x.place), "a", false, x.now); err != nil {
				t.Fatal(err)
			}
		}
		x.move(time.Minute)
		p, err := x.scan(t, x.YaoMangzhong, at(farm.ID), "b", false, x.now)
		if err != nil || p.State != checkin.Confirmed {
			t.Errorf("5 km further a minute later: %+v, %v; want it confirmed", p, err)
		}
		x.move(30 * time.Minute)
		q, err := x.scan(t, x.YiPian, at(farm.ID), "b", false, x.now)
		if err != nil {
			t.Fatal(err)
		}
		if got := flags(x.YaoMangzhong, p); got != 1 {
			t.Errorf("a minute apart: %d flags, want 1", got)
		}
		if got := flags(x.FengShuangjiang, p); got != 1 {
			t.Errorf("the host sees %d flags, want 1", got)
		}
		for what, who := range map[string]org.Actor{"a member of the village": x.XingwuMember, "its area cadre": x.AreaCadre, "the next village's secretary": x.ZhengXiaoxue} {
			if got := flags(who, p); got != -1 {
				t.Errorf("%s sees it", what)
			}
		}
		if got := flags(x.YiPian, q); got != 0 {
			t.Errorf("half an hour apart: %d flags, want none", got)
		}
		if got := flags(x.FengShuangjiang, q); got != -1 {
			t.Error("the host sees a presence that was neither claimed nor flagged")
		}
	})
}

func TestAnEditOfAPlaceNamesBothVersionsWhenSomebodyWasFaster(t *testing.T) {
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		edit := func(by org.Actor, name string, version int64, ends *calendar.Day) (checkin.Place, error) {
			return x.service.ChangePlace(t.Context(), by, checkin.Place{ID: x.place, Kind: "counter", Name: name, Version: version, EndsOn: ends})
		}
		p, err := edit(x.FengShuangjiang, "一楼窗口", 1, nil)
		if err != nil || p.Version != 2 || p.UnitID != x.Xingwu.Unit.ID {
			t.Fatalf("%+v, %v", p, err)
		}
		_, err = edit(x.FengShuangjiang, "二楼窗口", 1, nil)
		var stale *problem.Problem
		if !errors.As(err, &stale) || stale.Kind != problem.Conflict || stale.Members["yours"] != int64(1) {
			t.Fatalf("a stale edit: %v, want a conflict", err)
		}
		if now, _ := stale.Members["current"].(map[string]any); now["version"] != int64(2) || now["name"] != "一楼窗口" {
			t.Errorf("it is told that the place is %v", now)
		}
		_, err = edit(x.ZhengXiaoxue, "他村的窗口", 2, nil)
		wants(t, "the next village's secretary", err, problem.ErrNotFound)
		yesterday, tomorrow := calendar.Day("2026-05-12"), calendar.Day("2026-05-14")
		_, err = edit(x.FengShuangjiang, "一楼窗口", 2, &yesterday)
		wants(t, "ended yesterday", err, checkin.ErrPlaceEnd)
		if _, err = edit(x.FengShuangjiang, "一楼窗口", 2, &tomorrow); err != nil {
			t.Fatal(err)
		}
		if _, err := x.scan(t, x.YaoMangzhong, x.code(t).QR, "a", false, x.now); err != nil {
			t.Errorf("on its last day: %v", err)
		}
		qr := x.code(t).QR
		x.move(15 * time.Hour) // Thursday, 0:20
		_, err = x.scan(t, x.YaoMangzhong, qr, "b", true, wednesday)
		wants(t, "after its end", err, problem.ErrNotFound)
		_, err = x.service.Codes(t.Context(), x.FengShuangjiang, x.place, 0)
		wants(t, "its codes after its end", err, problem.ErrNotFound)
	})
}

func TestAnEndedPlacesCodesStopAtOnce(t *testing.T) {
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		qr := x.code(t).QR
		p, err := x.scan(t, x.YaoMangzhong, qr, "a", false, x.now)
		if err != nil {
			t.Fatal(err)
		}
		wants(t, "ended by the next village", x.service.EndPlace(t.Context(), x.ZhengXiaoxue, x.place), problem.ErrNotFound)
		if err := x.service.EndPlace(t.Context(), x.FengShuangjiang, x.place); err != nil {
			t.Fatal(err)
		}
		_, err = x.scan(t, x.YiPian, qr, "a", false, x.now)
		wants(t, "live", err, problem.ErrNotFound)
		_, err = x.scan(t, x.YiPian, qr, "a", true, x.now)
		wants(t, "offline", err, problem.ErrNotFound)
		if again, err := x.scan(t, x.YaoMangzhong, qr, "a", false, x.now); err != nil || again.ID != p.ID {
			t.Errorf("what was recorded before, sent again: %+v, %v", again, err)
		}
		wants(t, "ended twice", x.service.EndPlace(t.Context(), x.FengShuangjiang, x.place), problem.ErrNotFound)
	})
}

// handler serves the contract for by, with the holidays that ship.
func (x *fixture) handler(t *testing.T) *checkin.Handler {
	t.Helper()
	days, err := calendar.Parse(configs.Holidays)
	if err != nil {
		t.Fatal(err)
	}
	names := func(_ context.Context, _ db.Queryer, ids ...org.PersonID) (map[org.PersonID]string, error) {
		called := map[org.PersonID]string{}
		for _, id := range ids {
			called[id] = "姚**"
		}
		return called, nil
	}
	return checkin.NewHandler(x.service, page.NewKeys([]byte("secret")), names, days)
}

func as(t *testing.T, by org.Actor) context.Context { return org.WithActor(t.Context(), by) }

func TestDaysSinceAreCountedInWorkingDays(t *testing.T) { // CI9, B11
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		h := x.handler(t)
		own := func(by org.Actor) []api.DaysSince {
			got, err := h.ListDaysSince(as(t, by), api.ListDaysSinceRequestObject{})
			if err != nil {
				t.Fatal(err)
			}
			return got.(api.ListDaysSince200JSONResponse).Items
		}
		if got := own(x.YaoMangzhong); len(got) != 1 || got[0].UnitName != "杏坞村" || got[0].LastDay != nil || got[0].WorkingDays != nil {
			t.Errorf("before anything: %+v, want 杏坞村, never", got)
		}
		if _, err := x.scan(t, x.YaoMangzhong, x.code(t).QR, "a", false, x.now); err != nil {
			t.Fatal(err)
		}
		x.move(5 * 24 * time.Hour) // Mon 05-18: Thursday, Friday and Monday are working days
		if got := own(x.YaoMangzhong); len(got) != 1 || *got[0].LastDay != "2026-05-13" || *got[0].WorkingDays != 3 {
			t.Errorf("after a weekend: %+v, want 3 working days since 05-13", got)
		}
		host := func(by org.Actor) (api.ListDaysSinceResponseObject, error) {
			return h.ListDaysSince(as(t, by), api.ListDaysSinceRequestObject{Params: api.ListDaysSinceParams{Of: new(api.ListDaysSinceParamsOfUnit)}})
		}
		got, err := host(x.FengShuangjiang)
		if err != nil {
			t.Fatal(err)
		}
		if items := got.(api.ListDaysSince200JSONResponse).Items; len(items) != 1 || *items[0].WorkingDays != 3 {
			t.Errorf("the host sees %+v, want 3 working days", items)
		}
		_, err = host(x.XingwuMember)
		wants(t, "a member asks for the unit's", err, problem.ErrForbidden)
		_, err = host(x.AreaCadre)
		wants(t, "the area cadre asks for the unit's", err, problem.ErrForbidden)
	})
}

func TestTheOfficeSeesQuietUnitsAndNobody(t *testing.T) { // CI9, O11
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		h := x.handler(t)
		quiet := func(by org.Actor) map[string]string {
			items := map[string]string{}
			params := api.ListQuietUnitsParams{PageSize: new(2)}
			for {
				got, err := h.ListQuietUnits(as(t, by), api.ListQuietUnitsRequestObject{Params: params})
				if err != nil {
					t.Fatal(err)
				}
				p := got.(api.ListQuietUnits200JSONResponse)
				for _, u := range p.Items {
					items[u.UnitName] = "never"
					if u.LastDay != nil {
						items[u.UnitName] = fmt.Sprint(*u.LastDay, " ", *u.WorkingDays)
					}
				}
				if params.Cursor = p.NextCursor; params.Cursor == nil {
					return items
				}
			}
		}
		if _, err := x.scan(t, x.YaoMangzhong, x.code(t).QR, "a", false, x.now); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"瑞和社区": "never", "枕溪社区": "never", "张家屯": "never", "海棠电子厂": "never"}
		if got := quiet(x.LuoQingming); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("on the day: %v, want %v", got, want)
		}
		x.move(13 * 24 * time.Hour) // Tue 05-26: 9 working days later
		if got := quiet(x.LuoQingming); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("after 9 working days: %v, want %v", got, want)
		}
		claim := checkin.Attempt{Kind: checkin.Counterpart, UnitID: x.Xingwu.Unit.ID, ClientRef: "b", HappenedAt: x.now}
		if _, err := x.service.Record(t.Context(), x.YiPian, claim); err != nil {
			t.Fatal(err)
		}
		x.move(24 * time.Hour)
		want["杏坞村"] = "2026-05-13 10" // a claim is no presence yet
		if got := quiet(x.LuoQingming); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("after 10 working days: %v, want %v", got, want)
		}
		if got := quiet(x.ElsewhereOffice); fmt.Sprint(got) != fmt.Sprint(map[string]string{"柳岸社区": "never"}) {
			t.Errorf("the other subdistrict's office sees %v", got)
		}
		fresh := count(t, d, "unit")
		if _, err := x.scan(t, x.YaoMangzhong, x.code(t).QR, "c", false, x.now); err != nil {
			t.Fatal(err)
		}
		delete(want, "杏坞村")
		if got := quiet(x.LuoQingming); fmt.Sprint(got) != fmt.Sprint(want) || count(t, d, "unit") != fresh {
			t.Errorf("after somebody came: %v, want %v", got, want)
		}
	})
}

// E6: whoever has asked to be expected no duty is not waited for, neither by their own page nor by the office's list.
func TestE6_WhoeverIsExemptIsWaitedForNowhere(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		h := x.handler(t)
		instructors := []org.Actor{x.OfficeTwo, x.LuoQingming}
		for i, by := range instructors {
			instructors[i] = orgtest.Grant(t, d, by.PersonID, org.RoleInstructor, "", x.Xingwu.Party)
		}
		waited := func(what string, office, own bool) {
			t.Helper()
			got, err := h.ListQuietUnits(as(t, x.LuoQingming), api.ListQuietUnitsRequestObject{})
			if err != nil {
				t.Fatal(err)
			}
			items := got.(api.ListQuietUnits200JSONResponse).Items
			if in := slices.ContainsFunc(items, func(u api.QuietUnit) bool { return u.UnitName == "杏坞村" }); in != office {
				t.Errorf("%s: the office's list has the village: %v, want %v", what, in, office)
			}
			days, err := x.service.DaysSince(t.Context(), instructors[0])
			if err != nil || len(days) == 1 != own {
				t.Errorf("%s: their own page waits for %v (%v), want the village: %v", what, days, err, own)
			}
		}
		members := member.NewService(d, nil, nil, nil, nil)
		wish := func(by org.Actor, exempt bool) {
			t.Helper()
			wants(t, "the wish", members.SetExempt(t.Context(), by, exempt), nil)
		}
		waited("before", true, true)
		wish(instructors[0], true)
		waited("one of two is exempt", true, false)
		wish(instructors[1], true)
		waited("both are", false, false)
		wish(instructors[0], false)
		waited("taken back", true, true)
	})
}

func TestACheckInIsReadFromTheContract(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		h := x.handler(t)
		x.fence(t)
		switchOn(t, d, x, x.Xingwu.Unit.ID, "2026-12-31")
		code := x.code(t)
		at := &api.Position{Latitude: village.North, Longitude: village.East, Accuracy: 12, Datum: api.PositionDatumGcj02}
		record := func(by org.Actor, change func(*api.NewCheckIn)) (api.Presence, error) {
			b := api.NewCheckIn{Kind: api.NewCheckInKindPlaceCode, HappenedAt: x.now, ClientRef: openapi.UUID(uuid.New())}
			change(&b)
			got, err := h.RecordCheckIn(as(t, by), api.RecordCheckInRequestObject{Body: &b})
			p, _ := got.(api.RecordCheckIn201JSONResponse)
			return api.Presence(p), err
		}
		for what, change := range map[string]func(*api.NewCheckIn){
			"no code":                  func(*api.NewCheckIn) {},
			"both codes":               func(b *api.NewCheckIn) { b.Code, b.ShortCode, b.PlaceID = &code.QR, &code.Short, new(int64(x.place)) },
			"a short code of no place": func(b *api.NewCheckIn) { b.ShortCode = &code.Short },
			"a claim of no unit":       func(b *api.NewCheckIn) { b.Kind = api.NewCheckInKindCounterpart },
			"a code with a position":   func(b *api.NewCheckIn) { b.Code, b.Position = &code.QR, at },
			"a claim with a position": func(b *api.NewCheckIn) {
				b.Kind, b.UnitID, b.Position = api.NewCheckInKindCounterpart, new(int64(1)), at
			},
			"a geofence without any": func(b *api.NewCheckIn) { b.Kind, b.PlaceID = api.NewCheckInKindGeofence, new(int64(x.place)) },
			"a position of no place": func(b *api.NewCheckIn) { b.Kind, b.Position = api.NewCheckInKindGeofence, at },
			"a position beside the code": func(b *api.NewCheckIn) {
				b.Kind, b.PlaceID, b.Position, b.Code = api.NewCheckInKindGeofence, new(int64(x.place)), at, &code.QR
			},
		} {
			_, err := record(x.YaoMangzhong, change)
			wants(t, what, err, problem.ErrInvalid)
		}
		scanned, err := record(x.YaoMangzhong, func(b *api.NewCheckIn) { b.Code = &code.QR })
		if err != nil || scanned.State != api.PresenceStateConfirmed || scanned.UnitName != "杏坞村" || scanned.Day != "2026-05-13" || scanned.Replayed {
			t.Errorf("a code: %+v, %v", scanned, err)
		}
		typed, err := record(x.YaoMangzhong, func(b *api.NewCheckIn) { b.ShortCode, b.PlaceID = &code.Short, new(int64(x.place)) })
		if err != nil || typed.ID != scanned.ID {
			t.Errorf("typed: %+v, %v", typed, err)
		}
		stood, err := record(x.YaoMangzhong, func(b *api.NewCheckIn) {
			b.Kind, b.PlaceID, b.Position = api.NewCheckInKindGeofence, new(int64(x.place)), at
		})
		if err != nil || stood.ID != scanned.ID {
			t.Errorf("stood there: %+v, %v", stood, err)
		}
		claimed, err := record(x.YiPian, func(b *api.NewCheckIn) {
			b.Kind, b.UnitID = api.NewCheckInKindCounterpart, new(int64(x.Xingwu.Unit.ID))
		})
		if err != nil || claimed.State != api.PresenceStateClaimed {
			t.Errorf("claimed: %+v, %v", claimed, err)
		}

		list, err := h.ListPresence(as(t, x.FengShuangjiang), api.ListPresenceRequestObject{Params: api.ListPresenceParams{Which: new(api.ListPresenceParamsWhichClaims)}})
		if err != nil {
			t.Fatal(err)
		}
		if items := list.(api.ListPresence200JSONResponse).Items; len(items) != 1 || items[0].ID != claimed.ID || *items[0].PersonName != "姚**" {
			t.Errorf("the host's claims: %+v", items)
		}
		seen, err := h.GetPresence(as(t, x.YaoMangzhong), api.GetPresenceRequestObject{PresenceID: scanned.ID})
		if err != nil {
			t.Fatal(err)
		}
		if p := seen.(api.GetPresence200JSONResponse); len(p.Evidence) != 3 || *p.Evidence[2].Distance != api.PresenceEvidenceDistanceInside || p.PersonName != nil || p.Apart {
			t.Errorf("the presence: %+v", p)
		}
		places := func(by org.Actor) []api.Place {
			got, err := h.ListPlaces(as(t, by), api.ListPlacesRequestObject{})
			if err != nil {
				t.Fatal(err)
			}
			return got.(api.ListPlaces200JSONResponse).Items
		}
		if got := places(x.YaoMangzhong); len(got) != 1 || !got[0].Geofence || got[0].Fence != nil || got[0].Version != 2 {
			t.Errorf("a member sees %+v, want that a position counts, and no fence", got)
		}
		if got := places(x.FengShuangjiang); len(got) != 1 || got[0].Fence == nil || got[0].Fence.Radius != 100 || got[0].Fence.CentreNorth != village.North {
			t.Errorf("its secretary sees %+v, want the fence", got)
		}
	})
}
