package auth

import (
	"context"
	"net/http"
	"strings"
	"time"

	"wanjia/api"
	"wanjia/internal/org"
)

// A Handler serves the operations of the contract's part auth.
type Handler struct{ service *Service }

// NewHandler makes the handler of s.
func NewHandler(s *Service) *Handler { return &Handler{s} }

// cookieName is the cookie that holds the refresh token of h5 and console, out of reach of scripts.
const cookieName = "wanjia_refresh"

// baked is an answer that sets the refresh cookie, too.
type baked struct {
	api.SignIn
	cookie *http.Cookie
	visit  func(w http.ResponseWriter) error
}

func (b baked) serve(w http.ResponseWriter) error {
	if b.cookie != nil {
		http.SetCookie(w, b.cookie)
	}
	return b.visit(w)
}

func (b baked) VisitSignInWeChatResponse(w http.ResponseWriter) error   { return b.serve(w) }
func (b baked) VisitVerifyTotpResponse(w http.ResponseWriter) error     { return b.serve(w) }
func (b baked) VisitSignInDemoResponse(w http.ResponseWriter) error     { return b.serve(w) }
func (b baked) VisitRefreshSessionResponse(w http.ResponseWriter) error { return b.serve(w) }

type signedOut struct{ cookie *http.Cookie }

func (s signedOut) VisitSignOutResponse(w http.ResponseWriter) error {
	http.SetCookie(w, s.cookie)
	return api.SignOut204Response{}.VisitSignOutResponse(w)
}

// answer turns in into the contract's words: the mini-program gets the refresh token in the body, the web in a
// cookie.
func (h *Handler) answer(in SignedIn) baked {
	a := api.SignIn{
		AccessToken: in.Access, ExpiresIn: int(accessLife / time.Second), SessionID: int64(in.Session.ID),
		Account: api.SignInAccount(in.State),
	}
	b := baked{visit: func(w http.ResponseWriter) error {
		return api.SignInWeChat200JSONResponse(a).VisitSignInWeChatResponse(w)
	}}
	if in.Session.Client == Mini {
		a.RefreshToken = &in.Refresh
	} else {
		b.cookie = cookie(in.Refresh, in.Session.EndsAt.Sub(h.service.db.Now()))
	}
	b.SignIn = a
	return b
}

func cookie(value string, life time.Duration) *http.Cookie {
	seconds := int(life / time.Second)
	if value == "" {
		seconds = -1
	}
	return &http.Cookie{
		Name: cookieName, Value: value, Path: "/v1/auth", MaxAge: seconds,
		HttpOnly: true, Secure: true, SameSite: http.SameSiteStrictMode,
	}
}

// SignInWeChat serves POST /v1/auth/wechat.
func (h *Handler) SignInWeChat(ctx context.Context, req api.SignInWeChatRequestObject) (api.SignInWeChatResponseObject, error) {
	in, err := h.service.SignInWeChat(ctx, req.Body.Code, req.Body.Device)
	if err != nil {
		return nil, err
	}
	return h.answer(in), nil
}

// SignInPassword serves POST /v1/auth/password.
func (h *Handler) SignInPassword(ctx context.Context, req api.SignInPasswordRequestObject) (api.SignInPasswordResponseObject, error) {
	challenge, err := h.service.SignInPassword(ctx, req.Body.Account, req.Body.Password, Client(req.Body.Client), req.Body.Device)
	if err != nil {
		return nil, err
	}
	return api.SignInPassword200JSONResponse{Challenge: challenge, ExpiresIn: int(challengeLife / time.Second)}, nil
}

// VerifyTotp serves POST /v1/auth/totp.
func (h *Handler) VerifyTotp(ctx context.Context, req api.VerifyTotpRequestObject) (api.VerifyTotpResponseObject, error) {
	in, err := h.service.VerifyTotp(ctx, req.Body.Challenge, req.Body.Code, req.Body.Device)
	if err != nil {
		return nil, err
	}
	return h.answer(in), nil
}

// SignInDemo serves POST /v1/auth/demo.
func (h *Handler) SignInDemo(ctx context.Context, req api.SignInDemoRequestObject) (api.SignInDemoResponseObject, error) {
	in, err := h.service.SignInDemo(ctx, req.Body.Handle, Client(req.Body.Client), req.Body.Device)
	if err != nil {
		return nil, err
	}
	return h.answer(in), nil
}

// RefreshSession serves POST /v1/auth/refresh.
func (h *Handler) RefreshSession(ctx context.Context, req api.RefreshSessionRequestObject) (api.RefreshSessionResponseObject, error) {
	token := ""
	switch {
	case req.Body.RefreshToken != nil:
		token = *req.Body.RefreshToken
	case req.Params.WanjiaRefresh != nil && fromWeb(req.Params.XWanjiaClient):
		// A page of another origin can make the browser send the cookie, and cannot set the header.
		token = *req.Params.WanjiaRefresh
	}
	in, err := h.service.Refresh(ctx, token, req.Body.Device)
	if err != nil {
		return nil, err
	}
	return h.answer(in), nil
}

// fromWeb says whether the header X-Wanjia-Client names h5 or console, with or without a version.
func fromWeb(header *string) bool {
	if header == nil {
		return false
	}
	client, _, _ := strings.Cut(*header, "/")
	return Client(client) == H5 || Client(client) == Console
}

// SignOut serves POST /v1/auth/sign-out.
func (h *Handler) SignOut(ctx context.Context, _ api.SignOutRequestObject) (api.SignOutResponseObject, error) {
	if err := h.service.SignOut(ctx, org.ActorFrom(ctx)); err != nil {
		return nil, err
	}
	return signedOut{cookie("", 0)}, nil
}

// ListSessions serves GET /v1/auth/sessions.
func (h *Handler) ListSessions(ctx context.Context, _ api.ListSessionsRequestObject) (api.ListSessionsResponseObject, error) {
	all, err := h.service.Sessions(ctx, org.ActorFrom(ctx))
	if err != nil {
		return nil, err
	}
	items := make([]api.Session, 0, len(all))
	for _, s := range all {
		items = append(items, api.Session{
			ID: int64(s.ID), Client: api.SessionClient(s.Client), CreatedAt: s.CreatedAt, IdleUntil: s.IdleUntil, EndsAt: s.EndsAt,
			Current: s.ID == SessionFrom(ctx),
		})
	}
	return api.ListSessions200JSONResponse{Items: items}, nil
}

// EndSession serves POST /v1/auth/sessions/{sessionId}/end.
func (h *Handler) EndSession(ctx context.Context, req api.EndSessionRequestObject) (api.EndSessionResponseObject, error) {
	if err := h.service.EndSession(ctx, org.ActorFrom(ctx), SessionID(req.SessionID)); err != nil {
		return nil, err
	}
	return api.EndSession204Response{}, nil
}

// StepUp serves POST /v1/auth/step-up.
func (h *Handler) StepUp(ctx context.Context, req api.StepUpRequestObject) (api.StepUpResponseObject, error) {
	var until time.Time
	var err error
	if req.Body.Pin != nil {
		until, err = h.service.StepUpByPin(ctx, *req.Body.Pin)
	} else {
		until, err = h.service.StepUp(ctx, *req.Body.Code) // the contract asks for one of the two
	}
	if err != nil {
		return nil, err
	}
	return api.StepUp200JSONResponse{Until: until}, nil
}

// SetPin serves POST /v1/auth/pin.
func (h *Handler) SetPin(ctx context.Context, req api.SetPinRequestObject) (api.SetPinResponseObject, error) {
	code := ""
	if req.Body.WechatCode != nil {
		code = *req.Body.WechatCode
	}
	if err := h.service.SetPin(ctx, org.ActorFrom(ctx), req.Body.Pin, code); err != nil {
		return nil, err
	}
	return api.SetPin204Response{}, nil
}

// ChangePassword serves POST /v1/auth/password/change.
func (h *Handler) ChangePassword(ctx context.Context, req api.ChangePasswordRequestObject) (api.ChangePasswordResponseObject, error) {
	if err := h.service.ChangePassword(ctx, org.ActorFrom(ctx), req.Body.Password, req.Body.NewPassword); err != nil {
		return nil, err
	}
	return api.ChangePassword204Response{}, nil
}

// ListAccountConflicts serves GET /v1/account-conflicts.
func (h *Handler) ListAccountConflicts(ctx context.Context, _ api.ListAccountConflictsRequestObject) (api.ListAccountConflictsResponseObject, error) {
	all, err := h.service.ListConflicts(ctx, org.ActorFrom(ctx))
	if err != nil {
		return nil, err
	}
	items := make([]api.AccountConflict, 0, len(all))
	for _, c := range all {
		item := api.AccountConflict{ID: c.ID, FoundAt: c.FoundAt, Persons: make([]api.ConflictingPerson, 0, len(c.Sides))}
		for _, side := range c.Sides {
			p := api.ConflictingPerson{PersonID: int64(side.Person), Account: api.ConflictingPersonAccount(side.State), BoundAt: side.BoundAt}
			if side.UnitName != "" {
				p.UnitName = &side.UnitName
			}
			item.Persons = append(item.Persons, p)
		}
		items = append(items, item)
	}
	return api.ListAccountConflicts200JSONResponse{Items: items}, nil
}

// SettleAccountConflict serves POST /v1/account-conflicts/{conflictId}/settle.
func (h *Handler) SettleAccountConflict(ctx context.Context, req api.SettleAccountConflictRequestObject) (api.SettleAccountConflictResponseObject, error) {
	var keep org.PersonID
	if req.Body.KeepPersonID != nil {
		keep = org.PersonID(*req.Body.KeepPersonID)
	}
	same := req.Body.Decision == api.ConflictDecisionDecisionSame
	if err := h.service.SettleConflict(ctx, org.ActorFrom(ctx), req.ConflictID, same, keep, req.Body.Reason); err != nil {
		return nil, err
	}
	return api.SettleAccountConflict204Response{}, nil
}

// EndSessionsOf serves POST /v1/people/{personId}/end-sessions.
func (h *Handler) EndSessionsOf(ctx context.Context, req api.EndSessionsOfRequestObject) (api.EndSessionsOfResponseObject, error) {
	if err := h.service.EndSessionsOf(ctx, org.ActorFrom(ctx), org.PersonID(req.PersonID), req.Body.Reason); err != nil {
		return nil, err
	}
	return api.EndSessionsOf204Response{}, nil
}

// CreateInvitation serves POST /v1/invitations.
func (h *Handler) CreateInvitation(ctx context.Context, req api.CreateInvitationRequestObject) (api.CreateInvitationResponseObject, error) {
	t, err := h.service.Invite(ctx, org.ActorFrom(ctx), org.PersonID(req.Body.PersonID))
	if err != nil {
		return nil, err
	}
	return api.CreateInvitation201JSONResponse{ID: t.ID, Code: t.Code, ExpiresAt: t.ExpiresAt}, nil
}

// BindByInvitation serves POST /v1/auth/invitation.
func (h *Handler) BindByInvitation(ctx context.Context, req api.BindByInvitationRequestObject) (api.BindByInvitationResponseObject, error) {
	if err := h.service.BindByInvitation(ctx, org.ActorFrom(ctx), req.Body.Code); err != nil {
		return nil, err
	}
	return api.BindByInvitation200JSONResponse{State: api.AccountState(Bound)}, nil
}

// RequestBinding serves POST /v1/bindings.
func (h *Handler) RequestBinding(ctx context.Context, req api.RequestBindingRequestObject) (api.RequestBindingResponseObject, error) {
	if err := h.service.AskBinding(ctx, org.ActorFrom(ctx), req.Body.PhoneCode); err != nil {
		return nil, err
	}
	return api.RequestBinding202JSONResponse{State: "received"}, nil
}

// ListBindings serves GET /v1/bindings.
func (h *Handler) ListBindings(ctx context.Context, _ api.ListBindingsRequestObject) (api.ListBindingsResponseObject, error) {
	all, err := h.service.ListBindings(ctx, org.ActorFrom(ctx))
	if err != nil {
		return nil, err
	}
	items := make([]api.Binding, 0, len(all))
	for _, b := range all {
		items = append(items, api.Binding{ID: b.ID, PersonID: int64(b.Person), Name: b.Name, AskedAt: b.AskedAt})
	}
	return api.ListBindings200JSONResponse{Items: items}, nil
}

// ConfirmBinding serves POST /v1/bindings/{bindingId}/confirm.
func (h *Handler) ConfirmBinding(ctx context.Context, req api.ConfirmBindingRequestObject) (api.ConfirmBindingResponseObject, error) {
	if err := h.service.ConfirmBinding(ctx, org.ActorFrom(ctx), req.BindingID); err != nil {
		return nil, err
	}
	return api.ConfirmBinding204Response{}, nil
}

// RefuseBinding serves POST /v1/bindings/{bindingId}/refuse.
func (h *Handler) RefuseBinding(ctx context.Context, req api.RefuseBindingRequestObject) (api.RefuseBindingResponseObject, error) {
	if err := h.service.RefuseBinding(ctx, org.ActorFrom(ctx), req.BindingID, req.Body.Reason); err != nil {
		return nil, err
	}
	return api.RefuseBinding204Response{}, nil
}

// CreateEnrolment serves POST /v1/enrolments.
func (h *Handler) CreateEnrolment(ctx context.Context, req api.CreateEnrolmentRequestObject) (api.CreateEnrolmentResponseObject, error) {
	t, err := h.service.Enrolment(ctx, org.ActorFrom(ctx), org.PersonID(req.Body.PersonID), req.Body.Account)
	if err != nil {
		return nil, err
	}
	e := api.CreateEnrolment201JSONResponse{ID: t.ID, ExpiresAt: t.ExpiresAt, State: "second_person_needed"}
	if t.Code != "" {
		e.Code, e.State = &t.Code, "ready"
	}
	return e, nil
}

// Enrol serves POST /v1/auth/enrol.
func (h *Handler) Enrol(ctx context.Context, req api.EnrolRequestObject) (api.EnrolResponseObject, error) {
	f, err := h.service.Enrol(ctx, req.Body.Account, req.Body.Code, req.Body.Password, req.Body.Device)
	if err != nil {
		return nil, err
	}
	return api.Enrol200JSONResponse{Challenge: f.Challenge, Secret: f.Secret, URI: f.URI, ExpiresIn: int(2 * challengeLife / time.Second)}, nil
}

// ConfirmEnrolment serves POST /v1/auth/enrol/confirm.
func (h *Handler) ConfirmEnrolment(ctx context.Context, req api.ConfirmEnrolmentRequestObject) (api.ConfirmEnrolmentResponseObject, error) {
	codes, err := h.service.ConfirmEnrolment(ctx, req.Body.Challenge, req.Body.Code, req.Body.Device)
	if err != nil {
		return nil, err
	}
	return api.ConfirmEnrolment200JSONResponse{Codes: codes}, nil
}

// DisableAccount serves POST /v1/people/{personId}/disable.
func (h *Handler) DisableAccount(ctx context.Context, req api.DisableAccountRequestObject) (api.DisableAccountResponseObject, error) {
	if err := h.service.Disable(ctx, org.ActorFrom(ctx), org.PersonID(req.PersonID), req.Body.Reason); err != nil {
		return nil, err
	}
	return api.DisableAccount204Response{}, nil
}

// GetMe serves GET /v1/me.
func (h *Handler) GetMe(ctx context.Context, _ api.GetMeRequestObject) (api.GetMeResponseObject, error) {
	m, err := h.service.Me(ctx, org.ActorFrom(ctx))
	if err != nil {
		return nil, err
	}
	a := api.GetMe200JSONResponse{
		PersonID: int64(m.Person), Name: m.Name.Reveal(), Account: api.MeAccount(m.State), SessionID: int64(m.Session.ID),
		Assignments: make([]api.MyAssignment, 0, len(m.Assignments)),
	}
	if m.ActingAs != 0 {
		id := int64(m.ActingAs)
		a.ActingAs = &id
	}
	if until := m.SteppedUpUntil(h.service.db.Now()); !until.IsZero() {
		a.SteppedUpUntil = &until
	}
	for _, r := range m.Assignments {
		one := api.MyAssignment{
			ID: int64(r.ID), Role: string(r.Role), UnitID: int64(r.UnitID), UnitName: r.UnitName,
			UnitKind: string(m.Kinds[r.UnitID]), ValidFrom: string(r.ValidFrom), Primary: r.Primary,
		}
		if standsIn := r.PersonID != m.Person; standsIn {
			one.StandsIn = &standsIn
		}
		if r.Post != "" {
			post := string(r.Post)
			one.Post = &post
		}
		if r.ValidTo != nil {
			to := string(*r.ValidTo)
			one.ValidTo = &to
		}
		a.Assignments = append(a.Assignments, one)
	}
	return a, nil
}
