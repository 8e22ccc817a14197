// SPDX-License-Identifier: Apache-2.0
#include "store/locks.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/ids.hpp"
#include "io/loop.hpp"
#include "io/timer.hpp"

namespace compozy::store {

namespace {

using redis::Durability;
using redis::Script;

constexpr int64_t kPollMinMs = 10;
constexpr int64_t kPollMaxMs = 250;

// KEYS lock, fence; ARGV holder, ttl_ms, now_ms. The token follows the clock too, so that it grows even when the
// fence itself was lost.
const Script& acquire_script() {
  static const Script script(R"(
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return false end
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
local token = math.max(last + 1, tonumber(ARGV[3]))
redis.call('SET', KEYS[2], string.format('%.0f', token))
return string.format('%.0f', token)
)");
  return script;
}

const Script& renew_script() {
  static const Script script(
      "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0");
  return script;
}

const Script& release_script() {
  static const Script script(
      "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0");
  return script;
}

}  // namespace

struct Lock::State {
  redis::Client& client;
  const Clock& clock;
  io::Loop& loop;
  std::string resource;
  std::string key;
  std::string holder;
  int64_t ttl_ms;
  int64_t token = 0;
  int64_t sure_until_us = 0;  // before this no other can have it
  bool held = true;
  std::stop_source lost = std::stop_source();
  std::stop_source ended = std::stop_source();

  void lose() {
    held = false;
    ended.request_stop();
    lost.request_stop();
  }
};

Lock::~Lock() {
  if (!state_->held) return;
  io::spawn(state_->loop, give_up_quietly(state_));
}

const std::string& Lock::resource() const { return state_->resource; }
int64_t Lock::token() const { return state_->token; }
bool Lock::held() const { return state_->held && state_->clock.monotonic_us() < state_->sure_until_us; }
std::stop_token Lock::lost() const { return state_->lost.get_token(); }

io::Task<void> Lock::renew(std::shared_ptr<State> state) {
  const std::stop_token ended = state->ended.get_token();
  int64_t pause_ms = std::max<int64_t>(1, state->ttl_ms / 3);
  while (co_await io::sleep(state->loop, pause_ms, ended)) {
    const int64_t asked_us = state->clock.monotonic_us();
    const auto reply = co_await state->client.script(
        renew_script(), {state->key}, {state->holder, std::to_string(state->ttl_ms)}, Durability::durable);
    if (!state->held) co_return;
    if (reply && reply->kind == redis::Reply::Kind::integer) {
      if (reply->integer != 1) co_return state->lose();
      state->sure_until_us = asked_us + state->ttl_ms * 1000;
      continue;
    }
    // Redis did not answer: it is tried again until the lock has surely expired.
    if (state->clock.monotonic_us() >= state->sure_until_us) co_return state->lose();
    pause_ms = std::max<int64_t>(1, state->ttl_ms / 10);
  }
}

io::Task<Result<void>> Lock::give_up(std::shared_ptr<State> state) {
  if (!state->held) co_return fail(Errc::lock_lost, "the lock '" + state->resource + "' is not held any more");
  state->held = false;
  state->ended.request_stop();
  CO_TRY(auto reply,
         co_await state->client.script(release_script(), {state->key}, {state->holder}, Durability::durable));
  CO_TRY(const int64_t released, reply.as_integer());
  if (released != 1) {
    state->lost.request_stop();
    co_return fail(Errc::lock_lost, "the lock '" + state->resource + "' had expired or was taken while it was held");
  }
  co_return Result<void>{};
}

io::Task<void> Lock::give_up_quietly(std::shared_ptr<State> state) {
  // The lock expires by itself if this fails.
  static_cast<void>(co_await give_up(std::move(state)));
}

io::Task<Result<void>> Lock::release() { return give_up(state_); }

io::Task<Result<std::unique_ptr<Lock>>> Locks::acquire(std::string resource, LockOptions options,
                                                       std::stop_token stop) {
  if (resource.empty()) co_return fail(Errc::invalid_argument, "the name of the resource to lock is empty");
  if (options.ttl_ms <= 0)
    co_return fail(Errc::invalid_argument, "the life time of the lock '" + resource + "' must be positive");
  ASSERT(io::Loop::current() != nullptr);
  io::Loop& loop = *io::Loop::current();
  const std::string key = "lock:" + resource;
  const std::string holder = make_uuid4(random_);
  const int64_t until_us = clock_.monotonic_us() + options.wait_ms * 1000;
  for (int64_t pause_ms = kPollMinMs;; pause_ms = std::min(pause_ms * 2, kPollMaxMs)) {
    const int64_t asked_us = clock_.monotonic_us();
    CO_TRY(auto reply,
           co_await client_.script(acquire_script(), {key, key + ":fence"},
                                   {holder, std::to_string(options.ttl_ms), std::to_string(clock_.wall_ms())},
                                   Durability::durable));
    if (reply.is_error()) co_return reply.to_failure();
    if (!reply.is_null()) {
      CO_TRY(const int64_t token, reply.as_integer());
      auto state =
          std::make_shared<Lock::State>(client_, clock_, loop, std::move(resource), key, holder, options.ttl_ms);
      state->token = token;
      state->sure_until_us = asked_us + options.ttl_ms * 1000;
      io::spawn(loop, Lock::renew(state));
      co_return std::unique_ptr<Lock>(new Lock(std::move(state)));
    }
    const int64_t left_ms = (until_us - clock_.monotonic_us()) / 1000;
    if (left_ms <= 0) co_return fail(Errc::conflict, "the lock '" + resource + "' is held by another");
    // A little chance keeps waiters from asking in step.
    const auto jitter = static_cast<int64_t>(random_.below(static_cast<uint64_t>(pause_ms)));
    CO_TRY(co_await io::sleep(loop, std::min(pause_ms + jitter, left_ms), stop));
  }
}

}  // namespace compozy::store
