CREATE TABLE unit (
  id         BIGINT AUTO_INCREMENT PRIMARY KEY,
  tree       VARCHAR(10) NOT NULL,               -- grid, party
  kind       VARCHAR(30) NOT NULL,
  name       VARCHAR(100) NOT NULL,
  path       VARCHAR(190) NOT NULL,              -- /1/4/12/: the open edges, written out
  parent_id  BIGINT NULL,                        -- the parent of the open edge
  level      SMALLINT NOT NULL DEFAULT 0,        -- 4 to 1, 5 on top, 0: none, a party unit has that of the grid unit it answers for
  sector     VARCHAR(30) NOT NULL DEFAULT '',    -- of a level-4 place
  ownership  VARCHAR(20) NOT NULL DEFAULT '',    -- of an enterprise
  park_id    BIGINT NULL,                        -- the industrial park an enterprise lies in
  area_km2   INT NOT NULL DEFAULT 0,             -- of a subdistrict
  filing_no  VARCHAR(60) NOT NULL DEFAULT '',    -- of a subdistrict
  valid_from CHAR(10) NOT NULL,                  -- first day it exists
  valid_to   CHAR(10) NULL,                      -- first day it does not
  version    BIGINT NOT NULL DEFAULT 1,
  CONSTRAINT unit_path UNIQUE (path),
  CONSTRAINT unit_parent_fk FOREIGN KEY (parent_id) REFERENCES unit (id),
  CONSTRAINT unit_park_fk FOREIGN KEY (park_id) REFERENCES unit (id),
  KEY unit_parent (parent_id, id),
  KEY unit_park (park_id)
);
