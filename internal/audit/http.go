package audit

import (
	"context"

	"wanjia/api"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
)

// A Handler serves the operations of api/parts/audit.yaml.
type Handler struct {
	log   *Log
	pages *page.Keys
	did   Did
}

// Did begins the entry of whoever makes the request of ctx; who that is, is known above (org.Actor.Did).
type Did func(ctx context.Context, action, object string, id int64) Entry

// NewHandler makes a Handler.
func NewHandler(l *Log, pages *page.Keys, did Did) *Handler { return &Handler{l, pages, did} }

// SearchAudit serves GET /v1/audit/entries.
func (h *Handler) SearchAudit(ctx context.Context, req api.SearchAuditRequestObject) (api.SearchAuditResponseObject, error) {
	q := req.Params
	var f Filter
	set(&f.PersonID, q.PersonID)
	set(&f.Object, q.Object)
	set(&f.ObjectID, q.ObjectID)
	set(&f.Action, q.Action)
	set(&f.From, q.From)
	set(&f.To, q.To)
	var cursor string
	var size int
	set(&cursor, q.Cursor)
	set(&size, q.PageSize)
	entry := h.did(ctx, "audit.searched", "audit", 0)
	p, err := h.pages.Parse(cursor, size, page.Bound("searchAudit", f, entry.PersonID, entry.AssignmentID))
	if err != nil {
		return nil, err
	}
	var answer api.SearchAudit200JSONResponse
	err = h.log.db.InTx(ctx, func(tx *db.Tx) error {
		found, next, err := Find(ctx, tx, f, p)
		if err != nil {
			return err
		}
		answer = api.SearchAudit200JSONResponse{Items: make([]api.AuditEntry, len(found))}
		for i, k := range found {
			answer.Items[i] = toAPI(k)
		}
		answer.NextCursor = api.Optional(next)
		Note(tx, entry)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// VerifyAudit serves POST /v1/audit/verification.
func (h *Handler) VerifyAudit(ctx context.Context, req api.VerifyAuditRequestObject) (api.VerifyAuditResponseObject, error) {
	v, err := h.log.Verify(ctx, req.Body.Newest)
	if err != nil {
		return nil, err
	}
	entry := h.did(ctx, "audit.verified", "audit", 0)
	answer := api.VerifyAudit200JSONResponse{Good: v.Bad == nil, Rows: v.Rows, Complete: v.Complete}
	if v.Bad != nil {
		entry.Result = "bad"
		answer.FirstBad = &api.AuditBadRow{Lane: int64(v.Bad.Lane), N: v.Bad.N, ID: api.Optional(v.Bad.ID), Why: api.AuditBadRowWhy(v.Bad.Why)}
	}
	if err := h.log.db.InTx(ctx, func(tx *db.Tx) error { Note(tx, entry); return nil }); err != nil {
		return nil, err
	}
	return answer, nil
}

func toAPI(k Kept) api.AuditEntry {
	e := api.AuditEntry{
		ID: k.ID, At: k.At, PersonID: api.Optional(k.PersonID), AssignmentID: api.Optional(k.AssignmentID), Action: k.Action, Object: k.Object,
		ObjectID: api.Optional(k.ObjectID), Purpose: api.Optional(k.Purpose), Reason: api.Optional(k.Reason), Fields: k.Fields, Result: k.Result,
		RequestID: api.Optional(k.RequestID), IPClass: api.Optional(k.IPClass),
	}
	if e.Fields == nil {
		e.Fields = []string{}
	}
	return e
}

// set copies what was given.
func set[T any](to, given *T) {
	if given != nil {
		*to = *given
	}
}
