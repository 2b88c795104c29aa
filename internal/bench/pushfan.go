package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"wanjia/internal/app"
	"wanjia/internal/auth"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/kv"
)

// A district is a unit with everybody in a role there, of whom some have a device.
type district struct {
	unit    org.UnitID
	members int
	crowd   []listener
}

// populate makes a unit with that many members and signs n of them in, spread evenly. Their rows are written as auth
// and org write them, many at a time.
func (p *pushRun) populate(ctx context.Context, members, n int) (x district, err error) {
	fmt.Fprintf(p.o.Say, "bench: making %d members\n", members)
	c := p.place
	c.config.Demo = true // here people sign in by handle; the server that is measured knows no such thing
	a, err := c.app(ctx)
	if err != nil {
		return x, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	x.members = members
	ids := make([]int64, 0, members)
	d := a.Stores.DB
	err = d.InTx(ctx, func(tx *db.Tx) error {
		b := builder{ctx: ctx, tx: tx, from: calendar.DayOf(tx.Now).Add(-3650)}
		x.unit = b.unit(org.Subdistrict, "海棠街道", b.unit(org.District, "云湾区", org.Unit{})).ID
		return b.err
	})
	for err == nil && len(ids) < members {
		var some []int64
		some, err = addMembers(ctx, d, x.unit, min(1000, members-len(ids)))
		ids = append(ids, some...)
	}
	if err != nil {
		return x, err
	}
	every := max(1, members/n)
	for i := 0; i < members && len(x.crowd) < n; i += every {
		x.crowd = append(x.crowd, listener{id: ids[i]})
	}
	err = d.InTx(ctx, func(tx *db.Tx) error {
		for _, l := range x.crowd {
			if err := a.Auth.AddHandle(ctx, tx, handle(org.PersonID(l.id)), org.PersonID(l.id)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return x, err
	}
	return x, signInAll(ctx, a, x.crowd)
}

// addMembers writes n members of a unit, and returns them.
func addMembers(ctx context.Context, d *db.DB, unit org.UnitID, n int) (ids []int64, err error) {
	err = d.InTx(ctx, func(tx *db.Tx) error {
		ids = ids[:0]
		var last int64
		if err := tx.Get(ctx, &last, `SELECT COALESCE(MAX(id), 0) FROM person`); err != nil {
			return db.Wrap(err, nil, "find the last person")
		}
		var args []any
		for range n {
			args = append(args, tx.Now)
		}
		if _, err := tx.Change(ctx, `INSERT INTO person (auth_ver, created_at) VALUES `+rowsOf("(1, ?)", n), args...); err != nil {
			return db.Wrap(err, nil, "make persons")
		}
		if err := tx.Select(ctx, &ids, `SELECT id FROM person WHERE id > ? ORDER BY id`, last); err != nil {
			return db.Wrap(err, nil, "find the new persons")
		}
		args = args[:0]
		var seats []any
		for _, id := range ids {
			args = append(args, id)
			seats = append(seats, id, org.RoleMember, unit, calendar.DayOf(tx.Now).Add(-30))
		}
		_, err := tx.Change(ctx, `
			INSERT INTO inbox_head (person_id, seq, read_seq, floor_seq, turn)
			VALUES `+rowsOf("(?, 0, 0, 0, 0)", len(ids)), args...)
		if err == nil {
			_, err = tx.Change(ctx, `
				INSERT INTO role_assignment (person_id, role, unit_id, is_primary, valid_from)
				VALUES `+rowsOf("(?, ?, ?, 1, ?)", len(ids)), seats...)
		}
		return db.Wrap(err, nil, "give persons inboxes and roles")
	})
	return ids, err
}

func rowsOf(row string, n int) string { return row + strings.Repeat(", "+row, n-1) }

// signInAll signs everybody in, several at once.
func signInAll(ctx context.Context, a *app.App, crowd []listener) error {
	if err := a.Auth.Start(ctx); err != nil {
		return err
	}
	return several(ctx, crowd, func(ctx context.Context, who *listener) error {
		if time.Since(who.at) <= accessFor {
			return nil
		}
		in, err := a.Auth.SignInDemo(ctx, handle(org.PersonID(who.id)), auth.Mini, device)
		who.access, who.at = in.Access, time.Now()
		return err
	})
}

// announce commits an announcement to everybody in a unit, as a feature does.
func (n *pushServer) announce(ctx context.Context, o order) {
	var committed time.Time
	begun := time.Now()
	err := n.db.InTx(ctx, func(tx *db.Tx) error {
		tx.After(func() { committed = time.Now() })
		_, err := notify.Announce(ctx, tx, notify.Announcement{
			To: notify.Scope{Unit: org.UnitID(o.Unit)},
			Item: notify.Item{
				Kind: "announcement", Ref: notify.Ref{Type: messageRef, ID: o.ID},
				Args: map[string]any{"kindLabel": "停水检修", "unitLabel": "海棠街道", "at": tx.Now},
			},
		})
		return err
	})
	n.words <- committedAt(o.ID, begun, committed, err)
}

// fanout measures an announcement to a hundred thousand, of whom n have a device open: the first delivery, the last one,
// and when all inboxes have it.
func (p *pushRun) fanout(ctx context.Context, f *PushFigure, n int) (v verdict, err error) {
	x, err := p.populate(ctx, p.o.Audience, n)
	if err != nil {
		return v, err
	}
	others := p.crowd
	p.crowd = x.crowd
	defer func() { p.crowd = others }()
	s, err := p.begin(ctx, n)
	if err != nil {
		return v, err
	}
	defer s.end()
	if err := s.warmUp(ctx, settleWithin); err != nil {
		return v, err
	}
	// The leases of servers that were killed before are free after ten seconds; only who holds one goes on with a fan-out.
	if err := s.nodes[0].holdsAll(ctx); err != nil {
		return v, err
	}
	profiled := s.profile(ctx, f.Round)
	announced := plan{count: 1, pick: func(int) (*pushNode, order) { return s.nodes[0], order{Do: doAnnounce, Unit: int64(x.unit), N: n} }}
	if err := s.play(ctx, announced); err != nil {
		return v, err
	}
	ended := func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.over == len(s.sent.all)
	}
	s.fleet.until(ctx, settleWithin, ended)
	e := s.sent.of(s.sent.first)
	written, err := s.nodes[0].written(ctx, e.at)
	if err != nil {
		return v, err
	}
	if v, err = s.settle(ctx, settleWithin); err != nil {
		return v, err
	}
	s.fill(f)
	first, last := time.Duration(1<<62), time.Duration(0)
	for _, d := range s.fleet.devices {
		for _, r := range d.got {
			first, last = min(first, r.at.Sub(e.at)), max(last, r.at.Sub(e.at))
		}
	}
	f.Got["audience"] = float64(x.members)
	f.Got["firstMs"], f.Got["lastMs"] = round(first.Seconds()*1000), round(last.Seconds()*1000)
	f.Got["writtenMs"] = round(written.Seconds() * 1000)
	f.Got["totalMs"] = max(f.Got["lastMs"], f.Got["writtenMs"])
	if told := once(s.truth, s.sent.first); told != x.members {
		f.Why = fmt.Sprintf("%d of %d members have it once", told, x.members)
	}
	return v, profiled()
}

// holdsAll waits until a server holds all shards.
func (n *pushNode) holdsAll(ctx context.Context) error {
	for deadline := time.Now().Add(30 * time.Second); ; {
		held, err := metricOf(ctx, n.admin, "wanjia_push_lease_held")
		switch {
		case err != nil:
			return err
		case held == kv.Shards:
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("the server holds %.0f of %d shards after half a minute", held, kv.Shards)
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// written waits until no fan-out is left to do, and says how long that was after a moment.
func (n *pushNode) written(ctx context.Context, since time.Time) (time.Duration, error) {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for deadline := time.Now().Add(2 * time.Minute); ; {
		if err := n.order(order{Do: doOpen}); err != nil {
			return 0, err
		}
		w, err := n.next(ctx, doOpen, 10*time.Second)
		switch {
		case err != nil:
			return 0, err
		case w.ID == 0:
			return time.Since(since), nil
		case time.Now().After(deadline):
			return 0, errors.New("an announcement has not come to its end within two minutes")
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// open says how many announcements are still to be written or to be brought to devices.
func (n *pushServer) open(ctx context.Context) {
	var open int64
	x := word{Do: doOpen}
	if err := n.db.Get(ctx, &open, `SELECT COUNT(*) FROM fanout WHERE state <> ?`, notify.NoticeDone); err != nil {
		x.Why = err.Error()
	}
	x.ID = open
	n.words <- x
}

// once counts the persons to whom a message was told exactly once.
func once(truth [][3]int64, id int64) (n int) {
	times := map[int64]int{}
	for _, r := range truth {
		if r[2] == id {
			times[r[0]]++
		}
	}
	for person := range times {
		if times[person] == 1 {
			n++
		}
	}
	return n
}
