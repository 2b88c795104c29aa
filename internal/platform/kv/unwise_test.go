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

func TestAnEvictingRedisIsUnwise(t *testing.T) {
	t.Parallel()
	for policy, want := range map[string]int{"noeviction": 0, "allkeys-lru": 1, "": 0} {
		if got := kv.Advice(map[string]string{"maxmemory-policy": policy, "stream-node-max-bytes": "1024"}); len(got) != want {
			t.Errorf("policy %q: %q, want %d lines", policy, got, want)
		}
	}
}
