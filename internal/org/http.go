package org

import (
	"context"
	"time"

	"wanjia/api"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
)

// Names are what people are called on a screen, by id.
type Names func(ctx context.Context, q db.Queryer, ids ...PersonID) (map[PersonID]string, error)

// Handler serves the operations of api/parts/org.yaml.
type Handler struct {
	service  *Service
	absences *Absences
	db       *db.DB
	keys     *page.Keys
	names    Names
}

// NewHandler makes a Handler whose cursors keys signs, and which asks names what people are called.
func NewHandler(s *Service, absences *Absences, d *db.DB, keys *page.Keys, names Names) *Handler {
	return &Handler{service: s, absences: absences, db: d, keys: keys, names: names}
}

// day is the day asked for, today if none is.
func (h *Handler) day(asked *string) (calendar.Day, error) {
	if asked == nil {
		return calendar.DayOf(h.db.Now()), nil
	}
	return parseDay(*asked, "asOf")
}

func parseDay(text, pointer string) (calendar.Day, error) {
	d, err := calendar.ParseDay(text)
	if err != nil {
		return "", problem.ErrInvalid.Field(pointer, "day")
	}
	return d, nil
}

// optionalDay is "" for a day that is not named.
func optionalDay(text *string, pointer string) (calendar.Day, error) {
	if text == nil {
		return "", nil
	}
	return parseDay(*text, pointer)
}

func (h *Handler) page(by Actor, cursor *string, size *int, bound ...any) (page.Page, error) {
	return h.keys.Parse(api.Given(cursor), api.Given(size), page.Bound(append(bound, by.PersonID, by.Assignment)...))
}

// ListUnits serves GET /v1/units.
func (h *Handler) ListUnits(ctx context.Context, req api.ListUnitsRequestObject) (api.ListUnitsResponseObject, error) {
	by, r := ActorFrom(ctx), req.Params
	day, err := h.day(r.AsOf)
	if err != nil {
		return nil, err
	}
	f := UnitFilter{Tree: Tree(r.Tree), Kind: UnitKind(api.Given(r.Kind)), Parent: UnitID(api.Given(r.ParentID)), AsOf: day}
	p, err := h.page(by, r.Cursor, r.PageSize, "listUnits", f.Tree, f.Kind, f.Parent, api.Given(r.AsOf))
	if err != nil {
		return nil, err
	}
	units, err := List(ctx, h.db, by, f, p)
	if err != nil {
		return nil, err
	}
	units, next := page.Cut(units, p, func(u Listed) (time.Time, int64) { return atID(u.ID) })
	answer := api.ListUnits200JSONResponse{Items: make([]api.ListedUnit, 0, len(units)), NextCursor: api.Optional(next)}
	for _, u := range units {
		answer.Items = append(answer.Items, api.ListedUnit{
			ID: int64(u.ID), Tree: api.ListedUnitTree(u.Tree), Kind: api.UnitKind(u.Kind), Name: u.Name, Level: u.Level,
			ParentID: (*int64)(u.ParentID), LinkedID: (*int64)(u.LinkedID), Sector: api.Optional(u.Sector),
			Ownership: api.Optional(u.Ownership), ValidFrom: string(u.ValidFrom), ValidTo: (*string)(u.ValidTo),
		})
	}
	return answer, nil
}

// GetUnit serves GET /v1/units/{unitId}.
func (h *Handler) GetUnit(ctx context.Context, req api.GetUnitRequestObject) (api.GetUnitResponseObject, error) {
	day, err := h.day(req.Params.AsOf)
	if err != nil {
		return nil, err
	}
	p, err := GetProfile(ctx, h.db, ActorFrom(ctx), UnitID(req.UnitID), day)
	if err != nil {
		return nil, err
	}
	lead, err := h.incumbents(ctx, p.Lead)
	if err != nil {
		return nil, err
	}
	interim, err := h.incumbents(ctx, p.Interim)
	if err != nil {
		return nil, err
	}
	answer := api.GetUnit200JSONResponse{
		ID: int64(p.ID), Tree: api.UnitProfileTree(p.Tree), Kind: api.UnitKind(p.Kind), Name: p.Name, Level: p.Level,
		ParentID: (*int64)(p.ParentID), Sector: api.Optional(p.Sector), Ownership: api.Optional(p.Ownership), ParkID: (*int64)(p.ParkID),
		AreaKm2: api.Optional(p.AreaKm2), FilingNo: api.Optional(p.FilingNo), ValidFrom: string(p.ValidFrom), ValidTo: (*string)(p.ValidTo),
		Version: p.Version, Label: p.Label, Labels: []api.PlaceLabel{}, Lead: lead, Gap: p.Gap, Interim: interim,
		Counts: []api.PlaceCount{},
	}
	if p.Linked.ID != 0 {
		answer.Linked = api.Optional(toAPI(p.Linked))
	}
	if p.InterimUnit.ID != 0 {
		answer.InterimUnit = api.Optional(toAPI(p.InterimUnit))
	}
	if p.Kind == Subdistrict {
		answer.PrimaryOrganisations = &p.Primary
	}
	for level := 4; level >= 1; level-- {
		if label, ok := p.Labels[level]; ok {
			answer.Labels = append(answer.Labels, api.PlaceLabel{Level: level, Label: label})
		}
	}
	for _, kind := range places {
		if n := p.Counts[kind]; n > 0 {
			answer.Counts = append(answer.Counts, api.PlaceCount{Kind: api.UnitKind(kind), Count: n})
		}
	}
	return answer, nil
}

// incumbents are people in roles, with what they are called.
func (h *Handler) incumbents(ctx context.Context, in []Incumbent) ([]api.Incumbent, error) {
	all := make([]api.Incumbent, 0, len(in))
	if len(in) == 0 {
		return all, nil
	}
	ids := make([]PersonID, 0, len(in))
	for _, i := range in {
		ids = append(ids, i.Person)
	}
	names, err := h.names(ctx, h.db, ids...)
	for _, i := range in {
		all = append(all, api.Incumbent{
			PersonID: int64(i.Person), Name: names[i.Person], Role: api.Role(i.Role), Post: api.Optional(api.Post(i.Post)),
		})
	}
	return all, err
}

func toAPI(u Unit) api.Unit {
	return api.Unit{ID: int64(u.ID), Tree: api.UnitTree(u.Tree), Kind: api.UnitKind(u.Kind), Name: u.Name, Level: u.Level}
}

// AddUnit serves POST /v1/units.
func (h *Handler) AddUnit(ctx context.Context, req api.AddUnitRequestObject) (api.AddUnitResponseObject, error) {
	b := *req.Body
	u, err := h.service.Add(ctx, ActorFrom(ctx), NewUnit{
		Kind: UnitKind(b.Kind), Name: b.Name, Parent: Unit{ID: UnitID(b.ParentID)}, Sector: api.Given(b.Sector),
		Ownership: string(api.Given(b.Ownership)), Park: UnitID(api.Given(b.ParkID)), AreaKm2: api.Given(b.AreaKm2), FilingNo: api.Given(b.FilingNo),
	})
	if err != nil {
		return nil, err
	}
	return api.AddUnit201JSONResponse(toAPI(u)), nil
}

// MoveUnit serves POST /v1/units/{unitId}/move.
func (h *Handler) MoveUnit(ctx context.Context, req api.MoveUnitRequestObject) (api.MoveUnitResponseObject, error) {
	u, err := h.service.Move(ctx, ActorFrom(ctx), UnitID(req.UnitID), UnitID(req.Body.ParentID))
	if err != nil {
		return nil, err
	}
	return api.MoveUnit200JSONResponse(toAPI(u)), nil
}

// EndUnit serves POST /v1/units/{unitId}/end.
func (h *Handler) EndUnit(ctx context.Context, req api.EndUnitRequestObject) (api.EndUnitResponseObject, error) {
	if _, err := h.service.End(ctx, ActorFrom(ctx), UnitID(req.UnitID)); err != nil {
		return nil, err
	}
	return api.EndUnit204Response{}, nil
}

// LinkUnits serves POST /v1/units/{unitId}/link.
func (h *Handler) LinkUnits(ctx context.Context, req api.LinkUnitsRequestObject) (api.LinkUnitsResponseObject, error) {
	if err := h.service.Link(ctx, ActorFrom(ctx), UnitID(req.UnitID), UnitID(req.Body.GridUnitID)); err != nil {
		return nil, err
	}
	return api.LinkUnits204Response{}, nil
}

// UnlinkUnits serves POST /v1/units/{unitId}/unlink.
func (h *Handler) UnlinkUnits(ctx context.Context, req api.UnlinkUnitsRequestObject) (api.UnlinkUnitsResponseObject, error) {
	if err := h.service.Unlink(ctx, ActorFrom(ctx), UnitID(req.UnitID)); err != nil {
		return nil, err
	}
	return api.UnlinkUnits204Response{}, nil
}

// SetLabels serves PUT /v1/units/{unitId}/labels.
func (h *Handler) SetLabels(ctx context.Context, req api.SetLabelsRequestObject) (api.SetLabelsResponseObject, error) {
	labels := map[int]string{}
	for _, l := range req.Body.Labels {
		labels[l.Level] = l.Label
	}
	if err := h.service.SetLabels(ctx, ActorFrom(ctx), UnitID(req.UnitID), req.Body.Version, labels); err != nil {
		return nil, err
	}
	return api.SetLabels204Response{}, nil
}

// ListSectors serves GET /v1/sectors.
func (h *Handler) ListSectors(ctx context.Context, _ api.ListSectorsRequestObject) (api.ListSectorsResponseObject, error) {
	l, err := ListSectors(ctx, h.db, ActorFrom(ctx), calendar.DayOf(h.db.Now()))
	if err != nil {
		return nil, err
	}
	answer := api.ListSectors200JSONResponse{Version: l.Version, Items: []api.SectorRow{}, Lacking: []api.Unit{}}
	for _, s := range l.Sectors {
		answer.Items = append(answer.Items, api.SectorRow{Code: s.Code, Name: s.Name, Places: l.Places[s.Code]})
	}
	for _, u := range l.Lacking {
		answer.Lacking = append(answer.Lacking, toAPI(u))
	}
	return answer, nil
}

// SetSectors serves PUT /v1/sectors.
func (h *Handler) SetSectors(ctx context.Context, req api.SetSectorsRequestObject) (api.SetSectorsResponseObject, error) {
	all := make([]Sector, 0, len(req.Body.Sectors))
	for _, s := range req.Body.Sectors {
		all = append(all, Sector{Code: s.Code, Name: s.Name})
	}
	if err := h.service.SaveSectors(ctx, ActorFrom(ctx), req.Body.Version, all); err != nil {
		return nil, err
	}
	return api.SetSectors204Response{}, nil
}

// ListAssignments serves GET /v1/role-assignments.
func (h *Handler) ListAssignments(ctx context.Context, req api.ListAssignmentsRequestObject) (api.ListAssignmentsResponseObject, error) {
	by, r := ActorFrom(ctx), req.Params
	day, err := h.day(r.AsOf)
	if err != nil {
		return nil, err
	}
	f := AssignmentFilter{Unit: UnitID(api.Given(r.UnitID)), Person: PersonID(api.Given(r.PersonID)), Role: Role(api.Given(r.Role)), AsOf: day}
	p, err := h.page(by, r.Cursor, r.PageSize, "listAssignments", f.Unit, f.Person, f.Role, api.Given(r.AsOf))
	if err != nil {
		return nil, err
	}
	as, err := ListAssignments(ctx, h.db, by, f, p)
	if err != nil {
		return nil, err
	}
	return h.assignments(ctx, as, p)
}

// assignments is a page of roles, with what their holders are called.
func (h *Handler) assignments(ctx context.Context, as []Assignment, p page.Page) (answer api.ListAssignments200JSONResponse, err error) {
	as, next := page.Cut(as, p, func(a Assignment) (time.Time, int64) { return atID(a.ID) })
	ids := make([]PersonID, 0, len(as))
	for _, a := range as {
		ids = append(ids, a.PersonID)
	}
	names, err := h.names(ctx, h.db, ids...)
	if err != nil {
		return answer, err
	}
	answer = api.ListAssignments200JSONResponse{Items: make([]api.Assignment, 0, len(as)), NextCursor: api.Optional(next)}
	for _, a := range as {
		answer.Items = append(answer.Items, api.Assignment{
			ID: int64(a.ID), PersonID: int64(a.PersonID), Name: names[a.PersonID], Role: api.Role(a.Role),
			Post: api.Optional(api.Post(a.Post)), UnitID: int64(a.UnitID), UnitName: a.UnitName, Primary: a.Primary,
			ValidFrom: string(a.ValidFrom), ValidTo: (*string)(a.ValidTo),
		})
	}
	return answer, nil
}

// GrantAssignment serves POST /v1/role-assignments.
func (h *Handler) GrantAssignment(ctx context.Context, req api.GrantAssignmentRequestObject) (api.GrantAssignmentResponseObject, error) {
	b := *req.Body
	from, err := optionalDay(b.ValidFrom, "/validFrom")
	if err != nil {
		return nil, err
	}
	to, err := optionalDay(b.ValidTo, "/validTo")
	if err != nil {
		return nil, err
	}
	g, err := h.service.Grant(ctx, ActorFrom(ctx), NewAssignment{
		Person: PersonID(b.PersonID), Role: Role(b.Role), Post: Post(api.Given(b.Post)), Unit: Unit{ID: UnitID(b.UnitID)},
		Primary: api.Given(b.Primary), Span: Span{From: from, To: to}, Document: api.Given(b.Document),
	})
	if err != nil {
		return nil, err
	}
	if g.Proposal != 0 {
		return api.GrantAssignment201JSONResponse{State: api.GrantStateProposed, ProposalID: api.Optional(int64(g.Proposal))}, nil
	}
	return api.GrantAssignment201JSONResponse{State: api.GrantStateGranted, AssignmentID: api.Optional(int64(g.Assignment))}, nil
}

// EndAssignment serves POST /v1/role-assignments/{assignmentId}/end.
func (h *Handler) EndAssignment(ctx context.Context, req api.EndAssignmentRequestObject) (api.EndAssignmentResponseObject, error) {
	on, err := optionalDay(req.Body.On, "/on")
	if err != nil {
		return nil, err
	}
	if err := h.service.EndAssignment(ctx, ActorFrom(ctx), AssignmentID(req.AssignmentID), on, req.Body.Reason); err != nil {
		return nil, err
	}
	return api.EndAssignment204Response{}, nil
}

// ListProposals serves GET /v1/role-proposals.
func (h *Handler) ListProposals(ctx context.Context, req api.ListProposalsRequestObject) (api.ListProposalsResponseObject, error) {
	by := ActorFrom(ctx)
	p, err := h.page(by, req.Params.Cursor, req.Params.PageSize, "listProposals")
	if err != nil {
		return nil, err
	}
	ps, err := ListProposals(ctx, h.db, by, p)
	if err != nil {
		return nil, err
	}
	ps, next := page.Cut(ps, p, func(p Proposal) (time.Time, int64) { return atID(p.ID) })
	ids := make([]PersonID, 0, 2*len(ps))
	for _, p := range ps {
		ids = append(ids, p.PersonID, p.ProposedBy)
	}
	names, err := h.names(ctx, h.db, ids...)
	if err != nil {
		return nil, err
	}
	answer := api.ListProposals200JSONResponse{Items: make([]api.Proposal, 0, len(ps)), NextCursor: api.Optional(next)}
	for _, p := range ps {
		answer.Items = append(answer.Items, api.Proposal{
			ID: int64(p.ID), PersonID: int64(p.PersonID), Name: names[p.PersonID], Role: api.Role(p.Role),
			Post: api.Optional(api.Post(p.Post)), UnitID: int64(p.UnitID), UnitName: p.UnitName, ValidFrom: string(p.ValidFrom),
			ValidTo: (*string)(p.ValidTo), Document: api.Optional(p.Document), ProposedBy: int64(p.ProposedBy),
			ProposedByName: names[p.ProposedBy], ProposedAt: p.ProposedAt,
		})
	}
	return answer, nil
}

// RefuseProposal serves POST /v1/role-proposals/{proposalId}/refuse.
func (h *Handler) RefuseProposal(ctx context.Context, req api.RefuseProposalRequestObject) (api.RefuseProposalResponseObject, error) {
	if err := h.service.Refuse(ctx, ActorFrom(ctx), ProposalID(req.ProposalID), req.Body.Reason); err != nil {
		return nil, err
	}
	return api.RefuseProposal204Response{}, nil
}

// GetGridCoverage serves GET /v1/coverage/grid.
func (h *Handler) GetGridCoverage(ctx context.Context, req api.GetGridCoverageRequestObject) (api.GetGridCoverageResponseObject, error) {
	day, err := h.day(req.Params.AsOf)
	if err != nil {
		return nil, err
	}
	covered, err := GridCoverage(ctx, h.db, ActorFrom(ctx), UnitID(api.Given(req.Params.PlaceID)), day)
	if err != nil {
		return nil, err
	}
	answer := api.GetGridCoverage200JSONResponse{Day: string(day), Items: make([]api.PlaceCoverage, 0, len(covered))}
	for _, c := range covered {
		place := api.PlaceCoverage{Place: toAPI(c.Place), Levels: make([]api.LevelCoverage, 0, len(c.Levels))}
		for _, l := range c.Levels {
			level := api.LevelCoverage{Level: l.Level, Label: l.Label, Units: l.Units, Held: l.Held, Gaps: []api.Unit{}}
			for _, u := range l.Gaps {
				level.Gaps = append(level.Gaps, toAPI(u))
			}
			place.Levels = append(place.Levels, level)
		}
		answer.Items = append(answer.Items, place)
	}
	return answer, nil
}
