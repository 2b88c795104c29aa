package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

// lookBack is how many items back an unread one is looked for that a new one stands for: who has more unread ones than
// that reads from the newest on.
const lookBack = 500

// An earlier item is unread, and a new one may stand for it.
type earlier struct {
	Person org.PersonID `db:"person_id"`
	Seq    int64        `db:"seq"`
	Key    string       `db:"coalesce_key"`
	Args   string       `db:"args"`
	at     int          // its place in the piece that is being written; -1: it stands in the inbox
}

// supersede lets new items stand for unread ones of the same kind and key that are not older than the kind says, and
// carry their count; at exactly that age it is over (K23). The heads of the inboxes are locked, so nobody tells or reads
// meanwhile.
func supersede(ctx context.Context, tx *db.Tx, piece []entry) error {
	for kind, c := range coalesced {
		var persons []org.PersonID
		var keys []string
		for _, e := range piece {
			if e.Kind == kind && e.together != "" {
				persons, keys = append(persons, e.Person), append(keys, e.together)
			}
		}
		if len(keys) == 0 {
			continue
		}
		waiting, err := unreadTogether(ctx, tx, kind, slices.Compact(persons), keys, tx.Now.Add(-c.within))
		if err != nil {
			return err
		}
		for i := range piece {
			e := &piece[i]
			if e.Kind != kind || e.together == "" {
				continue
			}
			key := personKey{e.Person, e.together}
			if old, there := waiting[key]; there {
				if err := e.standFor(ctx, tx, old, piece); err != nil {
					return err
				}
			}
			waiting[key] = earlier{Person: e.Person, Seq: e.Seq, Args: e.Args, at: i}
		}
	}
	return nil
}

// standFor lets e take the place of old.
func (e *entry) standFor(ctx context.Context, tx *db.Tx, old earlier, piece []entry) (err error) {
	e.Supersedes = old.Seq
	if e.Args, err = counted(e.Kind, e.Args, old.Args); err != nil {
		return err
	}
	if old.at >= 0 {
		piece[old.at].supersededBy = e.Seq
		return nil
	}
	if err := markSuperseded(ctx, tx, old, e.Seq); err != nil {
		return err
	}
	return superseded(ctx, tx, old.Person, old.Seq)
}

// counted are the fields of an item with the count of an earlier one added, where its kind shows a count.
func counted(kind, args, before string) (string, error) {
	if !slices.Contains(kinds[kind].fields, count) {
		return args, nil
	}
	fields := map[string]any{}
	if args != "" {
		if err := json.Unmarshal([]byte(args), &fields); err != nil {
			return "", fmt.Errorf("count up %s: %w", kind, err)
		}
	}
	n, err := countIn(args)
	if err != nil {
		return "", err
	}
	more, err := countIn(before)
	if err != nil {
		return "", err
	}
	fields[count] = n + more
	b, err := json.Marshal(fields)
	if err != nil {
		return "", fmt.Errorf("count up %s: %w", kind, err)
	}
	return string(b), nil
}

// countIn is of how much an item with these fields speaks: one, where it does not say.
func countIn(args string) (int64, error) {
	fields := struct{ Count int64 }{1}
	if args == "" {
		return 1, nil
	}
	if err := json.Unmarshal([]byte(args), &fields); err != nil {
		return 0, fmt.Errorf("read a count: %w", err)
	}
	return fields.Count, nil
}
