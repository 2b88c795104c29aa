package sealed

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	aeadsubtle "github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// MasterSize is the length of a master key.
const MasterSize = 32

// A wrapper seals key sets with the master key.
type wrapper struct{ aead tink.AEAD }

func newWrapper(master []byte) (wrapper, error) {
	if len(master) != MasterSize {
		return wrapper{}, fmt.Errorf("the master key has %d bytes, it must have %d", len(master), MasterSize)
	}
	a, err := aeadsubtle.NewAESGCM(master)
	if err != nil {
		return wrapper{}, fmt.Errorf("use the master key: %w", err)
	}
	return wrapper{a}, nil
}

// wrap is h as it may be stored under name.
func (w wrapper) wrap(name string, h *keyset.Handle) ([]byte, error) {
	var b bytes.Buffer
	if err := h.WriteWithAssociatedData(keyset.NewBinaryWriter(&b), w.aead, []byte("keyset:"+name)); err != nil {
		return nil, fmt.Errorf("wrap key set %s: %w", name, err)
	}
	return b.Bytes(), nil
}

func (w wrapper) unwrap(name string, wrapped []byte) (*keyset.Handle, error) {
	h, err := keyset.ReadWithAssociatedData(keyset.NewBinaryReader(bytes.NewReader(wrapped)), w.aead, []byte("keyset:"+name))
	if err != nil {
		return nil, errors.Join(errors.New("is this the master key it was wrapped with?"), err)
	}
	return h, nil
}

// setNames are the key sets there must be.
func setNames() []string {
	return []string{
		string(Personal), string(Sensitive), string(Secrets),
		string(PhoneSearch), string(OpenID), string(Token), string(Refresh), string(Place), string(Audit), other,
	}
}

// seals says whether the key set seals columns; the rest derives.
func seals(name string) bool {
	switch Class(name) {
	case Personal, Sensitive, Secrets:
		return true
	}
	return false
}

// template is the kind of key in the set of that name.
func template(name string) *tinkpb.KeyTemplate {
	if seals(name) {
		return aead.AES256GCMKeyTemplate()
	}
	return prf.HMACSHA256PRFKeyTemplate()
}

// sets are the keys of one moment, ready for use.
type sets struct {
	aead    map[Class]tink.AEAD
	prfs    map[string]*prf.Set
	primary map[string]uint32 // the key that seals now
}

func (s *sets) has(name string) bool {
	_, ok := s.primary[name]
	return ok
}

// add makes a stored key set ready. A set that this program does not know belongs to a newer one.
func (s *sets) add(w wrapper, row keysetRow) error {
	if s.primary == nil {
		s.aead, s.prfs, s.primary = map[Class]tink.AEAD{}, map[string]*prf.Set{}, map[string]uint32{}
	}
	h, err := w.unwrap(row.Name, row.Wrapped)
	if err != nil {
		return err
	}
	s.primary[row.Name] = h.KeysetInfo().GetPrimaryKeyId()
	if seals(row.Name) {
		s.aead[Class(row.Name)], err = aead.New(h)
	} else {
		s.prfs[row.Name], err = prf.NewPRFSet(h)
	}
	return err
}

// prf is the key set that serves a purpose.
func (s *sets) prf(p Purpose) *prf.Set {
	if set, ok := s.prfs[strings.TrimPrefix(string(p), "mac:")]; ok {
		return set
	}
	return s.prfs[other]
}

// compute gives 32 bytes. It can fail only for a key or a length that Tink does not know, which Reload has
// seen to.
func compute(set *prf.Set, id uint32, purpose Purpose, data []byte) []byte {
	b, err := set.PRFs[id].ComputePRF(input(purpose, data), 32)
	if err != nil {
		panic(fmt.Sprintf("derive for %s: %v", purpose, err))
	}
	return b
}
