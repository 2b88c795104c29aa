package server

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"wanjia/internal/org"
)

// An Ask says which messages whoever has just done something may be asked for, in the words of askHeader; "": none.
type Ask func(ctx context.Context, by org.Actor, moment string) (string, error)

const (
	askHeader = "X-Wanjia-Ask"
	// askTime is how long an answer waits for it: the act is done, and to ask nobody this once hurts nobody.
	askTime = 500 * time.Millisecond
)

// askAfter lets a good answer of op, which is a natural moment for it, say what to ask for.
func (c *contract) askAfter(ctx echo.Context, op *operation, by org.Actor) {
	answer := ctx.Response()
	answer.Before(func() {
		if answer.Status >= http.StatusMultipleChoices || by.PersonID == 0 {
			return
		}
		limited, cancel := context.WithTimeout(ctx.Request().Context(), askTime)
		defer cancel()
		templates, err := c.o.Ask(limited, by, op.moment)
		if err != nil {
			c.o.Log.WarnContext(limited, "find what to ask for", "operation", op.id, "error", err)
		}
		if templates != "" {
			answer.Header().Set(askHeader, templates)
		}
	})
}
