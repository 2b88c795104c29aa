// Package blob keeps files: each under a name of ours, whole or not at all.
package blob

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"time"
)

// ErrNotFound says that there is no such file.
var ErrNotFound = errors.New("there is no such file")

// A Name is that of a file: 32 hexadecimal digits, drawn by chance.
type Name string

// NewName draws a name.
func NewName() Name {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return Name(hex.EncodeToString(b[:]))
}

// path is where the file lies: what is no name of ours lies nowhere.
func (n Name) path() (string, error) {
	if raw, err := hex.DecodeString(string(n)); err != nil || len(raw) != 16 || hex.EncodeToString(raw) != string(n) {
		return "", ErrNotFound
	}
	return path.Join(string(n[:2]), string(n)), nil
}

// A Folder keeps files in a folder, which several nodes may share. Nothing outside of it is reached.
type Folder struct{ root *os.Root }

// OpenFolder opens the folder, and makes it if there is none.
func OpenFolder(name string) (*Folder, error) {
	if err := os.MkdirAll(name, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of files: %w", err)
	}
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, fmt.Errorf("open the folder of files: %w", err)
	}
	return &Folder{root}, nil
}

// Close ends the use of the folder.
func (f *Folder) Close() error { return f.root.Close() }

// partialEnd marks files that are being written.
const partialEnd = ".part"

// Put writes a file so that it is there after a power cut, or is not there at all.
func (f *Folder) Put(_ context.Context, name Name, data []byte) (err error) {
	at, err := name.path()
	if err != nil {
		return err
	}
	if err := f.root.Mkdir(path.Dir(at), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("put a file: %w", err)
	}
	partial := at + partialEnd
	out, err := f.root.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("put a file: %w", err)
	}
	_, err = out.Write(data)
	if err = errors.Join(err, out.Sync(), out.Close()); err == nil {
		err = f.root.Rename(partial, at)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("put a file: %w", err), f.root.Remove(partial))
	}
	return f.sync(path.Dir(at))
}

// sync makes the names in a folder survive a power cut.
func (f *Folder) sync(folder string) error {
	d, err := f.root.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Get reads a file.
func (f *Folder) Get(_ context.Context, name Name) ([]byte, error) {
	at, err := name.path()
	if err != nil {
		return nil, err
	}
	in, err := f.root.Open(at)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("get a file: %w", err)
	}
	data, err := io.ReadAll(in)
	return data, errors.Join(err, in.Close())
}

// Delete removes a file; one that is not there has been removed.
func (f *Folder) Delete(_ context.Context, name Name) error {
	at, err := name.path()
	if err != nil {
		return err
	}
	if err := f.root.Remove(at); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete a file: %w", err)
	}
	return nil
}

// Shelves is in how many parts the files lie.
const Shelves = 256

// Older lists the files of one shelf, 0 to 255, that were written before a moment, and removes what was left half
// written before it.
func (f *Folder) Older(_ context.Context, shelf int, before time.Time) (names []Name, err error) {
	folder := hex.EncodeToString([]byte{byte(shelf)})
	files, err := fs.ReadDir(f.root.FS(), folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list files: %w", err)
	}
	for _, file := range files {
		about, err := file.Info()
		if errors.Is(err, fs.ErrNotExist) { // removed meanwhile
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("list files: %w", err)
		}
		if !about.ModTime().Before(before) {
			continue
		}
		name, here := Name(file.Name()), path.Join(folder, file.Name())
		if at, err := name.path(); err == nil && at == here {
			names = append(names, name)
			continue
		}
		if path.Ext(file.Name()) == partialEnd {
			if err := f.root.Remove(here); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("remove what was left half written: %w", err)
			}
		}
	}
	return names, nil
}
