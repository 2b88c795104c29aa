CREATE TABLE login_code_use (
  hash VARBINARY(32) PRIMARY KEY,             -- SHA-256 of a WeChat code
  at   DATETIME(3) NOT NULL,
  KEY login_code_use_at (at)
);
