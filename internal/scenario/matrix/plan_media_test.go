package matrix

import (
	"fmt"
	"maps"
	"strings"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

func init() { //nolint:gochecknoinits // because the plans are one table, and this is a part of it
	maps.Copy(plans, map[string]*plan{
		"createMedia": {mine: true, fill: fill(func(c *cell, b map[string]any) {
			b["uploadId"], _ = c.by.sends(c.world)
		})},
		"listMedia": {self: true, has: writes, fits: committees, make: aMedia, list: "id", sees: readsDrafts},
		"getMedia":  {self: true, has: writes, fits: committees, make: aMedia, sees: readsDrafts},
		"changeMedia": {self: true, has: writes, fits: committees, make: aMedia, sees: readsDrafts, rule: ownDraft, fill: fill(func(_ *cell, b map[string]any) {
			b["version"] = 1
			delete(b, "id")
		})},
		"removeMedia": {self: true, has: writes, fits: committees, make: aMedia, sees: readsDrafts},
		"redactMedia": {self: true, has: writes, fits: committees, make: aMedia, sees: readsDrafts},
		"withdrawShown": {self: true, has: writes, fits: committees, make: aMedia, sees: readsDrafts, fill: func(c *cell, r *call) {
			r.path = strings.NewReplacer("{mediaId}", fmt.Sprint(c.thing), "{shownId}", fmt.Sprint(c.depictedIn("media"))).Replace(r.path)
		}},
		"withdrawNamed": {self: true, has: writes, fits: committees, make: aDraft, sees: readsDrafts, fill: func(c *cell, r *call) {
			r.path = strings.NewReplacer("{publicationId}", fmt.Sprint(c.thing), "{shownId}", fmt.Sprint(c.depictedIn("publication"))).Replace(r.path)
		}},
		"listMyMedia": {self: true, make: ownMedia, list: "id", sees: ofSelf},
		"refuseMedia": {self: true, make: ownMedia, sees: ofSelf},
		"createPressPack": {mine: true, fill: fill(func(c *cell, b map[string]any) {
			if packs(c.by) {
				b["mediaIds"] = []any{c.by.pictures(c, onPaper()).id("id")}
			}
		})},
		"listPressPacks":    {self: true, has: packs, make: aPack, list: "id", sees: ofSelf},
		"getPressPack":      {self: true, has: packs, make: aPack, sees: ofSelf},
		"downloadPressPack": {self: true, has: packs, make: aPack, sees: ofSelf},
		"agreeMedia": {self: true, fill: fill(func(c *cell, b map[string]any) {
			author := c.correspondent()
			if author.person == c.by.person { // nobody says yes to what they made
				author = c.as(org.RoleCorrespondent, c.unit(org.SubdistrictCommittee, "柳岸街道"))
			}
			picture := author.pictures(c, []any{map[string]any{"account": true}})
			b["code"] = picture.body["shown"].([]any)[0].(map[string]any)["code"]
		})},
	})
	batches["createPressPack"] = func(c *cell, b map[string]any) {
		there := c.as(org.RoleCorrespondent, c.unit(org.SubdistrictCommittee, "柳岸街道"))
		b["mediaIds"] = append(b["mediaIds"].([]any), there.pictures(c, onPaper()).id("id"))
	}
	for _, op := range []string{"createMedia", "changeMedia", "createPublication", "changePublication"} {
		batches[op] = func(c *cell, b map[string]any) {
			list, _ := b["shown"].([]any)
			b["shown"] = append(list, map[string]any{"personId": c.as(org.RoleGeneralSecretary, c.unit(org.GeneralBranch, "柳岸社区")).person})
		}
	}
}

// correspondent is that of the first subdistrict.
func (c *cell) correspondent() *actor {
	return c.as(org.RoleCorrespondent, c.unit(org.SubdistrictCommittee, "海棠街道"))
}

// pictures makes a picture that a sends one to publish.
func (a *actor) pictures(c *cell, shown []any) answer {
	id, _ := a.sends(c.world)
	return a.post("/v1/media", map[string]any{"uploadId": id, "caption": "帮收麦子", "shown": shown})
}

// packs says whether a builds press packs.
func packs(a *actor) bool { return oneOf(a.role, org.RoleCorrespondent, org.RoleEditor) }

// aPack is a press pack of c.by's.
func aPack(c *cell) int64 {
	picture := c.by.pictures(c, onPaper()).id("id")
	return c.by.post("/v1/press-packs", map[string]any{"title": "麦收互助", "mediaIds": []any{picture}}).id("id")
}

// aMedia is a picture of c.by's, or of a correspondent of c.at, with somebody on it who signed a paper.
func aMedia(c *cell) int64 {
	by := c.by
	if c.position != self {
		by = c.as(org.RoleCorrespondent, c.at)
	}
	return by.pictures(c, onPaper()).id("id")
}

// onPaper is somebody on a picture who signed a paper.
func onPaper() []any { return []any{map[string]any{"paper": "同意书-1"}} }

// depictedIn is somebody in c.thing, who signed a paper.
func (c *cell) depictedIn(kind string) (id int64) {
	c.in("name somebody", func(tx *db.Tx) (err error) {
		id, err = tx.Insert(c.Context(), `
			INSERT INTO depicted (owner_type, owner_id, kind, paper, added_by, added_at)
			VALUES (?, ?, 'paper', '同意书-2', ?, ?)`, kind, c.thing, c.by.person, tx.Now)
		return err
	})
	return id
}

// ownMedia is a picture that shows c.by.
func ownMedia(c *cell) (id int64) {
	picture := c.correspondent().pictures(c, []any{}).id("id")
	c.in("show somebody", func(tx *db.Tx) (err error) {
		id, err = tx.Insert(c.Context(), `
			INSERT INTO depicted (owner_type, owner_id, kind, person_id, paper, added_by, added_at)
			VALUES ('media', ?, 'member', ?, '', ?, ?)`, picture, c.by.person, c.by.person, tx.Now)
		return err
	})
	return id
}
