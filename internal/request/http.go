package request

import (
	"context"

	"wanjia/api"
	"wanjia/internal/org"
)

// Handler serves the operations of the contract's part request.
type Handler struct{ service *Service }

// NewHandler makes a Handler.
func NewHandler(s *Service) *Handler { return &Handler{service: s} }

// CreateRequest serves POST /v1/requests.
func (h *Handler) CreateRequest(ctx context.Context, req api.CreateRequestRequestObject) (api.CreateRequestResponseObject, error) {
	b := req.Body
	t := Telling{
		Need:       Need{What: b.What, Who: value(b.Who), Category: Code(value(b.Category))},
		Channel:    ToldMember,
		Premises:   value(b.HouseholdID),
		HappenedAt: b.HappenedAt,
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
		Held:   value(req.Params.Which) == api.ListRequestsParamsWhichHeld,
		Closed: value(req.Params.State) == api.ListRequestsParamsStateClosed,
	}
	rows, next, err := h.service.List(ctx, org.ActorFrom(ctx), f, value(req.Params.Cursor), value(req.Params.PageSize))
	if err != nil {
		return nil, err
	}
	items := make([]api.RequestRow, len(rows))
	for i, r := range rows {
		items[i] = api.RequestRow{
			ID: int64(r.ID), ReceiptCode: r.Receipt.String(), Category: api.RequestCategory(r.Category),
			Type: api.RequestRowType(r.Type), State: api.RequestState(r.State), UnitID: int64(r.UnitID), UnitName: r.UnitName,
			Holder: holder(r.HolderUnitID, r.HolderName, r.HolderRole, r.Level), HappenedAt: r.HappenedAt, RecordedAt: r.RecordedAt,
			AcceptDueAt: r.AcceptDueAt, UpdateDueAt: r.UpdateDueAt, SolveDueAt: r.SolveDueAt,
		}
	}
	return api.ListRequests200JSONResponse{Items: items, NextCursor: orAbsent(next)}, nil
}

// GetRequest serves GET /v1/requests/{requestId}.
func (h *Handler) GetRequest(ctx context.Context, req api.GetRequestRequestObject) (api.GetRequestResponseObject, error) {
	d, err := h.service.Read(ctx, org.ActorFrom(ctx), ID(req.RequestID))
	if err != nil {
		return nil, err
	}
	r := d.Request
	answer := api.RequestDetail{
		ID: int64(r.ID), ReceiptCode: d.Receipt.String(), Category: api.RequestCategory(r.Category), Type: api.RequestDetailType(r.Type),
		Channel: api.RequestDetailChannel(r.Channel), State: api.RequestState(r.State), UnitID: int64(r.UnitID), UnitName: d.UnitName,
		Holder: holder(r.HolderUnitID, d.HolderName, r.HolderRole, r.Level), What: d.What, SourceVisitID: r.SourceVisitID,
		HappenedAt: r.HappenedAt, RecordedAt: r.RecordedAt, ClockUntrusted: r.ClockUntrusted,
		AcceptDueAt: r.AcceptDueAt, UpdateDueAt: r.UpdateDueAt, SolveDueAt: r.SolveDueAt, Version: r.Version,
		Askers: make([]api.RequestAsker, len(d.Askers)), History: make([]api.RequestStep, len(d.History)),
	}
	for i, a := range d.Askers { // masked for everyone (V4)
		answer.Askers[i] = api.RequestAsker{
			Who: orAbsent(a.Who.Masked()), CallBack: api.RequestAskerCallBack(a.CallBack), Phone: orAbsent(a.Phone.Masked()),
		}
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
		step.AssignmentID = orAbsent(int64(s.Assignment))
		answer.History[i] = step
	}
	return api.GetRequest200JSONResponse(answer), nil
}

// ToAPI is a request as the answer to its opening tells it.
func ToAPI(r Seen) api.OpenedRequest {
	return api.OpenedRequest{
		ID: int64(r.ID), ReceiptCode: r.Receipt.String(), Category: api.RequestCategory(r.Category), State: api.RequestState(r.State),
		Level: int32(r.Level), Holder: holder(r.HolderUnitID, r.HolderName, r.HolderRole, r.Level),
		HappenedAt: r.HappenedAt, RecordedAt: r.RecordedAt, ClockUntrusted: r.ClockUntrusted,
		AcceptDueAt: r.AcceptDueAt, UpdateDueAt: r.UpdateDueAt, SolveDueAt: r.SolveDueAt, SourceVisitID: r.SourceVisitID,
	}
}

// CallBackOf is how an asker wants to hear the answer; none if nothing is said.
func CallBackOf(c *api.CallBack) (by CallBack, phone string) {
	if c == nil || c.By == api.CallBackByNone {
		return CallNone, ""
	}
	return CallBack(c.By), value(c.Phone)
}

func holder(unit org.UnitID, name string, role org.Role, level int) api.RequestHolder {
	h := api.RequestHolder{UnitID: int64(unit), UnitName: name, Level: int32(level)}
	h.Role = orAbsent(string(role))
	return h
}

// value is what p points to, or nothing.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// orAbsent is v as an optional property: absent when it is zero.
func orAbsent[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
