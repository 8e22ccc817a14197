// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "sandbox/sandbox.hpp"

namespace compozy::sandbox {

namespace {

// What makes a loader or an interpreter run code that the tool's author did not choose.
constexpr std::array<std::string_view, 10> kRefused{
    "NODE_OPTIONS", "BUN_CONFIG_PROFILE", "BUN_OPTIONS", "NODE_PATH", "PYTHONSTARTUP",
    "PYTHONPATH",   "PERL5OPT",           "RUBYOPT",     "BASH_ENV",  "ENV"};
constexpr std::array<std::string_view, 2> kRefusedPrefixes{"LD_", "DYLD_"};

bool is_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

std::string assignment(const std::string& name, const std::string& value) { return name + "=" + value; }

}  // namespace

Result<void> check_variable(std::string_view name, std::string_view value) {
  const std::string quoted = "environment variable '" + shorten(name, 100) + "'";
  if (!is_name(name)) {
    return fail(Errc::invalid_argument,
                quoted + ": a name consists of A-Z, 0-9 and _; did you mean '" + to_upper(shorten(name, 100)) + "'?");
  }
  const bool refused = std::find(kRefused.begin(), kRefused.end(), name) != kRefused.end() ||
                       std::any_of(kRefusedPrefixes.begin(), kRefusedPrefixes.end(),
                                   [name](std::string_view prefix) { return name.starts_with(prefix); });
  if (refused) return fail(Errc::permission_denied, quoted + " is refused: it changes which code a program loads");
  if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
    return fail(Errc::invalid_argument, quoted + ": its value holds a line break or a NUL byte");
  }
  return {};
}

Result<std::vector<std::string>> environment_of(const Spec& spec) {
  std::vector<std::string> environment;
  for (const auto& [name, value] : spec.environment) {
    TRY(check_variable(name, value));
    environment.push_back(assignment(name, value));
  }
  for (const auto& name : spec.inherited) {
    const bool given = std::any_of(spec.environment.begin(), spec.environment.end(),
                                   [&name](const auto& variable) { return variable.first == name; });
    const auto value = given ? std::nullopt : io::environment_variable(name);
    if (!value) continue;
    TRY(check_variable(name, *value));
    environment.push_back(assignment(name, *value));
  }
  return environment;
}

}  // namespace compozy::sandbox
