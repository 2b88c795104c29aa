// Package limit says no to those who ask too often.
//
// Each limiter is a bucket a subject (GCRA: one moment in Redis, from which all follows). When Redis is
// away nothing is skipped: every process keeps buckets of its own, full ones for what is merely costly,
// and its share of one for what is dangerous (security.md §9).
package limit

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"wanjia/internal/platform/kv"
)

// A Mode says what a limiter does when Redis is away.
type Mode int

// The modes. None lets everything through.
const (
	Closed Mode = iota // size ÷ nodes in each process
	Local              // the full size in each process
)

// A Limiter lets Size calls through per Window and subject; they may come all at once.
type Limiter struct {
	Name   string // as in RateLimit-Policy and in the key
	Size   int
	Window time.Duration
	Away   Mode
}

// The limiters of security.md §9. Where it names two sizes there are two limiters, and both are asked. The five
// tries of an account, of a second factor and of a change of phone or factor are rows in SQL (package auth): what
// stands between a thief and an account is exact on all nodes together, with Redis or without.
var (
	WeChatDevice  = Limiter{"wechat-device", 10, time.Minute, Closed}
	WeChatIP      = Limiter{"wechat-ip", 60, time.Minute, Closed}
	PasswordIP    = Limiter{"password-ip", 30, 15 * time.Minute, Closed}
	Refresh       = Limiter{"refresh", 6, 10 * time.Minute, Closed}
	CodeIP        = Limiter{"code-ip", 5, 15 * time.Minute, Closed}
	Code          = Limiter{"code", 5, 15 * time.Minute, Closed}
	UnmaskHour    = Limiter{"unmask-hour", 30, time.Hour, Closed}
	UnmaskDay     = Limiter{"unmask-day", 100, 24 * time.Hour, Closed}
	PhoneSearch   = Limiter{"phone-search", 60, time.Hour, Closed}
	Export        = Limiter{"export", 3, 24 * time.Hour, Closed}
	Upload        = Limiter{"upload", 20, time.Hour, Closed}
	UploadBytes   = Limiter{"upload-bytes", 100 << 20, 24 * time.Hour, Closed}
	Import        = Limiter{"import", 5, time.Hour, Closed}
	RequestHour   = Limiter{"request-hour", 10, time.Hour, Local}
	RequestDay    = Limiter{"request-day", 30, 24 * time.Hour, Local}
	StrangerHour  = Limiter{"stranger-hour", 60, time.Hour, Local} // of an address, which a whole town may share
	StrangerDay   = Limiter{"stranger-day", 300, 24 * time.Hour, Local}
	CheckIn       = Limiter{"check-in", 10, time.Minute, Local}
	ShortCode     = Limiter{"short-code", 5, time.Minute, Local}
	SocketConnect = Limiter{"socket-connect", 10, time.Minute, Local}
	TicketIP      = Limiter{"ticket-ip", 120, time.Minute, Local} // those that are none; a gateway may stand before thousands of devices
	Read          = Limiter{"read", 120, time.Minute, Local}
	Write         = Limiter{"write", 60, time.Minute, Local}
)

// ByAddress says whether l counts where a request comes from, whoever is signed in.
func (l Limiter) ByAddress() bool { return strings.HasSuffix(l.Name, "-ip") }

// All are the limiters above, for the test that knows each of them and for the docs.
var All = []Limiter{
	WeChatDevice, WeChatIP, PasswordIP, Refresh, CodeIP, Code,
	UnmaskHour, UnmaskDay, PhoneSearch, Export, Upload, UploadBytes, Import, RequestHour, RequestDay,
	StrangerHour, StrangerDay,
	CheckIn, ShortCode, SocketConnect, TicketIP, Read, Write,
}

// Limits asks limiters. It is safe for use by many goroutines.
type Limits struct {
	kv    *kv.KV
	now   func() time.Time
	nodes func() int
	alone bool // no other process asks

	mu      sync.Mutex
	buckets map[bucket]time.Time // of this process, while Redis is away or there is none to share
	tidied  time.Time
}

type bucket struct{ limiter, subject string }

// New makes Limits. Nodes is how many processes share the work, as far as this one knows.
func New(k *kv.KV, now func() time.Time, nodes func() int) *Limits {
	return &Limits{kv: k, now: now, nodes: nodes, buckets: map[bucket]time.Time{}}
}

// Alone makes Limits of a process that is the only one. It has nobody to share the buckets with of what is merely
// costly, and every request takes from one of those: they stay in the process. What is dangerous is kept as always.
func Alone(k *kv.KV, now func() time.Time) *Limits {
	x := New(k, now, func() int { return 1 })
	x.alone = true
	return x
}

// A Verdict is a limiter's answer to one subject, and tells nothing of others.
type Verdict struct {
	Limiter   Limiter
	OK        bool
	Remaining int           // calls that would go through now
	Reset     time.Duration // until the bucket is full again
	Retry     time.Duration // until the refused call would go through; 0 if OK
}

// Policy is the value of RateLimit-Policy.
func (v Verdict) Policy() string {
	return fmt.Sprintf("%q;q=%d;w=%d", v.Limiter.Name, v.Limiter.Size, int(v.Limiter.Window.Seconds()))
}

// Header is the value of RateLimit.
func (v Verdict) Header() string {
	return fmt.Sprintf("%q;r=%d;t=%d", v.Limiter.Name, v.Remaining, seconds(v.Reset))
}

// RetryAfter is the value of Retry-After, in whole seconds.
func (v Verdict) RetryAfter() int { return seconds(v.Retry) }

func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// Allow takes one call of subject from l.
func (x *Limits) Allow(ctx context.Context, l Limiter, subject string) Verdict {
	return x.Take(ctx, l, subject, 1)
}

// AllowAhead is Allow for who may not wait for others: it finds l empty only when as much of it again is gone. The others then
// wait until that is made up for, so that in the long run no more goes through. A process that shares l has twice its share for
// them, however small that is.
func (x *Limits) AllowAhead(ctx context.Context, l Limiter, subject string) Verdict {
	return x.take(ctx, l, subject, 1, 2*l.Window)
}

// gcra keeps one moment a key: when the bucket will be full again. A call moves it on by its share of the
// window, unless that would carry it further than a window from now, or two (AllowAhead). Times are milliseconds of the
// caller's clock, and nodes differ by up to two seconds; a moment five seconds further away than two windows
// was written by a clock that has gone back since.
var gcra = kv.NewScript(`
local now, step, deep, n, far = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local full = tonumber(redis.call('GET', KEYS[1]) or now)
if full < now or full > now + far then full = now end
local after = full + n * step
if after <= now then redis.call('DEL', KEYS[1]) return {1, '0', '0'} end
if after > now + deep + 0.01 then return {0, tostring(full - now), tostring(after - now - deep)} end
redis.call('SET', KEYS[1], string.format('%.3f', after), 'PX', math.ceil(after - now) + 1)
return {1, tostring(after - now), '0'}`)

// GiveBack puts one call back that Allow took: it turned out to be none.
func (x *Limits) GiveBack(ctx context.Context, l Limiter, subject string) {
	x.Take(ctx, l, subject, -1)
}

// Take takes n at once, such as the bytes of an upload: all of them or none.
func (x *Limits) Take(ctx context.Context, l Limiter, subject string, n int) Verdict {
	return x.take(ctx, l, subject, n, l.Window)
}

// take takes n at once unless that would carry the moment further than deep from now.
func (x *Limits) take(ctx context.Context, l Limiter, subject string, n int, deep time.Duration) Verdict {
	now := x.now()
	if x.alone && l.Away == Local {
		return x.takeHere(l, subject, n, now, deep)
	}
	answer, err := x.kv.Run(ctx, gcra, []kv.Key{kv.Limit(l.Name, subject)},
		now.UnixMilli(), milliseconds(l.Window)/float64(l.Size), deep.Milliseconds(), n, l.far().Milliseconds())
	if ok, full, retry, understood := read(answer); err == nil && understood {
		if l.Away == Closed {
			x.remember(l, subject, now, full)
		}
		return l.verdict(l.Size, ok, full, retry)
	}
	return x.takeHere(l, subject, n, now, deep)
}

// far is how far away a moment may be that a bucket of l keeps.
func (l Limiter) far() time.Duration { return 2*l.Window + 5*time.Second }

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func read(answer any) (ok bool, full, retry time.Duration, understood bool) {
	parts, _ := answer.([]any)
	if len(parts) != 3 {
		return false, 0, 0, false
	}
	n, _ := parts[0].(int64)
	for i, d := range []*time.Duration{&full, &retry} {
		s, _ := parts[i+1].(string)
		var ms float64
		if _, err := fmt.Sscan(s, &ms); err != nil {
			return false, 0, 0, false
		}
		*d = time.Duration(ms * float64(time.Millisecond))
	}
	return n == 1, full, retry, true
}

// remember keeps what Redis has just said, so that its going away gives nobody a second bucket.
func (x *Limits) remember(l Limiter, subject string, now time.Time, full time.Duration) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.forget(now)
	x.buckets[bucket{l.Name, subject}] = now.Add(full)
}

// takeHere is gcra in this process.
func (x *Limits) takeHere(l Limiter, subject string, n int, now time.Time, deep time.Duration) Verdict {
	size := l.Size
	if l.Away == Closed {
		size = max(1, size/max(1, x.nodes()))
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.forget(now)
	key := bucket{l.Name, subject}
	full := x.buckets[key]
	if full.Before(now) || full.Sub(now) > l.far() {
		full = now
	}
	after := full.Add(time.Duration(float64(n) * float64(l.Window) / float64(size)))
	if !after.After(now) {
		delete(x.buckets, key)
		return l.verdict(size, true, 0, 0)
	}
	if over := after.Sub(now) - deep; over > time.Microsecond {
		return l.verdict(size, false, full.Sub(now), over)
	}
	x.buckets[key] = after
	return l.verdict(size, true, after.Sub(now), 0)
}

// bucketsKept is where the process begins to drop buckets that are full again.
const bucketsKept = 20_000

// forget drops full buckets, now and then, and all of them if strangers have filled the map: a limiter that eats the
// memory of the process would be the better attack.
func (x *Limits) forget(now time.Time) {
	const far = 5 * bucketsKept
	if len(x.buckets) < bucketsKept || len(x.buckets) < far && now.Sub(x.tidied).Abs() < time.Second {
		return
	}
	x.tidied = now
	for key, full := range x.buckets {
		if full.Before(now) {
			delete(x.buckets, key)
		}
	}
	if len(x.buckets) >= far {
		clear(x.buckets)
	}
}

func (l Limiter) verdict(size int, ok bool, full, retry time.Duration) Verdict {
	share := float64(l.Window) / float64(size)
	left := int(math.Floor((float64(l.Window)-float64(full))/share + 1e-6))
	return Verdict{Limiter: l, OK: ok, Remaining: max(left, 0), Reset: full, Retry: retry}
}
