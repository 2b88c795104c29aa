package request_test

import (
	"errors"
	"testing"

	"wanjia/api"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/say"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
	"wanjia/internal/request"
)

// seen is a request as by is shown it.
func (x *fixture) seen(t *testing.T, by org.Actor, id request.ID) api.RequestDetail {
	t.Helper()
	answer, err := request.NewHandler(x.service).GetRequest(org.WithActor(t.Context(), by), api.GetRequestRequestObject{RequestID: int64(id)})
	if err != nil {
		t.Fatal(err)
	}
	return api.RequestDetail(answer.(api.GetRequest200JSONResponse))
}

// ADR 0020: whom to ask at the body that took a need over is read by its askers; everybody else sees a mask of the number, and
// its last holder and whoever calls the asker look with a reason.
func TestV4_TheNumberOfTheBodyThatTookANeedOver(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, needOfLin)
		moved(t)(x.service.Escalate(t.Context(), x.ZhouChunhe, r.ID, up(2)))
		moved(t)(x.service.Close(t.Context(), x.SunLixia, r.ID, request.Closing{
			Kind: request.HandedOver, HandedTo: request.HandedTo{Body: "云湾供水公司", Contact: "前台19900000009"}, CallBackOn: calendar.Day("2026-03-05"),
		}))
		for _, by := range []org.Actor{x.ZhouChunhe, x.SunLixia} {
			if to := x.seen(t, by, r.ID).HandedTo; to == nil || to.Contact != "前台199****0009" {
				t.Errorf("%s is shown %+v, want a mask", by.Role, to)
			}
		}
		if p := x.page(t, x.shown(t, r.Receipt, "0001")); p.Handed.Contact != "前台19900000009" {
			t.Errorf("the asker reads %q, want the number", p.Handed.Contact)
		}
		why := privacy.Why{Purpose: privacy.CallBack, Reason: "问供水公司办到哪一步"}
		const want = "云湾供水公司 前台19900000009"
		if got, err := x.service.UnmaskAsker(t.Context(), x.SunLixia, r.ID, 0, request.Written, why); err != nil || got != want {
			t.Errorf("its last holder looks at %q (%v), want %q", got, err, want)
		}
		rows, _, err := x.service.Calls(t.Context(), x.ZhouChunhe, "", 10)
		if err != nil || len(rows) != 1 {
			t.Fatalf("%d calls (%v), want one", len(rows), err)
		}
		if got, err := x.service.UnmaskCall(t.Context(), x.ZhouChunhe, rows[0].ID, request.Written, why); err != nil || got != want {
			t.Errorf("whoever calls looks at %q (%v), want %q", got, err, want)
		}
	})
}

// Whoever told of a need signed in has given no name with it, and none stands in its history.
func TestV4_TheHistoryNamesNoAsker(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		if err := d.InTx(t.Context(), func(tx *db.Tx) error {
			for _, by := range []org.Actor{x.LinXiaoman, x.ZhouChunhe} {
				name, err := x.keys.Seal(sealed.Personal, "person", "name_sealed", int64(by.PersonID), "周春禾")
				if err != nil {
					return err
				}
				if _, err := tx.Change(t.Context(), `UPDATE person SET name_sealed = ? WHERE id = ?`, name, by.PersonID); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		begun, err := x.service.CreateOwn(t.Context(), x.LinXiaoman, request.Telling{
			Need: request.Need{What: "路灯不亮"}, Site: x.entrance(t, d),
		}, say.Chinese)
		if err != nil {
			t.Fatal(err)
		}
		moved(t)(x.service.Accept(t.Context(), x.ZhouChunhe, begun.Request, ""))
		if _, err := x.service.Say(t.Context(), request.Themselves(x.LinXiaoman, begun.Request), "还是不亮"); err != nil {
			t.Fatal(err)
		}
		named := map[string]bool{}
		for _, l := range x.seen(t, x.ZhouChunhe, begun.Request).History {
			named[l.Move] = l.ByName != nil
		}
		if len(named) != 3 || named["created"] || named["asker_message"] || !named["accepted"] {
			t.Errorf("the lines name somebody: %v; want the holder alone", named)
		}
	})
}

// A number beside a wish not to be called is refused, not lost: who left it would wait for a call.
func TestANumberForNoCallIsRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		number := "19900000001"
		none := api.CallBack{By: api.CallBackByNone, Phone: &number}
		handler := request.NewHandler(x.service)
		site := x.entrance(t, d)
		r := x.create(t, x.ZhouChunhe, needOfLin)
		said := api.CreatePublicRequestRequestObject{Body: &api.PublicRequest{
			What: "路灯不亮", CallBack: &none, Site: api.RequestSite{PlaceID: int64(site.Place), Entrance: site.Entrance},
		}}
		_, told := handler.CreatePublicRequest(t.Context(), said)
		_, corrected := handler.CorrectByReceipt(t.Context(), api.CorrectByReceiptRequestObject{Body: &api.ReceiptCorrection{
			ReceiptCode: string(r.Receipt), Secret: "0001", CallBack: none,
		}})
		for what, err := range map[string]error{"told": told, "corrected": corrected} {
			var p *problem.Problem
			if !errors.As(err, &p) || p.Code != "request.call_back_needless" || len(p.Fields) != 1 || p.Fields[0].Pointer != "/callBack/phone" {
				t.Errorf("%s: %v, want it refused at /callBack/phone", what, err)
			}
		}
		none.Phone = nil
		if _, err := handler.CreatePublicRequest(t.Context(), said); err != nil {
			t.Errorf("without a number: %v", err)
		}
	})
}
