// SPDX-License-Identifier: Apache-2.0
#include "observe/log.hpp"

#include <vector>

namespace compozy::log {
namespace {

class LogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    configure(Level::info, Format::text);
    redirect([this](Level, std::string_view line) { lines_.emplace_back(line); });
  }
  void TearDown() override {
    redirect({});
    configure(Level::info, Format::text);
  }
  std::vector<std::string> lines_;
};

TEST_F(LogTest, ControlCodesInAFieldNeverReachTheTerminal) {
  info("said", {{"text", "\x1b]0;title\x07"}, {"other", "a\x7f"}, {"line", "a\nb"}});
  ASSERT_EQ(lines_.size(), 1U);
  EXPECT_EQ(lines_[0], "said text=\"\\u001b]0;title\\u0007\" other=\"a\\u007f\" line=\"a\\nb\"");
}

TEST_F(LogTest, WhatIsQuietComesBackAfterwardsAndNeverHidesFromDebug) {
  {
    const Quiet quiet(Level::warn);
    info("left out");
    warn("said");
  }
  info("said again");
  EXPECT_EQ(lines_, (std::vector<std::string>{"said", "said again"}));
  configure(Level::debug, Format::text);
  const Quiet quiet(Level::warn);
  info("for those who debug");
  EXPECT_EQ(lines_.back(), "for those who debug");
}

}  // namespace
}  // namespace compozy::log
