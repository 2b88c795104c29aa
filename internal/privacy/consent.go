package privacy

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"wanjia/configs"
	"wanjia/internal/org"
	"wanjia/internal/platform/problem"
)

// What consents refuse.
var (
	ErrNoPurpose       = problem.New(problem.NotFound, "consent.no_purpose")
	ErrConsentVersion  = problem.New(problem.Conflict, "consent.version_stale")
	ErrConsentState    = problem.New(problem.Conflict, "consent.illegal_transition")
	ErrAskedTooSoon    = problem.New(problem.Conflict, "consent.asked_too_soon")
	ErrWitness         = problem.New(problem.Invalid, "consent.witness_invalid")
	ErrConsentRequired = problem.New(problem.Conflict, "consent.required") // of whatever may not be shown without one
)

// A ConsentPurpose is what somebody may consent to having shown of them.
type ConsentPurpose string

// The purposes; their words and versions stand in configs/consents.yaml.
const (
	ForBoard    ConsentPurpose = "board"    // name, duty, area and service items on boards and public pages
	ForPhone    ConsentPurpose = "phone"    // the number printed on boards
	ForPortrait ConsentPurpose = "portrait" // the portrait on boards
	ForPlaque   ConsentPurpose = "plaque"   // name and oath at the door
	ForMedia    ConsentPurpose = "media"    // pictures and stories
)

// Words are what a person says yes to, in their present version.
type Words struct {
	Version int64             `yaml:"version"`
	Label   map[string]string `yaml:"label"` // by language
	Text    map[string]string `yaml:"text"`
}

// consentWords are the words of every purpose, as shipped.
var consentWords = mustReadConsents(configs.Consents)

// mustReadConsents reads the words. They are part of the program, so a missing one is a broken program; a test
// meets it first.
func mustReadConsents(file []byte) map[ConsentPurpose]Words {
	all := map[ConsentPurpose]Words{}
	if err := yaml.Unmarshal(file, &all); err != nil {
		panic(fmt.Sprintf("consents.yaml: %v", err))
	}
	for _, p := range []ConsentPurpose{ForBoard, ForPhone, ForPortrait, ForPlaque, ForMedia} {
		w := all[p]
		if w.Version == 0 || w.Text["zh"] == "" || w.Text["en"] == "" || w.Label["zh"] == "" || w.Label["en"] == "" {
			panic(fmt.Sprintf("consents.yaml has no version or no words for %s", p))
		}
	}
	return all
}

// consentPurposes are all purposes, by name.
func consentPurposes() []ConsentPurpose { return slices.Sorted(maps.Keys(consentWords)) }

// Label is p as people read it in a notification.
func (p ConsentPurpose) Label() string { return consentWords[p].Label["zh"] }

// present says why version is not that of p's present words, or nil.
func (p ConsentPurpose) present(version int64) error {
	w, ok := consentWords[p]
	switch {
	case !ok:
		return ErrNoPurpose
	case w.Version != version:
		return ErrConsentVersion.With("version", version).With("presentVersion", w.Version)
	}
	return nil
}

// A ConsentState is what became of a person's word.
type ConsentState string

// The states. NotAsked is never stored.
const (
	NotAsked   ConsentState = "not_asked"
	Given      ConsentState = "given"
	Refused    ConsentState = "refused"
	Withdrawn  ConsentState = "withdrawn"
	Superseded ConsentState = "superseded" // by a yes to newer words
)

// ConsentID names a word that somebody gave.
type ConsentID int64

// A Consent is what a person said last on a purpose.
type Consent struct {
	ID         ConsentID      `db:"id"`
	PersonID   org.PersonID   `db:"person_id"`
	Purpose    ConsentPurpose `db:"purpose"`
	Version    int64          `db:"version"`
	State      ConsentState   `db:"state"`
	SaidAt     time.Time      `db:"said_at"`
	EndedAt    *time.Time     `db:"ended_at"`
	RecordedBy org.PersonID   `db:"recorded_by"`
	WitnessID  *org.PersonID  `db:"witness_id"`
}

// Holds says whether something may rest on c: a yes to older words covers the new ones no longer.
func (c Consent) Holds() bool {
	return c.State == Given && c.Version == consentWords[c.Purpose].Version
}

// quietFor is how long nobody is asked again after a no (X47).
const quietFor = 30 * 24 * time.Hour

// AskAgainAt is from when somebody may be asked for c once more; nil: there is nothing to wait for.
func (c Consent) AskAgainAt() *time.Time {
	var at time.Time
	switch c.State {
	case Refused:
		at = c.SaidAt.Add(quietFor)
	case Withdrawn:
		if c.EndedAt == nil {
			return nil
		}
		at = c.EndedAt.Add(quietFor)
	case NotAsked, Given, Superseded:
		return nil
	}
	return &at
}

// canBecome says why c cannot be answered with to, or nil.
func (c Consent) canBecome(to ConsentState) error {
	switch {
	case to == Given && c.Holds(), to == Refused && c.State == Given, to == Withdrawn && c.State != Given:
		return ErrConsentState.With("state", c.State)
	}
	return nil
}

// canAsk says why nobody may ask for c at now, or nil. The person themselves may say yes at any time.
func (c Consent) canAsk(now time.Time) error {
	if at := c.AskAgainAt(); at != nil && now.Before(*at) {
		return ErrAskedTooSoon.With("askAgainAt", *at)
	}
	return nil
}
