package push

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// What the kernel has no room for waits for the device to read, and no longer than it may; whatever is written later, such
// as the goodbye, is not held to a time that was over before.
func TestAWriteWaitsForRoomAndNoLongerThanItMay(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	device, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = device.Close() })
	wire, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = wire.Close() })
	const patience = 50 * time.Millisecond
	var sent []byte
	var rest []byte
	for err == nil { // nobody reads
		some := bytes.Repeat([]byte{byte(len(sent) >> 16)}, 64<<10)
		rest, err = send(wire, some, patience)
		sent = append(sent, some...)
	}
	if !errors.Is(err, errSlow) || len(rest) == 0 || len(rest) > 64<<10 {
		t.Fatalf("a device that does not read: %v, and %d bytes are left", err, len(rest))
	}
	<-time.After(patience) // whatever was set for that write is over
	got := make(chan []byte, 1)
	go func() {
		b := make([]byte, len(sent)+3)
		n, _ := io.ReadFull(device, b)
		got <- b[:n]
	}()
	for _, b := range [][]byte{rest, []byte("bye")} {
		if left, err := send(wire, b, time.Minute); err != nil || len(left) > 0 {
			t.Fatalf("once it reads: %v, and %d bytes are left", err, len(left))
		}
	}
	if b := <-got; !bytes.Equal(b, append(sent, "bye"...)) {
		t.Errorf("%d bytes have arrived, want the %d that were sent", len(b), len(sent)+3)
	}
	_ = device.Close()
	for end := time.Now().Add(10 * time.Second); ; { // the kernel takes some before it knows
		if _, err := send(wire, []byte("x"), patience); err != nil && !errors.Is(err, errSlow) {
			break
		}
		if time.Now().After(end) {
			t.Fatal("nobody notices that the device has left")
		}
	}
}
