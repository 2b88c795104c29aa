package board_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"wanjia/internal/board"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/problem"
)

// file is a page of the board as it is answered.
func (x *site) file(path string) (*httptest.ResponseRecorder, error) {
	x.t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(x.t.Context(), http.MethodGet, fmt.Sprintf("/b/%d%s", x.id, path), http.NoBody)
	return w, board.NewPages(x.s, "https://wanjia.example/").Serve(w, r)
}

// F3: without a font there is no file, and nothing says that there is one.
func TestF3AFileIsOfferedWhereThereIsAFont(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		if _, err := x.file("/a4.pdf"); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("a file without a font: %v", err)
		}
		if page := x.reads("/a4"); strings.Contains(page, ".pdf") {
			t.Error("a file is offered without a font")
		}
		font, err := board.NewFont(board.ChineseFont(t))
		if err != nil {
			t.Fatal(err)
		}
		x.s.Printing(font)
		for _, size := range []string{"a3", "a4"} {
			if page := x.reads("/" + size); !strings.Contains(page, fmt.Sprintf(`href="/b/%d/%s.pdf"`, x.id, size)) {
				t.Errorf("no file of %s is offered", size)
			}
			w, err := x.file("/" + size + ".pdf")
			if err != nil {
				t.Fatal(err)
			}
			h := w.Header()
			if h.Get("Content-Type") != "application/pdf" || h.Get("Cache-Control") != "no-store" || !bytes.HasPrefix(w.Body.Bytes(), []byte("%PDF-")) {
				t.Errorf("%s is no file that nobody keeps: %v", size, h)
			}
			if want := fmt.Sprintf(`inline; filename="board-%d-1-%s.pdf"`, x.id, size); h.Get("Content-Disposition") != want {
				t.Errorf("%s is called %s, want %s", size, h.Get("Content-Disposition"), want)
			}
		}
		if said := x.printed(); !strings.Contains(said, "姚芒种") {
			t.Fatalf("the file says %s", said)
		}
		x.withdraws()
		if said := x.printed(); strings.Contains(said, "姚芒种") || !strings.Contains(said, "（姓名未公开）") {
			t.Errorf("after the consent was withdrawn the file says %s", said)
		}
		if _, err := x.file("/a5.pdf"); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("a paper that is none: %v", err)
		}
	})
}

// printed is what the file on A4 says.
func (x *site) printed() string {
	x.t.Helper()
	w, err := x.file("/a4.pdf")
	if err != nil {
		x.t.Fatal(err)
	}
	return strings.Join(board.Lines(x.t, w.Body.Bytes()), "\n")
}
