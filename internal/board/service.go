package board

import (
	"context"
	"errors"
	"strconv"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/request"
	"wanjia/internal/upload"
)

// Service is what can be done with what is public.
type Service struct {
	db    *db.DB
	keys  *sealed.Keys
	pages *page.Keys
	needs *request.Service
	cal   *calendar.Calendar // of working days

	uploads *upload.Service // see Picturing
	look    Look            // see Looking; nil: nobody can be asked
	font    *Font           // see Printing; nil: browsers print, and no PDF is offered
}

// NewService makes a Service, whose working days are those of cal.
func NewService(d *db.DB, keys *sealed.Keys, pages *page.Keys, needs *request.Service, cal *calendar.Calendar) *Service {
	return &Service{db: d, keys: keys, pages: pages, needs: needs, cal: cal}
}

// Printing makes s offer boards as PDF files too, in font's letters.
func (s *Service) Printing(font *Font) *Service {
	s.font = font
	return s
}

// Create says that a board hangs at a site and shows an area of the same place.
func (s *Service) Create(ctx context.Context, by org.Actor, siteID int64, area org.UnitID) (r Row, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		var id ID
		err := once.Do(ctx, tx, int64(by.PersonID), &id, func() error {
			id, err = s.create(ctx, tx, by, siteID, area)
			return err
		})
		if err != nil {
			return err
		}
		b, err := boardByID(ctx, tx, id)
		r = Row{Board: b, State: Draft}
		return err
	})
	return r, err
}

func (s *Service) create(ctx context.Context, tx *db.Tx, by org.Actor, siteID int64, area org.UnitID) (ID, error) {
	at, err := findSite(ctx, tx, by, siteID)
	if err != nil {
		return 0, err
	}
	if err := keeps(by); err != nil {
		return 0, err
	}
	u, err := org.FindStanding(ctx, tx, by, area)
	if err != nil {
		return 0, err
	}
	if at.Kind != boardSite || at.EndsOn != nil && *at.EndsOn <= calendar.DayOf(tx.Now) {
		return 0, ErrSite.Field("/siteId", ErrSite.Code)
	}
	if place, err := org.PlaceOf(ctx, tx, u); err != nil || place.ID != at.UnitID || u.Kind != org.Area {
		return 0, errors.Join(err, ErrArea.Field("/areaId", ErrArea.Code))
	}
	return Make(ctx, tx, by, siteID, at.UnitID, area)
}

// boardSite is the kind of place where boards hang.
const boardSite = "board_site"

// Make stores a board, for whoever has asked already who may.
func Make(ctx context.Context, tx *db.Tx, by org.Actor, siteID int64, place, area org.UnitID) (ID, error) {
	id, err := insertBoard(ctx, tx, by, siteID, place, area)
	if err == nil {
		audit.Note(tx, by.Did("board.created", "board", int64(id)))
	}
	return id, err
}

// A Row is a board with the state of its newest version.
type Row struct {
	Board
	State     State
	PrintedAt *time.Time
}

// row is b with its newest version.
func row(b Board, v Version) Row {
	if b.Latest == 0 {
		return Row{Board: b, State: Draft}
	}
	return Row{Board: b, State: v.State, PrintedAt: v.PrintedAt}
}

// Outdated says whether the site shows something that is not true any more, as far as anybody has said.
func (r Row) Outdated() bool { return r.State == Published && r.Latest > 1 }

// List is a page of the boards that by sees, and the cursor behind it.
func (s *Service) List(ctx context.Context, by org.Actor, cursor string, size int) (rows []Row, next string, err error) {
	p, err := s.pages.Parse(cursor, size, page.Bound("listBoards", by.PersonID, by.Assignment))
	if err != nil {
		return nil, "", err
	}
	all, err := listBoards(ctx, s.db, by, p)
	if err != nil {
		return nil, "", err
	}
	all, next = page.Cut(all, p, func(b Board) (time.Time, int64) { return time.UnixMilli(0), int64(b.ID) })
	newest, err := newestVersions(ctx, s.db, all)
	if err != nil {
		return nil, "", err
	}
	for _, b := range all {
		rows = append(rows, row(b, newest[b.ID]))
	}
	return rows, next, nil
}

// A Detail is a board with everything its keeper wants to know.
type Detail struct {
	Row
	Now      Content
	Versions []Version
	Scans    []Count
}

// Find shows a board to whoever keeps it.
func (s *Service) Find(ctx context.Context, by org.Actor, id ID) (d Detail, err error) {
	b, err := findBoard(ctx, s.db, by, id)
	if err != nil {
		return Detail{}, err
	}
	all, err := contents(ctx, s.db, []Board{b}, calendar.DayOf(s.db.Now()))
	if err != nil {
		return Detail{}, err
	}
	d = Detail{Row: Row{Board: b, State: Draft}, Now: all[id]}
	if d.Versions, err = versions(ctx, s.db, id); err != nil {
		return Detail{}, err
	}
	if len(d.Versions) > 0 {
		d.Row = row(b, d.Versions[0])
	}
	d.Scans, err = scansSince(ctx, s.db, id, since(s.db.Now()))
	return d, err
}

// Publish makes a version of what is true now.
func (s *Service) Publish(ctx context.Context, by org.Actor, id ID) (v Version, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		var number int
		err := once.Do(ctx, tx, int64(by.PersonID), &number, func() error {
			b, err := findBoard(ctx, tx, by, id)
			if err != nil {
				return err
			}
			if err := keeps(by); err != nil {
				return err
			}
			made, err := s.renew(ctx, tx, by, b)
			if err == nil && !made {
				err = ErrIllegalTransition.With("state", string(Published))
			}
			number = b.Latest + 1
			return err
		})
		if err != nil {
			return err
		}
		v, err = findVersion(ctx, tx, id, number)
		return err
	})
	return v, err
}

// renew makes a new version of b, unless the newest one says what is true now; it says whether it did. by is
// org.System where a change of holder or consent is the reason.
func (s *Service) renew(ctx context.Context, tx *db.Tx, by org.Actor, b Board) (made bool, err error) {
	all, err := contents(ctx, tx, []Board{b}, calendar.DayOf(tx.Now))
	if err != nil {
		return false, err
	}
	c := all[b.ID]
	if b.Latest > 0 {
		old, err := findVersion(ctx, tx, b.ID, b.Latest)
		if err != nil {
			return false, err
		}
		if same, err := old.says(s.keys, c); err != nil || same {
			return false, err
		}
		if err := s.over(ctx, tx, by, b, old); err != nil {
			return false, err
		}
	}
	if err := nextNumber(ctx, tx, b); err != nil {
		return false, err
	}
	fingerprint, err := c.fingerprint(s.keys)
	if err != nil {
		return false, err
	}
	if _, err := insertVersion(ctx, tx, by, b.ID, b.Latest+1, c, fingerprint); err != nil {
		return false, err
	}
	audit.Note(tx, by.Did("board.published", "board", int64(b.ID)))
	return true, nil
}

// over ends a version, and tells the secretary if it hangs somewhere.
func (s *Service) over(ctx context.Context, tx *db.Tx, by org.Actor, b Board, old Version) error {
	if err := supersede(ctx, tx, old); err != nil {
		return err
	}
	audit.Note(tx, by.Did("board.superseded", "board", int64(b.ID)))
	if old.State != Printed {
		return nil
	}
	in, _, err := secretary(ctx, tx, b.PlaceID)
	if err != nil {
		return err
	}
	return notify.Tell(ctx, tx, audience(in), b.news("board.reprint", by, old))
}

// news is what is told of a version of b that hangs and should not.
func (b Board) news(kind string, by org.Actor, v Version) notify.Item {
	return notify.Item{
		Kind: kind, Ref: notify.Ref{Type: "board", ID: int64(b.ID)}, By: by,
		Args:   map[string]any{"placeLabel": b.SiteName, "count": 1},
		Dedupe: kind + ":" + strconv.FormatInt(v.ID, 10),
	}
}

// secretary is who leads a place today, and the party unit in which they do.
func secretary(ctx context.Context, q db.Queryer, place org.UnitID) ([]org.Incumbent, org.Unit, error) {
	day := calendar.DayOf(db.NowOf(q))
	u, err := org.UnitByID(ctx, q, place)
	if err != nil {
		return nil, org.Unit{}, err
	}
	in, err := org.LeadOf(ctx, q, u, day)
	if err != nil {
		return nil, org.Unit{}, err
	}
	party, err := org.LinkedParty(ctx, q, place, day)
	return in, party, err
}

func audience(in []org.Incumbent) (to notify.Audience) {
	for _, l := range in {
		to = to.And(notify.InRole(l.Person, l.Assignment))
	}
	return to
}

// MarkPrinted says that the newest version of a board hangs.
func (s *Service) MarkPrinted(ctx context.Context, by org.Actor, id ID, number int) (v Version, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		err := once.Do(ctx, tx, int64(by.PersonID), nil, func() error {
			b, err := findBoard(ctx, tx, by, id)
			if err != nil {
				return err
			}
			if err := keeps(by); err != nil {
				return err
			}
			if b.Latest == 0 {
				return ErrIllegalTransition.With("state", string(Draft))
			}
			newest, err := findVersion(ctx, tx, id, b.Latest)
			if err != nil {
				return err
			}
			if err := newest.canPrint(number); err != nil {
				return err
			}
			audit.Note(tx, by.Did("board.printed", "board", int64(id)))
			return notePrinted(ctx, tx, by, &newest)
		})
		if err != nil {
			return err
		}
		v, err = findVersion(ctx, tx, id, number)
		return err
	})
	return v, err
}

// piece is how many boards a turn of Renew looks at together.
const piece = 200

// Renew makes the new version of every board that does not say what is true any more, and says whether there was any. Any
// number of nodes may do so at one time: each board moves on from the number that was read, so one of them does it.
func (s *Service) Renew(ctx context.Context) (some bool, err error) {
	var failed error
	for last := ID(0); ; {
		boards, err := boardsAfter(ctx, s.db, last, piece)
		if err != nil || len(boards) == 0 {
			return some, errors.Join(failed, err)
		}
		last = boards[len(boards)-1].ID
		newest, err := newestVersions(ctx, s.db, boards)
		if err != nil {
			return some, errors.Join(failed, err)
		}
		all, err := contents(ctx, s.db, boards, calendar.DayOf(s.db.Now()))
		if err != nil {
			return some, errors.Join(failed, err)
		}
		failed = errors.Join(failed, db.Each(ctx, boards, func(b Board) error {
			if same, err := newest[b.ID].says(s.keys, all[b.ID]); err != nil || same {
				return err
			}
			some = true
			return s.db.InTx(ctx, func(tx *db.Tx) error {
				b, err := boardByID(ctx, tx, b.ID)
				if err != nil {
					return err
				}
				_, err = s.renew(ctx, tx, org.System, b)
				return err
			})
		}, ErrIllegalTransition))
	}
}

// acted runs f once for by, and reads what has become of the thing it is about. Of a repeat only its id is kept.
func acted[ID, T any](ctx context.Context, s *Service, by org.Actor, f func(tx *db.Tx) (ID, error),
	read func(ctx context.Context, q db.Queryer, by org.Actor, id ID) (T, error),
) (thing T, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		var id ID
		if err := once.Do(ctx, tx, int64(by.PersonID), &id, func() (err error) {
			id, err = f(tx)
			return err
		}); err != nil {
			return err
		}
		thing, err = read(ctx, tx, by, id)
		return err
	})
	return thing, err
}
