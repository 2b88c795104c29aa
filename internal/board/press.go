package board

import (
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/problem"
	"wanjia/internal/upload"
)

// PackID names a press pack.
type PackID int64

// What press packs are refused for.
var (
	ErrPackOutdated = problem.New(problem.Gone, "board.pack_outdated")
	ErrPackExpired  = problem.New(problem.Gone, "board.pack_expired")
)

// packLife is how long a pack can be fetched.
const packLife = 24 * time.Hour

// The states of a pack as whoever built it sees it.
const (
	PackReady    State = "ready"
	PackOutdated State = "outdated" // a picture in it may not be shown any more as it is there
	PackExpired  State = "expired"
)

// A Pack (新闻素材包) is a zip of pictures for newspapers, with what they show. What it holds is written down when it is
// built, and changes no more.
type Pack struct {
	ID        PackID       `db:"id"`
	BuiltBy   org.PersonID `db:"built_by"`
	Title     string       `db:"title"`
	Manifest  string       `db:"manifest"` // as it stands in the zip
	Hash      []byte       `db:"sha256"`   // of the zip
	BuiltAt   time.Time    `db:"built_at"`
	ExpiresAt time.Time    `db:"expires_at"`

	Items []Packed `db:"-"`
	State State    `db:"-"`
}

// A Packed is one picture in a pack.
type Packed struct {
	MediaID MediaID `json:"mediaId"`
	Version int64   `json:"version"` // of its file
	File    string  `json:"file"`
	Caption string  `json:"caption"`
	Credit  string  `json:"credit"`
	Hash    string  `json:"sha256"`
}

// file is what the zip of a pack hangs on.
func (id PackID) file() upload.Owner { return upload.Owner{Type: "press_pack", ID: int64(id)} }

// unchanged says whether what was packed is what may be shown now.
func unchanged(packed []Packed, now []Media) bool {
	for i, it := range packed {
		if now[i].Picture.Version != it.Version {
			return false
		}
	}
	return true
}
