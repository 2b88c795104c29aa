package household

import (
	"context"

	"wanjia/api"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/problem"
)

// WhatIfSplit serves GET /v1/areas/{areaId}/what-if.
func (h *Handler) WhatIfSplit(ctx context.Context, req api.WhatIfSplitRequestObject) (api.WhatIfSplitResponseObject, error) {
	parts, err := h.service.WhatIf(ctx, org.ActorFrom(ctx), org.UnitID(req.AreaID), api.Given(req.Params.Parts))
	if err != nil {
		return nil, err
	}
	answer := api.WhatIfSplit200JSONResponse{Parts: make([]api.WhatIfPart, len(parts))}
	for i, p := range parts {
		answer.Parts[i] = api.WhatIfPart{Households: p.Homes, Doors: p.Doors, Entrances: stairsToAPI(p.Stairs)}
	}
	return answer, nil
}

func stairsToAPI(stairs []Stair) []api.StairRow {
	rows := make([]api.StairRow, len(stairs))
	for i, s := range stairs {
		rows[i] = api.StairRow{
			ID: int64(s.ID), Label: s.Label, Households: s.Homes, Doors: s.Doors, PlaceID: api.Optional(int64(s.PlaceID)),
			FromAreaID: api.Optional(int64(s.From)), ToAreaID: api.Optional(int64(s.Moving)),
		}
	}
	return rows
}

func splitToAPI(v SplitView) api.Split {
	x := api.Split{
		ID: int64(v.ID), PlaceID: int64(v.PlaceID), State: api.SplitState(v.State), Reason: v.Reason, Moves: stairsToAPI(v.Moves),
		Areas: make([]api.SplitArea, len(v.Areas)), DraftedAt: v.DraftedAt, ProposedAt: v.ProposedAt, SettledAt: v.SettledAt,
	}
	for i, a := range v.Areas {
		x.Areas[i] = api.SplitArea{
			ID: int64(a.ID), Name: a.Name, Before: a.Before, After: a.After, DoorsBefore: a.DoorsBefore, DoorsAfter: a.DoorsAfter,
			Answer: api.Optional(api.SplitAreaAnswer(a.Answer)), Reason: api.Optional(a.Why),
		}
	}
	return x
}

// DraftSplit serves POST /v1/area-splits.
func (h *Handler) DraftSplit(ctx context.Context, req api.DraftSplitRequestObject) (api.DraftSplitResponseObject, error) {
	moves := make([]Move, len(req.Body.Moves))
	for i, m := range req.Body.Moves {
		moves[i] = Move{Entrance: EntranceID(m.EntranceID), To: org.UnitID(m.ToAreaID)}
	}
	v, err := h.service.DraftSplit(ctx, org.ActorFrom(ctx), org.UnitID(req.Body.PlaceID), moves, req.Body.Reason)
	if err != nil {
		return nil, err
	}
	return api.DraftSplit201JSONResponse(splitToAPI(v)), nil
}

// ListSplits serves GET /v1/area-splits.
func (h *Handler) ListSplits(ctx context.Context, req api.ListSplitsRequestObject) (api.ListSplitsResponseObject, error) {
	all, next, err := h.service.Splits(ctx, org.ActorFrom(ctx), api.Given(req.Params.Cursor), api.Given(req.Params.PageSize))
	if err != nil {
		return nil, err
	}
	items := make([]api.SplitRow, len(all))
	for i, x := range all {
		items[i] = api.SplitRow{
			ID: int64(x.ID), PlaceID: int64(x.PlaceID), State: api.SplitState(x.State), Reason: x.Reason, DraftedAt: x.DraftedAt,
		}
	}
	return api.ListSplits200JSONResponse{Items: items, NextCursor: api.Optional(next)}, nil
}

// GetSplit serves GET /v1/area-splits/{splitId}.
func (h *Handler) GetSplit(ctx context.Context, req api.GetSplitRequestObject) (api.GetSplitResponseObject, error) {
	v, err := h.service.FindSplit(ctx, org.ActorFrom(ctx), SplitID(req.SplitID))
	if err != nil {
		return nil, err
	}
	return api.GetSplit200JSONResponse(splitToAPI(v)), nil
}

// ProposeSplit serves POST /v1/area-splits/{splitId}/propose.
func (h *Handler) ProposeSplit(ctx context.Context, req api.ProposeSplitRequestObject) (api.ProposeSplitResponseObject, error) {
	v, err := h.service.ProposeSplit(ctx, org.ActorFrom(ctx), SplitID(req.SplitID))
	if err != nil {
		return nil, err
	}
	return api.ProposeSplit200JSONResponse(splitToAPI(v)), nil
}

// AnswerSplit serves POST /v1/area-splits/{splitId}/answer.
func (h *Handler) AnswerSplit(ctx context.Context, req api.AnswerSplitRequestObject) (api.AnswerSplitResponseObject, error) {
	v, err := h.service.AnswerSplit(ctx, org.ActorFrom(ctx), SplitID(req.SplitID), req.Body.Accepted, api.Given(req.Body.Reason))
	if err != nil {
		return nil, err
	}
	return api.AnswerSplit200JSONResponse(splitToAPI(v)), nil
}

// WithdrawSplit serves POST /v1/area-splits/{splitId}/withdraw.
func (h *Handler) WithdrawSplit(ctx context.Context, req api.WithdrawSplitRequestObject) (api.WithdrawSplitResponseObject, error) {
	v, err := h.service.WithdrawSplit(ctx, org.ActorFrom(ctx), SplitID(req.SplitID))
	if err != nil {
		return nil, err
	}
	return api.WithdrawSplit200JSONResponse(splitToAPI(v)), nil
}

// AddEntrance serves POST /v1/entrances.
func (h *Handler) AddEntrance(ctx context.Context, req api.AddEntranceRequestObject) (api.AddEntranceResponseObject, error) {
	b := req.Body
	n := NewEntrance{
		Place: org.UnitID(b.PlaceID), Building: api.Given(b.Building), Number: b.Number, Area: org.UnitID(api.Given(b.AreaID)),
		Doors: newDoors(b.Doors),
	}
	id, err := h.service.AddStair(ctx, org.ActorFrom(ctx), n)
	if err != nil {
		return nil, err
	}
	return api.AddEntrance201JSONResponse{ID: int64(id), PlaceID: b.PlaceID, Label: EntranceLabel(n.Building, n.Number)}, nil
}

// GetAreaChecks serves GET /v1/coverage/areas.
func (h *Handler) GetAreaChecks(ctx context.Context, req api.GetAreaChecksRequestObject) (api.GetAreaChecksResponseObject, error) {
	day := calendar.DayOf(h.service.db.Now())
	if req.Params.AsOf != nil {
		var err error
		if day, err = calendar.ParseDay(*req.Params.AsOf); err != nil {
			return nil, problem.ErrInvalid.Field("asOf", "day")
		}
	}
	checks, err := CheckAreas(ctx, h.service.db, org.ActorFrom(ctx), day)
	if err != nil {
		return nil, err
	}
	answer := api.GetAreaChecks200JSONResponse{Day: string(day), Items: make([]api.AreaCheck, len(checks))}
	for i, c := range checks {
		answer.Items[i] = api.AreaCheck{
			Check: api.AreaCheckCheck(c.Name), Total: c.Total, Met: c.Met, Gaps: stairsToAPI(c.Gaps), Doubles: stairsToAPI(c.Doubles),
		}
	}
	return answer, nil
}
