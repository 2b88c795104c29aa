package request

import (
	"cmp"
	"context"
	"slices"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/problem"
	"wanjia/internal/privacy"
)

// A Ruled category is one as it is, or will be, with the number that a change of it is made from.
type Ruled struct {
	Category
	Version int64     // 0: as shipped
	From    time.Time // since when it holds, or from when on it will
}

// Rulings are the categories as they are, and the changes of them that are still to come.
type Rulings struct {
	Now     []Ruled
	Planned []Ruled
}

// Rulings are the rules of all categories, closed ones too.
func (s *Service) Rulings(ctx context.Context) (all Rulings, err error) {
	book, err := s.rules.learn(ctx, s.db)
	if err != nil {
		return Rulings{}, err
	}
	now := s.db.Now()
	e := book.asOf(now)
	for _, code := range e.order {
		r := Ruled{Category: e.categories[code], Version: book.newest(ofCategory, string(code)), From: e.at}
		r.From = book.editions[0].at
		for _, ed := range book.editions {
			if ed.cause.Kind == ofCategory && ed.cause.Subject == string(code) && !ed.at.After(now) {
				r.From = ed.at
			}
		}
		all.Now = append(all.Now, r)
	}
	for _, ed := range book.editions {
		if ed.cause.Kind == ofCategory && ed.at.After(now) {
			all.Planned = append(all.Planned, Ruled{ed.categories[Code(ed.cause.Subject)], ed.cause.ID, ed.at})
		}
	}
	return all, nil
}

// A CategoryChange is what a category is to be from a day on, and why.
type CategoryChange struct {
	Category
	Version int64        // of the category that it was made from; 0: it is new, or as shipped
	From    calendar.Day // empty, or today: from now on
	Reason  string
}

// check says why c cannot be set, or nil. Was is the category before; zero: there is none.
func (c CategoryChange) check(was Category) error {
	wrong := func(pointer string) error { return ErrRuleInvalid.Field(pointer, ErrRuleInvalid.Code) }
	seen := map[int]bool{}
	for _, l := range c.Levels {
		if seen[l.Level] {
			return wrong("/levels")
		}
		seen[l.Level] = true
		if l.Solve != 0 && l.Solve != c.Solve { // solving goes on from level to level (K5)
			return wrong("/levels")
		}
	}
	switch {
	case c.Urgent && c.Danger == Tongue{}:
		return wrong("/dangerText")
	case was.Code != "" && was.Type != c.Type: // the needs in it are of that type
		return wrong("/type")
	case c.Closed && (c.Code == general || c.Code == HolderConcern): // somebody must always be able to say something
		return wrong("/closed")
	}
	return nil
}

// SetCategory changes a category from a moment on, or makes a new one.
func (s *Service) SetCategory(ctx context.Context, by org.Actor, c CategoryChange) (set Ruled, err error) {
	if err := privacy.CheckText("/reason", c.Reason); err != nil {
		return Ruled{}, err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		var ch ruleChange
		if err := once.Do(ctx, tx, int64(by.PersonID), &ch, func() error {
			book, err := s.rules.learn(ctx, tx)
			if err != nil {
				return err
			}
			if err := book.madeFrom(ofCategory, string(c.Code), c.Version); err != nil {
				return err
			}
			e := book.asOf(tx.Now)
			if temporary, err := isTemporary(ctx, tx, c.Code); err != nil || temporary { // its emergency says how it is, and that it is over
				return cmp.Or(err, error(ErrRuleInvalid.Field("/category", ErrRuleInvalid.Code)))
			}
			if err := c.check(e.categories[c.Code]); err != nil {
				return err
			}
			ch = ruleChange{Kind: ofCategory, Subject: string(c.Code), Reason: c.Reason}
			if ch.At, err = begins(c.From, tx.Now); err != nil {
				return err
			}
			if err := insertRule(ctx, tx, by, &ch, c.Category); err != nil {
				return err
			}
			audit.Note(tx, by.Did("rule.category_set", "rule", ch.ID).For("", c.Reason))
			return nil
		}); err != nil {
			return err
		}
		set = Ruled{c.Category, ch.ID, ch.At}
		return nil
	})
	return set, err
}

// madeFrom says why a change made from a version of a subject comes too late, or nil.
func (b *rulebook) madeFrom(kind ruleKind, subject string, version int64) error {
	if now := b.newest(kind, subject); now != version {
		return problem.Stale(version, now)
	}
	return nil
}

// begins is the moment from which a rule holds that is to hold from a day on: nothing that is past changes.
func begins(from calendar.Day, now time.Time) (time.Time, error) {
	switch today := calendar.DayOf(now); {
	case from == "" || from == today:
		return now, nil
	case from < today:
		return time.Time{}, ErrRulePast.Field("/validFrom", ErrRulePast.Code)
	}
	return from.Time(), nil
}

// A CalendarChange is what is to be different about days, and why.
type CalendarChange struct {
	calendar.Change
	Version int64
	Reason  string
}

// check says why c cannot be set today, or nil: today has begun already.
func (c CalendarChange) check(today calendar.Day) error {
	seen := map[calendar.Day]bool{}
	for _, d := range c.Days {
		if d.Day <= today {
			return ErrRulePast.Field("/days", ErrRulePast.Code)
		}
		if seen[d.Day] {
			return ErrRuleInvalid.Field("/days", ErrRuleInvalid.Code)
		}
		seen[d.Day] = true
	}
	for _, h := range c.Hours {
		if h.From <= today {
			return ErrRulePast.Field("/hours/from", ErrRulePast.Code)
		}
	}
	if len(c.Days) == 0 && len(c.Hours) == 0 {
		return ErrRuleInvalid.Field("/days", ErrRuleInvalid.Code)
	}
	return nil
}

// SaveCalendar changes days to come of the working calendar, and perhaps its hours from a day on.
func (s *Service) SaveCalendar(ctx context.Context, by org.Actor, c CalendarChange) (version int64, err error) {
	if err := privacy.CheckText("/reason", c.Reason); err != nil {
		return 0, err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), &version, func() error {
			book, err := s.rules.learn(ctx, tx)
			if err != nil {
				return err
			}
			if err := book.madeFrom(ofCalendar, "", c.Version); err != nil {
				return err
			}
			if err := c.check(calendar.DayOf(tx.Now)); err != nil {
				return err
			}
			if _, err := book.asOf(tx.Now).cal.With(c.Change); err != nil {
				return ErrRuleInvalid.Field("/hours", ErrRuleInvalid.Code)
			}
			ch := ruleChange{Kind: ofCalendar, At: tx.Now, Reason: c.Reason}
			if err := insertRule(ctx, tx, by, &ch, c.Change); err != nil {
				return err
			}
			version = ch.ID
			audit.Note(tx, by.Did("rule.calendar_set", "rule", ch.ID).For("", c.Reason))
			return nil
		})
	})
	return version, err
}

// A Year is what is special of the days of a year, and the hours of its working days.
type Year struct {
	Days    []calendar.DayKind
	Hours   []calendar.Hours
	Version int64
}

// Calendar is the working calendar of a year, as it is known now.
func (s *Service) Calendar(ctx context.Context, year int) (y Year, err error) {
	book, err := s.rules.learn(ctx, s.db)
	if err != nil {
		return Year{}, err
	}
	cal := book.editions[len(book.editions)-1].cal
	first := calendar.DayOf(time.Date(year, 1, 1, 12, 0, 0, 0, calendar.Shanghai))
	y.Version = book.newest(ofCalendar, "")
	names := map[calendar.Day]string{}
	for _, ch := range book.editions {
		for _, d := range ch.said() {
			names[d.Day] = d.Name
		}
	}
	for day := first; day.Time().In(calendar.Shanghai).Year() == year; day = day.Add(1) {
		if kind := cal.Said(day); kind != calendar.Ordinary {
			y.Days = append(y.Days, calendar.DayKind{Day: day, Kind: kind, Name: names[day]})
		}
		if spans := cal.Spans(day); len(y.Hours) == 0 || !slices.Equal(y.Hours[len(y.Hours)-1].Spans, spans) {
			y.Hours = append(y.Hours, calendar.Hours{From: day, Spans: spans})
		}
	}
	return y, nil
}

// Ship makes the rules that ship those of a deployment that has none yet: from then on only its own people change them.
func (s *Service) Ship(ctx context.Context, cal calendar.Change) error {
	if book, err := s.rules.learn(ctx, s.db); err != nil || book.last != 0 {
		return err
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		book, err := s.rules.learn(ctx, tx)
		if err != nil || book.last != 0 { // or another node was first
			return err
		}
		at := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
		for _, c := range shipped {
			if err := insertRule(ctx, tx, org.Actor{}, &ruleChange{Kind: ofCategory, Subject: string(c.Code), At: at, Reason: "初始设置"}, c.asShipped()); err != nil {
				return err
			}
		}
		return insertRule(ctx, tx, org.Actor{}, &ruleChange{Kind: ofCalendar, At: at, Reason: "初始设置"}, cal)
	})
}

// LearnRules reads what other nodes have changed: for what asks the working calendar without acting on a need.
func (s *Service) LearnRules(ctx context.Context) error {
	_, err := s.rules.learn(ctx, s.db)
	return err
}
