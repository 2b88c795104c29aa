CREATE INDEX task_copy_at ON task_copy (created_at, id);
