// SPDX-License-Identifier: Apache-2.0
//
// API keys. A key is `cpzy_` and 40 random characters, shown once; what is stored is its BLAKE2b hash, keyed with
// nothing, since 200 bits of chance need no stretching. Checking one costs a hash and a look-up in memory: no disk, no
// cache that could outlive a revocation.
//
// Errors: unauthenticated for a key that is unknown, expired or revoked (the answer is the same), storage errors.
// Thread: check() any; the rest must not run on a loop (they write to the database and wait).
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "sql/database.hpp"

namespace compozy::auth {

struct Identity {
  std::string key_id;
  std::string user_id;
  std::string name;
};

struct KeyInfo {
  std::string key_id, user_id, name, hint;  // hint: the last four characters
  int64_t created_ms = 0;
  int64_t expires_ms = 0;  // 0 = never
  int64_t revoked_ms = 0;  // 0 = valid
};

struct NewKey {
  KeyInfo info;
  std::string key;  // in full, this once
};

class ApiKeys {
 public:
  ApiKeys(sql::Database& database, const Clock& clock, Random& random)
      : database_(database), clock_(clock), random_(random) {}

  Result<void> load_blocking();
  bool empty() const;

  // Creates the user where it is missing.
  Result<NewKey> create_blocking(const std::string& user, const std::string& name, int64_t expires_ms);
  Result<void> revoke_blocking(const std::string& key_id);
  std::vector<KeyInfo> list() const;

  Result<Identity> check(std::string_view key) const;

 private:
  struct Known {
    KeyInfo info;
    std::string hash;
  };
  sql::Database& database_;
  const Clock& clock_;
  Random& random_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Known> by_hash_;
};

inline constexpr std::string_view kKeyPrefix = "cpzy_";

}  // namespace compozy::auth
