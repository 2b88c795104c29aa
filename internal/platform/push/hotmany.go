package push

import (
	"context"

	"wanjia/internal/platform/kv"
)

// Among sorts deliveries: to whom has a hot inbox, or is about to; to whom has none, and finds theirs in SQL; and to whom
// Redis did not say it of.
func (h *Hot) Among(ctx context.Context, ds []Delivery) (hot, cold, unknown []Delivery) {
	if len(ds) == 0 {
		return nil, nil, nil
	}
	b := h.kv.Batch()
	tops := make([]*kv.Reply, len(ds))
	for i, d := range ds {
		tops[i] = b.Get(kv.InboxTop(d.Person))
	}
	_ = b.Send(ctx) // each reply has its own error
	for i, d := range ds {
		switch v, err := tops[i].Value(); {
		case err != nil:
			unknown = append(unknown, d)
		case v == nil:
			cold = append(cold, d)
		default:
			hot = append(hot, d)
		}
	}
	return hot, cold, unknown
}
