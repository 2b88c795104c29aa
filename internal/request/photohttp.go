package request

import (
	"context"

	"wanjia/api"
	"wanjia/internal/org"
	"wanjia/internal/upload"
)

// A PhotoHandler serves the pictures of requests.
type PhotoHandler struct {
	photos  *Photos
	uploads *upload.Service
}

// NewPhotoHandler makes a PhotoHandler.
func NewPhotoHandler(p *Photos, uploads *upload.Service) *PhotoHandler {
	return &PhotoHandler{p, uploads}
}

// AddRequestPhotos serves POST /v1/requests/{requestId}/photos.
func (h *PhotoHandler) AddRequestPhotos(ctx context.Context, req api.AddRequestPhotosRequestObject) (api.AddRequestPhotosResponseObject, error) {
	ids := make([]upload.ID, len(req.Body.UploadIds))
	for i, id := range req.Body.UploadIds {
		ids[i] = upload.ID(id)
	}
	by := org.ActorFrom(ctx)
	all, err := h.photos.Add(ctx, by, ID(req.RequestID), ids)
	if err != nil {
		return nil, err
	}
	return api.AddRequestPhotos200JSONResponse(h.toAPI(by, all)), nil
}

// ListRequestPhotos serves GET /v1/requests/{requestId}/photos.
func (h *PhotoHandler) ListRequestPhotos(ctx context.Context, req api.ListRequestPhotosRequestObject) (api.ListRequestPhotosResponseObject, error) {
	by := org.ActorFrom(ctx)
	all, err := h.photos.List(ctx, by, ID(req.RequestID))
	if err != nil {
		return nil, err
	}
	return api.ListRequestPhotos200JSONResponse(h.toAPI(by, all)), nil
}

// RedactRequestPhoto serves POST /v1/requests/{requestId}/photos/{photoId}/redactions.
func (h *PhotoHandler) RedactRequestPhoto(ctx context.Context, req api.RedactRequestPhotoRequestObject) (api.RedactRequestPhotoResponseObject, error) {
	by := org.ActorFrom(ctx)
	u, err := h.photos.Redact(ctx, by, ID(req.RequestID), upload.ID(req.PhotoID), upload.BoxesOf(req.Body.Boxes))
	if err != nil {
		return nil, err
	}
	return api.RedactRequestPhoto200JSONResponse(h.uploads.ToAPI(by.PersonID, u)), nil
}

// RemoveRequestPhoto serves DELETE /v1/requests/{requestId}/photos/{photoId}.
func (h *PhotoHandler) RemoveRequestPhoto(ctx context.Context, req api.RemoveRequestPhotoRequestObject) (api.RemoveRequestPhotoResponseObject, error) {
	if err := h.photos.Remove(ctx, org.ActorFrom(ctx), ID(req.RequestID), upload.ID(req.PhotoID)); err != nil {
		return nil, err
	}
	return api.RemoveRequestPhoto204Response{}, nil
}

func (h *PhotoHandler) toAPI(by org.Actor, all []upload.Upload) api.PhotoList {
	list := api.PhotoList{Items: make([]api.Upload, len(all))}
	for i, u := range all {
		list.Items[i] = h.uploads.ToAPI(by.PersonID, u)
	}
	return list
}
