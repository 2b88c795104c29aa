CREATE TABLE emergency (
  id         BIGINT AUTO_INCREMENT PRIMARY KEY,
  unit_id    BIGINT NOT NULL,            -- the subdistrict where it holds
  title      VARCHAR(60) NOT NULL,
  reason     VARCHAR(200) NOT NULL,      -- of its beginning, or why it goes on
  state      VARCHAR(20) NOT NULL,       -- draft, active, ended, purged
  sunset_on  VARCHAR(10) NOT NULL,       -- the day on which it ends by itself
  body       TEXT NOT NULL,              -- categories, hours and cards, as JSON
  drafted_by BIGINT NOT NULL,
  drafted_as BIGINT NOT NULL,
  drafted_at DATETIME(3) NOT NULL,
  second_by  BIGINT NULL,
  second_as  BIGINT NULL,
  started_at DATETIME(3) NULL,
  ended_at   DATETIME(3) NULL,
  ended_by   BIGINT NULL,                -- nobody: its day had come
  end_reason VARCHAR(200) NOT NULL DEFAULT '',
  purged_at  DATETIME(3) NULL,
  version    BIGINT NOT NULL DEFAULT 1,
  CONSTRAINT emergency_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id),
  KEY emergency_state (state, sunset_on, id),
  KEY emergency_unit (unit_id, state, id)
);
