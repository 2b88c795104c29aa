package say

import "testing"

func TestEveryTextExistsInBothLanguages(t *testing.T) {
	t.Parallel()
	for code := range texts {
		if !Has(code) {
			t.Errorf("%s lacks a text: zh %q, en %q", code, Text(Chinese, code), Text(English, code))
		}
	}
}

func TestChineseIsSpokenToWhoeverAsksForNoOtherLanguage(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]Lang{
		"": Chinese, "zh-CN,zh;q=0.9": Chinese, "zh-TW": Chinese, "fr": Chinese, "*": Chinese, ";;;": Chinese,
		"en": English, "en-GB,zh;q=0.5": English, "fr, en;q=0.4": English, "zh;q=0.9, en;q=0.1": Chinese,
	} {
		if got := Preferred(header); got != want {
			t.Errorf("Accept-Language %q: %s, want %s", header, got, want)
		}
	}
}
