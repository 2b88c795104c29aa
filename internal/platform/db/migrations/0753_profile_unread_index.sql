CREATE INDEX public_profile_unread ON public_profile (unread_since, person_id);
