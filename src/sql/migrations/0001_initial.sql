-- SPDX-License-Identifier: Apache-2.0
--
-- The first schema: docs/durability.md section 3 names the owners and the rules.
-- Times (*_ms, at) are milliseconds since 1970 in UTC. Bodies are JSON text, so that any SQL shell can read them.
-- A run's rows carry its integer run_no; what the world sees is run_id. Composite keys are WITHOUT ROWID: one tree each.

CREATE TABLE runs (
  run_no      INTEGER PRIMARY KEY,
  run_id      TEXT    NOT NULL UNIQUE,
  workflow    TEXT    NOT NULL,
  idem_key    TEXT,                          -- the caller's Idempotency-Key
  idem_hash   TEXT,                          -- of the request that first carried it
  status      TEXT    NOT NULL,
  head        INTEGER NOT NULL DEFAULT 0,    -- seq of the latest record
  epoch       INTEGER NOT NULL DEFAULT 0,
  definition  TEXT    NOT NULL,              -- definitions.hash
  semantics   INTEGER NOT NULL,
  shard       INTEGER NOT NULL DEFAULT 0,
  input       TEXT,
  output      TEXT,
  error       TEXT,
  parent_run  INTEGER,                       -- run_no of the run that started this one, with the op that did
  parent_op   INTEGER,
  started_ms  INTEGER NOT NULL,
  updated_ms  INTEGER NOT NULL,
  ended_ms    INTEGER
) STRICT;
-- Two starts with one key are one run; runs without a key cost this index nothing.
CREATE UNIQUE INDEX runs_by_idem_key ON runs (workflow, idem_key) WHERE idem_key IS NOT NULL;
-- The list views page by run_no, newest first: WHERE workflow = ? AND run_no < ? ORDER BY run_no DESC.
CREATE INDEX runs_by_workflow ON runs (workflow, run_no);
CREATE INDEX runs_by_status ON runs (status, run_no);
CREATE INDEX runs_by_parent ON runs (parent_run, parent_op) WHERE parent_run IS NOT NULL;

-- What the machine decided, one row per decide; folding them gives a run's state.
CREATE TABLE records (
  run_no  INTEGER NOT NULL,
  seq     INTEGER NOT NULL,
  kind    INTEGER NOT NULL,
  v       INTEGER NOT NULL,
  at      INTEGER NOT NULL,
  epoch   INTEGER NOT NULL,
  body    TEXT    NOT NULL,
  PRIMARY KEY (run_no, seq)
) STRICT, WITHOUT ROWID;

-- The outbox: what must be started, or started again. kind: 0 activity, 1 run of its own, 2 end of such a run.
CREATE TABLE pending (
  run_no    INTEGER NOT NULL,
  op        INTEGER NOT NULL,
  kind      INTEGER NOT NULL,
  attempt   INTEGER NOT NULL,             -- attempts that have begun
  lost      INTEGER NOT NULL DEFAULT 0,   -- how many in a row ended with the process while the run stood still
  head      INTEGER NOT NULL DEFAULT 0,   -- the run's head when the latest attempt began
  ready_ms  INTEGER NOT NULL,
  body      TEXT    NOT NULL,
  PRIMARY KEY (run_no, op)
) STRICT, WITHOUT ROWID;

CREATE TABLE timers (
  shard   INTEGER NOT NULL,
  due_ms  INTEGER NOT NULL,
  run_no  INTEGER NOT NULL,
  op      INTEGER NOT NULL,
  PRIMARY KEY (shard, due_ms, run_no, op)
) STRICT, WITHOUT ROWID;

-- The signals that a run has accepted: the machine's record holds the payload, `dedupe` refuses a repeat.
CREATE TABLE inbox (
  run_no  INTEGER NOT NULL,
  n       INTEGER NOT NULL,
  at      INTEGER NOT NULL,
  kind    TEXT    NOT NULL,
  dedupe  TEXT,
  body    TEXT    NOT NULL,
  PRIMARY KEY (run_no, n)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX inbox_by_dedupe ON inbox (run_no, dedupe) WHERE dedupe IS NOT NULL;

-- One row per task instance; n is its order of entry.
CREATE TABLE tasks (
  run_no      INTEGER NOT NULL,
  n           INTEGER NOT NULL,
  path        TEXT    NOT NULL,
  task_id     TEXT    NOT NULL,
  type        TEXT    NOT NULL,
  status      TEXT    NOT NULL,
  input       TEXT,
  output      TEXT,
  error       TEXT,
  started_ms  INTEGER NOT NULL,
  ended_ms    INTEGER,
  PRIMARY KEY (run_no, n)
) STRICT, WITHOUT ROWID;

-- What observers see; n is dense per run and is the `id:` of the event stream.
CREATE TABLE events (
  run_no  INTEGER NOT NULL,
  n       INTEGER NOT NULL,
  at      INTEGER NOT NULL,
  kind    TEXT    NOT NULL,
  body    TEXT    NOT NULL,
  PRIMARY KEY (run_no, n)
) STRICT, WITHOUT ROWID;

-- An agent's paid answers and tool results, in order.
CREATE TABLE turns (
  run_no  INTEGER NOT NULL,
  op      INTEGER NOT NULL,
  n       INTEGER NOT NULL,
  kind    TEXT    NOT NULL,
  body    TEXT    NOT NULL,
  PRIMARY KEY (run_no, op, n)
) STRICT, WITHOUT ROWID;

-- Content by its SHA-256 in hexadecimal. Blobs are large, so they live in a table with a rowid.
CREATE TABLE blobs (
  hash        TEXT    PRIMARY KEY NOT NULL,
  bytes       BLOB    NOT NULL,
  created_ms  INTEGER NOT NULL
) STRICT;

CREATE TABLE definitions (
  hash           TEXT    PRIMARY KEY NOT NULL,
  workflow       TEXT    NOT NULL,
  resolved_json  TEXT    NOT NULL,
  created_ms     INTEGER NOT NULL
) STRICT;

CREATE TABLE users (
  user_id      TEXT    PRIMARY KEY NOT NULL,
  email        TEXT    NOT NULL UNIQUE,
  role         TEXT    NOT NULL,
  created_ms   INTEGER NOT NULL,
  disabled_ms  INTEGER
) STRICT, WITHOUT ROWID;

-- A key itself is never stored: `hash` is of the whole key, `hint` is its last characters for people.
CREATE TABLE api_keys (
  key_id        TEXT    PRIMARY KEY NOT NULL,
  user_id       TEXT    NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
  name          TEXT    NOT NULL,
  hash          TEXT    NOT NULL UNIQUE,
  hint          TEXT    NOT NULL,
  scopes        TEXT    NOT NULL,
  created_ms    INTEGER NOT NULL,
  expires_ms    INTEGER,
  last_used_ms  INTEGER,
  revoked_ms    INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX api_keys_by_user ON api_keys (user_id);

-- Who did what. Each row's hash covers the row and the hash before it.
CREATE TABLE audit (
  n              INTEGER PRIMARY KEY,
  at             INTEGER NOT NULL,
  actor          TEXT    NOT NULL,
  action         TEXT    NOT NULL,
  subject        TEXT    NOT NULL,
  detail         TEXT,
  previous_hash  TEXT    NOT NULL,
  hash           TEXT    NOT NULL
) STRICT;

-- What each workflow's schedule has done, and what people changed about it. `spec` is the YAML's schedule as it was
-- when the row was written: another one there lets the override go.
CREATE TABLE schedules (
  workflow          TEXT    PRIMARY KEY NOT NULL,
  spec              TEXT    NOT NULL,
  next_ms           INTEGER NOT NULL,   -- the next time that is due; 0 = none
  last_ms           INTEGER NOT NULL,   -- the latest time that started a run; 0 = none yet
  last_run          TEXT,
  skipped           INTEGER NOT NULL,   -- times that started nothing: overlapping, or too old
  buffered_ms       INTEGER NOT NULL,   -- starts when last_run ends; 0 = nothing waits
  override_cron     TEXT,
  override_enabled  INTEGER,
  override_ms       INTEGER             -- when a person last changed it
) STRICT, WITHOUT ROWID;

-- What was sent to us and could not be used: a webhook's delivery or an event, with the reason. The newest are kept.
CREATE TABLE dead_letters (
  n       INTEGER PRIMARY KEY,
  at      INTEGER NOT NULL,
  source  TEXT    NOT NULL,   -- "webhook/SLUG" or "event/NAME"
  reason  TEXT    NOT NULL,
  body    TEXT    NOT NULL
) STRICT;
