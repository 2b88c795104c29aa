package scenario

import (
	"archive/zip"
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// shoots is a picture of a's, with who is shown on it.
func (a *actor) shoots(more map[string]any, shown ...any) answer {
	a.w.t.Helper()
	sent := a.w.wants("send", a.sends(a.w.located(), uuid.NewString()), http.StatusCreated)
	body := map[string]any{"uploadId": sent.id("id"), "caption": "一起收麦子", "credit": "通讯员", "shown": append([]any{}, shown...)}
	maps.Copy(body, more)
	return a.w.wants("make", a.post("/v1/media", body), http.StatusCreated)
}

// S22, steps 3 and 4: whoever is on a picture has it taken down at once, and newspapers get what everybody agrees to.
func TestScenario22TakedownAndPressPack(t *testing.T) {
	t.Parallel()
	each(t, "2026-05-11 09:00", func(t *testing.T, w *world) {
		ok, created := http.StatusOK, http.StatusCreated
		v := w.village()
		author, editor, resident := w.signIn("cor"), w.signIn("ed"), w.signIn("r.lin")
		paper := map[string]any{"paper": "同意书-1"}
		story := w.wants("write", author.post("/v1/publications", map[string]any{
			"kind": "story", "title": "帮收麦子", "text": "邻里一起收。", "startOn": "2026-05-11", "shown": []any{paper},
		}), created)
		path := fmt.Sprintf("/v1/publications/%d", story.id("id"))
		picture := author.shoots(map[string]any{"publicationId": story.id("id")}, paper)
		w.wants("submit", author.post(path+"/submit", nil), ok)
		w.refused("the author publishes", func() answer { return author.post(path+"/publish", nil) }, http.StatusForbidden, "auth.forbidden")
		w.wants("publish", editor.post(path+"/publish", nil), ok)
		item, file := fmt.Sprintf("/p/item/%d", story.id("id")), fmt.Sprintf("/p/picture/%d", picture.id("id"))
		w.holds("the story", w.page(item, ok), `src="`+file+`"`)
		looks := func(status int) {
			t.Helper()
			if status != ok {
				w.page(file, status)
				return
			}
			res := w.wants("look", (&actor{w: w}).get(file), ok)
			if !strings.HasPrefix(res.text, "\xff\xd8") || strings.Contains(res.text, "GPS") {
				t.Errorf("the picture of %d bytes says where it was taken, or is none", len(res.text))
			}
		}
		looks(ok)
		listed := w.wants("for the mini-program", w.nobody().get(fmt.Sprintf("/v1/public/pages?placeId=%d", v.place)), ok)
		w.says("the picture", listed, file, "items", 0, "media", 0, "url")

		// 3: hidden in the same call; declined within three working days, it is back, and the reason is told.
		phone := editor.phone()
		asked := w.wants("ask", resident.post("/v1/public/takedowns", map[string]any{
			"page": map[string]any{"kind": "media", "id": picture.id("id")}, "reason": "照片里有我",
		}), created)
		looks(http.StatusNotFound)
		w.lacks("the story", w.page(item, ok), "<img")
		w.hears(phone, "takedown.received", 1)
		w.set("2026-05-13 16:00:00")
		editor, resident, author = w.signIn("ed"), w.signIn("r.lin"), w.signIn("cor")
		waiting := w.wants("takedowns", editor.get("/v1/takedowns"), ok)
		w.says("in time", waiting, false, "items", 0, "overdue")
		told := resident.phone()
		w.wants("decline", editor.post(fmt.Sprintf("/v1/takedowns/%v/decide", waiting.at("items", 0, "id")), map[string]any{
			"decision": "declined", "reason": "照片中人物均已签同意书",
		}), ok)
		w.hears(told, "takedown.decided", 1)
		w.holds("by its code", w.submit("/p/takedown", url.Values{"code": {asked.at("receiptCode").(string)}}, ok), "已恢复显示", "均已签同意书")
		looks(ok)

		// 4: six pictures, one without consent: no pack. With five there is one.
		ids := []any{picture.id("id")}
		for range 4 {
			ids = append(ids, author.shoots(nil, paper).id("id"))
		}
		waits := author.shoots(nil, map[string]any{"account": true})
		pack := func(ids ...any) func() answer {
			return func() answer {
				return author.post("/v1/press-packs", map[string]any{"title": "麦收互助", "mediaIds": ids})
			}
		}
		missing := w.refused("six, one without consent", pack(append(ids[:5:5], waits.id("id"))...), http.StatusUnprocessableEntity, "board.consent_missing")
		w.says("which one", missing, "/mediaIds/5", "errors", 0, "pointer")
		w.says("no pack", w.wants("packs", author.get("/v1/press-packs"), ok), nil, "items", 0)
		made := w.wants("five", pack(ids...)(), created)
		zipped := w.wants("fetch", author.get(made.at("url").(string)), ok).text
		z, err := zip.NewReader(bytes.NewReader([]byte(zipped)), int64(len(zipped)))
		if err != nil || len(z.File) != 7 {
			t.Errorf("the pack: %v, want five pictures, a manifest and captions", err)
		}
		w.missing("an editor fetches it", func() answer { return editor.get(made.at("url").(string)) })

		// Whoever signed a paper withdraws: the pack is gone, and the story with its picture.
		w.wants("withdraw", editor.post(fmt.Sprintf("/v1/media/%d/shown/%v/withdraw", picture.id("id"), picture.at("shown", 0, "id")), nil), ok)
		looks(http.StatusNotFound)
		w.refused("the pack", func() answer { return author.get(made.at("url").(string)) }, http.StatusGone, "board.pack_outdated")
		w.refused("a new one of the same", pack(ids...), http.StatusUnprocessableEntity, "board.consent_missing")
		w.pass(time.Minute)

		// Counter-check: each public page can be complained of, and taken down.
		board := v.firstBoard(w.signIn("xl.s"))
		seen := w.crawl(t, fmt.Sprintf("/p/notices/%d", v.place), fmt.Sprintf("/p/plaques/%d", v.signIn("zj.s").called("grid", "village", "张家屯")),
			fmt.Sprintf("/b/%d", board), fmt.Sprintf("/b/%d/1", board), fmt.Sprintf("/b/%d/a3", board), fmt.Sprintf("/b/%d/a4", board))
		for _, want := range []string{item, fmt.Sprintf("/b/%d/aloud", board)} {
			if !seen[want] {
				t.Errorf("%s was not come by", want)
			}
		}
	})
}

var links = regexp.MustCompile(`href="(/[bp]/[^"#]*)"`)

// crawl follows the links of public pages to all others, each of which must have feedback and takedown, and the page where
// one asks for them must be there.
func (w *world) crawl(t *testing.T, from ...string) map[string]bool {
	t.Helper()
	seen := map[string]bool{}
	for len(from) > 0 {
		at := from[0]
		from = from[1:]
		if seen[at] || strings.HasPrefix(at, "/b/style/") || at == "/p/takedown" {
			continue
		}
		seen[at] = true
		page := w.page(at, http.StatusOK)
		if strings.HasPrefix(at, "/p/report/") {
			w.holds(at, page, "/takedown", "/feedback")
			continue
		}
		w.reviewed(t, page)
		for _, link := range links.FindAllStringSubmatch(page, -1) {
			from = append(from, link[1])
		}
	}
	return seen
}
