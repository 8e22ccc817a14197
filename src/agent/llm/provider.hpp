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
#include "http/client.hpp"
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

// The providers by name. Owner: the process. Thread: the loop.
class Providers {
 public:
  Providers(io::Loop& loop, http::Client& client);
  Result<Provider*> find(std::string_view name);  // not_found, with the nearest name

 private:
  std::map<std::string, std::unique_ptr<Provider>, std::less<>> by_name_;
};

}  // namespace compozy::agent
