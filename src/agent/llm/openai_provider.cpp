// SPDX-License-Identifier: Apache-2.0
#include "agent/llm/openai.hpp"
#include "base/clock.hpp"
#include "base/text.hpp"
#include "http/sse.hpp"
#include "json/parse.hpp"
#include "json/print.hpp"

namespace compozy::agent {
namespace {

constexpr uint64_t kErrorBytesMax = 64U << 10U;
constexpr int64_t kFirstByteTimeoutMs = 300'000;  // a local model may read a long prompt for minutes

// Errors of the connection: the provider is away. Everything else that happens on the way is worth another try.
std::unexpected<ModelFailure> broken(Error error) {
  ModelFailure out;
  const bool is_away = error.code == Errc::unavailable || error.code == Errc::timeout;
  const bool is_ours =
      error.code == Errc::cancelled || error.code == Errc::invalid_argument || error.code == Errc::parse_error;
  out.kind = is_away   ? ModelFailure::Kind::unavailable
             : is_ours ? ModelFailure::Kind::final
                       : ModelFailure::Kind::retry;
  out.error = std::move(error).with_context("model provider");
  return std::unexpected(std::move(out));
}

http::ClientRequest make_request(const ModelRequest& request) {
  http::ClientRequest out;
  out.method = "POST";
  out.url = openai_endpoint(request.model.api_url);
  out.headers.set("Content-Type", "application/json");
  out.headers.set("Accept", "text/event-stream, application/json");
  if (!request.model.api_key.empty()) out.headers.set("Authorization", "Bearer " + request.model.api_key);
  if (!request.model.organization.empty()) out.headers.set("OpenAI-Organization", request.model.organization);
  out.body = json::print(encode_openai(request, true));
  out.first_byte_timeout_ms = kFirstByteTimeoutMs;
  return out;
}

io::Task<ModelReply> read_stream(http::ResponseStream& response, const DeltaSink& on_delta, std::stop_token stop) {
  http::SseParser events;
  OpenAiStream stream;
  while (!stream.is_done()) {
    auto piece = co_await response.read_body_chunk(stop);
    if (!piece) co_return broken(std::move(piece).error());
    if (piece->empty()) break;
    if (auto fed = events.feed(*piece); !fed) co_return broken(std::move(fed).error());
    while (auto event = events.next()) {
      auto text = stream.feed(event->data);
      if (!text) co_return broken(std::move(text).error());
      if (!text->empty() && on_delta) on_delta(*text);
      if (stream.is_done()) break;
    }
  }
  auto answer = std::move(stream).finish();
  if (!answer) co_return broken(std::move(answer).error());
  co_return *std::move(answer);
}

}  // namespace

io::Task<ModelReply> OpenAiProvider::ask(ModelRequest request, DeltaSink on_delta, std::stop_token stop) {
  const std::string key = request.model.api_key;
  ModelReply reply = co_await exchange(std::move(request), std::move(on_delta), std::move(stop));
  // Some servers repeat the key that they refuse. Errors are recorded and shown; keys are not.
  if (!reply && !key.empty()) reply.error().error.message = replace_all(reply.error().error.message, key, "[api_key]");
  co_return reply;
}

io::Task<ModelReply> OpenAiProvider::exchange(ModelRequest request, DeltaSink on_delta, std::stop_token stop) {
  auto response = co_await client_.open(make_request(request), stop);
  if (!response) co_return broken(std::move(response).error());
  const int status = (*response)->status();
  const http::Headers& headers = (*response)->headers();
  if (status < 200 || status >= 300) {
    const std::string retry_after(headers.get("Retry-After").value_or(""));
    auto body = co_await (*response)->read_all(kErrorBytesMax, stop);
    co_return std::unexpected(openai_failure(status, body ? *body : "", retry_after, system_clock().wall_ms()));
  }
  if (headers.get("Content-Type").value_or("").find("json") == std::string_view::npos) {
    co_return co_await read_stream(**response, on_delta, stop);
  }
  // A server that does not stream.
  auto body = co_await (*response)->read_all(kAnswerBytesMax, stop);
  if (!body) co_return broken(std::move(body).error());
  auto parsed = json::parse(*body);
  if (!parsed) co_return broken(Error{.code = Errc::provider_error, .message = "the model's answer is no JSON"});
  auto answer = decode_openai(*parsed);
  if (!answer) co_return broken(std::move(answer).error());
  if (on_delta && !answer->text.empty()) on_delta(answer->text);
  co_return *std::move(answer);
}

}  // namespace compozy::agent
