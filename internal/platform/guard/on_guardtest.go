//go:build guardtest

package guard

import (
	"os"
	"strconv"
)

var off, _ = strconv.Atoi(os.Getenv("WANJIA_TEST_GUARD_OFF"))

// On says whether g refuses: unless WANJIA_TEST_GUARD_OFF names it.
func On(g Guard) bool { return int(g) != off }
