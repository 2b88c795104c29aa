package matrix

import (
	"fmt"
	"maps"

	"wanjia/internal/household"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

// aBuilding is a new one of the place c.at.
func aBuilding(c *cell) (id int64) {
	c.in("add a building", func(tx *db.Tx) error {
		b, err := household.AddBuilding(c.Context(), tx, c.at.ID, fmt.Sprintf("楼%d", c.next()))
		id = int64(b)
		return err
	})
	return id
}

// aNewEntrance is one of the place c.at that lies in no area.
func aNewEntrance(c *cell) int64 { return int64(c.anEntrance(c.at)) }

// aNewDoor is an empty one in the area c.at, behind an entrance of its own.
func aNewDoor(c *cell) (id int64) {
	e := c.anEntrance(c.at)
	c.in("add a door", func(tx *db.Tx) error {
		if err := household.Assign(c.Context(), tx, org.System, c.at.Unit, e, since); err != nil {
			return err
		}
		if err := household.AddPremises(c.Context(), tx, []household.Premises{{EntranceID: e, Door: "101", Kind: household.Home, Empty: true}}); err != nil {
			return err
		}
		found, err := household.FindDoor(c.Context(), tx, e, "101")
		id = int64(found)
		return err
	})
	return id
}

// keeps fills in the version of a row of a table, and a number that nothing has yet.
func keeps(table, number string) func(c *cell, r *call) {
	return fill(func(c *cell, b map[string]any) {
		var version int64
		if err := c.db().Get(c.Context(), &version, `SELECT version FROM `+table+` WHERE id = ?`, c.thing); err != nil {
			c.Fatal(err)
		}
		if b["version"] = version; number != "" {
			b[number] = fmt.Sprintf("改%d", c.next())
		}
	})
}

func init() {
	marks := func(c *cell) bool { return homesOfOwnArea(c) || drafts(c) }
	maps.Copy(plans, map[string]*plan{
		"listBuildings": {fits: place, make: aBuilding, list: "id"},
		"addBuilding": {fits: place, fill: fill(func(c *cell, b map[string]any) {
			b["placeId"], b["number"] = c.at.ID, fmt.Sprintf("新楼%d", c.next())
		})},
		"renameBuilding": {fits: place, make: aBuilding, fill: keeps("building", "number")},
		"endBuilding":    {fits: place, make: aBuilding, fill: keeps("building", "")},
		"listEntrances":  {fits: place, make: aNewEntrance, list: "id"},
		"renameEntrance": {fits: place, make: aNewEntrance, fill: keeps("entrance", "number")},
		"endEntrance":    {fits: place, make: aNewEntrance, fill: keeps("entrance", "")},
		"listDoors":      {fits: place, make: aNewEntrance},
		"addDoors": {fits: place, make: aNewEntrance, fill: fill(func(c *cell, b map[string]any) {
			b["doors"] = []any{map[string]any{"door": fmt.Sprintf("门%d", c.next())}}
		})},
		"renameDoor": {fits: areas, make: aNewDoor, sees: drafts, fill: keeps("premises", "door")},
		"markDoor":   {fits: areas, make: aNewDoor, sees: marks, fill: keeps("premises", "")},
		"endDoor":    {fits: areas, make: aNewDoor, sees: drafts, fill: keeps("premises", "")},
	})
}
