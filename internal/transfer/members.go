package transfer

import (
	"encoding/json"

	"wanjia/internal/member"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/platform/sheet"
)

// A correction is a change of an entry that is there.
type correction struct {
	entry  member.Known
	status member.Status
	since  calendar.Day
}

// A post is a section that a cadre is to work in: of a person who is known, or of the one who joins at that place of
// the plan.
type post struct {
	person  org.PersonID
	joins   int
	made    bool // the person
	section org.UnitID
}

// postBefore is where a cadre was, where they were sent, and the day of the change.
type postBefore struct {
	Section org.UnitID   `json:"section"` // 0: in none
	To      org.UnitID   `json:"to"`
	Day     calendar.Day `json:"day"`
}

// statuses are the words for what kind of member somebody is.
var statuses = map[string]member.Status{
	"正式党员": member.Full, "正式": member.Full, string(member.Full): member.Full,
	"预备党员": member.Probationary, "预备": member.Probationary, string(member.Probationary): member.Probationary,
}

// A claim is what a row of a roster says, understood.
type claim struct {
	row     *Row
	name    string
	phone   sealed.Phone
	home    *node
	status  member.Status
	since   calendar.Day
	section org.UnitID
}

// who is what names a person in a file.
type who struct {
	name  string
	phone string
}

// planMembers says what rows of a roster come to.
func (p *plan) planMembers(rows []*Row) {
	known := map[who][]member.Known{}
	for _, k := range p.there.known {
		w := who{k.Name.Reveal(), k.Phone.Reveal()}
		known[w] = append(known[w], k)
	}
	seen := map[who]bool{}
	claims := make([]claim, 0, len(rows))
	for _, r := range rows {
		c := p.understand(r)
		if w := (who{c.name, c.phone.Reveal()}); c.name != "" && !c.phone.Empty() {
			if seen[w] {
				r.fault("", errTwice)
			}
			seen[w] = true
		}
		claims = append(claims, c)
	}
	unclaimed := map[org.UnitID]map[string]bool{} // names in a roster that no row speaks of
	for _, k := range p.there.known {
		if k.ID != 0 && !seen[who{k.Name.Reveal(), k.Phone.Reveal()}] {
			if unclaimed[k.Home] == nil {
				unclaimed[k.Home] = map[string]bool{}
			}
			unclaimed[k.Home][k.Name.Reveal()] = true
		}
	}
	for _, c := range claims {
		if len(c.row.Faults) > 0 {
			c.row.settle(Refused)
			continue
		}
		c.row.settle(p.planMember(c, known[who{c.name, c.phone.Reveal()}], unclaimed[c.home.party.ID][c.name]))
	}
}

// understand reads what r says.
func (p *plan) understand(r *Row) (c claim) {
	c.row, c.name = r, r.cell(colName)
	if text := r.cell(colPhone); text != "" {
		phone, err := sealed.ParsePhone(sheet.Digits(text))
		if err != nil {
			r.fault(colPhone, sealed.ErrPhone)
		}
		c.phone = phone
	}
	if r.cell(colHome) != "" {
		if c.home = p.find(r, colHome); c.home != nil && !member.IsHome(c.home.party) {
			r.fault(colHome, member.ErrHome)
		}
	}
	if text := r.cell(colStatus); text != "" {
		var ok bool
		if c.status, ok = statuses[text]; !ok {
			r.fault(colStatus, errValue)
		}
	}
	if text := r.cell(colSince); text != "" {
		day, ok := sheet.Day(text)
		c.since = calendar.Day(day)
		switch {
		case !ok:
			r.fault(colSince, errDay)
		case c.status == member.Probationary, c.since > p.today:
			r.fault(colSince, member.ErrSince)
		}
	}
	if name := r.cell(colSection); name != "" {
		switch found := p.there.sections[name]; len(found) {
		case 0:
			r.fault(colSection, errUnit)
		case 1:
			c.section = found[0].ID
		default:
			r.fault(colSection, errAmbiguous)
		}
	}
	return c
}

// planMember says what c comes to; known are those of its name and phone, and namesake says that somebody else in that
// roster has the name.
func (p *plan) planMember(c claim, known []member.Known, namesake bool) Outcome {
	switch {
	case len(known) > 1:
		c.row.fault("", errTwins)
		return Refused
	case len(known) == 1 && known[0].ID != 0 && known[0].Home != c.home.party.ID:
		c.row.fault(colHome, errElsewhere)
		return Refused
	case len(known) == 0 && namesake:
		c.row.fault(colName, errNamesake)
		return Refused
	case len(known) == 1 && known[0].ID != 0:
		return p.compare(c, known[0])
	}
	j := member.Joining{
		New: member.New{Name: c.name, Phone: c.phone.Reveal()}, Home: c.home.party, Status: c.status, Since: c.since,
	}
	if len(known) == 1 {
		j.PersonID = known[0].PersonID
	} else {
		p.people++
	}
	p.joining = append(p.joining, j)
	if c.section != 0 && (j.PersonID == 0 || p.there.posts[j.PersonID] != c.section) {
		p.posts = append(p.posts, post{person: j.PersonID, joins: len(p.joining) - 1, section: c.section})
	}
	return New
}

// compare says what c changes of an entry. What a file leaves out stays as it is.
func (p *plan) compare(c claim, entry member.Known) Outcome {
	outcome, since := Same, c.since
	if since == "" && c.status == member.Full {
		since = entry.Since
	}
	if c.status != entry.Status || since != entry.Since {
		p.corrections = append(p.corrections, correction{entry, c.status, since})
		outcome = Changed
	}
	if c.section != 0 && p.there.posts[entry.PersonID] != c.section {
		p.posts = append(p.posts, post{person: entry.PersonID, section: c.section})
		outcome = Changed
	}
	return outcome
}

// before is an entry as it was, to be put back.
type before struct {
	Status  member.Status `json:"status"`
	Since   calendar.Day  `json:"since"`
	Version int64         `json:"version"` // the one that the import left
}

// text is v as it is sealed.
func text(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}
