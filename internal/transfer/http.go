package transfer

import (
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"mime/multipart"
	"net"
	"slices"

	"wanjia/api"
	"wanjia/internal/member"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sheet"
)

// A Handler serves the operations of api/parts/transfer.yaml.
type Handler struct {
	service *Service
	db      *db.DB
}

// NewHandler makes a Handler of s.
func NewHandler(s *Service, d *db.DB) *Handler { return &Handler{s, d} }

// UploadImport serves POST /v1/imports.
func (h *Handler) UploadImport(ctx context.Context, req api.UploadImportRequestObject) (api.UploadImportResponseObject, error) {
	i, err := h.service.Upload(ctx, org.ActorFrom(ctx), func() (map[Kind][]byte, error) { return filesOf(req.Body) })
	if err != nil {
		return nil, err
	}
	return api.UploadImport201JSONResponse(i.toAPI()), nil
}

// filesOf reads the parts of a form, one a kind and no others.
func filesOf(form *multipart.Reader) (map[Kind][]byte, error) {
	files := map[Kind][]byte{}
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, arrival(err)
		}
		kind := Kind(part.FormName())
		if !kind.Known() || files[kind] != nil {
			return nil, problem.ErrMalformed.Field("", "unknown_part")
		}
		file, err := io.ReadAll(io.LimitReader(part, sheet.MaxBytes+1))
		switch {
		case err != nil:
			return nil, arrival(err)
		case len(file) > sheet.MaxBytes:
			return nil, problem.ErrTooLarge
		}
		files[kind] = file
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

// GetImport serves GET /v1/imports/{importId}.
func (h *Handler) GetImport(ctx context.Context, req api.GetImportRequestObject) (api.GetImportResponseObject, error) {
	i, err := h.service.Find(ctx, org.ActorFrom(ctx), ID(req.ImportID))
	if err != nil {
		return nil, err
	}
	persons := []org.PersonID{i.UploadedBy}
	answer := api.GetImport200JSONResponse{Import: i.toAPI(), UploadedBy: int64(i.UploadedBy)}
	if i.AppliedBy != nil {
		persons, answer.AppliedBy = append(persons, *i.AppliedBy), (*int64)(i.AppliedBy)
	}
	names, err := member.Names(ctx, h.db, persons...)
	if err != nil {
		return nil, err
	}
	answer.Uploader = names[i.UploadedBy]
	if i.AppliedBy != nil {
		name := names[*i.AppliedBy]
		answer.Applier = &name
	}
	return answer, nil
}

// ListImportRows serves GET /v1/imports/{importId}/rows.
func (h *Handler) ListImportRows(ctx context.Context, req api.ListImportRowsRequestObject) (api.ListImportRowsResponseObject, error) {
	p := req.Params
	rows, next, err := h.service.Rows(ctx, org.ActorFrom(ctx), ID(req.ImportID), api.Given(p.ErrorsOnly), api.Given(p.Cursor), api.Given(p.PageSize))
	if err != nil {
		return nil, err
	}
	answer := api.ListImportRows200JSONResponse{Items: make([]api.ImportRow, len(rows))}
	if next != "" {
		answer.NextCursor = &next
	}
	for i, r := range rows {
		answer.Items[i] = r.toAPI()
	}
	return answer, nil
}

// ApplyImport serves POST /v1/imports/{importId}/apply.
func (h *Handler) ApplyImport(ctx context.Context, req api.ApplyImportRequestObject) (api.ApplyImportResponseObject, error) {
	i, err := h.service.Apply(ctx, org.ActorFrom(ctx), ID(req.ImportID))
	if err != nil {
		return nil, err
	}
	return api.ApplyImport200JSONResponse(i.toAPI()), nil
}

// UndoImport serves POST /v1/imports/{importId}/undo.
func (h *Handler) UndoImport(ctx context.Context, req api.UndoImportRequestObject) (api.UndoImportResponseObject, error) {
	i, err := h.service.Undo(ctx, org.ActorFrom(ctx), ID(req.ImportID))
	if err != nil {
		return nil, err
	}
	return api.UndoImport200JSONResponse(i.toAPI()), nil
}

func (i Import) toAPI() api.ImportState {
	c := i.Summary.Changes
	s := api.ImportState{
		ID: int64(i.ID), State: api.ImportStateState(i.State), Rows: i.Rows, FailedRows: i.Failed,
		NeedsSecondPerson: i.NeedsSecond(), UploadedAt: i.UploadedAt, AppliedAt: i.AppliedAt,
		Kinds: make([]api.ImportKind, 0, len(Kinds)), Errors: make([]api.ImportErrorCount, 0, len(i.Summary.Errors)),
		Changes: api.ImportChanges{
			Total: c.Total(), PartyUnits: c.PartyUnits, GridUnits: c.GridUnits, Links: c.Links, Labels: c.Labels, Holders: c.Holders,
			Buildings: c.Buildings, Entrances: c.Entrances, Deals: c.Deals, Homes: c.Homes,
			People: c.People, Members: c.Members, Corrections: c.Corrections, Posts: c.Posts,
		},
	}
	for _, k := range i.Kinds() {
		s.Kinds = append(s.Kinds, api.ImportKind(k))
	}
	for _, code := range i.Summary.Codes() {
		s.Errors = append(s.Errors, api.ImportErrorCount{Code: code, Count: i.Summary.Errors[code]})
	}
	if before := i.UndoBefore(); !before.IsZero() {
		s.UndoBefore = &before
	}
	return s
}

// Codes are the codes of the errors that were found, the most frequent first.
func (s Summary) Codes() []string {
	return slices.SortedFunc(maps.Keys(s.Errors), func(a, b string) int {
		return cmp.Or(cmp.Compare(s.Errors[b], s.Errors[a]), cmp.Compare(a, b))
	})
}

func (r Row) toAPI() api.ImportRow {
	row := api.ImportRow{
		Kind: api.ImportKind(r.Kind), Line: r.Line, Outcome: api.ImportRowOutcome(r.Outcome),
		Cells: make([]api.ImportCell, 0, len(r.Cells)), Errors: make([]api.ImportFault, len(r.Faults)),
	}
	for _, c := range r.Preview() {
		row.Cells = append(row.Cells, api.ImportCell{Column: c.Column, Value: c.Value})
	}
	for i, f := range r.Faults {
		row.Errors[i].Code = f.Code
		if f.Column != "" {
			row.Errors[i].Column = &f.Column
		}
	}
	return row
}
