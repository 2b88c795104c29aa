// Package sheet reads and writes tables as xlsx (Excel, WPS) and csv, and distrusts both: a small file may
// unpack to a huge one, and a cell may be a program (security.md §10 X1, X3).
package sheet

import (
	"bytes"
	"strings"

	"wanjia/internal/platform/problem"
)

// Limits of what is read; a file over one of them is refused as a whole.
const (
	MaxBytes   = 5 << 20  // the file as it came
	maxUnzip   = 50 << 20 // all that an xlsx unpacks to
	maxXML     = 16 << 20 // one part of it in memory; larger ones go through a temporary file
	maxRatio   = 100      // unpacked to packed
	maxEntries = 200      // parts of an xlsx
	maxRows    = 20_000
	maxColumns = 50
)

// Refusals of whole files. The member "reason" says why.
var (
	ErrRefused = problem.New(problem.Invalid, "transfer.file_refused")
	ErrKind    = problem.New(problem.Unsupported, "transfer.file_unsupported")
)

// A Row is one line of a table as it stands in the file. Cells are trimmed text.
type Row struct {
	Number   int // as the program that made the file counts, from 1
	Cells    []string
	Formulas []int // columns, from 0, whose cell is a formula: its value is not to be trusted
}

// Cell is the text of column i, "" if the row is shorter.
func (r Row) Cell(i int) string {
	if i < 0 || i >= len(r.Cells) {
		return ""
	}
	return r.Cells[i]
}

// Empty says whether the row holds nothing at all.
func (r Row) Empty() bool {
	return len(r.Formulas) == 0 && strings.Join(r.Cells, "") == ""
}

// Read reads the first table of a file, rows without content left out. What it is shows in its bytes, never
// in its name: an xlsx begins like a zip, old Excel and encrypted files like a compound document, and
// whatever else is text is csv.
func Read(file []byte) ([]Row, error) {
	switch {
	case len(file) == 0:
		return nil, ErrRefused.With("reason", "empty")
	case len(file) > MaxBytes:
		return nil, problem.ErrTooLarge
	case bytes.HasPrefix(file, []byte("PK\x03\x04")):
		return readXLSX(file)
	case bytes.HasPrefix(file, []byte{0xD0, 0xCF, 0x11, 0xE0}):
		return nil, ErrKind.With("reason", "old_or_encrypted")
	default:
		return readCSV(file)
	}
}

func tooLong(rows []Row) error {
	if len(rows) > maxRows {
		return ErrRefused.With("reason", "too_many_rows")
	}
	return nil
}
