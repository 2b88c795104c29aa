package app

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestALoopGoesOnAtOnceWhileThereIsWorkAndAfterAPanic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		start, turns := time.Now(), []time.Duration{}
		go every(ctx, slog.New(slog.DiscardHandler), time.Second, nil, "test", func(context.Context) (bool, error) {
			turns = append(turns, time.Since(start))
			switch len(turns) {
			case 1:
				return true, nil
			case 2:
				panic("poison")
			case 3:
				return true, errors.New("away")
			default:
				return false, nil
			}
		})
		time.Sleep(3500 * time.Millisecond)
		cancel()
		synctest.Wait()
		want := []time.Duration{0, 0, time.Second, 2 * time.Second, 3 * time.Second}
		if len(turns) != len(want) {
			t.Fatalf("turns at %v, want %v", turns, want)
		}
		for i := range want {
			if turns[i] != want[i] {
				t.Errorf("turn %d at %v, want %v", i, turns[i], want[i])
			}
		}
	})
}

func TestALoopThatIsWokenDoesNotWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		start, turns, woken := time.Now(), []time.Duration{}, make(chan struct{}, 1)
		go every(ctx, slog.New(slog.DiscardHandler), time.Minute, woken, "test", func(context.Context) (bool, error) {
			turns = append(turns, time.Since(start))
			return false, nil
		})
		time.Sleep(time.Second)
		woken <- struct{}{}
		time.Sleep(70 * time.Second)
		cancel()
		synctest.Wait()
		if want := []time.Duration{0, time.Second, 61 * time.Second}; !slices.Equal(turns, want) {
			t.Errorf("turns at %v, want %v", turns, want)
		}
	})
}
