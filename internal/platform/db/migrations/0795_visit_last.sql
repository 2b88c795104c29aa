CREATE INDEX visit_last ON visit (premises_id, happened_at, id, result);
