// SPDX-License-Identifier: Apache-2.0
#include "http/codec.hpp"

namespace compozy::http {
namespace {

// Feeds the text in pieces of `step` bytes, as a server does with what it has read.
Result<Request> parse(std::string_view text, size_t step, uint64_t body_max = 1000, size_t header_max = 1000) {
  RequestParser parser(header_max);
  std::string buffer;
  while (!parser.is_done()) {
    TRY(const size_t n, parser.feed(buffer));
    buffer.erase(0, n);
    if (parser.has_header()) parser.limit_body(body_max);
    if (n > 0 || parser.is_done()) continue;
    if (text.empty()) return fail(Errc::closed, "incomplete");
    buffer.append(text.substr(0, step));
    text.remove_prefix(std::min(step, text.size()));
  }
  return parser.request();
}

TEST(RequestParser, ReadsARequestCutAnywhere) {
  const std::string text =
      "POST /a/b%20c?x=1&y=a+b HTTP/1.1\r\nHost: h\r\nX-One:  1 \r\nContent-Length: 5\r\n\r\nhello";
  for (size_t step = 1; step <= text.size(); ++step) {
    const auto request = parse(text, step);
    ASSERT_TRUE(request.has_value()) << step << ": " << request.error().message;
    EXPECT_EQ(request->method, "POST");
    EXPECT_EQ(request->path, "/a/b%20c");
    EXPECT_EQ(request->query_value("y"), "a b");
    EXPECT_EQ(request->headers.get("x-one"), "1");
    EXPECT_EQ(request->body, "hello");
  }
}

TEST(RequestParser, ReadsChunks) {
  const std::string text =
      "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\n\r\n";
  for (size_t step = 1; step <= text.size(); ++step) EXPECT_EQ(parse(text, step).value().body, "hello world") << step;
}

TEST(RequestParser, RefusesALargeHeader) {
  const std::string text = "GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(2000, 'x') + "\r\n\r\n";
  for (const size_t step : {1, 7, 5000}) EXPECT_EQ(parse(text, step).error().code, Errc::too_large);
}

TEST(RequestParser, RefusesALargeBodyByItsLengthAndByItsChunks) {
  EXPECT_EQ(
      parse("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n" + std::string(1001, 'x'), 50).error().code,
      Errc::too_large);
  EXPECT_EQ(
      parse("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + std::string(1001, 'x'), 50)
          .error()
          .code,
      Errc::too_large);
  EXPECT_EQ(parse("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'x'), 50)
                .value()
                .body.size(),
            1000U);
}

TEST(RequestParser, RefusesWhatSmugglersUse) {
  for (const char* text : {
           "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
           "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5x\r\n\r\nhello",
           "GET / HTTP/1.1\r\nHost: x\r\nX : 1\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: x\r\nX: a\x01"
           "b\r\n\r\n",
           "GET / HTTP/9.9\r\n\r\n",
           "GET /a b HTTP/1.1\r\n\r\n",
           "nonsense\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
       }) {
    const auto request = parse(text, 1000);
    ASSERT_FALSE(request.has_value()) << text;
    EXPECT_EQ(request.error().code, Errc::parse_error) << text;
  }
}

TEST(RequestParser, LeavesThePipelinedRequestBehindIt) {
  RequestParser parser(1000);
  const std::string_view text = "\r\nGET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n";
  const size_t n = parser.feed(text).value();
  EXPECT_EQ(text.substr(n), "GET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(parser.is_done());
  EXPECT_TRUE(parser.keeps_alive());
}

TEST(ResponseParser, ReadsABodyUntilThePeerCloses) {
  ResponseParser parser(1000, false);
  EXPECT_TRUE(parser.feed("HTTP/1.1 200 OK\r\n\r\nhello").has_value());
  EXPECT_FALSE(parser.is_done());
  EXPECT_TRUE(parser.feed(" you").has_value());
  EXPECT_TRUE(parser.feed_end().has_value());
  EXPECT_TRUE(parser.is_done());
  EXPECT_EQ(parser.take_body(), "hello you");
}

TEST(ResponseParser, AnEndInTheMiddleIsAnError) {
  for (const char* text : {"", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhell",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"}) {
    ResponseParser parser(1000, false);
    EXPECT_TRUE(parser.feed(text).has_value());
    EXPECT_EQ(parser.feed_end().error().code, Errc::closed) << text;
  }
}

TEST(ResponseParser, AnAnswerToHeadHasNoBodyWhateverItsLengthSays) {
  ResponseParser parser(1000, true);
  EXPECT_TRUE(parser.feed("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n").has_value());
  EXPECT_TRUE(parser.is_done());
}

TEST(Render, ValuesCannotBreakTheHeader) {
  Response response = Response::text(200, "");
  response.headers.add("Location", "/a\r\nSet-Cookie: x=1");
  EXPECT_THAT(render_response_head(response, {}), ::testing::HasSubstr("Location: /a  Set-Cookie: x=1\r\n"));
}

}  // namespace
}  // namespace compozy::http
