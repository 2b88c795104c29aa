package org

import (
	"context"
	"time"

	"wanjia/api"
	"wanjia/internal/platform/page"
)

// AnnounceAbsence serves POST /v1/absences.
func (h *Handler) AnnounceAbsence(ctx context.Context, req api.AnnounceAbsenceRequestObject) (api.AnnounceAbsenceResponseObject, error) {
	b := *req.Body
	first, err := parseDay(b.FirstDay, "/firstDay")
	if err != nil {
		return nil, err
	}
	last, err := parseDay(b.LastDay, "/lastDay")
	if err != nil {
		return nil, err
	}
	a, err := h.absences.Announce(ctx, ActorFrom(ctx), NewAbsence{
		StandInAs: AssignmentID(b.StandInAssignmentID), SeesFlags: api.Given(b.SeesFlags), From: first, To: last.Add(1),
	})
	if err != nil {
		return nil, err
	}
	shown, err := h.showAbsences(ctx, a)
	if err != nil {
		return nil, err
	}
	return api.AnnounceAbsence201JSONResponse(shown[0]), nil
}

// showAbsences are absences with what people are called.
func (h *Handler) showAbsences(ctx context.Context, all ...Absence) ([]api.Absence, error) {
	ids := make([]PersonID, 0, 2*len(all))
	for _, a := range all {
		ids = append(ids, a.Person, a.StandIn)
	}
	names, err := h.names(ctx, h.db, ids...)
	shown := make([]api.Absence, len(all))
	for i, a := range all {
		shown[i] = api.Absence{
			ID: int64(a.ID), AssignmentID: int64(a.Assignment), Name: names[a.Person], Role: api.Role(a.Role), UnitID: int64(a.UnitID),
			UnitName: a.UnitName, StandInName: names[a.StandIn], StandInAssignmentID: int64(a.StandInAs), SeesFlags: a.SeesFlags,
			FirstDay: string(a.ValidFrom), LastDay: string(a.ValidTo.Add(-1)),
		}
	}
	return shown, err
}

// ListAbsences serves GET /v1/absences.
func (h *Handler) ListAbsences(ctx context.Context, req api.ListAbsencesRequestObject) (api.ListAbsencesResponseObject, error) {
	by := ActorFrom(ctx)
	p, err := h.page(by, req.Params.Cursor, req.Params.PageSize, "listAbsences")
	if err != nil {
		return nil, err
	}
	all, err := ListAbsences(ctx, h.db, by, p)
	if err != nil {
		return nil, err
	}
	all, next := page.Cut(all, p, func(a Absence) (time.Time, int64) { return atID(a.ID) })
	answer := api.ListAbsences200JSONResponse{Items: []api.Absence{}, NextCursor: api.Optional(next)}
	if len(all) > 0 {
		answer.Items, err = h.showAbsences(ctx, all...)
	}
	return answer, err
}

// EndAbsence serves POST /v1/absences/{absenceId}/end.
func (h *Handler) EndAbsence(ctx context.Context, req api.EndAbsenceRequestObject) (api.EndAbsenceResponseObject, error) {
	if _, err := h.absences.End(ctx, ActorFrom(ctx), AbsenceID(req.AbsenceID)); err != nil {
		return nil, err
	}
	return api.EndAbsence204Response{}, nil
}

// ListStandIns serves GET /v1/stand-ins.
func (h *Handler) ListStandIns(ctx context.Context, req api.ListStandInsRequestObject) (api.ListStandInsResponseObject, error) {
	by := ActorFrom(ctx)
	p, err := h.page(by, req.Params.Cursor, req.Params.PageSize, "listStandIns")
	if err != nil {
		return nil, err
	}
	as, err := Candidates(ctx, h.db, by, p)
	if err != nil {
		return nil, err
	}
	answer, err := h.assignments(ctx, as, p)
	return api.ListStandIns200JSONResponse(answer), err
}
