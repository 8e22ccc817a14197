// SPDX-License-Identifier: Apache-2.0
//
// Provider: asks a model once. Retrying is the caller's (ModelFailure says whether it makes sense).
// To add one: a file with its encoder and decoder (pure), a Provider around them, and a row in provider.cpp.
#pragma once

#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "agent/llm/message.hpp"
#include "base/clock.hpp"
#include "http/client.hpp"
#include "io/limiter.hpp"
#include "io/loop.hpp"
#include "io/task.hpp"

namespace compozy::agent {

using ModelReply = std::expected<ModelAnswer, ModelFailure>;
using DeltaSink = std::function<void(std::string_view text)>;  // called as the model writes; may be empty

class Provider {
 public:
  virtual ~Provider() = default;
  virtual io::Task<ModelReply> ask(ModelRequest request, DeltaSink on_delta, std::stop_token stop) = 0;
};

struct Pace;

// The providers by name, each asked at the pace of llm/pacing.hpp; the defaults count for those behind a network.
// Owner: the process. Thread: the loop.
class Providers {
 public:
  Providers(io::Loop& loop, const Clock& clock, http::Client& client, const Pace& defaults);
  Result<Provider*> find(std::string_view name);  // not_found, with the nearest name

 private:
  io::Limiter limiter_;
  std::map<std::string, std::unique_ptr<Provider>, std::less<>> by_name_;
};

}  // namespace compozy::agent
