CREATE TABLE area_split (
  id          BIGINT AUTO_INCREMENT PRIMARY KEY,
  place_id    BIGINT NOT NULL,                 -- the level-4 unit in which doors change their area
  state       VARCHAR(20) NOT NULL,            -- draft, proposed, declined, applied
  reason      VARCHAR(200) NOT NULL,
  drafted_by  BIGINT NOT NULL,
  drafted_as  BIGINT NOT NULL,                 -- the role of who drafted it
  drafted_at  DATETIME(3) NOT NULL,
  proposed_at DATETIME(3) NULL,
  settled_at  DATETIME(3) NULL,                -- when it was declined or applied
  version     BIGINT NOT NULL DEFAULT 1,
  CONSTRAINT area_split_place_fk FOREIGN KEY (place_id) REFERENCES unit (id),
  CONSTRAINT area_split_person_fk FOREIGN KEY (drafted_by) REFERENCES person (id),
  CONSTRAINT area_split_role_fk FOREIGN KEY (drafted_as) REFERENCES role_assignment (id),
  KEY area_split_place (place_id, id),
  KEY area_split_person (drafted_by),
  KEY area_split_role (drafted_as)
);
