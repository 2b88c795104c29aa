package privacy

import (
	"context"

	"wanjia/api"
	"wanjia/internal/org"
)

// A GlassHandler serves the operations of api/parts/glass.yaml.
type GlassHandler struct{ glasses *Glasses }

// NewGlassHandler makes a GlassHandler of s.
func NewGlassHandler(s *Glasses) *GlassHandler { return &GlassHandler{s} }

// BreakGlass serves POST /v1/break-glass.
func (h *GlassHandler) BreakGlass(ctx context.Context, req api.BreakGlassRequestObject) (api.BreakGlassResponseObject, error) {
	b := Breaking{Object: string(req.Body.Object), ObjectID: req.Body.ObjectID, Reason: req.Body.Reason}
	if req.Body.Hours != nil {
		b.Hours = int(*req.Body.Hours)
	}
	g, err := h.glasses.Break(ctx, org.ActorFrom(ctx), b)
	if err != nil {
		return nil, err
	}
	return api.BreakGlass201JSONResponse{
		ID: int64(g.ID), Object: api.BrokenGlassObject(g.Object), ObjectID: g.ObjectID, OpenedAt: g.OpenedAt, EndsAt: g.EndsAt,
		ReviewOn: string(g.ReviewOn),
	}, nil
}

// ListBreakGlassReviews serves GET /v1/break-glass/reviews.
func (h *GlassHandler) ListBreakGlassReviews(ctx context.Context, req api.ListBreakGlassReviewsRequestObject) (api.ListBreakGlassReviewsResponseObject, error) {
	all, next, err := h.glasses.ToReview(ctx, org.ActorFrom(ctx), api.Given(req.Params.Cursor), api.Given(req.Params.PageSize))
	if err != nil {
		return nil, err
	}
	answer := api.ListBreakGlassReviews200JSONResponse{Items: make([]api.GlassReview, len(all)), NextCursor: api.Optional(next)}
	for i, g := range all {
		answer.Items[i] = api.GlassReview{
			ID: int64(g.ID), Object: api.GlassReviewObject(g.Object), Role: string(g.Role), UnitName: g.UnitName, AreaName: g.AreaName,
			OpenedAt: g.OpenedAt, EndsAt: g.EndsAt, Reason: g.Reason,
		}
	}
	return answer, nil
}

// ReviewBreakGlass serves POST /v1/break-glass/{glassId}/review.
func (h *GlassHandler) ReviewBreakGlass(ctx context.Context, req api.ReviewBreakGlassRequestObject) (api.ReviewBreakGlassResponseObject, error) {
	err := h.glasses.Review(ctx, org.ActorFrom(ctx), GlassID(req.GlassID), req.Body.Needed, api.Given(req.Body.Note))
	if err != nil {
		return nil, err
	}
	return api.ReviewBreakGlass204Response{}, nil
}

// ToAPI are openings as the page of a record lists them.
func ToAPI(openings []Opening) []api.GlassOpening {
	all := make([]api.GlassOpening, len(openings))
	for i, o := range openings {
		all[i] = api.GlassOpening{
			Role: string(o.Role), UnitName: o.UnitName, OpenedAt: o.OpenedAt, EndsAt: o.EndsAt, Reason: o.Reason,
			Verdict: (*api.GlassOpeningVerdict)(api.Optional(o.Verdict)),
		}
	}
	return all
}
