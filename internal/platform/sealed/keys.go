// Package sealed keeps personal values unreadable at rest: sealed columns, a coarse index to find a phone
// number by, the sets of keys behind both, and types that mask themselves wherever they are printed.
//
// The key sets stand in the database, wrapped by a master key that is not in it, nor in its backups: whoever
// has the one without the other has nothing (security.md §12). A value is sealed for its table, column and
// row; moved anywhere else it does not open. So the row comes first: insert with NULL, Seal, UPDATE.
package sealed

import (
	"bytes"
	"context"
	"crypto/hmac"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"

	"wanjia/internal/platform/db"
)

// A Class says which key set seals a value: data classes do not share keys.
type Class string

// The classes.
const (
	Personal  Class = "personal"
	Sensitive Class = "sensitive"
	Secrets   Class = "secret"
)

// A Purpose names what Derive and MAC are asked for. The ones named here have a key set of their own, which
// rotates alone; every other purpose shares one.
type Purpose string

// The purposes with their own key sets.
const (
	PhoneSearch Purpose = "phone_index"
	OpenID      Purpose = "openid_index"
	Token       Purpose = "token"
	Refresh     Purpose = "refresh"
	Place       Purpose = "place"
	Audit       Purpose = "audit"
)

// other is the key set of the purposes that have none of their own.
const other = "other"

// indexBits is the length of the blind index of a phone: about 12 candidates among 50,000 persons. A longer
// one would let whoever has its key list the numbers of a subdistrict (D12).
const indexBits = 12

// Keys seals and opens, derives and authenticates. It is safe for use by many at once.
type Keys struct {
	db     *db.DB
	master wrapper
	sets   atomic.Pointer[sets]
}

// Open reads the key sets, and makes those that are missing: all, at the first start. Another master key
// than the one they were wrapped with is an error, never a new beginning.
func Open(ctx context.Context, d *db.DB, master []byte) (*Keys, error) {
	w, err := newWrapper(master)
	if err != nil {
		return nil, err
	}
	k := &Keys{db: d, master: w}
	if err := k.createMissing(ctx); err != nil {
		return nil, err
	}
	if err := k.Reload(ctx); err != nil {
		return nil, err
	}
	d.Attach(attached{}, k)
	return k, nil
}

type attached struct{}

// Of are the keys that were opened for the database behind q; nil without any.
func Of(q db.Queryer) *Keys {
	k, _ := db.Attached(q, attached{}).(*Keys)
	return k
}

// Reload reads the key sets again: another node may have rotated them. Call it once a minute.
func (k *Keys) Reload(ctx context.Context) error {
	rows, err := allKeysets(ctx, k.db)
	if err != nil {
		return err
	}
	s := &sets{}
	for _, row := range rows {
		if err := s.add(k.master, row); err != nil {
			return fmt.Errorf("open key set %s: %w", row.Name, err)
		}
	}
	for _, name := range setNames() {
		if !s.has(name) {
			return fmt.Errorf("key set %s is missing", name)
		}
	}
	k.sets.Store(s)
	return nil
}

// Seal makes plain unreadable for everything but this column of this row.
func (k *Keys) Seal(c Class, table, column string, id int64, plain string) ([]byte, error) {
	set, ok := k.sets.Load().aead[c]
	if !ok {
		return nil, fmt.Errorf("seal %s.%s: there is no class %q", table, column, c)
	}
	if id <= 0 {
		return nil, fmt.Errorf("seal %s.%s: the row has no id yet", table, column)
	}
	b, err := set.Encrypt([]byte(plain), place(table, column, id))
	if err != nil {
		return nil, fmt.Errorf("seal %s.%s: %w", table, column, err)
	}
	return b, nil
}

// Open is what was sealed for this column of this row; of no bytes at all, "".
func (k *Keys) Open(c Class, table, column string, id int64, cipher []byte) (string, error) {
	if len(cipher) == 0 {
		return "", nil
	}
	set, ok := k.sets.Load().aead[c]
	if !ok {
		return "", fmt.Errorf("open %s.%s: there is no class %q", table, column, c)
	}
	b, err := set.Decrypt(cipher, place(table, column, id))
	if err != nil {
		return "", fmt.Errorf("open %s.%s of %d: %w", table, column, id, err)
	}
	return string(b), nil
}

// Outdated says whether cipher was sealed with another key than the one that seals now: it is to be sealed
// again before that key can go.
func (k *Keys) Outdated(c Class, cipher []byte) bool {
	s := k.sets.Load()
	return len(cipher) > 5 && binary.BigEndian.Uint32(cipher[1:5]) != s.primary[string(c)]
}

// place is what a sealed value is bound to.
func place(table, column string, id int64) []byte {
	b := make([]byte, 0, len(table)+len(column)+22)
	b = append(b, table...)
	b = append(b, ':')
	b = strconv.AppendInt(b, id, 10)
	b = append(b, ':')
	return append(b, column...)
}

// Derive is a pseudo-random value of 32 bytes that nobody can compute without the keys, the same each time
// until the keys of the purpose rotate.
func (k *Keys) Derive(purpose Purpose, data []byte) []byte {
	set := k.sets.Load().prf(purpose)
	return compute(set, set.PrimaryID, purpose, data)
}

// Derivations are the values of Derive by every key that still counts, the present one first.
func (k *Keys) Derivations(purpose Purpose, data []byte) [][]byte {
	set := k.sets.Load().prf(purpose)
	all := [][]byte{compute(set, set.PrimaryID, purpose, data)}
	for id := range set.PRFs {
		if id != set.PrimaryID {
			all = append(all, compute(set, id, purpose, data))
		}
	}
	return all
}

// MAC authenticates data for a purpose; Authentic checks it, by every key that still counts.
func (k *Keys) MAC(purpose Purpose, data []byte) []byte { return k.Derive("mac:"+purpose, data) }

// Authentic says whether mac is one that MAC gave for data, or the beginning of one, of 16 bytes or more.
func (k *Keys) Authentic(purpose Purpose, data, mac []byte) bool {
	if len(mac) < 16 || len(mac) > 32 {
		return false
	}
	return slices.ContainsFunc(k.Derivations("mac:"+purpose, data), func(want []byte) bool {
		return hmac.Equal(mac, want[:len(mac)])
	})
}

// PhoneIndex is where a phone number is found: 12 bits that some thousand other numbers share. Open the
// candidates and compare.
func (k *Keys) PhoneIndex(phone string) int64 {
	return shorten(k.Derive(PhoneSearch, []byte(phoneDigits(phone))))
}

// PhoneIndexes are all places where a number may stand while rows are being indexed anew, the present first.
func (k *Keys) PhoneIndexes(phone string) []int64 {
	var all []int64
	for _, d := range k.Derivations(PhoneSearch, []byte(phoneDigits(phone))) {
		if i := shorten(d); !slices.Contains(all, i) {
			all = append(all, i)
		}
	}
	return all
}

func shorten(b []byte) int64 { return int64(binary.BigEndian.Uint16(b) >> (16 - indexBits)) }

// input keeps purposes apart that share a key set.
func input(purpose Purpose, data []byte) []byte {
	return bytes.Join([][]byte{[]byte(purpose), data}, []byte{0})
}
