package request

import (
	"cmp"
	"context"

	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/say"
	"wanjia/internal/platform/sealed"
)

// Told says whether the askers have heard of an act from whoever acted.
type Told bool

// The two ways.
const (
	ToTell   Told = false // they are still to be told
	InPerson Told = true  // they were told face to face: nobody has to call them (N9)
)

// A word is what the askers of a request are told of it.
type word struct {
	kind  string // of the catalogue (domain.md §8.2)
	label string // what has happened, by the name of its text: request.word_<label>
	key   string // by which it reaches a person once; empty: the label
	unit  string // whose name the asker reads instead of what has happened
	place string // where the asker is to go, by its public name
	told  Told
	but   AskerID // of whose doing it is
	quiet bool    // nobody is called for it: whoever has no inbox reads it on the receipt
}

// status is the word that a request has made a move on its way.
func status(move string) word { return word{kind: "request.status", label: move, quiet: true} }

// closed is the word that a request has ended so, with the question whether it is done.
func closed(as State, told Told) word {
	return word{kind: "request.closed", label: string(as), told: told}
}

// tellAskers tells those who follow r and are not settled (C17). Whoever follows it signed in finds it in their inbox.
// Whoever has a number alone is called (N3): one call a request and asker, which later words join (N9). A number is called
// once, by whatever receipts it was left.
func tellAskers(ctx context.Context, tx *db.Tx, by org.Actor, r Request, w word) error {
	to, err := listeners(ctx, tx, sealed.Of(tx), r.ID)
	if err != nil {
		return err
	}
	for _, a := range to {
		if a.ID == w.but {
			continue
		}
		if err := tellAsker(ctx, tx, by, r, a, w); err != nil {
			return err
		}
	}
	return nil
}

// tellAsker tells one of the askers of r.
func tellAsker(ctx context.Context, tx *db.Tx, by org.Actor, r Request, a listener, w word) error {
	if a.Person == 0 {
		if w.quiet || w.told == InPerson || a.CallBack == CallNone || a.Again {
			return nil
		}
		return assignCall(ctx, tx, by, r, a.ID, tx.Now)
	}
	args := map[string]any{"receiptCode": string(a.Receipt), "at": tx.Now}
	switch {
	case w.unit != "":
		args["unitLabel"] = w.unit
	case w.place != "":
		args["placeLabel"] = w.place
	default:
		args["statusLabel"] = say.Text(say.Chinese, "request.word_"+w.label)
	}
	item := notify.Item{Kind: w.kind, Ref: r.ref(), By: by, Args: args, Dedupe: r.once(cmp.Or(w.key, w.label))}
	if w.told == InPerson { // it is there to be read again, and nobody is called for it
		item.Prio = notify.Quiet
	}
	return notify.Tell(ctx, tx, notify.Persons(a.Person), item)
}

// A listener is an asker who is to hear of a request.
type listener struct {
	ID       AskerID      `db:"id"`
	Person   org.PersonID `db:"person_id"` // 0: has no inbox
	CallBack CallBack     `db:"call_back"`
	Phone    bool         `db:"has_phone"`
	Sealed   []byte       `db:"receipt_sealed"`
	Number   []byte       `db:"phone_sealed"`
	Receipt  Receipt
	Again    bool // by this number they are called as one before
}

// listeners are the askers of a request who are not settled.
func listeners(ctx context.Context, q db.Queryer, keys *sealed.Keys, id ID) (to []listener, err error) {
	if err := q.Select(ctx, &to, `
		SELECT id, COALESCE(person_id, 0) AS person_id, call_back, phone_sealed IS NOT NULL AS has_phone, receipt_sealed,
		       phone_sealed
		FROM request_asker
		WHERE request_id = ? AND settled_at IS NULL
		ORDER BY id`, id); err != nil {
		return nil, db.Wrap(err, nil, "find who hears of request %d", id)
	}
	for i, a := range to {
		code, err := keys.Open(sealed.Personal, "request_asker", "receipt_sealed", int64(a.ID), a.Sealed)
		if err != nil {
			return nil, err
		}
		to[i].Receipt = Receipt(code)
	}
	return to, markAgain(keys, to)
}

// markAgain marks those who have left a number that somebody before them has left. Whoever tells of the same twice has two
// receipts, since the number proves to nobody whose the first one is; but it rings once.
func markAgain(keys *sealed.Keys, all []listener) error {
	seen := map[string]bool{}
	for i, a := range all {
		if a.Person != 0 || a.CallBack != CallPhone || !a.Phone {
			continue
		}
		number, err := keys.Open(sealed.Personal, "request_asker", "phone_sealed", int64(a.ID), a.Number)
		if err != nil {
			return err
		}
		all[i].Again = seen[number]
		seen[number] = true
	}
	return nil
}
