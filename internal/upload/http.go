package upload

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net"

	"wanjia/api"
	"wanjia/internal/org"
	"wanjia/internal/platform/photo"
	"wanjia/internal/platform/problem"
)

// A Handler serves the operations of api/parts/upload.yaml.
type Handler struct{ service *Service }

// NewHandler makes a Handler of s.
func NewHandler(s *Service) *Handler { return &Handler{s} }

// UploadFile serves POST /v1/uploads.
func (h *Handler) UploadFile(ctx context.Context, req api.UploadFileRequestObject) (api.UploadFileResponseObject, error) {
	by := org.ActorFrom(ctx)
	u, err := h.service.Take(ctx, by, func() ([]byte, error) { return fileOf(req.Body) })
	if err != nil {
		return nil, err
	}
	return api.UploadFile201JSONResponse(h.service.ToAPI(by.PersonID, u)), nil
}

// fileOf reads the one part of a form, called file.
func fileOf(form *multipart.Reader) (file []byte, err error) {
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) && file != nil {
			return file, nil
		}
		if err != nil {
			return nil, arrival(err)
		}
		if part.FormName() != "file" || file != nil {
			return nil, problem.ErrMalformed.Field("", "unknown_part")
		}
		file, err = io.ReadAll(io.LimitReader(part, photo.MaxBytes+1))
		switch {
		case err != nil:
			return nil, arrival(err)
		case len(file) > photo.MaxBytes:
			return nil, problem.ErrTooLarge
		}
	}
}

// arrival says why a form did not arrive.
func arrival(err error) error {
	var slow net.Error
	if errors.As(err, &slow) && slow.Timeout() {
		return problem.ErrTimeout
	}
	return problem.ErrMalformed.Field("", "body")
}

// RedactUpload serves POST /v1/uploads/{uploadId}/redactions.
func (h *Handler) RedactUpload(ctx context.Context, req api.RedactUploadRequestObject) (api.RedactUploadResponseObject, error) {
	by := org.ActorFrom(ctx)
	u, err := h.service.RedactOwn(ctx, by, ID(req.UploadID), BoxesOf(req.Body.Boxes))
	if err != nil {
		return nil, err
	}
	return api.RedactUpload200JSONResponse(h.service.ToAPI(by.PersonID, u)), nil
}

// GetFile serves GET /v1/files/{link}.
func (h *Handler) GetFile(ctx context.Context, req api.GetFileRequestObject) (api.GetFileResponseObject, error) {
	jpeg, err := h.service.Show(ctx, org.ActorFrom(ctx), req.Link)
	if err != nil {
		return nil, err
	}
	return api.GetFile200ImageJpegResponse{Body: bytes.NewReader(jpeg), ContentLength: int64(len(jpeg))}, nil
}

// BoxesOf are the boxes of a call.
func BoxesOf(all []api.Box) []Box {
	boxes := make([]Box, len(all))
	for i, b := range all {
		boxes[i] = Box{b.X, b.Y, b.Width, b.Height}
	}
	return boxes
}

// ToAPI is u with a link that person can look at it by.
func (s *Service) ToAPI(person org.PersonID, u Upload) api.Upload {
	return api.Upload{ID: int64(u.ID), Width: u.Width, Height: u.Height, CreatedAt: u.CreatedAt, URL: s.Link(person, u)}
}
