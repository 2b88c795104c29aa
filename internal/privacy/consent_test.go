package privacy_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/privacy"
)

// consenting are the consents of d from 2026-05-11 on, and a list of those that changed.
func consenting(t *testing.T, d *db.DB) (s *privacy.Consents, changed *[]privacy.Consent) {
	t.Helper()
	dbtest.WithClock(t, d, func() time.Time { return time.Date(2026, 5, 11, 4, 0, 0, 0, time.UTC) })
	if _, err := audit.Open(t.Context(), d, bytes.Repeat([]byte{7}, 32)); err != nil {
		t.Fatal(err)
	}
	changed = new([]privacy.Consent)
	return privacy.NewConsents(d, func(_ context.Context, _ *db.Tx, _ org.Actor, c privacy.Consent) error {
		*changed = append(*changed, c)
		return nil
	}), changed
}

// gives fails the test unless d says of person and purpose what want says.
func gives(t *testing.T, d *db.DB, person org.PersonID, want bool) {
	t.Helper()
	if got, err := privacy.Gave(t.Context(), d, person, privacy.ForBoard); err != nil || got != want {
		t.Errorf("consents: %v, %v, want %v", got, err, want)
	}
	if of, err := privacy.GaveOf(t.Context(), d, []org.PersonID{person, 0}, privacy.ForBoard); err != nil || of[person] != want || of[0] {
		t.Errorf("of many, who consents: %v, %v, want %v", of, err, want)
	}
}

func TestX47_AConsentIsTakenBackAsEasilyAsItIsGiven(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		s, changed := consenting(t, d)
		by, say := w.XingwuMember, func(to privacy.ConsentState, version int64) error {
			return s.Say(t.Context(), w.XingwuMember, privacy.ForBoard, version, to)
		}
		gives(t, d, by.PersonID, false)
		if err := say(privacy.Withdrawn, 0); !errors.Is(err, privacy.ErrConsentState) {
			t.Errorf("what was never given is withdrawn: %v", err)
		}
		if err := say(privacy.Given, 2); !errors.Is(err, privacy.ErrConsentVersion) {
			t.Errorf("yes to words that are not there: %v", err)
		}
		if err := s.Say(t.Context(), by, "walls", 1, privacy.Given); !errors.Is(err, privacy.ErrNoPurpose) {
			t.Errorf("yes to a purpose that is not there: %v", err)
		}
		for range 2 { // given, withdrawn, and once more
			if err := say(privacy.Given, 1); err != nil {
				t.Fatal(err)
			}
			gives(t, d, by.PersonID, true)
			if err := say(privacy.Given, 1); !errors.Is(err, privacy.ErrConsentState) {
				t.Errorf("given twice: %v", err)
			}
			if err := say(privacy.Withdrawn, 0); err != nil {
				t.Fatal(err)
			}
			gives(t, d, by.PersonID, false)
		}
		if len(*changed) != 4 || (*changed)[3].State != privacy.Withdrawn || (*changed)[3].EndedAt == nil {
			t.Errorf("told of %+v, want two consents and their ends", *changed)
		}
		all, err := s.Of(t.Context(), by)
		if err != nil || len(all) != 5 || all[0].Purpose != privacy.ForBoard || all[0].State != privacy.Withdrawn || all[1].State != privacy.NotAsked {
			t.Errorf("the own list is %+v, %v", all, err)
		}
	})
}

func TestX47_AfterANoNobodyAsksForThirtyDaysAndTheirOwnYesIsGood(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		s, _ := consenting(t, d)
		ask := func() error {
			return s.Record(t.Context(), w.FengShuangjiang, privacy.Assisted{
				Person: w.XingwuMember.PersonID, Purpose: privacy.ForBoard, Version: 1, State: privacy.Given, Witness: w.YaoMangzhong.PersonID,
			})
		}
		if err := s.Say(t.Context(), w.XingwuMember, privacy.ForBoard, 1, privacy.Refused); err != nil {
			t.Fatal(err)
		}
		asked := d.Now()
		for _, c := range []struct {
			after time.Duration
			want  error
		}{{0, privacy.ErrAskedTooSoon}, {30*24*time.Hour - time.Millisecond, privacy.ErrAskedTooSoon}, {30 * 24 * time.Hour, nil}} {
			d.SetNow(func() time.Time { return asked.Add(c.after) })
			if err := ask(); !errors.Is(err, c.want) {
				t.Errorf("asked %v after a no: %v, want %v", c.after, err, c.want)
			}
		}
		gives(t, d, w.XingwuMember.PersonID, true)
		if err := s.Say(t.Context(), w.XingwuMember, privacy.ForPlaque, 1, privacy.Refused); err != nil {
			t.Fatal(err)
		}
		if err := s.Say(t.Context(), w.XingwuMember, privacy.ForPlaque, 1, privacy.Given); err != nil {
			t.Errorf("whoever said no changes their mind: %v", err)
		}
	})
}

func TestX47_AConsentWrittenDownForSomebodyNeedsAThirdPerson(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		s, changed := consenting(t, d)
		yes := privacy.Assisted{Person: w.XingwuMember.PersonID, Purpose: privacy.ForBoard, Version: 1, State: privacy.Given}
		for name, who := range map[string]org.PersonID{
			"nobody": 0, "the helper": w.FengShuangjiang.PersonID, "the person": w.XingwuMember.PersonID,
		} {
			yes.Witness = who
			if err := s.Record(t.Context(), w.FengShuangjiang, yes); !errors.Is(err, privacy.ErrWitness) {
				t.Errorf("%s is the witness: %v", name, err)
			}
		}
		gives(t, d, w.XingwuMember.PersonID, false)
		yes.Witness = w.YaoMangzhong.PersonID
		if err := s.Record(t.Context(), w.FengShuangjiang, yes); err != nil {
			t.Fatal(err)
		}
		gives(t, d, w.XingwuMember.PersonID, true)
		if len(*changed) != 1 || (*changed)[0].RecordedBy != w.FengShuangjiang.PersonID || *(*changed)[0].WitnessID != w.YaoMangzhong.PersonID {
			t.Errorf("told of %+v, want who wrote it down and who was there", *changed)
		}
		no := privacy.Assisted{Person: w.XingwuMember.PersonID, Purpose: privacy.ForBoard, State: privacy.Withdrawn}
		if err := s.Record(t.Context(), w.FengShuangjiang, no); err != nil { // without a witness
			t.Fatal(err)
		}
		gives(t, d, w.XingwuMember.PersonID, false)
	})
}

func TestTwoAnswersAtOnceAreOne(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		s, _ := consenting(t, d)
		const n = 8
		errs := make(chan error, n)
		for range n {
			go func() { errs <- s.Say(t.Context(), w.XingwuMember, privacy.ForBoard, 1, privacy.Given) }()
		}
		good := 0
		for range n {
			switch err := <-errs; {
			case err == nil:
				good++
			case !errors.Is(err, privacy.ErrConsentState):
				t.Errorf("one of many: %v", err)
			}
		}
		if good != 1 {
			t.Errorf("%d answers were kept, want 1", good)
		}
	})
}
