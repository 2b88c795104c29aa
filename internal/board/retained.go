package board

import (
	"context"
	"time"

	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/privacy"
)

// Retained are the classes of data that this package keeps and when they go (domain.md §9.1).
var Retained = []privacy.Class{
	{
		Name: "board_version", Tables: []string{"board_version"}, Kept: privacy.Period{Months: 12}, Journal: true,
		Due:   `SELECT id FROM board_version WHERE superseded_at <= ? AND id > ? ORDER BY id LIMIT ?`,
		Erase: []string{`DELETE FROM board_version WHERE id IN (?)`},
	},
	{ // counted by boards
		Name: "board_scan", Tables: []string{"board_scan"}, Kept: privacy.Period{Months: 24},
		Due:  `SELECT DISTINCT board_id FROM board_scan WHERE day <= ? AND board_id > ? ORDER BY board_id LIMIT ?`,
		Args: privacy.OnDay, Also: forgetScans,
	},
	{
		Name: "plaque", Tables: []string{"plaque"}, Kept: privacy.Period{Months: 12}, Journal: true,
		Due:   `SELECT id FROM plaque WHERE state = 'returned' AND returned_at <= ? AND id > ? ORDER BY id LIMIT ?`,
		Erase: []string{`DELETE FROM plaque WHERE id IN (?)`},
	},
	{
		Name: "takedown", Tables: []string{"takedown"}, Kept: privacy.Period{Months: 12}, Journal: true,
		Due: `
			SELECT id
			FROM takedown
			WHERE decided_at <= ? AND (state <> 'upheld'
			  OR (kind = 'publication' AND ref_id NOT IN (SELECT id FROM publication))
			  OR (kind = 'media' AND ref_id NOT IN (SELECT id FROM media))
			  OR (kind = 'plaque' AND ref_id NOT IN (SELECT id FROM plaque))
			  OR (kind = 'board' AND ref_id NOT IN (SELECT id FROM board))) AND id > ?
			ORDER BY id
			LIMIT ?`,
		Erase: []string{`DELETE FROM takedown WHERE id IN (?)`},
	},
	{ // of what stays down it is forgotten who asked and what they said; that it is down stays known (H3)
		Name: "takedown_upheld", Tables: []string{"takedown"}, Kept: privacy.Period{Months: 12}, Journal: true,
		Due: `
			SELECT id
			FROM takedown
			WHERE decided_at <= ? AND state = 'upheld' AND text_sealed IS NOT NULL AND id > ?
			ORDER BY id
			LIMIT ?`,
		Erase: []string{`UPDATE takedown SET text_sealed = NULL, code_sealed = NULL, person_id = NULL WHERE id IN (?)`},
	},
	{
		Name: "feedback", Tables: []string{"feedback"}, Kept: privacy.Period{Months: 12}, Journal: true,
		Due:   `SELECT id FROM feedback WHERE received_at <= ? AND id > ? ORDER BY id LIMIT ?`,
		Erase: []string{`DELETE FROM feedback WHERE id IN (?)`},
	},
	{
		Name: "publication", Tables: []string{"publication"}, Kept: privacy.Period{Months: 36},
		Due:  `SELECT id FROM publication WHERE end_on <= ? AND id > ? ORDER BY id LIMIT ?`,
		Args: privacy.OnDay, Also: forgetPictures,
		Erase: []string{`DELETE FROM publication WHERE id IN (?)`},
	},
	{
		// the last of its consents was withdrawn so long ago, or all of it is off
		Name: "public_profile", Tables: []string{"public_profile"}, Kept: privacy.Period{Months: 36},
		Due: `
			SELECT person_id
			FROM public_profile
			WHERE changed_at <= ?
			  AND ((shows_name = 0 AND shows_items = 0 AND shows_phone = 0 AND shows_portrait = 0)
			    OR person_id NOT IN (
			      SELECT person_id
			      FROM disclosure_consent
			      WHERE purpose IN ('board', 'phone', 'portrait') AND (state = 'given' OR ended_at > ?)))
			  AND person_id > ?
			ORDER BY person_id
			LIMIT ?`,
		Args: func(before time.Time) []any { return []any{before, before} },
		Also: func(ctx context.Context, tx *db.Tx, ids []int64, _ time.Time) error {
			return forgetPortraits(ctx, tx, ids)
		},
		Erase: []string{`DELETE FROM public_profile WHERE person_id IN (?)`},
	},
	{ // its person is forgotten
		Name: "portrait", Tables: []string{"public_profile"}, Kept: privacy.Period{Days: 30},
		Due: `
			SELECT p.id
			FROM person p
			JOIN upload u ON u.owner_type = 'portrait' AND u.owner_id = p.id
			WHERE p.created_at <= ? AND p.name_sealed IS NULL AND p.phone_sealed IS NULL AND u.drop_at IS NULL AND p.id > ?
			ORDER BY p.id
			LIMIT ?`,
		Also: func(ctx context.Context, tx *db.Tx, ids []int64, _ time.Time) error {
			return forgetPortraits(ctx, tx, ids)
		},
	},
	{ // it was never published
		Name: "publication_unused", Tables: []string{"publication"}, Kept: privacy.Period{Months: 12}, Journal: true,
		Due: `
			SELECT id
			FROM publication
			WHERE state IN ('draft', 'returned') AND created_at <= ? AND id > ?
			ORDER BY id
			LIMIT ?`,
		Also: forgetPictures, Erase: []string{`DELETE FROM publication WHERE id IN (?)`},
	},
	{ // what was removed was wrong
		Name: "publication_removed", Tables: []string{"publication"}, Kept: privacy.Period{Days: 30}, Journal: true,
		Due:  `SELECT id FROM publication WHERE state = 'removed' AND end_on <= ? AND id > ? ORDER BY id LIMIT ?`,
		Args: privacy.OnDay, Also: forgetPictures, Erase: []string{`DELETE FROM publication WHERE id IN (?)`},
	},
	{ // somebody in it said no
		Name: "publication_ended", Tables: []string{"publication"}, Kept: privacy.Period{Days: 30}, Journal: true,
		Due:  `SELECT id FROM publication WHERE ended_at <= ? AND id > ? ORDER BY id LIMIT ?`,
		Also: forgetPictures, Erase: []string{`DELETE FROM publication WHERE id IN (?)`},
	},
	{ // somebody on it said no
		Name: "media", Tables: []string{"media", "depicted"}, Kept: privacy.Period{Days: 30}, Journal: true,
		Due:  `SELECT id FROM media WHERE ended_at <= ? AND id > ? ORDER BY id LIMIT ?`,
		Also: forgetMedia,
	},
	{ // its file goes when it expires
		Name: "press_pack", Tables: []string{"press_pack"}, Kept: privacy.Period{Days: 30}, Journal: true,
		Due:   `SELECT id FROM press_pack WHERE expires_at <= ? AND id > ? ORDER BY id LIMIT ?`,
		Erase: []string{`DELETE FROM press_pack WHERE id IN (?)`},
	},
	{ // it was never used
		Name: "media_unused", Tables: []string{"media"}, Kept: privacy.Period{Months: 12}, Journal: true,
		Due:  `SELECT id FROM media WHERE publication_id IS NULL AND created_at <= ? AND id > ? ORDER BY id LIMIT ?`,
		Also: forgetMedia,
	},
}

// forgetMedia forgets pictures with their files and who is shown on them.
func forgetMedia(ctx context.Context, tx *db.Tx, ids []int64, _ time.Time) error {
	return deleteMedia(ctx, tx, ids)
}

// forgetPictures forgets the pictures of publications, and who is named in these, which go next.
func forgetPictures(ctx context.Context, tx *db.Tx, ids []int64, _ time.Time) error {
	of := make([]PublicationID, len(ids))
	for i, id := range ids {
		of[i] = PublicationID(id)
	}
	all, err := mediaOf(ctx, tx, of)
	if err != nil {
		return err
	}
	if len(all) > 0 {
		pictures := make([]int64, len(all))
		for i, m := range all {
			pictures[i] = int64(m.ID)
		}
		if err := deleteMedia(ctx, tx, pictures); err != nil {
			return err
		}
	}
	return deleteDepicted(ctx, tx, inPublication, ids)
}

// forgetScans forgets how often boards were scanned on days before.
func forgetScans(ctx context.Context, tx *db.Tx, boards []int64, before time.Time) error {
	query, args, err := db.In(`DELETE FROM board_scan WHERE board_id IN (?) AND day <= ?`, boards, calendar.DayOf(before))
	if err != nil {
		return err
	}
	_, err = tx.Change(ctx, query, args...)
	return db.Wrap(err, nil, "forget the scans of %d boards", len(boards))
}
