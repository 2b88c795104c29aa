CREATE TABLE invitation (
  id          BIGINT AUTO_INCREMENT PRIMARY KEY,
  person_id   BIGINT NOT NULL,                -- of the roster: whose account the invited one becomes
  unit_id     BIGINT NOT NULL,                -- of the secretary who invites
  salt        VARBINARY(16) NOT NULL,         -- the code is made of it and of a key that is not in here
  hash        VARBINARY(32) NOT NULL,         -- keyed
  created_by  BIGINT NOT NULL,
  created_at  DATETIME(3) NOT NULL,
  expires_at  DATETIME(3) NOT NULL,
  used_at     DATETIME(3) NULL,
  account_id  BIGINT NULL,                    -- who used it
  CONSTRAINT invitation_hash UNIQUE (hash),
  CONSTRAINT invitation_person_fk FOREIGN KEY (person_id) REFERENCES person (id),
  CONSTRAINT invitation_unit_fk FOREIGN KEY (unit_id) REFERENCES unit (id),
  CONSTRAINT invitation_creator_fk FOREIGN KEY (created_by) REFERENCES person (id),
  CONSTRAINT invitation_account_fk FOREIGN KEY (account_id) REFERENCES wechat_account (id),
  KEY invitation_person (person_id),
  KEY invitation_unit (unit_id),
  KEY invitation_creator (created_by),
  KEY invitation_account (account_id)
);
