package sealed

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// ReadMaster reads the master key from its file: 32 bytes in base64, readable by its owner alone. With
// create, a missing file is made; only the embedded tier asks for that, at its first start.
func ReadMaster(path string, create bool) ([]byte, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && create {
		return createMaster(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read the master key: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read the master key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("the master key %s can be read by others than its owner: chmod 0400 it", path)
	}
	return ParseMaster(string(text))
}

// ParseMaster is the master key that text holds in base64.
func ParseMaster(text string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(key) != MasterSize {
		return nil, fmt.Errorf("the master key must be %d bytes in base64", MasterSize)
	}
	return key, nil
}

func createMaster(path string) (key []byte, err error) {
	key = make([]byte, MasterSize)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o400)
	if err != nil {
		return nil, fmt.Errorf("make the master key: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.WriteString(base64.StdEncoding.EncodeToString(key) + "\n"); err != nil {
		return nil, fmt.Errorf("write the master key: %w", err)
	}
	return key, f.Sync()
}
