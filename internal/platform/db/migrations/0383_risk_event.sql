CREATE TABLE risk_event (
  id            BIGINT AUTO_INCREMENT PRIMARY KEY,
  unit_id       BIGINT NOT NULL,               -- a place, or the whole subdistrict
  kind          VARCHAR(20) NOT NULL,          -- heavy_rain, typhoon, …
  state         VARCHAR(20) NOT NULL,          -- open, closed, purged
  opened_at     DATETIME(3) NOT NULL,
  ends_at       DATETIME(3) NOT NULL,          -- it closes itself then
  closed_at     DATETIME(3) NULL,
  purge_at      DATETIME(3) NULL,              -- 14 days after closing
  offered       INT NOT NULL DEFAULT 0,        -- homes; kept when the homes themselves are gone
  person_id     BIGINT NOT NULL,
  assignment_id BIGINT NOT NULL,
  version       BIGINT NOT NULL DEFAULT 1,
  CONSTRAINT risk_event_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id),
  CONSTRAINT risk_event_person_fk FOREIGN KEY (person_id) REFERENCES person (id),
  KEY risk_event_unit (unit_id, opened_at, id),
  KEY risk_event_ends (state, ends_at),
  KEY risk_event_purge (state, purge_at),
  KEY risk_event_person (person_id)
);
