package audit

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"time"
	"unicode/utf8"
)

// A row is an entry as it stands in its lane.
type row struct {
	ID           int64     `db:"id"`
	Lane         int       `db:"lane"`
	N            int64     `db:"n"`
	At           time.Time `db:"at"`
	PersonID     int64     `db:"person_id"`
	AssignmentID int64     `db:"assignment_id"`
	Action       string    `db:"action"`
	Object       string    `db:"object"`
	ObjectID     int64     `db:"object_id"`
	Purpose      string    `db:"purpose"`
	Reason       string    `db:"reason"`
	Fields       string    `db:"fields"`
	Result       string    `db:"result"`
	RequestID    string    `db:"request_id"`
	IPClass      string    `db:"ip_class"`
	PrevHash     []byte    `db:"prev_hash"`
	Hash         []byte    `db:"hash"`
}

// origin is the hash before the first row of a lane.
var origin = make([]byte, sha256.Size)

// rowOf is e as a row, before it has its place in a lane. What the column cannot hold is cut: a long reason
// is no reason to lose the entry.
func rowOf(e Entry, r request, at time.Time) row {
	return row{
		At: at, PersonID: e.PersonID, AssignmentID: e.AssignmentID,
		Action: cut(e.Action, 60), Object: cut(e.Object, 40), ObjectID: e.ObjectID,
		Purpose: cut(e.Purpose, 60), Reason: cut(e.Reason, 400), Fields: cut(strings.Join(e.Fields, ","), 400),
		Result: cut(e.Result, 60), RequestID: cut(r.id, 64), IPClass: cut(r.ipClass, 40),
	}
}

// follow puts r behind the row of prev, as the n-th of its lane.
func (r *row) follow(key []byte, lane int, n int64, prev []byte) {
	r.Lane, r.N, r.PrevHash = lane, n, prev
	r.Hash = r.seal(key)
}

// seal is HMAC(prev ‖ row). Every field is preceded by its length, so no two rows have the same bytes.
func (r *row) seal(key []byte) []byte {
	b := make([]byte, 0, 256)
	text := func(s string) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	number := func(n int64) { b = binary.BigEndian.AppendUint64(b, uint64(n)) }
	text(string(r.PrevHash))
	number(int64(r.Lane))
	number(r.N)
	number(r.At.UnixMilli())
	number(r.PersonID)
	number(r.AssignmentID)
	number(r.ObjectID)
	for _, s := range []string{r.Action, r.Object, r.Purpose, r.Reason, r.Fields, r.Result, r.RequestID, r.IPClass} {
		text(s)
	}
	h := hmac.New(sha256.New, key)
	h.Write(b)
	return h.Sum(nil)
}

// cut is s with at most n characters, and without bytes that are none.
func cut(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n])
}

// A request is what the edge knows of where an act came from.
type request struct{ id, ipClass string }

type requestKey struct{}

// WithRequest returns ctx for the request with that id, from that kind of address.
func WithRequest(ctx context.Context, id, ipClass string) context.Context {
	return context.WithValue(ctx, requestKey{}, request{id, ipClass})
}

func requestOf(ctx context.Context) request {
	r, _ := ctx.Value(requestKey{}).(request)
	return r
}
