package push

import (
	"errors"
	"strconv"
	"unicode/utf8"
)

// A clientFrame is what a device may say: {"t":"ack","s":130}, {"t":"read","s":128}, {"t":"p"} and
// {"t":"auth","ticket":"…"}.
type clientFrame struct {
	kind   frameKind
	seq    int64
	ticket string
}

type frameKind uint8

const (
	ackFrame frameKind = iota + 1
	readFrame
	pingFrame
	authFrame
)

var (
	errFrame = errors.New("unknown frame")
	errUTF8  = errors.New("invalid UTF-8")
)

// parseFrame reads a client's frame. It is written by hand because it runs on the small stack of a socket's
// reader: encoding/json would grow it fourfold, for every socket, for good.
func parseFrame(b []byte) (f clientFrame, err error) {
	if !utf8.Valid(b) {
		return f, errUTF8
	}
	s := scanner{b: b}
	var kind, hasSeq, hasTicket bool
	s.expect('{')
	for first := true; !s.bad; first = false {
		if s.next('}') {
			break
		}
		if !first {
			s.expect(',')
		}
		key := s.text()
		s.expect(':')
		switch string(key) {
		case "t":
			s.bad = s.bad || kind
			kind = true
			switch string(s.text()) {
			case "ack":
				f.kind = ackFrame
			case "read":
				f.kind = readFrame
			case "p":
				f.kind = pingFrame
			case "auth":
				f.kind = authFrame
			default:
				s.bad = true
			}
		case "s":
			s.bad = s.bad || hasSeq
			hasSeq = true
			f.seq = s.number()
		case "ticket":
			s.bad = s.bad || hasTicket
			hasTicket = true
			f.ticket = string(s.text())
		default:
			s.bad = true
		}
	}
	s.space()
	wantSeq, wantTicket := f.kind == ackFrame || f.kind == readFrame, f.kind == authFrame
	if s.bad || s.at != len(b) || !kind || hasSeq != wantSeq || hasTicket != wantTicket {
		return clientFrame{}, errFrame
	}
	return f, nil
}

// A scanner reads the JSON that clientFrames are made of: strings without escapes, whole numbers from 0.
type scanner struct {
	b   []byte
	at  int
	bad bool
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

func (s *scanner) text() []byte {
	s.expect('"')
	from := s.at
	for s.at < len(s.b) && s.b[s.at] != '"' {
		if s.b[s.at] == '\\' || s.b[s.at] < ' ' {
			s.bad = true
		}
		s.at++
	}
	to := s.at
	s.expect('"')
	return s.b[from:to]
}

func (s *scanner) number() int64 {
	s.space()
	from := s.at
	for s.at < len(s.b) && s.b[s.at] >= '0' && s.b[s.at] <= '9' {
		s.at++
	}
	digits := s.b[from:s.at]
	n, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil || len(digits) > 1 && digits[0] == '0' {
		s.bad = true
	}
	return n
}

// The server's frames that hold more than a word.

func hiFrame(era int64, h Head, exp int64) []byte {
	b := append([]byte(nil), `{"t":"hi","era":`...)
	b = strconv.AppendInt(b, era, 10)
	b = append(b, `,"top":`...)
	b = strconv.AppendInt(b, h.Seq, 10)
	b = append(b, `,"read":`...)
	b = strconv.AppendInt(b, h.Read, 10)
	b = append(b, `,"floor":`...)
	b = strconv.AppendInt(b, h.Floor, 10)
	b = append(b, `,"hb":25,"exp":`...)
	b = strconv.AppendInt(b, exp, 10)
	return append(b, '}')
}

// numberFrame is {"t":kind,name:n}.
func numberFrame(kind, name string, n int64) []byte {
	b := append([]byte(nil), `{"t":"`...)
	b = append(b, kind...)
	b = append(b, `","`...)
	b = append(b, name...)
	b = append(b, `":`...)
	b = strconv.AppendInt(b, n, 10)
	return append(b, '}')
}

func byeFrame(code Code, afterMS int64) []byte {
	b := append([]byte(nil), `{"t":"bye","code":`...)
	b = strconv.AppendInt(b, int64(code), 10)
	b = append(b, `,"after":`...)
	b = strconv.AppendInt(b, afterMS, 10)
	return append(b, '}')
}

// itemFrame is one item, or up to batchItems of them.
func itemFrame(b []byte, some []Entry) []byte {
	if len(some) == 1 {
		return some[0].append(b, `{"t":"n",`)
	}
	b = append(b, `{"t":"b","n":[`...)
	for i, e := range some {
		if i > 0 {
			b = append(b, ',')
		}
		b = e.append(b, `{`)
	}
	return append(b, `]}`...)
}
