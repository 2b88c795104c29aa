package request

import (
	"context"

	"wanjia/api"
	"wanjia/internal/member"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/problem"
	"wanjia/internal/privacy"
)

// Handler serves the operations of the contract's part request.
type Handler struct{ service *Service }

// NewHandler makes a Handler.
func NewHandler(s *Service) *Handler { return &Handler{service: s} }

// CreateRequest serves POST /v1/requests.
func (h *Handler) CreateRequest(ctx context.Context, req api.CreateRequestRequestObject) (api.CreateRequestResponseObject, error) {
	b := req.Body
	t := Telling{
		Need:       Need{What: b.What, Who: api.Given(b.Who), Category: Code(api.Given(b.Category)), Danger: Danger(api.Given(b.Danger)), About: org.AssignmentID(api.Given(b.AboutAssignmentID))},
		Channel:    ToldMember,
		Premises:   api.Given(b.HouseholdID),
		Site:       site(b.Site),
		Slip:       api.Given(b.SlipCode),
		HappenedAt: b.HappenedAt,
	}
	if b.ClientRef != nil {
		t.ClientRef = b.ClientRef.String()
	}
	t.CallBack, t.Phone = CallBackOf(b.CallBack)
	if b.Channel != nil {
		t.Channel = Channel(*b.Channel)
	}
	opened, err := h.service.Create(ctx, org.ActorFrom(ctx), t)
	if err != nil {
		return nil, err
	}
	return api.CreateRequest201JSONResponse(ToAPI(opened)), nil
}

// ListRequests serves GET /v1/requests.
func (h *Handler) ListRequests(ctx context.Context, req api.ListRequestsRequestObject) (api.ListRequestsResponseObject, error) {
	f := Filter{
		Held:   api.Given(req.Params.Which) == api.ListRequestsParamsWhichHeld,
		Stale:  api.Given(req.Params.Which) == api.ListRequestsParamsWhichStale,
		Closed: api.Given(req.Params.State) == api.ListRequestsParamsStateClosed,
	}
	rows, next, err := h.service.List(ctx, org.ActorFrom(ctx), f, api.Given(req.Params.Cursor), api.Given(req.Params.PageSize))
	if err != nil {
		return nil, err
	}
	items := make([]api.RequestRow, len(rows))
	for i, r := range rows {
		items[i] = api.RequestRow{
			ID: int64(r.ID), ReceiptCode: r.Receipt.start(), Category: api.RequestCategory(r.Category),
			Type: api.RequestRowType(r.Type), State: api.RequestState(r.State), UnitID: int64(r.UnitID), UnitName: r.UnitName,
			Holder: holder(r.HolderUnitID, r.HolderName, r.HolderRole, r.Level), HappenedAt: r.HappenedAt, RecordedAt: r.RecordedAt,
			AcceptDueAt: r.AcceptDueAt, UpdateDueAt: r.UpdateDueAt, SolveDueAt: r.SolveDueAt,
		}
	}
	return api.ListRequests200JSONResponse{Items: items, NextCursor: api.Optional(next)}, nil
}

// GetRequest serves GET /v1/requests/{requestId}.
func (h *Handler) GetRequest(ctx context.Context, req api.GetRequestRequestObject) (api.GetRequestResponseObject, error) {
	d, err := h.service.Read(ctx, org.ActorFrom(ctx), ID(req.RequestID))
	if err != nil {
		return nil, err
	}
	r := d.Request
	answer := api.RequestDetail{
		ID: int64(r.ID), ReceiptCode: d.Receipt.start(), Category: api.RequestCategory(r.Category), Type: api.RequestDetailType(r.Type),
		Channel: api.RequestDetailChannel(r.Channel), State: api.RequestState(r.State), UnitID: int64(r.UnitID), UnitName: d.UnitName,
		Holder: holder(r.HolderUnitID, d.HolderName, r.HolderRole, r.Level), What: privacy.BeginPhones(d.What), SourceVisitID: r.SourceVisitID,
		HappenedAt: r.HappenedAt, RecordedAt: r.RecordedAt, ClockUntrusted: r.ClockUntrusted,
		AcceptDueAt: r.AcceptDueAt, UpdateDueAt: r.UpdateDueAt, SolveDueAt: r.SolveDueAt, Version: r.Version,
		ExpectedOn: r.ExpectedOn, WaitUntil: r.WaitUntil, ClosedAt: r.ClosedAt, CallBackOn: r.CallBackOn,
		ResolvedLevel: (*api.ResolvedLevel)(api.Optional(r.ResolvedLevel)), MergedIntoID: api.Optional(int64(d.Into)),
		Askers: make([]api.RequestAsker, len(d.Askers)), History: make([]api.RequestStep, len(d.History)), Promises: promiseRows(d.Promises),
	}
	for i, a := range d.Askers { // masked for everyone (V4)
		answer.Askers[i] = api.RequestAsker{
			ID: int64(a.ID), Settled: a.Settled,
			Who: api.Optional(a.Who.Masked()), CallBack: api.RequestAskerCallBack(a.CallBack), Phone: api.Optional(a.Phone.Begun()),
		}
	}
	if d.Handed != (HandedTo{}) {
		answer.HandedTo = &struct {
			Body    string `json:"body"`
			Contact string `json:"contact"`
		}{privacy.MaskPhones(d.Handed.Body), privacy.MaskPhones(d.Handed.Contact)}
	}
	answer.Reopened, answer.Misses = int32(r.Reopened), make([]api.RequestMiss, len(d.Misses))
	for i, m := range d.Misses {
		answer.Misses[i] = api.RequestMiss{Target: api.RequestMissTarget(m.Target), DueAt: m.DueAt}
	}
	if r.FirstMinutes != nil {
		minutes, kept := int32(*r.FirstMinutes), r.inTime()
		answer.FirstMinutes, answer.FirstInTime = &minutes, &kept
	}
	names, err := h.actors(ctx, d.History)
	if err != nil {
		return nil, err
	}
	for i, s := range d.History {
		step := api.RequestStep{
			Move: s.Move, ToState: api.RequestState(s.To), Holder: holder(s.HolderUnitID, s.HolderName, s.HolderRole, s.Level),
			HappenedAt: s.HappenedAt, RecordedAt: s.RecordedAt,
		}
		if s.From != nil {
			from := api.RequestState(*s.From)
			step.FromState = &from
		}
		step.Note = api.Optional(privacy.BeginPhones(s.Note))
		step.AssignmentID = api.Optional(int64(s.Assignment))
		step.ByReceipt = api.Optional(s.byReceipt())
		if s.Assignment != 0 { // who asks acts in no role, and is named by what they have told of themselves
			step.ByName = api.Optional(names[s.Person])
		}
		if s.Owner != 0 && s.Owner != s.Person {
			step.StandInForName = api.Optional(names[s.Owner])
		}
		answer.History[i] = step
	}
	return api.GetRequest200JSONResponse(answer), nil
}

// actors are what those are called who made steps, and those for whom they stood in.
func (h *Handler) actors(ctx context.Context, steps []Step) (map[org.PersonID]string, error) {
	ids := make([]org.PersonID, 0, 2*len(steps))
	for _, s := range steps {
		ids = append(ids, s.Person, s.Owner)
	}
	return member.Names(ctx, h.service.db, ids...)
}

// GetPassedRequest serves GET /v1/requests/{requestId}/passed.
func (h *Handler) GetPassedRequest(ctx context.Context, req api.GetPassedRequestRequestObject) (api.GetPassedRequestResponseObject, error) {
	p, err := h.service.ReadPassed(ctx, org.ActorFrom(ctx), ID(req.RequestID))
	if err != nil {
		return nil, err
	}
	answer := api.GetPassedRequest200JSONResponse{
		ID: int64(p.ID), ReceiptCode: p.Receipt.start(), State: api.RequestState(p.State),
		ResolvedLevel: (*api.ResolvedLevel)(api.Optional(p.ResolvedLevel)), Messages: make([]api.PassedMessage, len(p.Messages)),
	}
	for i, m := range p.Messages {
		answer.Messages[i] = api.PassedMessage{Text: privacy.BeginPhones(m.Note), At: m.RecordedAt}
	}
	return answer, nil
}

// AcceptRequest serves POST /v1/requests/{requestId}/accept.
func (h *Handler) AcceptRequest(ctx context.Context, req api.AcceptRequestRequestObject) (api.AcceptRequestResponseObject, error) {
	expected, err := day("/expectedOn", req.Body.ExpectedOn)
	if err != nil {
		return nil, err
	}
	m, err := h.service.Accept(ctx, org.ActorFrom(ctx), ID(req.RequestID), expected)
	if err != nil {
		return nil, err
	}
	return api.AcceptRequest200JSONResponse(m.toAPI()), nil
}

// AddRequestStep serves POST /v1/requests/{requestId}/steps.
func (h *Handler) AddRequestStep(ctx context.Context, req api.AddRequestStepRequestObject) (api.AddRequestStepResponseObject, error) {
	m, err := h.service.AddStep(ctx, org.ActorFrom(ctx), ID(req.RequestID), req.Body.Note, req.Body.HappenedAt)
	if err != nil {
		return nil, err
	}
	return api.AddRequestStep200JSONResponse(m.toAPI()), nil
}

// WaitForResident serves POST /v1/requests/{requestId}/wait.
func (h *Handler) WaitForResident(ctx context.Context, req api.WaitForResidentRequestObject) (api.WaitForResidentResponseObject, error) {
	m, err := h.service.Wait(ctx, org.ActorFrom(ctx), ID(req.RequestID), req.Body.Reason, req.Body.WaitUntil, told(req.Body.ToldInPerson))
	if err != nil {
		return nil, err
	}
	return api.WaitForResident200JSONResponse(m.toAPI()), nil
}

// ResumeRequest serves POST /v1/requests/{requestId}/resume.
func (h *Handler) ResumeRequest(ctx context.Context, req api.ResumeRequestRequestObject) (api.ResumeRequestResponseObject, error) {
	m, err := h.service.Resume(ctx, org.ActorFrom(ctx), ID(req.RequestID))
	if err != nil {
		return nil, err
	}
	return api.ResumeRequest200JSONResponse(m.toAPI()), nil
}

// MessageAsker serves POST /v1/requests/{requestId}/messages.
func (h *Handler) MessageAsker(ctx context.Context, req api.MessageAskerRequestObject) (api.MessageAskerResponseObject, error) {
	m, err := h.service.Message(ctx, org.ActorFrom(ctx), ID(req.RequestID), req.Body.Text, told(req.Body.ToldInPerson))
	if err != nil {
		return nil, err
	}
	return api.MessageAsker200JSONResponse(m.toAPI()), nil
}

// EscalateRequest serves POST /v1/requests/{requestId}/escalate.
func (h *Handler) EscalateRequest(ctx context.Context, req api.EscalateRequestRequestObject) (api.EscalateRequestResponseObject, error) {
	m, err := h.service.Escalate(ctx, org.ActorFrom(ctx), ID(req.RequestID), Climb{
		To: string(req.Body.To), Level: int(api.Given(req.Body.Level)), Section: org.UnitID(api.Given(req.Body.UnitID)), Note: req.Body.Note,
	})
	if err != nil {
		return nil, err
	}
	return api.EscalateRequest200JSONResponse(m.toAPI()), nil
}

// PullRequest serves POST /v1/requests/{requestId}/pull.
func (h *Handler) PullRequest(ctx context.Context, req api.PullRequestRequestObject) (api.PullRequestResponseObject, error) {
	m, err := h.service.Pull(ctx, org.ActorFrom(ctx), ID(req.RequestID), req.Body.Reason)
	if err != nil {
		return nil, err
	}
	return api.PullRequest200JSONResponse(m.toAPI()), nil
}

// HandBackRequest serves POST /v1/requests/{requestId}/hand-back.
func (h *Handler) HandBackRequest(ctx context.Context, req api.HandBackRequestRequestObject) (api.HandBackRequestResponseObject, error) {
	m, err := h.service.HandBack(ctx, org.ActorFrom(ctx), ID(req.RequestID), int(req.Body.Level), req.Body.Reason)
	if err != nil {
		return nil, err
	}
	return api.HandBackRequest200JSONResponse(m.toAPI()), nil
}

// CloseRequest serves POST /v1/requests/{requestId}/close.
func (h *Handler) CloseRequest(ctx context.Context, req api.CloseRequestRequestObject) (api.CloseRequestResponseObject, error) {
	callBack, err := day("/callBackOn", req.Body.CallBackOn)
	if err != nil {
		return nil, err
	}
	m, err := h.service.Close(ctx, org.ActorFrom(ctx), ID(req.RequestID), Closing{
		Kind: State(api.Given(req.Body.ClosureKind)), Text: api.Given(req.Body.Text), CallBackOn: callBack,
		HandedTo: HandedTo{Body: api.Given(req.Body.Body), Contact: api.Given(req.Body.Contact)}, Told: told(req.Body.ToldInPerson),
	})
	if err != nil {
		return nil, err
	}
	return api.CloseRequest200JSONResponse(m.toAPI()), nil
}

// WithdrawRequest serves POST /v1/requests/{requestId}/withdraw.
func (h *Handler) WithdrawRequest(ctx context.Context, req api.WithdrawRequestRequestObject) (api.WithdrawRequestResponseObject, error) {
	m, err := h.service.Withdraw(ctx, org.ActorFrom(ctx), ID(req.RequestID), Channel(req.Body.Channel), AskerID(api.Given(req.Body.AskerID)))
	if err != nil {
		return nil, err
	}
	return api.WithdrawRequest200JSONResponse(m.toAPI()), nil
}

// ReopenRequest serves POST /v1/requests/{requestId}/reopen.
func (h *Handler) ReopenRequest(ctx context.Context, req api.ReopenRequestRequestObject) (api.ReopenRequestResponseObject, error) {
	m, err := h.service.Reopen(ctx, org.ActorFrom(ctx), ID(req.RequestID), req.Body.Reason)
	if err != nil {
		return nil, err
	}
	return api.ReopenRequest200JSONResponse(m.toAPI()), nil
}

// told is how the askers have heard of an act.
func told(inPerson *bool) Told {
	if api.Given(inPerson) {
		return InPerson
	}
	return ToTell
}

func (m Moved) toAPI() api.MovedRequest {
	return api.MovedRequest{
		ID: int64(m.ID), State: api.RequestState(m.State), Level: int32(m.Level),
		Holder:      holder(m.HolderUnitID, m.HolderName, m.HolderRole, m.Level),
		AcceptDueAt: m.AcceptDueAt, UpdateDueAt: m.UpdateDueAt, SolveDueAt: m.SolveDueAt,
		ExpectedOn: m.ExpectedOn, WaitUntil: m.WaitUntil, ClosedAt: m.ClosedAt, CallBackOn: m.CallBackOn,
		ResolvedLevel: (*api.ResolvedLevel)(api.Optional(m.ResolvedLevel)), Version: m.Version,
		OffersCard: api.Optional(m.offersCard()),
	}
}

// ToAPI is a request as the answer to its opening tells it.
func ToAPI(r Seen) api.OpenedRequest {
	return api.OpenedRequest{
		ID: int64(r.ID), ReceiptCode: r.Receipt.String(), Category: api.RequestCategory(r.Category), State: api.RequestState(r.State),
		Level: int32(r.Level), Holder: holder(r.HolderUnitID, r.HolderName, r.HolderRole, r.Level),
		HappenedAt: r.HappenedAt, RecordedAt: r.RecordedAt, ClockUntrusted: r.ClockUntrusted,
		AcceptDueAt: r.AcceptDueAt, UpdateDueAt: r.UpdateDueAt, SolveDueAt: r.SolveDueAt, SourceVisitID: r.SourceVisitID,
		DangerText: r.Danger.toAPI(),
	}
}

// day is what text says at pointer; none if nothing is said.
func day(pointer string, text *string) (calendar.Day, error) {
	if text == nil {
		return "", nil
	}
	d, err := calendar.ParseDay(*text)
	if err != nil {
		return "", problem.ErrInvalid.Field(pointer, problem.ErrInvalid.Code)
	}
	return d, nil
}

// CallBackOf is how an asker wants to hear the answer; none if nothing is said.
func CallBackOf(c *api.CallBack) (by CallBack, phone string) {
	if c == nil {
		return CallNone, ""
	}
	return CallBack(c.By), api.Given(c.Phone)
}

func holder(unit org.UnitID, name string, role org.Role, level int) api.RequestHolder {
	h := api.RequestHolder{UnitID: int64(unit), UnitName: name, Level: int32(level)}
	h.Role = api.Optional(string(role))
	return h
}
