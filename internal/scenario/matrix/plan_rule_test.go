package matrix

import (
	"maps"
	"strings"
)

// ruled gives a change of rules the version that it is made from.
func ruled(kind string) func(c *cell, r *call) {
	return func(c *cell, r *call) {
		var version int64
		if err := c.db().Get(c.Context(), &version, `
			SELECT COALESCE(MAX(id), 0) AS id
			FROM rule_change
			WHERE kind = ? AND subject IN ('', 'street_light')`, kind); err != nil {
			c.Fatal(err)
		}
		r.body.(map[string]any)["version"] = version
	}
}

func init() {
	maps.Copy(plans, map[string]*plan{
		"listCategories": {},
		"setCategory": {fill: func(c *cell, r *call) {
			r.path = strings.Replace(r.path, "{category}", "street_light", 1)
			ruled("category")(c, r)
		}},
		"getCalendar":  {fill: func(_ *cell, r *call) { r.query.Set("year", "2026") }},
		"saveCalendar": {fill: ruled("calendar")},
	})
}
