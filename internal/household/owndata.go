package household

import (
	"context"
	"slices"
	"time"

	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/privacy"
	"wanjia/internal/request"
)

// mostHeld is how many visits and openings of a home a pack of somebody's own data names, the newest first.
const mostHeld = 500

// What a pack of own data calls things.
var (
	resultWords = map[Result]string{
		AllWell: "一切安好", Needs: "有需要", NotHome: "无人在家", Declined: "谢绝走访", Unable: "未能办成",
	}
	purposeWords = map[ConsentPurpose]string{CareVisit: "关怀走访", RiskVisit: "恶劣天气走访"}
)

// OwnData is what is kept of the homes that a subject is the contact of, a section a home: how they are called, what they
// agreed to, when somebody came, what help they may be offered, and who opened any of it (X46). Whoever else lives there is
// somebody else, so a home is a subject's own only under the very form of address and number that a member heard from them at
// that door: what people type nobody has looked at. What a member wrote down beside a visit or a flag stays out, for it may
// speak of others behind the same door, and so does what was before those who lived there have moved out.
func (s *Service) OwnData(ctx context.Context, of privacy.Subject) (sections []privacy.Section, err error) {
	left, err := s.requests.Left(ctx, s.db, of)
	if err != nil {
		return nil, err
	}
	for _, id := range doorsOf(left) {
		c, err := readContact(ctx, s.db, id)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(left, func(l request.Left) bool { return c.isOf(l, id) }) {
			continue
		}
		one, err := s.held(ctx, id, c)
		if err != nil {
			return nil, err
		}
		sections = append(sections, one)
	}
	return sections, nil
}

// isOf says whether c is the contact of whoever left l at this door.
func (c Contact) isOf(l request.Left, id ID) bool {
	return l.Premises == int64(id) && l.Who != "" && l.Who == c.FormOfAddress.Reveal() && l.Phone == c.Phone.Reveal()
}

// doorsOf are the doors at which something was left.
func doorsOf(left []request.Left) (ids []ID) {
	for _, l := range left {
		if l.Premises != 0 && !slices.Contains(ids, ID(l.Premises)) {
			ids = append(ids, ID(l.Premises))
		}
	}
	slices.Sort(ids)
	return ids
}

// held is what is kept of one home.
func (s *Service) held(ctx context.Context, id ID, c Contact) (one privacy.Section, err error) {
	entrance, door, err := doorName(ctx, s.db, id)
	if err != nil {
		return one, err
	}
	one.Title = "住户 " + entrance + " " + door
	add := func(label, text string) {
		if text != "" {
			one.Items = append(one.Items, privacy.Held{Label: label, Text: text})
		}
	}
	add("称呼", c.FormOfAddress.Reveal())
	add("电话", c.Phone.Reveal())
	today := calendar.DayOf(s.db.Now())
	muted, err := mutes(ctx, s.db, []ID{id}, today)
	if err != nil {
		return one, err
	}
	add("暂不走访", string(muted[id]))
	agreed, err := consents(ctx, s.db, id)
	if err != nil {
		return one, err
	}
	for _, c := range agreed {
		word := "不同意"
		if c.Holds(today) {
			word = "同意"
		}
		add(purposeWords[c.Purpose], word+" "+string(c.From))
	}
	flags, err := s.ownFlags(ctx, id)
	if err != nil {
		return one, err
	}
	one.Items = append(one.Items, flags...)
	left, err := leftAt(ctx, s.db, id)
	if err != nil {
		return one, err
	}
	others := func(at time.Time) bool { return left != nil && at.Before(*left) } // who lived there then
	visits, err := visitsAt(ctx, s.db, id)
	if err != nil {
		return one, err
	}
	for _, v := range slices.DeleteFunc(visits, func(v Visit) bool { return others(v.HappenedAt) }) {
		add("走访", minute(v.HappenedAt)+" "+resultWords[v.Result])
	}
	opened, err := openingsSince(ctx, s.db, id, left)
	if err != nil {
		return one, err
	}
	for _, o := range opened {
		add("应急查看", minute(o.OpenedAt)+" "+o.UnitName+" "+string(o.Role)+" "+o.Reason)
	}
	seen, err := viewsAt(ctx, s.db, id)
	if err != nil {
		return one, err
	}
	for _, v := range slices.DeleteFunc(seen, func(v view) bool { return others(v.At) }) {
		add("谁看过", minute(v.At)+" "+string(v.Role)+" "+v.Purpose+" "+v.Reason)
	}
	return one, nil
}

// openingsSince are the openings of a home by break-glass since those who lived there before have moved out.
func openingsSince(ctx context.Context, q db.Queryer, id ID, left *time.Time) ([]privacy.Opening, error) {
	opened, err := privacy.OpeningsOf(ctx, q, privacy.HouseholdFlags, int64(id))
	return slices.DeleteFunc(opened, func(o privacy.Opening) bool { return left != nil && o.OpenedAt.Before(*left) }), err
}

// minute is at as people read it.
func minute(at time.Time) string { return at.In(calendar.Shanghai).Format("2006-01-02 15:04") }
