package member

import (
	"context"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
)

// OwnData is what is held of a person: name, number, roles, and who opened the entry of the roster, for themselves.
func OwnData(ctx context.Context, q db.Queryer, person org.PersonID) (privacy.Section, error) {
	s := privacy.Section{Title: "本人登记"}
	var row struct {
		Name  []byte `db:"name_sealed"`
		Phone []byte `db:"phone_sealed"`
	}
	if err := q.Get(ctx, &row, `SELECT name_sealed, phone_sealed FROM person WHERE id = ?`, person); err != nil {
		return s, db.Wrap(err, problem.ErrNotFound, "find person %d", person)
	}
	value := func(column string, cipher []byte) privacy.Value {
		return privacy.Value{Field: column, Class: sealed.Personal, Table: "person", Column: column, ID: int64(person), Cipher: cipher}
	}
	plain, err := privacy.Plain(q, value("name_sealed", row.Name), value("phone_sealed", row.Phone))
	if err != nil {
		return s, err
	}
	for i, label := range []string{"姓名", "电话"} {
		if plain[i] != "" {
			s.Items = append(s.Items, privacy.Held{Label: label, Text: plain[i]})
		}
	}
	roles, err := org.AssignmentsOf(ctx, q, person, calendar.DayOf(db.NowOf(q)))
	if err != nil {
		return s, err
	}
	for _, r := range roles {
		s.Items = append(s.Items, privacy.Held{Label: "任职", Text: r.UnitName + " " + string(r.Role)})
	}
	opened, err := accessesTo(ctx, q, person, page.Page{At: db.NowOf(q), ID: 1<<63 - 1, Size: 100})
	if err != nil {
		return s, err
	}
	for _, a := range opened {
		role := ""
		if a.Role != nil {
			role = *a.Role
		}
		s.Items = append(s.Items, privacy.Held{
			Label: "谁看过", Text: a.At.In(calendar.Shanghai).Format("2006-01-02 15:04") + " " + role + " " + a.Reason,
		})
	}
	return s, nil
}
