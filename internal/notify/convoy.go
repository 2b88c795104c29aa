package notify

// A convoy is fan-outs that stand at the same place and go to the same persons, in the order in which they were announced. What
// a chunk is dear for - reading the persons, taking their numbers, Redis, a write to each device - is done once for all of them.
// Each is begun, noted and ended by itself.
type convoy []fan

// together is how many go together at most: whoever was first waits for the rows of all of them.
const together = 8

// convoys are some fan-outs, in their order, each with those behind it that go with it.
func convoys(some []fan) (all []convoy) {
	for _, x := range some {
		joined := false
		for i, c := range all {
			if joined = len(c) < together && c[0].goesWith(x); joined {
				all[i] = append(c, x)
				break
			}
		}
		if !joined {
			all = append(all, convoy{x})
		}
	}
	return all
}

// goesWith says whether x and y are as urgent, stand at the same place, and have the same persons before them. Whoever
// announces gets nothing of it, so there are as many kinds of persons as there are authors.
func (x fan) goesWith(y fan) bool {
	return x.State == NoticeRunning && y.State == NoticeRunning && x.Prio == y.Prio && x.Scope == y.Scope && x.By == y.By &&
		x.Next == y.Next && x.PushedTo == x.Next && y.PushedTo == y.Next
}

// apart is each of c alone.
func (c convoy) apart() []convoy {
	all := make([]convoy, len(c))
	for i, x := range c {
		all[i] = convoy{x}
	}
	return all
}

// ids are the announcements of c.
func (c convoy) ids() []NoticeID {
	ids := make([]NoticeID, len(c))
	for i, x := range c {
		ids[i] = x.ID
	}
	return ids
}

// behind is 1 while all of c is being written and devices have not got what was.
func (c convoy) behind() int {
	if c[0].State == NoticeRunning && c[0].PushedTo < c[0].Next {
		return 1
	}
	return 0
}

// chunkSize is to how many persons all of c are written at once: an item each, and a message of WeChat where one repeats it.
func (c convoy) chunkSize() int {
	rows := len(c)
	for _, x := range c {
		if _, repeated := repeatOf(x.Kind, x.Prio); repeated {
			rows++
		}
	}
	return min(chunkSize, chunkRows/rows)
}
