package bench

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"

	"wanjia/internal/config"
	"wanjia/internal/platform/db"
)

// newPlace makes an empty database with its schema, and the settings of a server on it. The load comes as through a
// proxy, each person from an address of their own, as they would.
func newPlace(ctx context.Context, o Options, folder string) (p place, err error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return p, err
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	c := config.Default()
	c.Data, c.Keys.Master = folder, base64.StdEncoding.EncodeToString(key)
	c.Listen.Public, c.Listen.Admin, c.Listen.Proxies = "127.0.0.1:0", "127.0.0.1:0", []string{"127.0.0.1/32"}
	c.Audit.HeadsFile = filepath.Join(folder, "heads.jsonl")
	p = place{config: c, prefix: rand.Text() + ":", drop: func(context.Context) error { return nil }}
	options := db.Options{SQLitePath: filepath.Join(folder, "wanjia.db")}
	if o.MySQL != "" {
		if p.config.MySQL.DSN, p.drop, err = db.Scratch(ctx, o.MySQL); err != nil {
			return p, err
		}
		p.config.Redis.Addresses = []string{o.Redis}
		options = db.Options{MySQL: p.config.MySQL.DSN}
	}
	d, err := db.Open(ctx, options)
	if err == nil {
		_, err = d.Migrate(ctx, quiet())
		err = errors.Join(err, d.Close())
	}
	if err != nil {
		return p, errors.Join(err, p.drop(context.WithoutCancel(ctx)))
	}
	return p, nil
}
