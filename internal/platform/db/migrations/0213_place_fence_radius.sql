ALTER TABLE place ADD COLUMN fence_radius INT NULL; -- metres, NULL: the place has no fence
