package push

import (
	"errors"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"
)

// A wall is an answer whose reader does not read: each writing waits until it is cut.
type wall struct {
	http.ResponseWriter
	writing, cut chan struct{}
	once         sync.Once
}

func (w *wall) Write([]byte) (int, error) {
	close(w.writing)
	<-w.cut
	return 0, os.ErrDeadlineExceeded
}

func (w *wall) FlushError() error { return nil }

func (w *wall) SetWriteDeadline(at time.Time) error {
	if !at.After(time.Now()) {
		w.once.Do(func() { close(w.cut) })
	}
	return nil
}

// Whoever ends a stream holds its person's lock, and the wheel of all persons may be behind it: nobody waits for a device
// that does not read.
func TestAStreamThatIsNotReadHoldsUpNobodyWhoEndsIt(t *testing.T) {
	t.Parallel()
	w := &wall{writing: make(chan struct{}), cut: make(chan struct{})}
	s := &events{w: w, control: http.NewResponseController(w), era: 1, patience: time.Hour, ended: make(chan struct{})}
	wrote := make(chan error)
	go func() { wrote <- s.put("data: x\n\n") }()
	<-w.writing
	dropped := make(chan struct{})
	go func() { s.drop(); close(dropped) }()
	select {
	case <-dropped:
	case <-time.After(30 * time.Second):
		t.Fatal("who drops it waits for its reader")
	}
	if err := <-wrote; !errors.Is(err, errOver) {
		t.Errorf("the writing ends with %v, want errOver", err)
	}
	s.rest()
	if err := s.put("data: y\n\n"); !errors.Is(err, errOver) {
		t.Errorf("after its end something is written: %v", err)
	}
	s.drop() // by the next who sees to it
}
