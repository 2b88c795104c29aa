CREATE TABLE fanout (
  id               BIGINT AUTO_INCREMENT PRIMARY KEY,
  notice_id        BIGINT NOT NULL,
  shard            INT NOT NULL,                    -- whoever holds it works on it
  prio             SMALLINT NOT NULL,
  audience         VARCHAR(1024) NOT NULL,          -- a unit and roles, as JSON
  state            VARCHAR(20) NOT NULL,            -- running, written, done, withdrawn, expired
  total            INT NOT NULL,                    -- who was meant when it was announced
  written          INT NOT NULL DEFAULT 0,          -- inboxes that have it
  pushed           INT NOT NULL DEFAULT 0,          -- of these brought to devices
  next_person_id   BIGINT NOT NULL DEFAULT 0,       -- everybody up to here has been dealt with
  pushed_person_id BIGINT NOT NULL DEFAULT 0,
  created_at       DATETIME(3) NOT NULL,
  done_at          DATETIME(3) NULL,                -- nothing is left to do
  forecast         VARCHAR(255) NULL,               -- whom it was to reach, as JSON of counts
  CONSTRAINT fanout_notice UNIQUE (notice_id),
  CONSTRAINT fanout_notice_fk FOREIGN KEY (notice_id) REFERENCES notice (id),
  KEY fanout_left (done_at, shard, prio, id)
);
