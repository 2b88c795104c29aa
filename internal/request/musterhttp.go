package request

import (
	"context"

	"wanjia/api"
	"wanjia/internal/member"
	"wanjia/internal/org"
	"wanjia/internal/privacy"
)

// StartMuster serves POST /v1/requests/{requestId}/musters.
func (h *Handler) StartMuster(ctx context.Context, req api.StartMusterRequestObject) (api.StartMusterResponseObject, error) {
	b := req.Body
	c := Calling{People: b.People, Note: api.Given(b.Note), MeetAt: b.MeetAt, Acknowledged: api.Given(b.DangerAcknowledged), Skills: texts(b.Skills)}
	m, err := h.service.StartMuster(ctx, org.ActorFrom(ctx), ID(req.RequestID), c)
	if err != nil {
		return nil, err
	}
	got, err := h.muster(ctx, m)
	return api.StartMuster201JSONResponse(got), err
}

// ListMusters serves GET /v1/requests/{requestId}/musters.
func (h *Handler) ListMusters(ctx context.Context, req api.ListMustersRequestObject) (api.ListMustersResponseObject, error) {
	all, err := h.service.Musters(ctx, org.ActorFrom(ctx), ID(req.RequestID))
	if err != nil {
		return nil, err
	}
	list := api.ListMusters200JSONResponse{Items: make([]api.Muster, len(all))}
	for i, m := range all {
		if list.Items[i], err = h.muster(ctx, m); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// BeginMuster serves POST /v1/musters/{musterId}/begin.
func (h *Handler) BeginMuster(ctx context.Context, req api.BeginMusterRequestObject) (api.BeginMusterResponseObject, error) {
	m, err := h.service.BeginMuster(ctx, org.ActorFrom(ctx), MusterID(req.MusterID))
	if err != nil {
		return nil, err
	}
	got, err := h.muster(ctx, m)
	return api.BeginMuster200JSONResponse(got), err
}

// FinishMuster serves POST /v1/musters/{musterId}/finish.
func (h *Handler) FinishMuster(ctx context.Context, req api.FinishMusterRequestObject) (api.FinishMusterResponseObject, error) {
	m, err := h.service.FinishMuster(ctx, org.ActorFrom(ctx), MusterID(req.MusterID))
	if err != nil {
		return nil, err
	}
	got, err := h.muster(ctx, m)
	return api.FinishMuster200JSONResponse(got), err
}

// CancelMuster serves POST /v1/musters/{musterId}/cancel.
func (h *Handler) CancelMuster(ctx context.Context, req api.CancelMusterRequestObject) (api.CancelMusterResponseObject, error) {
	m, err := h.service.CancelMuster(ctx, org.ActorFrom(ctx), MusterID(req.MusterID))
	if err != nil {
		return nil, err
	}
	got, err := h.muster(ctx, m)
	return api.CancelMuster200JSONResponse(got), err
}

// ListMusterInvitations serves GET /v1/me/musters.
func (h *Handler) ListMusterInvitations(ctx context.Context, req api.ListMusterInvitationsRequestObject) (api.ListMusterInvitationsResponseObject, error) {
	all, next, err := h.service.Invitations(ctx, org.ActorFrom(ctx), api.Given(req.Params.Cursor), api.Given(req.Params.PageSize))
	if err != nil {
		return nil, err
	}
	list := api.ListMusterInvitations200JSONResponse{Items: make([]api.MusterInvitation, len(all)), NextCursor: api.Optional(next)}
	for i, x := range all {
		list.Items[i] = x.toAPI()
	}
	return list, nil
}

// AnswerMuster serves PUT /v1/me/musters/{musterId}/answer.
func (h *Handler) AnswerMuster(ctx context.Context, req api.AnswerMusterRequestObject) (api.AnswerMusterResponseObject, error) {
	i, err := h.service.AnswerMuster(ctx, org.ActorFrom(ctx), MusterID(req.MusterID), Answer(req.Body.Answer))
	if err != nil {
		return nil, err
	}
	return api.AnswerMuster200JSONResponse(i.toAPI()), nil
}

// GetHelperSkills serves GET /v1/me/helper-skills.
func (h *Handler) GetHelperSkills(ctx context.Context, _ api.GetHelperSkillsRequestObject) (api.GetHelperSkillsResponseObject, error) {
	skills, err := h.service.Skills(ctx, org.ActorFrom(ctx))
	if err != nil {
		return nil, err
	}
	return api.GetHelperSkills200JSONResponse{Skills: helperSkills(skills)}, nil
}

// SetHelperSkills serves PUT /v1/me/helper-skills.
func (h *Handler) SetHelperSkills(ctx context.Context, req api.SetHelperSkillsRequestObject) (api.SetHelperSkillsResponseObject, error) {
	skills, err := h.service.SetSkills(ctx, org.ActorFrom(ctx), texts(req.Body.Skills))
	if err != nil {
		return nil, err
	}
	return api.SetHelperSkills200JSONResponse{Skills: helperSkills(skills)}, nil
}

// muster is m with the names of those who come, who agreed to be known to the holder by coming.
func (h *Handler) muster(ctx context.Context, m Called) (api.Muster, error) {
	names, err := member.Names(ctx, h.service.db, m.Coming...)
	if err != nil {
		return api.Muster{}, err
	}
	coming := make([]string, len(m.Coming))
	for i, p := range m.Coming {
		coming[i] = names[p]
	}
	return api.Muster{
		ID: int64(m.ID), RequestID: int64(m.RequestID), Unit: m.UnitName, State: api.MusterState(m.State), Skills: helperSkills(m.Skills()),
		Note: api.Optional(privacy.MaskPhones(m.Note)), MeetAt: m.MeetAt, CalledAt: m.CalledAt, BegunAt: m.BegunAt, EndedAt: m.EndedAt,
		Coming: coming, Declined: m.Declined, Silent: m.Silent, Waiting: m.Waiting, Version: m.Version,
	}, nil
}

func (i Invitation) toAPI() api.MusterInvitation {
	return api.MusterInvitation{
		ID: int64(i.ID), Unit: i.UnitName, State: api.MusterState(i.State), Skills: helperSkills(i.Skills()), Note: api.Optional(privacy.MaskPhones(i.Note)),
		MeetAt: i.MeetAt, AskedAt: i.AskedAt, Answer: api.MusterInvitationAnswer(i.Answer),
	}
}

func texts[T ~string](all []T) []string {
	list := make([]string, len(all))
	for i, x := range all {
		list[i] = string(x)
	}
	return list
}

func helperSkills(all []string) []api.HelperSkill {
	list := make([]api.HelperSkill, len(all))
	for i, x := range all {
		list[i] = api.HelperSkill(x)
	}
	return list
}
