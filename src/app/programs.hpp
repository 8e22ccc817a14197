// SPDX-License-Identifier: Apache-2.0
//
// ProjectPrograms: the definitions of the project that this process serves, and what `.env` holds in them.
//
// A host variable enters an expression only as a SecretRef, and only when the definition names it and the host has it
// (so that `default` can stand in for one that is not there); activities put the value in. Immutable. Thread: any.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "project/project.hpp"
#include "workflow/run/activities.hpp"

namespace compozy::app {

class ProjectPrograms final : public workflow::Programs {
 public:
  static Result<std::unique_ptr<ProjectPrograms>> load(const project::Project& project);

  Result<std::shared_ptr<const workflow::Program>> latest(const std::string& workflow) override;
  Result<std::shared_ptr<const workflow::Program>> make(project::Workflow workflow) override;
  std::vector<std::shared_ptr<const workflow::Program>> all() override;
  std::vector<std::shared_ptr<const workflow::Program>> triggered_by(const std::string& signal) override;

 private:
  std::map<std::string, std::shared_ptr<const workflow::Program>, std::less<>> programs_;
};

// {NAME: SecretRef} for every `.env.NAME` that a definition mentions and the host has.
json::Value host_env_of(const project::Workflow& workflow);

}  // namespace compozy::app
