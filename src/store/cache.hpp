// SPDX-License-Identifier: Apache-2.0
//
// Cache: texts under keys with a life time, on Redis. Whatever is here may vanish at any time without anyone noticing
// more than a slower answer; so its calls are `applied`, and load() answers from the source when Redis is away.
// Keys: `cache:<space>:<key>`. Owner: app. Thread: any loop.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "io/task.hpp"
#include "redis/client/client.hpp"

namespace compozy::store {

class Cache {
 public:
  // `space` keeps the keys of different users of the cache apart; it must not contain ':'.
  Cache(redis::Client& client, std::string space) : client_(client), space_(std::move(space)) {}

  // An absent key is nothing, an empty text is a text.
  io::Task<Result<std::optional<std::string>>> get(std::string key);
  io::Task<Result<std::vector<std::optional<std::string>>>> get_many(std::vector<std::string> keys);
  io::Task<Result<void>> set(std::string key, std::string value, int64_t ttl_ms);  // 0: for ever
  io::Task<Result<int64_t>> remove(std::vector<std::string> keys);                 // how many there were
  io::Task<Result<bool>> expire(std::string key, int64_t ttl_ms);                  // false: absent

  // The cached text, or what `source` gives, which is then cached. A failing Redis costs only time.
  using Source = std::function<io::Task<Result<std::string>>()>;
  io::Task<Result<std::string>> load(std::string key, int64_t ttl_ms, Source source);

 private:
  std::string full(std::string_view key) const { return "cache:" + space_ + ":" + std::string(key); }

  redis::Client& client_;
  std::string space_;
};

}  // namespace compozy::store
