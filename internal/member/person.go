// Package member keeps the people: who they are, what is known of them, and how that is shown.
package member

import (
	"context"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/sealed"
)

// New is what there is to know of a person to be.
type New struct {
	Name  string
	Phone string // of a mobile, in any usual spelling; "": none is known
}

// Add makes a person. Name and phone are sealed to their row, so the row comes first.
func Add(ctx context.Context, tx *db.Tx, keys *sealed.Keys, n New) (org.PersonID, error) {
	id, err := insertPerson(ctx, tx)
	if err != nil {
		return 0, err
	}
	name, err := keys.Seal(sealed.Personal, "person", "name_sealed", int64(id), n.Name)
	if err != nil {
		return 0, err
	}
	var phone []byte
	var index *int64
	if n.Phone != "" {
		p, err := sealed.ParsePhone(n.Phone)
		if err != nil {
			return 0, err
		}
		if phone, err = keys.Seal(sealed.Personal, "person", "phone_sealed", int64(id), p.Reveal()); err != nil {
			return 0, err
		}
		i := keys.PhoneIndex(p.Reveal())
		index = &i
	}
	return id, sealPerson(ctx, tx, id, name, phone, index)
}

// named are the roles that one has under one's name: of a secretary name and post are public, of everybody else
// nothing is until they agree to more (E4). Holders of areas are reached through the look-up of contacts (C6).
var named = map[org.Role]bool{
	org.RoleGridSecretary: true, org.RoleGeneralSecretary: true, org.RoleBranchSecretary: true, org.RoleCommitteeSecretary: true,
}

// Names are what people are called on a screen: by their name if they are a secretary today, else masked (周**).
// Whoever is not there has none.
func Names(ctx context.Context, q db.Queryer, ids ...org.PersonID) (map[org.PersonID]string, error) {
	names := make(map[org.PersonID]string, len(ids))
	if len(ids) == 0 {
		return names, nil
	}
	rows, err := personsNamed(ctx, q, ids)
	if err != nil {
		return nil, err
	}
	known, err := rolesOf(ctx, q, ids, calendar.DayOf(db.NowOf(q)))
	if err != nil {
		return nil, err
	}
	keys := sealed.Of(q)
	for _, r := range rows {
		if keys == nil || r.Name == nil {
			names[r.ID] = ""
			continue
		}
		text, err := keys.Open(sealed.Personal, "person", "name_sealed", int64(r.ID), r.Name)
		if err != nil {
			return nil, err
		}
		names[r.ID] = sealed.NameOf(text).Masked()
		for _, role := range known[r.ID] {
			if named[role] {
				names[r.ID] = text
			}
		}
	}
	return names, nil
}
