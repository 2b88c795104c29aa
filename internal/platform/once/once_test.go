package once_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"testing"
	"time"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/problem"
)

type receipt struct {
	ID int64     `json:"id"`
	At time.Time `json:"at"`
}

const key = "0123456789abcdef"

func call(operation, body string) once.Call {
	sum := sha256.Sum256([]byte(body))
	return once.Call{Operation: operation, Key: key, Fingerprint: sum[:]}
}

// act does something that can be counted: its effects are rows of another operation.
func act(ctx context.Context, d *db.DB, person int64) (r receipt, err error) {
	err = once.InTx(ctx, d, person, &r, func(tx *db.Tx) error {
		r = receipt{ID: person * 10, At: tx.Now}
		return addEffect(ctx, tx)
	})
	return r, err
}

func addEffect(ctx context.Context, tx *db.Tx) error {
	var n int64
	if err := tx.Get(ctx, &n, `SELECT COUNT(*) FROM idempotency WHERE operation = 'effect'`); err != nil {
		return err
	}
	_, err := tx.Change(ctx, `
		INSERT INTO idempotency (person_id, operation, idem_key, fingerprint, result, created_at)
		VALUES (?, 'effect', ?, ?, '{}', ?)`, -n, key, []byte{}, tx.Now)
	return err
}

func effects(t *testing.T, d *db.DB) (n int) {
	t.Helper()
	if err := d.Get(t.Context(), &n, `SELECT COUNT(*) FROM idempotency WHERE operation = 'effect'`); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestARepeatedRequestHasOneEffectAndOneAnswer(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		first := once.With(t.Context(), call("recordCheckIn", `{"placeId":1}`))
		want, err := act(first, d, 7)
		if err != nil || once.Replayed(first) {
			t.Fatalf("the first call: %v, replayed %v; want it done", err, once.Replayed(first))
		}
		again := once.With(t.Context(), call("recordCheckIn", `{"placeId":1}`))
		got, err := act(again, d, 7)
		if err != nil || got != want || !once.Replayed(again) {
			t.Errorf("the repeat: %+v, %v, replayed %v; want %+v, replayed", got, err, once.Replayed(again), want)
		}
		if n := effects(t, d); n != 1 {
			t.Errorf("there are %d effects, want 1", n)
		}
	})
}

func TestARequestIsKnownOnceItWasDoneAndNoOther(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		knows := func(ctx context.Context, what string, person int64, want bool) {
			t.Helper()
			if got, err := once.Done(ctx, d, person); err != nil || got != want {
				t.Errorf("%s is done: %v, %v, want %v", what, got, err, want)
			}
		}
		ctx := once.With(t.Context(), call("recordVisit", `{}`))
		knows(ctx, "what nobody has sent", 7, false)
		if _, err := act(ctx, d, 7); err != nil {
			t.Fatal(err)
		}
		knows(once.With(t.Context(), call("recordVisit", `{}`)), "what was sent", 7, true)
		knows(ctx, "that of somebody else", 8, false)
		knows(once.With(t.Context(), call("recordVisit", `{"result":"needs"}`)), "another under the same key", 7, false)
		knows(t.Context(), "what has no key", 7, false)
	})
}

func TestAKeyBelongsToAPersonAndAnOperation(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for _, c := range []struct {
			operation string
			person    int64
		}{{"recordCheckIn", 7}, {"recordCheckIn", 8}, {"recordVisit", 7}, {"signIn", 0}} {
			ctx := once.With(t.Context(), call(c.operation, `{}`))
			if _, err := act(ctx, d, c.person); err != nil || once.Replayed(ctx) {
				t.Errorf("%s of person %d: %v, replayed %v; want it done", c.operation, c.person, err, once.Replayed(ctx))
			}
		}
	})
}

func TestAKeyWithAnotherBodyIsRefused(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		if _, err := act(once.With(t.Context(), call("recordVisit", `{"result":"needs"}`)), d, 7); err != nil {
			t.Fatal(err)
		}
		_, err := act(once.With(t.Context(), call("recordVisit", `{"result":"declined"}`)), d, 7)
		if !errors.Is(err, problem.ErrKeyReused) {
			t.Errorf("the same key with another body gives %v, want %v", err, problem.ErrKeyReused)
		}
		if n := effects(t, d); n != 1 {
			t.Errorf("there are %d effects, want 1", n)
		}
	})
}

func TestARefusedRequestMayBeSentAgain(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := once.With(t.Context(), call("recordVisit", `{}`))
		refused := errors.New("not yet")
		err := d.InTx(ctx, func(tx *db.Tx) error {
			return once.Do(ctx, tx, 7, nil, func() error { return refused })
		})
		if !errors.Is(err, refused) {
			t.Fatalf("got %v, want %v", err, refused)
		}
		if _, err := act(once.With(t.Context(), call("recordVisit", `{}`)), d, 7); err != nil {
			t.Errorf("the next try gives %v, want it done", err)
		}
	})
}

func TestTheSameRequestAtOnceHasOneEffect(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				ctx := once.With(t.Context(), call("recordCheckIn", `{}`))
				r, err := act(ctx, d, 7)
				if err == nil && r.ID != 70 || err != nil && !errors.Is(err, problem.ErrKeyInFlight) {
					t.Errorf("got %+v, %v; want the one answer, or to be told it is under way", r, err)
				}
			})
		}
		all.Wait()
		if n := effects(t, d); n != 1 {
			t.Errorf("there are %d effects, want 1", n)
		}
	})
}

func TestARequestStillUnderWayIsNotDoneTwice(t *testing.T) {
	t.Parallel()
	d := dbtest.MySQL(t) // SQLite has one writer: there the second waits for its turn and gets the answer
	inside, finish, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ctx := once.With(t.Context(), call("recordVisit", `{}`))
		done <- d.InTx(ctx, func(tx *db.Tx) error {
			return once.Do(ctx, tx, 7, nil, func() error {
				close(inside)
				<-finish
				return addEffect(ctx, tx)
			})
		})
	}()
	<-inside
	_, err := act(once.With(t.Context(), call("recordVisit", `{}`)), d, 7)
	if !errors.Is(err, problem.ErrKeyInFlight) {
		t.Errorf("while the first runs, the second gives %v, want %v", err, problem.ErrKeyInFlight)
	}
	close(finish)
	if err := <-done; err != nil || effects(t, d) != 1 {
		t.Errorf("the first gives %v and %d effects, want one", err, effects(t, d))
	}
}

func TestOnlyTheOutermostActHasTheKey(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := once.With(t.Context(), call("recordVisit", `{}`))
		err := d.InTx(ctx, func(tx *db.Tx) error {
			return once.Do(ctx, tx, 7, nil, func() error {
				return once.Do(ctx, tx, 7, nil, func() error { return nil })
			})
		})
		if err == nil || errors.Is(err, problem.ErrKeyInFlight) {
			t.Errorf("Do inside Do gives %v, want to be told of the slip", err)
		}
	})
}

func TestWithoutAKeyEverythingIsDone(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for range 2 {
			if _, err := act(t.Context(), d, 7); err != nil || once.Replayed(t.Context()) {
				t.Fatalf("without a key: %v, want it done", err)
			}
		}
		if n := effects(t, d); n != 2 {
			t.Errorf("there are %d effects, want 2", n)
		}
	})
}

func TestAKeyIsForgottenAfterAWeek(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		start := time.Date(2026, 5, 11, 1, 0, 0, 0, time.UTC)
		dbtest.WithClock(t, d, func() time.Time { return start })
		if _, err := act(once.With(t.Context(), call("recordVisit", `{}`)), d, 7); err != nil {
			t.Fatal(err)
		}
		d.SetNow(func() time.Time { return start.Add(once.Kept) })
		if some, err := once.Forget(t.Context(), d); err != nil || some {
			t.Errorf("within the week something is forgotten (%v), want nothing", err)
		}
		d.SetNow(func() time.Time { return start.Add(once.Kept + time.Minute) })
		for some := true; some; {
			var err error
			if some, err = once.Forget(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
		ctx := once.With(t.Context(), call("recordVisit", `{}`))
		if _, err := act(ctx, d, 7); err != nil || once.Replayed(ctx) {
			t.Errorf("after a week: %v, replayed %v; want it done anew", err, once.Replayed(ctx))
		}
	})
}
