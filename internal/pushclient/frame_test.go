package pushclient

import (
	"encoding/json"
	"reflect"
	"testing"
)

// Whatever a server sends is read as encoding/json reads it, by the scanner where it can.
func TestAFrameIsReadAsJSONIsRead(t *testing.T) {
	item := `"s":124,"as":12,"k":"task.due","p":2,"ts":1778463000000,"ref":{"type":"task","id":7},"d":{"kindLabel":"走访","count":3,"of":[1,{"a":null}],"late":true},"sup":9}`
	for text, byScanner := range map[string]bool{
		`{"t":"n",` + item:                        true,
		`{"t":"b","n":[{` + item + `,{"s":125}]}`: true,
		`{"t":"b","n":[]}`:                        true,
		` { "t" : "hi" , "era":1,"top":20,"read":3,"floor":0,"hb":25,"exp":1800 } `: true,
		`{"t":"reset","from":17}`:              true,
		`{"t":"bye","code":4009,"after":0}`:    true,
		`{"t":"p"}`:                            true,
		`{}`:                                   true,
		`{"t":"later","x":[[],{}," ",-4]}`:     true,
		`{"t":"n","s":124,"d":{"half":0.5}}`:   false,
		`{"t":"n","s":124,"k":"a\u0062"}`:      false,
		`{"t":"n","s":-1}`:                     false,
		`{"t":"n","k":"走访"}`:                   false,
		`{"t":"n","d":{"a":"\""}}`:             false,
		`{"t":null,"s":null,"n":null}`:         false,
		`{"t":"n","s":9223372036854775807}`:    false,
		`{"t":"later","x":` + nested(40) + `}`: false,
	} {
		var want frame
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if _, ok := scan([]byte(text)); ok != byScanner {
			t.Errorf("%s: the scanner reads it: %v", text, ok)
		}
		got, err := parse([]byte(text))
		if len(want.List) == 0 {
			want.List = nil
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is read as %+v, %v; want %+v", text, got, err, want)
		}
	}
}

// nested is that many lists in each other.
func nested(n int) (text string) {
	for range n {
		text = "[" + text + "]"
	}
	return text
}

// What is no JSON is no frame, wherever it breaks off.
func TestWhatIsNoJSONIsNoFrame(t *testing.T) {
	whole := `{"t":"b","n":[{"s":124,"k":"task.due","ref":{"type":"task","id":7},"d":{"a":[1,"x",null]}}]}`
	for n := range len(whole) {
		if f, err := parse([]byte(whole[:n])); err == nil {
			t.Errorf("%s is read as %+v", whole[:n], f)
		}
	}
	for _, text := range []string{
		whole + "}", whole + whole, `{"t":"n","s":01}`, `{"t":"n","s":1e3}`, `{"t":"n",}`, `{"t":"n" "s":1}`, `{"t":"n","d":{a:1}}`, `{"t":"n","d":nul}`,
		`{"t":"n","d":[1,]}`, `{"t":"n","d":00}`, `{"t":"n","d":-}`, `[]1`, "{\"t\":\"n\nn\"}",
	} {
		if f, err := parse([]byte(text)); err == nil {
			t.Errorf("%s is read as %+v", text, f)
		}
	}
}

func BenchmarkFrame(b *testing.B) {
	text := []byte(`{"t":"n","s":124,"as":12,"k":"announcement","p":2,"ts":1778463000000,"ref":{"type":"task","id":7},"d":{"kindLabel":"停水检修","unitLabel":"海棠街道","at":"2026-05-11T09:00:00Z"}}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parse(text); err != nil {
			b.Fatal(err)
		}
	}
}
