package push

import (
	"errors"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"wanjia/internal/platform/problem"
)

const commentEvery = 15 * time.Second

// ServeEvents answers GET /v1/push/events: the same frames as a socket's, one way, for networks that let no socket
// through. Each item carries its cursor as the event's id, so Last-Event-ID resumes. Whoever asks shows an access
// token or a ticket; cookies are not looked at. With an error nothing has been answered yet.
func (h *Hub) ServeEvents(w http.ResponseWriter, r *http.Request) error {
	if err := h.admits(r); err != nil {
		return err
	}
	text := r.Header.Get("Last-Event-ID")
	if text == "" {
		text = r.URL.Query().Get("after")
	}
	after, err := cursorOf(text)
	if err != nil {
		return problem.ErrCursor
	}
	session, err := h.sessionOf(r)
	switch {
	case errors.Is(err, ErrTicket):
		return problem.ErrUnauthenticated
	case errors.Is(err, problem.ErrTooMany):
		return err
	case err != nil:
		return unavailable(err)
	}
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	s := &events{w: w, control: http.NewResponseController(w), era: h.o.Era, patience: h.patience, ended: make(chan struct{})}
	if err := s.put(": wanjia\n\n"); err != nil {
		return nil // because nobody reads it any more
	}
	c, err := h.join(r.Context(), session, after, s, true)
	if err != nil {
		return nil // because the stream ends, and the device comes back with its cursor
	}
	defer s.rest()
	defer c.part()
	tick := time.NewTicker(commentEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if s.put(": \n\n") != nil {
				return nil
			}
		case <-s.ended:
			return nil
		case <-r.Context().Done():
			return nil
		}
	}
}

// sessionOf is whose stream it is.
func (h *Hub) sessionOf(r *http.Request) (Session, error) {
	if r.Header.Get("Authorization") == "" || h.o.Identify == nil {
		return h.redeem(r)
	}
	return h.o.Identify(r)
}

// An events is a wire made of an event stream.
type events struct {
	mu       sync.Mutex // of whoever writes
	w        http.ResponseWriter
	control  *http.ResponseController
	era      int64
	patience time.Duration
	once     sync.Once
	ended    chan struct{}
}

var errOver = errors.New("the stream is over")

func (s *events) write(frame []byte, kind int, last int64) error {
	if kind != websocket.TextMessage {
		return nil
	}
	b := make([]byte, 0, len(frame)+48)
	if last > 0 {
		b = append(b, "id: "+Cursor{s.era, last}.String()+"\n"...)
	}
	b = append(b, "data: "...)
	b = append(b, frame...)
	return s.put(string(append(b, "\n\n"...)))
}

func (s *events) put(text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.control.SetWriteDeadline(time.Now().Add(s.patience)); err != nil {
		return err
	}
	if s.over() { // asked after the deadline is set, so that it is not in the way of drop's
		return errOver
	}
	_, err := s.w.Write([]byte(text))
	if err == nil {
		err = s.control.Flush()
	}
	switch {
	case err != nil && s.over():
		return errOver
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errSlow
	}
	return err
}

func (s *events) over() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// shut has nothing to add to the bye that went before, but the code for those who read the end only.
func (s *events) shut(code Code) error {
	err := s.put("event: close\ndata: " + strconv.Itoa(int(code)) + "\n\n")
	s.drop()
	return err
}

// drop ends the stream and waits for nobody: it cuts a write that a device does not read.
func (s *events) drop() {
	s.once.Do(func() {
		close(s.ended)
		if s.mu.TryLock() {
			s.mu.Unlock()
			return
		}
		_ = s.control.SetWriteDeadline(time.Now()) // or its own patience ends it
	})
}

// rest returns when nobody writes any more, after drop: the answer must not end before.
func (s *events) rest() {
	s.mu.Lock()
	defer s.mu.Unlock()
}
