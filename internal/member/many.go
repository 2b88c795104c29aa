package member

import (
	"context"
	"slices"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/sealed"
)

// A Known person stands in the roster below some organisation, or has a role there. It is opened for the program
// itself, to compare a list with; nothing of it is shown.
type Known struct {
	PersonID org.PersonID
	Name     sealed.Name
	Phone    sealed.Phone
	ID       ID // of the entry; 0: has a role and no entry
	Home     org.UnitID
	Status   Status
	Since    calendar.Day
	Version  int64
}

// KnownTo are all persons who stand in the roster below by's organisation, or have a role below it.
func KnownTo(ctx context.Context, q db.Queryer, keys *sealed.Keys, by org.Actor) ([]Known, error) {
	rows, err := knownBelow(ctx, q, by, calendar.DayOf(db.NowOf(q)))
	if err != nil {
		return nil, err
	}
	known := make([]Known, len(rows))
	for i, r := range rows {
		name, err := keys.Open(sealed.Personal, "person", "name_sealed", int64(r.PersonID), r.NameSealed)
		if err != nil {
			return nil, err
		}
		phone, err := keys.Open(sealed.Personal, "person", "phone_sealed", int64(r.PersonID), r.PhoneSealed)
		if err != nil {
			return nil, err
		}
		since, err := keys.Open(sealed.Sensitive, "member", "since_sealed", int64(r.ID), r.SinceSealed)
		if err != nil {
			return nil, err
		}
		known[i] = Known{
			PersonID: r.PersonID, Name: sealed.NameOf(name), Phone: sealed.PhoneOf(phone),
			ID: r.ID, Home: r.UnitID, Status: r.Status, Since: calendar.Day(since), Version: r.Version,
		}
	}
	return known, nil
}

// A Joining is somebody who comes into a roster: a person who is known, or one to be made.
type Joining struct {
	PersonID org.PersonID // 0: to be made
	New
	Home   org.Unit
	Status Status
	Since  calendar.Day // of full membership; "": not known
}

// atOnce is how many rows go into one statement.
const atOnce = 200

// JoinAll is Join for a whole roster, in a few statements a hundred entries. What it answers stands in the order of all.
func JoinAll(ctx context.Context, tx *db.Tx, keys *sealed.Keys, all []Joining) ([]Added, error) {
	today := calendar.DayOf(tx.Now)
	added := make([]Added, len(all))
	for i, j := range all {
		if err := checkHome(j.Home); err != nil {
			return nil, err
		}
		if err := checkSince(j.Status, j.Since, today); err != nil {
			return nil, err
		}
		added[i] = Added{PersonID: j.PersonID, Version: 1}
	}
	if err := addAll(ctx, tx, keys, all, added); err != nil {
		return nil, err
	}
	for from := 0; from < len(all); from += atOnce {
		to := min(from+atOnce, len(all))
		if err := enterSome(ctx, tx, keys, all[from:to], added[from:to], today); err != nil {
			return nil, err
		}
	}
	return added, nil
}

// addAll makes the persons that are not known yet. Their rows come one by one, for their ids; the seals in batches.
func addAll(ctx context.Context, tx *db.Tx, keys *sealed.Keys, all []Joining, added []Added) error {
	var made []sealedPerson
	for i, j := range all {
		if j.PersonID != 0 {
			continue
		}
		id, err := insertPerson(ctx, tx)
		if err != nil {
			return err
		}
		added[i].PersonID = id
		p := sealedPerson{id: id}
		if p.name, err = keys.Seal(sealed.Personal, "person", "name_sealed", int64(id), j.Name); err != nil {
			return err
		}
		phone, err := sealed.ParsePhone(j.Phone)
		if err != nil {
			return err
		}
		if p.phone, err = keys.Seal(sealed.Personal, "person", "phone_sealed", int64(id), phone.Reveal()); err != nil {
			return err
		}
		p.index = keys.PhoneIndex(phone.Reveal())
		made = append(made, p)
	}
	for some := range slices.Chunk(made, atOnce) {
		if err := sealPersons(ctx, tx, some); err != nil {
			return err
		}
	}
	return nil
}

func enterSome(ctx context.Context, tx *db.Tx, keys *sealed.Keys, some []Joining, added []Added, today calendar.Day) error {
	if err := insertMembers(ctx, tx, some, added, today); err != nil {
		return err
	}
	ids, err := membersSince(ctx, tx, added, today)
	if err != nil {
		return err
	}
	var days []sealedDay
	for i := range added {
		added[i].ID = ids[added[i].PersonID]
		if some[i].Since == "" {
			continue
		}
		b, err := keys.Seal(sealed.Sensitive, "member", "since_sealed", int64(added[i].ID), string(some[i].Since))
		if err != nil {
			return err
		}
		days = append(days, sealedDay{added[i].ID, b})
	}
	return sealDays(ctx, tx, days)
}

// Restate gives an entry another status and day, for whoever has asked already who may. Somebody else's version is a
// conflict.
func Restate(ctx context.Context, tx *db.Tx, keys *sealed.Keys, id ID, version int64, s Status, since calendar.Day) error {
	if err := checkSince(s, since, calendar.DayOf(tx.Now)); err != nil {
		return err
	}
	found, err := updateMember(ctx, tx, Member{ID: id, Version: version, Status: s})
	switch {
	case err != nil:
		return err
	case found == 0:
		return db.Stale(ctx, tx, version, `SELECT version FROM member WHERE id = ?`, id)
	case since == "":
		return updateSince(ctx, tx, id, nil)
	}
	return saveSince(ctx, tx, keys, id, since)
}

// A Post is the section that a cadre works in.
type Post struct {
	PersonID org.PersonID `db:"person_id"`
	Section  org.UnitID   `db:"section_id"`
}

// SetPosts puts cadres into sections from today on, out of those they were in.
func SetPosts(ctx context.Context, tx *db.Tx, posts []Post) error {
	for some := range slices.Chunk(posts, atOnce) {
		if err := endPosts(ctx, tx, some, calendar.DayOf(tx.Now)); err != nil {
			return err
		}
		if err := insertPosts(ctx, tx, some, calendar.DayOf(tx.Now)); err != nil {
			return err
		}
	}
	return nil
}

// UnsetPost takes p back, which SetPosts set on a day by mistake: the cadre is in the section before again (0: in none),
// as if they had never left. Where they have been sent since they stay.
func UnsetPost(ctx context.Context, tx *db.Tx, p Post, day calendar.Day, before org.UnitID) error {
	dropped, err := dropPost(ctx, tx, p, day)
	if err != nil || !dropped || before == 0 {
		return err
	}
	was := Post{PersonID: p.PersonID, Section: before}
	reopened, err := reopenPost(ctx, tx, was, day)
	if err != nil || reopened {
		return err
	}
	return insertPosts(ctx, tx, []Post{was}, day)
}

// Remove takes entries out of the roster that came in by mistake, and persons of whom nothing else is left; a person
// whom something refers to makes it fail (db.IsReferenced).
func Remove(ctx context.Context, tx *db.Tx, entries []ID, persons []org.PersonID) error {
	for some := range slices.Chunk(entries, 500) {
		if err := deleteMembers(ctx, tx, some); err != nil {
			return err
		}
	}
	for some := range slices.Chunk(persons, 500) {
		if err := deletePersons(ctx, tx, some); err != nil {
			return err
		}
	}
	return nil
}
