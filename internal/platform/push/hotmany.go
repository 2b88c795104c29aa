package push

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"wanjia/internal/platform/kv"
)

// manyAtOnce is how many persons one step of Redis serves: others wait meanwhile.
const manyAtOnce = 100

// manyScript does for many persons of a shard, with one new item each, what pushScript does for one, and wakes all nodes
// with one message. It answers the places of those who lack an earlier item, whose reader is just filling, or whose item was
// refused, such as by a Redis that is full: they come alone, and what is said then is noted.
var manyScript = kv.NewScript(`
local tops, n = {}, (#KEYS - 1) / 2
for i = 1, n do tops[i] = KEYS[2*i] end
tops = redis.call('MGET', unpack(tops))
local gaps, sent = {}, {ARGV[3]}
for i = 1, n do
  local seq, top = tonumber(ARGV[3*i+2]), tops[i]
  local number, told = tonumber(top or ''), not top
  if top and (not number or seq > number + 1) then
    gaps[#gaps+1] = i
  elseif top and seq > number then
    local id, stream, item = ARGV[3*i+2], KEYS[2*i+1], ARGV[3*i+3] .. ARGV[3]
    local added = redis.pcall('XADD', stream, 'NOMKSTREAM', 'MAXLEN', '~', ARGV[2], id .. '-0', 'd', item)
    if not added then
      added = redis.pcall('XADD', stream, id .. '-0', 'd', item)
      redis.call('PEXPIRE', stream, redis.call('PTTL', KEYS[2*i]))
    end
    if type(added) == 'table' and added.err then
      gaps[#gaps+1] = i
    else
      redis.call('SET', KEYS[2*i], id, 'KEEPTTL')
      told = true
    end
  end
  if told then sent[#sent+1] = ARGV[3*i+1] .. ' ' .. ARGV[3*i+2] .. ' ' .. ARGV[3*i+3] end
end
if #sent > 1 then redis.call(ARGV[1], KEYS[1], table.concat(sent, '\n')) end
return gaps
`)

// PushAll hands one new item each to many persons, some of a shard in one step, and wakes all nodes. It returns to whom
// Push must come again, since earlier items are not there yet or Redis has refused, and whom Redis keeps from theirs, since
// it is away.
// Repeating it is harmless.
func (h *Hot) PushAll(ctx context.Context, ds []Delivery) (again, away []Delivery) {
	type load struct {
		shard int
		tail  string
		ds    []Delivery
	}
	var loads []load
	open := map[int]int{} // the load of a shard that has room
	for _, d := range ds {
		if len(d.Entries) != 1 {
			again = append(again, d)
			continue
		}
		shard := kv.ShardOf(d.Person)
		_, tail := d.Entries[0].cutRole()
		i, there := open[shard]
		if !there || len(loads[i].ds) == manyAtOnce || loads[i].tail != tail {
			i = len(loads)
			open[shard], loads = i, append(loads, load{shard: shard, tail: tail})
		}
		loads[i].ds = append(loads[i].ds, d)
	}
	b := h.kv.Batch()
	replies := make([]*kv.Reply, len(loads))
	for i, l := range loads {
		keys := append(make([]kv.Key, 0, 1+2*len(l.ds)), kv.OutboxWake(l.shard))
		args := append(make([]any, 0, 3+3*len(l.ds)), h.kv.PublishCommand(), hotEntries, l.tail)
		for _, d := range l.ds {
			role, _ := d.Entries[0].cutRole()
			keys = append(keys, kv.InboxTop(d.Person), kv.HotInbox(d.Person))
			args = append(args, d.Person, d.Entries[0].Seq, role)
		}
		replies[i] = b.Run(manyScript, keys, args...)
	}
	_ = b.Send(ctx) // each reply has its own error
	for i, r := range replies {
		v, err := r.Value()
		switch {
		case errors.Is(err, kv.ErrAway):
			away = append(away, loads[i].ds...)
			continue
		case err != nil:
			again = append(again, loads[i].ds...)
			continue
		}
		gaps, _ := v.([]any)
		for _, at := range gaps {
			if n, ok := at.(int64); ok && n >= 1 && int(n) <= len(loads[i].ds) {
				again = append(again, loads[i].ds[n-1])
			}
		}
	}
	return again, away
}

// heardOfMany takes what manyScript says: the item, and behind it a line for each person it is new to.
func (h *Hub) heardOfMany(message string) {
	tail, rest, _ := strings.Cut(message, "\n")
	for line := range strings.SplitSeq(rest, "\n") {
		person, rest, _ := strings.Cut(line, " ")
		number, role, _ := strings.Cut(rest, " ")
		id, errID := strconv.ParseInt(person, 10, 64)
		seq, errSeq := strconv.ParseInt(number, 10, 64)
		if errID != nil || errSeq != nil {
			continue // it is a hint and nothing more
		}
		if p := h.find(id); p != nil && !p.knows(seq) { // this node itself may have told them
			h.deliverTo(p, Delivery{Person: id, Entries: []Entry{{Seq: seq, Tail: role + tail}}})
		}
	}
}
