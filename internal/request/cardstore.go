package request

import (
	"context"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
)

const selectCard = `
	SELECT c.id, c.series_id, c.edition, c.kind, c.state, c.category, c.unit_id, c.title, c.for_whom, c.region, c.materials,
	       c.counter_label, c.how_to, c.source, c.valid_from, c.valid_to, c.review_on, c.request_id, c.first_unit_id,
	       c.proposed_by, COALESCE(c.proposed_as, 0) AS proposed_as, c.proposed_at, c.version,
	       u.name AS unit_name, u.path AS unit_path, u.kind AS unit_kind
	FROM card c
	JOIN unit u ON u.id = c.unit_id`

// insertCard stores c as the draft it is.
func insertCard(ctx context.Context, tx *db.Tx, c Card) (CardID, error) {
	id, err := tx.Insert(ctx, `
		INSERT INTO card (
			series_id, edition, kind, state, category, unit_id, title, for_whom, region, materials, counter_label, how_to,
			source, valid_from, valid_to, review_on, request_id, first_unit_id, proposed_by, proposed_as, proposed_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		c.SeriesID, c.Edition, c.Kind, c.State, c.Category, c.UnitID, c.Title, c.ForWhom, c.Region, c.Materials, c.Counter, c.HowTo,
		c.Source, c.ValidFrom, c.ValidTo, c.ReviewOn, c.RequestID, c.FirstUnitID, c.ProposedBy, orNull(int64(c.ProposedAs)), c.ProposedAt)
	if db.IsDuplicate(err) { // somebody else has just proposed this edition
		return 0, db.ErrAgain
	}
	return CardID(id), db.Wrap(err, nil, "insert card")
}

// cardByID returns a card, whoever asks.
func cardByID(ctx context.Context, q db.Queryer, id CardID) (c Card, err error) {
	err = q.Get(ctx, &c, selectCard+` WHERE c.id = ?`, id)
	return c, db.Wrap(err, problem.ErrNotFound, "find card %d", id)
}

// findCard returns a card that is in sight; else it is not found.
func findCard(ctx context.Context, q db.Queryer, s cardSight, id CardID) (c Card, err error) {
	err = q.Get(ctx, &c, selectCard+`
		WHERE c.id = ?
		  AND u.path >= ? AND u.path < ?
		  AND (c.state <> ? OR c.proposed_by = ? OR ? = 1)`, id, s.from, s.to, CardDraft, s.person, one(s.drafts))
	if err == nil && s.outside && !c.offered(s.today) {
		return Card{}, problem.ErrNotFound
	}
	return c, db.Wrap(err, problem.ErrNotFound, "find card %d", id)
}

// one is yes as SQL compares it.
func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// saveCard stores c as a move has left it, unless somebody was faster.
func saveCard(ctx context.Context, tx *db.Tx, c *Card) error {
	found, err := tx.Change(ctx, `
		UPDATE card
		SET state = ?, valid_to = ?, review_on = ?, version = version + 1
		WHERE id = ? AND version = ?`, c.State, c.ValidTo, c.ReviewOn, c.ID, c.Version)
	if err == nil && found == 0 {
		return ErrCardTransition
	}
	c.Version++
	return db.Wrap(err, nil, "move card %d", c.ID)
}

// lastEdition is the highest number of a series.
func lastEdition(ctx context.Context, q db.Queryer, series CardID) (n int, err error) {
	err = q.Get(ctx, &n, `SELECT MAX(edition) FROM card WHERE id = ? OR series_id = ?`, series, series)
	return n, db.Wrap(err, problem.ErrNotFound, "find the last edition of card %d", series)
}

// otherEditions are those of c's series that are approved and not over.
func otherEditions(ctx context.Context, q db.Queryer, c Card) (rows []Card, err error) {
	query, args, err := db.In(selectCard+`
		WHERE (c.id = ? OR c.series_id = ?) AND c.id <> ? AND c.state IN (?)
		ORDER BY c.id`, c.series(), c.series(), c.ID, offeredStates)
	if err != nil {
		return nil, err
	}
	return rows, db.Wrap(q.Select(ctx, &rows, query, args...), nil, "find other editions of card %d", c.ID)
}

// A dueCard is a card whose day has come.
type dueCard struct {
	ID      CardID `db:"id"`
	Version int    `db:"version"`
}

func (c dueCard) turn() turn { return turn{row: int64(c.ID), term: c.Version} }

// cardsDue are cards whose day has come, at most a hundred, behind another one.
func cardsDue(ctx context.Context, q db.Queryer, today calendar.Day, behind CardID) (due []dueCard, err error) {
	err = q.Select(ctx, &due, `
		SELECT id, version FROM card WHERE state = ? AND valid_from <= ? AND id > ?
		UNION
		SELECT id, version FROM card WHERE state = ? AND review_on <= ? AND id > ?
		UNION
		SELECT id, version FROM card WHERE state IN (?, ?, ?) AND valid_to < ? AND id > ?
		ORDER BY id
		LIMIT 100`,
		CardApproved, today, behind, CardActive, today, behind, CardApproved, CardActive, CardReviewDue, today, behind)
	return due, db.Wrap(err, nil, "find cards whose day has come")
}

// listOfferedCards are the cards offered in any of the units on a day, the newest first.
func listOfferedCards(ctx context.Context, q db.Queryer, day calendar.Day, units []org.UnitID, category Code, p page.Page) (rows []Card, err error) {
	query, args, err := db.In(selectCard+`
		WHERE c.unit_id IN (?) AND c.state IN (?)
		  AND c.valid_from <= ? AND c.valid_to >= ?
		  AND (? = '' OR c.category = ?)
		  AND c.proposed_at <= ? AND (c.proposed_at < ? OR c.id < ?)
		ORDER BY c.proposed_at DESC, c.id DESC
		LIMIT ?`, units, offeredStates, day, day, category, category, p.At, p.At, p.ID, p.Limit())
	if err != nil {
		return nil, err
	}
	return rows, db.Wrap(q.Select(ctx, &rows, query, args...), nil, "list cards offered")
}

// listKeptCards are the cards in sight in any state, of one unit or of all (0), the newest first.
func listKeptCards(ctx context.Context, q db.Queryer, s cardSight, unit org.UnitID, category Code, p page.Page) (rows []Card, err error) {
	if s.outside {
		return nil, nil
	}
	err = q.Select(ctx, &rows, selectCard+`
		WHERE u.path >= ? AND u.path < ?
		  AND (c.state <> ? OR c.proposed_by = ? OR ? = 1)
		  AND (? = 0 OR c.unit_id = ?)
		  AND (? = '' OR c.category = ?)
		  AND c.proposed_at <= ? AND (c.proposed_at < ? OR c.id < ?)
		ORDER BY c.proposed_at DESC, c.id DESC
		LIMIT ?`, s.from, s.to, CardDraft, s.person, one(s.drafts), unit, unit, category, category, p.At, p.At, p.ID, p.Limit())
	return rows, db.Wrap(err, nil, "list cards")
}

// cardKey is where a card stands in a list.
func cardKey(c Card) (time.Time, int64) { return c.ProposedAt, int64(c.ID) }

// CardStep is one line of the history of a card.
type CardStep struct {
	CardID     CardID           `db:"card_id"`
	Edition    int              `db:"edition"`
	Move       string           `db:"move"`
	From       *CardState       `db:"from_state"`
	To         CardState        `db:"to_state"`
	Assignment org.AssignmentID `db:"assignment_id"` // 0: a clock
	At         time.Time        `db:"recorded_at"`
	Note       string           `db:"note"`
}

// addCardStep writes down that by made a move that left c as it now is.
func addCardStep(ctx context.Context, tx *db.Tx, by org.Actor, c Card, move string, from *CardState, note string) error {
	_, err := tx.Insert(ctx, `
		INSERT INTO card_history (card_id, move, from_state, to_state, person_id, assignment_id, recorded_at, note)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		c.ID, move, from, c.State, orNull(int64(by.PersonID)), orNull(int64(by.Assignment)), tx.Now, note)
	return db.Wrap(err, nil, "add %s to the history of card %d", move, c.ID)
}

// cardHistory is how c and the other editions of it came about, the first line first.
func cardHistory(ctx context.Context, q db.Queryer, c Card) (steps []CardStep, err error) {
	err = q.Select(ctx, &steps, `
		SELECT h.card_id, c.edition, h.move, h.from_state, h.to_state, COALESCE(h.assignment_id, 0) AS assignment_id,
		       h.recorded_at, h.note
		FROM card c
		JOIN card_history h ON h.card_id = c.id
		WHERE (c.id = ? OR c.series_id = ?) AND (c.state <> ? OR c.id = ?)
		ORDER BY h.id`, c.series(), c.series(), CardDraft, c.ID)
	return steps, db.Wrap(err, nil, "read the history of card %d", c.ID)
}

// attachCard puts a card on a request.
func attachCard(ctx context.Context, tx *db.Tx, by org.Actor, r ID, card CardID) error {
	_, err := tx.Insert(ctx, `
		INSERT INTO request_card (request_id, card_id, attached_by, attached_at)
		VALUES (?, ?, ?, ?)`, r, card, by.PersonID, tx.Now)
	if db.IsDuplicate(err) {
		return ErrCardAttached
	}
	return db.Wrap(err, nil, "attach card %d to request %d", card, r)
}

// AttachedCards are the cards that were put on a request, whoever asks: they stay with it when they are over.
func AttachedCards(ctx context.Context, q db.Queryer, id ID) (rows []Card, err error) {
	err = q.Select(ctx, &rows, selectCard+`
		JOIN request_card a ON a.card_id = c.id
		WHERE a.request_id = ?
		ORDER BY a.id`, id)
	return rows, db.Wrap(err, nil, "find the cards of request %d", id)
}
