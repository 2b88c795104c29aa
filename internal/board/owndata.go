package board

import (
	"context"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/privacy"
)

// OwnData is what is kept here of a person, for themselves: what they chose to show, their plaques, and the pictures and
// stories that they are shown in.
func OwnData(ctx context.Context, q db.Queryer, person org.PersonID) (privacy.Section, error) {
	s := privacy.Section{Title: "公示与影像"}
	profiles, err := profilesOf(ctx, q, []org.PersonID{person})
	if err != nil {
		return s, err
	}
	p := profiles[person]
	for _, c := range []struct {
		label string
		shown bool
	}{{"公开姓名", p.ShowsName}, {"公开服务事项", p.ShowsItems}, {"公开照片", p.ShowsPortrait}, {"公开电话", p.ShowsPhone}} {
		s.Items = append(s.Items, privacy.Held{Label: c.label, Text: map[bool]string{true: "是", false: "否"}[c.shown]})
	}
	for _, it := range p.Items {
		s.Items = append(s.Items, privacy.Held{Label: "服务事项", Text: it.Text})
	}
	plaques, err := listOwnPlaques(ctx, q, org.Actor{PersonID: person}, calendar.DayOf(db.NowOf(q)))
	if err != nil {
		return s, err
	}
	for _, x := range plaques {
		s.Items = append(s.Items, privacy.Held{Label: "户标牌", Text: string(x.State) + " " + x.building() + " " + x.door()})
	}
	for _, in := range []string{inMedia, inPublication} {
		titles, err := titlesOf(ctx, q, person, in)
		if err != nil {
			return s, err
		}
		for _, title := range titles {
			s.Items = append(s.Items, privacy.Held{Label: map[string]string{inMedia: "有我的照片", inPublication: "写到我的故事"}[in], Text: title})
		}
	}
	return s, nil
}
