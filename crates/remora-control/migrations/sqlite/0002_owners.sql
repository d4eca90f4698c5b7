-- Who created a session; NULL for those of before this migration. person is derived from owner, so that it can be looked
-- up: NULL where the owner is no person.
ALTER TABLE session ADD COLUMN owner TEXT;
ALTER TABLE session ADD COLUMN person TEXT;
ALTER TABLE usage ADD COLUMN owner TEXT;
ALTER TABLE usage ADD COLUMN person TEXT;

CREATE INDEX session_live_of_person ON session (account, person, created_at, id) WHERE live = 1 AND person IS NOT NULL;
CREATE INDEX usage_of_person ON usage (account, person, ready_at, session) WHERE person IS NOT NULL;
