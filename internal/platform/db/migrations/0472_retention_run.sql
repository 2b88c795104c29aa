CREATE TABLE retention_run (
  id         BIGINT AUTO_INCREMENT PRIMARY KEY,
  class      VARCHAR(40) NOT NULL,
  night      VARCHAR(40) NOT NULL,             -- the day whose night it was, or a run by hand
  due        BIGINT NOT NULL,                  -- counted before anything was erased
  erased     BIGINT NOT NULL DEFAULT 0,
  reached_id BIGINT NOT NULL DEFAULT 0,        -- the walk goes on behind it
  started_at DATETIME(3) NOT NULL,
  ended_at   DATETIME(3) NULL,
  CONSTRAINT retention_run_once UNIQUE (class, night),
  KEY retention_run_at (started_at, id)
);
