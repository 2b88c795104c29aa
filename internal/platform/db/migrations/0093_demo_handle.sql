CREATE TABLE demo_handle (
  handle    VARCHAR(40) PRIMARY KEY,          -- filled in demo mode only
  person_id BIGINT NOT NULL,
  CONSTRAINT demo_handle_person UNIQUE (person_id),
  CONSTRAINT demo_handle_person_fk FOREIGN KEY (person_id) REFERENCES person (id)
);
