CREATE TABLE helper_skill (
  id          BIGINT AUTO_INCREMENT PRIMARY KEY,
  person_id   BIGINT NOT NULL,
  skill       VARCHAR(20) NOT NULL,           -- of the list: mason, ladder, ...
  declared_at DATETIME(3) NOT NULL,
  CONSTRAINT helper_skill_once UNIQUE (person_id, skill),
  CONSTRAINT helper_skill_person_fk FOREIGN KEY (person_id) REFERENCES person (id),
  KEY helper_skill_by (skill, person_id)
);
