package photo

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"
)

// corner is a picture of 64 by 32 pixels, white but for its red upper left quarter.
func corner() *image.RGBA {
	p := image.NewRGBA(image.Rect(0, 0, 64, 32))
	draw.Draw(p, p.Bounds(), image.White, image.Point{}, draw.Src)
	draw.Draw(p, image.Rect(0, 0, 32, 16), image.NewUniform(color.RGBA{R: 255, A: 255}), image.Point{}, draw.Src)
	return p
}

func jpegOf(t *testing.T, p image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := jpeg.Encode(&out, p, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func pngOf(t *testing.T, p image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, p); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// secret stands in the metadata of fixtures as a place would.
const secret = "GPS-30.1234N-120.5678E"

// exif is a TIFF structure that says how the camera was held, and where.
func exif(order binary.AppendByteOrder, mark string, orientation uint16) []byte {
	b := []byte(mark)
	b = order.AppendUint32(b, 8)
	b = order.AppendUint16(b, 2)
	for _, e := range [][2]uint16{{0x010f, 2}, {0x0112, 3}} { // maker, a text; orientation, a short
		b = order.AppendUint16(b, e[0])
		b = order.AppendUint16(b, e[1])
		b = order.AppendUint32(b, 1)
		b = order.AppendUint16(b, orientation)
		b = order.AppendUint16(b, 0)
	}
	return append(order.AppendUint32(b, 0), secret...)
}

// withSegments is a JPEG with EXIF, XMP and a comment in front, and bytes behind its end.
func withSegments(file, tiff []byte) []byte {
	out := append([]byte{}, file[:2]...)
	for _, s := range []struct {
		kind byte
		body string
	}{
		{0xe1, "http://ns.adobe.com/xap/1.0/\x00<x:xmpmeta>" + secret + "</x:xmpmeta>"},
		{0xe1, "Exif\x00\x00" + string(tiff)},
		{0xfe, secret},
	} {
		out = append(out, 0xff, s.kind)
		out = binary.BigEndian.AppendUint16(out, uint16(len(s.body)+2))
		out = append(out, s.body...)
	}
	out = append(out, file[2:]...)
	return append(out, "<script>"+secret+"</script>"...)
}

// withChunk is a PNG with an eXIf chunk behind its head.
func withChunk(file, tiff []byte) []byte {
	const head = 8 + 25 // signature, IHDR
	c := append([]byte("eXIf"), tiff...)
	out := binary.BigEndian.AppendUint32(append([]byte{}, file[:head]...), uint32(len(tiff)))
	out = binary.BigEndian.AppendUint32(append(out, c...), crc32.ChecksumIEEE(c))
	return append(out, file[head:]...)
}

// webpWith is a WebP of one pixel with an EXIF chunk.
func webpWith(t *testing.T, tiff []byte) []byte {
	t.Helper()
	pixel, err := base64.StdEncoding.DecodeString("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA")
	if err != nil {
		t.Fatal(err)
	}
	body := []byte("WEBPVP8X\x0a\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	body = append(body, pixel[12:]...)
	body = append(body, "EXIF"...)
	body = binary.LittleEndian.AppendUint32(body, uint32(len(tiff)))
	body = append(body, tiff...)
	if len(tiff)%2 == 1 {
		body = append(body, 0)
	}
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

func TestU2_NothingButThePixelsIsLeft(t *testing.T) {
	t.Parallel()
	little := exif(binary.LittleEndian, "II*\x00", 1)
	for name, file := range map[string][]byte{
		"jpeg": withSegments(jpegOf(t, corner()), little),
		"png":  withChunk(pngOf(t, corner()), little),
		"webp": webpWith(t, little),
	} {
		if !bytes.Contains(file, []byte(secret)) {
			t.Fatalf("%s: the fixture says nothing of a place", name)
		}
		p, err := NewCleaner().Clean(t.Context(), file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, trace := range []string{secret, "Exif", "xmp", "ICC_PROFILE", "script"} {
			if bytes.Contains(p.JPEG, []byte(trace)) {
				t.Errorf("%s: %q is left", name, trace)
			}
		}
		if !bytes.HasSuffix(p.JPEG, []byte{0xff, 0xd9}) {
			t.Errorf("%s: something stands behind the end of the picture", name)
		}
	}
}

func TestU2_APictureIsTurnedTheWayItWasHeld(t *testing.T) {
	t.Parallel()
	// Where the red quarter is afterwards, and whether the picture stands.
	for orientation, want := range map[uint16]struct {
		right, low, stands bool
	}{
		0: {}, 1: {}, 2: {right: true}, 3: {right: true, low: true}, 4: {low: true},
		5: {stands: true}, 6: {right: true, stands: true}, 7: {right: true, low: true, stands: true}, 8: {low: true, stands: true}, 9: {},
	} {
		for order, tiff := range map[string][]byte{
			"little": exif(binary.LittleEndian, "II*\x00", orientation), "big": exif(binary.BigEndian, "MM\x00*", orientation),
		} {
			p, err := NewCleaner().Clean(t.Context(), withSegments(jpegOf(t, corner()), tiff))
			if err != nil {
				t.Fatal(err)
			}
			picture, err := jpeg.Decode(bytes.NewReader(p.JPEG))
			if err != nil {
				t.Fatal(err)
			}
			if stands := p.Height > p.Width; stands != want.stands {
				t.Errorf("%s %d: %d by %d pixels", order, orientation, p.Width, p.Height)
			}
			for _, right := range []bool{false, true} {
				for _, low := range []bool{false, true} {
					x, y := p.Width/4, p.Height/4
					if right {
						x *= 3
					}
					if low {
						y *= 3
					}
					_, green, _, _ := picture.At(x, y).RGBA()
					if red := green < 0x8000; red != (right == want.right && low == want.low) {
						t.Errorf("%s %d: red at right %v, low %v: %v", order, orientation, right, low, red)
					}
				}
			}
		}
	}
}

func TestU1_U3_WhatIsNoPictureIsRefused(t *testing.T) {
	t.Parallel()
	var moving bytes.Buffer
	if err := gif.Encode(&moving, corner(), nil); err != nil {
		t.Fatal(err)
	}
	good := jpegOf(t, corner())
	// A head that promises 20,000 by 20,000 pixels, and nothing behind it: who decodes it first finds it broken.
	huge := pngOf(t, corner())[:8+25]
	binary.BigEndian.PutUint32(huge[16:], 20_000)
	binary.BigEndian.PutUint32(huge[20:], 20_000)
	binary.BigEndian.PutUint32(huge[29:], crc32.ChecksumIEEE(huge[12:29]))
	long := bytes.Clone(huge)
	binary.BigEndian.PutUint32(long[16:], 10_001)
	binary.BigEndian.PutUint32(long[20:], 1)
	binary.BigEndian.PutUint32(long[29:], crc32.ChecksumIEEE(long[12:29]))
	for name, c := range map[string]struct {
		file []byte
		want error
	}{
		"empty":        {nil, ErrType},
		"gif":          {moving.Bytes(), ErrType},
		"svg":          {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), ErrType},
		"heic":         {[]byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"), ErrType},
		"pdf and jpeg": {append([]byte("%PDF-1.7\n"), good...), ErrType},
		"gif and jpeg": {append([]byte("GIF89a"), good...), ErrType},
		"html":         {[]byte("<html>"), ErrType},
		"truncated":    {good[:len(good)/2], ErrBroken},
		"head alone":   {[]byte("\xff\xd8\xff\xe0"), ErrBroken},
		"riff":         {[]byte("RIFF\x04\x00\x00\x00WEBP"), ErrBroken},
		"pixel flood":  {huge, ErrPixels},
		"long side":    {long, ErrPixels},
	} {
		if p, err := NewCleaner().Clean(t.Context(), c.file); !errors.Is(err, c.want) {
			t.Errorf("%s: got %d bytes and %v, want %v", name, len(p.JPEG), err, c.want)
		}
	}
}

func TestABigPictureIsMadeSmallerAndATransparentOneWhite(t *testing.T) {
	t.Parallel()
	p, err := NewCleaner().Clean(t.Context(), pngOf(t, image.NewNRGBA(image.Rect(0, 0, 3200, 100))))
	if err != nil || p.Width != keptSide || p.Height != 50 {
		t.Fatalf("got %d by %d pixels, error %v; want 1600 by 50", p.Width, p.Height, err)
	}
	picture, err := jpeg.Decode(bytes.NewReader(p.JPEG))
	if err != nil {
		t.Fatal(err)
	}
	if r, g, b, _ := picture.At(10, 10).RGBA(); min(r, g, b) < 0xf000 {
		t.Errorf("what was transparent is %x %x %x, want white", r, g, b)
	}
}

func TestD15_BlackBoxesAreInThePixels(t *testing.T) {
	t.Parallel()
	c := NewCleaner()
	p, err := c.Clean(t.Context(), jpegOf(t, corner()))
	if err != nil {
		t.Fatal(err)
	}
	p, err = c.Redact(t.Context(), p.JPEG, []image.Rectangle{image.Rect(0, 0, 32, 16), image.Rect(60, 28, 1000, 1000)})
	if err != nil {
		t.Fatal(err)
	}
	picture, err := jpeg.Decode(bytes.NewReader(p.JPEG))
	if err != nil {
		t.Fatal(err)
	}
	for at, dark := range map[image.Point]bool{{X: 8, Y: 8}: true, {X: 62, Y: 30}: true, {X: 50, Y: 8}: false} {
		if r, _, _, _ := picture.At(at.X, at.Y).RGBA(); (r < 0x3000) != dark {
			t.Errorf("at %v: red %x, want dark %v", at, r, dark)
		}
	}
	if _, err := c.Redact(t.Context(), []byte("no picture"), nil); !errors.Is(err, ErrBroken) {
		t.Errorf("blackening what is no picture: got %v", err)
	}
}

func TestU5_MoreThanMayWaitAreSentAway(t *testing.T) {
	t.Parallel()
	c := NewCleaner()
	for range atOnce {
		c.turn <- struct{}{} // somebody decodes
	}
	for range atOnce + waiting {
		c.queue <- struct{}{}
	}
	if _, err := c.Clean(t.Context(), jpegOf(t, corner())); !errors.Is(err, ErrBusy) {
		t.Errorf("one too many: got %v, want %v", err, ErrBusy)
	}
	<-c.queue
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := c.Clean(gone, jpegOf(t, corner())); !errors.Is(err, context.Canceled) {
		t.Errorf("who no longer waits: got %v", err)
	}
	<-c.turn
	if _, err := c.Clean(t.Context(), jpegOf(t, corner())); err != nil {
		t.Errorf("when it is their turn: %v", err)
	}
}

func FuzzWhateverIsSentIsRefusedOrComesOutClean(f *testing.F) {
	for _, seed := range []string{"\xff\xd8\xff\xe1\x00\x10Exif\x00\x00II*\x00", "\x89PNG\r\n\x1a\n", "RIFF\x04\x00\x00\x00WEBPVP8X", strings.Repeat("\xff", 40)} {
		f.Add([]byte(seed))
	}
	c := NewCleaner()
	f.Fuzz(func(t *testing.T, file []byte) {
		p, err := c.Clean(t.Context(), file)
		if err != nil {
			return
		}
		if got, err := jpeg.DecodeConfig(bytes.NewReader(p.JPEG)); err != nil || got.Width != p.Width || max(p.Width, p.Height) > keptSide {
			t.Errorf("%d by %d pixels are kept of %d bytes, error %v", p.Width, p.Height, len(file), err)
		}
	})
}

func TestD15_AnOrientationWrittenAsLongTurnsThePictureToo(t *testing.T) {
	t.Parallel()
	for name, order := range map[string]binary.AppendByteOrder{"II*\x00": binary.LittleEndian, "MM\x00*": binary.BigEndian} {
		for want := range uint32(9) {
			b := order.AppendUint32([]byte(name), 8)
			b = order.AppendUint16(b, 1)
			b = order.AppendUint16(b, 0x0112)
			b = order.AppendUint16(b, 4)
			b = order.AppendUint32(b, 1)
			b = order.AppendUint32(b, want)
			file := append([]byte{0xff, 0xd8, 0xff, 0xe1}, binary.BigEndian.AppendUint16(nil, uint16(2+len(exifHead)+len(b)))...)
			if got := orientation(append(append(file, exifHead...), b...)); got != int(want) {
				t.Errorf("%q: orientation %d, want %d", name, got, want)
			}
		}
	}
}
