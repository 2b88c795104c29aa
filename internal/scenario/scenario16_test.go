package scenario

import (
	"archive/zip"
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
)

// ruihe are the files of 瑞和社区.
func (w *world) ruihe() files {
	return files{"units": w.testdata("roster-ruihe-units.xlsx"), "entrances": w.testdata("roster-ruihe-entrances.csv")}
}

const ruiheChanges = "partyUnits 67, gridUnits 67, links 67, holders 67, buildings 38, entrances 102, deals 102, homes 1224"

// S16, steps 1 to 3: what is wrong is said and nothing written; corrected it comes in, once.
func TestScenario16_RuiheIsImported(t *testing.T) { // C4
	t.Parallel()
	eachOf(t, bare, "2026-04-01 09:00", func(t *testing.T, w *world) {
		office, colleague, secretary, outsider := w.signIn("po.1"), w.signIn("po.2"), w.signIn("rh.cg"), w.signIn("zj.s")
		w.rosterIn(office, colleague)
		w.hide("周春禾", "19900005555")
		w.settled() // what is refused is sent once: five files an hour are taken of each
		w.acts()

		bad := w.ruihe()
		bad["entrances"] = w.testdata("bad-entrances.xlsx")
		dry := w.wants("upload with mistakes", secretary.upload(bad), http.StatusCreated)
		if dry.at("state") != "uploaded" || dry.at("rows") != 171.0 || dry.mistakes() != "org.entrance_assigned 2, org.entrance_unassigned 1" {
			t.Errorf("the dry run says %v, want two entrances assigned twice and one to nobody", dry.body)
		}
		w.audited("import.uploaded")
		id := dry.id("id")
		rows := w.wants("read the mistakes", secretary.get(fmt.Sprintf("/v1/imports/%d/rows?errorsOnly=true", id)), http.StatusOK)
		var lines []string
		for _, r := range rows.items() {
			lines = append(lines, fmt.Sprint(r["kind"], r["line"], r["outcome"]))
		}
		if want := []string{"entrances41refused", "entrances104refused", "entrances105refused"}; !slices.Equal(lines, want) {
			t.Errorf("the mistakes are in %v, want %v", lines, want)
		}
		w.refused("apply with mistakes", func() answer { return secretary.act("apply", id) }, http.StatusConflict, "transfer.errors_remain")
		w.missing("an outsider looks", func() answer { return outsider.get(fmt.Sprintf("/v1/imports/%d", id)) })
		w.missing("an outsider applies", func() answer { return outsider.act("apply", id) })
		w.acts()

		key := uuid.NewString()
		good := w.wants("upload", secretary.uploadOnce(w.ruihe(), key), http.StatusCreated)
		if good.at("state") != "checked" || good.changes() != ruiheChanges {
			t.Errorf("the dry run says %v %s, want checked with %s", good.at("state"), good.changes(), ruiheChanges)
		}
		if again := w.wants("retry", secretary.uploadOnce(w.ruihe(), key), http.StatusCreated); again.id("id") != good.id("id") || !again.replayed {
			t.Errorf("a retried upload is import %d, replayed %v; want %d, replayed", again.id("id"), again.replayed, good.id("id"))
		}
		w.refused("the key with another file", func() answer { return secretary.uploadOnce(bad, key) }, http.StatusUnprocessableEntity, "common.key_reused")
		w.wants("the fifth in an hour", secretary.upload(w.ruihe()), http.StatusCreated)
		w.refused("the sixth in an hour", func() answer { return secretary.upload(w.ruihe()) }, http.StatusTooManyRequests, "common.too_many")
		w.pass(time.Hour)
		w.wants("renew", secretary.renew(), http.StatusOK)
		w.wants("renew", office.renew(), http.StatusOK)
		w.acts()
		applied := w.wants("apply", secretary.act("apply", good.id("id")), http.StatusOK)
		if applied.at("state") != "applied" || applied.changes() != ruiheChanges {
			t.Errorf("applied: %v", applied.body)
		}
		if acts := w.acts(); !slices.Contains(acts, "import.applied") {
			t.Errorf("the audit chain notes %q, want import.applied", acts)
		}
		w.refused("apply twice", func() answer { return secretary.act("apply", good.id("id")) }, http.StatusConflict, "transfer.illegal_transition")
		again := w.wants("the same again", secretary.upload(w.ruihe()), http.StatusCreated)
		if again.at("state") != "checked" || again.changes() != "" {
			t.Errorf("the same files again: %v %s, want no change", again.at("state"), again.changes())
		}

		place := secretary.unit("grid", "community", "瑞和社区")
		contact := w.wants("look up", secretary.get(fmt.Sprintf("/v1/contacts?placeId=%d&building=3&entrance=1", place)), http.StatusOK)
		if name := contact.at("name"); contact.at("areaName") != "03责任区" || name != "周**" || contact.at("levels", 1, "label") != "网格党小组" {
			t.Errorf("building 3, entrance 1: %s, want 周** of 03责任区, below a 网格党小组", contact.text)
		}
		w.labelled(secretary, "瑞和社区", 2, "网格党小组")
		w.labelled(office, "枕溪社区", 2, "楼栋党小组")
	})
}

// labelled fails the test unless a community calls a level so.
func (w *world) labelled(by *actor, community string, level int, want string) {
	w.t.Helper()
	got := w.wants("read "+community, by.get(fmt.Sprintf("/v1/units/%d", by.unit("grid", "community", community))), http.StatusOK)
	list, _ := got.body["labels"].([]any)
	for _, x := range list {
		if m, _ := x.(map[string]any); m["level"] == float64(level) {
			if m["label"] != want {
				w.t.Errorf("%s calls level %d %s, want %s", community, level, m["label"], want)
			}
			return
		}
	}
	w.t.Errorf("%s has no word for level %d: %v", community, level, list)
}

// S16, step 4: a day long it can be undone, unless something hangs on it.
func TestScenario16_AnImportIsUndone(t *testing.T) {
	t.Parallel()
	eachOf(t, bare, "2026-04-01 09:00", func(t *testing.T, w *world) {
		office, colleague, secretary := w.signIn("po.1"), w.signIn("po.2"), w.signIn("rh.cg")
		w.rosterIn(office, colleague)
		in := func() int64 {
			t.Helper()
			id := w.wants("upload", secretary.upload(w.ruihe()), http.StatusCreated).id("id")
			w.wants("apply", secretary.act("apply", id), http.StatusOK)
			return id
		}
		before := w.look.Sums(t, busy...)
		id := in()
		w.pass(24*time.Hour - time.Minute)
		w.wants("renew", secretary.renew(), http.StatusOK)
		undone := w.wants("undo at 23 h 59 min", secretary.act("undo", id), http.StatusOK)
		if undone.at("state") != "undone" {
			t.Errorf("undone: %v", undone.body)
		}
		after := w.look.Sums(t, busy...)
		for _, table := range []string{
			"unit", "unit_edge", "unit_link", "unit_label", "role_assignment", "building", "entrance", "area_entrance", "premises", "member",
		} {
			if before[table] != after[table] {
				t.Errorf("the import left something in %s: %s, then %s", table, before[table], after[table])
			}
		}
		w.refused("undo twice", func() answer { return secretary.act("undo", id) }, http.StatusConflict, "transfer.illegal_transition")

		id = in()
		w.pass(24 * time.Hour)
		w.wants("renew", secretary.renew(), http.StatusOK)
		w.refused("undo at 24 h", func() answer { return secretary.act("undo", id) }, http.StatusConflict, "transfer.too_late")
	})
}

// S16, step 4, the third case.
func TestScenario16_AnImportWithARequestOnItStays(t *testing.T) {
	t.Parallel()
	eachOf(t, bare, "2026-04-01 09:00", func(t *testing.T, w *world) {
		office, colleague, secretary := w.signIn("po.1"), w.signIn("po.2"), w.signIn("rh.cg")
		w.rosterIn(office, colleague)
		id := w.wants("upload", secretary.upload(w.ruihe()), http.StatusCreated).id("id")
		w.wants("apply", secretary.act("apply", id), http.StatusOK)
		door := w.wants("doors", secretary.get("/v1/households?pageSize=1"), http.StatusOK).at("items", 0, "id")
		w.wants("a need", secretary.post("/v1/requests", map[string]any{"what": "路灯不亮", "householdId": door}), http.StatusCreated)
		got := w.refused("undo", func() answer { return secretary.act("undo", id) }, http.StatusConflict, "transfer.in_use")
		if fmt.Sprint(got.at("uses")) != "[map[count:1 what:requests]]" {
			t.Errorf("what hangs is %v, want one request", got.at("uses"))
		}
	})
}

// S16, the counter-checks.
func TestScenario16_HostileAndForeignFilesAreRefused(t *testing.T) {
	t.Parallel()
	eachOf(t, bare, "2026-04-01 09:00", func(t *testing.T, w *world) {
		secretary, member := w.signIn("rh.cg"), w.signIn("cor")
		w.settled() // what is refused is sent once: five files an hour are taken of each
		text := w.wants("a text like a formula", secretary.upload(files{"units": w.testdata("units-with-formula-text.xlsx")}), http.StatusCreated)
		formula := w.wants("a formula", secretary.upload(files{"entrances": w.testdata("bad-formula.xlsx")}), http.StatusCreated)
		if n := formula.mistakes(); formula.at("state") != "uploaded" || n != "transfer.unit_unknown 3, transfer.formula 1" {
			t.Errorf("a formula cell: %v, want a row error beside the areas that are not there", n)
		}
		if text.mistakes() != "transfer.holder_unknown 1" { // the roster is not in; what looks like a formula is no error
			t.Errorf("a text like a formula: %s", text.mistakes())
		}
		w.refused("60 MiB unpacked", func() answer { return secretary.upload(files{"entrances": bomb(t)}) },
			http.StatusUnprocessableEntity, "transfer.file_refused")
		elsewhere := w.wants("a row of another community", secretary.upload(files{"entrances": w.testdata("bad-elsewhere.csv")}), http.StatusCreated)
		rows := w.wants("its mistakes", secretary.get(fmt.Sprintf("/v1/imports/%d/rows?errorsOnly=true", elsewhere.id("id"))), http.StatusOK)
		if last := rows.items()[len(rows.items())-1]; fmt.Sprint(last["errors"]) != "[map[code:transfer.unit_unknown column:社区(村)] map[code:transfer.unit_unknown column:责任区]]" &&
			fmt.Sprint(last["errors"]) != "[map[code:transfer.unit_unknown column:社区(村)]]" {
			t.Errorf("the row of 枕溪社区 says %v", last["errors"])
		}
		w.refused("a correspondent uploads", func() answer { return member.upload(w.ruihe()) }, http.StatusForbidden, "auth.forbidden")
		another := w.signIn("xl.s") // five files an hour are taken of each
		w.refused("six MiB", func() answer { return another.upload(files{"units": make([]byte, 6<<20)}) }, http.StatusRequestEntityTooLarge, "common.too_large")
	})
}

// bomb is a small file that unpacks to 60 MiB.
func bomb(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	part, err := z.Create("xl/worksheets/sheet1.xml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(make([]byte, 60<<20)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
