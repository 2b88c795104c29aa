// Package page cuts lists into pages whose cursors can neither be made up nor carried over to another list, another
// filter or another person.
package page

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"wanjia/internal/platform/problem"
)

const (
	version    = 1
	usualSize  = 50
	greatest   = 100
	signedSize = 1 + 8 + 8 // version, moment, id
	macSize    = 8
)

// Keys sign cursors.
type Keys struct{ key []byte }

// NewKeys makes Keys of a secret that all nodes share.
func NewKeys(secret []byte) *Keys { return &Keys{key: secret} }

// A Page is a place in a list that is ordered by moment and id, both falling:
//
//	WHERE … AND at <= ? AND (at < ? OR id < ?) ORDER BY at DESC, id DESC LIMIT ?
//
// with p.At, p.At, p.ID, p.Limit(). On the first page both are beyond everything, so the text stays the same.
type Page struct {
	Size  int
	At    time.Time // of the last row of the page before
	ID    int64
	First bool

	keys  *Keys
	bound string
}

var (
	latest   = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	earliest = time.Date(1000, 1, 1, 0, 0, 0, 0, time.UTC)
)

// Rising is p for a list that begins with the oldest: at >= ? AND (at > ? OR id > ?).
func (p Page) Rising() Page {
	if p.First {
		p.At, p.ID = earliest, math.MinInt64
	}
	return p
}

// Limit is how many rows to read: one more than shown, to know whether there are more.
func (p Page) Limit() int { return p.Size + 1 }

// Bound names what a cursor is good for: the operation, its filters, the person, the assignment acted in. Pointers
// count by what they point to.
func Bound(parts ...any) string {
	text, err := json.Marshal(parts)
	if err != nil {
		panic(fmt.Sprintf("page: a list is bound to something that is no value: %v", err)) // such as a function: a slip in the code
	}
	return string(text)
}

// Parse reads a cursor that Next has given for the same bound; an empty one is the first page. A size of 0 is the
// usual one. Any other cursor is problem.ErrCursor.
func (k *Keys) Parse(cursor string, size int, bound string) (Page, error) {
	if size <= 0 {
		size = usualSize
	}
	p := Page{Size: min(size, greatest), keys: k, bound: bound}
	if cursor == "" {
		p.First, p.At, p.ID = true, latest, math.MaxInt64
		return p, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(raw) != signedSize+macSize || raw[0] != version || !hmac.Equal(raw[signedSize:], k.mac(raw[:signedSize], bound)) {
		return Page{}, problem.ErrCursor
	}
	p.At = time.UnixMilli(int64(binary.BigEndian.Uint64(raw[1:]))).UTC()
	p.ID = int64(binary.BigEndian.Uint64(raw[9:]))
	return p, nil
}

// Next is the cursor behind the row with at and id.
func (k *Keys) Next(at time.Time, id int64, bound string) string {
	raw := make([]byte, 0, signedSize+macSize)
	raw = append(raw, version)
	raw = binary.BigEndian.AppendUint64(raw, uint64(at.UnixMilli()))
	raw = binary.BigEndian.AppendUint64(raw, uint64(id))
	return base64.RawURLEncoding.EncodeToString(append(raw, k.mac(raw, bound)...))
}

func (k *Keys) mac(signed []byte, bound string) []byte {
	h := hmac.New(sha256.New, k.key)
	h.Write(signed)
	h.Write([]byte(bound))
	return h.Sum(nil)[:macSize]
}

// Cut takes the rows read with p.Limit() and returns those of the page, never nil, and the cursor behind them: empty
// when there are no more. key is the moment and id by which the list is ordered.
func Cut[T any](rows []T, p Page, key func(T) (time.Time, int64)) (items []T, next string) {
	if len(rows) <= p.Size {
		return append(make([]T, 0, len(rows)), rows...), ""
	}
	items = rows[:p.Size]
	at, id := key(items[p.Size-1])
	return items, p.keys.Next(at, id, p.bound)
}
