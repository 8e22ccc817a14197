// SPDX-License-Identifier: Apache-2.0
//
// Locks: one holder at a time for a named resource, on Redis. A lock lives for `ttl_ms` and is renewed each third of it
// while its holder lives. Each acquisition gives a fencing token that is larger than all before it: what the lock
// guards refuses a write with an older token than it has seen, so a holder that lost the lock without noticing does no
// harm.
//
//   CO_TRY(auto lock, co_await locks.acquire("memory:chat", {.ttl_ms = 30'000, .wait_ms = 5'000}));
//   co_await write(lock->token(), lock->lost());     // the stop token ends work that lost its lock
//   CO_TRY(co_await lock->release());                // Errc::lock_lost when it had been lost
//
//   lock:<resource>        STRING: the holder, with an expiry
//   lock:<resource>:fence  STRING: the last token; never expires, and never falls behind the clock
//
// Owner: app owns Locks, the caller its Lock; destroying it releases in the background. Thread: the loop on which the
// lock was acquired.
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "io/task.hpp"
#include "redis/client/client.hpp"

namespace compozy::store {

class Lock {
 public:
  ~Lock();
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  const std::string& resource() const;
  int64_t token() const;
  bool held() const;
  std::stop_token lost() const;  // requested when the lock was lost, not when it is released
  io::Task<Result<void>> release();

 private:
  friend class Locks;
  struct State;
  explicit Lock(std::shared_ptr<State> state) : state_(std::move(state)) {}
  static io::Task<void> renew(std::shared_ptr<State> state);
  static io::Task<Result<void>> give_up(std::shared_ptr<State> state);
  static io::Task<void> give_up_quietly(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;
};

struct LockOptions {
  int64_t ttl_ms = 30'000;
  int64_t wait_ms = 0;  // 0: fail at once when it is taken
};

class Locks {
 public:
  Locks(redis::Client& client, const Clock& clock, Random& random) : client_(client), clock_(clock), random_(random) {}

  // Errc::conflict when another holds it (still, after wait_ms).
  io::Task<Result<std::unique_ptr<Lock>>> acquire(std::string resource, LockOptions options, std::stop_token stop = {});

 private:
  redis::Client& client_;
  const Clock& clock_;
  Random& random_;
};

}  // namespace compozy::store
