package scenario

import (
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// media calls each operation of pictures of stories.
func (v *village) media() {
	v.t.Helper()
	v.pass(time.Minute) // so many writes a minute, and no more
	ok, created := http.StatusOK, http.StatusCreated
	resident := v.signIn("r.lin")
	story := v.wants("write", v.secretary.post("/v1/publications", map[string]any{
		"kind": "story", "title": "帮收麦子", "text": "邻里一起收。", "startOn": "2026-05-11", "shown": []any{map[string]any{"paper": "同意书-1"}},
	}), created)
	v.says("who is named", story, true, "shown", 0, "agreed")
	sent := v.wants("send", v.secretary.sends(v.located(), uuid.NewString()), created)
	made := v.wants("make", v.secretary.post("/v1/media", map[string]any{
		"uploadId": sent.id("id"), "publicationId": story.id("id"), "caption": "一起收麦子", "credit": "通讯员",
		"shown": []any{map[string]any{"personId": v.me}, map[string]any{"account": true}},
	}), created)
	path := fmt.Sprintf("/v1/media/%d", made.id("id"))
	v.says("made", made, false, "agreed")
	v.says("made", made, nil, "shown", 0, "code")
	agreed := v.wants("agree", resident.post("/v1/me/media", map[string]any{"code": made.at("shown", 1, "code")}), ok)
	v.says("agreed", agreed, true, "agreed")
	v.says("one's own", v.wants("my pictures", resident.get("/v1/me/media"), ok), "一起收麦子", "items", 0, "title")
	v.says("the list", v.wants("pictures", v.secretary.get("/v1/media"), ok), float64(made.id("id")), "items", 0, "id")
	read := v.wants("read", v.secretary.get(path), ok)
	v.says("who agreed", read, true, "shown", 1, "agreed")
	v.says("who agreed", read, nil, "shown", 1, "code")
	v.wants("blacken", v.secretary.post(path+"/redactions", map[string]any{"boxes": []any{map[string]any{"x": 0, "y": 0, "width": 9, "height": 9}}}), ok)
	v.says("changed", v.wants("change", v.secretary.put(path, map[string]any{
		"caption": "收麦子", "version": 1,
		"shown": []any{map[string]any{"id": read.at("shown", 0, "id")}, map[string]any{"id": read.at("shown", 1, "id")}, map[string]any{"paper": "同意书-2"}},
	}), ok), 2, "version")
	v.wants("refuse", resident.post(fmt.Sprintf("/v1/me/media/%v/refuse", agreed.at("id")), nil), ok)
	third := v.wants("read", v.secretary.get(path), ok)
	v.says("withdrawn", v.wants("withdraw", v.secretary.post(fmt.Sprintf("%s/shown/%v/withdraw", path, third.at("shown", 2, "id")), nil), ok), false, "shown", 2, "agreed")
	v.wants("withdraw", v.secretary.post(fmt.Sprintf("/v1/publications/%d/shown/%v/withdraw", story.id("id"), story.at("shown", 0, "id")), nil), ok)
	correspondent := v.signIn("cor")
	sent = v.wants("send", correspondent.sends(v.located(), uuid.NewString()), created)
	alone := v.wants("make", correspondent.post("/v1/media", map[string]any{"uploadId": sent.id("id"), "caption": "麦田", "shown": []any{map[string]any{"paper": "同意书-3"}}}), created)
	pack := v.wants("build", correspondent.post("/v1/press-packs", map[string]any{"title": "麦收互助", "mediaIds": []any{alone.id("id")}}), created)
	v.says("mine", v.wants("packs", correspondent.get("/v1/press-packs"), ok), float64(pack.id("id")), "items", 0, "id")
	v.says("ready", v.wants("pack", correspondent.get(fmt.Sprintf("/v1/press-packs/%d", pack.id("id"))), ok), "ready", "state")
	v.wants("fetch", correspondent.get(pack.at("url").(string)), ok)
	v.wants("remove", v.secretary.do(http.MethodDelete, path, nil, ""), http.StatusNoContent)
	v.missing("what was removed", func() answer { return v.secretary.get(path) })
	v.portrait()
}

// portrait calls each operation of one's own portrait.
func (v *village) portrait() {
	v.t.Helper()
	ok := http.StatusOK
	sent := v.wants("send", v.holder.sends(v.located(), uuid.NewString()), http.StatusCreated)
	for range 2 { // to set it again changes nothing
		v.says("my portrait", v.wants("portrait", v.holder.put("/v1/me/portrait", map[string]any{"uploadId": sent.id("id")}), ok), float64(sent.id("id")), "id")
	}
	v.says("my portrait", v.wants("profile", v.holder.get("/v1/me/public-profile"), ok), float64(sent.id("id")), "portrait", "id")
	for range 2 {
		v.wants("no portrait", v.holder.do(http.MethodDelete, "/v1/me/portrait", nil, ""), http.StatusNoContent)
	}
}
