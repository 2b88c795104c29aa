package board

import (
	"encoding/binary"
	"testing"

	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
)

// Rare is a letter that the font of ChineseFont lacks.
const Rare = '龘'

// ChineseFont is a font for tests: Go's own, whose pictures stand for Chinese letters too. What they look like is all that is
// wrong with it, and no file has to be installed.
func ChineseFont(t *testing.T) []byte {
	t.Helper()
	own, err := sfnt.Parse(goregular.TTF)
	if err != nil {
		t.Fatal(err)
	}
	return withLetters(goregular.TTF, func(r rune) uint16 {
		switch i, err := own.GlyphIndex(nil, r); {
		case err == nil && i != 0:
			return uint16(i)
		case r == Rare || r < 0x2e80:
			return 0
		}
		return uint16(1 + int(r)%(own.NumGlyphs()-1))
	})
}

// withLetters is a TrueType file with another table of letters (OpenType, cmap of format 4).
func withLetters(file []byte, glyph func(rune) uint16) []byte {
	be := binary.BigEndian
	ranges := [][2]rune{{0x20, 0x7e}, {0xb7, 0xb7}, {0x3000, 0x303f}, {0x4e00, 0x9fff}, {0xff00, 0xffef}, {0xffff, 0xffff}}
	var ends, starts, deltas, offsets, glyphs []byte
	for i, r := range ranges {
		ends, starts, deltas = be.AppendUint16(ends, uint16(r[1])), be.AppendUint16(starts, uint16(r[0])), be.AppendUint16(deltas, 0)
		offsets = be.AppendUint16(offsets, uint16(2*(len(ranges)-i)+len(glyphs)))
		for c := r[0]; c <= r[1]; c++ {
			glyphs = be.AppendUint16(glyphs, glyph(c))
		}
	}
	table := be.AppendUint16(nil, 4)
	table = be.AppendUint16(table, uint16(16+8*len(ranges)+len(glyphs)))
	table = append(be.AppendUint16(table, 0), byte(0), byte(2*len(ranges)), 0, 8, 0, 2, 0, 4)
	table = append(append(append(append(append(append(table, ends...), 0, 0), starts...), deltas...), offsets...), glyphs...)
	cmap := append([]byte{0, 0, 0, 1, 0, 3, 0, 1, 0, 0, 0, 12}, table...)

	n := int(be.Uint16(file[4:]))
	head, body := append([]byte{}, file[:12+16*n]...), []byte{}
	for i := range n {
		entry := head[12+16*i : 28+16*i]
		data := file[be.Uint32(entry[8:]):][:be.Uint32(entry[12:])]
		if string(entry[:4]) == "cmap" {
			data = cmap
		}
		be.PutUint32(entry[8:], uint32(len(head)+len(body)))
		be.PutUint32(entry[12:], uint32(len(data)))
		body = append(body, data...)
		body = append(body, make([]byte, -len(data)&3)...)
	}
	return append(head, body...)
}
