package board

import (
	"context"
	"fmt"

	"wanjia/internal/org"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/wechat"
)

// ErrTextRisky says that WeChat would not have a text shown.
var ErrTextRisky = problem.New(problem.Invalid, "board.text_risky")

// A Look asks WeChat what it makes of each of texts that person is submitting; "": nothing is known.
type Look func(ctx context.Context, person org.PersonID, scene wechat.Scene, texts []string) ([]wechat.Suggestion, error)

// Looking lets s ask WeChat about texts that may become public.
func (s *Service) Looking(look Look) *Service {
	s.look = look
	return s
}

// A words is a text that may become public, and where the contract has it.
type words struct{ pointer, text string }

// words are those of p that everybody will read.
func (p Publication) words() []words {
	all := []words{{"/title", p.Title}, {"/text", p.Text}}
	for i, m := range p.Media {
		at := fmt.Sprintf("/media/%d", i)
		all = append(all, words{at + "/caption", m.Caption}, words{at + "/credit", m.Credit})
	}
	return all
}

// A reading is what WeChat made of texts, by the text: what was changed meanwhile is not in it.
type reading map[string]wechat.Suggestion

// read asks WeChat about what by is submitting. No transaction may be open: its answer may take seconds.
func (s *Service) read(ctx context.Context, by org.Actor, scene wechat.Scene, all []words) (reading, error) {
	if s.look == nil || len(all) == 0 {
		return nil, nil //nolint:nilnil // because an empty reading says that nothing is known
	}
	var texts []string
	for _, w := range all {
		if w.text != "" {
			texts = append(texts, w.text)
		}
	}
	said, err := s.look(ctx, by.PersonID, scene, texts)
	if err != nil {
		return nil, err
	}
	r := make(reading, len(texts))
	for i, text := range texts {
		r[text] = said[i]
	}
	return r, nil
}

// passed says whether WeChat found nothing in any of texts; what it would not have shown is refused.
func (r reading) passed(all []words) (bool, error) {
	passed, refused := true, ErrTextRisky
	for _, w := range all {
		switch said := r[w.text]; {
		case said == wechat.Risky:
			refused = refused.Field(w.pointer, ErrTextRisky.Code)
		case w.text != "" && said != wechat.Pass:
			passed = false
		}
	}
	if refused != ErrTextRisky {
		return false, refused
	}
	return passed, nil
}
