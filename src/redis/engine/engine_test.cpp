// SPDX-License-Identifier: Apache-2.0
#include "redis/engine/engine.hpp"

#include "redis/engine/engine_fixture.hpp"

namespace compozy::redis {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class EngineTest : public EngineFixture {};

TEST_F(EngineTest, AnswersUnknownCommandsAndWrongArityAsRedisDoes) {
  EXPECT_EQ(run("nosuch a b"), "(error) ERR unknown command 'nosuch', with args beginning with: 'a' 'b' ");
  EXPECT_EQ(run("get"), "(error) ERR wrong number of arguments for 'get' command");
  EXPECT_EQ(run("config nosuch"), "(error) ERR unknown subcommand 'nosuch'. Try CONFIG HELP.");
}

TEST_F(EngineTest, LogsEffectsNotIntentions) {
  run("SET k v EX 10");
  run("INCRBYFLOAT f 0.5");
  run("SADD s a");
  run("SPOP s");
  run("GET k");
  run("EXPIRE k 0");
  const std::string deadline = std::to_string(clock_.wall_ms() + 10'000);
  EXPECT_THAT(sink_.units, ElementsAre("SELECT 0 ; SET k v PXAT " + deadline + " ; ", "SET f 0.5 KEEPTTL ; ",
                                       "SADD s a ; ", "SREM s a ; ", "DEL k ; "));
}

TEST_F(EngineTest, ClientInfoKnowsTheTransactionThatItStandsIn) {
  run("MULTI");
  run("PING");
  run("CLIENT INFO");
  EXPECT_THAT(run("EXEC"), AllOf(HasSubstr("flags=x "), HasSubstr("multi=2 ")));
  EXPECT_THAT(run("CLIENT INFO"), AllOf(HasSubstr("flags=N "), HasSubstr("multi=-1 ")));
}

TEST_F(EngineTest, RunsATransactionAsOneUnit) {
  EXPECT_EQ(run("MULTI"), "OK");
  EXPECT_EQ(run("SET a 1"), "QUEUED");
  EXPECT_EQ(run("INCR a"), "QUEUED");
  EXPECT_EQ(run("LPUSH a x"), "QUEUED");
  EXPECT_EQ(run("EXEC"),
            "[OK, (integer) 2, (error) WRONGTYPE Operation against a key holding the wrong kind of value]");
  EXPECT_THAT(sink_.units, ElementsAre("[SELECT 0 ; SET a 1 ; INCR a ; ]"));
}

TEST_F(EngineTest, AbortsATransactionThatCouldNotBeQueued) {
  run("MULTI");
  EXPECT_THAT(run("nosuch"), HasSubstr("unknown command"));
  EXPECT_EQ(run("EXEC"), "(error) EXECABORT Transaction discarded because of previous errors.");
  EXPECT_EQ(run("EXEC"), "(error) ERR EXEC without MULTI");
}

TEST_F(EngineTest, WatchSeesChangesByOthersAndExpiry) {
  Session& other = another();
  run("SET k 1");
  run("WATCH k");
  run_on(other, "SET k 2");
  run("MULTI");
  run("SET k 3");
  EXPECT_EQ(run("EXEC"), "(nil)");
  run("SET k 1 PX 100");
  run("WATCH k");
  clock_.advance_ms(101);
  run("MULTI");
  run("PING");
  EXPECT_EQ(run("EXEC"), "(nil)");
  run("WATCH k");
  run("MULTI");
  run("PING");
  EXPECT_EQ(run("EXEC"), "[PONG]");
}

TEST_F(EngineTest, LogsTheDeletionOfExpiredKeysWhoeverNoticesThem) {
  run("SET a 1 PX 10");
  run("SET b 1 PX 10");
  sink_.units.clear();
  clock_.advance_ms(11);
  EXPECT_EQ(run("GET a"), "(nil)");
  cron();
  EXPECT_THAT(sink_.units, ElementsAre("DEL a ; ", "DEL b ; "));
}

TEST_F(EngineTest, ServesBlockedClientsInOrderAndLogsThePop) {
  Session& first = another();
  Session& second = another();
  EXPECT_EQ(run_on(first, "BLPOP q 0"), "");
  EXPECT_EQ(run_on(second, "BLPOP q 0"), "");
  EXPECT_TRUE(first.blocked);
  EXPECT_EQ(run("RPUSH q a b c"), "(integer) 3");
  EXPECT_EQ(take(first), "[\"q\", \"a\"]");
  EXPECT_EQ(take(second), "[\"q\", \"b\"]");
  EXPECT_FALSE(first.blocked);
  EXPECT_EQ(notified_, 2);
  EXPECT_THAT(sink_.units, ElementsAre("SELECT 0 ; RPUSH q a b c ; ", "LPOP q ; ", "LPOP q ; "));
}

TEST_F(EngineTest, DoesNotWakeAClientForAKeyThatBecameSomethingElse) {
  Session& waiter = another();
  run_on(waiter, "BLPOP a b 0");
  run("MULTI");
  run("LPUSH a x");
  run("DEL a");
  run("SET a text");
  run("EXEC");
  EXPECT_TRUE(waiter.blocked);
  EXPECT_EQ(take(waiter), "");
  run("LPUSH b y");
  EXPECT_EQ(take(waiter), "[\"b\", \"y\"]");
}

TEST_F(EngineTest, ChainsBlockedMoves) {
  Session& mover = another();
  Session& popper = another();
  run_on(mover, "BLMOVE a b LEFT RIGHT 0");
  run_on(popper, "BRPOP b 0");
  run("RPUSH a x");
  EXPECT_EQ(take(mover), "\"x\"");
  EXPECT_EQ(take(popper), "[\"b\", \"x\"]");
}

TEST_F(EngineTest, EndsABlockingCommandAtItsDeadlineOrByUnblock) {
  Session& waiter = another();
  run_on(waiter, "BLPOP q 0.5");
  clock_.advance_ms(499);
  cron();
  EXPECT_EQ(take(waiter), "");
  clock_.advance_ms(1);
  cron();
  EXPECT_EQ(take(waiter), "(nil)");
  run_on(waiter, "BZPOPMIN z 0");
  EXPECT_EQ(run("CLIENT UNBLOCK " + std::to_string(waiter.id()) + " ERROR"), "(integer) 1");
  EXPECT_EQ(take(waiter), "(error) UNBLOCKED client unblocked via CLIENT UNBLOCK");
}

TEST_F(EngineTest, DoesNotBlockInsideATransaction) {
  run("MULTI");
  run("BLPOP q 0");
  EXPECT_EQ(run("EXEC"), "[(nil)]");
}

TEST_F(EngineTest, AsksForThePassword) {
  run("CONFIG SET requirepass secret");
  Session& other = another("127.0.0.1:1");  // a session inside this program may do everything
  EXPECT_EQ(run_on(other, "GET k"), "(error) NOAUTH Authentication required.");
  EXPECT_EQ(run_on(other, "AUTH wrong"), "(error) WRONGPASS invalid username-password pair or user is disabled.");
  EXPECT_THAT(run_on(other, "HELLO 3"), HasSubstr("NOAUTH HELLO must be called"));
  EXPECT_THAT(run_on(other, "HELLO 3 AUTH default secret"), HasSubstr("\"proto\": (integer) 3"));
  EXPECT_EQ(run_on(other, "GET k"), "(nil)");
}

// A clock that goes on by 3 µs with each reading, wall time by as much.
class TickingClock final : public Clock {
 public:
  int64_t wall_ms() const override { return 1'700'000'000'000 + us_ / 1000; }
  int64_t monotonic_us() const override { return us_ += 3; }
  mutable int64_t us_ = 0;
};

TEST(EngineTurn, MeasuresEachCommandWithOneReadingOfTheClock) {
  const TickingClock clock;
  SeededRandom random(1);
  Engine engine({.clock = clock, .random = random});
  const std::vector<std::string_view> get{"GET", "k"};
  const std::vector<std::string_view> script{"EVAL", "redis.call('GET', 'k') return redis.call('GET', 'k')", "0"};
  const Engine::Hold hold(engine);
  Session& session = engine.open(nullptr);
  engine.execute(session, script);
  engine.state().stats.reset();
  const auto stats = [&](std::string_view name) { return engine.state().stats_of(*find_row(name)); };
  int64_t before_us = 0;
  {
    const Engine::Turn turn(engine);
    before_us = clock.us_;
    for (int i = 0; i < 6; ++i) {
      EXPECT_FALSE(turn.over());
      engine.execute(session, get);
    }
    EXPECT_EQ(clock.us_ - before_us, 18);
    EXPECT_FALSE(turn.over());
    engine.execute(session, get);
    EXPECT_TRUE(turn.over());
  }
  EXPECT_EQ(stats("get").calls, 7U);
  EXPECT_EQ(stats("get").us, 21U);
  // What a script does between its calls is its own time.
  const Engine::Turn turn(engine);
  before_us = clock.us_;
  engine.execute(session, script);
  EXPECT_EQ(stats("get").us, 27U);
  EXPECT_EQ(stats("eval").us, static_cast<uint64_t>(clock.us_ - before_us));
  engine.close(session);
}

TEST_F(EngineTest, ReadsMoreKeysThanItFetchesAtOnce) {
  std::string command = "MGET";
  std::string wanted = "[";
  for (int i = 0; i < 50; ++i) {
    const std::string key = "k" + std::to_string(i);
    if (i % 3 != 0) run("SET " + key + " v" + std::to_string(i));
    command += " " + key;
    wanted += i == 0 ? "" : ", ";
    wanted += i % 3 != 0 ? "\"v" + std::to_string(i) + "\"" : "(nil)";
  }
  EXPECT_EQ(run(command), wanted + "]");
}

TEST_F(EngineTest, RefusesWritesBeyondMaxmemory) {
  run("SET k v");
  run("CONFIG SET maxmemory 1");
  EXPECT_EQ(run("SET k w"), "(error) OOM command not allowed when used memory > 'maxmemory'.");
  EXPECT_EQ(run("GET k"), "\"v\"");
  EXPECT_EQ(run("DEL k"), "(integer) 1");
}

TEST_F(EngineTest, PublishesToSubscribersOnly) {
  Session& listener = another();
  run_on(listener, "SUBSCRIBE c");
  EXPECT_EQ(run("PUBLISH c hello"), "(integer) 1");
  EXPECT_EQ(take(listener), "[\"message\", \"c\", \"hello\"]");
  EXPECT_EQ(
      run_on(listener, "GET k"),
      "(error) ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in "
      "this context");
}

TEST_F(EngineTest, ClientReplyOffAndSkipSilenceReplies) {
  EXPECT_EQ(run("CLIENT REPLY SKIP"), "");
  EXPECT_EQ(run("PING"), "");
  EXPECT_EQ(run("PING"), "PONG");
  run("CLIENT REPLY OFF");
  EXPECT_EQ(run("PING"), "");
  EXPECT_EQ(run("CLIENT REPLY ON"), "OK");
}

}  // namespace
}  // namespace compozy::redis
