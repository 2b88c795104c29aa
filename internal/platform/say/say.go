// Package say holds what people read, by code, in Chinese (zh-CN, first) and English.
//
// One file of texts a feature, texts/<feature>.yaml, each line a code with both languages. Chinese has no
// plurals, so a text is a string and not a rule.
package say

import (
	"embed"
	"fmt"
	"io/fs"

	"go.yaml.in/yaml/v3"
	"golang.org/x/text/language"
)

// A Lang is a language that texts exist in.
type Lang string

// The languages; Chinese answers whoever asks for neither.
const (
	Chinese Lang = "zh-CN"
	English Lang = "en"
)

//go:embed texts/*.yaml
var files embed.FS

type text struct {
	ZH string `yaml:"zh"`
	EN string `yaml:"en"`
}

var (
	texts   = mustLoad(files)
	matcher = language.NewMatcher([]language.Tag{language.SimplifiedChinese, language.English})
)

// mustLoad reads all texts. They are part of the program, so a broken file is a broken program; a test
// meets it first.
func mustLoad(fsys fs.FS) map[string]text {
	all := map[string]text{}
	names, err := fs.Glob(fsys, "texts/*.yaml")
	if err != nil {
		panic(err)
	}
	for _, name := range names {
		b, err := fs.ReadFile(fsys, name)
		if err != nil {
			panic(err)
		}
		some := map[string]text{}
		if err := yaml.Unmarshal(b, &some); err != nil {
			panic(fmt.Sprintf("%s: %v", name, err))
		}
		for code, t := range some {
			if _, twice := all[code]; twice {
				panic(fmt.Sprintf("%s: %s is said twice", name, code))
			}
			all[code] = t
		}
	}
	return all
}

// Text is what code says in lang; without a text, the code itself.
func Text(lang Lang, code string) string {
	t, ok := texts[code]
	switch {
	case !ok:
		return code
	case lang == English:
		return t.EN
	default:
		return t.ZH
	}
}

// Has says whether code has both of its texts.
func Has(code string) bool {
	t := texts[code]
	return t.ZH != "" && t.EN != ""
}

// Preferred is the language an Accept-Language header (RFC 9110 §12.5.4) asks for, Chinese if it asks for
// none of ours.
func Preferred(acceptLanguage string) Lang {
	tags, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil || len(tags) == 0 {
		return Chinese
	}
	_, i, confidence := matcher.Match(tags...)
	if i == 1 && confidence > language.No {
		return English
	}
	return Chinese
}
