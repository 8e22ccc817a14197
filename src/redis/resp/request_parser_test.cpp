// SPDX-License-Identifier: Apache-2.0
#include "redis/resp/request_parser.hpp"

#include <string>

namespace compozy::redis {
namespace {

using Status = RequestParser::Status;
using testing::ElementsAre;

std::string error_of(std::string_view input) {
  RequestParser parser;
  return parser.parse(input) == Status::error ? parser.error() : "no error";
}

TEST(RequestParser, ReadsPipelinedCommandsOneByOne) {
  const std::string input = "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*1\r\n$4\r\nPING\r\n";
  RequestParser parser;
  ASSERT_EQ(parser.parse(input), Status::complete);
  EXPECT_THAT(parser.args(), ElementsAre("GET", "k"));
  const size_t used = parser.consumed();
  ASSERT_EQ(parser.parse(std::string_view(input).substr(used)), Status::complete);
  EXPECT_THAT(parser.args(), ElementsAre("PING"));
  EXPECT_EQ(used + parser.consumed(), input.size());
}

TEST(RequestParser, GivesTheSameArgumentsWhereverTheBytesAreCut) {
  const std::string input = "*3\r\n$3\r\nSET\r\n$3\r\na\r\n\r\n$0\r\n\r\n";
  for (size_t cut = 0; cut < input.size(); ++cut) {
    RequestParser parser;
    ASSERT_EQ(parser.parse(input.substr(0, cut)), Status::need_more) << cut;
    const std::string moved = input;  // The bytes stand elsewhere now.
    ASSERT_EQ(parser.parse(moved), Status::complete) << cut;
    EXPECT_THAT(parser.args(), ElementsAre("SET", "a\r\n", ""));
    EXPECT_EQ(parser.consumed(), input.size());
  }
}

// Incomplete commands are parsed again from their beginning where their bytes were kept for later.
TEST(RequestParser, StartsACommandAgain) {
  RequestParser parser;
  ASSERT_EQ(parser.parse("*2\r\n$3\r\nGET\r\n$1"), Status::need_more);
  EXPECT_EQ(parser.pending_argument_bytes(), 3U);
  parser.restart();
  const std::string other = "*2\r\n$4\r\nECHO\r\n$10\r\n0123456789\r\n";
  ASSERT_EQ(parser.parse(other), Status::complete);
  EXPECT_THAT(parser.args(), ElementsAre("ECHO", "0123456789"));
}

TEST(RequestParser, SplitsInlineCommandsWithQuotes) {
  RequestParser parser;
  ASSERT_EQ(parser.parse("set  \"a\\x41\\n\" 'it\\'s'\r\nrest"), Status::complete);
  EXPECT_THAT(parser.args(), ElementsAre("set", "aA\n", "it's"));
  EXPECT_EQ(parser.consumed(), 24U);
}

TEST(RequestParser, CompletesAnEmptyLineAndAnEmptyArrayWithoutArguments) {
  RequestParser parser;
  ASSERT_EQ(parser.parse("\r\n"), Status::complete);
  EXPECT_TRUE(parser.args().empty());
  ASSERT_EQ(parser.parse("*0\r\nPING\r\n"), Status::complete);
  EXPECT_TRUE(parser.args().empty());
  EXPECT_EQ(parser.consumed(), 4U);
  ASSERT_EQ(parser.parse("*-10\r\n"), Status::complete);
}

TEST(RequestParser, NamesProtocolErrorsAsRedisDoes) {
  EXPECT_EQ(error_of("*3000000000\r\n"), "Protocol error: invalid multibulk length");
  EXPECT_EQ(error_of("*x\r\n"), "Protocol error: invalid multibulk length");
  EXPECT_EQ(error_of("*1\r\nfoo\r\n"), "Protocol error: expected '$', got 'f'");
  EXPECT_EQ(error_of("*1\r\n$-10\r\n"), "Protocol error: invalid bulk length");
  EXPECT_EQ(error_of("*1\r\n$03\r\nGET\r\n"), "Protocol error: invalid bulk length");
  EXPECT_EQ(error_of("*02\r\n$3\r\nGET\r\n"), "Protocol error: invalid multibulk length");
  EXPECT_EQ(error_of("*1\r\n$2000000000\r\n"), "Protocol error: invalid bulk length");
  EXPECT_EQ(error_of("get \"open\r\n"), "Protocol error: unbalanced quotes in request");
  EXPECT_EQ(error_of(std::string(70'000, 'a')), "Protocol error: too big inline request");
  EXPECT_EQ(error_of("*" + std::string(70'000, '1')), "Protocol error: too big mbulk count string");
  EXPECT_EQ(error_of("*1\r\n$" + std::string(70'000, '1')), "Protocol error: too big bulk count string");
}

TEST(RequestParser, LimitsClientsThatAreNotAuthenticated) {
  RequestParser parser({.authenticated = false});
  ASSERT_EQ(parser.parse("*11\r\n"), Status::error);
  EXPECT_EQ(parser.error(), "Protocol error: unauthenticated multibulk length");
  RequestParser other({.authenticated = false});
  ASSERT_EQ(other.parse("*1\r\n$20000\r\n"), Status::error);
  EXPECT_EQ(other.error(), "Protocol error: unauthenticated bulk length");
}

TEST(RequestParser, StaysInErrorOnceItFailed) {
  RequestParser parser;
  ASSERT_EQ(parser.parse("*x\r\n"), Status::error);
  EXPECT_EQ(parser.parse("*1\r\n$4\r\nPING\r\n"), Status::error);
}

}  // namespace
}  // namespace compozy::redis
