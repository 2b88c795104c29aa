package bench

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// peerOfTests makes the test program a small server of somebody else's; its value is the fault it has.
const peerOfTests = "BENCH_PUSH_PEER"

// standIn serves until it is killed: POST /publish?to= brings a body to everybody who has opened /listen?who=.
func standIn(port, fault string) error {
	var mu sync.Mutex
	listeners, count, kept := map[string][]*websocket.Conn{}, map[string]int{}, map[string][]byte{}
	write := func(who string, text []byte) {
		for _, ws := range listeners[who] {
			_ = ws.WriteMessage(websocket.TextMessage, []byte(`{"push":{"data":`+string(text)+`}}`+"\n"))
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /up", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /listen", func(w http.ResponseWriter, r *http.Request) {
		ws, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		if _, b, err := ws.ReadMessage(); err != nil || string(b) != "hello "+r.FormValue("who") {
			_ = ws.Close()
			return
		}
		mu.Lock()
		defer mu.Unlock()
		_ = ws.WriteMessage(websocket.TextMessage, []byte(`{"welcome":true}`))
		listeners[r.FormValue("who")] = append(listeners[r.FormValue("who")], ws)
	})
	mux.HandleFunc("POST /publish", func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("X-Key") != "secret" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		who := r.FormValue("to")
		count[who]++
		third := count[who]%3 == 0
		switch {
		case third && fault == "loses":
		case third && fault == "doubles":
			write(who, text)
			write(who, text)
		case fault == "reorders" && count[who]%2 == 1:
			kept[who] = text // until the next one
		case fault == "reorders":
			write(who, text)
			write(who, kept[who])
		default:
			write(who, text)
		}
	})
	s := &http.Server{Addr: "127.0.0.1:" + port, Handler: mux, ReadHeaderTimeout: time.Second}
	return s.ListenAndServe()
}

func peerWith(t *testing.T, fault string) *Peer {
	t.Helper()
	file := filepath.Join(t.TempDir(), "peer.json")
	text := fmt.Sprintf(`{
		"name": "other", "args": ["{port}"], "env": [%q],
		"ready": "http://127.0.0.1:{port}/up",
		"publish": {"url": "http://127.0.0.1:{port}/publish?to={person}", "headers": {"X-Key": "secret"}, "body": "{payload}"},
		"connect": {"url": "ws://127.0.0.1:{port}/listen?who={person}", "first": ["hello {person}"], "up": "welcome"},
		"item": ["push", "data"], "lines": true, "says": {"{}": "{}"}
	}`, peerOfTests+"="+fault)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := ReadPeer(os.Args[0], file)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAPeerIsMeasuredInTurnWithUs(t *testing.T) {
	t.Parallel()
	eachPush(t, func(t *testing.T, o PushOptions) {
		o.Rounds, o.Pairs, o.Peer = []string{"single"}, 1, peerWith(t, "none")
		figures, err := Push(t.Context(), o, func(PushFigure) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		var turns []string
		for _, f := range figures[:len(figures)-1] {
			turns = append(turns, f.Peer)
			if f.Committed < 100 || f.Received != f.Committed || f.Lost != 0 || f.FromCommit.P50 <= 0 || f.CPU <= 0 {
				t.Errorf("%q: %+v, want 100 messages, each there and timed", f.Peer, f)
			}
			if f.Peer != "other+outbox" && f.Dup != 0 { // whose worker hands over again what was not answered in time
				t.Errorf("%q: %+v, want each once", f.Peer, f)
			}
			if f.Peer != "other" && f.OutOfOrder+f.Gaps != 0 { // two that are handed over right after COMMIT may overtake each other
				t.Errorf("%q: %+v, want them in order", f.Peer, f)
			}
		}
		if got, want := strings.Join(turns, " "), " other other+outbox"; got != want {
			t.Errorf("turns %q, want %q", got, want)
		}
		if m := figures[len(figures)-1].Medians["single/other/p50Ms"]; m.Rounds != 1 || m.Least <= 0 {
			t.Errorf("the median of the peer is %+v, want that of its round", m)
		}
	})
}

// The controls: servers with a fault each, which a whole round must see.
func TestARoundSeesWhatABrokenServerDoes(t *testing.T) {
	t.Parallel()
	for fault, seen := range map[string]func(f PushFigure) bool{
		"loses":    func(f PushFigure) bool { return f.Lost > 0 && f.Dup == 0 && f.Received < f.Committed },
		"doubles":  func(f PushFigure) bool { return f.Dup > 0 && f.Lost == 0 },
		"reorders": func(f PushFigure) bool { return f.OutOfOrder > 0 && f.Dup == 0 },
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			o := PushOptions{
				Folder: t.TempDir(), Prefix: "x:", Rounds: []string{"single"}, Sockets: map[string]int{"single": 5}, Slice: time.Second, Rate: 60,
				Node: []string{os.Args[0]}, Env: []string{serverOfTests + "=1"}, Pairs: 1, Peer: peerWith(t, fault), Say: t.Output(),
			}
			figures, err := Push(t.Context(), o, func(PushFigure) error { return nil })
			if err != nil {
				t.Fatal(err)
			}
			if ours := figures[0]; ours.Lost+ours.Dup+ours.OutOfOrder != 0 {
				t.Errorf("of us it says %+v, want nothing wrong", ours)
			}
			if f := figures[1]; f.OK || f.Why == "" || !seen(f) {
				t.Errorf("of a server that %s it says %+v", fault, f)
			}
		})
	}
}

func TestSettingsOfAPeerMustBeWhole(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "peer.json")
	for _, text := range []string{`{"name":"x"}`, `{"name":"x","nothing":1}`, `{`} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadPeer("x", file); err == nil {
			t.Errorf("%s is taken as the settings of a peer", text)
		}
	}
}
