// SPDX-License-Identifier: Apache-2.0
#include "redis/commands/context.hpp"

#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "base/text.hpp"

namespace compozy::redis {

namespace {

template <class Number>
bool parse_float(std::string_view text, Number& out, Number (*parse)(const char*, char**)) {
  if (text.empty() || std::isspace(static_cast<unsigned char>(text[0])) != 0) return false;
  const std::string copy(text);  // the C functions want a zero at the end
  char* end = nullptr;
  errno = 0;
  out = parse(copy.c_str(), &end);
  if (end != copy.c_str() + copy.size() || std::isnan(out)) return false;
  return errno != ERANGE || (!std::isinf(out) && out != 0);
}

}  // namespace

bool parse_redis_double(std::string_view text, double& out) {
  int64_t integer = 0;
  if (is_canonical_integer(text, integer) && integer > -(1LL << 52) && integer < (1LL << 52)) {
    out = static_cast<double>(integer);
    return true;
  }
  return parse_float<double>(text, out, std::strtod);
}

bool parse_redis_long_double(std::string_view text, long double& out) {
  return parse_float<long double>(text, out, std::strtold);
}

std::string format_long_double(long double value) {
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  std::array<char, 5200> text;
  int size = std::snprintf(text.data(), text.size(), "%.17Lf", value);
  if (std::memchr(text.data(), '.', static_cast<size_t>(size)) != nullptr) {
    while (text[static_cast<size_t>(size) - 1] == '0') --size;
    if (text[static_cast<size_t>(size) - 1] == '.') --size;
  }
  std::string result(text.data(), static_cast<size_t>(size));
  return result == "-0" ? "0" : result;
}

bool add_overflows(int64_t a, int64_t b, int64_t& sum) { return __builtin_add_overflow(a, b, &sum); }

bool Context::is(size_t i, std::string_view word) const { return equals_ignoring_case(args[i], word); }

bool Context::error(std::string_view text) {
  failed = true;
  reply.error(text);
  return false;
}

void Context::wrong_arguments() {
  std::string name(row.parent);
  if (!name.empty()) name += '|';
  name += row.name;
  error("ERR wrong number of arguments for '" + name + "' command");
}

void Context::wrong_subcommand() {
  error("ERR unknown subcommand or wrong number of arguments for '" + std::string(args[1].substr(0, 128)) + "'. Try " +
        to_upper(row.parent) + " HELP.");
}

bool Context::integer(std::string_view text, int64_t& out, std::string_view message) {
  return is_canonical_integer(text, out) || error(message);
}

bool Context::integer_in(std::string_view text, int64_t min, int64_t max, int64_t& out) {
  if (!integer(text, out)) return false;
  if (out >= min && out <= max) return true;
  return error("ERR value is out of range, value must between " + std::to_string(min) + " and " + std::to_string(max));
}

bool Context::number(std::string_view text, double& out, std::string_view message) {
  return parse_redis_double(text, out) || error(message);
}

bool Context::long_number(std::string_view text, long double& out, std::string_view message) {
  return parse_redis_long_double(text, out) || error(message);
}

bool Context::timeout(std::string_view text, int64_t& deadline_ms) {
  long double seconds = 0;
  if (!long_number(text, seconds, "ERR timeout is not a float or out of range")) return false;
  const long double ms = std::ceil(seconds * 1000);
  constexpr auto kMax = static_cast<long double>(std::numeric_limits<int64_t>::max());
  if (ms > kMax) return error("ERR timeout is out of range");
  if (ms < 0) return error("ERR timeout is negative");
  deadline_ms = 0;
  if (ms > 0) {
    if (ms > kMax - static_cast<long double>(now_ms())) return error("ERR timeout is out of range");
    deadline_ms = now_ms() + static_cast<int64_t>(ms);
  }
  return true;
}

const Entry* Context::find_counted(std::string_view key, bool use) {
  const Entry* entry = use ? db().find(key) : db().peek(key);
  ++(entry != nullptr ? server.stats.keyspace_hits : server.stats.keyspace_misses);
  // A write that makes the key itself does not miss it; one that reads other keys may.
  const bool reads = !row.has(kDenyOom) || row.name.ends_with("store") || row.name == "bitop" || row.name == "pfmerge";
  if (entry == nullptr && reads && server.notifications.on())
    server.notifications.post(EventClass::missed, "keymiss", db().index(), key);
  return entry;
}

bool Context::read_string(std::string_view key, std::optional<std::string_view>& out) {
  const Entry* entry = find_counted(key);
  out.reset();
  if (entry == nullptr) return true;
  if (entry->type != Type::string) return error(kWrongType);
  out = entry->string();
  return true;
}

bool Context::peek_string(std::string_view key, std::optional<std::string_view>& out) {
  const Entry* entry = db().peek(key);
  out.reset();
  if (entry == nullptr) return true;
  if (entry->type != Type::string) return error(kWrongType);
  out = entry->string();
  return true;
}

void Context::touched_in(Database& database, std::string_view key) {
  ++server.stats.dirty;
  database.modified(key);
  if (server.tracking.active()) server.tracking.invalidate(key, server.current);
  if (!server.blocked.empty()) server.blocked.touched(database.index(), key);
  if (server.notifications.on()) {
    last_touched_ = key;
    notify_touched(*this, database, key, touched_count_++);
  }
}

void Context::propagate_as(Args command) {
  propagated = true;
  server.effects.append(session.database, command);
}

void Context::propagate_only(EffectBuffer::Target target, Args command) {
  const uint8_t before = server.effects.targets;
  server.effects.targets = before & target;
  propagate_as(command);
  server.effects.targets = before;
}

}  // namespace compozy::redis
