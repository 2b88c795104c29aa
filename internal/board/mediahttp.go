package board

import (
	"context"
	"fmt"

	"wanjia/api"
	"wanjia/internal/org"
	"wanjia/internal/upload"
)

// namedIn are those on a list of the contract.
func namedIn(all []api.NewShown) []Named {
	named := make([]Named, len(all))
	for i, n := range all {
		named[i] = Named{
			ID: DepictedID(api.Given(n.ID)), Person: org.PersonID(api.Given(n.PersonID)), Paper: api.Given(n.Paper), Account: api.Given(n.Account),
		}
	}
	return named
}

// CreateMedia serves POST /v1/media.
func (h *Handler) CreateMedia(ctx context.Context, req api.CreateMediaRequestObject) (api.CreateMediaResponseObject, error) {
	b, by := req.Body, org.ActorFrom(ctx)
	m, err := h.service.Picture(ctx, by, upload.ID(b.UploadID), Media{
		PublicationID: (*PublicationID)(b.PublicationID), Caption: b.Caption, Credit: api.Given(b.Credit),
	}, namedIn(b.Shown))
	if err != nil {
		return nil, err
	}
	return api.CreateMedia201JSONResponse(h.media(by, m)), nil
}

// ListMedia serves GET /v1/media.
func (h *Handler) ListMedia(ctx context.Context, req api.ListMediaRequestObject) (api.ListMediaResponseObject, error) {
	by := org.ActorFrom(ctx)
	all, next, err := h.service.AllMedia(ctx, by, api.Given(req.Params.Cursor), api.Given(req.Params.PageSize))
	if err != nil {
		return nil, err
	}
	return api.ListMedia200JSONResponse{Items: h.allMedia(by, all), NextCursor: api.Optional(next)}, nil
}

// GetMedia serves GET /v1/media/{mediaId}.
func (h *Handler) GetMedia(ctx context.Context, req api.GetMediaRequestObject) (api.GetMediaResponseObject, error) {
	by := org.ActorFrom(ctx)
	m, err := h.service.Media(ctx, by, MediaID(req.MediaID))
	if err != nil {
		return nil, err
	}
	return api.GetMedia200JSONResponse(h.media(by, m)), nil
}

// ChangeMedia serves PUT /v1/media/{mediaId}.
func (h *Handler) ChangeMedia(ctx context.Context, req api.ChangeMediaRequestObject) (api.ChangeMediaResponseObject, error) {
	b, by := req.Body, org.ActorFrom(ctx)
	m, err := h.service.ChangeMedia(ctx, by, Media{
		ID: MediaID(req.MediaID), Caption: b.Caption, Credit: api.Given(b.Credit), Version: b.Version,
	}, namedIn(b.Shown))
	if err != nil {
		return nil, err
	}
	return api.ChangeMedia200JSONResponse(h.media(by, m)), nil
}

// RemoveMedia serves DELETE /v1/media/{mediaId}.
func (h *Handler) RemoveMedia(ctx context.Context, req api.RemoveMediaRequestObject) (api.RemoveMediaResponseObject, error) {
	if err := h.service.RemoveMedia(ctx, org.ActorFrom(ctx), MediaID(req.MediaID)); err != nil {
		return nil, err
	}
	return api.RemoveMedia204Response{}, nil
}

// RedactMedia serves POST /v1/media/{mediaId}/redactions.
func (h *Handler) RedactMedia(ctx context.Context, req api.RedactMediaRequestObject) (api.RedactMediaResponseObject, error) {
	by := org.ActorFrom(ctx)
	m, err := h.service.Blacken(ctx, by, MediaID(req.MediaID), upload.BoxesOf(req.Body.Boxes))
	if err != nil {
		return nil, err
	}
	return api.RedactMedia200JSONResponse(h.media(by, m)), nil
}

// WithdrawShown serves POST /v1/media/{mediaId}/shown/{shownId}/withdraw.
func (h *Handler) WithdrawShown(ctx context.Context, req api.WithdrawShownRequestObject) (api.WithdrawShownResponseObject, error) {
	by := org.ActorFrom(ctx)
	m, err := h.service.WithdrawShown(ctx, by, MediaID(req.MediaID), DepictedID(req.ShownID))
	if err != nil {
		return nil, err
	}
	return api.WithdrawShown200JSONResponse(h.media(by, m)), nil
}

// WithdrawNamed serves POST /v1/publications/{publicationId}/shown/{shownId}/withdraw.
func (h *Handler) WithdrawNamed(ctx context.Context, req api.WithdrawNamedRequestObject) (api.WithdrawNamedResponseObject, error) {
	by := org.ActorFrom(ctx)
	p, err := h.service.WithdrawNamed(ctx, by, PublicationID(req.PublicationID), DepictedID(req.ShownID))
	if err != nil {
		return nil, err
	}
	return api.WithdrawNamed200JSONResponse(h.publication(by, p)), nil
}

// ListMyMedia serves GET /v1/me/media.
func (h *Handler) ListMyMedia(ctx context.Context, req api.ListMyMediaRequestObject) (api.ListMyMediaResponseObject, error) {
	by := org.ActorFrom(ctx)
	all, next, err := h.service.OwnMedia(ctx, by, api.Given(req.Params.Cursor), api.Given(req.Params.PageSize))
	if err != nil {
		return nil, err
	}
	answer := api.ListMyMedia200JSONResponse{Items: make([]api.OwnMedia, len(all)), NextCursor: api.Optional(next)}
	for i, o := range all {
		answer.Items[i] = h.ownMedia(by, o)
	}
	return answer, nil
}

// AgreeMedia serves POST /v1/me/media.
func (h *Handler) AgreeMedia(ctx context.Context, req api.AgreeMediaRequestObject) (api.AgreeMediaResponseObject, error) {
	by := org.ActorFrom(ctx)
	o, err := h.service.Agree(ctx, by, req.Body.Code)
	if err != nil {
		return nil, err
	}
	return api.AgreeMedia200JSONResponse(h.ownMedia(by, o)), nil
}

// RefuseMedia serves POST /v1/me/media/{shownId}/refuse.
func (h *Handler) RefuseMedia(ctx context.Context, req api.RefuseMediaRequestObject) (api.RefuseMediaResponseObject, error) {
	by := org.ActorFrom(ctx)
	o, err := h.service.Refuse(ctx, by, DepictedID(req.ShownID))
	if err != nil {
		return nil, err
	}
	return api.RefuseMedia200JSONResponse(h.ownMedia(by, o)), nil
}

func (h *Handler) ownMedia(by org.Actor, o OwnMedia) api.OwnMedia {
	a := api.OwnMedia{
		ID: int64(o.ID), Kind: api.OwnMediaKind(o.OwnerType), Title: o.Title, Text: api.Optional(o.Text), Agreed: o.Agreed,
		Public: o.Public, AddedAt: o.AddedAt, EndedAt: o.EndedAt,
	}
	if o.Picture.ID != 0 {
		a.URL = new(h.service.uploads.Link(by.PersonID, o.Picture))
	}
	return a
}

func (h *Handler) allMedia(by org.Actor, all []Media) []api.Media {
	items := make([]api.Media, len(all))
	for i, m := range all {
		items[i] = h.media(by, m)
	}
	return items
}

func (h *Handler) media(by org.Actor, m Media) api.Media {
	return api.Media{
		ID: int64(m.ID), PublicationID: (*int64)(m.PublicationID), Caption: m.Caption, Credit: m.Credit, Scope: m.UnitName,
		Own: m.AuthorID == by.PersonID, Shown: depictedToAPI(m.Shown), Agreed: agreed(m.Shown), Width: m.Picture.Width, Height: m.Picture.Height,
		URL: h.service.uploads.Link(by.PersonID, m.Picture), CreatedAt: m.CreatedAt, Version: m.Version,
		Takedown: api.Optional(api.MediaTakedown(m.Hidden)),
	}
}

func depictedToAPI(all []Depicted) []api.Depicted {
	items := make([]api.Depicted, len(all))
	for i, d := range all {
		items[i] = api.Depicted{
			ID: int64(d.ID), Kind: api.DepictedKind(d.Kind), Agreed: d.Agreed, Paper: api.Optional(d.Paper), Code: api.Optional(d.Code.String()), EndedAt: d.EndedAt,
		}
	}
	return items
}

// publication is p with its pictures and who is named in it.
func (h *Handler) publication(by org.Actor, p Publication) api.Publication {
	a := p.toAPI(by)
	a.Shown, a.Media = depictedToAPI(p.Shown), h.allMedia(by, p.Media)
	return a
}

// pictureAddress is where everybody sees a picture that is published.
func pictureAddress(id MediaID) string { return fmt.Sprintf("/p/picture/%d", id) }
