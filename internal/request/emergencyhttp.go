package request

import (
	"context"

	"wanjia/api"
	"wanjia/internal/org"
)

// StartEmergency serves POST /v1/emergencies.
func (h *Handler) StartEmergency(ctx context.Context, req api.StartEmergencyRequestObject) (api.StartEmergencyResponseObject, error) {
	b := req.Body
	on, err := day("/sunsetOn", &b.SunsetOn)
	if err != nil {
		return nil, err
	}
	e := Emergency{Title: b.Title, Reason: b.Reason, SunsetOn: on}
	for _, code := range b.Always {
		e.Always = append(e.Always, Code(code))
	}
	for _, t := range b.Categories {
		e.Open = append(e.Open, TemporaryCategory{Code: Code(t.Category), Then: Code(t.Then), Category: Category{
			Code: Code(t.Category), Type: Type(t.Type), Label: Tongue{t.Label.Zh, t.Label.En}, Danger: tongue(t.DangerText), Always: t.Always,
			StartLevel: int(t.StartLevel), Targets: targets(t.Targets), Urgent: api.Given(t.Urgent),
		}})
	}
	for _, o := range b.Hours {
		e.Hours = append(e.Hours, OpenHours{org.UnitID(o.UnitID), o.Text})
	}
	for _, c := range b.Cards {
		e.Cards = append(e.Cards, CardText{
			Kind: PolicyCard, Category: Code(c.Category), Title: c.Title, ForWhom: c.ForWhom, Materials: c.Materials, Counter: c.Counter,
			HowTo: api.Given(c.HowTo), Source: c.Source,
		})
	}
	if e, err = h.service.StartEmergency(ctx, org.ActorFrom(ctx), e); err != nil {
		return nil, err
	}
	return api.StartEmergency201JSONResponse(e.toAPI()), nil
}

// ListEmergencies serves GET /v1/emergencies.
func (h *Handler) ListEmergencies(ctx context.Context, _ api.ListEmergenciesRequestObject) (api.ListEmergenciesResponseObject, error) {
	rows, err := h.service.Emergencies(ctx, org.ActorFrom(ctx))
	if err != nil {
		return nil, err
	}
	items := make([]api.Emergency, len(rows))
	for i, e := range rows {
		items[i] = e.toAPI()
	}
	return api.ListEmergencies200JSONResponse{Items: items}, nil
}

// ConfirmEmergency serves POST /v1/emergencies/{emergencyId}/confirm.
func (h *Handler) ConfirmEmergency(ctx context.Context, req api.ConfirmEmergencyRequestObject) (api.ConfirmEmergencyResponseObject, error) {
	e, err := h.service.ConfirmEmergency(ctx, org.ActorFrom(ctx), EmergencyID(req.EmergencyID))
	if err != nil {
		return nil, err
	}
	return api.ConfirmEmergency200JSONResponse(e.toAPI()), nil
}

// RenewEmergency serves POST /v1/emergencies/{emergencyId}/renew.
func (h *Handler) RenewEmergency(ctx context.Context, req api.RenewEmergencyRequestObject) (api.RenewEmergencyResponseObject, error) {
	on, err := day("/sunsetOn", &req.Body.SunsetOn)
	if err != nil {
		return nil, err
	}
	e, err := h.service.RenewEmergency(ctx, org.ActorFrom(ctx), EmergencyID(req.EmergencyID), req.Body.Version, on, req.Body.Reason)
	if err != nil {
		return nil, err
	}
	return api.RenewEmergency200JSONResponse(e.toAPI()), nil
}

// EndEmergency serves POST /v1/emergencies/{emergencyId}/end.
func (h *Handler) EndEmergency(ctx context.Context, req api.EndEmergencyRequestObject) (api.EndEmergencyResponseObject, error) {
	e, err := h.service.EndEmergency(ctx, org.ActorFrom(ctx), EmergencyID(req.EmergencyID), req.Body.Version, req.Body.Reason)
	if err != nil {
		return nil, err
	}
	return api.EndEmergency200JSONResponse(e.toAPI()), nil
}

func (e Emergency) toAPI() api.Emergency {
	a := api.Emergency{
		ID: int64(e.ID), UnitID: int64(e.UnitID), Title: e.Title, Reason: e.Reason, State: api.EmergencyState(e.State), SunsetOn: string(e.SunsetOn),
		Always: make([]string, len(e.Always)), Categories: make([]string, len(e.Open)), Hours: make([]api.TemporaryHours, len(e.Hours)),
		Cards: make([]string, len(e.Cards)), DraftedAt: e.DraftedAt, StartedAt: e.StartedAt, EndedAt: e.EndedAt,
		EndReason: api.Optional(e.EndReason), PurgedAt: e.PurgedAt, Version: e.Version,
	}
	for i, code := range e.Always {
		a.Always[i] = string(code)
	}
	for i, t := range e.Open {
		a.Categories[i] = string(t.Code)
	}
	for i, h := range e.Hours {
		a.Hours[i] = api.TemporaryHours{UnitID: int64(h.Unit), Text: h.Text}
	}
	for i, c := range e.Cards {
		a.Cards[i] = c.Title
	}
	return a
}
