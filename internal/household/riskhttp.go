package household

import (
	"context"

	"wanjia/api"
	"wanjia/internal/org"
)

// OpenRiskEvent serves POST /v1/risk-events.
func (h *Handler) OpenRiskEvent(ctx context.Context, req api.OpenRiskEventRequestObject) (api.OpenRiskEventResponseObject, error) {
	e, err := h.service.OpenRisk(ctx, org.ActorFrom(ctx), NewRisk{
		Kind: string(req.Body.Kind), Hours: int(req.Body.Hours), Unit: org.UnitID(req.Body.UnitID),
	})
	if err != nil {
		return nil, err
	}
	return api.OpenRiskEvent201JSONResponse(e.toAPI()), nil
}

// CloseRiskEvent serves POST /v1/risk-events/{riskEventId}/close.
func (h *Handler) CloseRiskEvent(ctx context.Context, req api.CloseRiskEventRequestObject) (api.CloseRiskEventResponseObject, error) {
	e, err := h.service.CloseRisk(ctx, org.ActorFrom(ctx), RiskEventID(req.RiskEventID))
	if err != nil {
		return nil, err
	}
	return api.CloseRiskEvent200JSONResponse(e.toAPI()), nil
}

// ListRiskEvents serves GET /v1/risk-events.
func (h *Handler) ListRiskEvents(ctx context.Context, req api.ListRiskEventsRequestObject) (api.ListRiskEventsResponseObject, error) {
	all, next, err := h.service.Risks(ctx, org.ActorFrom(ctx), api.Given(req.Params.Cursor), api.Given(req.Params.PageSize))
	if err != nil {
		return nil, err
	}
	items := make([]api.RiskEvent, len(all))
	for i, e := range all {
		items[i] = e.toAPI()
	}
	return api.ListRiskEvents200JSONResponse{Items: items, NextCursor: api.Optional(next)}, nil
}

// GetRiskEvent serves GET /v1/risk-events/{riskEventId}.
func (h *Handler) GetRiskEvent(ctx context.Context, req api.GetRiskEventRequestObject) (api.GetRiskEventResponseObject, error) {
	c, err := h.service.ReadRisk(ctx, org.ActorFrom(ctx), RiskEventID(req.RiskEventID))
	if err != nil {
		return nil, err
	}
	return api.GetRiskEvent200JSONResponse{Event: c.toAPI(), Offered: c.Offered, Done: c.Done}, nil
}

// ListVisitRound serves GET /v1/risk-events/{riskEventId}/visit-round.
func (h *Handler) ListVisitRound(ctx context.Context, req api.ListVisitRoundRequestObject) (api.ListVisitRoundResponseObject, error) {
	offers, err := h.service.Round(ctx, org.ActorFrom(ctx), RiskEventID(req.RiskEventID))
	if err != nil {
		return nil, err
	}
	items := make([]api.VisitRoundRow, len(offers))
	for i, o := range offers {
		items[i] = api.VisitRoundRow{
			HouseholdID: int64(o.Premises), Entrance: o.Entrance, Door: o.Door, Reason: api.DueReason(o.Reason), VisitID: (*int64)(o.VisitID),
		}
		if o.Result != nil {
			result := api.VisitResult(*o.Result)
			items[i].Result = &result
		}
	}
	return api.ListVisitRound200JSONResponse{Items: items}, nil
}

func (e RiskEvent) toAPI() api.RiskEvent {
	return api.RiskEvent{
		ID: int64(e.ID), Kind: api.RiskKind(e.Kind), UnitID: int64(e.UnitID), UnitName: e.UnitName, State: api.RiskEventState(e.State),
		OpenedAt: e.OpenedAt, EndsAt: e.EndsAt, ClosedAt: e.ClosedAt, PurgeAt: e.PurgeAt,
	}
}

// RecordRound serves POST /v1/rounds.
func (h *Handler) RecordRound(ctx context.Context, req api.RecordRoundRequestObject) (api.RecordRoundResponseObject, error) {
	b := req.Body
	r, err := h.service.RecordRound(ctx, org.ActorFrom(ctx), Walk{
		Building: BuildingID(api.Given(b.BuildingID)), Entrance: EntranceID(api.Given(b.EntranceID)), Kind: string(b.Kind),
		Doors: int(b.Doors), Answered: int(b.Answered), ClientRef: b.ClientRef.String(), HappenedAt: b.HappenedAt,
	})
	if err != nil {
		return nil, err
	}
	return api.RecordRound201JSONResponse(r.toAPI()), nil
}

// ListRounds serves GET /v1/rounds.
func (h *Handler) ListRounds(ctx context.Context, req api.ListRoundsRequestObject) (api.ListRoundsResponseObject, error) {
	all, next, err := h.service.Rounds(ctx, org.ActorFrom(ctx), api.Given(req.Params.Cursor), api.Given(req.Params.PageSize))
	if err != nil {
		return nil, err
	}
	items := make([]api.Round, len(all))
	for i, r := range all {
		items[i] = r.toAPI()
	}
	return api.ListRounds200JSONResponse{Items: items, NextCursor: api.Optional(next)}, nil
}

func (r Round) toAPI() api.Round {
	return api.Round{
		ID: int64(r.ID), Label: r.Label, Kind: api.RoundKind(r.Kind), Doors: int32(r.Doors), Answered: int32(r.Answered),
		HappenedAt: r.HappenedAt, RecordedAt: r.RecordedAt,
	}
}
