package request

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
)

// similars is the purpose that references to what others have told are hashed for.
const similars sealed.Purpose = "similar request"

const (
	similarWindow = 7 * 24 * time.Hour // X24
	similarMost   = 20
)

// What joining refuses.
var (
	ErrNotSimilar = problem.New(problem.Conflict, "request.not_similar")
	ErrJoined     = problem.New(problem.Conflict, "request.joined")
)

// A Similar is a need that others have told of in the same building: that there is one, and nothing of whose.
type Similar struct {
	ID       ID        `db:"id"`
	Category Code      `db:"category"`
	ToldAt   time.Time `db:"recorded_at"`
	Ref      string    // for joining it; good at this building only
}

// Similar are the open needs of a category that were told of in the building of a site within a week, the newest first
// (X24). What concerns somebody is no category that one can ask for here.
func (s *Service) Similar(ctx context.Context, at Site, code Code) ([]Similar, error) {
	book, err := s.rules.learn(ctx, s.db)
	if err != nil {
		return nil, err
	}
	c, err := book.asOf(s.db.Now()).opening(code)
	if err != nil {
		return nil, err
	}
	var o Opening
	if err := s.stand(ctx, s.db, at, &o); err != nil {
		return nil, err
	}
	return s.similar(ctx, s.db, o, c.Code, s.db.Now())
}

func (s *Service) similar(ctx context.Context, q db.Queryer, o Opening, code Code, now time.Time) ([]Similar, error) {
	rows, err := findSimilar(ctx, q, o, code, now.Add(-similarWindow))
	for i, r := range rows {
		rows[i].Ref = base64.RawURLEncoding.EncodeToString(s.keys.MAC(similars, similarText(r.ID)))
	}
	return rows, err
}

func similarText(id ID) []byte { return strconv.AppendInt(nil, int64(id), 10) }

// A Joined asker is given a receipt of their own.
type Joined struct {
	Request ID
	Receipt Receipt
	Secret  string // the eight digits that open it if no number was left
	Danger  Tongue // what to do before all else
}

// Join makes one more ask for what others have told of in the same building, with a receipt of their own, instead of
// telling of it again.
func (s *Service) Join(ctx context.Context, by org.Actor, t Telling, ref string) (j Joined, err error) {
	if err := t.DangerStop(ctx, s.db); err != nil { // before anything else is wrong
		return Joined{}, err
	}
	if err := privacy.CheckText("/who", t.Who); err != nil {
		return Joined{}, err
	}
	if err := t.Need.check(); err != nil {
		return Joined{}, err
	}
	if t.Phone != "" {
		phone, err := sealed.ParsePhone(t.Phone)
		if err != nil {
			return Joined{}, err
		}
		t.Phone = phone.Reveal()
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		var id AskerID // all that is kept for a repeat: the rest is read again
		if err := once.Do(ctx, tx, int64(by.PersonID), &id, func() (err error) {
			id, err = s.join(ctx, tx, by, t, ref)
			return err
		}); err != nil {
			return err
		}
		a, err := findAsker(ctx, tx, id)
		if err != nil {
			return err
		}
		code, err := s.keys.Open(sealed.Personal, "request_asker", "receipt_sealed", int64(id), a.Receipt)
		if err != nil {
			return err
		}
		j = Joined{Request: a.Request, Receipt: Receipt(code), Danger: s.rules.book.Load().asOf(tx.Now).categories[t.Category].Danger}
		if t.Person == 0 && t.Phone == "" {
			j.Secret = s.slipSecret(fmt.Sprintf("asker %d", id))
		}
		return nil
	})
	return j, err
}

func (s *Service) join(ctx context.Context, tx *db.Tx, by org.Actor, t Telling, ref string) (AskerID, error) {
	book, err := s.rules.learn(ctx, tx)
	if err != nil {
		return 0, err
	}
	c, err := book.asOf(tx.Now).opening(t.Category)
	if err != nil {
		return 0, err
	}
	if err := dangerStop(ctx, tx, c.Code, t.Danger); err != nil {
		return 0, err
	}
	var o Opening
	if err := s.stand(ctx, tx, t.Site, &o); err != nil {
		return 0, err
	}
	if by.Grid.ID != 0 && !by.Sees(o.Unit) {
		return 0, problem.ErrNotFound
	}
	r, err := s.offered(ctx, tx, o, c.Code, ref)
	if err != nil {
		return 0, err
	}
	if r, err = hold(ctx, tx, r.ID); err != nil { // many join at one time, and nobody closes or merges it meanwhile
		return 0, err
	}
	if err := r.anyOpen(); err != nil {
		return 0, err
	}
	switch joined, err := follows(ctx, tx, t.Person, r.ID); {
	case err != nil:
		return 0, err
	case joined:
		return 0, ErrJoined
	}
	code := newReceipt()
	if err := insertAsker(ctx, tx, s.keys, r.ID, code, t.Need); err != nil {
		return 0, err
	}
	a, found, err := findAskerOf(ctx, tx, s.keys.MAC(receipts, []byte(code)))
	if err != nil || !found {
		return 0, db.Wrap(err, problem.ErrNotFound, "find who joined request %d", r.ID)
	}
	if t.Person == 0 && t.Phone == "" {
		if err := s.giveSlip(ctx, tx, a, Slip{code, s.slipSecret(fmt.Sprintf("asker %d", a.ID))}); err != nil {
			return 0, err
		}
	}
	audit.Note(tx, by.Did("request.joined", "request", int64(r.ID)))
	if err := addStep(ctx, tx, s.keys, by, r.Request, line{move: "joined", from: &r.State, asker: a.ID}); err != nil {
		return 0, err
	}
	return a.ID, s.holderHears(ctx, by, "request.asker_joined", "joined")(tx, r, a)
}

// offered is the request that ref names among those similar to what is told at o.
func (s *Service) offered(ctx context.Context, tx *db.Tx, o Opening, code Code, ref string) (Seen, error) {
	mac, err := base64.RawURLEncoding.DecodeString(ref)
	if err != nil {
		return Seen{}, ErrNotSimilar
	}
	rows, err := findSimilar(ctx, tx, o, code, tx.Now.Add(-similarWindow))
	if err != nil {
		return Seen{}, err
	}
	for _, r := range rows {
		if !s.keys.Authentic(similars, similarText(r.ID), mac) {
			continue
		}
		found, err := byIDs(ctx, tx, []ID{r.ID})
		if err != nil {
			return Seen{}, err
		}
		return found[0], nil
	}
	return Seen{}, ErrNotSimilar
}

// findSimilar are the open requests of a category out of a building, or out of the same door where there is none, that
// were told after a moment, the newest first. What is told where one home lies is nobody else's, who would read it by
// joining: there is none there (X24).
func findSimilar(ctx context.Context, q db.Queryer, o Opening, code Code, after time.Time) (rows []Similar, err error) {
	if o.Alone {
		return nil, nil
	}
	at, id := "r.building_id", o.Building
	if id == 0 {
		at, id = "r.entrance_id", o.Entrance
	}
	if id == 0 {
		return nil, nil
	}
	err = q.Select(ctx, &rows, `
		SELECT r.id, r.category, r.recorded_at
		FROM request r
		WHERE `+at+` = ? AND r.category = ? AND r.recorded_at > ? AND r.is_open = ?
		ORDER BY r.recorded_at DESC, r.id DESC
		LIMIT ?`, id, code, after, true, similarMost)
	return rows, db.Wrap(err, nil, "find similar requests")
}
