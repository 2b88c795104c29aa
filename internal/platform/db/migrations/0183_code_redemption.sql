CREATE TABLE code_redemption (
  id           BIGINT AUTO_INCREMENT PRIMARY KEY,
  person_id    BIGINT NOT NULL,
  place_id     BIGINT NOT NULL,
  step         BIGINT NOT NULL,                -- 15 s each
  offline_step BIGINT NULL,                    -- step, of a late arrival: it serves one person
  redeemed_at  DATETIME(3) NOT NULL,
  CONSTRAINT code_redemption_once UNIQUE (person_id, place_id, step),
  CONSTRAINT code_redemption_offline UNIQUE (place_id, offline_step),
  CONSTRAINT code_redemption_person_fk FOREIGN KEY (person_id) REFERENCES person (id),
  CONSTRAINT code_redemption_place_fk FOREIGN KEY (place_id) REFERENCES place (id),
  KEY code_redemption_at (redeemed_at, id)
);
