// SPDX-License-Identifier: Apache-2.0
#include "store/memory.hpp"

#include <algorithm>

#include "base/hash.hpp"
#include "base/text.hpp"
#include "json/parse.hpp"
#include "json/print.hpp"

namespace compozy::store {

namespace {

// KEYS: messages, meta, effect ("" = none given: the third key is then the meta key again and not used)
// ARGV: mode, effect ttl, ttl, max messages, max tokens, now, the conversation's key, then a message each
const redis::Script& change_script() {
  static const redis::Script script(R"(
local messages, meta, effect = KEYS[1], KEYS[2], KEYS[3]
local mode, effect_ttl, ttl = ARGV[1], ARGV[2], tonumber(ARGV[3])
local max_messages, max_tokens = tonumber(ARGV[4]), tonumber(ARGV[5])
if effect then
  local done = redis.call('GET', effect)
  if done then return done end
end
local count = tonumber(redis.call('HGET', meta, 'message_count') or '0')
local tokens = tonumber(redis.call('HGET', meta, 'token_count') or '0')
local changed = 0
if mode == 'replace' or mode == 'clear' then
  if mode == 'clear' then changed = count end
  redis.call('DEL', messages)
  count, tokens = 0, 0
end
for i = 8, #ARGV do
  redis.call('RPUSH', messages, ARGV[i])
  tokens = tokens + cjson.decode(ARGV[i]).tokens
  count = count + 1
  changed = changed + 1
end
local keep_last = mode ~= 'flush'
while count > 0 and ((max_messages >= 0 and count > max_messages) or (max_tokens >= 0 and tokens > max_tokens)) do
  if keep_last and count == 1 then break end
  tokens = tokens - cjson.decode(redis.call('LPOP', messages)).tokens
  count = count - 1
  if mode == 'flush' then changed = changed + 1 end
end
if count == 0 then
  redis.call('DEL', meta)
else
  redis.call('HSET', meta, 'message_count', count, 'token_count', tokens, 'key', ARGV[7])
  if mode == 'flush' and changed > 0 then redis.call('HSET', meta, 'last_flush_ms', ARGV[6]) end
  if ttl > 0 then
    redis.call('PEXPIRE', messages, ttl)
    redis.call('PEXPIRE', meta, ttl)
  end
end
local reply = string.format('{"message_count":%d,"token_count":%d,"changed":%d}', count, tokens, changed)
if effect then redis.call('SET', effect, reply, 'PX', effect_ttl) end
return reply
)");
  return script;
}

std::string base_key(const MemoryKey& key) {
  return "mem:{" + key.project + ":" + key.memory + ":" + sha256_hex(key.key).substr(0, 32) + "}";
}

Result<void> check_messages(const std::vector<MemoryMessage>& messages) {
  if (messages.size() > Memory::kMessagesMax) {
    return fail(Errc::too_large, std::to_string(messages.size()) + " messages in one call; the limit is " +
                                     std::to_string(Memory::kMessagesMax));
  }
  for (const MemoryMessage& message : messages) {
    if (message.content.size() > Memory::kMessageBytesMax) {
      return fail(Errc::too_large, "a message of " + std::to_string(message.content.size()) + " bytes; the limit is " +
                                       std::to_string(Memory::kMessageBytesMax));
    }
    if (message.role != "user" && message.role != "assistant" && message.role != "system" && message.role != "tool") {
      return fail(Errc::validation_failed,
                  "unknown role '" + message.role + "', expected user, assistant, system or tool");
    }
  }
  return {};
}

int64_t bound(int64_t limit) { return limit > 0 ? limit : -1; }

}  // namespace

int64_t estimate_tokens(const MemoryMessage& message) {
  const auto quarter = [](const std::string& text) {
    return std::max<int64_t>(1, static_cast<int64_t>(text.size() / 4));
  };
  return quarter(message.content) + quarter(message.role) + 2;
}

io::Task<Result<MemoryChange>> Memory::write(std::string_view mode, MemoryKey key, std::vector<MemoryMessage> messages,
                                             MemoryLimits limits, std::string effect) {
  CO_TRY(check_messages(messages));
  const std::string base = base_key(key);
  std::vector<std::string> keys{base + ":messages", base + ":meta"};
  if (!effect.empty()) keys.push_back(base + ":fx:" + effect);
  std::vector<std::string> args{std::string(mode),
                                std::to_string(kEffectTtlMs),
                                std::to_string(limits.ttl_ms),
                                std::to_string(limits.max_messages),
                                std::to_string(limits.max_tokens),
                                std::to_string(clock_.wall_ms()),
                                key.key};
  for (const MemoryMessage& message : messages) {
    args.push_back(json::print(json::Value::object(
        {{"role", message.role}, {"content", message.content}, {"tokens", estimate_tokens(message)}})));
  }
  CO_TRY(const redis::Reply reply,
         co_await client_.script(change_script(), std::move(keys), std::move(args), redis::Durability::durable));
  if (reply.is_error()) co_return fail(Errc::storage_failed, "memory '" + key.memory + "': " + reply.text);
  CO_TRY(const json::Value body, json::parse(reply.text));
  co_return MemoryChange{.message_count = body["message_count"].integer_or(0),
                         .token_count = body["token_count"].integer_or(0),
                         .changed = body["changed"].integer_or(0)};
}

io::Task<Result<MemoryChange>> Memory::append(MemoryKey key, std::vector<MemoryMessage> messages, MemoryLimits limits,
                                              std::string effect) {
  limits = {
      .max_messages = bound(limits.max_messages), .max_tokens = bound(limits.max_tokens), .ttl_ms = limits.ttl_ms};
  co_return co_await write("append", std::move(key), std::move(messages), limits, std::move(effect));
}

io::Task<Result<MemoryChange>> Memory::replace(MemoryKey key, std::vector<MemoryMessage> messages, MemoryLimits limits,
                                               std::string effect) {
  limits = {
      .max_messages = bound(limits.max_messages), .max_tokens = bound(limits.max_tokens), .ttl_ms = limits.ttl_ms};
  co_return co_await write("replace", std::move(key), std::move(messages), limits, std::move(effect));
}

io::Task<Result<MemoryChange>> Memory::clear(MemoryKey key, std::string effect) {
  co_return co_await write("clear", std::move(key), {}, {.max_messages = -1, .max_tokens = -1}, std::move(effect));
}

io::Task<Result<MemoryChange>> Memory::flush(MemoryKey key, int64_t keep_messages, int64_t keep_tokens,
                                             std::string effect) {
  co_return co_await write("flush", std::move(key), {}, {.max_messages = keep_messages, .max_tokens = keep_tokens},
                           std::move(effect));
}

io::Task<Result<MemoryPage>> Memory::read(MemoryKey key, int64_t offset, int64_t limit) {
  const std::string base = base_key(key);
  std::vector<redis::Command> commands{
      {"LRANGE", base + ":messages", std::to_string(offset), std::to_string(offset + limit - 1)},
      {"HMGET", base + ":meta", "message_count", "token_count", "last_flush_ms"}};
  // One transaction: the page and its counters are of one moment.
  CO_TRY(const auto replies, co_await client_.transaction(std::move(commands), redis::Durability::applied));
  MemoryPage page;
  for (const redis::Reply& element : replies[0].items) {
    CO_TRY(const json::Value message, json::parse(element.text));
    page.messages.push_back({.role = message["role"].string_or(""), .content = message["content"].string_or("")});
  }
  const auto number = [&](size_t i) {
    int64_t value = 0;
    const redis::Reply& element = replies[1].items[i];
    if (!element.is_null()) (void)parse_int64(element.text, value);
    return value;
  };
  page.message_count = number(0);
  page.token_count = number(1);
  page.last_flush_ms = number(2);
  co_return page;
}

io::Task<Result<void>> Memory::effect_closed(MemoryKey key, std::string effect) {
  CO_TRY(co_await client_.command({"PEXPIRE", base_key(key) + ":fx:" + effect, std::to_string(kClosedEffectTtlMs)},
                                  redis::Durability::applied));
  co_return Result<void>();
}

}  // namespace compozy::store
