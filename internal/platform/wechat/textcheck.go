package wechat

import (
	"context"
	"errors"
)

// A Suggestion is what the platform makes of a text.
type Suggestion string

// The suggestions.
const (
	Pass   Suggestion = "pass"
	Review Suggestion = "review"
	Risky  Suggestion = "risky"
)

// A Scene says what kind of text is checked.
type Scene int

// The scenes of msg_sec_check.
const (
	SceneProfile Scene = iota + 1
	SceneComment
	SceneForum
	SceneSocial
)

// How much of a text one call takes, and how much of it the next one sees again, so that no phrase is torn at the seam.
const (
	checkLimit   = 2500
	checkOverlap = 50
)

// CheckText asks whether text may be shown, piece by piece where it is long; the worst that is said of a piece is said of
// it all. Call it inside the request in which openID submits it: the platform wants the person to have used the app within
// the last two hours.
func (c *Client) CheckText(ctx context.Context, openID string, scene Scene, text string) (Suggestion, error) {
	worst := Pass
	for _, piece := range pieces(text) {
		s, err := c.checkPiece(ctx, openID, scene, piece)
		if err != nil || s == Risky {
			return s, err
		}
		if s == Review {
			worst = s
		}
	}
	return worst, nil
}

// pieces are the parts of text that the platform takes.
func pieces(text string) (all []string) {
	left := []rune(text)
	for len(left) > checkLimit {
		all = append(all, string(left[:checkLimit]))
		left = left[checkLimit-checkOverlap:]
	}
	return append(all, string(left))
}

func (c *Client) checkPiece(ctx context.Context, openID string, scene Scene, piece string) (Suggestion, error) {
	a, err := c.withToken(ctx, "msg_sec_check", "/wxa/msg_sec_check", map[string]any{
		"version": 2, "openid": openID, "scene": int(scene), "content": piece,
	})
	if err != nil {
		return "", err
	}
	result, err := a.object("result")
	if err != nil {
		return "", a.refuse(err)
	}
	word, err := result.word("suggest", 1, 16)
	if err != nil {
		return "", a.refuse(err)
	}
	switch s := Suggestion(word); s {
	case Pass, Review, Risky:
		return s, nil
	default:
		return "", a.refuse(errors.New("unknown suggestion"))
	}
}
