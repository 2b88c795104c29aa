package board

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"

	"wanjia/api"
	"wanjia/internal/org"
)

// CreatePressPack serves POST /v1/press-packs.
func (h *Handler) CreatePressPack(ctx context.Context, req api.CreatePressPackRequestObject) (api.CreatePressPackResponseObject, error) {
	ids := make([]MediaID, len(req.Body.MediaIds))
	for i, id := range req.Body.MediaIds {
		ids[i] = MediaID(id)
	}
	p, err := h.service.Build(ctx, org.ActorFrom(ctx), req.Body.Title, ids)
	if err != nil {
		return nil, err
	}
	return api.CreatePressPack201JSONResponse(p.toAPI()), nil
}

// ListPressPacks serves GET /v1/press-packs.
func (h *Handler) ListPressPacks(ctx context.Context, req api.ListPressPacksRequestObject) (api.ListPressPacksResponseObject, error) {
	all, next, err := h.service.Packs(ctx, org.ActorFrom(ctx), api.Given(req.Params.Cursor), api.Given(req.Params.PageSize))
	if err != nil {
		return nil, err
	}
	answer := api.ListPressPacks200JSONResponse{Items: make([]api.PressPack, len(all)), NextCursor: api.Optional(next)}
	for i, p := range all {
		answer.Items[i] = p.toAPI()
	}
	return answer, nil
}

// GetPressPack serves GET /v1/press-packs/{packId}.
func (h *Handler) GetPressPack(ctx context.Context, req api.GetPressPackRequestObject) (api.GetPressPackResponseObject, error) {
	p, err := h.service.Pack(ctx, org.ActorFrom(ctx), PackID(req.PackID))
	if err != nil {
		return nil, err
	}
	return api.GetPressPack200JSONResponse(p.toAPI()), nil
}

// DownloadPressPack serves GET /v1/press-packs/{packId}/file.
func (h *Handler) DownloadPressPack(ctx context.Context, req api.DownloadPressPackRequestObject) (api.DownloadPressPackResponseObject, error) {
	p, file, err := h.service.Fetch(ctx, org.ActorFrom(ctx), PackID(req.PackID))
	if err != nil {
		return nil, err
	}
	return api.DownloadPressPack200ApplicationZipResponse{
		Body: bytes.NewReader(file), ContentLength: int64(len(file)),
		Headers: api.DownloadPressPack200ResponseHeaders{ContentDisposition: new(fmt.Sprintf(`attachment; filename="press-pack-%d.zip"`, p.ID))},
	}, nil
}

func (p Pack) toAPI() api.PressPack {
	a := api.PressPack{
		ID: int64(p.ID), Title: p.Title, State: api.PressPackState(p.State), Items: make([]api.PackedMedia, len(p.Items)),
		Sha256: hex.EncodeToString(p.Hash), URL: fmt.Sprintf("/v1/press-packs/%d/file", p.ID), BuiltAt: p.BuiltAt, ExpiresAt: p.ExpiresAt,
	}
	for i, it := range p.Items {
		a.Items[i] = api.PackedMedia{MediaID: int64(it.MediaID), File: it.File, Caption: it.Caption, Credit: it.Credit, Sha256: it.Hash}
	}
	return a
}
