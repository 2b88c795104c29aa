package household

import (
	"context"
	"slices"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
	"wanjia/internal/request"
)

// Visited is told of every visit that put its visitor at a door, in the visit's transaction: being there is being on
// duty (checkin).
type Visited func(ctx context.Context, tx *db.Tx, by org.Actor, v Visit) error

// Service is what can be done with homes and visits.
type Service struct {
	db       *db.DB
	keys     *sealed.Keys
	pages    *page.Keys
	requests *request.Service
	visited  Visited
	watch    Watch
	loadHint int
}

// A Watch says why somebody cannot go on to read one more household, or nil: whoever reads many in a short time is
// asked who they are (X50).
type Watch func(ctx context.Context, by org.Actor, household int64) error

// Watched makes s ask watch before it shows a household.
func (s *Service) Watched(watch Watch) *Service {
	s.watch = watch
	return s
}

// look is watch, where there is one.
func (s *Service) look(ctx context.Context, by org.Actor, id ID) error {
	if s.watch == nil {
		return nil
	}
	return s.watch(ctx, by, int64(id))
}

// NewService makes a Service.
func NewService(d *db.DB, keys *sealed.Keys, pages *page.Keys, requests *request.Service, visited Visited) *Service {
	return &Service{db: d, keys: keys, pages: pages, requests: requests, visited: visited, loadHint: usualHint}
}

// usualHint is how many households an area may have before a split is suggested (F5).
const usualHint = 40

// Hinting makes s suggest a split above so many households.
func (s *Service) Hinting(households int) *Service {
	s.loadHint = households
	return s
}

// countsOnly are the roles that see figures of areas and no area's own (domain.md §3.5).
var countsOnly = map[org.Role]bool{org.RolePartyOffice: true, org.RoleCommitteeSecretary: true}

// An AreaLoad is an area with its load as the asker may see it.
type AreaLoad struct {
	ID             org.UnitID
	Name           string
	Households     string
	Doors          string
	OpenRequests   string
	PromisesDue    string
	SplitSuggested bool
}

// Areas is a page of the areas that by sees, and the cursor behind it.
func (s *Service) Areas(ctx context.Context, by org.Actor, cursor string, size int) (areas []AreaLoad, next string, err error) {
	p, err := s.pages.Parse(cursor, size, page.Bound("listAreas", by.PersonID, by.Assignment))
	if err != nil {
		return nil, "", err
	}
	loads, err := listAreas(ctx, s.db, by, calendar.DayOf(s.db.Now()), p)
	if err != nil {
		return nil, "", err
	}
	loads, next = page.Cut(loads, p, func(l Load) (time.Time, int64) { return time.Time{}, int64(l.ID) })
	areas = make([]AreaLoad, len(loads))
	for i, l := range loads {
		areas[i] = l.shownTo(by, s.loadHint)
	}
	return areas, next, nil
}

// shownTo is l as by may see it: who sees counts only is not shown small ones.
func (l Load) shownTo(by org.Actor, hint int) AreaLoad {
	number := exact
	if countsOnly[by.Role] {
		number = small
	}
	return AreaLoad{
		ID: l.ID, Name: l.Name, Households: number(l.Households), Doors: number(l.Doors),
		OpenRequests: number(l.OpenRequests), PromisesDue: number(l.Promises), SplitSuggested: l.Households > hint,
	}
}

// Deal puts entrances into an area from a day on, all of them or none (T7).
func (s *Service) Deal(ctx context.Context, by org.Actor, area org.UnitID, from calendar.Day, entrances []EntranceID) (dealt int, err error) {
	if _, err := calendar.ParseDay(string(from)); err != nil {
		return 0, ErrDay.Field("/validFrom", ErrDay.Code)
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), &dealt, func() error {
			u, err := org.FindStanding(ctx, tx, by, area)
			if err != nil {
				return err
			}
			for _, e := range entrances {
				if err := Assign(ctx, tx, by, u, e, from); err != nil {
					return err
				}
			}
			dealt = len(entrances)
			audit.Note(tx, by.Did("area.entrances_dealt", "area", int64(area)))
			return nil
		})
	})
	return dealt, err
}

// Assign puts an entrance into an area from a day on, if it lies in none from then (C3, T7).
func Assign(ctx context.Context, tx *db.Tx, by org.Actor, area org.Unit, id EntranceID, from calendar.Day) error {
	if area.Kind != org.Area {
		return ErrNoArea
	}
	place, err := org.PlaceOf(ctx, tx, area)
	if err != nil {
		return err
	}
	e, err := lockEntrance(ctx, tx, id)
	if err != nil {
		return err
	}
	if _, err := org.FindUnit(ctx, tx, by, e.PlaceID); err != nil { // of a place that by does not see: not found, as if it were not there
		return err
	}
	taken, err := spansOf(ctx, tx, id)
	if err != nil {
		return err
	}
	if err := e.canBeDealt(place.ID, from, taken); err != nil {
		return err
	}
	return insertDeal(ctx, tx, by, area.ID, id, from)
}

// Unassigned is a page of the entrances below by that lie in no area on day (empty: today), and the cursor behind it.
func (s *Service) Unassigned(ctx context.Context, by org.Actor, day calendar.Day, cursor string, size int) (found []Entrance, next string, err error) {
	p, err := s.pages.Parse(cursor, size, page.Bound("listUnassignedEntrances", day, by.PersonID, by.Assignment))
	if err != nil {
		return nil, "", err
	}
	if day == "" {
		day = calendar.DayOf(s.db.Now())
	} else if _, err := calendar.ParseDay(string(day)); err != nil {
		return nil, "", ErrDay.Field("day", ErrDay.Code)
	}
	if found, err = listUnassigned(ctx, s.db, by, day, p); err != nil {
		return nil, "", err
	}
	found, next = page.Cut(found, p, func(e Entrance) (time.Time, int64) { return time.Time{}, int64(e.ID) })
	return found, next, nil
}

// Households is a page of the doors that by sees, and the cursor behind it. What is known of them is for whoever looks after
// their area only; leads see the doors (§3.5, HH), or none but those that they look after meanwhile (T8).
func (s *Service) Households(ctx context.Context, by org.Actor, area *org.UnitID, cursor string, size int) (rows []Row, next string, err error) {
	if !readsDoors[by.Role] && mayLookAfter(by) != nil {
		return nil, "", problem.ErrForbidden
	}
	p, err := s.pages.Parse(cursor, size, page.Bound("listHouseholds", area, by.PersonID, by.Assignment))
	if err != nil {
		return nil, "", err
	}
	if area != nil {
		if _, err := org.FindUnit(ctx, s.db, by, *area); err != nil {
			return nil, "", err
		}
	}
	areas, err := lookingAfter(ctx, s.db, by)
	if err != nil {
		return nil, "", err
	}
	own := make([]org.UnitID, len(areas))
	for i, a := range areas {
		own[i] = a.Grid.ID
	}
	of, day := own, calendar.DayOf(s.db.Now())
	switch {
	case area != nil && (readsDoors[by.Role] || slices.Contains(own, *area)):
		of = []org.UnitID{*area}
	case readsDoors[by.Role]:
		of = nil
	case area != nil || len(own) == 0:
		return nil, "", nil
	}
	if rows, err = listHouseholds(ctx, s.db, by, of, day, p); err != nil {
		return nil, "", err
	}
	rows, next = page.Cut(rows, p, func(r Row) (time.Time, int64) { return time.Time{}, int64(r.ID) })
	return rows, next, knowThose(ctx, s.db, rows, day, func(r Row) bool { return slices.Contains(own, r.AreaID) })
}

// A Detail is a household with what its area's holder may know of it.
type Detail struct {
	Household
	Contact      Contact
	Last         *Visit // the newest visit
	MutedUntil   *calendar.Day
	Consents     []Consent // what it has said last to each purpose
	OpenRequests []request.ID
	Openings     []privacy.Opening // by break-glass
}

// Read shows a household to the holder of its area. The reading is noted, and without the note nothing is shown
// (X41).
func (s *Service) Read(ctx context.Context, by org.Actor, id ID) (d Detail, err error) {
	if err := s.look(ctx, by, id); err != nil {
		return Detail{}, err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		d, err = s.detail(ctx, tx, by, id)
		if err == nil {
			audit.Note(tx, by.Did(householdRead, "household", int64(id)))
		}
		return err
	})
	if err != nil {
		return Detail{}, s.noted(ctx, by, householdRead, "household", int64(id), err)
	}
	return d, nil
}

func (s *Service) detail(ctx context.Context, tx *db.Tx, by org.Actor, id ID) (d Detail, err error) {
	if d.Household, err = findOwn(ctx, tx, by, id); err != nil {
		return d, err
	}
	if d.Contact, err = readContact(ctx, tx, id); err != nil {
		return d, err
	}
	if d.Last, err = newestVisit(ctx, tx, id); err != nil {
		return d, err
	}
	muted, err := mutes(ctx, tx, []ID{id}, calendar.DayOf(tx.Now))
	if err != nil {
		return d, err
	}
	if until, ok := muted[id]; ok {
		d.MutedUntil = &until
	}
	if d.Consents, err = consents(ctx, tx, id); err != nil {
		return d, err
	}
	if d.OpenRequests, err = request.OpenOfDoor(ctx, tx, int64(id)); err != nil {
		return d, err
	}
	left, err := leftAt(ctx, tx, id)
	if err != nil {
		return d, err
	}
	d.Openings, err = openingsSince(ctx, tx, id, left)
	return d, err
}

// Unmask shows fields of a household's contact in full, for a purpose and a reason (X40).
func (s *Service) Unmask(ctx context.Context, by org.Actor, id ID, fields []string, why privacy.Why) (shown map[string]string, err error) {
	if err := s.look(ctx, by, id); err != nil {
		return nil, err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if _, err := findOwn(ctx, tx, by, id); err != nil {
			return err
		}
		all, _, err := findContact(ctx, tx, id)
		if err != nil {
			return err
		}
		values := make([]privacy.Value, len(fields))
		for i, f := range fields {
			values[i] = all[f]
		}
		plain, err := privacy.Open(ctx, tx, by, why, "household", int64(id), values...)
		if err != nil {
			return err
		}
		shown = make(map[string]string, len(fields))
		for i, f := range fields {
			shown[f] = plain[i]
		}
		return used(ctx, tx, id)
	})
	if err != nil {
		return nil, s.noted(ctx, by, "household.unmasked", "household", int64(id), err)
	}
	return shown, nil
}

// SetContact replaces how a household wants to be spoken to and called.
func (s *Service) SetContact(ctx context.Context, by org.Actor, id ID, c Contact) (version int64, err error) {
	if err := privacy.CheckText("/formOfAddress", c.FormOfAddress.Reveal()); err != nil {
		return 0, err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), &version, func() error {
			if _, err := holdOwn(ctx, tx, by, id); err != nil {
				return err
			}
			if version, err = SaveContact(ctx, tx, s.keys, id, c); err != nil {
				return err
			}
			audit.Note(tx, by.Did("household.contact_set", "household", int64(id)).Showing(FormOfAddress, PhoneNumber))
			return nil
		})
	})
	return version, err
}

// Door finds a door for a request that somebody records about it: whoever may see the door may name it, and whoever looks
// after it meanwhile.
func Door(ctx context.Context, q db.Queryer, by org.Actor, premises int64, day calendar.Day) (request.Door, error) {
	h, err := findHousehold(ctx, q, by, ID(premises), day)
	if err == nil && !readsDoors[by.Role] {
		_, err = meanwhile(ctx, q, by, h.AreaID)
	}
	if err != nil {
		return request.Door{}, err
	}
	area, err := org.UnitByID(ctx, q, h.AreaID)
	if err != nil {
		return request.Door{}, err
	}
	e, err := entranceOf(ctx, q, h.ID)
	return request.Door{Premises: premises, Entrance: int64(e.ID), Building: e.building(), Area: area}, err
}
