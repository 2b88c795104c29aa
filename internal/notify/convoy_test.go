package notify

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/kv/kvtest"
)

// several announces some times the same, and returns all of it.
func (c *crowd) several(n int) (ids []NoticeID) {
	c.t.Helper()
	for range n {
		ids = append(ids, c.announce(Announcement{Item: c.item()}).ID)
	}
	return ids
}

// standing are fan-outs as they stand, as those that go together.
func (c *crowd) standing(ids []NoticeID) []convoy {
	c.t.Helper()
	var some []fan
	for _, id := range ids {
		some = append(some, c.fan(id))
	}
	return convoys(some)
}

// jumbled are the persons who do not have announcements in their order, one number behind the other.
func (c *crowd) jumbled(ids []NoticeID) (all []org.PersonID) {
	c.t.Helper()
	query, args, err := db.In(`SELECT person_id, seq, notice_id FROM inbox WHERE notice_id IN (?) ORDER BY person_id, seq`, ids)
	if err != nil {
		c.t.Fatal(err)
	}
	var rows []struct {
		Person org.PersonID `db:"person_id"`
		Seq    int64        `db:"seq"`
		Notice NoticeID     `db:"notice_id"`
	}
	if err := c.d.Select(c.t.Context(), &rows, query, args...); err != nil {
		c.t.Fatal(err)
	}
	for i, r := range rows[1:] {
		if before := rows[i]; before.Person == r.Person && (before.Notice >= r.Notice || before.Seq+1 != r.Seq) {
			all = append(all, r.Person)
		}
	}
	return all
}

// What stands at the same place and goes to the same persons goes together, in one step for all: each has its numbers, its
// progress and its end, in the order in which it was announced.
func TestAnnouncementsThatWaitTogetherGoTogether(t *testing.T) {
	crowds(t, 1_000, func(t *testing.T, c *crowd) {
		ids, a := c.several(3), c.node("a")
		var taken atomic.Int64
		c.d.Watch(func(_ context.Context, s db.Sent) {
			if strings.Contains(s.Query, "UPDATE inbox_head") {
				taken.Add(1)
			}
		})
		a.begin(t)
		for _, id := range ids {
			if x := c.fan(id); x.Written != chunkSize || x.Pushed != chunkSize || x.State != NoticeRunning {
				t.Errorf("after one chunk %+v, want %d written and pushed", x, chunkSize)
			}
		}
		late := c.several(1) // stands behind, and does not join
		a.work(t)
		c.d.Watch(nil)
		if n := taken.Load(); n != 4 {
			t.Errorf("numbers are taken %d times, want two chunks for the three and two for the last", n)
		}
		all := append(ids, late...)
		for _, id := range all {
			x := c.fan(id)
			if wrong := c.wrong(id, c.members); len(wrong) > 0 || x.State != NoticeDone || x.Written != 1_000 || x.Pushed != 1_000 {
				t.Errorf("in the end %+v; %v", x, wrong[:min(3, len(wrong))])
			}
		}
		if some := c.jumbled(all); len(some) > 0 {
			t.Errorf("%d persons do not have them in order", len(some))
		}
	})
}

// R8, R10 of several at once: three nodes write them, any of them dies at any moment.
func TestTogetherEachPersonIsToldOnceWhateverDies(t *testing.T) {
	crowds(t, 2_300, func(t *testing.T, c *crowd) {
		ids := c.several(3)
		c.storm(false, ids...)
		for _, id := range ids {
			x := c.fan(id)
			if wrong := c.wrong(id, c.members); len(wrong) > 0 || x.Written != 2_300 || x.Pushed != 2_300 || x.State != NoticeDone {
				t.Errorf("after kills: state %s, %d written, %d pushed; %v", x.State, x.Written, x.Pushed, wrong[:min(3, len(wrong))])
			}
		}
	})
}

// The same without the condition that begins a chunk: the test above would see it.
func TestTogetherWithoutTheConditionOfAChunkPeopleAreToldTwice(t *testing.T) {
	crowds(t, 1_200, func(t *testing.T, c *crowd) {
		ids := c.several(3)
		c.storm(true, ids...)
		for _, id := range ids {
			if wrong := c.wrong(id, c.members); len(wrong) == 0 {
				t.Error("two nodes write the same chunk, and nobody notices")
			}
		}
	})
}

// One that is withdrawn, that another node has brought on, or whose time is over is written no further by a node that still
// sees it among others: nothing is written then, and the next turn goes on with the others.
func TestWhatStandsNoMoreWithOthersLeavesThemToGoOn(t *testing.T) {
	for name, leaves := range map[string]func(t *testing.T, b *bureau, n Notice){
		"withdrawn": func(t *testing.T, b *bureau, n Notice) {
			t.Helper()
			err := b.db.InTx(t.Context(), func(tx *db.Tx) error { return withdraw(t.Context(), tx, n.ID) })
			if err != nil {
				t.Fatal(err)
			}
		},
		"over": func(_ *testing.T, b *bureau, _ Notice) { b.move(time.Minute) },
		"brought on": func(t *testing.T, b *bureau, n Notice) {
			t.Helper()
			if _, err := b.spread.Fanouts.step(t.Context(), convoy{b.fan(n.ID)}); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			bureaus(t, func(t *testing.T, b *bureau) {
				b.join(2_000)
				until := b.now().Add(time.Minute)
				ids := b.several(1)
				n := b.announce(Announcement{Item: b.item(), Until: until})
				ids = append(ids, n.ID)
				ids = append(ids, b.several(1)...)
				b.spread.begin(t)
				seen := b.standing(ids)
				if len(seen) != 1 || seen[0][0].Written != chunkSize {
					t.Fatalf("they stand as %+v, want all three after a chunk", seen)
				}
				b.spread.run = 1
				leaves(t, b, n)
				before := b.fan(n.ID)
				moved, err := b.spread.Fanouts.step(t.Context(), seen[0])
				if err != nil || !moved {
					t.Errorf("those seen before: moved %v (%v), want to look again", moved, err)
				}
				for _, id := range []NoticeID{ids[0], ids[2]} {
					if x := b.fan(id); x.Written != chunkSize {
						t.Errorf("%d are written of one that stood with it, want nothing more", x.Written)
					}
				}
				if x := b.fan(n.ID); x.Written != before.Written || x.Next != before.Next {
					t.Errorf("it has gone from %d to %d", before.Written, x.Written)
				}
				b.spread.work(t)
				for _, id := range []NoticeID{ids[0], ids[2]} {
					x := b.fan(id)
					if wrong := b.wrong(id, b.members); len(wrong) > 0 || x.State != NoticeDone || x.Written != 2_000 {
						t.Errorf("another in the end %+v; %v", x, wrong[:min(3, len(wrong))])
					}
				}
				want := chunkSize
				if name == "brought on" {
					want = 2_000
				}
				if told := b.toldOf(n.ID); len(told) != want {
					t.Errorf("%d are told of it, want %d", len(told), want)
				}
			})
		})
	}
}

// Whoever announces gets nothing of it, and everybody else does: what others announce, to others or more urgently, does not go
// with it. There is an end to how many do.
func TestOnlyWhatGoesToTheSamePersonsGoesTogether(t *testing.T) {
	crowds(t, 60, func(t *testing.T, c *crowd) {
		one, other, urgent := c.item(), c.item(), c.item()
		one.By.PersonID, other.By.PersonID = c.members[5], c.members[7]
		urgent.By, urgent.Urgent = one.By, true
		members := Scope{Unit: c.unit.ID, Roles: []org.Role{org.RoleMember}}
		var ids []NoticeID
		for _, a := range []Announcement{
			{Item: one, To: members}, {Item: other, To: members}, {Item: one, To: Scope{Unit: c.unit.ID}}, {Item: urgent, To: members},
		} {
			ids = append(ids, c.announce(a).ID)
		}
		if some := c.standing(ids); len(some) != len(ids) {
			t.Errorf("of four that differ some go together: %d go", len(some))
		}
		c.node("a").work(t)
		for i, not := range []int{5, 7, 5, 5} {
			want := slices.Delete(slices.Clone(c.members), not, not+1)
			if wrong := c.wrong(ids[i], want); len(wrong) > 0 {
				t.Errorf("announcement %d: %v", i, wrong)
			}
		}
		some := c.standing(c.several(together + 1))
		if len(some) != 2 || len(some[0]) != together || some[0].chunkSize()*together > chunkRows || some[1].chunkSize() != chunkSize {
			t.Errorf("of %d alike %d go, the first %d together", together+1, len(some), len(some[0]))
		}
	})
}

// One that can never be written holds up none that it stands with.
func TestOneThatCannotBeWrittenHoldsUpNoneThatItStandsWith(t *testing.T) {
	crowds(t, 60, func(t *testing.T, c *crowd) {
		ids := c.several(4)
		c.change(`UPDATE notice SET args = '{' WHERE id = ?`, ids[1])
		c.node("a").work(t)
		for i, id := range ids {
			x, want := c.fan(id), NoticeDone
			if i == 1 {
				want = NoticeRunning
			}
			if x.State != want {
				t.Errorf("announcement %d is %s, %d written; want it %s", i, x.State, x.Written, want)
			}
		}
		if wrong := c.wrong(ids[3], c.members); len(wrong) > 0 {
			t.Errorf("the last: %v", wrong)
		}
	})
}

// WeChat repeats each of those that go together, as many a second of each as of one alone.
func TestWeChatRepeatsEachOfThoseThatGoTogether(t *testing.T) {
	bureaus(t, func(t *testing.T, b *bureau) {
		b.enrol(b.followers(60, 0))
		item := b.item()
		item.MustReach = true
		var ids []NoticeID
		for range 3 {
			ids = append(ids, b.announce(Announcement{Item: item}).ID)
		}
		if some := b.standing(ids); len(some) != 1 {
			t.Fatalf("they stand as %d, want to go together", len(some))
		}
		b.spread.work(t)
		for _, id := range ids {
			var sends []struct {
				Person org.PersonID `db:"person_id"`
				Seq    int64        `db:"seq"`
				Before time.Time    `db:"not_before"`
				Item   int64        `db:"item"`
			}
			err := b.db.Select(t.Context(), &sends, `
				SELECT s.person_id, s.seq, s.not_before, i.seq AS item
				FROM wechat_send s
				JOIN inbox i ON i.person_id = s.person_id AND i.notice_id = s.notice_id
				WHERE s.notice_id = ?
				ORDER BY s.person_id`, id)
			if err != nil || len(sends) != 60 {
				t.Fatalf("%d messages (%v), want one for each", len(sends), err)
			}
			for i, s := range sends {
				if s.Seq != s.Item || i > 0 && s.Before.Sub(sends[i-1].Before) != time.Second/time.Duration(b.spread.Rate) {
					t.Errorf("message %d is of item %d and due %v after the first; want item %d, and ten a second", i, s.Seq, s.Before.Sub(sends[0].Before), s.Item)
				}
			}
		}
	})
}

// Devices of any node have all of them at once and in order, whether their person's inbox is in Redis or not; those that Redis
// was away for have them later.
func TestDevicesHearOfAllThatGoTogether(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, k *kv.KV, gate *kvtest.Gate) {
		c := newCrowd(t, d, k, 60)
		n := startNode(t, c.d, c.k, NewInboxes(c.d))
		var all []*device
		for _, p := range c.members[:4] {
			v := listen(t, p, 1, "1.0", func() *node { return n })
			v.until(t, 5*time.Second, "connected", func() bool { return v.ups == 1 })
			all = append(all, v)
		}
		a, ids := c.node("a"), c.several(3)
		a.work(t)
		for _, v := range all {
			v.got(t, 20*time.Second, 0, 3)
		}
		if behind := n.hub.Stats().Behind; behind > 0 {
			t.Errorf("%d devices were told only when their position was checked", behind)
		}
		gate.Shut()
		ids = append(ids, c.several(3)...)
		a.work(t)
		for _, id := range ids[3:] {
			if x := c.fan(id); x.Written != 60 || x.Pushed != 0 || x.State != NoticeWritten {
				t.Errorf("while Redis is away %+v, want it in all inboxes", x)
			}
		}
		gate.Open()
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for end := time.After(20 * time.Second); slices.ContainsFunc(ids, func(id NoticeID) bool { return c.fan(id).State != NoticeDone }); {
			select {
			case <-end:
				t.Fatal("they are never pushed")
			case <-tick.C:
				a.work(t)
			}
		}
		for _, v := range all {
			v.got(t, 20*time.Second, 0, 6)
		}
		for _, id := range ids {
			if x := c.fan(id); x.Pushed != 60 || len(c.wrong(id, c.members)) > 0 {
				t.Errorf("in the end it is %+v", x)
			}
		}
	})
}

// R11: a node that died before it noted how far devices are costs those that go together nothing but that part: it is brought
// again, to all of them, before anything else is written, and they go on together.
func TestThoseOfWhichDevicesAreBehindCatchUpAndGoTogetherAgain(t *testing.T) {
	crowds(t, 1_400, func(t *testing.T, c *crowd) {
		ids, a := c.several(8), c.node("a")
		a.begin(t)
		c.forget(ids)
		var taken atomic.Int64
		c.d.Watch(func(_ context.Context, s db.Sent) {
			if strings.Contains(s.Query, "UPDATE inbox_head") {
				taken.Add(1)
			}
		})
		a.work(t)
		c.d.Watch(nil)
		if n := taken.Load(); n != 3 {
			t.Errorf("numbers are taken %d times, want the three chunks that are left for all", n)
		}
		for _, id := range ids {
			if x := c.fan(id); x.Written != len(c.members) || x.State != NoticeDone {
				t.Errorf("in the end %+v, want it with everybody", x)
			}
		}
		if all := c.jumbled(ids); len(all) != 0 {
			t.Errorf("%d persons have them in another order", len(all))
		}
	})
}

// forget lets nothing be known of how far devices are with announcements.
func (c *crowd) forget(ids []NoticeID) {
	c.t.Helper()
	err := c.d.InTx(c.t.Context(), func(tx *db.Tx) error {
		query, args, err := db.In(`UPDATE fanout SET pushed_person_id = 0 WHERE notice_id IN (?)`, ids)
		if err == nil {
			_, err = tx.Change(c.t.Context(), query, args...)
		}
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

// Many messages of WeChat are written in statements that every engine takes, and count as rows of their chunk.
func TestManyWhoMustBeReachedAreToldTogether(t *testing.T) {
	crowds(t, 1_000, func(t *testing.T, c *crowd) {
		item := c.item()
		item.MustReach = true
		var ids []NoticeID
		for range 4 {
			ids = append(ids, c.announce(Announcement{Item: item}).ID)
		}
		if n := c.standing(ids)[0].chunkSize(); n != chunkRows/8 {
			t.Errorf("a chunk is of %d persons, want a row for the item of each, and one for its message", n)
		}
		a := c.node("a")
		a.begin(t)
		for _, id := range ids {
			if x := c.fan(id); x.Written != chunkRows/8 {
				t.Errorf("after one chunk %+v, want %d written", x, chunkRows/8)
			}
		}
		a.work(t)
		var n int
		if err := c.d.Get(t.Context(), &n, `SELECT COUNT(*) FROM wechat_send`); err != nil || n != 4*len(c.members) {
			t.Errorf("%d messages (%v), want %d", n, err, 4*len(c.members))
		}
	})
}
