CREATE TABLE binding_request (
  id         BIGINT AUTO_INCREMENT PRIMARY KEY,
  account_id BIGINT NOT NULL,
  person_id  BIGINT NOT NULL,                 -- of the roster, with the phone that WeChat verified
  state      VARCHAR(20) NOT NULL,            -- open, confirmed, refused, lapsed
  created_at DATETIME(3) NOT NULL,
  decided_by BIGINT NULL,
  decided_at DATETIME(3) NULL,
  reason     VARCHAR(200) NULL,
  CONSTRAINT binding_request_account_fk FOREIGN KEY (account_id) REFERENCES wechat_account (id),
  CONSTRAINT binding_request_person_fk FOREIGN KEY (person_id) REFERENCES person (id),
  CONSTRAINT binding_request_decider_fk FOREIGN KEY (decided_by) REFERENCES person (id),
  KEY binding_request_open (state, created_at, id),
  KEY binding_request_account (account_id, state),
  KEY binding_request_person (person_id),
  KEY binding_request_decider (decided_by)
);
