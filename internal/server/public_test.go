package server

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"wanjia/internal/platform/limit"
	"wanjia/internal/platform/problem"
)

func TestL2AFormThatIsSentAgainCountsOnce(t *testing.T) {
	t.Parallel()
	for path, limits := range map[string][]limit.Limiter{
		"/b/1/relay":                   {limit.StrangerHour, limit.StrangerDay},
		"/p/report/notices/1/takedown": {limit.RequestHour, limit.RequestDay},
	} {
		taken, sent := map[string]int{}, 0
		e := newEdge(t, nil)
		Public{
			Paths: []string{"/b/*", "/p/*"}, Needs: []string{"/b/*"},
			Serve: func(w http.ResponseWriter, _ *http.Request) error {
				switch sent++; sent {
				case 1:
				case 2: // the first is still at it
					return problem.ErrKeyInFlight
				case 5: // of another form
					return problem.ErrKeyReused
				default:
					w.Header().Set("Idempotent-Replayed", "true")
				}
				return nil
			},
			Refuse: func(w http.ResponseWriter, status int, _ *problem.Problem) { w.WriteHeader(status) },
		}.add(e.echo, Options{
			Limit: func(ctx context.Context, l limit.Limiter, subject string) limit.Verdict {
				taken[l.Name]++
				return unlimited(ctx, l, subject)
			},
			GiveBack: func(_ context.Context, l limit.Limiter, _ string) { taken[l.Name]-- },
		})
		for range 5 {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader("key=0123456789abcdef"))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			e.echo.ServeHTTP(httptest.NewRecorder(), r)
		}
		for _, l := range limits {
			if taken[l.Name] != 2 {
				t.Errorf("%s: of four times the same form and another, %s has counted %d, want 2 (sent %d times)", path, l.Name, taken[l.Name], sent)
			}
		}
	}
}
