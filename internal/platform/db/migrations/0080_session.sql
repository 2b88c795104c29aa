CREATE TABLE session (
  id          BIGINT AUTO_INCREMENT PRIMARY KEY,
  person_id   BIGINT NOT NULL,
  client      VARCHAR(10) NOT NULL,           -- mini, h5, console
  device_hash VARBINARY(32) NOT NULL,
  level       SMALLINT NOT NULL,              -- factors shown: 1 or 2
  era         BIGINT NOT NULL,                -- of the deployment's history
  idle_for    INT NOT NULL,                   -- seconds without a refresh after which it ends
  idle_until  DATETIME(3) NOT NULL,
  ends_at     DATETIME(3) NOT NULL,
  stepped_at  DATETIME(3) NULL,               -- when a second factor was last shown
  held_until  DATETIME(3) NULL,               -- no sensitive rights before: the WeChat account was bound anew
  created_at  DATETIME(3) NOT NULL,
  ended_at    DATETIME(3) NULL,
  end_reason  VARCHAR(30) NULL,
  CONSTRAINT session_person_fk FOREIGN KEY (person_id) REFERENCES person (id),
  KEY session_person (person_id, ended_at, id),
  KEY session_ended (ended_at)
);
