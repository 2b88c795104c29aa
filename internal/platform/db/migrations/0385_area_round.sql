CREATE TABLE area_round (
  id            BIGINT AUTO_INCREMENT PRIMARY KEY,
  unit_id       BIGINT NOT NULL,               -- the area
  building_id   BIGINT NULL,                   -- a whole building, or one entrance
  entrance_id   BIGINT NULL,
  kind          VARCHAR(20) NOT NULL,          -- notice, safety, facilities, other
  doors         INT NOT NULL,                  -- counts only: who lives there is not asked
  answered      INT NOT NULL,
  person_id     BIGINT NOT NULL,
  assignment_id BIGINT NOT NULL,
  client_ref    CHAR(36) NOT NULL,
  fingerprint   VARBINARY(32) NOT NULL,
  happened_at   DATETIME(3) NOT NULL,
  recorded_at   DATETIME(3) NOT NULL,
  CONSTRAINT area_round_once UNIQUE (person_id, client_ref),
  CONSTRAINT area_round_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id),
  CONSTRAINT area_round_building_fk FOREIGN KEY (building_id) REFERENCES building (id),
  CONSTRAINT area_round_entrance_fk FOREIGN KEY (entrance_id) REFERENCES entrance (id),
  CONSTRAINT area_round_person_fk FOREIGN KEY (person_id) REFERENCES person (id),
  KEY area_round_unit (unit_id, recorded_at, id),
  KEY area_round_building (building_id),
  KEY area_round_entrance (entrance_id)
);
