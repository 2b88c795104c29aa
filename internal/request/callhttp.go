package request

import (
	"context"

	"wanjia/api"
	"wanjia/internal/org"
	"wanjia/internal/privacy"
)

// ListCalls serves GET /v1/calls.
func (h *Handler) ListCalls(ctx context.Context, req api.ListCallsRequestObject) (api.ListCallsResponseObject, error) {
	rows, next, err := h.service.Calls(ctx, org.ActorFrom(ctx), api.Given(req.Params.Cursor), api.Given(req.Params.PageSize))
	if err != nil {
		return nil, err
	}
	items := make([]api.Call, len(rows))
	for i, c := range rows {
		items[i] = c.toAPI()
	}
	return api.ListCalls200JSONResponse{Items: items, NextCursor: api.Optional(next)}, nil
}

// GetCall serves GET /v1/calls/{callId}.
func (h *Handler) GetCall(ctx context.Context, req api.GetCallRequestObject) (api.GetCallResponseObject, error) {
	d, err := h.service.ReadCall(ctx, org.ActorFrom(ctx), CallID(req.CallID), language(req.Params.AcceptLanguage))
	if err != nil {
		return nil, err
	}
	c := d.toAPI()
	answer := api.GetCall200JSONResponse{
		ID: c.ID, RequestID: c.RequestID, State: api.CallDetailState(c.State), Messages: c.Messages, Tries: c.Tries, TriedOn: c.TriedOn,
		DueOn: c.DueOn, OpenedAt: c.OpenedAt, Version: c.Version, ReceiptCode: d.Receipt.start(),
		Who: api.Optional(d.Who.Masked()), Phone: api.Optional(d.Phone.Begun()), Say: make([]api.ReceiptStep, len(d.Say)),
	}
	for i, s := range d.Say {
		answer.Say[i] = api.ReceiptStep{Move: s.Move, Words: s.Words, At: s.At, Text: api.Optional(s.Text), Own: s.Own}
	}
	return answer, nil
}

// FinishCall serves POST /v1/calls/{callId}/finish.
func (h *Handler) FinishCall(ctx context.Context, req api.FinishCallRequestObject) (api.FinishCallResponseObject, error) {
	c, err := h.service.FinishCall(ctx, org.ActorFrom(ctx), CallID(req.CallID), CallState(req.Body.Outcome))
	if err != nil {
		return nil, err
	}
	return api.FinishCall200JSONResponse(c.toAPI()), nil
}

// UnmaskCall serves POST /v1/calls/{callId}/unmask.
func (h *Handler) UnmaskCall(ctx context.Context, req api.UnmaskCallRequestObject) (api.UnmaskCallResponseObject, error) {
	field, why := asked(req.Body)
	shown, err := h.service.UnmaskCall(ctx, org.ActorFrom(ctx), CallID(req.CallID), field, why)
	if err != nil {
		return nil, err
	}
	return api.UnmaskCall200JSONResponse(inFull(field, shown)), nil
}

// UnmaskAsker serves POST /v1/requests/{requestId}/unmask.
func (h *Handler) UnmaskAsker(ctx context.Context, req api.UnmaskAskerRequestObject) (api.UnmaskAskerResponseObject, error) {
	field, why := asked(req.Body)
	shown, err := h.service.UnmaskAsker(ctx, org.ActorFrom(ctx), ID(req.RequestID), AskerID(api.Given(req.Body.AskerID)), field, why)
	if err != nil {
		return nil, err
	}
	return api.UnmaskAsker200JSONResponse(inFull(field, shown)), nil
}

// asked is the one field that is to be shown, and why.
func asked(b *api.AskerUnmasking) (string, privacy.Why) {
	return string(b.Fields[0]), privacy.Why{Purpose: privacy.Purpose(b.Purpose), Reason: b.Reason}
}

func inFull(field, shown string) api.UnmaskedAsker {
	switch field {
	case FormOfAddress:
		return api.UnmaskedAsker{FormOfAddress: api.Optional(shown)}
	case OwnWords:
		return api.UnmaskedAsker{What: api.Optional(shown)}
	case Written:
		return api.UnmaskedAsker{Written: api.Optional(shown)}
	}
	return api.UnmaskedAsker{Phone: api.Optional(shown)}
}

func (c Call) toAPI() api.Call {
	return api.Call{
		ID: int64(c.ID), RequestID: int64(c.Request), State: api.CallState(c.State), Messages: int32(c.Messages), Tries: int32(c.Tries),
		TriedOn: c.TriedOn, DueOn: c.DueOn, OpenedAt: c.OpenedAt, Version: c.Version,
	}
}
