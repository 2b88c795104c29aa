package app

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/config"
	"wanjia/internal/platform/db"
)

func TestAServingProgramSignsTheEndsOfTheAuditIntoTheSecondPlace(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Data = t.TempDir()
	c.Audit.HeadsFile = filepath.Join(t.TempDir(), "heads.jsonl")
	c.Listen.Public, c.Listen.Admin = "127.0.0.1:0", "127.0.0.1:0"
	a, err := New(t.Context(), c, Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Stores.DB.InTx(t.Context(), func(tx *db.Tx) error { audit.Note(tx, audit.Entry{Action: "visit.read"}); return nil }); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Serve(ctx, func(string, string) {}) }()

	var heads []audit.Head
	for end := time.Now().Add(10 * time.Second); len(heads) == 0 && time.Now().Before(end); <-time.After(10 * time.Millisecond) {
		heads, _ = audit.ReadHeads(c.Audit.HeadsFile) // until it is there
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("the server ended with %v", err)
	}
	if len(heads) != 1 || heads[0].N != 1 {
		t.Errorf("the second place holds %+v, want the end of the one lane at row 1", heads)
	}
	if v, err := a.Stores.Audit.Verify(context.WithoutCancel(t.Context()), 0, heads...); err != nil || v.Bad != nil || v.Rows != 1 {
		t.Errorf("against it: %+v, %v", v, err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}
