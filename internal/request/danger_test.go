package request_test

import (
	"errors"
	"reflect"
	"testing"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/request"
)

// kept is how many rows there are of what an intake could leave.
func kept(t *testing.T, d *db.DB) (n [5]int) {
	t.Helper()
	for i, query := range []string{
		`SELECT COUNT(*) FROM request`, `SELECT COUNT(*) FROM request_asker`, `SELECT COUNT(*) FROM request_history`,
		`SELECT COUNT(*) FROM inbox`, `SELECT COUNT(*) FROM audit`,
	} {
		if err := d.Get(t.Context(), &n[i], query); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

func TestX23_WhoIsInDangerIsToldWhomToCallAndNothingIsKept(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		before := kept(t, d)
		for answer, number := range map[request.Danger]string{request.Gas: "119", request.Fire: "119", request.Illness: "120"} {
			_, err := x.service.Create(t.Context(), x.ZhouChunhe, request.Telling{
				Need: request.Need{What: "厨房里味道很重", Who: "林女士", Category: "pipe_burst", Danger: answer}, Channel: request.ToldMember,
			})
			var p *problem.Problem
			if !errors.As(err, &p) || !errors.Is(err, request.ErrDanger) || !reflect.DeepEqual(p.Members["numbers"], []string{number}) {
				t.Errorf("%s: %v, want the danger stop with %s", answer, err, number)
			}
		}
		if after := kept(t, d); after != before {
			t.Errorf("kept %v rows of requests, askers, history, inboxes and audit, want %v", after, before)
		}
		x.create(t, x.ZhouChunhe, request.Need{What: "水管漏水", Category: "pipe_burst", Danger: request.NoDanger})
	})
}

func TestTheDangerQuestionIsDataOfItsCategory(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		ctx := t.Context()
		answers := []request.DangerAnswer{
			{Code: request.Gas, ZH: "煤气", EN: "gas", Numbers: []string{"119"}},
			{Code: request.Fire, ZH: "火", EN: "fire", Numbers: []string{"119"}},
			{Code: request.Illness, ZH: "急病", EN: "illness", Numbers: []string{"120"}},
			{Code: "live_wire", ZH: "漏电", EN: "a live wire", Numbers: []string{"95598"}},
			{Code: "damp", ZH: "潮湿", EN: "damp"},
		}
		d, err := x.service.SetDangerQuestion(ctx, x.SystemAdmin, request.DangerQuestion{Category: "dwelling_safety", Answers: answers})
		if err != nil || d.Version != 1 {
			t.Fatalf("set to version %d, error %v", d.Version, err)
		}
		if _, err := x.service.SetDangerQuestion(ctx, x.SystemAdmin, request.DangerQuestion{Category: "dwelling_safety", Answers: answers}); !errors.Is(err, problem.ErrConflict) {
			t.Errorf("set over a version that was not read: %v", err)
		}
		if d, err = x.service.SetDangerQuestion(ctx, x.SystemAdmin, d); err != nil || d.Version != 2 {
			t.Errorf("set again to version %d, error %v", d.Version, err)
		}
		for name, wrong := range map[string][]request.DangerAnswer{
			"illness left out": answers[:2],
			"fire without a number": {
				answers[0], {Code: request.Fire, ZH: "火", EN: "fire"}, answers[2],
			},
			"twice the same":  append(answers[:3:3], answers[0]),
			"none that stops": append(answers[:3:3], request.DangerAnswer{Code: request.NoDanger, ZH: "没有", EN: "none", Numbers: []string{"110"}}),
		} {
			d := request.DangerQuestion{Category: "dwelling_safety", Answers: wrong, Version: 2}
			if _, err := x.service.SetDangerQuestion(ctx, x.SystemAdmin, d); !errors.Is(err, request.ErrDangerMissing) && !errors.Is(err, request.ErrDangerAnswer) {
				t.Errorf("%s: %v", name, err)
			}
		}
		tell := func(c request.Code, a request.Danger, by org.Actor) error {
			_, err := x.service.Create(ctx, by, request.Telling{Need: request.Need{What: "墙上有裂缝", Category: c, Danger: a}, Channel: request.ToldMember})
			return err
		}
		if err := tell("dwelling_safety", "live_wire", x.ZhouChunhe); !errors.Is(err, request.ErrDanger) {
			t.Errorf("a live wire: %v", err)
		}
		if err := tell("dwelling_safety", "damp", x.ZhouChunhe); err != nil {
			t.Errorf("damp stops: %v", err)
		}
		if err := tell("general", "live_wire", x.ZhouChunhe); !errors.Is(err, request.ErrDangerAnswer) {
			t.Errorf("an answer of another category: %v", err)
		}
	})
}
