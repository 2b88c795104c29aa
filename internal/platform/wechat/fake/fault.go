package fake

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// A Kind is a way in which the platform can fail.
type Kind string

// The kinds.
const (
	ErrCode     Kind = "errcode"      // Code, with status 200
	Status      Kind = "status"       // HTTP status Code
	Silence     Kind = "silence"      // no answer for thirty seconds; nothing has happened
	AnswerLost  Kind = "answer_lost"  // it has happened, and the line breaks
	HTML        Kind = "html"         // a page where JSON was expected
	Huge        Kind = "huge"         // five megabytes
	NaN         Kind = "nan"          // a number that JSON does not have
	WrongType   Kind = "wrong_type"   // numbers for texts
	Redirect    Kind = "redirect"     // to somewhere else
	ForeignMark Kind = "foreign_mark" // a phone number stamped for another app
	OldMark     Kind = "old_mark"     // a phone number stamped six minutes ago
	Control     Kind = "control"      // control characters in texts
	Twice       Kind = "twice"        // an object that says a member twice
	Trailing    Kind = "trailing"     // something after the object
)

// Kinds are all kinds.
var Kinds = []Kind{
	ErrCode, Status, Silence, AnswerLost, HTML, Huge, NaN, WrongType, Redirect, ForeignMark, OldMark, Control, Twice, Trailing,
}

// A Fault makes calls fail.
type Fault struct {
	Call   string // Code2Session and so on; empty: any
	OpenID string // only calls that name it; empty: any
	Kind   Kind
	Code   int
	Times  int // 0: until Heal
}

// Inject makes calls fail from now on.
func (s *Server) Inject(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// Heal ends all faults.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// fault is the first fault that meets this call, or nil.
func (s *Server) fault(call, openID string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults {
		if f.Call != "" && f.Call != call || f.OpenID != "" && f.OpenID != openID {
			continue
		}
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
			}
		}
		return f
	}
	return nil
}

// spoil answers in f's way and says whether that was the whole answer. AnswerLost and the marks let the call
// happen first.
func (s *Server) spoil(w http.ResponseWriter, r *http.Request, f *Fault) bool {
	switch f.Kind {
	case ErrCode:
		fmt.Fprintf(w, `{"errcode":%d,"errmsg":"injected"}`, f.Code)
	case Status:
		w.WriteHeader(f.Code)
	case Silence:
		t := time.NewTimer(30 * time.Second)
		defer t.Stop()
		select {
		case <-t.C:
		case <-r.Context().Done():
		case <-s.done:
		}
		panic(http.ErrAbortHandler)
	case HTML:
		fmt.Fprint(w, "<html><body>502</body></html>")
	case Huge:
		fmt.Fprint(w, `{"errcode":0,"openid":"`+strings.Repeat("a", 5<<20)+`"}`)
	case NaN:
		fmt.Fprint(w, `{"errcode":0,"expires_in":NaN,"openid":NaN,"msgid":NaN}`)
	case WrongType:
		fmt.Fprint(w, `{"errcode":"0","openid":7,"access_token":7,"expires_in":"7200","msgid":"1","result":[],"phone_info":"x"}`)
	case Redirect:
		http.Redirect(w, r, "http://127.0.0.1:1/elsewhere?"+r.URL.RawQuery, http.StatusFound) //nolint:gosec // because a redirect that must not be followed is what this fault is
	case Control:
		fmt.Fprint(w, `{"errcode":0,"openid":"o-\u0000\u001b[31m","session_key":"`+Canary+`","access_token":"a\nb","expires_in":7200,"result":{"suggest":"pa\u0007ss"},"phone_info":{"purePhoneNumber":"199\u000000001234","watermark":{"appid":"`+AppID+`","timestamp":1}}}`)
	case Twice:
		fmt.Fprint(w, `{"errcode":0,"openid":"o-one","openid":"o-two","access_token":"a","access_token":"b","expires_in":7200,"expires_in":7200,"msgid":1,"msgid":2}`)
	case Trailing:
		fmt.Fprint(w, `{"errcode":0,"openid":"o-one","session_key":"`+Canary+`","access_token":"a","expires_in":7200,"msgid":1} {"more":1}`)
	default:
		return false
	}
	return true
}
