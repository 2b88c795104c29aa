package wechat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// An answer is one JSON object, its members still raw. encoding/json alone would take the last of two equal
// keys and match them in any case, so that one answer could be read in two ways.
type answer struct {
	call    string
	members map[string]json.RawMessage
}

// parse reads b as exactly one JSON object.
func parse(call string, b []byte) (answer, error) {
	if !utf8.Valid(b) {
		return answer{}, errors.New("answer is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return answer{}, errors.New("answer is no JSON object")
	}
	a := answer{call: call, members: map[string]json.RawMessage{}}
	for dec.More() {
		t, err := dec.Token()
		key, isText := t.(string)
		if err != nil || !isText {
			return answer{}, errors.New("answer is broken JSON")
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return answer{}, errors.New("answer is broken JSON")
		}
		if _, twice := a.members[key]; twice {
			return answer{}, errors.New("answer says a member twice")
		}
		a.members[key] = raw
	}
	if _, err := dec.Token(); err != nil {
		return answer{}, errors.New("answer is cut off")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return answer{}, errors.New("answer goes on after its end")
	}
	return a, nil
}

// refuse says that the answer is not what it should be.
func (a answer) refuse(err error) error {
	return &Error{Call: a.call, Class: Garbled, reason: err.Error()}
}

// word is a member of printable ASCII without spaces, least to most characters; absent counts as empty.
func (a answer) word(name string, least, most int) (string, error) {
	var s string
	if raw, there := a.members[name]; there {
		if len(raw) == 0 || raw[0] != '"' {
			return "", fmt.Errorf("%s is no text", name)
		}
		if err := json.Unmarshal(raw, &s); err != nil {
			return "", fmt.Errorf("%s is no text", name)
		}
	}
	if len(s) < least || len(s) > most {
		return "", fmt.Errorf("%s is missing or too long", name)
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return "", fmt.Errorf("%s holds characters it must not", name)
		}
	}
	return s, nil
}

// number is a whole number.
func (a answer) number(name string) (int64, error) {
	raw, there := a.members[name]
	if !there {
		return 0, fmt.Errorf("%s is missing", name)
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is no whole number", name)
	}
	return n, nil
}

// optionalNumber is a whole number, 0 when absent.
func (a answer) optionalNumber(name string) (int64, error) {
	if _, there := a.members[name]; !there {
		return 0, nil
	}
	return a.number(name)
}

func (a answer) object(name string) (answer, error) {
	raw, there := a.members[name]
	if !there {
		return answer{}, fmt.Errorf("%s is missing", name)
	}
	return parse(a.call, raw)
}
