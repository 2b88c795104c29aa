package transfer

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"

	"wanjia/internal/platform/sheet"
)

var update = flag.Bool("update", false, "write the files of testdata anew")

// The files of testdata are the demo subdistrict of domain.md §12 as its people would send it: a roster from Excel, the
// units of 瑞和社区 from WPS, its entrances as GB18030, a village as UTF-8 with a mark. All names are invented.

var (
	given1 = []rune("春夏秋晓小文明新立永国建志海玉秀桂兰云雨雪霜晨静安宁思远嘉欣子一若")
	given2 = []rune("生华英芳平荣红梅林峰川河涛洁敏娟霞涵怡然禾苗舟帆松柏竹菊青岚晴朗")
	family = []rune("赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜谢邹柏窦章云苏潘葛范彭鲁韦马苗方袁柳唐罗薛雷贺倪汤")
)

// someone is the name and phone of the n-th member.
func someone(n int) (name, phone string) {
	known := map[int]string{1536: "许白露", 1537: "陈谷雨", 1541: "孙立夏", 1555: "周春禾"} // the first of 瑞和社区, and its leads
	if name = known[n]; name == "" {
		name = string(family[n*7%len(family)]) + string(given1[n*5%len(given1)]) + string(given2[n/3%len(given2)])
	}
	return name, fmt.Sprintf("1990000%04d", 4000+n)
}

var villages = strings.Fields(`张家屯 杏坞村 柿林村 上河湾村 下河湾村 石桥村 白果村 梨坪村 青塘村 杨柳铺村 竹沟村 桃源里村 双井村 大槐村 南坡村 北坡村
	云雾村 芦花村 金竹村 麦仓村 红枫村 荷塘村 松坡村 枣园村 清水村 瓦窑村 磨坊村 向阳村 渡口村 古渡村 新桥村 望山村`)

var sections = strings.Fields(`党政综合办公室 党建工作办公室 宣传文化科 公共服务科 平安建设科 综合执法科 经济发展科 规划建设科 农业农村科 生态环保科 应急管理科 社区建设科`)

// rosterOf is the roster of the subdistrict: 3,000 members.
func rosterOf() [][]string {
	lines := [][]string{{colName, colPhone, colHome, "状态", colSince, colSection}}
	n := 0
	add := func(count, probationary int, home string, section func(int) string) {
		for i := range count {
			name, phone := someone(n)
			status, since := "正式党员", time.Date(1985+n%38, time.Month(1+n%12), 1+n%28, 0, 0, 0, 0, time.UTC).Format("2006-01-02")
			if i >= count-probationary {
				status, since = "预备党员", ""
			}
			lines = append(lines, []string{name, phone, home, status, since, section(i)})
			n++
		}
	}
	none := func(int) string { return "" }
	for _, v := range villages {
		add(48, 2, "中共"+v+"支部", none)
	}
	for i, c := range []string{"瑞和社区", "枕溪社区", "松月社区", "听澜社区"} {
		add([]int{192, 135, 120, 90}[i], 0, "中共"+c+"总支", none)
	}
	kinds := strings.Fields("精密 电子 食品 纺织 物流 建材 农机 软件 包装 器械 环保 印务 家具")
	for i := range 26 {
		count := 31
		if i >= 24 {
			count = []int{9, 5}[i-24]
		}
		add(count, 0, fmt.Sprintf("中共海棠%s%s公司支部", kinds[i%13], []string{"一", "二"}[i/13]), none)
	}
	for i, count := range []int{37, 36, 36} {
		add(count, 0, fmt.Sprintf("街道机关第%d党支部", i+1), func(j int) string { return sections[(3*j+i)%12] })
	}
	add(24, 0, "中共海棠街道卫生院支部", none)
	add(20, 0, "中共北岸产业园联合支部", none)
	add(16, 0, "中共海棠里联合支部", none)
	return lines
}

// unitsOf is the tree of 瑞和社区 below its general branch: 4 branches, 12 groups, 51 centre households.
func unitsOf() [][]string {
	lines := [][]string{{colParty, colGrid, colParent, colLevel, colLabel, colHolder, colHolderPhone}}
	next := 1537
	add := func(party, grid, parent, level, label string) {
		name, phone := someone(next)
		lines = append(lines, []string{party, grid, parent, level, label, name, phone})
		next++
	}
	top := "中共瑞和社区总支"
	for b := range 4 {
		add(fmt.Sprintf("瑞和社区第%d党支部", b+1), fmt.Sprintf("瑞和社区第%d网格", b+1), top, "3", "党支部")
	}
	for g := range 12 {
		add(fmt.Sprintf("瑞和社区第%d党小组", g+1), fmt.Sprintf("瑞和社区第%d楼栋片", g+1), fmt.Sprintf("瑞和社区第%d党支部", g/3+1), "2", "网格党小组")
	}
	area := 0
	for g := range 12 {
		for range []int{5, 4, 4, 5, 4, 4, 5, 4, 4, 4, 4, 4}[g] {
			area++
			add(fmt.Sprintf("%02d责任区党员中心户", area), fmt.Sprintf("%02d责任区", area), fmt.Sprintf("瑞和社区第%d党小组", g+1), "1", "")
		}
	}
	return lines
}

// entrancesOf are the entrances of 瑞和社区: 102 in 38 buildings.
func entrancesOf() [][]string {
	lines := [][]string{{"社区（村）", colBuilding, colEntrance, colHomes, colArea}}
	for b := 1; b <= 38; b++ {
		entrances, first := 2, b
		if b > 25 {
			entrances, first = 4, 26+2*(b-26)
		}
		for e := range entrances {
			lines = append(lines, []string{"瑞和社区", fmt.Sprint(b), fmt.Sprint(e + 1), "12", fmt.Sprintf("%02d责任区", first+e/2)})
		}
	}
	return lines
}

// badEntrances are those with two dealt twice, and one dealt to nobody.
func badEntrances() [][]string {
	lines := entrancesOf()
	lines[40][4] = ""
	return append(lines, []string{"瑞和社区", "3", "1", "12", "04责任区"}, []string{"瑞和社区", "10", "2", "12", "11责任区"})
}

// fixtures are the files of testdata.
func fixtures(t *testing.T) map[string][]byte {
	roster := rosterOf()
	village := [][]string{{"党员名册"}, {"姓名", "手机号码", "所在党支部", "党员类别", "转为正式党员日期"}}
	for _, l := range roster[1:49] {
		village = append(village, l[:5])
	}
	formula := excelFile(t, entrancesOf()[:4], func(f *excelize.File) { _ = f.SetCellFormula("Sheet1", "D3", "=6+6") })
	text := unitsOf()[:2]
	text[1][0] = `=HYPERLINK("http://example.invalid","支部")`
	return map[string][]byte{
		"roster-members.xlsx":          excelFile(t, roster, nil),
		"roster-ruihe-units.xlsx":      wpsFile(t, unitsOf()),
		"roster-ruihe-entrances.csv":   gb18030(t, entrancesOf()),
		"roster-zhangjiatun.csv":       append([]byte("\xEF\xBB\xBF"), csvText(village)...),
		"bad-entrances.xlsx":           excelFile(t, badEntrances(), nil),
		"bad-formula.xlsx":             formula,
		"bad-id-card.csv":              gb18030(t, [][]string{{colName, colPhone, colHome, "状态", "身份证号"}, {"张三丰", "19900001234", "中共张家屯支部", "正式党员", "110101199001011234"}}),
		"bad-elsewhere.csv":            gb18030(t, append(entrancesOf()[:3], []string{"枕溪社区", "1", "1", "12", "01责任区"})),
		"bad-twice.csv":                csvText(append(roster[:3:3], roster[2])),
		"units-with-formula-text.xlsx": excelFile(t, text, nil),
	}
}

func csvText(lines [][]string) []byte {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(strings.Join(l, ",") + "\r\n")
	}
	return []byte(b.String())
}

func gb18030(t *testing.T, lines [][]string) []byte {
	t.Helper()
	b, err := simplifiedchinese.GB18030.NewEncoder().Bytes(csvText(lines))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// excelFile writes lines as Excel does: texts shared, phones as numbers, days as days.
func excelFile(t *testing.T, lines [][]string, also func(*excelize.File)) []byte {
	t.Helper()
	f := excelize.NewFile()
	style, err := f.NewStyle(&excelize.Style{NumFmt: 14})
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range lines {
		for j, c := range l {
			at, err := excelize.CoordinatesToCellName(j+1, i+1)
			if err != nil {
				t.Fatal(err)
			}
			day, notDay := time.Parse("2006-01-02", c)
			switch {
			case len(c) == 11 && strings.HasPrefix(c, "199"):
				var n int64
				_, _ = fmt.Sscan(c, &n)
				err = f.SetCellInt("Sheet1", at, n)
			case notDay == nil:
				if err = f.SetCellFloat("Sheet1", at, day.Sub(time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)).Hours()/24, 0, 64); err == nil {
					err = f.SetCellStyle("Sheet1", at, at, style)
				}
			case c != "":
				err = f.SetCellStr("Sheet1", at, c)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if also != nil {
		also(f)
	}
	var b bytes.Buffer
	if _, err := f.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// wpsFile writes lines as WPS may: texts in their cells, whole rows of empty cells below, paths from the root, and
// parts of its own.
func wpsFile(t *testing.T, lines [][]string) []byte {
	t.Helper()
	var rows strings.Builder
	for i, l := range lines {
		fmt.Fprintf(&rows, `<row r="%d" spans="1:%d">`, i+1, len(l))
		for j, c := range l {
			at, err := excelize.CoordinatesToCellName(j+1, i+1)
			if err != nil {
				t.Fatal(err)
			}
			var text bytes.Buffer
			if err := xml.EscapeText(&text, []byte(c)); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&rows, `<c r="%s" s="1" t="inlineStr"><is><t xml:space="preserve">%s </t></is></c>`, at, text.String())
		}
		rows.WriteString(`</row>`)
	}
	for i := range 30 {
		fmt.Fprintf(&rows, `<row r="%d"><c r="A%d" s="1"/></row>`, len(lines)+i+1, len(lines)+i+1)
	}
	const main, office = "http://schemas.openxmlformats.org/spreadsheetml/2006/main", "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	const head = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	parts := [][2]string{
		{"[Content_Types].xml", head + `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/><Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/></Types>`},
		{"_rels/.rels", head + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="` + office + `/officeDocument" Target="/xl/workbook.xml"/></Relationships>`},
		{"xl/workbook.xml", head + `<workbook xmlns="` + main + `" xmlns:r="` + office + `"><fileVersion appName="xl" lastEdited="3"/><bookViews><workbookView/></bookViews><sheets><sheet name="责任区划分" sheetId="2" r:id="rId3"/></sheets></workbook>`},
		{"xl/_rels/workbook.xml.rels", head + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="` + office + `/styles" Target="/xl/styles.xml"/><Relationship Id="rId3" Type="` + office + `/worksheet" Target="/xl/worksheets/sheet1.xml"/></Relationships>`},
		{"xl/styles.xml", head + `<styleSheet xmlns="` + main + `"><fonts count="1"><font><name val="宋体"/></font></fonts><fills count="1"><fill><patternFill patternType="none"/></fill></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="2"><xf/><xf numFmtId="49" applyNumberFormat="1"/></cellXfs></styleSheet>`},
		{"docProps/custom.xml", head + `<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/custom-properties"><property fmtid="{D5CDD505-2E9C-101B-9397-08002B2CF9AE}" pid="2" name="KSOProductBuildVer"/></Properties>`},
		{"xl/worksheets/sheet1.xml", head + `<worksheet xmlns="` + main + `" xmlns:etc="http://www.wps.cn/officeDocument/2017/etCustomData"><sheetPr/><dimension ref="A1:G98"/><sheetData>` + rows.String() + `</sheetData></worksheet>`},
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, p := range parts {
		part, err := w.Create(p[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write([]byte(p[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// fixture is a file of testdata.
func fixture(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTheFilesOfTestdataSayWhatTheirMakerSays(t *testing.T) {
	t.Parallel()
	whole := 0
	for name, want := range fixtures(t) {
		if *update {
			if err := os.WriteFile(filepath.Join("testdata", name), want, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		file := fixture(t, name)
		whole += len(file)
		made, err := sheet.Read(want)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		kept, err := sheet.Read(file)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(made, kept); diff != "" {
			t.Errorf("%s: run with -update (-want +got):\n%s", name, diff)
		}
	}
	if whole > 300<<10 {
		t.Errorf("the files take %d KiB, want 300 at most", whole>>10)
	}
}

// All kinds of files that there are say the same of 瑞和社区, though programs differ in how they say it.
func TestEveryProgramsFileIsUnderstood(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind  Kind
		rows  int
		cells []string // of the third row
	}{
		"roster-members.xlsx":        {Members, 3000, []string{"孙玉生", "19900004002", "中共张家屯支部", "正式党员", "31839", ""}},
		"roster-ruihe-units.xlsx":    {Units, 67, []string{"瑞和社区第3党支部", "瑞和社区第3网格", "中共瑞和社区总支", "3", "党支部", "", "19900005539"}},
		"roster-ruihe-entrances.csv": {Entrances, 102, []string{"瑞和社区", "2", "1", "12", "", "02责任区"}},
		"roster-zhangjiatun.csv":     {Members, 48, []string{"孙玉生", "19900004002", "中共张家屯支部", "正式党员", "1987-03-03", ""}},
	} {
		rows, err := read(c.kind, fixture(t, name))
		if err != nil || len(rows) != c.rows {
			t.Errorf("%s: %d rows, %v; want %d", name, len(rows), err, c.rows)
			continue
		}
		switch c.kind {
		case Units:
			c.cells[5], _ = someone(1539)
		case Members:
			c.cells[0], _ = someone(2)
		case Entrances: // nobody stands there
		}
		if diff := cmp.Diff(c.cells, rows[2].Cells); diff != "" {
			t.Errorf("%s: the third row (-want +got):\n%s", name, diff)
		}
		for _, r := range rows {
			if len(r.Faults) > 0 {
				t.Errorf("%s: row %d: %v", name, r.Line, r.Faults)
			}
		}
	}
}
