package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"wanjia/api"
	"wanjia/internal/org"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/push"
)

// A Handler serves the inbox and push tickets of the contract.
type Handler struct {
	service *Service
	tickets *push.Tickets
	session func(ctx context.Context) int64
	sends   *Sends
}

// NewHandler serves s. Session is the session that makes the request, as auth knows it.
func NewHandler(s *Service, tickets *push.Tickets, session func(ctx context.Context) int64, sends *Sends) *Handler {
	return &Handler{service: s, tickets: tickets, session: session, sends: sends}
}

// ListInbox serves GET /v1/inbox.
func (h *Handler) ListInbox(ctx context.Context, req api.ListInboxRequestObject) (api.ListInboxResponseObject, error) {
	var after string
	if req.Params.After != nil {
		after = *req.Params.After
	}
	limit, wait := Newest, time.Duration(0)
	if req.Params.Limit != nil {
		limit = *req.Params.Limit
	}
	if req.Params.Wait != nil {
		wait = time.Duration(*req.Params.Wait) * time.Second
	}
	if req.Params.Expand != nil {
		limit = min(limit, titled)
	}
	person := org.ActorFrom(ctx).PersonID
	l, err := h.service.List(ctx, person, after, limit, wait)
	if err != nil {
		return nil, err
	}
	var titles map[int64]string
	if req.Params.Expand != nil {
		if titles, err = h.service.Titles(ctx, person, l.Items); err != nil {
			return nil, err
		}
	}
	page := api.InboxPage{
		Items: make([]api.InboxItem, len(l.Items)), Cursor: l.Cursor.String(),
		Top: l.Top, Read: l.Read, Unread: l.Unread, Reset: l.Reset,
	}
	for i, t := range l.Items {
		if page.Items[i], err = toAPI(t); err != nil {
			return nil, err
		}
		page.Items[i].Title = api.Optional(titles[t.Seq])
	}
	return api.ListInbox200JSONResponse(page), nil
}

// toAPI is t in the contract's words.
func toAPI(t Told) (api.InboxItem, error) {
	i := api.InboxItem{Seq: t.Seq, Kind: t.Kind, At: t.At}
	if t.Kind == Gone {
		return i, nil
	}
	i.Priority, i.Ref = &t.Prio, &api.InboxRef{Type: t.RefType, ID: t.RefID}
	if t.Assignment != 0 {
		id := int64(t.Assignment)
		i.AssignmentID = &id
	}
	if m, ok := onOpening[t.Kind]; ok {
		i.AskAfter = new(api.InboxItemAskAfter(m))
	}
	if t.Supersedes != 0 {
		i.Supersedes = &t.Supersedes
	}
	if t.Args != "" {
		i.Args = &api.InboxArgs{}
		if err := json.Unmarshal([]byte(t.Args), i.Args); err != nil {
			return i, fmt.Errorf("read the fields of item %d of person %d: %w", t.Seq, t.Person, err)
		}
	}
	return i, nil
}

// ReadInbox serves POST /v1/inbox/read.
func (h *Handler) ReadInbox(ctx context.Context, req api.ReadInboxRequestObject) (api.ReadInboxResponseObject, error) {
	l, err := h.service.Read(ctx, org.ActorFrom(ctx).PersonID, req.Body.Seq)
	if err != nil {
		return nil, err
	}
	return api.ReadInbox200JSONResponse{Top: l.Top, Read: l.Read, Unread: l.Unread}, nil
}

// GetUnread serves GET /v1/inbox/unread.
func (h *Handler) GetUnread(ctx context.Context, req api.GetUnreadRequestObject) (api.GetUnreadResponseObject, error) {
	var kind string
	if req.Params.Kind != nil {
		kind = *req.Params.Kind
	}
	n, err := h.service.Unread(ctx, org.ActorFrom(ctx).PersonID, kind)
	if err != nil {
		return nil, err
	}
	return api.GetUnread200JSONResponse{Unread: n}, nil
}

// CreatePushTicket serves POST /v1/push/ticket.
func (h *Handler) CreatePushTicket(ctx context.Context, _ api.CreatePushTicketRequestObject) (api.CreatePushTicketResponseObject, error) {
	session := h.session(ctx)
	if session == 0 {
		return nil, problem.ErrForbidden
	}
	ticket, err := h.tickets.Issue(ctx, session)
	if err != nil {
		return nil, err
	}
	return api.CreatePushTicket201JSONResponse{Ticket: ticket, ExpiresIn: int(push.TicketFor.Seconds())}, nil
}
