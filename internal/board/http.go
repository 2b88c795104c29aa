package board

import (
	"context"
	"fmt"
	"time"

	"wanjia/api"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/request"
	"wanjia/internal/upload"
)

// Handler serves the operations of the contract's part board.
type Handler struct{ service *Service }

// NewHandler makes a Handler.
func NewHandler(s *Service) *Handler { return &Handler{service: s} }

// ListBoards serves GET /v1/boards.
func (h *Handler) ListBoards(ctx context.Context, req api.ListBoardsRequestObject) (api.ListBoardsResponseObject, error) {
	rows, next, err := h.service.List(ctx, org.ActorFrom(ctx), api.Given(req.Params.Cursor), api.Given(req.Params.PageSize))
	if err != nil {
		return nil, err
	}
	answer := api.ListBoards200JSONResponse{Items: make([]api.BoardRow, len(rows)), NextCursor: api.Optional(next)}
	for i, r := range rows {
		answer.Items[i] = r.toAPI()
	}
	return answer, nil
}

func (r Row) toAPI() api.BoardRow {
	return api.BoardRow{
		ID: int64(r.ID), SiteName: r.SiteName, AreaID: int64(r.AreaID), AreaName: r.AreaName, PlaceName: r.PlaceName,
		Latest: int32(r.Latest), State: api.BoardState(r.State), Outdated: r.Outdated(), PrintedOn: dayOf(r.PrintedAt),
	}
}

// CreateBoard serves POST /v1/boards.
func (h *Handler) CreateBoard(ctx context.Context, req api.CreateBoardRequestObject) (api.CreateBoardResponseObject, error) {
	r, err := h.service.Create(ctx, org.ActorFrom(ctx), req.Body.SiteID, org.UnitID(req.Body.AreaID))
	if err != nil {
		return nil, err
	}
	return api.CreateBoard201JSONResponse(r.toAPI()), nil
}

// GetBoard serves GET /v1/boards/{boardId}.
func (h *Handler) GetBoard(ctx context.Context, req api.GetBoardRequestObject) (api.GetBoardResponseObject, error) {
	d, err := h.service.Find(ctx, org.ActorFrom(ctx), ID(req.BoardID))
	if err != nil {
		return nil, err
	}
	page := fmt.Sprintf("/b/%d", d.ID)
	answer := api.GetBoard200JSONResponse{
		Board: d.toAPI(), Now: d.Now.toAPI(d.ID), Versions: make([]api.BoardVersion, len(d.Versions)), Scans: make([]api.BoardScans, len(d.Scans)),
		Addresses: api.BoardAddresses{Page: page, Aloud: page + "/aloud"},
	}
	for i, v := range d.Versions {
		answer.Versions[i] = v.toAPI()
	}
	for i, c := range d.Scans {
		answer.Scans[i] = api.BoardScans{Day: string(c.Day), Scans: int32(c.Scans)}
	}
	if d.Latest > 0 {
		answer.Addresses.A3, answer.Addresses.A4 = new(page+"/a3"), new(page+"/a4")
		if h.service.font != nil {
			answer.Addresses.A3Pdf, answer.Addresses.A4Pdf = new(page+"/a3.pdf"), new(page+"/a4.pdf")
		}
	}
	return answer, nil
}

func (v Version) toAPI() api.BoardVersion {
	return api.BoardVersion{
		Number: int32(v.Number), State: api.BoardState(v.State), Households: int32(v.Households), MadeAt: v.MadeAt,
		PrintedOn: dayOf(v.PrintedAt), SupersededAt: v.SupersededAt,
	}
}

func (c Content) toAPI(of ID) api.BoardContent {
	a := api.BoardContent{
		PlaceName: c.Place, AreaName: c.Area, Households: int32(c.Households), Holders: make([]api.ShownPerson, len(c.Holders)),
	}
	for i, h := range c.Holders {
		a.Holders[i] = h.toAPI(of)
	}
	if c.Lead != nil {
		a.Lead = new(c.Lead.toAPI(of))
	}
	return a
}

// toAPI is s as the board shows it; 0: as no board in particular does.
func (s Shown) toAPI(of ID) api.ShownPerson {
	a := api.ShownPerson{
		Duty: s.Duty, Name: api.Optional(s.Name), Phone: api.Optional(s.Phone), StandsIn: api.Optional(s.StandsIn), Items: append([]string{}, s.Items...),
	}
	if s.Portrait != 0 && of != 0 {
		a.Portrait = new(boardPortrait(of, s.Portrait))
	}
	return a
}

// PublishBoard serves POST /v1/boards/{boardId}/publish.
func (h *Handler) PublishBoard(ctx context.Context, req api.PublishBoardRequestObject) (api.PublishBoardResponseObject, error) {
	v, err := h.service.Publish(ctx, org.ActorFrom(ctx), ID(req.BoardID))
	if err != nil {
		return nil, err
	}
	return api.PublishBoard200JSONResponse(v.toAPI()), nil
}

// MarkPrinted serves POST /v1/boards/{boardId}/printed.
func (h *Handler) MarkPrinted(ctx context.Context, req api.MarkPrintedRequestObject) (api.MarkPrintedResponseObject, error) {
	v, err := h.service.MarkPrinted(ctx, org.ActorFrom(ctx), ID(req.BoardID), int(req.Body.Number))
	if err != nil {
		return nil, err
	}
	return api.MarkPrinted200JSONResponse(v.toAPI()), nil
}

// ScanBoard serves GET /v1/public/boards/{boardId}.
func (h *Handler) ScanBoard(ctx context.Context, req api.ScanBoardRequestObject) (api.ScanBoardResponseObject, error) {
	found, err := h.service.Look(ctx, ID(req.BoardID), int(api.Given(req.Params.Version)))
	if err != nil {
		return nil, err
	}
	answer := api.ScanBoard200JSONResponse{ID: int64(found.ID), Status: "current"}
	switch {
	case found.Hidden == Upheld:
		answer.Status = "takenDown"
		return answer, nil
	case found.Hidden != "":
		answer.Status = "underReview"
		return answer, nil
	case found.Since != nil:
		answer.Status, answer.OutdatedSince = "outdated", new(string(found.OutdatedSince()))
	}
	answer.Version, answer.Content = new(int32(found.Latest)), new(found.Content.toAPI(found.ID))
	answer.OpeningHours = api.Optional(found.Hours)
	return answer, nil
}

// SendRelayMessage serves POST /v1/public/boards/{boardId}/relay.
func (h *Handler) SendRelayMessage(ctx context.Context, req api.SendRelayMessageRequestObject) (api.SendRelayMessageResponseObject, error) {
	m := Message{Text: req.Body.Text, Who: api.Given(req.Body.Who), Phone: api.Given(req.Body.Phone), Danger: request.Danger(api.Given(req.Body.Danger))}
	slip, err := h.service.Relay(ctx, ID(req.BoardID), m)
	if err != nil {
		return nil, err
	}
	return api.SendRelayMessage201JSONResponse{
		ReceiptCode: slip.Receipt.String(), Secret: (*api.ReceiptSecret)(api.Optional(slip.Secret)), CallBack: m.Phone != "",
	}, nil
}

// GetMyPublicProfile serves GET /v1/me/public-profile.
func (h *Handler) GetMyPublicProfile(ctx context.Context, _ api.GetMyPublicProfileRequestObject) (api.GetMyPublicProfileResponseObject, error) {
	p, now, err := h.service.OwnProfile(ctx, org.ActorFrom(ctx))
	if err != nil {
		return nil, err
	}
	answer, err := h.profile(ctx, p, now)
	return api.GetMyPublicProfile200JSONResponse(answer), err
}

// UpdateMyPublicProfile serves PUT /v1/me/public-profile.
func (h *Handler) UpdateMyPublicProfile(ctx context.Context, req api.UpdateMyPublicProfileRequestObject) (api.UpdateMyPublicProfileResponseObject, error) {
	b := req.Body
	p := Profile{ShowsName: b.ShowName, ShowsItems: b.ShowItems, ShowsPhone: b.ShowPhone, ShowsPortrait: api.Given(b.ShowPortrait), Version: b.Version}
	for _, it := range b.Items {
		p.Items = append(p.Items, Item{Text: it.Text, ValidTo: calendar.Day(api.Given(it.ValidTo))})
	}
	kept, now, err := h.service.Choose(ctx, org.ActorFrom(ctx), p)
	if err != nil {
		return nil, err
	}
	answer, err := h.profile(ctx, kept, now)
	return api.UpdateMyPublicProfile200JSONResponse(answer), err
}

// profile is p with the portrait that its person has sent.
func (h *Handler) profile(ctx context.Context, p Profile, now Shown) (api.PublicProfile, error) {
	by, a := org.ActorFrom(ctx), p.toAPI(now)
	u, err := h.service.OwnPortrait(ctx, by)
	if u.ID != 0 {
		a.Portrait = new(h.service.uploads.ToAPI(by.PersonID, u))
	}
	return a, err
}

// SetMyPortrait serves PUT /v1/me/portrait.
func (h *Handler) SetMyPortrait(ctx context.Context, req api.SetMyPortraitRequestObject) (api.SetMyPortraitResponseObject, error) {
	by := org.ActorFrom(ctx)
	u, err := h.service.SetPortrait(ctx, by, upload.ID(req.Body.UploadID))
	if err != nil {
		return nil, err
	}
	return api.SetMyPortrait200JSONResponse(h.service.uploads.ToAPI(by.PersonID, u)), nil
}

// RemoveMyPortrait serves DELETE /v1/me/portrait.
func (h *Handler) RemoveMyPortrait(ctx context.Context, _ api.RemoveMyPortraitRequestObject) (api.RemoveMyPortraitResponseObject, error) {
	if err := h.service.RemovePortrait(ctx, org.ActorFrom(ctx)); err != nil {
		return nil, err
	}
	return api.RemoveMyPortrait204Response{}, nil
}

func (p Profile) toAPI(now Shown) api.PublicProfile {
	a := api.PublicProfile{
		ShowName: p.ShowsName, ShowItems: p.ShowsItems, ShowPhone: p.ShowsPhone, Version: p.Version, Shown: now.toAPI(0), ShowPortrait: new(p.ShowsPortrait),
		Items: make([]api.ChosenItem, len(p.Items)),
	}
	for i, it := range p.Items {
		a.Items[i] = api.ChosenItem{Text: it.Text, ValidTo: api.Optional(string(it.ValidTo)), Unread: it.Unread, Returned: api.Optional(it.Returned)}
	}
	return a
}

// ListUnreadItems serves GET /v1/unread-items.
func (h *Handler) ListUnreadItems(ctx context.Context, req api.ListUnreadItemsRequestObject) (api.ListUnreadItemsResponseObject, error) {
	all, next, waiting, err := h.service.UnreadItems(ctx, org.ActorFrom(ctx), api.Given(req.Params.Cursor), api.Given(req.Params.PageSize))
	if err != nil {
		return nil, err
	}
	answer := api.ListUnreadItems200JSONResponse{Items: make([]api.UnreadItems, len(all)), NextCursor: api.Optional(next), Waiting: waiting}
	for i, u := range all {
		answer.Items[i] = api.UnreadItems{ID: int64(u.PersonID), Texts: u.texts(), Since: u.Since, Version: u.Version}
	}
	return answer, nil
}

// ApproveItems serves POST /v1/unread-items/{profileId}/approve.
func (h *Handler) ApproveItems(ctx context.Context, req api.ApproveItemsRequestObject) (api.ApproveItemsResponseObject, error) {
	if err := h.service.ApproveItems(ctx, org.ActorFrom(ctx), org.PersonID(req.ProfileID), req.Body.Version); err != nil {
		return nil, err
	}
	return api.ApproveItems204Response{}, nil
}

// ReturnItems serves POST /v1/unread-items/{profileId}/return.
func (h *Handler) ReturnItems(ctx context.Context, req api.ReturnItemsRequestObject) (api.ReturnItemsResponseObject, error) {
	b := req.Body
	if err := h.service.ReturnItems(ctx, org.ActorFrom(ctx), org.PersonID(req.ProfileID), b.Version, b.Texts, b.Reason); err != nil {
		return nil, err
	}
	return api.ReturnItems204Response{}, nil
}

// dayOf is the day of a moment as an optional property.
func dayOf(at *time.Time) *string {
	if at == nil {
		return nil
	}
	return new(string(calendar.DayOf(*at)))
}
