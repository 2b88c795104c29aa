package push

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestFramesOfDevicesAreUnderstood(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]clientFrame{
		`{"t":"ack","s":130}`:          {kind: ackFrame, seq: 130},
		`{"s":0,"t":"read"}`:           {kind: readFrame},
		" {\n\"t\" : \"p\"\t} ":        {kind: pingFrame},
		`{"t":"auth","ticket":"ab-_"}`: {kind: authFrame, ticket: "ab-_"},
	} {
		if got, err := parseFrame([]byte(text)); err != nil || got != want {
			t.Errorf("%s is %+v (%v), want %+v", text, got, err, want)
		}
	}
}

func TestOtherFramesAreRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		``, `{}`, `[]`, `null`, `{"t":"hi"}`, `{"t":"ack"}`, `{"t":"ack","s":-1}`, `{"t":"ack","s":1.5}`, `{"t":"ack","s":"1"}`,
		`{"t":"ack","s":1,"s":2}`, `{"t":"p","t":"p"}`, `{"t":"p","s":1}`, `{"t":"p"}x`, `{"t":"p",}`, `{"T":"p"}`, `{"t":"\u0070"}`,
		`{"t":"ack","s":99999999999999999999}`, `{"t":"ack","s":01}`, `{"t":"p"`, `{"t":"p","x":1}`, `{"t":"auth"}`, `{,"t":"p"}`,
		"{\"t\":\"p\x00\"}",
	} {
		if f, err := parseFrame([]byte(text)); !errors.Is(err, errFrame) {
			t.Errorf("%s is taken as %+v (%v)", text, f, err)
		}
	}
	if _, err := parseFrame([]byte("{\"t\":\"\xc3\"}")); !errors.Is(err, errUTF8) {
		t.Errorf("bad UTF-8: %v", err)
	}
}

func FuzzFrames(f *testing.F) {
	for _, s := range []string{`{"t":"ack","s":130}`, `{"t":"p"}`, `{"t":"auth","ticket":"x"}`, `{`, `{"t":`, ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := parseFrame(b)
		if err != nil {
			return
		}
		var strict struct {
			T      string
			S      int64
			Ticket string
		}
		if err := json.Unmarshal(b, &strict); err != nil { // what we take is JSON, and means the same
			t.Fatalf("%q is taken and is no JSON: %v", b, err)
		}
		if strict.S != got.seq || strict.Ticket != got.ticket {
			t.Fatalf("%q is %+v, and %+v as JSON", b, got, strict)
		}
	})
}

func TestFramesOfTheServerAreJSON(t *testing.T) {
	t.Parallel()
	some := []Entry{{Seq: 1, Tail: `"as":12,"k":"task.due"}`}, {Seq: 2, Tail: goneTail}}
	for _, b := range [][]byte{
		hiFrame(3, Head{Seq: 130, Read: 118, Floor: 9}, 1800), numberFrame("reset", "from", 9), byeFrame(Drained, 7350),
		itemFrame(nil, some), itemFrame(nil, some[:1]),
	} {
		if !json.Valid(b) {
			t.Errorf("%s is no JSON", b)
		}
	}
	if got, want := string(itemFrame(nil, some)), `{"t":"b","n":[{"s":1,"as":12,"k":"task.due"},{"s":2,"k":"gone"}]}`; got != want {
		t.Errorf("a batch is %s, want %s", got, want)
	}
	if got := some[0].assignment(); got != 12 {
		t.Errorf("the item is for %d, want 12", got)
	}
}

func TestCursorsAreReadAsWritten(t *testing.T) {
	t.Parallel()
	if c, err := ParseCursor(Cursor{3, 124}.String()); err != nil || c != (Cursor{3, 124}) {
		t.Errorf("read %v (%v)", c, err)
	}
	for _, s := range []string{"", "3", "3.", ".3", "-1.2", "1.-2", "1.2.3", "a.b", strings.Repeat("9", 30) + ".1", fmt.Sprint(1e9)} {
		if c, err := ParseCursor(s); err == nil {
			t.Errorf("%q is taken as %v", s, c)
		}
	}
}
