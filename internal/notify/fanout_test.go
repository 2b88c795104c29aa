package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/kv/kvtest"
	"wanjia/internal/platform/lease"
	"wanjia/internal/platform/push"
)

// A crowd is a village with many members, and its secretary, who announces.
type crowd struct {
	t       *testing.T
	d       *db.DB
	k       *kv.KV
	by      org.Actor
	unit    org.Unit
	members []org.PersonID
}

func crowds(t *testing.T, n int, f func(t *testing.T, c *crowd)) {
	t.Helper()
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, k *kv.KV, _ *kvtest.Gate) { f(t, newCrowd(t, d, k, n)) })
}

func newCrowd(t *testing.T, d *db.DB, k *kv.KV, n int) *crowd {
	t.Helper()
	w := orgtest.Tree(t, d)
	c := &crowd{t: t, d: d, k: k, by: w.FengShuangjiang, unit: w.FengShuangjiang.Unit}
	c.unit = orgtest.Unit(t, d, org.PartyGroup, "人多的小组", c.unit)
	c.join(n)
	return c
}

// join makes n members more.
func (c *crowd) join(n int) {
	c.t.Helper()
	c.enrol(people(c.t, c.d, n))
}

// enrol makes persons members.
func (c *crowd) enrol(ids []org.PersonID) {
	c.t.Helper()
	err := c.d.InTx(c.t.Context(), func(tx *db.Tx) error {
		for some := range slices.Chunk(ids, 500) {
			row, args := `(?, 'member', ?, '2025-01-01')`, []any{}
			for _, p := range some {
				args = append(args, p, c.unit.ID)
			}
			if _, err := tx.Change(c.t.Context(), `
				INSERT INTO role_assignment (person_id, role, unit_id, valid_from)
				VALUES `+row+strings.Repeat(", "+row, len(some)-1), args...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.members = append(c.members, ids...)
}

func (c *crowd) item() Item {
	return Item{Kind: "announcement", By: c.by, Args: map[string]any{"kindLabel": "停水检修", "unitLabel": c.by.Unit.Name}}
}

func (c *crowd) announce(a Announcement) Notice {
	c.t.Helper()
	if a.To.Unit == 0 {
		a.To = Scope{Unit: c.unit.ID, Roles: []org.Role{org.RoleMember}}
	}
	var n Notice
	err := c.d.InTx(c.t.Context(), func(tx *db.Tx) (err error) {
		n, err = Announce(c.t.Context(), tx, a)
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

// A spreader is a node of the crowd. What it has begun when it is killed comes to nothing.
type spreader struct {
	*Fanouts
	timer time.Duration
}

func (c *crowd) node(name string) *spreader {
	c.t.Helper()
	s := &spreader{}
	l := lease.New(c.d, name, false)
	var mu sync.Mutex
	l.SetTimer(func() time.Duration { mu.Lock(); defer mu.Unlock(); return s.timer })
	hub := push.NewHub(push.Options{Era: testEra, Inbox: NewInboxes(c.d), KV: c.k, Hot: push.NewHot(c.k)})
	s.Fanouts = NewFanouts(FanoutOptions{
		DB: c.d, Leases: l, Rate: 200, Log: slog.New(slog.DiscardHandler),
		Courier: NewCourier(c.d, c.k, hub, push.NewHot(c.k), l.Held, slog.New(slog.DiscardHandler)),
	})
	s.step(c.t, 1)
	return s
}

// step lets seconds pass for s alone: for the others it stands still.
func (s *spreader) step(t *testing.T, seconds int) {
	t.Helper()
	for range seconds {
		s.timer += time.Second
		if _, err := s.Leases.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// begin lets s write one chunk.
func (s *spreader) begin(t *testing.T) {
	t.Helper()
	defer func(n int) { s.run = n }(s.run)
	s.run = 1
	if some, err := s.Turn(t.Context()); err != nil || !some {
		t.Fatal("nothing was written", err)
	}
}

// oneOf is one chunk of x, before devices hear of it.
func (s *spreader) oneOf(ctx context.Context, x fan) (fan, []push.Delivery, error) {
	in, err := x.audienceOf(ctx, s.DB)
	if err != nil {
		return x, nil, err
	}
	loads, err := s.ahead(ctx, convoy{x}, in, 1)
	if err != nil {
		return x, nil, err
	}
	y, ds, err := s.chunk(ctx, convoy{x}, loads[0])
	return y[0], ds, err
}

// work lets s do all there is.
func (s *spreader) work(t *testing.T) {
	t.Helper()
	for range 1000 {
		some, err := s.Turn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !some {
			return
		}
	}
	t.Fatal("the announcement never comes to an end")
}

// toldOf is how often each person was told of an announcement.
func (c *crowd) toldOf(id NoticeID) map[org.PersonID]int {
	c.t.Helper()
	var rows []struct {
		Person org.PersonID `db:"person_id"`
		N      int          `db:"n"`
	}
	err := c.d.Select(c.t.Context(), &rows, `SELECT person_id, COUNT(*) AS n FROM inbox WHERE notice_id = ? GROUP BY person_id`, id)
	if err != nil {
		c.t.Fatal(err)
	}
	all := map[org.PersonID]int{}
	for _, r := range rows {
		all[r.Person] = r.N
	}
	return all
}

// wrong says who was told not once, and whose inbox has a gap.
func (c *crowd) wrong(id NoticeID, want []org.PersonID) (all []string) {
	told := c.toldOf(id)
	for _, p := range want {
		if told[p] != 1 {
			all = append(all, fmt.Sprintf("person %d was told %d times", p, told[p]))
		}
		delete(told, p)
	}
	for p, n := range told {
		all = append(all, fmt.Sprintf("person %d, who is not meant, was told %d times", p, n))
	}
	var gaps int
	err := c.d.Get(c.t.Context(), &gaps, `
		SELECT COUNT(*)
		FROM inbox_head h
		WHERE h.seq <> (SELECT COUNT(*) FROM inbox i WHERE i.person_id = h.person_id)`)
	if err != nil {
		c.t.Fatal(err)
	}
	if gaps > 0 {
		all = append(all, fmt.Sprintf("%d inboxes have gaps", gaps))
	}
	return all
}

func (c *crowd) fan(id NoticeID) (x fan) {
	c.t.Helper()
	err := c.d.Get(c.t.Context(), &x, noticeColumns+`, f.next_person_id, f.pushed_person_id
		FROM fanout f
		JOIN notice n ON n.id = f.notice_id
		WHERE n.id = ?`, id)
	if err != nil {
		c.t.Fatal(err)
	}
	return x
}

// Of a small scope nobody outside of it is looked at, however many there are.
func TestASmallScopeIsFoundByItsUnits(t *testing.T) {
	crowds(t, 4_200, func(t *testing.T, c *crowd) {
		small := orgtest.Unit(t, c.d, org.PartyGroup, "人少的小组", c.by.Unit)
		large := c.unit
		c.unit = small
		c.join(7)
		for _, u := range []org.Unit{small, large} {
			in, err := Scope{Unit: u.ID}.find(t.Context(), c.d)
			if err != nil {
				t.Fatal(err)
			}
			var sent []db.Sent
			c.d.Watch(func(_ context.Context, s db.Sent) { sent = append(sent, s) })
			some, _, more, err := in.next(t.Context(), c.d, 0, 0, 100)
			c.d.Watch(nil)
			if err != nil {
				t.Fatal(err)
			}
			if u.ID == large.ID {
				if len(some) != 100 || !more || len(sent) < 2 {
					t.Errorf("of the large one %d are found by %d statements, more %v; want a load of a part of all", len(some), len(sent), more)
				}
				continue
			}
			if len(some) != 7 || more || len(sent) != 1 {
				t.Fatalf("of the small one %d are found by %d statements, more %v; want 7 by one", len(some), len(sent), more)
			}
			if plan := dbtest.Plan(t, c.d, sent[0]); !strings.Contains(plan, `"key": "role_assignment_unit"`) && !strings.Contains(plan, "INDEX role_assignment_unit") {
				t.Errorf("they are found so:\n%s", plan)
			}
		}
	})
}

// Up to 50 persons have an announcement when its transaction commits; 51 get it from a fan-out.
func TestFiftyAreToldAtOnceAndFiftyOneByFanOut(t *testing.T) {
	crowds(t, 50, func(t *testing.T, c *crowd) {
		n := c.announce(Announcement{Item: c.item()})
		if wrong := c.wrong(n.ID, c.members); len(wrong) > 0 || n.Total != 50 || c.fan(n.ID).State != NoticeDone {
			t.Errorf("50: %+v, %v", n, wrong)
		}
		c.join(1)
		n = c.announce(Announcement{Item: c.item()})
		if told := c.toldOf(n.ID); len(told) > 0 || n.Total != 51 || c.fan(n.ID).State != NoticeRunning {
			t.Errorf("51: %+v, %d told at once", n, len(told))
		}
		c.node("a").work(t)
		x := c.fan(n.ID)
		if wrong := c.wrong(n.ID, c.members); len(wrong) > 0 || x.State != NoticeDone || x.Written != 51 || x.Pushed != 51 {
			t.Errorf("51 in the end: %+v, %v", x, wrong)
		}
	})
}

// Who announces to many waits for their count alone: who they are is read by the fan-out.
func TestAnnouncingToManyReadsNobody(t *testing.T) {
	crowds(t, 51, func(t *testing.T, c *crowd) {
		var read, counted atomic.Int64
		c.d.Watch(func(_ context.Context, s db.Sent) {
			switch {
			case strings.Contains(s.Query, "SELECT COUNT(DISTINCT a.person_id)"):
				counted.Add(1)
			case strings.Contains(s.Query, "role_assignment a"):
				read.Add(1)
			}
		})
		n := c.announce(Announcement{Item: c.item()})
		c.d.Watch(nil)
		if n.Total != 51 || counted.Load() != 1 || read.Load() != 0 {
			t.Errorf("%d are meant, counted %d times; roles are read %d times, want once and never", n.Total, counted.Load(), read.Load())
		}
	})
}

// Everybody below a unit is meant, in both trees, in the roles that are named; who announces hears nothing of it.
func TestAScopeIsAUnitAndWhatLiesBelowInBothTrees(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, k *kv.KV, _ *kvtest.Gate) {
		w := orgtest.Tree(t, d)
		day := calendar.DayOf(d.Now())
		for name, c := range map[string]struct {
			to   Scope
			by   org.Actor
			want []org.Actor
			not  []org.Actor
		}{
			"a community": {Scope{Unit: w.Ruihe.Party.ID}, org.Actor{}, []org.Actor{w.XuBailu, w.HeQingqing, w.ZhouChunhe}, []org.Actor{w.FengShuangjiang, w.LuoQingming}},
			"its grid":    {Scope{Unit: w.Ruihe.Unit.ID}, org.Actor{}, []org.Actor{w.XuBailu, w.HeQingqing, w.ZhouChunhe}, []org.Actor{w.FengShuangjiang}},
			"one role":    {Scope{Unit: w.Ruihe.Unit.ID, Roles: []org.Role{org.RoleAreaHolder}}, org.Actor{}, []org.Actor{w.ZhouChunhe}, []org.Actor{w.XuBailu, w.HeQingqing}},
			"not oneself": {Scope{Unit: w.Ruihe.Party.ID}, w.XuBailu, []org.Actor{w.HeQingqing}, []org.Actor{w.XuBailu}},
		} {
			in, err := c.to.find(t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			some, _, _, err := in.next(t.Context(), d, c.by.PersonID, 0, 1000)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := in.count(t.Context(), d, c.by.PersonID); err != nil || n != len(some) {
				t.Errorf("%s: %d counted (%v), %d found", name, n, err, len(some))
			}
			has := func(a org.Actor) bool {
				return slices.ContainsFunc(some, func(r recipient) bool { return r.Person == a.PersonID })
			}
			for _, a := range c.want {
				if !has(a) {
					t.Errorf("%s on %s: a %s is missing", name, day, a.Role)
				}
			}
			for _, a := range c.not {
				if has(a) {
					t.Errorf("%s on %s: a %s is among them", name, day, a.Role)
				}
			}
		}
	})
}

// R8, R10: three nodes write an announcement, any of them dies at any moment and is started anew, and the holder of a shard
// changes while a chunk is under way: each person has it once.
func TestAnAnnouncementReachesEachPersonOnceWhateverDies(t *testing.T) {
	crowds(t, 3_300, func(t *testing.T, c *crowd) {
		n := c.announce(Announcement{Item: c.item()})
		c.storm(false, n.ID)
		x := c.fan(n.ID)
		if wrong := c.wrong(n.ID, c.members); len(wrong) > 0 || x.Written != 3_300 || x.State != NoticeDone {
			t.Errorf("after kills: state %s, %d written; %v", x.State, x.Written, wrong[:min(3, len(wrong))])
		}
	})
}

// The same without the condition that begins a chunk: the test above would see it.
func TestWithoutTheConditionOfAChunkPeopleAreToldTwice(t *testing.T) {
	crowds(t, 1_200, func(t *testing.T, c *crowd) {
		n := c.announce(Announcement{Item: c.item()})
		c.storm(true, n.ID)
		if wrong := c.wrong(n.ID, c.members); len(wrong) == 0 {
			t.Error("two nodes write the same chunk, and nobody notices")
		}
	})
}

// storm writes announcements on three nodes at once that all believe to hold their shards, kills one of them now and then,
// and goes on until nothing is left to do.
func (c *crowd) storm(blind bool, ids ...NoticeID) {
	c.t.Helper()
	a, b, third := c.node("a"), c.node("b"), c.node("c")
	nodes := []*spreader{a, b, third}
	for _, n := range nodes {
		if n.blind = blind; blind {
			n.run = 1 // or the first writes to everybody before the next has begun
		}
	}
	for round := range 200 {
		var left []fan // all nodes have looked at them before anybody goes on
		for _, id := range ids {
			if x := c.fan(id); x.State != NoticeDone {
				left = append(left, x)
			}
		}
		if len(left) == 0 {
			return
		}
		some := convoys(left)
		x := some[round%len(some)]
		var wg sync.WaitGroup
		for i, n := range nodes {
			ctx, kill := context.WithCancel(c.t.Context())
			dies := round%2 == 0 && i == round/2%3 && !blind
			if dies {
				timer := time.AfterFunc(rand.N(15*time.Millisecond), kill)
				defer timer.Stop()
			}
			wg.Go(func() {
				defer kill()
				if _, err := n.Fanouts.step(ctx, x); err != nil && ctx.Err() == nil && !errors.Is(err, context.Canceled) {
					c.t.Errorf("node %d: %v", i, err)
				}
			})
		}
		wg.Wait()
	}
}

// A node that holds the shard and dies between COMMIT and pushing leaves nothing to be pushed twice or never.
func TestAChunkThatWasNotPushedIsPushedByTheNextHolder(t *testing.T) {
	crowds(t, 1_500, func(t *testing.T, c *crowd) {
		p := c.members[3]
		n := startNode(t, c.d, c.k, NewInboxes(c.d))
		v := listen(t, p, 1, "1.0", func() *node { return n })
		v.until(t, 5*time.Second, "connected", func() bool { return v.ups == 1 })
		told := c.announce(Announcement{Item: c.item()})
		a := c.node("a")
		if _, ds, err := a.oneOf(t.Context(), c.fan(told.ID)); err != nil || len(ds) != chunkSize {
			t.Fatalf("the first chunk is of %d (%v)", len(ds), err)
		} // and a dies
		b := c.node("b")
		b.step(t, 12)
		b.work(t)
		v.got(t, 30*time.Second, 0, 1)
		v.until(t, time.Second, "the text of the announcement", func() bool {
			return v.items[0].Kind == "announcement" && strings.Contains(string(v.items[0].Args), "停水检修")
		})
		x := c.fan(told.ID)
		if wrong := c.wrong(told.ID, c.members); len(wrong) > 0 || x.Pushed != 1_500 || x.State != NoticeDone {
			t.Errorf("in the end %+v; %v", x, wrong)
		}
		l, err := n.service.List(t.Context(), p, "", 50, 0)
		if err != nil || len(l.Items) != 1 || !strings.Contains(l.Items[0].Args, "停水检修") {
			t.Errorf("the inbox is %+v (%v), want the text of the announcement", l.Items, err)
		}
	})
}

// However many announcements wait for Redis, which is away, and however many cannot be written at all, a newer one is written;
// and nothing is read from inboxes that could not be pushed.
func TestWhatCannotMoveOnHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, k *kv.KV, gate *kvtest.Gate) {
		c := newCrowd(t, d, k, 51)
		a := c.node("a")
		gate.Shut()
		for range fanoutLoad + 1 {
			c.announce(Announcement{Item: c.item()})
		}
		a.work(t)
		broken := c.announce(Announcement{Item: c.item()})
		c.change(`UPDATE fanout SET audience = '?' WHERE notice_id = ?`, broken.ID)
		n := c.announce(Announcement{Item: c.item()})
		var read atomic.Int64
		d.Watch(func(_ context.Context, s db.Sent) {
			if strings.Contains(s.Query, "FROM inbox\n") && strings.Contains(s.Query, "person_id <= ?") {
				read.Add(1)
			}
		})
		a.work(t)
		d.Watch(nil)
		if x := c.fan(n.ID); x.State != NoticeWritten || x.Written != 51 {
			t.Errorf("the last is %s, %d written; want it in all inboxes", x.State, x.Written)
		}
		if read.Load() > 0 {
			t.Errorf("%d loads are read to be pushed, while Redis is away", read.Load())
		}
		gate.Open()
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for end := time.After(20 * time.Second); c.fan(n.ID).State != NoticeDone; {
			select {
			case <-end:
				t.Fatal("it is never pushed")
			case <-tick.C:
				a.work(t)
			}
		}
		if x := c.fan(n.ID); x.Pushed != 51 || c.fan(broken.ID).Written != 0 {
			t.Errorf("in the end it is %+v", x)
		}
	})
}

// A device at another node hears of an announcement at once, also when its person's inbox in Redis was forgotten.
func TestAnAnnouncementWakesTheDevicesOfOtherNodes(t *testing.T) {
	crowds(t, 60, func(t *testing.T, c *crowd) {
		n := startNode(t, c.d, c.k, NewInboxes(c.d))
		var all []*device
		for i, p := range c.members[:4] {
			v := listen(t, p, 1, "1.0", func() *node { return n })
			v.until(t, 5*time.Second, "connected", func() bool { return v.ups == 1 })
			if i%2 == 0 {
				if err := push.NewHot(c.k).Forget(t.Context(), int64(p)); err != nil {
					t.Fatal(err)
				}
			}
			all = append(all, v)
		}
		c.announce(Announcement{Item: c.item()})
		c.node("a").work(t)
		for _, v := range all {
			v.got(t, 20*time.Second, 0, 1)
		}
		if behind := n.hub.Stats().Behind; behind > 0 {
			t.Errorf("%d devices were told only when their position was checked", behind)
		}
	})
}

// change writes to the database.
func (c *crowd) change(statement string, args ...any) {
	c.t.Helper()
	err := c.d.InTx(c.t.Context(), func(tx *db.Tx) error {
		_, err := tx.Change(c.t.Context(), statement, args...)
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

// Who comes behind the place that a fan-out has reached does not get it, who comes before it does; who leaves before gets
// nothing.
func TestWhoComesAndGoesWhileAnAnnouncementIsWritten(t *testing.T) {
	crowds(t, 1_200, func(t *testing.T, c *crowd) {
		n := c.announce(Announcement{Item: c.item()})
		a := c.node("a")
		a.begin(t)
		early := slices.Clone(c.members)
		late, gone := c.members[10], c.members[1_100]
		c.leave(gone)
		c.leave(late) // has it already
		c.join(1)     // a person with a higher number
		a.work(t)
		want := slices.DeleteFunc(append(early, c.members[1_200]), func(p org.PersonID) bool { return p == gone })
		x := c.fan(n.ID)
		if wrong := c.wrong(n.ID, want); len(wrong) > 0 || x.Written != 1_200 {
			t.Errorf("%d written; %v", x.Written, wrong)
		}
	})
}

// Persons are read some chunks ahead: who leaves after that, and before they are written to, gets nothing either.
func TestWhoLeavesAfterTheyWereReadGetsNothing(t *testing.T) {
	crowds(t, 1_100, func(t *testing.T, c *crowd) {
		n := c.announce(Announcement{Item: c.item()})
		a := c.node("a")
		x := c.fan(n.ID)
		in, err := x.audienceOf(t.Context(), c.d)
		if err != nil {
			t.Fatal(err)
		}
		loads, err := a.ahead(t.Context(), convoy{x}, in, 8)
		if err != nil || len(loads) != 2 {
			t.Fatalf("%d loads (%v)", len(loads), err)
		}
		gone := c.members[1_050]
		y, _, err := a.chunk(t.Context(), convoy{x}, loads[0])
		if err != nil {
			t.Fatal(err)
		}
		c.leave(gone)
		if _, _, err := a.chunk(t.Context(), y, loads[1]); !errors.Is(err, errLeft) {
			t.Errorf("a chunk with somebody who has left: %v", err)
		}
		a.work(t)
		want := slices.DeleteFunc(slices.Clone(c.members), func(p org.PersonID) bool { return p == gone })
		if wrong := c.wrong(n.ID, want); len(wrong) > 0 || c.fan(n.ID).Written != 1_099 {
			t.Errorf("%d written; %v", c.fan(n.ID).Written, wrong[:min(3, len(wrong))])
		}
	})
}

func (c *crowd) leave(p org.PersonID) {
	c.t.Helper()
	err := c.d.InTx(c.t.Context(), func(tx *db.Tx) error {
		_, err := tx.Change(c.t.Context(), `UPDATE role_assignment SET valid_to = valid_from WHERE person_id = ?`, p)
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

// What a turn has written, devices have: danger that is announced meanwhile waits for some chunks, and not for all.
func TestATurnIsAFewChunks(t *testing.T) {
	crowds(t, 2_100, func(t *testing.T, c *crowd) {
		n := c.announce(Announcement{Item: c.item()})
		a := c.node("a")
		a.run, a.most = 2, time.Hour // however slow the machine is
		for _, want := range []struct {
			state   NoticeState
			written int
		}{{NoticeRunning, 2 * chunkSize}, {NoticeDone, 2_100}} {
			if some, err := a.Turn(t.Context()); err != nil || !some {
				t.Fatal("no end", err)
			}
			if x := c.fan(n.ID); x.State != want.state || x.Written != want.written || x.Pushed != want.written {
				t.Errorf("it is %s, %d written, %d pushed; want %s and %d", x.State, x.Written, x.Pushed, want.state, want.written)
			}
		}
		if wrong := c.wrong(n.ID, c.members); len(wrong) > 0 {
			t.Errorf("in the end: %v", wrong[:min(3, len(wrong))])
		}
	})
}

// The node that commits an announcement goes on with it at once; what was not committed wakes nobody.
func TestACommittedAnnouncementWakesItsNode(t *testing.T) {
	crowds(t, 60, func(t *testing.T, c *crowd) {
		a := c.node("a")
		woken := func() bool {
			select {
			case <-a.Woken():
				return true
			default:
				return false
			}
		}
		thinks := errors.New("somebody thinks better of it")
		err := c.d.InTx(t.Context(), func(tx *db.Tx) error {
			if _, err := Announce(t.Context(), tx, Announcement{Item: c.item(), To: Scope{Unit: c.unit.ID}}); err != nil {
				return err
			}
			return thinks
		})
		if !errors.Is(err, thinks) || woken() {
			t.Errorf("what came to nothing wakes its node (%v)", err)
		}
		c.announce(Announcement{Item: c.item()})
		c.announce(Announcement{Item: c.item()})
		if !woken() || woken() {
			t.Error("two that are committed wake their node, and once")
		}
	})
}

// Safety goes first, whatever is under way.
func TestAnAnnouncementOfDangerGoesFirst(t *testing.T) {
	crowds(t, 1_100, func(t *testing.T, c *crowd) {
		usual := c.announce(Announcement{Item: c.item()})
		a := c.node("a")
		a.begin(t)
		item := c.item()
		item.Urgent = true
		danger := c.announce(Announcement{Item: item})
		for c.fan(danger.ID).State != NoticeDone {
			if some, err := a.Turn(t.Context()); err != nil || !some {
				t.Fatal("no end", err)
			}
		}
		if x := c.fan(usual.ID); x.Written != chunkSize {
			t.Errorf("while there is danger %d of the usual announcement are written", x.Written)
		}
		a.work(t)
		if wrong := c.wrong(usual.ID, c.members); c.fan(usual.ID).Written != 1_100 || len(wrong) > 0 {
			t.Errorf("the usual announcement is not brought to its end, %d written: %v", c.fan(usual.ID).Written, wrong[:min(3, len(wrong))])
		}
	})
}

// Above a limit a public notice says it better: nobody is told.
func TestTooManyAreNotTold(t *testing.T) {
	crowds(t, 60, func(t *testing.T, c *crowd) {
		to := Scope{Unit: c.unit.ID}
		n := c.announce(Announcement{Item: c.item(), To: to, most: 60})
		if n.Total != 60 || n.State != NoticeRunning {
			t.Errorf("as many as may be told: %+v", n)
		}
		err := c.d.InTx(t.Context(), func(tx *db.Tx) error {
			_, err := Announce(t.Context(), tx, Announcement{Item: c.item(), To: to, most: 59})
			return err
		})
		if !errors.Is(err, ErrTooMany) {
			t.Errorf("one too many: %v, want it refused", err)
		}
		var all int
		if err := c.d.Get(t.Context(), &all, `SELECT COUNT(*) FROM notice`); err != nil || all != 1 {
			t.Errorf("%d announcements are kept (%v), want the first", all, err)
		}
	})
}
