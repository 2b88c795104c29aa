package scenario

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// located is a picture of 200 by 100 pixels that was taken somewhere: red, with a comment that says where.
func (w *world) located() []byte {
	w.t.Helper()
	p := image.NewRGBA(image.Rect(0, 0, 200, 100))
	draw.Draw(p, p.Bounds(), image.NewUniform(color.RGBA{R: 255, A: 255}), image.Point{}, draw.Src)
	var out bytes.Buffer
	if err := jpeg.Encode(&out, p, nil); err != nil {
		w.t.Fatal(err)
	}
	comment := "GPS 30.1234N 120.5678E"
	head := append([]byte("\xff\xd8\xff\xfe\x00"), byte(len(comment)+2))
	return append(append(head, comment...), out.Bytes()[2:]...)
}

// sends sends a file as a picture.
func (a *actor) sends(file []byte, key string) answer {
	a.w.t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	part, err := m.CreateFormFile("file", "../../etc/passwd")
	if err == nil {
		_, err = part.Write(file)
	}
	if err != nil || m.Close() != nil {
		a.w.t.Fatal("the form cannot be written")
	}
	req, err := http.NewRequestWithContext(a.w.t.Context(), http.MethodPost, a.w.url+"/v1/uploads", &b)
	if err != nil {
		a.w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", m.FormDataContentType())
	req.Header.Set("Idempotency-Key", key)
	req.Header.Set("Authorization", "Bearer "+a.token)
	return a.w.send(req)
}

func TestAPictureOfANeedIsSeenByWhoSeesTheNeedAndHoldsNothingButPixels(t *testing.T) {
	t.Parallel()
	each(t, "2026-05-11 09:00", func(t *testing.T, w *world) {
		v := w.village()
		v.photos()
		next := w.signIn("zj.s") // of the next village
		need := fmt.Sprintf("/v1/requests/%d", v.wants("need", v.holder.post("/v1/requests", map[string]any{"what": "井盖松动", "who": "林女士"}), http.StatusCreated).id("id"))
		key := uuid.NewString()
		sent := v.wants("picture", v.holder.sends(w.located(), key), http.StatusCreated)
		again := v.wants("picture, again", v.holder.sends(w.located(), key), http.StatusCreated)
		if again.id("id") != sent.id("id") || !again.replayed {
			t.Errorf("sent again it is %v, replayed %v; want the same picture", again.body, again.replayed)
		}
		w.refused("another picture under the same key", func() answer { return v.holder.sends(append(w.located(), 0), key) }, http.StatusUnprocessableEntity, "common.key_reused")
		w.refused("no picture", func() answer { return v.holder.sends([]byte("%PDF-1.7"), uuid.NewString()) }, http.StatusUnsupportedMediaType, "photo.type_refused")
		w.refused("half a picture", func() answer { return v.holder.sends(w.located()[:300], uuid.NewString()) }, http.StatusUnsupportedMediaType, "photo.broken")

		add := map[string]any{"uploadIds": []any{sent.id("id")}}
		w.missing("another village adds it", func() answer { return next.post(need+"/photos", add) })
		w.refused("the lead above, who does not hold the need", func() answer { return v.secretary.post(need+"/photos", add) }, http.StatusForbidden, "request.not_holder")
		v.wants("add", v.holder.post(need+"/photos", add), http.StatusOK)
		v.wants("add it again", v.holder.post(need+"/photos", add), http.StatusOK)
		other := v.wants("another need", v.holder.post("/v1/requests", map[string]any{"what": "路灯不亮"}), http.StatusCreated).id("id")
		w.refused("the same picture to another need", func() answer {
			return v.holder.post(fmt.Sprintf("/v1/requests/%d/photos", other), add)
		}, http.StatusUnprocessableEntity, "upload.used")

		link := v.wants("the secretary lists them", v.secretary.get(need+"/photos"), http.StatusOK).at("items", 0, "url").(string)
		w.missing("another village lists them", func() answer { return next.get(need + "/photos") })
		stranger := &actor{w: w} // a page that shows pictures sends no token with them
		got := v.wants("look", stranger.get(link), http.StatusOK)
		if strings.Contains(got.text, "GPS") || !strings.HasPrefix(got.text, "\xff\xd8") {
			t.Errorf("the picture of %d bytes says where it was taken, or is none", len(got.text))
		}
		w.missing("a link with another letter", func() answer {
			return stranger.get(link[:len(link)-2] + strings.Map(func(r rune) rune { return 'A' + (r-'A'+1)%2 }, link[len(link)-2:]))
		})
		w.pass(5 * time.Minute)
		w.refused("five minutes later", func() answer { return stranger.get(link) }, http.StatusGone, "upload.link_expired")

		photo := fmt.Sprintf("%s/photos/%d", need, sent.id("id"))
		boxes := map[string]any{"boxes": []any{map[string]any{"x": 0, "y": 0, "width": 100, "height": 100}}}
		w.refused("the lead above blackens", func() answer { return v.secretary.post(photo+"/redactions", boxes) }, http.StatusForbidden, "request.not_holder")
		black := v.wants("blacken", v.holder.post(photo+"/redactions", boxes), http.StatusOK).at("url").(string)
		picture, err := jpeg.Decode(strings.NewReader(v.wants("look", stranger.get(black), http.StatusOK).text))
		if err != nil {
			t.Fatal(err)
		}
		for x, want := range map[int]bool{50: true, 150: false} {
			if r, _, _, _ := picture.At(x, 50).RGBA(); (r < 0x4000) != want {
				t.Errorf("at %d the red is %x, want dark %v", x, r, want)
			}
		}
		v.wants("close the need", v.holder.post(need+"/close", map[string]any{"closureKind": "resolved", "text": "已换井盖"}), http.StatusOK)
		w.refused("a picture more of what is closed", func() answer { return v.holder.post(need+"/photos", add) }, http.StatusConflict, "request.illegal_transition")
		v.wants("take it back", v.holder.do(http.MethodDelete, photo, nil, ""), http.StatusNoContent)
		w.missing("look at what was taken back", func() answer { return stranger.get(black) })
	})
}

// photos calls each operation of pictures.
func (v *village) photos() {
	v.t.Helper()
	v.pass(time.Minute) // so many writes a minute, and no more
	ok := http.StatusOK
	need := fmt.Sprintf("/v1/requests/%d/photos", v.wants("record", v.holder.post("/v1/requests", map[string]any{"what": "窨井盖缺失"}), http.StatusCreated).id("id"))
	sent := v.wants("picture", v.holder.sends(v.located(), uuid.NewString()), http.StatusCreated)
	v.says("the picture", sent, 200, "width")
	boxes := map[string]any{"boxes": []any{map[string]any{"x": 0, "y": 0, "width": 10, "height": 10}}}
	v.wants("blacken", v.holder.post(fmt.Sprintf("/v1/uploads/%d/redactions", sent.id("id")), boxes), ok)
	v.wants("add", v.holder.post(need, map[string]any{"uploadIds": []any{sent.id("id")}}), ok)
	listed := v.wants("list", v.holder.get(need), ok)
	v.says("listed", listed, float64(sent.id("id")), "items", 0, "id")
	v.wants("look", v.holder.get(listed.at("items", 0, "url").(string)), ok)
	v.wants("blacken", v.holder.post(fmt.Sprintf("%s/%d/redactions", need, sent.id("id")), boxes), ok)
	v.wants("remove", v.holder.do(http.MethodDelete, fmt.Sprintf("%s/%d", need, sent.id("id")), nil, ""), http.StatusNoContent)
}
