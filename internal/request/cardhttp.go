package request

import (
	"context"

	"wanjia/api"
	"wanjia/internal/org"
	"wanjia/internal/privacy"
)

// ProposeCard serves POST /v1/cards.
func (h *Handler) ProposeCard(ctx context.Context, req api.ProposeCardRequestObject) (api.ProposeCardResponseObject, error) {
	b := req.Body
	n := NewCard{
		CardText: CardText{
			Kind: CardKind(b.Kind), Category: Code(b.Category), Title: b.Title, ForWhom: api.Given(b.ForWhom), Region: api.Given(b.Region),
			Materials: api.Given(b.Materials), Counter: api.Given(b.Counter), HowTo: api.Given(b.HowTo), Source: api.Given(b.Source),
		},
		Wide: api.Given(b.Reach) == api.NewCardReachSubdistrict, Request: ID(api.Given(b.RequestID)), Replaces: CardID(api.Given(b.Replaces)),
	}
	var err error
	if n.ValidFrom, err = day("/validFrom", &b.ValidFrom); err != nil {
		return nil, err
	}
	if n.ValidTo, err = day("/validTo", &b.ValidTo); err != nil {
		return nil, err
	}
	if n.ReviewOn, err = day("/reviewOn", &b.ReviewOn); err != nil {
		return nil, err
	}
	c, err := h.service.ProposeCard(ctx, org.ActorFrom(ctx), n)
	if err != nil {
		return nil, err
	}
	return api.ProposeCard201JSONResponse(c.toAPI()), nil
}

// ListCards serves GET /v1/cards.
func (h *Handler) ListCards(ctx context.Context, req api.ListCardsRequestObject) (api.ListCardsResponseObject, error) {
	p := req.Params
	f := CardFilter{Kept: api.Given(p.Which) == api.ListCardsParamsWhichKept, Unit: org.UnitID(api.Given(p.UnitID)), Category: Code(api.Given(p.Category))}
	rows, next, err := h.service.Cards(ctx, org.ActorFrom(ctx), f, api.Given(p.Cursor), api.Given(p.PageSize))
	if err != nil {
		return nil, err
	}
	return api.ListCards200JSONResponse{Items: cardsToAPI(rows), NextCursor: api.Optional(next)}, nil
}

// GetCard serves GET /v1/cards/{cardId}.
func (h *Handler) GetCard(ctx context.Context, req api.GetCardRequestObject) (api.GetCardResponseObject, error) {
	d, err := h.service.Card(ctx, org.ActorFrom(ctx), CardID(req.CardID))
	if err != nil {
		return nil, err
	}
	answer := api.GetCard200JSONResponse{Card: d.toAPI(), History: make([]api.CardStep, len(d.History))}
	for i, s := range d.History {
		answer.History[i] = api.CardStep{
			CardID: int64(s.CardID), Edition: int32(s.Edition), Move: s.Move, FromState: (*api.CardState)(s.From), ToState: api.CardState(s.To),
			AssignmentID: api.Optional(int64(s.Assignment)), Note: api.Optional(privacy.MaskPhones(s.Note)), At: s.At,
		}
	}
	return answer, nil
}

// ApproveCard serves POST /v1/cards/{cardId}/approve.
func (h *Handler) ApproveCard(ctx context.Context, req api.ApproveCardRequestObject) (api.ApproveCardResponseObject, error) {
	a := Approval{Version: req.Body.Version}
	var err error
	if a.ValidTo, err = day("/validTo", req.Body.ValidTo); err != nil {
		return nil, err
	}
	if a.ReviewOn, err = day("/reviewOn", req.Body.ReviewOn); err != nil {
		return nil, err
	}
	c, err := h.service.ApproveCard(ctx, org.ActorFrom(ctx), CardID(req.CardID), a)
	if err != nil {
		return nil, err
	}
	return api.ApproveCard200JSONResponse(c.toAPI()), nil
}

// RetireCard serves POST /v1/cards/{cardId}/retire.
func (h *Handler) RetireCard(ctx context.Context, req api.RetireCardRequestObject) (api.RetireCardResponseObject, error) {
	c, err := h.service.RetireCard(ctx, org.ActorFrom(ctx), CardID(req.CardID), req.Body.Version, req.Body.Reason)
	if err != nil {
		return nil, err
	}
	return api.RetireCard200JSONResponse(c.toAPI()), nil
}

// AttachCard serves POST /v1/requests/{requestId}/cards.
func (h *Handler) AttachCard(ctx context.Context, req api.AttachCardRequestObject) (api.AttachCardResponseObject, error) {
	m, err := h.service.AttachCard(ctx, org.ActorFrom(ctx), ID(req.RequestID), CardID(req.Body.CardID))
	if err != nil {
		return nil, err
	}
	return api.AttachCard200JSONResponse(m.toAPI()), nil
}

// ListRequestCards serves GET /v1/requests/{requestId}/cards.
func (h *Handler) ListRequestCards(ctx context.Context, req api.ListRequestCardsRequestObject) (api.ListRequestCardsResponseObject, error) {
	attached, suggested, err := h.service.CardsOn(ctx, org.ActorFrom(ctx), ID(req.RequestID))
	if err != nil {
		return nil, err
	}
	return api.ListRequestCards200JSONResponse{Attached: cardsToAPI(attached), Suggested: cardsToAPI(suggested)}, nil
}

func (c Card) toAPI() api.Card {
	return api.Card{
		ID: int64(c.ID), Edition: int32(c.Edition), FirstEditionID: (*int64)(c.SeriesID), Kind: api.CardKind(c.Kind), State: api.CardState(c.State),
		Category: api.RequestCategory(c.Category), UnitID: int64(c.UnitID), UnitName: c.UnitName, Title: c.Title,
		ForWhom: api.Optional(c.ForWhom), Region: api.Optional(c.Region), Materials: api.Optional(c.Materials), Counter: api.Optional(c.Counter),
		HowTo: api.Optional(c.HowTo), Source: api.Optional(c.Source), ValidFrom: string(c.ValidFrom), ValidTo: string(c.ValidTo),
		ReviewOn: string(c.ReviewOn), ProposedAt: c.ProposedAt, Version: c.Version,
	}
}

func cardsToAPI(rows []Card) []api.Card {
	cards := make([]api.Card, len(rows))
	for i, c := range rows {
		cards[i] = c.toAPI()
	}
	return cards
}
