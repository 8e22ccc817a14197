// SPDX-License-Identifier: Apache-2.0
#include "redis/resp/reply_parser.hpp"

namespace compozy::redis {
namespace {

Reply parse(std::string_view bytes) {
  ReplyParser parser;
  parser.feed(bytes);
  auto reply = parser.next();
  EXPECT_TRUE(reply.has_value() && reply->has_value()) << bytes;
  EXPECT_EQ(parser.buffered(), 0U);
  return reply.has_value() && reply->has_value() ? **reply : Reply::error("none");
}

TEST(ReplyParser, ReadsEveryKind) {
  EXPECT_TRUE(parse("+OK\r\n").is_ok());
  EXPECT_EQ(parse("-ERR no\r\n").error_code(), "ERR");
  EXPECT_EQ(parse(":-7\r\n"), Reply::of(-7));
  EXPECT_EQ(parse("$2\r\na\n\r\n"), Reply::bulk("a\n"));
  EXPECT_TRUE(parse("$-1\r\n").is_null());
  EXPECT_TRUE(parse("*-1\r\n").is_null());
  EXPECT_TRUE(parse("_\r\n").is_null());
  EXPECT_EQ(parse("#t\r\n").integer, 1);
  EXPECT_EQ(parse(",-inf\r\n").number, -std::numeric_limits<double>::infinity());
  EXPECT_EQ(parse("=6\r\ntxt:ab\r\n").text, "ab");
  EXPECT_EQ(parse("*2\r\n*1\r\n:1\r\n*0\r\n").to_string(), "[[(integer) 1], []]");
  EXPECT_EQ(parse("%1\r\n+k\r\n~1\r\n:2\r\n").to_string(), "{k: ~[(integer) 2]}");
  EXPECT_EQ(parse("|1\r\n+ttl\r\n:9\r\n:5\r\n"), Reply::of(5));
}

TEST(ReplyParser, WaitsForWholeRepliesWhereverTheBytesAreCut) {
  const std::string bytes = "*3\r\n$3\r\nfoo\r\n%1\r\n+a\r\n:1\r\n_\r\n+next\r\n";
  for (size_t cut = 1; cut < bytes.size(); ++cut) {
    ReplyParser parser;
    std::vector<std::string> seen;
    for (const auto& part : {bytes.substr(0, cut), bytes.substr(cut)}) {
      parser.feed(part);
      while (true) {
        auto reply = parser.next();
        ASSERT_TRUE(reply.has_value());
        if (!reply->has_value()) break;
        seen.push_back((*reply)->to_string());
      }
    }
    EXPECT_THAT(seen, testing::ElementsAre("[\"foo\", {a: (integer) 1}, (nil)]", "next")) << cut;
  }
}

TEST(ReplyParser, RefusesWhatIsNotRedis) {
  for (const std::string_view bytes : {"HTTP/1.1 400\r\n", ":x\r\n", "$-2\r\n", "*99999999999\r\n", "+ok\n"}) {
    ReplyParser parser;
    parser.feed(bytes);
    EXPECT_FALSE(parser.next().has_value()) << bytes;
  }
  ReplyParser parser;
  for (int i = 0; i < 200; ++i) parser.feed("*1\r\n");
  EXPECT_FALSE(parser.next().has_value());
}

TEST(Reply, ConvertsOrSaysWhatWasThere) {
  EXPECT_EQ(Reply::bulk("12").as_integer().value(), 12);
  EXPECT_EQ(Reply::null().as_text().error().code, Errc::not_found);
  EXPECT_EQ(Reply::bulk("x").as_integer().error().code, Errc::type_mismatch);
  EXPECT_EQ(Reply::error("WRONGTYPE Operation").as_text().error().code, Errc::type_mismatch);
  EXPECT_EQ(parse("*2\r\n+a\r\n:1\r\n").as_pairs().value()[0].second, "1");
}

}  // namespace
}  // namespace compozy::redis
