package notify

import (
	"context"
	"fmt"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/push"
)

// A Service is what a person can do with their inbox.
type Service struct {
	db  *db.DB
	hub *push.Hub
	era int64

	titlers map[string]Titler // by the types of references
}

// NewService serves the inboxes of d; hub is where devices of this node wait.
func NewService(d *db.DB, hub *push.Hub, era int64) *Service {
	return &Service{db: d, hub: hub, era: era}
}

// A Listing is a page of an inbox.
type Listing struct {
	Items  []Told
	Cursor push.Cursor // of the last item, to go on from
	Top    int64       // the newest item there is
	Read   int64
	Unread int64
	Reset  bool // the cursor was of another history, or its place is gone: drop what the device has
}

// Newest is how many items a device without a cursor begins with.
const Newest = 50

// List returns the items after a cursor, the oldest first; without one, the newest. When there is nothing new
// it waits for up to wait until there is.
func (s *Service) List(ctx context.Context, person org.PersonID, after string, limit int, wait time.Duration) (Listing, error) {
	var c *push.Cursor
	if after != "" {
		parsed, err := push.ParseCursor(after)
		if err != nil {
			return Listing{}, problem.ErrCursor
		}
		c = &parsed
	}
	if wait > 0 && c != nil && c.Era == s.era {
		if err := s.hub.Wait(ctx, int64(person), c.Seq, wait); err != nil {
			return Listing{}, fmt.Errorf("wait for items of person %d: %w", person, err)
		}
	}
	return s.list(ctx, person, c, limit)
}

func (s *Service) list(ctx context.Context, person org.PersonID, c *push.Cursor, limit int) (Listing, error) {
	h, err := findHead(ctx, s.db, person)
	if err != nil {
		return Listing{}, err
	}
	l := Listing{Top: h.Seq, Read: h.Read, Unread: h.unread()}
	from := max(h.Floor, h.Seq-int64(min(limit, Newest)))
	if c != nil {
		from = c.Seq
		if c.Era != s.era || c.Seq < h.Floor || c.Seq > h.Seq {
			from, l.Reset = h.Floor, true
		}
	}
	if l.Items, err = s.readable(ctx, person, from, h.Seq, limit); err != nil {
		return Listing{}, err
	}
	l.Cursor = push.Cursor{Era: s.era, Seq: from}
	if n := len(l.Items); n > 0 {
		l.Cursor.Seq = l.Items[n-1].Seq
	}
	return l, nil
}

// readable are the items from+1 to to, those of ended roles without their content.
func (s *Service) readable(ctx context.Context, person org.PersonID, from, to int64, limit int) ([]Told, error) {
	if from >= to {
		return []Told{}, nil
	}
	items, err := listItems(ctx, s.db, person, from, to, limit)
	if err != nil {
		return nil, err
	}
	live, err := liveAssignments(ctx, s.db, person, s.db.Now())
	if err != nil {
		return nil, err
	}
	return withoutEnded(items, live), nil
}

// withoutEnded takes the content of items whose role is not among live.
func withoutEnded(items []Told, live []int64) []Told {
	holds := make(map[org.AssignmentID]bool, len(live)+1)
	holds[0] = true
	for _, id := range live {
		holds[org.AssignmentID(id)] = true
	}
	for i, t := range items {
		if !holds[t.Assignment] {
			items[i] = t.gone()
		}
	}
	return items
}

// Read marks everything up to seq as read, and tells the person's other devices.
func (s *Service) Read(ctx context.Context, person org.PersonID, seq int64) (Listing, error) {
	var h head
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		if err = markRead(ctx, tx, person, seq); err != nil {
			return err
		}
		h, err = findHead(ctx, tx, person)
		return err
	})
	if err != nil {
		return Listing{}, err
	}
	s.hub.TellRead(ctx, int64(person), h.Read)
	return Listing{Top: h.Seq, Read: h.Read, Unread: h.unread()}, nil
}

// Unread counts what person has not read, all of it or of one kind. Kinds are counted to 100 and no further.
func (s *Service) Unread(ctx context.Context, person org.PersonID, kind string) (int64, error) {
	h, err := findHead(ctx, s.db, person)
	if err != nil || kind == "" {
		return h.unread(), err
	}
	return unreadOfKind(ctx, s.db, person, kind, max(h.Read, h.Floor))
}
