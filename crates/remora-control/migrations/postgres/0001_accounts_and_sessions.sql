-- The same as for SQLite. Text is compared byte by byte, as there: lists have one order everywhere.
CREATE TABLE account (
    id         TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE account_key (
    account TEXT   COLLATE "C" NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    slot    BIGINT NOT NULL,
    salt    BYTEA  NOT NULL,
    digest  BYTEA  NOT NULL,
    PRIMARY KEY (account, slot)
);

-- Times are milliseconds since 1970. host, occupies (room for that host), live, ready_at (of a Ready session) and wake_at
-- are derived from phase, so that they can be looked up.
CREATE TABLE session (
    account       TEXT   COLLATE "C" NOT NULL,
    id            TEXT   COLLATE "C" NOT NULL,
    generation    BIGINT NOT NULL,
    size          TEXT   COLLATE "C" NOT NULL,
    lease_minutes BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    changed_at    BIGINT NOT NULL,
    models        TEXT   NOT NULL,
    phase         TEXT   NOT NULL,
    host          TEXT   COLLATE "C",
    occupies      BIGINT NOT NULL,
    live          BIGINT NOT NULL,
    ready_at      BIGINT,
    wake_at       BIGINT,
    PRIMARY KEY (account, id)
);

-- A session has at most one host, and a host at most one session.
CREATE UNIQUE INDEX session_host ON session (host) WHERE host IS NOT NULL;
CREATE INDEX session_room ON session (size) WHERE occupies = 1;
CREATE INDEX session_due ON session (wake_at, account, id) WHERE wake_at IS NOT NULL;
CREATE INDEX session_live ON session (account, created_at, id) WHERE live = 1;

-- Hosts that wait for a session.
CREATE TABLE idle_host (
    id            TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    size          TEXT   COLLATE "C" NOT NULL,
    specification TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    heard_at      BIGINT NOT NULL,
    address       TEXT
);

-- What ended sessions have used; stays when they are forgotten.
CREATE TABLE usage (
    account  TEXT   COLLATE "C" NOT NULL,
    session  TEXT   COLLATE "C" NOT NULL,
    size     TEXT   COLLATE "C" NOT NULL,
    ready_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    PRIMARY KEY (account, ready_at, session)
);
