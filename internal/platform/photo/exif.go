package photo

import (
	"bytes"
	"encoding/binary"
)

// upright is the orientation of a picture that says nothing about it.
const upright = 1

// orientation is how the camera was held, 1 to 8. It is all that is read of the metadata of a picture.
func orientation(file []byte) int {
	tiff := exifOf(file)
	if len(tiff) < 8 {
		return upright
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch string(tiff[:4]) {
	case "II*\x00":
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return upright
	}
	at := uint64(order.Uint32(tiff[4:]))
	if at+2 > uint64(len(tiff)) {
		return upright
	}
	const entry, orientationTag, short, long = 12, 0x0112, 3, 4
	count := uint64(order.Uint16(tiff[at:]))
	for i := range count {
		e := at + 2 + i*entry
		if e+entry > uint64(len(tiff)) {
			return upright
		}
		if order.Uint16(tiff[e:]) != orientationTag {
			continue
		}
		switch order.Uint16(tiff[e+2:]) {
		case short:
			return int(order.Uint16(tiff[e+8:]))
		case long: // some cameras write it so, against the letter of EXIF
			return int(min(order.Uint32(tiff[e+8:]), 1<<16))
		}
	}
	return upright
}

// exifOf is the TIFF structure that a picture carries as EXIF, nil if there is none.
func exifOf(file []byte) []byte {
	switch {
	case isJPEG(file):
		return exifOfJPEG(file)
	case isPNG(file):
		return chunk(file[8:], "eXIf", binary.BigEndian, pngChunk)
	case isWebP(file):
		return bytes.TrimPrefix(chunk(file[12:], "EXIF", binary.LittleEndian, webpChunk), exifHead)
	}
	return nil
}

var exifHead = []byte("Exif\x00\x00")

// exifOfJPEG walks the segments in front of the picture (JFIF, EXIF: marker FF E1).
func exifOfJPEG(file []byte) []byte {
	const marker, app1, scan = 0xff, 0xe1, 0xda
	rest := file[2:]
	for len(rest) >= 4 && rest[0] == marker {
		kind, length := rest[1], int(binary.BigEndian.Uint16(rest[2:]))
		if kind == marker { // a byte of filling
			rest = rest[1:]
			continue
		}
		if kind == scan || length < 2 || 2+length > len(rest) {
			return nil
		}
		if segment := rest[4 : 2+length]; kind == app1 && bytes.HasPrefix(segment, exifHead) {
			return segment[len(exifHead):]
		}
		rest = rest[2+length:]
	}
	return nil
}

// A chunkShape says where a chunk has its name, its length and its bytes, and how long it is in all.
type chunkShape struct {
	name, length int
	all          func(length int) int
}

var (
	pngChunk  = chunkShape{name: 4, length: 0, all: func(n int) int { return 8 + n + 4 }}   // and a checksum
	webpChunk = chunkShape{name: 0, length: 4, all: func(n int) int { return 8 + n + n%2 }} // padded to even
)

// chunk is the first chunk of that name.
func chunk(rest []byte, name string, order binary.ByteOrder, shape chunkShape) []byte {
	const head = 8
	for len(rest) >= head {
		length := int(order.Uint32(rest[shape.length:]))
		if length < 0 || length > len(rest)-head {
			return nil
		}
		if string(rest[shape.name:shape.name+4]) == name {
			return rest[head : head+length]
		}
		rest = rest[min(shape.all(length), len(rest)):]
	}
	return nil
}
