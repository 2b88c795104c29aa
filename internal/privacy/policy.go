package privacy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"wanjia/configs"
	"wanjia/internal/platform/problem"
)

// ErrRefused says that the product does not do this to people, whoever asks (PG2, PG3).
var ErrRefused = problem.New(problem.Invalid, "policy.refused")

// refused are the settings that nobody can make, and the rule each would break. This is code and no
// configuration: there is no switch behind any of them.
var refused = map[string]string{
	"ranking.people":                "ranking",
	"points.people":                 "ranking",
	"evidence.photo_required":       "forced_photo",
	"evidence.location_required":    "forced_track",
	"login.streak":                  "forced_check_in",
	"login.daily_required":          "forced_check_in",
	"study.timer":                   "online_time",
	"engagement.forward_like_count": "forwarding",
	"install.rate_report":           "install_rate",
	"assessment.from_presence":      "assessment",
}

// ruleTexts are the reasons, as shipped.
var ruleTexts = mustReadRules(configs.PolicyRules)

// mustReadRules reads the reasons. They are part of the program, so a missing one is a broken program; a test
// meets it first.
func mustReadRules(file []byte) map[string]string {
	texts := map[string]string{}
	if err := yaml.Unmarshal(file, &texts); err != nil {
		panic(fmt.Sprintf("policy-rules.yaml: %v", err))
	}
	for key, rule := range refused {
		if texts[rule] == "" {
			panic(fmt.Sprintf("policy-rules.yaml has no words for the rule %s, which refuses %s", rule, key))
		}
	}
	return texts
}

// RefusedKey says which rule forbids a setting, if one does. Case does not matter, and what stands below a
// refused key is refused with it.
func RefusedKey(key string) (rule string, no bool) {
	key = strings.ToLower(strings.TrimSpace(key))
	for name, rule := range refused {
		if key == name || strings.HasPrefix(key, name+".") {
			return rule + "（" + ruleTexts[rule] + "）", true
		}
	}
	return "", false
}

// A Rule is one promise of the guard: settings that cannot be made, and why.
type Rule struct {
	Name string
	Text string
	Keys []string // none: the rule binds the operator, not a setting
}

// Rules are all promises of the guard, by name.
func Rules() []Rule {
	rules := make([]Rule, 0, len(ruleTexts))
	for _, name := range slices.Sorted(maps.Keys(ruleTexts)) {
		r := Rule{Name: name, Text: ruleTexts[name], Keys: []string{}}
		for key, rule := range refused {
			if rule == name {
				r.Keys = append(r.Keys, key)
			}
		}
		slices.Sort(r.Keys)
		rules = append(rules, r)
	}
	return rules
}
