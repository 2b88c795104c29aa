package member

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/limit"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
)

// StepUp says why sensitive acts are closed to the session of ctx, or nil (auth.CheckStepUp).
type StepUp func(ctx context.Context) error

// Allow takes one call of a subject from a limiter (limit.Limits.Allow).
type Allow func(ctx context.Context, l limit.Limiter, subject string) limit.Verdict

// A Service keeps the rosters.
type Service struct {
	db     *db.DB
	keys   *sealed.Keys
	pages  *page.Keys
	allow  Allow
	stepUp StepUp
}

// NewService makes a Service.
func NewService(d *db.DB, keys *sealed.Keys, pages *page.Keys, allow Allow, stepUp StepUp) *Service {
	return &Service{db: d, keys: keys, pages: pages, allow: allow, stepUp: stepUp}
}

// An Entry is what somebody enters into the roster.
type Entry struct {
	New
	UnitID org.UnitID
	Status Status
	Since  calendar.Day // of full membership; "": not known
}

// Added names what Enter and Correct leave behind; it holds nothing personal.
type Added struct {
	ID       ID
	PersonID org.PersonID
	Version  int64
}

// Enter makes a person and their entry in the roster of a branch or group that by keeps.
func (s *Service) Enter(ctx context.Context, by org.Actor, e Entry) (a Added, err error) {
	if err := canRead(by); err != nil {
		return a, err
	}
	err = once.InTx(ctx, s.db, int64(by.PersonID), &a, func(tx *db.Tx) error {
		unit, err := org.FindUnit(ctx, tx, by, e.UnitID)
		if err != nil {
			return err
		}
		if a, err = Join(ctx, tx, s.keys, unit, e); err != nil {
			return err
		}
		audit.Note(tx, by.Did("member.added", "member", int64(a.ID)))
		return nil
	})
	return a, err
}

// Join makes a person and their entry, for whoever has asked already who may: an import, the seed, Enter.
func Join(ctx context.Context, tx *db.Tx, keys *sealed.Keys, home org.Unit, e Entry) (a Added, err error) {
	today := calendar.DayOf(tx.Now)
	if err := checkHome(home); err != nil {
		return a, err
	}
	if err := checkSince(e.Status, e.Since, today); err != nil {
		return a, err
	}
	if a.PersonID, err = Add(ctx, tx, keys, e.New); err != nil {
		return a, err
	}
	a.Version = 1
	if a.ID, err = insertMember(ctx, tx, a.PersonID, home.ID, e.Status, today); err != nil || e.Since == "" {
		return a, err
	}
	return a, saveSince(ctx, tx, keys, a.ID, e.Since)
}

func saveSince(ctx context.Context, tx *db.Tx, keys *sealed.Keys, id ID, since calendar.Day) error {
	b, err := keys.Seal(sealed.Sensitive, "member", "since_sealed", int64(id), string(since))
	if err != nil {
		return err
	}
	return updateSince(ctx, tx, id, b)
}

// A Correction changes an entry; what is zero stays as it is.
type Correction struct {
	Version int64
	Name    string
	Status  Status
	Since   calendar.Day
}

// Correct changes an entry that by keeps, if nobody has changed it since by read it.
func (s *Service) Correct(ctx context.Context, by org.Actor, id ID, c Correction) (a Added, err error) {
	if err := canRead(by); err != nil {
		return a, err
	}
	err = once.InTx(ctx, s.db, int64(by.PersonID), &a, func(tx *db.Tx) error {
		m, err := findMember(ctx, tx, by, id)
		if err != nil {
			return err
		}
		if m.Version != c.Version {
			return problem.Stale(c.Version, m.Version)
		}
		fields := []string{}
		if c.Status != "" {
			m.Status, fields = c.Status, append(fields, "status")
		}
		if err := checkSince(m.Status, c.Since, calendar.DayOf(tx.Now)); err != nil {
			return err
		}
		found, err := updateMember(ctx, tx, m)
		if err != nil {
			return err
		}
		if found == 0 { // somebody was faster
			return db.Stale(ctx, tx, c.Version, `SELECT version FROM member WHERE id = ?`, m.ID)
		}
		if c.Since != "" {
			fields = append(fields, "fullMemberSince")
			if err := saveSince(ctx, tx, s.keys, m.ID, c.Since); err != nil {
				return err
			}
		}
		if c.Name != "" {
			fields = append(fields, "name")
			b, err := s.keys.Seal(sealed.Personal, "person", "name_sealed", int64(m.PersonID), strings.TrimSpace(c.Name))
			if err != nil {
				return err
			}
			if err := updateName(ctx, tx, m.PersonID, b); err != nil {
				return err
			}
		}
		a = Added{ID: m.ID, PersonID: m.PersonID, Version: m.Version + 1}
		audit.Note(tx, by.Did("member.corrected", "member", int64(id)).Showing(fields...))
		return nil
	})
	return a, err
}

// A Filter says which entries to list; what is zero is not asked.
type Filter struct {
	UnitID org.UnitID
	Status Status
}

// List is a page of the roster below by's organisation, masked. Reading it is written down: that somebody is a
// member is sensitive in itself.
func (s *Service) List(ctx context.Context, by org.Actor, f Filter, cursor string, size int) (ms []Member, next string, err error) {
	if err := canRead(by); err != nil {
		return nil, "", err
	}
	p, err := s.pages.Parse(cursor, size, page.Bound("listMembers", f, by.PersonID, by.Assignment))
	if err != nil {
		return nil, "", err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		from, to := by.PartyScope()
		if f.UnitID != 0 {
			u, err := org.FindUnit(ctx, tx, by, f.UnitID)
			if err != nil {
				return err
			}
			from, to = u.Path, strings.TrimSuffix(u.Path, "/")+"0"
		}
		rows, err := listMembers(ctx, tx, from, to, f.Status, p)
		if err != nil {
			return err
		}
		ms, next = page.Cut(rows, p, memberKey)
		audit.Note(tx, by.Did("member.listed", "unit", int64(f.UnitID)))
		return s.mask(ctx, tx, ms)
	})
	if err != nil {
		return nil, "", err
	}
	return ms, next, nil
}

// Find is one entry, masked.
func (s *Service) Find(ctx context.Context, by org.Actor, id ID) (Member, error) {
	if err := canRead(by); err != nil {
		return Member{}, err
	}
	var ms []Member
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		m, err := findMember(ctx, tx, by, id)
		if err != nil {
			return err
		}
		ms = []Member{m}
		audit.Note(tx, by.Did("member.read", "member", int64(id)))
		return s.mask(ctx, tx, ms)
	})
	if err != nil {
		return Member{}, err
	}
	return ms[0], nil
}

// mask fills in what may be shown of names and phones.
func (s *Service) mask(ctx context.Context, q db.Queryer, ms []Member) error {
	ids := make([]org.PersonID, len(ms))
	for i, m := range ms {
		ids[i] = m.PersonID
	}
	names, err := Names(ctx, q, ids...)
	if err != nil {
		return err
	}
	for i := range ms {
		ms[i].Shown = names[ms[i].PersonID]
		if ms[i].Phone, err = s.phone(ms[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) phone(m Member) (sealed.Phone, error) {
	digits, err := s.keys.Open(sealed.Personal, "person", "phone_sealed", int64(m.PersonID), m.PhoneSealed)
	return sealed.PhoneOf(digits), err
}

// Search finds entries below by's organisation by a phone, or by its last four digits. It is limited and written
// down, since whoever can ask often enough can ask for every number (D12).
func (s *Service) Search(ctx context.Context, by org.Actor, number string) (found []Member, err error) {
	if err := canRead(by); err != nil {
		return nil, err
	}
	if err := s.limited(ctx, by, limit.PhoneSearch); err != nil {
		return nil, err
	}
	number = strings.TrimSpace(number)
	last := ""
	var indexes []int64
	if p, err := sealed.ParsePhone(number); err == nil {
		number, indexes = p.Reveal(), s.keys.PhoneIndexes(p.Reveal())
	} else if _, digits := strconv.Atoi(number); len(number) == 4 && digits == nil {
		last = number
	} else {
		return nil, sealed.ErrPhone.Field("/phone", sealed.ErrPhone.Code)
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		rows, err := membersByPhone(ctx, tx, by, indexes)
		if err != nil {
			return err
		}
		found = found[:0]
		for _, m := range rows {
			p, err := s.phone(m)
			if err != nil {
				return err
			}
			if p.Reveal() == number || last != "" && strings.HasSuffix(p.Reveal(), last) {
				found = append(found, m)
			}
			if len(found) == 50 {
				break
			}
		}
		audit.Note(tx, by.Did("member.searched", "unit", int64(by.Unit.ID)).Showing("phone"))
		return s.mask(ctx, tx, found)
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// Unmask shows fields of one entry to by, who says why (X40). The row of the audit comes first, and without it
// nothing is shown.
func (s *Service) Unmask(ctx context.Context, by org.Actor, id ID, fields []string, why privacy.Why) (plain map[string]string, err error) {
	if err := canRead(by); err != nil {
		return nil, err
	}
	if len(fields) > 1 {
		if err := s.stepUp(ctx); err != nil {
			return nil, err
		}
	}
	if err := s.limited(ctx, by, limit.UnmaskHour, limit.UnmaskDay); err != nil {
		return nil, err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		m, err := findMember(ctx, tx, by, id)
		if err != nil {
			return err
		}
		values := make([]privacy.Value, len(fields))
		for i, f := range fields {
			if values[i], err = m.value(f); err != nil {
				return err
			}
		}
		opened, err := privacy.Open(ctx, tx, by, why, "member", int64(id), values...)
		if err != nil {
			return err
		}
		plain = make(map[string]string, len(fields))
		for i, f := range fields {
			plain[f] = opened[i]
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return plain, nil
}

// value is where a field of m is sealed.
func (m Member) value(field string) (privacy.Value, error) {
	v := privacy.Value{Field: field, Class: sealed.Personal, Table: "person", ID: int64(m.PersonID)}
	switch field {
	case "name":
		v.Column, v.Cipher = "name_sealed", m.NameSealed
	case "phone":
		v.Column, v.Cipher = "phone_sealed", m.PhoneSealed
	case "fullMemberSince":
		v.Class, v.Table, v.ID = sealed.Sensitive, "member", int64(m.ID)
		v.Column, v.Cipher = "since_sealed", m.SinceSealed
	default:
		return v, fmt.Errorf("the roster has no field %q", field)
	}
	return v, nil
}

func (s *Service) limited(ctx context.Context, by org.Actor, limiters ...limit.Limiter) error {
	for _, l := range limiters {
		if v := s.allow(ctx, l, strconv.FormatInt(int64(by.PersonID), 10)); !v.OK {
			return problem.ErrTooMany.RetryAfter(v.Retry)
		}
	}
	return nil
}

// Counts are how many members of each kind there are below by's organisation.
func (s *Service) Counts(ctx context.Context, by org.Actor) (full, probationary int, err error) {
	counts, err := countMembers(ctx, s.db, by)
	return counts[Full], counts[Probationary], err
}

// Accesses are when and why by's own entry was opened, and as what; never by whom personally.
func (s *Service) Accesses(ctx context.Context, by org.Actor, cursor string, size int) (all []Access, next string, err error) {
	p, err := s.pages.Parse(cursor, size, page.Bound("listOwnAccesses", by.PersonID))
	if err != nil {
		return nil, "", err
	}
	rows, err := accessesTo(ctx, s.db, by.PersonID, p)
	if err != nil {
		return nil, "", err
	}
	all, next = page.Cut(rows, p, accessKey)
	return all, next, nil
}
