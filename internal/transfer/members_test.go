package transfer

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/simplifiedchinese"

	"wanjia/internal/member"
	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
)

const rosterHead = "姓名,电话,所属党组织,状态,转正日期,任职科室"

func roster(lines ...string) map[Kind][]byte {
	return map[Kind][]byte{Members: csv(append([]string{rosterHead}, lines...)...)}
}

// entries are the entries of the roster as by sees them: "张三 19900001234 杏坞村党支部 full_member 2019-07-01".
func (w *world) entries(by org.Actor) (all []string) {
	w.t.Helper()
	known, err := member.KnownTo(w.t.Context(), w.d, w.keys, by)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, k := range known {
		if k.ID != 0 {
			all = append(all, fmt.Sprintln(k.Name.Reveal(), k.Phone.Reveal(), k.Status, k.Since))
		}
	}
	return all
}

func TestARosterIsShownCheckedAndBroughtIn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		before := w.counts()
		i := w.upload(w.FengShuangjiang, roster(
			"张三丰,19900001234,"+w.Xingwu.Party.Name+",正式党员,2019-07-01,",
			"李四光,1.9900005678E+10,"+w.Xingwu.Party.Name+",预备党员,,",
		))
		want := Changes{People: 2, Members: 2}
		if i.State != Checked || i.Failed != 0 || i.Summary.Changes != want {
			t.Fatalf("the dry run is %s with %d errors and %+v, want checked, 0 and %+v", i.State, i.Failed, i.Summary.Changes, want)
		}
		if diff := cmp.Diff(before, w.counts()); diff != "" {
			t.Errorf("the dry run has written (-want +got):\n%s", diff)
		}
		i = w.apply(w.FengShuangjiang, i)
		if i.State != Applied || i.Summary.Changes != want {
			t.Errorf("it is %s with %+v, want applied with %+v", i.State, i.Summary.Changes, want)
		}
		entries := []string{"张三丰 19900001234 full_member 2019-07-01\n", "李四光 19900005678 probationary_member \n"}
		if diff := cmp.Diff(entries, w.entries(w.FengShuangjiang)); diff != "" {
			t.Errorf("the roster (-want +got):\n%s", diff)
		}
		if _, err := w.Apply(t.Context(), w.FengShuangjiang, i.ID); code(err) != ErrState.Code {
			t.Errorf("a second time: %v, want %v", err, ErrState)
		}
	})
}

func TestTheSameRosterAgainChangesNothingWhateverItsFile(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		files := roster("张三丰,199 0000 1234,"+w.Xingwu.Party.Name+",正式党员,2019/7/1,", "䶮喆,19900005678,"+w.Xingwu.Party.Name+",预备党员,,")
		w.apply(w.FengShuangjiang, w.upload(w.FengShuangjiang, files))
		before := w.counts()
		gb, err := simplifiedchinese.GB18030.NewEncoder().Bytes(files[Members])
		if err != nil {
			t.Fatal(err)
		}
		for name, file := range map[string][]byte{"the same": files[Members], "gb18030": gb, "with mark": append([]byte("\xEF\xBB\xBF"), files[Members]...)} {
			i := w.upload(w.FengShuangjiang, map[Kind][]byte{Members: file})
			if n := i.Summary.Changes.Total(); n != 0 || i.State != Checked {
				t.Errorf("%s: %s with %d changes, want checked with none", name, i.State, n)
			}
			w.apply(w.FengShuangjiang, i)
		}
		if diff := cmp.Diff(before, w.counts()); diff != "" {
			t.Errorf("it has written (-want +got):\n%s", diff)
		}
	})
}

func TestAProbationaryMemberBecomesAFullOneAndBack(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		line := "张三丰,19900001234," + w.Xingwu.Party.Name
		w.apply(w.FengShuangjiang, w.upload(w.FengShuangjiang, roster(line+",预备党员,,")))
		i := w.upload(w.FengShuangjiang, roster(line+",正式党员,2026-03-01,"))
		if want := (Changes{Corrections: 1}); i.Summary.Changes != want {
			t.Errorf("changes %+v, want %+v", i.Summary.Changes, want)
		}
		w.apply(w.FengShuangjiang, i)
		if diff := cmp.Diff([]string{"张三丰 19900001234 full_member 2026-03-01\n"}, w.entries(w.FengShuangjiang)); diff != "" {
			t.Errorf("corrected (-want +got):\n%s", diff)
		}
		if _, err := w.Undo(t.Context(), w.FengShuangjiang, i.ID); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"张三丰 19900001234 probationary_member \n"}, w.entries(w.FengShuangjiang)); diff != "" {
			t.Errorf("put back (-want +got):\n%s", diff)
		}
	})
}

func TestEveryRowSaysAllThatIsWrongWithIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		home := w.Xingwu.Party.Name
		w.apply(w.LuoQingming, w.upload(w.LuoQingming, roster(
			"王旧人,19900000001,"+home+",正式党员,,", "赵邻村,19900000002,"+w.Zhangjiatun.Party.Name+",正式党员,,",
		)))
		i := w.upload(w.LuoQingming, roster(
			",,没有的支部,群众,,",                                    // 2
			"甲,123,"+home+",预备党员,2020-01-01,",                 // 3
			"乙,19900000003,"+home+",正式党员,2027-01-01,没有的科",     // 4
			"丙,19900000004,"+home+",正式党员,去年,",                 // 5
			"丁,19900000005,"+home+",正式党员,,",                   // 6
			"丁,19900000005,"+home+",预备党员,,",                   // 7
			"王旧人,19900000009,"+home+",正式党员,,",                 // 8: a namesake with another phone
			"赵邻村,19900000002,"+home+",正式党员,,",                 // 9: of another village
			"戊110101199001011234,19900000006,"+home+",正式党员,,", // 10
			"己,19900000007,"+home+"/"+w.Xingwu.Areas[0].Household.Name+",正式党员,,",
			"庚,19900000008,"+w.Committee.Name+",正式党员,,",
		))
		want := []string{
			"2 姓名 transfer.missing", "2 电话 transfer.missing", "2 所属党组织 transfer.unit_unknown", "2 状态 transfer.value_unknown",
			"3 电话 common.phone_invalid", "3 转正日期 member.since_invalid",
			"4 转正日期 member.since_invalid", "4 任职科室 transfer.unit_unknown",
			"5 转正日期 transfer.day_invalid", "7 transfer.row_twice",
			"8 姓名 transfer.name_known", "9 所属党组织 transfer.member_elsewhere", "10 姓名 common.personal_data_in_text",
			"11 所属党组织 member.home_invalid", "12 所属党组织 member.home_invalid",
		}
		if diff := cmp.Diff(want, w.faults(w.LuoQingming, i)); diff != "" {
			t.Errorf("errors (-want +got):\n%s", diff)
		}
		if i.State != Uploaded || i.Failed != 10 {
			t.Errorf("it is %s with %d wrong rows, want uploaded with 10", i.State, i.Failed)
		}
		if _, err := w.Apply(t.Context(), w.LuoQingming, i.ID); code(err) != ErrErrorsRemain.Code {
			t.Errorf("applied: %v, want %v", err, ErrErrorsRemain)
		}
	})
}

// X36: what lies outside is as if it were not there, and neither is what somebody else uploaded.
func TestX2_RowsOutsideTheOwnUnitAreErrors(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		line := "张三丰,19900001234," + w.Zhangjiatun.Party.Name + ",正式党员,,"
		i := w.upload(w.FengShuangjiang, roster(line, "李四光,19900001235,"+w.Xingwu.Party.Name+",正式党员,,"))
		if diff := cmp.Diff([]string{"2 所属党组织 transfer.unit_unknown"}, w.faults(w.FengShuangjiang, i)); diff != "" {
			t.Errorf("errors (-want +got):\n%s", diff)
		}
		for name, by := range map[string]org.Actor{
			"the next village": w.ZhengXiaoxue, "another subdistrict": w.ElsewhereOffice, "a system administrator": w.SystemAdmin, "nobody": {},
		} {
			for what, err := range map[string]error{
				"finds":   second(w.Find(t.Context(), by, i.ID)),
				"applies": second(w.Apply(t.Context(), by, i.ID)),
				"undoes":  second(w.Undo(t.Context(), by, i.ID)),
			} {
				if code(err) != "common.not_found" {
					t.Errorf("%s %s it: %v, want not found", name, what, err)
				}
			}
			if _, _, err := w.Rows(t.Context(), by, i.ID, false, "", 50); code(err) != "common.not_found" {
				t.Errorf("%s reads its rows: %v, want not found", name, err)
			}
		}
		if _, err := w.Find(t.Context(), w.LuoQingming, i.ID); err != nil {
			t.Errorf("the office does not find it: %v", err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

// X2: above 200 rows the uploader alone is not enough.
func TestX2_ALongRosterTakesASecondPerson(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		var lines []string
		for n := range alone + 1 {
			lines = append(lines, fmt.Sprintf("党员%d,1990000%04d,%s,正式党员,2019-07-01,", n, n, w.Xingwu.Party.Name))
		}
		short := w.upload(w.LuoQingming, roster(lines[:alone]...))
		if short.NeedsSecond() {
			t.Errorf("%d rows need a second person", alone)
		}
		long := w.upload(w.LuoQingming, roster(lines...))
		if _, err := w.Apply(t.Context(), w.LuoQingming, long.ID); code(err) != "auth.second_person" {
			t.Errorf("the uploader applies %d rows: %v, want auth.second_person", alone+1, err)
		}
		if i := w.apply(w.OfficeTwo, long); i.Summary.Changes.Members != alone+1 || *i.AppliedBy != w.OfficeTwo.PersonID {
			t.Errorf("applied %+v by %d", i.Summary.Changes, *i.AppliedBy)
		}
		// What was right when it was uploaded is held against what is there now: all of it is by now.
		if i := w.apply(w.LuoQingming, short); i.Summary.Changes.Total() != 0 {
			t.Errorf("applied again: %+v, want no change", i.Summary.Changes)
		}
	})
}

func TestAWorkInASectionGoesWithTheRoster(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		line := "张三丰,19900001234," + w.Xingwu.Party.Name + ",正式党员,,"
		first := w.apply(w.LuoQingming, w.upload(w.LuoQingming, roster(line+w.Section.Name)))
		if want := (Changes{People: 1, Members: 1, Posts: 1}); first.Summary.Changes != want {
			t.Errorf("changes %+v, want %+v", first.Summary.Changes, want)
		}
		if i := w.upload(w.LuoQingming, roster(line+w.Section.Name)); i.Summary.Changes.Total() != 0 {
			t.Errorf("the same again: %+v, want no change", i.Summary.Changes)
		}
		if i := w.upload(w.LuoQingming, roster(line)); i.Summary.Changes.Total() != 0 {
			t.Errorf("a file that says nothing of it: %+v, want no change", i.Summary.Changes)
		}

		w.now = w.now.Add(48 * time.Hour)
		other := orgtest.Unit(t, w.d, org.Section, "经济发展科", w.Subdistrict)
		moved := w.apply(w.LuoQingming, w.upload(w.LuoQingming, roster(line+other.Name)))
		if want := (Changes{Posts: 1}); moved.Summary.Changes != want {
			t.Errorf("into another section: %+v, want %+v", moved.Summary.Changes, want)
		}
		w.now = w.now.Add(20 * time.Hour) // the next day
		if _, err := w.Undo(t.Context(), w.LuoQingming, moved.ID); err != nil {
			t.Fatal(err)
		}
		posts, err := member.PostsBelow(t.Context(), w.d, w.LuoQingming)
		if err != nil || len(posts) != 1 || w.count("office_post") != 1 {
			t.Errorf("%d posts of %d rows, %v; want the first one as if nothing had been", len(posts), w.count("office_post"), err)
		}
		for _, section := range posts {
			if section != w.Section.ID {
				t.Errorf("the cadre is in section %d, want %d again", section, w.Section.ID)
			}
		}
	})
}

// Two files of one day send a cadre on and on: taking the first back does not undo the second, and taking the second
// back leaves the first.
func TestAPostOfAnEarlierOrLaterFileOfTheDayStays(t *testing.T) {
	t.Parallel()
	for what, back := range map[string]int{"the first is taken back": 0, "the second is taken back": 1} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, w *world) {
				line := "张三丰,19900001234," + w.Xingwu.Party.Name + ",正式党员,,"
				w.apply(w.LuoQingming, w.upload(w.LuoQingming, roster(line+w.Section.Name)))
				w.now = w.now.AddDate(0, 0, 2)
				sections := []org.Unit{
					orgtest.Unit(t, w.d, org.Section, "经济发展科", w.Subdistrict), orgtest.Unit(t, w.d, org.Section, "社会事务科", w.Subdistrict),
				}
				var imports []Import
				for _, to := range sections {
					imports = append(imports, w.apply(w.LuoQingming, w.upload(w.LuoQingming, roster(line+to.Name))))
				}
				if _, err := w.Undo(t.Context(), w.LuoQingming, imports[back].ID); err != nil {
					t.Fatal(err)
				}
				posts, err := member.PostsBelow(t.Context(), w.d, w.LuoQingming)
				if err != nil || len(posts) != 1 {
					t.Fatalf("posts %v, %v; want one", posts, err)
				}
				for _, got := range posts {
					if want := sections[1-back].ID; got != want {
						t.Errorf("the cadre is in section %d, want %d", got, want)
					}
				}
			})
		})
	}
}

// The member of a general branch has no role until a branch is theirs; those of a branch and a group have.
func TestMembersGetTheirRoleWhereItCanStand(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.apply(w.LuoQingming, w.upload(w.LuoQingming, roster(
			"甲,19900000001,"+w.Ruihe.Party.Name+",正式党员,,", "乙,19900000002,"+w.Ruihe.Branch.Name+",正式党员,,",
			"丙,19900000003,"+w.Ruihe.Group.Name+",正式党员,,",
		)))
		var n int
		err := w.d.Get(t.Context(), &n, `SELECT COUNT(*) FROM role_assignment a JOIN member m ON m.person_id = a.person_id AND m.unit_id = a.unit_id WHERE a.role = 'member' AND a.is_primary = ?`, true)
		if err != nil || n != 2 {
			t.Errorf("%d of 3 have their role, %v; want 2", n, err)
		}
	})
}
