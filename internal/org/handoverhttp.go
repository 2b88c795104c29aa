package org

import (
	"context"
	"time"

	"wanjia/api"
	"wanjia/internal/platform/page"
)

// ListHandovers serves GET /v1/handovers.
func (h *Handler) ListHandovers(ctx context.Context, req api.ListHandoversRequestObject) (api.ListHandoversResponseObject, error) {
	by := ActorFrom(ctx)
	p, err := h.page(by, req.Params.Cursor, req.Params.PageSize, "listHandovers")
	if err != nil {
		return nil, err
	}
	all, err := listHandovers(ctx, h.db, by, p)
	if err != nil {
		return nil, err
	}
	all, next := page.Cut(all, p, func(x Handover) (time.Time, int64) { return atID(x.ID) })
	answer := api.ListHandovers200JSONResponse{Items: []api.Handover{}, NextCursor: api.Optional(next)}
	for _, x := range all {
		shown, err := h.showHandover(ctx, by, x)
		if err != nil {
			return nil, err
		}
		answer.Items = append(answer.Items, shown)
	}
	return answer, nil
}

// GetHandover serves GET /v1/handovers/{handoverId}.
func (h *Handler) GetHandover(ctx context.Context, req api.GetHandoverRequestObject) (api.GetHandoverResponseObject, error) {
	by := ActorFrom(ctx)
	x, err := findHandover(ctx, h.db, by, HandoverID(req.HandoverID))
	if err != nil {
		return nil, err
	}
	shown, err := h.showHandover(ctx, by, x)
	if err != nil {
		return nil, err
	}
	return api.GetHandover200JSONResponse(shown), nil
}

// showHandover is x as by may see it: the successor, and whoever holds the area meanwhile, see what it holds one by one.
func (h *Handler) showHandover(ctx context.Context, by Actor, x Handover) (shown api.Handover, err error) {
	area, err := UnitByID(ctx, h.db, x.AreaID)
	if err != nil {
		return shown, err
	}
	takes, err := StandsIn(ctx, h.db, by, area)
	if err != nil {
		return shown, err
	}
	shown = api.Handover{
		ID: int64(x.ID), AreaID: int64(x.AreaID), AreaName: x.AreaName, State: api.HandoverState(x.State), Interim: []api.Incumbent{},
		Packed: []api.PackedThings{}, AnnouncedAt: x.AnnouncedAt, PackedAt: x.PackedAt, SignedAt: x.SignedAt,
	}
	ids := []PersonID{x.From}
	if x.Successor != nil {
		ids, takes = append(ids, *x.Successor), takes || *x.Successor == by.PersonID
	}
	for _, p := range x.Packed {
		one := api.PackedThings{What: api.PackedThingsWhat(p.What), Count: len(p.IDs)}
		if takes {
			one.Ids = p.IDs
		}
		shown.Packed = append(shown.Packed, one)
	}
	if x.State == HandoverPacked {
		interim, err := x.interim(ctx, h.db)
		if err != nil {
			return shown, err
		}
		if shown.Interim, err = h.incumbents(ctx, interim); err != nil {
			return shown, err
		}
	}
	names, err := h.names(ctx, h.db, ids...)
	if shown.FromName = names[x.From]; x.Successor != nil {
		shown.SuccessorName = api.Optional(names[*x.Successor])
	}
	return shown, err
}

// SignHandover serves POST /v1/handovers/{handoverId}/sign.
func (h *Handler) SignHandover(ctx context.Context, req api.SignHandoverRequestObject) (api.SignHandoverResponseObject, error) {
	if _, err := h.service.Sign(ctx, ActorFrom(ctx), HandoverID(req.HandoverID)); err != nil {
		return nil, err
	}
	return api.SignHandover204Response{}, nil
}

// GetLeadCheck serves GET /v1/coverage/leads.
func (h *Handler) GetLeadCheck(ctx context.Context, req api.GetLeadCheckRequestObject) (api.GetLeadCheckResponseObject, error) {
	day, err := h.day(req.Params.AsOf)
	if err != nil {
		return nil, err
	}
	c, err := CheckLeads(ctx, h.db, ActorFrom(ctx), UnitID(api.Given(req.Params.PlaceID)), day)
	if err != nil {
		return nil, err
	}
	answer := api.GetLeadCheck200JSONResponse{Day: string(day), Total: c.Total, Met: c.Total - len(c.Gaps), Gaps: []api.Vacancy{}}
	for _, v := range c.Gaps {
		one := api.Vacancy{Unit: toAPI(v.Unit), Unsigned: v.Unsigned}
		if v.Interim.ID != 0 {
			one.InterimUnit = api.Optional(toAPI(v.Interim))
		}
		answer.Gaps = append(answer.Gaps, one)
	}
	return answer, nil
}
