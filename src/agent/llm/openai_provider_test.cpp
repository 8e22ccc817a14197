// SPDX-License-Identifier: Apache-2.0
#include "agent/llm/openai.hpp"
#include "http/server.hpp"
#include "http/sse.hpp"
#include "io/timer.hpp"
#include "json/parse.hpp"

namespace compozy::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class OpenAiProviderTest : public ::testing::Test {
 protected:
  void serve(std::function<http::Response(const http::Request&)> answer) {
    router_.add("POST", "/v1/chat/completions",
                [answer](http::Request request) -> io::Task<http::Response> { co_return answer(request); });
    auto listener = io::listen_tcp(loop_, "127.0.0.1", 0).value();
    port_ = listener->port();
    server_ = std::make_unique<http::Server>(loop_, std::move(router_), http::ServerOptions{});
    server_->listen(std::move(listener));
  }
  void TearDown() override {
    if (server_) io::run_until(loop_, server_->stop(0));
  }
  ModelReply ask() {
    ModelRequest request;
    request.model = {.model = "m", .api_key = "sesame", .api_url = "http://127.0.0.1:" + std::to_string(port_) + "/v1"};
    request.messages = {{.role = Role::user, .content = "hi"}};
    OpenAiProvider provider(client_);
    return io::run_until(loop_,
                         provider.ask(request, [this](std::string_view text) { deltas_.emplace_back(text); }, {}));
  }

  io::Loop loop_;
  http::Router router_;
  std::unique_ptr<http::Server> server_;
  uint16_t port_ = 1;
  http::Client client_{loop_, {}};
  std::vector<std::string> deltas_;
};

TEST_F(OpenAiProviderTest, StreamsDeltasAndCollectsTheAnswer) {
  std::string key, body;
  serve([&](const http::Request& request) {
    key = request.headers.get("Authorization").value_or("");
    body = request.body;
    return http::Response::stream(200, "text/event-stream", [](http::BodyWriter& out) -> io::Task<Result<void>> {
      CO_TRY(co_await out.write(
          "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null}}]}\n\ndata: {\"choi"));
      CO_TRY(co_await out.write("ces\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\n"));
      CO_TRY(
          co_await out.write("data: {\"choices\":[{\"delta\":{\"content\":\"lo\"},\"finish_reason\":\"stop\"}]}\n\n"));
      CO_TRY(co_await out.write(
          "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n"));
      co_return {};
    });
  });
  auto reply = ask();
  ASSERT_TRUE(reply) << reply.error().error.to_string();
  EXPECT_EQ(reply->text, "Hello");
  EXPECT_EQ(reply->usage.total_tokens, 3);
  EXPECT_THAT(deltas_, ElementsAre("Hel", "lo"));
  EXPECT_EQ(key, "Bearer sesame");
  EXPECT_EQ((*json::parse(body))["model"].as_string(), "m");
}

TEST_F(OpenAiProviderTest, TakesAnAnswerThatIsNotStreamed) {
  serve([](const http::Request&) {
    return http::Response::json(200, R"({"choices":[{"message":{"content":"whole"},"finish_reason":"stop"}]})");
  });
  EXPECT_EQ(ask()->text, "whole");
  EXPECT_THAT(deltas_, ElementsAre("whole"));
}

TEST_F(OpenAiProviderTest, ReportsABrokenStreamAsWorthAnotherTry) {
  serve([](const http::Request&) {
    return http::Response::stream(200, "text/event-stream", [](http::BodyWriter& out) -> io::Task<Result<void>> {
      CO_TRY(co_await out.write("data: {\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\n"));
      co_return {};
    });
  });
  auto reply = ask();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind, ModelFailure::Kind::retry);
}

TEST_F(OpenAiProviderTest, PassesOnWhatTheProviderSays) {
  serve([](const http::Request&) {
    http::Response out = http::Response::json(429, R"({"error":{"message":"slow down"}})");
    out.headers.set("Retry-After", "3");
    return out;
  });
  auto reply = ask();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind, ModelFailure::Kind::unavailable);
  EXPECT_EQ(reply.error().retry_after_ms, 3'000);
  EXPECT_THAT(reply.error().error.message, HasSubstr("slow down"));
}

TEST_F(OpenAiProviderTest, NeverRepeatsTheKeyThatAServerSendsBack) {
  serve([](const http::Request& request) {
    const std::string sent(request.headers.get("Authorization").value_or(""));
    return http::Response::json(401, R"({"error":{"message":"Incorrect API key: )" + sent + "\"}}");
  });
  auto reply = ask();
  ASSERT_FALSE(reply);
  EXPECT_THAT(reply.error().error.message, HasSubstr("Incorrect API key: Bearer [api_key]"));
}

TEST_F(OpenAiProviderTest, CountsOfTokensThatCannotBeAreCut) {
  serve([](const http::Request&) {
    return http::Response::json(
        200, R"({"choices":[{"message":{"content":"hi"}}],"usage":{"prompt_tokens":9223372036854775807,)"
             R"("completion_tokens":9223372036854775807,"total_tokens":-5}})");
  });
  auto reply = ask();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->usage.prompt_tokens, 1'000'000'000);
  EXPECT_EQ(reply->usage.total_tokens, 2'000'000'000);
}

TEST_F(OpenAiProviderTest, IsUnavailableWhenNobodyListens) {
  auto reply = ask();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind, ModelFailure::Kind::unavailable);
}

}  // namespace
}  // namespace compozy::agent
