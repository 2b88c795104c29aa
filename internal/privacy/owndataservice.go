package privacy

import (
	"context"
	"slices"
	"strings"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
)

// OwnDataHooks are what own data asks of the packages that hold it.
type OwnDataHooks struct {
	Prove  func(ctx context.Context, code, secret string) (asker int64, err error) // whose receipt it is
	Pack   func(ctx context.Context, s Subject) ([]Section, error)                 // all that is held of s, and who opened it
	Forget func(ctx context.Context, q db.Queryer, s Subject) ([]Erasure, error)   // what can be forgotten of s before its time
	Ready  func(ctx context.Context, tx *db.Tx, by org.Actor, o OwnData) error     // tells who asked that the answer is there
}

// OwnDatas is what people can ask of their own data (X46).
type OwnDatas struct {
	db        *db.DB
	keys      *sealed.Keys
	pages     *page.Keys
	cal       *calendar.Calendar
	retention *Retention
	hooks     OwnDataHooks
}

// NewOwnDatas makes OwnDatas whose working days are those of cal.
func NewOwnDatas(d *db.DB, keys *sealed.Keys, pages *page.Keys, cal *calendar.Calendar, r *Retention, hooks OwnDataHooks) *OwnDatas {
	return &OwnDatas{db: d, keys: keys, pages: pages, cal: cal, retention: r, hooks: hooks}
}

// Ask is by's own wish. Whoever has signed in is known.
func (s *OwnDatas) Ask(ctx context.Context, by org.Actor, w Wish) (OwnData, error) {
	return s.ask(ctx, by, w, func(o *OwnData) { o.Channel, o.Person = "app", &by.PersonID })
}

// Record is the wish of somebody who wrote it on paper, and shows the receipt of a need of theirs.
func (s *OwnDatas) Record(ctx context.Context, by org.Actor, w Wish, code, secret string) (OwnData, error) {
	asker, err := s.hooks.Prove(ctx, code, secret)
	if err != nil {
		return OwnData{}, err
	}
	return s.ask(ctx, by, w, func(o *OwnData) { o.Channel, o.Asker, o.UnitID = "paper", &asker, &by.Party.ID })
}

func (s *OwnDatas) ask(ctx context.Context, by org.Actor, w Wish, who func(o *OwnData)) (o OwnData, err error) {
	if err := w.check(); err != nil {
		return OwnData{}, err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		var id OwnDataID
		if err := once.Do(ctx, tx, int64(by.PersonID), &id, func() (err error) {
			o := w.asked(s.cal, tx.Now)
			who(&o)
			o.RecordedBy = by.PersonID
			if id, err = insertOwnData(ctx, tx, s.keys, o); err != nil {
				return err
			}
			audit.Note(tx, by.Did("own_data.received", "own_data", int64(id)))
			return nil
		}); err != nil {
			return err
		}
		o, err = findOwnData(ctx, tx, id)
		return err
	})
	return o, err
}

// List is a page of what was asked, for the office that answers, and the cursor behind it: never what is in a pack.
func (s *OwnDatas) List(ctx context.Context, by org.Actor, cursor string, size int) (all []OwnData, next string, err error) {
	p, err := s.pages.Parse(cursor, size, page.Bound("listOwnDataRequests", by.PersonID, by.Assignment))
	if err != nil {
		return nil, "", err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		rows, err := listOwnData(ctx, tx, by, p)
		if err != nil {
			return err
		}
		all, next = page.Cut(rows, p, func(o OwnData) (time.Time, int64) { return o.ReceivedAt, int64(o.ID) })
		for i := range all {
			if err := all[i].open(s.keys); err != nil {
				return err
			}
		}
		audit.Note(tx, by.Did("own_data.listed", "own_data", 0).Showing("text", "answer"))
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	return all, next, nil
}

// Mine is a page of what by asked of their own data, with what was answered, and the cursor behind it.
func (s *OwnDatas) Mine(ctx context.Context, by org.Actor, cursor string, size int) (all []OwnData, next string, err error) {
	p, err := s.pages.Parse(cursor, size, page.Bound("listMyOwnData", by.PersonID))
	if err != nil {
		return nil, "", err
	}
	if all, err = ownDataOf(ctx, s.db, by.PersonID, p); err != nil {
		return nil, "", err
	}
	all, next = page.Cut(all, p, func(o OwnData) (time.Time, int64) { return o.ReceivedAt, int64(o.ID) })
	for i := range all {
		if err := all[i].open(s.keys); err != nil {
			return nil, "", err
		}
	}
	return all, next, nil
}

// Answer is the office's answer to a correction or a deletion, or why it is refused. What is granted to be deleted is
// forgotten at once, as far as nothing is open that needs it.
func (s *OwnDatas) Answer(ctx context.Context, by org.Actor, id OwnDataID, granted bool, text string) error {
	if err := CheckText("/text", text); err != nil {
		return err
	}
	var gone []Erasure
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		gone = nil
		return once.Do(ctx, tx, int64(by.PersonID), nil, func() error {
			o, err := findOwnDataOf(ctx, tx, by, id)
			if err != nil {
				return err
			}
			if err := o.mayAnswer(); err != nil {
				return err
			}
			to := ownDataAnswered
			if !granted {
				to = ownDataRefused
			}
			if err := answerOwnData(ctx, tx, s.keys, o, to, text); err != nil {
				return err
			}
			if granted && o.Kind == WantsDeletion {
				if gone, err = s.hooks.Forget(ctx, tx, o.subject()); err != nil {
					return err
				}
				if err := s.retention.forget(ctx, tx, gone); err != nil {
					return err
				}
			}
			audit.Note(tx, by.Did("own_data."+to, "own_data", int64(id)))
			return s.hooks.Ready(ctx, tx, by, o)
		})
	})
	if err != nil {
		return err
	}
	for _, e := range gone {
		if err := s.retention.write(e); err != nil {
			return err
		}
	}
	return nil
}

// Own is by's own pack. Anybody else's is not found.
func (s *OwnDatas) Own(ctx context.Context, by org.Actor, id OwnDataID) ([]Section, error) {
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		o, err := findOwnData(ctx, tx, id)
		switch {
		case err != nil:
			return err
		case o.Person == nil || *o.Person != by.PersonID || o.Kind != WantsAccess:
			return problem.ErrNotFound
		}
		return s.handOut(ctx, tx, by, o)
	})
	if err != nil {
		return nil, err
	}
	return s.hooks.Pack(ctx, Subject{Person: by.PersonID})
}

// Print is for whoever shows the receipt of a need and has asked something on paper: what they asked and what was
// answered, and if it was to see what is held, the pack. It is the counter's to print, and nobody's to keep.
func (s *OwnDatas) Print(ctx context.Context, by org.Actor, code, secret string) ([]Section, error) {
	asker, err := s.hooks.Prove(ctx, code, secret)
	if err != nil {
		return nil, err
	}
	var asked []OwnData
	access := false
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		access = false
		if asked, err = ownDataOnPaper(ctx, tx, asker); err != nil {
			return err
		}
		if len(asked) == 0 {
			return problem.ErrNotFound
		}
		audit.Note(tx, by.Did("own_data.printed", "own_data", int64(asked[0].ID)).Showing("text", "answer"))
		for _, o := range asked {
			if o.Kind == WantsAccess && !access {
				access = true
				if err := s.handOut(ctx, tx, by, o); err != nil {
					return err
				}
			}
		}
		asked, err = ownDataOnPaper(ctx, tx, asker) // as it stands now
		return err
	})
	if err != nil {
		return nil, err
	}
	wishes, err := s.wishes(asked)
	if err != nil || !access {
		return []Section{wishes}, err
	}
	pack, err := s.hooks.Pack(ctx, Subject{Asker: asker})
	return append([]Section{wishes}, pack...), err
}

// wishes is what somebody asked and what was answered, as it is printed.
func (s *OwnDatas) wishes(asked []OwnData) (Section, error) {
	all := Section{Title: "您的申请"}
	for _, o := range asked {
		if err := o.open(s.keys); err != nil {
			return Section{}, err
		}
		label := string(calendar.DayOf(o.ReceivedAt)) + " " + wishWords[o.Kind]
		said := []string{stateWords[o.State]}
		if o.State == ownDataVerified {
			said[0] += " " + string(o.DueOn)
		}
		said = slices.DeleteFunc(append(said, o.Text, o.Answer), func(text string) bool { return text == "" })
		all.Items = append(all.Items, Held{Label: label, Text: strings.Join(said, "：")})
	}
	return all, nil
}

// handOut notes that a pack is given out: the first time answers what was asked.
func (s *OwnDatas) handOut(ctx context.Context, tx *db.Tx, by org.Actor, o OwnData) error {
	audit.Note(tx, by.Did("own_data.pack_read", "own_data", int64(o.ID)))
	if o.State != ownDataVerified {
		return nil
	}
	return answerOwnData(ctx, tx, s.keys, o, ownDataAnswered, "")
}
