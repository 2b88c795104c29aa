// Package configs carries the data files of this folder inside the program.
package configs

import _ "embed"

// Holidays is the working calendar that ships, demo data (see the file's head).
//
//go:embed holidays.yaml
var Holidays []byte
