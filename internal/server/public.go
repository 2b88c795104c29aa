package server

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"wanjia/internal/org"
	"wanjia/internal/platform/limit"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/watch"
)

// Public are pages that nobody signs in to: of boards, plaques and notices. They lie outside the contract.
type Public struct {
	Paths  []string // as routes
	Needs  []string // those of them whose forms bring a need
	Serve  Own
	Known  func(r *http.Request) (bool, error)                                          // whether r is a form that was carried out already
	Refuse func(w http.ResponseWriter, r *http.Request, status int, p *problem.Problem) // writes the page that says why not
}

// longestForm is how many bytes a form of a public page has at most.
const longestForm = 16 << 10

// add makes e serve the pages, within the limits of what strangers may ask for.
func (p Public) add(e *echo.Echo, o Options) {
	for _, path := range p.Paths {
		e.GET(path, p.page(o, limit.Read))
		limits := []limit.Limiter{limit.RequestHour, limit.RequestDay}
		if slices.Contains(p.Needs, path) {
			limits = []limit.Limiter{limit.StrangerHour, limit.StrangerDay}
		}
		// Of the same form sent again and again the others count one.
		e.POST(path, p.page(o, append([]limit.Limiter{limit.Write}, limits...)...))
	}
}

func (p Public) page(o Options, limits ...limit.Limiter) echo.HandlerFunc {
	return func(c echo.Context) error {
		ctx, cancel := context.WithTimeout(c.Request().Context(), inTime)
		defer cancel()
		r := c.Request().WithContext(ctx)
		r.Body = http.MaxBytesReader(c.Response(), r.Body, longestForm)
		err := p.asked(c.Response(), r, o, limits)
		if err == nil {
			return nil
		}
		refused, ours := asProblem(err)
		p.Refuse(c.Response(), r, kinds[refused.Kind].status, refused)
		if ours {
			return err // for the log: the answer is written
		}
		return nil
	}
}

// foreign refuses what a page of another origin makes a browser write: where people read pages, with a page.
func (p Public) foreign(c echo.Context) error {
	if !slices.Contains(p.Paths, c.Path()) {
		return errForeignPage
	}
	p.Refuse(c.Response(), c.Request(), kinds[errForeignPage.Kind].status, errForeignPage)
	return nil
}

func (p Public) asked(w http.ResponseWriter, r *http.Request, o Options, limits []limit.Limiter) error {
	whom := subject(org.Actor{}, watch.CallerFrom(r.Context()).Address)
	var taken []limit.Limiter
	for _, l := range limits {
		v := o.Limit(r.Context(), l, whom)
		switch {
		case v.OK:
			taken = append(taken, l)
		case !slices.Contains(needs, l):
			return tooMany(l).RetryAfter(v.Retry)
		default: // what was counted when it was carried out is answered again, however many others came since
			known, err := p.Known(r)
			if err != nil {
				return err
			}
			if !known {
				return tooMany(l).RetryAfter(v.Retry)
			}
		}
	}
	err := p.Serve(w, r)
	if o.GiveBack == nil || w.Header().Get(replayed) == "" && !errors.Is(err, problem.ErrKeyInFlight) {
		return err
	}
	for _, l := range taken { // sent again on a bad line: the first was counted
		if slices.Contains(needs, l) {
			o.GiveBack(r.Context(), l, whom)
		}
	}
	return err
}

// replayed marks an answer as that of an earlier call.
const replayed = "Idempotent-Replayed"
