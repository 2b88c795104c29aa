package board

import (
	"context"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

// Title is where a board hangs that by sees (push.md §10).
func Title(ctx context.Context, q db.Queryer, by org.Actor, id int64) (string, error) {
	b, err := findBoard(ctx, q, by, ID(id))
	return "公示牌 · " + b.SiteName, err
}

// PublicationTitle is the title of a notice or a story that by may see.
func PublicationTitle(ctx context.Context, q db.Queryer, by org.Actor, id int64) (string, error) {
	p, err := findPublication(ctx, q, by, PublicationID(id))
	return p.Title, err
}

// PressTitle is the title of a pack that by built.
func PressTitle(ctx context.Context, q db.Queryer, by org.Actor, id int64) (string, error) {
	p, err := findPack(ctx, q, by, PackID(id))
	return p.Title, err
}
