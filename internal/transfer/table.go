package transfer

import (
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/platform/sheet"
	"wanjia/internal/privacy"
)

// A column is what a file may say of its rows. There are no others: the register of what is kept has no place for them
// (X4, domain.md §9.3).
type column struct {
	name   string
	also   []string // other words that people use for it
	needed bool     // the file must have it, and each row must fill it
	long   int      // characters of a cell at most
	mask   func(string) string
}

func maskName(s string) string { return sealed.NameOf(s).Masked() }

func maskPhone(s string) string {
	p, err := sealed.ParsePhone(sheet.Digits(s))
	if err != nil { // nothing of what is no phone is shown: who knows what it is
		return "***"
	}
	return p.Masked()
}

// hidden is for what is shown to nobody on a preview: that it is there is enough.
func hidden(s string) string {
	if s == "" {
		return ""
	}
	return "***"
}

// The columns that rules speak of by name.
const (
	colName, colPhone, colHome, colStatus, colSince, colSection                 = "姓名", "电话", "所属党组织", "状态", "转正日期", "任职科室"
	colParty, colGrid, colParent, colLevel, colLabel, colHolder, colHolderPhone = "党组织", "网格单元", "上级党组织", "级别", "层级名称", "负责人", "负责人电话"
	colPlace, colBuilding, colEntrance, colHomes, colDoors, colArea             = "社区(村)", "楼栋", "单元", "户数", "门牌", "责任区"
)

var columns = map[Kind][]column{
	Members: {
		{name: colName, needed: true, long: 40, mask: maskName},
		{name: colPhone, also: []string{"手机", "手机号", "手机号码", "联系电话"}, needed: true, long: 30, mask: maskPhone},
		{name: colHome, also: []string{"所在党支部", "所在党组织"}, needed: true, long: 200},
		{name: colStatus, also: []string{"党员类别"}, needed: true, long: 20},
		{name: colSince, also: []string{"转正日", "转为正式党员日期"}, long: 30, mask: hidden},
		{name: colSection, also: []string{"科室"}, long: 100},
	},
	Units: {
		{name: colParty, also: []string{"党组织名称"}, needed: true, long: 100},
		{name: colGrid, also: []string{"网格单元名称", "网格"}, needed: true, long: 100},
		{name: colParent, needed: true, long: 200},
		{name: colLevel, needed: true, long: 10},
		{name: colLabel, long: 12}, // O4
		{name: colHolder, long: 40, mask: maskName},
		{name: colHolderPhone, long: 30, mask: maskPhone},
	},
	Entrances: {
		{name: colPlace, also: []string{"社区", "村", "村(社区)"}, long: 100},
		{name: colBuilding, also: []string{"楼号"}, long: 10},
		{name: colEntrance, also: []string{"单元门", "院门"}, needed: true, long: 20},
		{name: colHomes, long: 5},
		{name: colDoors, also: []string{"门牌号"}, long: 2000, mask: hidden},
		{name: colArea, needed: false, long: 200},
	},
}

// cell is what r says in a column.
func (r Row) cell(name string) string {
	return r.Cells[slices.IndexFunc(columns[r.Kind], func(c column) bool { return c.name == name })]
}

// read makes rows of a file of some kind, or refuses it as a whole: nothing of a file is kept that says more of people
// than there is a purpose for.
func read(kind Kind, file []byte) ([]*Row, error) {
	table, err := sheet.Read(file)
	if err != nil {
		return nil, err
	}
	table = withoutTitle(kind, table)
	if len(table) == 0 {
		return nil, sheet.ErrRefused.With("reason", "empty")
	}
	places, err := header(kind, table[0])
	if err != nil {
		return nil, err
	}
	rows := make([]*Row, 0, len(table)-1)
	for _, line := range table[1:] {
		for i, c := range line.Cells { // under no heading
			if c != "" && !slices.Contains(places, i) {
				return nil, refuse(kind, i)
			}
		}
		rows = append(rows, rowOf(kind, line, places))
	}
	if len(rows) == 0 {
		return nil, sheet.ErrRefused.With("reason", "empty")
	}
	return rows, nil
}

// withoutTitle leaves out the lines above the headings that hold one cell, such as the title of a printed roster.
func withoutTitle(kind Kind, table []sheet.Row) []sheet.Row {
	for len(table) > 1 {
		full := slices.DeleteFunc(slices.Clone(table[0].Cells), func(c string) bool { return c == "" })
		if len(full) != 1 || columnOf(kind, full[0]) >= 0 {
			break
		}
		table = table[1:]
	}
	return table
}

// columnOf is the place of a heading among the columns of a kind; -1: there is no such column.
func columnOf(kind Kind, heading string) int {
	heading = strings.Join(strings.Fields(norm.NFKC.String(heading)), "")
	heading = strings.TrimLeft(heading, "*") // as forms mark what must be filled in
	return slices.IndexFunc(columns[kind], func(c column) bool { return c.name == heading || slices.Contains(c.also, heading) })
}

// header finds for each column of a kind where it stands in a file, -1: nowhere.
func header(kind Kind, line sheet.Row) (places []int, err error) {
	places = slices.Repeat([]int{-1}, len(columns[kind]))
	for i, heading := range line.Cells {
		if heading == "" {
			continue
		}
		c := columnOf(kind, heading)
		if c < 0 || places[c] >= 0 || slices.Contains(line.Formulas, i) {
			return nil, refuse(kind, i)
		}
		places[c] = i
	}
	for c, i := range places {
		if i < 0 && columns[kind][c].needed {
			return nil, ErrNoColumn.With("file", kind).With("column", columns[kind][c].name)
		}
	}
	return places, nil
}

// refuse names a column by its number: its heading may be anything.
func refuse(kind Kind, i int) error {
	return ErrColumn.With("file", kind).With("column", i+1)
}

func rowOf(kind Kind, line sheet.Row, places []int) *Row {
	r := &Row{Kind: kind, Line: line.Number, Cells: make([]string, len(places))}
	for c, i := range places {
		col, text := columns[kind][c], norm.NFC.String(line.Cell(i))
		switch {
		case i >= 0 && slices.Contains(line.Formulas, i):
			r.fault(col.name, errFormula)
			continue
		case utf8.RuneCountInString(text) > col.long:
			r.fault(col.name, errTooLong)
			continue
		case privacy.CheckText("", text) != nil:
			r.fault(col.name, problem.ErrPersonalDataInText)
			continue
		case col.needed && text == "":
			r.fault(col.name, errMissing)
		}
		r.Cells[c] = text
	}
	return r
}

// A Cell is what a preview shows of a row.
type Cell struct{ Column, Value string }

// Preview is r as it may be shown: people masked.
func (r Row) Preview() []Cell {
	cells := make([]Cell, 0, len(r.Cells))
	for i, c := range columns[r.Kind] {
		if v := r.Cells[i]; v != "" {
			if c.mask != nil {
				v = c.mask(v)
			}
			cells = append(cells, Cell{c.name, privacy.MaskPhones(v)})
		}
	}
	return cells
}
