// Package outbox remembers, in the transaction that made them, which items of which inboxes must still be
// pushed, and sweeps up what the process that made them did not get done.
//
// Nothing is lost when it is lost: the items stand in the inbox. The outbox is about being told soon.
package outbox

import (
	"context"
	"encoding/json"
	"fmt"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/kv"
)

// PieceSize is how many persons one row may name.
const PieceSize = 200

// A Range is what came new into one person's inbox: the items From to To.
type Range struct {
	Person, From, To int64
}

// MarshalJSON writes r as [person, from, to].
func (r Range) MarshalJSON() ([]byte, error) { return json.Marshal([3]int64{r.Person, r.From, r.To}) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (r *Range) UnmarshalJSON(b []byte) error {
	var three [3]int64
	if err := json.Unmarshal(b, &three); err != nil {
		return err
	}
	r.Person, r.From, r.To = three[0], three[1], three[2]
	return nil
}

// A Row says what one transaction put into up to PieceSize inboxes.
type Row struct {
	ID     int64
	Shard  int
	Ranges []Range
}

// Add writes a row in the transaction of the items themselves.
func Add(ctx context.Context, tx *db.Tx, ranges []Range) (Row, error) {
	if len(ranges) == 0 || len(ranges) > PieceSize {
		return Row{}, fmt.Errorf("add to the outbox: %d persons, want 1 to %d", len(ranges), PieceSize)
	}
	items, err := json.Marshal(ranges)
	if err != nil {
		return Row{}, fmt.Errorf("add to the outbox: %w", err)
	}
	row := Row{Shard: kv.ShardOf(ranges[0].Person), Ranges: ranges}
	row.ID, err = tx.Insert(ctx, `
		INSERT INTO outbox (shard, items, state, created_at)
		VALUES (?, ?, 0, ?)`, row.Shard, string(items), tx.Now)
	if err != nil {
		return Row{}, fmt.Errorf("add to the outbox: %w", err)
	}
	return row, nil
}
