package privacy

import (
	"context"

	"wanjia/api"
	"wanjia/internal/org"
)

// An OwnDataHandler serves the operations of api/parts/own-data.yaml.
type OwnDataHandler struct{ owned *OwnDatas }

// NewOwnDataHandler makes an OwnDataHandler of s.
func NewOwnDataHandler(s *OwnDatas) *OwnDataHandler { return &OwnDataHandler{s} }

// AskOwnData serves POST /v1/me/own-data.
func (h *OwnDataHandler) AskOwnData(ctx context.Context, req api.AskOwnDataRequestObject) (api.AskOwnDataResponseObject, error) {
	o, err := h.owned.Ask(ctx, org.ActorFrom(ctx), Wish{Kind: string(req.Body.Kind), Text: api.Given(req.Body.Text)})
	if err != nil {
		return nil, err
	}
	return api.AskOwnData201JSONResponse(o.received()), nil
}

// RecordOwnData serves POST /v1/own-data.
func (h *OwnDataHandler) RecordOwnData(ctx context.Context, req api.RecordOwnDataRequestObject) (api.RecordOwnDataResponseObject, error) {
	w := Wish{Kind: string(req.Body.Kind), Text: api.Given(req.Body.Text)}
	o, err := h.owned.Record(ctx, org.ActorFrom(ctx), w, req.Body.ReceiptCode, req.Body.Secret)
	if err != nil {
		return nil, err
	}
	return api.RecordOwnData201JSONResponse(o.received()), nil
}

func (o OwnData) received() api.ReceivedOwnData {
	return api.ReceivedOwnData{ID: int64(o.ID), Kind: api.OwnDataKind(o.Kind), State: api.OwnDataState(o.State), DueOn: string(o.DueOn)}
}

// ListOwnDataRequests serves GET /v1/own-data.
func (h *OwnDataHandler) ListOwnDataRequests(ctx context.Context, req api.ListOwnDataRequestsRequestObject) (api.ListOwnDataRequestsResponseObject, error) {
	all, next, err := h.owned.List(ctx, org.ActorFrom(ctx), api.Given(req.Params.Cursor), api.Given(req.Params.PageSize))
	if err != nil {
		return nil, err
	}
	return api.ListOwnDataRequests200JSONResponse{Items: rowsToAPI(all), NextCursor: api.Optional(next)}, nil
}

// ListMyOwnData serves GET /v1/me/own-data.
func (h *OwnDataHandler) ListMyOwnData(ctx context.Context, req api.ListMyOwnDataRequestObject) (api.ListMyOwnDataResponseObject, error) {
	all, next, err := h.owned.Mine(ctx, org.ActorFrom(ctx), api.Given(req.Params.Cursor), api.Given(req.Params.PageSize))
	if err != nil {
		return nil, err
	}
	return api.ListMyOwnData200JSONResponse{Items: rowsToAPI(all), NextCursor: api.Optional(next)}, nil
}

func rowsToAPI(all []OwnData) []api.OwnDataRow {
	rows := make([]api.OwnDataRow, len(all))
	for i, o := range all {
		rows[i] = api.OwnDataRow{
			ID: int64(o.ID), Kind: api.OwnDataKind(o.Kind), Channel: api.OwnDataRowChannel(o.Channel), State: api.OwnDataState(o.State),
			Text: api.Optional(o.Text), ReceivedAt: o.ReceivedAt, DueOn: string(o.DueOn), AnsweredAt: o.AnsweredAt, Answer: api.Optional(o.Answer),
		}
	}
	return rows
}

// AnswerOwnData serves POST /v1/own-data/{ownDataId}/answer.
func (h *OwnDataHandler) AnswerOwnData(ctx context.Context, req api.AnswerOwnDataRequestObject) (api.AnswerOwnDataResponseObject, error) {
	err := h.owned.Answer(ctx, org.ActorFrom(ctx), OwnDataID(req.OwnDataID), req.Body.Granted, req.Body.Text)
	if err != nil {
		return nil, err
	}
	return api.AnswerOwnData204Response{}, nil
}

// GetOwnDataPack serves GET /v1/own-data/{ownDataId}/pack.
func (h *OwnDataHandler) GetOwnDataPack(ctx context.Context, req api.GetOwnDataPackRequestObject) (api.GetOwnDataPackResponseObject, error) {
	sections, err := h.owned.Own(ctx, org.ActorFrom(ctx), OwnDataID(req.OwnDataID))
	if err != nil {
		return nil, err
	}
	return api.GetOwnDataPack200JSONResponse{Sections: packToAPI(sections)}, nil
}

// PrintOwnData serves POST /v1/own-data/print.
func (h *OwnDataHandler) PrintOwnData(ctx context.Context, req api.PrintOwnDataRequestObject) (api.PrintOwnDataResponseObject, error) {
	sections, err := h.owned.Print(ctx, org.ActorFrom(ctx), req.Body.ReceiptCode, req.Body.Secret)
	if err != nil {
		return nil, err
	}
	return api.PrintOwnData200JSONResponse{Sections: packToAPI(sections)}, nil
}

func packToAPI(sections []Section) []api.OwnDataSection {
	all := make([]api.OwnDataSection, len(sections))
	for i, s := range sections {
		all[i] = api.OwnDataSection{Title: s.Title, Items: make([]api.OwnDataHeld, len(s.Items))}
		for j, h := range s.Items {
			all[i].Items[j] = api.OwnDataHeld{Label: h.Label, Text: h.Text}
		}
	}
	return all
}
