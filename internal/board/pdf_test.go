package board

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"wanjia/internal/platform/calendar"
	"wanjia/internal/upload"
)

// A leaf is a page of a PDF file as it is written.
type leaf struct {
	text   []string // as drawn, line by line
	points []float64
	high   []float64 // of each line above the page's lower edge, in points
	boxes  [][4]float64
}

var (
	stream = regexp.MustCompile(`(?s)<<([^<>]*)>>\nstream\n(.*?)\nendstream`)
	drawn  = regexp.MustCompile(`(?s)/F\S+ ([\d.]+) Tf|BT ([\d.-]+) ([\d.-]+) Td \((.*?[^\\]|)\) Tj ET|([\d.-]+) ([\d.-]+) ([\d.-]+) ([\d.-]+) re f`)
)

// leaves are the pages of a PDF file.
func leaves(t *testing.T, file []byte) (all []leaf) {
	t.Helper()
	for _, m := range stream.FindAllSubmatch(file, -1) {
		if !bytes.Contains(m[1], []byte("FlateDecode")) {
			continue
		}
		z, err := zlib.NewReader(bytes.NewReader(m[2]))
		if err != nil {
			t.Fatalf("a stream: %v", err)
		}
		b, err := io.ReadAll(z)
		if err != nil {
			t.Fatalf("a stream: %v", err)
		}
		if !bytes.Contains(b, []byte("BT ")) {
			continue // the font
		}
		l, size := leaf{}, 0.0
		number := func(b []byte) float64 { f, _ := strconv.ParseFloat(string(b), 64); return f }
		for _, d := range drawn.FindAllSubmatch(b, -1) {
			switch {
			case d[1] != nil:
				size = number(d[1])
			case d[5] != nil:
				l.boxes = append(l.boxes, [4]float64{number(d[5]), number(d[6]), number(d[7]), number(d[8])})
			default:
				l.text, l.points, l.high = append(l.text, unescaped(d[4])), append(l.points, size), append(l.high, number(d[3]))
			}
		}
		all = append(all, l)
	}
	return all
}

// unescaped is a string of PDF in UTF-16.
func unescaped(b []byte) string {
	b = []byte(strings.NewReplacer(`\\`, `\`, `\(`, `(`, `\)`, `)`, `\r`, "\r").Replace(string(b)))
	var units []uint16
	for i := 0; i+1 < len(b); i += 2 {
		units = append(units, uint16(b[i])<<8|uint16(b[i+1]))
	}
	return string(utf16.Decode(units))
}

// svg is the code on l as drawQR draws it.
func (l leaf) svg() string {
	side := 0.0 // of a module
	for _, b := range l.boxes {
		if h := abs(b[3]); h < 10 && abs(b[2]) < 80 && (side == 0 || h < side) {
			side = h
		}
	}
	left, top := 1e9, -1e9
	for _, b := range l.boxes {
		if abs(abs(b[3])-side) < .01 {
			left, top = min(left, b[0]), max(top, b[1])
		}
	}
	var svg strings.Builder
	for _, b := range l.boxes {
		if n := int(abs(b[2])/side + .5); abs(abs(b[3])-side) < .01 && n < 60 {
			fmt.Fprintf(&svg, "M%d %dh%dv1h-%dz", quiet+int((b[0]-left)/side+.5), quiet+int((top-b[1])/side+.5), n, n)
		}
	}
	return svg.String()
}

func abs(f float64) float64 { return max(f, -f) }

func aFont(t *testing.T) *Font {
	t.Helper()
	f, err := NewFont(ChineseFont(t))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// aFace is a portrait wider than its frame.
func aFace(t *testing.T) []byte {
	t.Helper()
	picture := image.NewGray(image.Rect(0, 0, 400, 300))
	picture.SetGray(7, 7, color.Gray{200})
	var b bytes.Buffer
	if err := jpeg.Encode(&b, picture, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (p paper) with(change func(p *paper)) paper { change(&p); return p }

// a4 is an ordinary board.
func a4(t *testing.T) paper {
	t.Helper()
	p := paper{
		measure: papers["a4"], link: "https://haitang.wanjia.example/b/12/3", today: calendar.Day("2026-05-11"),
		faces: map[upload.ID][]byte{9: aFace(t)},
	}
	p.ID, p.Latest = 12, 3
	p.Content = Content{Place: "杏坞村", Area: "二片区", Households: 31, Holders: []Shown{{
		Duty: "党员中心户", Name: "姚芒种", Phone: "19900001234", Items: []string{"代办证明", "家电小修（每周三）"}, Portrait: 9,
	}, {Duty: "党员中心户"}}, Lead: &Shown{Duty: "村党总支书记", Name: "冯霜降"}}
	return p
}

func TestF3AFileSaysWhatThePrintedPageSays(t *testing.T) {
	t.Parallel()
	for size, box := range map[string]string{"a4": "595.28 841.89", "a3": "841.89 1190.55"} {
		p := a4(t)
		p.measure = papers[size]
		file, err := aFont(t).Print(t.Context(), p, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(file, []byte("%PDF-")) || !bytes.Contains(file, []byte("/MediaBox [0 0 "+box+"]")) {
			t.Errorf("%s is no PDF of that size", size)
		}
		all := leaves(t, file)
		if len(all) != 1 {
			t.Fatalf("%s has %d pages, want one", size, len(all))
		}
		text := strings.Join(all[0].text, "\n")
		for _, want := range []string{
			"杏坞村", "二片区服务公示牌", "本责任区 31 户", "党员中心户", "姚芒种", "电话 19900001234", "· 代办证明", "· 家电小修（每周三）", "（姓名未公开）",
			"村党总支书记", "冯霜降", "扫码：看最新内容、留言、请人回电", "着火 119　急救 120　报警 110", "牌号 12 · 第 3 版 · 2026年5月11日",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q: %s", size, want, text)
			}
		}
		for i, l := range all[0].text {
			if (l == "姚芒种" || l == "冯霜降") && all[0].points[i] < 24 {
				t.Errorf("%s has a name of %v pt, want 24 at least", size, all[0].points[i])
			}
		}
		if got := scanned(t, all[0].svg()); got != p.link {
			t.Errorf("a camera reads %q on %s, want %q", got, size, p.link)
		}
		if n := bytes.Count(file, []byte("/Subtype /Image")); n != 1 {
			t.Errorf("%s has %d portraits, want 1", size, n)
		}
	}
}

// However much a board says, all of it is on paper, above the foot of a sheet, and each sheet has its code.
func TestF3NothingRunsOutOfTheSheet(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("代办证明与家电小修", 12)
	p := a4(t).with(func(p *paper) {
		p.Content.Area = strings.Repeat("海棠街道杏坞村二片区", 4)
		p.Content.Holders = nil
		for i := range 6 {
			h := Shown{Duty: "党员中心户", Name: "姚芒种", Phone: "19900001234", Items: []string{long, long, fmt.Sprintf("第%d户 %s", i, long)}}
			if i%2 == 0 {
				h.Portrait = 9
			}
			p.Content.Holders = append(p.Content.Holders, h)
		}
	})
	file, err := aFont(t).Print(t.Context(), p, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	all, said := leaves(t, file), ""
	if len(all) < 3 {
		t.Fatalf("%d pages", len(all))
	}
	foot := (p.margin + p.side) / point
	for n, l := range all {
		if got := scanned(t, l.svg()); got != p.link {
			t.Errorf("a camera reads %q on sheet %d", got, n+1)
		}
		for i, line := range l.text {
			isFoot := strings.HasPrefix(line, "扫码") || strings.HasPrefix(line, "着火") || strings.HasPrefix(line, "牌号")
			if !isFoot {
				said += line
			}
			if !isFoot && l.high[i] < foot || l.high[i] > 297/point || l.high[i] < p.margin/point {
				t.Errorf("sheet %d: %q stands %v pt above its lower edge, and the foot is %v pt high", n+1, line, l.high[i], foot)
			}
		}
	}
	for i := range 6 {
		if want := strings.ReplaceAll(fmt.Sprintf("第%d户 %s", i, long), " ", ""); !strings.Contains(strings.ReplaceAll(said, " ", ""), want) {
			t.Errorf("%q is nowhere whole", want)
		}
	}
}

func TestF3ALetterThatTheFontLacksIsNotLeftOut(t *testing.T) {
	t.Parallel()
	f := aFont(t)
	for _, name := range []string{"姚" + string(Rare), "姚𠮷"} {
		p := a4(t).with(func(p *paper) { p.Content.Holders[0].Name = name })
		if _, err := f.Print(t.Context(), p, time.Now()); !errors.Is(err, ErrFontLacks) {
			t.Errorf("%s: %v, want ErrFontLacks", name, err)
		}
	}
}

func TestF3AFontThatCannotWriteABoardIsRefused(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	whole := ChineseFont(t)
	for name, file := range map[string][]byte{
		"nothing": {}, "no font": []byte("<svg/>"), "half of one": whole[:len(whole)/2],
		"one without Chinese letters": withLetters(whole, func(r rune) uint16 {
			if r > 0x2e80 {
				return 0
			}
			return 5
		}),
	} {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadFont(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s is taken (%v)", name, err)
		}
	}
	if _, err := ReadFont(filepath.Join(folder, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// Lines are the lines of all pages of a PDF file.
func Lines(t *testing.T, file []byte) (all []string) {
	t.Helper()
	for _, l := range leaves(t, file) {
		all = append(all, l.text...)
	}
	return all
}
