package request

import (
	"context"

	"wanjia/api"
	"wanjia/internal/org"
	"wanjia/internal/privacy"
)

// MakePromise serves POST /v1/requests/{requestId}/promises.
func (h *Handler) MakePromise(ctx context.Context, req api.MakePromiseRequestObject) (api.MakePromiseResponseObject, error) {
	due, err := day("/dueOn", &req.Body.DueOn)
	if err != nil {
		return nil, err
	}
	p, err := h.service.MakePromise(ctx, org.ActorFrom(ctx), ID(req.RequestID), NewPromise{DueOn: due, Text: api.Given(req.Body.Text)})
	if err != nil {
		return nil, err
	}
	return api.MakePromise201JSONResponse(p.toAPI()), nil
}

// ListPromises serves GET /v1/promises.
func (h *Handler) ListPromises(ctx context.Context, req api.ListPromisesRequestObject) (api.ListPromisesResponseObject, error) {
	which := OwnPromises
	if req.Params.Which != nil {
		which = PromiseFilter(*req.Params.Which)
	}
	all, next, err := h.service.Promises(ctx, org.ActorFrom(ctx), which, api.Given(req.Params.Cursor), api.Given(req.Params.PageSize))
	if err != nil {
		return nil, err
	}
	return api.ListPromises200JSONResponse{Items: promiseRows(all), NextCursor: api.Optional(next)}, nil
}

// KeepPromise serves POST /v1/promises/{promiseId}/keep.
func (h *Handler) KeepPromise(ctx context.Context, req api.KeepPromiseRequestObject) (api.KeepPromiseResponseObject, error) {
	p, err := h.service.KeepPromise(ctx, org.ActorFrom(ctx), PromiseID(req.PromiseID))
	if err != nil {
		return nil, err
	}
	return api.KeepPromise200JSONResponse(p.toAPI()), nil
}

// DropPromise serves POST /v1/promises/{promiseId}/drop.
func (h *Handler) DropPromise(ctx context.Context, req api.DropPromiseRequestObject) (api.DropPromiseResponseObject, error) {
	p, err := h.service.DropPromise(ctx, org.ActorFrom(ctx), PromiseID(req.PromiseID), req.Body.Reason)
	if err != nil {
		return nil, err
	}
	return api.DropPromise200JSONResponse(p.toAPI()), nil
}

// MovePromise serves POST /v1/promises/{promiseId}/move.
func (h *Handler) MovePromise(ctx context.Context, req api.MovePromiseRequestObject) (api.MovePromiseResponseObject, error) {
	due, err := day("/dueOn", &req.Body.DueOn)
	if err != nil {
		return nil, err
	}
	p, err := h.service.MovePromise(ctx, org.ActorFrom(ctx), PromiseID(req.PromiseID), due, req.Body.Reason)
	if err != nil {
		return nil, err
	}
	return api.MovePromise200JSONResponse(p.toAPI()), nil
}

func (p Promise) toAPI() api.PromiseRow {
	return api.PromiseRow{
		ID: int64(p.ID), RequestID: (*int64)(p.RequestID), HouseholdID: p.PremisesID, UnitID: int64(p.UnitID),
		DueOn: string(p.DueOn), State: api.PromiseState(p.State), Text: api.Optional(privacy.BeginPhones(p.Text)), Reason: api.Optional(privacy.BeginPhones(p.Why)),
		MovedTwice: p.Moved >= helpNeeded,
	}
}

func promiseRows(all []Promise) []api.PromiseRow {
	rows := make([]api.PromiseRow, len(all))
	for i, p := range all {
		rows[i] = p.toAPI()
	}
	return rows
}
