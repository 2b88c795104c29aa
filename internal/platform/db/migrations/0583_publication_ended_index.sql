CREATE INDEX publication_ended ON publication (ended_at, id);
