CREATE TABLE area_entrance (
  id          BIGINT AUTO_INCREMENT PRIMARY KEY,
  area_id     BIGINT NOT NULL,
  entrance_id BIGINT NOT NULL,
  valid_from  CHAR(10) NOT NULL,               -- the first day in the area
  valid_to    CHAR(10) NULL,                   -- the first day no longer in it
  dealt_by    BIGINT NULL,                     -- the person who dealt it; none: seed
  recorded_at DATETIME(3) NOT NULL,
  CONSTRAINT area_entrance_day UNIQUE (entrance_id, valid_from),
  CONSTRAINT area_entrance_area_fk FOREIGN KEY (area_id) REFERENCES unit (id),
  CONSTRAINT area_entrance_entrance_fk FOREIGN KEY (entrance_id) REFERENCES entrance (id),
  KEY area_entrance_area (area_id, valid_from)
);
