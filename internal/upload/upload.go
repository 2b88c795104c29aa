// Package upload keeps the pictures that people send: cleaned of everything but their pixels, sealed, and hanging on
// one thing, which decides who sees them (D15; security.md §10).
package upload

import (
	"image"
	"strconv"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/blob"
	"wanjia/internal/platform/problem"
)

// ID is the number of an upload.
type ID int64

// An Upload is a picture that was sent. Who sees it is decided by what it hangs on.
type Upload struct {
	ID        ID           `db:"id"`
	PersonID  org.PersonID `db:"person_id"`
	File      blob.Name    `db:"file"`
	Number    int64        `db:"number"`
	Width     int          `db:"width"`
	Height    int          `db:"height"`
	Size      int          `db:"size"`
	Version   int64        `db:"version"`
	CreatedAt time.Time    `db:"created_at"`
}

// An Owner is what uploads hang on.
type Owner struct {
	Type string
	ID   int64
}

// What uploads are refused for.
var (
	ErrUsed    = problem.New(problem.Invalid, "upload.used")
	ErrTooMany = problem.New(problem.Invalid, "upload.too_many")
	ErrLink    = problem.New(problem.Gone, "upload.link_expired")
	ErrBox     = problem.New(problem.Invalid, "upload.box_outside")
)

const (
	// MaxOf is how many pictures one thing has at most.
	MaxOf = 9
	// unused is how long a picture is kept that hangs on nothing.
	unused = 24 * time.Hour
	// linkLife is how long a link to a picture works.
	linkLife = 5 * time.Minute
)

// A Box is a part of a picture, in pixels from its upper left corner.
type Box struct{ X, Y, Width, Height int }

func (b Box) rectangle() image.Rectangle { return image.Rect(b.X, b.Y, b.X+b.Width, b.Y+b.Height) }

// meets says why boxes cannot be blackened in u, or nil: each must meet it, since whoever draws them believes that something
// is gone. A picture is kept smaller than it was sent, and boxes count its own pixels.
func (u Upload) meets(boxes []Box) error {
	all := image.Rect(0, 0, u.Width, u.Height)
	for i, b := range boxes {
		if !b.rectangle().Overlaps(all) {
			return ErrBox.Field("/boxes/"+strconv.Itoa(i), ErrBox.Code).With("width", u.Width).With("height", u.Height)
		}
	}
	return nil
}
