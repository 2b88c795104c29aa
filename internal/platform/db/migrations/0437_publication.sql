CREATE TABLE publication (
  id           BIGINT AUTO_INCREMENT PRIMARY KEY,
  kind         VARCHAR(20) NOT NULL,           -- notice, story
  unit_id      BIGINT NOT NULL,                -- whom it is for: a level-4 place, or the subdistrict
  title        VARCHAR(60) NOT NULL,
  body         TEXT NOT NULL,
  start_on     CHAR(10) NOT NULL,
  end_on       CHAR(10) NULL,                  -- the last day on which it is shown; a story has none
  state        VARCHAR(20) NOT NULL,           -- draft, submitted, published, returned, hidden, removed
  author_id    BIGINT NOT NULL,
  author_as    BIGINT NOT NULL,
  created_at   DATETIME(3) NOT NULL,
  decided_by   BIGINT NULL,                    -- the editor of the newest step
  published_at DATETIME(3) NULL,
  reason       VARCHAR(200) NOT NULL,          -- of the newest return, hiding or removal
  version      BIGINT NOT NULL DEFAULT 1,
  CONSTRAINT publication_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id),
  CONSTRAINT publication_author_fk FOREIGN KEY (author_id) REFERENCES person (id),
  CONSTRAINT publication_as_fk FOREIGN KEY (author_as) REFERENCES role_assignment (id),
  CONSTRAINT publication_decided_fk FOREIGN KEY (decided_by) REFERENCES person (id),
  KEY publication_unit (unit_id, state, start_on, id),
  KEY publication_author (author_id, id),
  KEY publication_as (author_as),
  KEY publication_decided (decided_by)
);
