CREATE INDEX notice_call_order ON notice_call (notice_id, opened_at, id);
