package server

import (
	"net/http"
	"testing"

	"github.com/labstack/echo/v4"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/problem"
)

func TestI1TheSameRequestTwiceHasOneEffectAndSaysSo(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		e := newEdge(t, nil)
		effects := 0
		e.then = func(c echo.Context) error {
			ctx := c.Request().Context()
			result := 0
			err := d.InTx(ctx, func(tx *db.Tx) error {
				return once.Do(ctx, tx, int64(org.ActorFrom(ctx).PersonID), &result, func() error {
					effects++
					result = 42
					return nil
				})
			})
			if err != nil {
				return err
			}
			return c.JSON(http.StatusCreated, result)
		}
		send := func(token, as, body string) reply {
			return e.ask(t, http.MethodPost, "/v1/visits", body, "Authorization", token, "X-Acting-As", as,
				"Content-Type", "application/json", "Idempotency-Key", key)
		}
		first, again := send(holder, "7", `{"note":"x1"}`), send(holder, "7", `{"note":"x1"}`)
		if first.Code != http.StatusCreated || first.Header().Get("Idempotent-Replayed") != "" {
			t.Errorf("first: %d, replayed %q; want 201 and not", first.Code, first.Header().Get("Idempotent-Replayed"))
		}
		if again.Code != first.Code || again.Body.String() != first.Body.String() || again.Header().Get("Idempotent-Replayed") != "true" || effects != 1 {
			t.Errorf("again: %d %q, replayed %q, %d effects; want the first answer, marked, and one effect",
				again.Code, again.Body, again.Header().Get("Idempotent-Replayed"), effects)
		}
		for name, a := range map[string]reply{"another body": send(holder, "7", `{"note":"x2"}`), "another role": send(holder, "8", `{"note":"x1"}`)} {
			if a.Code != http.StatusUnprocessableEntity || a.problem.Code != problem.ErrKeyReused.Code {
				t.Errorf("%s: %d %s, want 422 %s", name, a.Code, a.problem.Code, problem.ErrKeyReused.Code)
			}
		}
	})
}

func TestQ7NothingIsKeptOfWhatIsTransientNotEvenItsHash(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		e := newEdge(t, nil)
		e.then = func(c echo.Context) error {
			ctx := c.Request().Context()
			err := d.InTx(ctx, func(tx *db.Tx) error {
				return once.Do(ctx, tx, int64(org.ActorFrom(ctx).PersonID), nil, func() error { return nil })
			})
			if err != nil {
				return err
			}
			return c.NoContent(http.StatusNoContent)
		}
		send := func(key, body string) reply {
			return e.ask(t, http.MethodPost, "/v1/visits", body, "Authorization", holder, "Content-Type", "application/json", "Idempotency-Key", key)
		}
		keys := []string{"0123456789abcde0", "0123456789abcde1", "0123456789abcde2"}
		for i, body := range []string{`{"note":"x1","where":{"x":31.177427}}`, `{"note":"x1","where":{"x":31.177428}}`, `{"note":"x1"}`} {
			if a := send(keys[i], body); a.Code != http.StatusNoContent {
				t.Fatalf("%s: %d %s", body, a.Code, a.Body)
			}
		}
		var different int
		if err := d.Get(t.Context(), &different, `SELECT COUNT(DISTINCT fingerprint) FROM idempotency`); err != nil || different != 1 {
			t.Errorf("three positions left %d fingerprints, %v; want one, of the rest", different, err)
		}
		if a := send(keys[0], `{"note":"x1","where":{"x":5}}`); a.Header().Get("Idempotent-Replayed") != "true" {
			t.Errorf("another position is another request: %d %s", a.Code, a.Body)
		}
		if a := send(keys[0], `{"note":"x2","where":{"x":31.177427}}`); a.problem.Code != problem.ErrKeyReused.Code {
			t.Errorf("another note is the same request: %d %s", a.Code, a.Body)
		}
	})
}
