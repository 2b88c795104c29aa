package db

import (
	"strings"
	"testing"
)

func TestSmallSizesAreUnwiseAndSayWhatToGive(t *testing.T) {
	t.Parallel()
	mariadb, tidb := engine{family: mariadbFamily}, engine{family: tidbFamily}
	for name, c := range map[string]struct {
		e    engine
		s    sizes
		want []string // a part of each line
	}{
		"enough of both":             {mariadb, sizes{Pool: 256 * mebibyte, Packet: 16 * mebibyte}, nil},
		"MariaDB as it comes":        {mariadb, sizes{Pool: 128 * mebibyte, Packet: 16 * mebibyte}, []string{"at least 256 MB"}},
		"much data":                  {mariadb, sizes{Pool: 1024 * mebibyte, Packet: 16 * mebibyte, Data: 8192 * mebibyte}, []string{"at least 2048 MB"}},
		"a quarter of much data":     {mariadb, sizes{Pool: 2048 * mebibyte, Packet: 16 * mebibyte, Data: 8192 * mebibyte}, nil},
		"small packets":              {mariadb, sizes{Pool: 256 * mebibyte, Packet: 4 * mebibyte}, []string{"max_allowed_packet is 4 MB"}},
		"TiDB, whose pool is a name": {tidb, sizes{Pool: 128 * mebibyte, Packet: 64 * mebibyte}, nil},
	} {
		got := c.e.advice(c.s)
		if len(got) != len(c.want) {
			t.Errorf("%s: %q, want %d lines", name, got, len(c.want))
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(got[i], want) {
				t.Errorf("%s: %q, want it to say %q", name, got[i], want)
			}
		}
	}
}
