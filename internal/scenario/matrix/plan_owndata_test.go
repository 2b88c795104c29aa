package matrix

import (
	"maps"
	"net/http"

	"wanjia/internal/org"
)

// anOwnRequest is what c.by asked of their own data, if c.position is self; else somebody of c.at did.
func anOwnRequest(kind string) func(c *cell) int64 {
	return func(c *cell) int64 {
		who := c.by
		if c.position != self {
			who = c.person(org.RoleMember, c.at)
		}
		body := map[string]any{"kind": kind}
		if kind != "access" {
			body["text"] = "请更正称呼"
		}
		return who.post("/v1/me/own-data", body).id("id")
	}
}

func init() {
	maps.Copy(plans, map[string]*plan{
		"askOwnData":          {},
		"listMyOwnData":       {self: true, fits: branches, make: anOwnRequest("correction"), sees: ofSelf, list: "id"},
		"listOwnDataRequests": {},
		"recordOwnData":       {fill: showing(nil)},
		"answerOwnData":       {fits: branches, make: anOwnRequest("correction"), sees: everything},
		"getOwnDataPack":      {self: true, fits: branches, make: anOwnRequest("access"), sees: ofSelf, writes: []string{"own_data"}},
		"printOwnData": {writes: []string{"own_data", "receipt_try"}, fill: fill(func(c *cell, b map[string]any) {
			_, code, secret := c.receipt(0)
			b["receiptCode"], b["secret"] = code, secret
			c.as(org.RolePartyOffice, c.unit(org.SubdistrictCommittee, "海棠")).must(http.MethodPost, "/v1/own-data",
				map[string]any{"kind": "access", "receiptCode": code, "secret": secret})
		})},
	})
}
