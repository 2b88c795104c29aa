CREATE TABLE rule_change (
  id              BIGINT PRIMARY KEY,         -- counted by the program: who comes second starts again
  kind            VARCHAR(20) NOT NULL,       -- category, calendar, emergency
  subject         VARCHAR(40) NOT NULL,       -- the category; empty: there is one of its kind
  body            TEXT NOT NULL,              -- how it is from then on, as JSON
  takes_effect_at DATETIME(3) NOT NULL,
  reason          VARCHAR(200) NOT NULL,
  set_by          BIGINT NULL,                -- nobody: as shipped
  assignment_id   BIGINT NULL,
  recorded_at     DATETIME(3) NOT NULL,
  CONSTRAINT rule_change_moment UNIQUE (takes_effect_at),
  KEY rule_change_subject (kind, subject, id)
);
