package notify

import (
	"context"

	"wanjia/api"
	"wanjia/internal/org"
)

// RecordWeChatGrants serves POST /v1/wechat/grants.
func (h *Handler) RecordWeChatGrants(ctx context.Context, req api.RecordWeChatGrantsRequestObject) (api.RecordWeChatGrantsResponseObject, error) {
	var refused []string
	for _, t := range req.Body.Refused {
		refused = append(refused, string(t))
	}
	allowed := make([]string, len(req.Body.Templates))
	for i, t := range req.Body.Templates {
		allowed[i] = string(t)
	}
	if err := h.sends.Grant(ctx, org.ActorFrom(ctx), req.Body.ClientRef.String(), allowed, refused); err != nil {
		return nil, err
	}
	return api.RecordWeChatGrants204Response{}, nil
}

// ListWeChatCredits serves GET /v1/wechat/credits.
func (h *Handler) ListWeChatCredits(ctx context.Context, _ api.ListWeChatCreditsRequestObject) (api.ListWeChatCreditsResponseObject, error) {
	wallets, err := h.sends.Wallets(ctx, org.ActorFrom(ctx))
	if err != nil {
		return nil, err
	}
	items := make([]api.WeChatCredit, len(wallets))
	for i, w := range wallets {
		items[i] = api.WeChatCredit{
			Template: w.Template.Code, TemplateID: w.Template.ID, Kind: kindToAPI(w.Template), Balance: int32(w.Balance),
			Ask: w.Ask, AskFrom: api.Optional(w.AskFrom), AskAfter: make([]api.WeChatCreditAskAfter, len(w.Moments)),
		}
		for j, m := range w.Moments {
			items[i].AskAfter[j] = api.WeChatCreditAskAfter(m)
		}
	}
	return api.ListWeChatCredits200JSONResponse{Items: items}, nil
}

func kindToAPI(t Template) api.WeChatTemplateKind {
	if t.Long {
		return api.WeChatTemplateKind("long")
	}
	return api.WeChatTemplateKind("once")
}

// GetNoticePreferences serves GET /v1/me/notices.
func (h *Handler) GetNoticePreferences(ctx context.Context, _ api.GetNoticePreferencesRequestObject) (api.GetNoticePreferencesResponseObject, error) {
	p, err := h.service.Preferences(ctx, org.ActorFrom(ctx))
	if err != nil {
		return nil, err
	}
	return api.GetNoticePreferences200JSONResponse(preferencesToAPI(p)), nil
}

// UpdateNoticePreferences serves PUT /v1/me/notices.
func (h *Handler) UpdateNoticePreferences(ctx context.Context, req api.UpdateNoticePreferencesRequestObject) (api.UpdateNoticePreferencesResponseObject, error) {
	p := Preferences{QuietFrom: req.Body.QuietFrom, QuietTo: req.Body.QuietTo, DigestAt: req.Body.DigestAt}
	for _, k := range req.Body.Kinds {
		p.Kinds = append(p.Kinds, Preference{Kind: k.Kind, WeChat: k.WeChat, Digest: k.Digest, Muted: k.Muted})
	}
	set, err := h.service.SetPreferences(ctx, org.ActorFrom(ctx), p)
	if err != nil {
		return nil, err
	}
	return api.UpdateNoticePreferences200JSONResponse(preferencesToAPI(set)), nil
}

func preferencesToAPI(p Preferences) api.NoticePreferences {
	all := api.NoticePreferences{QuietFrom: p.QuietFrom, QuietTo: p.QuietTo, DigestAt: p.DigestAt, Kinds: make([]api.NoticePreference, len(p.Kinds))}
	for i, k := range p.Kinds {
		all.Kinds[i] = api.NoticePreference{Kind: k.Kind, WeChat: k.WeChat, Digest: k.Digest, Muted: k.Muted}
	}
	return all
}

// ListWeChatTemplates serves GET /v1/wechat/templates.
func (h *Handler) ListWeChatTemplates(ctx context.Context, _ api.ListWeChatTemplatesRequestObject) (api.ListWeChatTemplatesResponseObject, error) {
	templates, c, err := h.sends.Templates(ctx)
	if err != nil {
		return nil, err
	}
	all := api.WeChatTemplates{
		Items: make([]api.WeChatTemplate, len(templates)), PausedUntil: api.Optional(c.PausedUntil), SlowUntil: api.Optional(c.SlowUntil),
		Errcode: api.Optional(int32(c.Code)),
	}
	for i, t := range templates {
		all.Items[i] = templateToAPI(t)
	}
	return api.ListWeChatTemplates200JSONResponse(all), nil
}

func templateToAPI(t Template) api.WeChatTemplate {
	x := api.WeChatTemplate{
		Code: t.Code, TemplateID: t.ID, Kind: kindToAPI(t), Fields: make([]api.WeChatField, len(t.Fields)),
		BadInRow: int32(t.BadInRow), PausedUntil: api.Optional(t.PausedUntil),
	}
	for i, f := range t.Fields {
		x.Fields[i] = api.WeChatField{Name: f.Name, From: api.WeChatFieldFrom(f.From), Else: api.Optional(f.Else)}
	}
	return x
}

// SetWeChatTemplate serves PUT /v1/wechat/templates/{code}.
func (h *Handler) SetWeChatTemplate(ctx context.Context, req api.SetWeChatTemplateRequestObject) (api.SetWeChatTemplateResponseObject, error) {
	t := Template{Code: string(req.Code), ID: req.Body.TemplateID, Long: req.Body.Kind == "long"}
	for _, f := range req.Body.Fields {
		t.Fields = append(t.Fields, Field{Name: f.Name, From: string(f.From), Else: api.Given(f.Else)})
	}
	set, err := h.sends.SetTemplate(ctx, org.ActorFrom(ctx), t)
	if err != nil {
		return nil, err
	}
	return api.SetWeChatTemplate200JSONResponse(templateToAPI(set)), nil
}

// ResumeWeChat serves POST /v1/wechat/resume.
func (h *Handler) ResumeWeChat(ctx context.Context, _ api.ResumeWeChatRequestObject) (api.ResumeWeChatResponseObject, error) {
	if err := h.sends.Resume(ctx, org.ActorFrom(ctx)); err != nil {
		return nil, err
	}
	return api.ResumeWeChat204Response{}, nil
}

// ListWeChatSends serves GET /v1/wechat/sends.
func (h *Handler) ListWeChatSends(ctx context.Context, req api.ListWeChatSendsRequestObject) (api.ListWeChatSendsResponseObject, error) {
	outcome := Dead
	if req.Params.Outcome != nil {
		outcome = Outcome(*req.Params.Outcome)
	}
	all, next, err := h.sends.Letters(ctx, org.ActorFrom(ctx), outcome, api.Given(req.Params.Cursor), api.Given(req.Params.PageSize))
	if err != nil {
		return nil, err
	}
	items := make([]api.WeChatSend, len(all))
	for i, l := range all {
		items[i] = api.WeChatSend{
			ID: l.ID, Kind: l.Kind, Template: l.Template, Outcome: string(l.Outcome), Errcode: api.Optional(int32(l.Code)),
			Attempts: int32(l.Attempts), CreatedAt: l.CreatedAt, EndedAt: l.EndedAt,
		}
	}
	return api.ListWeChatSends200JSONResponse{Items: items, NextCursor: api.Optional(next)}, nil
}

// RepeatWeChatSend serves POST /v1/wechat/sends/{sendId}/repeat.
func (h *Handler) RepeatWeChatSend(ctx context.Context, req api.RepeatWeChatSendRequestObject) (api.RepeatWeChatSendResponseObject, error) {
	if err := h.sends.Repeat(ctx, org.ActorFrom(ctx), req.SendID); err != nil {
		return nil, err
	}
	return api.RepeatWeChatSend204Response{}, nil
}
