package kv

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

func (k *KV) name(key Key) string { return k.prefix + key.String() }

func (k *KV) breaker(key Key) *breaker { return k.breakers[key.shard%len(k.breakers)] }

// Get is the value of key; found is false when there is none.
func (k *KV) Get(ctx context.Context, key Key) (value string, found bool, err error) {
	err = k.guarded(ctx, k.breaker(key), func() (err error) {
		value, err = k.client.Get(ctx, k.name(key)).Result()
		return err
	})
	return value, err == nil, missing(err)
}

// Take is Get, and the value is gone afterwards: of many who take at once, one finds it.
func (k *KV) Take(ctx context.Context, key Key) (value string, found bool, err error) {
	err = k.guarded(ctx, k.breaker(key), func() (err error) {
		value, err = k.client.GetDel(ctx, k.name(key)).Result()
		return err
	})
	return value, err == nil, missing(err)
}

// Set writes value, for ttl or Forever.
func (k *KV) Set(ctx context.Context, key Key, value string, ttl time.Duration) error {
	return k.guarded(ctx, k.breaker(key), func() error { return k.client.Set(ctx, k.name(key), value, ttl).Err() })
}

// SetNew writes value if key has none, and says whether it did.
func (k *KV) SetNew(ctx context.Context, key Key, value string, ttl time.Duration) (done bool, err error) {
	err = k.guarded(ctx, k.breaker(key), func() error {
		err := k.client.SetArgs(ctx, k.name(key), value, redis.SetArgs{Mode: "NX", TTL: ttl}).Err()
		done = err == nil
		return err
	})
	return done, missing(err)
}

// Expire gives key ttl from now; found is false when there is no such key.
func (k *KV) Expire(ctx context.Context, key Key, ttl time.Duration) (found bool, err error) {
	err = k.guarded(ctx, k.breaker(key), func() (err error) {
		found, err = k.client.PExpire(ctx, k.name(key), ttl).Result()
		return err
	})
	return found, err
}

// Delete takes keys away. They may lie in different slots.
func (k *KV) Delete(ctx context.Context, keys ...Key) error {
	b := k.Batch()
	for _, key := range keys {
		b.Delete(key)
	}
	return b.Send(ctx)
}

// Range is the entries of a stream from the sequence number on, at most limit of them.
func (k *KV) Range(ctx context.Context, key Key, from int64, limit int64) (entries []Entry, err error) {
	err = k.guarded(ctx, k.breaker(key), func() error {
		found, err := k.client.XRangeN(ctx, k.name(key), strconv.FormatInt(from, 10)+"-0", "+", limit).Result()
		for _, m := range found {
			data, _ := m.Values["d"].(string)
			entries = append(entries, Entry{ID: m.ID, Data: data})
		}
		return err
	})
	return entries, err
}

// Mark notes members with a score, such as the second they were last seen.
func (k *KV) Mark(ctx context.Context, key Key, score int64, members ...int64) error {
	if len(members) == 0 {
		return nil
	}
	z := make([]redis.Z, len(members))
	for i, m := range members {
		z[i] = redis.Z{Score: float64(score), Member: m}
	}
	return k.guarded(ctx, k.breaker(key), func() error { return k.client.ZAdd(ctx, k.name(key), z...).Err() })
}

// Trim drops the members whose score is below.
func (k *KV) Trim(ctx context.Context, key Key, below int64) error {
	return k.guarded(ctx, k.breaker(key), func() error {
		return k.client.ZRemRangeByScore(ctx, k.name(key), "-inf", "("+strconv.FormatInt(below, 10)).Err()
	})
}

// Publish wakes whoever listens on channel.
func (k *KV) Publish(ctx context.Context, channel Key, message string) error {
	return k.guarded(ctx, k.breaker(channel), func() error {
		if k.cluster {
			return k.client.SPublish(ctx, k.name(channel), message).Err()
		}
		return k.client.Publish(ctx, k.name(channel), message).Err()
	})
}

// missing turns "there is none" into no error.
func missing(err error) error {
	if errors.Is(err, redis.Nil) {
		return nil
	}
	return err
}
