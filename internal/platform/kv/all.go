package kv

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// Wipe deletes everything this deployment has in Redis, as a server does that loses its memory: tests do it to see
// that nothing is lost by it.
func (k *KV) Wipe(ctx context.Context) error {
	return k.each(ctx, func(c redis.Cmdable, name string) error { return c.Del(ctx, name).Err() })
}

// Dump shows f everything this deployment has in Redis, for tests that look for what must not be there.
func (k *KV) Dump(ctx context.Context, f func(key, content string)) error {
	return k.each(ctx, func(c redis.Cmdable, name string) error {
		kind, err := c.Type(ctx, name).Result()
		if err != nil {
			return err
		}
		var content any
		switch kind {
		case "none": // it has ended since
			return nil
		case "string":
			content, err = c.Get(ctx, name).Result()
		case "hash":
			content, err = c.HGetAll(ctx, name).Result()
		case "zset":
			content, err = c.ZRangeWithScores(ctx, name, 0, -1).Result()
		case "stream":
			content, err = c.XRange(ctx, name, "-", "+").Result()
		default:
			err = fmt.Errorf("%s is a %s, which nobody here makes", name, kind)
		}
		if err = missing(err); err == nil {
			f(name, fmt.Sprint(content))
		}
		return err
	})
}

// each calls f with every key of ours.
func (k *KV) each(ctx context.Context, f func(c redis.Cmdable, name string) error) error {
	scan := func(ctx context.Context, c redis.Cmdable) error {
		keys := c.Scan(ctx, 0, k.prefix+"*", 500).Iterator()
		for keys.Next(ctx) {
			if err := f(c, keys.Val()); err != nil {
				return err
			}
		}
		return keys.Err()
	}
	var err error
	if c, ok := k.client.(*redis.ClusterClient); ok {
		err = c.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error { return scan(ctx, master) })
	} else {
		err = scan(ctx, k.client)
	}
	if err != nil {
		return fmt.Errorf("go through all keys: %w", err)
	}
	return nil
}
