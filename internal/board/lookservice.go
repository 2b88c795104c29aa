package board

import (
	"context"
	"fmt"
	"time"

	"wanjia/internal/campaign"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/request"
)

// Look is what somebody finds who scans version number of a board, 0 if nobody said which. It is counted, and an outdated
// one is told once to the secretary, who is asked to print it anew (X30).
func (s *Service) Look(ctx context.Context, id ID, number int) (found Scan, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		b, err := boardByID(ctx, tx, id)
		if err != nil {
			return err
		}
		if b.Latest == 0 {
			return problem.ErrNotFound
		}
		if found.Hidden, err = hiddenAs(ctx, tx, PageRef{Kind: BoardPage, ID: int64(id)}); err != nil || found.Hidden != "" {
			found.Board = b
			return err
		}
		if found, err = s.scan(ctx, tx, b, number); err != nil || number == 0 {
			return err
		}
		return countScan(ctx, tx, id, calendar.DayOf(tx.Now))
	})
	return found, err
}

func (s *Service) scan(ctx context.Context, tx *db.Tx, b Board, number int) (Scan, error) {
	found := Scan{Board: b, Number: number}
	all, err := contents(ctx, tx, []Board{b}, calendar.DayOf(tx.Now))
	if err != nil {
		return Scan{}, err
	}
	found.Content = all[b.ID]
	if found.Hours, err = request.OpeningHours(ctx, tx, b.PlaceID); err != nil {
		return Scan{}, err
	}
	if number == 0 {
		return found, nil
	}
	v, err := findVersion(ctx, tx, b.ID, number)
	if err != nil {
		return Scan{}, err
	}
	if found.Since = v.SupersededAt; found.Since == nil {
		same, err := v.says(s.keys, found.Content)
		if err != nil || same {
			return found, err
		}
		found.Since = &tx.Now // the next version is a moment away
	}
	return found, s.outdated(ctx, tx, b, v)
}

// outdated tells the secretary, once for each version that was printed, that it still hangs, and asks for the newest one to be
// printed, unless that was asked already and nothing was printed since. While a place has no secretary nobody is told, and the
// next scan tries again.
func (s *Service) outdated(ctx context.Context, tx *db.Tx, b Board, v Version) error {
	if v.ToldAt != nil || v.SupersededAt == nil || v.PrintedAt == nil {
		return nil
	}
	in, party, err := secretary(ctx, tx, b.PlaceID)
	if err != nil || len(in) == 0 {
		return err
	}
	asked, err := reprintAsked(ctx, tx, b.ID)
	if err != nil {
		return err
	}
	if first, err := firstTold(ctx, tx, v); err != nil || !first {
		return err
	}
	if asked {
		return notify.Tell(ctx, tx, audience(in), b.news("board.outdated", org.System, v))
	}
	due := tx.Now.Add(reprintIn)
	by := org.Actor{PersonID: in[0].Person, Assignment: in[0].Assignment, Role: in[0].Role, Unit: party}
	_, err = campaign.Ask(ctx, tx, by, campaign.NewTask{
		Title: "重新打印公示牌", Body: fmt.Sprintf("%s挂着的第%d版已过期，请打印最新一版并更换。", b.SiteName, v.Number),
		Minutes: reprintMinutes, Evidence: campaign.NoEvidence, DueAt: &due,
	})
	if err != nil {
		return err
	}
	return notify.Tell(ctx, tx, audience(in), b.news("board.outdated", org.System, v))
}

// What is asked when an outdated board is found hanging.
const (
	reprintIn      = 7 * 24 * time.Hour
	reprintMinutes = 20
)
