package report

import (
	"context"

	"wanjia/api"
	"wanjia/internal/org"
)

// Handler serves the operations of the contract's part report.
type Handler struct{ service *Service }

// NewHandler makes a Handler.
func NewHandler(s *Service) *Handler { return &Handler{service: s} }

// GetRequestReport serves GET /v1/reports/requests.
func (h *Handler) GetRequestReport(ctx context.Context, req api.GetRequestReportRequestObject) (api.GetRequestReportResponseObject, error) {
	in, err := h.service.Requests(ctx, org.ActorFrom(ctx), org.UnitID(req.Params.PlaceID), req.Params.Quarter)
	if err != nil {
		return nil, err
	}
	answer := api.GetRequestReport200JSONResponse{
		PlaceID: int64(in.Place.ID), PlaceName: in.Place.Name, Quarter: req.Params.Quarter,
		ResolvedAtLowest: in.AtLowest.String(), ResolvedAbove: in.Above.String(), LowestLevelRate: in.LowestRate,
		Reopened: in.Again.String(), ReopenedShare: in.ReopenedShare,
	}
	if in.Resolved != nil {
		n := int32(*in.Resolved)
		answer.Resolved = &n
	}
	if in.AnswerMinutes != nil {
		n := int32(*in.AnswerMinutes)
		answer.MedianAnswerMinutes = &n
	}
	return answer, nil
}
