package board

import (
	"context"

	"wanjia/api"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/privacy"
)

// pageRef is the page that somebody names.
func pageRef(p api.PageName) PageRef { return PageRef{Kind: PageKind(p.Kind), ID: p.ID} }

func (p PageRef) toAPI() api.PageName { return api.PageName{Kind: api.PageNameKind(p.Kind), ID: p.ID} }

// RequestTakedown serves POST /v1/public/takedowns.
func (h *Handler) RequestTakedown(ctx context.Context, req api.RequestTakedownRequestObject) (api.RequestTakedownResponseObject, error) {
	code, t, err := h.service.TakeDown(ctx, org.ActorFrom(ctx), pageRef(req.Body.Page), req.Body.Reason)
	if err != nil {
		return nil, err
	}
	return api.RequestTakedown201JSONResponse{ReceiptCode: code.String(), DueAt: t.DueAt, Hidden: t.Hides()}, nil
}

// SendFeedback serves POST /v1/public/feedback.
func (h *Handler) SendFeedback(ctx context.Context, req api.SendFeedbackRequestObject) (api.SendFeedbackResponseObject, error) {
	if err := h.service.Say(ctx, org.ActorFrom(ctx), pageRef(req.Body.Page), req.Body.Text); err != nil {
		return nil, err
	}
	return api.SendFeedback204Response{}, nil
}

// ListTakedowns serves GET /v1/takedowns.
func (h *Handler) ListTakedowns(ctx context.Context, req api.ListTakedownsRequestObject) (api.ListTakedownsResponseObject, error) {
	p := req.Params
	all, next, err := h.service.Takedowns(ctx, org.ActorFrom(ctx), State(api.Given(p.State)), api.Given(p.Cursor), api.Given(p.PageSize))
	if err != nil {
		return nil, err
	}
	answer := api.ListTakedowns200JSONResponse{Items: make([]api.Takedown, len(all)), NextCursor: api.Optional(next)}
	for i, t := range all {
		answer.Items[i] = h.takedown(t)
	}
	return answer, nil
}

func (h *Handler) takedown(t Takedown) api.Takedown {
	return api.Takedown{
		ID: int64(t.ID), Page: t.toAPI(), State: api.TakedownState(t.State), Text: privacy.MaskPhones(t.Text), ReceivedAt: t.ReceivedAt, DueAt: t.DueAt,
		Overdue: t.Overdue(h.service.db.Now()), DecidedAt: t.DecidedAt, Reason: api.Optional(t.Reason),
	}
}

// DecideTakedown serves POST /v1/takedowns/{takedownId}/decide.
func (h *Handler) DecideTakedown(ctx context.Context, req api.DecideTakedownRequestObject) (api.DecideTakedownResponseObject, error) {
	t, err := h.service.Decide(ctx, org.ActorFrom(ctx), TakedownID(req.TakedownID), State(req.Body.Decision), req.Body.Reason)
	if err != nil {
		return nil, err
	}
	return api.DecideTakedown200JSONResponse(h.takedown(t)), nil
}

// LiftTakedown serves POST /v1/takedowns/{takedownId}/lift.
func (h *Handler) LiftTakedown(ctx context.Context, req api.LiftTakedownRequestObject) (api.LiftTakedownResponseObject, error) {
	t, err := h.service.Lift(ctx, org.ActorFrom(ctx), TakedownID(req.TakedownID), req.Body.Reason)
	if err != nil {
		return nil, err
	}
	return api.LiftTakedown200JSONResponse(h.takedown(t)), nil
}

// UnmaskTakedown serves POST /v1/takedowns/{takedownId}/unmask.
func (h *Handler) UnmaskTakedown(ctx context.Context, req api.UnmaskTakedownRequestObject) (api.UnmaskTakedownResponseObject, error) {
	text, err := h.service.UnmaskTakedown(ctx, org.ActorFrom(ctx), TakedownID(req.TakedownID), why(req.Body))
	if err != nil {
		return nil, err
	}
	return api.UnmaskTakedown200JSONResponse{Text: api.Optional(text)}, nil
}

// UnmaskFeedback serves POST /v1/feedback/{feedbackId}/unmask.
func (h *Handler) UnmaskFeedback(ctx context.Context, req api.UnmaskFeedbackRequestObject) (api.UnmaskFeedbackResponseObject, error) {
	text, err := h.service.UnmaskFeedback(ctx, org.ActorFrom(ctx), req.FeedbackID, why(req.Body))
	if err != nil {
		return nil, err
	}
	return api.UnmaskFeedback200JSONResponse{Text: api.Optional(text)}, nil
}

// why is what somebody wants to see in full what was written for.
func why(b *api.TextUnmasking) privacy.Why {
	return privacy.Why{Purpose: privacy.Purpose(b.Purpose), Reason: b.Reason}
}

// ListFeedback serves GET /v1/feedback.
func (h *Handler) ListFeedback(ctx context.Context, req api.ListFeedbackRequestObject) (api.ListFeedbackResponseObject, error) {
	all, next, err := h.service.Feedbacks(ctx, org.ActorFrom(ctx), api.Given(req.Params.Cursor), api.Given(req.Params.PageSize))
	if err != nil {
		return nil, err
	}
	answer := api.ListFeedback200JSONResponse{Items: make([]api.FeedbackRow, len(all)), NextCursor: api.Optional(next)}
	for i, f := range all {
		answer.Items[i] = api.FeedbackRow{ID: f.ID, Page: f.toAPI(), Text: privacy.MaskPhones(f.Text), ReceivedAt: f.ReceivedAt}
	}
	return answer, nil
}

// CreatePublication serves POST /v1/publications.
func (h *Handler) CreatePublication(ctx context.Context, req api.CreatePublicationRequestObject) (api.CreatePublicationResponseObject, error) {
	b, by := req.Body, org.ActorFrom(ctx)
	p, err := h.service.Write(ctx, by, Publication{
		Kind: PublicationKind(b.Kind), Title: b.Title, Text: b.Text, StartOn: calendar.Day(b.StartOn), EndOn: (*calendar.Day)(b.EndOn),
	}, namedIn(b.Shown))
	if err != nil {
		return nil, err
	}
	return api.CreatePublication201JSONResponse(h.publication(by, p)), nil
}

// ChangePublication serves PUT /v1/publications/{publicationId}.
func (h *Handler) ChangePublication(ctx context.Context, req api.ChangePublicationRequestObject) (api.ChangePublicationResponseObject, error) {
	b, by := req.Body, org.ActorFrom(ctx)
	p, err := h.service.Rewrite(ctx, by, Publication{
		ID: PublicationID(req.PublicationID), Title: b.Title, Text: b.Text, StartOn: calendar.Day(b.StartOn), EndOn: (*calendar.Day)(b.EndOn),
		Version: b.Version,
	}, changedNames(b.Shown))
	if err != nil {
		return nil, err
	}
	return api.ChangePublication200JSONResponse(h.publication(by, p)), nil
}

// ListPublications serves GET /v1/publications.
func (h *Handler) ListPublications(ctx context.Context, req api.ListPublicationsRequestObject) (api.ListPublicationsResponseObject, error) {
	by := org.ActorFrom(ctx)
	all, next, err := h.service.Publications(ctx, by, api.Given(req.Params.Cursor), api.Given(req.Params.PageSize))
	if err != nil {
		return nil, err
	}
	answer := api.ListPublications200JSONResponse{Items: make([]api.Publication, len(all)), NextCursor: api.Optional(next)}
	for i, p := range all {
		answer.Items[i] = p.toAPI(by)
	}
	return answer, nil
}

// GetPublication serves GET /v1/publications/{publicationId}.
func (h *Handler) GetPublication(ctx context.Context, req api.GetPublicationRequestObject) (api.GetPublicationResponseObject, error) {
	by := org.ActorFrom(ctx)
	p, err := h.service.Publication(ctx, by, PublicationID(req.PublicationID))
	if err != nil {
		return nil, err
	}
	return api.GetPublication200JSONResponse(h.publication(by, p)), nil
}

// SubmitPublication serves POST /v1/publications/{publicationId}/submit.
func (h *Handler) SubmitPublication(ctx context.Context, req api.SubmitPublicationRequestObject) (api.SubmitPublicationResponseObject, error) {
	by := org.ActorFrom(ctx)
	p, err := h.service.Submit(ctx, by, PublicationID(req.PublicationID))
	if err != nil {
		return nil, err
	}
	return api.SubmitPublication200JSONResponse(h.publication(by, p)), nil
}

// PublishPublication serves POST /v1/publications/{publicationId}/publish.
func (h *Handler) PublishPublication(ctx context.Context, req api.PublishPublicationRequestObject) (api.PublishPublicationResponseObject, error) {
	by := org.ActorFrom(ctx)
	p, err := h.service.Judge(ctx, by, PublicationID(req.PublicationID), PublicationPublished, "")
	if err != nil {
		return nil, err
	}
	return api.PublishPublication200JSONResponse(h.publication(by, p)), nil
}

// ReturnPublication serves POST /v1/publications/{publicationId}/return.
func (h *Handler) ReturnPublication(ctx context.Context, req api.ReturnPublicationRequestObject) (api.ReturnPublicationResponseObject, error) {
	by := org.ActorFrom(ctx)
	p, err := h.service.Judge(ctx, by, PublicationID(req.PublicationID), PublicationReturned, req.Body.Reason)
	if err != nil {
		return nil, err
	}
	return api.ReturnPublication200JSONResponse(h.publication(by, p)), nil
}

// HidePublication serves POST /v1/publications/{publicationId}/hide.
func (h *Handler) HidePublication(ctx context.Context, req api.HidePublicationRequestObject) (api.HidePublicationResponseObject, error) {
	by := org.ActorFrom(ctx)
	p, err := h.service.Judge(ctx, by, PublicationID(req.PublicationID), PublicationHidden, req.Body.Reason)
	if err != nil {
		return nil, err
	}
	return api.HidePublication200JSONResponse(h.publication(by, p)), nil
}

// RemovePublication serves POST /v1/publications/{publicationId}/remove.
func (h *Handler) RemovePublication(ctx context.Context, req api.RemovePublicationRequestObject) (api.RemovePublicationResponseObject, error) {
	by := org.ActorFrom(ctx)
	p, err := h.service.Judge(ctx, by, PublicationID(req.PublicationID), PublicationRemoved, req.Body.Reason)
	if err != nil {
		return nil, err
	}
	return api.RemovePublication200JSONResponse(h.publication(by, p)), nil
}

func (p Publication) toAPI(by org.Actor) api.Publication {
	return api.Publication{
		ID: int64(p.ID), Kind: api.PublicationKind(p.Kind), Title: p.Title, Text: p.Text, StartOn: string(p.StartOn), EndOn: (*string)(p.EndOn),
		State: api.PublicationState(p.State), Scope: p.UnitName, Own: p.AuthorID == by.PersonID, Reason: api.Optional(p.Reason),
		PublishedAt: p.PublishedAt, CheckedAt: p.CheckedAt, Version: p.Version,
		Takedown: api.Optional(api.PublicationTakedown(p.Hidden)),
	}
}

// ListPublicPages serves GET /v1/public/pages.
func (h *Handler) ListPublicPages(ctx context.Context, req api.ListPublicPagesRequestObject) (api.ListPublicPagesResponseObject, error) {
	all, next, err := h.service.ShownIn(ctx, org.UnitID(req.Params.PlaceID), api.Given(req.Params.Cursor), api.Given(req.Params.PageSize))
	if err != nil {
		return nil, err
	}
	answer := api.ListPublicPages200JSONResponse{Items: make([]api.PublicPage, len(all)), NextCursor: api.Optional(next)}
	for i, p := range all {
		answer.Items[i] = api.PublicPage{
			ID: int64(p.ID), Kind: api.PublicPageKind(p.Kind), Title: p.Title, Text: p.Text, StartOn: string(p.StartOn), EndOn: (*string)(p.EndOn),
			Media: publicMedia(p.Media),
		}
	}
	return answer, nil
}

func publicMedia(all []Media) (items []api.PublicMedia) {
	for _, m := range all {
		items = append(items, api.PublicMedia{ID: int64(m.ID), URL: pictureAddress(m.ID), Caption: m.Caption, Credit: m.Credit})
	}
	return items
}

// changedNames are those on a list, or nil if there is none: then they stay.
func changedNames(all []api.NewShown) []Named {
	if all == nil {
		return nil
	}
	return namedIn(all)
}
