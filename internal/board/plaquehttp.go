package board

import (
	"context"

	"wanjia/api"
	"wanjia/internal/org"
)

// ProposePlaque serves POST /v1/plaques.
func (h *Handler) ProposePlaque(ctx context.Context, req api.ProposePlaqueRequestObject) (api.ProposePlaqueResponseObject, error) {
	b := req.Body
	p, err := h.service.Propose(ctx, org.ActorFrom(ctx), b.MemberID, b.HouseholdID, api.Given(b.Text))
	if err != nil {
		return nil, err
	}
	return api.ProposePlaque201JSONResponse(p.toAPI(false)), nil
}

// ListPlaques serves GET /v1/plaques.
func (h *Handler) ListPlaques(ctx context.Context, req api.ListPlaquesRequestObject) (api.ListPlaquesResponseObject, error) {
	all, next, err := h.service.Plaques(ctx, org.ActorFrom(ctx), api.Given(req.Params.Cursor), api.Given(req.Params.PageSize))
	if err != nil {
		return nil, err
	}
	answer := api.ListPlaques200JSONResponse{Items: make([]api.Plaque, len(all)), NextCursor: api.Optional(next)}
	for i, p := range all {
		answer.Items[i] = p.toAPI(false)
	}
	return answer, nil
}

// ListMyPlaques serves GET /v1/me/plaques.
func (h *Handler) ListMyPlaques(ctx context.Context, _ api.ListMyPlaquesRequestObject) (api.ListMyPlaquesResponseObject, error) {
	all, err := h.service.OwnPlaques(ctx, org.ActorFrom(ctx))
	if err != nil {
		return nil, err
	}
	answer := api.ListMyPlaques200JSONResponse{Items: make([]api.Plaque, len(all))}
	for i, p := range all {
		answer.Items[i] = p.toAPI(true)
	}
	return answer, nil
}

// toAPI is p as its member sees it, or as whoever keeps it does.
func (p Plaque) toAPI(own bool) api.Plaque {
	a := api.Plaque{
		ID: int64(p.ID), Name: p.Name, State: api.PlaqueState(p.State), Text: text(p.Name, p.Oath), Building: p.building(),
		DoorShown: p.DoorShown, Reason: api.Optional(p.Reason), ReturnOrdered: p.OrderedAt != nil, ProposedAt: p.ProposedAt,
		ConsentedAt: p.ConsentedAt, IssuedAt: p.IssuedAt, HungAt: p.HungAt, SuspendedAt: p.SuspendedAt, ReturnedAt: p.ReturnedAt,
	}
	if own || p.DoorShown {
		a.Door = api.Optional(p.door())
	}
	return a
}

// ConsentPlaque serves POST /v1/plaques/{plaqueId}/consent.
func (h *Handler) ConsentPlaque(ctx context.Context, req api.ConsentPlaqueRequestObject) (api.ConsentPlaqueResponseObject, error) {
	p, err := h.service.ConsentPlaque(ctx, org.ActorFrom(ctx), PlaqueID(req.PlaqueID))
	if err != nil {
		return nil, err
	}
	return api.ConsentPlaque200JSONResponse(p.toAPI(true)), nil
}

// ShowPlaqueDoor serves PUT /v1/me/plaques/{plaqueId}/door.
func (h *Handler) ShowPlaqueDoor(ctx context.Context, req api.ShowPlaqueDoorRequestObject) (api.ShowPlaqueDoorResponseObject, error) {
	p, err := h.service.ShowDoor(ctx, org.ActorFrom(ctx), PlaqueID(req.PlaqueID), req.Body.Shown)
	if err != nil {
		return nil, err
	}
	return api.ShowPlaqueDoor200JSONResponse(p.toAPI(true)), nil
}

// IssuePlaque serves POST /v1/plaques/{plaqueId}/issue.
func (h *Handler) IssuePlaque(ctx context.Context, req api.IssuePlaqueRequestObject) (api.IssuePlaqueResponseObject, error) {
	p, err := h.service.MovePlaque(ctx, org.ActorFrom(ctx), PlaqueID(req.PlaqueID), PlaqueIssued, "")
	if err != nil {
		return nil, err
	}
	return api.IssuePlaque200JSONResponse(p.toAPI(false)), nil
}

// HangPlaque serves POST /v1/plaques/{plaqueId}/hang.
func (h *Handler) HangPlaque(ctx context.Context, req api.HangPlaqueRequestObject) (api.HangPlaqueResponseObject, error) {
	p, err := h.service.MovePlaque(ctx, org.ActorFrom(ctx), PlaqueID(req.PlaqueID), PlaqueHung, "")
	if err != nil {
		return nil, err
	}
	return api.HangPlaque200JSONResponse(p.toAPI(false)), nil
}

// SuspendPlaque serves POST /v1/plaques/{plaqueId}/suspend.
func (h *Handler) SuspendPlaque(ctx context.Context, req api.SuspendPlaqueRequestObject) (api.SuspendPlaqueResponseObject, error) {
	p, err := h.service.MovePlaque(ctx, org.ActorFrom(ctx), PlaqueID(req.PlaqueID), PlaqueSuspended, req.Body.Reason)
	if err != nil {
		return nil, err
	}
	return api.SuspendPlaque200JSONResponse(p.toAPI(false)), nil
}

// ReturnPlaque serves POST /v1/plaques/{plaqueId}/return.
func (h *Handler) ReturnPlaque(ctx context.Context, req api.ReturnPlaqueRequestObject) (api.ReturnPlaqueResponseObject, error) {
	p, err := h.service.MovePlaque(ctx, org.ActorFrom(ctx), PlaqueID(req.PlaqueID), PlaqueReturned, req.Body.Reason)
	if err != nil {
		return nil, err
	}
	return api.ReturnPlaque200JSONResponse(p.toAPI(false)), nil
}

// ListPublicPlaques serves GET /v1/public/plaques.
func (h *Handler) ListPublicPlaques(ctx context.Context, req api.ListPublicPlaquesRequestObject) (api.ListPublicPlaquesResponseObject, error) {
	all, next, err := h.service.HungIn(ctx, org.UnitID(req.Params.PlaceID), api.Given(req.Params.Cursor), api.Given(req.Params.PageSize))
	if err != nil {
		return nil, err
	}
	answer := api.ListPublicPlaques200JSONResponse{Items: make([]api.PublicPlaque, len(all)), NextCursor: api.Optional(next)}
	for i, p := range all {
		a := api.PublicPlaque{ID: int64(p.ID), Name: p.Name, Building: p.building(), Text: text(p.Name, p.Oath)}
		if p.DoorShown {
			a.Door = api.Optional(p.door())
		}
		if p.Portrait {
			a.Portrait = new(plaquePortrait(p.ID))
		}
		answer.Items[i] = a
	}
	return answer, nil
}
