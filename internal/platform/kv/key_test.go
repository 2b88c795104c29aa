package kv

import (
	"strings"
	"testing"
)

func TestTheTagsAreSpreadEvenlyOverTheSlots(t *testing.T) {
	t.Parallel()
	for i, tag := range tags {
		if got := int(slotOf(tag)) / (slots / Shards); got != i {
			t.Errorf("tag %d (%s) lies in part %d", i, tag, got)
		}
	}
}

func TestSlotsAreThoseOfRedisCluster(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]uint16{"123456789": 0x31C3 % slots, "foo": 12182, "user1000": 3443} {
		if got := slotOf(tag); got != want {
			t.Errorf("slot of %s is %d, want %d", tag, got, want)
		}
	}
}

func TestKeysOfAPersonShareASlot(t *testing.T) {
	t.Parallel()
	for _, k := range []Key{HotInbox(130), InboxTop(130), InboxWake(130), OutboxWake(2), Online(2), Content(2)} {
		if !strings.Contains(k.String(), "{"+tags[2]+"}") || k.Shard() != 2 {
			t.Errorf("%s lies in shard %d", k, k.Shard())
		}
	}
	if got := InboxWake(130).Person(); got != 130 {
		t.Errorf("the channel of 130 says %d", got)
	}
}
