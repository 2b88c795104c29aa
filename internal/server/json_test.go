package server

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"wanjia/internal/platform/problem"
)

func TestA3_2AStrictBodyIsRefusedWithThePlaceAndNeverTheContent(t *testing.T) {
	t.Parallel()
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	many := "{"
	for i := range maxKeys {
		many += `"k` + strings.Repeat("a", i) + `":1,`
	}
	many += `"z":1}`
	for name, c := range map[string]struct{ body, pointer, code string }{
		"duplicate key":                {`{"role":1,"role":2}`, "/role", "duplicate_key"},
		"case variant":                 {`{"role":"user","rOLe":"admin"}`, "/rOLe", "duplicate_key"},
		"Kelvin sign is a k":           {`{"kind":1,"` + "\u212a" + `ind":2}`, "/\u212aind", "duplicate_key"},
		"escaped duplicate":            {`{"role":1,"\u0072ole":2}`, "/role", "duplicate_key"},
		"duplicate below":              {`{"a":[{"b":1},{"b":1,"B":2}]}`, "/a/1/B", "duplicate_key"},
		"trailing data":                {`{"a":1} {"b":2}`, "", "trailing_data"},
		"trailing brace":               {`{"a":1}}`, "", "trailing_data"},
		"invalid UTF-8":                {"{\"a\":\"\xff\"}", "", "utf8"},
		"half a surrogate pair":        {`{"a":"\ud800"}`, "/a", "utf8"},
		"halves in the wrong order":    {`{"a":"\udc00\ud800"}`, "/a", "utf8"},
		"too deep":                     {deep(33), strings.Repeat("/0", 32), "depth"},
		"too many keys":                {many, "/z", "too_many_keys"},
		"empty":                        {``, "", "syntax"},
		"NaN":                          {`{"a":NaN}`, "/a", "syntax"},
		"leading zero":                 {`{"a":01}`, "/a", "syntax"},
		"bare point":                   {`{"a":1.}`, "/a", "syntax"},
		"single quotes":                {`{'a':1}`, "", "syntax"},
		"trailing comma":               {`{"a":1,}`, "", "syntax"},
		"comment":                      {`{"a":1}//x`, "", "trailing_data"},
		"control character":            {"{\"a\":\"\n\"}", "/a", "syntax"},
		"a character of zero":          {`{"a":"b\u0000c"}`, "/a", "control"},
		"an escape of a terminal":      {`{"a":"\u001b[2J"}`, "/a", "control"},
		"a step back":                  {`{"a":"b\b"}`, "/a", "control"},
		"key with a slash and tilde":   {`{"a/~":1,"A/~":1}`, "/A~1~0", "duplicate_key"},
		"byte order mark":              {"\ufeff{}", "", "syntax"},
		"unknown escape":               {`{"a":"\x"}`, "/a", "syntax"},
		"never closed":                 {`{"a":{"b":`, "/a/b", "syntax"},
		"signed hexadecimal in an \\u": {`{"a":"\u+123"}`, "/a", "syntax"},
	} {
		err := scanJSON([]byte(c.body))
		var p *problem.Problem
		if !errors.As(err, &p) || p.Kind != problem.Malformed {
			t.Errorf("%s: %v, want a malformed problem", name, err)
			continue
		}
		if got := p.Fields[0]; got.Code != c.code || got.Pointer != c.pointer && c.code != "syntax" {
			t.Errorf("%s: %v, want %s at %q", name, got, c.code, c.pointer)
		}
	}
	for name, body := range map[string]string{
		"as deep as allowed": deep(32), "same key in different objects": `{"a":{"x":1},"b":{"x":1},"x":[{"x":1},{"x":2}]}`,
		"all of it": ` { "a" : [ -0.5e+10 , 0 , true , false , null , "家\ud83d\ude00\n\t\r\u000a" ] , "b" : { } , "c" : [ ] } `,
	} {
		if err := scanJSON([]byte(body)); err != nil {
			t.Errorf("%s: refused with %v", name, err)
		}
	}
}

// FuzzScanJSON holds the scanner against the standard library: what it takes is JSON, and what it does not take
// is no JSON or breaks one of the extra rules.
func FuzzScanJSON(f *testing.F) {
	for _, seed := range []string{
		`{"a":1,"b":[true,null,{"c":"\ud83d\ude00"}]}`, `{"a":1,"A":2}`, `[[[]]]`, `"\ud800"`, `-0.0e-1`, `{"a":1}x`, "\"\xff\"", `{"":{"":1}}`,
		`{"k":1,"\u212a":2}`, `{"s":1,"\u017f":2}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		err := scanJSON(b)
		if err == nil {
			if !json.Valid(b) || !utf8.Valid(b) {
				t.Fatalf("%q is taken and is no JSON", b)
			}
			return
		}
		var p *problem.Problem
		if !errors.As(err, &p) || len(p.Fields) != 1 {
			t.Fatalf("%q: %v, want a problem with its place", b, err)
		}
		if p.Fields[0].Code == "syntax" && json.Valid(b) {
			t.Fatalf("%q is JSON and refused as syntax at %q", b, p.Fields[0].Pointer)
		}
		if p.Fields[0].Code == "trailing_data" && json.Valid(b) {
			t.Fatalf("%q is JSON and refused for trailing data", b)
		}
	})
}

func BenchmarkScanJSON(b *testing.B) {
	body := []byte(`{"clientRef":"0f8b6a1e-5d1c-4a53-9a0f-6b7f2c1d9e11","kind":"place_code","code":"v1.7.118.3.aGVsbG8gd29ybGQ","happenedAt":"2026-05-11T01:02:03Z","note":"到岗"}`)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if err := scanJSON(body); err != nil {
			b.Fatal(err)
		}
	}
}
