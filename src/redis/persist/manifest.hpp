// SPDX-License-Identifier: Apache-2.0
//
// Manifest: which files the append-only log consists of, in Redis' multi-part layout, so that a redis-server can start
// from our directory and we from its:
//
//   <dir>/appendonlydir/appendonly.aof.manifest
//     file appendonly.aof.2.base.aof seq 2 type b
//     file appendonly.aof.3.incr.aof seq 3 type i
//
// Source: redis.io/docs/management/persistence ("How it works in Redis 7").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace compozy::redis {

struct ManifestFile {
  std::string name;
  uint64_t seq = 0;
};

struct Manifest {
  std::optional<ManifestFile> base;
  std::vector<ManifestFile> incrementals;  // in the order in which they are replayed
  std::vector<ManifestFile> history;       // to be deleted; the newest first

  std::string to_string() const;
  uint64_t next_incremental_seq() const { return incrementals.empty() ? 1 : incrementals.back().seq + 1; }
  uint64_t next_base_seq() const { return base ? base->seq + 1 : 1; }
  // A rewrite is through: the base before it is history, and so are the incremental files below `first_kept`.
  void replace_base(ManifestFile fresh, uint64_t first_kept);
};

Result<Manifest> parse_manifest(std::string_view text, const std::string& path);

}  // namespace compozy::redis
