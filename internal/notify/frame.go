package notify

import (
	"encoding/json"
	"fmt"

	"wanjia/internal/org"
)

// tail is t as devices get it, behind the number: package push writes {"t":"n","s":124, before it.
func (t Told) tail() (string, error) {
	f := struct {
		As   org.AssignmentID `json:"as,omitempty"` // first: package push looks for it there
		Kind string           `json:"k"`
		Prio int              `json:"p"`
		At   int64            `json:"ts"`
		Ref  Ref              `json:"ref"`
		Args json.RawMessage  `json:"d,omitempty"`
		Sup  int64            `json:"sup,omitempty"` // the number of the earlier item that it stands for (N6)
	}{t.Assignment, t.Kind, t.Prio, t.At.UnixMilli(), Ref{t.RefType, t.RefID}, json.RawMessage(t.Args), t.Supersedes}
	b, err := json.Marshal(f)
	if err != nil {
		return "", fmt.Errorf("write item %d of person %d as a frame: %w", t.Seq, t.Person, err)
	}
	return string(b[1:]), nil
}
