package member

import (
	"context"
	"strconv"
	"strings"

	"wanjia/api"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/privacy"
)

// showFor is how many seconds a screen shows what was unmasked.
const showFor = 60

// A Handler serves the operations of api/parts/member.yaml.
type Handler struct{ service *Service }

// NewHandler makes a Handler of s.
func NewHandler(s *Service) *Handler { return &Handler{s} }

// ListMembers serves GET /v1/members.
func (h *Handler) ListMembers(ctx context.Context, req api.ListMembersRequestObject) (api.ListMembersResponseObject, error) {
	var f Filter
	if req.Params.UnitID != nil {
		f.UnitID = org.UnitID(*req.Params.UnitID)
	}
	if req.Params.Status != nil {
		f.Status = Status(*req.Params.Status)
	}
	ms, next, err := h.service.List(ctx, org.ActorFrom(ctx), f, api.Given(req.Params.Cursor), api.Given(req.Params.PageSize))
	if err != nil {
		return nil, err
	}
	return api.ListMembers200JSONResponse{Items: toAPIs(ms), NextCursor: api.Optional(next)}, nil
}

// AddMember serves POST /v1/members.
func (h *Handler) AddMember(ctx context.Context, req api.AddMemberRequestObject) (api.AddMemberResponseObject, error) {
	e := Entry{
		New:    New{Name: strings.TrimSpace(req.Body.Name), Phone: req.Body.Phone},
		UnitID: org.UnitID(req.Body.UnitID), Status: Status(req.Body.Status),
	}
	if req.Body.FullMemberSince != nil {
		e.Since = calendar.Day(req.Body.FullMemberSince.String())
	}
	a, err := h.service.Enter(ctx, org.ActorFrom(ctx), e)
	if err != nil {
		return nil, err
	}
	return api.AddMember201JSONResponse(a.toAPI()), nil
}

// CountMembers serves GET /v1/members/counts.
func (h *Handler) CountMembers(ctx context.Context, _ api.CountMembersRequestObject) (api.CountMembersResponseObject, error) {
	full, probationary, err := h.service.Counts(ctx, org.ActorFrom(ctx))
	if err != nil {
		return nil, err
	}
	return api.CountMembers200JSONResponse{Full: cell(full), Probationary: cell(probationary)}, nil
}

// cell hides a number that would name people (A10).
func cell(n int) string {
	if n > 0 && n < 5 {
		return "<5"
	}
	return strconv.Itoa(n)
}

// SearchMembers serves POST /v1/members/search.
func (h *Handler) SearchMembers(ctx context.Context, req api.SearchMembersRequestObject) (api.SearchMembersResponseObject, error) {
	found, err := h.service.Search(ctx, org.ActorFrom(ctx), req.Body.Phone)
	if err != nil {
		return nil, err
	}
	return api.SearchMembers200JSONResponse{Items: toAPIs(found)}, nil
}

// GetMember serves GET /v1/members/{memberId}.
func (h *Handler) GetMember(ctx context.Context, req api.GetMemberRequestObject) (api.GetMemberResponseObject, error) {
	m, err := h.service.Find(ctx, org.ActorFrom(ctx), ID(req.MemberID))
	if err != nil {
		return nil, err
	}
	return api.GetMember200JSONResponse(m.toAPI()), nil
}

// CorrectMember serves PUT /v1/members/{memberId}.
func (h *Handler) CorrectMember(ctx context.Context, req api.CorrectMemberRequestObject) (api.CorrectMemberResponseObject, error) {
	c := Correction{Version: req.Body.Version, Name: api.Given(req.Body.Name)}
	if req.Body.Status != nil {
		c.Status = Status(*req.Body.Status)
	}
	if req.Body.FullMemberSince != nil {
		c.Since = calendar.Day(req.Body.FullMemberSince.String())
	}
	a, err := h.service.Correct(ctx, org.ActorFrom(ctx), ID(req.MemberID), c)
	if err != nil {
		return nil, err
	}
	return api.CorrectMember200JSONResponse(a.toAPI()), nil
}

// UnmaskMember serves POST /v1/members/{memberId}/unmask.
func (h *Handler) UnmaskMember(ctx context.Context, req api.UnmaskMemberRequestObject) (api.UnmaskMemberResponseObject, error) {
	fields := make([]string, len(req.Body.Fields))
	for i, f := range req.Body.Fields {
		fields[i] = string(f)
	}
	why := privacy.Why{Purpose: privacy.Purpose(req.Body.Purpose), Reason: req.Body.Reason}
	plain, err := h.service.Unmask(ctx, org.ActorFrom(ctx), ID(req.MemberID), fields, why)
	if err != nil {
		return nil, err
	}
	return api.UnmaskMember200JSONResponse{
		Name: api.Optional(plain["name"]), Phone: api.Optional(plain["phone"]), FullMemberSince: api.Optional(plain["fullMemberSince"]), ShowForSeconds: showFor,
	}, nil
}

// ListOwnAccesses serves GET /v1/me/accesses.
func (h *Handler) ListOwnAccesses(ctx context.Context, req api.ListOwnAccessesRequestObject) (api.ListOwnAccessesResponseObject, error) {
	all, next, err := h.service.Accesses(ctx, org.ActorFrom(ctx), api.Given(req.Params.Cursor), api.Given(req.Params.PageSize))
	if err != nil {
		return nil, err
	}
	answer := api.ListOwnAccesses200JSONResponse{Items: make([]api.Access, len(all)), NextCursor: api.Optional(next)}
	for i, a := range all {
		answer.Items[i] = api.Access{
			At: a.At, Role: a.Role, UnitName: a.Unit, Purpose: api.Optional(a.Purpose), Reason: api.Optional(a.Reason), Fields: strings.Split(a.Fields, ","),
		}
	}
	return answer, nil
}

func (a Added) toAPI() api.AddedMember {
	return api.AddedMember{ID: int64(a.ID), PersonID: int64(a.PersonID), Version: a.Version}
}

func (m Member) toAPI() api.Member {
	return api.Member{
		ID: int64(m.ID), PersonID: int64(m.PersonID), Name: m.Shown, Phone: m.Phone.Masked(), UnitID: int64(m.UnitID),
		UnitName: m.UnitName, Status: api.MemberStatus(m.Status), Since: string(m.From), Version: m.Version,
	}
}

func toAPIs(ms []Member) []api.Member {
	items := make([]api.Member, len(ms))
	for i, m := range ms {
		items[i] = m.toAPI()
	}
	return items
}

// GetOwnExemption serves GET /v1/me/exemption.
func (h *Handler) GetOwnExemption(ctx context.Context, _ api.GetOwnExemptionRequestObject) (api.GetOwnExemptionResponseObject, error) {
	by := org.ActorFrom(ctx).PersonID
	exempt, err := Exempt(ctx, h.service.db, by)
	if err != nil {
		return nil, err
	}
	return api.GetOwnExemption200JSONResponse{Exempt: exempt[by]}, nil
}

// SetOwnExemption serves POST /v1/me/exemption.
func (h *Handler) SetOwnExemption(ctx context.Context, req api.SetOwnExemptionRequestObject) (api.SetOwnExemptionResponseObject, error) {
	if err := h.service.SetExempt(ctx, org.ActorFrom(ctx), req.Body.Exempt); err != nil {
		return nil, err
	}
	return api.SetOwnExemption200JSONResponse{Exempt: req.Body.Exempt}, nil
}
