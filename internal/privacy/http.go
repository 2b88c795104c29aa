package privacy

import (
	"context"

	"wanjia/api"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
)

// A Handler serves the operations of api/parts/privacy.yaml.
type Handler struct{ service *Service }

// NewHandler makes a Handler of s.
func NewHandler(s *Service) *Handler { return &Handler{s} }

// GetPolicyGuard serves GET /v1/policy/guard.
func (h *Handler) GetPolicyGuard(context.Context, api.GetPolicyGuardRequestObject) (api.GetPolicyGuardResponseObject, error) {
	rules := Rules()
	items := make([]api.PolicyRule, len(rules))
	for i, r := range rules {
		items[i] = api.PolicyRule{Rule: r.Name, RuleText: r.Text, Keys: r.Keys}
	}
	return api.GetPolicyGuard200JSONResponse{Items: items}, nil
}

// SetPolicy serves PUT /v1/policy/settings/{key}.
func (h *Handler) SetPolicy(ctx context.Context, req api.SetPolicyRequestObject) (api.SetPolicyResponseObject, error) {
	want := Setting{Key: req.Key, UnitID: org.UnitID(req.Body.UnitID), Enabled: req.Body.Enabled, Reason: req.Body.Reason}
	if req.Body.LegalBasisID != nil {
		want.BasisID = BasisID(*req.Body.LegalBasisID)
	}
	if err := h.service.Set(ctx, org.ActorFrom(ctx), want); err != nil {
		return nil, err
	}
	return api.SetPolicy204Response{}, nil
}

// RecordLegalBasis serves POST /v1/legal-bases.
func (h *Handler) RecordLegalBasis(ctx context.Context, req api.RecordLegalBasisRequestObject) (api.RecordLegalBasisResponseObject, error) {
	id, err := h.service.RecordBasis(ctx, org.ActorFrom(ctx), Basis{
		Purpose: req.Body.Purpose, Instrument: req.Body.Instrument, Clause: req.Body.Clause, Issuer: req.Body.Issuer,
		IssuedOn: calendar.Day(req.Body.IssuedOn.String()), ValidUntil: calendar.Day(req.Body.ValidUntil.String()),
	})
	if err != nil {
		return nil, err
	}
	return api.RecordLegalBasis201JSONResponse{ID: int64(id)}, nil
}

// ApproveLegalBasis serves POST /v1/legal-bases/{basisId}/approve.
func (h *Handler) ApproveLegalBasis(ctx context.Context, req api.ApproveLegalBasisRequestObject) (api.ApproveLegalBasisResponseObject, error) {
	if err := h.service.ApproveBasis(ctx, org.ActorFrom(ctx), BasisID(req.BasisID)); err != nil {
		return nil, err
	}
	return api.ApproveLegalBasis204Response{}, nil
}

// ListLegalBases serves GET /v1/legal-bases.
func (h *Handler) ListLegalBases(ctx context.Context, req api.ListLegalBasesRequestObject) (api.ListLegalBasesResponseObject, error) {
	var cursor string
	var size int
	if req.Params.Cursor != nil {
		cursor = *req.Params.Cursor
	}
	if req.Params.PageSize != nil {
		size = *req.Params.PageSize
	}
	bases, next, err := h.service.Bases(ctx, org.ActorFrom(ctx), cursor, size)
	if err != nil {
		return nil, err
	}
	answer := api.ListLegalBases200JSONResponse{Items: make([]api.LegalBasis, len(bases))}
	for i, b := range bases {
		answer.Items[i] = toAPI(b)
	}
	if next != "" {
		answer.NextCursor = &next
	}
	return answer, nil
}

func toAPI(b Basis) api.LegalBasis {
	return api.LegalBasis{
		ID: int64(b.ID), Purpose: b.Purpose, Instrument: b.Instrument, Clause: b.Clause, Issuer: b.Issuer,
		IssuedOn: string(b.IssuedOn), ValidUntil: string(b.ValidUntil), State: api.LegalBasisState(b.State),
		EnteredBy: int64(b.EnteredBy), EnteredAt: b.EnteredAt, ApprovedBy: (*int64)(b.ApprovedBy), ApprovedAt: b.ApprovedAt,
	}
}
