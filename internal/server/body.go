package server

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"wanjia/internal/platform/problem"
)

const (
	maxJSON    = 256 << 10
	uploadTime = time.Minute // for the body of an x-stream operation to arrive
)

// strictQuery is the query, if it holds only what the operation names, and each thing once.
func (op *operation) strictQuery(r *http.Request) (url.Values, error) {
	if r.URL.RawQuery == "" {
		return nil, nil
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, problem.ErrMalformed.Field("", "query")
	}
	for name, values := range query {
		repeated, known := op.query[name]
		switch {
		case !known:
			return nil, problem.ErrMalformed.Field(pointerToken(strings.ToValidUTF8(name, "?")), "unknown_parameter")
		case len(values) > 1 && !repeated:
			return nil, problem.ErrMalformed.Field(name, "duplicate_parameter")
		}
		for _, v := range values {
			if !utf8.ValidString(v) {
				return nil, problem.ErrMalformed.Field(name, "utf8")
			}
		}
	}
	return query, nil
}

// readBody reads the body of a JSON operation once, scans it and puts it back. That of a stream is left alone: its
// kind is checked, its time set.
func (op *operation) readBody(ctx echo.Context) ([]byte, error) {
	r := ctx.Request()
	if op.takes == nil || r.ContentLength == 0 && !op.stream {
		return nil, noBody(ctx)
	}
	if err := op.kind(r); err != nil {
		return nil, err
	}
	if op.stream {
		// A recorder in a test has no deadline to set; a connection has.
		_ = http.NewResponseController(ctx.Response()).SetReadDeadline(time.Now().Add(uploadTime))
		return nil, nil
	}
	if r.ContentLength > maxJSON {
		return nil, problem.ErrTooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(ctx.Response().Writer, r.Body, maxJSON))
	if err != nil {
		return nil, arrival(err)
	}
	if err := scanJSON(body); err != nil {
		return nil, err
	}
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	r.Body, _ = r.GetBody()
	r.ContentLength = int64(len(body))
	return body, nil
}

// noBody refuses a byte where the operation takes none.
func noBody(ctx echo.Context) error {
	r := ctx.Request()
	if r.ContentLength == 0 || r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	n, err := io.ReadFull(http.MaxBytesReader(ctx.Response().Writer, r.Body, 1), make([]byte, 1))
	switch {
	case n > 0:
		return problem.ErrMalformed.Field("", "body")
	case errors.Is(err, io.EOF):
		r.Body = http.NoBody
		return nil
	default:
		return arrival(err)
	}
}

// kind refuses what the operation does not take, and any packing of it: a packed body is a bomb or a puzzle.
func (op *operation) kind(r *http.Request) error {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err != nil, r.Header.Get("Content-Encoding") != "", op.takes.Get(media) == nil:
		return problem.ErrUnsupported
	case params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8"):
		return problem.ErrUnsupported
	case media == "multipart/form-data" && params["boundary"] == "": // nobody can tell its parts
		return problem.ErrMalformed.Field("", "body")
	}
	return nil
}

// arrival says why a body did not arrive.
func arrival(err error) error {
	var large *http.MaxBytesError
	var slow net.Error
	switch {
	case errors.As(err, &large):
		return problem.ErrTooLarge
	case errors.As(err, &slow) && slow.Timeout():
		return problem.ErrTimeout
	default:
		return problem.ErrMalformed.Field("", "body")
	}
}
