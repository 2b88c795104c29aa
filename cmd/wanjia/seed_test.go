package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"wanjia/internal/app"
	"wanjia/internal/config"
)

// A screen is what the program prints, while it runs.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// serving starts the program, gives f what it printed once it has said where its admin pages are, and stops it.
func serving(t *testing.T, f func(printed string)) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var out screen
	cmd := root()
	cmd.SetOut(&out)
	cmd.SetArgs([]string{"serve"})
	done := make(chan error, 1)
	go func() { done <- cmd.ExecuteContext(ctx) }()
	for end := time.Now().Add(10 * time.Minute); !strings.Contains(out.String(), "readyz\n"); {
		select {
		case err := <-done:
			t.Fatalf("the program ended with %v after saying\n%s", err, out.String())
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(end) {
			t.Fatalf("after ten minutes the program has only said\n%s", out.String())
		}
	}
	f(out.String())
	stop()
	if err := <-done; err != nil {
		t.Errorf("the program ended with %v", err)
	}
}

var curl = regexp.MustCompile(`curl -s (http://\S+) -H 'Content-Type: application/json' -d '([^']+)'`)

func TestEveryStartOfTheDemoShowsAnAccountForEachRoleAndHowToSignIn(t *testing.T) {
	t.Setenv("WANJIA_DATA", t.TempDir())
	t.Setenv("WANJIA_DEMO", "true")
	t.Setenv("WANJIA_LISTEN_PUBLIC", "127.0.0.1:0")
	t.Setenv("WANJIA_LISTEN_ADMIN", "127.0.0.1:0")
	tables := make([]string, 0, 2)
	for range 2 {
		serving(t, func(printed string) {
			_, table, _ := strings.Cut(printed, "演示账号")
			table, _, _ = strings.Cut(table, "curl")
			tables = append(tables, table)
			for role, title := range titles {
				if !regexp.MustCompile(`(?m)^  \S+ +` + title + ` +` + string(role) + ` +\S+`).MatchString(table) {
					t.Errorf("no line for %s (%s)", role, title)
				}
			}
			for _, page := range []string{"接口", "/docs\n", "/readyz\n"} {
				if !strings.Contains(printed, page) {
					t.Errorf("nothing is said of %q", page)
				}
			}
			line := curl.FindStringSubmatch(printed)
			if line == nil {
				t.Fatalf("no line to sign in by in\n%s", printed)
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, line[1], strings.NewReader(line[2]))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			_ = res.Body.Close()
			var answer struct {
				AccessToken string `json:"accessToken"`
			}
			if err != nil || json.Unmarshal(body, &answer) != nil || res.StatusCode != http.StatusOK || answer.AccessToken == "" {
				t.Errorf("the printed line is answered %d %s, want a token", res.StatusCode, body)
			}
		})
	}
	if tables[0] != tables[1] {
		t.Errorf("the second start shows\n%swant what the first one showed\n%s", tables[1], tables[0])
	}
}

func TestSeedFillsAnEmptyDatabaseOnce(t *testing.T) {
	t.Setenv("WANJIA_DATA", t.TempDir())
	if out, err := wanjia(t, "seed"); err == nil || !strings.Contains(err.Error(), "demo mode") {
		t.Errorf("outside of demo mode: %q, error %v; want it refused", out, err)
	}
	t.Setenv("WANJIA_DEMO", "true")
	if _, err := wanjia(t, "seed", "--profile", "huge"); err == nil || !strings.Contains(err.Error(), "bare, demo and bench") {
		t.Errorf("an unknown profile: error %v, want one that names the three", err)
	}
	if out, err := wanjia(t, "seed", "--profile", "bare", "--seed", "7", "--as-of", "2026-03-01"); err != nil || !strings.Contains(out, "许白露") {
		t.Errorf("bare: %q, error %v; want the accounts of those who lead", out, err)
	}
	if _, err := wanjia(t, "seed", "--profile", "bare"); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("a second time: error %v, want it refused", err)
	}
}

// BenchmarkFirstStart is how long it takes until the demo answers on an empty folder: 15 s at most on two cores.
func BenchmarkFirstStart(b *testing.B) {
	for b.Loop() {
		c := config.Default()
		c.Demo, c.Data = true, b.TempDir()
		settings := func() (config.Config, error) { return c, nil }
		if err := withApp(b.Context(), settings, func(a *app.App, c config.Config) error { return fill(b.Context(), io.Discard, a, c) }); err != nil {
			b.Fatal(err)
		}
	}
}
