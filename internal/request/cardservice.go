package request

import (
	"context"
	"errors"
	"slices"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/privacy"
)

// NewCard is a card as somebody proposes it.
type NewCard struct {
	CardText
	Wide     bool   // for the whole subdistrict; else for the proposer's own place
	Request  ID     // the need that was solved so; 0: none
	Replaces CardID // the edition that it takes the place of; 0: none
}

// cardSight is which cards somebody sees: those of one subdistrict, drafts only their own or those they decide on;
// and who works in none, what is offered.
type cardSight struct {
	from, to string // of the path of the unit where they are offered
	person   org.PersonID
	drafts   bool
	outside  bool
	today    calendar.Day
}

func cardSightOf(ctx context.Context, q db.Queryer, by org.Actor, today calendar.Day) (s cardSight, err error) {
	s = cardSight{from: "/", to: "0", person: by.PersonID, drafts: decides(by), today: today}
	if by.Grid.Kind == org.District {
		s.from, s.to = by.Scope()
		return s, nil
	}
	top, _, err := org.SubdistrictOf(ctx, q, by, today)
	switch {
	case errors.Is(err, problem.ErrNotFound):
		s.outside = true
		return s, nil
	case err != nil:
		return cardSight{}, err
	}
	s.from, s.to = org.Actor{Grid: top}.Scope()
	return s, nil
}

// ProposeCard drafts a card and tells those who decide on it.
func (s *Service) ProposeCard(ctx context.Context, by org.Actor, n NewCard) (c Card, err error) {
	book, err := s.rules.learn(ctx, s.db)
	if err != nil {
		return Card{}, err
	}
	if _, err := book.asOf(s.db.Now()).opening(n.Category); err != nil {
		return Card{}, err
	}
	if err := n.check(calendar.DayOf(s.db.Now())); err != nil {
		return Card{}, err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		var id CardID
		if err := once.Do(ctx, tx, int64(by.PersonID), &id, func() error {
			c, err := draft(ctx, tx, by, n, s.reopens)
			if err != nil {
				return err
			}
			if id, err = insertCard(ctx, tx, c); err != nil {
				return err
			}
			if c, err = cardByID(ctx, tx, id); err != nil {
				return err
			}
			audit.Note(tx, by.Did("card.proposed", "card", int64(id)))
			if err := addCardStep(ctx, tx, by, c, "proposed", nil, ""); err != nil {
				return err
			}
			to, err := deciders(ctx, tx, c)
			if err != nil {
				return err
			}
			return notify.Tell(ctx, tx, to, c.told("card.proposed", by))
		}); err != nil {
			return err
		}
		c, err = cardByID(ctx, tx, id)
		return err
	})
	return c, err
}

// draft is n as by proposes it, where needs can be opened again within window.
func draft(ctx context.Context, tx *db.Tx, by org.Actor, n NewCard, window time.Duration) (Card, error) {
	c := Card{
		Edition: 1, State: CardDraft, CardText: n.CardText,
		ProposedBy: by.PersonID, ProposedAs: by.Assignment, ProposedAt: tx.Now,
	}
	at, err := reachOf(ctx, tx, by, n.Wide)
	if err != nil {
		return Card{}, err
	}
	c.UnitID = at.ID
	if n.Request != 0 {
		r, err := findSeen(ctx, tx, by, n.Request, window)
		if err != nil {
			return Card{}, err
		}
		if n.Kind != SolutionCard || r.Category != n.Category || r.State != Resolved {
			return Card{}, ErrCardSource.Field("/requestId", ErrCardSource.Code)
		}
		c.RequestID, c.FirstUnitID = &n.Request, &r.UnitID
	}
	if n.Replaces == 0 {
		return c, nil
	}
	sight, err := cardSightOf(ctx, tx, by, calendar.DayOf(tx.Now))
	if err != nil {
		return Card{}, err
	}
	old, err := findCard(ctx, tx, sight, n.Replaces)
	if err != nil {
		return Card{}, err
	}
	if old.UnitID != c.UnitID || old.Kind != c.Kind {
		return Card{}, ErrCardReach.Field("/replaces", ErrCardReach.Code)
	}
	series := old.series()
	if c.SeriesID = &series; c.RequestID == nil {
		c.RequestID, c.FirstUnitID = old.RequestID, old.FirstUnitID
	}
	c.Edition, err = lastEdition(ctx, tx, series)
	c.Edition++
	return c, err
}

// reachOf is where a card of by is offered: in the own place, or in the whole subdistrict.
func reachOf(ctx context.Context, tx *db.Tx, by org.Actor, wide bool) (org.Unit, error) {
	ladder, err := org.Ladder(ctx, tx, by.Grid)
	if err != nil {
		return org.Unit{}, err
	}
	i := slices.IndexFunc(ladder, func(u org.Unit) bool {
		return u.Kind == org.Subdistrict || !wide && u.Level == placeLevel
	})
	if i < 0 {
		return org.Unit{}, ErrCardReach.Field("/reach", ErrCardReach.Code)
	}
	return ladder[i], nil
}

// Approval is until when a card holds, as who approves it says. Empty days are those of the card.
type Approval struct {
	Version  int64
	ValidTo  calendar.Day
	ReviewOn calendar.Day
}

// ApproveCard approves a draft, or lets a card go on whose review was due.
func (s *Service) ApproveCard(ctx context.Context, by org.Actor, id CardID, a Approval) (Card, error) {
	return s.decideCard(ctx, by, id, a.Version, "approved", "", func(tx *db.Tx, c *Card) error {
		if err := c.among(CardDraft, CardReviewDue); err != nil {
			return err
		}
		today := calendar.DayOf(tx.Now)
		if a.ValidTo != "" {
			c.ValidTo = a.ValidTo
		}
		if a.ReviewOn != "" {
			c.ReviewOn = a.ReviewOn
		}
		if err := c.check(today); err != nil {
			return err
		}
		c.State = c.begin(today)
		return nil
	}, func(tx *db.Tx, c Card) error {
		if c.State == CardActive {
			if err := supersede(ctx, tx, by, c); err != nil {
				return err
			}
		}
		to := notify.Persons(c.ProposedBy)
		if c.FirstUnitID != nil { // the answer goes back to who had the need first (C23)
			first := Request{UnitID: *c.FirstUnitID}
			ladder, err := ladderOf(ctx, tx, first)
			if err != nil {
				return err
			}
			_, in, err := leadFrom(ctx, tx, first, ladder, ladder[0].Level)
			if err != nil {
				return err
			}
			to = audience(in).And(to)
		}
		return notify.Tell(ctx, tx, to, c.told("card.approved", by))
	})
}

// RetireCard ends a card, with the reason; it stays in the history.
func (s *Service) RetireCard(ctx context.Context, by org.Actor, id CardID, version int64, reason string) (Card, error) {
	if err := privacy.CheckText("/reason", reason); err != nil {
		return Card{}, err
	}
	return s.decideCard(ctx, by, id, version, "retired", reason, func(_ *db.Tx, c *Card) error {
		if err := c.among(CardDraft, CardApproved, CardActive, CardReviewDue); err != nil {
			return err
		}
		c.State = CardRetired
		return nil
	}, func(tx *db.Tx, c Card) error {
		return notify.Tell(ctx, tx, notify.Persons(c.ProposedBy), c.told("card.retired", by))
	})
}

// decideCard changes a card that by sees and decides on, once.
func (s *Service) decideCard(
	ctx context.Context, by org.Actor, id CardID, version int64, move, note string, do func(tx *db.Tx, c *Card) error, tell func(tx *db.Tx, c Card) error,
) (c Card, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		sight, err := cardSightOf(ctx, tx, by, calendar.DayOf(tx.Now))
		if err != nil {
			return err
		}
		if err := once.Do(ctx, tx, int64(by.PersonID), nil, func() error {
			c, err := findCard(ctx, tx, sight, id)
			if err != nil {
				return err
			}
			if err := c.mayDecide(by, sight.from); err != nil {
				return err
			}
			if version != c.Version {
				return problem.ErrConflict.With("yours", version).With("current", map[string]any{"version": c.Version, "state": string(c.State)})
			}
			return moveCard(ctx, tx, by, &c, move, note, func() error { return do(tx, &c) }, func() error { return tell(tx, c) })
		}); err != nil {
			return err
		}
		c, err = cardByID(ctx, tx, id)
		return err
	})
	return c, err
}

// moveCard changes c by do, writes that down and tells of it.
func moveCard(ctx context.Context, tx *db.Tx, by org.Actor, c *Card, move, note string, do, tell func() error) error {
	from := c.State
	if err := do(); err != nil {
		return err
	}
	if err := saveCard(ctx, tx, c); err != nil {
		return err
	}
	if err := addCardStep(ctx, tx, by, *c, move, &from, note); err != nil {
		return err
	}
	audit.Note(tx, by.Did("card."+move, "card", int64(c.ID)))
	return tell()
}

// supersede retires the editions whose place c takes.
func supersede(ctx context.Context, tx *db.Tx, by org.Actor, c Card) error {
	older, err := otherEditions(ctx, tx, c)
	if err != nil {
		return err
	}
	for i := range older {
		o := &older[i]
		err := moveCard(ctx, tx, by, o, "retired", "", func() error {
			o.State = CardRetired
			return nil
		}, func() error { return nil })
		if err != nil {
			return err
		}
	}
	return nil
}

// deciders are those who approve c: the lead of its community or, elsewhere and while that is vacant, the office.
func deciders(ctx context.Context, tx *db.Tx, c Card) (notify.Audience, error) {
	at, err := org.UnitByID(ctx, tx, c.UnitID)
	if err != nil {
		return notify.Audience{}, err
	}
	ladder, err := org.Ladder(ctx, tx, at)
	if err != nil {
		return notify.Audience{}, err
	}
	if at.Kind != org.Community {
		ladder = ladder[len(ladder)-1:]
	}
	for _, u := range ladder {
		if in, err := leads(ctx, tx, u); err != nil || len(in) > 0 {
			return audience(in), err
		}
	}
	return notify.Audience{}, nil
}

// told is what people are told of c.
func (c Card) told(kind string, by org.Actor) notify.Item {
	args := map[string]any{"kindLabel": cardLabels[c.Kind], "unitLabel": c.UnitName}
	return notify.Item{Kind: kind, Ref: notify.Ref{Type: "card", ID: int64(c.ID)}, By: by, Args: args}
}

// cardLabels are the kinds as people read them.
var cardLabels = map[CardKind]string{PolicyCard: "政策服务卡", SolutionCard: "经验卡"}

// CardsDue moves the cards whose day has come, and says whether there were any: they begin, are to be looked at again,
// and end. Any number of nodes may do so at one time: each card moves on the version that was read.
func (s *Service) CardsDue(ctx context.Context) (some bool, err error) {
	now := s.db.Now()
	return inTurn(ctx, &s.late.cards, now, func(behind dueCard) ([]dueCard, error) {
		return cardsDue(ctx, s.db, calendar.DayOf(now), behind.ID)
	}, func(c dueCard) error {
		err := s.db.InTx(ctx, func(tx *db.Tx) error { return cardDue(ctx, tx, c.ID) })
		if errors.Is(err, ErrCardTransition) { // another node was faster
			return nil
		}
		return db.Wrap(err, nil, "let the day of card %d come", c.ID)
	})
}

func cardDue(ctx context.Context, tx *db.Tx, id CardID) error {
	c, err := cardByID(ctx, tx, id)
	if err != nil {
		return err
	}
	to, move := c.due(calendar.DayOf(tx.Now))
	if move == "" {
		return c.among() // somebody was faster
	}
	return moveCard(ctx, tx, org.System, &c, move, "", func() error {
		c.State = to
		return nil
	}, func() error {
		switch to { //nolint:exhaustive // because no clock brings the others about
		case CardActive:
			return supersede(ctx, tx, org.System, c)
		case CardReviewDue:
			to, err := deciders(ctx, tx, c)
			if err != nil {
				return err
			}
			return notify.Tell(ctx, tx, to, c.told("card.review_due", org.System))
		}
		return notify.Tell(ctx, tx, notify.Persons(c.ProposedBy), c.told("card.retired", org.System))
	})
}

// CardFilter says which cards a list holds.
type CardFilter struct {
	Kept     bool       // all that one may see, in any state; else what is offered today
	Unit     org.UnitID // what is offered there; 0: in the own unit
	Category Code       // "": any
}

// Cards is a page of the cards of f that by sees, the newest first, and the cursor behind it.
func (s *Service) Cards(ctx context.Context, by org.Actor, f CardFilter, cursor string, size int) (rows []Card, next string, err error) {
	p, err := s.pages.Parse(cursor, size, page.Bound("listCards", f, by.PersonID, by.Assignment))
	if err != nil {
		return nil, "", err
	}
	sight, err := cardSightOf(ctx, s.db, by, calendar.DayOf(s.db.Now()))
	if err != nil {
		return nil, "", err
	}
	if f.Kept {
		if f.Unit != 0 {
			if _, err := org.FindUnit(ctx, s.db, by, f.Unit); err != nil {
				return nil, "", err
			}
		}
		rows, err = listKeptCards(ctx, s.db, sight, f.Unit, f.Category, p)
	} else {
		rows, err = offeredIn(ctx, s.db, by, sight, f, p)
	}
	if err != nil {
		return nil, "", err
	}
	rows, next = page.Cut(rows, p, cardKey)
	return rows, next, nil
}

// offeredIn are the cards offered in the unit of f and above it.
func offeredIn(ctx context.Context, q db.Queryer, by org.Actor, sight cardSight, f CardFilter, p page.Page) ([]Card, error) {
	at := by.Grid
	if f.Unit != 0 {
		var err error
		if at, err = org.UnitByID(ctx, q, f.Unit); err != nil {
			return nil, err
		}
		if at.Tree != org.GridTree || at.Path < sight.from || at.Path >= sight.to {
			return nil, problem.ErrNotFound
		}
	}
	if at.ID == 0 {
		return nil, nil
	}
	return listOfferedCards(ctx, q, sight.today, append(at.Above(), at.ID), f.Category, p)
}

// CardDetail is a card with the other editions of it and how each came about.
type CardDetail struct {
	Card
	History []CardStep
}

// Card shows a card to who may see it.
func (s *Service) Card(ctx context.Context, by org.Actor, id CardID) (d CardDetail, err error) {
	sight, err := cardSightOf(ctx, s.db, by, calendar.DayOf(s.db.Now()))
	if err != nil {
		return CardDetail{}, err
	}
	if d.Card, err = findCard(ctx, s.db, sight, id); err != nil {
		return CardDetail{}, err
	}
	d.History, err = cardHistory(ctx, s.db, d.Card)
	return d, err
}

// AttachCard shows the asker of a request a card that is offered there today.
func (s *Service) AttachCard(ctx context.Context, by org.Actor, id ID, card CardID) (Moved, error) {
	return s.move(ctx, by, id, func(tx *db.Tx, r *Seen) (line, error) {
		if err := r.mayAct(by); err != nil {
			return line{}, err
		}
		if err := r.anyOpen(); err != nil {
			return line{}, err
		}
		sight, err := cardSightOf(ctx, tx, by, calendar.DayOf(tx.Now))
		if err != nil {
			return line{}, err
		}
		c, err := findCard(ctx, tx, sight, card)
		if err != nil {
			return line{}, err
		}
		if !c.offered(sight.today) || !offeredAt(c.UnitPath, r.UnitPath) {
			return line{}, ErrCardNotOffered
		}
		return line{move: "card_attached", note: c.Title}, attachCard(ctx, tx, by, id, card)
	}, askersHear(ctx, by, status("card_attached")))
}

// CardsOn are the cards attached to a request, and those offered there today in its category.
func (s *Service) CardsOn(ctx context.Context, by org.Actor, id ID) (attached, suggested []Card, err error) {
	r, err := s.findSeen(ctx, s.db, by, id)
	if err != nil {
		return nil, nil, err
	}
	if attached, err = AttachedCards(ctx, s.db, id); err != nil || !r.State.Open() {
		return attached, nil, err
	}
	opened, err := org.UnitByID(ctx, s.db, r.UnitID)
	if err != nil {
		return nil, nil, err
	}
	p, err := s.pages.Parse("", suggestions, page.Bound("listRequestCards", id))
	if err != nil {
		return nil, nil, err
	}
	suggested, err = listOfferedCards(ctx, s.db, calendar.DayOf(s.db.Now()), append(opened.Above(), opened.ID), r.Category, p)
	suggested = slices.DeleteFunc(suggested, func(c Card) bool {
		return slices.ContainsFunc(attached, func(a Card) bool { return a.ID == c.ID })
	})
	return attached, suggested, err
}

// suggestions is how many cards are suggested to a request.
const suggestions = 20
