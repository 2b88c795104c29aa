package privacy

import (
	"context"

	"wanjia/api"
	"wanjia/internal/org"
)

// A RetentionHandler serves the operations of api/parts/retention.yaml.
type RetentionHandler struct{ retention *Retention }

// NewRetentionHandler makes a RetentionHandler of s.
func NewRetentionHandler(s *Retention) *RetentionHandler { return &RetentionHandler{s} }

// PreviewRetention serves GET /v1/retention.
func (h *RetentionHandler) PreviewRetention(ctx context.Context, _ api.PreviewRetentionRequestObject) (api.PreviewRetentionResponseObject, error) {
	counts, err := h.retention.Preview(ctx, countTo)
	if err != nil {
		return nil, err
	}
	items := make([]api.RetainedClass, len(counts))
	for i, c := range counts {
		items[i] = api.RetainedClass{
			Class: c.Class, Tables: c.Tables, Months: int32(c.Kept.Months), Days: int32(c.Kept.Days), Due: c.Due, More: c.More,
		}
	}
	return api.PreviewRetention200JSONResponse{Items: items}, nil
}

// RunRetention serves POST /v1/retention/run.
func (h *RetentionHandler) RunRetention(ctx context.Context, _ api.RunRetentionRequestObject) (api.RunRetentionResponseObject, error) {
	runs, err := h.retention.EraseAs(ctx, org.ActorFrom(ctx))
	if err != nil {
		return nil, err
	}
	return api.RunRetention200JSONResponse{Items: runsToAPI(runs)}, nil
}

// ListRetentionRuns serves GET /v1/retention/runs.
func (h *RetentionHandler) ListRetentionRuns(ctx context.Context, req api.ListRetentionRunsRequestObject) (api.ListRetentionRunsResponseObject, error) {
	runs, next, err := h.retention.Runs(ctx, org.ActorFrom(ctx), api.Given(req.Params.Cursor), api.Given(req.Params.PageSize))
	if err != nil {
		return nil, err
	}
	return api.ListRetentionRuns200JSONResponse{Items: runsToAPI(runs), NextCursor: api.Optional(next)}, nil
}

func runsToAPI(runs []Run) []api.RetentionRun {
	items := make([]api.RetentionRun, len(runs))
	for i, r := range runs {
		items[i] = api.RetentionRun{
			ID: r.ID, Class: r.Class, Night: r.Night, Due: r.Due, Erased: r.Erased, StartedAt: r.StartedAt, EndedAt: r.EndedAt,
		}
	}
	return items
}
