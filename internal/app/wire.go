package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"wanjia/configs"
	"wanjia/internal/audit"
	"wanjia/internal/auth"
	"wanjia/internal/board"
	"wanjia/internal/campaign"
	"wanjia/internal/checkin"
	"wanjia/internal/config"
	"wanjia/internal/household"
	"wanjia/internal/member"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/lease"
	"wanjia/internal/platform/limit"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/push"
	"wanjia/internal/platform/watch"
	"wanjia/internal/platform/wechat"
	"wanjia/internal/platform/wechat/fake"
	"wanjia/internal/privacy"
	"wanjia/internal/report"
	"wanjia/internal/request"
	"wanjia/internal/server"
	"wanjia/internal/transfer"
	"wanjia/internal/upload"
)

// Options are what tests and commands change of an App.
type Options struct {
	Now     func() time.Time // nil: the machine's clock
	Log     *slog.Logger     // nil: JSON lines to standard error
	Version string

	RedisPrefix string // a test's own part of a shared Redis

	Inbox func(push.Inbox) push.Inbox // a test's own way from the inbox to the sockets; nil: the straight one
	Away  func() time.Duration        // a test's own word for how long Redis is away; nil: what is seen of it
}

// An App is the whole program, put together and not yet listening.
type App struct {
	Stores  *Stores
	Auth    *auth.Service
	Imports *transfer.Service

	Retention *privacy.Retention

	config  config.Config
	log     *slog.Logger
	wechat  *wechat.Client // nil: there is no mini-program
	fake    *fake.Server   // nil: WeChat itself answers
	mailbox *wechat.Mailbox
	leases  *lease.Leases
	hub     *push.Hub
	parting *parting
	courier *notify.Courier
	tickets *push.Tickets
	onSite  *checkin.Service
	tasks   *campaign.Service
	needs   *request.Service
	sends   *notify.Sends
	fanouts *notify.Fanouts
	glasses *privacy.Glasses
	boards  *board.Service
	uploads *upload.Service
	homes   *household.Service
	server  *server.Server
	metrics *prometheus.Registry

	holidays *calendar.Calendar
}

// Handlers of the features, by the names that a struct can embed together.
type (
	about         = server.About
	authHandler   = auth.Handler
	orgHandler    = org.Handler
	inboxHandler  = notify.Handler
	noticeHandler = notify.NoticeHandler
	policyHandler = privacy.Handler
	sayHandler    = privacy.ConsentHandler
	glassHandler  = privacy.GlassHandler
	keptHandler   = privacy.RetentionHandler
	ownHandler    = privacy.OwnDataHandler
	auditHandler  = audit.Handler
	needHandler   = request.Handler
	fileHandler   = upload.Handler
	photoHandler  = request.PhotoHandler
	homeHandler   = household.Handler
	memberHandler = member.Handler
	taskHandler   = campaign.Handler
	siteHandler   = checkin.Handler
	importHandler = transfer.Handler
	reportHandler = report.Handler
	boardHandler  = board.Handler
)

// features serve the contract: an operation that nobody serves does not compile.
type features struct {
	about
	*authHandler
	*orgHandler
	*inboxHandler
	*noticeHandler
	*policyHandler
	*sayHandler
	*glassHandler
	*keptHandler
	*ownHandler
	*auditHandler
	*needHandler
	*fileHandler
	*photoHandler
	*homeHandler
	*memberHandler
	*taskHandler
	*siteHandler
	*importHandler
	*reportHandler
	*boardHandler
}

// New puts the program together, from the stores to the edge.
func New(ctx context.Context, c config.Config, o Options) (a *App, err error) {
	if o.Log == nil {
		var level slog.Level
		if err := level.UnmarshalText([]byte(c.Log.Level)); err != nil {
			return nil, fmt.Errorf("log.level: %w", err)
		}
		o.Log = watch.Logger(os.Stderr, level)
	}
	a = &App{config: c, log: o.Log}
	defer func() {
		if err != nil {
			_ = a.Close() // the first error is the one to show
		}
	}()
	if a.Stores, err = OpenStores(ctx, c, o); err != nil {
		return a, err
	}
	d, k := a.Stores.DB, a.Stores.KV
	a.leases = lease.New(d, rand.Text(), d.Embedded())
	if o.Away == nil {
		o.Away = k.AwayFor
	}
	a.leases.YieldWhile(o.Away)
	limits := limit.New(k, d.Now, a.leases.Live)
	if k.Embedded() {
		limits = limit.Alone(k, d.Now)
	}

	wx, err := a.weChat(ctx)
	if err != nil {
		return a, err
	}
	if a.mailbox, err = a.openMailbox(wx); err != nil {
		return a, err
	}
	a.Auth = auth.NewService(auth.Options{
		DB: d, KV: k, Keys: a.Stores.Keys, WeChat: wx, Issuer: "wanjia", Era: era, Demo: c.Demo, Limit: limits.Allow,
		Ended: a.ended,
		Disabled: func(ctx context.Context, tx *db.Tx, by org.Actor, person org.PersonID) error {
			return a.absences().Disabled(ctx, tx, by, person)
		},
	})
	a.metrics, a.parting = watch.NewMetrics(), newParting(d.Now)
	a.wirePush(o.Inbox, limits)
	holidays, err := calendar.Parse(configs.Holidays)
	if err != nil {
		return a, fmt.Errorf("configs/holidays.yaml: %w", err)
	}
	served := a.serve(limits, holidays, wx, o.Version)
	if err := a.shipRules(ctx); err != nil {
		return a, err
	}
	a.measure(wx)
	if a.fake != nil {
		if err = a.demoTemplates(ctx); err != nil {
			return a, err
		}
	}
	a.server, err = a.edge(limits, served)
	return a, err
}

// weChat is the client of WeChat, or of the shipped server that pretends to be it.
func (a *App) weChat(ctx context.Context) (*wechat.Client, error) {
	c := a.config.WeChat
	o := wechat.Options{BaseURL: c.BaseURL, AppID: c.AppID, Secret: c.Secret, Now: a.Stores.DB.Now}
	if c.Fake {
		a.fake = fake.New(fake.Options{Now: a.Stores.DB.Now})
		if err := a.fake.Start(ctx, "127.0.0.1:0"); err != nil {
			return nil, fmt.Errorf("start the fake WeChat: %w", err)
		}
		o.BaseURL, o.AppID, o.Secret = a.fake.URL(), fake.AppID, fake.Secret
	}
	if o.AppID == "" {
		return nil, nil //nolint:nilnil // because a deployment without a mini-program has no client
	}
	o.Shared = auth.SharedToken(a.Stores.DB, a.Stores.KV, a.Stores.Keys, o.AppID)
	return wechat.New(o)
}

// wirePush puts the way of a notification together: tickets, sockets, and the courier behind the outbox.
func (a *App) wirePush(by func(push.Inbox) push.Inbox, limits *limit.Limits) {
	d, k := a.Stores.DB, a.Stores.KV
	var inbox push.Inbox = notify.NewInboxes(d)
	if by != nil {
		inbox = by(inbox)
	}
	a.tickets = push.NewTickets(d, k, a.live)
	hot := push.NewHot(k)
	a.hub = push.NewHub(push.Options{
		Era: era, Inbox: inbox, KV: k, Hot: hot, Redeem: a.tickets.Redeem, Known: a.tickets.Known, Identify: a.listener,
		Guess: func(ctx context.Context, subject string, n int) time.Duration {
			return limits.Take(ctx, limit.TicketIP, subject, n).Retry
		},
		Written: a.written(),
		Origins: a.pages(), Now: d.Now, Log: a.log,
	})
	a.courier = notify.NewCourier(d, k, a.hub, hot, a.leases.Held, a.log)
	a.courier.Relay().Keep(a.config.Push.KeepDone)
}

// pages are the origins that may open sockets: those of the settings, and in demo mode our own start page wherever it
// is served, so that another port is one setting and not two.
func (a *App) pages() []string {
	origins := slices.Clone(a.config.Listen.Origins)
	if _, port, err := net.SplitHostPort(a.config.Listen.Public); err == nil && a.config.Demo {
		origins = append(origins, "http://127.0.0.1:"+port, "http://localhost:"+port)
	}
	return origins
}

// live tells push whose session it is that wants a socket.
func (a *App) live(ctx context.Context, session int64) (push.Session, error) {
	person, until, err := a.Auth.Live(ctx, auth.SessionID(session))
	switch {
	case errors.Is(err, auth.ErrSessionEnded), errors.Is(err, problem.ErrNotFound):
		return push.Session{}, push.ErrTicket
	case err != nil: // nobody can say: the device comes back, and is not signed out
		return push.Session{}, err
	}
	return push.Session{PersonID: int64(person), SessionID: session, Until: until}, nil
}

// listener is whose event stream a request asks for, by its access token.
func (a *App) listener(r *http.Request) (push.Session, error) {
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	ctx, _, err := a.Auth.Identify(r.Context(), token, 0)
	switch {
	case errors.Is(err, problem.ErrUnavailable):
		return push.Session{}, err
	case err != nil:
		return push.Session{}, push.ErrTicket
	}
	return a.live(ctx, int64(auth.SessionFrom(ctx)))
}

// ended closes the sockets of whoever's rights are less than before.
func (a *App) ended(all []auth.Ended) {
	var sessions []int64
	for _, e := range all {
		switch e.Kind {
		case auth.SessionEnded:
			sessions = append(sessions, int64(e.Session))
		case auth.PersonChanged:
			a.hub.ClosePerson(int64(e.Person), push.RightsEnded)
		case auth.RightsChanged:
			a.hub.RightsChanged(int64(e.Person))
		}
	}
	if len(sessions) > 0 {
		a.hub.CloseSessions(sessions, push.SignedOut)
	}
}

// serve are the features' handlers.
func (a *App) serve(limits *limit.Limits, holidays *calendar.Calendar, wx *wechat.Client, version string) features {
	d, keys, pages := a.Stores.DB, a.Stores.Keys, a.Stores.Pages
	a.tasks, a.holidays = campaign.NewService(d), holidays
	a.onSite = checkin.NewService(d, checkin.SealedKeys(keys), limits).TakingLate(a.config.Checkin.LateEntry)
	a.Imports = transfer.NewService(d, keys, pages, limits.Allow, a.roleChanged)
	a.needs = request.NewService(d, keys, pages, holidays,
		func(ctx context.Context, q db.Queryer, by org.Actor, premises int64) (request.Door, error) {
			return household.Door(ctx, q, by, premises, calendar.DayOf(d.Now()))
		}).ReopeningFor(a.config.Request.Reopen).Siting(
		func(ctx context.Context, q db.Queryer, s request.Site) (request.Door, error) {
			return household.Site(ctx, q, s.Place, s.Building, s.Entrance, calendar.DayOf(d.Now()))
		}).HoldingDoors(household.HoldDoor).AtCounters(counter)
	a.Retention = NewRetention(a.Stores, a.config)
	a.wechat, a.sends = wx, a.messages(wx, limits)
	a.fanouts = notify.NewFanouts(notify.FanoutOptions{DB: d, Courier: a.courier, Leases: a.leases, Rate: a.config.WeChat.Rate, Log: a.log})
	a.glasses = privacy.NewGlasses(d, keys, pages, holidays, breaking)
	a.uploads = upload.NewService(d, keys, a.Stores.Files, limits.Take)
	a.boards = board.NewService(d, keys, pages, a.needs, holidays).Picturing(a.uploads).Looking(a.Auth.LookAt)
	a.homes = household.NewService(d, keys, pages, a.needs, presentAtDoor).Watched(a.browsing().Look).Hinting(a.config.Household.LoadHint)
	return features{
		boardHandler: board.NewHandler(a.boards),
		about:        about{Version: version, Demo: a.config.Demo},
		authHandler:  auth.NewHandler(a.Auth),
		orgHandler:   org.NewHandler(a.units(), a.absences(), d, pages, member.Names),
		inboxHandler: notify.NewHandler(notify.NewService(d, a.hub, era).Naming(a.titles()), a.tickets, func(ctx context.Context) int64 {
			return int64(auth.SessionFrom(ctx))
		}, a.sends),
		noticeHandler: notify.NewNoticeHandler(notify.NewNotices(notify.NoticeOptions{
			DB: d, KV: a.Stores.KV, Sends: a.sends, Pages: pages, Names: member.Names,
		})),
		policyHandler: privacy.NewHandler(privacy.NewService(d, pages, tellGuards)),
		sayHandler:    privacy.NewConsentHandler(privacy.NewConsents(d, consentChanged)),
		glassHandler:  privacy.NewGlassHandler(a.glasses),
		keptHandler:   privacy.NewRetentionHandler(a.Retention),
		ownHandler:    privacy.NewOwnDataHandler(a.ownData()),
		auditHandler: audit.NewHandler(a.Stores.Audit, pages, func(ctx context.Context, action, object string, id int64) audit.Entry {
			return org.ActorFrom(ctx).Did(action, object, id)
		}),
		needHandler:   request.NewHandler(a.needs),
		homeHandler:   household.NewHandler(a.homes),
		fileHandler:   upload.NewHandler(a.uploads),
		photoHandler:  request.NewPhotoHandler(request.NewPhotos(d, a.uploads).ReopeningFor(a.config.Request.Reopen), a.uploads),
		memberHandler: member.NewHandler(member.NewService(d, keys, pages, limits.Allow, a.Auth.CheckStepUp)),
		siteHandler:   checkin.NewHandler(a.onSite, pages, member.Names, holidays),
		importHandler: transfer.NewHandler(a.Imports, d),
		reportHandler: report.NewHandler(report.NewService(d, a.needs)),
		taskHandler:   campaign.NewHandler(a.tasks, d, pages, member.Names),
	}
}

// units are the trees and the roles in them.
func (a *App) units() *org.Service {
	return org.NewService(a.Stores.DB, a.roleChanged, inUse...).HandingOver(tellHandover, packs...).Ending(a.absences())
}

// absences keep who is away.
func (a *App) absences() *org.Absences {
	return org.NewAbsences(a.Stores.DB, a.roleChanged, tellAbsence)
}

// counter finds a counter that is used today.
func counter(ctx context.Context, q db.Queryer, id int64) (request.Counter, error) {
	p, err := checkin.Counter(ctx, q, checkin.PlaceID(id))
	if err != nil {
		return request.Counter{}, err
	}
	at, err := org.UnitByID(ctx, q, p.UnitID)
	return request.Counter{ID: id, Unit: at, Label: p.Name}, err
}

// roleChanged takes rights back at once and tells the person, in the transaction of the change.
func (a *App) roleChanged(ctx context.Context, tx *db.Tx, by org.Actor, event org.RoleEvent, x org.Assignment) error {
	if err := a.Auth.RoleChanged(ctx, tx, by, event, x); err != nil {
		return err
	}
	kind := map[org.RoleEvent]string{org.RoleGranted: "role.granted", org.RoleEnded: "role.ended"}[event]
	if kind == "" {
		return nil
	}
	if err := notify.SeatChanged(ctx, tx, x.UnitID, x.Role); err != nil {
		return err
	}
	return notify.Tell(ctx, tx, notify.Persons(x.PersonID), notify.Item{
		By: by, Kind: kind, Ref: notify.Ref{Type: "assignment", ID: int64(x.ID)},
		Args: map[string]any{"unitLabel": x.UnitName, "at": tx.Now},
	})
}

func (a *App) edge(limits *limit.Limits, f features) (*server.Server, error) {
	address := server.Direct()
	if len(a.config.Listen.Proxies) > 0 {
		networks := make([]netip.Prefix, 0, len(a.config.Listen.Proxies))
		for _, n := range a.config.Listen.Proxies {
			p, err := netip.ParsePrefix(n)
			if err != nil {
				return nil, fmt.Errorf("listen.proxies: %w", err)
			}
			networks = append(networks, p)
		}
		address = server.BehindProxies(networks)
	}
	var told server.Told
	if a.mailbox != nil {
		told = server.Told{Path: notify.EventsPath, Serve: a.sends.ServeEvents}
	}
	if file := a.config.Board.Font; file != "" {
		font, err := board.ReadFont(file)
		if err != nil {
			return nil, fmt.Errorf("board.font: %w", err)
		}
		a.boards.Printing(font)
	}
	public := board.NewPages(a.boards, a.config.Listen.Site)
	return server.New(server.Options{
		Public:     server.Public{Paths: board.Paths, Needs: board.NeedPaths, Serve: public.Serve, Known: public.Known, Refuse: public.Refuse},
		Operations: f, Identify: a.Auth.Identify, StepUp: a.Auth.CheckStepUp, Limit: limits.Allow, GiveBack: limits.GiveBack, Done: a.done,
		Address: address,
		Ask:     a.sends.Ask,
		Origins: a.config.Listen.Origins, Push: a.hub.ServeSocket, PushEvents: a.hub.ServeEvents, Told: told,
		Ready: a.checks(), Metrics: a.metrics, Log: a.log,
	})
}

// done says whether by repeats what they have had done.
func (a *App) done(ctx context.Context, by org.Actor) (bool, error) {
	return once.Done(ctx, a.Stores.DB, int64(by.PersonID))
}

// checks are what must work before requests are sent here.
func (a *App) checks() []server.Check {
	d := a.Stores.DB
	return []server.Check{
		{Name: "staying", Try: a.parting.ready},
		{Name: "database", Try: d.Ping},
		{Name: "clock", Try: func(ctx context.Context) error {
			gap, err := d.ClockGap(ctx)
			if err == nil && gap.Abs() > 2*time.Second {
				err = fmt.Errorf("our clock and the database's are %v apart", gap)
			}
			return err
		}},
	}
}

// Close lets go of everything.
func (a *App) Close() error {
	if a.fake != nil {
		_ = a.fake.Close() // it keeps nothing
	}
	if a.Stores == nil {
		return nil
	}
	return a.Stores.Close()
}
