package notify

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/push"
	"wanjia/internal/platform/wechat/fake"
)

// asks are the templates that person may be asked for after an act.
func (n *sender) asks(p org.PersonID, moment string) (list []string) {
	n.o.t.Helper()
	wallets, err := n.Wallets(n.o.t.Context(), org.Actor{PersonID: p})
	if err != nil {
		n.o.t.Fatal(err)
	}
	for _, w := range wallets {
		if w.Ask && slices.Contains(w.Moments, moment) {
			list = append(list, w.Template.Code)
		}
	}
	return list
}

func TestPeopleAreAskedAtNaturalMomentsAndLeftAloneAfterARefusal(t *testing.T) { // N4
	offices(t, func(t *testing.T, o *office) {
		p := o.followers(1, 2)[0]
		n := o.node("a")
		for moment, want := range map[string]string{
			"request_raised": "request", "task_accepted": "work digest", "promise_made": "work", "role_given": "work notice digest", "started": "",
		} {
			if got := strings.Join(n.asks(p, moment), " "); got != want {
				t.Errorf("after %s one is asked for %q, want %q", moment, got, want)
			}
		}
		stranger := people(t, o.db, 1)[0] // without WeChat
		if got := n.asks(stranger, "request_raised"); got != nil {
			t.Errorf("somebody without WeChat is asked for %v", got)
		}

		// WeChat says that they do not want it, whatever the ledger held.
		o.fake.Inject(fake.Fault{Call: fake.Send, Kind: fake.ErrCode, Code: 43101})
		o.closed(1, p)
		o.move(patience)
		n.work()
		o.fake.Heal()
		refusedAt := o.now()
		if got := o.outcomes(); got["no_credit"] != 1 || o.credit(p) != 0 || o.calls() != 1 {
			t.Fatalf("refused: %v, credit %d, %d calls", got, o.credit(p), o.calls())
		}
		if got := n.asks(p, "request_raised"); got != nil {
			t.Errorf("right after the refusal one is asked for %v", got)
		}
		o.at.Store(refusedAt.Add(leftAlone - time.Millisecond).UnixMilli())
		if got := n.asks(p, "request_raised"); got != nil {
			t.Errorf("within 30 days one is asked for %v", got)
		}
		o.move(time.Millisecond) // over at exactly 30 days (K23)
		if got := n.asks(p, "request_raised"); len(got) != 1 {
			t.Errorf("after 30 days one is asked for %v", got)
		}
		if err := n.Grant(t.Context(), org.Actor{PersonID: p}, uuid.NewString(), nil, []string{onRequest, onWork}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(n.asks(p, "role_given"), " "); got != "notice digest" {
			t.Errorf("after a refusal on the phone one is asked for %q", got)
		}
		if err := n.Grant(t.Context(), org.Actor{PersonID: p}, uuid.NewString(), []string{"birthday"}, nil); !errors.Is(err, ErrTemplate) {
			t.Errorf("an unknown template is answered %v", err)
		}
	})
}

func TestATapCountsOnceAndOnlyForItsAccount(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		p := o.followers(1, 0)[0]
		n := o.node("a")
		tap := uuid.NewString()
		for range 3 {
			if err := n.Grant(t.Context(), org.Actor{PersonID: p}, tap, []string{onRequest}, nil); err != nil {
				t.Fatal(err)
			}
		}
		if got := o.credit(p); got != 1 {
			t.Errorf("one tap gives a credit of %d", got)
		}
		err := o.db.InTx(t.Context(), func(tx *db.Tx) error { // the person binds another account
			_, err := tx.Change(t.Context(), `UPDATE wechat_credit SET account_id = 4711 WHERE person_id = ?`, p)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		o.closed(1, p)
		o.move(patience)
		n.work()
		if got := o.outcomes(); got["no_credit"] != 1 || len(o.fake.Sent()) != 0 {
			t.Errorf("with the leave of another account the messages are %v", got)
		}
		if err := n.Grant(t.Context(), org.Actor{PersonID: p}, uuid.NewString(), []string{onRequest}, nil); err != nil {
			t.Fatal(err)
		}
		if got := o.credit(p); got != 1 {
			t.Errorf("after a tap at the new account the credit is %d, want 1", got)
		}
	})
}

func TestTheDoctorFindsACreditThatIsNotTheSumOfItsLines(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		ids := o.followers(3, 2)
		if wrong, err := CheckCredits(t.Context(), o.db); err != nil || len(wrong) != 0 {
			t.Fatalf("of a sound ledger it says %v, %v", wrong, err)
		}
		err := o.db.InTx(t.Context(), func(tx *db.Tx) error {
			if _, err := tx.Change(t.Context(), `UPDATE wechat_credit SET balance = 9 WHERE person_id = ?`, ids[0]); err != nil {
				return err
			}
			_, err := tx.Change(t.Context(), `DELETE FROM wechat_credit WHERE person_id = ?`, ids[1])
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if wrong, err := CheckCredits(t.Context(), o.db); err != nil || len(wrong) != 2 {
			t.Errorf("it says %v, %v; want two", wrong, err)
		}
	})
}

func TestADeadMessageIsSentWhenSomebodySaysSo(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		p := o.followers(1, 3)[0]
		n := o.node("a")
		n.Pages = page.NewKeys([]byte("secret"))
		admin := org.Actor{PersonID: p}
		o.fake.Inject(fake.Fault{Call: fake.Send, Kind: fake.ErrCode, Code: 40037})
		o.closed(1, p)
		o.move(patience)
		n.work()
		o.fake.Heal()
		dead, _, err := n.Letters(t.Context(), admin, Dead, "", 10)
		if err != nil || len(dead) != 1 || dead[0].Code != 40037 || dead[0].Attempts != 1 || o.calls() != 1 || n.Alarms() != 1 {
			t.Fatalf("dead messages %+v (%v), %d calls, %d alarms", dead, err, o.calls(), n.Alarms())
		}
		if err := n.Repeat(t.Context(), admin, dead[0].ID); err != nil {
			t.Fatal(err)
		}
		n.work()
		if got := o.outcomes(); got["sent"] != 1 || o.once() != 1 || o.credit(p) != 2 || o.calls() != 1 {
			t.Errorf("after the repeat the messages are %v with %d calls, want it sent and nobody called again", got, o.calls())
		}
		if err := n.Repeat(t.Context(), admin, dead[0].ID); !errors.Is(err, ErrNotDead) {
			t.Errorf("repeating what was sent is answered %v", err)
		}
		o.fake.Inject(fake.Fault{Call: fake.Send, Kind: fake.ErrCode, Code: 40037})
		o.closed(2, p)
		o.move(patience)
		n.work()
		if dead, _, err = n.Letters(t.Context(), admin, Dead, "", 10); err != nil || len(dead) != 1 || o.calls() != 2 {
			t.Fatalf("another: %+v (%v), %d calls", dead, err, o.calls())
		}
		if err := n.Repeat(t.Context(), admin, dead[0].ID); err != nil {
			t.Fatal(err)
		}
		n.work()
		if got := o.outcomes(); got["dead"] != 1 || o.calls() != 2 || o.credit(p) != 2 {
			t.Errorf("dead once more: %v with %d calls, credit %d; want nobody called again", got, o.calls(), o.credit(p))
		}
		if err := n.Repeat(t.Context(), admin, 4711); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("repeating nothing is answered %v", err)
		}
	})
}

func TestTwentyIllFormedMessagesInARowPauseTheirTemplate(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		ids := append(o.followers(20, 1), append(o.followers(1, 20), o.followers(1, 1)...)...)
		n := o.node("a")
		calls := func() int { return o.fake.Calls(fake.Send) }
		wrong := fake.Fault{Call: fake.Send, Kind: fake.ErrCode, Code: 47003}
		o.fake.Inject(wrong)
		for _, p := range ids[:19] {
			o.closed(1, p)
		}
		o.move(patience)
		n.work()
		o.fake.Heal()
		o.closed(1, ids[19]) // a good one: they are counted anew
		o.move(patience)
		n.work()
		if got := o.outcomes(); got["dead"] != 19 || got["sent"] != 1 {
			t.Fatalf("the messages are %v, want 19 dead and one sent", got)
		}
		o.fake.Inject(wrong)
		for i := range 20 {
			o.closed(int64(100+i), ids[20])
		}
		o.move(patience)
		n.work()
		before := calls()
		o.fake.Heal()
		o.closed(2, ids[21])
		o.move(patience)
		n.work()
		if calls() != before || o.credit(ids[21]) != 1 || o.called[len(o.called)-1] != ids[21] {
			t.Errorf("after twenty in a row WeChat is asked %d times more, want none, and the person called", calls()-before)
		}
		if _, err := n.SetTemplate(t.Context(), org.Actor{PersonID: ids[0]}, DemoTemplates[0]); err != nil {
			t.Fatal(err)
		}
		o.closed(3, ids[21])
		o.move(patience)
		n.work()
		if calls() != before+1 {
			t.Error("a template that was set anew is still paused")
		}
	})
}

// Ill-formed messages are in a row only while WeChat takes none between them, also of one load.
func TestIllFormedMessagesAmongGoodOnesPauseNoTemplate(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		ids := o.followers(3*badTemplate, 1)
		n := o.node("a")
		for i, p := range ids {
			if i%2 == 0 {
				o.fake.Inject(fake.Fault{Call: fake.Send, OpenID: openID(p), Kind: fake.ErrCode, Code: 47003})
			}
			o.closed(1, p)
			o.move(time.Millisecond)
		}
		o.move(patience)
		n.work()
		if got := o.outcomes(); got["dead"] != len(ids)/2 || got["sent"] != len(ids)/2 {
			t.Errorf("the messages are %v, want half of %d sent", got, len(ids))
		}
		all, err := allTemplates(t.Context(), o.db)
		if err != nil || all[onRequest].paused(o.now()) {
			t.Errorf("the template is %+v (%v), want no pause", all[onRequest], err)
		}
	})
}

func TestAQuotaOfTheDayStopsAllNodesUntilMidnightOfShanghai(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		ids := o.followers(3, 2)
		a := o.node("a")
		o.fake.SetQuota(fake.Send, fake.Quota{Day: 1})
		o.closed(1, ids[0])
		o.move(patience)
		a.work()
		o.closed(1, ids[1])
		o.move(patience)
		a.work() // one too many
		b := o.node("b")
		b.step(12)
		o.tell(Item{Kind: "request.closed", Ref: Ref{"request", 1}, Urgent: true}, ids[2])
		before := o.fake.Calls(fake.Send)
		b.work()
		o.set("2026-04-08 23:59:59")
		b.work()
		if got := o.fake.Calls(fake.Send); got != before {
			t.Errorf("before midnight the platform is asked %d times more", got-before)
		}
		o.set("2026-04-09 00:00:00")
		b.work() // the danger at once; the other waits for the morning
		o.set("2026-04-09 07:30:00")
		o.fake.SetQuota(fake.Send, fake.Quota{})
		b.work()
		if got := o.outcomes(); got["sent"] != 3 || o.once() != 3 {
			t.Errorf("the next day the messages are %v, want all sent", got)
		}
	})
}

func TestWhatNobodyCanSendForADayAndAHalfIsGivenUp(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		p := o.followers(1, 2)[0]
		n := o.node("a")
		o.fake.Inject(fake.Fault{Call: fake.Send, Kind: fake.ErrCode, Code: 48001})
		o.closed(1, p)
		o.move(patience)
		for range 40 {
			n.work()
			o.move(time.Hour)
		}
		if got := o.outcomes(); got["dead"] != 1 || o.credit(p) != 2 || o.calls() != 1 {
			t.Errorf("the messages are %v, credit %d, %d calls; want it dead and the person called", got, o.credit(p), o.calls())
		}
	})
}

func TestTemplatesHoldNothingPersonal(t *testing.T) {
	t.Parallel()
	for name, f := range map[string][]Field{
		"a name":              {{Name: "name1", From: kindLabel}},
		"a phone":             {{Name: "phone_number1", From: count}},
		"a number plate":      {{Name: "car_number1", From: unitLabel}},
		"no number":           {{Name: "thing", From: unitLabel}},
		"a field of no item":  {{Name: "thing1", From: "address"}},
		"a label as a moment": {{Name: "time1", From: unitLabel}},
		"too long other text": {{Name: "thing1", From: unitLabel, Else: strings.Repeat("长", 21)}},
		"a phone as text":     {{Name: "thing1", From: unitLabel, Else: "19900001234"}},
		"a field twice":       {{Name: "thing1", From: unitLabel}, {Name: "thing1", From: kindLabel}},
		"nothing":             nil,
	} {
		if err := (Template{Code: onWork, ID: "T1", Fields: f}).check(); !errors.Is(err, ErrTemplateField) {
			t.Errorf("a template with %s is answered %v", name, err)
		}
	}
	for _, x := range DemoTemplates {
		if err := x.check(); err != nil {
			t.Errorf("%s of the demo: %v", x.Code, err)
		}
	}
}

// Whatever an item holds, what is sent has the shape that WeChat wants.
func TestValuesFitTheirFields(t *testing.T) {
	t.Parallel()
	all := Template{Code: onWork, ID: "T1", Fields: []Field{
		{Name: "thing1", From: unitLabel},
		{Name: "thing2", From: dueAt},
		{Name: "character_string3", From: receiptCode},
		{Name: "number4", From: count},
		{Name: "phrase5", From: statusLabel},
		{Name: "time6", From: dueAt},
		{Name: "date7", From: at},
	}}
	told := time.Date(2026, 4, 8, 2, 0, 0, 0, time.UTC)
	for _, args := range []string{
		"", `{}`, `{"unitLabel":"海棠街道瑞和社区第一网格党支部委员会办公室二楼","statusLabel":"办理中","receiptCode":"H7K2M","count":12,"dueAt":"2026-04-09T01:30:00Z","at":"2026-04-08T02:00:00Z"}`,
		`{"unitLabel":"一\n二\t\u0007三","statusLabel":"in progress","receiptCode":"编号","count":"many","dueAt":"tomorrow"}`,
		`{"unitLabel":"","statusLabel":"这是一个太长的状态","count":-3}`,
	} {
		short, err := cutArgs(args)
		if err != nil {
			t.Fatal(err)
		}
		values, err := all.values(short, told)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range all.Fields {
			if kind := fieldTypes[f.typeOf()]; !kind.shape.MatchString(values[f.Name]) {
				t.Errorf("of %s the field %s is %q", args, f.Name, values[f.Name])
			}
		}
	}
	long, err := cutArgs(`{"unitLabel":"海棠街道瑞和社区第一网格党支部委员会办公室二楼"}`)
	if want := `{"unitLabel":"海棠街道瑞和社区第一网格党支部委员会办…"}`; err != nil || long != want {
		t.Errorf("cut to %s (%v), want %s", long, err, want)
	}
}

func TestPreferencesAreKeptAndDangerTakesNone(t *testing.T) { // N7
	offices(t, func(t *testing.T, o *office) {
		ids := o.followers(2, 2)
		service := NewService(o.db, nil, testEra)
		by := org.Actor{PersonID: ids[0]}
		if p, err := service.Preferences(t.Context(), by); err != nil || p.QuietFrom != "21:30" || p.QuietTo != "07:30" || p.DigestAt != "18:00" || len(p.Kinds) != 0 {
			t.Errorf("who has said nothing has %+v (%v)", p, err)
		}
		for _, c := range []struct {
			of   Preference
			want error
		}{
			{Preference{Kind: "risk.opened"}, ErrKindFixed},
			{Preference{Kind: "request.closed", WeChat: true, Muted: true}, ErrKindFixed},
			{Preference{Kind: "contact.changed", WeChat: true, Muted: true}, ErrKindFixed},
			{Preference{Kind: "promise.moved", WeChat: true, Muted: true}, ErrKindFixed},
			{Preference{Kind: "task.invented"}, ErrKind},
		} {
			if _, err := service.SetPreferences(t.Context(), by, Preferences{"21:30", "07:30", "18:00", []Preference{c.of}}); !errors.Is(err, c.want) {
				t.Errorf("%+v is answered %v, want %v", c.of, err, c.want)
			}
		}
		for range 2 {
			if _, err := service.SetPreferences(t.Context(), by, Preferences{"22:00", "06:00", "12:00", []Preference{{Kind: "request.closed", Digest: true}}}); err != nil {
				t.Fatal(err)
			}
		}
		if p, err := service.Preferences(t.Context(), by); err != nil || p.QuietFrom != "22:00" || len(p.Kinds) != 1 || p.Kinds[0].WeChat || !p.Kinds[0].Digest {
			t.Errorf("kept are %+v (%v)", p, err)
		}
		n := o.node("a")
		o.closed(1, ids...)
		o.move(patience)
		n.work()
		if got := o.outcomes(); got["no_credit"] != 1 || got["sent"] != 1 || o.calls() != 1 || o.credit(ids[0]) != 2 {
			t.Errorf("the messages are %v with %d calls, want who does not want it by WeChat called", got, o.calls())
		}
		// Of what a device has, and of what need not reach them, nobody is called.
		if _, err := service.SetPreferences(t.Context(), by, Preferences{"22:00", "06:00", "12:00", []Preference{{Kind: "promise.moved"}, {Kind: "request.closed"}}}); err != nil {
			t.Fatal(err)
		}
		o.closed(2, by.PersonID) // which a device has
		if err := (Inboxes{o.db}).Acked(t.Context(), []push.Ack{{Person: int64(by.PersonID), Session: 1, Seq: 2}}); err != nil {
			t.Fatal(err)
		}
		o.tell(Item{Kind: "promise.moved", Ref: Ref{"request", 3}}, by.PersonID)
		o.closed(4, by.PersonID)
		o.set("2026-04-08 23:00:00") // whom one calls is not said in the night
		n.work()
		if got := o.outcomes(); got["suppressed"] != 2 || got["waiting"] != 1 || o.calls() != 1 {
			t.Errorf("in the night the messages are %v with %d calls, want two suppressed and the other to wait", got, o.calls())
		}
		o.set("2026-04-09 07:30:00")
		n.work()
		if got := o.outcomes(); got["no_credit"] != 2 || o.calls() != 2 {
			t.Errorf("in the morning the messages are %v with %d calls, want one call more", got, o.calls())
		}
	})
}

// A refusal at one account says nothing of the credit that belongs to another.
func TestARefusalBurnsTheCreditOfItsAccountAlone(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		p := o.followers(1, 2)[0]
		var account int64
		if err := o.db.Get(t.Context(), &account, `SELECT id FROM wechat_account WHERE person_id = ?`, p); err != nil {
			t.Fatal(err)
		}
		n := o.node("a")
		for _, c := range []struct {
			account int64
			left    int
			asked   string
		}{{account + 1, 2, "request"}, {account, 0, ""}} {
			if err := o.db.InTx(t.Context(), func(tx *db.Tx) error {
				return burn(t.Context(), tx, send{Person: p, Template: onRequest, Account: c.account})
			}); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(n.asks(p, "request_raised"), " "); o.credit(p) != c.left || got != c.asked {
				t.Errorf("refused at account %d: credit %d, asked for %q; want %d, %q", c.account, o.credit(p), got, c.left, c.asked)
			}
		}
	})
}
