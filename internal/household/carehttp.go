package household

import (
	"context"

	"wanjia/api"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/privacy"
)

// GiveHouseholdConsent serves POST /v1/households/{householdId}/consents.
func (h *Handler) GiveHouseholdConsent(ctx context.Context, req api.GiveHouseholdConsentRequestObject) (api.GiveHouseholdConsentResponseObject, error) {
	n := NewConsent{
		Household: ID(req.HouseholdID), Purpose: ConsentPurpose(req.Body.Purpose), Wording: req.Body.Wording, Channel: string(req.Body.Channel),
	}
	if req.Body.ValidUntil != nil {
		until, err := calendar.ParseDay(*req.Body.ValidUntil)
		if err != nil {
			return nil, ErrDay.Field("/validUntil", ErrDay.Code)
		}
		n.Until = until
	}
	c, err := h.service.GiveConsent(ctx, org.ActorFrom(ctx), n)
	if err != nil {
		return nil, err
	}
	return api.GiveHouseholdConsent201JSONResponse(c.toAPI(h.today())), nil
}

// WithdrawHouseholdConsent serves POST /v1/households/{householdId}/consents/withdraw.
func (h *Handler) WithdrawHouseholdConsent(ctx context.Context, req api.WithdrawHouseholdConsentRequestObject) (api.WithdrawHouseholdConsentResponseObject, error) {
	c, err := h.service.WithdrawConsent(ctx, org.ActorFrom(ctx), ID(req.HouseholdID), ConsentPurpose(req.Body.Purpose), string(req.Body.Channel))
	if err != nil {
		return nil, err
	}
	return api.WithdrawHouseholdConsent200JSONResponse(c.toAPI(h.today())), nil
}

func (h *Handler) today() calendar.Day { return calendar.DayOf(h.service.db.Now()) }

// toAPI is c as it is on a day.
func (c Consent) toAPI(today calendar.Day) api.HouseholdConsent {
	a := api.HouseholdConsent{Purpose: api.CarePurpose(c.Purpose), Agreed: c.Holds(today), Since: string(c.From)}
	if again, no := c.AskAgainOn(); no {
		text := string(again)
		a.AskAgainOn = &text
		return a
	}
	a.ValidUntil = day(c.Until)
	return a
}

// MuteHousehold serves POST /v1/households/{householdId}/mute.
func (h *Handler) MuteHousehold(ctx context.Context, req api.MuteHouseholdRequestObject) (api.MuteHouseholdResponseObject, error) {
	until, err := calendar.ParseDay(req.Body.Until)
	if err != nil {
		return nil, ErrDay.Field("/until", ErrDay.Code)
	}
	if err := h.service.Mute(ctx, org.ActorFrom(ctx), ID(req.HouseholdID), until); err != nil {
		return nil, err
	}
	return api.MuteHousehold204Response{}, nil
}

// ListFlags serves GET /v1/households/{householdId}/flags.
func (h *Handler) ListFlags(ctx context.Context, req api.ListFlagsRequestObject) (api.ListFlagsResponseObject, error) {
	all, err := h.service.Flags(ctx, org.ActorFrom(ctx), ID(req.HouseholdID))
	if err != nil {
		return nil, err
	}
	items := make([]api.Flag, len(all))
	for i, f := range all {
		items[i] = f.toAPI()
	}
	return api.ListFlags200JSONResponse{Items: items}, nil
}

// SetFlag serves POST /v1/households/{householdId}/flags.
func (h *Handler) SetFlag(ctx context.Context, req api.SetFlagRequestObject) (api.SetFlagResponseObject, error) {
	b := req.Body
	expires, err := calendar.ParseDay(b.ExpiresOn)
	if err != nil {
		return nil, ErrDay.Field("/expiresOn", ErrDay.Code)
	}
	f, err := h.service.SetFlag(ctx, org.ActorFrom(ctx), NewFlag{
		Household: ID(req.HouseholdID), Kind: FlagKind(b.Kind), Source: string(b.Source), Purpose: b.Purpose, Note: api.Given(b.Note),
		Temporary: api.Given(b.Temporary), BasisID: privacy.BasisID(api.Given(b.LegalBasisID)), ExpiresOn: expires,
	})
	if err != nil {
		return nil, err
	}
	return api.SetFlag201JSONResponse(f.toAPI()), nil
}

// RenewFlag serves POST /v1/flags/{flagId}/renew.
func (h *Handler) RenewFlag(ctx context.Context, req api.RenewFlagRequestObject) (api.RenewFlagResponseObject, error) {
	expires, err := calendar.ParseDay(req.Body.ExpiresOn)
	if err != nil {
		return nil, ErrDay.Field("/expiresOn", ErrDay.Code)
	}
	f, err := h.service.RenewFlag(ctx, org.ActorFrom(ctx), FlagID(req.FlagID), expires, req.Body.Reason)
	if err != nil {
		return nil, err
	}
	return api.RenewFlag200JSONResponse(f.toAPI()), nil
}

// EndFlag serves POST /v1/flags/{flagId}/end.
func (h *Handler) EndFlag(ctx context.Context, req api.EndFlagRequestObject) (api.EndFlagResponseObject, error) {
	if err := h.service.EndFlag(ctx, org.ActorFrom(ctx), FlagID(req.FlagID)); err != nil {
		return nil, err
	}
	return api.EndFlag204Response{}, nil
}

// UnmaskFlag serves POST /v1/flags/{flagId}/unmask.
func (h *Handler) UnmaskFlag(ctx context.Context, req api.UnmaskFlagRequestObject) (api.UnmaskFlagResponseObject, error) {
	note, err := h.service.UnmaskFlag(ctx, org.ActorFrom(ctx), FlagID(req.FlagID), why(req.Body))
	if err != nil {
		return nil, err
	}
	return api.UnmaskFlag200JSONResponse{Note: api.Optional(note)}, nil
}

// RefuseFlag serves POST /v1/flags/{flagId}/refuse.
func (h *Handler) RefuseFlag(ctx context.Context, req api.RefuseFlagRequestObject) (api.RefuseFlagResponseObject, error) {
	if err := h.service.RefuseFlag(ctx, org.ActorFrom(ctx), FlagID(req.FlagID), string(req.Body.Channel)); err != nil {
		return nil, err
	}
	return api.RefuseFlag204Response{}, nil
}

func (f Flag) toAPI() api.Flag {
	a := api.Flag{
		ID: int64(f.ID), HouseholdID: int64(f.Household), Kind: api.FlagKind(f.Kind), Source: f.Source, Purpose: f.Purpose,
		Note: api.Optional(privacy.MaskPhones(f.Note)), Temporary: f.Temporary, RestsOn: "consent", ExpiresOn: string(f.ExpiresOn), SeenAt: f.SeenAt,
		RecordedAt: f.RecordedAt,
	}
	if f.BasisID != nil {
		a.RestsOn = "legal_basis"
	}
	return a
}
