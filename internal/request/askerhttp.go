package request

import (
	"context"

	"wanjia/api"
	"wanjia/internal/org"
	"wanjia/internal/platform/say"
)

// CreatePublicRequest serves POST /v1/receipts.
func (h *Handler) CreatePublicRequest(ctx context.Context, req api.CreatePublicRequestRequestObject) (api.CreatePublicRequestResponseObject, error) {
	b := req.Body
	t := Telling{
		Need: Need{What: b.What, Who: api.Given(b.Who), Category: Code(api.Given(b.Category)), Danger: Danger(api.Given(b.Danger))},
		Site: site(&b.Site), HappenedAt: b.HappenedAt,
	}
	t.CallBack, t.Phone = CallBackOf(b.CallBack)
	if b.ClientRef != nil {
		t.ClientRef = b.ClientRef.String()
	}
	begun, err := h.service.CreatePublic(ctx, t, language(req.Params.AcceptLanguage))
	if err != nil {
		return nil, err
	}
	begun.Request = 0
	return api.CreatePublicRequest201JSONResponse(begun.toAPI()), nil
}

// CreateMyRequest serves POST /v1/me/requests.
func (h *Handler) CreateMyRequest(ctx context.Context, req api.CreateMyRequestRequestObject) (api.CreateMyRequestResponseObject, error) {
	b := req.Body
	t := Telling{
		Need: Need{What: b.What, Category: Code(api.Given(b.Category)), Danger: Danger(api.Given(b.Danger)), About: org.AssignmentID(api.Given(b.AboutAssignmentID))},
		Site: site(&b.Site), HappenedAt: b.HappenedAt,
	}
	t.CallBack, t.Phone = CallBackOf(b.CallBack)
	if b.ClientRef != nil {
		t.ClientRef = b.ClientRef.String()
	}
	begun, err := h.service.CreateOwn(ctx, org.ActorFrom(ctx), t, language(req.Params.AcceptLanguage))
	if err != nil {
		return nil, err
	}
	return api.CreateMyRequest201JSONResponse(begun.toAPI()), nil
}

func (b Begun) toAPI() api.BegunRequest {
	return api.BegunRequest{
		RequestID: api.Optional(int64(b.Request)), ReceiptCode: b.Receipt.String(), Secret: (*api.ReceiptSecret)(api.Optional(b.Secret)),
		Status: b.Words.Status, Holder: b.Words.Holder, Words: api.Optional(b.Words.Now),
		DangerText: b.Danger.toAPI(),
	}
}

func site(s *api.RequestSite) Site {
	if s == nil {
		return Site{}
	}
	return Site{Place: org.UnitID(s.PlaceID), Building: api.Given(s.Building), Entrance: s.Entrance}
}

// language is what Accept-Language asks for.
func language(header *string) say.Lang { return say.Preferred(api.Given(header)) }

// OpenReceipt serves POST /v1/receipts/open.
func (h *Handler) OpenReceipt(ctx context.Context, req api.OpenReceiptRequestObject) (api.OpenReceiptResponseObject, error) {
	as, err := h.service.Shown(ctx, Proof{req.Body.ReceiptCode, req.Body.Secret})
	if err != nil {
		return nil, err
	}
	p, err := h.service.Page(ctx, Reader{as, language(req.Params.AcceptLanguage)})
	if err != nil {
		return nil, err
	}
	return api.OpenReceipt200JSONResponse(p.toAPI()), nil
}

// AddReceiptMessage serves POST /v1/receipts/messages.
func (h *Handler) AddReceiptMessage(ctx context.Context, req api.AddReceiptMessageRequestObject) (api.AddReceiptMessageResponseObject, error) {
	as, err := h.service.Shown(ctx, Proof{req.Body.ReceiptCode, req.Body.Secret})
	if err != nil {
		return nil, err
	}
	f, err := h.service.Say(ctx, as, req.Body.Text)
	if err != nil {
		return nil, err
	}
	return api.AddReceiptMessage200JSONResponse(f.toAPI()), nil
}

// AnswerOutcomeByReceipt serves POST /v1/receipts/answer.
func (h *Handler) AnswerOutcomeByReceipt(ctx context.Context, req api.AnswerOutcomeByReceiptRequestObject) (api.AnswerOutcomeByReceiptResponseObject, error) {
	as, err := h.service.Shown(ctx, Proof{req.Body.ReceiptCode, req.Body.Secret})
	if err != nil {
		return nil, err
	}
	f, err := h.service.Answer(ctx, as, req.Body.Outcome == api.ReceiptAnswerOutcomeDone, api.Given(req.Body.Note))
	if err != nil {
		return nil, err
	}
	return api.AnswerOutcomeByReceipt200JSONResponse(f.toAPI()), nil
}

// WithdrawByReceipt serves POST /v1/receipts/withdraw.
func (h *Handler) WithdrawByReceipt(ctx context.Context, req api.WithdrawByReceiptRequestObject) (api.WithdrawByReceiptResponseObject, error) {
	as, err := h.service.Shown(ctx, Proof{req.Body.ReceiptCode, req.Body.Secret})
	if err != nil {
		return nil, err
	}
	f, err := h.service.TakeBack(ctx, as)
	if err != nil {
		return nil, err
	}
	return api.WithdrawByReceipt200JSONResponse(f.toAPI()), nil
}

// CorrectByReceipt serves POST /v1/receipts/contact.
func (h *Handler) CorrectByReceipt(ctx context.Context, req api.CorrectByReceiptRequestObject) (api.CorrectByReceiptResponseObject, error) {
	as, err := h.service.Shown(ctx, Proof{req.Body.ReceiptCode, req.Body.Secret})
	if err != nil {
		return nil, err
	}
	by, phone := CallBackOf(&req.Body.CallBack)
	f, err := h.service.Correct(ctx, as, by, phone)
	if err != nil {
		return nil, err
	}
	return api.CorrectByReceipt200JSONResponse(f.toAPI()), nil
}

// ListMyRequests serves GET /v1/me/requests.
func (h *Handler) ListMyRequests(ctx context.Context, req api.ListMyRequestsRequestObject) (api.ListMyRequestsResponseObject, error) {
	p := req.Params
	rows, next, err := h.service.Mine(ctx, org.ActorFrom(ctx), language(p.AcceptLanguage), api.Given(p.Cursor), api.Given(p.PageSize))
	if err != nil {
		return nil, err
	}
	items := make([]api.MyRequest, len(rows))
	for i, r := range rows {
		items[i] = api.MyRequest{
			RequestID: int64(r.ID), ReceiptCode: r.Receipt.String(), State: api.RequestState(r.State), Status: r.Words.Status,
			Holder: r.Words.Holder, Category: api.RequestCategory(r.Category), AskedAt: r.AskedAt, Settled: r.SettledAt != nil,
			WaitUntil: r.WaitUntil, SolveDueAt: r.SolveDueAt,
		}
	}
	return api.ListMyRequests200JSONResponse{Items: items, NextCursor: api.Optional(next)}, nil
}

// FollowRequest serves POST /v1/me/requests/follow.
func (h *Handler) FollowRequest(ctx context.Context, req api.FollowRequestRequestObject) (api.FollowRequestResponseObject, error) {
	id, err := h.service.FollowShown(ctx, org.ActorFrom(ctx), Proof{req.Body.ReceiptCode, req.Body.Secret})
	if err != nil {
		return nil, err
	}
	return api.FollowRequest200JSONResponse{RequestID: int64(id)}, nil
}

// GetMyRequest serves GET /v1/me/requests/{requestId}.
func (h *Handler) GetMyRequest(ctx context.Context, req api.GetMyRequestRequestObject) (api.GetMyRequestResponseObject, error) {
	p, err := h.service.Page(ctx, Reader{own(ctx, req.RequestID), language(req.Params.AcceptLanguage)})
	if err != nil {
		return nil, err
	}
	return api.GetMyRequest200JSONResponse(p.toAPI()), nil
}

func own(ctx context.Context, id int64) As { return Themselves(org.ActorFrom(ctx), ID(id)) }

// AddRequestMessage serves POST /v1/me/requests/{requestId}/messages.
func (h *Handler) AddRequestMessage(ctx context.Context, req api.AddRequestMessageRequestObject) (api.AddRequestMessageResponseObject, error) {
	f, err := h.service.Say(ctx, own(ctx, req.RequestID), req.Body.Text)
	if err != nil {
		return nil, err
	}
	return api.AddRequestMessage200JSONResponse(f.toAPI()), nil
}

// AnswerRequest serves POST /v1/me/requests/{requestId}/answer.
func (h *Handler) AnswerRequest(ctx context.Context, req api.AnswerRequestRequestObject) (api.AnswerRequestResponseObject, error) {
	f, err := h.service.Answer(ctx, own(ctx, req.RequestID), req.Body.Outcome == api.AskerAnswerOutcomeDone, api.Given(req.Body.Note))
	if err != nil {
		return nil, err
	}
	return api.AnswerRequest200JSONResponse(f.toAPI()), nil
}

// WithdrawMyRequest serves POST /v1/me/requests/{requestId}/withdraw.
func (h *Handler) WithdrawMyRequest(ctx context.Context, req api.WithdrawMyRequestRequestObject) (api.WithdrawMyRequestResponseObject, error) {
	f, err := h.service.TakeBack(ctx, own(ctx, req.RequestID))
	if err != nil {
		return nil, err
	}
	return api.WithdrawMyRequest200JSONResponse(f.toAPI()), nil
}

// CorrectRequest serves POST /v1/me/requests/{requestId}/contact.
func (h *Handler) CorrectRequest(ctx context.Context, req api.CorrectRequestRequestObject) (api.CorrectRequestResponseObject, error) {
	by, phone := CallBackOf(&req.Body.CallBack)
	f, err := h.service.Correct(ctx, own(ctx, req.RequestID), by, phone)
	if err != nil {
		return nil, err
	}
	return api.CorrectRequest200JSONResponse(f.toAPI()), nil
}

// IssueSlips serves POST /v1/receipt-slips.
func (h *Handler) IssueSlips(ctx context.Context, req api.IssueSlipsRequestObject) (api.IssueSlipsResponseObject, error) {
	made, err := h.service.IssueSlips(ctx, org.ActorFrom(ctx), int(req.Body.Count))
	if err != nil {
		return nil, err
	}
	answer := api.IssueSlips201JSONResponse{Slips: make([]api.ReceiptSlip, len(made))}
	for i, s := range made {
		answer.Slips[i] = s.toAPI()
	}
	return answer, nil
}

// PrintSlip serves POST /v1/requests/{requestId}/slip.
func (h *Handler) PrintSlip(ctx context.Context, req api.PrintSlipRequestObject) (api.PrintSlipResponseObject, error) {
	slip, err := h.service.PrintSlip(ctx, org.ActorFrom(ctx), ID(req.RequestID))
	if err != nil {
		return nil, err
	}
	return api.PrintSlip201JSONResponse(slip.toAPI()), nil
}

func (s Slip) toAPI() api.ReceiptSlip {
	return api.ReceiptSlip{ReceiptCode: s.Receipt.String(), Secret: s.Secret}
}

func (f Followed) toAPI() api.FollowedRequest {
	return api.FollowedRequest{State: api.RequestState(f.State), Settled: f.Settled}
}

// viewed says what was seen, by the action that the audit chain has of it.
func (v View) viewed() api.ReceiptViewWhat {
	switch v.Action {
	case "asker.unmasked":
		return api.ReceiptViewWhatContact
	case "request.photos_read":
		return api.ReceiptViewWhatPhotos
	case "request.slip_printed":
		return api.ReceiptViewWhatSlip
	case glassBroken:
		return api.ReceiptViewWhatHome
	}
	return api.ReceiptViewWhatRead
}

func (p ReceiptPage) toAPI() api.ReceiptPage {
	r := p.Request
	page := api.ReceiptPage{
		RequestID: int64(r.ID), ReceiptCode: p.Receipt.String(), State: api.RequestState(r.State), Status: p.Status, Holder: p.Holder,
		Since: api.Optional(p.Since), Words: api.Optional(p.Now), Category: api.RequestCategory(r.Category), What: api.Optional(p.by.own(p.What)),
		RecordedAt: r.RecordedAt, ExpectedOn: r.ExpectedOn, WaitingFor: api.Optional(p.Reason), WaitUntil: r.WaitUntil,
		ClosedAt: r.ClosedAt, CallBackOn: r.CallBackOn, Others: int32(p.Others), Settled: p.SettledAt != nil, MayAnswer: p.MayAnswer,
		ReadOnly:     api.Optional(p.ReadOnly),
		OpeningHours: api.Optional(p.Hours),
		Steps:        make([]api.ReceiptStep, len(p.Steps)), Views: make([]api.ReceiptView, len(p.Views)),
		Promises: make([]api.ReceiptPromise, len(p.Promises)), Cards: make([]api.ReceiptCard, len(p.Cards)),
		Counters: make([]api.ReceiptCounter, len(p.Counters)),
	}
	page.CallBack.By, page.CallBack.Phone = api.ReceiptPageCallBackBy(p.CallBack), api.Optional(p.by.masked(p.Phone))
	if p.Handed != (HandedTo{}) {
		page.HandedTo = &struct {
			Body    string `json:"body"`
			Contact string `json:"contact"`
		}{p.Handed.Body, p.Handed.Contact}
	}
	for i, s := range p.Steps {
		page.Steps[i] = api.ReceiptStep{Move: s.Move, Words: s.Words, At: s.At, Text: api.Optional(s.Text), Own: s.Own}
	}
	for i, v := range p.Views {
		page.Views[i] = api.ReceiptView{
			At: v.At, Role: string(v.Role), What: v.viewed(), Purpose: api.Optional(v.Purpose), Reason: api.Optional(v.Reason),
		}
	}
	for i, c := range p.Cards {
		page.Cards[i] = api.ReceiptCard{
			Title: c.Title, ForWhom: api.Optional(c.ForWhom), Region: api.Optional(c.Region), Materials: api.Optional(c.Materials),
			Counter: api.Optional(c.Counter), HowTo: api.Optional(c.HowTo), ValidTo: string(c.ValidTo),
		}
	}
	for i, c := range p.Counters {
		page.Counters[i] = api.ReceiptCounter{Counter: c.Label, State: api.ReceiptCounterState(c.State), AddedAt: c.AddedAt}
	}
	for i, m := range p.Promises {
		page.Promises[i] = api.ReceiptPromise{
			DueOn: string(m.DueOn), State: api.ReceiptPromiseState(m.State), Text: m.Text, Moved: m.Moved > 0, Reason: api.Optional(m.Why),
		}
	}
	return page
}
