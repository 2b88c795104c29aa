CREATE TABLE legal_basis (
  id          BIGINT AUTO_INCREMENT PRIMARY KEY,
  purpose     VARCHAR(40) NOT NULL,
  instrument  VARCHAR(200) NOT NULL,
  clause      VARCHAR(100) NOT NULL,
  issuer      VARCHAR(100) NOT NULL,
  issued_on   CHAR(10) NOT NULL,
  valid_until CHAR(10) NOT NULL,              -- the day on which what rests on it switches off
  state       VARCHAR(20) NOT NULL,           -- entered, approved
  entered_by  BIGINT NOT NULL,
  entered_at  DATETIME(3) NOT NULL,
  approved_by BIGINT NULL,
  approved_at DATETIME(3) NULL,
  CONSTRAINT legal_basis_entered_fk FOREIGN KEY (entered_by) REFERENCES person (id),
  CONSTRAINT legal_basis_approved_fk FOREIGN KEY (approved_by) REFERENCES person (id),
  KEY legal_basis_entered (entered_by),
  KEY legal_basis_approved (approved_by),
  KEY legal_basis_at (entered_at, id)
);
