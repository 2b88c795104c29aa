package request

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/platform/watch"
)

// slips is the purpose that the secrets of paper slips are made and hashed for.
const slips sealed.Purpose = "slip"

const (
	tailLength = 4 // the last digits of a phone number
	slipLength = 8 // the digits printed on a slip
)

// Wrong tries of a code, and from an address or by somebody signed in, within the window; then nobody may try (C25).
const (
	mostTries = 5
	tryWindow = 15 * time.Minute
)

// A Proof is what somebody without an account shows to follow a need: its code, and the last four digits of the
// number that was left, or the eight that are printed on a slip.
type Proof struct {
	Code   string
	Secret string
}

// Shown is the asker of the receipt that p proves. An unknown code and a wrong number are answered alike, after the same
// work. The tries are counted in SQL, before the look: five are five on all nodes together.
func (s *Service) Shown(ctx context.Context, p Proof) (As, error) {
	return s.shownBy(ctx, "address\x00"+origin(ctx), p)
}

// shownBy is Shown, with the tries counted by whoever makes them.
func (s *Service) shownBy(ctx context.Context, who string, p Proof) (as As, err error) {
	code, readable := ParseReceipt(p.Code)
	var refused error
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		as, refused = As{}, nil
		subjects := [][]byte{s.keys.Derive(receipts, []byte(who))}
		if readable { // one that cannot be read is one that nobody has: it locks nobody else out
			subjects = append(subjects, s.keys.Derive(receipts, []byte("code\x00"+string(code))))
		}
		for _, subject := range subjects {
			tries, since, err := countTry(ctx, tx, subject)
			if err != nil {
				return err
			}
			if tries > mostTries && refused == nil {
				refused = ErrTries.RetryAfter(since.Add(tryWindow).Sub(tx.Now))
			}
		}
		if refused != nil {
			return nil //nolint:nilerr // because the tries are to stay
		}
		a, found, err := s.findByCode(ctx, tx, code)
		if err != nil {
			return err
		}
		known, bySlip := a.knows(s.keys, code, p.Secret)
		if !known || !found {
			refused = ErrReceipt
			return nil
		}
		if !bySlip {
			if bySlip, err = leftBySlip(ctx, tx, a); err != nil {
				return err
			}
		}
		as = As{asker: a.ID, request: a.Request, slip: bySlip}
		for _, subject := range subjects {
			if err := giveBackTry(ctx, tx, subject); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = refused
	}
	return as, err
}

// Proved is the asker whom p proves to be whoever shows it: not one who follows the need signed in, by the digits of a slip.
func (s *Service) Proved(ctx context.Context, p Proof) (AskerID, error) {
	as, err := s.Shown(ctx, p)
	if err != nil {
		return 0, err
	}
	a, err := as.find(ctx, s.db)
	if err == nil && as.reads(a) {
		err = ErrReads
	}
	return as.asker, err
}

// findByCode is the asker who follows a request with code; one who knows nothing if nobody does, so that the work that
// comes after is the same.
func (s *Service) findByCode(ctx context.Context, q db.Queryer, code Receipt) (a asker, found bool, err error) {
	for _, hash := range s.keys.Derivations("mac:"+receipts, []byte(code)) {
		if a, found, err = findAskerOf(ctx, q, hash); err != nil || found {
			return a, found, err
		}
	}
	a = asker{ID: 1}
	a.Phone, err = s.keys.Seal(sealed.Personal, "request_asker", "phone_sealed", int64(a.ID), "00000000000")
	a.Slip = s.keys.MAC(slips, slipText(code, "none"))
	return a, false, err
}

// origin is where a request comes from, as far as tries are counted by it: a household holds a whole /64.
func origin(ctx context.Context) string {
	address := watch.CallerFrom(ctx).Address
	if address.Is6() {
		if p, err := address.Prefix(64); err == nil {
			return p.Addr().String()
		}
	}
	if address == (netip.Addr{}) {
		return "here"
	}
	return address.String()
}

// slipText is what the secret of a slip is hashed with: it is good for one code.
func slipText(code Receipt, secret string) []byte { return []byte(string(code) + "\x00" + secret) }

// slipSecret makes the eight digits of a slip, the same ones each time for the same what: they are printed again when
// the same slip is asked for again, and stand nowhere.
func (s *Service) slipSecret(what string) string {
	n := binary.BigEndian.Uint64(s.keys.Derive(slips, []byte("secret\x00"+what)))
	return fmt.Sprintf("%08d", n%100_000_000)
}

// slipCode makes the code of a slip that no request has yet, the same each time for the same what.
func (s *Service) slipCode(what string) Receipt {
	b := s.keys.Derive(slips, []byte("code\x00"+what))[:receiptLength]
	for i := range b {
		b[i] = receiptAlphabet[b[i]&31]
	}
	return Receipt(b)
}

// ForgetTries drops what was counted before the window, and says whether there was any.
func (s *Service) ForgetTries(ctx context.Context) (some bool, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		some, err = forgetTries(ctx, tx, tx.Now.Add(-tryWindow))
		return err
	})
	return some, err
}
