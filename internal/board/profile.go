package board

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/member"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/wechat"
	"wanjia/internal/privacy"
)

// What service items refuse: a number or a day that none is, the same once more, and what is over already.
var (
	ErrItem      = problem.New(problem.Invalid, "board.item_invalid")
	ErrItemTwice = problem.New(problem.Invalid, "board.item_twice")
	ErrItemOver  = problem.New(problem.Invalid, "board.item_over")
)

// A Profile is what a member has chosen to show, between the floor, which is nothing, and the ceiling (E4). A choice
// shows only as long as its person also consents to it: the two are asked apart.
type Profile struct {
	PersonID      org.PersonID `db:"person_id"`
	ShowsName     bool         `db:"shows_name"`
	ShowsItems    bool         `db:"shows_items"`
	ShowsPhone    bool         `db:"shows_phone"`
	ShowsPortrait bool         `db:"shows_portrait"`
	Items         []Item       `db:"-"`
	ItemText      string       `db:"items"` // Items as they are stored
	Version       int64        `db:"version"`
}

// An Item (服务事项) is what somebody offers to do.
type Item struct {
	Text    string       `json:"text"`
	ValidTo calendar.Day `json:"validTo,omitempty"` // the last day; "": no end (C21)
	Unread  bool         `json:"unread,omitempty"`  // neither WeChat nor a second person has found it fit to be shown

	Returned string `json:"returned,omitempty"` // why a second person has found it unfit; it stays unread until it says something else
}

// waits is whether it is for a second person to read it.
func (it Item) waits() bool { return it.Unread && it.Returned == "" }

// check says why p cannot be kept, or nil.
func (p Profile) check() error {
	for i, it := range p.Items {
		at := "/items/" + strconv.Itoa(i) + "/"
		if err := privacy.CheckText(at+"text", it.Text); err != nil {
			return err
		}
		if privacy.MaskPhones(it.Text) != it.Text { // the number has a tick of its own
			return ErrItem.Field(at+"text", ErrItem.Code)
		}
		if it.ValidTo == "" {
			continue
		}
		if _, err := calendar.ParseDay(string(it.ValidTo)); err != nil {
			return ErrItem.Field(at+"validTo", ErrItem.Code)
		}
	}
	return nil
}

// follows says why p cannot take the place of was, the choice before it, on day, or nil: an item stands in it once, and a new
// one is not over yet.
func (p Profile) follows(was Profile, day calendar.Day) error {
	if err := asRead(was.Version, p.Version); err != nil {
		return err
	}
	for i, it := range p.Items {
		at := "/items/" + strconv.Itoa(i) + "/"
		same := func(other Item) bool { return strings.TrimSpace(other.Text) == strings.TrimSpace(it.Text) }
		if slices.ContainsFunc(p.Items[:i], same) {
			return ErrItemTwice.Field(at+"text", ErrItemTwice.Code)
		}
		kept := func(old Item) bool { return same(old) && old.ValidTo == it.ValidTo }
		if it.ValidTo != "" && it.ValidTo < day && !slices.ContainsFunc(was.Items, kept) {
			return ErrItemOver.Field(at+"validTo", ErrItemOver.Code)
		}
	}
	return nil
}

// unread is whether anything in p waits for a second person to read it.
func (p Profile) unread() bool {
	return slices.ContainsFunc(p.Items, Item.waits)
}

// unknown are the texts of p that was, the choice before it, does not hold as read already: fit or not.
func (p Profile) unknown(was Profile) (all []words) {
	for i, it := range p.Items {
		if !slices.ContainsFunc(was.Items, func(old Item) bool { return old.Text == it.Text && !old.waits() }) {
			all = append(all, words{"/items/" + strconv.Itoa(i) + "/text", it.Text})
		}
	}
	return all
}

// readBy is p with what is still unread after was, the choice before it, and what WeChat said; what it would not have shown
// is refused.
func (p Profile) readBy(said reading, was Profile) (Profile, error) {
	unknown := p.unknown(was)
	if _, err := said.passed(unknown); err != nil {
		return Profile{}, err
	}
	p.Items = slices.Clone(p.Items)
	for i, it := range p.Items {
		if slices.ContainsFunc(unknown, func(w words) bool { return w.text == it.Text }) {
			p.Items[i].Unread = said[it.Text] != wechat.Pass
			continue
		}
		old := was.Items[slices.IndexFunc(was.Items, func(old Item) bool { return old.Text == it.Text && !old.waits() })]
		p.Items[i].Unread, p.Items[i].Returned = old.Unread, old.Returned
	}
	return p, nil
}

// offered are the texts of the items of p on day, of those that were read.
func (p Profile) offered(day calendar.Day) []string {
	all := make([]string, 0, len(p.Items))
	for _, it := range p.Items {
		if !it.Unread && (it.ValidTo == "" || day <= it.ValidTo) {
			all = append(all, it.Text)
		}
	}
	return all
}

// chosen is what persons have both chosen to show and consented to, on day. Of a secretary the name is public with the
// post (E4), and nowhere else unless they choose it.
func chosen(ctx context.Context, q db.Queryer, persons []org.PersonID, day calendar.Day) (map[org.PersonID]Shown, error) {
	shown := make(map[org.PersonID]Shown, len(persons))
	if len(persons) == 0 {
		return shown, nil
	}
	consents, err := privacy.GaveOf(ctx, q, persons, privacy.ForBoard)
	if err != nil {
		return nil, err
	}
	numbers, err := privacy.GaveOf(ctx, q, persons, privacy.ForPhone)
	if err != nil {
		return nil, err
	}
	profiles, err := profilesOf(ctx, q, persons)
	if err != nil {
		return nil, err
	}
	known, err := member.InFull(ctx, q, persons...)
	if err != nil {
		return nil, err
	}
	faces, err := portraitsOf(ctx, q, persons)
	if err != nil {
		return nil, err
	}
	for _, id := range persons {
		s, p := Shown{Person: id, Items: []string{}}, profiles[id]
		if known[id].Secretary {
			s.asSecretary = known[id].Name.Reveal()
		}
		if consents[id] {
			if p.ShowsName {
				s.Name = known[id].Name.Reveal()
			}
			if p.ShowsItems {
				s.Items = p.offered(day)
			}
			s.Portrait = faces[id].ID
			if p.ShowsPhone && numbers[id] {
				s.Phone = known[id].Phone.Reveal()
			}
		}
		shown[id] = s
	}
	return shown, nil
}

// OwnProfile is what by has chosen, and what is shown of it now.
func (s *Service) OwnProfile(ctx context.Context, by org.Actor) (p Profile, now Shown, err error) {
	return ownProfile(ctx, s.db, by, s.db.Now())
}

func ownProfile(ctx context.Context, q db.Queryer, by org.Actor, at time.Time) (p Profile, now Shown, err error) {
	all, err := profilesOf(ctx, q, []org.PersonID{by.PersonID})
	if err != nil {
		return Profile{}, Shown{}, err
	}
	shown, err := chosen(ctx, q, []org.PersonID{by.PersonID}, calendar.DayOf(at))
	now = shown[by.PersonID].withPost()
	now.Duty = by.Unit.Name
	return all[by.PersonID], now, err
}

// Choose keeps what by chooses to show in place of the choice of p.Version. Service items show once WeChat finds nothing in
// them, or an editor has read them.
func (s *Service) Choose(ctx context.Context, by org.Actor, p Profile) (now Profile, shown Shown, err error) {
	if err := p.check(); err != nil {
		return Profile{}, Shown{}, err
	}
	p.PersonID = by.PersonID
	was, err := profilesOf(ctx, s.db, []org.PersonID{by.PersonID})
	if err != nil {
		return Profile{}, Shown{}, err
	}
	said, err := s.read(ctx, by, wechat.SceneProfile, p.unknown(was[by.PersonID]))
	if err != nil {
		return Profile{}, Shown{}, err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		err := once.Do(ctx, tx, int64(by.PersonID), nil, func() error {
			was, err := profilesOf(ctx, tx, []org.PersonID{by.PersonID})
			if err != nil {
				return err
			}
			if err := p.follows(was[by.PersonID], calendar.DayOf(tx.Now)); err != nil {
				return err
			}
			chosen, err := p.readBy(said, was[by.PersonID])
			if err != nil {
				return err
			}
			audit.Note(tx, by.Did("profile.chosen", "public_profile", int64(by.PersonID)))
			return SaveProfile(ctx, tx, chosen)
		})
		if err != nil {
			return err
		}
		now, shown, err = ownProfile(ctx, tx, by, tx.Now)
		return err
	})
	return now, shown, err
}

// SaveProfile stores p in place of the choice of p.Version, 0 for none. Another version is a conflict.
func SaveProfile(ctx context.Context, tx *db.Tx, p Profile) error {
	text, err := p.itemText()
	if err != nil {
		return err
	}
	var unread *time.Time
	if p.unread() {
		unread = &tx.Now
	}
	if p.Version == 0 {
		_, err := tx.Change(ctx, `
			INSERT INTO public_profile (person_id, shows_name, shows_items, shows_phone, shows_portrait, items, unread_since, changed_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, p.PersonID, p.ShowsName, p.ShowsItems, p.ShowsPhone, p.ShowsPortrait, text, unread, tx.Now)
		if db.IsDuplicate(err) {
			return db.Stale(ctx, tx, 0, `SELECT version FROM public_profile WHERE person_id = ?`, p.PersonID)
		}
		return db.Wrap(err, nil, "store the profile of person %d", p.PersonID)
	}
	found, err := tx.Change(ctx, `
		UPDATE public_profile
		SET shows_name = ?, shows_items = ?, shows_phone = ?, shows_portrait = ?, items = ?, unread_since = ?, changed_at = ?,
		    version = version + 1
		WHERE person_id = ? AND version = ?`,
		p.ShowsName, p.ShowsItems, p.ShowsPhone, p.ShowsPortrait, text, unread, tx.Now, p.PersonID, p.Version)
	if err == nil && found == 0 {
		return db.Stale(ctx, tx, p.Version, `SELECT version FROM public_profile WHERE person_id = ?`, p.PersonID)
	}
	return db.Wrap(err, nil, "change the profile of person %d", p.PersonID)
}

// A kept item is an Item as it is stored. One that is unread is over for whoever does not know that items are read first: a
// node of an earlier release, beside newer ones, shows none that nobody has read.
type keptItem struct {
	Item
	Until calendar.Day `json:"until,omitempty"` // its last day, of one that is unread
}

// long is over for everybody, and a day that the contract takes.
const long calendar.Day = "1900-01-01"

func keep(it Item) keptItem {
	k := keptItem{Item: it}
	if it.Unread {
		k.Until, k.ValidTo = it.ValidTo, long
	}
	return k
}

func (k keptItem) item() Item {
	it := k.Item
	if it.Unread && it.ValidTo == long {
		it.ValidTo = k.Until
	}
	return it
}

// itemText is how the items of p are stored.
func (p Profile) itemText() (string, error) {
	kept := make([]keptItem, len(p.Items))
	for i, it := range p.Items {
		kept[i] = keep(it)
	}
	text, err := json.Marshal(kept)
	if err != nil {
		return "", fmt.Errorf("write the service items of person %d: %w", p.PersonID, err)
	}
	return string(text), nil
}

// readItems reads the items of p as they are stored.
func (p *Profile) readItems() error {
	var kept []keptItem
	if err := json.Unmarshal([]byte(p.ItemText), &kept); err != nil {
		return fmt.Errorf("read the service items of person %d: %w", p.PersonID, err)
	}
	p.Items = make([]Item, len(kept))
	for i, k := range kept {
		p.Items[i] = k.item()
	}
	return nil
}

// profilesOf are the choices of persons; the floor of those who have made none.
func profilesOf(ctx context.Context, q db.Queryer, persons []org.PersonID) (map[org.PersonID]Profile, error) {
	query, args, err := db.In(`
		SELECT person_id, shows_name, shows_items, shows_phone, shows_portrait, items, version
		FROM public_profile
		WHERE person_id IN (?)`, persons)
	if err != nil {
		return nil, err
	}
	var rows []Profile
	if err := q.Select(ctx, &rows, query, args...); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, db.Wrap(err, nil, "find what %d persons choose to show", len(persons))
	}
	all := make(map[org.PersonID]Profile, len(rows))
	for _, p := range rows {
		if err := p.readItems(); err != nil {
			return nil, err
		}
		all[p.PersonID] = p
	}
	return all, nil
}
