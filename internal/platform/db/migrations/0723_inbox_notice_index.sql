CREATE INDEX inbox_notice ON inbox (notice_id, person_id);
