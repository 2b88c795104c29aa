package campaign

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"wanjia/api"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
)

// Handler serves the operations of api/parts/campaign.yaml.
type Handler struct {
	service *Service
	db      *db.DB
	keys    *page.Keys
	names   org.Names
}

// NewHandler makes a Handler whose cursors keys signs, and which asks names what people are called.
func NewHandler(s *Service, d *db.DB, keys *page.Keys, names org.Names) *Handler {
	return &Handler{service: s, db: d, keys: keys, names: names}
}

func (h *Handler) page(by org.Actor, cursor *string, size *int, bound ...any) (page.Page, error) {
	return h.keys.Parse(api.Given(cursor), api.Given(size), page.Bound(append(bound, by.PersonID, by.Assignment)...))
}

// CreateTask serves POST /v1/tasks.
func (h *Handler) CreateTask(ctx context.Context, req api.CreateTaskRequestObject) (api.CreateTaskResponseObject, error) {
	b := *req.Body
	n := NewTask{
		Title: b.Title, Body: api.Given(b.Body), Checklist: b.Checklist, Minutes: b.Minutes, Evidence: NoEvidence,
		Campaign: ID(api.Given(b.CampaignID)), Stage: StageID(api.Given(b.StageID)), Target: targetOf(b.Target),
		OverReason: api.Given(b.OverBudgetReason),
	}
	if b.Evidence != nil {
		n.Evidence = Evidence(*b.Evidence)
	}
	if b.DueAt != nil {
		n.DueAt = api.Optional(b.DueAt.UTC().Truncate(time.Millisecond))
	}
	if b.Repeats != nil {
		until, err := calendar.ParseDay(b.Repeats.Until)
		if err != nil {
			return nil, ErrRepeat.Field("/repeats/until", ErrRepeat.Code)
		}
		n.Repeat = Repeat{Rhythm: Rhythm(b.Repeats.Every), Until: until}
	}
	g, err := h.service.Create(ctx, org.ActorFrom(ctx), n)
	if err != nil {
		return nil, err
	}
	answer := api.CreateTask201JSONResponse{
		ID: int64(g.Task), State: api.CopyState(Open), CopyIds: make([]int64, 0, len(g.Copies)),
		Burden: g.Burden.toAPI(),
	}
	for _, c := range g.Copies {
		answer.CopyIds = append(answer.CopyIds, int64(c))
	}
	return answer, nil
}

func targetOf(t api.TaskTarget) Target {
	to := Target{
		Assignment: org.AssignmentID(api.Given(t.AssignmentID)), Unit: org.UnitID(api.Given(t.UnitID)),
		Role: org.Role(api.Given(t.Role)), Below: org.UnitID(api.Given(t.BelowUnitID)),
	}
	for _, k := range t.Kinds {
		to.Kinds = append(to.Kinds, org.UnitKind(k))
	}
	return to
}

func (b Burden) toAPI() api.TaskBurden {
	a := api.TaskBurden{Minutes: b.Minutes, Receivers: b.Receivers, Total: b.Total()}
	if b.Organisations > 0 {
		budget, asked, percent := b.Budget(), b.Asked, b.Percent()
		a.Budget, a.Asked, a.Percent = &budget, &asked, &percent
	}
	return a
}

// ForecastTask serves POST /v1/tasks/forecast.
func (h *Handler) ForecastTask(ctx context.Context, req api.ForecastTaskRequestObject) (api.ForecastTaskResponseObject, error) {
	b, err := h.service.Forecast(ctx, org.ActorFrom(ctx), targetOf(req.Body.Target), req.Body.Minutes)
	if err != nil {
		return nil, err
	}
	return api.ForecastTask200JSONResponse(b.toAPI()), nil
}

// ListTasks serves GET /v1/tasks.
func (h *Handler) ListTasks(ctx context.Context, req api.ListTasksRequestObject) (api.ListTasksResponseObject, error) {
	by, r := org.ActorFrom(ctx), req.Params
	which, state := string(api.Given(r.Which)), string(api.Given(r.State))
	p, err := h.page(by, r.Cursor, r.PageSize, "listTasks", which, state)
	if err != nil {
		return nil, err
	}
	answer := api.ListTasks200JSONResponse{}
	switch which {
	case "asked", "below":
		list := ListAsked
		if which == "below" {
			list = ListBelow
		}
		all, err := list(ctx, h.db, by, h.db.Now(), p)
		if err != nil {
			return nil, err
		}
		all, next := page.Cut(all, p, func(a Asked) (time.Time, int64) { return a.CreatedAt, int64(a.ID) })
		answer.NextCursor = api.Optional(next)
		answer.Items = make([]api.ListedTask, 0, len(all))
		for _, a := range all {
			answer.Items = append(answer.Items, api.ListedTask{
				ID: int64(a.ID), CampaignID: (*int64)(a.CampaignID), Title: a.Title, DueAt: a.DueAt, Minutes: a.Minutes,
				FromUnit: a.FromUnit, CreatedAt: a.CreatedAt, Copies: &a.Copies, Finished: &a.Finished,
			})
		}
	default:
		all, err := ListMine(ctx, h.db, by, state != "closed", h.db.Now(), p)
		if err != nil {
			return nil, err
		}
		all, next := page.Cut(all, p, func(m Mine) (time.Time, int64) { return m.CreatedAt, int64(m.ID) })
		answer.NextCursor = api.Optional(next)
		answer.Items = make([]api.ListedTask, 0, len(all))
		for _, m := range all {
			answer.Items = append(answer.Items, api.ListedTask{
				ID: int64(m.TaskID), CopyID: api.Optional(int64(m.ID)), CampaignID: (*int64)(m.CampaignID), Title: m.Title,
				State: api.Optional(api.CopyState(m.State)), DueAt: m.DueAt, Minutes: m.Minutes, FromUnit: m.FromUnit, CreatedAt: m.CreatedAt,
			})
		}
	}
	return answer, nil
}

// GetTask serves GET /v1/tasks/{taskId}.
func (h *Handler) GetTask(ctx context.Context, req api.GetTaskRequestObject) (api.GetTaskResponseObject, error) {
	by := org.ActorFrom(ctx)
	t, own, err := FindTask(ctx, h.db, by, TaskID(req.TaskID))
	if err != nil {
		return nil, err
	}
	answer := api.GetTask200JSONResponse{
		ID: int64(t.ID), CampaignID: (*int64)(t.CampaignID), StageID: (*int64)(t.StageID), Title: t.Title, Body: t.Body,
		Checklist: append([]string{}, t.Checklist...), Minutes: t.Minutes, Evidence: api.TaskDetailEvidence(t.Evidence),
		DueAt: t.DueAt, FromUnit: t.UnitName, CreatedAt: t.CreatedAt, OverBudgetReason: api.Optional(t.OverReason),
	}
	if answer.Own, err = h.copies(ctx, own); err != nil {
		return nil, err
	}
	again, err := repeatOf(ctx, h.db, t.ID)
	if err != nil {
		return nil, err
	}
	if again.Rhythm != "" {
		answer.Repeats = &api.TaskRepeat{Every: api.TaskRepeatEvery(again.Rhythm), Until: string(again.Until)}
	}
	if t.overseenBy(by) {
		p, err := progress(ctx, h.db, t.ID)
		if err != nil {
			return nil, err
		}
		shown := p.toAPI()
		answer.Progress = &shown
	}
	return answer, nil
}

func (p Progress) toAPI() api.TaskProgress {
	a := api.TaskProgress{
		Total: p.Total, Reported: p.States[Reported] + p.States[Done], States: []api.StateCount{}, Lacking: lacking(p.Lacking),
	}
	for _, s := range []State{Open, Accepted, Declined, Reported, Returned, Done, Cancelled} {
		if n := p.States[s]; n > 0 {
			a.States = append(a.States, api.StateCount{State: api.CopyState(s), Count: n})
		}
	}
	return a
}

func lacking(all []Lack) []api.TaskLack {
	out := make([]api.TaskLack, 0, len(all))
	for _, l := range all {
		out = append(out, api.TaskLack{
			UnitID: int64(l.UnitID), UnitName: l.UnitName, TaskID: int64(l.TaskID), Title: l.Title, State: api.CopyState(l.State),
		})
	}
	return out
}

// copies are copies with the names of persons, and of each its history.
func (h *Handler) copies(ctx context.Context, all []Copy) ([]api.TaskCopy, error) {
	var ids []org.PersonID
	for _, c := range all {
		if c.PersonID != nil {
			ids = append(ids, *c.PersonID)
		}
	}
	names := map[org.PersonID]string{}
	if len(ids) > 0 {
		var err error
		if names, err = h.names(ctx, h.db, ids...); err != nil {
			return nil, err
		}
	}
	out := make([]api.TaskCopy, 0, len(all))
	for _, c := range all {
		a := toAPI(c)
		if c.PersonID != nil {
			a.PersonName = api.Optional(names[*c.PersonID])
		}
		if len(all) <= 3 { // one's own; a list of many copies goes without
			history, err := steps(ctx, h.db, c.ID)
			if err != nil {
				return nil, err
			}
			if a.Steps, err = stepsToAPI(history); err != nil {
				return nil, err
			}
		}
		out = append(out, a)
	}
	return out, nil
}

func stepsToAPI(history []Step) (all []api.TaskStep, err error) {
	for _, s := range history {
		step := api.TaskStep{
			State: api.CopyState(s.State), Note: s.Note, Evidence: api.Optional(s.Evidence), At: s.At, PersonID: int64(s.PersonID),
		}
		if s.State == Reported {
			if err := json.Unmarshal([]byte(s.TickText), &step.Ticks); err != nil {
				return nil, fmt.Errorf("read the ticks of a report: %w", err)
			}
		}
		all = append(all, step)
	}
	return all, nil
}

// GetTaskCopy serves GET /v1/task-copies/{copyId}.
func (h *Handler) GetTaskCopy(ctx context.Context, req api.GetTaskCopyRequestObject) (api.GetTaskCopyResponseObject, error) {
	c, t, err := findCopy(ctx, h.db, org.ActorFrom(ctx), CopyID(req.CopyID))
	if err != nil {
		return nil, err
	}
	one, err := h.copies(ctx, []Copy{c})
	if err != nil {
		return nil, err
	}
	answer := one[0]
	history, err := steps(ctx, h.db, c.ID)
	if err != nil {
		return nil, err
	}
	changes, err := changesOf(history, t.Checklist)
	for _, x := range changes {
		answer.Changes = append(answer.Changes, api.TaskChange{Field: api.TaskChangeField(x.Field), Before: x.Before, After: x.After})
	}
	return api.GetTaskCopy200JSONResponse(answer), err
}

func toAPI(c Copy) api.TaskCopy {
	return api.TaskCopy{
		ID: int64(c.ID), TaskID: int64(c.TaskID), UnitID: int64(c.UnitID), UnitName: c.UnitName, Role: api.Role(c.Role),
		PersonID: (*int64)(c.PersonID), State: api.CopyState(c.State), DueAt: c.DueAt, Report: c.Report, Evidence: api.Optional(c.Evidence),
		Ticks: append([]int{}, c.Ticks...), Reason: api.Optional(c.Reason), ReportedAt: c.ReportedAt, Version: c.Version,
	}
}

// ListTaskCopies serves GET /v1/tasks/{taskId}/copies.
func (h *Handler) ListTaskCopies(ctx context.Context, req api.ListTaskCopiesRequestObject) (api.ListTaskCopiesResponseObject, error) {
	by, r := org.ActorFrom(ctx), req.Params
	state := State(api.Given(r.State))
	p, err := h.page(by, r.Cursor, r.PageSize, "listTaskCopies", req.TaskID, state)
	if err != nil {
		return nil, err
	}
	t, _, err := FindTask(ctx, h.db, by, TaskID(req.TaskID))
	if err != nil {
		return nil, err
	}
	if !t.overseenBy(by) { // a receiver, whose own copy getTask shows
		return nil, problem.ErrForbidden
	}
	all, err := listCopies(ctx, h.db, t.ID, state, p)
	if err != nil {
		return nil, err
	}
	all, next := page.Cut(all, p, func(c Copy) (time.Time, int64) { return time.UnixMilli(0), int64(c.ID) })
	items, err := h.copies(ctx, all)
	if err != nil {
		return nil, err
	}
	return api.ListTaskCopies200JSONResponse{Items: items, NextCursor: api.Optional(next)}, nil
}

// AcceptTask serves POST /v1/task-copies/{copyId}/accept.
func (h *Handler) AcceptTask(ctx context.Context, req api.AcceptTaskRequestObject) (api.AcceptTaskResponseObject, error) {
	c, err := h.service.Accept(ctx, org.ActorFrom(ctx), CopyID(req.CopyID))
	if err != nil {
		return nil, err
	}
	return api.AcceptTask200JSONResponse(toAPI(c)), nil
}

// DeclineTask serves POST /v1/task-copies/{copyId}/decline.
func (h *Handler) DeclineTask(ctx context.Context, req api.DeclineTaskRequestObject) (api.DeclineTaskResponseObject, error) {
	c, err := h.service.Decline(ctx, org.ActorFrom(ctx), CopyID(req.CopyID), req.Body.Reason)
	if err != nil {
		return nil, err
	}
	return api.DeclineTask200JSONResponse(toAPI(c)), nil
}

// ReportTask serves POST /v1/task-copies/{copyId}/report.
func (h *Handler) ReportTask(ctx context.Context, req api.ReportTaskRequestObject) (api.ReportTaskResponseObject, error) {
	b := *req.Body
	c, err := h.service.Report(ctx, org.ActorFrom(ctx), Report{
		Copy: CopyID(req.CopyID), Text: b.Text, Evidence: api.Given(b.Evidence), Ticks: b.Ticks,
	})
	if err != nil {
		return nil, err
	}
	return api.ReportTask200JSONResponse(toAPI(c)), nil
}

// ReportTasks serves POST /v1/task-copies/report.
func (h *Handler) ReportTasks(ctx context.Context, req api.ReportTasksRequestObject) (api.ReportTasksResponseObject, error) {
	all := make([]Report, 0, len(req.Body.Reports))
	for _, r := range req.Body.Reports {
		all = append(all, Report{Copy: CopyID(r.CopyID), Text: r.Text, Evidence: api.Given(r.Evidence), Ticks: r.Ticks})
	}
	ids, err := h.service.ReportAll(ctx, org.ActorFrom(ctx), all)
	if err != nil {
		return nil, err
	}
	answer := api.ReportTasks200JSONResponse{CopyIds: make([]int64, 0, len(ids))}
	for _, id := range ids {
		answer.CopyIds = append(answer.CopyIds, int64(id))
	}
	return answer, nil
}

// ReturnTask serves POST /v1/task-copies/{copyId}/return.
func (h *Handler) ReturnTask(ctx context.Context, req api.ReturnTaskRequestObject) (api.ReturnTaskResponseObject, error) {
	c, err := h.service.Return(ctx, org.ActorFrom(ctx), CopyID(req.CopyID), req.Body.Reason)
	if err != nil {
		return nil, err
	}
	return api.ReturnTask200JSONResponse(toAPI(c)), nil
}

// AcceptTaskResult serves POST /v1/task-copies/{copyId}/accept-result.
func (h *Handler) AcceptTaskResult(ctx context.Context, req api.AcceptTaskResultRequestObject) (api.AcceptTaskResultResponseObject, error) {
	c, err := h.service.AcceptResult(ctx, org.ActorFrom(ctx), CopyID(req.CopyID))
	if err != nil {
		return nil, err
	}
	return api.AcceptTaskResult200JSONResponse(toAPI(c)), nil
}

// CancelTask serves POST /v1/tasks/{taskId}/cancel.
func (h *Handler) CancelTask(ctx context.Context, req api.CancelTaskRequestObject) (api.CancelTaskResponseObject, error) {
	n, err := h.service.Cancel(ctx, org.ActorFrom(ctx), TaskID(req.TaskID), req.Body.Reason)
	if err != nil {
		return nil, err
	}
	return api.CancelTask200JSONResponse{Cancelled: n}, nil
}

// CreateCampaign serves POST /v1/campaigns.
func (h *Handler) CreateCampaign(ctx context.Context, req api.CreateCampaignRequestObject) (api.CreateCampaignResponseObject, error) {
	b := *req.Body
	stages := make([]Stage, 0, len(b.Stages))
	for _, s := range b.Stages {
		from, err := calendar.ParseDay(s.FromDay)
		if err != nil {
			return nil, problem.ErrInvalid.Field("/stages/fromDay", "day")
		}
		to, err := calendar.ParseDay(s.ToDay)
		if err != nil {
			return nil, problem.ErrInvalid.Field("/stages/toDay", "day")
		}
		stages = append(stages, Stage{Name: s.Name, FromDay: from, ToDay: to})
	}
	id, err := h.service.Plan(ctx, org.ActorFrom(ctx), b.Title, api.Given(b.Body), stages)
	if err != nil {
		return nil, err
	}
	return api.CreateCampaign201JSONResponse{ID: int64(id)}, nil
}

// ListCampaigns serves GET /v1/campaigns.
func (h *Handler) ListCampaigns(ctx context.Context, req api.ListCampaignsRequestObject) (api.ListCampaignsResponseObject, error) {
	by := org.ActorFrom(ctx)
	p, err := h.page(by, req.Params.Cursor, req.Params.PageSize, "listCampaigns")
	if err != nil {
		return nil, err
	}
	all, err := ListCampaigns(ctx, h.db, by, p)
	if err != nil {
		return nil, err
	}
	all, next := page.Cut(all, p, func(c Campaign) (time.Time, int64) { return c.CreatedAt, int64(c.ID) })
	answer := api.ListCampaigns200JSONResponse{Items: make([]api.ListedCampaign, 0, len(all)), NextCursor: api.Optional(next)}
	for _, c := range all {
		answer.Items = append(answer.Items, api.ListedCampaign{
			ID: int64(c.ID), Title: c.Title, State: api.ListedCampaignState(c.State), UnitName: c.UnitName, CreatedAt: c.CreatedAt,
		})
	}
	return answer, nil
}

// GetCampaign serves GET /v1/campaigns/{campaignId}.
func (h *Handler) GetCampaign(ctx context.Context, req api.GetCampaignRequestObject) (api.GetCampaignResponseObject, error) {
	c, err := GetCampaign(ctx, h.db, org.ActorFrom(ctx), ID(req.CampaignID))
	if err != nil {
		return nil, err
	}
	answer := api.GetCampaign200JSONResponse{
		ID: int64(c.ID), Title: c.Title, Body: c.Body, State: api.CampaignDetailState(c.State), UnitName: c.UnitName,
		CreatedAt: c.CreatedAt, StartedAt: c.StartedAt, ClosedAt: c.ClosedAt, Stages: make([]api.CampaignStage, 0, len(c.Stages)),
		Copies: c.Coverage.Copies, Reported: c.Coverage.Reported, Lacking: lacking(c.Coverage.Lacking),
	}
	for _, s := range c.Stages {
		answer.Stages = append(answer.Stages, api.CampaignStage{
			ID: int64(s.ID), Name: s.Name, FromDay: string(s.FromDay), ToDay: string(s.ToDay),
		})
	}
	return answer, nil
}

// StartCampaign serves POST /v1/campaigns/{campaignId}/start.
func (h *Handler) StartCampaign(ctx context.Context, req api.StartCampaignRequestObject) (api.StartCampaignResponseObject, error) {
	if err := h.service.Start(ctx, org.ActorFrom(ctx), ID(req.CampaignID)); err != nil {
		return nil, err
	}
	return api.StartCampaign204Response{}, nil
}

// CloseCampaign serves POST /v1/campaigns/{campaignId}/close.
func (h *Handler) CloseCampaign(ctx context.Context, req api.CloseCampaignRequestObject) (api.CloseCampaignResponseObject, error) {
	if err := h.service.Close(ctx, org.ActorFrom(ctx), ID(req.CampaignID)); err != nil {
		return nil, err
	}
	return api.CloseCampaign204Response{}, nil
}
