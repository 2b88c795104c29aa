package request

import (
	"context"

	"wanjia/api"
	"wanjia/internal/org"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/say"
)

// ListRequestCategories serves GET /v1/request-categories.
func (h *Handler) ListRequestCategories(ctx context.Context, _ api.ListRequestCategoriesRequestObject) (api.ListRequestCategoriesResponseObject, error) {
	all, err := h.service.Intakes(ctx)
	if err != nil {
		return nil, err
	}
	items := make([]api.CategoryIntake, len(all))
	for i, in := range all {
		items[i] = api.CategoryIntake{
			Category: string(in.Code), Type: api.CategoryIntakeType(in.Type), Label: *in.Label.toAPI(),
			DangerText: in.Danger.toAPI(), OnlyIn: api.Optional(int64(in.Only)), Answers: answersToAPI(in.Question.Answers), Version: in.Question.Version,
		}
	}
	return api.ListRequestCategories200JSONResponse{Items: items}, nil
}

// toAPI is t, if there is anything of it.
func (t Tongue) toAPI() *api.TwoTongues {
	if t == (Tongue{}) {
		return nil
	}
	return &api.TwoTongues{Zh: t.ZH, En: t.EN}
}

func bothTongues(code string) *api.TwoTongues {
	return &api.TwoTongues{Zh: say.Text(say.Chinese, code), En: say.Text(say.English, code)}
}

func answersToAPI(answers []DangerAnswer) []api.DangerAnswer {
	items := make([]api.DangerAnswer, len(answers))
	for i, a := range answers {
		items[i] = api.DangerAnswer{Code: string(a.Code), Zh: a.ZH, En: a.EN, Numbers: append([]string{}, a.Numbers...)}
	}
	return items
}

// SetDangerQuestion serves PUT /v1/request-categories/{category}/danger.
func (h *Handler) SetDangerQuestion(ctx context.Context, req api.SetDangerQuestionRequestObject) (api.SetDangerQuestionResponseObject, error) {
	d := DangerQuestion{Category: Code(req.Category), Version: req.Body.Version}
	for _, a := range req.Body.Answers {
		d.Answers = append(d.Answers, DangerAnswer{Danger(a.Code), a.Zh, a.En, a.Numbers})
	}
	d, err := h.service.SetDangerQuestion(ctx, org.ActorFrom(ctx), d)
	if err != nil {
		return nil, err
	}
	return api.SetDangerQuestion200JSONResponse{Version: d.Version, Answers: answersToAPI(d.Answers)}, nil
}

// AddCounterStep serves POST /v1/requests/{requestId}/counter-steps.
func (h *Handler) AddCounterStep(ctx context.Context, req api.AddCounterStepRequestObject) (api.AddCounterStepResponseObject, error) {
	m, err := h.service.AddCounterStep(ctx, org.ActorFrom(ctx), ID(req.RequestID), req.Body.PlaceID, api.Given(req.Body.Closes))
	if err != nil {
		return nil, err
	}
	return api.AddCounterStep200JSONResponse(m.toAPI()), nil
}

// ListCounterSteps serves GET /v1/counter-steps.
func (h *Handler) ListCounterSteps(ctx context.Context, req api.ListCounterStepsRequestObject) (api.ListCounterStepsResponseObject, error) {
	rows, next, err := h.service.CounterSteps(ctx, org.ActorFrom(ctx), api.Given(req.Params.Cursor), api.Given(req.Params.PageSize))
	if err != nil {
		return nil, err
	}
	items := make([]api.CounterStepRow, len(rows))
	for i, c := range rows {
		items[i] = api.CounterStepRow{ID: int64(c.ID), PlaceID: c.PlaceID, PlaceLabel: c.Label, Closes: c.Closes, AddedAt: c.AddedAt}
	}
	return api.ListCounterSteps200JSONResponse{Items: items, NextCursor: api.Optional(next)}, nil
}

// FinishCounterStep serves POST /v1/counter-steps/finish.
func (h *Handler) FinishCounterStep(ctx context.Context, req api.FinishCounterStepRequestObject) (api.FinishCounterStepResponseObject, error) {
	code, ok := ParseReceipt(req.Body.ReceiptCode)
	if !ok {
		return nil, problem.ErrNotFound
	}
	as := CounterDone
	if req.Body.Outcome != nil {
		as = CounterState(*req.Body.Outcome)
	}
	f, err := h.service.FinishCounterStep(ctx, org.ActorFrom(ctx), code, as)
	if err != nil {
		return nil, err
	}
	return api.FinishCounterStep200JSONResponse{
		ID: int64(f.ID), PlaceLabel: f.Label, State: api.FinishedCounterStepState(f.State), Resolved: f.Closed,
	}, nil
}
