package seed

import (
	"context"
	"fmt"

	"wanjia/internal/checkin"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

// sites makes where one can check in: a meeting room at every level-4 place, boards in villages and communities – in
// 杏坞村 one for each area – and two counters in communities.
func sites(ctx context.Context, tx *db.Tx, t *town) error {
	for _, p := range t.places {
		rooms := []checkin.Place{{Kind: "meeting_room", Name: p.unit.Name + "党群活动室"}}
		switch {
		case p.key == "xl":
			for _, a := range p.areas {
				rooms = append(rooms, checkin.Place{Kind: "board_site", Name: a.unit.Name + "公示栏"})
			}
		case p.unit.Kind == org.Village, p.unit.Kind == org.Community:
			rooms = append(rooms, checkin.Place{Kind: "board_site", Name: p.unit.Name + "公示栏"})
		}
		if p.unit.Kind == org.Community {
			for n := 1; n <= 2; n++ {
				rooms = append(rooms, checkin.Place{Kind: "counter", Name: fmt.Sprintf("%d号窗口", n)})
			}
		}
		for i, r := range rooms {
			made, err := checkin.OpenPlace(ctx, tx, p.unit, r)
			if err != nil {
				return err
			}
			if i == 0 {
				p.room = made.ID
			}
			if r.Kind == "board_site" {
				p.boards = append(p.boards, made.ID)
			}
		}
	}
	return nil
}
