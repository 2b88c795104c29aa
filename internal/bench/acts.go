package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// errUsedUp says that nobody is left who may do it once more.
var errUsedUp = errors.New("everybody has done it as often as they may")

// acts are what the crowd does, each person in turn.
type acts struct {
	crowd []person
	turn  atomic.Int64

	mu     sync.Mutex
	tokens []string // refresh tokens, by person
}

func newActs(crowd []person) *acts {
	a := &acts{crowd: crowd}
	for _, p := range crowd {
		a.tokens = append(a.tokens, p.refresh)
	}
	return a
}

// from begins the turns anew.
func (a *acts) from(n int64) { a.turn.Store(n) }

// pair is whose turn it is to be on site where: nobody twice in one place.
func (a *acts) pair() (n int, where site, err error) {
	turn := int(a.turn.Add(1) - 1)
	n, round := turn%len(a.crowd), turn/len(a.crowd)
	all := a.crowd[n].sites
	if round >= len(all) {
		return 0, site{}, errUsedUp
	}
	return n, all[(round+n)%len(all)], nil
}

// A checkIn is what a phone says.
type checkIn struct {
	Kind       string    `json:"kind"`
	Code       string    `json:"code"`
	HappenedAt time.Time `json:"happenedAt"`
	ClientRef  string    `json:"clientRef"`
}

// checkIn is one that person n makes now at a site.
func (a *acts) checkIn(n int, where site, key, ref string) (call, error) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	code, err := where.now(now)
	if err != nil {
		return call{}, err
	}
	body, err := json.Marshal(checkIn{Kind: "place_code", Code: code.QR, HappenedAt: now, ClientRef: ref})
	return call{method: "POST", path: "/v1/check-ins", from: n, token: a.crowd[n].access, key: key, body: body}, err
}

func (a *acts) recordCheckIn(k *client) error {
	n, where, err := a.pair()
	if err != nil {
		return err
	}
	c, err := a.checkIn(n, where, uuid.NewString(), uuid.NewString())
	if err == nil {
		_, err = k.do(c)
	}
	return err
}

// list is the call for person n's tasks.
func (a *acts) list(n int) call {
	return call{method: "GET", path: "/v1/tasks?which=mine&pageSize=50", from: n, token: a.crowd[n].access}
}

// inARow is how often a person lists before the next one does: a phone that was just opened asks several times.
const inARow = 4

func (a *acts) listTasks(k *client) error {
	if k.left == 0 {
		k.who, k.left = int(a.turn.Add(1)-1)%len(a.crowd), inARow
	}
	k.left--
	_, err := k.do(a.list(k.who))
	return err
}

// refreshes is how often a session may be refreshed in ten minutes.
const refreshes = 6

// refresh is the call for the next token of person n.
func (a *acts) refresh(n int) call {
	a.mu.Lock()
	defer a.mu.Unlock()
	body := fmt.Appendf(nil, `{"refreshToken":%q,"device":%q}`, a.tokens[n], device)
	return call{method: "POST", path: "/v1/auth/refresh", from: n, body: body}
}

// refreshed keeps the token that was given.
func (a *acts) refreshed(n int, answer []byte) error {
	var given struct {
		Refresh string `json:"refreshToken"`
	}
	if err := json.Unmarshal(answer, &given); err != nil {
		return err
	}
	if given.Refresh == "" {
		return errors.New("a refresh gave no token")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tokens[n] = given.Refresh
	return nil
}

func (a *acts) refreshSession(k *client) error {
	turn := int(a.turn.Add(1) - 1)
	if turn >= refreshes*len(a.crowd) {
		return errUsedUp
	}
	n := turn % len(a.crowd)
	answer, err := k.do(a.refresh(n))
	if err != nil {
		return err
	}
	return a.refreshed(n, answer)
}
