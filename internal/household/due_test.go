package household

import (
	"testing"

	"wanjia/internal/platform/say"
)

// F16: each reason is said in words, in both languages.
func TestF16_EachReasonOfTheVisitListIsSaidInWords(t *testing.T) {
	t.Parallel()
	for _, lang := range []say.Lang{say.Chinese, say.English} {
		said := map[string]DueReason{}
		for _, r := range dueOrder {
			text := r.Text(lang)
			if other, twice := said[text]; twice || text == "" || text == "household.due_"+string(r) {
				t.Errorf("%s in %s is %q (as is %q)", r, lang, text, other)
			}
			said[text] = r
		}
	}
}
