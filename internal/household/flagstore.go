package household

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
	"wanjia/internal/request"
)

// A flagRow is a flag as it is stored: what it says is sealed in one piece, so nothing can be searched for it.
type flagRow struct {
	ID         FlagID           `db:"id"`
	Household  ID               `db:"premises_id"`
	Sealed     []byte           `db:"flag_sealed"`
	ConsentID  *int64           `db:"consent_id"`
	BasisID    *privacy.BasisID `db:"basis_id"`
	Temporary  bool             `db:"is_temporary"`
	ExpiresOn  calendar.Day     `db:"expires_on"`
	SeenAt     *time.Time       `db:"seen_at"`
	RecordedAt time.Time        `db:"recorded_at"`
	Version    int64            `db:"version"`
}

// flagText is what is sealed of a flag.
type flagText struct {
	Kind    FlagKind `json:"kind"`
	Source  string   `json:"source"`
	Purpose string   `json:"purpose"`
	Note    string   `json:"note,omitempty"`
}

const flagColumns = `
	f.id, f.premises_id, f.flag_sealed, f.consent_id, f.basis_id, f.is_temporary, f.expires_on, f.seen_at, f.recorded_at,
	f.version`

// value is what is sealed of the flag, whose note somebody may ask to see in full.
func (r flagRow) value() privacy.Value {
	return privacy.Value{
		Field: "flag_note", Class: sealed.Sensitive, Table: "care_flag", Column: "flag_sealed", ID: int64(r.ID), Cipher: r.Sealed,
	}
}

func (r flagRow) open(keys *sealed.Keys) (Flag, error) {
	v := r.value()
	plain, err := keys.Open(v.Class, v.Table, v.Column, v.ID, v.Cipher)
	if err != nil {
		return Flag{}, err
	}
	return r.read(plain)
}

// read is the flag, of which plain was sealed.
func (r flagRow) read(plain string) (Flag, error) {
	var t flagText
	if err := json.Unmarshal([]byte(plain), &t); err != nil {
		return Flag{}, fmt.Errorf("read flag %d: %w", r.ID, err)
	}
	return Flag{
		ID: r.ID, Household: r.Household, Kind: t.Kind, Source: t.Source, Purpose: t.Purpose, Note: t.Note,
		Temporary: r.Temporary, ConsentID: r.ConsentID, BasisID: r.BasisID, ExpiresOn: r.ExpiresOn, SeenAt: r.SeenAt,
		RecordedAt: r.RecordedAt, Version: r.Version,
	}, nil
}

// lockHousehold keeps others from flagging the household meanwhile, or from ending it.
func lockHousehold(ctx context.Context, tx *db.Tx, id ID) error {
	err := tx.Get(ctx, &id, `SELECT id FROM premises WHERE id = ? AND ended_on IS NULL`+db.ForUpdate, id)
	return db.Wrap(err, problem.ErrNotFound, "lock household %d", id)
}

// insertFlag stores f and gives it its id.
func insertFlag(ctx context.Context, tx *db.Tx, keys *sealed.Keys, by org.Actor, f *Flag) error {
	id, err := tx.Insert(ctx, `
		INSERT INTO care_flag (
			premises_id, consent_id, basis_id, is_temporary, expires_on, warn_at, purge_on, person_id, assignment_id, recorded_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		f.Household, f.ConsentID, f.BasisID, f.Temporary, f.ExpiresOn, warnAt(f.ExpiresOn, tx.Now), f.ExpiresOn.Add(flagPurge),
		by.PersonID, by.Assignment, f.RecordedAt)
	if err != nil {
		return db.Wrap(err, nil, "insert a flag")
	}
	text, err := json.Marshal(flagText{f.Kind, f.Source, f.Purpose, f.Note})
	if err != nil {
		return fmt.Errorf("write flag %d: %w", id, err)
	}
	cipher, err := keys.Seal(sealed.Sensitive, "care_flag", "flag_sealed", id, string(text))
	if err != nil {
		return err
	}
	f.ID, f.Version = FlagID(id), 1
	_, err = tx.Change(ctx, `
		UPDATE care_flag
		SET flag_sealed = ?
		WHERE id = ?`, cipher, id)
	return db.Wrap(err, nil, "seal flag %d", id)
}

// saveFlag stores f with its new last day, unless somebody was faster.
func saveFlag(ctx context.Context, tx *db.Tx, by org.Actor, f Flag) error {
	found, err := tx.Change(ctx, `
		UPDATE care_flag
		SET consent_id = ?, basis_id = ?, expires_on = ?, warn_at = ?, purge_on = ?, person_id = ?, assignment_id = ?,
		    version = version + 1
		WHERE id = ? AND version = ?`,
		f.ConsentID, f.BasisID, f.ExpiresOn, warnAt(f.ExpiresOn, tx.Now), f.ExpiresOn.Add(flagPurge), by.PersonID, by.Assignment,
		f.ID, f.Version)
	if err == nil && found == 0 {
		return db.Stale(ctx, tx, f.Version, `SELECT version FROM care_flag WHERE id = ?`, f.ID)
	}
	return db.Wrap(err, nil, "renew flag %d", f.ID)
}

func findFlag(ctx context.Context, q db.Queryer, keys *sealed.Keys, id FlagID) (Flag, error) {
	r, err := findFlagRow(ctx, q, id)
	if err != nil {
		return Flag{}, err
	}
	return r.open(keys)
}

func findFlagRow(ctx context.Context, q db.Queryer, id FlagID) (r flagRow, err error) {
	err = q.Get(ctx, &r, `
		SELECT `+flagColumns+`
		FROM care_flag f
		WHERE f.id = ?`, id)
	return r, db.Wrap(err, problem.ErrNotFound, "find flag %d", id)
}

// flagsOf are the live flags of a household.
func (s *Service) flagsOf(ctx context.Context, q db.Queryer, id ID) ([]Flag, error) {
	var rows []flagRow
	err := q.Select(ctx, &rows, `
		SELECT `+flagColumns+`
		FROM care_flag f
		WHERE f.premises_id = ? AND f.expires_on >= ?
		ORDER BY f.id
		LIMIT ?`, id, calendar.DayOf(db.NowOf(q)), flagsOfAHouse)
	if err != nil {
		return nil, db.Wrap(err, nil, "list the flags of household %d", id)
	}
	all := make([]Flag, len(rows))
	for i, r := range rows {
		if all[i], err = r.open(s.keys); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// flagged are those of the households that have a live flag on day. The visit list marks them, and nothing else asks.
func flagged(ctx context.Context, q db.Queryer, day calendar.Day, ids ...ID) (map[ID]bool, error) {
	found := map[ID]bool{}
	for some := range slices.Chunk(ids, 500) {
		query, args, err := db.In(`
			SELECT DISTINCT premises_id
			FROM care_flag
			WHERE premises_id IN (?) AND expires_on >= ?`, some, day)
		if err != nil {
			return nil, err
		}
		var rows []ID
		if err := q.Select(ctx, &rows, query, args...); err != nil {
			return nil, db.Wrap(err, nil, "find which of %d households are flagged", len(some))
		}
		for _, id := range rows {
			found[id] = true
		}
	}
	return found, nil
}

// homesKept is of how many of the homes whoever looks after them keeps something: how to reach them, what they agreed to,
// what help they may be offered. Of which it keeps what, it does not say.
func homesKept(ctx context.Context, q db.Queryer, day calendar.Day, ids []ID) (n int, err error) {
	query, args, err := db.In(`
		SELECT COUNT(*)
		FROM premises p
		WHERE p.id IN (?)
		  AND (EXISTS (
		      SELECT 1
		      FROM household_contact c
		      WHERE c.premises_id = p.id AND (c.address_sealed IS NOT NULL OR c.phone_sealed IS NOT NULL))
		    OR EXISTS (
		      SELECT 1
		      FROM household_consent c
		      WHERE c.premises_id = p.id AND c.withdrawn_at IS NULL AND (c.valid_to IS NULL OR c.valid_to > ?))
		    OR EXISTS (SELECT 1 FROM care_flag f WHERE f.premises_id = p.id AND f.expires_on >= ?))`, ids, day, day)
	if err != nil {
		return 0, err
	}
	err = q.Get(ctx, &n, query, args...)
	return n, db.Wrap(err, nil, "count the homes that something is kept of")
}

// keptOf are the kinds of things that hold for those who live in a home, and how many of each there are: what ends when they
// move out, and what goes on without the home, their needs and what they were promised.
func keptOf(ctx context.Context, tx *db.Tx, id ID) (uses []Use, err error) {
	day := calendar.DayOf(tx.Now)
	var n struct {
		Consents int `db:"consents"`
		Flags    int `db:"flags"`
		Contacts int `db:"contacts"`
		Mutes    int `db:"mutes"`
		Offers   int `db:"offers"`
		Requests int `db:"requests"`
		Promises int `db:"promises"`
	}
	if err := tx.Get(ctx, &n, `
		SELECT
		  (SELECT COUNT(*)
		   FROM household_consent c
		   WHERE c.premises_id = p.id AND c.withdrawn_at IS NULL AND (c.valid_to IS NULL OR c.valid_to > ?)) AS consents,
		  (SELECT COUNT(*) FROM care_flag f WHERE f.premises_id = p.id AND f.expires_on >= ?) AS flags,
		  (SELECT COUNT(*)
		   FROM household_contact c
		   WHERE c.premises_id = p.id AND (c.address_sealed IS NOT NULL OR c.phone_sealed IS NOT NULL)) AS contacts,
		  (SELECT COUNT(*) FROM household_mute m WHERE m.premises_id = p.id AND m.valid_to > ?) AS mutes,
		  (SELECT COUNT(*)
		   FROM risk_offer o
		   JOIN risk_event e ON e.id = o.event_id
		   WHERE o.premises_id = p.id AND e.state = ?) AS offers,
		  (SELECT COUNT(*)
		   FROM request r
		   WHERE r.premises_id = p.id AND r.is_open = ? AND (p.left_at IS NULL OR r.happened_at >= p.left_at)) AS requests,
		  (SELECT COUNT(*)
		   FROM promise k
		   WHERE k.premises_id = p.id AND k.state = ? AND (p.left_at IS NULL OR k.made_at >= p.left_at)) AS promises
		FROM premises p
		WHERE p.id = ?`, day, day, day, RiskOpen, true, request.PromiseOpen, id); err != nil {
		return nil, db.Wrap(err, nil, "count what is kept of household %d", id)
	}
	for _, u := range []Use{
		{"consents", n.Consents},
		{"flags", n.Flags},
		{"contacts", n.Contacts},
		{"mutes", n.Mutes},
		{"offers", n.Offers},
		{"requests", n.Requests},
		{"promises", n.Promises},
	} {
		if u.Count > 0 {
			uses = append(uses, u)
		}
	}
	return uses, nil
}

// LiveFlags are the live flags of the households of an area, by their ids: what a handover counts.
func LiveFlags(ctx context.Context, q db.Queryer, area org.UnitID) (ids []FlagID, err error) {
	day := calendar.DayOf(db.NowOf(q))
	err = q.Select(ctx, &ids, `
		SELECT f.id
		FROM area_entrance a
		JOIN premises p ON p.entrance_id = a.entrance_id
		JOIN care_flag f ON f.premises_id = p.id
		WHERE a.area_id = ? AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)
		  AND f.expires_on >= ?
		ORDER BY f.id`, area, day, day, day)
	return ids, db.Wrap(err, nil, "find the flags of area %d", area)
}

// seenFlag notes that a flag of a household was found right at v, and says whether there was one on that day.
func seenFlag(ctx context.Context, tx *db.Tx, v Visit, flag FlagID) (bool, error) {
	found, err := tx.Change(ctx, `
		UPDATE care_flag
		SET seen_at = ?
		WHERE id = ? AND premises_id = ? AND expires_on >= ?`, tx.Now, flag, v.Premises, calendar.DayOf(v.HappenedAt))
	return found == 1, db.Wrap(err, nil, "note that flag %d was seen", flag)
}

// isFlag says whether there is a flag, of any household and day.
func isFlag(ctx context.Context, q db.Queryer, flag FlagID) (bool, error) {
	var n int
	err := q.Get(ctx, &n, `SELECT COUNT(*) FROM care_flag WHERE id = ?`, flag)
	return n > 0, db.Wrap(err, nil, "look for flag %d", flag)
}

// moveFlags lets the flags that rest on a household's consent rest on its newest one, and end with it at the latest.
func moveFlags(ctx context.Context, tx *db.Tx, n NewConsent, consent int64) error {
	if _, err := tx.Change(ctx, `
		UPDATE care_flag
		SET consent_id = ?, version = version + 1
		WHERE premises_id = ? AND consent_id IS NOT NULL`, consent, n.Household); err != nil {
		return db.Wrap(err, nil, "let the flags of household %d rest on consent %d", n.Household, consent)
	}
	if n.Until == "" {
		return nil
	}
	last := n.Until.Add(-1)
	_, err := tx.Change(ctx, `
		UPDATE care_flag
		SET expires_on = ?, warn_at = ?, purge_on = ?
		WHERE premises_id = ? AND consent_id = ? AND expires_on > ?`,
		last, warnAt(last, tx.Now), last.Add(flagPurge), n.Household, consent, last)
	return db.Wrap(err, nil, "end the flags of household %d with their consent", n.Household)
}

// purgeFlags leaves nothing of flags.
func purgeFlags(ctx context.Context, tx *db.Tx, ids ...FlagID) error {
	return remove(ctx, tx, `DELETE FROM care_flag WHERE id IN (?)`, ids)
}

// purgeFlagsOf leaves nothing of the flags of a household.
func purgeFlagsOf(ctx context.Context, tx *db.Tx, id ID) error {
	_, err := tx.Change(ctx, `DELETE FROM care_flag WHERE premises_id = ?`, id)
	return db.Wrap(err, nil, "purge all flags of household %d", id)
}

// purgeConsented leaves nothing of the flags of a household that rest on its consent.
func purgeConsented(ctx context.Context, tx *db.Tx, id ID) (n int64, err error) {
	n, err = tx.Change(ctx, `
		DELETE FROM care_flag
		WHERE premises_id = ? AND consent_id IS NOT NULL`, id)
	return n, db.Wrap(err, nil, "purge the flags of household %d", id)
}

// An expiring flag is one whose owner is to hear that it ends, and the area of its household.
type expiring struct {
	ID     FlagID     `db:"id"`
	AreaID org.UnitID `db:"area_id"`
}

// toWarn are flags whose owner is to hear that they end, those of an area together.
func toWarn(ctx context.Context, q db.Queryer, now time.Time) (all []expiring, err error) {
	day := calendar.DayOf(now)
	err = q.Select(ctx, &all, `
		SELECT f.id, a.area_id
		FROM care_flag f
		JOIN premises p ON p.id = f.premises_id
		JOIN area_entrance a ON a.entrance_id = p.entrance_id AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)
		WHERE f.warn_at <= ?
		ORDER BY a.area_id, f.id
		LIMIT 200`, day, day, now)
	return all, db.Wrap(err, nil, "find flags that end soon")
}

// takeWarning takes the warning of a flag, unless somebody has.
func takeWarning(ctx context.Context, tx *db.Tx, id FlagID) (taken bool, err error) {
	found, err := tx.Change(ctx, `
		UPDATE care_flag
		SET warn_at = NULL
		WHERE id = ? AND warn_at <= ?`, id, tx.Now)
	return found == 1, db.Wrap(err, nil, "take the warning of flag %d", id)
}

// toPurge are flags whose time has been over for 30 days.
func toPurge(ctx context.Context, q db.Queryer, today calendar.Day) (ids []FlagID, err error) {
	err = q.Select(ctx, &ids, `
		SELECT id
		FROM care_flag
		WHERE purge_on <= ?
		ORDER BY purge_on, id
		LIMIT 500`, today)
	return ids, db.Wrap(err, nil, "find flags to purge")
}
