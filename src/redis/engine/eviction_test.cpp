// SPDX-License-Identifier: Apache-2.0
#include "redis/engine/eviction.hpp"

#include <thread>

#include "redis/engine/engine_fixture.hpp"

namespace compozy::redis {
namespace {

using testing::HasSubstr;

class EvictionTest : public EngineFixture {
 protected:
  void limit_to(int64_t more_bytes, const std::string& policy) {
    run("CONFIG SET maxmemory-policy " + policy);
    const int64_t used = engine_.state().used_memory();
    run("CONFIG SET maxmemory " + std::to_string(used + more_bytes));
  }
  // Adds keys of about 200 bytes; returns whether one was refused.
  bool add(const std::string& prefix, int count, const std::string& options = "") {
    bool refused = false;
    for (int i = 0; i < count; ++i) {
      const std::string reply = run("SET " + prefix + std::to_string(i) + " " + std::string(150, 'v') + options);
      refused = refused || reply.find("OOM") != std::string::npos;
    }
    return refused;
  }
  bool under_limit() { return engine_.state().used_memory() < engine_.state().settings.maxmemory + 4096; }
};

TEST_F(EvictionTest, EveryAllkeysPolicyKeepsBelowTheLimit) {
  for (const auto* policy : {"allkeys-lru", "allkeys-lfu", "allkeys-random"}) {
    run("FLUSHALL");
    limit_to(100'000, policy);
    EXPECT_FALSE(add("k", 2000)) << policy;
    EXPECT_TRUE(under_limit()) << policy;
    EXPECT_THAT(run("INFO stats"), testing::Not(HasSubstr("evicted_keys:0")));
  }
}

TEST_F(EvictionTest, VolatilePoliciesLeaveOtherKeysAlone) {
  for (const auto* policy : {"volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"}) {
    run("FLUSHALL");
    run("CONFIG SET maxmemory 0");
    add("stays", 100);
    limit_to(50'000, policy);
    EXPECT_FALSE(add("goes", 1000, " EX 1000")) << policy;
    EXPECT_EQ(run("EXISTS stays0 stays50 stays99"), "(integer) 3") << policy;
    EXPECT_TRUE(under_limit()) << policy;
    EXPECT_TRUE(add("more", 1000)) << policy;
  }
}

TEST_F(EvictionTest, TheKeyThatEndsFirstGoesFirst) {
  run("CONFIG SET maxmemory-samples 64");  // With the usual five, all of them are late ones now and then.
  add("late", 10, " EX 9000");
  add("soon", 10, " EX 10");
  limit_to(-1000, "volatile-ttl");
  run("GET late0");
  EXPECT_EQ(run("EXISTS late0 late1 late2 late3 late4 late5 late6 late7 late8 late9"), "(integer) 10");
  EXPECT_THAT(sink_.units.back(), HasSubstr("DEL soon"));
}

TEST_F(EvictionTest, AKeyThatIsUsedOftenStays) {
  run("CONFIG SET maxmemory-policy allkeys-lfu");
  run("SET hot 1");
  for (int i = 0; i < 2000; ++i) run("GET hot");
  EXPECT_NE(run("OBJECT FREQ hot"), "(integer) 5");
  limit_to(50'000, "allkeys-lfu");
  add("k", 1000);
  EXPECT_EQ(run("EXISTS hot"), "(integer) 1");
  EXPECT_THAT(run("OBJECT IDLETIME hot"), HasSubstr("An LFU maxmemory policy is selected"));
}

TEST_F(EvictionTest, WithoutAPolicyWritesAreRefusedAndReadsAreNot) {
  add("k", 10);
  limit_to(-100, "noeviction");
  EXPECT_TRUE(add("n", 1));
  EXPECT_EQ(run("DEL k0"), "(integer) 1");
  EXPECT_THAT(run("EVAL \"return redis.call('SET','n','1')\" 0"), testing::Not(HasSubstr("OOM")));
  limit_to(-100, "noeviction");
  EXPECT_THAT(run("EVAL \"return redis.call('SET','n','1')\" 0"), HasSubstr("OOM command not allowed"));
}

// It is freed on another thread; until it is, nobody else has to go for it, and writes are not refused.
TEST_F(EvictionTest, ALargeValueGoesAlone) {
  const std::string element(100, 'e');
  for (int i = 0; i < 5; ++i) {
    std::vector<std::string> push{"RPUSH", "list" + std::to_string(i)};
    push.resize(1002, element);
    run_args(*session_, push);
  }
  limit_to(-50'000, "allkeys-random");
  EXPECT_EQ(run("SET x 1"), "OK");
  EXPECT_EQ(run("SET x 2"), "OK");
  EXPECT_EQ(run("EXISTS list0 list1 list2 list3 list4"), "(integer) 4");
  while (engine_.state().keyspace.reclaimer().pending() > 0) std::this_thread::yield();
  run("PING");
  EXPECT_TRUE(under_limit());
}

}  // namespace
}  // namespace compozy::redis
