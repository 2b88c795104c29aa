package auth

import (
	"sync"
	"time"
)

// cacheLife is how long a session or a role that was found is not looked for again. What ends or changes one of them
// stands in the revocations and makes it forgotten; who has not read those lately (deniedSure) looks each time. So
// what is known here is never older than five seconds (security.md §2), and a minute bounds what was told to nobody.
const cacheLife = time.Minute

// mostRecent bounds each memory: strangers must not fill the process.
const mostRecent = 20_000

// A recent keeps what was found a moment ago.
type recent[K comparable, V any] struct {
	life time.Duration

	mu   sync.Mutex
	all  map[K]aged[V]
	tidy time.Time
}

type aged[V any] struct {
	value V
	at    time.Time
}

func newRecent[K comparable, V any](life time.Duration) *recent[K, V] {
	return &recent[K, V]{life: life, all: map[K]aged[V]{}}
}

// fresh says whether something of at still counts; a clock that went back makes everything old.
func (r *recent[K, V]) fresh(at, now time.Time) bool {
	age := now.Sub(at)
	return age >= 0 && age <= r.life
}

func (r *recent[K, V]) get(key K, now time.Time) (v V, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known, there := r.all[key]
	if !there || !r.fresh(known.at, now) {
		return v, false
	}
	return known.value, true
}

func (r *recent[K, V]) put(key K, v V, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.tidy).Abs() > time.Minute || len(r.all) >= mostRecent {
		for key, known := range r.all {
			if !r.fresh(known.at, now) {
				delete(r.all, key)
			}
		}
		if r.tidy = now; len(r.all) >= mostRecent {
			clear(r.all)
		}
	}
	r.all[key] = aged[V]{v, now}
}

// drop forgets every key that which names.
func (r *recent[K, V]) drop(which func(K) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key := range r.all {
		if which(key) {
			delete(r.all, key)
		}
	}
}

func (r *recent[K, V]) dropOne(key K) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.all, key)
}
