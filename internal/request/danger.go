package request

import (
	"cmp"
	"context"
	"slices"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/problem"
)

// A Danger is an answer to the question that is asked before anything else: is anybody in danger now?
type Danger string

// The answers that stop an intake in every category, whatever else a deployment asks (X23). NoDanger goes on.
const (
	NoDanger Danger = "none"
	Gas      Danger = "gas"
	Fire     Danger = "fire"
	Illness  Danger = "illness"
)

// What the danger stop says.
var (
	ErrDanger        = problem.New(problem.Conflict, "request.danger")
	ErrDangerAnswer  = problem.New(problem.Invalid, "request.danger_answer_invalid")
	ErrDangerMissing = problem.New(problem.Invalid, "request.danger_missing")
)

// A DangerAnswer is one of the answers that people choose from, in both languages, and the numbers to call at once.
// With no number it does not stop.
type DangerAnswer struct {
	Code    Danger   `json:"code"`
	ZH      string   `json:"zh"`
	EN      string   `json:"en"`
	Numbers []string `json:"numbers,omitempty"`
}

// shippedAnswers are what is asked in a category that nobody has set.
var shippedAnswers = []DangerAnswer{
	{Gas, "闻到煤气味或燃气泄漏", "A smell or leak of gas", []string{"119"}},
	{Fire, "着火或冒烟", "Fire or smoke", []string{"119"}},
	{Illness, "有人突发疾病或受伤", "Somebody is suddenly ill or hurt", []string{"120"}},
	{"threat", "有人受到伤害或威胁", "Somebody is attacked or threatened", []string{"110"}},
	{NoDanger, "没有以上情况", "None of these", nil},
}

// A DangerQuestion is what is asked first in a category.
type DangerQuestion struct {
	Category Code
	Answers  []DangerAnswer
	Version  int64 // 0: as shipped
}

// stops says why a need is not recorded after an answer, or nil. No answer is none.
func (d DangerQuestion) stops(answer Danger) error {
	if answer == "" || answer == NoDanger {
		return nil
	}
	i := slices.IndexFunc(d.Answers, func(a DangerAnswer) bool { return a.Code == answer })
	switch {
	case i < 0:
		return ErrDangerAnswer.Field("/danger", ErrDangerAnswer.Code)
	case len(d.Answers[i].Numbers) == 0:
		return nil
	}
	return ErrDanger.With("numbers", d.Answers[i].Numbers)
}

// check says why d cannot be asked, or nil: each answer once, and gas, fire and illness with a number to call.
func (d DangerQuestion) check() error {
	stops := map[Danger]bool{}
	for _, a := range d.Answers {
		if _, twice := stops[a.Code]; twice {
			return ErrDangerAnswer.Field("/answers", ErrDangerAnswer.Code)
		}
		stops[a.Code] = len(a.Numbers) > 0
	}
	if !stops[Gas] || !stops[Fire] || !stops[Illness] || stops[NoDanger] {
		return ErrDangerMissing.Field("/answers", ErrDangerMissing.Code)
	}
	return nil
}

// An Intake is what people are told and asked before they say what they need.
type Intake struct {
	Category
	Question DangerQuestion
	Only     org.UnitID // the subdistrict where alone it is open, while an emergency lasts; 0: everywhere
}

// Intakes are those of all categories that a need can be opened in.
func (s *Service) Intakes(ctx context.Context) ([]Intake, error) {
	set, err := dangerQuestions(ctx, s.db)
	if err != nil {
		return nil, err
	}
	book, err := s.rules.learn(ctx, s.db)
	if err != nil {
		return nil, err
	}
	now := book.asOf(s.db.Now())
	var all []Intake
	for _, code := range now.order {
		if c, err := now.opening(code); err == nil {
			all = append(all, Intake{c, set.of(code), now.region(code)})
		}
	}
	return all, nil
}

// SetDangerQuestion changes what is asked first in a category.
func (s *Service) SetDangerQuestion(ctx context.Context, by org.Actor, d DangerQuestion) (DangerQuestion, error) {
	book, err := s.rules.learn(ctx, s.db)
	if err != nil {
		return DangerQuestion{}, err
	}
	if _, err := book.asOf(s.db.Now()).opening(d.Category); err != nil {
		return DangerQuestion{}, err
	}
	if err := d.check(); err != nil {
		return DangerQuestion{}, err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), &d.Version, func() error {
			var err error
			if d.Version, err = saveDangerQuestion(ctx, tx, by, d); err != nil {
				return err
			}
			audit.Note(tx, by.Did("category.danger_set", "category", 0))
			return nil
		})
	})
	return d, err
}

// dangerStop says why nothing of a need in a category is kept after an answer, or nil.
func dangerStop(ctx context.Context, q db.Queryer, c Code, answer Danger) error {
	if answer == "" || answer == NoDanger {
		return nil
	}
	set, err := dangerQuestions(ctx, q)
	if err != nil {
		return err
	}
	return set.of(c).stops(answer)
}

// DangerStop says why nothing of n is kept after what was answered to the first question, or nil: for acts that keep more
// than the need.
func (n Need) DangerStop(ctx context.Context, q db.Queryer) error {
	return dangerStop(ctx, q, cmp.Or(n.Category, general), n.Danger)
}

// questions are those that somebody has set.
type questions map[Code]DangerQuestion

func (s questions) of(c Code) DangerQuestion {
	if d, ok := s[c]; ok {
		return d
	}
	return DangerQuestion{Category: c, Answers: shippedAnswers}
}
