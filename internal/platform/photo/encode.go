package photo

import (
	"bytes"
	"image"
	"image/jpeg"
)

const quality = 85

// encode writes pixels and nothing else.
func encode(picture *image.RGBA) (Photo, error) {
	var out bytes.Buffer
	if err := jpeg.Encode(&out, picture, &jpeg.Options{Quality: quality}); err != nil {
		return Photo{}, err
	}
	return Photo{JPEG: out.Bytes(), Width: picture.Bounds().Dx(), Height: picture.Bounds().Dy()}, nil
}

// turned is picture as it is to be looked at: orientation is the value of the EXIF tag, 1 to 8 (EXIF 2.32, 4.6.4).
func turned(picture *image.RGBA, orientation int) *image.RGBA {
	w, h := picture.Bounds().Dx(), picture.Bounds().Dy()
	// from says which pixel of picture is shown at x, y.
	from := map[int]func(x, y int) (int, int){
		2: func(x, y int) (int, int) { return w - 1 - x, y },
		3: func(x, y int) (int, int) { return w - 1 - x, h - 1 - y },
		4: func(x, y int) (int, int) { return x, h - 1 - y },
		5: func(x, y int) (int, int) { return y, x },
		6: func(x, y int) (int, int) { return y, h - 1 - x },
		7: func(x, y int) (int, int) { return w - 1 - y, h - 1 - x },
		8: func(x, y int) (int, int) { return w - 1 - y, x },
	}[orientation]
	if from == nil {
		return picture
	}
	size := image.Rect(0, 0, w, h)
	if orientation >= 5 { // it lay on its side
		size = image.Rect(0, 0, h, w)
	}
	out := image.NewRGBA(size)
	for y := range size.Dy() {
		for x := range size.Dx() {
			fx, fy := from(x, y)
			copy(out.Pix[out.PixOffset(x, y):][:4], picture.Pix[picture.PixOffset(fx, fy):][:4])
		}
	}
	return out
}
