package notify

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// S6: frames hold kind, reference, public labels, counts and times.
func TestNoKindShowsAPersonalField(t *testing.T) { // N5
	t.Parallel()
	public := []string{"receiptCode", "statusLabel", "kindLabel", "unitLabel", "placeLabel", "count", "dueAt", "at"}
	for name, k := range kinds {
		for _, f := range k.fields {
			if !slices.Contains(public, f) {
				t.Errorf("%s shows %s, which is not in the allow-list N5", name, f)
			}
		}
		if len(name) > 32 || k.prio < Safety || k.prio > Quiet {
			t.Errorf("%s: priority %d, name of %d bytes", name, k.prio, len(name))
		}
	}
}

// S6, canaries: whatever a feature hands over by mistake does not get through.
func TestAPersonalValueIsNeverTold(t *testing.T) {
	t.Parallel()
	for _, args := range []map[string]any{
		{"name": "王海棠"},
		{"phone": "19900001234"},
		{"address": "海棠街道1号楼2单元301"},
		{"text": "家里老人需要帮助"},
		{"careFlag": "living_alone"},
		{"kindLabel": 19900001234},
		{"dueAt": "明天"},
		{"count": "很多"},
	} {
		item := Item{Kind: "task.assigned", Ref: Ref{"task", 1}, Args: args}
		if _, stored, err := item.check(); err == nil {
			t.Errorf("%v is told as %s", args, stored)
		} else if strings.Contains(err.Error(), "19900001234") {
			t.Errorf("the error for %v repeats the value: %v", args, err)
		}
	}
}

func TestN5_LongNumbersAreLeftOutOfLabelsAndUndoNothing(t *testing.T) {
	t.Parallel()
	for label, want := range map[string]string{
		"33010800100200401责任区": "…责任区", "联系19900001234": "联系…", "证号 110101190001010000": "证号 …", "３３０１０８００１００２０责任区": "…责任区",
		"3号窗口 电话1990000": "3号窗口 电话1990000", "坏\xff字": "坏…字",
	} {
		item := Item{Kind: "task.assigned", Ref: Ref{"task", 1}, Args: map[string]any{"unitLabel": label}}
		if _, stored, err := item.check(); err != nil || stored != `{"unitLabel":"`+want+`"}` {
			t.Errorf("%q is told as %s (%v), want %q", label, stored, err, want)
		}
	}
}

func TestAnUnknownKindIsRefused(t *testing.T) {
	t.Parallel()
	for _, item := range []Item{
		{Kind: "task.invented", Ref: Ref{"task", 1}},
		{Kind: "task.due"},
		{Kind: "task.due", Ref: Ref{"Task!", 1}},
		{Kind: "task.due", Ref: Ref{"task", 1}, Dedupe: "Ä"},
		{Kind: "task.due", Ref: Ref{"task", 1}, Prio: 4},
	} {
		if _, _, err := item.check(); err == nil {
			t.Errorf("%+v is told", item)
		}
	}
}

func TestALongLabelIsCut(t *testing.T) {
	t.Parallel()
	got, err := field("unitLabel", strings.Repeat("长", 100))
	if want := strings.Repeat("长", 59) + "…"; err != nil || got != want {
		t.Errorf("told %v (%v), want %s", got, err, want)
	}
}

func TestAReceiptCodeIsCutToFiveCharacters(t *testing.T) {
	t.Parallel()
	item := Item{Kind: "request.status", Ref: Ref{"request", 1}, Args: map[string]any{
		"receiptCode": "H7K2M-9Q4TX", "at": time.Date(2026, 5, 11, 8, 0, 0, 999_999, time.UTC),
	}}
	prio, got, err := item.check()
	if want := `{"at":"2026-05-11T08:00:00Z","receiptCode":"H7K2M"}`; err != nil || got != want || prio != Quiet {
		t.Errorf("told %s with priority %d (%v), want %s with %d", got, prio, err, want, Quiet)
	}
}
