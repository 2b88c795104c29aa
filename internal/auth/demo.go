package auth

import (
	"context"
	"errors"
	"fmt"
	"net"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
)

// CheckDemo says why demo mode cannot run like this, or nil: anybody can sign in as anybody there, so it
// listens on this machine only and never meets a database server (X11).
func CheckDemo(listenAddr, dsn string) error {
	host, _, err := net.SplitHostPort(listenAddr)
	if err != nil {
		return fmt.Errorf("demo mode: read the address to listen on: %w", err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("demo mode refuses to listen on %s: anybody could sign in by handle; use 127.0.0.1", listenAddr)
	}
	if dsn != "" {
		return errors.New("demo mode refuses a MySQL database: it would fill it with invented people")
	}
	return nil
}

// AddHandle gives person a handle to sign in by; the seed does so, in demo mode only.
func (s *Service) AddHandle(ctx context.Context, tx *db.Tx, handle string, person org.PersonID) error {
	if !s.demo {
		return errors.New("demo handles exist in demo mode only")
	}
	return insertHandle(ctx, tx, handle, person)
}

// AddAccount gives person the WeChat account with this openid: the people of the demo and of tests have nobody who
// could invite them.
func (s *Service) AddAccount(ctx context.Context, tx *db.Tx, openID string, person org.PersonID) error {
	app := s.wechat.AppID()
	id, err := insertAccount(ctx, tx, app, s.keys.Derivations(sealed.OpenID, []byte(app+"\x00"+openID))[0])
	if err != nil {
		return db.Wrap(err, nil, "make a wechat account")
	}
	if err := s.sealOpenID(ctx, tx, id, openID); err != nil {
		return err
	}
	_, err = bindAccount(ctx, tx, id, person, nil)
	return db.Wrap(err, nil, "bind account %d", id)
}

// PersonByHandle is whose handle it is; outside demo mode there is no such thing.
func (s *Service) PersonByHandle(ctx context.Context, handle string) (org.PersonID, error) {
	if !s.demo {
		return 0, problem.ErrNotFound
	}
	return personByHandle(ctx, s.db, handle)
}
