CREATE TABLE office_post (
  id         BIGINT AUTO_INCREMENT PRIMARY KEY,
  person_id  BIGINT NOT NULL,
  section_id BIGINT NOT NULL,                 -- the section of the subdistrict where a cadre works
  valid_from CHAR(10) NOT NULL,
  valid_to   CHAR(10) NULL,
  CONSTRAINT office_post_once UNIQUE (person_id, valid_from),
  CONSTRAINT office_post_person_fk FOREIGN KEY (person_id) REFERENCES person (id),
  CONSTRAINT office_post_section_fk FOREIGN KEY (section_id) REFERENCES unit (id),
  KEY office_post_section (section_id, valid_from)
);
