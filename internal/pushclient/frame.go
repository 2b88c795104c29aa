package pushclient

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// A frame is what the server says.
type frame struct {
	Type  string `json:"t"`
	Item         // of n
	List  []Item `json:"n"`
	Era   int64  `json:"era"`
	Top   int64  `json:"top"`
	From  int64  `json:"from"`
	After int64  `json:"after"`
}

// parse reads a frame. What the scanner does not understand encoding/json judges, which takes several times as long.
func parse(b []byte) (f frame, err error) {
	if f, ok := scan(b); ok {
		return f, nil
	}
	if err := json.Unmarshal(b, &f); err != nil {
		return f, fmt.Errorf("read a frame: %w", err)
	}
	return f, nil
}

// scan reads a frame whose texts are plain ASCII and whose numbers are whole, as all are that our servers send. Fields
// that it does not know it passes over.
func scan(b []byte) (f frame, ok bool) {
	s := scanner{b: b}
	s.each('{', '}', func() {
		switch key := s.key(); string(key) {
		case "t":
			f.Type = string(s.text())
		case "n":
			s.each('[', ']', func() {
				var i Item
				s.each('{', '}', func() { s.field(&i, s.key()) })
				f.List = append(f.List, i)
			})
		case "era":
			f.Era = s.number()
		case "top":
			f.Top = s.number()
		case "from":
			f.From = s.number()
		case "after":
			f.After = s.number()
		default:
			s.field(&f.Item, key)
		}
	})
	s.space()
	return f, !s.bad && s.at == len(b)
}

// A scanner goes through JSON. When it is bad, nothing it has read counts.
type scanner struct {
	b   []byte
	at  int
	bad bool
}

// field reads the value of one field of an item.
func (s *scanner) field(i *Item, key []byte) {
	switch string(key) {
	case "s":
		i.Seq = s.number()
	case "k":
		i.Kind = string(s.text())
	case "p":
		i.Priority = int(s.number())
	case "ts":
		i.At = s.number()
	case "as":
		i.Assignment = s.number()
	case "ref":
		s.each('{', '}', func() {
			switch string(s.key()) {
			case "type":
				i.Ref.Type = string(s.text())
			case "id":
				i.Ref.ID = s.number()
			default:
				s.pass(0)
			}
		})
	case "d":
		i.Args = append(json.RawMessage(nil), s.pass(0)...)
	default:
		s.pass(0)
	}
}

func (s *scanner) space() {
	for s.at < len(s.b) && (s.b[s.at] == ' ' || s.b[s.at] == '\t' || s.b[s.at] == '\n' || s.b[s.at] == '\r') {
		s.at++
	}
}

// next takes c if it stands next.
func (s *scanner) next(c byte) bool {
	s.space()
	if s.at < len(s.b) && s.b[s.at] == c {
		s.at++
		return true
	}
	return false
}

func (s *scanner) expect(c byte) {
	if !s.next(c) {
		s.bad = true
	}
}

// each calls one for each member of an object or a list.
func (s *scanner) each(opens, closes byte, one func()) {
	s.expect(opens)
	if s.bad || s.next(closes) {
		return
	}
	for !s.bad {
		one()
		if s.next(closes) {
			return
		}
		s.expect(',')
	}
}

// key is the name of a field, whose value stands next.
func (s *scanner) key() []byte {
	key := s.text()
	s.expect(':')
	return key
}

// text is a string without escapes.
func (s *scanner) text() []byte {
	s.expect('"')
	from := s.at
	for s.at < len(s.b) && s.b[s.at] != '"' {
		if c := s.b[s.at]; c == '\\' || c < ' ' || c > '~' {
			s.bad = true
		}
		s.at++
	}
	to := s.at
	s.expect('"')
	return s.b[from:to]
}

// number is a whole number.
func (s *scanner) number() (n int64) {
	s.space()
	from := s.at
	for ; s.at < len(s.b) && s.b[s.at] >= '0' && s.b[s.at] <= '9'; s.at++ {
		n = n*10 + int64(s.b[s.at]-'0')
	}
	if digits := s.at - from; digits == 0 || digits > 18 || digits > 1 && s.b[from] == '0' {
		s.bad = true
	}
	if s.at < len(s.b) && (s.b[s.at] == '.' || s.b[s.at] == 'e' || s.b[s.at] == 'E') {
		s.bad = true
	}
	return n
}

// deepest is how many lists and objects may lie in each other: nobody sends more than a few.
const deepest = 32

// pass goes over any value and returns its text.
func (s *scanner) pass(depth int) []byte {
	s.space()
	from := s.at
	if from == len(s.b) || depth > deepest {
		s.bad = true
	}
	if s.bad {
		return nil
	}
	switch s.b[from] {
	case '{':
		s.each('{', '}', func() {
			s.quoted()
			s.expect(':')
			s.pass(depth + 1)
		})
	case '[':
		s.each('[', ']', func() { s.pass(depth + 1) })
	case '"':
		s.quoted()
	default:
		for s.at < len(s.b) && (s.b[s.at] >= '0' && s.b[s.at] <= '9' || s.b[s.at] >= 'a' && s.b[s.at] <= 'z' || s.b[s.at] == '-') {
			s.at++
		}
		switch word := string(s.b[from:s.at]); word {
		case "true", "false", "null":
		default:
			if n, err := strconv.ParseInt(word, 10, 64); err != nil || strconv.FormatInt(n, 10) != word {
				s.bad = true // a fraction, or nothing
			}
		}
	}
	return s.b[from:s.at]
}

// quoted goes over a string of any kind but one with an escape, of which there are many kinds.
func (s *scanner) quoted() {
	s.expect('"')
	for s.at < len(s.b) && s.b[s.at] != '"' {
		if s.b[s.at] == '\\' || s.b[s.at] < ' ' {
			s.bad = true
		}
		s.at++
	}
	s.expect('"')
}
