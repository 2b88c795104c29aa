CREATE TABLE muster_invite (
  id          BIGINT AUTO_INCREMENT PRIMARY KEY,
  muster_id   BIGINT NOT NULL,
  person_id   BIGINT NOT NULL,
  answer      VARCHAR(20) NOT NULL,           -- asked, accepted, declined, silent
  asked_at    DATETIME(3) NOT NULL,
  answered_at DATETIME(3) NULL,
  CONSTRAINT muster_invite_once UNIQUE (muster_id, person_id),
  CONSTRAINT muster_invite_muster_fk FOREIGN KEY (muster_id) REFERENCES muster (id),
  KEY muster_invite_person (person_id, asked_at, id),
  KEY muster_invite_asked (asked_at, id)
);
