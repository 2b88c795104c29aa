package auth

import (
	"context"
	"errors"
	"fmt"
	"net"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
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
