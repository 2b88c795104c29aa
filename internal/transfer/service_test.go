package transfer

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wanjia/internal/org"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/say"
	"wanjia/internal/platform/sheet"
)

// X36, §9.3: of a file that says more than it may nothing is kept.
func TestAFileThatSaysMoreThanItMayIsNotKept(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		home := w.Xingwu.Party.Name
		for name, c := range map[string]struct {
			files map[Kind][]byte
			want  string
		}{
			"an id card":            {map[Kind][]byte{Members: fixture(t, "bad-id-card.csv")}, "transfer.column_refused 5"},
			"a column unnamed":      {map[Kind][]byte{Members: csv(rosterHead+",", "张三丰,19900001234,"+home+",正式党员,,,汉族")}, "transfer.column_refused 7"},
			"a column twice":        {map[Kind][]byte{Members: csv(rosterHead+",手机", "张三丰,19900001234,"+home+",正式党员,,,1")}, "transfer.column_refused 7"},
			"a column too few":      {map[Kind][]byte{Members: csv("姓名,电话,状态", "张三丰,19900001234,正式党员")}, "transfer.column_missing " + colHome},
			"headings alone":        {map[Kind][]byte{Members: csv(rosterHead)}, "transfer.file_refused <nil>"},
			"60 MiB unpacked":       {map[Kind][]byte{Members: bomb(t)}, "transfer.file_refused <nil>"},
			"a roster beside units": {map[Kind][]byte{Members: csv(rosterHead, "x"), Units: csv(unitHead, "x")}, "transfer.kinds_mixed <nil>"},
			"no file":               {nil, "transfer.no_file <nil>"},
		} {
			err := w.refused(w.FengShuangjiang, c.files)
			var p *problem.Problem
			if !errors.As(err, &p) || fmt.Sprint(p.Code, " ", p.Members["column"]) != c.want {
				t.Errorf("%s: %v, want %s", name, err, c.want)
			}
		}
		for _, table := range []string{"transfer_import", "transfer_row", "idempotency"} {
			if n := w.count(table); n != 0 {
				t.Errorf("%s holds %d rows afterwards, want none", table, n)
			}
		}
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

// X1: the value of a formula is not to be trusted, and a text that looks like one is a text.
func TestX1_AFormulaIsAnErrorAndATextIsAText(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		i := w.upload(w.XuBailu, map[Kind][]byte{Entrances: fixture(t, "bad-formula.xlsx")})
		if i.Summary.Errors["transfer.formula"] != 1 {
			t.Errorf("errors %v, want one formula", i.Summary.Errors)
		}
		i = w.apply(w.XuBailu, w.upload(w.XuBailu, map[Kind][]byte{Units: csv(unitHead, `"=HYPERLINK(""http://example.invalid"")",甲网格,`+w.Ruihe.Party.Name+`,3,,,`)}))
		var name string
		err := w.d.Get(t.Context(), &name, `SELECT name FROM unit WHERE kind = 'branch' ORDER BY id DESC LIMIT 1`)
		if want := `=HYPERLINK("http://example.invalid")`; err != nil || name != want || i.State != Applied {
			t.Errorf("the unit is called %q, %v; want %q", name, err, want)
		}
	})
}

func TestEachRoleBringsInItsOwnKinds(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		files := map[Kind][]byte{
			Units: csv(unitHead, "甲支部,甲网格,没有的总支,3,,,"), Entrances: csv(entranceHead, "瑞和社区,1,1,,,x"),
			Members: csv(rosterHead, "张三丰,19900001234,没有的支部,正式党员,,"),
		}
		for role, c := range map[string]struct {
			by   org.Actor
			want []Kind
		}{
			"general secretary": {w.XuBailu, Kinds}, "branch secretary": {w.FengShuangjiang, Kinds}, "office": {w.LuoQingming, Kinds},
			"grid secretary": {w.ChenGuyu, []Kind{Members}}, "system administrator": {w.SystemAdmin, []Kind{Units}},
			"area holder": {w.ZhouChunhe, nil}, "security administrator": {w.SecurityAdmin, nil}, "resident": {w.LinXiaoman, nil},
		} {
			for _, k := range Kinds {
				err := w.refused(c.by, map[Kind][]byte{k: files[k]})
				if may := slices.Contains(c.want, k); may != (err == nil) || !may && !errors.Is(err, problem.ErrForbidden) {
					t.Errorf("%s brings in %s: %v, want it to be let: %v", role, k, err, may)
				}
			}
		}
	})
}

func TestTheSameUploadTwiceIsOne(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		files := roster("张三丰,19900001234," + w.Xingwu.Party.Name + ",正式党员,,")
		send := func(f map[Kind][]byte) (Import, error) {
			ctx := once.With(t.Context(), once.Call{Operation: "uploadImport", Key: "0f8b6a1e-5d1c-4a53", Fingerprint: []byte("same")})
			return w.Upload(ctx, w.FengShuangjiang, func() (map[Kind][]byte, error) { return f, nil })
		}
		first, err := send(files)
		if err != nil {
			t.Fatal(err)
		}
		again, err := send(files)
		if diff := cmp.Diff(first, again); err != nil || diff != "" || w.count("transfer_import") != 1 {
			t.Errorf("again: %v, %d imports (-want +got):\n%s", err, w.count("transfer_import"), diff)
		}
		if _, err := send(roster("李四光,19900001234," + w.Xingwu.Party.Name + ",正式党员,,")); !errors.Is(err, problem.ErrKeyReused) {
			t.Errorf("another file with the same key: %v, want %v", err, problem.ErrKeyReused)
		}
	})
}

func TestImportsAreLimitedAndComeOneAtATime(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		files := roster("张三丰,19900001234," + w.Xingwu.Party.Name + ",正式党员,,")
		_, end, err := w.begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := w.refused(w.FengShuangjiang, files); !errors.Is(err, ErrBusy) {
			t.Errorf("while another is under way: %v, want %v", err, ErrBusy)
		}
		end()
		w.upload(w.FengShuangjiang, files)
		w.left = 0
		if err := w.refused(w.FengShuangjiang, files); !errors.Is(err, problem.ErrTooMany) {
			t.Errorf("beyond the limit: %v, want %v", err, problem.ErrTooMany)
		}
	})
}

// What was right when it was uploaded may be wrong when it is applied; then nothing of it comes in.
func TestRowsAreHeldAgainstWhatIsThereWhenTheyComeIn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		line := ",19900001234," + w.Xingwu.Party.Name + ",正式党员,,"
		i := w.upload(w.LuoQingming, roster("李四光,19900005678,"+w.Xingwu.Party.Name+",正式党员,,", "张三丰"+line))
		w.apply(w.LuoQingming, w.upload(w.LuoQingming, roster("张三丰,19900001234,"+w.Zhangjiatun.Party.Name+",正式党员,,")))
		before := w.counts()
		_, err := w.Apply(t.Context(), w.LuoQingming, i.ID)
		var p *problem.Problem
		if !errors.As(err, &p) || p.Code != ErrErrorsRemain.Code || !strings.Contains(fmt.Sprint(p.Members["rows"]), errElsewhere.Code) {
			t.Errorf("applied: %v, want %v that names the row", err, ErrErrorsRemain)
		}
		if diff := cmp.Diff(before, w.counts()); diff != "" {
			t.Errorf("something has come in (-want +got):\n%s", diff)
		}
		if i, err := w.Find(t.Context(), w.LuoQingming, i.ID); err != nil || i.State != Checked {
			t.Errorf("it is %s, %v; want checked", i.State, err)
		}
	})
}

func TestNothingThatHangsLosesItsHook(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.people()
		i := w.apply(w.XuBailu, w.upload(w.XuBailu, w.quarter()))
		before := w.counts()
		w.apply(w.XuBailu, w.upload(w.XuBailu, map[Kind][]byte{
			Units: unitFile("53责任区党员中心户,53责任区,第9党小组,1,,,"), Entrances: entranceFile("瑞和社区,90,3,,,51责任区"),
		}))
		_, err := w.Undo(t.Context(), w.XuBailu, i.ID)
		var p *problem.Problem
		if !errors.As(err, &p) || p.Code != ErrInUse.Code {
			t.Fatalf("undo: %v, want %v", err, ErrInUse)
		}
		// Two units below the group's two, an entrance in the building and its deal to the area.
		if diff := cmp.Diff([]Use{{"entrances", 2}, {"units", 2}}, p.Members["uses"]); diff != "" {
			t.Errorf("what hangs (-want +got):\n%s", diff)
		}
		later, err := latest(w)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Undo(t.Context(), w.XuBailu, later); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, w.counts()); diff != "" {
			t.Errorf("the later one left behind (-want +got):\n%s", diff)
		}
		if _, err := w.Undo(t.Context(), w.XuBailu, i.ID); err != nil {
			t.Errorf("with nothing left on it: %v", err)
		}
	})
}

func TestAnEntryCorrectedSinceStays(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		line := "张三丰,19900001234," + w.Xingwu.Party.Name
		first := w.apply(w.FengShuangjiang, w.upload(w.FengShuangjiang, roster(line+",预备党员,,")))
		w.apply(w.FengShuangjiang, w.upload(w.FengShuangjiang, roster(line+",正式党员,2026-03-01,")))
		_, err := w.Undo(t.Context(), w.FengShuangjiang, first.ID)
		var p *problem.Problem
		if !errors.As(err, &p) || fmt.Sprint(p.Members["uses"]) != "[{corrections 1}]" {
			t.Errorf("undo: %v, want %v because of a correction", err, ErrInUse)
		}
	})
}

// references are the foreign keys to what imports make, and those that need no counting: they go with what they join, or
// are held by another key.
var references = map[string]bool{
	"unit_edge.unit_id": true, "unit_edge.parent_id": true, "unit_link.party_id": true, "unit_link.grid_id": true, "unit_label.unit_id": true,
	"office_post.person_id": true,
}

func TestWhateverCanReferToWhatWasMadeIsCounted(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	var keys []struct {
		From string `db:"from_column"`
		To   string `db:"to_table"`
	}
	err := d.Select(t.Context(), &keys, `
		SELECT m.name || '.' || k."from" AS from_column, k."table" AS to_table
		FROM sqlite_master m
		JOIN pragma_foreign_key_list(m.name) k
		WHERE m.type = 'table'`)
	if err != nil || len(keys) < 50 {
		t.Fatalf("%d foreign keys, %v", len(keys), err)
	}
	counted := map[string]bool{}
	query := regexp.MustCompile(`^SELECT (?:id|person_id|premises_id|split_id|set_by) FROM (\w+) WHERE (\w+) IN \(\?\)$`)
	for _, h := range hangs {
		m := query.FindStringSubmatch(h.ids)
		if m == nil {
			t.Fatalf("%s is no count of one column", h.ids)
		}
		counted[m[1]+"."+m[2]+" "+h.on] = true
		var ids []int64
		if err := selectIn(t.Context(), d, &ids, h.ids, []int64{-1}); err != nil {
			t.Errorf("%s: %v", h.ids, err)
		}
	}
	made := map[string]string{
		"unit": madeUnit, "role_assignment": madeAssignment, "building": madeBuilding, "entrance": madeEntrance, "premises": madeHome, "person": madePerson,
	}
	for _, k := range keys {
		if on := made[k.To]; on != "" && !counted[k.From+" "+on] && !references[k.From] {
			t.Errorf("%s refers to %s: add it to hangs, or say why not", k.From, k.To)
		}
	}
}

func TestEveryErrorHasItsWords(t *testing.T) {
	t.Parallel()
	for _, p := range []*problem.Problem{
		ErrNoFile, ErrKindsMixed, ErrColumn, ErrNoColumn, ErrBusy, ErrErrorsRemain, ErrState, ErrTooLate, ErrInUse, sheet.ErrKind, sheet.ErrRefused,
		errFormula, errMissing, errTooLong, errValue, errTwice, errUnit, errAmbiguous, errUnitDiffers, errNoGrid, errLabelDiffers, errNobody,
		errNamesakes, errTwins, errTooMany, errNoHolders, errElsewhere, errNamesake, errUnassigned, errHomes, errDay,
	} {
		if !say.Has(p.Code) {
			t.Errorf("%s has no text", p.Code)
		}
	}
}

// A roster of 3,000 comes in while somebody waits.
func TestARosterOfThreeThousandTakesSeconds(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		lines := make([]string, 3000)
		for n := range lines {
			name, phone := someone(n)
			lines[n] = fmt.Sprintf("%s,%s,%s,正式党员,2019-07-01,%s", name, phone, w.Xingwu.Party.Name, w.Section.Name)
		}
		took := func(what string, f func()) {
			t.Helper()
			statements, from := w.d.Statements(), time.Now()
			f()
			t.Logf("%s: %v, %d statements", what, time.Since(from).Round(time.Millisecond), w.d.Statements()-statements)
			if s := w.d.Statements() - statements; s > 5000 {
				t.Errorf("%s takes %d statements, want fewer than two a row", what, s)
			}
		}
		var i Import
		took("dry run", func() { i = w.upload(w.LuoQingming, roster(lines...)) })
		took("apply", func() { w.apply(w.OfficeTwo, i) })
		took("the same again", func() {
			if again := w.upload(w.LuoQingming, roster(lines...)); again.Summary.Changes.Total() != 0 {
				t.Errorf("the same again: %+v", again.Summary.Changes)
			}
		})
		took("undo", func() {
			if _, err := w.Undo(t.Context(), w.OfficeTwo, i.ID); err != nil {
				t.Fatal(err)
			}
		})
		if n := w.count("member"); n != 0 {
			t.Errorf("%d entries are left", n)
		}
	})
}

// The caller may go away; what was begun comes to its end.
func TestAnApplyOutlivesItsCaller(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		i := w.upload(w.FengShuangjiang, roster("张三丰,19900001234,"+w.Xingwu.Party.Name+",正式党员,,"))
		gone, leave := context.WithCancel(t.Context())
		leave()
		if i, err := w.Apply(gone, w.FengShuangjiang, i.ID); err != nil || i.State != Applied {
			t.Errorf("it is %s, %v; want applied", i.State, err)
		}
	})
}

// X2: people are masked in what a preview shows, and nothing else of them is shown.
func TestX2_APreviewShowsNobody(t *testing.T) {
	t.Parallel()
	r := Row{Kind: Members, Cells: []string{"张三丰", "19900001234", "中共张家屯支部", "正式党员", "2019-07-01", "党建工作办公室"}}
	want := []Cell{{colName, "张**"}, {colPhone, "199****1234"}, {colHome, "中共张家屯支部"}, {colStatus, "正式党员"}, {colSince, "***"}, {colSection, "党建工作办公室"}}
	if diff := cmp.Diff(want, r.Preview()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	r = Row{Kind: Members, Cells: []string{"", "打19900001234找他", "19900001234", "", "", ""}}
	if diff := cmp.Diff([]Cell{{colPhone, "***"}, {colHome, "199****1234"}}, r.Preview()); diff != "" {
		t.Errorf("phones where none belong (-want +got):\n%s", diff)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(0, []byte(rosterHead+"\n张三丰,19900001234,x,正式党员,,\n"))
	f.Add(1, []byte(unitHead+"\n甲,乙,丙,3,,,\n"))
	f.Add(2, []byte(entranceHead+"\n瑞和社区,1,1,2,\"101,102\",x\n"))
	f.Fuzz(func(t *testing.T, kind int, file []byte) {
		k := Kinds[((kind%len(Kinds))+len(Kinds))%len(Kinds)]
		rows, err := read(k, file)
		var p *problem.Problem
		if err != nil && !errors.As(err, &p) {
			t.Fatalf("%v is no answer for a person", err)
		}
		for _, r := range rows {
			if len(r.Cells) != len(columns[k]) {
				t.Fatalf("a row of %d cells, want %d", len(r.Cells), len(columns[k]))
			}
			for i, c := range columns[k] {
				if n := len([]rune(r.Cells[i])); n > c.long {
					t.Fatalf("%s holds %d characters, want %d at most", c.name, n, c.long)
				}
			}
			r.Preview()
		}
	})
}

// Two nodes at once bring one import in once.
func TestTwoWhoApplyAtOnceApplyOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		i := w.upload(w.FengShuangjiang, roster("张三丰,19900001234,"+w.Xingwu.Party.Name+",正式党员,,"))
		const nodes = 6
		errs := make(chan error, nodes)
		for range nodes {
			s := NewService(w.d, w.keys, w.pages, w.allow, w.changed)
			go func() {
				_, err := s.Apply(t.Context(), w.FengShuangjiang, i.ID)
				errs <- err
			}()
		}
		done := 0
		for range nodes {
			switch err := <-errs; code(err) {
			case "<nil>":
				done++
			case ErrState.Code:
			default:
				t.Errorf("one of them: %v, want done or %v", err, ErrState)
			}
		}
		if n := w.count("member"); done != 1 || n != 1 {
			t.Errorf("%d applied it and %d entries came in, want one of each", done, n)
		}
	})
}
