// Package push carries items to devices: sockets, event streams and waiting requests in this process, the hot
// inboxes and wake-ups in Redis, and the checks that make all of them only a matter of speed.
//
// The truth is the inbox in SQL. Every device has a cursor, every item a number without gaps, so whatever is
// lost between the two is seen and fetched again (push.md).
package push

import (
	"strconv"
	"strings"
)

// An Entry is one item of an inbox as it travels.
type Entry struct {
	Seq  int64
	Tail string // the frame's JSON behind its number: "as":12,"k":"task.assigned",…}
}

// A Delivery is what came new into one person's inbox, in ascending order without gaps.
type Delivery struct {
	Person  int64
	Entries []Entry
	Held    int64 // Unix ms: when the roles that it is for were seen to hold; 0: nobody has looked
}

// goneTail stands in place of an item whose role has ended.
const goneTail = `"k":"gone"}`

const assignmentHead = `"as":`

// assignment is the role the item is for; 0: for the person.
func (e Entry) assignment() int64 {
	rest, ok := strings.CutPrefix(e.Tail, assignmentHead)
	if !ok {
		return 0
	}
	digits, _, _ := strings.Cut(rest, ",")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return -1 // nobody's
	}
	return n
}

// cutRole is what e's text begins with when it is for a role, and the text behind it, which is the same for all persons
// of one announcement.
func (e Entry) cutRole() (role, tail string) {
	if !strings.HasPrefix(e.Tail, assignmentHead) {
		return "", e.Tail
	}
	end := strings.IndexByte(e.Tail, ',') + 1
	return e.Tail[:end], e.Tail[end:]
}

// at is when the item's transaction was, in Unix ms; 0 if it does not say.
func (e Entry) at() int64 {
	_, rest, found := strings.Cut(e.Tail, `"ts":`)
	if !found {
		return 0
	}
	end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	n, err := strconv.ParseInt(rest[:max(end, 0)], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// isAct says whether WeChat tells of e, too, unless a device acks it soon (push.md §12).
func (e Entry) isAct() bool { return strings.Contains(e.Tail, `"p":1,`) }

// appendItem appends {"s":…,"k":…} for lists, and with head {"t":"n", for a frame of its own.
func (e Entry) append(b []byte, head string) []byte {
	b = append(b, head...)
	b = append(b, `"s":`...)
	b = strconv.AppendInt(b, e.Seq, 10)
	b = append(b, ',')
	return append(b, e.Tail...)
}
