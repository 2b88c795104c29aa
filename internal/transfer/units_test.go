package transfer

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"wanjia/internal/household"
	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/calendar"
)

const (
	unitHead     = "党组织,网格单元,上级党组织,级别,层级名称,负责人,负责人电话"
	entranceHead = "社区（村）,楼栋,单元,户数,门牌,责任区"
)

func unitFile(lines ...string) []byte     { return csv(append([]string{unitHead}, lines...)...) }
func entranceFile(lines ...string) []byte { return csv(append([]string{entranceHead}, lines...)...) }

// quarter is a branch with a group and two areas in 瑞和社区, children before parents on purpose, and three entrances.
func (w *world) quarter() map[Kind][]byte {
	return map[Kind][]byte{
		Units: unitFile(
			"51责任区党员中心户,51责任区,第9党小组,1,,周新,19900000001",
			"第9党小组,第9楼栋片,第9党支部,2,网格党小组,,",
			"52责任区党员中心户,52责任区,第9党小组,1,,吴新,",
			"第9党支部,第9网格,"+w.Ruihe.Party.Name+",3,,,",
		),
		Entrances: entranceFile("瑞和社区,90,1,12,,51责任区", ",90,2,,101、102,52责任区", "瑞和社区,91,1,,,52责任区"),
	}
}

// people puts two members into the roster of 瑞和社区.
func (w *world) people() {
	w.t.Helper()
	w.apply(w.XuBailu, w.upload(w.XuBailu, roster(
		"周新,19900000001,"+w.Ruihe.Party.Name+",正式党员,,", "吴新,19900000002,"+w.Ruihe.Party.Name+",正式党员,,",
	)))
}

func TestARowMakesAPartyUnitItsGridUnitAndTheirLink(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.people()
		before := w.counts()
		i := w.upload(w.XuBailu, w.quarter())
		want := Changes{
			PartyUnits: 4, GridUnits: 4, Links: 4, Labels: 1, Holders: 2, Buildings: 2, Entrances: 3, Deals: 3, Homes: 14,
		}
		if diff := cmp.Diff(want, i.Summary.Changes); diff != "" || i.State != Checked {
			t.Fatalf("%s, %v (-want +got):\n%s", i.State, w.faults(w.XuBailu, i), diff)
		}
		if diff := cmp.Diff(before, w.counts()); diff != "" {
			t.Errorf("the dry run has written (-want +got):\n%s", diff)
		}
		w.apply(w.XuBailu, i)
		if diff := cmp.Diff([]string{"granted area_holder", "granted area_holder"}, w.told); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}

		e, err := household.FindEntrance(t.Context(), w.d, w.Ruihe.Unit.ID, "90", "2")
		if err != nil {
			t.Fatal(err)
		}
		area, err := household.AreaOf(t.Context(), w.d, e.ID, "2026-04-01")
		if err != nil {
			t.Fatal(err)
		}
		u, err := org.UnitByID(t.Context(), w.d, area)
		if err != nil || u.Name != "52责任区" || u.Level != 1 || !w.Ruihe.Unit.Covers(u) {
			t.Errorf("the entrance lies in %+v, %v; want 52责任区 below 瑞和社区", u, err)
		}
		lead, err := org.LeadOf(t.Context(), w.d, u, "2026-04-01")
		if err != nil || len(lead) != 1 || lead[0].Role != org.RoleAreaHolder {
			t.Errorf("it is led by %+v, %v; want one holder", lead, err)
		}
		labels, err := org.Labels(t.Context(), w.d, w.Ruihe.Unit, "2026-04-01")
		if err != nil || labels[2] != "网格党小组" {
			t.Errorf("level 2 is called %s, %v", labels[2], err)
		}
		if again := w.upload(w.XuBailu, w.quarter()); again.Summary.Changes.Total() != 0 || again.State != Checked {
			t.Errorf("the same again: %s, %+v; want no change", again.State, again.Summary.Changes)
		}
	})
}

func TestWhatIsWrongWithUnitsIsSaidRowByRow(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.people()
		w.apply(w.XuBailu, w.upload(w.XuBailu, roster(
			"周新,19900000001,"+w.Ruihe.Party.Name+",正式党员,,", "周新,19900000003,"+w.Ruihe.Party.Name+",正式党员,,",
		)))
		top := w.Ruihe.Party.Name
		i := w.upload(w.XuBailu, map[Kind][]byte{Units: unitFile(
			"甲支部,甲网格,"+top+",3,党支部,,",
			"甲支部,甲网格,"+top+",3,,,",                                                      // 3: twice
			"乙支部,乙网格,"+w.Zhenxi.Party.Name+",3,,,",                                      // 4: outside
			"丙小组,丙楼栋片,"+top+",2,,,",                                                     // 5: a group below a general branch
			"丁支部,丁网格,"+top+",九,,,",                                                      // 6
			"戊支部,戊网格,"+top+",3,网格党支部,,",                                                 // 7: another word for level 3
			"己中心户,己责任区,甲支部,1,,没有此人,",                                                    // 8
			"庚中心户,庚责任区,甲支部,1,,周新,",                                                      // 9: two of that name
			"辛中心户,辛责任区,甲支部,1,,,19900000001",                                             // 10: whose phone?
			"壬中心户,壬责任区,没有的支部,1,,,",                                                      // 11
			w.Ruihe.Branch.Name+",别的网格,"+top+",3,,,",                                    // 12: is there, with another grid unit
			"癸支部,"+w.Ruihe.Grid.Name+","+top+",3,,,",                                    // 13: its grid unit is another's
			"子中心户,子责任区,甲支部,1,,周新,123",                                                   // 14
			w.Ruihe.Group.Name+","+w.Ruihe.Block.Name+","+w.Ruihe.Branch.Name+",2,,吴新,", // 15: somebody leads it
			"丑支部,丑网格,"+top+",3,一二三四五六七八九十一二三,,",                                         // 16
			"寅中心户,寅责任区,丁支部,1,,,",                                                        // 17: nothing of its own
		)})
		want := []string{
			"3 党组织 transfer.row_twice", "4 上级党组织 transfer.unit_unknown", "5 上级党组织 org.parent_invalid",
			"6 级别 transfer.value_unknown", "7 层级名称 transfer.label_differs", "8 负责人 transfer.holder_unknown",
			"9 负责人 transfer.holder_ambiguous", "10 负责人 transfer.missing", "11 上级党组织 transfer.unit_unknown",
			"12 网格单元 transfer.unit_differs", "13 网格单元 transfer.unit_differs", "14 负责人电话 common.phone_invalid",
			"15 负责人 org.post_taken", "16 层级名称 transfer.too_long",
		}
		if diff := cmp.Diff(want, w.faults(w.XuBailu, i)); diff != "" {
			t.Errorf("errors (-want +got):\n%s", diff)
		}
	})
}

// A unit whose row is wrong has nothing above it, and a name that a later row takes is no longer one unit's alone: both
// were met when the words for levels and the areas of entrances are looked up, long after the rows were read.
func TestWhatLiesBelowAWrongRowIsReadAllTheSame(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		top := w.Ruihe.Party.Name
		i := w.upload(w.XuBailu, map[Kind][]byte{
			Units: unitFile(
				"甲支部,甲网格,没有的总支,3,党支部,,",
				"乙小组,乙楼栋片,甲支部,2,网格党小组,,",
				"丙中心户,丙责任区,乙小组,1,,,",
			),
			Entrances: entranceFile("瑞和社区,99,1,3,,丙责任区"),
		})
		if diff := cmp.Diff([]string{"2 上级党组织 transfer.unit_unknown"}, w.faults(w.XuBailu, i)); diff != "" {
			t.Errorf("errors below a wrong row (-want +got):\n%s", diff)
		}
		i = w.upload(w.XuBailu, map[Kind][]byte{Units: unitFile(
			"甲支部,甲网格,"+top+",3,党支部,,",
			top+",乙网格,"+top+",3,,,",
		)})
		if i.State != Checked || i.Summary.Changes.Labels != 1 {
			t.Errorf("a branch with its parent's name: %s, %v, %+v; want it checked with one label",
				i.State, w.faults(w.XuBailu, i), i.Summary.Changes)
		}
	})
}

// Nobody leads a unit because they said so themselves, and a system administrator names nobody.
func TestNobodyNamesThemselves(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.people()
		zhou, err := personOf(w, "周新")
		if err != nil {
			t.Fatal(err)
		}
		by := orgtest.Grant(t, w.d, zhou, org.RolePartyOffice, "", w.Committee)
		line := "甲支部,甲网格," + w.Ruihe.Party.Name + ",3,,周新,19900000001"
		if i := w.upload(by, map[Kind][]byte{Units: unitFile(line)}); i.Summary.Errors["auth.self_grant"] != 1 {
			t.Errorf("errors %v, want one auth.self_grant", i.Summary.Errors)
		}
		if i := w.upload(w.SystemAdmin, map[Kind][]byte{Units: unitFile(line)}); i.Summary.Errors["transfer.holder_refused"] != 1 {
			t.Errorf("errors %v, want one transfer.holder_refused", i.Summary.Errors)
		}
		if i := w.upload(w.SystemAdmin, map[Kind][]byte{Units: unitFile("甲支部,甲网格," + w.Ruihe.Party.Name + ",3,,,")}); i.State != Checked {
			t.Errorf("a system administrator's units: %s %v, want checked", i.State, i.Summary.Errors)
		}
	})
}

func TestAnEntranceLiesInOneArea(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		first, second := w.Ruihe.Areas[0].Area.Name, w.Ruihe.Areas[1].Area.Name
		w.apply(w.XuBailu, w.upload(w.XuBailu, map[Kind][]byte{Entrances: entranceFile("瑞和社区,1,1,12,," + first)}))
		i := w.upload(w.XuBailu, map[Kind][]byte{Entrances: entranceFile(
			"瑞和社区,1,1,12,,"+first,
			"瑞和社区,2,1,12,,"+first,
			"瑞和社区,2,1,12,,"+second, // 4: dealt twice in the file
			"瑞和社区,2,1,12,,"+first,  // 5: said twice
			"瑞和社区,2,2,,,",          // 6: dealt to nobody
			"枕溪社区,2,3,,,01责任区",     // 7: another community
			"瑞和社区,2,4,,,没有的责任区",    // 8
			"瑞和社区,2,5,两,,"+first,   // 9
			"瑞和社区,2,6,3,101 102,"+first,
			"瑞和社区,2,7,,101 101,"+first,
			"瑞和社区,2,,1,,"+first,
		)})
		want := []string{
			"4 责任区 org.entrance_assigned", "5 transfer.row_twice", "6 责任区 org.entrance_unassigned", "7 社区(村) transfer.unit_unknown",
			"8 责任区 transfer.unit_unknown", "9 户数 transfer.value_unknown", "10 户数 transfer.homes_differ",
			"11 门牌 transfer.row_twice", "12 单元 transfer.missing",
		}
		if diff := cmp.Diff(want, w.faults(w.XuBailu, i)); diff != "" {
			t.Errorf("errors (-want +got):\n%s", diff)
		}
		i = w.upload(w.XuBailu, map[Kind][]byte{Entrances: entranceFile("瑞和社区,1,1,12,,"+second, "瑞和社区,1,2,1,,"+second)})
		if diff := cmp.Diff([]string{"2 责任区 org.entrance_assigned"}, w.faults(w.XuBailu, i)); diff != "" {
			t.Errorf("another area than the one it lies in (-want +got):\n%s", diff)
		}
		i = w.upload(w.XuBailu, map[Kind][]byte{Entrances: entranceFile("瑞和社区,1,1,13,," + first)})
		if diff := cmp.Diff([]string{"2 户数 transfer.homes_differ"}, w.faults(w.XuBailu, i)); diff != "" {
			t.Errorf("another count than there are (-want +got):\n%s", diff)
		}
		i = w.upload(w.XuBailu, map[Kind][]byte{Entrances: entranceFile("瑞和社区,1,1,,1;2;101," + first)})
		if want := (Changes{Homes: 1}); i.Summary.Changes != want {
			t.Errorf("one more door: %+v, want %+v", i.Summary.Changes, want)
		}
	})
}

func TestAnImportGoesAsIfItHadNeverBeen(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		before := w.counts()
		w.people()
		people := w.counts()
		roster, err := latest(w)
		if err != nil {
			t.Fatal(err)
		}
		i := w.apply(w.XuBailu, w.upload(w.XuBailu, w.quarter()))
		if _, err := w.Undo(t.Context(), w.XuBailu, roster); code(err) != ErrInUse.Code {
			t.Errorf("the roster goes while its people lead units: %v, want %v", err, ErrInUse)
		}
		w.now = w.now.Add(undoable - 1e6) // the last millisecond
		i, err = w.Undo(t.Context(), w.XuBailu, i.ID)
		if err != nil || i.State != Undone {
			t.Fatalf("undo: %s, %v", i.State, err)
		}
		if diff := cmp.Diff(people, w.counts()); diff != "" {
			t.Errorf("left behind (-want +got):\n%s", diff)
		}
		labels, err := org.Labels(t.Context(), w.d, w.Ruihe.Unit, calendar.DayOf(w.now))
		if err != nil || labels[2] != "楼栋党小组" {
			t.Errorf("level 2 is called %s again, %v; want 楼栋党小组", labels[2], err)
		}
		if _, err := w.Undo(t.Context(), w.XuBailu, i.ID); code(err) != ErrState.Code {
			t.Errorf("undone twice: %v, want %v", err, ErrState)
		}
		if _, err := w.Undo(t.Context(), w.XuBailu, roster); err != nil {
			t.Errorf("the roster stays though nobody needs it: %v", err)
		}
		if diff := cmp.Diff(before, w.counts()); diff != "" {
			t.Errorf("left behind in the end (-want +got):\n%s", diff)
		}
	})
}

// A file names who leads a unit; as whom its leads act when they say nothing is their own matter.
func TestALeadWhoHasARoleAlreadyGoesOnActingInIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.people()
		wu, err := personOf(w, "吴新")
		if err != nil {
			t.Fatal(err)
		}
		before := orgtest.Grant(t, w.d, wu, org.RoleBranchOfficer, org.PostDeputy, w.Ruihe.Branch)
		acting := func() map[org.PersonID]org.Role {
			all := map[org.PersonID]org.Role{}
			for _, name := range []string{"周新", "吴新"} {
				id, err := personOf(w, name)
				if err != nil {
					t.Fatal(err)
				}
				own, err := org.AssignmentsOf(t.Context(), w.d, id, calendar.DayOf(w.now))
				if err != nil {
					t.Fatal(err)
				}
				if len(own) > 0 {
					all[id] = own[0].Role
				}
			}
			return all
		}
		i := w.apply(w.XuBailu, w.upload(w.XuBailu, w.quarter()))
		zhou, err := personOf(w, "周新")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[org.PersonID]org.Role{zhou: org.RoleAreaHolder, wu: before.Role}, acting()); diff != "" {
			t.Errorf("act as (-want +got):\n%s", diff)
		}
		if _, err := w.Undo(t.Context(), w.XuBailu, i.ID); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[org.PersonID]org.Role{wu: before.Role}, acting()); diff != "" {
			t.Errorf("act as after the undo (-want +got):\n%s", diff)
		}
	})
}

// Two files of one day say how a place calls a level: taking the second back leaves the word of the first.
func TestTheWordOfAnEarlierFileOfTheDayComesBack(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		day := calendar.DayOf(w.now)
		say := func(word, branch string) Import {
			return w.apply(w.XuBailu, w.upload(w.XuBailu, map[Kind][]byte{
				Units: unitFile(branch + "支部," + branch + "网格," + w.Ruihe.Party.Name + ",3," + word + ",,"),
			}))
		}
		say("党支部", "甲")
		w.now = w.now.AddDate(0, 0, 1)
		say("小区支部", "乙")
		last := say("网格支部", "丙")
		if _, err := w.Undo(t.Context(), w.XuBailu, last.ID); err != nil {
			t.Fatal(err)
		}
		labels, err := org.Labels(t.Context(), w.d, w.Ruihe.Unit, day.Add(1))
		if err != nil || labels[3] != "小区支部" {
			t.Errorf("level 3 is called %s, %v; want 小区支部", labels[3], err)
		}
	})
}

func TestAfterADayAnImportStays(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.people()
		i := w.apply(w.XuBailu, w.upload(w.XuBailu, w.quarter()))
		w.now = w.now.Add(undoable)
		if _, err := w.Undo(t.Context(), w.XuBailu, i.ID); code(err) != ErrTooLate.Code {
			t.Errorf("at 24 h: %v, want %v", err, ErrTooLate)
		}
		w.tidy()
		if i, err := w.Find(t.Context(), w.XuBailu, i.ID); err != nil || i.State != Settled {
			t.Errorf("it is %s, %v; want settled", i.State, err)
		}
		if n := w.count("transfer_made"); n != 0 {
			t.Errorf("%d things are still noted, want none", n)
		}
		if _, err := w.Undo(t.Context(), w.XuBailu, i.ID); code(err) != ErrTooLate.Code {
			t.Errorf("settled: %v, want %v", err, ErrTooLate)
		}
	})
}

func TestRowsGoAfterTwoDaysAndWithThemWhatWasNeverApplied(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		i := w.upload(w.XuBailu, roster("周新,19900000001,"+w.Ruihe.Party.Name+",正式党员,,"))
		j := w.upload(w.XuBailu, roster("周新,19900000001,"+w.Ruihe.Party.Name+",正式党员,,"))
		w.now = w.now.Add(rowsKept - 1e6)
		if w.tidy(); w.count("transfer_row") != 2 {
			t.Errorf("%d rows are kept before the time, want 2", w.count("transfer_row"))
		}
		w.apply(w.XuBailu, j)
		w.now = w.now.Add(1e6)
		if _, err := w.Apply(t.Context(), w.XuBailu, i.ID); code(err) != ErrTooLate.Code {
			t.Errorf("applied when its rows go: %v, want %v", err, ErrTooLate)
		}
		if w.tidy(); w.count("transfer_row") != 0 || w.count("transfer_import") != 1 {
			t.Errorf("%d rows and %d imports are left, want none and the applied one", w.count("transfer_row"), w.count("transfer_import"))
		}
		if _, err := w.Find(t.Context(), w.XuBailu, i.ID); code(err) != "common.not_found" {
			t.Errorf("what was never applied: %v, want not found", err)
		}
		if rows, _, err := w.Rows(t.Context(), w.XuBailu, j.ID, false, "", 50); err != nil || len(rows) != 0 {
			t.Errorf("the applied one has %d rows, %v; want none", len(rows), err)
		}
	})
}
