// SPDX-License-Identifier: Apache-2.0
#include "store/cache.hpp"

#include <utility>

namespace compozy::store {

namespace {

using redis::Durability;
using redis::Reply;

Result<std::optional<std::string>> optional_text(Reply reply) {
  if (reply.is_error()) return reply.to_failure();
  if (reply.is_null()) return std::nullopt;
  return std::move(reply.text);
}

}  // namespace

io::Task<Result<std::optional<std::string>>> Cache::get(std::string key) {
  CO_TRY(auto reply, co_await client_.command({"GET", full(key)}, Durability::applied));
  co_return optional_text(std::move(reply));
}

io::Task<Result<std::vector<std::optional<std::string>>>> Cache::get_many(std::vector<std::string> keys) {
  std::vector<std::optional<std::string>> values;
  if (keys.empty()) co_return values;
  redis::Command command{"MGET"};
  for (const auto& key : keys) command.push_back(full(key));
  CO_TRY(auto reply, co_await client_.command(std::move(command), Durability::applied));
  if (reply.is_error()) co_return reply.to_failure();
  for (Reply& item : reply.items) {
    CO_TRY(auto value, optional_text(std::move(item)));
    values.push_back(std::move(value));
  }
  co_return values;
}

io::Task<Result<void>> Cache::set(std::string key, std::string value, int64_t ttl_ms) {
  if (ttl_ms < 0) co_return fail(Errc::invalid_argument, "the life time of the cached key '" + key + "' is negative");
  redis::Command command{"SET", full(key), std::move(value)};
  if (ttl_ms > 0) command.insert(command.end(), {"PX", std::to_string(ttl_ms)});
  CO_TRY(auto reply, co_await client_.command(std::move(command), Durability::applied));
  if (reply.is_error()) co_return reply.to_failure();
  co_return Result<void>{};
}

io::Task<Result<int64_t>> Cache::remove(std::vector<std::string> keys) {
  if (keys.empty()) co_return 0;
  redis::Command command{"DEL"};
  for (const auto& key : keys) command.push_back(full(key));
  CO_TRY(auto reply, co_await client_.command(std::move(command), Durability::applied));
  co_return reply.as_integer();
}

io::Task<Result<bool>> Cache::expire(std::string key, int64_t ttl_ms) {
  CO_TRY(auto reply, co_await client_.command({"PEXPIRE", full(key), std::to_string(ttl_ms)}, Durability::applied));
  CO_TRY(const int64_t changed, reply.as_integer());
  co_return changed == 1;
}

io::Task<Result<std::string>> Cache::load(std::string key, int64_t ttl_ms, Source source) {
  auto cached = co_await get(key);
  if (cached && *cached) co_return **std::move(cached);
  CO_TRY(std::string value, co_await source());
  // Whether it could be kept does not matter to the caller.
  static_cast<void>(co_await set(std::move(key), value, ttl_ms));
  co_return value;
}

}  // namespace compozy::store
