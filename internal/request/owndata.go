package request

import (
	"context"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/say"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
)

// Asker is whose receipt as shows.
func (as As) Asker() AskerID { return as.asker }

// mostOwn is how many needs of one person a pack of their data holds.
const mostOwn = 500

// A contacted row is one of those whom requests are for, with what they left.
type contacted struct {
	ID      AskerID `db:"id"`
	Request ID      `db:"request_id"`
	Door    *int64  `db:"door_id"` // where a member heard them
	Open    bool    `db:"is_open"`
	Index   *int64  `db:"phone_index"`
	Who     []byte  `db:"address_sealed"`
	Phone   []byte  `db:"phone_sealed"`
}

// contactedColumns are those of a contacted. Anybody can type a form of address and a number, so the door is told only of
// somebody whose own words they are, where a member wrote them down at that door.
const contactedColumns = `
	SELECT a.id, a.request_id, r.is_open, a.phone_index, a.address_sealed, a.phone_sealed,
	       CASE WHEN a.receipt_hash = r.receipt_hash AND r.channel IN ('told_member', 'visit') THEN r.premises_id END AS door_id
	FROM request_asker a
	JOIN request r ON r.id = a.request_id`

// askersOf are the rows of one subject: those that they follow signed in, or the one whose receipt they show, and with it
// what a member heard at the same door under the same form of address and number. Families share numbers, so the number
// alone is nobody; and whoever was heard nowhere has shown no more than that they hold their own receipt.
func (s *Service) askersOf(ctx context.Context, q db.Queryer, of privacy.Subject) (rows []contacted, err error) {
	if of.Person != 0 {
		err = q.Select(ctx, &rows, contactedColumns+`
			WHERE a.person_id = ?
			ORDER BY a.id DESC
			LIMIT ?`, of.Person, mostOwn)
		return rows, db.Wrap(err, nil, "find the needs of person %d", of.Person)
	}
	var one contacted
	if err := q.Get(ctx, &one, contactedColumns+` WHERE a.id = ?`, of.Asker); err != nil {
		return nil, db.Wrap(err, nil, "find asker %d", of.Asker)
	}
	if one.Index == nil || one.Who == nil || one.Door == nil {
		return []contacted{one}, nil
	}
	var all []contacted
	if err := q.Select(ctx, &all, contactedColumns+`
		WHERE a.phone_index = ?
		ORDER BY a.id DESC
		LIMIT ?`, *one.Index, mostOwn); err != nil {
		return nil, db.Wrap(err, nil, "find the other needs of asker %d", of.Asker)
	}
	who, phone, err := s.leftBy(one)
	if err != nil {
		return nil, err
	}
	for _, a := range all {
		if a.Door == nil || *a.Door != *one.Door {
			continue
		}
		w, p, err := s.leftBy(a)
		if err != nil {
			return nil, err
		}
		if w == who && p == phone {
			rows = append(rows, a)
		}
	}
	return rows, nil
}

func (s *Service) leftBy(a contacted) (who, phone string, err error) {
	if who, err = s.keys.Open(sealed.Personal, "request_asker", "address_sealed", int64(a.ID), a.Who); err != nil {
		return "", "", err
	}
	phone, err = s.keys.Open(sealed.Personal, "request_asker", "phone_sealed", int64(a.ID), a.Phone)
	return who, phone, err
}

// A Left is what somebody left with a need: under which form of address and number, and at which door a member heard it.
type Left struct {
	Who      string
	Phone    string
	Premises int64 // 0: at none
}

// Left is what a subject has left with their needs: by it other packages know what is theirs.
func (s *Service) Left(ctx context.Context, q db.Queryer, of privacy.Subject) (all []Left, err error) {
	rows, err := s.askersOf(ctx, q, of)
	if err != nil {
		return nil, err
	}
	for _, a := range rows {
		var l Left
		if a.Door != nil {
			l.Premises = *a.Door
		}
		if l.Who, l.Phone, err = s.leftBy(a); err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

// A Following is a need that somebody who has signed in asks about at a door.
type Following struct {
	Person  org.PersonID `db:"person_id"`
	Request ID           `db:"request_id"`
}

// FollowedAt are the open needs of a door with those whose words they are and who have signed in: whoever follows them
// besides lives elsewhere, and so does who told one before others moved in.
func FollowedAt(ctx context.Context, q db.Queryer, premises int64) (all []Following, err error) {
	err = q.Select(ctx, &all, `
		SELECT a.person_id, MAX(r.id) AS request_id
		FROM premises p
		JOIN request r ON r.premises_id = p.id
		JOIN request_asker a ON a.request_id = r.id AND a.receipt_hash = r.receipt_hash
		WHERE p.id = ? AND r.is_open = ? AND (p.left_at IS NULL OR r.happened_at >= p.left_at)
		  AND a.person_id IS NOT NULL
		GROUP BY a.person_id
		ORDER BY a.person_id`, premises, true)
	return all, db.Wrap(err, nil, "find who asks for something at door %d", premises)
}

// OwnData is what requests hold of a subject, a section a need: their own words, what they were told, and who opened it.
func (s *Service) OwnData(ctx context.Context, by org.Actor, of privacy.Subject) (sections []privacy.Section, err error) {
	rows, err := s.askersOf(ctx, s.db, of)
	if err != nil {
		return nil, err
	}
	for _, a := range rows {
		p, err := s.Page(ctx, Reader{As: As{by: by, asker: a.ID, request: a.Request}, Lang: say.Chinese})
		if err != nil {
			return nil, err
		}
		who, _, err := s.leftBy(a)
		if err != nil {
			return nil, err
		}
		sections = append(sections, p.section(who))
	}
	return sections, nil
}

func (p ReceiptPage) section(who string) privacy.Section {
	s := privacy.Section{Title: "诉求 " + p.Receipt.String()}
	add := func(label, text string) {
		if text != "" {
			s.Items = append(s.Items, privacy.Held{Label: label, Text: text})
		}
	}
	add("称呼", who)
	add("回电号码", p.Phone.Reveal())
	add("您说的", p.What)
	add("办理情况", p.Now)
	for _, step := range p.Steps {
		add(step.At.In(calendar.Shanghai).Format("2006-01-02 15:04")+" "+step.Words, step.Text)
	}
	for _, v := range p.Views {
		add("谁看过", v.At.In(calendar.Shanghai).Format("2006-01-02 15:04")+" "+string(v.Role)+" "+v.Purpose+" "+v.Reason)
	}
	return s
}

// Forgettable is what can be forgotten of a subject before its time: the contact of needs that are over. An open one
// needs it still.
func (s *Service) Forgettable(ctx context.Context, q db.Queryer, of privacy.Subject) ([]privacy.Erasure, error) {
	rows, err := s.askersOf(ctx, q, of)
	if err != nil {
		return nil, err
	}
	gone := privacy.Erasure{Class: "asker_contact", ErasedAt: db.NowOf(q)}
	for _, a := range rows {
		if !a.Open {
			gone.IDs = append(gone.IDs, int64(a.ID))
		}
	}
	if len(gone.IDs) == 0 {
		return nil, nil
	}
	return []privacy.Erasure{gone}, nil
}
