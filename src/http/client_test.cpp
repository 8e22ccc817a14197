// SPDX-License-Identifier: Apache-2.0
#include "http/client.hpp"

#include <array>
#include <deque>

#include "http/server.hpp"
#include "http/sse.hpp"
#include "http/url.hpp"
#include "io/channel.hpp"
#include "io/completion.hpp"
#include "io/timer.hpp"

namespace compozy::http {
namespace {

using io::Task;

TEST(Url, ReadsTheUsualForms) {
  const auto url = parse_url("HTTPS://API.Example/v1/x?key=1#part").value();
  EXPECT_TRUE(url.is_tls);
  EXPECT_EQ(url.host, "api.example");
  EXPECT_EQ(url.port, 443);
  EXPECT_EQ(url.target, "/v1/x?key=1");
  EXPECT_EQ(parse_url("http://[::1]:8080").value().authority(), "[::1]:8080");
  EXPECT_EQ(parse_url("http://h?x").value().target, "/?x");
}

TEST(Url, RefusesTheRestWithAReason) {
  for (const char* text : {"", "ftp://h/", "h/path", "http://", "http://u:p@h/", "http://h:0/", "http://h:x/",
                           "http://h/a b", "http://[::1/", "http://h:99999"}) {
    const auto url = parse_url(text);
    ASSERT_FALSE(url.has_value()) << text;
    EXPECT_THAT(url.error().message, ::testing::HasSubstr("is no HTTP URL: "));
  }
}

TEST(Url, ResolvesReferences) {
  const auto base = parse_url("https://h/a/b?c").value();
  EXPECT_EQ(resolve_url(base, "/x").value().to_string(), "https://h/x");
  EXPECT_EQ(resolve_url(base, "x").value().to_string(), "https://h/a/x");
  EXPECT_EQ(resolve_url(base, "?d").value().to_string(), "https://h/a/b?d");
  EXPECT_EQ(resolve_url(base, "//o/x").value().to_string(), "https://o/x");
  EXPECT_EQ(resolve_url(base, "http://o/x").value().to_string(), "http://o/x");
}

class ClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    router_.add("POST", "/echo",
                [](Request r) -> Task<Response> { co_return Response::text(200, r.method + " " + r.body); });
    router_.add("GET", "/echo", [](Request r) -> Task<Response> {
      co_return Response::text(200, r.method + " " + std::string(r.headers.get("Authorization").value_or("nobody")));
    });
    router_.add("GET", "/connections", [this](Request) -> Task<Response> {
      co_return Response::text(200, std::to_string(server_->connection_count()));
    });
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
  std::string url(std::string_view path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
  }
  Result<ClientResponse> send(ClientRequest request, std::stop_token stop = {}) {
    return io::run_until(loop_, client_.send(std::move(request), stop));
  }

  io::Loop loop_;
  Router router_;
  std::unique_ptr<Server> server_;
  uint16_t port_ = 0;
  Client client_{loop_, {}};
};

// Answers each connection with the next of some fixed texts, then closes it.
class ScriptedPeer {
 public:
  ScriptedPeer(io::Loop& loop, std::deque<std::string> answers)
      : loop_(loop), listener_(io::listen_tcp(loop, "127.0.0.1", 0).value()), scope_(loop) {
    scope_.spawn(serve(*listener_, std::move(answers), requests_, scope_.token()));
  }
  ScriptedPeer(const ScriptedPeer&) = delete;
  ScriptedPeer& operator=(const ScriptedPeer&) = delete;
  ~ScriptedPeer() {
    scope_.stop();
    io::run_until(loop_, scope_.join());
  }
  std::string url(std::string_view path) const {
    return "http://127.0.0.1:" + std::to_string(listener_->port()) + std::string(path);
  }
  const std::vector<std::string>& requests() const { return requests_; }

 private:
  static Task<void> serve(io::Listener& listener, std::deque<std::string> answers, std::vector<std::string>& requests,
                          std::stop_token stop) {
    while (!answers.empty()) {
      auto stream = co_await listener.accept(stop);
      if (!stream) co_return;
      std::array<char, 65536> buffer{};
      const auto n = co_await (*stream)->read_some(buffer, stop);
      if (!n) co_return;
      requests.emplace_back(buffer.data(), *n);
      static_cast<void>(co_await (*stream)->write_all(answers.front(), stop));
      answers.pop_front();
    }
  }
  io::Loop& loop_;
  std::unique_ptr<io::Listener> listener_;
  std::vector<std::string> requests_;
  io::TaskScope scope_;
};

TEST_F(ClientTest, SendsABodyAndReadsTheAnswer) {
  start();
  const auto answer = send({.method = "POST", .url = url("/echo"), .body = "hi"}).value();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "POST hi");
  EXPECT_EQ(answer.headers.get("content-type"), "text/plain; charset=utf-8");
  EXPECT_EQ(send({.url = url("/none")}).value().status, 404) << "any status is an answer";
}

TEST_F(ClientTest, KeepsItsConnection) {
  start();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(send({.url = url("/connections")}).value().body, "1");
}

TEST_F(ClientTest, HeadHasNoBody) {
  start();
  const auto answer = send({.method = "HEAD", .url = url("/echo")}).value();
  EXPECT_EQ(answer.headers.get("Content-Length"), "11");
  EXPECT_EQ(answer.body, "");
  EXPECT_EQ(send({.url = url("/connections")}).value().body, "1");
}

Task<Result<std::string>> read_two_events(Client& client, std::string url, io::Channel<int>& go_on) {
  CO_TRY(const auto stream, co_await client.open({.url = std::move(url)}));
  SseParser parser;
  std::string heard;
  while (heard.size() < 2) {
    CO_TRY(const auto piece, co_await stream->read_body_chunk());
    CO_TRY(parser.feed(piece));
    while (const auto event = parser.next()) {
      heard += event->data;
      go_on.try_push(1);
    }
  }
  co_return heard;
}

TEST_F(ClientTest, StreamsWhileTheServerIsStillWriting) {
  io::Channel<int> go_on(4);
  router_.add("GET", "/events", [&go_on](Request) -> Task<Response> {
    co_return Response::stream(200, std::string(kSseType), [&go_on](BodyWriter& body) -> Task<Result<void>> {
      SseWriter sse(body);
      CO_TRY(co_await sse.event("1", "", "a"));
      // The second event is written only after the client has seen the first.
      static_cast<void>(co_await go_on.pop(body.stop()));
      co_return co_await sse.event("2", "", "b");
    });
  });
  start();
  EXPECT_EQ(io::run_until(loop_, read_two_events(client_, url("/events"), go_on)).value(), "ab");
}

TEST_F(ClientTest, EachTimeoutIsNamed) {
  router_.add("GET", "/silent", [](Request request) -> Task<Response> {
    const io::Event never;
    static_cast<void>(co_await never.wait(request.stop));
    co_return Response::empty(204);
  });
  router_.add("GET", "/stalls", [](Request) -> Task<Response> {
    co_return Response::stream(200, "text/plain", [](BodyWriter& body) -> Task<Result<void>> {
      CO_TRY(co_await body.write("x"));
      const io::Event never;
      static_cast<void>(co_await never.wait(body.stop()));
      co_return {};
    });
  });
  start();
  const auto first_byte = send({.url = url("/silent"), .first_byte_timeout_ms = 20});
  EXPECT_EQ(first_byte.error().code, Errc::timeout);
  EXPECT_THAT(first_byte.error().message, ::testing::HasSubstr("waiting for the answer of '127.0.0.1'"));
  const auto total = send({.url = url("/stalls"), .total_timeout_ms = 30});
  EXPECT_EQ(total.error().code, Errc::timeout);
  EXPECT_THAT(total.error().message, ::testing::HasSubstr("not complete in time"));
}

TEST_F(ClientTest, AStopEndsIt) {
  router_.add("GET", "/silent", [](Request request) -> Task<Response> {
    const io::Event never;
    static_cast<void>(co_await never.wait(request.stop));
    co_return Response::empty(204);
  });
  start();
  std::stop_source source;
  loop_.post([&source] { source.request_stop(); });
  EXPECT_EQ(send({.url = url("/silent")}, source.get_token()).error().code, Errc::cancelled);
}

TEST_F(ClientTest, ARefusedConnectionIsUnavailable) {
  start();
  const std::string gone = url("/echo");
  io::run_until(loop_, server_->stop(0));
  server_.reset();
  const auto answer = send({.url = gone});
  EXPECT_EQ(answer.error().code, Errc::unavailable);
  EXPECT_THAT(answer.error().message, ::testing::HasSubstr("127.0.0.1"));
}

TEST_F(ClientTest, AnAnswerCutOffInTheMiddleIsAnError) {
  const ScriptedPeer peer(loop_, {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"});
  const auto answer = send({.url = peer.url("/")});
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, Errc::closed);
}

TEST_F(ClientTest, SkipsInterimAnswers) {
  const ScriptedPeer peer(loop_, {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                                  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"});
  EXPECT_EQ(send({.url = peer.url("/")}).value().body, "ok");
}

TEST_F(ClientTest, ABodyWithoutLengthEndsWithTheConnection) {
  const ScriptedPeer peer(loop_, {"HTTP/1.1 200 OK\r\n\r\nall of it"});
  EXPECT_EQ(send({.url = peer.url("/")}).value().body, "all of it");
}

TEST_F(ClientTest, NonsenseAndExcessAreErrors) {
  const ScriptedPeer peer(loop_, {"SMTP ready\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n" + std::string(500, 'x'),
                                  "HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'x')});
  EXPECT_EQ(send({.url = peer.url("/")}).error().code, Errc::parse_error);
  EXPECT_EQ(send({.url = peer.url("/"), .body_bytes_max = 100}).error().code, Errc::too_large);
  EXPECT_EQ(send({.url = peer.url("/")}).error().code, Errc::too_large);
}

// The peer answers as if it kept the connection, and closes it all the same.
TEST_F(ClientTest, RepeatsWhatIsHarmlessWhenAKeptConnectionDied) {
  const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  const ScriptedPeer peer(loop_, {ok, ok, ok});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(send({.url = peer.url("/")}).value().body, "ok");
  EXPECT_EQ(peer.requests().size(), 3U);
}

TEST_F(ClientTest, FollowsRedirectsOnlyWhenAskedAndKeepsSecretsAtHome) {
  start();
  const std::string elsewhere = "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + url("/echo") + "\r\n\r\n";
  const ScriptedPeer peer(loop_, {elsewhere, elsewhere, elsewhere});
  EXPECT_EQ(send({.url = peer.url("/")}).value().status, 302);
  const Headers secret{{"Authorization", "secret"}};
  EXPECT_EQ(send({.url = peer.url("/"), .headers = secret, .redirects_max = 3}).value().body, "GET nobody");
  EXPECT_EQ(send({.method = "POST", .url = peer.url("/"), .body = "b", .redirects_max = 3}).value().body, "GET nobody");
  EXPECT_EQ(send({.url = url("/echo"), .headers = secret}).value().body, "GET secret");
}

TEST_F(ClientTest, EndlessRedirectsAreRefused) {
  const std::string again = "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /again\r\n\r\n";
  const ScriptedPeer peer(loop_, {again, again, again, again});
  EXPECT_EQ(send({.url = peer.url("/"), .redirects_max = 2}).error().code, Errc::limit_exceeded);
}

TEST_F(ClientTest, GoesThroughAProxyExceptWhereToldNotTo) {
  start();
  const ScriptedPeer proxy(loop_, {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nproxy",
                                   "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"});
  Client client(loop_, {.http_proxy = proxy.url(""), .no_proxy = {"127.0.0.1"}});
  EXPECT_EQ(io::run_until(loop_, client.send({.url = "http://api.example/x?y"})).value().body, "proxy");
  EXPECT_THAT(proxy.requests()[0],
              ::testing::StartsWith("GET http://api.example/x?y HTTP/1.1\r\nHost: api.example\r\n"));
  const auto refused = io::run_until(loop_, client.send({.url = "https://api.example/x"}));
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr("refuses to connect to 'api.example:443': status 403"));
  EXPECT_THAT(proxy.requests()[1], ::testing::StartsWith("CONNECT api.example:443 HTTP/1.1\r\n"));
  EXPECT_EQ(io::run_until(loop_, client.send({.url = url("/echo")})).value().body, "GET nobody");
}

TEST_F(ClientTest, HearsARefusalWhileItIsStillSending) {
  start();
  const auto answer = send({.method = "POST", .url = url("/echo"), .body = std::string(20U << 20U, 'x')});
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ(answer->status, 413);
}

}  // namespace
}  // namespace compozy::http
