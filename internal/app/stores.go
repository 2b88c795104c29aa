package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"wanjia/internal/audit"
	"wanjia/internal/config"
	"wanjia/internal/platform/blob"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/sealed"
)

// era is the number of this deployment's history. Restoring a backup will add one to it.
const era = 1

// Stores are what keeps things: the database with its keys and its audit chain, and Redis.
type Stores struct {
	DB    *db.DB
	KV    *kv.KV
	Keys  *sealed.Keys
	Audit *audit.Log
	Pages *page.Keys
	Files *blob.Folder
}

// OpenStores opens what the settings name. The embedded tier carries its schema forward by itself; elsewhere
// `wanjia migrate` does, and what is older than the program is refused.
func OpenStores(ctx context.Context, c config.Config, options Options) (s *Stores, err error) {
	s = &Stores{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	o := db.Options{MySQL: c.MySQL.DSN, Now: options.Now}
	if c.Embedded() {
		o.SQLitePath = filepath.Join(c.Data, "wanjia.db")
	}
	if s.DB, err = db.Open(ctx, o); err != nil {
		return s, err
	}
	if c.Embedded() {
		if _, err = s.DB.Migrate(ctx, options.Log); err != nil {
			return s, err
		}
	}
	if err = s.DB.Check(ctx); err != nil {
		return s, fmt.Errorf("the database is not safe to use:\n%w", err)
	}
	master, err := masterKey(c)
	if err != nil {
		return s, err
	}
	if s.Keys, err = sealed.Open(ctx, s.DB, master); err != nil {
		return s, fmt.Errorf("open the keys: %w", err)
	}
	if s.Audit, err = audit.Open(ctx, s.DB, s.Keys.Derive(sealed.Audit, []byte("chain"))); err != nil {
		return s, fmt.Errorf("open the audit chain: %w", err)
	}
	s.Pages = page.NewKeys(s.Keys.Derive(sealed.Token, []byte("page cursors")))
	if s.Files, err = blob.OpenFolder(cmp.Or(c.Files, filepath.Join(c.Data, "files"))); err != nil {
		return s, err
	}
	redis := RedisOptions(c)
	redis.Prefix = options.RedisPrefix
	if s.KV, err = kv.Open(ctx, redis); err != nil {
		return s, fmt.Errorf("open Redis: %w", err)
	}
	return s, nil
}

// RedisOptions say which Redis the settings name.
func RedisOptions(c config.Config) kv.Options {
	return kv.Options{Addrs: c.Redis.Addresses, Cluster: c.Redis.Cluster, Password: c.Redis.Password, Era: era}
}

// masterKey is the key that wraps all others. The embedded tier makes its own at the first start, beside the
// database: whoever has the folder has the data (docs/operations.md).
func masterKey(c config.Config) ([]byte, error) {
	switch {
	case c.Keys.Master != "":
		return sealed.ParseMaster(c.Keys.Master)
	case c.Keys.MasterFile != "":
		return sealed.ReadMaster(c.Keys.MasterFile, false)
	default:
		if err := os.MkdirAll(c.Data, 0o700); err != nil {
			return nil, fmt.Errorf("make the data folder: %w", err)
		}
		return sealed.ReadMaster(filepath.Join(c.Data, "master.key"), true)
	}
}

// Close lets go of everything that was opened.
func (s *Stores) Close() error {
	var errs []error
	if s.KV != nil {
		errs = append(errs, s.KV.Close())
	}
	if s.Files != nil {
		errs = append(errs, s.Files.Close())
	}
	if s.DB != nil {
		errs = append(errs, s.DB.Close())
	}
	return errors.Join(errs...)
}
