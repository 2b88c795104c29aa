package db

import (
	"context"
	"fmt"
)

const mebibyte = 1 << 20

// sizes are what a server of the MySQL family gives itself, and what it keeps for us.
type sizes struct {
	Pool   int64 `db:"pool"`
	Packet int64 `db:"packet"`
	Data   int64 `db:"data"`
}

// Unwise says what of the server's settings loses nothing and makes everything slow or some things fail.
func (d *DB) Unwise(ctx context.Context) ([]string, error) {
	if d.Embedded() {
		return nil, nil
	}
	var s sizes
	if err := d.Get(ctx, &s, `
		SELECT @@innodb_buffer_pool_size AS pool, @@max_allowed_packet AS packet,
		       (SELECT CAST(COALESCE(SUM(DATA_LENGTH + INDEX_LENGTH), 0) AS SIGNED)
		        FROM information_schema.TABLES
		        WHERE TABLE_SCHEMA = DATABASE()) AS data`); err != nil {
		return nil, fmt.Errorf("ask %s for its sizes: %w", d.engine, err)
	}
	return d.engine.advice(s), nil
}

// advice is what to give more of. A quarter of the data in memory holds the rows that people work on.
func (e engine) advice(s sizes) (lines []string) {
	if want := max(256*mebibyte, s.Data/4); e.family != tidbFamily && s.Pool < want { // TiDB names a pool that it does not have
		lines = append(lines, fmt.Sprintf("innodb_buffer_pool_size is %d MB with %d MB of data: give it at least %d MB, or reads wait for the disk",
			s.Pool/mebibyte, s.Data/mebibyte, want/mebibyte))
	}
	if s.Packet < 16*mebibyte {
		lines = append(lines, fmt.Sprintf("max_allowed_packet is %d MB: set it to 16 MB or more, or a large import is refused", s.Packet/mebibyte))
	}
	return lines
}
