package household

import "strconv"

// minCell is the smallest count that is shown where single homes must not be guessed (X34).
const minCell = 5

// exact is n as it is shown to whoever looks after what it counts.
func exact(n int) string { return strconv.Itoa(n) }

// small is n as it is shown where small numbers are hidden.
func small(n int) string {
	if hidden(n) {
		return "<" + strconv.Itoa(minCell)
	}
	return strconv.Itoa(n)
}

func hidden(n int) bool { return n > 0 && n < minCell }

// total is the sum of cells as it may stand beside them; none if it would give away the only hidden one (X34).
func total(cells []int) (sum string, shown bool) {
	n, hid := 0, 0
	for _, c := range cells {
		n += c
		if hidden(c) {
			hid++
		}
	}
	if hid == 1 {
		return "", false
	}
	return small(n), true
}
