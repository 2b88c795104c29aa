CREATE TABLE audit (
  id            BIGINT AUTO_INCREMENT PRIMARY KEY,
  lane          SMALLINT NOT NULL,
  n             BIGINT NOT NULL,                -- without a gap in its lane
  at            DATETIME(3) NOT NULL,
  person_id     BIGINT NOT NULL,                -- 0: the system
  assignment_id BIGINT NOT NULL,                -- 0: no role was needed
  action        VARCHAR(60) NOT NULL,
  object        VARCHAR(40) NOT NULL,
  object_id     BIGINT NOT NULL,
  purpose       VARCHAR(60) NOT NULL,
  reason        VARCHAR(400) NOT NULL,
  fields        VARCHAR(400) NOT NULL,          -- names, never values
  result        VARCHAR(60) NOT NULL,
  request_id    VARCHAR(64) NOT NULL,
  ip_class      VARCHAR(40) NOT NULL,
  prev_hash     VARBINARY(32) NOT NULL,
  hash          VARBINARY(32) NOT NULL,
  CONSTRAINT audit_chain UNIQUE (lane, n),
  KEY audit_person (person_id, at, id),
  KEY audit_object (object, object_id, at, id),
  KEY audit_at (at, id)
);
