// SPDX-License-Identifier: Apache-2.0
#include "store/config_store.hpp"

#include <utility>

namespace compozy::store {

namespace {

using redis::Durability;

Result<std::string> key_of(const std::string& hash) {
  if (hash.empty()) return fail(Errc::invalid_argument, "the hash of a definition is empty");
  return "config:" + hash;
}

}  // namespace

io::Task<Result<void>> ConfigStore::save(std::string hash, std::string config) {
  CO_TRY(std::string key, key_of(hash));
  CO_TRY(auto reply, co_await client_.command({"SET", std::move(key), std::move(config), "PX", std::to_string(ttl_ms_)},
                                              Durability::applied));
  if (reply.is_error()) co_return reply.to_failure();
  co_return Result<void>{};
}

io::Task<Result<std::string>> ConfigStore::get(std::string hash) {
  CO_TRY(std::string key, key_of(hash));
  const auto cached =
      co_await client_.command({"GETEX", std::move(key), "PX", std::to_string(ttl_ms_)}, Durability::applied);
  if (cached && cached->is_text()) co_return cached->text;
  // Absent, or Redis is away: SQL knows.
  CO_TRY(std::string config, co_await source_(hash));
  static_cast<void>(co_await save(std::move(hash), config));
  co_return config;
}

io::Task<Result<void>> ConfigStore::remove(std::string hash) {
  CO_TRY(std::string key, key_of(hash));
  CO_TRY(auto reply, co_await client_.command({"DEL", std::move(key)}, Durability::applied));
  if (reply.is_error()) co_return reply.to_failure();
  co_return Result<void>{};
}

}  // namespace compozy::store
