package server

import (
	"context"
	"io"
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
			Refuse: func(w http.ResponseWriter, _ *http.Request, status int, _ *problem.Problem) { w.WriteHeader(status) },
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

func TestL2AFormThatWasCarriedOutIsAnsweredAgainAtTheLimitAndNotWithoutEnd(t *testing.T) {
	t.Parallel()
	const day = 3
	for path, limits := range map[string][]limit.Limiter{
		"/b/1/relay":                   {limit.StrangerHour, limit.StrangerDay},
		"/p/report/notices/1/takedown": {limit.RequestHour, limit.RequestDay},
	} {
		taken, done := map[string]int{}, map[string]bool{}
		e := newEdge(t, nil)
		said := func(r *http.Request) string {
			b, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			r.Body = io.NopCloser(strings.NewReader(string(b)))
			return string(b)
		}
		Public{
			Paths: []string{"/b/*", "/p/*"}, Needs: []string{"/b/*"},
			Serve: func(w http.ResponseWriter, r *http.Request) error {
				form := said(r)
				if done[form] {
					w.Header().Set("Idempotent-Replayed", "true")
				}
				done[form] = true
				return nil
			},
			Known:  func(r *http.Request) (bool, error) { return done[said(r)], nil },
			Refuse: func(w http.ResponseWriter, _ *http.Request, status int, _ *problem.Problem) { w.WriteHeader(status) },
		}.add(e.echo, Options{
			Limit: func(ctx context.Context, l limit.Limiter, subject string) limit.Verdict {
				if l == limits[1] && taken[l.Name] == day || taken[l.Name] == l.Size {
					return limit.Verdict{Limiter: l}
				}
				taken[l.Name]++
				return unlimited(ctx, l, subject)
			},
			GiveBack: func(_ context.Context, l limit.Limiter, _ string) { taken[l.Name]-- },
		})
		post := func(form string) int {
			w := httptest.NewRecorder()
			e.echo.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(form)))
			return w.Code
		}
		sent := 0
		for _, c := range []struct {
			form string
			want int
		}{{"a", 200}, {"b", 200}, {"c", 200}, {"d", 429}, {"a", 200}, {"d", 429}, {"c", 200}} {
			if got := post(c.form); got != c.want {
				t.Errorf("%s, the form %s: %d, want %d", path, c.form, got, c.want)
			}
			sent++
		}
		if taken[limits[1].Name] != day || taken[limit.Write.Name] != sent {
			t.Errorf("%s: counted %v, want %d of the day, and each of %d sendings as a write", path, taken, day, sent)
		}
		for sent < limit.Write.Size {
			post("a")
			sent++
		}
		if got := post("a"); got != http.StatusTooManyRequests {
			t.Errorf("%s: the same form, %d times in a minute: %d, want 429", path, sent+1, got)
		}
	}
}

func TestAFormOfAnotherSiteIsRefusedWithAPageWherePagesAre(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{"/b/1/relay": "a page", "/v1/nowhere": "server.foreign_page"} {
		pages := Public{
			Paths: []string{"/b/*"},
			Serve: func(http.ResponseWriter, *http.Request) error {
				t.Error("what another site made a browser send was served")
				return nil
			},
			Refuse: func(w http.ResponseWriter, _ *http.Request, status int, p *problem.Problem) {
				w.WriteHeader(status)
				_, _ = io.WriteString(w, "a page for "+p.Code)
			},
		}
		e := newEdge(t, func(o *Options) { o.Public = pages })
		pages.add(e.echo, Options{Limit: unlimited})
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, http.NoBody)
		r.Header.Set("Origin", "https://elsewhere.example")
		w := httptest.NewRecorder()
		e.echo.ServeHTTP(w, r)
		if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s, want 403 and %s", path, w.Code, w.Body.String(), want)
		}
	}
}
