package board

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
	"unicode"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/font/sfnt"

	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/problem"
	"wanjia/internal/upload"
)

// ErrFontLacks says that the font of this installation has no picture of a letter on the board. A bphraseser has.
var ErrFontLacks = problem.New(problem.Conflict, "board.font_lacks")

// A Font is what the letters of boards in PDF files look like (F3). It is embedded, as far as it is used.
type Font struct {
	file  []byte
	table *sfnt.Font
	turn  chan struct{} // one file is made at a time: it takes a tenth of a second of the processor
}

// fixed are the letters of every board, whatever it says.
const fixed = "0123456789服务公示牌本责任区户电话（姓名未公开）党员暂缺由组织代管扫码：看最新内容、留言、请人回电着火急救报警牌号第版年月日·"

// ReadFont reads a TrueType file with Chinese letters.
func ReadFont(path string) (*Font, error) {
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read a font: %w", err)
	}
	f, err := NewFont(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// NewFont is the font of a TrueType file, once a board has been made with it.
func NewFont(file []byte) (f *Font, err error) {
	defer func() {
		if caught := recover(); caught != nil {
			f, err = nil, fmt.Errorf("this is no TrueType font: %v", caught)
		}
	}()
	f = &Font{file: file, turn: make(chan struct{}, 1)}
	if f.table, err = sfnt.Parse(file); err != nil {
		return nil, fmt.Errorf("this is no TrueType font: %w", err)
	}
	if some := f.lacks(fixed); some != "" {
		return nil, fmt.Errorf("the font lacks letters that stand on every board: %s", some)
	}
	trial := paper{papers["a4"], Scan{Board: Board{ID: 1, AreaName: "服务"}}, "https://wanjia.example/b/1/1", calendar.Day("2026-01-01"), nil}
	if _, err := f.print(trial, time.Unix(0, 0)); err != nil {
		return nil, err
	}
	return f, nil
}

// lacks are the letters of text of which f has no picture. Those beyond the first plane cannot be embedded.
func (f *Font) lacks(text string) (some string) {
	for _, r := range text {
		if unicode.IsSpace(r) || strings.ContainsRune(some, r) {
			continue
		}
		if i, err := f.table.GlyphIndex(nil, r); err != nil || i == 0 || r > 0xffff {
			some += string(r)
		}
	}
	return some
}

// A measure is how a board lies on a paper, in mm and, of letters, in points: as in the style sheet of the same name.
type measure struct {
	name                                                         string
	width, height, margin, pad, gap                              float64
	place, title, base, duty, who, phone, item, lead, scan, note float64
	side, faceWidth, faceHeight                                  float64
}

var papers = map[string]measure{
	"a4": {"A4", 210, 297, 10, 4, 5, 24, 40, 18, 20, 56, 30, 24, 32, 20, 13, 48, 45, 58},
	"a3": {"A3", 297, 420, 12, 6, 8, 34, 60, 26, 30, 84, 44, 36, 48, 30, 18, 70, 70, 90},
}

// A paper is a board to print.
type paper struct {
	measure
	Scan
	link  string // what the QR code says
	today calendar.Day
	faces map[upload.ID][]byte // JPEG
}

// A phrase is some text of a section, all in one size.
type phrase struct {
	text   string
	points float64
	heavy  bool
}

// A block is what belongs together on one page, as far as it has room.
type block struct {
	phrases []phrase
	face    []byte
	ruled   bool // a line stands above it
	middle  bool
}

// blocks is what the board says, in the order and words of paper.html.
func (p paper) blocks() (all []block) {
	for _, h := range p.Content.Holders {
		b := block{phrases: []phrase{{h.Duty, p.duty, false}, {h.Name, p.who, true}}, face: p.faces[h.Portrait]}
		if h.Name == "" {
			b.phrases[1].text = "（姓名未公开）"
		}
		if h.Phone != "" {
			b.phrases = append(b.phrases, phrase{"电话 " + h.Phone, p.phone, false})
		}
		for _, i := range h.Items {
			b.phrases = append(b.phrases, phrase{"· " + i, p.item, false})
		}
		all = append(all, b)
	}
	if len(all) == 0 {
		all = append(all, block{phrases: []phrase{
			{"责任区党员", p.duty, false}, {"暂缺", p.who, true}, {"由" + p.Content.Place + "党组织代管", p.base, false},
		}})
	}
	if l := p.Content.Lead; l != nil {
		all = append(all, block{phrases: []phrase{{l.Duty, p.duty, false}, {l.Name, p.lead, true}}, ruled: true})
	}
	return all
}

// head is what stands above all.
func (p paper) head() block {
	return block{middle: true, phrases: []phrase{
		{p.Content.Place, p.place, false},
		{p.Content.Area + "服务公示牌", p.title, true},
		{fmt.Sprintf("本责任区 %d 户", p.Content.Households), p.base, false},
	}}
}

// foot is what stands at the end of each sheet, beside the code: sheets get apart.
func (p paper) foot() block {
	return block{phrases: []phrase{
		{"扫码：看最新内容、留言、请人回电", p.scan, true},
		{"着火 119　急救 120　报警 110", p.base, false},
		{fmt.Sprintf("牌号 %d · 第 %d 版 · %s", p.ID, p.Latest, date(p.today)), p.note, false},
	}}
}

// Print is p as a PDF file made at a moment. Letters that f lacks are never left out: ErrFontLacks.
func (f *Font) Print(ctx context.Context, p paper, at time.Time) ([]byte, error) {
	for _, b := range append(p.blocks(), p.head(), p.foot()) {
		for _, r := range b.phrases {
			if f.lacks(r.text) != "" {
				return nil, ErrFontLacks
			}
		}
	}
	select {
	case f.turn <- struct{}{}:
		defer func() { <-f.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return f.print(p, at)
}

func (f *Font) print(p paper, at time.Time) ([]byte, error) {
	d := fpdf.New("P", "mm", p.name, "")
	d.AddUTF8FontFromBytes(family, "", f.file)
	d.SetAutoPageBreak(false, 0)
	d.SetTitle(p.Content.Area+"服务公示牌", true)
	d.SetLang("zh-CN")
	d.SetCreationDate(at)
	d.SetModificationDate(at)
	runs, across, err := runsOf(p.link)
	if err != nil {
		return nil, err
	}
	s := &setter{pdf: d, paper: p, runs: runs, across: across}
	s.sheet()
	s.put(p.head())
	d.SetFillColor(0xa8, 0x16, 0x1c)
	d.Rect(p.margin, s.y+p.gap/2, p.width-2*p.margin, 2, "F")
	s.y += p.gap/2 + 2
	for _, b := range p.blocks() {
		s.put(b)
	}
	var out bytes.Buffer
	if err := d.Output(&out); err != nil {
		return nil, fmt.Errorf("write a board as PDF: %w", err)
	}
	return out.Bytes(), nil
}

const (
	family  = "board"
	leading = 1.35       // of lines, in letters
	ascent  = 0.88       // of a letter above the line it stands on
	point   = 25.4 / 72  // in mm
	weight  = 1.0 / 45.0 // of a heavy letter's edge, in letters: one font is asked for, and none of its bold kind
)

// A setter puts blocks onto sheets.
type setter struct {
	pdf *fpdf.Fpdf
	paper
	runs   []modules
	across int     // modules of the code
	y, end float64 // where the next line goes, and the last may end
	fresh  float64 // y of a sheet without anything
}

// sheet begins another sheet, with its foot.
func (s *setter) sheet() {
	s.pdf.AddPage()
	left, right := s.margin+s.pad, s.width-s.margin-s.pad
	top := s.height - s.margin - s.side
	s.end = top - s.gap
	s.pdf.SetFillColor(0, 0, 0)
	s.pdf.Rect(s.margin, s.end+s.gap/2, s.width-2*s.margin, .5, "F")
	module := s.side / float64(s.across+2*quiet)
	for _, r := range s.runs {
		s.pdf.Rect(right-s.side+float64(r.x+quiet)*module, top+float64(r.y+quiet)*module, float64(r.n)*module, module, "F")
	}
	lines, high := s.lay(s.foot(), right-s.side-s.gap-left)
	s.draw(lines, left, top+s.side-high)
	s.y = s.margin
	s.fresh = s.y
}

// A line is some of a row, where it lies below the top of its block.
type line struct {
	phrase
	y, width float64
	middle   bool
}

func (l line) height() float64 { return l.points * leading * point }

// lay breaks the phrases of b into lines of at most width, beside its face as long as that lasts.
func (s *setter) lay(b block, width float64) (lines []line, high float64) {
	for _, r := range b.phrases {
		rest := []rune(r.text)
		for len(rest) > 0 {
			room := width
			if b.face != nil && high < s.faceHeight {
				room -= s.faceWidth + s.gap
			}
			n := s.fits(rest, r.points, room)
			l := line{phrase{strings.TrimSpace(string(rest[:n])), r.points, r.heavy}, high, room, b.middle}
			lines, high, rest = append(lines, l), high+l.height(), rest[n:]
		}
	}
	if b.face != nil {
		high = max(high, s.faceHeight)
	}
	return lines, high
}

// fits is how many letters of text fit into width: words of Latin letters and numbers stay whole where they can.
func (s *setter) fits(text []rune, points, width float64) int {
	s.pdf.SetFont(family, "", points)
	n, word := 0, 0
	for n < len(text) && s.pdf.GetStringWidth(string(text[:n+1])) <= width {
		n++
		if n == len(text) || !latin(text[n-1]) || !latin(text[n]) {
			word = n
		}
	}
	switch {
	case n == len(text) || word == 0:
		return max(1, n)
	}
	return word
}

func latin(r rune) bool { return r < 0x2e80 && !unicode.IsSpace(r) }

// put puts b where there is room for all of it, or, when no sheet has that, line by line.
func (s *setter) put(b block) {
	left, width := s.margin+s.pad, s.width-2*s.margin-2*s.pad
	lines, high := s.lay(b, width)
	high += s.gap
	if s.y+high > s.end && (high <= s.end-s.margin || b.face != nil) && s.y > s.fresh {
		s.sheet()
	}
	if b.ruled {
		s.pdf.SetFillColor(0, 0, 0)
		s.pdf.Rect(s.margin, s.y+s.gap/2, s.width-2*s.margin, .5, "F")
	}
	s.y += s.gap
	if b.face != nil {
		s.face(b.face, left+width-s.faceWidth, s.y)
	}
	low := s.y + high - s.gap
	for len(lines) > 0 {
		n, from := 0, lines[0].y
		for n < len(lines) && s.y+lines[n].y-from+lines[n].height() <= s.end {
			n++
		}
		if n == 0 && s.y > s.fresh+s.gap {
			s.sheet()
			s.y += s.gap
			continue
		}
		n = max(1, n)
		s.draw(lines[:n], left, s.y-from)
		low = max(s.y+lines[n-1].y-from+lines[n-1].height(), min(low, s.end))
		if lines = lines[n:]; len(lines) > 0 {
			s.sheet()
			s.y += s.gap
			low = s.y
		}
	}
	s.y = low
}

// draw writes lines of a block whose top is at y.
func (s *setter) draw(lines []line, x, y float64) {
	s.pdf.SetTextColor(0, 0, 0)
	s.pdf.SetDrawColor(0, 0, 0)
	for _, l := range lines {
		s.pdf.SetFont(family, "", l.points)
		if l.heavy {
			s.pdf.SetTextRenderingMode(2)
			s.pdf.SetLineWidth(l.points * weight * point)
		}
		at := x
		if l.middle {
			at += (l.width - s.pdf.GetStringWidth(l.text)) / 2
		}
		s.pdf.Text(at, y+l.y+((leading-1)/2+ascent)*l.points*point, l.text)
		if l.heavy {
			s.pdf.SetTextRenderingMode(0)
		}
	}
}

// face puts a portrait into its frame, filling it, as the page does.
func (s *setter) face(jpeg []byte, x, y float64) {
	name := fmt.Sprintf("face %p", jpeg)
	o := fpdf.ImageOptions{ImageType: "JPG"}
	info := s.pdf.RegisterImageOptionsReader(name, o, bytes.NewReader(jpeg))
	if s.pdf.Err() {
		return // said by Output
	}
	scale := max(s.faceWidth/info.Width(), s.faceHeight/info.Height())
	width, height := info.Width()*scale, info.Height()*scale
	s.pdf.ClipRect(x, y, s.faceWidth, s.faceHeight, false)
	s.pdf.ImageOptions(name, x-(width-s.faceWidth)/2, y-(height-s.faceHeight)/2, width, height, false, o, 0, "")
	s.pdf.ClipEnd()
}

// pdf is a board to print, as a file: for where bphrasesers print badly, and for print shops.
func (p *Pages) pdf(w http.ResponseWriter, r *http.Request, id ID, size string) error {
	font := p.service.font
	if font == nil {
		return problem.ErrNotFound
	}
	page, err := p.printed(r, id)
	if err != nil {
		return err
	}
	to := paper{papers[size], page.Scan, p.codeOf(r, page.Scan), page.Today, map[upload.ID][]byte{}}
	for _, h := range page.Content.Holders {
		if h.Portrait == 0 {
			continue
		}
		jpeg, err := p.service.BoardPortrait(r.Context(), id, h.Portrait)
		switch {
		case errors.Is(err, problem.ErrNotFound): // its consent has ended meanwhile
		case err != nil:
			return err
		default:
			to.faces[h.Portrait] = jpeg
		}
	}
	file, err := font.Print(r.Context(), to, p.service.db.Now())
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/pdf")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`inline; filename="board-%d-%d-%s.pdf"`, id, page.Latest, size))
	if _, err := w.Write(file); err != nil {
		return nil //nolint:nilerr // because nobody is left to tell
	}
	return nil
}
