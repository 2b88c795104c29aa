package household

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"wanjia/configs"
	"wanjia/internal/platform/problem"
)

// ErrWording says that a household cannot have agreed to a wording: there is none of that name for the purpose.
var ErrWording = problem.New(problem.Invalid, "household.wording_unknown")

// A reading is what is read out to a household, under the name of its wording.
type reading struct {
	Wording string            `yaml:"wording"`
	Text    map[string]string `yaml:"text"` // by language
}

// readings are those of every purpose, the present one first, as shipped.
var readings = mustReadWordings(configs.HouseholdConsents)

// mustReadWordings reads what is read out. It is part of the program, so a missing one is a broken program; a test meets it first.
func mustReadWordings(file []byte) map[ConsentPurpose][]reading {
	all := map[ConsentPurpose][]reading{}
	if err := yaml.Unmarshal(file, &all); err != nil {
		panic(fmt.Sprintf("household-consents.yaml: %v", err))
	}
	for _, p := range purposes {
		if len(all[p]) == 0 {
			panic(fmt.Sprintf("household-consents.yaml has no wording for %s", p))
		}
		for _, r := range all[p] {
			if r.Wording == "" || r.Text["zh"] == "" || r.Text["en"] == "" {
				panic(fmt.Sprintf("household-consents.yaml has no words for %s %q", p, r.Wording))
			}
		}
	}
	return all
}

// worded says why nobody can have said yes to a wording of p, or nil.
func (p ConsentPurpose) worded(wording string) error {
	if slices.ContainsFunc(readings[p], func(r reading) bool { return r.Wording == wording }) {
		return nil
	}
	err := ErrWording.Field("/wording", ErrWording.Code)
	if len(readings[p]) > 0 {
		err = err.With("presentWording", readings[p][0].Wording)
	}
	return err
}
