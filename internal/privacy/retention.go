package privacy

import (
	"context"
	"time"

	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

// A Period is how long something is kept after a moment of its own.
type Period struct {
	Months int
	Days   int
	Time   time.Duration
}

// before is the moment at which what is over at now began its period: over at exactly its end (K23).
func (p Period) before(now time.Time) time.Time {
	at := now.In(calendar.Shanghai)
	first := time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, calendar.Shanghai).AddDate(0, -p.Months, 0)
	last := first.AddDate(0, 1, -1).Day() // 31 March less a month is the end of February, and not a day of March
	at = time.Date(first.Year(), first.Month(), min(at.Day(), last), at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), calendar.Shanghai)
	return at.AddDate(0, 0, -p.Days).Add(-p.Time).UTC()
}

// A Class is one kind of data that goes after a time (domain.md §9.1). Whoever keeps the data writes its statements.
type Class struct {
	Name   string   // as the proof names it
	Tables []string // of the register, for which it is the cleaner
	Kept   Period

	// Due selects the ids of what is over: after the arguments of Args those behind an id, in their order, as many as
	// are asked for: … AND id > ? ORDER BY id LIMIT ?.
	Due  string
	Args func(before time.Time) []any // nil: the moment alone

	// Erase are statements with the ids as id IN (?), one after the other; Also comes before them.
	Erase []string
	Also  func(ctx context.Context, tx *db.Tx, ids []int64, before time.Time) error

	// Piece is how many rows go in one transaction, 0: pieceSize. Few do where Also holds what people work with.
	Piece int

	Journal bool // a restore must forget it again: it was somebody's
}

// args are what Due is asked with.
func (c Class) args(now time.Time) []any {
	before := c.Kept.before(now)
	if c.Args == nil {
		return []any{before}
	}
	return c.Args(before)
}

// OnDay is the Args of a class whose rows have a day and no moment.
func OnDay(before time.Time) []any { return []any{calendar.DayOf(before)} }

// pieceSize is how many rows are erased in one transaction.
const pieceSize = 500

// The night begins at 02:30 in Asia/Shanghai and is over before people come.
const (
	nightFrom = 2*time.Hour + 30*time.Minute
	nightTo   = 6 * time.Hour
)

// night is the day whose night it is at now; empty: it is none.
func night(now time.Time) string {
	day := calendar.DayOf(now)
	if since := now.Sub(day.Time()); since < nightFrom || since >= nightTo {
		return ""
	}
	return string(day)
}

// A Count is how much of a class is over.
type Count struct {
	Class  string
	Tables []string
	Kept   Period
	Due    int64
	More   bool // there is more: counting stopped
}

// A Run is the proof of what was erased of a class.
type Run struct {
	ID        int64      `db:"id"`
	Class     string     `db:"class"`
	Night     string     `db:"night"`
	Due       int64      `db:"due"`
	Erased    int64      `db:"erased"`
	Reached   int64      `db:"reached_id"`
	StartedAt time.Time  `db:"started_at"`
	EndedAt   *time.Time `db:"ended_at"`
}

// An Erasure is a piece of the journal.
type Erasure struct {
	Class    string    `json:"class"`
	IDs      []int64   `json:"ids"`
	ErasedAt time.Time `json:"erasedAt"`
}

// Retained are the classes of this package and of what stands below it.
var Retained = []Class{
	{
		Name: "disclosure_consent", Tables: []string{"disclosure_consent"}, Kept: Period{Months: 36},
		Due: `
			SELECT id
			FROM disclosure_consent
			WHERE (ended_at <= ? OR (state = 'refused' AND said_at <= ?)) AND id > ?
			ORDER BY id
			LIMIT ?`,
		Args:  func(before time.Time) []any { return []any{before, before} },
		Erase: []string{`DELETE FROM disclosure_consent WHERE id IN (?)`},
	},
	{
		Name: "break_glass", Tables: []string{"break_glass"}, Kept: Period{Months: 36},
		Due:   `SELECT id FROM break_glass WHERE opened_at <= ? AND state <> 'open' AND id > ? ORDER BY id LIMIT ?`,
		Erase: []string{`DELETE FROM break_glass WHERE id IN (?)`},
	},
	{
		Name: "own_data", Tables: []string{"own_data"}, Kept: Period{Months: 36},
		Due:   `SELECT id FROM own_data WHERE answered_at <= ? AND id > ? ORDER BY id LIMIT ?`,
		Erase: []string{`DELETE FROM own_data WHERE id IN (?)`},
	},
	{
		Name: "policy_setting", Tables: []string{"policy_setting"}, Kept: Period{Months: 36},
		Due: `
			SELECT s.id
			FROM policy_setting s
			LEFT JOIN legal_basis b ON b.id = s.basis_id
			WHERE s.changed_at <= ? AND (s.enabled = 0 OR b.valid_until <= ?) AND s.id > ?
			ORDER BY s.id
			LIMIT ?`,
		Args:  func(before time.Time) []any { return []any{before, calendar.DayOf(before)} },
		Erase: []string{`DELETE FROM policy_setting WHERE id IN (?)`},
	},
	{
		Name: "legal_basis", Tables: []string{"legal_basis"}, Kept: Period{Months: 36},
		Due: `
			SELECT b.id
			FROM legal_basis b
			WHERE b.valid_until <= ? AND NOT EXISTS (SELECT 1 FROM policy_setting s WHERE s.basis_id = b.id) AND b.id > ?
			ORDER BY b.id
			LIMIT ?`,
		Args: OnDay, Erase: []string{`DELETE FROM legal_basis WHERE id IN (?)`},
	},
	{
		Name: "retention_run", Tables: []string{"retention_run"}, Kept: Period{Months: 36},
		Due:   `SELECT id FROM retention_run WHERE ended_at <= ? AND id > ? ORDER BY id LIMIT ?`,
		Erase: []string{`DELETE FROM retention_run WHERE id IN (?)`},
	},
	{
		Name: "erasure", Tables: []string{"erasure"}, Kept: Period{Days: 35},
		Due:   `SELECT id FROM erasure WHERE erased_at <= ? AND id > ? ORDER BY id LIMIT ?`,
		Erase: []string{`DELETE FROM erasure WHERE id IN (?)`},
	},
	{ // up to an end that is signed: verifying begins behind it
		Name: "audit", Tables: []string{"audit"}, Kept: Period{Months: 36},
		Due: `
			SELECT a.id
			FROM audit a
			JOIN (SELECT lane, MAX(n) AS n FROM audit_head WHERE at <= ? GROUP BY lane) h ON h.lane = a.lane AND a.n <= h.n
			WHERE a.at <= ? AND a.id > ?
			ORDER BY a.id
			LIMIT ?`,
		Args:  func(before time.Time) []any { return []any{before, before} },
		Erase: []string{`DELETE FROM audit WHERE id IN (?)`},
	},
	{ // but the newest of them, behind which verifying begins
		Name: "audit_head", Tables: []string{"audit_head"}, Kept: Period{Months: 36},
		Due: `
			SELECT x.id
			FROM audit_head x
			JOIN (SELECT lane, MAX(n) AS n FROM audit_head WHERE at <= ? GROUP BY lane) h ON h.lane = x.lane AND x.n < h.n
			WHERE x.id > ?
			ORDER BY x.id
			LIMIT ?`,
		Erase: []string{`DELETE FROM audit_head WHERE id IN (?)`},
	},
}
