CREATE TABLE account (
    id         TEXT    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE account_key (
    account TEXT    NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    slot    INTEGER NOT NULL,
    salt    BLOB    NOT NULL,
    digest  BLOB    NOT NULL,
    PRIMARY KEY (account, slot)
) STRICT;

-- Times are milliseconds since 1970. host, occupies (room for that host), live, ready_at (of a Ready session) and wake_at
-- are derived from phase, so that they can be looked up.
CREATE TABLE session (
    account       TEXT    NOT NULL,
    id            TEXT    NOT NULL,
    generation    INTEGER NOT NULL,
    size          TEXT    NOT NULL,
    lease_minutes INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    changed_at    INTEGER NOT NULL,
    models        TEXT    NOT NULL,
    phase         TEXT    NOT NULL,
    host          TEXT,
    occupies      INTEGER NOT NULL,
    live          INTEGER NOT NULL,
    ready_at      INTEGER,
    wake_at       INTEGER,
    PRIMARY KEY (account, id)
) STRICT;

-- A session has at most one host, and a host at most one session.
CREATE UNIQUE INDEX session_host ON session (host) WHERE host IS NOT NULL;
CREATE INDEX session_room ON session (size) WHERE occupies = 1;
CREATE INDEX session_due ON session (wake_at, account, id) WHERE wake_at IS NOT NULL;
CREATE INDEX session_live ON session (account, created_at, id) WHERE live = 1;

-- Hosts that wait for a session.
CREATE TABLE idle_host (
    id            TEXT    NOT NULL PRIMARY KEY,
    size          TEXT    NOT NULL,
    specification TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    heard_at      INTEGER NOT NULL,
    address       TEXT
) STRICT;

-- What ended sessions have used; stays when they are forgotten.
CREATE TABLE usage (
    account  TEXT    NOT NULL,
    session  TEXT    NOT NULL,
    size     TEXT    NOT NULL,
    ready_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    PRIMARY KEY (account, ready_at, session)
) STRICT;
