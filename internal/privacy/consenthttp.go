package privacy

import (
	"context"

	"wanjia/api"
	"wanjia/internal/org"
)

// A ConsentHandler serves the operations of api/parts/consent.yaml.
type ConsentHandler struct{ consents *Consents }

// NewConsentHandler makes a ConsentHandler of s.
func NewConsentHandler(s *Consents) *ConsentHandler { return &ConsentHandler{s} }

// ListOwnConsents serves GET /v1/me/consents.
func (h *ConsentHandler) ListOwnConsents(ctx context.Context, _ api.ListOwnConsentsRequestObject) (api.ListOwnConsentsResponseObject, error) {
	all, err := h.consents.Of(ctx, org.ActorFrom(ctx))
	if err != nil {
		return nil, err
	}
	items := make([]api.OwnConsent, len(all))
	for i, c := range all {
		items[i] = c.toAPI()
	}
	return api.ListOwnConsents200JSONResponse{Items: items}, nil
}

func (c Consent) toAPI() api.OwnConsent {
	w := consentWords[c.Purpose]
	own := api.OwnConsent{
		Purpose: api.OwnConsentPurpose(c.Purpose), Label: w.Label["zh"], LabelEn: w.Label["en"], Text: w.Text["zh"], TextEn: w.Text["en"],
		Version: w.Version, State: api.OwnConsentState(c.State), Holds: c.Holds(),
	}
	if c.State == NotAsked {
		return own
	}
	assisted := c.RecordedBy != c.PersonID
	own.SaidVersion, own.SaidAt, own.EndedAt, own.Assisted, own.AskAgainAt = &c.Version, &c.SaidAt, c.EndedAt, &assisted, c.AskAgainAt()
	return own
}

// GiveConsent serves POST /v1/me/consents/{purpose}/give.
func (h *ConsentHandler) GiveConsent(ctx context.Context, req api.GiveConsentRequestObject) (api.GiveConsentResponseObject, error) {
	if err := h.consents.Say(ctx, org.ActorFrom(ctx), ConsentPurpose(req.Purpose), req.Body.Version, Given); err != nil {
		return nil, err
	}
	return api.GiveConsent204Response{}, nil
}

// RefuseConsent serves POST /v1/me/consents/{purpose}/refuse.
func (h *ConsentHandler) RefuseConsent(ctx context.Context, req api.RefuseConsentRequestObject) (api.RefuseConsentResponseObject, error) {
	if err := h.consents.Say(ctx, org.ActorFrom(ctx), ConsentPurpose(req.Purpose), req.Body.Version, Refused); err != nil {
		return nil, err
	}
	return api.RefuseConsent204Response{}, nil
}

// WithdrawConsent serves POST /v1/me/consents/{purpose}/withdraw.
func (h *ConsentHandler) WithdrawConsent(ctx context.Context, req api.WithdrawConsentRequestObject) (api.WithdrawConsentResponseObject, error) {
	if err := h.consents.Say(ctx, org.ActorFrom(ctx), ConsentPurpose(req.Purpose), 0, Withdrawn); err != nil {
		return nil, err
	}
	return api.WithdrawConsent204Response{}, nil
}

// RecordConsent serves POST /v1/consents.
func (h *ConsentHandler) RecordConsent(ctx context.Context, req api.RecordConsentRequestObject) (api.RecordConsentResponseObject, error) {
	a := Assisted{
		Person: org.PersonID(req.Body.PersonID), Purpose: ConsentPurpose(req.Body.Purpose), Version: req.Body.Version,
		State: ConsentState(req.Body.Answer),
	}
	if req.Body.WitnessID != nil {
		a.Witness = org.PersonID(*req.Body.WitnessID)
	}
	if err := h.consents.Record(ctx, org.ActorFrom(ctx), a); err != nil {
		return nil, err
	}
	return api.RecordConsent204Response{}, nil
}
