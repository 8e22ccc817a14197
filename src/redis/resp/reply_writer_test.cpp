// SPDX-License-Identifier: Apache-2.0
#include "redis/resp/reply_writer.hpp"

#include <cmath>
#include <vector>

namespace compozy::redis {
namespace {

std::string written(int protocol, const std::function<void(ReplyWriter&)>& write) {
  std::string out;
  ReplyWriter writer(out, protocol);
  write(writer);
  return out;
}

TEST(ReplyWriter, DropsWhatComesAfterItsLimit) {
  std::string out;
  ReplyWriter writer(out, 3, 10);
  writer.array(1000);
  EXPECT_FALSE(writer.full());
  for (int i = 0; i < 1000; ++i) {
    writer.bulk("abc");
    writer.integer(i);
    writer.null();
    writer.boolean(true);
    writer.number(1.5);
    writer.verbatim("txt", "abc");
    writer.error("ERR no");
    writer.ok();
  }
  EXPECT_TRUE(writer.full());
  EXPECT_EQ(out, "*1000\r\n$3\r\nabc\r\n");
}

TEST(ReplyWriter, WritesRichTypesInResp3) {
  EXPECT_EQ(written(3,
                    [](auto& w) {
                      w.map(1);
                      w.bulk("k");
                      w.integer(-12);
                    }),
            "%1\r\n$1\r\nk\r\n:-12\r\n");
  EXPECT_EQ(written(3,
                    [](auto& w) {
                      w.number(1.5);
                      w.boolean(true);
                      w.null();
                    }),
            ",1.5\r\n#t\r\n_\r\n");
  EXPECT_EQ(written(3,
                    [](auto& w) {
                      w.push(1);
                      w.set(2);
                      w.null_array();
                    }),
            ">1\r\n~2\r\n_\r\n");
  EXPECT_EQ(written(3,
                    [](auto& w) {
                      w.verbatim("txt", "ab");
                      w.big_number("123");
                    }),
            "=6\r\ntxt:ab\r\n(123\r\n");
}

TEST(ReplyWriter, DowngradesThemInResp2) {
  EXPECT_EQ(written(2,
                    [](auto& w) {
                      w.map(1);
                      w.number(1.5);
                      w.boolean(true);
                    }),
            "*2\r\n$3\r\n1.5\r\n:1\r\n");
  EXPECT_EQ(written(2,
                    [](auto& w) {
                      w.null();
                      w.null_array();
                      w.push(1);
                      w.set(2);
                    }),
            "$-1\r\n*-1\r\n*1\r\n*2\r\n");
  EXPECT_EQ(written(2,
                    [](auto& w) {
                      w.verbatim("txt", "ab");
                      w.big_number("123");
                    }),
            "$2\r\nab\r\n$3\r\n123\r\n");
}

TEST(ReplyWriter, PutsTheLengthInFrontAfterwards) {
  EXPECT_EQ(written(2,
                    [](auto& w) {
                      const size_t place = w.begin_deferred();
                      w.bulk("a");
                      w.end_map(place, 1);
                    }),
            "*2\r\n$1\r\na\r\n");
}

TEST(ReplyWriter, KeepsErrorsOnOneLine) {
  EXPECT_EQ(written(2, [](auto& w) { w.error("ERR a\r\nb"); }), "-ERR a  b\r\n");
}

TEST(ReplyWriter, PrintsDoublesAsRedis70) {
  EXPECT_EQ(format_reply_double(3.3), "3.2999999999999998");
  EXPECT_EQ(format_reply_double(-0.0), "-0");
  EXPECT_EQ(format_reply_double(1e20), "1e+20");
  EXPECT_EQ(format_reply_double(123456789012345.0), "123456789012345");
  EXPECT_EQ(format_reply_double(-INFINITY), "-inf");
}

TEST(ReplyWriter, WritesCommands) {
  std::string out;
  append_command(out, std::vector<std::string_view>{"SET", "k", ""});
  EXPECT_EQ(out, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n");
}

}  // namespace
}  // namespace compozy::redis
