CREATE INDEX visit_latest ON visit (premises_id, recorded_at, id, happened_at);
