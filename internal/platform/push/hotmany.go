package push

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"wanjia/internal/platform/kv"
)

// manyAtOnce is how many persons one step of Redis serves: others wait meanwhile.
const manyAtOnce = 100

// manyScript does for many persons of a shard, with the same new items each, what pushScript does for one, and wakes all nodes
// with one message. It answers the places of those who lack an earlier item, whose reader is just filling, or of whom an item
// was refused, such as by a Redis that is full: they come alone, and what is said then is noted.
//
// ARGV: the command to publish, how many a stream keeps, how many items, their texts; then of each person the id, the number of
// the first item, and the role.
var manyScript = kv.NewScript(`
local tops, n, items = {}, (#KEYS - 1) / 2, tonumber(ARGV[3])
for i = 1, n do tops[i] = KEYS[2*i] end
tops = redis.call('MGET', unpack(tops))
local gaps, sent = {}, {}
for j = 1, items do sent[j] = ARGV[3+j] end
for i = 1, n do
  local at = items + 3*i + 1
  local first, top, role = tonumber(ARGV[at+1]), tops[i], ARGV[at+2]
  local number, told, last = tonumber(top or ''), not top
  if top and (not number or first > number + 1) then
    gaps[#gaps+1] = i
  elseif top then
    local stream = KEYS[2*i+1]
    for seq = math.max(first, number + 1), first + items - 1 do
      local id, item = string.format('%.0f', seq), role .. ARGV[4+seq-first]
      local added = redis.pcall('XADD', stream, 'NOMKSTREAM', 'MAXLEN', '~', ARGV[2], id .. '-0', 'd', item)
      if not added then
        added = redis.pcall('XADD', stream, id .. '-0', 'd', item)
        redis.call('PEXPIRE', stream, redis.call('PTTL', KEYS[2*i]))
      end
      if type(added) == 'table' and added.err then
        gaps[#gaps+1] = i
        break
      end
      last = id
    end
    if last then
      redis.call('SET', KEYS[2*i], last, 'KEEPTTL')
      told = true
    end
  end
  if told then sent[#sent+1] = ARGV[at] .. ' ' .. ARGV[at+1] .. ' ' .. role end
end
if #sent > items then redis.call(ARGV[1], KEYS[1], table.concat(sent, '\n')) end
return gaps
`)

// role is what all items of d begin with; not when they are for several roles, or a number is missing in between.
func (d Delivery) role() (role string, ok bool) {
	for i, e := range d.Entries {
		r, _ := e.cutRole()
		if i > 0 && r != role || e.Seq != d.Entries[0].Seq+int64(i) {
			return "", false
		}
		role = r
	}
	return role, len(d.Entries) > 0
}

// tells says whether d's items have these texts behind their role.
func (d Delivery) tells(tails []string) bool {
	return slices.EqualFunc(d.Entries, tails, func(e Entry, tail string) bool {
		_, own := e.cutRole()
		return own == tail
	})
}

// PushAll hands new items to many persons, some of a shard with the same items in one step, and wakes all nodes. It returns to
// whom Push must come again, since earlier items are not there yet or Redis has refused, and whom Redis keeps from theirs,
// since it is away.
// Repeating it is harmless.
func (h *Hot) PushAll(ctx context.Context, ds []Delivery) (again, away []Delivery) {
	type load struct {
		shard int
		tails []string
		ds    []Delivery
		roles []string
	}
	var loads []load
	open := map[int]int{} // the load of a shard that has room
	for _, d := range ds {
		role, ok := d.role()
		if !ok {
			again = append(again, d)
			continue
		}
		shard := kv.ShardOf(d.Person)
		i, there := open[shard]
		if !there || len(loads[i].ds) == manyAtOnce || !d.tells(loads[i].tails) {
			i = len(loads)
			l := load{shard: shard}
			for _, e := range d.Entries {
				_, tail := e.cutRole()
				l.tails = append(l.tails, tail)
			}
			open[shard], loads = i, append(loads, l)
		}
		loads[i].ds, loads[i].roles = append(loads[i].ds, d), append(loads[i].roles, role)
	}
	b := h.kv.Batch()
	replies := make([]*kv.Reply, len(loads))
	for i, l := range loads {
		keys := append(make([]kv.Key, 0, 1+2*len(l.ds)), kv.OutboxWake(l.shard))
		args := append(make([]any, 0, 3+len(l.tails)+3*len(l.ds)), h.kv.PublishCommand(), hotEntries, len(l.tails))
		for _, tail := range l.tails {
			args = append(args, tail)
		}
		for j, d := range l.ds {
			keys = append(keys, kv.InboxTop(d.Person), kv.HotInbox(d.Person))
			args = append(args, d.Person, d.Entries[0].Seq, l.roles[j])
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

// heardOfMany takes what manyScript says: a line for each item, and behind them one for each person they are new to, with the
// number of the first. A text begins with a quotation mark, and an id does not.
func (h *Hub) heardOfMany(message string) {
	var tails []string
	for line := range strings.SplitSeq(message, "\n") {
		if strings.HasPrefix(line, `"`) {
			tails = append(tails, line)
			continue
		}
		person, rest, _ := strings.Cut(line, " ")
		number, role, _ := strings.Cut(rest, " ")
		id, errID := strconv.ParseInt(person, 10, 64)
		seq, errSeq := strconv.ParseInt(number, 10, 64)
		if errID != nil || errSeq != nil || len(tails) == 0 {
			continue // it is a hint and nothing more
		}
		p := h.find(id)
		if p == nil || p.knows(seq+int64(len(tails))-1) { // this node itself may have told them
			continue
		}
		d := Delivery{Person: id, Entries: make([]Entry, len(tails))}
		for i, tail := range tails {
			d.Entries[i] = Entry{Seq: seq + int64(i), Tail: role + tail}
		}
		h.deliverTo(p, d)
	}
}
