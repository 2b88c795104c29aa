package request_test

import (
	"strings"
	"testing"

	"wanjia/internal/platform/db"
	"wanjia/internal/request"
)

// A call is what a test looks at of a call task.
type call struct {
	Unit     int64  `db:"unit_id"`
	Role     string `db:"role"`
	State    string `db:"state"`
	Messages int    `db:"messages"`
	Due      string `db:"due_on"`
}

func calls(t *testing.T, d *db.DB, id request.ID) (all []call) {
	t.Helper()
	if err := d.Select(t.Context(), &all, `SELECT unit_id, role, state, messages, due_on FROM call_task WHERE request_id = ? ORDER BY id`, id); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestC17_AnAskerWithAnAccountIsToldInTheInboxAndNobodyCalls(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{
			What: "返岗需要跨市通行证明", Who: "林女士", Person: x.LinXiaoman.PersonID, CallBack: request.CallPhone, Phone: "19900000001",
		})
		moved(t)(x.service.Accept(t.Context(), x.ZhouChunhe, r.ID, ""))
		moved(t)(x.service.AddStep(t.Context(), x.ZhouChunhe, r.ID, "已联系窗口", nil))
		moved(t)(x.service.AddStep(t.Context(), x.ZhouChunhe, r.ID, "窗口下午答复", nil)) // a note of its own tells nobody
		moved(t)(x.service.Wait(t.Context(), x.ZhouChunhe, r.ID, "请补材料", nil, request.ToTell))
		moved(t)(x.service.Resume(t.Context(), x.ZhouChunhe, r.ID))
		moved(t)(x.service.Message(t.Context(), x.ZhouChunhe, r.ID, "请带身份证到2号窗口", request.ToTell))
		moved(t)(x.service.Escalate(t.Context(), x.ZhouChunhe, r.ID, up(0)))
		moved(t)(x.service.Close(t.Context(), x.SunLixia, r.ID, request.Closing{Kind: request.Resolved, Text: "已开具"}))
		moved(t)(x.service.Reopen(t.Context(), x.XuBailu, r.ID, "证明有误"))
		var told []struct {
			Kind string `db:"kind"`
			Prio int    `db:"prio"`
			Args string `db:"args"`
		}
		if err := d.Select(t.Context(), &told, `SELECT kind, prio, args FROM inbox WHERE person_id = ? ORDER BY seq`, x.LinXiaoman.PersonID); err != nil {
			t.Fatal(err)
		}
		want := []struct{ kind, word string }{
			{"request.status", "已受理"},
			{"request.status", "已开始办理"},
			{"request.waiting", "等您补充"},
			{"request.status", "继续办理"},
			{"request.message", "有新的回复"},
			{"request.status", "已上报"},
			{"request.closed", "已办结：已解决"},
			{"request.status", "重新办理"},
		}
		if len(told) != len(want) {
			t.Fatalf("told %+v, want %d items", told, len(want))
		}
		for i, w := range want {
			prio := 1
			if w.kind == "request.status" {
				prio = 3
			}
			if got := told[i]; got.Kind != w.kind || got.Prio != prio || !strings.Contains(got.Args, w.word) || !strings.Contains(got.Args, string(r.Receipt[:5])) {
				t.Errorf("item %d is %+v, want %s %q with the first half of %s", i, got, w.kind, w.word, r.Receipt)
			}
			if strings.Contains(told[i].Args, string(r.Receipt)) {
				t.Errorf("item %d holds the whole code", i)
			}
		}
		if got := calls(t, d, r.ID); len(got) != 0 {
			t.Errorf("calls %+v, want none", got)
		}
	})
}

func TestN9_AnAskerWithAPhoneAloneIsCalledOnceByTheAreaAndLaterWordsJoin(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮", Who: "林女士", CallBack: request.CallPhone, Phone: "19900000001"})
		moved(t)(x.service.Escalate(t.Context(), x.ZhouChunhe, r.ID, request.Climb{To: "grid_assistant", Note: "请协助"}))
		moved(t)(x.service.Accept(t.Context(), x.HeQingqing, r.ID, ""))
		if got := calls(t, d, r.ID); len(got) != 0 {
			t.Errorf("for what is only news of its way: calls %+v, want none", got)
		}
		moved(t)(x.service.Message(t.Context(), x.HeQingqing, r.ID, "明天上午来修", request.ToTell))
		moved(t)(x.service.Message(t.Context(), x.HeQingqing, r.ID, "改为下午", request.InPerson))
		moved(t)(x.service.Close(t.Context(), x.HeQingqing, r.ID, request.Closing{Kind: request.Resolved, Text: "已修好"}))
		want := call{Unit: int64(x.Ruihe.Areas[0].Area.ID), State: "open", Messages: 2, Due: "2026-03-02"}
		if got := calls(t, d, r.ID); len(got) != 1 || got[0] != want {
			t.Errorf("calls %+v, want %+v", got, want)
		}
		if got := inboxes(t, d, "call.assigned"); len(got) != 1 || got[0] != x.ZhouChunhe.PersonID {
			t.Errorf("%v are asked to call, want the area holder %d once", got, x.ZhouChunhe.PersonID)
		}
	})
}

func TestN9_NobodyCallsAnAskerWhoWasToldInPersonOrWantsNoCall(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮", CallBack: request.CallPhone, Phone: "19900000001"})
		moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, r.ID, request.Closing{Kind: request.Resolved, Text: "已修好", Told: request.InPerson}))
		silent := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮", Who: "林女士"})
		moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, silent.ID, request.Closing{Kind: request.Resolved, Text: "已修好"}))
		if got := append(calls(t, d, r.ID), calls(t, d, silent.ID)...); len(got) != 0 {
			t.Errorf("calls %+v, want none", got)
		}
		detail, err := x.service.Read(t.Context(), x.ZhouChunhe, r.ID)
		if err != nil {
			t.Fatal(err)
		}
		if last := detail.History[len(detail.History)-1]; !last.InPerson {
			t.Errorf("the history does not say how the asker heard: %+v", last)
		}
	})
}

func TestTwoWordsAtOneTimeMakeOneCall(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮", CallBack: request.CallPhone, Phone: "19900000001"})
		said := make(chan bool)
		for range 8 {
			go func() {
				_, err := x.service.Message(t.Context(), x.ZhouChunhe, r.ID, "明天来修", request.ToTell)
				said <- err == nil
			}()
		}
		heard := 0
		for range 8 {
			if <-said {
				heard++
			}
		}
		if got := calls(t, d, r.ID); heard == 0 || len(got) != 1 || got[0].Messages != heard {
			t.Errorf("%d messages make the calls %+v, want one call with all of them", heard, got)
		}
	})
}
