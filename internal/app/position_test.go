package app

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"wanjia/internal/checkin"
	"wanjia/internal/config"
	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/watch"
	"wanjia/internal/privacy"
)

// A village is the whole program with the people of orgtest, and all that it writes down.
type village struct {
	*App
	*orgtest.World
	now     time.Time
	written *lockedBuffer // the log, and every answer
	place   checkin.Place
	tokens  map[org.PersonID]string
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.b.Bytes())
}

// middle is where the place stands. No position of the test has its digits.
var middle = checkin.Point{North: 31.26, East: 121.47, Datum: checkin.GCJ02}

func openVillage(t *testing.T, folder string) *village {
	t.Helper()
	v := &village{now: time.Date(2026, 5, 13, 1, 20, 0, 0, time.UTC), written: &lockedBuffer{}, tokens: map[org.PersonID]string{}}
	c := config.Default()
	c.Demo, c.Data, c.WeChat.Fake = true, folder, false
	var err error
	v.App, err = New(t.Context(), c, Options{Now: func() time.Time { return v.now }, Log: watch.Logger(v.written, slog.LevelDebug)})
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Auth.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	v.World = orgtest.Tree(t, v.Stores.DB)
	v.allowPositions(t)
	p := checkin.Place{UnitID: v.Xingwu.Unit.ID, Kind: "meeting_room", Name: "村委会议室"}
	if v.place, err = v.onSite.AddPlace(t.Context(), v.FengShuangjiang, p.Fenced(&checkin.Fence{Centre: middle, Radius: 100})); err != nil {
		t.Fatal(err)
	}
	return v
}

func (v *village) allowPositions(t *testing.T) {
	t.Helper()
	s := privacy.NewService(v.Stores.DB, page.NewKeys([]byte("secret")), tellGuards)
	id, err := s.RecordBasis(t.Context(), v.LuoQingming, privacy.Basis{
		Purpose: "geofence", Instrument: "海棠街道值守管理办法", Clause: "第三条", Issuer: "海棠街道办事处", IssuedOn: "2026-01-10", ValidUntil: "2026-12-31",
	})
	if err == nil {
		err = s.ApproveBasis(t.Context(), v.SecurityAdmin, id)
	}
	if err == nil {
		err = s.Set(t.Context(), v.SystemAdmin, privacy.Setting{Key: privacy.Geofence, UnitID: v.Xingwu.Unit.ID, Enabled: true, BasisID: id, Reason: "防汛值守需要"})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// signIn gives by a fresh token, as the demo does.
func (v *village) signIn(t *testing.T, by org.Actor) {
	t.Helper()
	handle := fmt.Sprint("p", by.PersonID)
	if v.tokens[by.PersonID] == "" {
		err := v.Stores.DB.InTx(t.Context(), func(tx *db.Tx) error { return v.Auth.AddHandle(t.Context(), tx, handle, by.PersonID) })
		if err != nil {
			t.Fatal(err)
		}
	}
	status, answer := v.send(t, org.Actor{}, "/v1/auth/demo", map[string]any{"handle": handle, "client": "mini", "device": uuid.NewString()})
	token, _ := answer["accessToken"].(string)
	if status != http.StatusOK || token == "" {
		t.Fatalf("sign in: %d %v", status, answer)
	}
	v.tokens[by.PersonID] = token
}

// send posts body as by, and keeps what is answered.
func (v *village) send(t *testing.T, by org.Actor, path string, body any) (int, map[string]any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodPost, path, bytes.NewReader(text))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", uuid.NewString())
	if by.PersonID != 0 {
		r.Header.Set("Authorization", "Bearer "+v.tokens[by.PersonID])
		r.Header.Set("X-Acting-As", fmt.Sprint(by.Assignment))
	}
	w := httptest.NewRecorder()
	v.server.Handler().ServeHTTP(w, r)
	if by.PersonID != 0 {
		_, _ = v.written.Write(w.Body.Bytes())
		_, _ = fmt.Fprint(v.written, w.Header())
	}
	var answer map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	return w.Code, answer
}

// traces are the ways in which a number of degrees may have been written.
func traces(degrees float64) [][]byte {
	millionths := int64(math.Round(degrees * 1e6))
	exact, scientific := fmt.Sprintf("%.6f", degrees), fmt.Sprintf("%.5e", degrees)
	return [][]byte{
		[]byte(exact), []byte(scientific[:8]), []byte(fmt.Sprint(millionths)),
		binary.BigEndian.AppendUint64(nil, math.Float64bits(degrees)), binary.LittleEndian.AppendUint64(nil, math.Float64bits(degrees)),
		binary.BigEndian.AppendUint32(nil, uint32(millionths)), binary.LittleEndian.AppendUint32(nil, uint32(millionths)),
	}
}

// TestQ7_CoordinatesAreNowhereAfterwards plays a thousand check-ins of all kinds over the wire, of which most send a
// position, and looks for one in every byte of the data folder, the log and the answers (CI7, feature 5).
func TestQ7_CoordinatesAreNowhereAfterwards(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	v := openVillage(t, folder)
	persons := []org.Actor{v.YaoMangzhong, v.YiPian, v.XingwuMember, v.FengShuangjiang, v.AreaCadre}
	degrees, sent := map[float64]bool{}, 0
	// at is a position some metres north and east of the middle, one of some dozens.
	at := func(north, east, accuracy float64) map[string]any {
		sent++
		n := float64(sent%8) * 1.7e-6
		p := map[string]any{
			"latitude": middle.North + north/111195 + 0.0000131 + n, "longitude": middle.East + east/95000 + 0.0000173 + n, "accuracy": accuracy, "datum": "gcj02",
		}
		degrees[p["latitude"].(float64)], degrees[p["longitude"].(float64)] = true, true
		return p
	}
	stood := func(b map[string]any, position any) {
		b["kind"], b["placeId"], b["position"] = "geofence", v.place.ID, position
	}
	kinds := []struct {
		name   string
		status int
		fill   func(b map[string]any, code checkin.Code)
	}{
		{"inside", 201, func(b map[string]any, _ checkin.Code) { stood(b, at(40, 40, 15)) }},
		{"near", 201, func(b map[string]any, _ checkin.Code) { stood(b, at(120, 0, 60)) }},
		{"far", 422, func(b map[string]any, _ checkin.Code) { stood(b, at(900, 2000, 15)) }},
		{"coarse", 422, func(b map[string]any, _ checkin.Code) { stood(b, at(30, 30, 900)) }},
		{"late", 422, func(b map[string]any, _ checkin.Code) { stood(b, at(30, 30, 15)); b["offline"] = true }},
		{"code", 201, func(b map[string]any, c checkin.Code) { b["kind"], b["code"] = "place_code", c.QR }},
		{"typed", 201, func(b map[string]any, c checkin.Code) {
			b["kind"], b["shortCode"], b["placeId"] = "place_code", c.Short, v.place.ID
		}},
		{"claim", 201, func(b map[string]any, _ checkin.Code) { b["kind"], b["unitId"] = "counterpart", v.Xingwu.Unit.ID }},
		{"a code with a position", 422, func(b map[string]any, c checkin.Code) {
			b["kind"], b["code"], b["position"] = "place_code", c.QR, at(10, 10, 15)
		}},
		{"a verdict from the phone", 400, func(b map[string]any, _ checkin.Code) { stood(b, at(10, 10, 15)); b["inside"] = true }},
		{"an odd position", 422, func(b map[string]any, _ checkin.Code) {
			p := at(10, 10, 15)
			p["datum"] = fmt.Sprint(p["latitude"])
			stood(b, p)
		}},
	}
	const checkIns = 1000
	seen := map[string]bool{}
	for i := range checkIns {
		if i%400 == 0 { // an access token lives for 10 minutes
			for _, by := range persons {
				v.signIn(t, by)
			}
		}
		v.now = v.now.Add(1300 * time.Millisecond) // ten a minute and person
		codes, err := v.onSite.Codes(t.Context(), v.FengShuangjiang, v.place.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		kind := kinds[i%len(kinds)]
		b := map[string]any{"happenedAt": v.now.Format(time.RFC3339Nano), "clientRef": uuid.NewString()}
		kind.fill(b, codes[0])
		status, answer := v.send(t, persons[i%len(persons)], "/v1/check-ins", b)
		if status != kind.status {
			t.Fatalf("check-in %d, %s: %d %v, want %d", i, kind.name, status, answer, kind.status)
		}
		seen[fmt.Sprint(answer["distance"])] = true
	}
	if !seen["far"] || !seen["unusable"] {
		t.Errorf("phones were told %v, want far and unusable among it", seen)
	}
	var kept int
	if err := v.Stores.DB.Get(t.Context(), &kept, `SELECT COUNT(*) FROM presence_evidence WHERE distance IN ('inside', 'near')`); err != nil || kept != 182 {
		t.Errorf("%d positions left their class, %v; want 182", kept, err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}

	haystack := map[string][]byte{"the log and the answers": v.written.bytes()}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		haystack[filepath.Base(path)], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(haystack["wanjia.db"], traces(middle.North)[5]) || !strings.Contains(string(haystack["the log and the answers"]), "recordCheckIn") {
		t.Error("the fence of the place, or the log, is not found: nothing is looked for")
	}
	for where, text := range haystack {
		for d := range degrees {
			for _, trace := range traces(d) {
				if bytes.Contains(text, trace) {
					t.Fatalf("%v stands in %s as %q", d, where, trace)
				}
			}
		}
	}
}
