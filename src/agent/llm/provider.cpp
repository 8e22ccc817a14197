// SPDX-License-Identifier: Apache-2.0
#include "agent/llm/provider.hpp"

#include "agent/llm/mock.hpp"
#include "agent/llm/openai.hpp"
#include "agent/llm/pacing.hpp"

namespace compozy::agent {

Providers::Providers(io::Loop& loop, const Clock& clock, http::Client& client, const Pace& defaults)
    : limiter_(loop, clock) {
  const auto add = [this](const char* name, std::unique_ptr<Provider> provider, const Pace& pace) {
    by_name_.emplace(name, std::make_unique<PacedProvider>(std::move(provider), limiter_, pace));
  };
  add("openai", std::make_unique<OpenAiProvider>(client), defaults);
  add("mock", std::make_unique<MockProvider>(loop), {});
}

Result<Provider*> Providers::find(std::string_view name) {
  if (auto found = by_name_.find(name); found != by_name_.end()) return found->second.get();
  std::vector<std::string> names;
  names.reserve(by_name_.size());
  for (const auto& [known, provider] : by_name_) names.push_back(known);
  return fail(Errc::not_found, "no model provider '" + std::string(name) + "'" + did_you_mean(name, names));
}

}  // namespace compozy::agent
