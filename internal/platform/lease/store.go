package lease

import (
	"context"
	"strings"

	"wanjia/internal/platform/db"
)

func allLeases(ctx context.Context, q db.Queryer) (rows []leaseRow, err error) {
	err = q.Select(ctx, &rows, `SELECT shard, owner, term, beat FROM shard_lease ORDER BY shard`)
	return rows, db.Wrap(err, nil, "read leases")
}

func allNodes(ctx context.Context, q db.Queryer) (rows []beatRow, err error) {
	err = q.Select(ctx, &rows, `SELECT node, beat FROM node_beat`)
	return rows, db.Wrap(err, nil, "read nodes")
}

// addLease makes the row of a shard; another node may have made it meanwhile.
func addLease(ctx context.Context, tx *db.Tx, shard int) error {
	_, err := tx.Change(ctx, `INSERT INTO shard_lease (shard, owner, term, beat) VALUES (?, ?, 0, 0)`, shard, "")
	if db.IsDuplicate(err) {
		return nil
	}
	return db.Wrap(err, nil, "add lease %d", shard)
}

// cutOff ends the name in the row of a node that says so. It stands in the name for nodes of older releases, which count
// it as a node like any other.
const cutOff = " is cut off"

// who is whose row r is, and whether it says that it is cut off.
func (r beatRow) who() (node string, cut bool) { return strings.CutSuffix(r.Node, cutOff) }

func addNode(ctx context.Context, tx *db.Tx, node string) error {
	err := db.Save(
		func() (int64, error) {
			return tx.Change(ctx, `UPDATE node_beat SET beat = beat + 1, started_at = ? WHERE node = ?`, tx.Now, node)
		},
		func() error {
			_, err := tx.Change(ctx, `INSERT INTO node_beat (node, beat, started_at) VALUES (?, 0, ?)`, node, tx.Now)
			return err
		})
	return db.Wrap(err, nil, "add node %s", node)
}

func removeNode(ctx context.Context, tx *db.Tx, node string) error {
	_, err := tx.Change(ctx, `DELETE FROM node_beat WHERE node IN (?, ?)`, node, node+cutOff)
	return db.Wrap(err, nil, "remove node %s", node)
}

// beat is a sign of life, which says whether the node is cut off.
func beat(ctx context.Context, tx *db.Tx, node string, cut bool) error {
	name := node
	if cut {
		name += cutOff
	}
	found, err := tx.Change(ctx, `
		UPDATE node_beat
		SET node = ?, beat = beat + 1
		WHERE node IN (?, ?)`,
		name, node, node+cutOff)
	if err == nil && found == 0 { // the others thought it dead
		return addNode(ctx, tx, name)
	}
	return db.Wrap(err, nil, "beat of node %s", node)
}

// take takes the lease that looked like r, unless it has moved since.
func take(ctx context.Context, tx *db.Tx, r leaseRow, node string) (found int64, err error) {
	found, err = tx.Change(ctx, `
		UPDATE shard_lease
		SET owner = ?, term = term + 1, beat = beat + 1
		WHERE shard = ? AND term = ? AND beat = ?`,
		node, r.Shard, r.Term, r.Beat)
	return found, db.Wrap(err, nil, "take lease %d", r.Shard)
}

func renewLease(ctx context.Context, tx *db.Tx, shard int, node string, term int64) (found int64, err error) {
	found, err = tx.Change(ctx, `
		UPDATE shard_lease
		SET beat = beat + 1
		WHERE shard = ? AND owner = ? AND term = ?`,
		shard, node, term)
	return found, db.Wrap(err, nil, "renew lease %d", shard)
}

func free(ctx context.Context, tx *db.Tx, shard int, node string, term int64) error {
	_, err := tx.Change(ctx, `
		UPDATE shard_lease
		SET owner = ?, beat = beat + 1
		WHERE shard = ? AND owner = ? AND term = ?`,
		"", shard, node, term)
	return db.Wrap(err, nil, "give lease %d back", shard)
}
