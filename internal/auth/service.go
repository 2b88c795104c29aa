package auth

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/limit"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/platform/wechat"
)

// Options of a Service.
type Options struct {
	DB     *db.DB
	KV     *kv.KV
	Keys   *sealed.Keys
	WeChat *wechat.Client // nil: nobody signs in by WeChat
	Issuer string         // of the tokens: who runs this deployment
	Era    int64          // of the deployment's history; tokens and sessions of another one are refused
	Demo   bool           // sign-in by handle; see CheckDemo
	Limit  Limit          // nil: limiters of a node that is alone
	Ended  func(Ended)    // told of every end of rights as soon as this node knows of it; must not block

	Patience time.Duration // with WeChat, of whoever submits a text; 0: two seconds

	// Disabled is what else ends with somebody's account, in the same transaction; nil: nothing.
	Disabled func(ctx context.Context, tx *db.Tx, by org.Actor, person org.PersonID) error
}

// A Limit takes one call of a subject from a limiter (limit.Limits.Allow).
type Limit func(ctx context.Context, l limit.Limiter, subject string) limit.Verdict

// A Service signs people in, says who they are, and signs them out.
type Service struct {
	db     *db.DB
	kv     *kv.KV
	keys   *sealed.Keys
	wechat *wechat.Client
	era    int64
	demo   bool
	limit  Limit
	tokens tokens
	hasher *hasher
	denied *denied
	cache  *recent[SessionID, liveSession]
	seats  *recent[seat, org.Actor]

	patience time.Duration
	disabled func(ctx context.Context, tx *db.Tx, by org.Actor, person org.PersonID) error
}

// NewService puts a service together; Start makes it ready.
func NewService(o Options) *Service {
	if o.Ended == nil {
		o.Ended = func(Ended) {}
	}
	if o.Limit == nil {
		o.Limit = limit.New(o.KV, o.DB.Now, func() int { return 1 }).Allow
	}
	s := &Service{
		patience: cmp.Or(o.Patience, patience),

		db: o.DB, kv: o.KV, keys: o.Keys, wechat: o.WeChat, era: o.Era, demo: o.Demo, limit: o.Limit, disabled: o.Disabled,
		tokens: newTokens(o.Issuer, o.Era),
		hasher: newHasher(), cache: newRecent[SessionID, liveSession](cacheLife), seats: newRecent[seat, org.Actor](cacheLife),
	}
	s.denied = newDenied(func(e Ended) {
		if e.Person != 0 { // their roles are looked up anew at once
			s.seats.drop(func(k seat) bool { return k.person == e.Person })
		}
		o.Ended(e)
	})
	return s
}

// Start reads what must be known before the first request: keys and revocations.
func (s *Service) Start(ctx context.Context) error {
	if err := s.LoadKeys(ctx); err != nil {
		return fmt.Errorf("load the signing keys: %w", err)
	}
	if err := s.LoadRevocations(ctx); err != nil {
		return fmt.Errorf("load the revocations: %w", err)
	}
	return nil
}

// SignedIn is what somebody who came in gets.
type SignedIn struct {
	Access  string
	Refresh string
	Session Session
	State   State // of the account
}

// start begins a session of person in tx, and says what the tokens are made of.
func (s *Service) start(ctx context.Context, tx *db.Tx, p personRow, client Client, device string, level int, held *time.Time) (begun, error) {
	if p.DisabledAt != nil {
		return begun{}, ErrSignIn
	}
	roles, err := org.AssignmentsOf(ctx, tx, p.ID, calendar.DayOf(tx.Now))
	if err != nil {
		return begun{}, err
	}
	idle, absolute := client.life(staff(roles))
	ses := Session{
		Person: p.ID, Client: client, DeviceHash: deviceHash(device), Level: level, Era: s.era,
		IdleFor: int64(idle / time.Second), IdleUntil: tx.Now.Add(idle), EndsAt: tx.Now.Add(absolute), CreatedAt: tx.Now,
	}
	if held != nil && held.After(tx.Now) {
		ses.HeldUntil = held
	}
	if level == 2 {
		ses.SteppedAt = &tx.Now
	}
	all, same, err := devicesOf(ctx, tx, p.ID, ses.DeviceHash)
	if err != nil {
		return begun{}, err
	}
	if err := insertSession(ctx, tx, &ses); err != nil {
		return begun{}, err
	}
	token, hash := newToken()
	if err := insertRefresh(ctx, tx, ses.ID, hash, nil); err != nil {
		return begun{}, err
	}
	audit.Note(tx, org.Actor{PersonID: p.ID}.Did("auth.signed_in", "session", int64(ses.ID)))
	if all > 0 && same == 0 {
		err = s.tell(ctx, tx, p.ID, "security.new_device", int64(ses.ID))
	}
	return begun{session: ses, refresh: token, ver: p.Ver}, err
}

// begun is a session whose access token is still to be made.
type begun struct {
	session Session
	refresh string
	ver     int64
}

// signedIn makes the access token of b.
func (s *Service) signedIn(b begun, state State) (SignedIn, error) {
	access, err := s.tokens.issue(claims{Session: b.session.ID, Person: b.session.Person, Ver: b.ver}, s.db.Now())
	return SignedIn{Access: access, Refresh: b.refresh, Session: b.session, State: state}, err
}

// tell puts a message about their own safety into the inbox of person.
func (s *Service) tell(ctx context.Context, tx *db.Tx, person org.PersonID, kind string, session int64) error {
	return notify.Tell(ctx, tx, notify.Persons(person), notify.Item{
		Kind: kind, Ref: notify.Ref{Type: "session", ID: session}, Args: map[string]any{"at": tx.Now},
	})
}

// useCode notes that a WeChat code was shown, in a transaction of its own: it is used up whatever comes of it.
func (s *Service) useCode(ctx context.Context, code string) error {
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		_, hash := writeToken([]byte(s.wechat.AppID() + "\x00" + code))
		return insertCodeUse(ctx, tx, hash)
	})
	if db.IsDuplicate(err) {
		return ErrCode
	}
	return db.Wrap(err, nil, "note the use of a code")
}

// fromWeChat turns what the platform said into what a person may see.
func fromWeChat(err error) error {
	switch wechat.ClassOf(err) {
	case wechat.None:
		return nil
	case wechat.CodeRefused:
		return ErrCode
	default:
		return fmt.Errorf("%w: %w", ErrWeChat, err)
	}
}

// SignInWeChat signs in whoever the code of the mini-program belongs to.
func (s *Service) SignInWeChat(ctx context.Context, code, device string) (SignedIn, error) {
	if s.wechat == nil {
		return SignedIn{}, ErrWeChat
	}
	if err := s.limited(ctx, limit.WeChatDevice, hex.EncodeToString(deviceHash(device))); err != nil {
		return SignedIn{}, err
	}
	if err := s.useCode(ctx, code); err != nil {
		return SignedIn{}, err
	}
	who, err := s.wechat.Code2Session(ctx, code)
	if err != nil {
		return SignedIn{}, fromWeChat(err)
	}
	var b begun
	var account accountRow
	err = s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		if account, err = s.account(ctx, tx, who); err != nil {
			return err
		}
		p, err := findPerson(ctx, tx, *account.Person)
		if err != nil {
			return err
		}
		b, err = s.start(ctx, tx, p, Mini, device, 1, account.HeldUntil)
		return err
	})
	if err != nil {
		return SignedIn{}, err
	}
	return s.signedIn(b, account.State)
}

// account is the account of who, made at their first sign-in, and settled: it has a person in the end.
func (s *Service) account(ctx context.Context, tx *db.Tx, who wechat.Session) (accountRow, error) {
	app := s.wechat.AppID()
	hashes := s.keys.Derivations(sealed.OpenID, []byte(app+"\x00"+who.OpenID))
	a, found, err := findAccount(ctx, tx, app, hashes)
	if err != nil {
		return a, err
	}
	if !found {
		a = accountRow{State: Unverified}
		if a.ID, err = insertAccount(ctx, tx, app, hashes[0]); db.IsDuplicate(err) {
			// Somebody with two codes at once: the other one has just made it.
			a, _, err = findAccount(ctx, tx, app, hashes)
		} else if err == nil {
			err = s.sealOpenID(ctx, tx, a.ID, who.OpenID)
		}
		if err != nil {
			return a, db.Wrap(err, nil, "make a wechat account")
		}
	}
	if err := s.meetUnion(ctx, tx, &a, who.UnionID); err != nil {
		return a, err
	}
	switch {
	case a.State == Closed: // replaced, and now somebody's own again
		a.State, a.Person = Unverified, nil
	case a.State == Invalid && a.Person != nil: // WeChat has just shown that it is not
		a.State = Bound
	case a.State == Invalid:
		a.State = Unverified
	}
	if a.Person == nil {
		id, err := addPerson(ctx, tx)
		if err != nil {
			return a, err
		}
		a.Person = &id
	}
	return a, settleAccount(ctx, tx, a)
}

func (s *Service) sealOpenID(ctx context.Context, tx *db.Tx, id int64, openID string) error {
	cipher, err := s.keys.Seal(sealed.Personal, "wechat_account", "openid_sealed", id, openID)
	if err != nil {
		return err
	}
	return sealOpenID(ctx, tx, id, cipher)
}

// meetUnion joins a to the account with the same unionid: one unionid is one person. Two that have become two
// persons before anybody knew are left to somebody who looks, and never merged in silence (W5).
func (s *Service) meetUnion(ctx context.Context, tx *db.Tx, a *accountRow, union string) error {
	if union == "" {
		return nil
	}
	hashes := s.keys.Derivations(sealed.OpenID, []byte("union\x00"+union))
	a.UnionHash = hashes[0]
	other, found, err := accountByUnion(ctx, tx, hashes, a.ID)
	switch {
	case err != nil || !found:
		return err
	case a.Person == nil:
		a.Person, a.State = other.Person, other.State
		return nil
	case *a.Person != *other.Person:
		return insertConflict(ctx, tx, a.ID, other.ID)
	}
	return nil
}

// SignInDemo signs in as one of the demo accounts; outside demo mode there is no such thing (X11). Its session is
// like one of two factors: sensitive acts are open for five minutes, and then closed as for everybody. The people
// of the demo have no authenticator at hand, and whoever tries it shall meet the question without being locked
// out by it; signing in again opens the acts again.
func (s *Service) SignInDemo(ctx context.Context, handle string, client Client, device string) (SignedIn, error) {
	if !s.demo {
		return SignedIn{}, problem.ErrNotFound
	}
	var b begun
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		person, err := personByHandle(ctx, tx, handle)
		if err != nil {
			return err
		}
		p, err := findPerson(ctx, tx, person)
		if err != nil {
			return err
		}
		b, err = s.start(ctx, tx, p, client, device, 2, nil)
		return err
	})
	if err != nil {
		return SignedIn{}, err
	}
	return s.signedIn(b, Bound)
}

const challengeLife = 5 * time.Minute

// SignInPassword checks the first factor and returns a challenge for the second. Unknown accounts, accounts
// without a second factor and disabled persons cost the same time and get the same answer as a wrong password.
func (s *Service) SignInPassword(ctx context.Context, account, password string, client Client, device string) (challenge string, err error) {
	account = strings.ToLower(account)
	if err := s.try(ctx, "password", account, quarter); err != nil {
		return "", err
	}
	c, _, err := credentialByAccount(ctx, s.db, account)
	if err != nil {
		return "", err
	}
	stored := ""
	if c.Password != nil {
		stored = *c.Password
	}
	right, err := s.hasher.matches(ctx, password, stored)
	if err != nil {
		return "", err
	}
	if !right || c.ConfirmedAt == nil || c.DisabledAt != nil {
		return "", ErrSignIn
	}
	return s.challenge(ctx, challengeRow{Person: c.Person, Kind: "sign_in", Client: client, DeviceHash: deviceHash(device)},
		s.subject("password", account))
}

// challenge stores c and returns the token that stands for it; tries of subject are forgotten.
func (s *Service) challenge(ctx context.Context, c challengeRow, subject []byte) (token string, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if err := forgetTries(ctx, tx, subject); err != nil {
			return err
		}
		var hash []byte
		token, hash = newToken()
		c.ExpiresAt = tx.Now.Add(challengeLife)
		return insertChallenge(ctx, tx, hash, c)
	})
	return token, err
}

// openChallenge finds the challenge that token stands for, if it is of this kind and device and still open.
func (s *Service) openChallenge(ctx context.Context, q db.Queryer, token, kind, device string, now time.Time) (c challengeRow, hash []byte, err error) {
	_, hash, ok := readToken(token)
	if !ok {
		return c, nil, ErrChallenge
	}
	c, err = findChallenge(ctx, q, hash)
	if err == nil && (c.Kind != kind || c.UsedAt != nil || !now.Before(c.ExpiresAt) || string(c.DeviceHash) != string(deviceHash(device))) {
		err = ErrChallenge
	}
	return c, hash, err
}

// VerifyTotp checks the second factor, or a recovery code in its place, and signs in.
func (s *Service) VerifyTotp(ctx context.Context, challenge, code, device string) (SignedIn, error) {
	c, hash, err := s.openChallenge(ctx, s.db, challenge, "sign_in", device, s.db.Now())
	if err != nil {
		return SignedIn{}, err
	}
	if err := s.tryPerson(ctx, c.Person); err != nil {
		return SignedIn{}, err
	}
	prove, err := s.secondFactor(ctx, c.Person, code)
	if err != nil {
		return SignedIn{}, err
	}
	var b begun
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if found, err := useChallenge(ctx, tx, hash); err != nil || found == 0 {
			return orElse(err, ErrChallenge)
		}
		if err := prove(ctx, tx); err != nil {
			return err
		}
		p, err := findPerson(ctx, tx, c.Person)
		if err != nil {
			return err
		}
		if err := forgetTries(ctx, tx, s.personSubject(c.Person)); err != nil {
			return err
		}
		b, err = s.start(ctx, tx, p, c.Client, device, 2, nil)
		return err
	})
	if err != nil {
		return SignedIn{}, err
	}
	return s.signedIn(b, Bound)
}

// orElse is err, or instead when there is none.
func orElse(err, instead error) error {
	if err != nil {
		return err
	}
	return instead
}

// secondFactor says whether code is right for person, and returns what uses it up in the transaction of the
// act: a step and a recovery code work once.
func (s *Service) secondFactor(ctx context.Context, person org.PersonID, code string) (prove func(context.Context, *db.Tx) error, err error) {
	c, found, err := credentialOf(ctx, s.db, person)
	if err != nil {
		return nil, err
	}
	if !found || c.ConfirmedAt == nil {
		return nil, ErrNoSecondFactor
	}
	if len(code) != 6 {
		return s.recoveryFactor(ctx, person, strings.ToUpper(code))
	}
	return s.totpFactor(c, code)
}

func (s *Service) totpFactor(c credentialRow, code string) (func(context.Context, *db.Tx) error, error) {
	secret, err := s.keys.Open(sealed.Secrets, "credential", "totp_sealed", int64(c.Person), c.Totp)
	if err != nil {
		return nil, err
	}
	step, err := stepOf(secret, code, s.db.Now())
	if err != nil {
		return nil, err
	}
	if step == 0 {
		return nil, ErrSecondFactor
	}
	return func(ctx context.Context, tx *db.Tx) error {
		found, err := takeStep(ctx, tx, c.Person, step)
		if err == nil && found == 0 {
			err = ErrSecondFactor // shown before
		}
		return err
	}, nil
}

func (s *Service) recoveryFactor(ctx context.Context, person org.PersonID, code string) (func(context.Context, *db.Tx) error, error) {
	all, err := recoveryCodes(ctx, s.db, person)
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		right, err := s.hasher.matches(ctx, code, r.Hash)
		if err != nil {
			return nil, err
		}
		if right {
			return func(ctx context.Context, tx *db.Tx) error {
				found, err := useRecovery(ctx, tx, r.ID)
				if err == nil && found == 0 {
					err = ErrSecondFactor
				}
				return err
			}, nil
		}
	}
	return nil, ErrSecondFactor
}

// steppedFor is how long a second factor counts as fresh.
const steppedFor = 5 * time.Minute

// StepUp checks the second factor again in the session of ctx, and says until when that counts.
func (s *Service) StepUp(ctx context.Context, code string) (until time.Time, err error) {
	by, session := org.ActorFrom(ctx), SessionFrom(ctx)
	if err := s.tryPerson(ctx, by.PersonID); err != nil {
		return time.Time{}, err
	}
	prove, err := s.secondFactor(ctx, by.PersonID, code)
	if err == nil {
		until, err = s.markStepped(ctx, by, session, prove)
	}
	if errors.Is(err, ErrSecondFactor) {
		err = ErrStepUp // the session itself is as good as before
	}
	return until, err
}

// markStepped notes that a second factor was shown in session now, in the transaction that uses it up.
func (s *Service) markStepped(ctx context.Context, by org.Actor, session SessionID, prove func(context.Context, *db.Tx) error) (until time.Time, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if err := prove(ctx, tx); err != nil {
			return err
		}
		if found, err := markStepped(ctx, tx, session); err != nil || found == 0 {
			return orElse(err, ErrSessionEnded)
		}
		audit.Note(tx, by.Did("auth.stepped_up", "session", int64(session)))
		until = tx.Now.Add(steppedFor)
		return forgetTries(ctx, tx, s.personSubject(by.PersonID))
	})
	return until, err
}

// CheckStepUp is nil if the second factor was shown in the session of ctx within five minutes, else why
// sensitive acts are closed. The row is asked, since such acts are rare and a cache could be late.
func (s *Service) CheckStepUp(ctx context.Context) error {
	ses, err := findSession(ctx, s.db, SessionFrom(ctx))
	if err != nil {
		return err
	}
	now := s.db.Now()
	switch {
	case ses.HeldUntil != nil && now.Before(*ses.HeldUntil):
		return ErrHeld
	case ses.SteppedAt == nil || !now.Before(ses.SteppedAt.Add(steppedFor)):
		return ErrStepUp
	}
	return nil
}
