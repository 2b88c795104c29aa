package notify

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

func TestAnAnswerAsksForAFewTemplatesOfOneKind(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		ids := o.followers(1, 0)
		p, stranger := ids[0], people(t, o.db, 1)[0] // who has no WeChat
		n := o.node("a")
		asks := func(when string, who org.PersonID, moment, want string) {
			t.Helper()
			if got, err := n.Ask(t.Context(), org.Actor{PersonID: who}, moment); err != nil || got != want {
				t.Errorf("%s, after %s: %q (%v), want %q", when, moment, got, err, want)
			}
		}
		long := func(template int) {
			t.Helper()
			x := DemoTemplates[template]
			x.Long = true
			if err := o.db.InTx(t.Context(), func(tx *db.Tx) error { return saveTemplate(t.Context(), tx, x) }); err != nil {
				t.Fatal(err)
			}
		}
		answer := func(allowed, refused []string) {
			t.Helper()
			if err := n.Grant(t.Context(), org.Actor{PersonID: p}, uuid.NewString(), allowed, refused); err != nil {
				t.Fatal(err)
			}
		}
		asks("at first", p, requestRaised, "request=demo-request")
		asks("at first", p, taskAccepted, "work=demo-work,digest=demo-digest")
		asks("at first", p, promiseMade, "work=demo-work")
		asks("at first", p, roleGiven, "work=demo-work,notice=demo-notice,digest=demo-digest")
		asks("at first", p, "started", "")
		asks("without WeChat", stranger, roleGiven, "")

		answer([]string{onWork}, []string{onDigest})
		asks("after a refusal", p, taskAccepted, "work=demo-work")
		o.move(leftAlone - time.Millisecond)
		asks("nearly 30 days later", p, taskAccepted, "work=demo-work")
		o.move(time.Millisecond)
		asks("30 days later", p, taskAccepted, "work=demo-work,digest=demo-digest")

		long(3) // the digest
		asks("kinds do not go together", p, roleGiven, "digest=demo-digest")
		answer([]string{onDigest}, nil)
		asks("allowed for good", p, roleGiven, "work=demo-work,notice=demo-notice")

		if got, err := NewSends(SendOptions{DB: o.db}).Ask(t.Context(), org.Actor{PersonID: p}, roleGiven); err != nil || got != "" {
			t.Errorf("without a mini-program %q (%v) is asked for", got, err)
		}
	})
}

func TestARoleIsAskedAboutWhenItsItemIsOpened(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{"role.granted": roleGiven, "task.assigned": ""} {
		i, err := toAPI(Told{Seq: 1, Kind: kind, RefType: "assignment", RefID: 1})
		got := ""
		if i.AskAfter != nil {
			got = string(*i.AskAfter)
		}
		if err != nil || got != want {
			t.Errorf("an item of %s says %q (%v), want %q", kind, got, err, want)
		}
	}
}
