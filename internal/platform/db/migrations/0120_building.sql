CREATE TABLE building (
  id         BIGINT AUTO_INCREMENT PRIMARY KEY,
  place_id   BIGINT NOT NULL,                  -- the level-4 unit it stands in
  number     VARCHAR(20) NOT NULL,             -- as the place counts them: 3, 12A
  created_at DATETIME(3) NOT NULL,
  CONSTRAINT building_number UNIQUE (place_id, number),
  CONSTRAINT building_place_fk FOREIGN KEY (place_id) REFERENCES unit (id)
);
