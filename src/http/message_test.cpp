// SPDX-License-Identifier: Apache-2.0
#include "http/message.hpp"

#include "http/router.hpp"
#include "http/sse.hpp"

namespace compozy::http {
namespace {

TEST(Headers, CompareWithoutCaseAndKeepTheirOrder) {
  Headers headers{{"A", "1"}, {"b", "2"}, {"a", "3"}};
  EXPECT_EQ(headers.get("a"), "1");
  headers.set("A", "4");
  EXPECT_EQ(headers.size(), 2U);
  EXPECT_EQ(headers.get("a"), "4");
  EXPECT_FALSE(headers.has("c"));
}

TEST(Percent, DecodesAndEncodes) {
  EXPECT_EQ(percent_decode("a%20b%2F%zz%4"), "a b/%zz%4");
  EXPECT_EQ(percent_decode(percent_encode("ä/ ?&=%")), "ä/ ?&=%");
  EXPECT_EQ(percent_decode("%41"), "A");
}

TEST(HttpDate, ReadsWhatItWrites) {
  EXPECT_EQ(format_http_date(784'111'777'000), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784'111'777'000);
  EXPECT_EQ(parse_http_date("yesterday"), std::nullopt);
}

TEST(RetryAfter, ReadsSecondsAndDates) {
  EXPECT_EQ(parse_retry_after_ms("120", 0), 120'000);
  EXPECT_EQ(parse_retry_after_ms("Sun, 06 Nov 1994 08:49:37 GMT", 784'111'770'000), 7'000);
  EXPECT_EQ(parse_retry_after_ms("Sun, 06 Nov 1994 08:49:37 GMT", 784'111'999'000), 0) << "past";
  EXPECT_EQ(parse_retry_after_ms("-1", 0), std::nullopt);
  EXPECT_EQ(parse_retry_after_ms("soon", 0), std::nullopt);
}

io::Task<Response> nothing(Request) { co_return Response::empty(204); }

Router routes() {
  Router router;
  router.add("GET", "/", nothing);
  router.add("GET", "/api/v0/workflows", nothing);
  router.add("GET", "/api/v0/workflows/{id}", nothing);
  router.add("POST", "/api/v0/workflows/{id}/executions", nothing);
  router.add("GET", "/api/v0/workflows/{id}/executions", nothing);
  router.add("GET", "/api/v0/workflows/special/executions", nothing);
  router.add("GET", "/web/{file...}", nothing);
  return router;
}

std::string matched(const Router::Match& match) {
  std::string text = match.route == nullptr ? "-" : match.route->pattern;
  for (const auto& [name, value] : match.params) text += " " + name + "=" + value;
  return text;
}

TEST(Router, FindsPatternsAndDecodesTheirParameters) {
  const Router router = routes();
  EXPECT_EQ(matched(router.match("GET", "/")), "/");
  EXPECT_EQ(matched(router.match("GET", "/api/v0/workflows/a%2Fb")), "/api/v0/workflows/{id} id=a/b");
  EXPECT_EQ(matched(router.match("POST", "/api/v0/workflows/x/executions")), "/api/v0/workflows/{id}/executions id=x");
  EXPECT_EQ(matched(router.match("GET", "/web/js/app.js")), "/web/{file...} file=js/app.js");
  EXPECT_EQ(matched(router.match("GET", "/web/")), "/web/{file...} file=");
}

TEST(Router, ALiteralSegmentWinsButAParameterStillMatchesTheRest) {
  const Router router = routes();
  EXPECT_EQ(matched(router.match("GET", "/api/v0/workflows/special/executions")),
            "/api/v0/workflows/special/executions");
  EXPECT_EQ(matched(router.match("GET", "/api/v0/workflows/special")), "/api/v0/workflows/{id} id=special");
}

TEST(Router, UnknownPathsMatchNothing) {
  const Router router = routes();
  for (const char* path : {"/api", "/api/v0/workflows/", "/api/v0/workflows/x/executions/y", "/webx", "//"}) {
    const auto match = router.match("GET", path);
    EXPECT_EQ(match.route, nullptr) << path;
    EXPECT_EQ(match.allow, "") << path;
  }
}

TEST(Router, AnUnknownMethodTellsTheKnownOnes) {
  const Router router = routes();
  const auto match = router.match("DELETE", "/api/v0/workflows/x/executions");
  EXPECT_EQ(match.route, nullptr);
  EXPECT_EQ(match.allow, "GET, HEAD, POST");
  EXPECT_EQ(matched(router.match("HEAD", "/")), "/");
}

std::string all_events(SseParser& parser) {
  std::string text;
  while (const auto event = parser.next()) text += "[" + event->id + "|" + event->event + "|" + event->data + "]";
  return text;
}

TEST(Sse, ReadsWhatItWritesHoweverItIsCut) {
  const std::string text = format_sse("7", "task", "one\ntwo\r\nthree") + format_sse_comment("hi") +
                           format_sse("", "", "") + format_sse("8", "", "ä");
  for (size_t step = 1; step <= text.size(); ++step) {
    SseParser parser;
    for (size_t i = 0; i < text.size(); i += step) ASSERT_TRUE(parser.feed(text.substr(i, step)).has_value());
    EXPECT_EQ(all_events(parser), "[7|task|one\ntwo\nthree][7|message|][8|message|ä]") << step;
    EXPECT_EQ(parser.last_event_id(), "8");
  }
}

TEST(Sse, FollowsTheStandardsExamples) {
  SseParser parser;
  // Section 9.2.6: no data, no event; a colon without space; an unknown field; CR alone ends lines; a byte order mark.
  ASSERT_TRUE(parser
                  .feed("\xEF\xBB\xBF"
                        "data: YHOO\ndata: +2\ndata: 10\n\n")
                  .has_value());
  ASSERT_TRUE(parser.feed(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third\n\n")
                  .has_value());
  ASSERT_TRUE(parser.feed("data\r\rdata\rdata\r\rwhat: ever\nretry: 100\nretry: 1x\nevent: lost\n\ndata:").has_value());
  EXPECT_EQ(all_events(parser),
            "[|message|YHOO\n+2\n10][1|message|first event][|message|second event][|message| third]"
            "[|message|][|message|\n]");
  EXPECT_EQ(parser.retry_ms(), 100);
}

TEST(Sse, AnEndlessEventIsRefused) {
  SseParser parser(100);
  Result<void> outcome;
  for (int i = 0; i < 100 && outcome; ++i) outcome = parser.feed("data: xxxxxxxxxx\n");
  EXPECT_EQ(outcome.error().code, Errc::too_large);
}

TEST(Sse, FieldsCannotBreakTheFraming) {
  EXPECT_EQ(format_sse("1\ndata: x", "a\r\nb", "c"), "id: 1data: x\nevent: ab\ndata: c\n\n");
}

}  // namespace
}  // namespace compozy::http
