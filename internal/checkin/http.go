package checkin

import (
	"context"
	"time"

	"wanjia/api"
	"wanjia/internal/org"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
)

// Handler serves the operations of api/parts/checkin.yaml.
type Handler struct {
	service *Service
	pages   *page.Keys
	names   org.Names
}

// NewHandler makes a Handler whose cursors pages signs, and which asks names what people are called.
func NewHandler(s *Service, pages *page.Keys, names org.Names) *Handler {
	return &Handler{service: s, pages: pages, names: names}
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
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
		Kind: Kind(b.Kind), PlaceID: PlaceID(value(b.PlaceID)), UnitID: org.UnitID(value(b.UnitID)), Code: value(b.Code),
		Short: value(b.ShortCode), Offline: value(b.Offline), Reason: value(b.Reason), ClientRef: b.ClientRef.String(),
		HappenedAt: b.HappenedAt.UTC().Truncate(time.Millisecond),
	}
	switch { // one proof at a time
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
	by, claims := org.ActorFrom(ctx), value(req.Params.Which) == api.ListPresenceParamsWhichClaims
	at, err := h.pages.Parse(value(req.Params.Cursor), value(req.Params.PageSize), page.Bound("listPresence", claims, by.PersonID, by.Assignment))
	if err != nil {
		return nil, err
	}
	rows, names, err := h.service.list(ctx, by, claims, at, h.names)
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

// SavePlace serves POST /v1/places.
func (h *Handler) SavePlace(ctx context.Context, req api.SavePlaceRequestObject) (api.SavePlaceResponseObject, error) {
	p, err := h.service.AddPlace(ctx, org.ActorFrom(ctx), Place{
		UnitID: org.UnitID(req.Body.UnitID), Kind: string(req.Body.Kind), Name: req.Body.Name,
	})
	if err != nil {
		return nil, err
	}
	return api.SavePlace201JSONResponse(p.api()), nil
}

func (p Place) api() api.Place {
	return api.Place{ID: int64(p.ID), UnitID: int64(p.UnitID), Kind: p.Kind, Name: p.Name}
}

// ListPlaces serves GET /v1/places.
func (h *Handler) ListPlaces(ctx context.Context, _ api.ListPlacesRequestObject) (api.ListPlacesResponseObject, error) {
	places, err := listPlaces(ctx, h.service.db, org.ActorFrom(ctx))
	if err != nil {
		return nil, err
	}
	answer := api.ListPlaces200JSONResponse{Items: make([]api.Place, len(places))}
	for i, p := range places {
		answer.Items[i] = p.api()
	}
	return answer, nil
}

// GetPlaceCode serves GET /v1/places/{placeId}/codes.
func (h *Handler) GetPlaceCode(ctx context.Context, req api.GetPlaceCodeRequestObject) (api.GetPlaceCodeResponseObject, error) {
	during := time.Duration(value(req.Params.Seconds)) * time.Second
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
