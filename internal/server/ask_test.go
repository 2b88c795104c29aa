package server

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"wanjia/internal/org"
	"wanjia/internal/platform/problem"
)

func TestAnActThatIsAMomentToAskSaysWhatFor(t *testing.T) {
	t.Parallel()
	asking := strings.Replace(document, "operationId: recordVisit\n", "operationId: recordVisit\n      x-ask: task_accepted\n", 1)
	var asked []string
	says, fails := "work=T1", error(nil)
	e := newEdgeOf(t, []byte(asking), func(o *Options) {
		o.Ask = func(_ context.Context, by org.Actor, moment string) (string, error) {
			if by.PersonID != 31 {
				t.Errorf("person %d is asked, want who has acted", by.PersonID)
			}
			asked = append(asked, moment)
			return says, fails
		}
	})
	if a := e.post(t, `{"note":"x1"}`); a.Code != http.StatusNoContent || a.Header().Get(askHeader) != "work=T1" {
		t.Errorf("the act is answered %d with %q", a.Code, a.Header().Get(askHeader))
	}
	if a := e.ask(t, http.MethodGet, "/v1/visits", "", "Authorization", holder); a.Header().Get(askHeader) != "" {
		t.Errorf("a list asks for %q", a.Header().Get(askHeader))
	}
	e.answer = problem.ErrForbidden
	if a := e.post(t, `{"note":"x1"}`); a.Header().Get(askHeader) != "" {
		t.Errorf("a refusal asks for %q", a.Header().Get(askHeader))
	}
	e.answer, says = nil, ""
	if a := e.post(t, `{"note":"x1"}`); a.Header()[askHeader] != nil {
		t.Error("with nothing to ask for there is a header all the same")
	}
	fails = errors.New("no database")
	if a := e.post(t, `{"note":"x1"}`); a.Code != http.StatusNoContent || !strings.Contains(e.log.String(), "no database") {
		t.Errorf("an act is answered %d when nobody knows what to ask for, want it done and the cause logged", a.Code)
	}
	if got := strings.Join(asked, " "); got != "task_accepted task_accepted task_accepted" {
		t.Errorf("asked at %s, want after each act that was done", got)
	}
}
