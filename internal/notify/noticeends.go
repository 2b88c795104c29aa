package notify

import (
	"context"

	"wanjia/internal/platform/db"
)

// fillEnds notes when announcements are over that were made before fan-outs had a column for it, so that their calls are
// dropped and nobody more is told then. A node does so once, when it starts; who does it again changes nothing.
func (f *Fanouts) fillEnds(ctx context.Context) error {
	if f.filled.Load() {
		return nil
	}
	err := f.DB.InTx(ctx, func(tx *db.Tx) error {
		_, err := tx.Change(ctx, `
			UPDATE fanout
			SET ends_at = (SELECT n.expires_at FROM notice n WHERE n.id = fanout.notice_id)
			WHERE ends_at IS NULL AND state IN ('running', 'written', 'done')
			  AND EXISTS (SELECT 1 FROM notice n WHERE n.id = fanout.notice_id AND n.expires_at IS NOT NULL)`)
		return db.Wrap(err, nil, "note when announcements are over")
	})
	f.filled.Store(err == nil)
	return err
}
