// SPDX-License-Identifier: Apache-2.0
//
// Client: seam 1. A Redis, wherever it is: in this process (redis/embedded) or behind a socket (redis/remote).
//
//   CO_TRY(auto reply, co_await client.command({"HGETALL", key}, Durability::applied));
//   CO_TRY(auto pairs, reply.as_pairs());
//
// A Result's error means that no answer came (Errc::unavailable, closed, cancelled, storage_*); an error that Redis
// answered is a Reply of kind error: `reply.is_error()`. After an error it is unknown whether a command took effect.
// Each call stands alone: commands that change a connection (MULTI, SELECT, SUBSCRIBE, WATCH …) are refused with
// Errc::unsupported; transaction() and subscribe() are there for them.
//
// Owner: app. Thread: every call from a coroutine on any io::Loop, on which it also continues; any number at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "io/task.hpp"
#include "redis/resp/reply.hpp"

namespace compozy::redis {

// What a mutating call waits for. A remote server's own appendfsync decides there; `durable` then adds nothing.
enum class Durability : uint8_t { applied, durable };

// A Lua script under the name by which servers cache it. Make it once, as a constant.
struct Script {
  explicit Script(std::string_view text);
  std::string source;
  std::string sha1;
};

struct Message {
  enum class Kind : uint8_t { message, gap };
  Kind kind = Kind::message;
  std::string channel = {};
  std::string pattern = {};  // the pattern that matched, when one did
  std::string payload = {};
  uint64_t missed = 0;  // gap: how many messages were dropped; 0 when the connection was lost and nobody knows
};

// Messages as they come. The buffer is bounded: what does not fit is dropped, and a gap stands in its place.
class Subscription {
 public:
  virtual ~Subscription() = default;  // ends it
  // One caller at a time. Errc::closed once it was closed.
  virtual io::Task<Result<Message>> next(std::stop_token stop = {}) = 0;
  virtual void close() = 0;
};

using Command = std::vector<std::string>;

class Client {
 public:
  virtual ~Client() = default;

  virtual io::Task<Result<Reply>> command(Command args, Durability durability, std::stop_token stop = {}) = 0;

  // All commands one after another in one round trip; others may come between them. One reply each.
  virtual io::Task<Result<std::vector<Reply>>> pipeline(std::vector<Command> commands, Durability durability) = 0;

  // MULTI … EXEC: atomically. One reply each; a command that cannot even be queued fails the whole.
  virtual io::Task<Result<std::vector<Reply>>> transaction(std::vector<Command> commands, Durability durability) = 0;

  // EVALSHA, and EVAL when the server does not know the script. `script` must outlive the call.
  virtual io::Task<Result<Reply>> script(const Script& script, std::vector<std::string> keys,
                                         std::vector<std::string> args, Durability durability) = 0;

  // Ready when the server has confirmed: nothing that is published from then on is missed without a gap.
  virtual io::Task<Result<std::unique_ptr<Subscription>>> subscribe(std::vector<std::string> channels,
                                                                    std::vector<std::string> patterns,
                                                                    size_t buffer = 1024) = 0;
};

// Refuses what does not fit a shared connection.
Result<void> check_shared_command(const Command& args);

// EXEC's reply, taken apart.
Result<std::vector<Reply>> transaction_replies(Reply exec);

}  // namespace compozy::redis
