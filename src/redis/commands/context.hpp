// SPDX-License-Identifier: Apache-2.0
//
// Context: one call of one command: its arguments, its session, where to reply, and how to say what changed.
//
// A handler replies exactly once. It reports each changed key with touched(); a command that changed something is
// written to the log as it came unless the handler says otherwise with propagate_as() or propagate_nothing().
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "redis/commands/state.hpp"

namespace compozy::redis {

inline constexpr std::string_view kWrongType = "WRONGTYPE Operation against a key holding the wrong kind of value";
inline constexpr std::string_view kSyntaxError = "ERR syntax error";
inline constexpr std::string_view kNotInteger = "ERR value is not an integer or out of range";
inline constexpr std::string_view kNotFloat = "ERR value is not a valid float";
inline constexpr std::string_view kNoSuchKey = "ERR no such key";
inline constexpr std::string_view kOutOfRange = "ERR index out of range";
inline constexpr std::string_view kMustBePositive = "ERR value is out of range, must be positive";

// How long a blocking command waits, and for what.
struct BlockRequest {
  std::vector<std::string> keys;
  int64_t deadline_ms = 0;  // 0: for ever
  bool null_is_array = true;
  Type type = Type::list;  // what the key must hold to wake the client
  // The command to run for keys[i] when it is ready; empty: the command as it came, with that key alone.
  std::vector<std::vector<std::string>> retries = {};
  std::string_view gone = {};  // the error when the key is no longer of the type; empty: the client goes on waiting
  // WAIT: until so many replicas have so much of the stream.
  int64_t replicas = 0;
  uint64_t offset = 0;
};

template <class V>
struct TypeOf;
template <>
struct TypeOf<ListValue> {
  static constexpr Type value = Type::list;
};
template <>
struct TypeOf<HashValue> {
  static constexpr Type value = Type::hash;
};
template <>
struct TypeOf<SetValue> {
  static constexpr Type value = Type::set;
};
template <>
struct TypeOf<ZSetValue> {
  static constexpr Type value = Type::zset;
};
template <>
struct TypeOf<StreamValue> {
  static constexpr Type value = Type::stream;
};

struct Context {
  Context(ServerState& s, Session& c, const Row& r, Args a, ReplyWriter w)
      : server(s), session(c), row(r), args(a), reply(w) {}

  ServerState& server;
  Session& session;
  const Row& row;
  Args args;
  ReplyWriter reply;
  bool may_block = true;  // not inside EXEC or a script
  bool from_script = false;
  bool retrying = false;  // the command was blocked, and a key of it is ready
  bool failed = false;
  bool error_counted = false;  // the error statistics know the error already: a script passes on that of a command
  bool propagated = false;     // the handler has said itself what goes to the log
  std::optional<BlockRequest> block;

  Database& db() { return server.keyspace.database(session.database); }
  Keyspace& space() { return server.keyspace; }
  int64_t now_ms() { return server.keyspace.now_ms(); }
  size_t size() const { return args.size(); }
  std::string_view arg(size_t i) const { return args[i]; }
  bool is(size_t i, std::string_view word) const;  // without case

  // Replies with an error: "ERR …". Returns false, so that parsers can `return ctx.error(…)`.
  bool error(std::string_view text);
  void wrong_arguments();
  void wrong_subcommand();  // a container's subcommand with more than it takes

  // Parsers reply with the error and answer false.
  bool integer(std::string_view text, int64_t& out, std::string_view message = kNotInteger);
  bool integer_in(std::string_view text, int64_t min, int64_t max, int64_t& out);
  bool number(std::string_view text, double& out, std::string_view message = kNotFloat);
  bool long_number(std::string_view text, long double& out, std::string_view message = kNotFloat);
  bool timeout(std::string_view text, int64_t& deadline_ms);

  // Looking up a key of a type. False: a WRONGTYPE error was sent. The pointer is null when the key is absent.
  bool read_string(std::string_view key, std::optional<std::string_view>& out);
  bool peek_string(std::string_view key, std::optional<std::string_view>& out);  // before a write: not a read
  // Counts hits and misses; `use`: it is a use of the key, too.
  const Entry* find_counted(std::string_view key, bool use = true);
  template <class V>
  bool read(std::string_view key, const V*& out) {
    const Entry* entry = find_counted(key);
    out = entry == nullptr ? nullptr : typed<V>(*entry);
    return entry == nullptr || out != nullptr;
  }
  template <class V>
  bool write(std::string_view key, V*& out) {
    const Entry* entry = db().find_for_write(key);
    out = entry == nullptr ? nullptr : typed<V>(*entry);
    return entry == nullptr || out != nullptr;
  }
  template <class V>
  V& create(std::string_view key) {
    V* value = counted_new<V>();
    db().add(key, TypeOf<V>::value, value);
    return *value;
  }
  template <class V>
  void erase_if_empty(std::string_view key, const V& value) {
    if (value.size() == 0 && db().erase(key) && key == last_touched_ && server.notifications.on())
      notify_emptied(*this, key);
  }
  // Puts a whole value at a key, replacing what was there; an empty one only removes.
  template <class V>
  void store(std::string_view key, V* value) {
    db().erase(key);
    if (value->size() == 0) {
      counted_delete(value);
    } else {
      db().add(key, TypeOf<V>::value, value);
    }
  }

  void touched(std::string_view key) { touched_in(db(), key); }
  void touched_in(Database& database, std::string_view key);
  void propagate_as(std::initializer_list<std::string_view> command) {
    propagate_as(Args(command.begin(), command.size()));
  }
  void propagate_as(Args command);
  // The same for these alone.
  void propagate_only(EffectBuffer::Target target, Args command);
  void propagate_nothing() { propagated = true; }

 private:
  int touched_count_ = 0;
  std::string_view last_touched_;

  template <class V>
  V* typed(const Entry& entry) {
    if (entry.type == TypeOf<V>::value) return &entry.value<V>();
    error(kWrongType);
    return nullptr;
  }
};

// Texts of numbers as Redis reads them: no spaces, no NaN.
bool parse_redis_double(std::string_view text, double& out);
bool parse_redis_long_double(std::string_view text, long double& out);
// "%.17Lf" without trailing zeros: what INCRBYFLOAT stores.
std::string format_long_double(long double value);

// ANSI arithmetic that tells overflow.
bool add_overflows(int64_t a, int64_t b, int64_t& sum);

}  // namespace compozy::redis
