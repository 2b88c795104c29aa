package household

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/member"
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

// acts is the purpose that the content of an act is hashed for, to tell a replay from a mistake.
const acts sealed.Purpose = "visit"

// visitWindow is how far back the list of visits reaches.
const visitWindow = 31 * 24 * time.Hour

// A Recorded visit, with the requests that its needs became and what was promised.
type Recorded struct {
	Visit
	Requests []request.Seen
	Promises []request.PromiseID
}

// RecordVisit records a visit with all that came out of it, in one transaction (X20). Told again under its clientRef,
// it is the visit that it was.
func (s *Service) RecordVisit(ctx context.Context, by org.Actor, a Account) (r Recorded, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		var id VisitID // all that is kept for a repeat: the rest is read again
		if err := once.Do(ctx, tx, int64(by.PersonID), &id, func() (err error) {
			id, err = s.Record(ctx, tx, by, a)
			return err
		}); err != nil {
			return err
		}
		if r.Visit, err = findVisit(ctx, tx, id); err != nil {
			return err
		}
		ids, err := request.OfVisit(ctx, tx, int64(id))
		if err != nil {
			return err
		}
		if r.Requests, err = s.requests.Opened(ctx, tx, ids...); err != nil {
			return err
		}
		r.Promises, err = request.PromisesOfVisit(ctx, tx, int64(id))
		return err
	})
	return r, err
}

// RecordVisits records several visits, all of them or none (F10): one foreign door, and nothing is written.
func (s *Service) RecordVisits(ctx context.Context, by org.Actor, accounts []Account) (ids []VisitID, err error) {
	doors := make(map[ID]bool, len(accounts))
	for i, a := range accounts {
		if doors[a.Household] {
			return nil, ErrDoorTwice.Field("/visits/"+strconv.Itoa(i)+"/householdId", ErrDoorTwice.Code)
		}
		doors[a.Household] = true
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		ids = nil
		return once.Do(ctx, tx, int64(by.PersonID), &ids, func() error {
			for _, a := range accounts {
				id, err := s.Record(ctx, tx, by, a)
				if err != nil {
					return err
				}
				ids = append(ids, id)
			}
			return nil
		})
	})
	return ids, err
}

// Record is one visit in the transaction of whoever calls, and its time the transaction's unless the account says
// another.
func (s *Service) Record(ctx context.Context, tx *db.Tx, by org.Actor, a Account) (VisitID, error) {
	if err := a.check(); err != nil {
		return 0, err
	}
	for _, n := range a.Needs { // before anything else: who is in danger is to call, and not to read of texts
		if err := n.DangerStop(ctx, tx); err != nil {
			return 0, err
		}
	}
	if err := a.checkTexts(); err != nil {
		return 0, err
	}
	content, err := a.content()
	if err != nil {
		return 0, fmt.Errorf("read a visit: %w", err)
	}
	if id, err := s.again(ctx, tx, by, a, content); err != nil || id != 0 {
		return id, err
	}
	h, err := holdOwn(ctx, tx, by, a.Household)
	if err != nil {
		return 0, err
	}
	if by, err = meanwhile(ctx, tx, by, h.AreaID); err != nil {
		return 0, err
	}
	v := a.visit(by, h, tx.Now)
	switch err := insertVisit(ctx, tx, &v, s.keys.MAC(acts, content)); {
	case db.IsDuplicate(err): // another phone call of the same act has just committed
		return s.again(ctx, tx, by, a, content)
	case err != nil:
		return 0, db.Wrap(err, nil, "insert visit")
	}
	gone, err := v.atThoseBefore(ctx, tx)
	if err != nil {
		return 0, err
	}
	dropped := false // with the list that the home stood on
	if a.Note != "" {
		if dropped, err = noteDropped(ctx, tx, v, gone); err != nil {
			return 0, err
		}
	}
	if a.Note != "" && !dropped {
		note, err := s.keys.Seal(sealed.Sensitive, "visit", "note_sealed", int64(v.ID), a.Note)
		if err != nil {
			return 0, err
		}
		if err := saveNote(ctx, tx, v.ID, note); err != nil {
			return 0, err
		}
	}
	if days := a.muteDays(); days > 0 && !gone { // their no is nobody else's
		if err := mutedAt(ctx, tx, v, days); err != nil {
			return 0, err
		}
	}
	opened, err := s.openNeeds(ctx, tx, by, v, a.Needs, gone)
	if err != nil {
		return 0, err
	}
	if err := s.giveWord(ctx, tx, by, v, a.Promises, opened); err != nil {
		return 0, err
	}
	if err := s.foundRight(ctx, tx, by, v, a.FlagsSeen); err != nil {
		return 0, err
	}
	if !gone {
		if err := visitedInRisk(ctx, tx, v); err != nil {
			return 0, err
		}
	}
	if v.onSite() {
		if err := s.visited(ctx, tx, by, v); err != nil {
			return 0, err
		}
	}
	audit.Note(tx, by.Did("visit.recorded", "visit", int64(v.ID)))
	return v.ID, nil
}

// checkTexts says why what somebody wrote cannot be kept, or nil.
func (a Account) checkTexts() error {
	if err := privacy.CheckText("/note", a.Note); err != nil {
		return err
	}
	for i, n := range a.Needs {
		at := "/needs/" + strconv.Itoa(i)
		if err := privacy.CheckText(at+"/what", n.What); err != nil {
			return err
		}
		if err := privacy.CheckText(at+"/who", n.Who); err != nil {
			return err
		}
	}
	return nil
}

// again is the visit that a was told as before, 0 if it is new. The clientRef of an act is good for that act only.
func (s *Service) again(ctx context.Context, tx *db.Tx, by org.Actor, a Account, content []byte) (VisitID, error) {
	t, err := findTold(ctx, tx, by.PersonID, a.ClientRef)
	if err != nil || t.ID == 0 {
		return 0, err
	}
	if !s.keys.Authentic(acts, content, t.Fingerprint) {
		return 0, problem.ErrKeyReused.Field("/clientRef", problem.ErrKeyReused.Code)
	}
	once.Again(ctx)
	return t.ID, nil
}

// atThoseBefore says whether v was at those who have moved out since.
func (v Visit) atThoseBefore(ctx context.Context, tx *db.Tx) (bool, error) {
	left, err := leftAt(ctx, tx, v.Premises)
	return left != nil && v.HappenedAt.Before(*left), err
}

// readAs is the act of reading v, as the home at which it was paid finds it.
func (v Visit) readAs(ctx context.Context, tx *db.Tx) (action string, err error) {
	gone, err := v.atThoseBefore(ctx, tx)
	if gone {
		return pastVisitRead, err
	}
	return householdVisitRead, err
}

// openNeeds makes requests of what was needed at v. What the member did not say about the asker is taken from the
// household's own contact, unless those who asked are gone.
func (s *Service) openNeeds(ctx context.Context, tx *db.Tx, by org.Actor, v Visit, needs []request.Need, gone bool) (opened []request.ID, err error) {
	if len(needs) == 0 {
		return nil, nil
	}
	var contact Contact
	if !gone {
		if contact, err = readContact(ctx, tx, v.Premises); err != nil {
			return nil, err
		}
	}
	for _, n := range needs {
		if n.Who == "" {
			n.Who = contact.FormOfAddress.Reveal()
		}
		if n.CallBack == request.CallPhone && n.Phone == "" {
			n.Phone = contact.Phone.Reveal()
		}
		e, err := entranceOf(ctx, tx, v.Premises)
		if err != nil {
			return nil, err
		}
		id, err := s.requests.Open(ctx, tx, by, request.Opening{
			Need: n, Channel: request.OnVisit, Unit: by.Grid, Premises: int64(v.Premises), Visit: int64(v.ID),
			Entrance: int64(e.ID), Building: e.building(),
			HappenedAt: v.HappenedAt, ClockUntrusted: v.ClockUntrusted,
		})
		if err != nil {
			return nil, err
		}
		opened = append(opened, id)
	}
	return opened, nil
}

// giveWord writes down what was promised at v, about the requests that were opened there or about none.
func (s *Service) giveWord(ctx context.Context, tx *db.Tx, by org.Actor, v Visit, words []Word, opened []request.ID) error {
	for _, w := range words {
		w.Premises, w.Visit, w.MadeAt = int64(v.Premises), int64(v.ID), v.HappenedAt
		switch {
		case w.About > 0:
			w.Request = opened[w.About-1]
		case len(opened) == 1:
			w.Request = opened[0]
		}
		if _, err := s.requests.Promise(ctx, tx, by, w.NewPromise); err != nil {
			return err
		}
	}
	return nil
}

// A VisitDetail is a visit with its note and what came out of it.
type VisitDetail struct {
	Call
	Note     string
	Visitor  string
	Requests []request.ID
	Promises []request.PromiseID
}

// ReadVisit shows a visit to the holder of the area it was paid in. The reading is noted, and without the note
// nothing is shown (X41).
func (s *Service) ReadVisit(ctx context.Context, by org.Actor, id VisitID) (d VisitDetail, err error) {
	asking := by
	at, err := findCall(ctx, s.db, by, id)
	if err != nil {
		return VisitDetail{}, s.noted(ctx, asking, visitRead, "visit", int64(id), err)
	}
	if err := s.look(ctx, by, at.Premises); err != nil {
		return VisitDetail{}, err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if d.Call, err = findCall(ctx, tx, by, id); err != nil {
			return err
		}
		if by, err = meanwhile(ctx, tx, by, d.AreaID); err != nil {
			return err
		}
		if d.Note, err = s.keys.Open(sealed.Sensitive, "visit", "note_sealed", int64(id), d.Call.Note); err != nil {
			return err
		}
		if d.Requests, err = request.OfVisit(ctx, tx, int64(id)); err != nil {
			return err
		}
		if d.Promises, err = request.PromisesOfVisit(ctx, tx, int64(id)); err != nil {
			return err
		}
		names, err := member.Names(ctx, tx, d.PersonID)
		if err != nil {
			return err
		}
		d.Visitor = names[d.PersonID]
		audit.Note(tx, by.Did(visitRead, "visit", int64(id)).Showing("note"))
		read, err := d.readAs(ctx, tx)
		if err != nil {
			return err
		}
		audit.Note(tx, by.Did(read, "household", int64(d.Premises))) // what the watch over reading counts
		return nil
	})
	if err != nil {
		return VisitDetail{}, s.noted(ctx, asking, visitRead, "visit", int64(id), err)
	}
	return d, nil
}

// Visits is a page of the visits of the last 31 days in the areas that by looks after, the newest first, and the cursor
// behind it.
func (s *Service) Visits(ctx context.Context, by org.Actor, cursor string, size int) (calls []Call, next string, err error) {
	if err := mayLookAfter(by); err != nil {
		return nil, "", err
	}
	p, err := s.pages.Parse(cursor, size, page.Bound("listVisits", by.PersonID, by.Assignment))
	if err != nil {
		return nil, "", err
	}
	since := s.db.Now().Add(-visitWindow)
	return inEach(ctx, s.db, by, p,
		func(by org.Actor) ([]Call, error) { return listCalls(ctx, s.db, by, since, p) },
		func(c Call) (time.Time, int64) { return c.RecordedAt, int64(c.ID) })
}

// Counts are the outcomes of visits in a month, small ones hidden.
type Counts struct {
	Month   string
	Results []string // in the order of results
	Total   string   // empty: withheld
	Found   string   // needs that visits of the month brought to light (F17); empty: withheld
	Solved  string   // and those of them that are solved
}

// Counts is how the visits below by ended in a month such as 2026-05; empty is this month. A month and the whole
// unit: two such answers cannot be subtracted from each other (X34).
func (s *Service) Counts(ctx context.Context, by org.Actor, month string) (Counts, error) {
	if month == "" {
		month = string(calendar.DayOf(s.db.Now()))[:len("2026-05")]
	}
	first, err := calendar.ParseDay(month + "-01")
	if err != nil {
		return Counts{}, ErrDay.Field("month", ErrDay.Code)
	}
	next := calendar.DayOf(first.Time().AddDate(0, 0, 40))[:len("2026-05")] + "-01"
	found, err := countResults(ctx, s.db, by, first.Time(), next.Time())
	if err != nil {
		return Counts{}, err
	}
	if err := addTallied(ctx, s.db, by, month, found); err != nil {
		return Counts{}, err
	}
	c := Counts{Month: month, Results: make([]string, len(results))}
	cells := make([]int, len(results))
	for i, r := range results {
		cells[i], c.Results[i] = found[r], small(found[r])
	}
	if sum, shown := total(cells); shown {
		c.Total = sum
	}
	needs, solved, err := request.FoundOnVisits(ctx, s.db, by, first.Time(), next.Time())
	if err != nil {
		return Counts{}, err
	}
	c.Solved = small(solved)
	c.Found, _ = total([]int{solved, needs - solved})
	return c, nil
}
