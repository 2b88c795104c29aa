package request

import (
	"context"

	"wanjia/api"
	"wanjia/internal/org"
)

// ListSimilarRequests serves GET /v1/similar-requests.
func (h *Handler) ListSimilarRequests(ctx context.Context, req api.ListSimilarRequestsRequestObject) (api.ListSimilarRequestsResponseObject, error) {
	p := req.Params
	at := Site{Place: org.UnitID(p.PlaceID), Building: api.Given(p.Building), Entrance: p.Entrance}
	rows, err := h.service.Similar(ctx, at, Code(p.Category))
	if err != nil {
		return nil, err
	}
	items := make([]api.SimilarRequest, len(rows))
	for i, r := range rows {
		items[i] = api.SimilarRequest{
			Ref: r.Ref, Category: string(r.Category), Words: *bothTongues("request.similar"), ToldAt: r.ToldAt,
		}
	}
	return api.ListSimilarRequests200JSONResponse{Items: items}, nil
}

// JoinPublicRequest serves POST /v1/receipts/join.
func (h *Handler) JoinPublicRequest(ctx context.Context, req api.JoinPublicRequestRequestObject) (api.JoinPublicRequestResponseObject, error) {
	j, err := h.service.Join(ctx, org.Actor{}, joining(req.Body), req.Body.Ref)
	if err != nil {
		return nil, err
	}
	j.Request = 0
	return api.JoinPublicRequest201JSONResponse(j.toAPI()), nil
}

// JoinMyRequest serves POST /v1/me/requests/join.
func (h *Handler) JoinMyRequest(ctx context.Context, req api.JoinMyRequestRequestObject) (api.JoinMyRequestResponseObject, error) {
	by := org.Actor{PersonID: org.ActorFrom(ctx).PersonID}
	t := joining(req.Body)
	t.Person = by.PersonID
	j, err := h.service.Join(ctx, by, t, req.Body.Ref)
	if err != nil {
		return nil, err
	}
	return api.JoinMyRequest201JSONResponse(j.toAPI()), nil
}

// JoinRequest serves POST /v1/requests/join.
func (h *Handler) JoinRequest(ctx context.Context, req api.JoinRequestRequestObject) (api.JoinRequestResponseObject, error) {
	j, err := h.service.Join(ctx, org.ActorFrom(ctx), joining(req.Body), req.Body.Ref)
	if err != nil {
		return nil, err
	}
	return api.JoinRequest201JSONResponse(j.toAPI()), nil
}

func joining(b *api.RequestJoining) Telling {
	t := Telling{
		Need: Need{Who: api.Given(b.Who), Category: Code(b.Category), Danger: Danger(api.Given(b.Danger))}, Site: site(&b.Site),
	}
	t.CallBack, t.Phone = CallBackOf(b.CallBack)
	return t
}

func (j Joined) toAPI() api.JoinedRequest {
	return api.JoinedRequest{
		RequestID: api.Optional(int64(j.Request)), ReceiptCode: j.Receipt.String(), Secret: (*api.ReceiptSecret)(api.Optional(j.Secret)),
		DangerText: j.Danger.toAPI(),
	}
}
