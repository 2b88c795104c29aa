package campaign

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// A Change is what the newest report of a copy says otherwise than the one before it.
type Change struct {
	Field         string // text, ticks, evidence
	Before, After string
}

// changesOf compares the two newest reports of a history; none when there is one at most. Ticks are told by the
// items they stand for.
func changesOf(history []Step, checklist []string) ([]Change, error) {
	reports := slices.DeleteFunc(slices.Clone(history), func(s Step) bool { return s.State != Reported })
	if len(reports) < 2 {
		return nil, nil
	}
	before, after := reports[len(reports)-2], reports[len(reports)-1]
	old, err := before.items(checklist)
	if err != nil {
		return nil, err
	}
	now, err := after.items(checklist)
	if err != nil {
		return nil, err
	}
	all := []Change{{"text", before.Note, after.Note}, {"ticks", old, now}, {"evidence", before.Evidence, after.Evidence}}
	return slices.DeleteFunc(all, func(c Change) bool { return c.Before == c.After }), nil
}

// items are the ticked items of a report, in the order of the checklist.
func (s Step) items(checklist []string) (string, error) {
	var ticks []int
	if err := json.Unmarshal([]byte(s.TickText), &ticks); err != nil {
		return "", fmt.Errorf("read the ticks of a report: %w", err)
	}
	slices.Sort(ticks)
	named := make([]string, 0, len(ticks))
	for _, i := range ticks {
		if i < len(checklist) {
			named = append(named, checklist[i])
		}
	}
	return strings.Join(named, "、"), nil
}
