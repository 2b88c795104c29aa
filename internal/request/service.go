package request

import (
	"context"
	"slices"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/sealed"
)

// receipts is the purpose that receipt codes are hashed for.
const receipts sealed.Purpose = "receipt"

// closedWindow is how far back lists of closed requests reach, unless they can be opened again for longer.
const closedWindow = 31 * 24 * time.Hour

// A Door is where a need comes from, and the area that looks after it today.
type Door struct {
	Premises int64
	Entrance int64 // 0: not known
	Building int64 // 0: the entrance is of none
	Area     org.Unit
	Alone    bool // it leads to one home: what is told there is that home's
}

// A DoorFinder finds a door that the asker may know of. Homes are kept in a package above this one.
type DoorFinder func(ctx context.Context, q db.Queryer, by org.Actor, premises int64) (Door, error)

// Service is what can be done with requests.
type Service struct {
	db    *db.DB
	keys  *sealed.Keys
	pages *page.Keys
	cal   *calendar.Calendar // of working hours, as it is now
	rules *rules
	door  DoorFinder
	site  SiteFinder
	hold  DoorHolder

	counter CounterFinder
	reopens time.Duration // how long after its end a request can be opened again (O13)

	late struct{ clocks, waits, reminders, cards setbacks } // of this node
}

// NewService makes a Service, whose working hours are those of cal.
func NewService(d *db.DB, keys *sealed.Keys, pages *page.Keys, cal *calendar.Calendar, door DoorFinder) *Service {
	return &Service{db: d, keys: keys, pages: pages, cal: cal, rules: newRules(cal), door: door, reopens: reopensFor}
}

// ReopeningFor is s where requests can be opened again for another time after their end than 30 days (O13).
func (s *Service) ReopeningFor(window time.Duration) *Service {
	s.reopens = window
	return s
}

// Opened returns requests that the caller has opened, with their receipts, in the order they were opened.
func (s *Service) Opened(ctx context.Context, q db.Queryer, ids ...ID) ([]Seen, error) {
	rows, err := byIDs(ctx, q, ids)
	if err != nil {
		return nil, err
	}
	return rows, s.openReceipts(rows)
}

// openReceipts unseals the codes of rows: whoever sees a request may write its code on a slip.
func (s *Service) openReceipts(rows []Seen) error {
	for i := range rows {
		code, err := s.keys.Open(sealed.Personal, "request", "receipt_sealed", int64(rows[i].ID), rows[i].ReceiptSealed)
		if err != nil {
			return err
		}
		rows[i].Receipt, rows[i].Danger = Receipt(code), s.category(rows[i].Request).Danger
	}
	return nil
}

// Detail is a request with what was asked, for whom, and how it went.
type Detail struct {
	Seen
	What    string
	Askers  []Asker
	Handed  HandedTo // zero: nobody took it over
	Into    ID       // the request that it was merged into; 0: none
	History []Step

	Promises []Promise
	Misses   []Miss // targets that were not kept
}

// Read shows a request to who may see it. The reading is noted, and without the note nothing is shown (X41).
func (s *Service) Read(ctx context.Context, by org.Actor, id ID) (d Detail, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if d.Seen, err = s.findSeen(ctx, tx, by, id); err != nil {
			return err
		}
		one := []Seen{d.Seen}
		if err := s.openReceipts(one); err != nil {
			return err
		}
		d.Seen = one[0]
		if d.What, err = findText(ctx, tx, s.keys, id); err != nil {
			return err
		}
		if d.Askers, err = askers(ctx, tx, s.keys, id); err != nil {
			return err
		}
		if d.Handed, err = findHandedTo(ctx, tx, s.keys, id); err != nil {
			return err
		}
		if d.History, err = history(ctx, tx, s.keys, id); err != nil {
			return err
		}
		if d.Promises, err = PromisesOf(ctx, tx, s.keys, id); err != nil {
			return err
		}
		if d.Misses, err = missesOf(ctx, tx, id); err != nil {
			return err
		}
		if d.State == Merged {
			was, err := findMerging(ctx, tx, id)
			if err != nil {
				return err
			}
			d.Into = was.Target
		}
		audit.Note(tx, by.Did("request.read", "request", int64(id)).Showing("what"))
		return nil
	})
	if err != nil {
		return Detail{}, err
	}
	return d, nil
}

// Passed is the one line that a former holder keeps of a request (V3).
type Passed struct {
	ID            ID
	Receipt       Receipt
	State         State
	ResolvedLevel string
	Messages      []Step // that this holder wrote
}

// ReadPassed shows what became of a request to who once held it: not what was asked, nor for whom. The reading is noted.
func (s *Service) ReadPassed(ctx context.Context, by org.Actor, id ID) (p Passed, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if err := heldOnce(ctx, tx, by, id); err != nil {
			return err
		}
		rows, err := s.Opened(ctx, tx, id)
		if err != nil {
			return err
		}
		steps, err := history(ctx, tx, s.keys, id)
		if err != nil {
			return err
		}
		r, own := rows[0], sightOf(by)
		p = Passed{ID: id, Receipt: r.Receipt, State: r.State, ResolvedLevel: r.ResolvedLevel}
		for _, l := range steps {
			if l.Move == "message" && l.HolderUnitID == own.unit && slices.Contains(own.roles[:], l.HolderRole) {
				p.Messages = append(p.Messages, l)
			}
		}
		audit.Note(tx, by.Did("request.passed_read", "request", int64(id)).Showing("messages"))
		return nil
	})
	if err != nil {
		return Passed{}, err
	}
	return p, nil
}

// A Filter says which requests a list holds.
type Filter struct {
	Held   bool // by the acting role; else those opened in its unit and below
	Closed bool
	Stale  bool // on the list of by, who leads its holder: nobody has done anything for a week (K12)
}

// List is a page of the requests of f that by may see, and the cursor behind it: the newest first, of closed ones what
// ended last.
func (s *Service) List(ctx context.Context, by org.Actor, f Filter, cursor string, size int) (rows []Seen, next string, err error) {
	p, err := s.pages.Parse(cursor, size, page.Bound("listRequests", f.Held, f.Closed, f.Stale, by.PersonID, by.Assignment))
	if err != nil {
		return nil, "", err
	}
	if f.Stale {
		if rows, err = listStale(ctx, s.db, by, p.Rising()); err != nil {
			return nil, "", err
		}
		rows, next = page.Cut(rows, p, func(r Seen) (time.Time, int64) { return *r.SteppedAt, int64(r.ID) })
		return rows, next, s.openReceipts(rows)
	}
	list, since := listOpened, time.Unix(0, 0).UTC()
	if f.Held {
		list = listHeld
	}
	if f.Closed {
		since = s.db.Now().Add(-max(closedWindow, s.reopens))
	}
	if rows, err = list(ctx, s.db, by, !f.Closed, since, p); err != nil {
		return nil, "", err
	}
	rows, next = page.Cut(rows, p, func(r Seen) (time.Time, int64) {
		if f.Closed {
			return *r.ClosedAt, int64(r.ID)
		}
		return r.RecordedAt, int64(r.ID)
	})
	return rows, next, s.openReceipts(rows)
}
