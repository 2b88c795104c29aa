ALTER TABLE request ADD COLUMN first_solve_due_at DATETIME(3) NULL; -- the solve target of the first answer
