// SPDX-License-Identifier: Apache-2.0
#include <functional>

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
  EXPECT_THAT(eval("getmetatable(_G).__index = 1"), HasSubstr("Attempt to modify a readonly table"));
  EXPECT_THAT(eval("local f, e = loadstring('\\27Lua') return e"), HasSubstr("unexpected symbol near 'char(27)'"));
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

// Runs a script that never ends; `meanwhile` is called when it gives the gate away.
std::string run_long(Random& random, const std::string& source, std::function<void(Engine&)> meanwhile) {
  const RunningClock clock;
  Engine engine({.clock = clock, .random = random});
  Engine::set_busy_turn([&] { meanwhile(engine); });
  std::string reply;
  {
    const Engine::Hold hold(engine);
    Session& session = engine.open(nullptr);
    const std::vector<std::string_view> args{"EVAL", source, "0"};
    engine.execute(session, args);
    reply = session.outbox.bytes;
  }
  Engine::set_busy_turn({});
  return reply;
}

std::string run_other(Engine& engine, std::vector<std::string_view> args) {
  const Engine::Hold hold(engine);
  Session& session = engine.open(nullptr);
  engine.execute(session, args);
  std::string reply = session.outbox.bytes;
  engine.close(session);
  return reply;
}

TEST_F(ScriptTest, LetsOthersKillAScriptThatNeverEnds) {
  std::string ping;
  std::string function_kill;
  const std::string reply =
      run_long(random_, "while true do pcall(function() while true do end end) end", [&](Engine& engine) {
        ping = run_other(engine, {"PING"});
        function_kill = run_other(engine, {"FUNCTION", "KILL"});
        EXPECT_EQ(run_other(engine, {"SCRIPT", "KILL"}), "+OK\r\n");
      });
  EXPECT_THAT(reply, HasSubstr("ERR Script killed by user with SCRIPT KILL... script: "));
  EXPECT_EQ(ping, "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.\r\n");
  EXPECT_EQ(function_kill, ping);
}

TEST_F(ScriptTest, KeepsAScriptThatHasWritten) {
  std::string refused;
  int turns = 0;
  run_long(random_, "redis.call('SET', 'a', 1) local n = 0 while n < 1000000 do n = n + 1 end", [&](Engine& engine) {
    ++turns;
    refused = run_other(engine, {"SCRIPT", "KILL"});
  });
  EXPECT_GT(turns, 0);
  EXPECT_THAT(refused, testing::StartsWith("-UNKILLABLE "));
}

TEST_F(ScriptTest, PacksAndUnpacksAsRedisDoes) {
  EXPECT_EQ(eval("return {cmsgpack.unpack(cmsgpack.pack({1, {a = 'x'}}, -129, 2^40))}"),
            "[[(integer) 1, []], (integer) -129, (integer) 1099511627776]");
  EXPECT_EQ(eval("local t = {} t.t = t return #cmsgpack.pack(t)"), "(integer) 49");
  EXPECT_THAT(eval("return cmsgpack.unpack('\\221\\255\\255\\255\\255')"), HasSubstr("Missing bytes in input."));
  EXPECT_EQ(eval("return {struct.unpack('>I2<i4s', struct.pack('>I2<i4s', 258, -2, 'x'))}"),
            "[(integer) 258, (integer) -2, \"x\", (integer) 9]");
  EXPECT_THAT(eval("return struct.unpack('c0', 'x')"), HasSubstr("format 'c0' needs a previous size"));
}

TEST_F(ScriptTest, ShowsReadonlyTablesAsTheyAre) {
  EXPECT_EQ(eval("local n = 0 for k in pairs(struct) do n = n + 1 end return n"), "(integer) 3");
  EXPECT_EQ(
      eval("return {type(rawget(redis, 'call')), tostring(next(redis) ~= nil), getmetatable('').__index == string}"),
      "[\"function\", \"true\", (integer) 1]");
  EXPECT_THAT(eval("table.insert(redis, 1)"), HasSubstr("ERR Attempt to modify a readonly table script: "));
  EXPECT_THAT(eval("redis.call = 1"), HasSubstr("ERR user_script:1: Attempt to modify a readonly table"));
}

class FunctionTest : public ScriptTest {
 protected:
  std::string load(const std::string& body, const std::string& name = "lib") {
    return run_args(*session_, {"FUNCTION", "LOAD", "#!lua name=" + name + "\n" + body});
  }
};

TEST_F(FunctionTest, CallsWhatALibraryRegistered) {
  EXPECT_EQ(
      load("local n = 0\nredis.register_function('up', function(keys, args) n = n + args[1] return {keys[1], n} end)"),
      "\"lib\"");
  EXPECT_EQ(run("FCALL up 1 k 2"), "[\"k\", (integer) 2]");
  EXPECT_EQ(run("FCALL UP 1 k 3"), "[\"k\", (integer) 5]");
  EXPECT_EQ(run("FCALL nope 0"), "(error) ERR Function not found");
  EXPECT_EQ(run("FCALL_RO up 0"), "(error) ERR Can not execute a script with write flag using *_ro command.");
}

TEST_F(FunctionTest, LoadsAllOrNothing) {
  load("redis.register_function('f', function() return 1 end)");
  EXPECT_EQ(load("redis.register_function('g', function() return 2 end)"), "(error) ERR Library 'lib' already exists");
  EXPECT_EQ(load("redis.register_function('f', function() return 2 end)", "other"),
            "(error) ERR Function f already exists");
  EXPECT_EQ(
      load("redis.call('PING')", "x"),
      "(error) ERR Error registering functions: ERR user_function:2: Script attempted to access nonexistent global "
      "variable 'call'");
  EXPECT_EQ(load("x = 1", "x"),
            "(error) ERR Error registering functions: ERR user_function:2: Attempt to modify a readonly table");
  EXPECT_EQ(run("FCALL f 0"), "(integer) 1");
}

TEST_F(FunctionTest, RestoresWhatItDumped) {
  load("redis.register_function{function_name='f', callback=function() return 1 end, flags={'no-writes'}}");
  std::string payload;
  {
    const Engine::Hold hold(engine_);
    const std::vector<std::string_view> dump{"FUNCTION", "DUMP"};
    engine_.execute(*session_, dump);
    payload = std::exchange(session_->outbox.bytes, {});
  }
  payload = payload.substr(payload.find("\r\n") + 2);
  payload.resize(payload.size() - 2);
  EXPECT_EQ(run_args(*session_, {"FUNCTION", "RESTORE", payload}), "(error) ERR Library lib already exists");
  EXPECT_EQ(run("FUNCTION FLUSH"), "OK");
  EXPECT_EQ(run_args(*session_, {"FUNCTION", "RESTORE", payload}), "OK");
  EXPECT_EQ(run("FCALL_RO f 0"), "(integer) 1");
  payload[3] ^= 1;
  EXPECT_EQ(run_args(*session_, {"FUNCTION", "RESTORE", payload, "REPLACE"}),
            "(error) ERR DUMP payload version or checksum are wrong");
}

}  // namespace
}  // namespace compozy::redis
