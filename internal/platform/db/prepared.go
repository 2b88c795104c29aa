package db

import (
	"context"
	"database/sql"
	"sync"

	"github.com/jmoiron/sqlx"
)

// mostPrepared bounds the statements that are kept ready: lists of filters make many texts.
const mostPrepared = 400

// A prepared keeps the statements of one pool ready. Only SQLite has them: it reads a text in our own process, which
// costs as much as running it; a server reads it anyway, and preparing would be one more way there and back.
type prepared struct {
	pool *sqlx.DB
	off  bool

	mu     sync.RWMutex
	all    map[string]*sqlx.Stmt
	wanted map[string]bool // seen inside a transaction, which holds the only connection that could prepare them
}

func newPrepared(pool *sqlx.DB, off bool) *prepared {
	return &prepared{pool: pool, off: off, all: map[string]*sqlx.Stmt{}, wanted: map[string]bool{}}
}

// find is the statement of text, nil if it is not ready; then it is noted as wanted.
func (p *prepared) find(text string) *sqlx.Stmt {
	if p.off {
		return nil
	}
	p.mu.RLock()
	s := p.all[text]
	p.mu.RUnlock()
	if s == nil {
		p.want(text)
	}
	return s
}

func (p *prepared) want(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.all)+len(p.wanted) < mostPrepared {
		p.wanted[text] = true
	}
}

// catchUp makes ready what was wanted. A text that cannot be prepared has failed where it was used, and stays as it is.
func (p *prepared) catchUp(ctx context.Context) {
	p.mu.RLock()
	none := len(p.wanted) == 0
	p.mu.RUnlock()
	if none {
		return
	}
	p.mu.Lock()
	wanted := p.wanted
	p.wanted = map[string]bool{}
	p.mu.Unlock()
	for text := range wanted {
		s, err := p.pool.PreparexContext(ctx, text) //nolint:sqlclosecheck // because it is kept until the pool closes
		if err != nil {
			continue
		}
		p.mu.Lock()
		old := p.all[text]
		p.all[text] = s
		p.mu.Unlock()
		if old != nil { // two have prepared it at once
			_ = old.Close()
		}
	}
}

func (p *prepared) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.all {
		_ = s.Close() // the pool closes next, and says what is wrong
	}
	clear(p.all)
}

// get reads one row through the statement kept ready, or as it is.
func (p *prepared) get(ctx context.Context, tx *sqlx.Tx, dest any, text string, args []any) error {
	switch s := p.find(text); {
	case s != nil && tx != nil:
		return aside(func() error {
			return tx.StmtxContext(ctx, s).GetContext(ctx, dest, args...) //nolint:sqlclosecheck // because the transaction closes it
		})
	case s != nil:
		return aside(func() error { return s.GetContext(ctx, dest, args...) })
	case tx != nil:
		return aside(func() error { return tx.GetContext(ctx, dest, text, args...) })
	default:
		return aside(func() error { return p.pool.GetContext(ctx, dest, text, args...) })
	}
}

// read reads all rows in the same way.
func (p *prepared) read(ctx context.Context, tx *sqlx.Tx, dest any, text string, args []any) error {
	switch s := p.find(text); {
	case s != nil && tx != nil:
		return aside(func() error {
			return tx.StmtxContext(ctx, s).SelectContext(ctx, dest, args...) //nolint:sqlclosecheck // because the transaction closes it
		})
	case s != nil:
		return aside(func() error { return s.SelectContext(ctx, dest, args...) })
	case tx != nil:
		return aside(func() error { return tx.SelectContext(ctx, dest, text, args...) })
	default:
		return aside(func() error { return p.pool.SelectContext(ctx, dest, text, args...) })
	}
}

// exec writes in the same way.
func (p *prepared) exec(ctx context.Context, tx *sqlx.Tx, text string, args []any) (sql.Result, error) {
	if s := p.find(text); s != nil {
		return tx.StmtxContext(ctx, s).ExecContext(ctx, args...)
	}
	return tx.ExecContext(ctx, text, args...)
}
