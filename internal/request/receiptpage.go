package request

import (
	"context"
	"fmt"
	"slices"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/say"
	"wanjia/internal/platform/sealed"
)

// Words is how a request stands, as it is said to its askers (domain.md §5.1).
type Words struct {
	Status string    // 办理中, 等您补充, 已办结
	Holder string    // who has it, such as 网格助理员
	Since  time.Time // from when on
	Now    string    // both in one sentence: 10:04 起由网格助理员办理
}

// A PageStep is one step of a request in plain words.
type PageStep struct {
	Move  string
	Words string
	At    time.Time
	Text  string // what the asker is to read of it, or has written
	Own   bool   // this asker made it
}

// A ReceiptPage is all that an asker sees of a request: nothing of others who ask for the same but how many they are, and
// nothing of what those were told before the asker came.
type ReceiptPage struct {
	Seen
	Words
	What      string // the asker's own words; empty: others have told it
	CallBack  CallBack
	Phone     sealed.Phone
	Handed    HandedTo
	Reason    string // why the asker is waited for
	Steps     []PageStep
	Promises  []Promise
	Cards     []Card
	Counters  []CounterStep
	Hours     string // when the place can be reached, while an emergency lasts
	Views     []View
	Others    int // who ask for the same
	SettledAt *time.Time
	MayAnswer bool
	ReadOnly  bool // its slip is shown, and somebody follows it signed in
	by        As   // who reads it
}

// A Reader is an asker who reads a page, in a language.
type Reader struct {
	As
	Lang say.Lang
}

// Page is the receipt of a request, for whoever follows it (C25, X43).
func (s *Service) Page(ctx context.Context, by Reader) (p ReceiptPage, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		a, err := by.find(ctx, tx)
		if err != nil {
			return err
		}
		rows, err := byIDs(ctx, tx, []ID{a.Request})
		if err != nil {
			return err
		}
		p = ReceiptPage{Seen: rows[0], CallBack: a.CallBack, SettledAt: a.SettledAt, by: by.As}
		if err := s.readAsker(ctx, tx, a, &p); err != nil {
			return err
		}
		shares, err := sharesOf(ctx, tx, s.keys, a)
		if err != nil {
			return err
		}
		as, err := rowsOf(ctx, tx, a)
		if err != nil {
			return err
		}
		hide, err := s.maskFor(ctx, tx, by.As, p.Request, shares)
		if err != nil {
			return err
		}
		p.tell(shares, a, as, by.Lang, hide)
		now := shares[len(shares)-1] // of the request as it goes on
		for _, h := range shares {
			if h.Request == a.Request {
				now = h
			}
		}
		if p.Words, err = speak(tx, by.Lang).words(ctx, p.Seen, heldSince(now.steps)); err != nil {
			return err
		}
		if err := p.readShares(ctx, tx, s.keys, a, shares); err != nil {
			return err
		}
		for i, m := range p.Promises {
			p.Promises[i].Text, p.Promises[i].Why = hide(m.Text), hide(m.Why)
		}
		for i, v := range p.Views {
			p.Views[i].Reason = by.own(v.Reason)
		}
		if p.Hours, err = OpeningHours(ctx, tx, p.PlaceID); err != nil {
			return err
		}
		if p.State == HandedOver {
			if p.Handed, err = findHandedTo(ctx, tx, s.keys, a.Request); err != nil {
				return err
			}
		}
		left, err := leftForThem(ctx, tx, a)
		if err != nil {
			return err
		}
		p.ReadOnly = by.reads(a)
		p.MayAnswer = !p.ReadOnly && a.mayAnswer(p.Request, left) == nil && a.late(p.Request, tx.Now, s.reopens) == nil
		audit.Note(tx, by.by.Did("receipt.opened", "receipt", int64(a.ID)).Showing("what", "steps", "views"))
		return nil
	})
	if err != nil {
		return ReceiptPage{}, err
	}
	return p, nil
}

// readAsker reads what is a's own, and who has opened it.
func (s *Service) readAsker(ctx context.Context, q db.Queryer, a asker, p *ReceiptPage) error {
	told, err := ownWords(ctx, q, a.Hash)
	if err != nil {
		return err
	}
	if told != 0 {
		if p.What, err = findText(ctx, q, s.keys, told); err != nil {
			return err
		}
	}
	if p.Others, err = othersAsking(ctx, q, a); err != nil {
		return err
	}
	code, err := s.keys.Open(sealed.Personal, "request_asker", "receipt_sealed", int64(a.ID), a.Receipt)
	if err != nil {
		return err
	}
	p.Receipt = Receipt(code)
	phone, err := s.keys.Open(sealed.Personal, "request_asker", "phone_sealed", int64(a.ID), a.Phone)
	p.Phone = sealed.PhoneOf(phone)
	return err
}

// forAskers are the moves whose note was written for the askers; other notes are for whoever holds the request.
var forAskers = map[string]bool{
	"waiting": true, "message": true, "resolved": true, "explained": true, "handed_over": true,
	"promised": true, "promise_moved": true, "promise_dropped": true, "contact_changed": true,
}

// askersDo are what askers do, signed in or by showing their receipt.
var askersDo = map[string]bool{
	"answered": true, "asker_back": true, "reopened": true, "asker_message": true, "withdrawn": true, "asker_left": true,
	"contact_corrected": true,
}

// byReceipt says whether an asker did s who had not signed in, but knew the receipt.
func (s Step) byReceipt() bool {
	return askersDo[s.Move] && s.Asker != 0 && s.Person == 0 && s.Assignment == 0
}

// tell puts what a has a share in into plain words; rows are all by which a asks. Inner notes are left out, and what other
// askers have said; of what was written to them hide leaves what they are to see.
func (p *ReceiptPage) tell(shares []share, a asker, rows []AskerID, lang say.Lang, hide mask) {
	for _, s := range shared(shares) {
		code := "request.word_" + s.Move
		own := s.Asker == a.ID
		left := s.Move == "withdrawn" || s.Move == "asker_left"
		if left && s.Assignment != 0 && slices.Contains(rows, s.Asker) { // somebody wrote it down for them
			p.Steps = append(p.Steps, PageStep{Move: s.Move, Words: say.Text(lang, "request.word_left_for_you"), At: s.HappenedAt})
			continue
		}
		of := s.Asker == 0 || own || s.Move == "reopened" || s.Move == "withdrawn"
		if !say.Has(code) || !of || s.Move == "joined" && !own {
			continue
		}
		step := PageStep{Move: s.Move, Words: say.Text(lang, code), At: s.HappenedAt, Own: own}
		switch {
		case forAskers[s.Move]:
			step.Text = hide(s.Note)
		case own:
			step.Text = p.by.own(s.Note)
		}
		if own && a.Person != 0 && s.byReceipt() {
			step.Words += say.Text(lang, "request.word_by_receipt")
		}
		p.Steps = append(p.Steps, step)
	}
	if p.State == WaitingResident {
		p.Reason = hide(waitsFor(shares, a))
	}
}

// waitsFor is why a is waited for; empty if others were told so before a came.
func waitsFor(shares []share, a asker) (why string) {
	for _, h := range shares {
		for _, s := range h.steps {
			if h.Request == a.Request && h.holds(s) && s.Move == "waiting" {
				why = s.Note
			}
		}
	}
	return why
}

// heldSince is since when the last holder of a history has had the request.
func heldSince(steps []Step) (since time.Time) {
	for i, s := range steps {
		if i == 0 || s.HolderUnitID != steps[i-1].HolderUnitID || s.HolderRole != steps[i-1].HolderRole {
			since = s.HappenedAt
		}
	}
	return since
}

// A speaker says how requests stand, in a language, and remembers what places call their levels.
type speaker struct {
	q      db.Queryer
	lang   say.Lang
	levels map[org.UnitID]map[int]string
}

func speak(q db.Queryer, lang say.Lang) *speaker {
	return &speaker{q: q, lang: lang, levels: map[org.UnitID]map[int]string{}}
}

// words says how r stands. A zero since is left out.
func (k *speaker) words(ctx context.Context, r Seen, since time.Time) (w Words, err error) {
	q, lang := k.q, k.lang
	switch {
	case r.State == WaitingResident:
		w.Status = say.Text(lang, "request.public_waiting")
	case r.State.Open():
		w.Status = say.Text(lang, "request.public_open")
	default:
		w.Status = say.Text(lang, "request.word_"+string(r.State))
	}
	w.Since = since
	if w.Holder, err = k.holder(ctx, r); err != nil || since.IsZero() || !r.State.Open() {
		return w, err
	}
	local, layout := since.In(calendar.Shanghai), "01-02 15:04"
	if calendar.DayOf(since) == calendar.DayOf(db.NowOf(q)) {
		layout = "15:04"
	}
	w.Now = fmt.Sprintf(say.Text(lang, "request.public_since"), local.Format(layout), w.Holder)
	return w, nil
}

// holder is who has r, as its place calls them.
func (k *speaker) holder(ctx context.Context, r Seen) (string, error) {
	switch {
	case r.Level == 0 && r.HolderRole == org.RoleGridAssistant:
		return say.Text(k.lang, "request.public_grid_assistant"), nil
	case r.Level == 0 || r.Level > placeLevel:
		return r.HolderName, nil
	}
	if levels, known := k.levels[r.PlaceID]; known {
		return levels[r.Level], nil
	}
	place, err := org.UnitByID(ctx, k.q, r.PlaceID)
	if err != nil {
		return "", err
	}
	k.levels[r.PlaceID], err = org.Labels(ctx, k.q, place, calendar.DayOf(db.NowOf(k.q)))
	return k.levels[r.PlaceID][r.Level], err
}

// Mine is a page of the requests that by follows, the last asked first, and the cursor behind it.
func (s *Service) Mine(ctx context.Context, by org.Actor, lang say.Lang, cursor string, size int) (rows []Own, next string, err error) {
	p, err := s.pages.Parse(cursor, size, page.Bound("listMyRequests", by.PersonID))
	if err != nil {
		return nil, "", err
	}
	if rows, err = listOwn(ctx, s.db, by.PersonID, p); err != nil {
		return nil, "", err
	}
	rows, next = page.Cut(rows, p, func(r Own) (time.Time, int64) { return r.AskedAt, int64(r.Asker) })
	k := speak(s.db, lang)
	for i := range rows {
		r := &rows[i]
		if r.Words, err = k.words(ctx, r.Seen, time.Time{}); err != nil {
			return nil, "", err
		}
		code, err := s.keys.Open(sealed.Personal, "request_asker", "receipt_sealed", int64(r.Asker), r.CodeSealed)
		if err != nil {
			return nil, "", err
		}
		r.Receipt = Receipt(code)
	}
	return rows, next, nil
}
