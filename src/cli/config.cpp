// SPDX-License-Identifier: Apache-2.0
#include "cli/command.hpp"
#include "cli/output.hpp"
#include "config/mode.hpp"
#include "json/print.hpp"

namespace compozy::cli {

namespace {

std::string counted(size_t n, const char* thing) { return std::to_string(n) + " " + thing + (n == 1 ? "" : "s"); }

}  // namespace

Result<void> run_config_show(Invocation& invocation) {
  TRY(const Settings settings,
      load_settings(invocation.value("--cwd"), invocation.config_flags(), invocation.ports().getenv));
  const json::Value all = settings.config.show();
  if (invocation.json()) {
    print_json(all);
    return {};
  }
  std::vector<std::vector<std::string>> rows{{"KEY", "VALUE", "FROM"}};
  for (const auto& [path, setting] : all.as_object()) {
    const json::Value& value = setting["value"];
    rows.push_back({path,
                    value.is_null()     ? "-"
                    : value.is_string() ? value.as_string()
                                        : json::print(value),
                    setting["source"].string_or("")});
  }
  print_table(rows);
  for (const std::string& remark : settings.config.notes()) note("note: " + remark);
  for (const Error& error : settings.project.skipped) note("skipped: " + error.to_string());
  return {};
}

Result<void> run_config_validate(Invocation& invocation) {
  TRY(const Settings settings,
      load_settings(invocation.value("--cwd"), invocation.config_flags(), invocation.ports().getenv));
  const config::Modes modes = config::resolve_modes(settings.config);
  if (invocation.json()) {
    print_json(json::Value::object({{"valid", true},
                                    {"project", settings.project.name},
                                    {"workflows", static_cast<int64_t>(settings.project.workflows.size())},
                                    {"redis", config::mode_name(modes.redis)},
                                    {"temporal", config::mode_name(modes.temporal)}}));
  } else {
    line("valid: project '" + settings.project.name + "', " + counted(settings.project.workflows.size(), "workflow") +
         ", " + counted(settings.project.files.size(), "file"));
  }
  for (const std::string& remark : settings.config.notes()) note("note: " + remark);
  for (const Error& error : settings.project.skipped) note("skipped: " + error.to_string());
  return {};
}

Result<void> run_config_explain(Invocation& invocation) {
  TRY(const Settings settings,
      load_settings(invocation.value("--cwd"), invocation.config_flags(), invocation.ports().getenv));
  TRY(const std::string text, settings.config.explain(invocation.positional(0)));
  if (!invocation.json()) {
    line(text.substr(0, text.size() - 1));
    return {};
  }
  const config::Key& key = *config::find_key(invocation.positional(0));
  json::Value candidates = json::Value::array();
  for (const config::Candidate& candidate : settings.config.candidates(key.path)) {
    candidates.push_back(
        json::Value::object({{"value", key.secret ? "***" : candidate.text}, {"source", candidate.origin}}));
  }
  print_json(json::Value::object({{"key", key.path},
                                  {"type", config::type_name(key.type)},
                                  {"help", key.help},
                                  {"candidates", std::move(candidates)}}));
  return {};
}

Result<void> run_version(Invocation& invocation) {
  if (invocation.json()) {
    print_json(json::Value::object({{"version", invocation.ports().version}}));
  } else {
    line("compozy " + invocation.ports().version);
  }
  return {};
}

}  // namespace compozy::cli
