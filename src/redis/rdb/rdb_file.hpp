// SPDX-License-Identifier: Apache-2.0
//
// RDB files: "REDIS0010", remarks, functions, keys by database, end, checksum. docs/formats/rdb.md describes them.
// Writing is in pieces, so that a walk over the keys can go on in slices; reading takes the bytes of a whole file, or
// what there is of them, and more as they arrive.
// Thread: whoever holds the engine's gate.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "redis/keyspace/keyspace.hpp"

namespace compozy::redis {

struct RdbHead {
  std::string version;  // of the Redis we speak for
  int64_t created_s = 0;
  int64_t used_memory = 0;
  std::vector<std::string> libraries;  // code of the functions
  bool log_base = false;               // the beginning of an append-only log
  // The replication history that the data is of; an empty id: of none.
  struct History {
    std::string id;
    uint64_t offset = 0;
    size_t database = 0;  // that its stream has selected
  } history = {};
};

void append_rdb_head(std::string& out, const RdbHead& head);
void append_rdb_select(std::string& out, size_t database);
void append_rdb_entry(std::string& out, const Entry& entry, bool compress = true);
// A file is written in parts: each goes through here once it is whole, and is counted into the checksum, which begins
// at 0. The last one gets the end mark, and after it the checksum: eight bytes, crc64 of all before them.
void seal_rdb_part(std::string& part, uint64_t& checksum, bool last);
// All of it.
std::string make_rdb(Keyspace& space, const RdbHead& head, bool compress = true);

struct RdbLoaded {
  uint64_t keys = 0;
  uint64_t expired = 0;
  uint64_t empty = 0;  // were left out: old servers wrote collections of nothing
  size_t end = 0;      // where the file's own bytes end: a log may follow
  std::string rest;    // of a file that was read as it arrived: what came after its end
  std::vector<std::string> libraries;
  RdbHead::History history = {};
};
// Adds what the file holds; keys whose deadline has passed are left out unless they are asked for. After a failure the
// keyspace holds a part. A key that is there already is a corrupt file, unless what is loaded is merged into the data.
struct RdbLoading {
  bool keep_expired = false;
  bool merge = false;
  // Called for a key that was left out because its deadline has passed.
  std::function<void(size_t database, std::string_view key)> expired = {};
  // Called for a collection that was left out because nothing is in it.
  std::function<void(std::string_view key)> empty = {};
  // Called between keys with the place in the file; an error ends the loading.
  std::function<Result<void>(size_t position)> between_keys = {};
  // The file arrives in parts: appends what has come. False: nothing did for a moment; an error ends the loading.
  std::function<Result<bool>(std::string& bytes)> more = {};
  // Where the keys go instead of the keyspace's own databases: as many others of it, which nobody sees yet.
  std::vector<std::unique_ptr<Database>>* databases = nullptr;
};
Result<RdbLoaded> load_rdb(std::string_view bytes, Keyspace& space, RdbLoading how = {});

}  // namespace compozy::redis
