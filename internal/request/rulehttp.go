package request

import (
	"context"

	"wanjia/api"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
)

// ListCategories serves GET /v1/rules/categories.
func (h *Handler) ListCategories(ctx context.Context, _ api.ListCategoriesRequestObject) (api.ListCategoriesResponseObject, error) {
	all, err := h.service.Rulings(ctx)
	if err != nil {
		return nil, err
	}
	answer := api.ListCategories200JSONResponse{Items: make([]api.CategoryRule, len(all.Now)), Planned: make([]api.CategoryRule, len(all.Planned))}
	for i, r := range all.Now {
		answer.Items[i] = r.toAPI()
	}
	for i, r := range all.Planned {
		answer.Planned[i] = r.toAPI()
	}
	return answer, nil
}

// SetCategory serves PUT /v1/rules/categories/{category}.
func (h *Handler) SetCategory(ctx context.Context, req api.SetCategoryRequestObject) (api.SetCategoryResponseObject, error) {
	b := req.Body
	from, err := day("/validFrom", b.ValidFrom)
	if err != nil {
		return nil, err
	}
	c := CategoryChange{
		Category: Category{
			Code: Code(req.Category), Type: Type(b.Type), Label: Tongue{b.Label.Zh, b.Label.En}, Danger: tongue(b.DangerText), Always: b.Always,
			StartLevel: int(b.StartLevel), Targets: targets(b.Targets),
			Urgent: api.Given(b.Urgent), Climbs: api.Given(b.Climbs), Closed: api.Given(b.Closed),
		},
		Version: b.Version, From: from, Reason: b.Reason,
	}
	for _, l := range b.Levels {
		c.Levels = append(c.Levels, LevelTargets{int(l.Level), targets(l.Targets)})
	}
	set, err := h.service.SetCategory(ctx, org.ActorFrom(ctx), c)
	if err != nil {
		return nil, err
	}
	return api.SetCategory200JSONResponse(set.toAPI()), nil
}

func tongue(t *api.RuleText) Tongue {
	if t == nil {
		return Tongue{}
	}
	return Tongue{t.Zh, t.En}
}

func targets(t api.TargetMinutes) Targets {
	return Targets{int(api.Given(t.Accept)), int(api.Given(t.Update)), int(api.Given(t.Solve))}
}

func (t Targets) toAPI() api.TargetMinutes {
	return api.TargetMinutes{Accept: api.Optional(int32(t.Accept)), Update: api.Optional(int32(t.Update)), Solve: api.Optional(int32(t.Solve))}
}

func (r Ruled) toAPI() api.CategoryRule {
	c := api.CategoryRule{
		Category: api.RequestCategory(r.Code), Version: r.Version, ValidFrom: r.From, Type: api.CategoryRuleType(r.Type),
		Label: api.RuleText{Zh: r.Label.ZH, En: r.Label.EN}, Always: r.Always, StartLevel: int32(r.StartLevel), Targets: r.Targets.toAPI(),
		Levels: make([]api.LevelTargets, len(r.Levels)), Urgent: r.Urgent, Climbs: r.Climbs, Closed: r.Closed,
	}
	if r.Danger != (Tongue{}) {
		c.DangerText = &api.RuleText{Zh: r.Danger.ZH, En: r.Danger.EN}
	}
	for i, l := range r.Levels {
		c.Levels[i] = api.LevelTargets{Level: int32(l.Level), Targets: l.toAPI()}
	}
	return c
}

// GetCalendar serves GET /v1/rules/calendar.
func (h *Handler) GetCalendar(ctx context.Context, req api.GetCalendarRequestObject) (api.GetCalendarResponseObject, error) {
	y, err := h.service.Calendar(ctx, req.Params.Year)
	if err != nil {
		return nil, err
	}
	answer := api.GetCalendar200JSONResponse{
		Year: int32(req.Params.Year), Version: y.Version, Days: make([]api.CalendarDay, len(y.Days)), Hours: make([]api.WorkingHours, len(y.Hours)),
	}
	for i, d := range y.Days {
		answer.Days[i] = api.CalendarDay{Day: string(d.Day), Kind: api.CalendarDayKind(d.Kind), Name: api.Optional(d.Name)}
	}
	for i, h := range y.Hours {
		answer.Hours[i] = api.WorkingHours{From: string(h.From), Spans: make([]api.HourSpan, len(h.Spans))}
		for j, s := range h.Spans {
			answer.Hours[i].Spans[j] = api.HourSpan{From: s.From, To: s.To}
		}
	}
	return answer, nil
}

// SaveCalendar serves PUT /v1/rules/calendar.
func (h *Handler) SaveCalendar(ctx context.Context, req api.SaveCalendarRequestObject) (api.SaveCalendarResponseObject, error) {
	b := req.Body
	c := CalendarChange{Version: b.Version, Reason: b.Reason}
	for _, d := range b.Days {
		at, err := day("/days", &d.Day)
		if err != nil {
			return nil, err
		}
		c.Days = append(c.Days, calendar.DayKind{Day: at, Kind: calendar.Kind(d.Kind), Name: api.Given(d.Name)})
	}
	if b.Hours != nil {
		from, err := day("/hours/from", &b.Hours.From)
		if err != nil {
			return nil, err
		}
		fresh := calendar.Hours{From: from}
		for _, s := range b.Hours.Spans {
			fresh.Spans = append(fresh.Spans, calendar.Span{From: s.From, To: s.To})
		}
		c.Hours = append(c.Hours, fresh)
	}
	version, err := h.service.SaveCalendar(ctx, org.ActorFrom(ctx), c)
	if err != nil {
		return nil, err
	}
	return api.SaveCalendar200JSONResponse{Version: version}, nil
}
