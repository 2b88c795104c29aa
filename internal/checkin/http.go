package checkin

import (
	"cmp"
	"context"
	"time"

	"wanjia/api"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
)

// Handler serves the operations of api/parts/checkin.yaml.
type Handler struct {
	service *Service
	pages   *page.Keys
	names   org.Names
	days    *calendar.Calendar
}

// NewHandler makes a Handler whose cursors pages signs, which asks names what people are called, and days which of them
// are working days.
func NewHandler(s *Service, pages *page.Keys, names org.Names, days *calendar.Calendar) *Handler {
	return &Handler{service: s, pages: pages, names: names, days: days}
}

func (p Presence) api() api.Presence {
	return api.Presence{
		ID: int64(p.ID), UnitID: int64(p.UnitID), UnitName: p.UnitName, Day: string(p.Day), State: api.PresenceState(p.State),
		HappenedAt: p.HappenedAt, RecordedAt: p.RecordedAt, Replayed: p.Replayed,
	}
}

// RecordCheckIn serves POST /v1/check-ins.
func (h *Handler) RecordCheckIn(ctx context.Context, req api.RecordCheckInRequestObject) (api.RecordCheckInResponseObject, error) {
	b := req.Body
	a := Attempt{
		Kind: Kind(b.Kind), PlaceID: PlaceID(api.Given(b.PlaceID)), UnitID: org.UnitID(api.Given(b.UnitID)), Code: api.Given(b.Code),
		Short: api.Given(b.ShortCode), Offline: api.Given(b.Offline), Reason: api.Given(b.Reason), ClientRef: b.ClientRef.String(),
		HappenedAt: b.HappenedAt.UTC().Truncate(time.Millisecond),
	}
	if at := b.Position; at != nil {
		a.Position = NewPosition(Point{North: at.Latitude, East: at.Longitude, Datum: Datum(at.Datum)}, at.Accuracy)
	}
	switch { // one proof at a time
	case (a.Kind == Geofence) != (a.Position != nil):
		return nil, problem.ErrInvalid.Field("/position", problem.ErrInvalid.Code)
	case a.Kind == Geofence && (a.PlaceID == 0 || a.Code != "" || a.Short != ""):
		return nil, problem.ErrInvalid.Field("/placeId", problem.ErrInvalid.Code)
	case a.Kind == PlaceCode && (a.Code == "") == (a.Short == ""), a.Short != "" && a.PlaceID == 0:
		return nil, problem.ErrInvalid.Field("/code", problem.ErrInvalid.Code)
	case a.Kind == Counterpart && (a.UnitID == 0 || a.Code != "" || a.Short != ""):
		return nil, problem.ErrInvalid.Field("/unitId", problem.ErrInvalid.Code)
	}
	p, err := h.service.Record(ctx, org.ActorFrom(ctx), a)
	if err != nil {
		return nil, err
	}
	return api.RecordCheckIn201JSONResponse(p.api()), nil
}

// ListPresence serves GET /v1/presence.
func (h *Handler) ListPresence(ctx context.Context, req api.ListPresenceRequestObject) (api.ListPresenceResponseObject, error) {
	by, which := org.ActorFrom(ctx), cmp.Or(Which(api.Given(req.Params.Which)), Own)
	at, err := h.pages.Parse(api.Given(req.Params.Cursor), api.Given(req.Params.PageSize), page.Bound("listPresence", which, by.PersonID, by.Assignment))
	if err != nil {
		return nil, err
	}
	rows, names, err := h.service.list(ctx, by, which, at, h.names)
	if err != nil {
		return nil, err
	}
	rows, next := page.Cut(rows, at, func(p Presence) (time.Time, int64) { return p.RecordedAt, int64(p.ID) })
	answer := api.ListPresence200JSONResponse{Items: make([]api.Presence, len(rows))}
	for i, p := range rows {
		answer.Items[i] = p.api()
		if name, ok := names[p.PersonID]; ok {
			answer.Items[i].PersonName = &name
		}
	}
	if next != "" {
		answer.NextCursor = &next
	}
	return answer, nil
}

// ConfirmPresence serves POST /v1/presence/{presenceId}/confirm.
func (h *Handler) ConfirmPresence(ctx context.Context, req api.ConfirmPresenceRequestObject) (api.ConfirmPresenceResponseObject, error) {
	p, err := h.service.Confirm(ctx, org.ActorFrom(ctx), ID(req.PresenceID))
	if err != nil {
		return nil, err
	}
	return api.ConfirmPresence200JSONResponse(p.api()), nil
}

// RefusePresence serves POST /v1/presence/{presenceId}/refuse.
func (h *Handler) RefusePresence(ctx context.Context, req api.RefusePresenceRequestObject) (api.RefusePresenceResponseObject, error) {
	p, err := h.service.Refuse(ctx, org.ActorFrom(ctx), ID(req.PresenceID), req.Body.Reason)
	if err != nil {
		return nil, err
	}
	return api.RefusePresence200JSONResponse(p.api()), nil
}

// WithdrawCheckIn serves POST /v1/presence/{presenceId}/withdraw.
func (h *Handler) WithdrawCheckIn(ctx context.Context, req api.WithdrawCheckInRequestObject) (api.WithdrawCheckInResponseObject, error) {
	p, err := h.service.Withdraw(ctx, org.ActorFrom(ctx), ID(req.PresenceID), req.Body.Reason)
	if err != nil {
		return nil, err
	}
	return api.WithdrawCheckIn200JSONResponse(p.api()), nil
}

// GetPresence serves GET /v1/presence/{presenceId}.
func (h *Handler) GetPresence(ctx context.Context, req api.GetPresenceRequestObject) (api.GetPresenceResponseObject, error) {
	by := org.ActorFrom(ctx)
	p, evidence, err := h.service.Find(ctx, by, ID(req.PresenceID))
	if err != nil {
		return nil, err
	}
	answer := api.GetPresence200JSONResponse{
		ID: int64(p.ID), UnitID: int64(p.UnitID), UnitName: p.UnitName, Day: string(p.Day), State: api.PresenceDetailState(p.State),
		HappenedAt: p.HappenedAt, RecordedAt: p.RecordedAt, Evidence: make([]api.PresenceEvidence, len(evidence)),
	}
	if p.PersonID != by.PersonID {
		names, err := h.names(ctx, h.service.db, p.PersonID)
		if err != nil {
			return nil, err
		}
		answer.PersonName = api.Optional(names[p.PersonID])
	}
	for i, e := range evidence {
		answer.Apart = answer.Apart || e.Apart
		answer.Evidence[i] = api.PresenceEvidence{
			Kind: api.PresenceEvidenceKind(e.Kind), HappenedAt: e.HappenedAt, RecordedAt: e.RecordedAt, Offline: e.Offline,
			LateEntry: e.Late, ClockUntrusted: e.ClockUntrusted, Distance: api.Optional(api.PresenceEvidenceDistance(e.Distance)), Reason: api.Optional(e.Reason),
		}
	}
	return answer, nil
}

// ListDaysSince serves GET /v1/days-since.
func (h *Handler) ListDaysSince(ctx context.Context, req api.ListDaysSinceRequestObject) (api.ListDaysSinceResponseObject, error) {
	by := org.ActorFrom(ctx)
	var days []Since
	var err error
	if api.Given(req.Params.Of) == api.ListDaysSinceParamsOfUnit {
		days = make([]Since, 1)
		days[0], err = h.service.UnitSince(ctx, by)
	} else {
		days, err = h.service.DaysSince(ctx, by)
	}
	if err != nil {
		return nil, err
	}
	answer := api.ListDaysSince200JSONResponse{Items: make([]api.DaysSince, len(days))}
	for i, d := range days {
		last, ago := h.since(d)
		answer.Items[i] = api.DaysSince{UnitID: int64(d.UnitID), UnitName: d.UnitName, LastDay: last, WorkingDays: ago}
	}
	return answer, nil
}

// since is the last day of d and how many working days ago it was.
func (h *Handler) since(d Since) (last *string, ago *int) {
	if d.LastDay == nil {
		return nil, nil
	}
	n := h.days.OpenDays(*d.LastDay, calendar.DayOf(h.service.db.Now()))
	return (*string)(d.LastDay), &n
}

// ListQuietUnits serves GET /v1/quiet-units.
func (h *Handler) ListQuietUnits(ctx context.Context, req api.ListQuietUnitsRequestObject) (api.ListQuietUnitsResponseObject, error) {
	by := org.ActorFrom(ctx)
	at, err := h.pages.Parse(api.Given(req.Params.Cursor), api.Given(req.Params.PageSize), page.Bound("listQuietUnits", by.PersonID, by.Assignment))
	if err != nil {
		return nil, err
	}
	at = at.Rising()
	rows, err := h.service.quiet(ctx, by, h.days, at)
	if err != nil {
		return nil, err
	}
	rows, next := page.Cut(rows, at, func(u Since) (time.Time, int64) { return time.UnixMilli(0), int64(u.UnitID) })
	answer := api.ListQuietUnits200JSONResponse{Items: make([]api.QuietUnit, len(rows)), NextCursor: api.Optional(next)}
	for i, u := range rows {
		last, ago := h.since(u)
		answer.Items[i] = api.QuietUnit{UnitID: int64(u.UnitID), UnitName: u.UnitName, LastDay: last, WorkingDays: ago}
	}
	return answer, nil
}

func fenceOf(f *api.Fence) *Fence {
	if f == nil {
		return nil
	}
	return &Fence{Centre: Point{North: f.CentreNorth, East: f.CentreEast, Datum: Datum(f.CentreDatum)}, Radius: f.Radius}
}

// SavePlace serves POST /v1/places.
func (h *Handler) SavePlace(ctx context.Context, req api.SavePlaceRequestObject) (api.SavePlaceResponseObject, error) {
	by := org.ActorFrom(ctx)
	p := Place{UnitID: org.UnitID(req.Body.UnitID), Kind: string(req.Body.Kind), Name: req.Body.Name}
	p, err := h.service.AddPlace(ctx, by, p.Fenced(fenceOf(req.Body.Fence)))
	if err != nil {
		return nil, err
	}
	shown, err := h.places(ctx, by, p)
	if err != nil {
		return nil, err
	}
	return api.SavePlace201JSONResponse(shown[0]), nil
}

// ChangePlace serves PUT /v1/places/{placeId}.
func (h *Handler) ChangePlace(ctx context.Context, req api.ChangePlaceRequestObject) (api.ChangePlaceResponseObject, error) {
	by := org.ActorFrom(ctx)
	p := Place{ID: PlaceID(req.PlaceID), Kind: string(req.Body.Kind), Name: req.Body.Name, Version: req.Body.Version}
	if req.Body.EndsOn != nil {
		p.EndsOn = api.Optional(calendar.Day(req.Body.EndsOn.String()))
	}
	p, err := h.service.ChangePlace(ctx, by, p.Fenced(fenceOf(req.Body.Fence)))
	if err != nil {
		return nil, err
	}
	shown, err := h.places(ctx, by, p)
	if err != nil {
		return nil, err
	}
	return api.ChangePlace200JSONResponse(shown[0]), nil
}

// EndPlace serves POST /v1/places/{placeId}/end.
func (h *Handler) EndPlace(ctx context.Context, req api.EndPlaceRequestObject) (api.EndPlaceResponseObject, error) {
	if err := h.service.EndPlace(ctx, org.ActorFrom(ctx), PlaceID(req.PlaceID)); err != nil {
		return nil, err
	}
	return api.EndPlace204Response{}, nil
}

// places are ps as by sees them: fences are for who looks after them, the rest need to know whether a position counts.
func (h *Handler) places(ctx context.Context, by org.Actor, ps ...Place) ([]api.Place, error) {
	shown := make([]api.Place, len(ps))
	for i, p := range ps {
		shown[i] = api.Place{ID: int64(p.ID), UnitID: int64(p.UnitID), Kind: p.Kind, Name: p.Name, Version: p.Version, EndsOn: (*string)(p.EndsOn)}
		fence, ok := p.Fence()
		if !ok {
			continue
		}
		on, err := h.service.positionCounts(ctx, p)
		if err != nil {
			return nil, err
		}
		shown[i].Geofence = on
		if p.UnitID == by.Grid.ID && (by.Role == org.RoleBranchSecretary || by.Role == org.RoleGeneralSecretary) {
			shown[i].Fence = &api.Fence{
				CentreNorth: fence.Centre.North, CentreEast: fence.Centre.East, CentreDatum: api.FenceCentreDatum(fence.Centre.Datum), Radius: fence.Radius,
			}
		}
	}
	return shown, nil
}

// ListPlaces serves GET /v1/places.
func (h *Handler) ListPlaces(ctx context.Context, _ api.ListPlacesRequestObject) (api.ListPlacesResponseObject, error) {
	by := org.ActorFrom(ctx)
	places, err := listPlaces(ctx, h.service.db, by, calendar.DayOf(h.service.db.Now()))
	if err != nil {
		return nil, err
	}
	shown, err := h.places(ctx, by, places...)
	if err != nil {
		return nil, err
	}
	return api.ListPlaces200JSONResponse{Items: shown}, nil
}

// GetPlaceCode serves GET /v1/places/{placeId}/codes.
func (h *Handler) GetPlaceCode(ctx context.Context, req api.GetPlaceCodeRequestObject) (api.GetPlaceCodeResponseObject, error) {
	during := time.Duration(api.Given(req.Params.Seconds)) * time.Second
	codes, err := h.service.Codes(ctx, org.ActorFrom(ctx), PlaceID(req.PlaceID), during)
	if err != nil {
		return nil, err
	}
	answer := api.GetPlaceCode200JSONResponse{Items: make([]api.PlaceCode, len(codes))}
	for i, c := range codes {
		answer.Items[i] = api.PlaceCode{Code: c.QR, ShortCode: c.Short, ValidFrom: c.From}
	}
	return answer, nil
}
