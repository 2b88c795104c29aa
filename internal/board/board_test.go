package board

import (
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"wanjia/configs"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/problem"
)

var run = regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-\d+z`)

// scanned is what a camera reads of a drawn code.
func scanned(t *testing.T, svg string) string {
	t.Helper()
	const scale, side = 8, 60
	picture := image.NewGray(image.Rect(0, 0, side*scale, side*scale))
	for i := range picture.Pix {
		picture.Pix[i] = 255
	}
	for _, m := range run.FindAllStringSubmatch(svg, -1) {
		x, _ := strconv.Atoi(m[1])
		y, _ := strconv.Atoi(m[2])
		n, _ := strconv.Atoi(m[3])
		for dx := range n * scale {
			for dy := range scale {
				picture.SetGray(x*scale+dx, y*scale+dy, color.Gray{})
			}
		}
	}
	bits, err := gozxing.NewBinaryBitmapFromImage(picture)
	if err != nil {
		t.Fatal(err)
	}
	read, err := qrcode.NewQRCodeReader().Decode(bits, nil)
	if err != nil {
		t.Fatalf("the code cannot be read: %v", err)
	}
	return read.GetText()
}

// A node of an earlier release knows texts and last days alone: it shows no item that waits to be read, and loses none.
func TestAnItemThatNobodyHasReadIsOverForWhoKnowsOfNoReading(t *testing.T) {
	t.Parallel()
	p := Profile{Items: []Item{
		{Text: "代办证明"},
		{Text: "代买药", Unread: true},
		{Text: "暑期托管", ValidTo: "2026-08-31", Unread: true},
		{Text: "看房", Unread: true, Returned: "请写明地点"},
		{Text: "修车", ValidTo: "2026-12-31"},
	}}
	text, err := p.itemText()
	if err != nil {
		t.Fatal(err)
	}
	var earlier []struct {
		Text    string
		ValidTo calendar.Day
	}
	if err := json.Unmarshal([]byte(text), &earlier); err != nil {
		t.Fatal(err)
	}
	var shown []string
	for _, it := range earlier {
		if it.ValidTo == "" || "2026-08-01" <= it.ValidTo {
			shown = append(shown, it.Text)
		}
	}
	if !slices.Equal(shown, []string{"代办证明", "修车"}) || len(earlier) != len(p.Items) {
		t.Errorf("an earlier release shows %q of %d, want what was read, of %d", shown, len(earlier), len(p.Items))
	}
	for what, kept := range map[string]string{
		"as it is kept": text,
		"as it was":     `[{"text":"代办证明"},{"text":"代买药","unread":true},{"text":"暑期托管","validTo":"2026-08-31","unread":true},{"text":"看房","unread":true,"returned":"请写明地点"},{"text":"修车","validTo":"2026-12-31"}]`,
	} {
		got := Profile{ItemText: kept}
		if err := got.readItems(); err != nil || !slices.Equal(got.Items, p.Items) {
			t.Errorf("%s: read as %+v (%v), want %+v", what, got.Items, err, p.Items)
		}
	}
}

func TestX30TheCodeOfABoardReadsBack(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"https://wanjia.example/b/3/1", "https://haitang.wanjia.example/b/1234567/987"} {
		svg, err := drawQR(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := scanned(t, string(svg)); got != text {
			t.Errorf("a camera reads %q, want %q", got, text)
		}
	}
}

func TestF3NamesOnPaperHave24PointsAtLeast(t *testing.T) {
	t.Parallel()
	for size, paper := range map[string]string{"a3": "A3", "a4": "A4"} {
		b, err := files.ReadFile("pages/" + size + ".css")
		if err != nil {
			t.Fatal(err)
		}
		text := string(b)
		if !strings.Contains(text, "@page { size: "+paper+" portrait") {
			t.Errorf("%s.css is for another paper", size)
		}
		found := regexp.MustCompile(`\.name \{ font-size: (\d+)pt`).FindAllStringSubmatch(text, -1)
		for _, f := range found {
			if n, _ := strconv.Atoi(f[1]); n < 24 {
				t.Errorf("%s.css has names of %d pt, want 24 at least", size, n)
			}
		}
		if len(found) != 2 {
			t.Errorf("%s.css says %d times how large names are, want holders and lead", size, len(found))
		}
	}
}

func TestE2APlaqueSaysANameAndTheOath(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]error{
		"": nil, "姚芒种\n我是共产党员，有困难请找我。": nil, "姚芒种 我是共产党员，有困难请找我。": nil,
		"姚芒种 19900001234": ErrPlaqueText, "姚芒种": ErrPlaqueText, "姚芒种\n我是共产党员，有困难请找我。电话 12": ErrPlaqueText,
		"冯霜降\n我是共产党员，有困难请找我。": ErrPlaqueText,
	} {
		if got := sameText(said, "姚芒种"); !errors.Is(got, want) {
			t.Errorf("%q on the plaque of 姚芒种: %v, want %v", said, got, want)
		}
	}
}

// moves says of every two states whether one may follow the other, and compares that with the table of domain.md §5.2.
func moves(t *testing.T, states []State, table map[State][]State, try func(from, to State) error) {
	t.Helper()
	for _, from := range states {
		for _, to := range states {
			want := slices.Contains(table[from], to)
			if got := try(from, to); (got == nil) != want || got != nil && !errors.Is(got, ErrIllegalTransition) {
				t.Errorf("from %s to %s: %v, want it to be possible: %v", from, to, got, want)
			}
		}
	}
}

func TestE1APlaqueGoesFromStateToStateAsTheTableSays(t *testing.T) {
	t.Parallel()
	moves(t, []State{PlaqueProposed, PlaqueConsented, PlaqueIssued, PlaqueHung, PlaqueSuspended, PlaqueReturned}, map[State][]State{
		PlaqueProposed: {PlaqueConsented}, PlaqueConsented: {PlaqueIssued}, PlaqueIssued: {PlaqueHung, PlaqueReturned},
		PlaqueHung: {PlaqueSuspended, PlaqueReturned}, PlaqueSuspended: {PlaqueHung, PlaqueReturned},
	}, func(from, to State) error { return Plaque{State: from}.canBecome(to) })
	ordered := Plaque{State: PlaqueSuspended, OrderedAt: new(time.Time)}
	if err := ordered.canBecome(PlaqueHung); !errors.Is(err, ErrIllegalTransition) {
		t.Errorf("what its member wants back hangs again: %v", err)
	}
}

func TestH2APublicationGoesFromStateToStateAsTheTableSays(t *testing.T) {
	t.Parallel()
	all := slices.Collect(maps.Keys(afterwards))
	moves(t, append(all, PublicationRemoved), map[State][]State{
		PublicationDraft: {PublicationSubmitted}, PublicationReturned: {PublicationSubmitted},
		PublicationSubmitted: {PublicationPublished, PublicationReturned}, PublicationPublished: {PublicationHidden},
		PublicationHidden: {PublicationPublished, PublicationRemoved},
	}, func(from, to State) error { return Publication{State: from}.canBecome(to) })
	own := Publication{State: PublicationSubmitted, AuthorID: 7}
	if err := own.canDecide(org.Actor{PersonID: 7}, PublicationPublished); !errors.Is(err, ErrOwnWork) {
		t.Errorf("an author publishes: %v, want %v", err, ErrOwnWork)
	}
	if err := own.canDecide(org.Actor{PersonID: 8}, PublicationPublished); err != nil {
		t.Errorf("another editor publishes: %v", err)
	}
}

func TestH4ANoticeHasAFirstAndALastDay(t *testing.T) {
	t.Parallel()
	day := func(d calendar.Day) *calendar.Day { return &d }
	for i, c := range []struct {
		p    Publication
		want error
	}{
		{Publication{Kind: Notice, StartOn: "2026-05-11", EndOn: day("2026-05-11")}, nil},
		{Publication{Kind: Story, StartOn: "2026-05-11"}, nil},
		{Publication{Kind: Notice, StartOn: "2026-05-11"}, ErrDays},
		{Publication{Kind: Notice, StartOn: "2026-05-11", EndOn: day("2026-05-10")}, ErrDays},
		{Publication{Kind: Notice, StartOn: "2026-05-11", EndOn: day("2026-05-32")}, ErrDays},
		{Publication{Kind: Notice, StartOn: "2026-13-01", EndOn: day("2026-13-02")}, ErrDays},
		{Publication{Kind: Story, StartOn: "2026-05-11", EndOn: day("2026-05-12")}, ErrDays},
	} {
		if got := c.p.check(); !errors.Is(got, c.want) {
			t.Errorf("%d: %v, want %v", i, got, c.want)
		}
	}
}

func TestH3ATakedownIsDueAtTheEndOfTheThirdWorkingDay(t *testing.T) {
	t.Parallel()
	cal, err := calendar.Parse(configs.Holidays)
	if err != nil {
		t.Fatal(err)
	}
	for from, want := range map[calendar.Day]calendar.Day{
		"2026-05-11": "2026-05-15", // Monday: Tuesday, Wednesday and Thursday
		"2026-05-14": "2026-05-20", // Thursday: Friday, and two days after the weekend
		"2026-05-16": "2026-05-21", // Saturday
	} {
		at := from.Time().Add(9 * time.Hour)
		if got := dueBy(cal, at); !got.Equal(want.Time()) {
			t.Errorf("received on %s it is due at %v, want the beginning of %s", from, got, want)
		}
		due := Takedown{State: HiddenPending, DueAt: want.Time()}
		if due.Overdue(want.Time().Add(-time.Millisecond)) || !due.Overdue(want.Time()) {
			t.Errorf("the limit of %s is not over at exactly its end", want)
		}
	}
}

func TestE4AServiceItemIsOfferedThroughItsLastDayAndHoldsNoNumber(t *testing.T) { // C21
	t.Parallel()
	p := Profile{Items: []Item{{Text: "修水管", ValidTo: "2026-05-10"}, {Text: "代买药"}}}
	for day, want := range map[calendar.Day]string{"2026-05-10": "[修水管 代买药]", "2026-05-11": "[代买药]"} {
		if got := fmt.Sprint(p.offered(day)); got != want {
			t.Errorf("on %s is offered %s, want %s", day, got, want)
		}
	}
	for _, c := range []struct {
		item Item
		want error
	}{
		{Item{Text: "代办证明"}, nil},
		{Item{Text: "电话 199 0000 1234"}, ErrItem},
		{Item{Text: "证号 110101190001010000"}, problem.ErrPersonalDataInText},
		{Item{Text: "代办证明", ValidTo: "tomorrow"}, ErrItem},
	} {
		if got := (Profile{Items: []Item{c.item}}).check(); !errors.Is(got, c.want) {
			t.Errorf("%+v: %v, want %v", c.item, got, c.want)
		}
	}
}

func TestWhoStandsInForSomeDaysMakesNoNewVersion(t *testing.T) {
	t.Parallel()
	there := Content{Area: "二片区", Households: 72, Holders: []Shown{{Person: 1, Name: "姚芒种"}}}
	away := there
	away.Households, away.Holders = 73, append(slices.Clone(there.Holders), Shown{Person: 2, StandsIn: true})
	if a, b := fmt.Sprint(there.printed()), fmt.Sprint(away.printed()); a != b {
		t.Errorf("with a stand-in it prints %s, want %s", b, a)
	}
	unnamed := there
	unnamed.Holders = []Shown{{Person: 1}}
	if a, b := fmt.Sprint(there.printed()), fmt.Sprint(unnamed.printed()); a == b {
		t.Error("without the name it prints the same")
	}
}
