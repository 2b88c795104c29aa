package request

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/say"
	"wanjia/internal/privacy"
	"wanjia/internal/upload"
)

// A door is an operation on one request, or on something of one, by an id.
type door func(ctx context.Context, s *Service, by org.Actor, at hung) error

// A hung is a request with what hangs on it: a call to its asker, a promise, a muster.
type hung struct {
	request ID
	call    CallID
	promise PromiseID
	muster  MusterID
}

var why = privacy.Why{Purpose: privacy.CallBack, Reason: "回电核实情况"}

// doors are all operations of a Service, Photos' among them, by which somebody on duty comes to what was asked.
var doors = map[string]door{
	"Accept": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.Accept(ctx, by, at.request, ""))
	},
	"AddStep": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.AddStep(ctx, by, at.request, "已核实", nil))
	},
	"Wait": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.Wait(ctx, by, at.request, "请补充", nil, ToTell))
	},
	"Resume": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.Resume(ctx, by, at.request))
	},
	"Message": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.Message(ctx, by, at.request, "正在核实", ToTell))
	},
	"Escalate": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.Escalate(ctx, by, at.request, Climb{To: "level", Note: "请上级办"}))
	},
	"HandBack": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.HandBack(ctx, by, at.request, 1, "请下级办"))
	},
	"Pull": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.Pull(ctx, by, at.request, "我来办"))
	},
	"Close": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.Close(ctx, by, at.request, Closing{Kind: Resolved, Text: "已办"}))
	},
	"Withdraw": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.Withdraw(ctx, by, at.request, Phone, 0))
	},
	"Reopen": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.Reopen(ctx, by, at.request, "又有反映"))
	},
	"Read": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.Read(ctx, by, at.request))
	},
	"ReadPassed": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.ReadPassed(ctx, by, at.request))
	},
	"Merge": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.Merge(ctx, by, at.request, []ID{at.request}))
	},
	"Unmerge": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.Unmerge(ctx, by, at.request))
	},
	"PrintSlip": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.PrintSlip(ctx, by, at.request))
	},
	"UnmaskAsker": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.UnmaskAsker(ctx, by, at.request, 0, PhoneNumber, why))
	},
	"AttachCard": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.AttachCard(ctx, by, at.request, 1<<40))
	},
	"CardsOn": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		_, _, err := s.CardsOn(ctx, by, at.request)
		return err
	},
	"AddCounterStep": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.AddCounterStep(ctx, by, at.request, 1<<40, false))
	},
	"StartMuster": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.StartMuster(ctx, by, at.request, Calling{Skills: []string{"roof_repair"}, People: 1}))
	},
	"Musters": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.Musters(ctx, by, at.request))
	},
	"Muster": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.Muster(ctx, by, at.muster))
	},
	"BeginMuster": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.BeginMuster(ctx, by, at.muster))
	},
	"FinishMuster": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.FinishMuster(ctx, by, at.muster))
	},
	"CancelMuster": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.CancelMuster(ctx, by, at.muster))
	},
	"MakePromise": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.MakePromise(ctx, by, at.request, NewPromise{DueOn: calendar.DayOf(s.db.Now()), Text: "核实"}))
	},
	"KeepPromise": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.KeepPromise(ctx, by, at.promise))
	},
	"DropPromise": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.DropPromise(ctx, by, at.promise, "不办了"))
	},
	"MovePromise": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.MovePromise(ctx, by, at.promise, calendar.DayOf(s.db.Now()).Add(3), "改日"))
	},
	"ReadCall": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.ReadCall(ctx, by, at.call, say.Chinese))
	},
	"FinishCall": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.FinishCall(ctx, by, at.call, CallNotReached))
	},
	"UnmaskCall": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.UnmaskCall(ctx, by, at.call, PhoneNumber, why))
	},
	"Title": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.Title(ctx, s.db, by, int64(at.request)))
	},
	"CallTitle": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.CallTitle(ctx, s.db, by, int64(at.call)))
	},
	"PromiseTitle": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(s.PromiseTitle(ctx, s.db, by, int64(at.promise)))
	},
	"Photos.Add": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(photosOf(s).Add(ctx, by, at.request, []upload.ID{1 << 40}))
	},
	"Photos.List": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(photosOf(s).List(ctx, by, at.request))
	},
	"Photos.Redact": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return second(photosOf(s).Redact(ctx, by, at.request, 1<<40, nil))
	},
	"Photos.Remove": func(ctx context.Context, s *Service, by org.Actor, at hung) error {
		return photosOf(s).Remove(ctx, by, at.request, 1<<40)
	},
}

func photosOf(s *Service) *Photos { return NewPhotos(s.db, upload.NewService(s.db, s.keys, nil, nil)) }

func second[T any](_ T, err error) error { return err }

// elsewhere are the other operations that somebody carries out, with why they lead to no concern.
var elsewhere = map[string]string{
	"List": "lists", "Calls": "lists", "Promises": "lists", // p.lists
	"Create": "the recorder's own words", "Open": "the recorder's own words", "CreateOwn": "the asker's own words",
	"Join": "similar needs are of no concern", "Follow": "the asker's", "FollowShown": "the asker's", "Proved": "the asker's", "Mine": "the asker's", "OwnData": "the asker's",
	"Promise":      "MakePromise and visits have found what it is about",
	"IssueSlips":   "blank paper",
	"AnswerMuster": "no muster is about a concern: ErrConcernAlone",
	"Invitations":  "no muster is about a concern: ErrConcernAlone",
	"CounterSteps": "no counter step is about a concern: ErrConcernAlone",
	"Skills":       "one's own", "SetSkills": "one's own",
	"FinishCounterStep": "no counter step is about a concern: ErrConcernAlone",
	"ProposeCard":       "no card is of the category of concerns", "ApproveCard": "cards", "RetireCard": "cards", "Cards": "cards", "Card": "cards",
	"SetDangerQuestion": "rules", "StartEmergency": "rules", "ConfirmEmergency": "rules", "RenewEmergency": "rules",
	"EndEmergency": "rules", "Emergencies": "rules", "SetCategory": "rules", "SaveCalendar": "rules",
}

// V6: whatever somebody on duty can do here is among the doors that are tried, or is said to lead to no concern.
func TestV6_EveryDoorToWhatWasAskedIsTried(t *testing.T) {
	t.Parallel()
	actor := reflect.TypeFor[org.Actor]()
	for of, prefix := range map[reflect.Type]string{reflect.TypeFor[*Service](): "", reflect.TypeFor[*Photos](): "Photos."} {
		for m := range of.Methods() {
			acts := false
			for in := range m.Type.Ins() {
				acts = acts || in == actor
			}
			_, tried := doors[prefix+m.Name]
			_, said := elsewhere[prefix+m.Name]
			if acts && tried == said {
				t.Errorf("%s%s: among the doors %v, said to lead nowhere %v; want one of them", prefix, m.Name, tried, said)
			}
		}
	}
}

// hang makes promises about r, at its holder and at somebody who held it, and a muster, whatever else refuses that; and
// looks that nobody hears of them whom the concern is kept from.
func (p *planted) hang(tx *db.Tx, r Request) (all []hung) {
	p.t.Helper()
	ctx := p.t.Context()
	var word org.AssignmentID
	query, args, err := db.In(`SELECT MIN(id) FROM role_assignment WHERE person_id IN (?)`, p.people)
	if err == nil {
		err = tx.Get(ctx, &word, query, args...)
	}
	ladder, other := []org.Unit(nil), error(nil)
	if ladder, other = ladderOf(ctx, tx, r); err != nil || other != nil {
		p.t.Fatal(err, other)
	}
	holder, err := org.UnitByID(ctx, tx, r.HolderUnitID)
	if err != nil {
		p.t.Fatal(err)
	}
	m := Muster{RequestID: r.ID, UnitID: holder.ID, State: MusterAsking, SkillList: "roof_repair", CalledBy: p.people[0], Assignment: word, CalledAt: tx.Now}
	if err := insertMuster(ctx, tx, p.s.keys, &m); err != nil {
		p.t.Fatal(err)
	}
	var call CallID
	if err := tx.Get(ctx, &call, `SELECT id FROM call_task WHERE request_id = ?`, r.ID); err != nil {
		p.t.Fatal(err)
	}
	for _, at := range []org.Unit{holder, ladder[p.r.IntN(len(ladder))]} {
		role := wordOf[at.Kind]
		if at.ID == holder.ID && r.HolderRole != "" {
			role = r.HolderRole
		}
		day := calendar.DayOf(tx.Now)
		n := Promise{RequestID: &r.ID, UnitID: at.ID, Role: role, PersonID: p.people[0], Assignment: word, DueOn: day, State: PromiseOpen, MadeAt: tx.Now, Text: "核实此事"}
		err := insertPromise(ctx, tx, p.s.keys, &n)
		if err == nil {
			err = p.s.tellDue(ctx, tx, n)
		}
		if n.Moved = helpNeeded; err == nil {
			err = p.s.tellMoved(ctx, tx, org.System, n)
		}
		if err == nil {
			_, err = tx.Change(ctx, `UPDATE promise SET moved = ? WHERE id = ?`, n.Moved, n.ID)
		}
		if err != nil {
			p.t.Fatal(err)
		}
		all = append(all, hung{r.ID, call, n.ID, m.ID})
	}
	return all
}

// wordOf are the roles that give their word in units.
var wordOf = map[org.UnitKind]org.Role{
	org.Area: org.RoleAreaHolder, org.Block: org.RoleGroupLeader, org.Grid: org.RoleGridSecretary, org.Community: org.RoleGeneralSecretary,
	org.Village: org.RoleBranchSecretary, org.Section: org.RoleSectionHead, org.Subdistrict: org.RolePartyOffice,
}

// tries looks that by, from whom r is kept, finds nothing behind a door, and by whom it is not kept finds their promises on
// their list; it says how many doors it has tried.
func (p *planted) tries(by org.Actor, r Request, kept bool, hanging []hung, listed []PromiseID) (tried int) {
	p.t.Helper()
	ctx := p.t.Context()
	for _, at := range hanging {
		if at.request != r.ID {
			continue
		}
		w, err := findPromise(ctx, p.d, at.promise)
		if err != nil {
			p.t.Fatal(err)
		}
		own := w.UnitID == by.Grid.ID && w.Role == by.Role && by.Grid.ID != 0
		if on := slices.Contains(listed, at.promise); kept && on || own && !kept && !on {
			p.t.Errorf("%s %d of %s (for %d) lists a promise about the concern about %d: %v, want %v", by.Role, by.PersonID, by.Unit.Path, by.StandInFor, *r.About, on, !kept)
		}
		if !kept {
			continue
		}
		for name, open := range doors {
			if p.d.Embedded() && p.r.IntN(8) != 0 || !p.d.Embedded() && p.r.IntN(16) != 0 {
				continue
			}
			tried++
			err := open(ctx, p.s, by, at)
			if errors.Is(err, problem.ErrNotFound) {
				continue
			}
			none := open(ctx, p.s, by, hung{1 << 40, 1 << 40, 1 << 40, 1 << 40})
			if err == nil || none == nil || err.Error() != none.Error() {
				p.t.Errorf("%s by %s %d of %s (for %d) at the concern about %d: %v, and where nothing is: %v",
					name, by.Role, by.PersonID, by.Unit.Path, by.StandInFor, *r.About, err, none)
			}
		}
	}
	return tried
}
