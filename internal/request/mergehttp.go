package request

import (
	"context"

	"wanjia/api"
	"wanjia/internal/org"
)

// MergeRequests serves POST /v1/requests/{requestId}/merge.
func (h *Handler) MergeRequests(ctx context.Context, req api.MergeRequestsRequestObject) (api.MergeRequestsResponseObject, error) {
	ids := make([]ID, len(req.Body.RequestIds))
	for i, id := range req.Body.RequestIds {
		ids[i] = ID(id)
	}
	m, err := h.service.Merge(ctx, org.ActorFrom(ctx), ID(req.RequestID), ids)
	if err != nil {
		return nil, err
	}
	answer := api.MergeRequests200JSONResponse{Request: m.toAPI(), MergedIds: make([]int64, len(m.Merged)), Askers: int32(m.Askers)}
	for i, id := range m.Merged {
		answer.MergedIds[i] = int64(id)
	}
	return answer, nil
}

// UnmergeRequest serves POST /v1/requests/{requestId}/unmerge.
func (h *Handler) UnmergeRequest(ctx context.Context, req api.UnmergeRequestRequestObject) (api.UnmergeRequestResponseObject, error) {
	m, err := h.service.Unmerge(ctx, org.ActorFrom(ctx), ID(req.RequestID))
	if err != nil {
		return nil, err
	}
	return api.UnmergeRequest200JSONResponse(m.toAPI()), nil
}
