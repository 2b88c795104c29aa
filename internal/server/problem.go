package server

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/say"
	"wanjia/internal/platform/watch"
)

// Nobody else knows statuses: features speak of kinds. The types are a closed list (RFC 9457 §3.1.1).
var kinds = map[problem.Kind]struct {
	status int
	name   string
}{
	problem.Malformed:       {http.StatusBadRequest, "malformed"},
	problem.Unauthenticated: {http.StatusUnauthorized, "unauthenticated"},
	problem.Forbidden:       {http.StatusForbidden, "forbidden"},
	problem.NotFound:        {http.StatusNotFound, "not-found"},
	problem.NotAllowed:      {http.StatusMethodNotAllowed, "not-allowed"},
	problem.Timeout:         {http.StatusRequestTimeout, "timeout"},
	problem.Conflict:        {http.StatusConflict, "conflict"},
	problem.Gone:            {http.StatusGone, "gone"},
	problem.TooLarge:        {http.StatusRequestEntityTooLarge, "too-large"},
	problem.Unsupported:     {http.StatusUnsupportedMediaType, "unsupported"},
	problem.Invalid:         {http.StatusUnprocessableEntity, "invalid"},
	problem.TooMany:         {http.StatusTooManyRequests, "too-many"},
	problem.Internal:        {http.StatusInternalServerError, "internal"},
	problem.Unavailable:     {http.StatusServiceUnavailable, "unavailable"},
}

const typePrefix = "urn:wanjia:problem:"

// errCrowded is for whoever met others at the same rows each time: nothing was stored.
var errCrowded = problem.New(problem.Unavailable, "common.crowded").RetryAfter(time.Second)

// asProblem is what a person may be told of err, and whether err is our fault and belongs in the log.
func asProblem(err error) (p *problem.Problem, ours bool) {
	var framework *echo.HTTPError
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &p) && kinds[p.Kind].status != 0:
		return p, p.Kind == problem.Internal || p.Kind == problem.Unavailable
	case errors.Is(err, context.DeadlineExceeded):
		return problem.ErrUnavailable.RetryAfter(time.Second), true
	case errors.Is(err, context.Canceled): // who asked has left; nobody reads this
		return problem.ErrUnavailable, false
	case errors.As(err, &large):
		return problem.ErrTooLarge, false
	case db.IsCrowded(err):
		return errCrowded, true
	case db.IsAway(err):
		return problem.ErrUnavailable.RetryAfter(time.Second), true
	case errors.As(err, &framework):
		switch framework.Code {
		case http.StatusBadRequest:
			return problem.ErrMalformed, false
		case http.StatusNotFound:
			return problem.ErrNotFound, false
		case http.StatusMethodNotAllowed:
			return problem.ErrNotAllowed, false
		case http.StatusRequestEntityTooLarge:
			return problem.ErrTooLarge, false
		case http.StatusUnsupportedMediaType:
			return problem.ErrUnsupported, false
		}
	}
	return problem.ErrInternal, true
}

// writeProblem answers with err as far as a person may know it, and never with what it says inside.
func writeProblem(c echo.Context, err error) (status int, code string, ours bool) {
	p, ours := asProblem(err)
	kind := kinds[p.Kind]
	res := c.Response()
	if res.Committed {
		return res.Status, p.Code, ours
	}
	doc := make(map[string]any, len(p.Members)+6)
	maps.Copy(doc, p.Members)
	doc["type"] = typePrefix + kind.name
	doc["title"] = say.Text(say.Preferred(c.Request().Header.Get("Accept-Language")), p.Code)
	doc["status"] = kind.status
	doc["code"] = p.Code
	doc["instance"] = watch.CallerFrom(c.Request().Context()).Request
	if len(p.Fields) > 0 {
		doc["errors"] = p.Fields
	}
	body, failed := json.Marshal(doc)
	if failed != nil { // a member that is no JSON is our mistake
		return writeProblem(c, failed)
	}
	h := res.Header()
	h.Set("Content-Type", "application/problem+json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Add("Vary", "Accept-Language")
	switch {
	case p.After > 0:
		h.Set("Retry-After", strconv.Itoa(seconds(p.After)))
	case p.Kind == problem.TooMany || p.Kind == problem.Unavailable:
		h.Set("Retry-After", "1")
	}
	if p.Kind == problem.Unauthenticated {
		h.Set("WWW-Authenticate", "Bearer")
	}
	res.WriteHeader(kind.status)
	_, _ = res.Write(body) // nobody is left to tell
	return kind.status, p.Code, ours
}

// seconds rounds up: asking again too early is refused again.
func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }
