// SPDX-License-Identifier: Apache-2.0
//
// OpenAI chat completions (platform.openai.com/docs/api-reference/chat), which many servers speak: llama.cpp, Ollama,
// vLLM, Groq, OpenRouter ... The encoder and the stream decoder are pure; OpenAiProvider drives them over HTTP.
#pragma once

#include <string>
#include <string_view>

#include "agent/llm/provider.hpp"

namespace compozy::agent {

inline constexpr size_t kAnswerBytesMax = 16U << 20U;
inline constexpr int64_t kRetryAfterMaxMs = 15 * 60 * 1'000;
inline constexpr size_t kToolCallsMax = 128;  // in one answer

// The request's body. `stream` asks for deltas and for the usage at the end.
json::Value encode_openai(const ModelRequest& request, bool stream);

// "https://host/v1" and "https://host/v1/chat/completions" both name the endpoint; empty is OpenAI's own.
std::string openai_endpoint(std::string_view api_url);

// Puts the deltas of one streamed answer together.
class OpenAiStream {
 public:
  // The data of one event; gives the text that it adds. "[DONE]" ends the stream.
  Result<std::string> feed(std::string_view data);
  bool is_done() const { return done_; }
  bool has_finish() const { return !answer_.finish_reason.empty(); }
  // Errc::closed when the stream broke off before its end.
  Result<ModelAnswer> finish() &&;

 private:
  Result<void> take_calls(const json::Value& calls);

  ModelAnswer answer_;
  size_t bytes_ = 0;
  bool done_ = false;
};

// A whole answer, as servers give it that do not stream.
Result<ModelAnswer> decode_openai(const json::Value& body);

// An answer with an error status.
ModelFailure openai_failure(int status, std::string_view body, std::string_view retry_after, int64_t now_ms);

class OpenAiProvider final : public Provider {
 public:
  explicit OpenAiProvider(http::Client& client) : client_(client) {}
  io::Task<ModelReply> ask(ModelRequest request, DeltaSink on_delta, std::stop_token stop) override;

 private:
  io::Task<ModelReply> exchange(ModelRequest request, DeltaSink on_delta, std::stop_token stop);

  http::Client& client_;
};

}  // namespace compozy::agent
