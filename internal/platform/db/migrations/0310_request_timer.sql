CREATE TABLE request_timer (
  id         BIGINT AUTO_INCREMENT PRIMARY KEY,
  request_id BIGINT NOT NULL,
  clock      VARCHAR(20) NOT NULL,           -- accepting, news, solving, stale, call_back
  term       INT NOT NULL,                   -- of which holding or opening it is
  step       SMALLINT NOT NULL,              -- which of its notices comes next
  due_at     DATETIME(3) NOT NULL,
  fired_at   DATETIME(3) NULL,               -- NULL: something is still to come
  CONSTRAINT request_timer_once UNIQUE (request_id, clock),
  CONSTRAINT request_timer_request_fk FOREIGN KEY (request_id) REFERENCES request (id),
  KEY request_timer_due (fired_at, due_at, id)
);
