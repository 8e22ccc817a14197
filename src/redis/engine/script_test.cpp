// SPDX-License-Identifier: Apache-2.0
#include "redis/engine/engine_fixture.hpp"

namespace compozy::redis {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ScriptTest : public EngineFixture {
 protected:
  std::string eval(const std::string& source, std::vector<std::string> keys = {}, std::vector<std::string> args = {}) {
    std::vector<std::string> command{"EVAL", source, std::to_string(keys.size())};
    command.insert(command.end(), keys.begin(), keys.end());
    command.insert(command.end(), args.begin(), args.end());
    return run_args(*session_, command);
  }
};

TEST_F(ScriptTest, ConvertsValuesBothWays) {
  EXPECT_EQ(eval("return {1, 2.9, 'x', true, {ok='fine'}, {'y', nil, 'z'}}"),
            "[(integer) 1, (integer) 2, \"x\", (integer) 1, fine, [\"y\"]]");
  EXPECT_EQ(eval("return false"), "(nil)");
  EXPECT_EQ(eval("return redis.call('SET', KEYS[1], ARGV[1])", {"k"}, {"v"}), "OK");
  EXPECT_EQ(eval("return {redis.call('GET', 'k'), redis.call('GET', 'none') == false}"), "[\"v\", (integer) 1]");
  EXPECT_EQ(eval("return cjson.encode({a = {1, 2}})"), "\"{\"a\":[1,2]}\"");
  EXPECT_EQ(eval("return bit.band(12, 10)"), "(integer) 8");
  EXPECT_EQ(eval("return redis.sha1hex('')"), "\"da39a3ee5e6b4b0d3255bfef95601890afd80709\"");
}

TEST_F(ScriptTest, LogsWhatItDidAsOneUnit) {
  eval("redis.call('SET', 'a', 1) redis.call('PEXPIRE', 'a', 1000) return redis.call('GET', 'a')");
  EXPECT_THAT(sink_.units,
              ElementsAre("[SELECT 0 ; SET a 1 ; PEXPIREAT a " + std::to_string(clock_.wall_ms() + 1000) + " ; ]"));
}

TEST_F(ScriptTest, TellsWhereAnErrorCameFrom) {
  run("SET s x");
  EXPECT_THAT(eval("return redis.call('LPUSH', 's', 1)"),
              HasSubstr("WRONGTYPE Operation against a key holding the wrong kind of value script: "));
  EXPECT_THAT(eval("error('boom')"), HasSubstr("ERR user_script:1: boom script: "));
  EXPECT_EQ(eval("return redis.pcall('LPUSH', 's', 1)['err']"),
            "\"WRONGTYPE Operation against a key holding the wrong kind of value\"");
  EXPECT_THAT(eval("return redis.call('nosuch')"), HasSubstr("ERR Unknown Redis command called from script script: "));
  EXPECT_THAT(eval("return redis.call('SUBSCRIBE', 'c')"),
              HasSubstr("ERR This Redis command is not allowed from script"));
  EXPECT_EQ(eval("return redis.error_reply('MY text')"), "(error) MY text");
  EXPECT_THAT(eval("return ("), HasSubstr("ERR Error compiling script (new function): user_script:1:"));
}

TEST_F(ScriptTest, CannotLeaveTheSandboxOrKeepState) {
  for (const auto* source :
       {"x = 1", "redis.call = 1", "string.len = 1", "rawset(_G, 'x', 1)", "setmetatable(_G, {})", "return io",
        "return os", "return debug", "return require('x')", "return dofile('/etc/passwd')", "return getfenv()",
        "KEYS.x.y = 1", "rawset(cjson, 'encode', 1)", "getmetatable('').__index.len = 1"}) {
    EXPECT_THAT(eval(source), HasSubstr("(error) ERR")) << source;
  }
  EXPECT_EQ(eval("return getmetatable(_G)"), "(nil)");
  EXPECT_THAT(eval("return loadstring('\\27Lua')"), HasSubstr("bytecode"));
  EXPECT_EQ(eval("return loadstring('return 7')()"), "(integer) 7");
}

TEST_F(ScriptTest, RunsByShaOnceLoaded) {
  EXPECT_EQ(run("EVALSHA ffffffffffffffffffffffffffffffffffffffff 0"),
            "(error) NOSCRIPT No matching script. Please use EVAL.");
  EXPECT_EQ(run("SCRIPT LOAD \"return 1\""), "\"e0e1f9fabfc9d4800c877a703b823ac0578ff8db\"");
  EXPECT_EQ(run("EVALSHA E0E1F9FABFC9D4800C877A703B823AC0578FF8DB 0"), "(integer) 1");
  EXPECT_EQ(run("SCRIPT FLUSH"), "OK");
  EXPECT_EQ(run("SCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db"), "[(integer) 0]");
}

TEST_F(ScriptTest, RefusesWritesInReadOnlyScripts) {
  EXPECT_THAT(run("EVAL_RO \"return redis.call('SET','a',1)\" 0"),
              HasSubstr("ERR Write commands are not allowed from read-only scripts."));
  EXPECT_EQ(run("EVAL_RO \"return redis.call('GET','a')\" 0"), "(nil)");
}

// A clock that moves by itself, so that a script that never ends runs out of time.
class RunningClock final : public Clock {
 public:
  int64_t wall_ms() const override { return 1'700'000'000'000 + now_us_ / 1000; }
  int64_t monotonic_us() const override { return now_us_ += 1'000'000; }
  mutable int64_t now_us_ = 0;
};

TEST_F(ScriptTest, StopsAScriptThatNeverEnds) {
  RunningClock clock;
  Engine engine({.clock = clock, .random = random_});
  const Engine::Hold hold(engine);
  Session& session = engine.open(nullptr);
  const std::vector<std::string_view> args{"EVAL", "while true do end", "0"};
  engine.execute(session, args);
  EXPECT_THAT(take(session), HasSubstr("exceeded lua-time-limit"));
}

}  // namespace
}  // namespace compozy::redis
