// Package webui holds the pages for browsers, embedded in the binary. While none have been built it says so, and
// the API works all the same.
package webui

import (
	_ "embed"
	"net/http"
)

//go:embed dist/placeholder.html
var placeholder []byte

// Paths are the addresses of pages, as routes: the mobile pages, the console, and the short address of both.
var Paths = []string{"/", "/m/*", "/console/*"}

// Handler answers 503 with the page that says what to run: a client is not there yet, and nothing is wrong with
// the address.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-cache")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write(placeholder)
	})
}
