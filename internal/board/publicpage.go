package board

import (
	"fmt"
	"net/http"

	"wanjia/internal/org"
	"wanjia/internal/platform/problem"
)

// asked is the route that says what became of a takedown.
const asked = "POST /p/takedown"

// public adds the pages that are no board's: notices and stories, plaques, and the way to complain of any page.
func (p *Pages) public() {
	p.mux.Handle("GET /p/notices/{unit}", own(p.notices))
	p.mux.Handle("GET /p/item/{id}", own(p.item))
	p.mux.Handle("GET /p/picture/{id}", own(p.picture))
	p.mux.Handle("GET /p/plaques/{unit}", own(p.plaques))
	p.mux.Handle("GET /p/portrait/{plaque}", own(p.plaquePortrait))
	p.mux.Handle("GET /p/report/{kind}/{id}", own(p.report))
	p.mux.Handle("POST /p/report/{kind}/{id}/takedown", own(p.takeDown))
	p.mux.Handle("POST /p/report/{kind}/{id}/feedback", own(p.feedback))
	p.mux.Handle("GET /p/takedown", own(p.asks))
	p.mux.Handle(asked, own(p.status))
}

// reportOf is where one complains of a page.
func reportOf(kind PageKind, id int64) string { return fmt.Sprintf("/p/report/%s/%d", kind, id) }

// notices are the notices and stories of a place.
func (p *Pages) notices(w http.ResponseWriter, r *http.Request) error {
	unit, err := number(r.PathValue("unit"))
	if err != nil {
		return err
	}
	all, next, err := p.service.ShownIn(r.Context(), org.UnitID(unit), r.URL.Query().Get("cursor"), 0)
	if err != nil {
		return err
	}
	u, err := org.UnitByID(r.Context(), p.service.db, org.UnitID(unit))
	if err != nil {
		return err
	}
	return write(w, "notices.html", map[string]any{
		"Title": u.Name + "公示与故事", "Items": all, "Next": next, "Unit": unit, "Report": reportOf(NoticesPage, unit),
	})
}

// item is one notice or story.
func (p *Pages) item(w http.ResponseWriter, r *http.Request) error {
	id, err := number(r.PathValue("id"))
	if err != nil {
		return err
	}
	shown, err := p.service.Shown(r.Context(), PublicationID(id))
	if err != nil {
		return err
	}
	type figure struct{ Address, Caption, Credit, Report string }
	figures := make([]figure, len(shown.Media))
	for i, m := range shown.Media {
		figures[i] = figure{pictureAddress(m.ID), m.Caption, m.Credit, reportOf(MediaPage, int64(m.ID))}
	}
	return write(w, "item.html", map[string]any{
		"Title": shown.Title, "Item": shown, "Figures": figures, "Report": reportOf(PublicationPage, id),
	})
}

// picture is a picture that is published.
func (p *Pages) picture(w http.ResponseWriter, r *http.Request) error {
	id, err := number(r.PathValue("id"))
	if err != nil {
		return err
	}
	jpeg, err := p.service.ShownPicture(r.Context(), MediaID(id))
	if err != nil {
		return err
	}
	return writePicture(w, jpeg)
}

// writePicture answers with a picture. Caches may keep it, for less than the minute in which a withdrawn consent counts.
func writePicture(w http.ResponseWriter, jpeg []byte) error {
	h := w.Header()
	h.Set("Content-Type", "image/jpeg")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	h.Set("Cache-Control", "public, max-age=30")
	if _, err := w.Write(jpeg); err != nil { //nolint:gosec // because it is a picture that we have encoded ourselves
		return nil //nolint:nilerr // because nobody is left to tell
	}
	return nil
}

// plaques are those that hang in a place.
func (p *Pages) plaques(w http.ResponseWriter, r *http.Request) error {
	unit, err := number(r.PathValue("unit"))
	if err != nil {
		return err
	}
	all, next, err := p.service.HungIn(r.Context(), org.UnitID(unit), r.URL.Query().Get("cursor"), 0)
	if err != nil {
		return err
	}
	u, err := org.UnitByID(r.Context(), p.service.db, org.UnitID(unit))
	if err != nil {
		return err
	}
	type row struct{ Name, Building, Door, Oath, Portrait, Report string }
	rows := make([]row, len(all))
	for i, q := range all {
		rows[i] = row{Name: q.Name, Building: q.building(), Oath: oaths[q.Oath], Report: reportOf(PlaquePage, int64(q.ID))}
		if q.DoorShown {
			rows[i].Door = q.door()
		}
		if q.Portrait {
			rows[i].Portrait = plaquePortrait(q.ID)
		}
	}
	return write(w, "plaques.html", map[string]any{
		"Title": u.Name + "共产党员户", "Rows": rows, "Next": next, "Unit": unit, "Report": reportOf(PlaquesPage, unit),
	})
}

// plaquePortrait is that of a member beside their plaque.
func (p *Pages) plaquePortrait(w http.ResponseWriter, r *http.Request) error {
	id, err := number(r.PathValue("plaque"))
	if err != nil {
		return err
	}
	jpeg, err := p.service.PlaquePortrait(r.Context(), PlaqueID(id))
	if err != nil {
		return err
	}
	return writePicture(w, jpeg)
}

// refOf is the page that an address complains of. Whether there is such a page is not asked: whoever sends a form again is
// answered as they were, whatever has become of the page.
func refOf(r *http.Request) (PageRef, error) {
	id, err := number(r.PathValue("id"))
	return PageRef{Kind: PageKind(r.PathValue("kind")), ID: id}, err
}

// report is where one says something about a page, or asks that it be taken down.
func (p *Pages) report(w http.ResponseWriter, r *http.Request) error {
	ref, err := refOf(r)
	if err != nil {
		return err
	}
	if _, err := placeOfPage(r.Context(), p.service.db, ref); err != nil {
		return err
	}
	return write(w, "report.html", map[string]any{
		"Title":    "投诉建议与撤下申请",
		"Takedown": newSheet(takedownForm, reportOf(ref.Kind, ref.ID)+"/takedown"),
		"Feedback": newSheet(feedbackForm, reportOf(ref.Kind, ref.ID)+"/feedback"),
	})
}

func (p *Pages) takeDown(w http.ResponseWriter, r *http.Request) error {
	ref, err := refOf(r)
	if err != nil {
		return err
	}
	f, ctx, err := form(r, forms[r.Pattern])
	if err != nil {
		return err
	}
	why := f.must("reason", 2, longestReason)
	if err := f.misfit(); err != nil {
		return err
	}
	code, t, err := p.service.TakeDown(ctx, org.Actor{}, ref, why)
	if err != nil {
		return err
	}
	mark(ctx, w)
	return write(w, "takendown.html", map[string]any{
		"Title": "撤下申请已收到", "Code": code.String(), "Due": t.DueAt, "Hidden": t.Hides(),
		"Report": reportOf(ref.Kind, ref.ID),
	})
}

func (p *Pages) feedback(w http.ResponseWriter, r *http.Request) error {
	ref, err := refOf(r)
	if err != nil {
		return err
	}
	f, ctx, err := form(r, forms[r.Pattern])
	if err != nil {
		return err
	}
	said := f.must("text", 2, longestText)
	if err := f.misfit(); err != nil {
		return err
	}
	if err := p.service.Say(ctx, org.Actor{}, ref, said); err != nil {
		return err
	}
	mark(ctx, w)
	return write(w, "thanks.html", map[string]any{"Title": "已收到", "Report": reportOf(ref.Kind, ref.ID)})
}

// longestReason is how long the reason of a takedown is at most, as the contract has it.
const longestReason = 300

// asks is where one asks what became of a takedown.
func (p *Pages) asks(w http.ResponseWriter, _ *http.Request) error {
	return write(w, "status.html", map[string]any{"Title": "撤下申请进度"})
}

// status says what became of it. The code travels in the body, and stands in no address.
func (p *Pages) status(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return problem.ErrMalformed
	}
	t, err := p.service.Status(r.Context(), r.PostForm.Get("code"))
	if err != nil {
		return err
	}
	return write(w, "status.html", map[string]any{"Title": "撤下申请进度", "Found": &t, "Pending": t.Waits(), "Hidden": t.State == HiddenPending, "Upheld": t.State == Upheld})
}
