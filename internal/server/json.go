package server

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"wanjia/internal/platform/problem"
)

// The bounds of a body that is still read with interest (security.md §8).
const (
	maxDepth = 32
	maxKeys  = 256 // in one object; keeps the search for doubles short
)

// scanJSON refuses what Go's decoders let pass and people write by mistake or malice: keys said twice or
// differing only in case, trailing data, bytes that are no UTF-8, halves of surrogate pairs, characters that no
// screen shows and some engine or sheet ends a text at, endless nesting.
// The answer names the place, never the content.
func scanJSON(b []byte) error {
	if !utf8.Valid(b) {
		return problem.ErrMalformed.Field("", "utf8")
	}
	s := scanner{b: b}
	s.space()
	if s.value(0) {
		s.space()
		if s.at < len(b) {
			s.refuse("trailing_data")
		}
	}
	if s.why != "" {
		return problem.ErrMalformed.Field(s.pointer(), s.why)
	}
	return nil
}

// A scanner walks one JSON text (RFC 8259) once and stops at the first thing it refuses.
type scanner struct {
	b    []byte
	at   int
	path []string // of the value being read, as reference tokens
	keys []string // of all objects being read, innermost last
	why  string
}

// refuse always says false, so that callers can return it.
func (s *scanner) refuse(why string) bool {
	s.why = why
	return false
}

// pointer is where the scanner stands (RFC 6901). Foreign keys are cut, so that an answer cannot be blown up.
func (s *scanner) pointer() string {
	var p strings.Builder
	for _, token := range s.path {
		p.WriteByte('/')
		p.WriteString(pointerToken(token))
	}
	return p.String()
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

func pointerToken(token string) string {
	const long = 64
	if len(token) > long {
		token = strings.ToValidUTF8(token[:long], "") + "…"
	}
	return pointerEscapes.Replace(token)
}

func (s *scanner) space() {
	for s.at < len(s.b) {
		switch s.b[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

func (s *scanner) next(c byte) bool {
	if s.at < len(s.b) && s.b[s.at] == c {
		s.at++
		return true
	}
	return false
}

func (s *scanner) value(depth int) bool {
	if s.at == len(s.b) {
		return s.refuse("syntax")
	}
	switch c := s.b[s.at]; {
	case c == '{' || c == '[':
		if depth == maxDepth {
			return s.refuse("depth")
		}
		s.at++
		if c == '{' {
			return s.object(depth + 1)
		}
		return s.array(depth + 1)
	case c == '"':
		_, ok := s.text(false)
		return ok
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	default:
		for _, word := range []string{"true", "false", "null"} {
			if strings.HasPrefix(string(s.b[s.at:min(len(s.b), s.at+len(word))]), word) {
				s.at += len(word)
				return true
			}
		}
		return s.refuse("syntax")
	}
}

func (s *scanner) object(depth int) bool {
	first := len(s.keys)
	s.space()
	if s.next('}') {
		return true
	}
	for {
		s.space()
		key, ok := s.text(true)
		if !ok {
			return false
		}
		s.path = append(s.path, key)
		if !s.once(key, s.keys[first:]) {
			return false
		}
		s.keys = append(s.keys, key)
		s.space()
		if !s.next(':') {
			return s.refuse("syntax")
		}
		s.space()
		if !s.value(depth) {
			return false
		}
		s.path = s.path[:len(s.path)-1]
		s.space()
		if s.next('}') {
			s.keys = s.keys[:first]
			return true
		}
		if !s.next(',') {
			return s.refuse("syntax")
		}
	}
}

// once refuses a key that stands among its siblings already, in whatever case: encoding/json would let the last
// of them win, and another reader the first.
func (s *scanner) once(key string, siblings []string) bool {
	if len(siblings) == maxKeys {
		return s.refuse("too_many_keys")
	}
	for _, other := range siblings {
		if strings.EqualFold(key, other) {
			return s.refuse("duplicate_key")
		}
	}
	return true
}

func (s *scanner) array(depth int) bool {
	s.space()
	if s.next(']') {
		return true
	}
	for i := 0; ; i++ {
		s.space()
		s.path = append(s.path, strconv.Itoa(i))
		if !s.value(depth) {
			return false
		}
		s.path = s.path[:len(s.path)-1]
		s.space()
		if s.next(']') {
			return true
		}
		if !s.next(',') {
			return s.refuse("syntax")
		}
	}
}

// text reads a string, and says what it says if the caller keeps it.
func (s *scanner) text(keep bool) (string, bool) {
	if !s.next('"') {
		return "", s.refuse("syntax")
	}
	start, escaped := s.at, false
	for s.at < len(s.b) {
		switch c := s.b[s.at]; {
		case c == '"':
			raw := s.b[start:s.at]
			s.at++
			switch {
			case !keep:
				return "", true
			case !escaped:
				return string(raw), true
			default:
				return unescape(raw), true
			}
		case c < 0x20:
			return "", s.refuse("syntax")
		case c == '\\':
			escaped = true
			if !s.escape() {
				return "", false
			}
		default:
			s.at++
		}
	}
	return "", s.refuse("syntax")
}

// escape steps over \n, \u5bb6, or a surrogate pair.
func (s *scanner) escape() bool {
	s.at++
	if s.at == len(s.b) {
		return s.refuse("syntax")
	}
	c := s.b[s.at]
	s.at++
	if c != 'u' {
		if strings.IndexByte(`"\/bfnrt`, c) < 0 {
			return s.refuse("syntax")
		}
		if c == 'b' || c == 'f' {
			return s.refuse("control")
		}
		return true
	}
	r, ok := hex4(s.b[s.at:])
	if !ok {
		return s.refuse("syntax")
	}
	s.at += 4
	if r < ' ' && r != '\n' && r != '\r' && r != '\t' {
		return s.refuse("control")
	}
	if !utf16.IsSurrogate(r) {
		return true
	}
	if low, ok := lowHalf(s.b[s.at:]); ok && utf16.DecodeRune(r, low) != utf8.RuneError {
		s.at += 6
		return true
	}
	return s.refuse("utf8")
}

func lowHalf(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	return hex4(b[2:])
}

func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b[:4]), 16, 32)
	return rune(n), err == nil
}

// unescape says what an escaped key says; it has been scanned, so it is well formed.
func unescape(raw []byte) string {
	var out strings.Builder
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			out.WriteByte(raw[i])
			continue
		}
		i++
		switch c := raw[i]; c {
		case 'b':
			out.WriteByte('\b')
		case 'f':
			out.WriteByte('\f')
		case 'n':
			out.WriteByte('\n')
		case 'r':
			out.WriteByte('\r')
		case 't':
			out.WriteByte('\t')
		case 'u':
			r, _ := hex4(raw[i+1:])
			i += 4
			if utf16.IsSurrogate(r) {
				low, _ := lowHalf(raw[i+1:])
				r = utf16.DecodeRune(r, low)
				i += 6
			}
			out.WriteRune(r)
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}

// number reads -12.5e+3: no leading zero, no bare point.
func (s *scanner) number() bool {
	s.next('-')
	if !s.next('0') && !s.digits() {
		return s.refuse("syntax")
	}
	if s.next('.') && !s.digits() {
		return s.refuse("syntax")
	}
	if s.next('e') || s.next('E') {
		if !s.next('+') {
			s.next('-')
		}
		if !s.digits() {
			return s.refuse("syntax")
		}
	}
	return true
}

func (s *scanner) digits() bool {
	start := s.at
	for s.at < len(s.b) && s.b[s.at] >= '0' && s.b[s.at] <= '9' {
		s.at++
	}
	return s.at > start
}
