package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"wanjia/configs"
	"wanjia/internal/audit"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/once"
	"wanjia/internal/server"
)

// drainTime is how long a clean stop may take (R13).
const drainTime = 15 * time.Second

// Handler answers as the public listener does, without one: for tests that want no loops beside their requests.
func (a *App) Handler() http.Handler { return a.server.Handler() }

// Serve listens until ctx ends, then drains: sockets are told when to come back, requests under way end, leases
// are given back. Ready is called with both addresses once they answer.
func (a *App) Serve(ctx context.Context, ready func(public, admin string)) error {
	if err := a.Auth.Start(ctx); err != nil {
		return err
	}
	public, err := listen(ctx, a.config.Listen.Public)
	if err != nil {
		return err
	}
	admin, err := listen(ctx, a.config.Listen.Admin)
	if err != nil {
		return errors.Join(err, public.Close())
	}
	servers := []*http.Server{server.Listener(a.server.Handler(), a.log), server.Listener(a.server.Admin(), a.log)}

	// What keeps pushing goes on while requests end, so it has a life of its own.
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	group, failed := errgroup.WithContext(work)
	for i, l := range []net.Listener{public, admin} {
		group.Go(func() error {
			if err := servers[i].Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
	}
	a.loops(work, group)
	group.Go(func() error {
		select {
		case <-ctx.Done():
		case <-failed.Done():
		}
		defer stopWork()
		return a.drain(context.WithoutCancel(ctx), servers)
	})
	ready(public.Addr().String(), admin.Addr().String())
	return group.Wait()
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return l, nil
}

// loops starts what runs beside the requests.
func (a *App) loops(ctx context.Context, group *errgroup.Group) {
	run := func(name string, f func(context.Context) error) {
		group.Go(func() error {
			if err := f(ctx); err != nil && ctx.Err() == nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		})
	}
	run("sockets", a.hub.Run)
	run("courier", a.courier.Run)
	loop := func(period time.Duration, name string, f func(context.Context) (bool, error)) {
		group.Go(func() error {
			every(ctx, a.log, period, nil, name, f)
			return nil
		})
	}
	group.Go(func() error {
		every(ctx, a.log, 500*time.Millisecond, a.fanouts.Woken(), "announcements", a.fanouts.Turn)
		return nil
	})
	loop(2*time.Second, "revocations", func(ctx context.Context) (bool, error) {
		return false, a.Auth.LoadRevocations(ctx)
	})
	loop(time.Second, "leases", func(ctx context.Context) (bool, error) {
		_, err := a.leases.Step(ctx)
		return false, err
	})
	loop(time.Minute, "signing keys", func(ctx context.Context) (bool, error) {
		return false, a.Auth.LoadKeys(ctx)
	})
	loop(time.Minute, "ended sign-ins", a.Auth.Forget)
	loop(time.Minute, "roles that are over", a.units().EndDue)
	loop(time.Minute, "absences that are over", a.absences().EndDue)
	loop(time.Minute, "claims nobody answered", a.onSite.Lapse)
	loop(time.Minute, "askers waited for", a.needs.GoOn)
	loop(time.Second, "messages of WeChat that are due", a.sends.Turn)
	loop(time.Second, "messages of WeChat that warn of danger", a.sends.TurnDanger)
	loop(10*time.Second, "summaries of the day", a.sends.Digests)
	loop(5*time.Second, "access token of WeChat", a.refreshToken)
	loop(time.Minute, "tries of receipts", a.needs.ForgetTries)
	loop(20*time.Second, "clocks of requests", a.needs.RunClocks)
	loop(5*time.Second, "requests after a change of rules", a.needs.FollowRules)
	loop(time.Minute, "emergencies that are over", a.needs.TurnEmergencies)
	loop(time.Minute, "promises to remind of", a.needs.RemindPromises)
	loop(time.Minute, "tasks to remind of", func(ctx context.Context) (bool, error) { return a.tasks.Remind(ctx, a.holidays) })
	loop(time.Minute, "cards whose day has come", a.needs.CardsDue)
	loop(time.Minute, "records opened in an emergency", a.glasses.GoOn)
	loop(time.Minute, "care flags that end soon", a.homes.WarnFlags)
	loop(time.Minute, "care flags whose time is over", a.homes.PurgeFlags)
	loop(time.Minute, "dangerous weather that is over", a.homes.CloseDue)
	loop(time.Minute, "nightly erasing", a.Retention.Night)
	loop(time.Minute, "tasks that come again", func(ctx context.Context) (bool, error) {
		return a.tasks.Repeat(ctx, a.holidays)
	})
	loop(5*time.Second, "boards that are not true any more", a.boards.Renew)
	loop(5*time.Second, "plaques without consent", a.boards.Recall)
	loop(time.Minute, "takedowns that wait too long", a.boards.Remind)
	loop(time.Minute, "push tickets", a.tickets.Clean)
	loop(time.Minute, "imports whose time is over", a.Imports.Tidy)
	loop(time.Minute, "pictures whose time is over", a.uploads.Sweep)
	loop(time.Hour, "pictures of needs that go on", a.needs.KeepPhotos)
	shelf := a.Stores.DB.Now().Second() // several nodes begin at different ones
	loop(time.Minute, "files that nothing speaks of", func(ctx context.Context) (bool, error) {
		var err error
		shelf, err = a.uploads.Tidy(ctx, shelf, a.Stores.DB.Now())
		return false, err
	})
	loop(time.Hour, "ends of the audit chain", a.signHeads)
	loop(time.Hour, "idempotency keys", func(ctx context.Context) (bool, error) {
		return once.Forget(ctx, a.Stores.DB)
	})
}

// shipRules gives a deployment the rules to begin with, and reads those that there are.
func (a *App) shipRules(ctx context.Context) error {
	days, err := calendar.ParseChange(configs.Holidays)
	if err != nil {
		return fmt.Errorf("configs/holidays.yaml: %w", err)
	}
	if err := a.needs.Ship(ctx, days); err != nil {
		return fmt.Errorf("ship the rules: %w", err)
	}
	return a.needs.LearnRules(ctx)
}

// TurnClocks lets happen what the clocks of requests and messages have to say by now, without waiting for their loops: for
// tests that move the time.
func (a *App) TurnClocks(ctx context.Context) error {
	for _, turn := range []func(context.Context) (bool, error){a.needs.FollowRules, a.needs.RunClocks, a.fanouts.Turn, a.sends.Digests, a.sends.TurnDanger, a.sends.Turn} {
		for some := true; some; {
			var err error
			if some, err = turn(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// signHeads signs how far the audit has come, into the database and the second place if there is one.
func (a *App) signHeads(ctx context.Context) (bool, error) {
	heads, err := a.Stores.Audit.SignHeads(ctx)
	if err != nil || a.config.Audit.HeadsFile == "" {
		return false, err
	}
	return false, audit.AppendHeads(a.config.Audit.HeadsFile, heads)
}

// drain ends what is under way, sockets first: they are told when to come back. New requests are answered until whoever
// sends them has noticed.
func (a *App) drain(ctx context.Context, servers []*http.Server) error {
	ctx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	noticed := a.parting.begin() // nothing new is sent here while what is here ends (R13)
	a.hub.Drain(ctx)
	noticed(ctx)
	var errs []error
	for _, s := range servers {
		errs = append(errs, s.Shutdown(ctx))
	}
	return errors.Join(append(errs, a.leases.Leave(ctx))...)
}
