CREATE TABLE presence_evidence (
  id              BIGINT AUTO_INCREMENT PRIMARY KEY,
  presence_id     BIGINT NOT NULL,
  person_id       BIGINT NOT NULL,
  assignment_id   BIGINT NOT NULL,             -- the role acted in, 0: none
  kind            VARCHAR(20) NOT NULL,        -- act, place_code, counterpart
  place_id        BIGINT NULL,
  offline         BOOLEAN NOT NULL DEFAULT 0,
  late_entry      BOOLEAN NOT NULL DEFAULT 0,
  reason          VARCHAR(200) NOT NULL DEFAULT '',
  client_ref      VARCHAR(64) NOT NULL,
  happened_at     DATETIME(3) NOT NULL,        -- the phone's clock, while it can be trusted
  recorded_at     DATETIME(3) NOT NULL,        -- ours
  clock_untrusted BOOLEAN NOT NULL DEFAULT 0,
  CONSTRAINT presence_evidence_once UNIQUE (person_id, client_ref),
  CONSTRAINT presence_evidence_presence_fk FOREIGN KEY (presence_id) REFERENCES presence (id),
  CONSTRAINT presence_evidence_person_fk FOREIGN KEY (person_id) REFERENCES person (id),
  CONSTRAINT presence_evidence_place_fk FOREIGN KEY (place_id) REFERENCES place (id),
  KEY presence_evidence_presence (presence_id, id),
  KEY presence_evidence_place (place_id)
);
