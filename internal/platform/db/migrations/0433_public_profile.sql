CREATE TABLE public_profile (
  person_id   BIGINT NOT NULL PRIMARY KEY,
  shows_name  BOOLEAN NOT NULL DEFAULT 0,
  shows_items BOOLEAN NOT NULL DEFAULT 0,
  shows_phone BOOLEAN NOT NULL DEFAULT 0,
  items       TEXT NOT NULL,                   -- JSON: service items, each with its last day if it has one
  changed_at  DATETIME(3) NOT NULL,
  version     BIGINT NOT NULL DEFAULT 1,
  CONSTRAINT public_profile_person_fk FOREIGN KEY (person_id) REFERENCES person (id)
);
