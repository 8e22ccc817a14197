// SPDX-License-Identifier: Apache-2.0
#include "agent/llm/provider.hpp"

#include "agent/llm/mock.hpp"
#include "agent/llm/openai.hpp"

namespace compozy::agent {

Providers::Providers(io::Loop& loop, http::Client& client) {
  by_name_.emplace("openai", std::make_unique<OpenAiProvider>(client));
  by_name_.emplace("mock", std::make_unique<MockProvider>(loop));
}

Result<Provider*> Providers::find(std::string_view name) {
  if (auto found = by_name_.find(name); found != by_name_.end()) return found->second.get();
  std::vector<std::string> names;
  names.reserve(by_name_.size());
  for (const auto& [known, provider] : by_name_) names.push_back(known);
  return fail(Errc::not_found, "no model provider '" + std::string(name) + "'" + did_you_mean(name, names));
}

}  // namespace compozy::agent
