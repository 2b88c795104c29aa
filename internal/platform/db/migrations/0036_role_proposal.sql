CREATE TABLE role_proposal (
  id            BIGINT AUTO_INCREMENT PRIMARY KEY,
  person_id     BIGINT NOT NULL,
  role          VARCHAR(30) NOT NULL,
  post          VARCHAR(20) NOT NULL DEFAULT '',
  unit_id       BIGINT NOT NULL,
  is_primary    BOOLEAN NOT NULL DEFAULT 0,
  valid_from    CHAR(10) NOT NULL,
  valid_to      CHAR(10) NULL,
  document      VARCHAR(100) NOT NULL DEFAULT '',
  state         VARCHAR(20) NOT NULL,            -- proposed, approved, refused
  proposed_by   BIGINT NOT NULL,
  proposed_as   VARCHAR(30) NOT NULL,            -- the role of who proposed
  proposed_at   DATETIME(3) NOT NULL,
  decided_by    BIGINT NULL,
  decided_at    DATETIME(3) NULL,
  reason        VARCHAR(200) NOT NULL DEFAULT '',
  assignment_id BIGINT NULL,                     -- what came of it
  CONSTRAINT role_proposal_person_fk FOREIGN KEY (person_id) REFERENCES person (id),
  CONSTRAINT role_proposal_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id),
  CONSTRAINT role_proposal_proposed_fk FOREIGN KEY (proposed_by) REFERENCES person (id),
  CONSTRAINT role_proposal_decided_fk FOREIGN KEY (decided_by) REFERENCES person (id),
  CONSTRAINT role_proposal_assignment_fk FOREIGN KEY (assignment_id) REFERENCES role_assignment (id),
  KEY role_proposal_person (person_id),
  KEY role_proposal_unit (unit_id, state, id),
  KEY role_proposal_proposed (proposed_by),
  KEY role_proposal_decided (decided_by),
  KEY role_proposal_assignment (assignment_id)
);
