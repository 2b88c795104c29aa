package push

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gorilla/websocket"

	"wanjia/internal/platform/problem"
)

// Protocol is the subprotocol that both sides must speak.
const Protocol = "wanjia.v1"

const (
	frameLimit = 4 << 10
	writeLimit = 10 * time.Second
	sendBuffer = 64 << 10
)

// A Cursor says what a device has applied: everything up to Seq, with no hole. To clients it is opaque.
type Cursor struct {
	Era, Seq int64
}

// String is c as clients keep it: 3.124.
func (c Cursor) String() string {
	return strconv.FormatInt(c.Era, 10) + "." + strconv.FormatInt(c.Seq, 10)
}

// ParseCursor reads what String wrote.
func ParseCursor(s string) (Cursor, error) {
	era, seq, found := strings.Cut(s, ".")
	e, errEra := strconv.ParseInt(era, 10, 64)
	n, errSeq := strconv.ParseInt(seq, 10, 64)
	if !found || errEra != nil || errSeq != nil || e < 0 || n < 0 {
		return Cursor{}, fmt.Errorf("cursor %q is none of ours", s)
	}
	return Cursor{e, n}, nil
}

// upgrader has buffers of its own sizes, so that the 4 KiB of net/http go, and writes from shared ones.
var upgrader = websocket.Upgrader{
	ReadBufferSize: 512, WriteBufferSize: 1024, WriteBufferPool: &sync.Pool{},
	HandshakeTimeout: 5 * time.Second,
	Subprotocols:     []string{Protocol},
	CheckOrigin:      func(*http.Request) bool { return true },                // ServeSocket has looked
	Error:            func(http.ResponseWriter, *http.Request, int, error) {}, // ServeSocket answers
}

// What a device is told that is refused before it has a socket or a stream. Whoever has one is told by a close code.
var (
	errOrigin   = problem.New(problem.Forbidden, "push.origin_refused")
	errNoSocket = problem.New(problem.Malformed, "push.socket_needed")
	errStopping = problem.ErrUnavailable.RetryAfter(5 * time.Second)
)

// ServeSocket answers GET /v1/push: it takes the ticket, upgrades, and returns. The socket lives on by itself;
// nothing of the request does. Cookies are not looked at. With an error nothing has been answered yet.
func (h *Hub) ServeSocket(w http.ResponseWriter, r *http.Request) error {
	if err := h.admits(r); err != nil {
		return err
	}
	if !websocket.IsWebSocketUpgrade(r) {
		return errNoSocket.Field("Upgrade", "required")
	}
	if !slices.Contains(websocket.Subprotocols(r), Protocol) {
		return errNoSocket.Field("Sec-WebSocket-Protocol", "required")
	}
	after, err := cursorOf(r.URL.Query().Get("after"))
	if err != nil {
		return problem.ErrCursor
	}
	session, refused := h.redeem(r)
	switch {
	case errors.Is(refused, problem.ErrTooMany):
		return refused
	case refused != nil && !errors.Is(refused, ErrTicket):
		return unavailable(refused)
	}
	ws, err := upgrader.Upgrade(w, r, nil)
	var handshake websocket.HandshakeError
	switch {
	case errors.As(err, &handshake):
		return errNoSocket.Field("Upgrade", "invalid")
	case err != nil:
		return nil //nolint:nilerr // because the device has left in the middle
	}
	s := &socket{ws: ws, patience: h.patience}
	if refused != nil {
		h.stats.close(TicketRefused)
		s.turnAway(TicketRefused, 0)
		return nil //nolint:nilerr // because the device hears of it over the socket, or has left
	}
	if tcp, ok := ws.NetConn().(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(sendBuffer) // bounds what a slow device holds in the kernel
	}
	ws.SetReadLimit(frameLimit)
	c, err := h.join(r.Context(), session, after, s, false)
	if err != nil { // SQL does not answer: elsewhere, or a little later
		h.stats.close(Drained)
		s.turnAway(Drained, spread())
		return nil //nolint:nilerr // because the device hears of it over the socket, or has left
	}
	ws.SetPingHandler(func(data string) error {
		if c.alive() {
			c.p.mu.Lock()
			c.tell(word{[]byte(data), websocket.PongMessage})
			c.p.mu.Unlock()
		}
		return nil
	})
	ws.SetPongHandler(func(string) error { c.alive(); return nil })
	go c.read(ws)
	return nil
}

// admits says why a page of that origin, or anybody at this moment, gets neither a socket nor a stream.
func (h *Hub) admits(r *http.Request) error {
	if origins, sent := r.Header["Origin"]; len(origins) > 1 || sent && !h.originAllowed(origins[0], true) {
		return errOrigin
	}
	if h.draining.Load() {
		return errStopping
	}
	return nil
}

// unavailable is err as somebody may see it, and still err for the log.
func unavailable(err error) error { return fmt.Errorf("%w: %w", problem.ErrUnavailable, err) }

func cursorOf(text string) (*Cursor, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // because no cursor is an answer
	}
	c, err := ParseCursor(text)
	return &c, err
}

// A socket is a wire made of a WebSocket. It writes frames itself, each in one call, so that it knows what one that took
// too long has left behind: only behind that can a goodbye be understood.
type socket struct {
	ws       *websocket.Conn
	patience time.Duration
	rest     []byte
}

// errSlow says that a write took too long.
var errSlow = errors.New("the device does not read")

// outRoom is lent to writers, for a frame and for what goes out of it.
var outRoom = sync.Pool{New: func() any { b := make([]byte, 0, 1024); return &b }}

func (s *socket) write(frame []byte, kind int, _ int64) error {
	room := outRoom.Get().(*[]byte)
	defer outRoom.Put(room)
	b := append(appendHead((*room)[:0], kind, len(frame)), frame...)
	if cap(b) <= queueBytes {
		*room = b
	}
	return s.send(b, s.patience)
}

func (s *socket) send(b []byte, within time.Duration) error {
	rest, err := send(s.ws.NetConn(), b, within)
	if errors.Is(err, errSlow) {
		s.rest = bytes.Clone(rest)
	}
	return err
}

// send writes b, and returns what is left when that takes too long. As a rule the kernel has room for it, and nothing is
// set up for the case that the device does not read: of what sockets cost that only answer pings, that was a part.
func send(wire net.Conn, b []byte, within time.Duration) (rest []byte, err error) {
	n, err := writeNow(wire, b)
	if b = b[n:]; err != nil || len(b) == 0 {
		return nil, err
	}
	if err := wire.SetWriteDeadline(time.Now().Add(within)); err != nil {
		return nil, err
	}
	n, err = wire.Write(b)
	late := wire.SetWriteDeadline(time.Time{}) // else whatever is written next would meet it
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return b[n:], errSlow
	}
	return nil, errors.Join(err, late)
}

// writeNow writes what the kernel has room for, and waits for nothing.
func writeNow(wire net.Conn, b []byte) (n int, err error) {
	straight, ok := wire.(syscall.Conn)
	if !ok {
		return 0, nil
	}
	raw, err := straight.SyscallConn()
	if err != nil {
		return 0, err
	}
	var failed error
	err = raw.Write(func(fd uintptr) bool {
		n, failed = syscall.Write(int(fd), b)
		return true
	})
	switch n = max(n, 0); {
	case err != nil:
		return n, err
	case errors.Is(failed, syscall.EAGAIN), errors.Is(failed, syscall.EINTR):
		return n, nil
	}
	return n, failed
}

// appendHead begins a frame of size bytes, as RFC 6455 §5.2 has it for servers.
func appendHead(b []byte, kind, size int) []byte {
	b = append(b, 0x80|byte(kind))
	switch {
	case size < 126:
		return append(b, byte(size))
	case size < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, 126), uint16(size))
	default:
		return binary.BigEndian.AppendUint64(append(b, 127), uint64(size))
	}
}

// shut says the code; to a device that did not read, behind what it has not got yet.
func (s *socket) shut(code Code) error {
	b, within := s.rest, time.Second
	if code == Slow {
		bye := byeFrame(code, 0)
		b, within = append(appendHead(b, websocket.TextMessage, len(bye)), bye...), closeWithin
	}
	words := websocket.FormatCloseMessage(int(code), "")
	return s.send(append(appendHead(b, websocket.CloseMessage, len(words)), words...), within)
}

// turnAway ends a socket that never joined.
func (s *socket) turnAway(code Code, afterMS int64) {
	_ = s.write(byeFrame(code, afterMS), websocket.TextMessage, 0)
	_ = s.shut(code)
	s.linger()
}

func (s *socket) drop() { _ = s.ws.NetConn().Close() }

// linger waits for the other side's goodbye, so that ours is not lost with the connection.
func (s *socket) linger() {
	_ = s.ws.SetReadDeadline(time.Now().Add(closeWithin))
	go func() {
		defer s.drop()
		for {
			if _, _, err := s.ws.NextReader(); err != nil {
				return
			}
		}
	}()
}

// alive counts a control frame of the device as a sign of life, and as a frame.
func (c *conn) alive() bool {
	if c.tooFast() {
		c.refuse(TooFast)
		return false
	}
	c.heard.Store(c.h.now())
	return true
}

// frameRoom is lent to readers while a frame is there; idle sockets hold none.
var frameRoom = sync.Pool{New: func() any { b := make([]byte, frameLimit+1); return &b }}

// read takes the device's frames until the socket ends. Its stack stays small: what needs more is a job.
func (c *conn) read(ws *websocket.Conn) {
	defer c.part()
	for {
		kind, r, err := ws.NextReader()
		if err == nil {
			err = c.readOne(kind, r)
		}
		if errors.Is(err, websocket.ErrReadLimit) { // gorilla has said 1009
			c.h.stats.close(tooLong)
			swallow(ws.NetConn())
		}
		if err != nil {
			return
		}
	}
}

// swallow takes in what a device goes on sending, for a while: a connection that is closed before takes the goodbye
// along with it.
func swallow(wire net.Conn) {
	_ = wire.SetReadDeadline(time.Now().Add(closeWithin))
	_, _ = io.CopyN(io.Discard, wire, 1<<20)
}

// readOne takes one frame; an error when the socket has ended in the middle of it.
func (c *conn) readOne(kind int, r io.Reader) error {
	room := frameRoom.Get().(*[]byte)
	defer frameRoom.Put(room)
	n := 0
	for {
		m, err := r.Read((*room)[n:])
		n += m
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if n == len(*room) {
			return websocket.ErrReadLimit
		}
	}
	c.p.mu.Lock()
	ended := c.shutAt != 0
	c.p.mu.Unlock()
	if ended {
		return nil // it waits for the device's goodbye
	}
	if c.tooFast() {
		c.refuse(TooFast)
		return nil
	}
	if kind != websocket.TextMessage {
		c.refuse(BadFrame)
		return nil
	}
	f, err := parseFrame((*room)[:n])
	switch {
	case errors.Is(err, errUTF8):
		c.refuse(badUTF8)
	case err != nil:
		c.refuse(BadFrame)
	default:
		c.take(f)
	}
	return nil
}
