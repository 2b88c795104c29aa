package auth

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/sealed"
)

// Enrolment lets person set a first password for account. If they have one in use already, its factor was lost:
// that takes a second administrator, and until then there is no code.
func (s *Service) Enrolment(ctx context.Context, by org.Actor, person org.PersonID, account string) (t Ticket, err error) {
	account = strings.ToLower(account)
	var id int64
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		err := once.Do(ctx, tx, int64(by.PersonID), &id, func() (err error) {
			id, err = s.letEnrol(ctx, tx, by, person, account)
			return err
		})
		if err != nil {
			return err
		}
		e, err := enrolmentByID(ctx, tx, id)
		t = Ticket{ID: id, ExpiresAt: e.ExpiresAt}
		if e.ready() {
			t.Code = code(s.keys, e.Salt, codeLength)
		}
		return err
	})
	return t, err
}

func (s *Service) letEnrol(ctx context.Context, tx *db.Tx, by org.Actor, person org.PersonID, account string) (id int64, err error) {
	p, err := findPerson(ctx, tx, person)
	if err != nil {
		return 0, err
	}
	if p.DisabledAt != nil {
		return 0, ErrDisabled
	}
	if person == by.PersonID {
		return 0, ErrSecondPerson // nobody gives themselves a factor
	}
	other, taken, err := credentialByAccount(ctx, tx, account)
	if err != nil {
		return 0, err
	}
	if taken && other.Person != person {
		return 0, ErrAccountTaken
	}
	present, found, err := credentialOf(ctx, tx, person)
	if err != nil {
		return 0, err
	}
	waiting, there, err := waitingEnrolment(ctx, tx, person, tx.Now)
	if err != nil {
		return 0, err
	}
	if there {
		if waiting.CreatedBy == by.PersonID {
			return 0, ErrSecondPerson
		}
		if found, err := secondEnrolment(ctx, tx, waiting.ID, by.PersonID); err != nil || found == 0 {
			return 0, orElse(err, ErrIllegalTransition.With("state", "ready"))
		}
		audit.Note(tx, by.Did("enrolment.seconded", "person", int64(person)))
		return waiting.ID, nil
	}
	e := enrolmentRow{
		Person: person, Account: account, Salt: newSalt(), CreatedBy: by.PersonID, ExpiresAt: tx.Now.Add(codeLife),
		Needs: found && present.ConfirmedAt != nil,
	}
	audit.Note(tx, by.Did("enrolment.created", "person", int64(person)))
	return insertEnrolment(ctx, tx, e, codeHashes(s.keys, code(s.keys, e.Salt, codeLength))[0])
}

// FirstEnrolment lets one of the first two administrators set a password for account: nobody stands above them, so the
// other one stands for who let them. What was given before for the same person is no longer good. It returns the code.
func (s *Service) FirstEnrolment(ctx context.Context, tx *db.Tx, person, other org.PersonID, account string) (string, error) {
	account = strings.ToLower(account)
	if !accountShape.MatchString(account) {
		return "", fmt.Errorf("the account %q is no account: 2 to 64 letters, digits, dots, dashes", account)
	}
	if _, err := tx.Change(ctx, `UPDATE enrolment SET used_at = ? WHERE person_id = ? AND used_at IS NULL`, tx.Now, person); err != nil {
		return "", db.Wrap(err, nil, "end the enrolments of person %d", person)
	}
	e := enrolmentRow{Person: person, Account: account, Salt: newSalt(), CreatedBy: other, ExpiresAt: tx.Now.Add(codeLife)}
	text := code(s.keys, e.Salt, codeLength)
	audit.Note(tx, org.System.Did("enrolment.created", "person", int64(person)))
	_, err := insertEnrolment(ctx, tx, e, codeHashes(s.keys, text)[0])
	return text, err
}

// accountShape is that of the contract.
var accountShape = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,63}$`)

// InUse says whether somebody has ever made a password of theirs good.
func InUse(ctx context.Context, q db.Queryer) (bool, error) {
	var n int
	err := q.Get(ctx, &n, `SELECT COUNT(*) FROM credential WHERE confirmed_at IS NOT NULL`)
	return n > 0, db.Wrap(err, nil, "count the credentials")
}

// A SecondFactor is what an authenticator needs, and the challenge to answer with its first code.
type SecondFactor struct {
	Challenge string
	Secret    string
	URI       string
}

// Enrol sets the password of account with the code of an enrolment, and makes the second factor.
func (s *Service) Enrol(ctx context.Context, account, text, password, device string) (f SecondFactor, err error) {
	account = strings.ToLower(account)
	if err := checkPassword(password, account); err != nil {
		return f, err
	}
	if err := s.tryCode(ctx, text); err != nil {
		return f, err
	}
	if err := s.try(ctx, "enrol", account, quarter); err != nil {
		return f, err
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return f, err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		e, found, err := findEnrolment(ctx, tx, codeHashes(s.keys, text))
		if err != nil {
			return err
		}
		if !found || e.Account != account || !e.ready() {
			return ErrEnrolment
		}
		if used, err := useEnrolment(ctx, tx, e.ID); err != nil || used == 0 {
			return orElse(err, ErrEnrolment)
		}
		f = SecondFactor{Secret: newSecret()}
		f.URI = totpURI(account, f.Secret)
		totp, err := s.keys.Seal(sealed.Secrets, "credential", "totp_sealed", int64(e.Person), f.Secret)
		if err != nil {
			return err
		}
		err = saveCredential(ctx, tx, credentialRow{Person: e.Person, Account: account, Password: &hash, Totp: totp})
		if db.IsDuplicate(err) {
			return ErrAccountTaken
		}
		if err != nil {
			return err
		}
		audit.Note(tx, org.Actor{PersonID: e.Person}.Did("auth.password_set", "person", int64(e.Person)))
		var sum []byte
		f.Challenge, sum = newToken()
		return insertChallenge(ctx, tx, sum, challengeRow{
			Person: e.Person, Kind: "enrol", Client: Console, DeviceHash: deviceHash(device), ExpiresAt: tx.Now.Add(2 * challengeLife),
		})
	})
	return f, err
}

const recoveryCount, recoveryLength = 10, 10

// ConfirmEnrolment takes the first code of the authenticator. From then on the account signs in, and all that
// was signed in before is not.
func (s *Service) ConfirmEnrolment(ctx context.Context, challenge, text, device string) (recovery []string, err error) {
	c, hash, err := s.openChallenge(ctx, s.db, challenge, "enrol", device, s.db.Now())
	if err != nil {
		return nil, err
	}
	if err := s.tryPerson(ctx, c.Person); err != nil {
		return nil, err
	}
	if err := s.tryFactorChange(ctx, c.Person); err != nil {
		return nil, err
	}
	credential, found, err := credentialOf(ctx, s.db, c.Person)
	if err != nil || !found {
		return nil, orElse(err, ErrChallenge)
	}
	prove, err := s.totpFactor(credential, text)
	if err != nil {
		return nil, err
	}
	hashes := make([]string, recoveryCount)
	for i := range hashes {
		recovery = append(recovery, code(s.keys, newSalt(), recoveryLength))
		if hashes[i], err = s.hasher.hash(ctx, recovery[i]); err != nil {
			return nil, err
		}
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if found, err := useChallenge(ctx, tx, hash); err != nil || found == 0 {
			return orElse(err, ErrChallenge)
		}
		if err := prove(ctx, tx); err != nil {
			return err
		}
		if found, err := confirmCredential(ctx, tx, c.Person); err != nil || found == 0 {
			return orElse(err, ErrChallenge)
		}
		if err := replaceRecovery(ctx, tx, c.Person, hashes); err != nil {
			return err
		}
		return s.factorChanged(ctx, tx, c.Person, 0)
	})
	if err != nil {
		return nil, err
	}
	return recovery, nil
}

// factorChanged ends what was signed in with the old factor, but for the session of the change (0: none), and
// tells the person.
func (s *Service) factorChanged(ctx context.Context, tx *db.Tx, person org.PersonID, but SessionID) error {
	if err := s.endOthers(ctx, tx, person, but, byFactor); err != nil {
		return err
	}
	if err := s.RightsShrank(ctx, tx, person); err != nil {
		return err
	}
	audit.Note(tx, org.Actor{PersonID: person}.Did("auth.factor_changed", "person", int64(person)))
	return s.tell(ctx, tx, person, "security.factor_changed", int64(person))
}

// SetCredential gives person an account that signs in at once: the first administrators of a deployment and
// the people of the demo have nobody who could enrol them.
func (s *Service) SetCredential(ctx context.Context, tx *db.Tx, person org.PersonID, account, passwordHash, totpSecret string) error {
	totp, err := s.keys.Seal(sealed.Secrets, "credential", "totp_sealed", int64(person), totpSecret)
	if err != nil {
		return err
	}
	return saveCredential(ctx, tx, credentialRow{
		Person: person, Account: strings.ToLower(account), Password: &passwordHash, Totp: totp, ConfirmedAt: &tx.Now,
	})
}

// HashPassword is password as SetCredential takes it; it takes its time, so call it before the transaction.
func (s *Service) HashPassword(ctx context.Context, password string) (string, error) {
	return s.hasher.hash(ctx, password)
}
