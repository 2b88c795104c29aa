package kv_test

import (
	"strings"
	"testing"

	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/kv/kvtest"
)

func TestWipingLeavesNothingAndDumpingShowsEverything(t *testing.T) {
	t.Parallel()
	kvtest.Each(t, func(t *testing.T, k *kv.KV) {
		all := func() string {
			var b strings.Builder
			if err := k.Dump(t.Context(), func(key, content string) { b.WriteString(key + "=" + content + "\n") }); err != nil {
				t.Fatal(err)
			}
			return b.String()
		}
		if err := k.Set(t.Context(), kv.Session("7"), "海棠", kv.Forever); err != nil {
			t.Fatal(err)
		}
		if err := k.Mark(t.Context(), kv.Online(3), 5, 190); err != nil {
			t.Fatal(err)
		}
		stream := kv.NewScript(`return redis.call('XADD', KEYS[1], '7-0', 'd', ARGV[1])`)
		if _, err := k.Run(t.Context(), stream, []kv.Key{kv.HotInbox(7)}, "芒种"); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"海棠", "190", "芒种"} {
			if got := all(); !strings.Contains(got, want) {
				t.Errorf("dumped %q, want %s in it", got, want)
			}
		}
		if err := k.Wipe(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := all(); got != "" {
			t.Errorf("after wiping there is still %q", got)
		}
	})
}
