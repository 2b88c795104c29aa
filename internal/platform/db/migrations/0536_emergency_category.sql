CREATE TABLE emergency_category (
  code         VARCHAR(30) PRIMARY KEY,  -- open as long as its emergency is on
  emergency_id BIGINT NOT NULL,
  then_code    VARCHAR(30) NOT NULL,     -- of the same type: what is open then goes on there
  KEY emergency_category_emergency (emergency_id, code)
);
