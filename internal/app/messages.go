package app

import (
	"context"

	"wanjia/internal/notify"
	"wanjia/internal/platform/limit"
	"wanjia/internal/platform/wechat"
	"wanjia/internal/platform/wechat/fake"
)

// messages are what carries items to WeChat.
func (a *App) messages(wx *wechat.Client, limits *limit.Limits) *notify.Sends {
	o := notify.SendOptions{
		DB: a.Stores.DB, Keys: a.Stores.Keys, Client: wx, Leases: a.leases, Limits: limits, Pages: a.Stores.Pages, Rate: a.config.WeChat.Rate, Log: a.log,
		Called: a.needs.Unreached, Mailbox: a.mailbox,
	}
	if a.fake != nil {
		o.Granted = func(openID, template string) { a.fake.Grant(openID, template, 1) }
	}
	return notify.NewSends(o)
}

// openMailbox is where WeChat says by itself what happened; nil: nowhere.
func (a *App) openMailbox(wx *wechat.Client) (*wechat.Mailbox, error) {
	c := a.config.WeChat
	if wx == nil || c.PushToken == "" {
		return nil, nil //nolint:nilnil // because a deployment without it has none
	}
	return wechat.NewMailbox(wx.AppID(), c.PushToken, c.PushKey, a.Stores.DB.Now)
}

// demoTemplates makes the shipped fake know the templates of the demo, and registers those that nobody has registered.
func (a *App) demoTemplates(ctx context.Context) error {
	for _, t := range notify.DemoTemplates {
		a.fake.AddTemplate(t.ID, fake.Template{Long: t.Long, Fields: t.Types()})
	}
	return notify.RegisterMissing(ctx, a.Stores.DB, notify.DemoTemplates)
}

// Fake is the WeChat that this program has started for itself; nil: the real one, or another. Tests make it fail.
func (a *App) Fake() *fake.Server { return a.fake }

// refreshToken sees to it that no message waits for WeChat's access token: the holder of the first shard fetches it for
// all nodes, some time before its end.
func (a *App) refreshToken(ctx context.Context) (bool, error) {
	if _, held := a.leases.Holds(0); !held || a.wechat == nil {
		return false, nil
	}
	return false, a.wechat.RefreshToken(ctx)
}
