package push

import (
	"context"

	"wanjia/internal/platform/kv"
)

// Among are those of deliveries whose persons have a hot inbox, or are about to: the others find theirs in SQL.
func (h *Hot) Among(ctx context.Context, ds []Delivery) ([]Delivery, error) {
	if len(ds) == 0 {
		return nil, nil
	}
	b := h.kv.Batch()
	tops := make([]*kv.Reply, len(ds))
	for i, d := range ds {
		tops[i] = b.Get(kv.InboxTop(d.Person))
	}
	if err := b.Send(ctx); err != nil {
		return nil, err
	}
	var hot []Delivery
	for i, d := range ds {
		v, err := tops[i].Value()
		if err != nil {
			return nil, err
		}
		if v != nil {
			hot = append(hot, d)
		}
	}
	return hot, nil
}
