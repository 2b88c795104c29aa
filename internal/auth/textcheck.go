package auth

import (
	"context"
	"sync"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/platform/wechat"
)

// patience is how long whoever submits a text waits for what WeChat makes of it (push.md §12).
const patience = 2 * time.Second

// LookAt asks WeChat what it makes of texts that person is submitting, and says so of each; "": nothing is known, since
// person has no account there, WeChat is away, or does not answer in time. Beside the texts only the openid goes out. It is
// to be called in the request that submits them, while no transaction is open.
func (s *Service) LookAt(ctx context.Context, person org.PersonID, scene wechat.Scene, texts []string) ([]wechat.Suggestion, error) {
	all := make([]wechat.Suggestion, len(texts))
	if s.wechat == nil {
		return all, nil
	}
	openID, found, err := s.openIDOf(ctx, s.db, person)
	if err != nil || !found {
		return all, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	var asked sync.WaitGroup
	for i, text := range texts {
		asked.Go(func() {
			// Why nothing is known does not matter: a person reads the text then.
			all[i], _ = s.wechat.CheckText(ctx, openID, scene, text)
		})
	}
	asked.Wait()
	return all, nil
}

// openIDOf is whom WeChat knows person as, if an account of theirs is bound.
func (s *Service) openIDOf(ctx context.Context, q db.Queryer, person org.PersonID) (openID string, found bool, err error) {
	id, cipher, found, err := boundOpenID(ctx, q, s.wechat.AppID(), person)
	if err != nil || !found {
		return "", false, err
	}
	openID, err = s.keys.Open(sealed.Personal, "wechat_account", "openid_sealed", id, cipher)
	return openID, err == nil, err
}
