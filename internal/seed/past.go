package seed

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/google/uuid"

	"wanjia/internal/campaign"
	"wanjia/internal/checkin"
	"wanjia/internal/household"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/request"
)

// A teller tells of the year before asOf, each act at its own time and by whoever did it; it does nothing after its
// first error. What scenarios act on (spoken) it leaves out of the last month.
type teller struct {
	ctx      context.Context
	tx       *db.Tx
	keys     *sealed.Keys
	asOf     calendar.Day
	calendar *calendar.Calendar
	crowd    *crowd
	homes    *household.Service
	needs    *request.Service
	sites    *checkin.Service
	told     int      // acts so far
	place    org.Unit // where the visits of the moment are
	err      error
}

// The counts of a year (domain.md §12): 200 rounds of 12 doors are 2,400 visits, and each puts its visitor on duty
// for a day; with 3 days of each instructor and area cadre that makes 320.
const (
	year        = 364
	roundsAYear = 200
	doorsARound = 12
	daysOnDuty  = 3
	lateRounds  = 12 // the last ones find a need each
)

func newTeller(ctx context.Context, tx *db.Tx, d *db.DB, keys *sealed.Keys, holidays *calendar.Calendar, c *crowd, asOf calendar.Day) *teller {
	p := &teller{
		ctx: ctx, tx: tx, keys: keys, asOf: asOf, calendar: holidays, crowd: c,
		needs: request.NewService(d, keys, nil, holidays, nil),
		sites: checkin.NewService(d, checkin.SealedKeys(keys), nil),
	}
	p.homes = household.NewService(d, keys, nil, p.needs, func(ctx context.Context, tx *db.Tx, by org.Actor, v household.Visit) error {
		return checkin.ByAct(ctx, tx, by, p.place, v.HappenedAt, "visit:"+v.ClientRef)
	})
	return p
}

// tell tells it all.
func (p *teller) tell(t *town) error {
	p.contacts(t)
	p.rounds(t)
	p.duty(t)
	p.requests(t)
	p.solved(t)
	p.cards(t)
	p.care(t)
	p.campaigns(t)
	p.public(t)
	clock(p.tx, p.asOf, 0, 0)
	p.try(func() error { return request.Settle(p.ctx, p.tx) })
	return p.err
}

// try runs f unless something has failed.
func (p *teller) try(f func() error) {
	if p.err == nil {
		p.err = f()
	}
}

// ref is the clientRef of the next act: another for each, the same for the same story.
func (p *teller) ref() string {
	p.told++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", p.asOf, p.told))
	id := uuid.UUID(sum[:16])
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // version 4
	return id.String()
}

// holder is whoever has a role in a unit at the moment.
func (p *teller) holder(unit org.Unit, role org.Role) (by org.Actor) {
	p.try(func() error {
		in, err := org.PersonsIn(p.ctx, p.tx, unit.ID, role, calendar.DayOf(p.tx.Now))
		if err != nil || len(in) == 0 {
			return fmt.Errorf("nobody is %s of %s, error %w", role, unit.Name, err)
		}
		by, err = org.ActorOf(p.ctx, p.tx, in[0].Person, in[0].Assignment, p.tx.Now)
		return err
	})
	return by
}

// doors are those of an area.
func (p *teller) doors(a area) (all []household.Household) {
	p.try(func() (err error) {
		all, err = household.DoorsOfArea(p.ctx, p.tx, a.unit.ID, calendar.DayOf(p.tx.Now))
		return err
	})
	return all
}

// spoken says whether scenarios act on the n-th area of a place, counted from 0.
func spoken(p *place, n int) bool {
	return p.key == "xl" || p.key == "zj" || p.key == "rh" && (n == 2 || n == 9 || n == 11)
}

// lived are the areas where people live: those spoken of, then the others, in an order that mixes places.
func lived(t *town) (first, others []area) {
	for _, p := range t.places {
		for i, a := range p.areas {
			switch {
			case p.unit.Kind == org.BusinessDistrict:
			case spoken(p, i):
				first = append(first, a)
			default:
				others = append(others, a)
			}
		}
	}
	const stride = 7
	mixed := make([]area, 0, len(others))
	for start := range stride {
		for i := start; i < len(others); i += stride {
			mixed = append(mixed, others[i])
		}
	}
	return first, mixed
}

// contacts are how some homes want to be called: four of each area of 瑞和社区, twelve of each in 杏坞村 and 张家屯.
// The first in area 03 is r.lin's.
func (p *teller) contacts(t *town) {
	for _, c := range []struct {
		key  string
		each int
	}{{"rh", 4}, {"xl", 12}, {"zj", 12}} {
		for i, a := range t.place(c.key).areas {
			clock(p.tx, p.asOf.Add(-year), 10, 0)
			all := p.doors(a)
			for n := range c.each {
				who, phone := p.crowd.address(), p.crowd.phone()
				if c.key == "rh" && i == 2 && n == 0 {
					who, phone = "林女士", p.crowd.lin
				}
				p.try(func() error {
					contact := household.Contact{FormOfAddress: sealed.NameOf(who), Phone: sealed.PhoneOf(phone)}
					_, err := household.SaveContact(p.ctx, p.tx, p.keys, all[n*len(all)/c.each].ID, contact)
					return err
				})
			}
		}
	}
}

// rounds are evenings on which holders called at twelve doors of their area, the oldest first.
func (p *teller) rounds(t *town) {
	first, others := lived(t)
	areas := append(first, others...)[:roundsAYear]
	for r, a := range areas {
		day := p.asOf.Add(-year + r*(year-1)/(roundsAYear-1))
		clock(p.tx, day, 18, 30)
		by, all := p.holder(a.household, org.RoleAreaHolder), p.doors(a)
		p.try(func() (err error) {
			p.place, err = org.PlaceOf(p.ctx, p.tx, a.unit)
			return err
		})
		if p.err != nil {
			return
		}
		from := doorsARound * (r % (len(all) / doorsARound))
		results := []household.Result{household.NotHome, household.NotHome, household.Declined, household.Unable}
		if r >= roundsAYear-lateRounds {
			results[3] = household.Needs
		}
		for len(results) < doorsARound {
			results = append(results, household.AllWell)
		}
		p.crowd.days.Shuffle(len(results), func(i, j int) { results[i], results[j] = results[j], results[i] })
		for i, result := range results {
			clock(p.tx, day, 18, 30+7*i)
			visit := household.Account{Household: all[from+i].ID, Result: result, ClientRef: p.ref()}
			switch result {
			case household.Needs:
				visit.Needs = []request.Need{p.need(r)}
			case household.Unable:
				visit.Reason = []household.Reason{"away", "no_time", "wrong_door", "other"}[r%4]
			case household.AllWell:
				if i%6 == 0 {
					visit.Note = []string{"约好下个月再来坐坐", "问起社区活动室几点开门", "送去了新的便民服务卡"}[r%3]
				}
			case household.NotHome, household.Declined:
			}
			p.try(func() error {
				_, err := p.homes.Record(p.ctx, p.tx, by, visit)
				return err
			})
		}
	}
}

// duty are the days of instructors and area cadres at their villages, by the code of its meeting room.
func (p *teller) duty(t *town) {
	day := func(n, k int) calendar.Day {
		days := min(330, int(p.asOf.Time().Sub(programme.Time())/(24*time.Hour))-20)
		return p.calendar.OpenOrBefore(p.asOf.Add(-2 - (n*11+k*days/daysOnDuty)%days))
	}
	scan := func(host *place, n, k int, unit org.Unit, role org.Role) {
		clock(p.tx, day(n, k), 9, 5+n)
		by := p.holder(unit, role)
		p.try(func() error {
			_, err := p.sites.Scan(p.ctx, p.tx, by, host.room, p.ref())
			return err
		})
	}
	for n := 1; n <= 32; n++ {
		host := t.place(villageKey(n))
		for k := range daysOnDuty {
			scan(host, n, k, host.party, org.RoleInstructor)
		}
	}
	for n := range 8 {
		for k := range daysOnDuty { // each time at another of the four
			host := t.place(villageKey(4*n + k + 1))
			scan(host, n+40, k, host.unit, org.RoleAreaCadre)
		}
	}
}

// needsTold are what people ask for.
var needsTold = []request.Need{
	{What: "楼道灯不亮，晚上看不清台阶", Category: "general"},
	{What: "水压不足，三楼以上早晨没有水", Category: "water_supply"},
	{What: "健身器材松了，孩子爱在那儿玩", Category: "general"},
	{What: "建议活动室周末也开门", Category: "advice"},
	{What: "垃圾桶满了没有人清", Category: "general"},
	{What: "想知道老年食堂怎么报名", Category: "general"},
	{What: "单元门关不上，风大", Category: "general"},
	{What: "建议村口装一面转弯镜", Category: "advice"},
	{What: "自来水有铁锈色", Category: "water_supply"},
	{What: "快递柜挡住了坡道", Category: "general"},
}

func (p *teller) need(n int) request.Need {
	need := needsTold[n%len(needsTold)]
	need.Who = p.crowd.address()
	if n%3 == 0 {
		need.CallBack, need.Phone = request.CallPhone, p.crowd.phone()
	}
	return need
}

// requests are the needs that residents told their holders and that are open: with those of the late rounds they are
// 60 at level 1. Area 10 of 瑞和社区 has three (S17); two more ask for a travel certificate (S1).
func (p *teller) requests(t *town) {
	rh := t.place("rh")
	_, others := lived(t)
	asked := []area{rh.areas[9], rh.areas[9], rh.areas[9], rh.areas[3], rh.areas[4]}
	for n := len(asked); n < 60-lateRounds; n++ {
		asked = append(asked, others[(n*13)%len(others)])
	}
	for n, a := range asked {
		clock(p.tx, p.asOf.Add(-1-n%9), 9+n%8, 10)
		by, all, need := p.holder(a.household, org.RoleAreaHolder), p.doors(a), p.need(n)
		if a == rh.areas[9] && need.Phone == "" { // all three hear who looks after them now
			need.CallBack, need.Phone = request.CallPhone, p.crowd.phone()
		}
		if n == 3 || n == 4 {
			need.What, need.Category = "要出门务工，通行证明怎么办", "cert_travel"
		}
		id := p.open(by, a, need, n, all[n%len(all)].ID)
		if n < promisesInTen {
			p.try(func() error {
				_, err := p.needs.Promise(p.ctx, p.tx, by, request.NewPromise{
					DueOn: p.asOf.Add(3 + n), Text: []string{"周末带人来看，先装临时灯", "和物业约好了，一起上门"}[n%2], Request: id,
				})
				return err
			})
		}
	}
}

// promisesInTen are the open promises in area 10 of 瑞和社区 (S17).
const promisesInTen = 2

// open opens a need of a door.
func (p *teller) open(by org.Actor, a area, need request.Need, n int, door household.ID) (id request.ID) {
	p.try(func() (err error) {
		id, err = p.needs.Open(p.ctx, p.tx, by, request.Opening{
			Need: need, Channel: []request.Channel{request.ToldMember, request.Phone, request.Paper}[n%3],
			Unit: a.unit, Premises: int64(door), HappenedAt: p.tx.Now,
		})
		return err
	})
	return id
}

// What became of the needs that are over, and of how many of them (domain.md §12).
const (
	resolvedAtOne = 350 // where they were told
	resolvedAbove = 150
	explained     = 25
	handedOver    = 10
	withdrawn     = 5
	older         = 25 // their askers' contacts are due for erasure
)

// solved are the needs of the year that are over, and some older ones.
func (p *teller) solved(t *town) {
	_, others := lived(t)
	n := 0
	each := func(count int, tell func(n int, a area) (opened calendar.Day, end request.Closing, climb []seat)) {
		for range count {
			p.over(n, others[n*11%len(others)], tell)
			n++
		}
	}
	inYear := func(n int) calendar.Day {
		return p.asOf.Add(-360 + n*345/(resolvedAtOne+resolvedAbove+explained+handedOver+withdrawn))
	}
	each(resolvedAtOne, func(n int, _ area) (calendar.Day, request.Closing, []seat) {
		return inYear(n), resolvedBy(n), nil
	})
	each(resolvedAbove, func(n int, a area) (calendar.Day, request.Closing, []seat) {
		return inYear(n), resolvedBy(n), p.climb(t, a, n)
	})
	each(explained, func(n int, _ area) (calendar.Day, request.Closing, []seat) {
		return inYear(n), request.Closing{Kind: request.Explained, Text: "按现在的规定还办不了，已当面说明，下半年有新办法再告诉您"}, nil
	})
	each(handedOver, func(n int, a area) (calendar.Day, request.Closing, []seat) {
		opened := inYear(n)
		return opened, request.Closing{
			Kind: request.HandedOver, HandedTo: request.HandedTo{Body: "云湾供水公司", Contact: "客服窗口"}, CallBackOn: opened.Add(8),
		}, p.climbTo(a, 4)
	})
	each(withdrawn, func(n int, _ area) (calendar.Day, request.Closing, []seat) {
		return inYear(n), request.Closing{Kind: request.Withdrawn, Text: string(request.ToldMember)}, nil
	})
	each(older, func(n int, _ area) (calendar.Day, request.Closing, []seat) {
		return p.asOf.Add(-400 + n%20), resolvedBy(n), nil
	})
}

// resolvedBy is how the n-th need was solved.
func resolvedBy(n int) request.Closing {
	return request.Closing{Kind: request.Resolved, Text: []string{
		"换好了，当晚就亮了", "约了师傅，已经修好", "问清楚了，带着材料一起去办好的", "和邻居商量好了，坡道清出来了", "已经清走，加了一班",
	}[n%5]}
}

// A seat is where a need was passed on to.
type seat struct {
	unit org.Unit
	role org.Role // empty: whoever leads it
}

// climbTo is the way of a need of a to a level of its ladder.
func (p *teller) climbTo(a area, level int) (way []seat) {
	p.try(func() error {
		ladder, err := org.Ladder(p.ctx, p.tx, a.unit)
		for _, u := range ladder {
			if u.Level == level {
				way = []seat{{unit: u}}
			}
		}
		return err
	})
	return way
}

// climb is the way of the n-th need that was solved above: to a level of its ladder, or beside it to the grid assistant
// of the community or a section.
func (p *teller) climb(t *town, a area, n int) []seat {
	switch n % 8 {
	case 0, 1:
		if way := p.climbTo(a, 2); way != nil {
			return way
		}
	case 2, 3:
		if way := p.climbTo(a, 3); way != nil {
			return way
		}
	case 4:
		if way := p.climbTo(a, 3); way != nil { // in a community
			return []seat{{p.climbTo(a, 4)[0].unit, org.RoleGridAssistant}}
		}
	case 5:
		return append(p.climbTo(a, 4), p.climbTo(a, 5)...)
	case 6:
		return append(p.climbTo(a, 4), seat{unit: t.sections[n%len(t.sections)]})
	}
	return p.climbTo(a, 4)
}

// sitting is whoever acts for a seat at the moment.
func (p *teller) sitting(s seat) (by org.Actor) {
	p.try(func() error {
		day := calendar.DayOf(p.tx.Now)
		role, party := s.role, s.unit
		var in []org.Incumbent
		var err error
		if s.unit.Kind == org.Subdistrict {
			role = org.RolePartyOffice
		}
		if role == "" {
			in, err = org.LeadOf(p.ctx, p.tx, s.unit, day)
		} else if party, err = org.LinkedParty(p.ctx, p.tx, s.unit.ID, day); err == nil {
			in, err = org.PersonsIn(p.ctx, p.tx, party.ID, role, day)
		}
		if err != nil || len(in) == 0 {
			return fmt.Errorf("nobody sits at %s as %q, error %w", s.unit.Name, s.role, err)
		}
		by, err = org.ActorOf(p.ctx, p.tx, in[0].Person, in[0].Assignment, p.tx.Now)
		return err
	})
	return by
}

// over tells of a need from its opening to its end.
func (p *teller) over(n int, a area, tell func(n int, a area) (calendar.Day, request.Closing, []seat)) {
	clock(p.tx, p.asOf, 0, 0)
	opened, end, climb := tell(n, a)
	clock(p.tx, opened, 9+n%8, 5+n%50)
	by, all, need := p.holder(a.household, org.RoleAreaHolder), p.doors(a), p.need(n)
	if opened < p.asOf.Add(-366) {
		need.CallBack, need.Phone = request.CallPhone, p.crowd.phone()
	}
	id := p.open(by, a, need, n, all[n%len(all)].ID)
	at := p.tx.Now.Add(time.Duration(5+n%20) * time.Minute)
	step := func(s request.PastStep) {
		s.At = at
		p.try(func() error { return p.needs.Recount(p.ctx, p.tx, id, []request.PastStep{s}) })
		at = at.Add(time.Duration(3+n%9) * time.Hour)
	}
	step(request.PastStep{By: by, Note: []string{"到现场看了", "打过电话，约了时间", "先问清楚怎么办"}[n%3]})
	for _, s := range climb {
		step(request.PastStep{By: by, Note: "这一级办不了，请上面接着办", To: s.unit, Role: s.role})
		by = p.sitting(s)
		step(request.PastStep{By: by, Note: "接着办，已联系"})
	}
	step(request.PastStep{By: by, Closing: &end})
	if end.Kind == request.Resolved && n%5 > 0 {
		at = at.Add(20 * time.Hour)
		step(request.PastStep{By: by, Settled: true})
	}
}

// campaigns are two that are over: all 66 organisations have reported.
func (p *teller) campaigns(t *town) {
	for _, c := range []struct {
		title, body, task string
		checklist         []string
		begun             int // days before asOf
	}{
		{"入户走访月", "把每个责任区走一遍，听听大家想什么。", "走访责任区", []string{"每户门口都到过", "需要再去的记下来"}, 150},
		{"公示栏换新", "公示栏褪色的、过期的，换上新的。", "检查公示栏", []string{"联系人是现任的", "字看得清"}, 80},
	} {
		begun := p.asOf.Add(-c.begun)
		clock(p.tx, begun, 9, 0)
		by := p.holder(t.committee, org.RolePartyOffice)
		due := begun.Add(28).Time().Add(18 * time.Hour)
		p.try(func() error {
			_, err := campaign.Recount(p.ctx, p.tx, by, campaign.Past{
				Title: c.title, Body: c.body,
				Stages: []campaign.Stage{
					{Name: "部署", FromDay: begun, ToDay: begun.Add(6)},
					{Name: "办理", FromDay: begun.Add(3), ToDay: begun.Add(28)}, // stages may overlap
				},
				Task: campaign.NewTask{
					Title: c.task, Body: c.body, Checklist: c.checklist, Minutes: 60, Evidence: campaign.OptionalEvidence, DueAt: &due,
					Target: campaign.Target{Below: t.subdistrict.ID, Kinds: []org.UnitKind{
						org.Village, org.Community, org.Enterprise, org.IndustrialPark, org.BusinessDistrict, org.Office,
					}},
				},
				Begun: begun.Time().Add(9 * time.Hour),
				Report: func(n int) (string, time.Time) {
					return "已完成。", begun.Add(5 + n%20).Time().Add(time.Duration(8*60+n) * time.Minute)
				},
				Closed: begun.Add(30).Time().Add(17 * time.Hour),
			})
			return err
		})
	}
}
