package wechat

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // because the platform signs with it
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrForged says that what came was not pushed by the platform, or long ago.
var ErrForged = errors.New("wechat: not signed by the platform")

// pushAge is how old a push may be. The platform repeats what we do not answer within seconds.
const pushAge = 10 * time.Minute

// A Mailbox reads what the platform pushes to us: that it is the platform's, and what it says. With a key whatever is not
// sealed with it is refused, because the signature of an open push says nothing of its body.
type Mailbox struct {
	app   string
	token string
	key   []byte // nil: pushes come open
	now   func() time.Time
}

var (
	pushTokens = regexp.MustCompile(`^[A-Za-z0-9]{3,32}$`)
	pushKeys   = regexp.MustCompile(`^[A-Za-z0-9]{43}$`)
)

// CheckPush says what is wrong with the token and the key (EncodingAESKey) of the console's message push, or nil.
func CheckPush(token, key string) error {
	if !pushTokens.MatchString(token) {
		return errors.New("the token of message push is 3 to 32 letters and digits")
	}
	if key != "" && !pushKeys.MatchString(key) {
		return errors.New("the key of message push is 43 letters and digits")
	}
	return nil
}

// NewMailbox makes the mailbox of an app; key may be empty.
func NewMailbox(app, token, key string, now func() time.Time) (*Mailbox, error) {
	if err := CheckPush(token, key); err != nil {
		return nil, fmt.Errorf("wechat: %w", err)
	}
	m := &Mailbox{app: app, token: token, now: now}
	if key != "" {
		var err error
		if m.key, err = base64.RawStdEncoding.DecodeString(key); err != nil { // the last bits of 43 characters mean nothing
			return nil, errors.New("wechat: the key of message push cannot be read")
		}
	}
	return m, nil
}

// Signed says why the query of a push is not the platform's, or nil. Nothing of the body need have been read.
func (m *Mailbox) Signed(q url.Values) error {
	if !m.right(q.Get("signature"), q) {
		return ErrForged
	}
	at, err := strconv.ParseInt(q.Get("timestamp"), 10, 64)
	if err != nil {
		return ErrForged
	}
	if age := m.now().Sub(time.Unix(at, 0)); age > pushAge || age < -pushAge {
		return ErrForged
	}
	return nil
}

// right says whether signature is that of the token, the time and the nonce of q, and of more.
func (m *Mailbox) right(signature string, q url.Values, more ...string) bool {
	parts := append([]string{m.token, q.Get("timestamp"), q.Get("nonce")}, more...)
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, ""))) //nolint:gosec // as above
	return hmac.Equal([]byte(signature), []byte(hex.EncodeToString(sum[:])))
}

// An EventKind says what a push is about.
type EventKind int

// The kinds.
const (
	Delivered EventKind = iota + 1 // what became of a message
	Chosen                         // what a person answered when they were asked
	Changed                        // what they changed in their settings
)

var eventKinds = map[string]EventKind{
	"subscribe_msg_sent_event": Delivered, "subscribe_msg_popup_event": Chosen, "subscribe_msg_change_event": Changed,
}

// An Event is what the platform says of one template of one person.
type Event struct {
	Kind     EventKind
	OpenID   string
	Template string // its id
	At       time.Time
	Accepted bool   // Chosen, Changed
	MsgID    string // Delivered
	Code     int    // Delivered: 0 when the person can see it
}

// mostEvents is how many templates a push may speak of.
const mostEvents = 50

// Events are what a signed push says; none when it is about something else.
func (m *Mailbox) Events(q url.Values, body []byte) ([]Event, error) {
	a, err := parse(pushCall, body)
	if err != nil {
		return nil, answer{call: pushCall}.refuse(err)
	}
	if m.key != nil {
		if a, err = m.open(q, a); err != nil {
			return nil, err
		}
	}
	name, err := a.loose("Event")
	kind := eventKinds[name]
	if err != nil || kind == 0 {
		return nil, nil //nolint:nilerr // because other pushes, such as messages of people, are not ours to read
	}
	e := Event{Kind: kind}
	if e.OpenID, err = a.word("FromUserName", 1, 128); err != nil {
		return nil, a.refuse(err)
	}
	at, err := a.looseNumber("CreateTime")
	if err != nil {
		return nil, a.refuse(err)
	}
	e.At = time.Unix(at, 0).UTC()
	list, err := a.list("List")
	if err != nil {
		return nil, a.refuse(err)
	}
	all := make([]Event, len(list))
	for i, x := range list {
		if all[i], err = e.of(x); err != nil {
			return nil, a.refuse(err)
		}
	}
	return all, nil
}

// of is e about one template.
func (e Event) of(x answer) (_ Event, err error) {
	if e.Template, err = x.word("TemplateId", 1, 64); err != nil {
		return e, err
	}
	if e.Kind != Delivered {
		status, err := x.word("SubscribeStatusString", 1, 16)
		e.Accepted = status == "accept"
		return e, err
	}
	if e.MsgID, err = x.loose("MsgID"); err != nil {
		return e, err
	}
	if !digits.MatchString(e.MsgID) {
		return e, errors.New("MsgID is no number")
	}
	code, err := x.looseNumber("ErrorCode")
	if code != int64(int32(code)) {
		return e, errors.New("ErrorCode is no code")
	}
	e.Code = int(code)
	return e, err
}

// pushCall is the name of a push in errors.
const pushCall = "push"

var digits = regexp.MustCompile(`^[0-9]{1,32}$`)

// open is what is sealed in a, for our app.
func (m *Mailbox) open(q url.Values, a answer) (answer, error) {
	text, err := a.loose("Encrypt")
	if err != nil || q.Get("encrypt_type") != "aes" || !m.right(q.Get("msg_signature"), q, text) {
		return a, ErrForged
	}
	sealed, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(sealed) == 0 || len(sealed)%aes.BlockSize != 0 {
		return a, a.refuse(errors.New("what is sealed cannot be read"))
	}
	block, err := aes.NewCipher(m.key)
	if err != nil {
		return a, a.refuse(errors.New("the key does not fit"))
	}
	cipher.NewCBCDecrypter(block, m.key[:aes.BlockSize]).CryptBlocks(sealed, sealed)
	plain, err := m.unwrap(sealed)
	if err != nil {
		return a, a.refuse(err)
	}
	opened, err := parse(pushCall, plain)
	if err != nil {
		return a, a.refuse(err)
	}
	return opened, nil
}

// unwrap is the text within b: 16 random bytes, its length, itself, the app, and 1 to 32 bytes that each say how many.
func (m *Mailbox) unwrap(b []byte) ([]byte, error) {
	const head = 16 + 4
	pad := int(b[len(b)-1])
	if pad < 1 || pad > 32 || len(b) < head+pad || !bytes.Equal(b[len(b)-pad:], bytes.Repeat([]byte{byte(pad)}, pad)) {
		return nil, errors.New("what is sealed has no end")
	}
	b = b[:len(b)-pad]
	size := int64(binary.BigEndian.Uint32(b[16:head]))
	if size > int64(len(b)-head) {
		return nil, errors.New("what is sealed is cut off")
	}
	if string(b[head+size:]) != m.app {
		return nil, errors.New("what is sealed is for another app")
	}
	return b[head : head+size], nil
}

// loose is a member that the platform writes as a text or as a number.
func (a answer) loose(name string) (string, error) {
	raw, there := a.members[name]
	if !there || len(raw) == 0 || len(raw) > 1<<16 {
		return "", fmt.Errorf("%s is missing or too long", name)
	}
	if raw[0] != '"' {
		return string(raw), nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", fmt.Errorf("%s is no text", name)
	}
	return s, nil
}

func (a answer) looseNumber(name string) (int64, error) {
	s, err := a.loose(name)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is no whole number", name)
	}
	return n, nil
}

// list is a member that is a list of objects, or the only one of them.
func (a answer) list(name string) ([]answer, error) {
	raw := a.members[name]
	parts := []json.RawMessage{raw}
	if len(raw) > 0 && raw[0] == '[' {
		if err := json.Unmarshal(raw, &parts); err != nil {
			return nil, fmt.Errorf("%s is no list", name)
		}
	}
	if len(parts) > mostEvents {
		return nil, fmt.Errorf("%s is too long", name)
	}
	all := make([]answer, len(parts))
	for i, p := range parts {
		var err error
		if all[i], err = parse(a.call, p); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return all, nil
}
