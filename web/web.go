// Package web holds the pages that browsers get as they are written here: so far the start page, which says what
// this server is and, in demo mode, shows somebody's inbox as it fills. It needs no Node to build.
package web

import "embed"

// Start is the start page with its style and script, in the folder start.
//
//go:embed start
var Start embed.FS
