package notify

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/kv/kvtest"
)

func TestAnEventStreamResumesFromItsLastEvent(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, k *kv.KV, _ *kvtest.Gate) {
		p := people(t, d, 1)[0]
		n := startNode(t, d, k, NewInboxes(d))
		tellMany(t, d, 3, p)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		ask := func(ticket, last string) *http.Response {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, n.server.URL+"/v1/push/events?ticket="+ticket, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Last-Event-ID", last)
			r.Header.Set("Cookie", "session=stolen")
			answer, err := n.server.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			return answer
		}
		if a := ask("", "1.1"); a.StatusCode != http.StatusUnauthorized { //nolint:bodyclose // because the test ends soon
			t.Errorf("a cookie is answered %d, want 401", a.StatusCode)
		}
		ticket, err := n.tickets.Issue(ctx, int64(p)*100)
		if err != nil {
			t.Fatal(err)
		}
		answer := ask(ticket, "1.1")
		defer answer.Body.Close()
		if got := answer.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/event-stream") {
			t.Fatalf("the answer is %s", got)
		}
		lines := bufio.NewScanner(answer.Body)
		event := func() (id, data string) {
			for lines.Scan() {
				switch text := lines.Text(); {
				case strings.HasPrefix(text, "id: "):
					id = text[4:]
				case strings.HasPrefix(text, "data: "):
					return id, text[6:]
				}
			}
			t.Fatalf("the stream ended: %v", lines.Err())
			return "", ""
		}
		if _, hi := event(); !strings.HasPrefix(hi, `{"t":"hi"`) {
			t.Errorf("the first event is %s", hi)
		}
		if id, data := event(); id != "1.3" || !strings.HasPrefix(data, `{"t":"b","n":[{"s":2,`) {
			t.Errorf("the second event is %s %s, want items 2 and 3", id, data)
		}
		tellMany(t, d, 1, p)
		if id, data := event(); id != "1.4" || !strings.HasPrefix(data, `{"t":"n","s":4,`) {
			t.Errorf("the third event is %s %s, want item 4", id, data)
		}
		n.hub.ClosePerson(int64(p), 4014)
		if _, data := event(); data != fmt.Sprintf(`{"t":"bye","code":%d,"after":0}`, 4014) {
			t.Errorf("the last event is %s, want bye 4014", data)
		}
	})
}
