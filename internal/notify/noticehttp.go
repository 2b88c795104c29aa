package notify

import (
	"context"
	"encoding/json"
	"fmt"

	"wanjia/api"
	"wanjia/internal/org"
)

// A NoticeHandler serves announcements.
type NoticeHandler struct{ notices *Notices }

// NewNoticeHandler serves s.
func NewNoticeHandler(s *Notices) *NoticeHandler { return &NoticeHandler{s} }

// CreateNotice serves POST /v1/notices.
func (h *NoticeHandler) CreateNotice(ctx context.Context, req api.CreateNoticeRequestObject) (api.CreateNoticeResponseObject, error) {
	b := req.Body
	n := NewNotice{To: scopeOf(b.Audience), Title: b.Title, MustReach: given(b.MustReach), Urgent: given(b.Urgent), Body: given(b.Text), Until: given(b.ExpiresAt)}
	made, err := h.notices.Create(ctx, org.ActorFrom(ctx), n)
	if err != nil {
		return nil, err
	}
	shown, err := showNotice(made)
	return api.CreateNotice201JSONResponse(shown), err
}

// given is what p points to, or nothing.
func given[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func scopeOf(a api.NoticeAudience) Scope {
	s := Scope{Unit: org.UnitID(a.UnitID)}
	for _, r := range a.Roles {
		s.Roles = append(s.Roles, org.Role(r))
	}
	return s
}

// ForecastNotice serves POST /v1/notices/forecast.
func (h *NoticeHandler) ForecastNotice(ctx context.Context, req api.ForecastNoticeRequestObject) (api.ForecastNoticeResponseObject, error) {
	b := req.Body
	r, err := h.notices.Preview(ctx, org.ActorFrom(ctx), NewNotice{To: scopeOf(b.Audience), MustReach: given(b.MustReach), Urgent: given(b.Urgent)})
	if err != nil {
		return nil, err
	}
	shown := showReach(r)
	if r.Recipients >= fewest && r.Online >= 0 {
		n := int32(r.Online / 10 * 10)
		shown.ConnectedNow = &n
	}
	return api.ForecastNotice200JSONResponse(shown), nil
}

// unnamed are the counts of groups of a whole from which nobody can be told: none of 1 to 4 persons, and as many fewer as it
// takes that those of whom nothing is said are not so few either. nil: it is not said.
func unnamed(whole int, groups ...int) []*int32 {
	said := make([]*int32, len(groups))
	rest := whole
	few := func(n int) bool { return n > 0 && n < fewest }
	for i, n := range groups {
		if !few(n) {
			said[i] = new(int32)
			*said[i] = int32(n)
			rest -= n
		}
	}
	for few(rest) {
		least := -1
		for i, n := range said {
			if n != nil && *n > 0 && (least < 0 || *n < *said[least]) {
				least = i
			}
		}
		if least < 0 {
			break
		}
		rest += groups[least] //nolint:gosec // because there are as many groups as are said
		said[least] = nil
	}
	return said
}

// showReach is r in the contract's words; of few persons only how many they are.
func showReach(r Reach) api.NoticeForecast {
	shown := api.NoticeForecast{Recipients: int32(r.Recipients)}
	if r.Recipients < fewest {
		return shown
	}
	ways := unnamed(r.Recipients, r.WithCredit, r.CallNeeded, r.Muted)
	shown.WithCredit, shown.CallNeeded, shown.Muted = ways[0], ways[1], ways[2]
	shown.InQuietHours = unnamed(r.WithCredit, r.InQuiet)[0]
	return shown
}

// ListNotices serves GET /v1/notices.
func (h *NoticeHandler) ListNotices(ctx context.Context, req api.ListNoticesRequestObject) (api.ListNoticesResponseObject, error) {
	all, next, err := h.notices.List(ctx, org.ActorFrom(ctx), given(req.Params.Cursor), given(req.Params.PageSize))
	if err != nil {
		return nil, err
	}
	answer := api.ListNotices200JSONResponse{Items: make([]api.Notice, len(all)), NextCursor: api.Optional(next)}
	for i, n := range all {
		if answer.Items[i], err = showNotice(n); err != nil {
			return nil, err
		}
	}
	return answer, nil
}

// labels are what an announcement says of itself.
type noticeLabels struct {
	Title string `json:"kindLabel"`
	Unit  string `json:"unitLabel"`
}

func (n Notice) labels() (l noticeLabels, err error) {
	if n.Args == "" {
		return l, nil
	}
	if err = json.Unmarshal([]byte(n.Args), &l); err != nil {
		err = fmt.Errorf("read the fields of announcement %d: %w", n.ID, err)
	}
	return l, err
}

func showNotice(n Notice) (api.Notice, error) {
	l, err := n.labels()
	if err != nil {
		return api.Notice{}, err
	}
	var to Scope
	if err := json.Unmarshal([]byte(n.Scope), &to); err != nil {
		return api.Notice{}, fmt.Errorf("read the audience of announcement %d: %w", n.ID, err)
	}
	audience := api.NoticeAudience{UnitID: int64(to.Unit)}
	for _, r := range to.Roles {
		audience.Roles = append(audience.Roles, api.Role(r))
	}
	return api.Notice{
		ID: int64(n.ID), Kind: n.Kind, Title: l.Title, Text: n.Body, Audience: audience, UnitLabel: n.UnitName,
		MustReach: n.MustReach, Urgent: n.Prio == Safety, State: api.NoticeState(n.State),
		Total: int32(n.Total), Written: int32(n.Written), Pushed: int32(n.Pushed), CreatedAt: n.CreatedAt, ExpiresAt: n.ExpiresAt,
	}, nil
}

// GetNotice serves GET /v1/notices/{noticeId}.
func (h *NoticeHandler) GetNotice(ctx context.Context, req api.GetNoticeRequestObject) (api.GetNoticeResponseObject, error) {
	n, err := h.notices.Read(ctx, org.ActorFrom(ctx), NoticeID(req.NoticeID))
	if err != nil {
		return nil, err
	}
	l, err := n.labels()
	return api.GetNotice200JSONResponse{
		ID: int64(n.ID), Kind: n.Kind, Title: l.Title, UnitLabel: api.Optional(l.Unit), Text: n.Body,
		Withdrawn: n.State == NoticeWithdrawn, CreatedAt: n.CreatedAt, ExpiresAt: n.ExpiresAt,
	}, err
}

// GetNoticeReach serves GET /v1/notices/{noticeId}/reach.
func (h *NoticeHandler) GetNoticeReach(ctx context.Context, req api.GetNoticeReachRequestObject) (api.GetNoticeReachResponseObject, error) {
	r, err := h.notices.Result(ctx, org.ActorFrom(ctx), NoticeID(req.NoticeID))
	if err != nil {
		return nil, err
	}
	shown := api.GetNoticeReach200JSONResponse{
		State: api.NoticeReachState(r.State), Total: int32(r.Total), Written: int32(r.Written), Pushed: int32(r.Pushed),
	}
	if r.Forecast != nil {
		f := showReach(*r.Forecast)
		shown.Forecast = &f
	}
	toCall, called, dropped := int32(r.ToCall), int32(r.Called), int32(r.Dropped)
	shown.ToCall, shown.Called, shown.Dropped = &toCall, &called, &dropped
	if r.Total >= fewest {
		n := unnamed(r.Written, r.Waiting, r.Outcomes[Sent], r.Outcomes[NoCredit], r.Outcomes[Suppressed], r.Outcomes[Unknown], r.Outcomes[Dead])
		shown.WeChat = &api.NoticeOutcomes{Waiting: n[0], Sent: n[1], NoCredit: n[2], Suppressed: n[3], Unknown: n[4], Dead: n[5]}
	}
	return shown, nil
}

// WithdrawNotice serves POST /v1/notices/{noticeId}/withdraw.
func (h *NoticeHandler) WithdrawNotice(ctx context.Context, req api.WithdrawNoticeRequestObject) (api.WithdrawNoticeResponseObject, error) {
	n, err := h.notices.Withdraw(ctx, org.ActorFrom(ctx), NoticeID(req.NoticeID))
	if err != nil {
		return nil, err
	}
	shown, err := showNotice(n)
	return api.WithdrawNotice200JSONResponse(shown), err
}

// ListNoticeCalls serves GET /v1/notices/{noticeId}/calls.
func (h *NoticeHandler) ListNoticeCalls(ctx context.Context, req api.ListNoticeCallsRequestObject) (api.ListNoticeCallsResponseObject, error) {
	all, next, err := h.notices.Calls(ctx, org.ActorFrom(ctx), NoticeID(req.NoticeID), given(req.Params.Cursor), given(req.Params.PageSize))
	if err != nil {
		return nil, err
	}
	answer := api.ListNoticeCalls200JSONResponse{Items: make([]api.NoticeCall, len(all)), NextCursor: api.Optional(next)}
	for i, c := range all {
		answer.Items[i] = showCall(c)
	}
	return answer, nil
}

func showCall(c NoticeCall) api.NoticeCall {
	return api.NoticeCall{
		ID: c.ID, Name: api.Optional(c.Name), UnitLabel: api.Optional(c.Unit), Role: api.Optional(api.Role(c.Role)), MemberID: api.Optional(c.Member),
		State: api.NoticeCallState(c.State), Tries: int32(c.Tries), OpenedAt: c.OpenedAt,
	}
}

// FinishNoticeCall serves POST /v1/notices/{noticeId}/calls/{callId}/finish.
func (h *NoticeHandler) FinishNoticeCall(ctx context.Context, req api.FinishNoticeCallRequestObject) (api.FinishNoticeCallResponseObject, error) {
	c, err := h.notices.FinishCall(ctx, org.ActorFrom(ctx), NoticeID(req.NoticeID), req.CallID, string(req.Body.Outcome))
	if err != nil {
		return nil, err
	}
	return api.FinishNoticeCall200JSONResponse(showCall(c)), nil
}
