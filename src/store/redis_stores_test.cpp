// SPDX-License-Identifier: Apache-2.0
//
// Cache, ConfigStore, Locks and Channels: one contract, run on the embedded engine and on a real redis-server.
#include "base/clock.hpp"
#include "base/random.hpp"
#include "io/loop.hpp"
#include "io/timer.hpp"
#include "redis/client/real_redis.hpp"
#include "redis/embedded/embedded_client.hpp"
#include "redis/embedded/maintenance.hpp"
#include "redis/remote/remote_client.hpp"
#include "store/cache.hpp"
#include "store/channels.hpp"
#include "store/config_store.hpp"
#include "store/locks.hpp"
#include "store/memory.hpp"

namespace compozy::store {
namespace {

struct Embedded {
  io::Loop loop;
  redis::Engine engine{{.clock = system_clock(), .random = system_random()}};
  redis::Maintenance maintenance{engine};
  redis::EmbeddedClient client{engine};
};

struct Real {
  redis::RealRedis server;
  io::Loop loop;
  redis::RemoteClient client{loop, {.unix_socket = server.socket()}};
};

template <class Side>
class RedisStores : public testing::Test {
 protected:
  template <class T>
  T wait(io::Task<T> task) {
    return io::run_until(side_.loop, std::move(task));
  }
  redis::Reply run(redis::Command command) {
    return wait(side_.client.command(std::move(command), redis::Durability::applied)).value();
  }
  void pass(int64_t ms) { EXPECT_TRUE(wait(io::sleep(side_.loop, ms)).has_value()); }

  Side side_;
};
using Sides = testing::Types<Embedded, Real>;
TYPED_TEST_SUITE(RedisStores, Sides);

TYPED_TEST(RedisStores, CacheTellsAbsentFromEmpty) {
  Cache cache(this->side_.client, "test");
  EXPECT_EQ(this->wait(cache.get("k")).value(), std::nullopt);
  EXPECT_TRUE(this->wait(cache.set("k", "", 0)).has_value());
  EXPECT_EQ(this->wait(cache.get("k")).value(), "");
  EXPECT_TRUE(this->wait(cache.set("t", "v", 60'000)).has_value());
  const auto many = this->wait(cache.get_many({"t", "none", "k"})).value();
  EXPECT_THAT(many, testing::ElementsAre("v", std::nullopt, ""));
  EXPECT_TRUE(this->wait(cache.expire("k", 60'000)).value());
  EXPECT_FALSE(this->wait(cache.expire("none", 60'000)).value());
  EXPECT_EQ(this->wait(cache.remove({"k", "t", "none"})).value(), 2);
  EXPECT_FALSE(this->wait(cache.set("k", "v", -1)).has_value());
}

TYPED_TEST(RedisStores, CacheAsksItsSourceOnce) {
  Cache cache(this->side_.client, "test");
  int asked = 0;
  const Cache::Source source = [&asked]() -> io::Task<Result<std::string>> {
    ++asked;
    co_return "loaded";
  };
  EXPECT_EQ(this->wait(cache.load("k", 60'000, source)).value(), "loaded");
  EXPECT_EQ(this->wait(cache.load("k", 60'000, source)).value(), "loaded");
  EXPECT_EQ(asked, 1);
}

TYPED_TEST(RedisStores, ConfigComesFromSqlWhenRedisForgot) {
  int asked = 0;
  ConfigStore store(this->side_.client, [&asked](std::string execution) -> io::Task<Result<std::string>> {
    ++asked;
    if (execution == "unknown") co_return fail(Errc::not_found, "no execution 'unknown'");
    co_return "{\"from\":\"sql\"}";
  });
  EXPECT_TRUE(this->wait(store.save("e1", "{}")).has_value());
  EXPECT_EQ(this->wait(store.get("e1")).value(), "{}");
  EXPECT_EQ(asked, 0);
  const int64_t ttl_ms = this->run({"PTTL", "config:e1"}).integer;
  EXPECT_GT(ttl_ms, ConfigStore::kTtlMs - 60'000);
  EXPECT_TRUE(this->wait(store.remove("e1")).has_value());
  EXPECT_EQ(this->wait(store.get("e1")).value(), "{\"from\":\"sql\"}");
  EXPECT_EQ(this->wait(store.get("e1")).value(), "{\"from\":\"sql\"}");
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(this->wait(store.get("unknown")).error().code, Errc::not_found);
  EXPECT_EQ(this->wait(store.get("")).error().code, Errc::invalid_argument);
}

TYPED_TEST(RedisStores, ALockHasOneHolderAndGrowingTokens) {
  Locks locks(this->side_.client, system_clock(), system_random());
  auto first = this->wait(locks.acquire("r", {}));
  ASSERT_TRUE(first.has_value());
  EXPECT_TRUE((*first)->held());
  EXPECT_EQ((*first)->resource(), "r");
  EXPECT_EQ(this->wait(locks.acquire("r", {})).error().code, Errc::conflict);
  EXPECT_TRUE(this->wait(locks.acquire("other", {})).has_value());
  const int64_t token = (*first)->token();
  EXPECT_TRUE(this->wait((*first)->release()).has_value());
  EXPECT_EQ(this->wait((*first)->release()).error().code, Errc::lock_lost);
  auto second = this->wait(locks.acquire("r", {}));
  ASSERT_TRUE(second.has_value());
  EXPECT_GT((*second)->token(), token);
}

TYPED_TEST(RedisStores, ALockIsRenewedWhileItsHolderLives) {
  Locks locks(this->side_.client, system_clock(), system_random());
  auto lock = this->wait(locks.acquire("r", {.ttl_ms = 150}));
  ASSERT_TRUE(lock.has_value());
  this->pass(400);
  EXPECT_TRUE((*lock)->held());
  EXPECT_EQ(this->wait(locks.acquire("r", {})).error().code, Errc::conflict);
}

TYPED_TEST(RedisStores, AHolderLearnsThatItLostItsLock) {
  Locks locks(this->side_.client, system_clock(), system_random());
  auto lock = this->wait(locks.acquire("r", {.ttl_ms = 90}));
  ASSERT_TRUE(lock.has_value());
  this->run({"SET", "lock:r", "somebody else"});
  for (int i = 0; i < 200 && !(*lock)->lost().stop_requested(); ++i) this->pass(10);
  EXPECT_TRUE((*lock)->lost().stop_requested());
  EXPECT_FALSE((*lock)->held());
  EXPECT_EQ(this->wait((*lock)->release()).error().code, Errc::lock_lost);
  EXPECT_EQ(this->run({"GET", "lock:r"}).text, "somebody else");
}

TYPED_TEST(RedisStores, AWaiterGetsTheLockWhenItIsFree) {
  Locks locks(this->side_.client, system_clock(), system_random());
  this->run({"SET", "lock:r", "somebody", "PX", "80"});
  auto lock = this->wait(locks.acquire("r", {.wait_ms = 5'000}));
  ASSERT_TRUE(lock.has_value()) << lock.error().message;
  EXPECT_EQ(this->wait(locks.acquire("r", {.wait_ms = 30})).error().code, Errc::conflict);
}

TYPED_TEST(RedisStores, ADroppedLockIsReleased) {
  Locks locks(this->side_.client, system_clock(), system_random());
  {
    auto lock = this->wait(locks.acquire("r", {}));
    ASSERT_TRUE(lock.has_value());
  }
  EXPECT_TRUE(this->wait(locks.acquire("r", {.wait_ms = 5'000})).has_value());
}

TYPED_TEST(RedisStores, ATaskEventIsSeenOnBothItsChannels) {
  Channels channels(this->side_.client);
  auto run = this->wait(channels.subscribe_workflow("w1"));
  auto task = this->wait(channels.subscribe_task("t1"));
  auto all = this->wait(channels.subscribe_all_workflows());
  ASSERT_TRUE(run.has_value() && task.has_value() && all.has_value());
  EXPECT_EQ(this->wait(channels.publish_task_event("t1", "w1", "{\"n\":1}")).value(), 3);
  EXPECT_EQ(this->wait((*run)->next()).value().payload, "{\"n\":1}");
  EXPECT_EQ(this->wait((*task)->next()).value().channel, "task:t1");
  EXPECT_EQ(this->wait((*all)->next()).value().pattern, "workflow:*");
  EXPECT_EQ(this->wait(channels.publish_workflow_event("w2", "x")).value(), 1);
  EXPECT_EQ(this->wait((*all)->next()).value().channel, "workflow:w2");
  EXPECT_FALSE(this->wait(channels.publish("", "x")).has_value());
  EXPECT_FALSE(this->wait(channels.subscribe({})).has_value());
  EXPECT_FALSE(this->wait(channels.subscribe({""})).has_value());
}

// Memory's own tests run embedded; here the same bytes on both sides.
TYPED_TEST(RedisStores, MemoryKeepsCountersEqualToContents) {
  Memory memory(this->side_.client, system_clock());
  const MemoryKey key{.project = "p", .memory = "chat", .key = "u"};
  for (int i = 0; i < 15; ++i) {
    const auto change =
        this->wait(memory.append(key, {{"user", "message " + std::to_string(i)}}, {.max_messages = 10}, ""));
    ASSERT_TRUE(change.has_value()) << change.error().message;
  }
  const auto page = this->wait(memory.read(key, 0, 100));
  ASSERT_TRUE(page.has_value());
  ASSERT_EQ(page->messages.size(), 10U);
  EXPECT_EQ(page->messages.front().content, "message 5");
  int64_t tokens = 0;
  for (const auto& message : page->messages) tokens += estimate_tokens(message);
  EXPECT_EQ(page->token_count, tokens);
  const auto once = this->wait(memory.append(key, {{"user", "x"}}, {}, "run:1"));
  const auto again = this->wait(memory.append(key, {{"user", "x"}}, {}, "run:1"));
  ASSERT_TRUE(once.has_value() && again.has_value());
  EXPECT_EQ(again->message_count, once->message_count);
}

}  // namespace
}  // namespace compozy::store
