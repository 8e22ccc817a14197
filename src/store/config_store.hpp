// SPDX-License-Identifier: Apache-2.0
//
// ConfigStore: the resolved definitions that executions pin, by content hash, for whoever runs their parts. SQL owns
// them; this is their copy in Redis with a life time of 24 hours that starts anew with each reading. A run that sleeps
// for a month misses here and finds its definition in SQL: nothing depends on the copy.
// Key: `config:<hash>`, JSON text. Owner: app. Thread: any loop.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.hpp"
#include "io/task.hpp"
#include "redis/client/client.hpp"

namespace compozy::store {

class ConfigStore {
 public:
  static constexpr int64_t kTtlMs = 24LL * 3600 * 1000;
  // Gives the JSON text from SQL; not_found when there is none.
  using Source = std::function<io::Task<Result<std::string>>(std::string hash)>;

  ConfigStore(redis::Client& client, Source source, int64_t ttl_ms = kTtlMs)
      : client_(client), source_(std::move(source)), ttl_ms_(ttl_ms) {}

  io::Task<Result<void>> save(std::string hash, std::string config);
  io::Task<Result<std::string>> get(std::string hash);
  io::Task<Result<void>> remove(std::string hash);  // also when absent

 private:
  redis::Client& client_;
  Source source_;
  int64_t ttl_ms_;
};

}  // namespace compozy::store
