package main

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"wanjia/internal/demo"
)

func TestTheDemoPlaysAgainAndAgainAndSeesWhatIsBroken(t *testing.T) {
	played := false
	err := withOwnServer(t.Context(), func(at string) error {
		played = true
		for _, story := range demo.Stories() {
			for range 5 { // each run meets what those before have left, and no limit of wrong tries
				var out bytes.Buffer
				result, err := demo.Play(t.Context(), demo.Options{URL: at, Story: story, Out: &out})
				if err != nil || result.Failed > 0 || result.Steps < 30 || !strings.HasSuffix(out.String(), "steps, 0 failed\n") {
					t.Errorf("%s: played %v, %v:\n%s\nwant at least 30 steps, 0 failed", story, result, err, out.String())
				}
			}
		}
		server, err := url.Parse(at)
		if err != nil {
			return err
		}
		for what, breaks := range map[string]func(w http.ResponseWriter, r *http.Request) bool{
			"visits are not kept": func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == "/v1/visits" {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
				return r.URL.Path == "/v1/visits"
			},
			"nothing is pushed": func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == "/v1/push" {
					w.WriteHeader(http.StatusNotFound)
				}
				return r.URL.Path == "/v1/push"
			},
			"whoever asks may see": func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasPrefix(r.URL.Path, "/v1/tasks/") {
					return false
				}
				_, _ = w.Write([]byte(`{"progress": {"total": 1, "reported": 1}}`))
				return true
			},
		} {
			through := httputil.NewSingleHostReverseProxy(server)
			broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !breaks(w, r) {
					through.ServeHTTP(w, r)
				}
			}))
			var out bytes.Buffer
			result, err := demo.Play(t.Context(), demo.Options{URL: broken.URL, Story: "main", Out: &out})
			broken.Close()
			if err != nil || result.Failed != 1 || !strings.Contains(out.String(), "✗") {
				t.Errorf("%s: played %v, %v:\n%s\nwant one step that failed", what, result, err, out.String())
			}
			if said, err := wanjia(t, "demo", "--url", broken.URL); err == nil {
				t.Errorf("%s: the server is gone, and the command says %q", what, said)
			}
		}
		said, err := wanjia(t, "demo", "--url", at, "--story", "other")
		if err == nil || !strings.Contains(err.Error(), "main, needs") {
			t.Errorf("an unknown story: %q, %v, want those there are", said, err)
		}
		said, err = wanjia(t, "demo", "--url", at)
		if err != nil || !strings.Contains(said, "demo: ") {
			t.Errorf("the command says %q, %v", said, err)
		}
		return nil
	})
	if err != nil || !played {
		t.Errorf("its own server: %v, played %v", err, played)
	}
}

func TestADemoWithoutAServerSaysHowToStartOne(t *testing.T) {
	t.Parallel()
	free, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := "http://" + free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = demo.Play(t.Context(), demo.Options{URL: at, Story: "main", Out: &bytes.Buffer{}})
	if err == nil || !strings.Contains(err.Error(), at) {
		t.Errorf("%v, want an error that names %s", err, at)
	}
	if hint := startOne(at).Error(); !strings.Contains(hint, "make run") || !strings.Contains(hint, "--serve") || strings.Count(hint, "\n") > 0 {
		t.Errorf("the hint is %q, want one line with both ways", hint)
	}
}
