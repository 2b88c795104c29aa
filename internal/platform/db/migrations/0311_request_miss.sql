CREATE TABLE request_miss (
  id             BIGINT AUTO_INCREMENT PRIMARY KEY,
  request_id     BIGINT NOT NULL,
  target         VARCHAR(20) NOT NULL,       -- accepting, news, solving
  term           INT NOT NULL,               -- the holding; of solving, how often it had been opened again
  reopened       INT NOT NULL,
  holder_unit_id BIGINT NOT NULL,            -- who had it then
  holder_role    VARCHAR(30) NOT NULL,
  level          SMALLINT NOT NULL,
  due_at         DATETIME(3) NOT NULL,
  recorded_at    DATETIME(3) NOT NULL,
  CONSTRAINT request_miss_once UNIQUE (request_id, target, term),
  CONSTRAINT request_miss_request_fk FOREIGN KEY (request_id) REFERENCES request (id),
  CONSTRAINT request_miss_holder_fk FOREIGN KEY (holder_unit_id) REFERENCES unit (id),
  KEY request_miss_holder (holder_unit_id, due_at)
);
