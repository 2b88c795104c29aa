package household

import (
	"context"

	"wanjia/api"
	"wanjia/internal/org"
)

func (b Building) toAPI() api.Building {
	return api.Building{ID: int64(b.ID), PlaceID: int64(b.PlaceID), Number: b.Number, Entrances: b.Entrances, Version: b.Version}
}

func (e Entrance) toAPI() api.Entrance {
	x := api.Entrance{
		ID: int64(e.ID), PlaceID: int64(e.PlaceID), Number: e.Number, Label: e.Label, Doors: e.Doors, Version: e.Version,
		BuildingID: api.Optional(e.building()),
	}
	if e.AreaID != nil {
		x.AreaID = api.Optional(int64(*e.AreaID))
	}
	return x
}

func (d Doorway) toAPI() api.Door {
	return api.Door{
		ID: int64(d.ID), EntranceID: int64(d.EntranceID), Door: d.Door, Kind: api.PremisesKind(d.Kind), Empty: !d.Occupied,
		Version: d.Version,
	}
}

// ListBuildings serves GET /v1/buildings.
func (h *Handler) ListBuildings(ctx context.Context, req api.ListBuildingsRequestObject) (api.ListBuildingsResponseObject, error) {
	p := req.Params
	all, next, err := h.service.Buildings(ctx, org.ActorFrom(ctx), org.UnitID(api.Given(p.PlaceID)), api.Given(p.Cursor), api.Given(p.PageSize))
	if err != nil {
		return nil, err
	}
	items := make([]api.Building, len(all))
	for i, b := range all {
		items[i] = b.toAPI()
	}
	return api.ListBuildings200JSONResponse{Items: items, NextCursor: api.Optional(next)}, nil
}

// AddBuilding serves POST /v1/buildings.
func (h *Handler) AddBuilding(ctx context.Context, req api.AddBuildingRequestObject) (api.AddBuildingResponseObject, error) {
	b, err := h.service.Build(ctx, org.ActorFrom(ctx), org.UnitID(req.Body.PlaceID), req.Body.Number)
	if err != nil {
		return nil, err
	}
	return api.AddBuilding201JSONResponse(b.toAPI()), nil
}

// RenameBuilding serves PUT /v1/buildings/{buildingId}.
func (h *Handler) RenameBuilding(ctx context.Context, req api.RenameBuildingRequestObject) (api.RenameBuildingResponseObject, error) {
	b, err := h.service.RenameBuilding(ctx, org.ActorFrom(ctx), BuildingID(req.BuildingID), req.Body.Version, req.Body.Number)
	if err != nil {
		return nil, err
	}
	return api.RenameBuilding200JSONResponse(b.toAPI()), nil
}

// EndBuilding serves POST /v1/buildings/{buildingId}/end.
func (h *Handler) EndBuilding(ctx context.Context, req api.EndBuildingRequestObject) (api.EndBuildingResponseObject, error) {
	if err := h.service.EndBuilding(ctx, org.ActorFrom(ctx), BuildingID(req.BuildingID), req.Body.Version); err != nil {
		return nil, err
	}
	return api.EndBuilding204Response{}, nil
}

// ListEntrances serves GET /v1/entrances.
func (h *Handler) ListEntrances(ctx context.Context, req api.ListEntrancesRequestObject) (api.ListEntrancesResponseObject, error) {
	p := req.Params
	all, next, err := h.service.Entrances(ctx, org.ActorFrom(ctx), org.UnitID(api.Given(p.PlaceID)), BuildingID(api.Given(p.BuildingID)),
		api.Given(p.Cursor), api.Given(p.PageSize))
	if err != nil {
		return nil, err
	}
	items := make([]api.Entrance, len(all))
	for i, e := range all {
		items[i] = e.toAPI()
	}
	return api.ListEntrances200JSONResponse{Items: items, NextCursor: api.Optional(next)}, nil
}

// RenameEntrance serves PUT /v1/entrances/{entranceId}.
func (h *Handler) RenameEntrance(ctx context.Context, req api.RenameEntranceRequestObject) (api.RenameEntranceResponseObject, error) {
	e, err := h.service.RenameEntrance(ctx, org.ActorFrom(ctx), EntranceID(req.EntranceID), req.Body.Version, req.Body.Number)
	if err != nil {
		return nil, err
	}
	return api.RenameEntrance200JSONResponse(e.toAPI()), nil
}

// EndEntrance serves POST /v1/entrances/{entranceId}/end.
func (h *Handler) EndEntrance(ctx context.Context, req api.EndEntranceRequestObject) (api.EndEntranceResponseObject, error) {
	if err := h.service.EndEntrance(ctx, org.ActorFrom(ctx), EntranceID(req.EntranceID), req.Body.Version); err != nil {
		return nil, err
	}
	return api.EndEntrance204Response{}, nil
}

// ListDoors serves GET /v1/entrances/{entranceId}/doors.
func (h *Handler) ListDoors(ctx context.Context, req api.ListDoorsRequestObject) (api.ListDoorsResponseObject, error) {
	p := req.Params
	all, next, err := h.service.Doors(ctx, org.ActorFrom(ctx), EntranceID(req.EntranceID), api.Given(p.Cursor), api.Given(p.PageSize))
	if err != nil {
		return nil, err
	}
	items := make([]api.Door, len(all))
	for i, d := range all {
		items[i] = d.toAPI()
	}
	return api.ListDoors200JSONResponse{Items: items, NextCursor: api.Optional(next)}, nil
}

// AddDoors serves POST /v1/entrances/{entranceId}/doors.
func (h *Handler) AddDoors(ctx context.Context, req api.AddDoorsRequestObject) (api.AddDoorsResponseObject, error) {
	added, err := h.service.Furnish(ctx, org.ActorFrom(ctx), EntranceID(req.EntranceID), newDoors(req.Body.Doors))
	if err != nil {
		return nil, err
	}
	return api.AddDoors201JSONResponse{EntranceID: req.EntranceID, Added: added}, nil
}

func newDoors(doors []api.NewDoor) []Premises {
	all := make([]Premises, len(doors))
	for i, d := range doors {
		all[i] = Premises{Door: d.Door, Kind: Kind(api.Given(d.Kind)), Empty: api.Given(d.Empty)}
	}
	return all
}

// RenameDoor serves PUT /v1/doors/{doorId}.
func (h *Handler) RenameDoor(ctx context.Context, req api.RenameDoorRequestObject) (api.RenameDoorResponseObject, error) {
	d, err := h.service.RenameDoor(ctx, org.ActorFrom(ctx), ID(req.DoorID), req.Body.Version, req.Body.Door, Kind(req.Body.Kind))
	if err != nil {
		return nil, err
	}
	return api.RenameDoor200JSONResponse(d.toAPI()), nil
}

// MarkDoor serves POST /v1/doors/{doorId}/mark.
func (h *Handler) MarkDoor(ctx context.Context, req api.MarkDoorRequestObject) (api.MarkDoorResponseObject, error) {
	m := Mark{Version: req.Body.Version, Empty: req.Body.Empty, Confirmed: api.Given(req.Body.Confirm)}
	d, err := h.service.MarkDoor(ctx, org.ActorFrom(ctx), ID(req.DoorID), m)
	if err != nil {
		return nil, err
	}
	ended := make([]api.EndedUse, len(d.Ended))
	for i, u := range d.Ended {
		ended[i] = api.EndedUse{What: api.EndedUseWhat(u.What), Count: u.Count}
	}
	x := d.toAPI()
	return api.MarkDoor200JSONResponse{
		ID: x.ID, EntranceID: x.EntranceID, Door: x.Door, Kind: x.Kind, Empty: x.Empty, Version: x.Version, Ended: ended,
	}, nil
}

// EndDoor serves POST /v1/doors/{doorId}/end.
func (h *Handler) EndDoor(ctx context.Context, req api.EndDoorRequestObject) (api.EndDoorResponseObject, error) {
	if err := h.service.EndDoor(ctx, org.ActorFrom(ctx), ID(req.DoorID), req.Body.Version); err != nil {
		return nil, err
	}
	return api.EndDoor204Response{}, nil
}
