package matrix

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"maps"
	"net/http"
	"strings"

	"wanjia/internal/org"
)

func init() {
	redacting, removing := acting(aHeldRequest), acting(aHeldRequest)
	redacting.fill, removing.fill = pictured, pictured
	adding := acting(aHeldRequest)
	adding.fill = fill(func(c *cell, b map[string]any) {
		id, _ := c.by.sends(c.world)
		b["uploadIds"] = []any{id}
	})
	maps.Copy(plans, map[string]*plan{
		"uploadFile": {self: true, fill: func(c *cell, r *call) {
			c.by.unlimited()
			r.kind, r.file = "file", dot(c.world)
		}},
		"redactUpload": {self: true, make: func(c *cell) int64 { id, _ := c.by.sends(c.world); return id }},
		"getFile": {fill: func(c *cell, r *call) {
			_, link := c.as(org.RoleEditor, c.unit(org.SubdistrictCommittee, "海棠")).sends(c.world)
			r.path = link
		}},
		"listRequestPhotos":  {self: true, has: holdsRequests, fits: areas, make: aHeldRequest, sees: findsRequest},
		"addRequestPhotos":   adding,
		"redactRequestPhoto": redacting,
		"removeRequestPhoto": removing,
	})
}

// dot is a picture.
func dot(w *world) string {
	var out bytes.Buffer
	if err := png.Encode(&out, image.NewRGBA(image.Rect(0, 0, 80, 80))); err != nil {
		w.Fatal(err)
	}
	return out.String()
}

// sends sends a picture, and returns its number and a link to look at it.
func (a *actor) sends(w *world) (id int64, link string) {
	a.unlimited()
	got := a.send(call{method: http.MethodPost, path: "/v1/uploads", kind: "file", file: dot(w)})
	if !got.ok() {
		w.Fatalf("%v sends a picture: %v %s", a, got, got.text)
	}
	link, _ = got.body["url"].(string)
	return got.id("id"), link
}

// pictured names a request and a picture that its holder has hung on it.
func pictured(c *cell, r *call) {
	holder := c.by
	if c.position != self {
		holder = c.lead(c.at)
	}
	c.thing = aHeldRequest(c) // of its own: nine pictures are the most
	id, _ := holder.sends(c.world)
	holder.post(fmt.Sprintf("/v1/requests/%d/photos", c.thing), map[string]any{"uploadIds": []any{id}})
	r.path = strings.NewReplacer("{requestId}", fmt.Sprint(c.thing), "{photoId}", fmt.Sprint(id)).Replace(r.path)
}
