// Package webui serves the pages for browsers, embedded in the binary: the start page, and the places of the mobile
// pages and the console. While those have not been built it says so, and the API works all the same.
package webui

import (
	_ "embed"
	"net/http"

	"wanjia/web"
)

//go:embed dist/placeholder.html
var placeholder []byte

// Paths are the addresses of pages, as routes: the start page and its files, the mobile pages, the console.
var Paths = []string{"/", "/start/start.css", "/start/start.js", "/m/*", "/console/*"}

// Handler serves the start page. The mobile pages and the console it answers with 503 and a page that says that they
// are not there yet: nothing is wrong with the address.
func Handler() http.Handler {
	mux := http.NewServeMux()
	files := http.FileServerFS(web.Start)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		http.ServeFileFS(w, r, web.Start, "start/index.html")
	})
	mux.HandleFunc("GET /start/{file}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		files.ServeHTTP(w, r)
	})
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-cache")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write(placeholder)
	})
	return mux
}
