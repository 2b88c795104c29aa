package scenario

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// A form that is none, or holds what it should not, is the sender's mistake.
func TestAFormThatCannotBeReadIsMalformed(t *testing.T) {
	t.Parallel()
	eachOf(t, bare, "2026-04-01 09:00", func(t *testing.T, w *world) {
		secretary := w.signIn("rh.cg")
		part := func(name, text string) string {
			return "--x\r\nContent-Disposition: form-data; name=\"" + name + "\"; filename=\"a\"\r\n\r\n" + text + "\r\n"
		}
		for _, c := range []struct {
			name, kind, body string
			status           int
			code             string
		}{
			{"no boundary", "multipart/form-data", "x", http.StatusBadRequest, "common.malformed"},
			{"cut short", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition", http.StatusBadRequest, "common.malformed"},
			{"a part nobody knows", "multipart/form-data; boundary=x", part("photos", "x") + "--x--\r\n", http.StatusBadRequest, "common.malformed"},
			{"nothing in it", "multipart/form-data; boundary=x", "--x--\r\n", http.StatusUnprocessableEntity, "transfer.no_file"},
			{"JSON", "application/json", "{}", http.StatusUnsupportedMediaType, "common.unsupported_media_type"},
		} {
			w.refused(c.name, func() answer {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/v1/imports", strings.NewReader(c.body))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Content-Type", c.kind)
				req.Header.Set("Idempotency-Key", uuid.NewString())
				req.Header.Set("Authorization", "Bearer "+secretary.token)
				return w.send(req)
			}, c.status, c.code)
		}
	})
}
