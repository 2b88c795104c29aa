package request_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/request"
)

// monday is Mon 2026-03-02 10:00 in Shanghai.
var monday = time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)

type fixture struct {
	*orgtest.World
	service *request.Service
	keys    *sealed.Keys
}

func each(t *testing.T, f func(t *testing.T, d *db.DB, x *fixture)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, d *db.DB) { on(t, d, f) })
}

// on gives f the small world in d, on monday.
func on(t *testing.T, d *db.DB, f func(t *testing.T, d *db.DB, x *fixture)) {
	t.Helper()
	dbtest.WithClock(t, d, func() time.Time { return monday })
	keys, err := sealed.Open(t.Context(), d, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := audit.Open(t.Context(), d, make([]byte, 32)); err != nil {
		t.Fatal(err)
	}
	x := &fixture{World: orgtest.Tree(t, d), keys: keys}
	door := func(context.Context, db.Queryer, org.Actor, int64) (request.Door, error) {
		return request.Door{}, problem.ErrNotFound
	}
	x.service = request.NewService(d, keys, page.NewKeys(make([]byte, 32)), &calendar.Calendar{}, door)
	f(t, d, x)
}

func (x *fixture) create(t *testing.T, by org.Actor, n request.Need) request.Seen {
	t.Helper()
	r, err := x.service.Create(t.Context(), by, request.Telling{Need: n, Channel: request.ToldMember})
	if err != nil {
		t.Fatalf("create a request: %v", err)
	}
	return r
}

func inboxes(t *testing.T, d *db.DB, kind string) (persons []org.PersonID) {
	t.Helper()
	if err := d.Select(t.Context(), &persons, `SELECT person_id FROM inbox WHERE kind = ? ORDER BY person_id`, kind); err != nil {
		t.Fatal(err)
	}
	return persons
}

func TestC14_ARequestNeedsThreeFieldsAndBecomesAReceipt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{
			What: "返岗需要跨市通行证明", Who: "林女士", CallBack: request.CallPhone, Phone: "199 0000 0001", Category: "cert_travel",
		})
		if r.State != request.New || r.Level != 1 || r.HolderUnitID != x.Ruihe.Areas[0].Area.ID || r.Channel != request.ToldMember {
			t.Errorf("opened %s at level %d with holder %d, channel %s", r.State, r.Level, r.HolderUnitID, r.Channel)
		}
		if want := monday.Add(30 * time.Minute); !r.AcceptDueAt.Equal(want) {
			t.Errorf("accept due at %v, want %v", r.AcceptDueAt, want)
		}
		if want := monday.Add(60 * time.Minute); !r.SolveDueAt.Equal(want) {
			t.Errorf("solve due at %v, want %v", r.SolveDueAt, want)
		}
		if len(r.Receipt) != 10 {
			t.Errorf("receipt %q, want ten characters", r.Receipt)
		}
		if got := inboxes(t, d, "request.assigned"); len(got) != 0 {
			t.Errorf("told %v of an own act", got)
		}
		detail, err := x.service.Read(t.Context(), x.ZhouChunhe, r.ID)
		if err != nil {
			t.Fatal(err)
		}
		if detail.What != "返岗需要跨市通行证明" || len(detail.Askers) != 1 || len(detail.History) != 1 {
			t.Fatalf("read %+v", detail)
		}
		if a := detail.Askers[0]; a.Who.Masked() != "林**" || a.Phone.Masked() != "199****0001" || a.Phone.Reveal() != "19900000001" {
			t.Errorf("asker %s %s", a.Who, a.Phone)
		}
	})
}

func TestALeadWhoRecordsANeedTellsTheHolder(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		err := d.InTx(t.Context(), func(tx *db.Tx) error {
			_, err := x.service.Open(t.Context(), tx, x.XuBailu, request.Opening{
				Need: request.Need{What: "路灯不亮"}, Channel: request.Phone, Unit: x.Ruihe.Areas[0].Area, HappenedAt: tx.Now,
			})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := inboxes(t, d, "request.assigned"); len(got) != 1 || got[0] != x.ZhouChunhe.PersonID {
			t.Errorf("told %v, want the area holder %d", got, x.ZhouChunhe.PersonID)
		}
	})
}

func TestT8_ANeedInAVacantAreaReachesTheNextLeadUpTheLadder(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		vacant := orgtest.Unit(t, d, org.Area, "05责任区", x.Ruihe.Block)
		var id request.ID
		err := d.InTx(t.Context(), func(tx *db.Tx) (err error) {
			id, err = x.service.Open(t.Context(), tx, x.XuBailu, request.Opening{
				Need: request.Need{What: "路灯不亮"}, Channel: request.Phone, Unit: vacant, HappenedAt: tx.Now,
			})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := inboxes(t, d, "request.assigned"); len(got) != 1 || got[0] != x.SunLixia.PersonID {
			t.Errorf("told %v, want the group leader %d", got, x.SunLixia.PersonID)
		}
		if r, err := x.service.Read(t.Context(), x.SunLixia, id); err != nil || r.HolderUnitID != vacant.ID {
			t.Errorf("held by %d (%v), want the area %d", r.HolderUnitID, err, vacant.ID)
		}
	})
}

func TestV1_ARequestIsSeenAlongItsLadderAndNowhereElse(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"})
		for name, c := range map[string]struct {
			by   org.Actor
			sees bool
		}{
			"the holder": {x.ZhouChunhe, true}, "the group leader": {x.SunLixia, true}, "the grid secretary": {x.ChenGuyu, true},
			"the general secretary": {x.XuBailu, true}, "the neighbouring area": {x.WangQiufen, false},
			"the grid assistant": {x.HeQingqing, false}, "another community": {x.ZhenxiSecretary, false},
			"a village": {x.ZhengXiaoxue, false}, "the area cadre": {x.AreaCadre, false}, "the office": {x.LuoQingming, false},
			"the committee secretary": {x.GaoXiaohan, false}, "a section": {x.SectionHead, false}, "a resident": {x.LinXiaoman, false},
			"another subdistrict": {x.ElsewhereSecr, false}, "nobody": {org.Actor{}, false}, "an administrator": {x.SystemAdmin, false},
		} {
			if _, err := x.service.Read(t.Context(), c.by, r.ID); (err == nil) != c.sees || !c.sees && !errors.Is(err, problem.ErrNotFound) {
				t.Errorf("%s reads it: %v, want seen %v", name, err, c.sees)
			}
			rows, _, err := x.service.List(t.Context(), c.by, request.Filter{}, "", 10)
			if err != nil {
				t.Fatal(err)
			}
			if got := len(rows) == 1; got != c.sees {
				t.Errorf("%s lists it: %v, want %v", name, got, c.sees)
			}
		}
		held, _, err := x.service.List(t.Context(), x.ZhouChunhe, request.Filter{Held: true}, "", 10)
		if err != nil || len(held) != 1 || held[0].Receipt != r.Receipt {
			t.Errorf("the holder lists what it holds: %v, %v", held, err)
		}
		if held, _, err = x.service.List(t.Context(), x.SunLixia, request.Filter{Held: true}, "", 10); err != nil || len(held) != 0 {
			t.Errorf("the lead above lists what it does not hold: %v, %v", held, err)
		}
	})
}

func TestWhatWasClosedLatelyIsListedHoweverOldItIs(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		const day = 24 * 60
		first := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"}).ID
		second := x.create(t, x.ZhouChunhe, request.Need{What: "楼道灯坏了"}).ID
		done := request.Closing{Kind: request.Resolved, Text: "修好了"}
		at(d, 40*day)
		moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, second, done))
		at(d, 41*day)
		moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, first, done))
		for days, want := range map[int][]request.ID{70: {first, second}, 71: {first}, 72: nil} {
			at(d, days*day+1)
			for name, c := range map[string]struct {
				by   org.Actor
				held bool
			}{"the lead of the place": {x.XuBailu, false}, "the area": {x.ZhouChunhe, false}, "its holder": {x.ZhouChunhe, true}} {
				var got []request.ID
				for cursor := ""; ; {
					rows, next, err := x.service.List(t.Context(), c.by, request.Filter{Held: c.held, Closed: true}, cursor, 1)
					if err != nil {
						t.Fatal(err)
					}
					for _, r := range rows {
						got = append(got, r.ID)
					}
					if cursor = next; next == "" {
						break
					}
				}
				if !slices.Equal(got, want) {
					t.Errorf("after %d days %s finds %v, want %v", days, name, got, want)
				}
			}
		}
	})
}

func TestAListIsReadPageByPageAndItsCursorBelongsToWhoAsked(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		var want []request.ID
		for i := range 5 {
			at := monday.Add(time.Duration(i/2) * time.Minute) // two in one millisecond
			d.SetNow(func() time.Time { return at })
			want = append([]request.ID{x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"}).ID}, want...)
		}
		var got []request.ID
		cursor := ""
		for {
			rows, next, err := x.service.List(t.Context(), x.SunLixia, request.Filter{}, cursor, 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				got = append(got, r.ID)
			}
			if next == "" {
				break
			}
			cursor = next
		}
		if len(got) != len(want) {
			t.Fatalf("read %v, want %v", got, want)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("read %v, want %v", got, want)
			}
		}
		if _, _, err := x.service.List(t.Context(), x.XuBailu, request.Filter{}, cursor, 2); !errors.Is(err, problem.ErrCursor) {
			t.Errorf("another person's cursor: %v, want %v", err, problem.ErrCursor)
		}
		if _, _, err := x.service.List(t.Context(), x.SunLixia, request.Filter{Closed: true}, cursor, 2); !errors.Is(err, problem.ErrCursor) {
			t.Errorf("another list's cursor: %v, want %v", err, problem.ErrCursor)
		}
	})
}

func TestTheSameKeyOpensOneRequestWithOneReceipt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		call := once.Call{Operation: "createRequest", Key: "0f8b6a1e-5d1c-4a53", Fingerprint: []byte("body")}
		telling := request.Telling{Need: request.Need{What: "路灯不亮"}, Channel: request.ToldMember}
		first, err := x.service.Create(once.With(t.Context(), call), x.ZhouChunhe, telling)
		if err != nil {
			t.Fatal(err)
		}
		ctx := once.With(t.Context(), call)
		again, err := x.service.Create(ctx, x.ZhouChunhe, telling)
		if err != nil {
			t.Fatal(err)
		}
		if again.ID != first.ID || again.Receipt != first.Receipt || !once.Replayed(ctx) {
			t.Errorf("again: %d %s, replayed %v; want %d %s", again.ID, again.Receipt, once.Replayed(ctx), first.ID, first.Receipt)
		}
		var kept string
		if err := d.Get(t.Context(), &kept, `SELECT result FROM idempotency WHERE operation = ?`, call.Operation); err != nil {
			t.Fatal(err)
		}
		if len(kept) > 20 {
			t.Errorf("kept %q, want the id and nothing personal", kept)
		}
	})
}

func TestANeedWithAnIDCardNumberOrWithoutANumberToCallIsRefusedAndNothingWritten(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		for want, n := range map[error]request.Need{
			problem.ErrPersonalDataInText: {What: "我的证件 11010519491231002X 丢了"},
			request.ErrCallBackMissing:    {What: "路灯不亮", CallBack: request.CallPhone},
			request.ErrCategory:           {What: "有意见", Category: request.HolderConcern},
			sealed.ErrPhone:               {What: "路灯不亮", CallBack: request.CallPhone, Phone: "12345"},
		} {
			if _, err := x.service.Create(t.Context(), x.ZhouChunhe, request.Telling{Need: n}); !errors.Is(err, want) {
				t.Errorf("%q: %v, want %v", n.What, err, want)
			}
		}
		if _, err := x.service.Create(t.Context(), x.LinXiaoman, request.Telling{Need: request.Need{What: "路灯不亮"}}); !errors.Is(err, request.ErrNoHolder) {
			t.Errorf("recorded without a unit: %v, want %v", err, request.ErrNoHolder)
		}
		var rows int
		if err := d.Get(t.Context(), &rows, `SELECT COUNT(*) FROM request`); err != nil || rows != 0 {
			t.Errorf("%d requests (%v), want none", rows, err)
		}
	})
}

func TestNothingPersonalIsReadableInTheTables(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "屋顶漏水", Who: "林女士", CallBack: request.CallPhone, Phone: "19900000001"})
		var row struct {
			Hash    []byte `db:"receipt_hash"`
			Receipt []byte `db:"receipt_sealed"`
			Text    []byte `db:"text_sealed"`
		}
		if err := d.Get(t.Context(), &row, `SELECT receipt_hash, receipt_sealed, text_sealed FROM request WHERE id = ?`, r.ID); err != nil {
			t.Fatal(err)
		}
		if len(row.Hash) != 32 || len(row.Receipt) < 20 || len(row.Text) < 20 {
			t.Errorf("stored %d, %d, %d bytes; want a hash and two ciphers", len(row.Hash), len(row.Receipt), len(row.Text))
		}
	})
}

func TestX41_WithoutTheAuditRowNothingIsShown(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		keys, err := sealed.Open(t.Context(), d, make([]byte, 32))
		if err != nil {
			t.Fatal(err)
		}
		w := orgtest.Tree(t, d)
		s := request.NewService(d, keys, page.NewKeys(make([]byte, 32)), &calendar.Calendar{}, nil)
		if _, err := audit.Open(t.Context(), d, make([]byte, 32)); err != nil {
			t.Fatal(err)
		}
		r, err := s.Create(t.Context(), w.ZhouChunhe, request.Telling{Need: request.Need{What: "路灯不亮"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.InTx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Change(t.Context(), `DELETE FROM audit_lane`)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		got, err := s.Read(t.Context(), w.ZhouChunhe, r.ID)
		if !errors.Is(err, audit.ErrUnavailable) || got.What != "" {
			t.Errorf("read %q, %v; want nothing, %v", got.What, err, audit.ErrUnavailable)
		}
	})
}
