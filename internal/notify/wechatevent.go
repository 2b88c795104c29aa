package notify

import (
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/platform/wechat"
)

// EventsPath is where WeChat pushes to.
const EventsPath = "/wechat/events"

const (
	longestPush = 64 << 10
	pushTime    = 4 * time.Second // WeChat waits for five
)

// echoes are what the console sends to have it back.
var echoes = regexp.MustCompile(`^[A-Za-z0-9]{1,64}$`)

// ServeEvents answers what WeChat pushes: that it is ours (GET), and what happened (POST). What is not signed by it is
// refused before a byte is read; what cannot be written is answered as an error, and WeChat comes again.
func (s *Sends) ServeEvents(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	if err := s.Mailbox.Signed(q); err != nil {
		return problem.ErrForbidden
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if r.Method == http.MethodGet {
		if !echoes.MatchString(q.Get("echostr")) {
			return problem.ErrMalformed
		}
		_, err := io.WriteString(w, q.Get("echostr")) //nolint:gosec // because it is letters and digits, and no page
		return err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, longestPush))
	if err != nil {
		return problem.ErrMalformed
	}
	events, err := s.Mailbox.Events(q, body)
	switch {
	case errors.Is(err, wechat.ErrForged):
		return problem.ErrForbidden
	case err != nil:
		return problem.ErrMalformed
	}
	ctx, cancel := context.WithTimeout(r.Context(), pushTime)
	defer cancel()
	for _, e := range events {
		if err := s.Happened(ctx, e); err != nil {
			return err
		}
	}
	_, err = io.WriteString(w, "success")
	return err
}

// Happened notes what WeChat says by itself. The same again changes nothing, and so does what is about nobody of ours.
func (s *Sends) Happened(ctx context.Context, e wechat.Event) error {
	hashes := s.Keys.Derivations(sealed.OpenID, []byte(s.app+"\x00"+e.OpenID))
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		who, found, err := findHearer(ctx, tx, s.app, hashes)
		if err != nil || !found {
			return err
		}
		code, err := codeOf(ctx, tx, e.Template)
		if err != nil || code == "" {
			return err
		}
		switch {
		case e.Kind == wechat.Delivered:
			return s.delivered(ctx, tx, who, code, e)
		case e.Accepted:
			return forgive(ctx, tx, who, code, e.At)
		default:
			at := e.At
			if at.After(tx.Now) {
				at = tx.Now
			}
			return refusedBy(ctx, tx, who, code, at, e.Kind == wechat.Changed)
		}
	})
}

// A hearer is whose account an event is about.
type hearer struct {
	Account int64        `db:"id"`
	Person  org.PersonID `db:"person_id"`
}

// delivered notes that a person can see a message, or cannot. By its number that is certain. Of a message that was not
// answered WeChat's number is not known: it is this one's only if no other could be meant, because to take the wrong one for
// sent would lose it.
func (s *Sends) delivered(ctx context.Context, tx *db.Tx, who hearer, code string, e wechat.Event) error {
	m, found, err := sentAs(ctx, tx, who, code, e.MsgID)
	if err != nil {
		return err
	}
	if !found {
		open, err := unansweredOf(ctx, tx, who, code, tx.Now.Add(-tooOld))
		if err != nil || len(open) != 1 || open[0].Outcome == Sent {
			return err
		}
		m = open[0]
	}
	if e.Code == 0 {
		_, err := s.end(ctx, tx, m.send, verdict{outcome: Sent, msgID: e.MsgID})
		return err
	}
	v := verdict{outcome: Dead, code: e.Code, msgID: e.MsgID}
	if wechat.ClassOfCode(e.Code) == wechat.Refused {
		v.outcome = NoCredit
	}
	ended, err := endUnseen(ctx, tx, m.send, v)
	if err != nil || !ended {
		return err
	}
	if err := s.over(ctx, tx, m.send, v.outcome); err != nil || v.outcome != NoCredit {
		return err
	}
	return burn(ctx, tx, m.send)
}
