package sheet

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"
	"pgregory.net/rapid"

	"wanjia/internal/platform/problem"
)

func xlsx(t *testing.T, fill func(*excelize.File)) []byte {
	t.Helper()
	book := excelize.NewFile()
	fill(book)
	var out bytes.Buffer
	if err := book.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// with adds a part to an xlsx.
func with(t *testing.T, file []byte, name, content string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	r, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.File {
		if err := w.Copy(f); err != nil {
			t.Fatal(err)
		}
	}
	part, err := w.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func reason(err error) string {
	var p *problem.Problem
	if !errors.As(err, &p) {
		return fmt.Sprint(err)
	}
	r, _ := p.Members["reason"].(string)
	return p.Code + " " + r
}

func TestTheSameTableReadsAlikeFromEveryKindOfFile(t *testing.T) {
	t.Parallel()
	lines := [][]string{{"姓名", "电话", "转正日"}, {"周春禾", "19900001234", "2025-04-01"}, {"䶮喆", "19900001235", "2024-02-29"}}
	text := ""
	for _, l := range lines {
		text += strings.Join(l, ",") + "\r\n"
	}
	gb, err := simplifiedchinese.GB18030.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{
		"utf-8": []byte(text), "utf-8 with mark": []byte("\xEF\xBB\xBF" + text), "gb18030": []byte(gb),
		"tabs": []byte(strings.ReplaceAll(text, ",", "\t")),
		"xlsx": xlsx(t, func(f *excelize.File) {
			for i, l := range lines {
				for j, c := range l {
					at, _ := excelize.CoordinatesToCellName(j+1, i+1)
					if err := f.SetCellStr("Sheet1", at, " "+c+"\u3000"); err != nil {
						t.Fatal(err)
					}
				}
			}
		}),
	}
	for name, file := range files {
		rows, err := Read(file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got [][]string
		for _, r := range rows {
			got = append(got, r.Cells)
		}
		if diff := cmp.Diff(lines, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestEmptyRowsAreLeftOutAndNumbersStayTheOnesOfTheFile(t *testing.T) {
	t.Parallel()
	rows, err := Read([]byte("a,b\n,\n\nc,d\n"))
	if err != nil || len(rows) != 2 || rows[1].Number != 4 || rows[1].Cell(1) != "d" || rows[1].Cell(7) != "" {
		t.Errorf("rows %+v, error %v; want two, the second being line 4", rows, err)
	}
}

// X1: a formula is seen as such, and a text that looks like one stays a text.
func TestX1_AFormulaCellIsSeenAndATextThatLooksLikeOneIsText(t *testing.T) {
	t.Parallel()
	rows, err := Read(xlsx(t, func(f *excelize.File) {
		_ = f.SetCellStr("Sheet1", "A1", `=HYPERLINK("http://evil.example")`)
		_ = f.SetCellFormula("Sheet1", "B2", "=1+1")
		_ = f.SetCellStr("Sheet1", "A2", "x")
	}))
	if err != nil || len(rows) != 2 {
		t.Fatalf("rows %+v, error %v; want two", rows, err)
	}
	if rows[0].Cells[0] != `=HYPERLINK("http://evil.example")` || rows[0].Formulas != nil {
		t.Errorf("row 1 is %+v, want the text itself and no formula", rows[0])
	}
	if diff := cmp.Diff([]int{1}, rows[1].Formulas); diff != "" {
		t.Errorf("formulas of row 2 (-want +got):\n%s", diff)
	}
}

// X1: what is hostile is refused as a whole, and says why.
func TestX1_HostileFilesAreRefused(t *testing.T) {
	t.Parallel()
	plain := xlsx(t, func(f *excelize.File) { _ = f.SetCellStr("Sheet1", "A1", "x") })
	var parts bytes.Buffer
	w := zip.NewWriter(&parts)
	for i := range maxEntries + 1 {
		if _, err := w.Create(fmt.Sprintf("p%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	many := parts.Bytes()
	rows := strings.Repeat("a\n", maxRows+1)
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"60 MiB unpacked":  {with(t, plain, "xl/media/bomb", strings.Repeat("0", 60<<20)), "transfer.file_refused unpacks_too_large"},
		"a high ratio":     {with(t, plain, "xl/media/bomb", strings.Repeat("0", 20<<20)), "transfer.file_refused unpacks_too_large"},
		"many parts":       {many, "transfer.file_refused too_many_parts"},
		"a way out":        {with(t, plain, "../../etc/cron.d/x", "x"), "transfer.file_refused path"},
		"an absolute path": {with(t, plain, "/etc/x", "x"), "transfer.file_refused path"},
		"macros":           {with(t, plain, "xl/vbaProject.bin", "x"), "transfer.file_unsupported macros"},
		"outside links":    {with(t, plain, "xl/externalLinks/externalLink1.xml", "x"), "transfer.file_unsupported links"},
		"embedded things":  {with(t, plain, "xl/embeddings/ole1.bin", "x"), "transfer.file_unsupported embedded"},
		"old Excel":        {append([]byte{0xD0, 0xCF, 0x11, 0xE0}, make([]byte, 600)...), "transfer.file_unsupported old_or_encrypted"},
		"a zip, no xlsx":   {with(t, nilZip(t), "a", "x"), "transfer.file_refused no_workbook"},
		"a broken zip":     {plain[:len(plain)/2], "transfer.file_refused unreadable"},
		"nothing":          {nil, "transfer.file_refused empty"},
		"a picture":        {[]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\xff\xff\xfe"), "transfer.file_unsupported neither_utf8_nor_gb18030"},
		"too many rows":    {[]byte(rows), "transfer.file_refused too_many_rows"},
		"too many columns": {[]byte(strings.Repeat("a,", maxColumns+1)), "transfer.file_refused too_many_columns"},
		"6 MiB":            {make([]byte, 6<<20), "common.too_large "},
	} {
		if _, err := Read(c.file); reason(err) != c.want {
			t.Errorf("%s: %s, want %s", name, reason(err), c.want)
		}
	}
}

func nilZip(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	if _, err := w.Create("b"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// X1: an entity that names itself ten times over is not followed.
func TestX1_ABillionLaughsAreNotHeard(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for name, content := range map[string]string{
		"xl/workbook.xml":            `<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><workbook><sheets><sheet id="1"/></sheets>&b;</workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="1" Target="worksheets/sheet1.xml"/></Relationships>`,
		"xl/worksheets/sheet1.xml":   `<worksheet/>`,
	} {
		part, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(out.Bytes()); !errors.Is(err, ErrRefused) {
		t.Errorf("error %v, want %v", err, ErrRefused)
	}
}

func TestADayIsReadInEveryWayPeopleWriteIt(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{
		"2025-04-01": "2025-04-01", "2025/4/1": "2025-04-01", "2025.04.01": "2025-04-01", "2025年4月1日": "2025-04-01",
		"45748": "2025-04-01", "2025-04-01 00:00:00": "2025-04-01", "2024-02-29": "2024-02-29",
		"2025-02-29": "", "去年": "", "": "", "0": "", "-5": "",
	} {
		if got, ok := Day(cell); got != want || ok != (want != "") {
			t.Errorf("%q is %q (%v), want %q", cell, got, ok, want)
		}
	}
}

func TestAPhoneKeptAsANumberIsDigitsAgain(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{"1.9900001234E+10": "19900001234", "19900001234": "19900001234", "1.5": "1.5", "x.e": "x.e", "1E400": "1E400"} {
		if got := Digits(cell); got != want {
			t.Errorf("%q: %q, want %q", cell, got, want)
		}
	}
}

// X3: whatever goes out comes back as the same text, and nothing that goes out is a formula.
func TestX3_NoTextThatGoesOutIsAFormula(t *testing.T) {
	t.Parallel()
	cell := rapid.StringMatching(`[=+\-@＝＋－＠a-z万家 ',"\t\r]{1,6}`)
	rapid.Check(t, func(t *rapid.T) {
		rows := [][]string{{"首", "尾"}}
		for _, c := range rapid.SliceOfN(cell, 200, 200).Draw(t, "cells") {
			rows = append(rows, []string{"x", tidy(c)})
		}
		var x, c bytes.Buffer
		if err := WriteXLSX(&x, Table{Name: "表", Rows: rows}); err != nil {
			t.Fatal(err)
		}
		if err := WriteCSV(&c, rows); err != nil {
			t.Fatal(err)
		}
		for name, file := range map[string][]byte{"xlsx": x.Bytes(), "csv": c.Bytes()} {
			back, err := Read(file)
			if err != nil || len(back) != len(rows) {
				t.Fatalf("%s: %d rows, error %v; want %d", name, len(back), err, len(rows))
			}
			for i, r := range back {
				got := strings.ReplaceAll(r.Cell(1), "\r", "")
				if want := strings.ReplaceAll(Defuse(rows[i][1]), "\r", ""); got != want || len(r.Formulas) > 0 {
					t.Fatalf("%s: %q came back as %q, want %q", name, rows[i][1], got, want)
				}
				if got != "" && strings.ContainsRune("=+-@＝＋－＠", []rune(got)[0]) {
					t.Fatalf("%s: %q went out as %q", name, rows[i][1], got)
				}
			}
		}
	})
}
