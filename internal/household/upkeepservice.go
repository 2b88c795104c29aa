package household

import (
	"context"
	"errors"
	"strconv"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
)

// Buildings is a page of the buildings that stand in the places by keeps in order, or in one of them, and the cursor
// behind it.
func (s *Service) Buildings(ctx context.Context, by org.Actor, place org.UnitID, cursor string, size int) (all []Building, next string, err error) {
	p, err := s.pages.Parse(cursor, size, page.Bound("listBuildings", place, by.PersonID, by.Assignment))
	if err != nil {
		return nil, "", err
	}
	if all, err = listBuildings(ctx, s.db, by, place, p); err != nil {
		return nil, "", err
	}
	all, next = page.Cut(all, p, func(b Building) (time.Time, int64) { return time.Time{}, int64(b.ID) })
	return all, next, nil
}

// Entrances is a page of the entrances of the places by keeps in order, of one place or of one building, and the cursor
// behind it.
func (s *Service) Entrances(ctx context.Context, by org.Actor, place org.UnitID, building BuildingID, cursor string, size int) (all []Entrance, next string, err error) {
	p, err := s.pages.Parse(cursor, size, page.Bound("listEntrances", place, building, by.PersonID, by.Assignment))
	if err != nil {
		return nil, "", err
	}
	if all, err = listEntrances(ctx, s.db, by, place, building, calendar.DayOf(s.db.Now()), p); err != nil {
		return nil, "", err
	}
	all, next = page.Cut(all, p, func(e Entrance) (time.Time, int64) { return time.Time{}, int64(e.ID) })
	return all, next, nil
}

// Doors is a page of the doors behind an entrance, and the cursor behind it.
func (s *Service) Doors(ctx context.Context, by org.Actor, entrance EntranceID, cursor string, size int) (all []Doorway, next string, err error) {
	p, err := s.pages.Parse(cursor, size, page.Bound("listDoors", entrance, by.PersonID, by.Assignment))
	if err != nil {
		return nil, "", err
	}
	if _, err := findStair(ctx, s.db, by, entrance); err != nil {
		return nil, "", err
	}
	if all, err = listDoors(ctx, s.db, entrance, p); err != nil {
		return nil, "", err
	}
	all, next = page.Cut(all, p, func(d Doorway) (time.Time, int64) { return time.Time{}, int64(d.ID) })
	return all, next, nil
}

// Build adds a building to a place.
func (s *Service) Build(ctx context.Context, by org.Actor, place org.UnitID, number string) (b Building, err error) {
	if err := properNumber(number); err != nil {
		return Building{}, err
	}
	err = s.kept(ctx, by, "building.added", "building", &b, func(tx *db.Tx) (id int64, err error) {
		u, err := org.FindStanding(ctx, tx, by, place)
		if err != nil {
			return 0, err
		}
		if !org.IsPlace(u.Kind) {
			return 0, ErrEntrancePlace
		}
		made, err := AddBuilding(ctx, tx, place, number)
		if err != nil {
			return 0, thereAlready(err, ErrBuildingThere)
		}
		b, err = findBuilding(ctx, tx, by, made)
		return int64(made), err
	})
	return b, err
}

// RenameBuilding gives a building another number, and so its entrances other names.
func (s *Service) RenameBuilding(ctx context.Context, by org.Actor, id BuildingID, version int64, number string) (b Building, err error) {
	if err := properNumber(number); err != nil {
		return Building{}, err
	}
	err = s.kept(ctx, by, "building.renamed", "building", &b, func(tx *db.Tx) (int64, error) {
		if b, err = findBuilding(ctx, tx, by, id); err != nil {
			return 0, err
		}
		if err := renameBuilding(ctx, tx, b, version, number); err != nil {
			return 0, err
		}
		b, err = findBuilding(ctx, tx, by, id)
		return int64(id), err
	})
	return b, err
}

// EndBuilding ends a building with its entrances and doors, from today on, if nothing hangs on them.
func (s *Service) EndBuilding(ctx context.Context, by org.Actor, id BuildingID, version int64) error {
	return s.kept(ctx, by, "building.ended", "building", nil, func(tx *db.Tx) (int64, error) {
		b, err := findBuilding(ctx, tx, by, id)
		if err != nil {
			return 0, err
		}
		if err := endBuilding(ctx, tx, b, version); err != nil {
			return 0, err
		}
		stairs, err := entrancesOf(ctx, tx, id)
		if err != nil {
			return 0, err
		}
		return int64(id), endEntrances(ctx, tx, stairs...)
	})
}

// RenameEntrance gives an entrance another number.
func (s *Service) RenameEntrance(ctx context.Context, by org.Actor, id EntranceID, version int64, number string) (e Entrance, err error) {
	if err := properNumber(number); err != nil {
		return Entrance{}, err
	}
	err = s.kept(ctx, by, "entrance.renamed", "entrance", &e, func(tx *db.Tx) (int64, error) {
		if e, err = findStair(ctx, tx, by, id); err != nil {
			return 0, err
		}
		if err := renameEntrance(ctx, tx, e, version, number); err != nil {
			return 0, err
		}
		e, err = findStair(ctx, tx, by, id)
		return int64(id), err
	})
	return e, err
}

// EndEntrance ends an entrance with its doors, from today on, if nothing hangs on them.
func (s *Service) EndEntrance(ctx context.Context, by org.Actor, id EntranceID, version int64) error {
	return s.kept(ctx, by, "entrance.ended", "entrance", nil, func(tx *db.Tx) (int64, error) {
		if _, err := findStair(ctx, tx, by, id); err != nil {
			return 0, err
		}
		if err := endEntrance(ctx, tx, id, version); err != nil {
			return 0, err
		}
		return int64(id), endEntrances(ctx, tx, id)
	})
}

// Furnish adds doors behind an entrance. They lie in its area.
func (s *Service) Furnish(ctx context.Context, by org.Actor, entrance EntranceID, doors []Premises) (added int, err error) {
	seen := map[string]bool{}
	for i, d := range doors {
		at := "/doors/" + strconv.Itoa(i)
		switch {
		case properNumber(d.Door) != nil:
			return 0, ErrNumber.Field(at+"/door", ErrNumber.Code)
		case seen[d.Door]:
			return 0, ErrDoorThere.Field(at+"/door", ErrDoorThere.Code)
		}
		seen[d.Door] = true
	}
	err = s.kept(ctx, by, "door.added", "entrance", &added, func(tx *db.Tx) (int64, error) {
		if _, err := findStair(ctx, tx, by, entrance); err != nil {
			return 0, err
		}
		if _, err := lockEntrance(ctx, tx, entrance); err != nil {
			return 0, err
		}
		for i := range doors {
			doors[i].EntranceID = entrance
		}
		added = len(doors)
		return int64(entrance), thereAlready(AddPremises(ctx, tx, doors), ErrDoorThere)
	})
	return added, err
}

// RenameDoor puts right what a door is called, and what is behind it.
func (s *Service) RenameDoor(ctx context.Context, by org.Actor, id ID, version int64, door string, kind Kind) (d Doorway, err error) {
	if properNumber(door) != nil {
		return Doorway{}, ErrNumber.Field("/door", ErrNumber.Code)
	}
	return s.door(ctx, by, "door.renamed", id, func(tx *db.Tx, d Doorway) error {
		if err := doorNames.free(ctx, tx, int64(d.EntranceID), door, int64(id)); err != nil {
			return err
		}
		d.Door, d.Kind = door, kind
		return saveDoor(ctx, tx, d, version)
	})
}

// MarkDoor says whether anybody lives behind a door: empty homes stand in no list of visits (idea 9), and nothing of those who
// have moved out holds for those who move in. The holder of the area knows as well. Nothing brings back what ends with it, so
// it has to be confirmed once there is something.
func (s *Service) MarkDoor(ctx context.Context, by org.Actor, id ID, m Mark) (marked Marked, err error) {
	err = s.kept(ctx, by, "door.marked", "household", &marked, func(tx *db.Tx) (int64, error) {
		d, err := s.findDoor(ctx, tx, by, id)
		if err != nil {
			return 0, err
		}
		d.Occupied = !m.Empty
		if err := saveDoor(ctx, tx, d, m.Version); err != nil { // from here on nobody writes anything down about it
			return 0, err
		}
		marked.Ended = nil
		if m.Empty { // also where it was empty already: somebody may have lived there meanwhile, and nobody said so
			if marked.Ended, err = s.leaveHome(ctx, tx, by, id, m.Confirmed); err != nil {
				return 0, err
			}
		}
		marked.Doorway, err = doorByID(ctx, tx, id)
		return int64(id), err
	})
	if errors.Is(err, ErrHomeKept) && hearsKinds(by) { // nobody hears of a flag without the note
		noted := s.db.InTx(ctx, func(tx *db.Tx) error { noteKinds(tx, by, id); return nil })
		if noted != nil {
			return Marked{}, noted
		}
	}
	return marked, err
}

// leaveHome ends all that is kept of those who have moved out, and says what that was: by its kinds to who may know of flags,
// to others as one thing.
func (s *Service) leaveHome(ctx context.Context, tx *db.Tx, by org.Actor, id ID, confirmed bool) ([]Use, error) {
	uses, err := keptOf(ctx, tx, id)
	switch {
	case err != nil:
		return nil, err
	case hearsKinds(by):
		noteKinds(tx, by, id)
	case len(uses) > 0:
		uses = []Use{{"homes", 1}}
	}
	if len(uses) > 0 && !confirmed {
		return nil, ErrHomeKept.With("uses", uses)
	}
	audit.Note(tx, by.Did("household.left", "household", int64(id)))
	return uses, forgetHome(ctx, tx, id)
}

// hearsKinds says whether by, who may mark a door, may know what is kept of who lives there.
func hearsKinds(by org.Actor) bool { return !keepsOrder(by) && by.SeesFlags() }

// noteKinds notes that by heard whether a home has a care flag.
func noteKinds(tx *db.Tx, by org.Actor, id ID) {
	audit.Note(tx, by.Did("flag.marked", "household", int64(id)).Showing("flags"))
}

// EndDoor ends a door from today on, if nothing hangs on it: it is in no list any more, and what was noted there stays.
func (s *Service) EndDoor(ctx context.Context, by org.Actor, id ID, version int64) error {
	_, err := s.door(ctx, by, "door.ended", id, func(tx *db.Tx, d Doorway) error {
		today := calendar.DayOf(tx.Now)
		d.EndedOn = &today
		if err := saveDoor(ctx, tx, d, version); err != nil {
			return err
		}
		uses, err := hangsOn(ctx, tx, nil, []ID{id})
		if err != nil {
			return err
		}
		return canEnd(uses)
	})
	return err
}

// door changes a door that by keeps in order or looks after, and returns what it is then.
func (s *Service) door(ctx context.Context, by org.Actor, verb string, id ID, change func(tx *db.Tx, d Doorway) error) (d Doorway, err error) {
	err = s.kept(ctx, by, verb, "household", &d, func(tx *db.Tx) (int64, error) {
		found, err := s.findDoor(ctx, tx, by, id)
		if err != nil {
			return 0, err
		}
		if err := change(tx, found); err != nil {
			return 0, thereAlready(err, ErrDoorThere)
		}
		d, err = doorByID(ctx, tx, id)
		return int64(id), err
	})
	return d, err
}

func (s *Service) findDoor(ctx context.Context, tx *db.Tx, by org.Actor, id ID) (Doorway, error) {
	if keepsOrder(by) {
		return findDoorBelow(ctx, tx, by, id)
	}
	if _, err := findOwn(ctx, tx, by, id); err != nil {
		return Doorway{}, err
	}
	return doorByID(ctx, tx, id)
}

// kept does an act of upkeep once, and notes it. result is what is told of it, or nil.
func (s *Service) kept(ctx context.Context, by org.Actor, verb, object string, result any, do func(tx *db.Tx) (id int64, err error)) error {
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), result, func() error {
			id, err := do(tx)
			if err != nil {
				return err
			}
			audit.Note(tx, by.Did(verb, object, id))
			return nil
		})
	})
}

// endEntrances ends the doors behind entrances that have just ended, and takes these out of their areas.
func endEntrances(ctx context.Context, tx *db.Tx, ids ...EntranceID) error {
	if len(ids) == 0 {
		return nil
	}
	doors, err := endDoorsOf(ctx, tx, ids)
	if err != nil {
		return err
	}
	uses, err := hangsOn(ctx, tx, ids, doors)
	if err != nil {
		return err
	}
	if err := canEnd(uses); err != nil {
		return err
	}
	return endDeals(ctx, tx, ids)
}

// thereAlready is refuse if err says that there is one of that name.
func thereAlready(err error, refuse *problem.Problem) error {
	if db.IsDuplicate(err) {
		return refuse
	}
	return err
}
