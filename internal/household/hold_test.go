package household_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"

	"wanjia/internal/household"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/request"
)

// X1: a door and what is written down about it end or begin in one order: either what was written is there, and the door
// stays, or the door has ended, and nothing is written any more. Never both, whichever way a need comes.
func TestADoorEndsOrIsAskedAtNeverBoth(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		place, area := x.Xingwu.Unit, x.Xingwu.Areas[1].Area
		today := func() calendar.Day { return calendar.DayOf(d.Now()) }
		needs := request.NewService(d, x.keys, page.NewKeys(make([]byte, 32)), &calendar.Calendar{},
			func(ctx context.Context, q db.Queryer, by org.Actor, premises int64) (request.Door, error) {
				return household.Door(ctx, q, by, premises, today())
			}).Siting(
			func(ctx context.Context, q db.Queryer, s request.Site) (request.Door, error) {
				return household.Site(ctx, q, s.Place, s.Building, s.Entrance, today())
			}).HoldingDoors(household.HoldDoor)
		ways := map[string]func(id household.ID, number string) error{
			"a need at the door": func(id household.ID, _ string) error {
				_, err := needs.Create(t.Context(), x.YaoMangzhong, request.Telling{
					Need: request.Need{What: "路灯不亮"}, Premises: int64(id), Channel: request.ToldMember,
				})
				return err
			},
			"a need at the entrance": func(_ household.ID, number string) error {
				_, err := needs.Create(t.Context(), x.YaoMangzhong, request.Telling{
					Need: request.Need{What: "路灯不亮"}, Site: request.Site{Place: place.ID, Entrance: number}, Channel: request.ToldMember,
				})
				return err
			},
			"a visit": func(id household.ID, _ string) error {
				_, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, household.Account{
					Household: id, Result: household.Needs, Needs: []request.Need{{What: "路灯不亮"}}, ClientRef: uuid.NewString(),
				})
				return err
			},
			"a yes": func(id household.ID, _ string) error {
				_, err := x.service.GiveConsent(t.Context(), x.YaoMangzhong, household.NewConsent{Household: id, Purpose: household.RiskVisit, Wording: "2026-01", Channel: "phone"})
				return err
			},
		}
		const doors = 12
		number := 100
		for way, write := range ways {
			var wg sync.WaitGroup
			wrote, ended := make([]error, doors), make([]error, doors)
			start := make(chan struct{})
			ids := make([]household.ID, doors)
			for i := range doors {
				number++
				at := fmt.Sprintf("2-%d", number)
				ids[i] = door(t, d, place, area, at)
				e, err := household.FindEntrance(t.Context(), d, place.ID, "", at)
				if err != nil {
					t.Fatal(err)
				}
				wg.Go(func() { <-start; wrote[i] = write(ids[i], at) })
				wg.Go(func() { <-start; ended[i] = x.service.EndEntrance(t.Context(), x.FengShuangjiang, e.ID, 1) })
			}
			close(start)
			wg.Wait()
			for i := range doors {
				switch {
				case wrote[i] == nil && errors.Is(ended[i], household.ErrHangs):
				case ended[i] == nil && errors.Is(wrote[i], problem.ErrNotFound):
				case ended[i] == nil && errors.Is(wrote[i], household.ErrNoContact): // nobody looks after the entrance any more
				default:
					t.Errorf("%s: written %v, ended %v; want one of them, and the other refused", way, wrote[i], ended[i])
				}
			}
		}
	})
}
