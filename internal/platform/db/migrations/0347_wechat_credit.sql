CREATE TABLE wechat_credit (
  person_id BIGINT NOT NULL,
  template  VARCHAR(32) NOT NULL,
  balance   INT NOT NULL,                      -- messages that the person has allowed and not yet got: the sum of the entries
  PRIMARY KEY (person_id, template)
);
