package scenario

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
)

// files are the parts of an upload: kinds, and the files of internal/transfer/testdata or others.
type files map[string][]byte

// testdata is a file of the demo subdistrict as its people would send it.
func (w *world) testdata(name string) []byte {
	w.t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "transfer", "testdata", name))
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

// upload sends files as a form does.
func (a *actor) upload(parts files) answer {
	a.w.t.Helper()
	return a.uploadOnce(parts, uuid.NewString())
}

func (a *actor) uploadOnce(parts files, key string) answer {
	a.w.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, kind := range []string{"units", "entrances", "members"} {
		if parts[kind] == nil {
			continue
		}
		part, err := form.CreateFormFile(kind, kind+".xlsx")
		if err != nil {
			a.w.t.Fatal(err)
		}
		if _, err := part.Write(parts[kind]); err != nil {
			a.w.t.Fatal(err)
		}
	}
	if err := form.Close(); err != nil {
		a.w.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(a.w.t.Context(), http.MethodPost, a.w.url+"/v1/imports", &body)
	if err != nil {
		a.w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	req.Header.Set("Idempotency-Key", key)
	req.Header.Set("Authorization", "Bearer "+a.token)
	return a.w.send(req)
}

// act applies or undoes an import.
func (a *actor) act(verb string, id int64) answer {
	a.w.t.Helper()
	return a.post(fmt.Sprintf("/v1/imports/%d/%s", id, verb), nil)
}

// changes are the counts of an import that are not 0: "buildings 38, entrances 102".
func (a answer) changes() string {
	var said []string
	counts, _ := a.body["changes"].(map[string]any)
	for _, name := range []string{
		"partyUnits", "gridUnits", "links", "labels", "holders", "buildings", "entrances", "deals", "homes", "people", "members", "corrections", "posts",
	} {
		if n, _ := counts[name].(float64); n != 0 {
			said = append(said, fmt.Sprintf("%s %v", name, n))
		}
	}
	return strings.Join(said, ", ")
}

// mistakes are the errors of an import by code: "org.entrance_assigned 2".
func (a answer) mistakes() string {
	var said []string
	list, _ := a.body["errors"].([]any)
	for _, x := range list {
		m, _ := x.(map[string]any)
		said = append(said, fmt.Sprintf("%v %v", m["code"], m["count"]))
	}
	return strings.Join(said, ", ")
}

// rosterIn brings the roster of the subdistrict in, as the two of the office do.
func (w *world) rosterIn(office, colleague *actor) (id int64) {
	w.t.Helper()
	id = w.wants("upload the roster", office.upload(files{"members": w.testdata("roster-members.xlsx")}), http.StatusCreated).id("id")
	w.wants("apply the roster", colleague.act("apply", id), http.StatusOK)
	return id
}
