CREATE TABLE wechat_send (
  id         BIGINT AUTO_INCREMENT PRIMARY KEY,
  person_id  BIGINT NOT NULL,
  event      VARCHAR(48) NOT NULL,             -- n:<seq>: the item of the inbox that it repeats
  seq        BIGINT NOT NULL,
  template   VARCHAR(32) NOT NULL,
  kind       VARCHAR(32) NOT NULL,
  ref_type   VARCHAR(32) NOT NULL,
  ref_id     BIGINT NOT NULL,
  args       VARCHAR(1024) NULL,               -- public labels, counts and times, as JSON
  must_reach BOOLEAN NOT NULL,                 -- who cannot be reached so is called
  not_before DATETIME(3) NOT NULL,
  state      VARCHAR(20) NOT NULL,             -- waiting, ready (a credit is spent for it), ended
  outcome    VARCHAR(20) NULL,                 -- of what has ended: sent, no_credit, suppressed, unknown, dead
  created_at DATETIME(3) NOT NULL,
  ended_at   DATETIME(3) NULL,
  CONSTRAINT wechat_send_once UNIQUE (person_id, event, template),
  KEY wechat_send_due (state, not_before, id)
);
