package matrix

import (
	"encoding/csv"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"wanjia/internal/org"
)

// column is the column of the table of domain.md §3.5 that an object of the contract stands in.
var column = map[string]string{
	"unit": "UN", "coverage": "UN", "member": "RO", "role_assignment": "RA", "role_proposal": "RA", "presence": "PR",
	"household": "HH", "area": "HH", "entrance": "HH", "building": "HH", "visit": "VI", "visit_count": "VI", "care_flag": "FL", "request": "RQ",
	"card": "CA", "counter_step": "RQ", "report": "RP", "category": "CF", "rule": "CF", "emergency": "CF", "task": "TK", "campaign": "TK", "import": "TR", "audit": "AU", "policy": "CF", "legal_basis": "CF",
	"board": "BD", "plaque": "BD", "own_plaque": "BD", "public_profile": "RO", "publication": "MD", "media": "MD", "press_pack": "MD", "takedown": "MD", "feedback": "MD", "unread_items": "MD",
	"wechat_template": "CF",
}

// besides are objects of the contract that the table does not speak of, and why.
var besides = map[string]string{
	"server":           "says which version runs, to everybody",
	"session":          "everybody's own",
	"person":           "everybody's own",
	"inbox":            "everybody's own",
	"retention":        "what the law lets nobody keep: no one's to read, and counts of it the administrators'",
	"own_data":         "everybody's own",
	"own_data_office":  "paper of whoever shows the receipt, and never a pack",
	"own_data_print":   "whoever shows the receipt at the counter (TR: print)",
	"break_glass":      "opened by whom the column FL names b; a test of its own follows every one of them",
	"glass_review":     "given to one officer",
	"consent":          "everybody's own",
	"assisted_consent": "said by its person, and only written down (security.md §15)",
	"push_ticket":      "everybody's own",
	"wechat_send":      "what became of messages, in codes and times; not to whom they went",
	"account":          "signing in is no object of the work: security.md §3 says who recognises whom",
	"invitation":       "the same",
	"credential":       "the same",
	"relay":            "everybody's word to whoever looks after them (F4)",
	"contact":          "of an entrance, public to whoever is signed in (C6)",
	"place":            "where codes are shown: security.md §7 says who may make and show them",
	"area_split":       "drafted by who shapes the areas, answered by who gets the doors (X1)",
	"handover":         "of who takes an area over; the leads above hear of it (X3)",
	"absence":          "said by whoever has a role, of themselves; their leads hear of it (X2)",
	"risk_event":       "of the office, in counts; its list shows whoever looks after homes their own",
	"call":             "asked of the area where a need was opened (N9): whoever leads its unit makes it",
	"asker_contact":    "of whoever holds the need (V4), and of nobody else",
	"upload":           "everybody's own, until it hangs on something that decides who sees it",
	"own_media":        "everybody's own",
	"notice":           "announced by whom §3.4 lets lead a unit, and by the office; whoever was told reads it",
	"muster":           "of whoever holds the need; those who are asked see their own invitation (F15)",
	"helper_skill":     "everybody's own",
	"promise":          "the word of the role that gave it, which alone keeps or moves it; whoever leads sees that it needs help (X25)",
}

// waiting are the columns that no operation has come to yet. The list only ever gets shorter.
var waiting = []string{"PO", "WK", "CO", "ME", "AC", "CT", "PL", "SC", "PG"}

// A right is a cell of the table: what a role reads and does of an object. – is nothing.
type right struct{ role, object string }

// table reads one of the files in testdata, by role and column.
func table(name string) (map[right][]string, error) {
	f, err := os.Open("../testdata/" + name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, err
	}
	all := map[right][]string{}
	for _, r := range rows[1:] {
		all[right{r[0], r[1]}] = append(all[right{r[0], r[1]}], r[2:]...)
	}
	return all, nil
}

var (
	rights     = sync.OnceValues(func() (map[right][]string, error) { return table("matrix.csv") })
	exceptions = sync.OnceValues(func() (map[right][]string, error) { return table("matrix-exceptions.csv") })
)

// tables are the table, and the exceptions from it: of a role and column, whether reading or acting, and why.
func tables(t *testing.T) (cells, except map[right][]string) {
	t.Helper()
	cells, err := rights()
	if err != nil {
		t.Fatal(err)
	}
	if except, err = exceptions(); err != nil {
		t.Fatal(err)
	}
	return cells, except
}

// excepted says whether the exceptions name what a role does with a column.
func excepted(except map[right][]string, r right, how string) bool {
	return slices.Contains(except[r], how)
}

func TestTheTableSaysSomethingOfEveryRoleAndObject(t *testing.T) {
	t.Parallel()
	cells, except := tables(t)
	c := theContract(t)
	columns := map[string]bool{}
	for r := range cells {
		columns[r.object] = true
		if !slices.Contains(c.roles, org.Role(r.role)) {
			t.Errorf("%s is no role", r.role)
		}
	}
	if len(columns) != 25 {
		t.Errorf("the table has %d columns, want 25", len(columns))
	}
	for _, role := range c.roles {
		for object := range columns {
			if cell := cells[right{string(role), object}]; len(cell) != 2 || cell[0] == "" || cell[1] == "" {
				t.Errorf("%s, %s: %q, want what is read and what is done", role, object, cell)
			}
		}
	}
	for r, e := range except {
		if cells[r] == nil || len(e)%2 != 0 {
			t.Errorf("exception %v: %q, want a cell of the table, and reading or acting with the reason", r, e)
		}
	}
	for _, op := range c.operations {
		switch of := column[op.object]; {
		case of == "" && besides[op.object] == "":
			t.Errorf("%s: %s stands in no column of the table, and nobody says why", op.id, op.object)
		case slices.Contains(waiting, of):
			t.Errorf("%s: column %s has an operation: take it off the list of those that wait", op.id, of)
		}
	}
	for object := range columns {
		if !slices.Contains(waiting, object) && !slices.ContainsFunc(c.operations, func(o *operation) bool { return column[o.object] == object }) {
			t.Errorf("column %s has no operation, and is not said to wait for one", object)
		}
	}
}

// Who has nothing in a cell is named by no operation of that column, and who has something by at least one.
func TestTheContractAgreesWithTheTable(t *testing.T) {
	t.Parallel()
	cells, except := tables(t)
	for r, cell := range cells {
		if slices.Contains(waiting, r.object) {
			continue
		}
		for i, how := range []string{"read", "act"} {
			var named, open []string
			for _, op := range theContract(t).operations {
				if column[op.object] != r.object || op.read != (how == "read") {
					continue
				}
				switch {
				case slices.Contains(op.roles, r.role):
					named = append(named, op.id)
				case slices.Contains(op.roles, "any"), slices.Contains(op.roles, "public"):
					open = append(open, op.id)
				}
			}
			agrees := len(named) == 0
			if cell[i] != "–" {
				agrees = len(named)+len(open) > 0
			}
			if excepted(except, r, how) {
				if agrees {
					t.Errorf("%s, %s: to %s is an exception that is none", r.role, r.object, how)
				}
				continue
			}
			if !agrees {
				t.Errorf("%s, %s: to %s is %q in the table, and the contract has %v", r.role, r.object, how, cell[i], named)
			}
		}
	}
}

// reaches are the positions that the letters of the table let somebody reach.
var reaches = map[byte][]position{
	'x': {nowhere, self, own, below, above, sibling, elsewhere},
	'o': {nowhere, self},
	'h': {nowhere, self},
	'p': {nowhere, self, own},
	'u': {nowhere, self, own},
	'd': {nowhere, self, own, below},
	'c': {nowhere, self, own, below},
	't': {nowhere, self, own, below},
	'a': {nowhere, self, own, below, above, sibling},
}

// withinTheTable says where somebody got further than their letter, and where a letter reaches nothing.
func (w *world) withinTheTable() {
	w.Helper()
	cells, except := tables(w.T)
	for r, all := range w.reached {
		cell := cells[r]
		if cell == nil {
			continue // beside the table
		}
		for at, example := range all {
			how, where, _ := strings.Cut(at, " ")
			letter := cell[0]
			if how == "act" {
				letter = cell[1]
			}
			if len(letter) > 1 && letter[1] != ' ' || excepted(except, r, how) || excepted(except, r, how+" "+where) { // a word, and no letter
				continue
			}
			if !slices.Contains(reaches[letter[0]], position(where)) {
				w.Errorf("%s, %s: to %s is %q in the table, and it reaches things %s: %s", r.role, r.object, how, letter, where, example)
			}
		}
	}
}
