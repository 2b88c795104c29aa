package webui

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func get(t *testing.T, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return w
}

func TestTheStartPageAndAllItNamesAreServed(t *testing.T) {
	page := get(t, "/")
	if page.Code != http.StatusOK || !strings.HasPrefix(page.Header().Get("Content-Type"), "text/html") {
		t.Fatalf("the start page: %d %s, want a page", page.Code, page.Header().Get("Content-Type"))
	}
	for path, kind := range map[string]string{"/start/start.css": "text/css", "/start/start.js": "text/javascript"} {
		if !strings.Contains(page.Body.String(), `"`+path+`"`) {
			t.Errorf("the start page does not name %s", path)
		}
		if got := get(t, path); got.Code != http.StatusOK || !strings.HasPrefix(got.Header().Get("Content-Type"), kind) {
			t.Errorf("%s: %d %s, want 200 %s", path, got.Code, got.Header().Get("Content-Type"), kind)
		}
	}
}

// The policy of the server's headers lets no inline script or style attribute run, and nothing from elsewhere load.
func TestTheStartPageNeedsNothingFromElsewhere(t *testing.T) {
	for _, path := range []string{"/", "/start/start.css", "/start/start.js"} {
		body := get(t, path).Body.String()
		for _, no := range []string{"https://", "http://", "<style", "style=", "onclick", "javascript:", "@import"} {
			if strings.Contains(body, no) {
				t.Errorf("%s holds %q", path, no)
			}
		}
	}
}

func TestPagesThatAreNotBuiltSayThatTheyAreNotThere(t *testing.T) {
	for _, path := range []string{"/m/", "/console/", "/console/any"} {
		if got := get(t, path); got.Code != http.StatusServiceUnavailable || !strings.Contains(got.Body.String(), "/docs") {
			t.Errorf("%s: %d, want 503 and where the docs are", path, got.Code)
		}
	}
}
