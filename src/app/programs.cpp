// SPDX-License-Identifier: Apache-2.0
#include "app/programs.hpp"

#include <cctype>

#include "expression/secret.hpp"
#include "io/process.hpp"
#include "json/print.hpp"

namespace compozy::app {

json::Value host_env_of(const project::Workflow& workflow) {
  constexpr std::string_view kMark = ".env.";
  const std::string text = json::print(project::to_json(workflow));
  json::Value env = json::Value::object();
  for (size_t at = text.find(kMark); at != std::string::npos; at = text.find(kMark, at + 1)) {
    size_t end = at + kMark.size();
    while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) != 0 || text[end] == '_')) ++end;
    const std::string name = text.substr(at + kMark.size(), end - at - kMark.size());
    if (!name.empty() && io::environment_variable(name)) env.set(name, expression::secret_ref(name));
  }
  return env;
}

Result<std::unique_ptr<ProjectPrograms>> ProjectPrograms::load(const project::Project& project) {
  auto programs = std::make_unique<ProjectPrograms>();
  for (const project::Workflow& workflow : project.workflows) {
    TRY(auto program, programs->make(workflow));
    programs->programs_[workflow.id] = std::move(program);
  }
  return programs;
}

Result<std::shared_ptr<const workflow::Program>> ProjectPrograms::latest(const std::string& workflow) {
  const auto found = programs_.find(workflow);
  if (found != programs_.end()) return found->second;
  std::vector<std::string> ids;
  for (const auto& [id, program] : programs_) ids.push_back(id);
  return fail(Errc::not_found, "no workflow '" + workflow + "'" + did_you_mean(workflow, ids));
}

Result<std::shared_ptr<const workflow::Program>> ProjectPrograms::make(project::Workflow workflow) {
  json::Value env = host_env_of(workflow);
  return workflow::Program::load(std::move(workflow), std::move(env));
}

std::vector<std::shared_ptr<const workflow::Program>> ProjectPrograms::all() {
  std::vector<std::shared_ptr<const workflow::Program>> list;
  for (const auto& [id, program] : programs_) list.push_back(program);
  return list;
}

std::vector<std::shared_ptr<const workflow::Program>> ProjectPrograms::triggered_by(const std::string& signal) {
  std::vector<std::shared_ptr<const workflow::Program>> list;
  for (const auto& [id, program] : programs_) {
    for (const project::Trigger& trigger : program->workflow().triggers) {
      if (trigger.name == signal) list.push_back(program);
    }
  }
  return list;
}

}  // namespace compozy::app
