// SPDX-License-Identifier: Apache-2.0
//
// For the tests of the engine: run("SET k v") gives the reply as redis-cli shows it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "redis/engine/engine.hpp"
#include "redis/resp/reply_parser.hpp"
#include "redis/resp/request_parser.hpp"

namespace compozy::redis {

class RecordingSink final : public EffectSink {
 public:
  Lsn append(std::string_view commands, bool several) override {
    RequestParser parser;
    std::string line;
    while (parser.parse(commands) == RequestParser::Status::complete) {
      for (const auto arg : parser.args()) line.append(arg).append(" ");
      line += "; ";
      commands.remove_prefix(parser.consumed());
    }
    units.push_back(several ? "[" + line + "]" : line);
    return units.size();
  }
  std::vector<std::string> units;
};

class EngineFixture : public testing::Test, public SessionOwner {
 protected:
  EngineFixture() {
    engine_.attach(&sink_, nullptr);
    session_ = &engine_.open(this);
  }
  void session_has_output(Session&) override { ++notified_; }

  static std::string take(Session& session) {
    ReplyParser parser;
    parser.feed(std::exchange(session.outbox.bytes, {}));
    std::string all;
    while (true) {
      auto reply = parser.next();
      if (!reply || !*reply) return all;
      all += (all.empty() ? "" : " ") + (*reply)->to_string();
    }
  }
  std::string run_args(Session& session, const std::vector<std::string>& args) {
    std::vector<std::string_view> views(args.begin(), args.end());
    const Engine::Hold hold(engine_);
    engine_.execute(session, views);
    return take(session);
  }
  std::string run_on(Session& session, std::string_view line) {
    RequestParser parser;
    const std::string input = std::string(line) + "\r\n";
    EXPECT_EQ(parser.parse(input), RequestParser::Status::complete) << line;
    std::vector<std::string> args(parser.args().begin(), parser.args().end());
    return run_args(session, args);
  }
  std::string run(std::string_view line) { return run_on(*session_, line); }
  Session& another(std::string address = "embedded") {
    const Engine::Hold hold(engine_);
    return engine_.open(this, std::move(address));
  }
  void cron() {
    const Engine::Hold hold(engine_);
    engine_.cron();
  }

  ManualClock clock_;
  SeededRandom random_{1};
  RecordingSink sink_;
  Engine engine_{{.clock = clock_, .random = random_}};
  Session* session_ = nullptr;
  int notified_ = 0;
};

}  // namespace compozy::redis
