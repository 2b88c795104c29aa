package household

import (
	"context"

	"wanjia/api"
	"wanjia/internal/member"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/say"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
	"wanjia/internal/request"
)

// Handler serves the operations of the contract's part household.
type Handler struct{ service *Service }

// NewHandler makes a Handler.
func NewHandler(s *Service) *Handler { return &Handler{service: s} }

// ListAreas serves GET /v1/areas.
func (h *Handler) ListAreas(ctx context.Context, req api.ListAreasRequestObject) (api.ListAreasResponseObject, error) {
	areas, next, err := h.service.Areas(ctx, org.ActorFrom(ctx), api.Given(req.Params.Cursor), api.Given(req.Params.PageSize))
	if err != nil {
		return nil, err
	}
	items := make([]api.AreaRow, len(areas))
	for i, a := range areas {
		items[i] = api.AreaRow{
			ID: int64(a.ID), Name: a.Name, Households: a.Households, Doors: a.Doors, OpenRequests: a.OpenRequests,
			PromisesDue: a.PromisesDue, SplitSuggested: a.SplitSuggested,
		}
	}
	return api.ListAreas200JSONResponse{Items: items, NextCursor: api.Optional(next)}, nil
}

// AssignEntrances serves POST /v1/areas/{areaId}/entrances.
func (h *Handler) AssignEntrances(ctx context.Context, req api.AssignEntrancesRequestObject) (api.AssignEntrancesResponseObject, error) {
	ids := make([]EntranceID, len(req.Body.EntranceIds))
	for i, id := range req.Body.EntranceIds {
		ids[i] = EntranceID(id)
	}
	dealt, err := h.service.Deal(ctx, org.ActorFrom(ctx), org.UnitID(req.AreaID), calendar.Day(req.Body.ValidFrom), ids)
	if err != nil {
		return nil, err
	}
	return api.AssignEntrances200JSONResponse{AreaID: req.AreaID, Dealt: int32(dealt)}, nil
}

// ListUnassignedEntrances serves GET /v1/entrances/unassigned.
func (h *Handler) ListUnassignedEntrances(ctx context.Context, req api.ListUnassignedEntrancesRequestObject) (api.ListUnassignedEntrancesResponseObject, error) {
	p := req.Params
	found, next, err := h.service.Unassigned(ctx, org.ActorFrom(ctx), calendar.Day(api.Given(p.Day)), api.Given(p.Cursor), api.Given(p.PageSize))
	if err != nil {
		return nil, err
	}
	items := make([]api.EntranceRow, len(found))
	for i, e := range found {
		items[i] = api.EntranceRow{ID: int64(e.ID), PlaceID: int64(e.PlaceID), Label: e.Label}
	}
	return api.ListUnassignedEntrances200JSONResponse{Items: items, NextCursor: api.Optional(next)}, nil
}

// LookUpContact serves GET /v1/contacts.
func (h *Handler) LookUpContact(ctx context.Context, req api.LookUpContactRequestObject) (api.LookUpContactResponseObject, error) {
	by, p := org.ActorFrom(ctx), req.Params
	l, err := h.service.LookUp(ctx, by, org.UnitID(p.PlaceID), api.Given(p.Building), p.Entrance)
	if err != nil {
		return nil, err
	}
	answer := api.AreaContact{
		AreaID: int64(l.Area.ID), AreaName: l.Area.Name, Entrance: l.Entrance, AssignmentID: int64(l.Holder.Assignment),
		Interim: api.Optional(l.Interim), StandIn: api.Optional(l.StandIn), Levels: make([]api.LevelLabel, len(l.Levels)),
	}
	for i, v := range l.Levels {
		answer.Levels[i] = api.LevelLabel{Level: int32(v.Unit.Level), Label: v.Label, UnitName: v.Unit.Name}
	}
	if l.Named {
		names, err := member.Names(ctx, h.service.db, l.Holder.Person)
		if err != nil {
			return nil, err
		}
		answer.Name = api.Optional(names[l.Holder.Person])
	}
	return api.LookUpContact200JSONResponse(answer), nil
}

// ListHouseholds serves GET /v1/households.
func (h *Handler) ListHouseholds(ctx context.Context, req api.ListHouseholdsRequestObject) (api.ListHouseholdsResponseObject, error) {
	by, p := org.ActorFrom(ctx), req.Params
	var area *org.UnitID
	if p.AreaID != nil {
		id := org.UnitID(*p.AreaID)
		area = &id
	}
	rows, next, err := h.service.Households(ctx, by, area, api.Given(p.Cursor), api.Given(p.PageSize))
	if err != nil {
		return nil, err
	}
	items := make([]api.HouseholdRow, len(rows))
	for i, r := range rows {
		items[i] = r.toAPI()
		if holdsArea(by) {
			items[i].HasContact, items[i].LastVisitedAt, items[i].MutedUntil = &r.HasContact, r.LastVisited, day(r.MutedUntil)
		}
	}
	return api.ListHouseholds200JSONResponse{Items: items, NextCursor: api.Optional(next)}, nil
}

func (r Row) toAPI() api.HouseholdRow {
	return api.HouseholdRow{
		ID: int64(r.ID), AreaID: int64(r.AreaID), Entrance: r.Entrance, Door: r.Door, Kind: api.PremisesKind(r.Kind), Occupied: r.Occupied,
	}
}

// ListDueHouseholds serves GET /v1/due-households.
func (h *Handler) ListDueHouseholds(ctx context.Context, req api.ListDueHouseholdsRequestObject) (api.ListDueHouseholdsResponseObject, error) {
	by := org.ActorFrom(ctx)
	all, next, err := h.service.Due(ctx, by, api.Given(req.Params.Cursor), api.Given(req.Params.PageSize))
	if err != nil {
		return nil, err
	}
	items := make([]api.DueHousehold, len(all))
	for i, d := range all {
		items[i] = api.DueHousehold{
			ID: int64(d.ID), Entrance: d.Entrance, Door: d.Door, Reason: api.DueReason(d.Reason),
			ReasonText: api.TwoTongues{Zh: d.Reason.Text(say.Chinese), En: d.Reason.Text(say.English)}, LastVisitedAt: d.LastVisited,
		}
		if by.SeesFlags() {
			items[i].Flagged = &d.Flagged
		}
	}
	return api.ListDueHouseholds200JSONResponse{Items: items, NextCursor: api.Optional(next)}, nil
}

// GetHousehold serves GET /v1/households/{householdId}.
func (h *Handler) GetHousehold(ctx context.Context, req api.GetHouseholdRequestObject) (api.GetHouseholdResponseObject, error) {
	d, err := h.service.Read(ctx, org.ActorFrom(ctx), ID(req.HouseholdID))
	if err != nil {
		return nil, err
	}
	answer := api.HouseholdDetail{
		ID: int64(d.ID), AreaID: int64(d.AreaID), AreaName: d.AreaName, Entrance: d.Entrance, Door: d.Door,
		Kind: api.PremisesKind(d.Kind), Occupied: d.Occupied, MutedUntil: day(d.MutedUntil), OpenRequests: ids(d.OpenRequests),
		BreakGlass: privacy.ToAPI(d.Openings),
		Consents:   []api.HouseholdConsent{},
		Contact: api.HouseholdContact{
			FormOfAddress: api.Optional(d.Contact.FormOfAddress.Masked()), Phone: api.Optional(d.Contact.Phone.Masked()), Version: d.Contact.Version,
		},
	}
	for _, c := range d.Consents {
		answer.Consents = append(answer.Consents, c.toAPI(calendar.DayOf(h.service.db.Now())))
	}
	if d.Last != nil {
		result := api.VisitResult(d.Last.Result)
		answer.LastVisitedAt, answer.LastResult = &d.Last.HappenedAt, &result
	}
	return api.GetHousehold200JSONResponse(answer), nil
}

// SetHouseholdContact serves PUT /v1/households/{householdId}/contact.
func (h *Handler) SetHouseholdContact(ctx context.Context, req api.SetHouseholdContactRequestObject) (api.SetHouseholdContactResponseObject, error) {
	c := Contact{FormOfAddress: sealed.NameOf(api.Given(req.Body.FormOfAddress)), Version: req.Body.Version}
	if req.Body.Phone != nil {
		phone, err := sealed.ParsePhone(*req.Body.Phone)
		if err != nil {
			return nil, err
		}
		c.Phone = phone
	}
	version, err := h.service.SetContact(ctx, org.ActorFrom(ctx), ID(req.HouseholdID), c)
	if err != nil {
		return nil, err
	}
	return api.SetHouseholdContact200JSONResponse{HouseholdID: req.HouseholdID, Version: version}, nil
}

// UnmaskHousehold serves POST /v1/households/{householdId}/unmask.
func (h *Handler) UnmaskHousehold(ctx context.Context, req api.UnmaskHouseholdRequestObject) (api.UnmaskHouseholdResponseObject, error) {
	fields := make([]string, len(req.Body.Fields))
	for i, f := range req.Body.Fields {
		fields[i] = string(f)
	}
	why := privacy.Why{Purpose: privacy.Purpose(req.Body.Purpose), Reason: req.Body.Reason}
	shown, err := h.service.Unmask(ctx, org.ActorFrom(ctx), ID(req.HouseholdID), fields, why)
	if err != nil {
		return nil, err
	}
	return api.UnmaskHousehold200JSONResponse{
		FormOfAddress: api.Optional(shown[FormOfAddress]), Phone: api.Optional(shown[PhoneNumber]),
	}, nil
}

// RecordVisit serves POST /v1/visits.
func (h *Handler) RecordVisit(ctx context.Context, req api.RecordVisitRequestObject) (api.RecordVisitResponseObject, error) {
	b := req.Body
	a := Account{
		Household: ID(b.HouseholdID), Result: Result(b.Result), Reason: Reason(api.Given(b.Reason)), Note: api.Given(b.Note),
		MuteDays: int(api.Given(b.MuteDays)), ClientRef: b.ClientRef.String(), HappenedAt: b.HappenedAt,
	}
	for _, n := range b.Needs {
		need := request.Need{
			What: n.What, Who: api.Given(n.Who), Category: request.Code(api.Given(n.Category)), Danger: request.Danger(api.Given(n.Danger)),
		}
		need.CallBack, need.Phone = request.CallBackOf(n.CallBack)
		a.Needs = append(a.Needs, need)
	}
	for _, w := range b.Promises {
		due, err := calendar.ParseDay(w.DueOn)
		if err != nil {
			return nil, ErrDay.Field("/promises", ErrDay.Code)
		}
		a.Promises = append(a.Promises, Word{NewPromise: request.NewPromise{DueOn: due, Text: api.Given(w.Text)}, About: int(api.Given(w.Need))})
	}
	for _, f := range b.FlagsSeen {
		a.FlagsSeen = append(a.FlagsSeen, FlagID(f))
	}
	r, err := h.service.RecordVisit(ctx, org.ActorFrom(ctx), a)
	if err != nil {
		return nil, err
	}
	answer := api.RecordedVisit{
		ID: int64(r.ID), HappenedAt: r.HappenedAt, RecordedAt: r.RecordedAt, ClockUntrusted: r.ClockUntrusted,
		Requests: make([]api.OpenedRequest, len(r.Requests)), PromiseIds: ids(r.Promises),
	}
	for i, q := range r.Requests {
		answer.Requests[i] = request.ToAPI(q)
	}
	return api.RecordVisit201JSONResponse(answer), nil
}

// RecordVisits serves POST /v1/visits/bulk.
func (h *Handler) RecordVisits(ctx context.Context, req api.RecordVisitsRequestObject) (api.RecordVisitsResponseObject, error) {
	accounts := make([]Account, len(req.Body.Visits))
	for i, v := range req.Body.Visits {
		accounts[i] = Account{
			Household: ID(v.HouseholdID), Result: Result(req.Body.Result), ClientRef: v.ClientRef.String(), HappenedAt: req.Body.HappenedAt,
		}
	}
	recorded, err := h.service.RecordVisits(ctx, org.ActorFrom(ctx), accounts)
	if err != nil {
		return nil, err
	}
	return api.RecordVisits201JSONResponse{Ids: ids(recorded)}, nil
}

// ListVisits serves GET /v1/visits.
func (h *Handler) ListVisits(ctx context.Context, req api.ListVisitsRequestObject) (api.ListVisitsResponseObject, error) {
	calls, next, err := h.service.Visits(ctx, org.ActorFrom(ctx), api.Given(req.Params.Cursor), api.Given(req.Params.PageSize))
	if err != nil {
		return nil, err
	}
	items := make([]api.VisitRow, len(calls))
	for i, c := range calls {
		items[i] = api.VisitRow{
			ID: int64(c.ID), HouseholdID: int64(c.Premises), Entrance: c.Entrance, Door: c.Door, Result: api.VisitResult(c.Result),
			HappenedAt: c.HappenedAt, RecordedAt: c.RecordedAt,
		}
	}
	return api.ListVisits200JSONResponse{Items: items, NextCursor: api.Optional(next)}, nil
}

// GetVisit serves GET /v1/visits/{visitId}.
func (h *Handler) GetVisit(ctx context.Context, req api.GetVisitRequestObject) (api.GetVisitResponseObject, error) {
	d, err := h.service.ReadVisit(ctx, org.ActorFrom(ctx), VisitID(req.VisitID))
	if err != nil {
		return nil, err
	}
	answer := api.VisitDetail{
		ID: int64(d.ID), HouseholdID: int64(d.Premises), AreaID: int64(d.AreaID), Entrance: d.Entrance, Door: d.Door,
		Result: api.VisitResult(d.Result), Note: api.Optional(privacy.MaskPhones(d.Note)), VisitorName: d.Visitor, AssignmentID: int64(d.Assignment),
		HappenedAt: d.HappenedAt, RecordedAt: d.RecordedAt, ClockUntrusted: d.ClockUntrusted, RequestIds: ids(d.Requests), PromiseIds: ids(d.Promises),
	}
	if d.Reason != nil {
		reason := api.UnableReason(*d.Reason)
		answer.Reason = &reason
	}
	return api.GetVisit200JSONResponse(answer), nil
}

// UnmaskVisit serves POST /v1/visits/{visitId}/unmask.
func (h *Handler) UnmaskVisit(ctx context.Context, req api.UnmaskVisitRequestObject) (api.UnmaskVisitResponseObject, error) {
	shown, err := h.service.UnmaskVisit(ctx, org.ActorFrom(ctx), VisitID(req.VisitID), why(req.Body))
	if err != nil {
		return nil, err
	}
	return api.UnmaskVisit200JSONResponse{Note: api.Optional(shown.Note), Promises: shown.Promises}, nil
}

// why is what somebody wants to see a note in full for.
func why(b *api.NoteUnmasking) privacy.Why {
	return privacy.Why{Purpose: privacy.Purpose(b.Purpose), Reason: b.Reason}
}

// GetVisitCounts serves GET /v1/visit-counts.
func (h *Handler) GetVisitCounts(ctx context.Context, req api.GetVisitCountsRequestObject) (api.GetVisitCountsResponseObject, error) {
	c, err := h.service.Counts(ctx, org.ActorFrom(ctx), api.Given(req.Params.Month))
	if err != nil {
		return nil, err
	}
	answer := api.VisitCounts{
		Month: c.Month, Results: make([]api.VisitCount, len(results)), Total: api.Optional(c.Total),
		NeedsFound: api.Optional(c.Found), NeedsSolved: c.Solved,
	}
	for i, r := range results {
		answer.Results[i] = api.VisitCount{Result: api.VisitResult(r), Count: c.Results[i]}
	}
	return api.GetVisitCounts200JSONResponse(answer), nil
}

// day is d as an optional property.
func day(d *calendar.Day) *string {
	if d == nil {
		return nil
	}
	text := string(*d)
	return &text
}

// ids are identifiers as the contract has them, never nil.
func ids[T ~int64](of []T) []int64 {
	all := make([]int64, len(of))
	for i, id := range of {
		all[i] = int64(id)
	}
	return all
}
