package matrix

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"wanjia/internal/auth"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/limit"
	"wanjia/internal/server"
)

// A call is a request to be made.
type call struct {
	method string
	path   string
	query  url.Values
	body   any    // nil: none
	file   string // a file in a form instead, by the name of kind
	kind   string
	header http.Header
}

// An answer is what came back.
type answer struct {
	status int
	code   string
	body   map[string]any
	text   string
}

func (a answer) String() string {
	if a.code != "" {
		return fmt.Sprintf("%d %s", a.status, a.code)
	}
	return fmt.Sprint(a.status)
}

func (a answer) ok() bool { return a.status >= 200 && a.status < 300 }

func (a answer) id(name string) int64 {
	n, _ := a.body[name].(json.Number)
	id, _ := n.Int64()
	return id
}

// items is the list that an answer holds.
func (a answer) items() (all []map[string]any) {
	list, _ := a.body["items"].([]any)
	for _, i := range list {
		if m, ok := i.(map[string]any); ok {
			all = append(all, m)
		}
	}
	return all
}

// send makes c with a token ("": none). Every answer is held against the contract (A3.1). Who is asked to wait, waits:
// the limits of security.md §9 are tested elsewhere.
func (w *world) send(c call, token func() string) (a answer) {
	w.Helper()
	var content []byte
	if c.body != nil {
		var err error
		if content, err = json.Marshal(c.body); err != nil {
			w.Fatal(err)
		}
	}
	media := "application/json"
	if c.kind != "" {
		media, content = form(c.kind, c.file)
	}
	at := &url.URL{Scheme: "http", Host: "wanjia.test", Path: c.path, RawQuery: c.query.Encode()}
	for range 3 {
		r := httptest.NewRequestWithContext(w.Context(), c.method, at.String(), bytes.NewReader(content))
		r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:4000", w.sent>>16&255, w.sent>>8&255, w.sent&255)
		w.sent++
		if c.header != nil {
			r.Header = c.header.Clone()
		}
		if content != nil {
			r.Header.Set("Content-Type", media)
		} else {
			r.Body, r.ContentLength = http.NoBody, 0
		}
		if c.method != http.MethodGet && r.Header.Get("Idempotency-Key") == "" {
			r.Header.Set("Idempotency-Key", uuid.NewString())
		}
		if token != nil {
			if t := token(); t != "" {
				r.Header.Set("Authorization", "Bearer "+t)
			}
		}
		rec := httptest.NewRecorder()
		w.handler.ServeHTTP(rec, r)
		a = w.read(c, at, rec)
		if a.status != http.StatusTooManyRequests {
			return a
		}
		w.move(time.Minute)
	}
	return a
}

// bare makes c with any method at all, and says only with what status it is answered.
func (w *world) bare(c call, by *actor) int {
	w.Helper()
	r := httptest.NewRequestWithContext(w.Context(), c.method, "http://wanjia.test"+c.path, nil)
	r.Header = c.header.Clone()
	r.Header.Set("Authorization", "Bearer "+by.bearer())
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	return rec.Code
}

func (w *world) read(c call, at *url.URL, rec *httptest.ResponseRecorder) (a answer) {
	w.Helper()
	a.status, a.text = rec.Code, rec.Body.String()
	if err := server.CheckAnswer(c.method, at, rec.Code, rec.Header(), rec.Body.Bytes()); err != nil {
		w.Errorf("A3.1: %v", err)
	}
	if kind := rec.Header().Get("Content-Type"); a.text == "" || kind == "image/jpeg" || kind == "application/zip" {
		return a
	}
	d := json.NewDecoder(strings.NewReader(a.text))
	d.UseNumber()
	if err := d.Decode(&a.body); err != nil && err != io.EOF {
		w.Errorf("%s %s answers %q: %v", c.method, c.path, a.text, err)
	}
	a.code, _ = a.body["code"].(string)
	return a
}

// form is a form with one file.
func form(kind, file string) (media string, body []byte) {
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	part, err := m.CreateFormFile(kind, kind+".csv")
	if err == nil {
		_, err = io.WriteString(part, file)
	}
	if err = errors.Join(err, m.Close()); err != nil {
		panic(err) // a buffer takes everything
	}
	return m.FormDataContentType(), b.Bytes()
}

// send makes c as a.
func (a *actor) send(c call) answer {
	a.w.Helper()
	return a.w.send(c, a.bearer)
}

// must makes a call that has to succeed: it puts the fixture into a state.
func (a *actor) must(method, path string, body any) answer {
	a.w.Helper()
	got := a.send(call{method: method, path: path, body: body})
	if got.code == auth.ErrStepUp.Code {
		a.token = "" // a new session has just shown its second factor
		got = a.send(call{method: method, path: path, body: body})
	}
	if !got.ok() {
		a.w.Fatalf("%v: %s %s: %v %s", a, method, path, got, got.text)
	}
	return got
}

func (a *actor) post(path string, body any) answer {
	a.w.Helper()
	return a.must(http.MethodPost, path, body)
}

// unlimited forgets how often a has asked: this test asks for more an hour than anybody does.
func (a *actor) unlimited() {
	a.w.Helper()
	var keys []kv.Key
	who := strconv.FormatInt(int64(a.person), 10)
	for _, l := range limit.All { // of the edge, and of features
		keys = append(keys, kv.Limit(l.Name, "p"+who), kv.Limit(l.Name, who))
	}
	if err := a.w.app.Stores.KV.Delete(a.w.Context(), keys...); err != nil {
		a.w.Fatal(err)
	}
}

// set runs a statement of the test's own.
func (w *world) set(query string, args ...any) {
	w.Helper()
	w.in(query, func(tx *db.Tx) error {
		_, err := tx.Change(w.Context(), query, args...)
		return err
	})
}
