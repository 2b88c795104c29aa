package board

import (
	"context"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/problem"
	"wanjia/internal/privacy"
	"wanjia/internal/request"
)

// A Message is what somebody tells whoever looks after an area, by the board.
type Message struct {
	Text  string
	Who   string
	Phone string // to be called back; "": not

	Danger request.Danger // what was answered to the first question; "": nothing
}

// general is the category of what is said by a board.
const general request.Code = "general"

// Dangers are what is asked before anything else is said by a board, as at every other intake (X23).
func (s *Service) Dangers(ctx context.Context) ([]request.DangerAnswer, error) {
	all, err := s.needs.Intakes(ctx)
	for _, in := range all {
		if in.Code == general {
			return in.Question.Answers, err
		}
	}
	return nil, err
}

// Relay passes a message on as a request of the area, and returns the code of its receipt, with the digits that open it
// if no number was left. The number is sealed and shown nowhere; whoever holds the matter may look at it to call back, and
// the asker sees that they did (F4, V4).
func (s *Service) Relay(ctx context.Context, id ID, m Message) (slip request.Slip, err error) {
	for _, t := range []struct{ pointer, text string }{{"/text", m.Text}, {"/who", m.Who}} {
		if err := privacy.CheckText(t.pointer, t.text); err != nil {
			return request.Slip{}, err
		}
	}
	nobody := org.Actor{}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		var opened request.ID
		err := once.Do(ctx, tx, 0, &opened, func() error {
			b, err := boardByID(ctx, tx, id)
			if err != nil {
				return err
			}
			if b.Latest == 0 {
				return problem.ErrNotFound
			}
			area, err := org.UnitByID(ctx, tx, b.AreaID)
			if err != nil {
				return err
			}
			n := request.Need{What: m.Text, Who: m.Who, Danger: m.Danger}
			if m.Phone != "" {
				n.CallBack, n.Phone = request.CallPhone, m.Phone
			}
			opened, err = s.needs.Open(ctx, tx, nobody, request.Opening{
				Need: n, Channel: request.FromBoard, Unit: area, HappenedAt: tx.Now,
			})
			return err
		})
		if err != nil {
			return err
		}
		if m.Phone == "" {
			slip, err = s.needs.FirstSlip(ctx, tx, opened)
			return err
		}
		rows, err := s.needs.Opened(ctx, tx, opened)
		if err == nil {
			slip = request.Slip{Receipt: rows[0].Receipt}
		}
		return err
	})
	return slip, err
}
