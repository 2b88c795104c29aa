CREATE TABLE media (
  id             BIGINT AUTO_INCREMENT PRIMARY KEY,
  publication_id BIGINT NULL,                  -- the notice or story that it is shown with
  unit_id        BIGINT NOT NULL,              -- whom it is for: a level-4 place, or the subdistrict
  caption        VARCHAR(200) NOT NULL,
  credit         VARCHAR(60) NOT NULL,         -- who took it, as they want it printed
  author_id      BIGINT NOT NULL,
  author_as      BIGINT NOT NULL,
  created_at     DATETIME(3) NOT NULL,
  ended_at       DATETIME(3) NULL,             -- since when somebody on it has said no
  version        BIGINT NOT NULL DEFAULT 1,
  CONSTRAINT media_publication_fk FOREIGN KEY (publication_id) REFERENCES publication (id),
  CONSTRAINT media_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id),
  CONSTRAINT media_author_fk FOREIGN KEY (author_id) REFERENCES person (id),
  CONSTRAINT media_as_fk FOREIGN KEY (author_as) REFERENCES role_assignment (id),
  KEY media_publication (publication_id, id),
  KEY media_unit (unit_id),
  KEY media_author (author_id, id),
  KEY media_as (author_as),
  KEY media_ended (ended_at, id)
);
