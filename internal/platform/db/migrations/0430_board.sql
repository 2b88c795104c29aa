CREATE TABLE board (
  id         BIGINT AUTO_INCREMENT PRIMARY KEY,
  site_id    BIGINT NOT NULL,                  -- the place (board site) where it hangs
  place_id   BIGINT NOT NULL,                  -- the level-4 unit it lies in
  area_id    BIGINT NOT NULL,                  -- whose service it shows
  latest     INT NOT NULL,                     -- number of the version that is current; 0: none yet
  created_by BIGINT NOT NULL,
  created_at DATETIME(3) NOT NULL,
  version    BIGINT NOT NULL DEFAULT 1,
  CONSTRAINT board_site UNIQUE (site_id),
  CONSTRAINT board_site_fk FOREIGN KEY (site_id) REFERENCES place (id),
  CONSTRAINT board_place_fk FOREIGN KEY (place_id) REFERENCES unit (id),
  CONSTRAINT board_area_fk FOREIGN KEY (area_id) REFERENCES unit (id),
  CONSTRAINT board_person_fk FOREIGN KEY (created_by) REFERENCES person (id),
  KEY board_place (place_id, id),
  KEY board_area (area_id),
  KEY board_person (created_by)
);
