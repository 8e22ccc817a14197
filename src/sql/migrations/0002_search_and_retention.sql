-- SPDX-License-Identifier: Apache-2.0
--
-- What a run cost, what it is found by, and when it may go.

ALTER TABLE runs ADD COLUMN usage TEXT;   -- tokens by provider/model; null = none

-- What a workflow's `attributes` said when the run started. `text` is the value as written; a number is there as well.
CREATE TABLE attributes (
  run_no  INTEGER NOT NULL,
  name    TEXT    NOT NULL,
  text    TEXT    NOT NULL,
  number  REAL,
  PRIMARY KEY (run_no, name)
) STRICT, WITHOUT ROWID;
-- Pages go by run_no within one value: WHERE name = ? AND text = ? AND run_no < ? ORDER BY run_no DESC.
CREATE INDEX attributes_by_text ON attributes (name, text, run_no);
CREATE INDEX attributes_by_number ON attributes (name, number) WHERE number IS NOT NULL;

-- The runs that have ended, oldest first: what retention looks through.
CREATE INDEX runs_by_end ON runs (workflow, ended_ms) WHERE ended_ms IS NOT NULL;
