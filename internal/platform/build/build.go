// Package build says what this program was built from, so that a figure or a report of a fault can be traced to its code.
package build

import "runtime/debug"

// commit is set by make: -ldflags "-X …".
var commit string

// Commit is the commit this program was built from, twelve digits of it, with -dirty behind it when files were changed
// since. It is empty where nobody knows.
func Commit() string {
	info, _ := debug.ReadBuildInfo()
	return from(commit, info)
}

// from is what make said, or else what Go wrote down by itself, as it does for a build in a plain clone.
func from(said string, info *debug.BuildInfo) string {
	if said != "" || info == nil {
		return said
	}
	revision, mark := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			mark = "-dirty"
		}
	}
	if revision == "" {
		return ""
	}
	return revision + mark
}
