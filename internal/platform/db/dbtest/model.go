package dbtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A Model is a database that many tests begin with: filled once a process on each engine, and copied for each test.
type Model struct {
	files    func() (map[string][]byte, error) // of the data folder
	database func() (string, error)            // on the test server
}

// NewModel makes a model that fill fills: a database without content, at dsn, or else wanjia.db in folder. What else
// it leaves in folder is copied too.
func NewModel(fill func(ctx context.Context, folder, dsn string) error) *Model {
	return &Model{
		files: sync.OnceValues(func() (files map[string][]byte, err error) {
			folder, err := os.MkdirTemp("", "wanjia-model-")
			if err != nil {
				return nil, err
			}
			defer os.RemoveAll(folder) //nolint:errcheck // because it is the system's folder for such things
			ctx, cancel := filling()
			defer cancel()
			if err := fill(ctx, folder, ""); err != nil {
				return nil, fmt.Errorf("fill the model: %w", err)
			}
			if err := count(ctx, folder); err != nil {
				return nil, fmt.Errorf("let the model count what is written: %w", err)
			}
			return readFolder(folder)
		}),
		database: sync.OnceValues(func() (name string, err error) {
			folder, err := os.MkdirTemp("", "wanjia-model-")
			if err != nil {
				return "", err
			}
			defer os.RemoveAll(folder)           //nolint:errcheck // because it is the system's folder for such things
			if name, err = lease(); err != nil { // for the whole process: it is never given back
				return "", err
			}
			ctx, cancel := filling()
			defer cancel()
			if err := fill(ctx, folder, Address(name)); err != nil {
				return "", fmt.Errorf("fill the model: %w", err)
			}
			return name, nil
		}),
	}
}

// filling is for work that a machine does beside much else.
func filling() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 5*time.Minute)
}

func readFolder(folder string) (map[string][]byte, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte, len(entries))
	for _, e := range entries {
		if e.IsDir() { // of pictures, which models have none of
			continue
		}
		if files[e.Name()], err = os.ReadFile(filepath.Join(folder, e.Name())); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// SQLite is a copy in a folder of the test's own.
func (m *Model) SQLite(t *testing.T) (folder string) {
	t.Helper()
	files, err := m.files()
	if err != nil {
		t.Fatal(err)
	}
	folder = filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// MySQL is a copy on the test server. Without a server the test is skipped, and in CI it fails.
func (m *Model) MySQL(t *testing.T) (dsn string) {
	t.Helper()
	needServer(t)
	from, err := m.database()
	if err != nil {
		t.Fatal(err)
	}
	s, err := connect()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := filling()
	defer cancel()
	name := s.next()
	if _, err := s.admin.ExecContext(ctx, "CREATE DATABASE "+name+" COLLATE utf8mb4_bin"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := timeLimit()
		defer cancel()
		if _, err := s.admin.ExecContext(ctx, "DROP DATABASE "+name); err != nil {
			t.Error(err)
		}
	})
	var all strings.Builder
	all.WriteString(strings.Join(s.schema, ";\n") + ";\nSTART TRANSACTION;\n")
	for _, table := range s.tables {
		fmt.Fprintf(&all, "INSERT INTO %s SELECT * FROM %s.%s;\n", table, from, table)
	}
	if err := s.in(ctx, name, all.String()+"COMMIT"); err != nil {
		t.Fatalf("copy the model: %v", err)
	}
	return Address(name)
}
