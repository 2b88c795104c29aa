package sheet

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// readCSV reads text: UTF-8 with or without a mark, else GB18030, which is what Excel and WPS save in China.
func readCSV(file []byte) ([]Row, error) {
	file = bytes.TrimPrefix(file, []byte("\xEF\xBB\xBF"))
	if !utf8.Valid(file) {
		decoded, err := simplifiedchinese.GB18030.NewDecoder().Bytes(file)
		if err != nil || bytes.ContainsRune(decoded, utf8.RuneError) {
			return nil, ErrKind.With("reason", "neither_utf8_nor_gb18030")
		}
		file = decoded
	}
	if bytes.IndexByte(file, 0) >= 0 {
		return nil, ErrKind.With("reason", "not_text")
	}
	r := csv.NewReader(bytes.NewReader(file))
	r.FieldsPerRecord = -1
	r.Comma = separator(file)
	var rows []Row
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, ErrRefused.With("reason", "unreadable")
		}
		if len(cells) > maxColumns {
			return nil, ErrRefused.With("reason", "too_many_columns")
		}
		line, _ := r.FieldPos(0)
		row := Row{Number: line, Cells: cells}
		for i, c := range cells {
			row.Cells[i] = tidy(c)
		}
		if row.Empty() {
			continue
		}
		rows = append(rows, row)
		if err := tooLong(rows); err != nil {
			return nil, err
		}
	}
}

// separator is the character that parts the first line: a comma, unless there are more tabs or semicolons
// outside of quotes.
func separator(file []byte) rune {
	first, _, _ := bytes.Cut(file, []byte("\n"))
	count, quoted := map[byte]int{}, false
	for _, c := range first {
		if c == '"' {
			quoted = !quoted
		}
		if !quoted {
			count[c]++
		}
	}
	best := byte(',')
	for _, c := range []byte("\t;") {
		if count[c] > count[best] {
			best = c
		}
	}
	return rune(best)
}

// WriteCSV writes rows as UTF-8 with a mark, so that Excel believes it; formulas are defused (X3).
func WriteCSV(w io.Writer, rows [][]string) error {
	if _, err := w.Write([]byte("\xEF\xBB\xBF")); err != nil {
		return fmt.Errorf("write csv: %w", err)
	}
	out := csv.NewWriter(w)
	out.UseCRLF = true
	for _, cells := range rows {
		safe := make([]string, len(cells))
		for i, c := range cells {
			safe[i] = Defuse(c)
		}
		if err := out.Write(safe); err != nil {
			return fmt.Errorf("write csv: %w", err)
		}
	}
	out.Flush()
	return out.Error()
}
