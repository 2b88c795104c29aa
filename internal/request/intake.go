package request

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/say"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
)

// acts is the purpose that the content of an act is hashed for, to tell a replay from a mistake.
const acts sealed.Purpose = "request"

// ErrSlip says that a paper slip is not known here, or has been entered before.
var ErrSlip = problem.New(problem.Conflict, "request.slip_unknown")

// ErrSlipNeedless says that the asker has a number to open the receipt with, or nothing more to say.
var ErrSlipNeedless = problem.New(problem.Conflict, "request.slip_needless")

// ErrSite says that somebody does not stand where the door is that they name.
var ErrSite = problem.New(problem.Invalid, "request.site_invalid")

// A Site is where somebody stands who can name no door of ours: at an entrance of a place.
type Site struct {
	Place    org.UnitID `json:"place"`
	Building string     `json:"building"`
	Entrance string     `json:"entrance"`
}

// A SiteFinder finds the area that looks after a site today. Homes are kept in a package above this one.
type SiteFinder func(ctx context.Context, q db.Queryer, s Site) (Door, error)

// Siting is s where sites are found by find.
func (s *Service) Siting(find SiteFinder) *Service {
	s.site = find
	return s
}

// A DoorHolder keeps a door, or where none is known (0) an entrance, from ending until the transaction is over. One that has
// ended meanwhile is not found: either the need is there first, and hangs on the door, or there is no door to ask at.
type DoorHolder func(ctx context.Context, tx *db.Tx, premises, entrance int64) error

// HoldingDoors is s where doors are held by hold while a need is recorded.
func (s *Service) HoldingDoors(hold DoorHolder) *Service {
	s.hold = hold
	return s
}

// An Opening is a need and where it is opened.
type Opening struct {
	Need
	Channel        Channel
	Unit           org.Unit // of the grid: the area of the door, or the recorder's own unit
	Premises       int64    // 0: no door is known
	Entrance       int64    // 0: no entrance is known
	Building       int64    // 0: the entrance is of none
	Alone          bool     // one home lies there, as far as is known
	Visit          int64    // 0: it came out of no visit
	HappenedAt     time.Time
	ClockUntrusted bool

	saying saying
}

// A saying is what somebody wrote down, and under which name of theirs.
type saying struct {
	what        string
	ref         string // clientRef; empty: there is none
	fingerprint []byte
}

// Open records a need in the transaction of whoever calls, gives it a receipt and tells its holder; db.IsDuplicate if
// the act has been told before.
func (s *Service) Open(ctx context.Context, tx *db.Tx, by org.Actor, o Opening) (ID, error) {
	book, err := s.rules.learn(ctx, tx)
	if err != nil {
		return 0, err
	}
	if err := o.DangerStop(ctx, tx); err != nil {
		return 0, err
	}
	now := book.asOf(tx.Now)
	if !o.ClockUntrusted {
		o.Category = book.goesOn(o.Category, o.Unit.Path, o.HappenedAt, tx.Now)
	}
	c, err := now.needed(o.Need)
	if err != nil {
		return 0, err
	}
	if err := o.check(); err != nil {
		return 0, err
	}
	if o.Phone != "" {
		phone, err := sealed.ParsePhone(o.Phone)
		if err != nil {
			return 0, err
		}
		o.Phone = phone.Reveal() // to be sealed in one spelling
	}
	ladder, err := org.Ladder(ctx, tx, o.Unit)
	if err != nil {
		return 0, err
	}
	if len(ladder) == 0 {
		return 0, ErrNoHolder
	}
	if only := now.region(c.Code); only != 0 && ladder[len(ladder)-1].ID != only {
		return 0, ErrCategory.Field("/category", ErrCategory.Code)
	}
	r := Request{
		UnitID: o.Unit.ID, Category: c.Code, Type: c.Type, Channel: o.Channel, State: New,
		HappenedAt: o.HappenedAt, RecordedAt: tx.Now, ClockUntrusted: o.ClockUntrusted,
		PremisesID: orNull(o.Premises), EntranceID: orNull(o.Entrance), BuildingID: orNull(o.Building), SourceVisitID: orNull(o.Visit),
		Holding: 1,
	}
	r.stepped(tx.Now)
	if o.About != 0 {
		err = s.concern(ctx, tx, &r, ladder, o.About)
	} else {
		err = r.start(ladder, c.StartLevel)
	}
	if err != nil {
		return 0, err
	}
	s.ruled(&r, ladder[len(ladder)-1].Path, tx.Now)
	s.category(r).due(&r)
	code := o.Code
	if code == "" {
		code = newReceipt()
	}
	o.saying.what = o.What
	if err := insertRequest(ctx, tx, s.keys, by, &r, code, o.saying); err != nil {
		return 0, err
	}
	if err := insertAsker(ctx, tx, s.keys, r.ID, code, o.Need); err != nil {
		return 0, err
	}
	if err := addStep(ctx, tx, s.keys, by, r, line{move: "created", at: r.HappenedAt}); err != nil {
		return 0, err
	}
	if err := s.arm(ctx, tx, r); err != nil {
		return 0, err
	}
	audit.Note(tx, by.Did("request.created", "request", int64(r.ID)))
	return r.ID, tellHolder(ctx, tx, by, r, c, ladder)
}

// orNull is v for a column that may be empty: NULL when it is zero.
func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// A Telling is a need as somebody records it: on behalf of the asker, or for themselves.
type Telling struct {
	Need
	Channel    Channel
	Premises   int64      // 0: no door is known
	Site       Site       // zero: none is named
	Slip       string     // the code of the paper slip it was written on; empty: none
	ClientRef  string     // made on the phone once an act; empty: it was told on the line
	HappenedAt *time.Time // by the phone's clock
}

// check says why what somebody wrote cannot be kept, or nil.
func (t Telling) check() error {
	if err := privacy.CheckText("/what", t.What); err != nil {
		return err
	}
	return privacy.CheckText("/who", t.Who)
}

// content is what makes two tellings the same.
func (t Telling) content() ([]byte, error) {
	b, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("read a telling: %w", err)
	}
	return b, nil
}

// Create records a need on behalf of somebody. It opens in the area of the door or the site or, without one, in the
// recorder's own unit.
func (s *Service) Create(ctx context.Context, by org.Actor, t Telling) (opened Seen, err error) {
	err = s.tell(ctx, by, t, func(tx *db.Tx, o *Opening) error {
		o.Unit = by.Grid
		switch {
		case t.Premises != 0:
			door, err := s.door(ctx, tx, by, t.Premises)
			if err != nil {
				return err
			}
			if t.Site != (Site{}) {
				if err := s.standsAt(ctx, tx, t.Site, door); err != nil {
					return err
				}
			}
			o.Premises, o.Entrance, o.Building, o.Unit = door.Premises, door.Entrance, door.Building, door.Area
		case t.Site != (Site{}):
			if err := s.stand(ctx, tx, t.Site, o); err != nil {
				return err
			}
			if !by.Sees(o.Unit) {
				return problem.ErrNotFound
			}
		}
		if t.Slip == "" {
			return nil
		}
		return s.useSlip(ctx, tx, by, o, t.Slip)
	}, func(tx *db.Tx, id ID) error {
		rows, err := s.Opened(ctx, tx, id)
		if err == nil {
			opened = rows[0]
		}
		return err
	})
	return opened, err
}

// stand makes o come from a site.
func (s *Service) stand(ctx context.Context, q db.Queryer, at Site, o *Opening) error {
	if s.site == nil {
		return problem.ErrNotFound
	}
	door, err := s.site(ctx, q, at)
	if err != nil {
		return err
	}
	o.Entrance, o.Building, o.Alone, o.Unit = door.Entrance, door.Building, door.Alone, door.Area
	return nil
}

// standsAt says why a site is not where a door is, or nil.
func (s *Service) standsAt(ctx context.Context, q db.Queryer, at Site, door Door) error {
	var o Opening
	var unknown *problem.Problem // such as a site that is not there, or that nobody looks after
	err := s.stand(ctx, q, at, &o)
	if err != nil && !errors.As(err, &unknown) {
		return err
	}
	if err != nil || o.Unit.ID != door.Area.ID || door.Entrance != 0 && o.Entrance != door.Entrance {
		return ErrSite.Field("/site", ErrSite.Code)
	}
	return nil
}

// tell records a need once: a repeat of the call, or of its clientRef, is answered with what it was. Place says where it
// opens, read what there is to answer.
func (s *Service) tell(ctx context.Context, by org.Actor, t Telling, place func(tx *db.Tx, o *Opening) error, read func(tx *db.Tx, id ID) error) error {
	if err := t.DangerStop(ctx, s.db); err != nil { // before anything else is wrong
		return err
	}
	if err := t.check(); err != nil {
		return err
	}
	content, err := t.content()
	if err != nil {
		return err
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		var id ID // all that is kept for a repeat: the rest is read again
		if err := once.Do(ctx, tx, int64(by.PersonID), &id, func() (err error) {
			if id, err = s.again(ctx, tx, by, t.ClientRef, content); err != nil || id != 0 {
				return err
			}
			o := Opening{Need: t.Need, Channel: t.Channel, saying: saying{ref: t.ClientRef}}
			o.saying.fingerprint = s.keys.MAC(acts, content)
			o.HappenedAt, o.ClockUntrusted = Happened(t.HappenedAt, tx.Now)
			if err := place(tx, &o); err != nil {
				return err
			}
			if s.hold != nil {
				if err := s.hold(ctx, tx, o.Premises, o.Entrance); err != nil {
					return err
				}
			}
			id, err = s.Open(ctx, tx, by, o)
			if db.IsDuplicate(err) { // another phone call of the same act has just committed
				id, err = s.again(ctx, tx, by, t.ClientRef, content)
			}
			return err
		}); err != nil {
			return err
		}
		return read(tx, id)
	})
}

// again is the request that by has told under ref before, 0 if it is new. The clientRef of an act is good for that act
// only.
func (s *Service) again(ctx context.Context, tx *db.Tx, by org.Actor, ref string, content []byte) (ID, error) {
	if ref == "" {
		return 0, nil
	}
	id, fingerprint, err := findTold(ctx, tx, by.PersonID, ref)
	if err != nil || id == 0 {
		return 0, err
	}
	if !s.keys.Authentic(acts, content, fingerprint) {
		return 0, problem.ErrKeyReused.Field("/clientRef", problem.ErrKeyReused.Code)
	}
	once.Again(ctx)
	return id, nil
}

// Begun is what an asker is given when they have recorded a need themselves: the receipt, and the eight digits that open
// it if they left no number.
type Begun struct {
	Request ID
	Receipt Receipt
	Secret  string
	Words   Words

	Danger Tongue // what to do before all else
}

// CreateOwn records a need of by, who has signed in, for themselves.
func (s *Service) CreateOwn(ctx context.Context, by org.Actor, t Telling, lang say.Lang) (Begun, error) {
	t.Channel, t.Person = ToldSelf, by.PersonID
	return s.begin(ctx, org.Actor{PersonID: by.PersonID}, t, lang)
}

// CreatePublic records a need of somebody without an account, who stands at a site.
func (s *Service) CreatePublic(ctx context.Context, t Telling, lang say.Lang) (Begun, error) {
	t.Channel, t.Person = ToldSelf, 0
	return s.begin(ctx, org.Actor{}, t, lang)
}

func (s *Service) begin(ctx context.Context, by org.Actor, t Telling, lang say.Lang) (b Begun, err error) {
	err = s.tell(ctx, by, t, func(tx *db.Tx, o *Opening) error {
		return s.stand(ctx, tx, t.Site, o)
	}, func(tx *db.Tx, id ID) error {
		rows, err := s.Opened(ctx, tx, id)
		if err != nil {
			return err
		}
		r := rows[0]
		b = Begun{Request: id, Receipt: r.Receipt, Danger: r.Danger}
		if b.Words, err = speak(tx, lang).words(ctx, r, r.RecordedAt); err != nil {
			return err
		}
		if t.Person != 0 || t.Phone != "" {
			return nil
		}
		slip, err := s.FirstSlip(ctx, tx, id)
		b.Secret = slip.Secret
		return err
	})
	return b, err
}

// FirstSlip is what opens the receipt of a request that its asker, who left no number, has just recorded themselves: a
// repeat of the call is given the same again, and changes nothing. Digits that open it no more, since others were printed or
// its asker has signed in, are not given again.
func (s *Service) FirstSlip(ctx context.Context, tx *db.Tx, id ID) (Slip, error) {
	rows, err := s.Opened(ctx, tx, id)
	if err != nil {
		return Slip{}, err
	}
	slip := Slip{Receipt: rows[0].Receipt, Secret: s.slipSecret(fmt.Sprintf("request %d", id))}
	a, err := s.askerOf(ctx, tx, slip.Receipt)
	if err != nil {
		return Slip{}, err
	}
	if a.Person == 0 && a.Slip == nil && !once.Replayed(ctx) {
		return slip, s.giveSlip(ctx, tx, a, slip)
	}
	if _, opens := a.knows(s.keys, slip.Receipt, slip.Secret); !opens || a.Person != 0 {
		slip.Secret = ""
	}
	return slip, nil
}

// A Slip is a piece of paper with the code of a receipt and the digits that open it (X54).
type Slip struct {
	Receipt Receipt
	Secret  string
}

// IssueSlips makes slips to be handed out, written on, and entered later under their codes.
func (s *Service) IssueSlips(ctx context.Context, by org.Actor, n int) (made []Slip, err error) {
	if by.Grid.ID == 0 {
		return nil, problem.ErrForbidden
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		var ids []int64 // all that is kept for a repeat: codes and digits are made again
		if err := once.Do(ctx, tx, int64(by.PersonID), &ids, func() error {
			for range n {
				id, err := insertSlip(ctx, tx, by)
				if err != nil {
					return err
				}
				slip := s.slip(id)
				if err := saveSlip(ctx, tx, id, s.keys.MAC(receipts, []byte(slip.Receipt)), s.keys.MAC(slips, slipText(slip.Receipt, slip.Secret))); err != nil {
					return err
				}
				ids = append(ids, id)
			}
			audit.Note(tx, by.Did("request.slips_issued", "unit", int64(by.Grid.ID)))
			return nil
		}); err != nil {
			return err
		}
		made = nil
		for _, id := range ids {
			made = append(made, s.slip(id))
		}
		return nil
	})
	return made, err
}

func (s *Service) slip(id int64) Slip {
	what := fmt.Sprintf("slip %d", id)
	return Slip{Receipt: s.slipCode(what), Secret: s.slipSecret(what)}
}

// useSlip makes o the request of a slip, which was issued in by's place and for one request.
func (s *Service) useSlip(ctx context.Context, tx *db.Tx, by org.Actor, o *Opening, typed string) error {
	code, _ := ParseReceipt(typed) // one that cannot be read is on no slip
	for _, hash := range s.keys.Derivations("mac:"+receipts, []byte(code)) {
		paper, err := findSlip(ctx, tx, hash)
		if err != nil {
			return err
		}
		if paper.ID == 0 {
			continue
		}
		from, err := org.UnitByID(ctx, tx, paper.Unit)
		if err != nil {
			return err
		}
		theirs, err := org.PlaceOf(ctx, tx, from)
		if err != nil {
			return err
		}
		own, err := org.PlaceOf(ctx, tx, by.Grid)
		if err != nil {
			return err
		}
		if theirs.ID != own.ID {
			break
		}
		o.Code, o.slip = code, paper.Hash
		return takeSlip(ctx, tx, paper.ID)
	}
	return ErrSlip.Field("/slipCode", ErrSlip.Code)
}

// PrintSlip makes new digits for the first asker of a request, who has no number to open the receipt with: its holder
// prints them on a slip, or whoever has just recorded it for them. Earlier ones open nothing from then on. Where somebody
// follows the need signed in by the slip that is lost, the new digits read as those did, and the page tells who printed them.
func (s *Service) PrintSlip(ctx context.Context, by org.Actor, id ID) (slip Slip, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		var at time.Time // all that is kept for a repeat: the digits are made again
		r, err := s.printable(ctx, tx, by, id)
		if err != nil {
			return err
		}
		one := []Seen{r}
		if err := s.openReceipts(one); err != nil {
			return err
		}
		slip.Receipt = one[0].Receipt
		secret := func() string { return s.slipSecret(fmt.Sprintf("request %d at %d", id, at.UnixMilli())) }
		if err := once.Do(ctx, tx, int64(by.PersonID), &at, func() error {
			at = tx.Now
			a, err := s.askerOf(ctx, tx, slip.Receipt)
			switch {
			case err != nil:
				return err
			case len(a.Phone) > 0 || a.SettledAt != nil: // whoever prints digits knows them
				return ErrSlipNeedless
			}
			if a.Person != 0 && a.Slip == nil {
				switch had, err := s.hadSlip(ctx, tx, a, slip.Receipt); {
				case err != nil:
					return err
				case !had:
					return ErrSlipNeedless
				}
			}
			audit.Note(tx, by.Did("request.slip_printed", "asker", int64(a.ID)))
			return s.giveSlip(ctx, tx, a, Slip{slip.Receipt, secret()})
		}); err != nil {
			return err
		}
		slip.Secret = secret()
		return nil
	})
	return slip, err
}

// slipWithin is how long after recording a need for somebody its recorder, who may not see it any more, prints its slip.
const slipWithin = time.Hour

// printable is a request whose slip by may print.
func (s *Service) printable(ctx context.Context, q db.Queryer, by org.Actor, id ID) (Seen, error) {
	r, err := findRecorded(ctx, q, by, id, db.NowOf(q).Add(-slipWithin))
	if !errors.Is(err, problem.ErrNotFound) {
		return r, err
	}
	if r, err = s.findSeen(ctx, q, by, id); err != nil {
		return Seen{}, err
	}
	return r, r.mayAct(by)
}

// hadSlip says whether a, who has signed in since, was given digits under their code before: following a need ended them once
// (docs/adr/0019).
func (s *Service) hadSlip(ctx context.Context, q db.Queryer, a asker, code Receipt) (bool, error) {
	for _, hash := range s.keys.Derivations("mac:"+receipts, []byte(code)) {
		if paper, err := findSlip(ctx, q, hash); err != nil || paper.ID != 0 {
			return err == nil, err
		}
	}
	return wasGivenDigits(ctx, q, a)
}

// giveSlip stores what opens a receipt beside a phone number, for a as it was read.
func (s *Service) giveSlip(ctx context.Context, tx *db.Tx, a asker, slip Slip) error {
	return saveAskerSlip(ctx, tx, a, s.keys.MAC(slips, slipText(slip.Receipt, slip.Secret)))
}
