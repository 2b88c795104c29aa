package request

import (
	"context"
	"slices"
	"strconv"

	"wanjia/internal/audit"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

// RunClocks says what clocks have to say by now, and whether there was anything. Any number of nodes do so at one time:
// whoever takes a notice says it, in one transaction, so each is said once; after downtime with the time it was due (K14).
// One that fails rests for a while, and holds up none that is due behind it.
func (s *Service) RunClocks(ctx context.Context) (some bool, err error) {
	now := s.db.Now()
	return inTurn(ctx, &s.late.clocks, now, func(behind timer) ([]timer, error) {
		return dueTimers(ctx, s.db, now, behind)
	}, func(t timer) error {
		err := s.db.InTx(ctx, func(tx *db.Tx) error { return s.fire(ctx, tx, t) })
		return db.Wrap(err, nil, "clock %s of request %d", t.Clock, t.Request)
	})
}

// fire says the notice of t, unless it was said or is not due any more.
func (s *Service) fire(ctx context.Context, tx *db.Tx, t timer) error {
	r, err := hold(ctx, tx, t.Request)
	if err != nil {
		return err
	}
	if err := s.followed(ctx, tx, &r); err != nil { // what is due by older rules may not be due
		return err
	}
	then, now := t, tx.Now
	then.FiredAt, then.SaidIn = &now, r.Holding
	if t.Step < notices[t.Clock] {
		if due := s.due(r.Request, t.Clock, t.Step+1); due != nil {
			then.Step, then.DueAt, then.FiredAt = t.Step+1, *due, nil
		}
	}
	taken, err := claim(ctx, tx, t, then)
	if err != nil || !taken {
		return err
	}
	audit.Note(tx, org.System.Did("request.clock_"+string(t.Clock), "request", int64(r.ID)))
	ladder, err := ladderOf(ctx, tx, r.Request)
	if err != nil {
		return err
	}
	switch t.Clock {
	case accepting:
		return s.notAccepted(ctx, tx, r, ladder, t)
	case news:
		return s.missed(ctx, tx, r, ladder, t)
	case solving:
		if t.Step == 1 {
			return s.say(ctx, tx, r, ladder, t, "request.target_near", toHolder, toLead)
		}
		return s.missed(ctx, tx, r, ladder, t)
	case stale:
		return s.lies(ctx, tx, r, ladder, t)
	case callBack:
		return s.callBackDue(ctx, tx, r)
	}
	return nil
}

// The addressees of a clock's notice.
type addressee func(ctx context.Context, tx *db.Tx, r Request, ladder []org.Unit) ([]org.Incumbent, error)

func toHolder(ctx context.Context, tx *db.Tx, r Request, ladder []org.Unit) ([]org.Incumbent, error) {
	in, err := holding(ctx, tx, r, ladder)
	if err != nil {
		return nil, err
	}
	there, err := standing(ctx, tx, r, in)
	return append(in, there...), err
}

func toLead(ctx context.Context, tx *db.Tx, r Request, ladder []org.Unit) ([]org.Incumbent, error) {
	_, in, err := leadOf(ctx, tx, r, ladder)
	return in, err
}

// toStandIn is whoever stands in for the holder, else the lead again (K7).
func toStandIn(ctx context.Context, tx *db.Tx, r Request, ladder []org.Unit) ([]org.Incumbent, error) {
	in, err := holding(ctx, tx, r, ladder)
	if err != nil {
		return nil, err
	}
	in, err = standing(ctx, tx, r, in)
	if err != nil || len(in) > 0 {
		return in, err
	}
	return toLead(ctx, tx, r, ladder)
}

// say tells addressees the notice of t.
func (s *Service) say(ctx context.Context, tx *db.Tx, r Seen, ladder []org.Unit, t timer, kind string, to ...addressee) error {
	var all notify.Audience
	for _, one := range to {
		in, err := one(ctx, tx, r.Request, ladder)
		if err != nil {
			return err
		}
		all = all.And(audience(in))
	}
	return notify.Tell(ctx, tx, all, notify.Item{
		Kind: kind, Ref: r.ref(), By: org.System, Dedupe: t.once(), Unit: r.HolderUnitID,
		Args: map[string]any{"count": 1, "unitLabel": r.HolderName, "dueAt": t.DueAt},
	})
}

// once is the key by which the notice of t reaches a person once.
func (t timer) once() string {
	return "clock:" + strconv.FormatInt(int64(t.Request), 10) + ":" + string(t.Clock) + ":" + strconv.Itoa(t.Term) + ":" +
		strconv.Itoa(t.Step) + ":" + strconv.FormatInt(t.DueAt.Unix(), 36)
}

// notAccepted tells that nobody has taken r on: after once its minutes the holder, after twice the lead, after three
// times whoever stands in (K7). Somebody who stands in for an absent holder hears of it the first time.
func (s *Service) notAccepted(ctx context.Context, tx *db.Tx, r Seen, ladder []org.Unit, t timer) error {
	to := []addressee{toHolder, toLead, toStandIn}[t.Step-1]
	if err := s.say(ctx, tx, r, ladder, t, "request.accept_overdue", to); err != nil || t.Step > 1 {
		return err
	}
	_, err := insertMiss(ctx, tx, r.Request, t)
	return err
}

// missed notes that a target was not kept and tells the holder, of the answer itself also the lead; the asker hears that
// it comes later than promised (K9), once of two that were due together.
func (s *Service) missed(ctx context.Context, tx *db.Tx, r Seen, ladder []org.Unit, t timer) error {
	to := []addressee{toHolder}
	if t.Clock == solving {
		to = append(to, toLead)
	}
	if err := s.say(ctx, tx, r, ladder, t, "request.target_missed", to...); err != nil {
		return err
	}
	first, err := insertMiss(ctx, tx, r.Request, t)
	if err != nil {
		return err
	}
	if first {
		if err := tellAskers(ctx, tx, org.System, r.Request, word{kind: "request.late", label: "late", key: "late." + strconv.FormatInt(t.DueAt.Unix(), 36)}); err != nil {
			return err
		}
	}
	if t.Clock == solving && s.category(r.Request).Climbs {
		return s.climb(ctx, tx, &r, ladder)
	}
	return nil
}

// climb lets r, which was not solved in time, go one level up by itself, where its category says so (O14): never past a
// level, and never to somebody whom it is about.
func (s *Service) climb(ctx context.Context, tx *db.Tx, r *Seen, ladder []org.Unit) error {
	i := slices.IndexFunc(ladder, func(u org.Unit) bool { return u.Level > r.Level })
	if r.Level == 0 || i < 0 { // beside the levels somebody has put it on purpose, and above the top there is nobody
		return nil
	}
	in, err := leads(ctx, tx, ladder[i])
	if err != nil {
		return err
	}
	may, err := unconcerned(ctx, tx, r.Request, in)
	if err != nil || len(may) < len(in) {
		return err
	}
	from := r.State
	s.goTo(&r.Request, seat{Unit: ladder[i].ID, Level: ladder[i].Level}, tx.Now)
	r.stepped(tx.Now)
	if err := s.saveMove(ctx, tx, &r.Request); err != nil {
		return err
	}
	audit.Note(tx, org.System.Did("request.escalated", "request", int64(r.ID)))
	if err := addStep(ctx, tx, s.keys, org.System, r.Request, line{move: "escalated", from: &from, note: "办结时限已过，系统按类别设置上报一级"}); err != nil {
		return err
	}
	if err := tellAskers(ctx, tx, org.System, r.Request, status("escalated")); err != nil {
		return err
	}
	return tellHolder(ctx, tx, org.System, r.Request, s.category(r.Request), ladder)
}

// lies puts r, for which nobody has done anything for a week, on the list of its lead, who is told once (K12).
func (s *Service) lies(ctx context.Context, tx *db.Tx, r Seen, ladder []org.Unit, t timer) error {
	lead, _, err := leadOf(ctx, tx, r.Request, ladder)
	if err != nil {
		return err
	}
	if err := setStale(ctx, tx, r.Request, lead.Unit, lead.Role); err != nil {
		return err
	}
	return s.say(ctx, tx, r, ladder, t, "request.stale", toLead)
}

// callBackDue has the askers asked about what a body outside was to do (K10): in their inbox, and by a call. To whoever left
// no number whoever has to call comes in another way; whoever left one and does not want to be called is asked in the inbox
// and on the receipt alone.
func (s *Service) callBackDue(ctx context.Context, tx *db.Tx, r Seen) error {
	to, err := listeners(ctx, tx, s.keys, r.ID)
	if err != nil {
		return err
	}
	for _, a := range to {
		if r.ClosedAt == nil {
			continue
		}
		if a.Person != 0 {
			if err := tellAsker(ctx, tx, org.System, r.Request, a, word{kind: "request.closed", label: "call_back"}); err != nil {
				return err
			}
		}
		if a.CallBack == CallNone && a.Phone || a.Again {
			continue
		}
		if err := assignCall(ctx, tx, org.System, r.Request, a.ID, *r.ClosedAt); err != nil {
			return err
		}
	}
	return nil
}

// holding are all persons who hold r; of a vacant unit, those who stand in for its lead (T8).
func holding(ctx context.Context, q db.Queryer, r Request, ladder []org.Unit) ([]org.Incumbent, error) {
	if r.Level == 0 || r.HolderRole != "" {
		in, err := inSeat(ctx, q, seat{r.HolderUnitID, r.HolderRole, r.Level})
		if err != nil {
			return nil, err
		}
		if in, err = unconcerned(ctx, q, r, in); err != nil || len(in) > 0 {
			return in, err
		}
		_, in, err = leadOf(ctx, q, r, ladder) // who can take it over, or acts for a section meanwhile
		return in, err
	}
	_, in, err := leadFrom(ctx, q, r, ladder, r.Level)
	return in, err
}

// heldIn is r as if a role in a unit held it, or whoever leads that: at a level, unless it is a role beside the levels.
func (r Request) heldIn(u org.Unit, role org.Role, level int) Request {
	r.HolderUnitID, r.HolderRole, r.Level = u.ID, role, level
	if role != "" && role != org.RoleCommitteeSecretary {
		r.Level = 0
	}
	return r
}

// leadFrom are those who lead the lowest unit of r's ladder from a level on that anybody leads whom r does not concern,
// and that seat; above the office it is the committee's secretary.
func leadFrom(ctx context.Context, q db.Queryer, r Request, ladder []org.Unit, level int) (seat, []org.Incumbent, error) {
	for _, u := range ladder {
		if u.Level < level {
			continue
		}
		in, err := leads(ctx, q, u)
		if err != nil {
			return seat{}, nil, err
		}
		if in, err = unconcerned(ctx, q, r, in); err != nil || len(in) > 0 {
			return seat{Unit: u.ID, Level: u.Level}, in, err
		}
	}
	if len(ladder) == 0 {
		return seat{}, nil, nil
	}
	top := ladder[len(ladder)-1]
	day := calendar.DayOf(db.NowOf(q))
	party, err := org.LinkedParty(ctx, q, top.ID, day)
	if err != nil {
		return seat{}, nil, err
	}
	in, err := org.PersonsIn(ctx, q, party.ID, org.RoleCommitteeSecretary, day)
	if err != nil {
		return seat{}, nil, err
	}
	in, err = unconcerned(ctx, q, r, in)
	return seat{Unit: top.ID, Role: org.RoleCommitteeSecretary, Level: top.Level}, in, err
}

// leadOf is whoever leads the holder of r, and the seat they do so from: the next unit up the ladder, of a role in a
// unit that unit, of the office the committee's secretary (glossary: Lead).
func leadOf(ctx context.Context, q db.Queryer, r Request, ladder []org.Unit) (seat, []org.Incumbent, error) {
	if r.Level > 0 {
		return leadFrom(ctx, q, r, ladder, r.Level+1)
	}
	at, err := org.UnitByID(ctx, q, r.HolderUnitID)
	if err != nil {
		return seat{}, nil, err
	}
	if r.HolderRole == "" { // a section, which is below the office
		return leadFrom(ctx, q, r, ladder, topLevel)
	}
	return leadFrom(ctx, q, r, ladder, at.Level)
}

// topLevel is the level of the subdistrict, on top of every ladder.
const topLevel = 5

// standing are those who stand in today for those of in who are away.
func standing(ctx context.Context, tx *db.Tx, r Request, in []org.Incumbent) ([]org.Incumbent, error) {
	there, err := org.Present(ctx, tx, in, calendar.DayOf(tx.Now))
	if err != nil {
		return nil, err
	}
	var others []org.Incumbent
	for i, one := range there {
		if one.Person != in[i].Person {
			others = append(others, one)
		}
	}
	return unconcerned(ctx, tx, r, others)
}
