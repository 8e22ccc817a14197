// SPDX-License-Identifier: Apache-2.0
#include "http/server.hpp"

#include <filesystem>
#include <optional>

#include "base/text.hpp"
#include "http/sse.hpp"
#include "io/channel.hpp"
#include "io/completion.hpp"
#include "io/timer.hpp"

namespace compozy::http {
namespace {

using io::Loop;
using io::Task;

io::Task<Response> echo(Request request) {
  co_return Response::text(200, request.method + " " + std::string(request.param("id")) + " " + request.body);
}

// A server on a loop of this thread, and raw clients that say exactly what a test wants.
class ServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    router_.add("GET", "/echo/{id}", echo);
    router_.add("POST", "/echo/{id}", echo, {.body_bytes_max = 100});
  }
  void start(ServerOptions options = {}) {
    auto listener = io::listen_tcp(loop_, "127.0.0.1", 0).value();
    port_ = listener->port();
    server_ = std::make_unique<Server>(loop_, std::move(router_), std::move(options));
    server_->listen(std::move(listener));
  }
  void TearDown() override {
    if (server_) io::run_until(loop_, server_->stop(0));
  }
  std::unique_ptr<io::Stream> connect() {
    return io::run_until(loop_, io::connect_tcp(loop_, "127.0.0.1", port_)).value();
  }
  void say(io::Stream& stream, std::string text) {
    ASSERT_TRUE(io::run_until(loop_, stream.write_all(text)).has_value());
  }
  // All that the server sends until it closes.
  std::string hear_all(io::Stream& stream) {
    return io::run_until(loop_, io::read_to_end(stream, 64U << 20U)).value_or("(connection lost)");
  }
  static Task<Result<std::string>> hear_until_task(io::Stream& stream, std::string ending) {
    std::string heard;
    std::array<char, 1> byte{};
    while (!heard.ends_with(ending)) {
      CO_TRY(const size_t n, co_await stream.read_some(byte));
      if (n == 0) co_return fail(Errc::closed, "ended after: " + heard);
      heard += byte[0];
    }
    co_return heard;
  }
  std::string hear_until(io::Stream& stream, std::string ending) {
    return io::run_until(loop_, hear_until_task(stream, std::move(ending))).value_or("(connection lost)");
  }
  std::string exchange(std::string request) {
    const auto stream = connect();
    say(*stream, std::move(request));
    return hear_all(*stream);
  }
  // Lets the loop work until the condition holds.
  template <class Condition>
  void until(Condition condition) {
    const auto wait = [](Condition c) -> Task<void> {
      while (!c()) co_await io::yield();
    };
    io::run_until(loop_, wait(condition));
  }

  Loop loop_;
  std::stop_source busy_;
  bool is_busy_ = false;
  Router router_;
  std::unique_ptr<Server> server_;
  uint16_t port_ = 0;
};

TEST_F(ServerTest, AnswersWithLengthAndDate) {
  start();
  const auto answer = exchange("GET /echo/a%20b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, ::testing::StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, ::testing::HasSubstr("Content-Length: 8\r\n"));
  EXPECT_THAT(answer, ::testing::HasSubstr(" GMT\r\n"));
  EXPECT_THAT(answer, ::testing::EndsWith("\r\n\r\nGET a b "));
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrderOnOneConnection) {
  start();
  std::string requests;
  for (int i = 0; i < 50; ++i) {
    requests += "POST /echo/" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi";
  }
  const auto answer = exchange(requests + "GET /echo/last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  size_t at = 0;
  for (int i = 0; i < 50; ++i) {
    at = answer.find("POST " + std::to_string(i) + " hi", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  EXPECT_NE(answer.find("GET last ", at), std::string::npos);
}

TEST_F(ServerTest, HeadHasTheLengthButNoBody) {
  start();
  const auto answer = exchange("HEAD /echo/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, ::testing::HasSubstr("Content-Length: 7\r\n"));
  EXPECT_THAT(answer, ::testing::EndsWith("\r\n\r\n"));
}

TEST_F(ServerTest, NamesUnknownPathsAndMethods) {
  start();
  EXPECT_THAT(exchange("GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              ::testing::StartsWith("HTTP/1.1 404"));
  const auto answer = exchange("DELETE /echo/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, ::testing::StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(answer, ::testing::HasSubstr("Allow: GET, HEAD, POST\r\n"));
}

TEST_F(ServerTest, RendersRefusalsAsItsOwnerWants) {
  start({.render_error = [](int status, const Error& error) {
    return Response::json(status, "{\"detail\":\"" + error.message + "\"}");
  }});
  EXPECT_THAT(exchange("GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              ::testing::HasSubstr("{\"detail\":\"there is"));
}

TEST_F(ServerTest, RefusesAnOversizedHeader) {
  start();
  EXPECT_THAT(exchange("GET /echo/x HTTP/1.1\r\nHost: x\r\nX: " + std::string(70'000, 'x') + "\r\n\r\n"),
              ::testing::StartsWith("HTTP/1.1 431"));
}

TEST_F(ServerTest, RefusesAnOversizedBodyAndTheClientHearsIt) {
  start();
  // The client goes on sending what it announced; the refusal must reach it all the same.
  EXPECT_THAT(
      exchange("POST /echo/x HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n" + std::string(300'000, 'x')),
      ::testing::StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(
      exchange("POST /echo/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + std::string(101, 'x')),
      ::testing::StartsWith("HTTP/1.1 413"));
}

TEST_F(ServerTest, RefusesNonsense) {
  start();
  EXPECT_THAT(exchange("\x16\x03\x01 hello\r\n\r\n"), ::testing::StartsWith("HTTP/1.1 400"));
}

TEST_F(ServerTest, InvitesTheBodyOfAClientThatAsks) {
  start();
  const auto stream = connect();
  say(*stream,
      "POST /echo/x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(hear_until(*stream, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  say(*stream, "ok");
  EXPECT_THAT(hear_all(*stream), ::testing::EndsWith("POST x ok"));
}

TEST_F(ServerTest, ASlowHeaderIsCutOff) {
  start({.header_timeout_ms = 30});
  const auto stream = connect();
  say(*stream, "GET /echo/x HTT");
  EXPECT_THAT(hear_all(*stream), ::testing::StartsWith("HTTP/1.1 408"));
}

Task<void> drip(Loop& loop, io::Stream& stream, std::stop_token stop) {
  while (co_await io::sleep(loop, 2, stop)) {
    if (!co_await stream.write_all("X: y\r\n", stop)) co_return;
  }
}

TEST_F(ServerTest, ASlowLorisThatKeepsSendingIsCutOffToo) {
  start({.header_timeout_ms = 40});
  const auto stream = connect();
  say(*stream, "GET /echo/x HTTP/1.1\r\nHost: x\r\n");
  io::TaskScope dripping(loop_);
  dripping.spawn(drip(loop_, *stream, dripping.token()));
  EXPECT_THAT(hear_until(*stream, "408"), ::testing::StartsWith("HTTP/1.1 408"));
  dripping.stop();
  io::run_until(loop_, dripping.join());
}

TEST_F(ServerTest, ASlowBodyIsCutOff) {
  start({.body_timeout_ms = 30});
  const auto stream = connect();
  say(*stream, "POST /echo/x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel");
  EXPECT_THAT(hear_all(*stream), ::testing::StartsWith("HTTP/1.1 408"));
}

TEST_F(ServerTest, AnIdleConnectionIsClosedSilently) {
  start({.idle_timeout_ms = 20});
  const auto stream = connect();
  EXPECT_EQ(hear_all(*stream), "");
}

TEST_F(ServerTest, TooManyConnectionsAreTurnedAway) {
  router_.add("GET", "/busy", [this](Request) -> Task<Response> {
    is_busy_ = true;
    static_cast<void>(co_await io::sleep(loop_, 10'000, busy_.get_token()));
    co_return Response::text(200, "done");
  });
  start({.connections_max = 1});
  const auto first = connect();
  say(*first, "GET /busy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  until([this] { return is_busy_; });
  const auto second = connect();
  EXPECT_THAT(hear_all(*second), ::testing::StartsWith("HTTP/1.1 503"));
  busy_.request_stop();
  EXPECT_THAT(hear_all(*first), ::testing::StartsWith("HTTP/1.1 200"));
}

TEST_F(ServerTest, ACrowdThatSaysNothingKeepsNobodyOut) {
  start({.connections_max = 2});
  const auto silent = connect();
  until([this] { return server_->connection_count() == 1; });
  const auto slow = connect();
  say(*slow, "GET /echo/x HT");
  until([this] { return server_->connection_count() == 2; });
  EXPECT_THAT(exchange("GET /echo/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              ::testing::StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(hear_all(*silent), "") << "the one that waited longest made room";
}

TEST_F(ServerTest, AMomentsCrowdKeepsNobodyOut) {
  start({.connections_max = 4});
  std::vector<std::unique_ptr<io::Stream>> crowd;
  for (int i = 0; i < 40; ++i) crowd.push_back(connect());
  EXPECT_THAT(exchange("GET /echo/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              ::testing::StartsWith("HTTP/1.1 200"));
}

TEST_F(ServerTest, ABodyThatDripsIsCutOffInTheEnd) {
  start({.body_timeout_ms = 10'000, .body_total_ms = 15});
  const auto stream = connect();
  say(*stream, "POST /echo/x HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n");
  io::TaskScope dripping(loop_);
  dripping.spawn(drip(loop_, *stream, dripping.token()));
  EXPECT_THAT(hear_until(*stream, "408"), ::testing::StartsWith("HTTP/1.1 408"));
  dripping.stop();
  io::run_until(loop_, dripping.join());
}

TEST_F(ServerTest, BodiesOnTheirWayHaveALimitTogether) {
  start({.body_bytes_max = 60});
  const auto first = connect();
  const std::string head = "POST /echo/x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n";
  say(*first, head);
  hear_until(*first, "\r\n\r\n");
  say(*first, std::string(50, 'x'));
  const auto second = connect();
  say(*second, head);
  hear_until(*second, "\r\n\r\n");
  say(*second, std::string(50, 'x'));
  EXPECT_THAT(hear_all(*second), ::testing::StartsWith("HTTP/1.1 503"));
  first->close();
  until([this] { return server_->connection_count() == 0; });
  EXPECT_THAT(exchange("POST /echo/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"),
              ::testing::EndsWith("POST x ok"));
}

TEST_F(ServerTest, WhoIsTurnedAwayByTheHeaderIsNotAskedForTheBody) {
  RouteOptions guarded;
  guarded.admit = [](Request& head) -> std::optional<Response> {
    head.user = head.headers.get("Authorization").value_or("");
    return head.user.empty() ? std::optional(Response::text(401, "who are you")) : std::nullopt;
  };
  const auto greet = [](Request request) -> Task<Response> {
    co_return Response::text(200, request.user + " says " + request.body);
  };
  router_.add("POST", "/guarded", greet, guarded);
  start();
  const auto stream = connect();
  say(*stream, "POST /guarded HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
  EXPECT_THAT(hear_until(*stream, "who are you"), ::testing::StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(exchange("POST /guarded HTTP/1.1\r\nHost: x\r\nAuthorization: me\r\nConnection: close\r\n"
                       "Content-Length: 2\r\n\r\nok"),
              ::testing::EndsWith("me says ok"));
}

TEST_F(ServerTest, WhatTwoReadersCouldReadDifferentlyIsRefused) {
  start();
  const std::string post = "POST /echo/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
  for (const char* fields :
       {"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Host: y\r\nContent-Length: 0\r\n\r\n"}) {
    EXPECT_THAT(exchange(post + fields), ::testing::StartsWith("HTTP/1.1 400")) << fields;
  }
  EXPECT_THAT(exchange("GET /echo/x HTTP/1.1\r\nConnection: close\r\n\r\n"), ::testing::StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(exchange("POST /echo/x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
              ::testing::StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(exchange("GET http://x/echo/7 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              ::testing::EndsWith("GET 7 "));
}

TEST_F(ServerTest, FieldsBehindTheBodyAreNoHeaders) {
  router_.add("POST", "/who", [](Request request) -> Task<Response> {
    co_return Response::text(200, std::string(request.headers.get("X-User").value_or("nobody")) + " of " +
                                      std::to_string(request.headers.size()));
  });
  start();
  EXPECT_THAT(
      exchange("POST /who HTTP/1.1\r\nHost: x\r\nX-User: ada\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
               "2\r\n{}\r\n0\r\nX-User: mallory\r\n\r\n"),
      ::testing::EndsWith("ada of 4"));
}

TEST_F(ServerTest, AClientThatSpeaksAnotherProtocolIsToldAtOnce) {
  start({.header_timeout_ms = 600'000});
  EXPECT_THAT(exchange("\x16\x03\x01\x02"), ::testing::StartsWith("HTTP/1.1 400"));
}

Task<Result<void>> three_pieces(BodyWriter& body) {
  CO_TRY(co_await body.write("one "));
  CO_TRY(co_await body.write(""));
  co_return co_await body.write("two");
}

TEST_F(ServerTest, StreamsInChunksAndKeepsTheConnection) {
  router_.add("GET", "/stream",
              [](Request) -> Task<Response> { co_return Response::stream(200, "text/plain", three_pieces); });
  start();
  const auto answer =
      exchange("GET /stream HTTP/1.1\r\nHost: x\r\n\r\nGET /echo/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, ::testing::HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(answer, ::testing::HasSubstr("4\r\none \r\n3\r\ntwo\r\n0\r\n\r\nHTTP/1.1 200 OK"));
}

TEST_F(ServerTest, StreamsToAnOldClientUntilTheClose) {
  router_.add("GET", "/stream",
              [](Request) -> Task<Response> { co_return Response::stream(200, "text/plain", three_pieces); });
  start();
  EXPECT_THAT(exchange("GET /stream HTTP/1.0\r\n\r\n"), ::testing::EndsWith("\r\n\r\none two"));
}

TEST_F(ServerTest, AStreamThatFailsIsCutOffWithoutItsEnd) {
  router_.add("GET", "/stream", [](Request) -> Task<Response> {
    co_return Response::stream(200, "text/plain", [](BodyWriter& body) -> Task<Result<void>> {
      CO_TRY(co_await body.write("part"));
      co_return fail(Errc::internal, "broken");
    });
  });
  start();
  EXPECT_THAT(exchange("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n"), ::testing::EndsWith("4\r\npart\r\n"));
}

// A route whose stream waits for events until its client goes.
struct Feed {
  io::Channel<std::string> events{16};
  bool started = false;
  bool ended = false;

  Task<Response> open(Request) {
    co_return Response::stream(200, std::string(kSseType), [this](BodyWriter& body) { return run(body); });
  }
  Task<Result<void>> run(BodyWriter& body) {
    started = true;
    SseWriter sse(body);
    while (auto event = co_await events.pop(body.stop())) {
      const auto sent = co_await sse.event("1", "", *event);
      if (!sent) break;
    }
    ended = true;
    co_return {};
  }
};

TEST_F(ServerTest, AStreamLearnsThatItsClientLeft) {
  Feed feed;
  router_.add("GET", "/events", [&feed](Request request) { return feed.open(std::move(request)); });
  start();
  {
    const auto stream = connect();
    say(*stream, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(hear_until(*stream, "\r\n\r\n"), ::testing::HasSubstr("text/event-stream"));
    feed.events.try_push("hello");
    EXPECT_EQ(hear_until(*stream, "hello\n\n\r\n"), "13\r\nid: 1\ndata: hello\n\n\r\n");
    EXPECT_FALSE(feed.ended);
  }
  until([&feed] { return feed.ended; });
  until([this] { return server_->connection_count() == 0; });
}

TEST_F(ServerTest, AStreamMayGoOnToAClientThatReadsSlowly) {
  router_.add("GET", "/big", [](Request) -> Task<Response> {
    co_return Response::stream(200, "text/plain", [](BodyWriter& body) -> Task<Result<void>> {
      for (int i = 0; i < 200; ++i) CO_TRY(co_await body.write(std::string(65'536, 'x')));
      co_return {};
    });
  });
  start();
  const auto answer = exchange("GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_GT(answer.size(), 200U * 65'536U);
  EXPECT_THAT(answer, ::testing::EndsWith("\r\n0\r\n\r\n"));
}

TEST_F(ServerTest, AStreamToAClientThatReadsNothingIsCutOff) {
  bool ended = false;
  router_.add("GET", "/flood", [&ended](Request) -> Task<Response> {
    co_return Response::stream(200, "text/plain", [&ended](BodyWriter& body) -> Task<Result<void>> {
      Result<void> sent;
      while (sent) sent = co_await body.write(std::string(64U << 10U, 'x'));
      ended = true;
      co_return sent;
    });
  });
  start({.stall_ms = 20});
  const auto stream = connect();
  say(*stream, "GET /flood HTTP/1.1\r\nHost: x\r\n\r\n");
  until([&ended] { return ended; });
}

TEST_F(ServerTest, AWatchedHandlerLearnsThatItsClientLeft) {
  bool stopped = false;
  router_.add("GET", "/wait",
              [&](Request request) -> Task<Response> {
                const io::Event never;
                stopped = !co_await never.wait(request.stop);
                co_return Response::text(200, "late");
              },
              {.watch_client = true});
  start();
  {
    const auto stream = connect();
    say(*stream, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    until([this] { return server_->connection_count() == 1; });
  }
  until([&stopped] { return stopped; });
}

TEST_F(ServerTest, StopEndsStreamsProperlyAndWaitsForHandlers) {
  Feed feed;
  io::Event go_on;
  router_.add("GET", "/events", [&feed](Request request) { return feed.open(std::move(request)); });
  router_.add("GET", "/slow", [&go_on](Request) -> Task<Response> {
    static_cast<void>(co_await go_on.wait());
    co_return Response::text(200, "done");
  });
  start();
  const auto idle = connect();
  const auto streaming = connect();
  say(*streaming, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
  hear_until(*streaming, "\r\n\r\n");
  const auto slow = connect();
  say(*slow, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
  until([this] { return server_->connection_count() == 3; });
  io::TaskScope stopping(loop_);
  stopping.spawn(server_->stop(60'000));
  EXPECT_EQ(hear_all(*idle), "");
  EXPECT_EQ(hear_all(*streaming), "0\r\n\r\n");
  go_on.set({});
  const auto answer = hear_all(*slow);
  EXPECT_THAT(answer, ::testing::HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer, ::testing::EndsWith("done"));
  io::run_until(loop_, stopping.join());
  server_.reset();
}

TEST_F(ServerTest, StopCutsWhatOutlastsItsGrace) {
  router_.add("GET", "/slow", [](Request request) -> Task<Response> {
    const io::Event never;
    static_cast<void>(co_await never.wait(request.stop));
    co_return Response::text(200, "late");
  });
  start();
  const auto slow = connect();
  say(*slow, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
  until([this] { return server_->connection_count() == 1; });
  io::run_until(loop_, server_->stop(10));
  EXPECT_EQ(server_->connection_count(), 0U);
  server_.reset();
}

TEST_F(ServerTest, ServesAUnixSocketAndTellsWhatItServed) {
  std::vector<std::string> log;
  start({.on_exchange = [&log](const Exchange& e) {
    log.push_back(e.method + " " + e.pattern + " " + std::to_string(e.status));
  }});
  const std::string path = ::testing::TempDir() + "compozy_http_" + std::to_string(::getpid());
  server_->listen(io::listen_unix(loop_, path).value());
  const auto stream = io::run_until(loop_, io::connect_unix(loop_, path)).value();
  say(*stream, "GET /echo/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(hear_all(*stream), ::testing::StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(log, ::testing::ElementsAre("GET /echo/{id} 200"));
}

}  // namespace
}  // namespace compozy::http
