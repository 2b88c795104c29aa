package board

import (
	"fmt"
	"html/template"
	"image/color"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// quiet is how many modules of white a QR code has around it.
const quiet = 4

// A modules is n dark modules of a QR code beside each other.
type modules struct{ x, y, n int }

// runsOf is text as a QR code of side modules, without the white around it.
func runsOf(text string) (runs []modules, side int, err error) {
	code, err := qr.Encode(text, qr.Q, qr.Auto) // a quarter of it may be worn off by sun and rain
	if err != nil {
		return nil, 0, fmt.Errorf("draw a QR code: %w", err)
	}
	side = code.Bounds().Dx()
	for y := range side {
		for x := 0; x < side; x++ {
			from := x
			for x < side && dark(code.At(x, y)) {
				x++
			}
			if x > from {
				runs = append(runs, modules{from, y, x - from})
			}
		}
	}
	return runs, side, nil
}

// drawQR is text as a QR code, drawn as SVG: sharp at every size, and no picture that a page would have to fetch.
func drawQR(text string) (template.HTML, error) {
	runs, size, err := runsOf(text)
	if err != nil {
		return "", err
	}
	var path strings.Builder
	for _, r := range runs {
		fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", r.x+quiet, r.y+quiet, r.n, r.n)
	}
	side := size + 2*quiet
	return template.HTML(fmt.Sprintf( //nolint:gosec // because it is made of numbers only
		`<svg class="qr" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="二维码" shape-rendering="crispEdges">`+
			`<path fill="#fff" d="M0 0h%dv%dH0z"/><path d="%s"/></svg>`, side, side, side, side, path.String())), nil
}

func dark(c color.Color) bool {
	r, _, _, _ := c.RGBA()
	return r < 0x8000
}
