package kv

import (
	"strconv"
	"time"
)

// Shards is how many parts persons are divided into: leases, hash tags and pub/sub connections.
const Shards = 64

// tags lie in the middle of 64 equal parts of the 16384 slots of a cluster, in order. They never change:
// keys of running nodes hold them.
var tags = [Shards]string{
	"14", "bd", "e0", "9a", "29", "21", "5e", "f5", "c2", "1de", "76", "df", "f", "140", "13d", "43",
	"7f", "d6", "cb", "1d5", "134", "4c", "6", "253", "68", "60", "1d", "b4", "55", "fe", "a1", "2a",
	"7a", "d1", "ce", "1d2", "133", "4d", "1", "9", "1b8", "67", "1c", "b3", "52", "fb", "a6", "2f",
	"13", "bc", "e7", "9f", "af", "26", "5b", "f2", "c5", "1db", "71", "79", "a", "147", "13c", "44",
}

// ShardOf is the shard of a person.
func ShardOf(person int64) int { return int(uint64(person) % Shards) }

// A Key names one value, or one channel, in Redis. Keys are made by the functions below only, and can be
// compared; the prefix of the era is added on the way out.
type Key struct {
	kind  string
	tag   string // what decides the slot
	rest  string
	shard int // which breaker and pub/sub connection it belongs to
}

// Shard is the shard k lies in.
func (k Key) Shard() int { return k.shard }

// Person is whose key k is, of those that belong to a person; else 0.
func (k Key) Person() int64 {
	n, err := strconv.ParseInt(k.rest, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func (k Key) String() string {
	s := k.kind + ":{" + k.tag + "}"
	if k.rest != "" {
		s += ":" + k.rest
	}
	return s
}

func personKey(kind string, person int64) Key {
	shard := ShardOf(person)
	return Key{kind: kind, tag: tags[shard], rest: strconv.FormatInt(person, 10), shard: shard}
}

func shardKey(kind string, shard int) Key { return Key{kind: kind, tag: tags[shard], shard: shard} }

func looseKey(kind, name string) Key {
	return Key{kind: kind, tag: name, shard: int(slotOf(name)) / (slots / Shards)}
}

// The keys of push.md §7. Stream, top and wake-up of one person share a slot, so that one script may use them.

// HotInbox is the stream of a person's newest items.
func HotInbox(person int64) Key { return personKey("ib", person) }

// InboxTop is the highest seq of a person's hot inbox, or the mark of a reader that is filling it.
func InboxTop(person int64) Key { return personKey("it", person) }

// InboxWake is the channel that wakes a person's sockets.
func InboxWake(person int64) Key { return personKey("iu", person) }

// Sockets is the sorted set of a person's open sockets, on all nodes, by the moment their window ends.
func Sockets(person int64) Key { return personKey("so", person) }

// OutboxWake is the channel that wakes the sweeper of a shard.
func OutboxWake(shard int) Key { return shardKey("ob", shard) }

// Content is the random id of what a shard of this Redis holds; gone or changed, something was lost.
func Content(shard int) Key { return shardKey("ep", shard) }

// Online is the sorted set of connected persons of a shard, served as totals only.
func Online(shard int) Key { return shardKey("on", shard) }

// Session is what is known of a signed-in session, or that it has ended.
func Session(id string) Key { return looseKey("se", id) }

// Ticket is a socket's ticket, by its hash.
func Ticket(hash string) Key { return looseKey("tk", hash) }

// Limit is the bucket of one subject of one limiter.
func Limit(limiter, subject string) Key { return looseKey("rl", limiter+":"+subject) }

// WeChatToken is the sealed access token of an app.
func WeChatToken(app string) Key { return looseKey("wt", app) }

// An Entry is one entry of a stream.
type Entry struct {
	ID   string // <seq>-0
	Data string // its field d
}

// Forever is the time of a key that does not end by itself.
const Forever time.Duration = 0

const slots = 16384

// slotOf is the cluster slot of a hash tag (CRC-16/XMODEM, Redis Cluster specification).
func slotOf(tag string) uint16 {
	var crc uint16
	for i := range len(tag) {
		crc ^= uint16(tag[i]) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return crc % slots
}
