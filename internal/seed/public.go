package seed

import (
	"wanjia/internal/board"
	"wanjia/internal/org"
	"wanjia/internal/privacy"
)

// offers are what the holders of 杏坞村 say that they help with.
var offers = [][]string{
	{"代办证明、跑腿送材料", "调解邻里小事"},
	{"代办证明、跑腿送材料", "帮老人用手机", "房前屋后隐患上报"},
	{"农忙帮工联络", "用水用电报修"},
}

// public is what is shown: the three boards of 杏坞村, which say what their holders have agreed to and wait to be published,
// and the plaques of the holders of 张家屯, the first of whom shows the door.
func (p *teller) public(t *town) {
	p.boards(t)
	p.plaques(t)
}

func (p *teller) plaques(t *town) {
	zj := t.place("zj")
	for i, a := range zj.areas {
		clock(p.tx, p.asOf.Add(-50), 9, i)
		secretary, by := p.holder(zj.party, org.RoleBranchSecretary), p.holder(a.household, org.RoleAreaHolder)
		doors := p.doors(a)
		p.try(func() error {
			return board.HangPast(p.ctx, p.tx, secretary, by, zj.party.ID, int64(doors[i].ID), i == 0)
		})
	}
}

func (p *teller) boards(t *town) {
	xl := t.place("xl")
	clock(p.tx, p.asOf.Add(-60), 9, 0)
	secretary := p.holder(xl.party, org.RoleBranchSecretary)
	for i, a := range xl.areas {
		by := p.holder(a.household, org.RoleAreaHolder)
		p.try(func() error {
			if err := privacy.Agree(p.ctx, p.tx, by, privacy.ForBoard); err != nil {
				return err
			}
			choice := board.Profile{PersonID: by.PersonID, ShowsName: true, ShowsItems: true}
			for _, text := range offers[i] {
				choice.Items = append(choice.Items, board.Item{Text: text})
			}
			if err := board.SaveProfile(p.ctx, p.tx, choice); err != nil {
				return err
			}
			_, err := board.Make(p.ctx, p.tx, secretary, int64(xl.boards[i]), xl.unit.ID, a.unit.ID)
			return err
		})
	}
}
