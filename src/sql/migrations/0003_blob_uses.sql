-- SPDX-License-Identifier: Apache-2.0
--
-- Which run holds which blob: a blob goes with the last run that uses it.

CREATE TABLE blob_uses (
  run_no  INTEGER NOT NULL,
  hash    TEXT    NOT NULL,   -- blobs.hash
  PRIMARY KEY (run_no, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX blob_uses_by_hash ON blob_uses (hash);
