package seed

import (
	"slices"

	"wanjia/internal/household"
	"wanjia/internal/org"
	"wanjia/internal/request"
)

// What homes have agreed to, and what is known of them (domain.md §12).
const (
	riskConsents = 400
	careFlags    = 180
	soonOver     = 6 // flags that end within 14 days
	flagsInTen   = 4 // of area 10 of 瑞和社区 (S17)
)

// agreedInXingwu is how many homes of each area of 杏坞村 want to be called at in heavy rain (S2).
var agreedInXingwu = []int{6, 9, 8}

// wording is the version of the text that was read out.
const wording = "2026-01"

// care are the homes that agreed to be called at in dangerous weather, and those that help may be offered to.
func (p *teller) care(t *town) {
	_, others := lived(t)
	xl, rh := t.place("xl"), t.place("rh")
	left := riskConsents
	for i, a := range xl.areas {
		left -= agreedInXingwu[i]
		p.agree(a, p.some(a, agreedInXingwu[i], i == 1))
	}
	for _, a := range others {
		if n := min(left, 2); n > 0 {
			left -= n
			p.agree(a, p.some(a, n, false))
		}
	}
	p.flag(xl.areas[1], p.some(xl.areas[1], 1, true), 0, false)
	p.roof(xl.areas[1])
	for n, door := range p.some(rh.areas[9], flagsInTen, false) {
		p.flag(rh.areas[9], []household.ID{door}, n+1, false)
	}
	for n := range careFlags - 1 - flagsInTen {
		a := others[n%len(others)]
		p.flag(a, p.some(a, 1, false), n+1+flagsInTen, n < soonOver)
	}
}

// some are n doors of an area, spread over it; in 二片区 of 杏坞村 the first is 2-31.
func (p *teller) some(a area, n int, roof bool) (ids []household.ID) {
	clock(p.tx, p.asOf, 0, 0)
	all := p.doors(a)
	if p.err != nil {
		return nil
	}
	if roof {
		i := slices.IndexFunc(all, func(h household.Household) bool { return h.Door == "2-31" })
		ids = append(ids, all[i].ID)
	}
	for i := 0; len(ids) < n; i++ {
		if id := all[(2+i*5)%len(all)].ID; !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// roof is a home in 二片区 that is promised a look at its roof on the day of the demo (S2).
func (p *teller) roof(a area) {
	clock(p.tx, p.asOf.Add(-2), 18, 40)
	by, all := p.holder(a.household, org.RoleAreaHolder), p.doors(a)
	p.try(func() error {
		_, err := p.needs.Promise(p.ctx, p.tx, by, request.NewPromise{
			DueOn: p.asOf, Text: "再来看看屋顶补得牢不牢", Premises: int64(all[len(all)-1].ID),
		})
		return err
	})
}

// agree writes down that homes want to be called at when the weather is dangerous.
func (p *teller) agree(a area, homes []household.ID) {
	for n, id := range homes {
		clock(p.tx, p.asOf.Add(-200+n), 19, 10*n%60)
		by := p.holder(a.household, org.RoleAreaHolder)
		p.try(func() error {
			_, err := p.homes.Consent(p.ctx, p.tx, by, household.NewConsent{
				Household: id, Purpose: household.RiskVisit, Wording: wording, Channel: "in_person",
			})
			return err
		})
	}
}

// flag writes down that homes agreed to be looked after, and why: n is the number of the flag. One that is soon over
// ends within 14 days.
func (p *teller) flag(a area, homes []household.ID, n int, soon bool) {
	kinds := []household.FlagKind{"veteran", "living_alone", "low_income"}
	sources := map[household.FlagKind]string{"veteran": "veterans_service", "living_alone": "visit", "low_income": "civil_affairs"}
	purposes := []string{"节日走访，问问缺什么", "每周看一次，帮着换灯泡、取药", "告诉他能办的补助，陪着去办"}
	for _, id := range homes {
		clock(p.tx, p.asOf.Add(-40-n%120), 19, n%60)
		by, kind := p.holder(a.household, org.RoleAreaHolder), kinds[n%len(kinds)]
		ends := p.asOf.Add(180 + n%20) // that of S2 is shown in August
		if soon {
			ends = p.asOf.Add(4 + 2*(n%soonOver))
		}
		p.try(func() error {
			_, err := p.homes.Consent(p.ctx, p.tx, by, household.NewConsent{
				Household: id, Purpose: household.CareVisit, Wording: wording, Channel: "in_person",
			})
			return err
		})
		p.try(func() error {
			_, err := p.homes.Flag(p.ctx, p.tx, by, household.NewFlag{
				Household: id, Kind: kind, Source: sources[kind], Purpose: purposes[n%len(purposes)], ExpiresOn: ends,
			})
			return err
		})
	}
}
