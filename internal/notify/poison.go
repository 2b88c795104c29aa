package notify

import (
	"context"
	"errors"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/wechat"
)

// failed counts a step of m that went wrong on our side, in a transaction of its own since that of the step has left no
// trace. The next is later, and after some m ends and somebody is to look. What cannot be counted either, as while the
// database is away, is returned.
func (s *Sends) failed(ctx context.Context, m send, term int64, why error) error {
	if ctx.Err() != nil {
		return why
	}
	f := fence{m.Shard, s.Leases.Node(), term}
	if m.Tries+1 >= mostTries {
		return s.giveUp(ctx, m, f, why)
	}
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		return countTry(ctx, tx, m, f, tx.Now.Add(firstPause<<m.Tries))
	})
	if err != nil {
		return errors.Join(why, err)
	}
	s.Log.Error("a message of WeChat failed on our side", "message", m.ID, "try", m.Tries+1, "error", why)
	return nil
}

// giveUp ends m: with all that belongs to it; else without the call, which may be what is wrong; else with nothing but its
// outcome.
func (s *Sends) giveUp(ctx context.Context, m send, f fence, why error) error {
	uncalled := m
	uncalled.Called = true
	called := false
	var err error
	for i, way := range []func(*db.Tx) error{
		func(tx *db.Tx) error { return s.finish(ctx, tx, m, f) },
		func(tx *db.Tx) error { return s.finish(ctx, tx, uncalled, f) },
		func(tx *db.Tx) error { return s.markEnded(ctx, tx, m, f) },
	} {
		called = i == 0
		if err = db.Safely(func() error { return s.db.InTx(ctx, way) }); err == nil {
			break
		}
	}
	if err != nil {
		return errors.Join(why, err)
	}
	s.known.Delete(m.ID)
	s.alarms.Add(1)
	s.Log.Error("a message of WeChat is given up", "message", m.ID, "template", m.Template, "call left out", m.MustReach && !called, "error", why)
	return nil
}

// finish ends m as far as is known of it.
func (s *Sends) finish(ctx context.Context, tx *db.Tx, m send, f fence) error {
	if x, ok := s.knownOf(m); ok {
		x.letter.Called, x.letter.Tries = m.Called, m.Tries
		return s.write(ctx, tx, x)
	}
	ours, err := adopt(ctx, tx, m, f)
	if err != nil {
		return err
	}
	if ours { // it was under way, and may have been sent
		_, err = s.end(ctx, tx, m, verdict{outcome: Unknown})
		return err
	}
	_, err = s.endWaiting(ctx, tx, m, f, verdict{outcome: Dead})
	return err
}

// markEnded notes what is known of m and nothing else.
func (s *Sends) markEnded(ctx context.Context, tx *db.Tx, m send, f fence) error {
	under, err := adopt(ctx, tx, m, f)
	if err != nil {
		return err
	}
	v := verdict{outcome: Dead}
	if x, ok := s.knownOf(m); ok {
		v = x.verdict()
	} else if under {
		v.outcome = Unknown
	}
	v = v.of(m)
	ended, err := endFailed(ctx, tx, m, f, v)
	if err != nil || !ended {
		return err
	}
	tx.After(func() { s.ended[v.outcome].Add(1) })
	return nil
}

// verdict is what x means when nothing else comes of it.
func (x settled) verdict() verdict {
	switch {
	case x.class == wechat.None && x.code != notSent:
		return verdict{outcome: Sent, msgID: x.msgID}
	case x.class == wechat.Refused:
		return verdict{outcome: NoCredit, code: x.code}
	case x.class == wechat.Unknown, x.class == wechat.Garbled:
		return verdict{outcome: Unknown}
	}
	return verdict{outcome: Dead, code: max(0, x.code)}
}
