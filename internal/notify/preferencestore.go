package notify

import (
	"context"
	"fmt"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

type settingRow struct {
	Person    org.PersonID `db:"person_id"`
	QuietFrom string       `db:"quiet_from"`
	QuietTo   string       `db:"quiet_to"`
	DigestAt  string       `db:"digest_at"`
}

func (r settingRow) hours() (h hours, err error) {
	for _, c := range []struct {
		into *clockTime
		text string
	}{{&h.quietFrom, r.QuietFrom}, {&h.quietTo, r.QuietTo}, {&h.digestAt, r.DigestAt}} {
		if *c.into, err = parseClock(c.text); err != nil {
			return usual, fmt.Errorf("read the hours of person %d: %w", r.Person, err)
		}
	}
	return h, nil
}

// hoursOfAll are the hours of those of persons who have set some.
func hoursOfAll(ctx context.Context, q db.Queryer, persons []org.PersonID) (map[org.PersonID]hours, error) {
	query, args, err := db.In(`
		SELECT person_id, quiet_from, quiet_to, digest_at
		FROM notice_setting
		WHERE person_id IN (?)`, persons)
	if err != nil {
		return nil, err
	}
	var rows []settingRow
	if err := q.Select(ctx, &rows, query, args...); err != nil {
		return nil, db.Wrap(err, nil, "read quiet hours")
	}
	all := make(map[org.PersonID]hours, len(rows))
	for _, r := range rows {
		if all[r.Person], err = r.hours(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// hoursOf are the hours of person.
func hoursOf(ctx context.Context, q db.Queryer, person org.PersonID) (hours, error) {
	all, err := hoursOfAll(ctx, q, []org.PersonID{person})
	if err != nil {
		return usual, err
	}
	if h, ok := all[person]; ok {
		return h, nil
	}
	return usual, nil
}

// wantsWeChat says whether person lets WeChat repeat items of kind; who has not said does.
func wantsWeChat(ctx context.Context, q db.Queryer, person org.PersonID, kind string) (bool, error) {
	var off int
	err := q.Get(ctx, &off, `
		SELECT COUNT(*)
		FROM notice_preference
		WHERE person_id = ? AND kind = ? AND (wechat = 0 OR muted = 1)`, person, kind)
	return off == 0, db.Wrap(err, nil, "look what person %d wants to hear of", person)
}

// findPreferences are the preferences of person, the usual ones where they have said nothing.
func findPreferences(ctx context.Context, q db.Queryer, person org.PersonID) (Preferences, error) {
	h, err := hoursOf(ctx, q, person)
	if err != nil {
		return Preferences{}, err
	}
	p := Preferences{QuietFrom: h.quietFrom.String(), QuietTo: h.quietTo.String(), DigestAt: h.digestAt.String()}
	err = q.Select(ctx, &p.Kinds, `
		SELECT kind, wechat, digest, muted
		FROM notice_preference
		WHERE person_id = ?
		ORDER BY kind`, person)
	return p, db.Wrap(err, nil, "read the preferences of person %d", person)
}

func savePreferences(ctx context.Context, tx *db.Tx, person org.PersonID, p Preferences) error {
	old, err := hoursOf(ctx, tx, person)
	if err != nil {
		return err
	}
	err = db.Save(func() (int64, error) {
		return tx.Change(ctx, `
			UPDATE notice_setting
			SET quiet_from = ?, quiet_to = ?, digest_at = ?
			WHERE person_id = ?`, p.QuietFrom, p.QuietTo, p.DigestAt, person)
	}, func() error {
		_, err := tx.Change(ctx, `
			INSERT INTO notice_setting (person_id, quiet_from, quiet_to, digest_at)
			VALUES (?, ?, ?, ?)`, person, p.QuietFrom, p.QuietTo, p.DigestAt)
		return err
	})
	if err == nil && old.digestAt.String() != p.DigestAt {
		err = moveDigest(ctx, tx, person, old.digestAt)
	}
	if err == nil {
		_, err = tx.Change(ctx, `DELETE FROM notice_preference WHERE person_id = ?`, person)
	}
	for _, k := range p.Kinds {
		if err == nil {
			_, err = tx.Change(ctx, `
				INSERT INTO notice_preference (person_id, kind, wechat, digest, muted)
				VALUES (?, ?, ?, ?, ?)`, person, k.Kind, k.WeChat, k.Digest, k.Muted)
		}
	}
	return db.Wrap(err, nil, "save the preferences of person %d", person)
}
