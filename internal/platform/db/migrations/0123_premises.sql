CREATE TABLE premises (
  id          BIGINT AUTO_INCREMENT PRIMARY KEY,
  entrance_id BIGINT NOT NULL,
  door        VARCHAR(20) NOT NULL,            -- 301, 2-30
  kind        VARCHAR(20) NOT NULL,            -- home, shop or workshop
  occupied    BOOLEAN NOT NULL DEFAULT 1,
  created_at  DATETIME(3) NOT NULL,
  version     BIGINT NOT NULL DEFAULT 1,
  CONSTRAINT premises_door UNIQUE (entrance_id, door),
  CONSTRAINT premises_entrance_fk FOREIGN KEY (entrance_id) REFERENCES entrance (id)
);
