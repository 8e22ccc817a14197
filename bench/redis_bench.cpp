// SPDX-License-Identifier: Apache-2.0
//
// In-process GET and SET beside redis-server over its unix socket, in the same run: one call at a time, 1M keys of
// 16 bytes with values of 32 on our side, 100,000 on the peer's (its time goes into the round trip).
#include <benchmark/benchmark.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "redis/client/real_redis.hpp"
#include "redis/embedded/embedded_client.hpp"
#include "redis/engine/engine.hpp"

namespace compozy::redis {
namespace {

constexpr size_t kKeys = 1'000'000;

// The key in the caller's own buffer: looking up a string among a million would cost as much as the GET.
std::string_view write_key(std::array<char, 16>& buffer, uint64_t i) {
  std::memcpy(buffer.data(), "key:", 4);
  for (size_t at = buffer.size(); at-- > 4; i /= 10) buffer[at] = static_cast<char>('0' + i % 10);
  return {buffer.data(), buffer.size()};
}

std::string key_of(uint64_t i) {
  std::array<char, 16> buffer;
  return std::string(write_key(buffer, i));
}

struct Ours {
  Engine engine{{.clock = system_clock(), .random = system_random()}};
  EmbeddedClient client{engine};

  Ours() {
    const Engine::Hold hold(engine);
    std::array<char, 16> key;
    for (size_t i = 0; i < kKeys; ++i) {
      engine.state().keyspace.database(0).set_string(write_key(key, i), "value-of-thirty-two-bytes-exactly");
    }
  }
};

Ours& ours() {
  static Ours instance;
  return instance;
}

// What the machine allows: a look-up in a large table is at least a bucket and an entry that no cache holds.
void two_cache_misses(benchmark::State& state) {
  constexpr size_t kLines = 1UL << 20;
  static std::vector<std::array<uint64_t, 8>> buckets(kLines);
  static std::vector<std::array<uint64_t, 8>> entries(kLines);
  SeededRandom random(4);
  for (auto& bucket : buckets) bucket[0] = random.below(kLines);
  uint64_t before = 0;  // always 0, but known only when the last look-up is through
  for (auto _ : state) before = entries[buckets[random.below(kLines) + before][0]][0];
  benchmark::DoNotOptimize(before);
}
BENCHMARK(two_cache_misses);

void get_in_process(benchmark::State& state) {
  SeededRandom random(1);
  EmbeddedClient& client = ours().client;
  std::array<char, 16> key;
  std::string out;
  for (auto _ : state) {
    benchmark::DoNotOptimize(client.get(write_key(key, random.below(kKeys)), out));
  }
}
BENCHMARK(get_in_process);

// What several keys in one command cost each: their reads overlap.
void get_of_mget_in_process(benchmark::State& state) {
  constexpr size_t kAtOnce = 16;
  SeededRandom random(5);
  std::array<std::array<char, 16>, kAtOnce> keys;
  Engine& engine = ours().engine;
  Session* session = nullptr;
  {
    const Engine::Hold hold(engine);
    session = &engine.open(nullptr);
  }
  std::vector<std::string_view> args(kAtOnce + 1, "MGET");
  while (state.KeepRunningBatch(kAtOnce)) {
    for (size_t i = 0; i < kAtOnce; ++i) args[i + 1] = write_key(keys[i], random.below(kKeys));
    const Engine::Hold hold(engine);
    engine.execute(*session, args);
    session->outbox.bytes.clear();
  }
  const Engine::Hold hold(engine);
  engine.close(*session);
}
BENCHMARK(get_of_mget_in_process);

void set_in_process(benchmark::State& state) {
  SeededRandom random(2);
  std::array<char, 16> key;
  Engine& engine = ours().engine;
  Session* session = nullptr;
  {
    const Engine::Hold hold(engine);
    session = &engine.open(nullptr);
  }
  std::vector<std::string_view> args{"SET", "", "value-of-thirty-two-bytes-exactly"};
  for (auto _ : state) {
    args[1] = write_key(key, random.below(kKeys));
    const Engine::Hold hold(engine);
    engine.execute(*session, args);
    session->outbox.bytes.clear();
  }
  const Engine::Hold hold(engine);
  engine.close(*session);
}
BENCHMARK(set_in_process);

void append_script_in_process(benchmark::State& state) {
  Engine& engine = ours().engine;
  Session* session = nullptr;
  {
    const Engine::Hold hold(engine);
    session = &engine.open(nullptr);
  }
  const std::string message(200, 'm');
  const std::vector<std::string_view> args{
      "EVAL",
      "redis.call('RPUSH', KEYS[1], ARGV[1]) if redis.call('LLEN', KEYS[1]) > 100 then redis.call('LTRIM', KEYS[1], "
      "-100, -1) end "
      "redis.call('HINCRBY', KEYS[2], 'message_count', 1) return redis.call('LLEN', KEYS[1])",
      "2",
      "bench:list",
      "bench:meta",
      message};
  for (auto _ : state) {
    const Engine::Hold hold(engine);
    engine.execute(*session, args);
    session->outbox.bytes.clear();
  }
  const Engine::Hold hold(engine);
  engine.close(*session);
}
BENCHMARK(append_script_in_process);

void redis_server_unix(benchmark::State& state, bool set) {
  static RealRedis server;
  static RawConnection connection(server.socket());
  SeededRandom random(3);
  for (auto _ : state) {
    const std::string key = key_of(random.below(100'000));
    benchmark::DoNotOptimize(set ? connection.run({"SET", key, "value-of-thirty-two-bytes-exactly"})
                                 : connection.run({"GET", key}));
  }
}
BENCHMARK_CAPTURE(redis_server_unix, set, true);
BENCHMARK_CAPTURE(redis_server_unix, get, false);

}  // namespace
}  // namespace compozy::redis
