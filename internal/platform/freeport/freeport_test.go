package freeport

import (
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
)

func TestAPortIsFreeOnlyOnceAndNoNearEndOfAConnection(t *testing.T) {
	t.Parallel()
	lowest := 32768
	if said, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		lowest, err = strconv.Atoi(strings.Fields(string(said))[0])
		if err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	for range 200 {
		port, err := Find(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n, err := strconv.Atoi(port); err != nil || n >= lowest || seen[port] {
			t.Errorf("port %s is a near end's, which begin at %d, or was given before (%v)", port, lowest, err)
		}
		seen[port] = true
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:"+port)
		if err != nil {
			t.Errorf("port %s is not free: %v", port, err)
			continue
		}
		t.Cleanup(func() { _ = l.Close() })
	}
}
