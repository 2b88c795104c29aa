// Package demo plays the main job of the product, and how needs are solved, for whoever wants to see it: over HTTP and
// sockets, against a running server in demo mode, one line a step. It knows nothing that a client does not know.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options say what is played, and where.
type Options struct {
	URL   string    // of a server in demo mode, such as http://127.0.0.1:8080
	Story string    // one of Stories
	Out   io.Writer // the story, in Chinese, as the people in it speak
}

// stories are what can be played.
var stories = map[string]func(*stage){"main": (*stage).mainJob, "needs": (*stage).needs}

// Stories are the names of what can be played.
func Stories() []string { return slices.Sorted(maps.Keys(stories)) }

// A Result counts the steps that were played. The first one that differs ends the story: what would follow rests on it.
type Result struct{ Steps, Failed int }

func (r Result) String() string { return fmt.Sprintf("demo: %d steps, %d failed", r.Steps, r.Failed) }

// What ends a demo before it begins.
var (
	ErrNobody = errors.New("no server answers")
	ErrStory  = errors.New("no such story")
)

// A stage is where a story is played.
type stage struct {
	ctx    context.Context
	url    string
	http   *http.Client
	mu     sync.Mutex // of out: sockets speak, too
	out    io.Writer
	result Result
	ends   []func()

	signedIn []*person
}

// Play plays a story once, and may be called again and again on the same server, on any day. It returns ErrNobody if
// there is no server; whatever else differs stands in the result and on o.Out.
func Play(ctx context.Context, o Options) (Result, error) {
	story, ok := stories[o.Story]
	if !ok {
		return Result{}, fmt.Errorf("%w: %s", ErrStory, o.Story)
	}
	s := &stage{ctx: ctx, url: strings.TrimSuffix(o.URL, "/"), out: o.Out, http: &http.Client{Timeout: 30 * time.Second}}
	if err := s.somebody(); err != nil {
		return Result{}, err
	}
	defer func() {
		for _, end := range s.ends {
			end()
		}
	}()
	story(s)
	s.say("\n%s\n", s.result)
	return s.result, nil
}

// somebody says whether there is a server.
func (s *stage) somebody() error {
	req, err := http.NewRequestWithContext(s.ctx, http.MethodGet, s.url+"/v1/version", nil)
	if err != nil {
		return fmt.Errorf("read the address: %w", err)
	}
	res, err := s.http.Do(req)
	if err != nil {
		return fmt.Errorf("%w at %s", ErrNobody, s.url)
	}
	return res.Body.Close()
}

func (s *stage) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, format, args...)
}

// chapter begins a part of the story.
func (s *stage) chapter(title string) {
	if s.result.Failed == 0 {
		s.say("\n%s\n", title)
	}
}

// step plays one step unless an earlier one has failed: f says what came back, or what differs from what should have.
func (s *stage) step(who, what string, f func() (came string, err error)) {
	if s.result.Failed > 0 {
		return
	}
	s.result.Steps++
	began := time.Now()
	came, err := f()
	mark := "✓"
	if err != nil {
		s.result.Failed++
		mark, came = "✗", "不对："+err.Error()
	}
	s.say(" %s %2d  %s%s → %s  (%d ms)\n", mark, s.result.Steps, who, what, came, time.Since(began).Milliseconds())
}
