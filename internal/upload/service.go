package upload

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"image"
	"slices"
	"strconv"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/blob"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/limit"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/photo"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
)

// Allow asks a limiter.
type Allow func(ctx context.Context, l limit.Limiter, subject string, n int) limit.Verdict

// A Service takes pictures in and gives them out.
type Service struct {
	db    *db.DB
	keys  *sealed.Keys
	files *blob.Folder
	allow Allow
	clean *photo.Cleaner
}

// NewService makes a Service that keeps its files in a folder.
func NewService(d *db.DB, keys *sealed.Keys, files *blob.Folder, allow Allow) *Service {
	return &Service{db: d, keys: keys, files: files, allow: allow, clean: photo.NewCleaner()}
}

// Take keeps a picture that by sends. file is called once by may send one at all.
func (s *Service) Take(ctx context.Context, by org.Actor, file func() ([]byte, error)) (u Upload, err error) {
	subject := strconv.FormatInt(int64(by.PersonID), 10)
	if v := s.allow(ctx, limit.Upload, subject, 1); !v.OK {
		return u, problem.ErrTooMany.RetryAfter(v.Retry)
	}
	raw, err := file()
	if err != nil {
		return u, err
	}
	if v := s.allow(ctx, limit.UploadBytes, subject, len(raw)); !v.OK {
		return u, problem.ErrTooMany.RetryAfter(v.Retry)
	}
	picture, err := s.clean.Clean(ctx, raw)
	if err != nil {
		return u, err
	}
	kept, err := s.put(ctx, picture)
	if err != nil {
		return u, err
	}
	kept.PersonID = by.PersonID
	sum := sha256.Sum256(raw)
	var t taken
	err = once.InTx(ctx, s.db, int64(by.PersonID), &t, func(tx *db.Tx) (err error) {
		t = taken{kept, sum[:]}
		t.CreatedAt = tx.Now
		t.ID, err = insert(ctx, tx, t.Upload)
		audit.Note(tx, by.Did("upload.taken", "upload", int64(t.ID)))
		return err
	})
	if err == nil && !bytes.Equal(t.Hash, sum[:]) {
		err = problem.ErrKeyReused // the body of a form is not in the fingerprint of a call
	}
	if err != nil || t.File != kept.File { // it was there from an earlier try
		err = errors.Join(err, s.files.Delete(ctx, kept.File))
	}
	return t.Upload, err
}

// taken is what is kept of a call for its repeat.
type taken struct {
	Upload
	Hash []byte
}

// put writes a picture into a new file, sealed.
func (s *Service) put(ctx context.Context, p photo.Photo) (u Upload, err error) {
	var number [8]byte
	_, _ = rand.Read(number[:]) // never fails (crypto/rand)
	u = Upload{
		File: blob.NewName(), Number: int64(binary.BigEndian.Uint64(number[:]) >> 1),
		Width: p.Width, Height: p.Height, Size: len(p.JPEG), Version: 1,
	}
	cipher, err := s.keys.Seal(sealed.Personal, "upload", "file", u.Number, string(p.JPEG))
	if err != nil {
		return u, err
	}
	return u, s.files.Put(ctx, u.File, cipher)
}

// get reads the picture of u.
func (s *Service) get(ctx context.Context, u Upload) ([]byte, error) {
	cipher, err := s.files.Get(ctx, u.File)
	if errors.Is(err, blob.ErrNotFound) {
		return nil, problem.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	text, err := s.keys.Open(sealed.Personal, "upload", "file", u.Number, cipher)
	return []byte(text), err
}

// RedactOwn blackens boxes of a picture that by sent and that hangs on nothing yet.
func (s *Service) RedactOwn(ctx context.Context, by org.Actor, id ID, boxes []Box) (Upload, error) {
	return s.Redact(ctx, by, boxes, func(q db.Queryer) (Upload, error) { return findOwn(ctx, q, by.PersonID, id) })
}

// Redact blackens boxes of the picture that find returns, for good: the file without them is deleted. find says who
// may; it is asked before the picture is touched and once more when it is replaced.
func (s *Service) Redact(ctx context.Context, by org.Actor, boxes []Box, find func(q db.Queryer) (Upload, error)) (u Upload, err error) {
	was, err := find(s.db)
	if err != nil {
		return u, err
	}
	if err := was.meets(boxes); err != nil {
		return u, err
	}
	jpeg, err := s.get(ctx, was)
	if err != nil {
		return u, err
	}
	areas := make([]image.Rectangle, len(boxes))
	for i, b := range boxes {
		areas[i] = b.rectangle()
	}
	picture, err := s.clean.Redact(ctx, jpeg, areas)
	if err != nil {
		return u, err
	}
	kept, err := s.put(ctx, picture)
	if err != nil {
		return u, err
	}
	err = once.InTx(ctx, s.db, int64(by.PersonID), &u, func(tx *db.Tx) error {
		now, err := find(tx)
		if err != nil {
			return err
		}
		u = now
		u.File, u.Number, u.Width, u.Height, u.Size, u.Version = kept.File, kept.Number, kept.Width, kept.Height, kept.Size, was.Version+1
		audit.Note(tx, by.Did("upload.redacted", "upload", int64(u.ID)))
		if err := replace(ctx, tx, u, was.Version); err != nil {
			return err
		}
		s.deleteAfter(ctx, tx, now.File)
		return nil
	})
	if err != nil || u.File != kept.File {
		err = errors.Join(err, s.files.Delete(ctx, kept.File))
	}
	return u, err
}

// Remove deletes a picture in tx, and its file afterwards.
func (s *Service) Remove(ctx context.Context, tx *db.Tx, by org.Actor, u Upload) error {
	audit.Note(tx, by.Did("upload.removed", "upload", int64(u.ID)))
	if err := remove(ctx, tx, u.ID); err != nil {
		return err
	}
	s.deleteAfter(ctx, tx, u.File)
	return nil
}

// deleteAfter deletes a file once tx is committed. What a killed process leaves, Sweep finds.
func (s *Service) deleteAfter(ctx context.Context, tx *db.Tx, file blob.Name) {
	tx.After(func() { _ = s.files.Delete(context.WithoutCancel(ctx), file) })
}

// Sweep deletes pictures whose time is over, and says whether there were any. Any number of nodes may do so.
func (s *Service) Sweep(ctx context.Context) (some bool, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		all, err := over(ctx, tx)
		if err != nil {
			return err
		}
		some = len(all) > 0
		for _, u := range all {
			if err := s.Remove(ctx, tx, org.System, u); err != nil {
				return err
			}
		}
		return nil
	})
	return some, err
}

// linkPurpose is what the links of pictures are signed for.
const linkPurpose sealed.Purpose = "file_link"

// orphaned is how old a file without a row must be: one that was just written has its row in a moment.
const orphaned = time.Hour

// Tidy deletes the files of one shelf that no row speaks of, and says which shelf is next.
func (s *Service) Tidy(ctx context.Context, shelf int, now time.Time) (next int, err error) {
	files, err := s.files.Older(ctx, shelf, now.Add(-orphaned))
	if err != nil {
		return shelf, err
	}
	for some := range slices.Chunk(files, 500) {
		rows, err := known(ctx, s.db, some)
		if err != nil {
			return shelf, err
		}
		for _, name := range some {
			if rows[name] {
				continue
			}
			if err := s.files.Delete(ctx, name); err != nil {
				return shelf, err
			}
		}
	}
	return (shelf + 1) % blob.Shelves, nil
}

// Link is a path at which u can be seen for five minutes by whoever has it: pages of a mini-program cannot send a
// token with a picture. It is made for person, whose right was asked a moment ago.
func (s *Service) Link(person org.PersonID, u Upload) string {
	signed := make([]byte, 0, 24)
	signed = binary.BigEndian.AppendUint64(signed, uint64(u.ID))
	signed = binary.BigEndian.AppendUint64(signed, uint64(person))
	signed = binary.BigEndian.AppendUint64(signed, uint64(s.db.Now().Add(linkLife).Unix()))
	mac := s.keys.MAC(linkPurpose, signed)
	return "/v1/files/" + base64.RawURLEncoding.EncodeToString(append(signed, mac...))
}

// Show is the picture of a link. Whoever is signed in sees it by their own links only; a picture of a mini-program comes
// without a token, and the link alone says for whom it was made, for five minutes.
func (s *Service) Show(ctx context.Context, by org.Actor, link string) ([]byte, error) {
	const head = 24
	raw, err := base64.RawURLEncoding.DecodeString(link)
	if err != nil || len(raw) <= head || !s.keys.Authentic(linkPurpose, raw[:head], raw[head:]) {
		return nil, problem.ErrNotFound
	}
	if until := time.Unix(int64(binary.BigEndian.Uint64(raw[16:])), 0); !s.db.Now().Before(until) {
		return nil, ErrLink
	}
	if person := org.PersonID(binary.BigEndian.Uint64(raw[8:])); guard.On(guard.Rule) && by.PersonID != 0 && by.PersonID != person {
		return nil, problem.ErrNotFound
	}
	u, err := find(ctx, s.db, ID(binary.BigEndian.Uint64(raw)))
	if err != nil {
		return nil, err
	}
	return s.get(ctx, u)
}
