package push

import (
	"container/list"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"wanjia/internal/platform/kv"
)

// Sizes and times of hot inboxes (push.md §7).
const (
	hotEntries  = 200 // about how many a stream keeps
	warmEntries = 50  // how many a reader brings from SQL
	hotFor      = 7 * 24 * time.Hour
	warmFor     = 10 * time.Second
	embeddedHot = 4_000 // the embedded Redis holds its lock while it looks at all keys
)

// Hot is the copies of the newest items of active readers, in Redis. Everything in it may vanish at any moment.
type Hot struct {
	kv *kv.KV

	mu    sync.Mutex
	known readers // of the embedded Redis: who has a hot inbox
}

// readers are persons in the order in which they last read: the last of them gives way to a new one. It takes as long
// for many as for few.
type readers struct {
	order list.List // of ids, the newest reader first
	by    map[int64]*list.Element
}

// note notes that person reads, and says who is one too many.
func (r *readers) note(person int64, most int) (oldest int64, tooMany bool) {
	if at := r.by[person]; at != nil {
		r.order.MoveToFront(at)
		return 0, false
	}
	if r.by == nil {
		r.by = map[int64]*list.Element{}
	}
	r.by[person] = r.order.PushFront(person)
	if len(r.by) <= most {
		return 0, false
	}
	oldest = r.order.Remove(r.order.Back()).(int64)
	delete(r.by, oldest)
	return oldest, true
}

// NewHot keeps hot inboxes in k.
func NewHot(k *kv.KV) *Hot { return &Hot{kv: k} }

// pushScript adds items to a hot inbox and wakes the nodes where its person is connected. Of a cold one it only
// wakes: a copy that nobody reads is not worth its memory. It answers {-1, top} when items before the first are
// not there yet, {0, top} when it knew all of them, {1, top} when it took some, {2, 0} when the inbox is cold.
var pushScript = kv.NewScript(`
local function wake(sent)
  local m = cjson.encode(sent)
  if #m > 8192 then m = cjson.encode({sent[#sent-1]}) end
  redis.call(ARGV[1], KEYS[3], m)
end
local top, sent = redis.call('GET', KEYS[2]), {}
if not top then
  for i = 3, #ARGV, 2 do sent[#sent+1] = tonumber(ARGV[i]); sent[#sent+1] = ARGV[i+1] end
  wake(sent)
  return {2, 0}
end
top = tonumber(top)
if not top then return {-1, 0} end
if tonumber(ARGV[3]) > top + 1 then return {-1, top} end
for i = 3, #ARGV, 2 do
  local s = tonumber(ARGV[i])
  if s > top then
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], string.format('%.0f', s) .. '-0', 'd', ARGV[i+1])
    top = s
    sent[#sent+1] = s
    sent[#sent+1] = ARGV[i+1]
  end
end
if #sent == 0 then return {0, top} end
redis.call('SET', KEYS[2], string.format('%.0f', top), 'KEEPTTL')
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], redis.call('PTTL', KEYS[2])) end
wake(sent)
return {1, top}
`)

// warmScript fills a hot inbox, unless the reader's mark is no longer there: then another was faster, or too much
// time has passed.
var warmScript = kv.NewScript(`
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
for i = 4, #ARGV, 2 do
  redis.call('XADD', KEYS[1], ARGV[i] .. '-0', 'd', ARGV[i+1])
end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
`)

// What became of a push.
const (
	Gap   = -1 // items before it are not there yet: fill from Top+1, or come again when Top is 0
	Known = 0
	Taken = 1
	Cold  = 2
)

// An Answer says what became of one Delivery.
type Answer struct {
	State int
	Top   int64
	Err   error // kv.ErrAway: nothing was learned
}

// Done says whether nothing is left to do.
func (a Answer) Done() bool { return a.Err == nil && a.State != Gap }

// Push hands deliveries to Redis, each as one step, all in one go. Repeating it is harmless.
func (h *Hot) Push(ctx context.Context, ds []Delivery) []Answer {
	b := h.kv.Batch()
	replies := make([]*kv.Reply, len(ds))
	for i, d := range ds {
		args := make([]any, 0, 2+2*len(d.Entries))
		args = append(args, h.kv.PublishCommand(), hotEntries)
		for _, e := range d.Entries {
			args = append(args, e.Seq, e.Tail)
		}
		replies[i] = b.Run(pushScript, hotKeys(d.Person), args...)
	}
	_ = b.Send(ctx) // each reply has its own error
	answers := make([]Answer, len(ds))
	for i, r := range replies {
		v, err := r.Value()
		if err != nil {
			answers[i].Err = fmt.Errorf("push to a person: %w", err)
			continue
		}
		two, ok := v.([]any)
		if !ok || len(two) != 2 {
			answers[i].Err = fmt.Errorf("push to a person: redis answered %v", v)
			continue
		}
		state, _ := two[0].(int64)
		answers[i].State = int(state)
		answers[i].Top, _ = two[1].(int64)
	}
	return answers
}

func hotKeys(person int64) []kv.Key {
	return []kv.Key{kv.HotInbox(person), kv.InboxTop(person), kv.InboxWake(person)}
}

// Forget makes a hot inbox cold; its next reader fills it again.
func (h *Hot) Forget(ctx context.Context, person int64) error {
	return h.kv.Delete(ctx, kv.InboxTop(person), kv.HotInbox(person))
}

// Top is the newest item the hot inbox of person has; known is false when there is none.
func (h *Hot) Top(ctx context.Context, person int64) (top int64, known bool) {
	text, found, err := h.kv.Get(ctx, kv.InboxTop(person))
	if err != nil || !found {
		return 0, false
	}
	top, err = strconv.ParseInt(text, 10, 64)
	return top, err == nil // not while a reader is filling it
}

// A Place is how far the hot inbox of a person is.
type Place struct {
	Top  int64
	Cold bool  // there is none
	Err  error // nothing was learned, or a reader is just filling it
}

// errFilling says that a reader is filling a hot inbox.
var errFilling = errors.New("a reader is filling it")

// Places are how far the hot inboxes of persons are.
func (h *Hot) Places(ctx context.Context, persons []int64) []Place {
	b := h.kv.Batch()
	replies := make([]*kv.Reply, len(persons))
	for i, id := range persons {
		replies[i] = b.Get(kv.InboxTop(id))
	}
	_ = b.Send(ctx) // each reply has its own error
	places := make([]Place, len(persons))
	for i, r := range replies {
		v, err := r.Value()
		text, _ := v.(string)
		switch top, errTop := strconv.ParseInt(text, 10, 64); {
		case err != nil:
			places[i].Err = fmt.Errorf("look for a hot inbox: %w", err)
		case text == "":
			places[i].Cold = true
		case errTop != nil:
			places[i].Err = errFilling
		default:
			places[i].Top = top
		}
	}
	return places
}

// Wake tells the nodes where persons are connected how far their inboxes are: tops has as many as persons. It answers
// for each whether Redis took it.
func (h *Hot) Wake(ctx context.Context, persons, tops []int64) []error {
	b := h.kv.Batch()
	replies := make([]*kv.Reply, len(persons))
	for i, id := range persons {
		replies[i] = b.Publish(kv.InboxWake(id), "["+strconv.FormatInt(tops[i], 10)+"]")
	}
	_ = b.Send(ctx) // each reply has its own error
	errs := make([]error, len(persons))
	for i, r := range replies {
		errs[i] = r.Err()
	}
	return errs
}

// Read is the items after a number, as far as the hot inbox has them without a gap, at most limit.
func (h *Hot) Read(ctx context.Context, person, after int64, limit int) []Entry {
	found, err := h.kv.Range(ctx, kv.HotInbox(person), after+1, int64(limit))
	if err != nil {
		return nil
	}
	entries := make([]Entry, 0, len(found))
	for _, f := range found {
		id, _, _ := strings.Cut(f.ID, "-")
		seq, err := strconv.ParseInt(id, 10, 64)
		if err != nil || seq != after+1+int64(len(entries)) {
			break
		}
		entries = append(entries, Entry{Seq: seq, Tail: f.Data})
	}
	return entries
}

// Warm fills the hot inbox of person with what newest reads from SQL, if it is cold. The mark is set before SQL is
// read: a push before it is in what SQL returns, and a push after it is told to come again, so none falls between.
func (h *Hot) Warm(ctx context.Context, person int64, newest func(ctx context.Context, n int) (top int64, entries []Entry, err error)) error {
	if err := h.makeRoom(ctx, person); err != nil {
		return err
	}
	mark := "w:" + rand.Text()
	mine, err := h.kv.SetNew(ctx, kv.InboxTop(person), mark, warmFor)
	if err != nil || !mine {
		return err
	}
	top, entries, err := newest(ctx, warmEntries)
	if err != nil {
		return err // the mark ends by itself
	}
	args := make([]any, 0, 3+2*len(entries))
	args = append(args, mark, top, hotFor.Milliseconds())
	for _, e := range entries {
		args = append(args, e.Seq, e.Tail)
	}
	_, err = h.kv.Run(ctx, warmScript, hotKeys(person)[:2], args...)
	return err
}

// makeRoom notes that person reads, and makes the inbox cold that has not been read for longest when there are too many.
func (h *Hot) makeRoom(ctx context.Context, person int64) error {
	if !h.kv.Embedded() {
		return nil
	}
	h.mu.Lock()
	oldest, tooMany := h.known.note(person, embeddedHot)
	h.mu.Unlock()
	if !tooMany {
		return nil
	}
	return h.Forget(ctx, oldest)
}

// keepScript renews the time of a hot inbox. A reader's mark is none, and ends when it ends.
var keepScript = kv.NewScript(`
if not tonumber(redis.call('GET', KEYS[2]) or '') then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return redis.call('PEXPIRE', KEYS[2], ARGV[1])
`)

// Keep renews the time of a hot inbox, because its person reads it, and says whether there is one.
func (h *Hot) Keep(ctx context.Context, person int64) (hot bool, err error) {
	if err := h.makeRoom(ctx, person); err != nil {
		return false, err
	}
	kept, err := h.kv.Run(ctx, keepScript, hotKeys(person)[:2], hotFor.Milliseconds())
	return kept == int64(1), err
}
