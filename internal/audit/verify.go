package audit

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"wanjia/internal/platform/db"
)

// A Head signs how far a lane had come at a moment. Kept in a second place it shows what the chain cannot:
// that its tail was cut.
type Head struct {
	Lane int       `db:"lane" json:"lane"`
	N    int64     `db:"n" json:"n"`
	At   time.Time `db:"at" json:"at"`
	Hash []byte    `db:"hash" json:"hash"`
	MAC  []byte    `db:"mac" json:"mac"`
}

func (h Head) sign(key []byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte("head"))
	for _, n := range []int64{int64(h.Lane), h.N, h.At.UnixMilli()} {
		m.Write(binary.BigEndian.AppendUint64(nil, uint64(n)))
	}
	m.Write(h.Hash)
	return m.Sum(nil)
}

// SignHeads signs the present end of every lane, and returns the heads for the second place.
func (l *Log) SignHeads(ctx context.Context) (heads []Head, err error) {
	err = l.db.InTx(ctx, func(tx *db.Tx) error {
		tips, err := allTips(ctx, tx)
		if err != nil {
			return err
		}
		heads = make([]Head, 0, len(tips))
		for _, t := range tips {
			h := Head{Lane: t.Lane, N: t.N, At: tx.Now, Hash: t.Hash}
			h.MAC = h.sign(l.key)
			if err := insertHead(ctx, tx, h); err != nil {
				return err
			}
			heads = append(heads, h)
		}
		return nil
	})
	return heads, err
}

// A Verdict is what verifying found.
type Verdict struct {
	Rows     int64 // looked at
	Complete bool  // from the first row of every lane
	Bad      *Bad  // the first bad row; nil: none
}

// A Bad names the first row of a lane that is not as it was written.
type Bad struct {
	Lane int
	N    int64
	ID   int64 // 0: it is not there
	Why  string
}

// String says where b is and what is wrong with it.
func (b Bad) String() string {
	return fmt.Sprintf("lane %d, number %d (id %d): %s", b.Lane, b.N, b.ID, b.Why)
}

// What can be wrong with a row.
const (
	WhyMissing = "missing" // no row has its number: deleted, or cut with the tail
	WhyBroken  = "broken"  // it does not follow the row before it
	WhyChanged = "changed" // its hash is not the one of its contents
	WhyHead    = "head"    // a signed head knew another row here
	WhyForged  = "forged"  // a head that the key did not sign
)

// Verify walks the lanes and compares them with their signed heads: those of the database and those that the
// caller kept elsewhere. With last > 0 it looks at about that many of the newest rows only.
func (l *Log) Verify(ctx context.Context, last int64, elsewhere ...Head) (Verdict, error) {
	q := l.db.Batch()
	tips, err := allTips(ctx, q)
	if err != nil {
		return Verdict{}, err
	}
	verdicts := make([]Verdict, len(tips))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for i, t := range tips {
		group.Go(func() (err error) {
			heads, err := headsOf(ctx, q, t.Lane)
			if err != nil {
				return err
			}
			for _, h := range elsewhere {
				if h.Lane == t.Lane {
					heads = append(heads, h)
				}
			}
			from := int64(0)
			if last > 0 {
				from = max(0, t.N-last/int64(len(tips)))
			}
			verdicts[i], err = l.verifyLane(ctx, q, t, heads, from)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return Verdict{}, err
	}
	all := Verdict{Complete: true}
	for _, h := range elsewhere { // of a lane that is not there any more
		if h.N > 0 && !slices.ContainsFunc(tips, func(t tip) bool { return t.Lane == h.Lane }) {
			all.Bad = &Bad{Lane: h.Lane, N: 1, Why: WhyMissing}
		}
	}
	for _, v := range verdicts {
		all.Rows += v.Rows
		all.Complete = all.Complete && v.Complete
		if all.Bad == nil {
			all.Bad = v.Bad
		}
	}
	return all, nil
}

// keptAtLeast is how long no rule deletes a row (domain.md §9.1: the hard minimum): an older end that is signed may be
// where deleting by rule has come to, a younger one is not.
const keptAtLeast = 183 * 24 * time.Hour

// verifyLane walks one lane, from the row after from to its end. Rows that are appended meanwhile are walked too.
func (l *Log) verifyLane(ctx context.Context, q db.Queryer, t tip, heads []Head, from int64) (v Verdict, err error) {
	v.Complete = from == 0
	bad := func(n, id int64, why string) (Verdict, error) {
		v.Bad = &Bad{Lane: t.Lane, N: n, ID: id, Why: why}
		return v, nil
	}
	known := map[int64][][]byte{t.N: {t.Hash}} // what row n must be
	deletable := map[int64]bool{}              // rows up to n may be gone by rule
	end := t.N
	for _, h := range heads {
		if !hmac.Equal(h.MAC, h.sign(l.key)) {
			return bad(h.N, 0, WhyForged)
		}
		known[h.N] = append(known[h.N], h.Hash)
		deletable[h.N] = deletable[h.N] || l.db.Now().Sub(h.At) >= keptAtLeast
		end = max(end, h.N)
	}
	n, prev := from, []byte(nil) // prev nil: the row before is taken as it is
	if from == 0 {
		prev = origin
	}
	for first := true; ; {
		const piece = 2000
		rows, err := rowsAfter(ctx, q, t.Lane, n, piece)
		if err != nil {
			return v, err
		}
		for i := range rows {
			r := &rows[i]
			if first && from == 0 && deletable[r.N-1] && matches(known[r.N-1], r.PrevHash) {
				n, prev = r.N-1, r.PrevHash // what is older was deleted by rule, and its end is signed
			}
			first = false
			switch {
			case r.N != n+1:
				return bad(n+1, 0, WhyMissing)
			case prev != nil && !bytes.Equal(r.PrevHash, prev):
				return bad(r.N, r.ID, WhyBroken)
			case !hmac.Equal(r.Hash, r.seal(l.key)):
				return bad(r.N, r.ID, WhyChanged)
			case len(known[r.N]) > 0 && !matches(known[r.N], r.Hash):
				return bad(r.N, r.ID, WhyHead)
			}
			n, prev = r.N, r.Hash
			v.Rows++
		}
		if len(rows) < piece {
			break
		}
	}
	if n < end {
		return bad(n+1, 0, WhyMissing)
	}
	return v, nil
}

// matches says whether every hash known of a row is hash.
func matches(known [][]byte, hash []byte) bool {
	return !slices.ContainsFunc(known, func(k []byte) bool { return !bytes.Equal(k, hash) })
}

// AppendHeads adds heads to a file, a line each: the second place.
func AppendHeads(path string, heads []Head) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open the file of audit heads: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for _, h := range heads {
		if err := json.NewEncoder(f).Encode(h); err != nil {
			return fmt.Errorf("write audit heads: %w", err)
		}
	}
	return f.Sync()
}

// ReadHeads reads what AppendHeads wrote.
func ReadHeads(path string) (heads []Head, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the file of audit heads: %w", err)
	}
	defer f.Close() //nolint:errcheck // because it was only read
	for d := json.NewDecoder(f); ; {
		var h Head
		switch err := d.Decode(&h); {
		case errors.Is(err, io.EOF):
			return heads, nil
		case err != nil:
			return nil, fmt.Errorf("read audit heads: %w", err)
		}
		heads = append(heads, h)
	}
}
