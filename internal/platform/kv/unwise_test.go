package kv_test

import (
	"strings"
	"testing"

	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/kv/kvtest"
)

func TestRedisAsItComesWastesMemoryAndTheEmbeddedOneDoesNot(t *testing.T) {
	t.Parallel()
	kvtest.Each(t, func(t *testing.T, k *kv.KV) {
		lines, err := k.Unwise(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if said := strings.Contains(strings.Join(lines, "\n"), "stream-node-max-bytes is 4096"); said == k.Embedded() {
			t.Errorf("embedded %v: %q", k.Embedded(), lines)
		}
	})
}

func TestTheDoctorSaysWhatIsUnwise(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, value string
		want        string
	}{
		{"maxmemory-policy", "noeviction", ""},
		{"maxmemory-policy", "allkeys-lru", "noeviction"},
		{"stream-node-max-bytes", "4096", "1024"},
		{"stream-node-max-bytes", "0", "1024"},
		{"appendonly", "no", "yes"},
		{"appendfsync", "everysec", ""},
		{"appendfsync", "always", "everysec"},
		{"cluster-require-full-coverage", "yes", "no"},
		{"cluster-enabled", "no", ""},
	} {
		set := map[string]string{
			"maxmemory-policy": "noeviction", "stream-node-max-bytes": "1024", "appendonly": "yes", "appendfsync": "everysec",
			"cluster-enabled": "yes", "cluster-require-full-coverage": "no",
		}
		set[c.name] = c.value
		got := kv.Advice(set)
		if c.want == "" && len(got) == 0 {
			continue
		}
		if len(got) != 1 || c.want == "" || !strings.Contains(got[0], "set it to "+c.want) {
			t.Errorf("%s %s: %q, want to set it to %q", c.name, c.value, got, c.want)
		}
	}
	if got := kv.Advice(map[string]string{}); len(got) != 0 {
		t.Errorf("of what is not known it says %q", got)
	}
}
