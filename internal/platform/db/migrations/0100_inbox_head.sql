CREATE TABLE inbox_head (
  person_id   BIGINT PRIMARY KEY,
  seq         BIGINT NOT NULL DEFAULT 0,      -- number of the newest item: 1, 2, 3 without gaps, in commit order
  read_seq    BIGINT NOT NULL DEFAULT 0,
  floor_seq   BIGINT NOT NULL DEFAULT 0,      -- highest deleted number
  turn        BIGINT NOT NULL DEFAULT 0,      -- counted up to take the row's lock before looking for a key
  CONSTRAINT inbox_head_person_fk FOREIGN KEY (person_id) REFERENCES person (id)
);
