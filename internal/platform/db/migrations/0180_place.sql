CREATE TABLE place (
  id      BIGINT AUTO_INCREMENT PRIMARY KEY,
  unit_id BIGINT NOT NULL,                     -- the level-4 place it lies in
  kind    VARCHAR(20) NOT NULL,                -- meeting_room, counter, board_site, activity_site
  name    VARCHAR(60) NOT NULL,
  closed  BOOLEAN NOT NULL DEFAULT 0,
  version BIGINT NOT NULL DEFAULT 1,
  CONSTRAINT place_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id),
  KEY place_unit (unit_id, id)
);
