package sheet

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/xuri/excelize/v2"
)

func readXLSX(file []byte) ([]Row, error) {
	parts, err := directory(file)
	if err != nil {
		return nil, err
	}
	formulas, err := formulasOf(parts)
	if err != nil {
		return nil, err
	}
	book, err := excelize.OpenReader(bytes.NewReader(file), excelize.Options{
		UnzipSizeLimit: maxUnzip, UnzipXMLSizeLimit: maxXML, RawCellValue: true,
	})
	if err != nil {
		return nil, ErrRefused.With("reason", "unreadable")
	}
	defer func() { _ = book.Close() }() // read only: nothing is lost
	lines, err := book.Rows(book.GetSheetName(0))
	if err != nil {
		return nil, ErrRefused.With("reason", "unreadable")
	}
	defer func() { _ = lines.Close() }()
	var rows []Row
	for n := 1; lines.Next(); n++ {
		if n > maxRows*2 { // rows without content are left out, and still cost time
			return nil, ErrRefused.With("reason", "too_many_rows")
		}
		cells, err := lines.Columns()
		if err != nil {
			return nil, ErrRefused.With("reason", "unreadable")
		}
		if len(cells) > maxColumns {
			return nil, ErrRefused.With("reason", "too_many_columns")
		}
		r := Row{Number: n, Cells: make([]string, len(cells)), Formulas: formulas[n]}
		for i, c := range cells {
			r.Cells[i] = tidy(c)
		}
		if r.Empty() {
			continue
		}
		rows = append(rows, r)
		if err := tooLong(rows); err != nil {
			return nil, err
		}
	}
	if err := lines.Error(); err != nil {
		return nil, ErrRefused.With("reason", "unreadable")
	}
	return rows, nil
}

// directory judges an xlsx by its zip directory, before anything is unpacked. That the directory may lie about
// sizes is met by archive/zip, which stops at what was declared.
func directory(file []byte) (map[string]*zip.File, error) {
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, ErrRefused.With("reason", "unreadable")
	}
	if len(z.File) > maxEntries {
		return nil, ErrRefused.With("reason", "too_many_parts")
	}
	parts := map[string]*zip.File{}
	var unpacked, packed uint64
	for _, f := range z.File {
		name := strings.ReplaceAll(f.Name, `\`, "/")
		switch {
		case path.IsAbs(name), strings.Contains(name, ".."), strings.Contains(name, ":"):
			return nil, ErrRefused.With("reason", "path")
		case f.Flags&1 != 0:
			return nil, ErrKind.With("reason", "encrypted")
		case strings.HasSuffix(name, "vbaProject.bin"), strings.HasPrefix(name, "xl/macrosheets/"):
			return nil, ErrKind.With("reason", "macros")
		case strings.HasPrefix(name, "xl/externalLinks/"), name == "xl/connections.xml":
			return nil, ErrKind.With("reason", "links")
		case strings.HasPrefix(name, "xl/embeddings/"), strings.HasPrefix(name, "xl/activeX/"):
			return nil, ErrKind.With("reason", "embedded")
		}
		unpacked, packed = unpacked+f.UncompressedSize64, packed+f.CompressedSize64
		parts[name] = f
	}
	if unpacked > maxUnzip || unpacked > maxRatio*max(packed, 1) && unpacked > 1<<20 {
		return nil, ErrRefused.With("reason", "unpacks_too_large")
	}
	return parts, nil
}

// formulasOf finds the formula cells of the first sheet: columns from 0, by row. excelize answers this cell by
// cell only, looking for the row each time.
func formulasOf(parts map[string]*zip.File) (map[int][]int, error) {
	name, err := firstSheet(parts)
	if err != nil {
		return nil, err
	}
	found := map[int][]int{}
	column, row := 0, 0
	err = eachElement(parts[name], func(e xml.StartElement) {
		switch e.Name.Local {
		case "c":
			column, row, _ = excelize.CellNameToCoordinates(attribute(e, "r"))
		case "f":
			if row > 0 {
				found[row] = append(found[row], column-1)
			}
		}
	})
	return found, err
}

// firstSheet is the part that holds the first sheet of the workbook.
func firstSheet(parts map[string]*zip.File) (string, error) {
	id, target := "", ""
	err := eachElement(parts["xl/workbook.xml"], func(e xml.StartElement) {
		if e.Name.Local == "sheet" && id == "" {
			id = attribute(e, "id")
		}
	})
	if err != nil {
		return "", err
	}
	err = eachElement(parts["xl/_rels/workbook.xml.rels"], func(e xml.StartElement) {
		if e.Name.Local == "Relationship" && attribute(e, "Id") == id {
			target = attribute(e, "Target")
		}
	})
	if err != nil {
		return "", err
	}
	name := path.Join("xl", target)
	if after, ok := strings.CutPrefix(target, "/"); ok {
		name = after
	}
	if parts[name] == nil {
		return "", ErrRefused.With("reason", "no_sheet")
	}
	return name, nil
}

// eachElement shows f every element of an XML part. The decoder knows no entities, so nothing multiplies.
func eachElement(part *zip.File, f func(xml.StartElement)) error {
	if part == nil {
		return ErrRefused.With("reason", "no_workbook")
	}
	r, err := part.Open()
	if err != nil {
		return ErrRefused.With("reason", "unreadable")
	}
	defer func() { _ = r.Close() }()
	d := xml.NewDecoder(io.LimitReader(r, maxUnzip))
	for {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return ErrRefused.With("reason", "unreadable")
		}
		if e, ok := token.(xml.StartElement); ok {
			f(e)
		}
	}
}

// attribute is the value of e's attribute, whatever its namespace.
func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// A Table is one sheet of a file that goes out.
type Table struct {
	Name string
	Rows [][]string
}

// WriteXLSX writes tables as an xlsx whose every cell is text; what could be read as a formula is defused (X3).
func WriteXLSX(w io.Writer, tables ...Table) error {
	book := excelize.NewFile()
	defer func() { _ = book.Close() }() // it is written before
	for i, t := range tables {
		if i == 0 {
			if err := book.SetSheetName("Sheet1", t.Name); err != nil {
				return fmt.Errorf("name sheet %q: %w", t.Name, err)
			}
		} else if _, err := book.NewSheet(t.Name); err != nil {
			return fmt.Errorf("add sheet %q: %w", t.Name, err)
		}
		if err := writeTable(book, t); err != nil {
			return err
		}
	}
	if _, err := book.WriteTo(w); err != nil {
		return fmt.Errorf("write xlsx: %w", err)
	}
	return nil
}

func writeTable(book *excelize.File, t Table) error {
	s, err := book.NewStreamWriter(t.Name)
	if err != nil {
		return fmt.Errorf("begin sheet %q: %w", t.Name, err)
	}
	for i, cells := range t.Rows {
		values := make([]any, len(cells))
		for j, c := range cells {
			values[j] = Defuse(c)
		}
		at, err := excelize.CoordinatesToCellName(1, i+1)
		if err != nil {
			return err
		}
		if err := s.SetRow(at, values); err != nil {
			return fmt.Errorf("write row %d of %q: %w", i+1, t.Name, err)
		}
	}
	if err := s.Flush(); err != nil {
		return fmt.Errorf("end sheet %q: %w", t.Name, err)
	}
	return nil
}
