package server

import (
	"context"
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
	Refuse func(w http.ResponseWriter, status int, p *problem.Problem) // writes the page that says why not
}

// longestForm is how many bytes a form of a public page has at most.
const longestForm = 16 << 10

// add makes e serve the pages, within the limits of what strangers may ask for.
func (p Public) add(e *echo.Echo, allow Limiter) {
	for _, path := range p.Paths {
		e.GET(path, p.page(allow, limit.Read))
		limits := []limit.Limiter{limit.RequestHour, limit.RequestDay}
		if slices.Contains(p.Needs, path) {
			limits = []limit.Limiter{limit.StrangerHour, limit.StrangerDay}
		}
		e.POST(path, p.page(allow, limits...))
	}
}

func (p Public) page(allow Limiter, limits ...limit.Limiter) echo.HandlerFunc {
	return func(c echo.Context) error {
		ctx, cancel := context.WithTimeout(c.Request().Context(), inTime)
		defer cancel()
		r := c.Request().WithContext(ctx)
		r.Body = http.MaxBytesReader(c.Response(), r.Body, longestForm)
		err := p.asked(c.Response(), r, allow, limits)
		if err == nil {
			return nil
		}
		refused, ours := asProblem(err)
		p.Refuse(c.Response(), kinds[refused.Kind].status, refused)
		if ours {
			return err // for the log: the answer is written
		}
		return nil
	}
}

func (p Public) asked(w http.ResponseWriter, r *http.Request, allow Limiter, limits []limit.Limiter) error {
	for _, l := range limits {
		if v := allow(r.Context(), l, subject(org.Actor{}, watch.CallerFrom(r.Context()).Address)); !v.OK {
			return tooMany(l).RetryAfter(v.Retry)
		}
	}
	return p.Serve(w, r)
}
