package scenario

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/text/encoding/simplifiedchinese"

	"wanjia/internal/platform/sheet"
)

// gb18030 is a table as csv, the way Chinese programs save it.
func (w *world) gb18030(table []byte) []byte {
	w.t.Helper()
	rows, err := sheet.Read(table)
	if err != nil {
		w.t.Fatal(err)
	}
	var text bytes.Buffer
	for _, r := range rows {
		text.WriteString(strings.Join(r.Cells, ",") + "\r\n")
	}
	b, err := simplifiedchinese.GB18030.NewEncoder().Bytes(text.Bytes())
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

// S5, step 1: the roster of the subdistrict, 3,000 members.
func TestScenario05_TheRosterComesInByTwo(t *testing.T) {
	t.Parallel()
	eachOf(t, bare, "2026-04-01 09:00", func(t *testing.T, w *world) {
		office, colleague, outsider := w.signIn("po.1"), w.signIn("po.2"), w.signIn("zj.s")
		roster := w.testdata("roster-members.xlsx")
		w.hide("周春禾", "19900005555")
		w.acts()

		dry := w.wants("upload", office.upload(files{"members": roster}), http.StatusCreated)
		if dry.at("state") != "checked" || dry.at("rows") != 3000.0 || dry.changes() != "people 3000, members 3000, posts 109" || dry.at("needsSecondPerson") != true {
			t.Errorf("the dry run says %v", dry.body)
		}
		w.audited("import.uploaded")
		id := dry.id("id")
		w.refused("the uploader applies", func() answer { return office.act("apply", id) }, http.StatusForbidden, "auth.second_person")
		w.missing("an outsider applies", func() answer { return outsider.act("apply", id) })
		w.missing("an outsider looks", func() answer { return outsider.get(fmt.Sprintf("/v1/imports/%d", id)) })
		w.missing("an outsider reads", func() answer { return outsider.get(fmt.Sprintf("/v1/imports/%d/rows", id)) })

		seen := w.wants("the colleague looks", colleague.get(fmt.Sprintf("/v1/imports/%d", id)), http.StatusOK)
		if seen.at("import", "state") != "checked" || seen.at("uploader") == "" {
			t.Errorf("the colleague sees %v", seen.body)
		}
		rows := w.wants("the colleague reads", colleague.get(fmt.Sprintf("/v1/imports/%d/rows?pageSize=2", id)), http.StatusOK)
		w.audited("import.read")
		if len(rows.items()) != 2 || rows.at("nextCursor") == nil || rows.at("items", 0, "outcome") != "new" {
			t.Errorf("the rows are %v", rows.body)
		}
		if name, phone := fmt.Sprint(rows.at("items", 0, "cells", 0, "value")), fmt.Sprint(rows.at("items", 0, "cells", 1, "value")); !strings.HasSuffix(name, "**") || phone != "199****4000" {
			t.Errorf("a row shows %s %s, want both masked", name, phone)
		}
		applied := w.wants("the colleague applies", colleague.act("apply", id), http.StatusOK)
		if applied.at("state") != "applied" || applied.changes() != dry.changes() {
			t.Errorf("applied: %v", applied.body)
		}
		w.audited("import.applied")
		if got := w.wants("count", office.get("/v1/members/counts"), http.StatusOK); got.at("full") != "2936" || got.at("probationary") != "64" {
			t.Errorf("the roster counts %v, want 2936 and 64", got.body)
		}

		again := w.wants("the same as GB18030", office.upload(files{"members": w.gb18030(roster)}), http.StatusCreated)
		if again.at("state") != "checked" || again.at("rows") != 3000.0 || again.changes() != "" {
			t.Errorf("the same roster as csv: %s of %v rows, %s; want no change", again.at("state"), again.at("rows"), again.changes())
		}
		w.acts()
		w.refused("an id card", func() answer { return office.upload(files{"members": w.testdata("bad-id-card.csv")}) },
			http.StatusUnprocessableEntity, "transfer.column_refused")
		w.audited()
	})
}
