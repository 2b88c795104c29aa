package server

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"

	"github.com/labstack/echo/v4"
	swagger "github.com/swaggo/files/v2"

	"wanjia/api"
)

//go:embed docs
var docs embed.FS

// addDocs serves the contract, and a page that shows it. Everything comes from the binary: no CDN, no inline
// script, and of the library only the files that the page names.
func addDocs(e *echo.Echo) error {
	for _, file := range []struct {
		path, kind, name string
		in               fs.FS
	}{
		{"/docs", "text/html; charset=utf-8", "docs/index.html", docs},
		{"/docs/page.css", "text/css; charset=utf-8", "docs/page.css", docs},
		{"/docs/page.js", "text/javascript; charset=utf-8", "docs/page.js", docs},
		{"/docs/swagger-ui.css", "text/css; charset=utf-8", "swagger-ui.css", swagger.FS},
		{"/docs/swagger-ui-bundle.js", "text/javascript; charset=utf-8", "swagger-ui-bundle.js", swagger.FS},
		{"/docs/favicon-32x32.png", "image/png", "favicon-32x32.png", swagger.FS},
	} {
		content, err := fs.ReadFile(file.in, file.name)
		if err != nil {
			return fmt.Errorf("server: read %s: %w", file.name, err)
		}
		e.GET(file.path, page(file.kind, content))
	}
	e.GET("/docs/", func(c echo.Context) error { return c.Redirect(http.StatusPermanentRedirect, "/docs") })
	e.GET("/openapi.yaml", page("application/yaml; charset=utf-8", api.Document))
	return nil
}

// page answers with content, or with 304 to whoever has it already.
func page(kind string, content []byte) echo.HandlerFunc {
	sum := sha256.Sum256(content)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", tag)
		if c.Request().Header.Get("If-None-Match") == tag {
			return c.NoContent(http.StatusNotModified)
		}
		return c.Blob(http.StatusOK, kind, content)
	}
}
