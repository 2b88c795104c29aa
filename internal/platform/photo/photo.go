// Package photo makes of a picture that somebody sent one that may be kept: decoded, turned the way it was held,
// made smaller and encoded anew as JPEG, so that nothing but its pixels is left (security.md §10).
package photo

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	_ "image/jpeg" // what image.Decode reads
	_ "image/png"
	"time"

	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp"

	"wanjia/internal/platform/problem"
)

// The bounds of what is taken. They are looked at in the head of the file, before a pixel is decoded.
const (
	MaxBytes  = 10 << 20
	maxSide   = 10_000
	maxPixels = 25_000_000
	keptSide  = 1600 // the longer side of what is kept
)

// What a picture can be refused for.
var (
	ErrType   = problem.New(problem.Unsupported, "photo.type_refused")
	ErrBroken = problem.New(problem.Unsupported, "photo.broken")
	ErrPixels = problem.New(problem.Invalid, "photo.too_many_pixels")
	ErrBusy   = problem.New(problem.Unavailable, "common.unavailable").RetryAfter(retryAfter)
)

const retryAfter = 5 * time.Second

// A Photo is a picture that may be kept: a JPEG without any metadata.
type Photo struct {
	JPEG          []byte
	Width, Height int // pixels
}

// Cleaner decodes a few pictures at a time: each takes a hundred megabytes while it is decoded.
type Cleaner struct {
	turn, queue chan struct{}
}

// atOnce pictures are decoded at one time, and waiting more may wait.
const atOnce, waiting = 2, 16

// NewCleaner makes a Cleaner.
func NewCleaner() *Cleaner {
	return &Cleaner{turn: make(chan struct{}, atOnce), queue: make(chan struct{}, atOnce+waiting)}
}

// Clean makes a Photo of file, which anybody may have sent.
func (c *Cleaner) Clean(ctx context.Context, file []byte) (Photo, error) {
	if !readable(file) {
		return Photo{}, ErrType
	}
	head, _, err := image.DecodeConfig(bytes.NewReader(file))
	switch {
	case err != nil:
		return Photo{}, ErrBroken
	case head.Width <= 0, head.Height <= 0:
		return Photo{}, ErrBroken
	case head.Width > maxSide, head.Height > maxSide, head.Width*head.Height > maxPixels:
		return Photo{}, ErrPixels
	}
	return c.inTurn(ctx, func() (Photo, error) {
		picture, err := decode(file)
		if err != nil {
			return Photo{}, err
		}
		return encode(turned(shrunk(picture), orientation(file)))
	})
}

// Redact blackens the boxes of a kept picture for good: what lay under them is gone from the pixels.
func (c *Cleaner) Redact(ctx context.Context, kept []byte, boxes []image.Rectangle) (Photo, error) {
	return c.inTurn(ctx, func() (Photo, error) {
		picture, err := decode(kept)
		if err != nil {
			return Photo{}, err
		}
		flat := onWhite(picture, picture.Bounds().Dx(), picture.Bounds().Dy())
		for _, b := range boxes {
			draw.Draw(flat, b.Canon(), image.NewUniform(color.Black), image.Point{}, draw.Src)
		}
		return encode(flat)
	})
}

// inTurn does f when one of the turns is free. Too many waiters are sent away.
func (c *Cleaner) inTurn(ctx context.Context, f func() (Photo, error)) (Photo, error) {
	select {
	case c.queue <- struct{}{}:
		defer func() { <-c.queue }()
	default:
		return Photo{}, ErrBusy
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return Photo{}, ctx.Err()
	}
	return f()
}

// readable says whether file begins as a picture of the kinds that are taken, whatever it is called.
func readable(file []byte) bool {
	return isJPEG(file) || isPNG(file) || isWebP(file)
}

func isJPEG(b []byte) bool { return bytes.HasPrefix(b, []byte("\xff\xd8\xff")) }

func isPNG(b []byte) bool { return bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")) }

func isWebP(b []byte) bool {
	return len(b) >= 12 && string(b[:4]) == "RIFF" && string(b[8:12]) == "WEBP"
}

// decode reads all of a picture. A decoder that panics on a crafted file has refused it.
func decode(file []byte) (picture image.Image, err error) {
	defer func() {
		if recover() != nil {
			picture, err = nil, ErrBroken
		}
	}()
	picture, _, err = image.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, errors.Join(ErrBroken, err)
	}
	return picture, nil
}

// shrunk is picture on white, its longer side at most keptSide.
func shrunk(picture image.Image) *image.RGBA {
	w, h := picture.Bounds().Dx(), picture.Bounds().Dy()
	if longer := max(w, h); longer > keptSide {
		w, h = max(w*keptSide/longer, 1), max(h*keptSide/longer, 1)
	}
	return onWhite(picture, w, h)
}

// onWhite is picture, w by h pixels, with white where it is transparent.
func onWhite(picture image.Image, w, h int) *image.RGBA {
	flat := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(flat, flat.Bounds(), image.White, image.Point{}, draw.Src)
	draw.ApproxBiLinear.Scale(flat, flat.Bounds(), picture, picture.Bounds(), draw.Over, nil)
	return flat
}
