package sealed

import (
	"context"
	"fmt"
	"slices"

	"github.com/tink-crypto/tink-go/v2/keyset"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
)

// Rotation has three steps, so that no node meets a value it cannot open: Add the new key; when every node
// has reloaded, Promote it; when every old value has been sealed again (Outdated), Retire the rest.

// Add puts a new key into the set, which opens and checks from now on and does not seal yet.
func (k *Keys) Add(ctx context.Context, set string) error {
	return k.change(ctx, set, func(m *keyset.Manager, _ *keyset.Handle) error {
		_, err := m.Add(template(set))
		return err
	})
}

// Promote makes the newest key of the set the one that seals and derives.
func (k *Keys) Promote(ctx context.Context, set string) error {
	return k.change(ctx, set, func(m *keyset.Manager, h *keyset.Handle) error {
		infos := h.KeysetInfo().GetKeyInfo()
		return m.SetPrimary(infos[len(infos)-1].GetKeyId())
	})
}

// Retire takes every key but the present one out of the set. What was sealed with them is lost.
func (k *Keys) Retire(ctx context.Context, set string) error {
	return k.change(ctx, set, func(m *keyset.Manager, h *keyset.Handle) error {
		for _, info := range h.KeysetInfo().GetKeyInfo() {
			if info.GetKeyId() != h.KeysetInfo().GetPrimaryKeyId() {
				if err := m.Delete(info.GetKeyId()); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// change stores what f makes of a key set, and reloads all.
func (k *Keys) change(ctx context.Context, set string, f func(*keyset.Manager, *keyset.Handle) error) error {
	err := k.db.InTx(ctx, func(tx *db.Tx) error {
		rows, err := allKeysets(ctx, tx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(rows, func(r keysetRow) bool { return r.Name == set })
		if i < 0 {
			return fmt.Errorf("there is no key set %q", set)
		}
		h, err := k.master.unwrap(set, rows[i].Wrapped)
		if err != nil {
			return err
		}
		m := keyset.NewManagerFromHandle(h)
		if err := f(m, h); err != nil {
			return fmt.Errorf("change key set %s: %w", set, err)
		}
		changed, err := m.Handle()
		if err != nil {
			return fmt.Errorf("change key set %s: %w", set, err)
		}
		if rows[i].Wrapped, err = k.master.wrap(set, changed); err != nil {
			return err
		}
		found, err := replaceKeyset(ctx, tx, rows[i])
		if err == nil && found == 0 {
			return problem.ErrConflict // another node rotates the same set
		}
		return err
	})
	if err != nil {
		return err
	}
	return k.Reload(ctx)
}

// createMissing makes the key sets that do not exist yet. Two nodes may start at once: the first one's stay.
func (k *Keys) createMissing(ctx context.Context) error {
	return k.db.InTx(ctx, func(tx *db.Tx) error {
		rows, err := allKeysets(ctx, tx)
		if err != nil {
			return err
		}
		for _, name := range setNames() {
			if slices.ContainsFunc(rows, func(r keysetRow) bool { return r.Name == name }) {
				continue
			}
			h, err := keyset.NewHandle(template(name))
			if err != nil {
				return fmt.Errorf("make key set %s: %w", name, err)
			}
			wrapped, err := k.master.wrap(name, h)
			if err != nil {
				return err
			}
			if err := insertKeyset(ctx, tx, name, wrapped); err != nil && !db.IsDuplicate(err) {
				return err
			}
		}
		return nil
	})
}
