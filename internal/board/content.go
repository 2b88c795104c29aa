package board

import (
	"context"
	"encoding/json"
	"fmt"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/sealed"
)

// fingerprints is the purpose that what is printed is hashed for. The hash is keyed: names could be guessed from another.
const fingerprints sealed.Purpose = "board"

// fingerprint is that of what c prints.
func (c Content) fingerprint(keys *sealed.Keys) ([]byte, error) {
	text, err := json.Marshal(c.printed())
	if err != nil {
		return nil, fmt.Errorf("write what a board prints: %w", err)
	}
	return keys.MAC(fingerprints, text), nil
}

// says says whether v says what c prints, by whichever key it was hashed.
func (v Version) says(keys *sealed.Keys, c Content) (bool, error) {
	text, err := json.Marshal(c.printed())
	if err != nil {
		return false, fmt.Errorf("write what a board prints: %w", err)
	}
	return keys.Authentic(fingerprints, text, v.Fingerprint), nil
}

// contents is what boards say on day, for many of them in few questions.
func contents(ctx context.Context, q db.Queryer, boards []Board, day calendar.Day) (map[ID]Content, error) {
	all := make(map[ID]Content, len(boards))
	if len(boards) == 0 {
		return all, nil
	}
	holders, err := holdersOf(ctx, q, boards, day)
	if err != nil {
		return nil, err
	}
	homes, err := homesOf(ctx, q, boards, day)
	if err != nil {
		return nil, err
	}
	places, err := placesOf(ctx, q, boards, day)
	if err != nil {
		return nil, err
	}
	var persons []org.PersonID
	for _, b := range boards {
		for _, h := range holders[b.AreaID] {
			persons = append(persons, h.person)
		}
		persons = append(persons, places[b.PlaceID].lead...)
	}
	shown, err := chosen(ctx, q, persons, day)
	if err != nil {
		return nil, err
	}
	for _, b := range boards {
		c, p := Content{Place: b.PlaceName, Area: b.AreaName, Households: homes[b.AreaID]}, places[b.PlaceID]
		for _, h := range holders[b.AreaID] {
			s := shown[h.person]
			s.Duty, s.StandsIn = p.labels[holderLevel], h.standsIn
			c.Holders = append(c.Holders, s)
		}
		if len(p.lead) > 0 {
			lead := shown[p.lead[0]].withPost()
			lead.Duty = p.labels[placeLevel] + "书记"
			lead.Phone, lead.Items, lead.Portrait = "", nil, 0 // the board speaks of the area's holder
			c.Lead = &lead
		}
		all[b.ID] = c
	}
	return all, nil
}

// The levels of a ladder that a board speaks of.
const (
	holderLevel = 1
	placeLevel  = 4
)

// A held is somebody who looks after an area, or is there for whoever does.
type held struct {
	person   org.PersonID
	standsIn bool
}

// A village is a place as its boards need it.
type village struct {
	labels map[int]string
	lead   []org.PersonID
}

// placesOf are the places that boards hang in: few, since one question asks for the boards of neighbours.
func placesOf(ctx context.Context, q db.Queryer, boards []Board, day calendar.Day) (map[org.UnitID]village, error) {
	all := map[org.UnitID]village{}
	for _, b := range boards {
		if _, done := all[b.PlaceID]; done {
			continue
		}
		u, err := org.UnitByID(ctx, q, b.PlaceID)
		if err != nil {
			return nil, err
		}
		v := village{}
		if v.labels, err = org.Labels(ctx, q, u, day); err != nil {
			return nil, err
		}
		lead, err := org.LeadOf(ctx, q, u, day)
		if err != nil {
			return nil, err
		}
		for _, l := range lead {
			v.lead = append(v.lead, l.Person)
		}
		all[b.PlaceID] = v
	}
	return all, nil
}
