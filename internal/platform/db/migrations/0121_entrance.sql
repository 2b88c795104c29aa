CREATE TABLE entrance (
  id          BIGINT AUTO_INCREMENT PRIMARY KEY,
  place_id    BIGINT NOT NULL,
  building_id BIGINT NULL,                     -- none: the door of a house in a village, or of a shop
  number      VARCHAR(20) NOT NULL,            -- of the staircase, or of the door: 1, 2-30
  label       VARCHAR(60) NOT NULL,            -- both as people say it: 3栋1单元, 2-30
  created_at  DATETIME(3) NOT NULL,
  CONSTRAINT entrance_label UNIQUE (place_id, label),
  CONSTRAINT entrance_place_fk FOREIGN KEY (place_id) REFERENCES unit (id),
  CONSTRAINT entrance_building_fk FOREIGN KEY (building_id) REFERENCES building (id),
  KEY entrance_building (building_id)
);
