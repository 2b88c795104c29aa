package board

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/privacy"
	"wanjia/internal/upload"
)

// Build makes a press pack of pictures that by may see. One of them without the consent of somebody on it, and there is none (H1).
func (s *Service) Build(ctx context.Context, by org.Actor, title string, ids []MediaID) (p Pack, err error) {
	if err := privacy.CheckText("/title", title); err != nil {
		return Pack{}, err
	}
	all, err := s.packable(ctx, s.db, by, ids)
	if err != nil {
		return Pack{}, err
	}
	p = Pack{Title: title, BuiltAt: s.db.Now()}
	p.ExpiresAt = p.BuiltAt.Add(packLife)
	file, err := s.pack(ctx, &p, all)
	if err != nil {
		return Pack{}, err
	}
	err = s.uploads.Keep(ctx, by, file, func(tx *db.Tx, hang func(upload.Owner, time.Time) error) error {
		var id PackID
		err := once.Do(ctx, tx, int64(by.PersonID), &id, func() error {
			now, err := s.packable(ctx, tx, by, ids)
			if err != nil {
				return err
			}
			if !unchanged(p.Items, now) { // blackened in this moment
				return problem.ErrConflict
			}
			if id, err = insertPack(ctx, tx, by, p); err != nil {
				return err
			}
			audit.Note(tx, by.Did("press_pack.built", "press_pack", int64(id)))
			if err := hang(id.file(), p.ExpiresAt); err != nil {
				return err
			}
			return notify.Tell(ctx, tx, notify.InRole(by.PersonID, by.Assignment), notify.Item{
				Kind: "export.ready", Ref: notify.Ref{Type: "press_pack", ID: int64(id)}, By: org.System,
				Args: map[string]any{"kindLabel": "新闻素材包", "at": p.ExpiresAt},
			})
		})
		if err != nil {
			return err
		}
		p, err = s.found(ctx, tx, by, id)
		return err
	})
	return p, err
}

// packable are the pictures of a pack, or why there is none.
func (s *Service) packable(ctx context.Context, q db.Queryer, by org.Actor, ids []MediaID) ([]Media, error) {
	all := make([]Media, len(ids))
	for i, id := range ids {
		m, err := findMedia(ctx, q, by, id)
		if err != nil {
			return nil, err
		}
		all[i] = m
	}
	if err := complete(ctx, q, all); err != nil {
		return nil, err
	}
	fit, err := pressable(ctx, q, all)
	if err != nil {
		return nil, err
	}
	for i, m := range all {
		if guard.On(guard.Rule) && !fit[m.ID] {
			return nil, ErrConsentMissing.Field(fmt.Sprintf("/mediaIds/%d", i), ErrConsentMissing.Code)
		}
	}
	return all, nil
}

// pressable are those of pictures that newspapers may be given: they may be shown, and stand with a story that everybody may
// see, or show somebody and stand with none. One without both has neither an editor's word nor anybody's consent.
func pressable(ctx context.Context, q db.Queryer, all []Media) (map[MediaID]bool, error) {
	fit, err := fitting(ctx, q, all)
	if err != nil {
		return nil, err
	}
	var stories []int64
	for _, m := range all {
		if m.PublicationID != nil {
			stories = append(stories, int64(*m.PublicationID))
		}
	}
	hidden, err := hiddenOf(ctx, q, PublicationPage, stories)
	if err != nil {
		return nil, err
	}
	named, err := depictedIn(ctx, q, inPublication, stories)
	for _, m := range all {
		if m.PublicationID == nil {
			fit[m.ID] = fit[m.ID] && len(m.Shown) > 0
			continue
		}
		story := int64(*m.PublicationID)
		fit[m.ID] = fit[m.ID] && *m.PublicationState == PublicationPublished && hidden[story] == "" && agreed(named[story])
	}
	return fit, err
}

// pack writes the zip of p, and says in p what is in it.
func (s *Service) pack(ctx context.Context, p *Pack, all []Media) ([]byte, error) {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	add := func(name string, data []byte) error {
		f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: p.BuiltAt})
		if err != nil {
			return err
		}
		_, err = f.Write(data)
		return err
	}
	var words strings.Builder
	fmt.Fprintf(&words, "%s\r\n\r\n", p.Title)
	for i, m := range all {
		jpeg, err := s.uploads.Picture(ctx, m.Picture)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(jpeg)
		it := Packed{
			MediaID: m.ID, Version: m.Picture.Version, File: fmt.Sprintf("%02d.jpg", i+1), Caption: m.Caption, Credit: m.Credit,
			Hash: hex.EncodeToString(sum[:]),
		}
		p.Items = append(p.Items, it)
		fmt.Fprintf(&words, "%s　%s　%s\r\n", it.File, it.Caption, it.Credit)
		if err := add(it.File, jpeg); err != nil {
			return nil, fmt.Errorf("pack picture %d: %w", m.ID, err)
		}
	}
	manifest, err := json.MarshalIndent(map[string]any{
		"title": p.Title, "builtAt": p.BuiltAt.UTC(), "expiresAt": p.ExpiresAt.UTC(), "items": p.Items,
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the manifest of a press pack: %w", err)
	}
	p.Manifest = string(manifest)
	for _, f := range []struct {
		name string
		data []byte
	}{{"manifest.json", manifest}, {"图片说明.txt", []byte("\ufeff" + words.String())}} {
		if err := add(f.name, f.data); err != nil {
			return nil, fmt.Errorf("pack %s: %w", f.name, err)
		}
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("end a press pack: %w", err)
	}
	sum := sha256.Sum256(out.Bytes())
	p.Hash = sum[:]
	return out.Bytes(), nil
}

// found is a pack of by's, with what has become of it.
func (s *Service) found(ctx context.Context, q db.Queryer, by org.Actor, id PackID) (Pack, error) {
	p, err := findPack(ctx, q, by, id)
	if err != nil {
		return Pack{}, err
	}
	return p, p.look(ctx, q)
}

// look reads what is in p, and says what has become of it.
func (p *Pack) look(ctx context.Context, q db.Queryer) error {
	var manifest struct {
		Items []Packed `json:"items"`
	}
	if err := json.Unmarshal([]byte(p.Manifest), &manifest); err != nil {
		return fmt.Errorf("read the manifest of press pack %d: %w", p.ID, err)
	}
	p.Items, p.State = manifest.Items, PackReady
	if !db.NowOf(q).Before(p.ExpiresAt) {
		p.State = PackExpired
		return nil
	}
	ids := make([]MediaID, len(p.Items))
	for i, it := range p.Items {
		ids[i] = it.MediaID
	}
	all, err := mediaByIDs(ctx, q, ids)
	if err != nil {
		return err
	}
	fit, err := pressable(ctx, q, slices.Collect(maps.Values(all)))
	if err != nil {
		return err
	}
	for _, it := range p.Items {
		if m, there := all[it.MediaID]; !there || m.Picture.Version != it.Version || !fit[it.MediaID] {
			p.State = PackOutdated
			return nil
		}
	}
	return nil
}

// Pack is a pack of by's.
func (s *Service) Pack(ctx context.Context, by org.Actor, id PackID) (Pack, error) {
	return s.found(ctx, s.db, by, id)
}

// Packs is a page of by's packs, and the cursor behind it.
func (s *Service) Packs(ctx context.Context, by org.Actor, cursor string, size int) (all []Pack, next string, err error) {
	p, err := s.pages.Parse(cursor, size, page.Bound("listPressPacks", by.PersonID))
	if err != nil {
		return nil, "", err
	}
	if all, err = listPacks(ctx, s.db, by, p); err != nil {
		return nil, "", err
	}
	all, next = page.Cut(all, p, func(p Pack) (time.Time, int64) { return time.UnixMilli(0), int64(p.ID) })
	for i := range all {
		if err := all[i].look(ctx, s.db); err != nil {
			return nil, "", err
		}
	}
	return all, next, nil
}

// Fetch is the zip of a pack of by's, while everything in it may be shown. It is noted first.
func (s *Service) Fetch(ctx context.Context, by org.Actor, id PackID) (p Pack, file []byte, err error) {
	var kept upload.Upload
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if p, err = s.found(ctx, tx, by, id); err != nil {
			return err
		}
		switch p.State { //nolint:exhaustive // because a pack has no other states
		case PackExpired:
			return ErrPackExpired
		case PackOutdated:
			return ErrPackOutdated
		}
		audit.Note(tx, by.Did("press_pack.fetched", "press_pack", int64(id)).Showing("photos"))
		all, err := upload.OfAll(ctx, tx, id.file().Type, []int64{int64(id)})
		kept = all[int64(id)]
		return err
	})
	if err != nil {
		return Pack{}, nil, err
	}
	file, err = s.uploads.Picture(ctx, kept)
	return p, file, err
}
